//! The law of the gate said once more, slowly, and random histories held against it.

use jiff::ToSpan;
use proptest::prelude::*;

use super::*;

fn days() -> impl Strategy<Value = Date> {
    (-80i64..80).prop_map(|offset| TODAY.checked_add(offset.days()).unwrap())
}

const NUMBERS: [&str; 4] = ["1", "02", "2", "A3"];

fn number() -> impl Strategy<Value = &'static str> {
    prop::sample::select(NUMBERS.to_vec())
}

fn scopes() -> impl Strategy<Value = Scope> {
    let some = [
        "*/*/..",
        "*/*/..",
        "medical/anonymized/..",
        "*/pseudonymized/..",
        "care/*/..",
    ];
    prop::sample::select(some.to_vec()).prop_map(|text| text.parse().unwrap())
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (number(), days(), 0..3u8).prop_map(|(n, day, v)| notice(n, day, &format!("v{v}"))),
        1 => (number(), days(), scopes()).prop_map(|(n, day, scope)| scoped_stop(n, day, scope)),
        1 => number().prop_map(held),
        1 => (number(), days()).prop_map(|(n, day)| consent(n, day, "*/*/..")),
        1 => (number(), number()).prop_map(|(from, into)| merged(from, into)),
        1 => (number(), days()).prop_map(|(n, on)| Event::Visited { chart: chart(n), on }),
        1 => (1u64..10).prop_map(revoked),
        1 => (1u64..10, 0..4u64).prop_map(|(import, entries)| Event::Part { import, entries }),
        1 => (1u64..10).prop_map(|import| Event::Whole { import }),
    ];
    prop::collection::vec(event, 0..10).prop_map(|mut events| {
        // A part is written together with the entries that it announces.
        let all = events.len();
        for (place, event) in events.iter_mut().enumerate() {
            if let Event::Part { entries, .. } = event {
                *entries = (*entries).min((all - place - 1) as u64);
            }
        }
        events
    })
}

fn terms() -> impl Strategy<Value = Terms> {
    let filing = prop::option::weighted(0.9, (days(), prop::option::weighted(0.1, days())));
    let contract = (
        filing,
        days(),
        prop::option::weighted(0.3, days()),
        30u16..60,
        prop::sample::select(vec!["anonymized", "anonymized", "anonymized+pseudonymized"]),
    )
        .prop_map(
            |(filing, effective_from, leaves_on, hold, products)| Contract {
                filing: filing.map(|(filed_on, revoked_on)| Filing {
                    reference: "1".parse().unwrap(),
                    filed_on,
                    revoked_on,
                }),
                products: products.parse().unwrap(),
                effective_from,
                leaves_on,
                hold_days: HoldDays::new(hold).unwrap(),
                ..contract()
            },
        );
    let changed = prop::option::weighted(0.3, days());
    let policy = prop::option::weighted(0.3, days());
    let mode = prop::bool::weighted(0.2);
    (prop::collection::vec(contract, 0..3), changed, policy, mode).prop_map(
        |(contracts, changed, policy, opt_in)| {
            let mut terms = State::open().terms;
            terms.contracts = contracts;
            if let Some(published_on) = changed {
                terms.documents[2] = NoticeDocument {
                    reopens: true,
                    ..text("v2", published_on)
                };
            }
            terms.policy = policy.map(|starts_on| VisitPolicy {
                starts_on,
                document: "v1".parse().unwrap(),
            });
            if opt_in {
                terms.mode = ConsentMode::OptIn;
            }
            terms
        },
    )
}

fn states() -> impl Strategy<Value = State> {
    (terms(), events()).prop_map(|(terms, events)| State {
        terms,
        events,
        today: TODAY,
    })
}

fn asked(fewest: usize) -> impl Strategy<Value = Vec<&'static str>> {
    let number = prop::sample::select(vec!["1", "02", "2", "A3", "4"]);
    prop::collection::vec(number, fewest..4)
}

/// The law of said once more, slowly, by walking through the history.
struct Law<'s> {
    state: &'s State,
    standing: Vec<&'s Event>,
}

impl<'s> Law<'s> {
    fn of(state: &'s State) -> Self {
        // The last word on an entry is that of the last entry that itself stands.
        let numbered: Vec<(u64, &Event)> = (1..).zip(&state.events).collect();
        let part_of = |number: u64| {
            let mut before = numbered.iter().filter(|(first, _)| *first <= number).rev();
            before.find_map(|(first, event)| match event {
                Event::Part { import, entries } => Some((*import, number <= first + entries)),
                _ => None,
            })
        };
        let mut revoked: Vec<u64> = Vec::new();
        for (number, event) in numbered.iter().rev() {
            if let Event::Revoked { entry, .. } = event
                && entry < number
                && !part_of(*number).is_some_and(|(_, inside)| inside)
                && !revoked.contains(number)
            {
                revoked.push(*entry);
            }
        }
        let standing = (1..)
            .zip(&state.events)
            .filter(|(number, _)| !revoked.contains(number))
            .filter(|(number, _)| match part_of(*number) {
                Some((import, true)) => {
                    let ends = |event: &&Event| **event == Event::Whole { import };
                    let mut ends = (1..).zip(&state.events).filter(|(_, event)| ends(event));
                    ends.next().is_some_and(|(end, _)| !revoked.contains(&end))
                }
                _ => true,
            })
            .map(|(_, event)| event)
            .collect();
        Self { state, standing }
    }

    fn contract(&self) -> Option<&Contract> {
        let today = self.state.today;
        let stands = |one: &&Contract| {
            let left = one.leaves_on.is_some_and(|left| left <= today);
            let filed = one.filing.as_ref().is_some_and(|filing| {
                filing.filed_on <= today && filing.revoked_on.is_none_or(|day| day > today)
            });
            one.effective_from <= today && !left && filed
        };
        self.state.terms.contracts.iter().find(stands)
    }

    fn bare(number: &str) -> String {
        number.trim_start_matches('0').to_owned()
    }

    /// Every number that is the same person as this one by spelling or by merging.
    fn aliases(&self, number: &str) -> Vec<String> {
        let mut known = vec![Self::bare(number)];
        loop {
            let before = known.len();
            for event in &self.standing {
                if let Event::Merged { from, into } = event {
                    let pair = [Self::bare(from.expose()), Self::bare(into.expose())];
                    if pair.iter().any(|one| known.contains(one)) {
                        known.extend(pair);
                        known.sort();
                        known.dedup();
                    }
                }
            }
            if known.len() == before {
                return known;
            }
        }
    }

    fn withheld(&self, number: &str, products: Products) -> bool {
        let aliases = self.aliases(number);
        self.standing.iter().any(|event| match event {
            Event::Stopped(stop) => {
                aliases.contains(&Self::bare(stop.chart.expose()))
                    && stop.scope.domains == Domains::ALL
                    && stop.scope.products.meets(products)
            }
            Event::Held { chart, .. } => aliases.contains(&Self::bare(chart.expose())),
            _ => false,
        })
    }

    /// Whether a text names the products and no later one that is out changed the law's items.
    fn text_suffices(&self, version: &str, told_on: Date, products: Products) -> bool {
        let texts = &self.state.terms.documents;
        let Some(known) = texts.iter().find(|one| one.version.as_str() == version) else {
            return false;
        };
        let newer = |one: &&NoticeDocument| one.reopens && one.published_on > known.published_on;
        let out = texts
            .iter()
            .filter(newer)
            .any(|one| one.published_on <= TODAY);
        known.products.holds_all(products) && known.published_on <= told_on && !out
    }

    fn grounded(&self, number: &str, contract: &Contract) -> bool {
        let (today, products) = (self.state.today, contract.products);
        let long_ago = |day: Date| {
            let days = i64::from((today - day).get_days());
            days >= i64::from(contract.hold_days.get())
        };
        let opt_in = self.state.terms.mode == ConsentMode::OptIn;
        self.standing.iter().any(|event| match event {
            Event::Consented(consent) if opt_in => {
                consent.chart.expose() == number
                    && consent.given_on <= today
                    && self.text_suffices(consent.document.as_str(), consent.given_on, products)
            }
            Event::Notified(notice) if !opt_in => {
                let (version, day) = (notice.document.as_str(), notice.notified_on);
                notice.chart.expose() == number
                    && long_ago(day)
                    && self.text_suffices(version, day, products)
            }
            Event::Visited { chart, on } if !opt_in => {
                self.state.terms.policy.as_ref().is_some_and(|policy| {
                    chart.expose() == number
                        && policy.starts_on <= *on
                        && long_ago(*on)
                        && self.text_suffices(policy.document.as_str(), *on, products)
                })
            }
            _ => false,
        })
    }

    fn allows(&self, asked: &[&str]) -> bool {
        self.contract().is_some_and(|contract| {
            let allowed = |number: &&str| {
                !self.withheld(number, contract.products) && self.grounded(number, contract)
            };
            !asked.is_empty() && asked.iter().all(allowed)
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6000))]

    /// the gate opens exactly when every term holds, whatever happened before.
    #[test]
    fn the_gate_opens_exactly_when_every_term_holds(state in states(), asked in asked(0)) {
        prop_assert_eq!(state.decide(&asked).is_ok(), Law::of(&state).allows(&asked));
    }

    /// A-052, B-010: whatever was said before, a late stop wins, and where the site may provide at
    /// all it is the reason told.
    #[test]
    fn a_late_stop_always_wins(state in states(), asked in asked(1), which: prop::sample::Index) {
        let mut stopped = state.clone();
        stopped.events.push(stop(which.get::<&str>(&asked), TODAY));
        let answer = stopped.decide(&asked);
        let site_closed = state.gate().contract().is_none();
        prop_assert!(answer.is_err());
        prop_assert_eq!(answer == Err(Withheld::Stopped), !site_closed);
    }

    /// P-24: of entries that take nothing back, the order changes nothing.
    #[test]
    fn order_changes_nothing(state in states(), asked in asked(0)) {
        let mut state = state;
        state.events.retain(|event| event.chart().is_some());
        let mut turned = state.clone();
        turned.events.reverse();
        let backwards: Vec<_> = asked.iter().rev().copied().collect();
        prop_assert_eq!(state.decide(&asked), turned.decide(&backwards));
    }

    /// the events are kept as text; what was decided can be decided again from it.
    #[test]
    fn a_history_kept_as_text_decides_as_before(state in states(), asked in asked(1)) {
        let mut kept = state.clone();
        kept.events = state
            .events
            .iter()
            .map(|event| Event::decode(&event.encode()).unwrap())
            .collect();
        prop_assert_eq!(&kept.events, &state.events);
        prop_assert_eq!(state.decide(&asked), kept.decide(&asked));
    }
}
