#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod arrival;
mod evidence;
mod law;
mod scope;

use std::sync::Arc;

use jiff::civil::date;
use record::kind::DataKind;

use super::*;
use crate::fixtures::{self, chart};

const TODAY: Date = date(2024, 6, 15);

const HEAD: LedgerHead = LedgerHead {
    digest: [1; 32],
    entries: 7,
};

fn notice(number: &str, notified_on: Date, document: &str) -> Event {
    Event::Notified(Notice {
        chart: chart(number),
        notified_on,
        document: document.parse().unwrap(),
        method: NoticeMethod::Letter,
        sixteen_on: None,
    })
}

fn stop(number: &str, requested_on: Date) -> Event {
    scoped_stop(number, requested_on, Scope::ALL)
}

fn scoped_stop(number: &str, requested_on: Date, scope: Scope) -> Event {
    Event::Stopped(Stop {
        chart: chart(number),
        requested_on,
        requester: Requester::Bereaved,
        channel: Channel::Paper,
        verification: Verification::Unverified,
        scope,
    })
}

fn consent(number: &str, given_on: Date, scope: &str) -> Event {
    Event::Consented(Consent {
        chart: chart(number),
        given_on,
        document: "v1".parse().unwrap(),
        scope: scope.parse().unwrap(),
    })
}

fn merged(from: &str, into: &str) -> Event {
    Event::Merged {
        from: chart(from),
        into: chart(into),
    }
}

fn held(number: &str) -> Event {
    Event::Held {
        order: "S-1".parse().unwrap(),
        chart: chart(number),
    }
}

fn revoked(entry: u64) -> Event {
    Event::Revoked {
        entry,
        ground: Ground::Mistake,
    }
}

fn contract() -> Contract {
    Contract {
        id: "K-2024-01".parse().unwrap(),
        kind: ContractKind::Individual,
        filing: Some(Filing {
            reference: "府科事第12号".parse().unwrap(),
            filed_on: date(2024, 1, 10),
            revoked_on: None,
        }),
        products: Products::of(&[Product::Anonymized]),
        effective_from: date(2024, 4, 1),
        leaves_on: None,
        hold_days: HoldDays::default(),
    }
}

fn text(version: &str, published_on: Date) -> NoticeDocument {
    NoticeDocument {
        version: version.parse().unwrap(),
        published_on,
        products: Products::of(&[Product::Anonymized]),
        reopens: false,
    }
}

/// A state in which every term holds for chart number `1001`.
#[derive(Debug, Clone)]
struct State {
    terms: Terms,
    events: Vec<Event>,
    today: Date,
}

impl State {
    fn open() -> Self {
        let documents = ["v0", "v1", "v2"].map(|version| text(version, date(2000, 1, 1)));
        Self {
            terms: Terms {
                contracts: vec![contract()],
                documents: documents.into(),
                policy: None,
                mode: ConsentMode::OptOut,
            },
            events: vec![notice("1001", date(2024, 4, 1), "v1")],
            today: TODAY,
        }
    }

    fn gate(&self) -> Gate {
        let standing = self.events.iter().cloned().collect();
        Gate::new(self.terms.clone(), standing, HEAD, self.today)
    }

    fn decide(&self, charts: &[&str]) -> Result<String, Withheld> {
        let charts: Vec<_> = charts.iter().map(|text| chart(text)).collect();
        self.gate()
            .decide(&charts)
            .map(|pass| pass.document().to_string())
    }

    fn contract(&mut self) -> &mut Contract {
        &mut self.terms.contracts[0]
    }

    fn told(&mut self) -> &mut Notice {
        match &mut self.events[0] {
            Event::Notified(notice) => notice,
            _ => panic!("the first event is a notice"),
        }
    }
}

fn reading(number: &str, claimed: &[&str]) -> Reading {
    let claimed = claimed.iter().map(|text| chart(text)).collect();
    Reading {
        claimed,
        ..fixtures::reading(number, DataKind::Adt00, Vec::new())
    }
}

/// B-014.
#[test]
fn each_single_term_closes_the_gate() {
    let with = |change: fn(&mut State)| {
        let mut state = State::open();
        change(&mut state);
        state.decide(&["1001"]).map(drop)
    };
    type Case = (fn(&mut State), Result<(), Withheld>);
    let tomorrow = date(2024, 6, 16);
    assert_eq!(tomorrow, TODAY.tomorrow().unwrap());
    let cases: [Case; 19] = [
        (|_| (), Ok(())),
        (|s| s.terms.contracts.clear(), Err(Withheld::NoContract)),
        (
            |s| s.contract().effective_from = date(2024, 6, 16),
            Err(Withheld::ContractNotActive),
        ),
        (|s| s.contract().effective_from = TODAY, Ok(())),
        (
            |s| s.contract().leaves_on = Some(TODAY),
            Err(Withheld::ContractNotActive),
        ),
        (|s| s.contract().leaves_on = Some(date(2024, 6, 16)), Ok(())),
        (|s| s.contract().filing = None, Err(Withheld::NoFiling)),
        (
            |s| s.contract().filing.as_mut().unwrap().filed_on = date(2024, 6, 16),
            Err(Withheld::NoFiling),
        ),
        (
            |s| s.contract().filing.as_mut().unwrap().filed_on = TODAY,
            Ok(()),
        ),
        (
            |s| s.contract().filing.as_mut().unwrap().revoked_on = Some(TODAY),
            Err(Withheld::NoFiling),
        ),
        (
            |s| s.contract().filing.as_mut().unwrap().revoked_on = Some(date(2024, 6, 16)),
            Ok(()),
        ),
        (|s| s.events.clear(), Err(Withheld::NotNotified)),
        (
            |s| s.told().notified_on = date(2024, 6, 16),
            Err(Withheld::NotNotified),
        ),
        (|s| s.told().notified_on = TODAY, Err(Withheld::HoldRunning)),
        (
            |s| s.contract().hold_days = HoldDays::new(76).unwrap(),
            Err(Withheld::HoldRunning),
        ),
        (
            |s| s.contract().hold_days = HoldDays::new(75).unwrap(),
            Ok(()),
        ),
        (
            |s| s.events.push(stop("1001", TODAY)),
            Err(Withheld::Stopped),
        ),
        (
            |s| s.events.push(held("1001")),
            Err(Withheld::DecisionPending),
        ),
        (
            |s| s.contract().products = Products::ALL,
            Err(Withheld::NoticeOutdated),
        ),
    ];
    for (place, (change, answer)) in cases.into_iter().enumerate() {
        assert_eq!(with(change), answer, "case {place}");
    }
}

/// a site with several contracts provides under one that is in force and filed.
#[test]
fn of_several_contracts_the_first_that_is_in_force_and_filed_is_provided_under() {
    let mut state = State::open();
    let mut other = contract();
    other.id = "K-2024-00".parse().unwrap();
    other.kind = ContractKind::Collective;
    other.leaves_on = Some(TODAY);
    state.terms.contracts.push(other);
    let id = |state: &State| state.gate().contract().map(|one| one.id.to_string());
    assert_eq!(id(&state).as_deref(), Some("K-2024-01"));
    state.terms.contracts[1].leaves_on = Some(date(2024, 6, 16));
    assert_eq!(id(&state).as_deref(), Some("K-2024-00"));
    state.terms.contracts[1].leaves_on = Some(TODAY);
    state.terms.contracts[0].filing = None;
    assert_eq!(id(&state), None);
    assert_eq!(state.decide(&["1001"]), Err(Withheld::NoFiling));
}

/// B-001: the day of the notice is day 0, the first day of provision is day 30.
#[test]
fn the_hold_ends_on_day_30_across_months_and_leap_days() {
    for (notified_on, first_day) in [
        (date(2024, 4, 1), date(2024, 5, 1)),
        (date(2024, 4, 30), date(2024, 5, 30)),
        (date(2024, 5, 31), date(2024, 6, 30)),
        (date(2024, 12, 31), date(2025, 1, 30)),
        (date(2024, 1, 30), date(2024, 2, 29)),
        (date(2024, 1, 31), date(2024, 3, 1)),
        (date(2025, 1, 30), date(2025, 3, 1)),
        (date(2024, 2, 29), date(2024, 3, 30)),
    ] {
        let on = |offset: i64| {
            let mut state = State::open();
            state.contract().effective_from = date(2020, 1, 1);
            state.contract().filing.as_mut().unwrap().filed_on = date(2020, 1, 1);
            state.told().notified_on = notified_on;
            state.today = notified_on.checked_add(offset.days()).unwrap();
            (state.today, state.decide(&["1001"]).err())
        };
        assert_eq!(on(0).1, Some(Withheld::HoldRunning), "{notified_on}");
        assert_eq!(on(29).1, Some(Withheld::HoldRunning), "{notified_on}");
        assert_eq!(on(30), (first_day, None), "{notified_on}");
        assert_eq!(on(31).1, None, "{notified_on}");
    }
}

/// B-002: the first visit on or after the start of the notice is day 0.
#[test]
fn notice_by_policy_starts_with_the_first_visit_from_its_day_on() {
    let visited = |day| Event::Visited {
        chart: chart("1001"),
        on: day,
    };
    for (visits, answer) in [
        (vec![], Err(Withheld::NotNotified)),
        (vec![date(2024, 4, 30)], Err(Withheld::NotNotified)),
        (vec![date(2024, 5, 1)], Ok("v2".to_owned())),
        (vec![date(2024, 5, 16)], Ok("v2".to_owned())),
        (vec![date(2024, 5, 17)], Err(Withheld::HoldRunning)),
        (
            vec![date(2024, 5, 17), date(2024, 4, 30)],
            Err(Withheld::HoldRunning),
        ),
        (
            vec![date(2024, 5, 17), date(2024, 5, 2)],
            Ok("v2".to_owned()),
        ),
    ] {
        let mut state = State::open();
        state.terms.policy = Some(VisitPolicy {
            starts_on: date(2024, 5, 1),
            document: "v2".parse().unwrap(),
        });
        state.events = visits.iter().map(|day| visited(*day)).collect();
        assert_eq!(state.decide(&["1001"]), answer, "{visits:?}");
        state.terms.policy = None;
        assert_eq!(state.decide(&["1001"]), Err(Withheld::NotNotified));
    }
}

/// B-008: a text whose lawful items changed re-opens the hold for those who were told before.
#[test]
fn a_text_that_changes_what_the_law_fixes_asks_for_a_new_notice() {
    let mut state = State::open();
    state.terms.documents[2] = NoticeDocument {
        reopens: true,
        ..text("v2", date(2024, 5, 1))
    };
    assert_eq!(state.decide(&["1001"]), Err(Withheld::NoticeOutdated));
    state.events.push(notice("1001", date(2024, 5, 20), "v2"));
    assert_eq!(state.decide(&["1001"]), Err(Withheld::HoldRunning));
    state.today = date(2024, 6, 19);
    assert_eq!(state.decide(&["1001"]), Ok("v2".to_owned()));
    // Before it is out it changes nothing, and it cannot have been handed out then.
    state.today = date(2024, 6, 15);
    state.terms.documents[2].published_on = date(2024, 6, 16);
    assert_eq!(state.decide(&["1001"]), Ok("v1".to_owned()));
    state.events = vec![notice("1001", date(2024, 4, 20), "v2")];
    assert_eq!(state.decide(&["1001"]), Err(Withheld::NoticeOutdated));
    state.events = vec![notice("1001", date(2024, 4, 20), "v9")];
    assert_eq!(state.decide(&["1001"]), Err(Withheld::NoticeOutdated));
}

/// in an opt-in source only those who agreed pass, and a stop still wins.
#[test]
fn an_opt_in_source_provides_only_for_those_who_agreed() {
    let mut state = State::open();
    state.terms.mode = ConsentMode::OptIn;
    assert_eq!(state.decide(&["1001"]), Err(Withheld::NoConsent));
    for (event, passes) in [
        (consent("1001", TODAY, "*/*/.."), true),
        (consent("1001", TODAY, "*/anonymized/.."), true),
        (consent("1001", TODAY, "*/pseudonymized/.."), false),
        (consent("1001", date(2024, 6, 16), "*/*/.."), false),
        (consent("01001", TODAY, "*/*/.."), false),
    ] {
        let mut state = state.clone();
        state.events = vec![event];
        assert_eq!(state.decide(&["1001"]).is_ok(), passes);
        state.events.push(stop("1001", TODAY));
        assert_eq!(state.decide(&["1001"]), Err(Withheld::Stopped));
    }
}

#[test]
fn a_stop_for_a_merged_number_is_a_stop_for_every_number_of_the_person() {
    let mut state = State::open();
    state.events.push(merged("0900", "0800"));
    state.events.push(merged("0700", "0800"));
    state.events.push(merged("0700", "1001"));
    assert_eq!(state.decide(&["1001"]), Ok("v1".to_owned()));
    for event in [stop("900", TODAY), held("900")] {
        let mut state = state.clone();
        state.events.push(event);
        assert!(state.decide(&["1001"]).is_err());
        // Taking back the merge in the middle parts the person again.
        state.events.push(revoked(3));
        assert_eq!(state.decide(&["1001"]), Ok("v1".to_owned()));
    }
    // A notice of one number is no notice of another.
    assert_eq!(state.decide(&["0900"]), Err(Withheld::NotNotified));
}

/// an older number needs no notice, because it may be a stranger's; a stop under it in any
/// spelling withholds, before the sealing and when the ledger is asked once more.
#[test]
fn a_stop_under_an_older_number_withholds_whoever_tells_it() {
    let patient = || {
        let mut newer = reading("1001", &["1001"]);
        Arc::make_mut(&mut newer.identity).former = vec![chart("000770")];
        PatientReadings {
            chart: chart("1001"),
            readings: vec![reading("1001", &["1001"]), newer],
            doubtful: vec![chart("880")],
        }
    };
    let numbers = Numbers::of(&patient());
    assert_eq!(numbers.doubtful, [chart("000770"), chart("880")]);
    let day = date(2024, 4, 1);
    let limited = scoped_stop("770", day, "care/*/..".parse().unwrap());
    for (event, answer) in [
        (None, Ok(false)),
        (Some(stop("770", day)), Err(Withheld::Stopped)),
        (Some(stop("７-７０", day)), Err(Withheld::Stopped)),
        (Some(held("770")), Err(Withheld::DecisionPending)),
        (Some(limited), Ok(true)),
        (Some(stop("771", day)), Ok(false)),
    ] {
        let mut state = State::open();
        state.events.extend(event);
        let gate = state.gate();
        let limited = |pass: Pass| !pass.limits().is_empty();
        let screened = gate
            .screen(patient())
            .map(|one| limited(one.pass().clone()));
        assert_eq!(screened, answer);
        assert_eq!(gate.decide_again(&numbers).map(limited), answer);
    }
}

/// B-011: a decision takes back what was held for those who were not meant.
#[test]
fn whoever_an_ambiguous_order_could_mean_is_withheld_until_somebody_decides() {
    let mut state = State::open();
    state.events.push(notice("1002", date(2024, 4, 1), "v1"));
    state.events.extend([held("1001"), held("1002")]);
    for number in ["1001", "1002"] {
        assert_eq!(state.decide(&[number]), Err(Withheld::DecisionPending));
    }
    let other = |entry| Event::Revoked {
        entry,
        ground: Ground::OtherPerson,
    };
    state
        .events
        .extend([stop("1002", TODAY), other(3), other(4)]);
    assert_eq!(state.decide(&["1001"]), Ok("v1".to_owned()));
    assert_eq!(state.decide(&["1002"]), Err(Withheld::Stopped));
}

#[test]
fn an_entry_that_is_taken_back_counts_no_more_and_none_can_be_taken_back_ahead() {
    let mut state = State::open();
    state.events.push(stop("1001", TODAY));
    state.events.push(revoked(2));
    assert_eq!(state.decide(&["1001"]), Ok("v1".to_owned()));
    state.events.push(stop("1001", TODAY));
    assert_eq!(state.decide(&["1001"]), Err(Withheld::Stopped));
    let mut ahead = State::open();
    ahead.events.extend([revoked(3), stop("1001", TODAY)]);
    assert_eq!(ahead.decide(&["1001"]), Err(Withheld::Stopped));
    // Whoever takes back the taking back has the stop again.
    let mut again = State::open();
    again
        .events
        .extend([stop("1001", TODAY), revoked(2), revoked(3)]);
    assert_eq!(again.decide(&["1001"]), Err(Withheld::Stopped));
    let mut own = State::open();
    own.events.push(revoked(1));
    assert_eq!(own.decide(&["1001"]), Err(Withheld::NotNotified));
}

/// the state at any past time is that of the entries until then.
#[test]
fn the_state_at_a_past_time_is_that_of_its_entries() {
    let mut state = State::open();
    state.events.extend([stop("1001", TODAY), revoked(2)]);
    let answers: Vec<_> = (0..=3)
        .map(|entries| {
            let mut past = state.clone();
            past.events.truncate(entries);
            past.decide(&["1001"]).is_ok()
        })
        .collect();
    assert_eq!(answers, [false, true, false, true]);
}

/// B-003.
#[test]
fn who_turns_16_is_to_be_told_again_until_it_is_done() {
    let mut state = State::open();
    state.told().sixteen_on = Some(TODAY);
    let due = |state: &State| state.gate().to_tell_again().len();
    assert_eq!(due(&state), 1);
    state.today = TODAY.yesterday().unwrap();
    assert_eq!(due(&state), 0);
    state.today = date(2024, 7, 1);
    state.events.push(notice("1001", date(2024, 6, 14), "v1"));
    assert_eq!(due(&state), 1);
    state.events.push(notice("1001", TODAY, "v1"));
    assert_eq!(due(&state), 0);
}

#[test]
fn an_entry_beyond_every_number_withholds_everybody_when_it_was_a_stop() {
    for (event, passes) in [
        (stop("5", TODAY), false),
        (held("5"), false),
        (merged("5", "6"), false),
        (notice("5", TODAY, "v1"), true),
    ] {
        let mut standing = Standing::default();
        standing.push(1, notice("1001", date(2024, 4, 1), "v1"));
        standing.push(u64::from(u32::MAX) + 1, event);
        let gate = Gate::new(State::open().terms, standing, HEAD, TODAY);
        assert_eq!(gate.decide(&[chart("1001")]).is_ok(), passes);
        assert_eq!(gate.entries(), HEAD.entries);
    }
}

#[test]
fn a_hold_can_be_lengthened_and_never_shortened() {
    for (days, valid) in [
        (0, false),
        (29, false),
        (30, true),
        (3650, true),
        (3651, false),
    ] {
        assert_eq!(HoldDays::new(days).is_ok(), valid, "{days}");
    }
    assert_eq!(HoldDays::default().get(), 30);
}

#[test]
fn a_hold_that_ends_after_the_last_representable_day_still_runs() {
    let mut state = State::open();
    state.told().notified_on = Date::MAX;
    state.today = Date::MAX;
    assert_eq!(state.decide(&["1001"]), Err(Withheld::HoldRunning));
}

/// B-009.
#[test]
fn the_earliest_notice_counts_and_later_ones_start_no_new_hold() {
    let first = notice("1001", date(2024, 4, 1), "v1");
    let second = notice("1001", date(2024, 6, 14), "v2");
    let same_day = notice("1001", date(2024, 4, 1), "v0");
    for notices in [
        vec![first.clone(), second.clone(), same_day.clone()],
        vec![second, same_day, first],
    ] {
        let state = State {
            events: notices,
            ..State::open()
        };
        assert_eq!(state.decide(&["1001"]), Ok("v0".to_owned()));
    }
}

#[test]
fn a_stop_counts_whatever_its_day_and_however_its_number_is_spelled() {
    for (number, day) in [
        ("0001001", date(2030, 1, 1)),
        ("1001", date(1990, 1, 1)),
        ("１００１", TODAY),
        (" 1001 ", TODAY),
        ("10-01", TODAY),
    ] {
        let mut state = State::open();
        state.events.push(stop(number, day));
        assert_eq!(state.decide(&["1001"]), Err(Withheld::Stopped), "{number}");
    }
    let mut state = State::open();
    state.events.push(stop("10010", TODAY));
    assert_eq!(state.decide(&["1001"]), Ok("v1".to_owned()));
}

#[test]
fn a_notice_counts_for_the_number_exactly_as_written() {
    for number in ["01001", "１００１", "1001 ", "1001x"] {
        assert_eq!(
            State::open().decide(&[number]),
            Err(Withheld::NotNotified),
            "{number}"
        );
    }
}

#[test]
fn every_number_of_a_person_must_pass_and_the_gravest_reason_is_told() {
    let mut state = State::open();
    state.events.push(notice("1002", date(2024, 5, 1), "v2"));
    state.events.push(notice("1003", date(2024, 6, 14), "v2"));
    state.events.push(stop("1004", TODAY));
    for (numbers, answer) in [
        (vec!["1001", "1002"], Ok("v2".to_owned())),
        (vec!["1001", "1003"], Err(Withheld::HoldRunning)),
        (vec!["1003", "unknown", "1001"], Err(Withheld::NotNotified)),
        (vec!["unknown", "1003", "1004"], Err(Withheld::Stopped)),
        (vec![], Err(Withheld::NotNotified)),
    ] {
        assert_eq!(state.decide(&numbers), answer, "{numbers:?}");
        let backwards: Vec<_> = numbers.iter().rev().copied().collect();
        assert_eq!(state.decide(&backwards), answer, "{backwards:?}");
    }
}

#[test]
fn screening_asks_about_every_number_that_the_readings_carry() {
    let mut state = State::open();
    state.events.push(stop("1004", TODAY));
    let gate = state.gate();
    let screen = |readings| {
        gate.screen(PatientReadings {
            chart: chart("1001"),
            readings,
            doubtful: Vec::new(),
        })
        .map(|s| s.value().readings.len())
    };
    assert_eq!(screen(vec![]), Ok(0));
    assert_eq!(screen(vec![reading("1001", &["1001"])]), Ok(1));
    assert_eq!(screen(vec![reading("1004", &[])]), Err(Withheld::Stopped));
    assert_eq!(
        screen(vec![reading("1001", &["1001", "1004"])]),
        Err(Withheld::Stopped)
    );
    assert_eq!(
        screen(vec![reading("1001", &["9999"])]),
        Err(Withheld::NotNotified)
    );
}

/// Whose a file set aside is, nobody knows: another person's, then no notice of theirs is needed
/// here; or this person's under a second number, then a stop under it is theirs.
#[test]
fn a_doubtful_number_needs_no_notice_and_a_stop_under_it_withholds_the_person() {
    let mut state = State::open();
    state.events.push(stop("00-1004", TODAY));
    let screen = |state: &State, doubtful: &[&str]| {
        let patient = PatientReadings {
            chart: chart("1001"),
            readings: vec![reading("1001", &["1001"])],
            doubtful: doubtful.iter().map(|number| chart(number)).collect(),
        };
        state.gate().screen(patient).map(|_| ())
    };
    for (doubtful, answer) in [
        (&[][..], Ok(())),
        (&["9999"], Ok(())),
        (&["9999", "1004"], Err(Withheld::Stopped)),
        (&["１００４"], Err(Withheld::Stopped)),
    ] {
        assert_eq!(screen(&state, doubtful), answer, "{doubtful:?}");
    }
    state.events.push(held("1005"));
    assert_eq!(screen(&state, &["1005"]), Err(Withheld::DecisionPending));
    state.terms.contracts.clear();
    assert_eq!(screen(&state, &["1004"]), Err(Withheld::NoContract));
}

/// B-133.
#[test]
fn debug_output_shows_no_chart_number() {
    let state = State::open();
    let screened = state.gate().screen(PatientReadings {
        chart: chart("1001"),
        readings: vec![reading("1001", &["1001"])],
        doubtful: vec![chart("1001")],
    });
    let shown = format!(
        "{:?} {:?} {:?}",
        state.events,
        stop("1001", TODAY),
        screened
    );
    assert!(!shown.contains("1001"), "{shown}");
}

/// in memory a person takes at most 64 bytes, whether few or all said no.
#[test]
fn a_person_takes_at_most_64_bytes_whether_few_or_all_said_no() {
    const PERSONS: u32 = 200_000;
    for every in [1000, 1] {
        let number = |person: u32| format!("{person:010}");
        let told = (0..PERSONS).map(|person| notice(&number(person), date(2024, 4, 1), "v1"));
        let stopped = (0..PERSONS).filter(|person| person % every == 0);
        let stopped = stopped.map(|person| stop(&number(person), TODAY));
        let standing = told.chain(stopped).collect();
        let gate = Gate::new(State::open().terms, standing, HEAD, TODAY);
        let bytes = gate.bytes();
        assert!(bytes <= 64 * PERSONS as usize, "{bytes} bytes");
        let passed = (0..PERSONS).filter(|person| gate.decide(&[chart(&number(*person))]).is_ok());
        assert_eq!(passed.count() as u32, PERSONS - PERSONS.div_ceil(every));
    }
}

/// C-16: whoever is named here and was withheld before has to be read.
#[test]
fn those_who_pass_are_the_notified_of_whom_something_may_leave() {
    let mut state = State::open();
    state.events = vec![
        notice("1003", date(2024, 4, 1), "v1"),
        notice("1001", date(2024, 4, 1), "v1"),
        notice("1002", date(2024, 4, 1), "v1"),
        notice("1004", date(2024, 6, 1), "v1"),
        stop("1002", date(2024, 5, 1)),
    ];
    let passing: Vec<_> = state.gate().passing().collect();
    assert_eq!(passing, [chart("1001"), chart("1003")]);
    state.terms.contracts.clear();
    assert_eq!(state.gate().passing().count(), 0);
}

/// A-053, B-011: what left under a number is found by a later stop of any spelling and of any
/// number of the person.
#[test]
fn who_is_withdrawn_is_told_by_references_that_the_numbers_of_before_have() {
    let site = fixtures::Key::fixed(7);
    let limited: Scope = "medical/*/2020-01-01..".parse().unwrap();
    let mut world = State::open();
    world.events.extend([
        stop("000123", date(2024, 5, 1)),
        held("77"),
        merged("123", "900"),
        scoped_stop("55", date(2024, 5, 1), limited),
    ]);
    let gate = world.gate();
    let withdrawn: std::collections::BTreeMap<_, _> = gate.withdrawn(&site).collect();
    let of = |number: &str| {
        withdrawn
            .get(&NumberRef::of(&chart(number), &site))
            .copied()
    };
    for (number, reason) in [
        ("123", Some(Withheld::Stopped)),
        ("0123", Some(Withheld::Stopped)),
        ("0900", Some(Withheld::Stopped)),
        ("077", Some(Withheld::DecisionPending)),
        ("55", None),
        ("1", None),
    ] {
        assert_eq!(of(number), reason, "{number}");
    }
    let other = fixtures::Key::fixed(8);
    assert_eq!(withdrawn.get(&NumberRef::of(&chart("123"), &other)), None);
}

/// Asked again with the same numbers, the gate answers as it did when it screened.
#[test]
fn the_gate_answers_again_as_it_did() {
    let world = State::open();
    let patient = || PatientReadings {
        chart: chart("1001"),
        readings: vec![reading("1001", &["1001"])],
        doubtful: vec![chart("9")],
    };
    let numbers = Numbers::of(&patient());
    let gate = world.gate();
    let screened = gate
        .screen(patient())
        .map(|screened| screened.pass().clone());
    assert_eq!(gate.decide_again(&numbers), screened);
    for number in ["01001", "09"] {
        let mut later = State::open();
        later.events.push(stop(number, date(2024, 5, 1)));
        let decided = later.gate().decide_again(&numbers);
        assert_eq!(decided, Err(Withheld::Stopped), "{number}");
    }
}

/// P-23: each reason is told in Japanese, none like another.
#[test]
fn every_reason_to_withhold_has_a_japanese_text_of_its_own() {
    let texts: BTreeSet<_> = Withheld::ALL.iter().map(|reason| reason.ja()).collect();
    assert_eq!(texts.len(), Withheld::ALL.len());
    assert!(
        texts
            .iter()
            .all(|text| text.chars().count() > 3 && !text.is_ascii())
    );
}

/// with more kinds of limits than have a number, a further limited stop withholds everybody
/// rather than nobody; those that have one still count as they are.
#[test]
fn more_limits_than_can_be_numbered_let_nobody_pass() {
    let limited = |day: i32| {
        let from = date(1900, 1, 1).checked_add(day.days()).unwrap();
        let scope = Scope {
            from: Some(from),
            ..Scope::ALL
        };
        scoped_stop("2002", TODAY, scope)
    };
    for (limits, passes) in [(1 << 16, true), ((1 << 16) + 1, false)] {
        let mut state = State::open();
        state.events.extend((0..limits).map(limited));
        assert_eq!(state.decide(&["1001"]).is_ok(), passes, "{limits}");
    }
}

/// An entry takes back only what was said before it.
#[test]
fn nothing_takes_back_itself_or_what_is_still_to_come() {
    for (entry, stopped) in [(2, false), (3, true), (4, true)] {
        let mut state = State::open();
        state.events.extend([stop("1001", TODAY), revoked(entry)]);
        assert_eq!(state.decide(&["1001"]).is_err(), stopped, "{entry}");
    }
}
