#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use jiff::civil::date;
use proptest::prelude::*;
use record::kind::DataKind;

use super::*;
use crate::fixtures::{self, chart};

const TODAY: Date = date(2024, 6, 15);

fn notice(number: &str, notified_on: Date, document: &str) -> Notice {
    Notice {
        chart: chart(number),
        notified_on,
        document: document.parse().unwrap(),
        method: NoticeMethod::Letter,
    }
}

fn stop(number: &str, requested_on: Date) -> Stop {
    Stop {
        chart: chart(number),
        requested_on,
        requester: Requester::Bereaved,
    }
}

fn contract() -> Contract {
    Contract {
        id: "K-2024-01".parse().unwrap(),
        filing: Some(Filing {
            reference: "府科事第12号".parse().unwrap(),
            filed_on: date(2024, 1, 10),
        }),
        effective_from: date(2024, 4, 1),
        leaves_on: None,
        hold_days: HoldDays::default(),
    }
}

/// A state in which every term holds for chart number `1001`.
#[derive(Debug, Clone)]
struct State {
    contract: Option<Contract>,
    notices: Vec<Notice>,
    stops: Vec<Stop>,
    today: Date,
}

impl State {
    fn open() -> Self {
        Self {
            contract: Some(contract()),
            notices: vec![notice("1001", date(2024, 4, 1), "v1")],
            stops: Vec::new(),
            today: TODAY,
        }
    }

    fn gate(&self) -> Gate {
        let (notices, stops) = (self.notices.clone(), self.stops.clone());
        Gate::new(
            self.contract.clone(),
            notices,
            stops,
            [1; 32],
            [2; 32],
            self.today,
        )
    }

    fn decide(&self, charts: &[&str]) -> Result<String, Withheld> {
        let charts: Vec<_> = charts.iter().map(|text| chart(text)).collect();
        self.gate()
            .decide(&charts)
            .map(|pass| pass.document().to_string())
    }
}

fn reading(number: &str, claimed: &[&str]) -> Reading {
    let claimed = claimed.iter().map(|text| chart(text)).collect();
    Reading {
        claimed,
        ..fixtures::reading(number, DataKind::Adt00, Vec::new())
    }
}

///
#[test]
fn each_single_term_closes_the_gate() {
    let with = |change: fn(&mut State)| {
        let mut state = State::open();
        change(&mut state);
        state.decide(&["1001"])
    };
    let terms = |change: fn(&mut Contract)| {
        let mut state = State::open();
        change(state.contract.as_mut().unwrap());
        state.decide(&["1001"])
    };
    assert_eq!(with(|_| ()), Ok("v1".to_owned()));
    assert_eq!(with(|s| s.contract = None), Err(Withheld::NoContract));
    assert_eq!(
        terms(|c| c.effective_from = date(2024, 6, 16)),
        Err(Withheld::ContractNotActive)
    );
    assert_eq!(terms(|c| c.effective_from = TODAY), Ok("v1".to_owned()));
    assert_eq!(
        terms(|c| c.leaves_on = Some(TODAY)),
        Err(Withheld::ContractNotActive)
    );
    assert_eq!(
        terms(|c| c.leaves_on = Some(date(2024, 6, 16))),
        Ok("v1".to_owned())
    );
    assert_eq!(terms(|c| c.filing = None), Err(Withheld::NoFiling));
    assert_eq!(
        terms(|c| c.filing.as_mut().unwrap().filed_on = date(2024, 6, 16)),
        Err(Withheld::NoFiling)
    );
    assert_eq!(
        terms(|c| c.filing.as_mut().unwrap().filed_on = TODAY),
        Ok("v1".to_owned())
    );
    assert_eq!(with(|s| s.notices.clear()), Err(Withheld::NotNotified));
    assert_eq!(
        with(|s| s.notices[0].notified_on = date(2024, 6, 16)),
        Err(Withheld::NotNotified)
    );
    assert_eq!(
        with(|s| s.notices[0].notified_on = TODAY),
        Err(Withheld::HoldRunning)
    );
    assert_eq!(
        terms(|c| c.hold_days = HoldDays::new(76).unwrap()),
        Err(Withheld::HoldRunning)
    );
    assert_eq!(
        terms(|c| c.hold_days = HoldDays::new(75).unwrap()),
        Ok("v1".to_owned())
    );
    assert_eq!(
        with(|s| s.stops.push(stop("1001", TODAY))),
        Err(Withheld::Stopped)
    );
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
            state.contract.as_mut().unwrap().effective_from = date(2020, 1, 1);
            state
                .contract
                .as_mut()
                .unwrap()
                .filing
                .as_mut()
                .unwrap()
                .filed_on = date(2020, 1, 1);
            state.notices[0].notified_on = notified_on;
            state.today = notified_on.checked_add(offset.days()).unwrap();
            (state.today, state.decide(&["1001"]).err())
        };
        assert_eq!(on(0).1, Some(Withheld::HoldRunning), "{notified_on}");
        assert_eq!(on(29).1, Some(Withheld::HoldRunning), "{notified_on}");
        assert_eq!(on(30), (first_day, None), "{notified_on}");
        assert_eq!(on(31).1, None, "{notified_on}");
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
    state.notices[0].notified_on = Date::MAX;
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
            notices,
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
        state.stops.push(stop(number, day));
        assert_eq!(state.decide(&["1001"]), Err(Withheld::Stopped), "{number}");
    }
    let mut state = State::open();
    state.stops.push(stop("10010", TODAY));
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
    state.notices.push(notice("1002", date(2024, 5, 1), "v2"));
    state.notices.push(notice("1003", date(2024, 6, 14), "v2"));
    state.stops.push(stop("1004", TODAY));
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
    state.stops.push(stop("1004", TODAY));
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
    state.stops.push(stop("00-1004", TODAY));
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
    state.contract = None;
    assert_eq!(screen(&state, &["1004"]), Err(Withheld::NoContract));
}

/// B-007.
#[test]
fn evidence_of_a_sound_decision_holds_and_each_change_is_found() {
    let gate = State::open().gate();
    let mut tally = Tally::default();
    tally.pass(&gate.decide(&[chart("1001")]).unwrap());
    tally.pass(&gate.decide(&[chart("1001")]).unwrap());
    tally.withhold(Withheld::Stopped);
    let evidence = gate.evidence(&tally).unwrap();
    assert_eq!((evidence.passed(), tally.passed()), (2, 2));
    let terms = ContractTerms {
        contract: "K-2024-01".parse().unwrap(),
        filing: "府科事第12号".parse().unwrap(),
        effective_from: date(2024, 4, 1),
        leaves_on: Some(date(2024, 6, 16)),
    };
    assert_eq!(evidence.check(&terms, TODAY), Ok(()));
    assert_eq!(evidence.check(&terms, date(2024, 6, 14)), Ok(()));
    assert_eq!(
        evidence.check(&terms, date(2024, 6, 13)),
        Err(EvidenceFault::InFuture)
    );
    type Change = fn(&mut GateEvidence);
    let changes: [(Change, EvidenceFault); 9] = [
        (
            |e| e.contract = "K-2".parse().unwrap(),
            EvidenceFault::ContractDiffers,
        ),
        (
            |e| e.filing = "13".parse().unwrap(),
            EvidenceFault::FilingDiffers,
        ),
        (
            |e| e.filed_on = date(2024, 6, 16),
            EvidenceFault::FilingTooLate,
        ),
        (|e| e.hold_days = 29, EvidenceFault::HoldOutOfRange),
        (|e| e.hold_days = 3651, EvidenceFault::HoldOutOfRange),
        (
            |e| e.as_of = date(2024, 3, 31),
            EvidenceFault::OutsideContract,
        ),
        (
            |e| e.as_of = date(2024, 6, 16),
            EvidenceFault::OutsideContract,
        ),
        (
            |e| *e.documents.values_mut().next().unwrap() = 0,
            EvidenceFault::DocumentsImplausible,
        ),
        (
            |e| *e.withheld.entry(Withheld::NoFiling).or_default() += 1,
            EvidenceFault::Contradiction,
        ),
    ];
    for (change, fault) in changes {
        let mut changed = evidence.clone();
        change(&mut changed);
        assert_eq!(changed.check(&terms, TODAY), Err(fault));
    }
}

#[test]
fn there_is_no_evidence_without_contract_and_filing() {
    let mut state = State::open();
    state.contract.as_mut().unwrap().filing = None;
    assert_eq!(state.gate().evidence(&Tally::default()), None);
    state.contract = None;
    assert_eq!(state.gate().evidence(&Tally::default()), None);
}

#[test]
fn evidence_round_trips_and_refuses_text_outside_its_patterns() {
    let gate = State::open().gate();
    let mut tally = Tally::default();
    tally.pass(&gate.decide(&[chart("1001")]).unwrap());
    Withheld::ALL
        .iter()
        .for_each(|reason| tally.withhold(*reason));
    let evidence = gate.evidence(&tally).unwrap();
    let bytes = serde_cbor::to_vec(&evidence).unwrap();
    assert_eq!(
        serde_cbor::from_slice::<GateEvidence>(&bytes).unwrap(),
        evidence
    );
    let json = serde_json::to_string(&evidence).unwrap();
    assert_eq!(
        serde_json::from_str::<GateEvidence>(&json).unwrap(),
        evidence
    );
    for (from, to) in [
        ("2024-06-15", "2024-06-15T00:00"),
        ("2024-06-15", "2024-06-31"),
        ("\"v1\"", "\"山田太郎\""),
        ("K-2024-01", "K 2024"),
        ("[1,1,", "["),
        ("[1,1,", "[1,1,1,"),
        ("\"hold\"", "\"held\""),
    ] {
        let changed = json.replacen(from, to, 1);
        assert_ne!(changed, json);
        assert!(
            serde_json::from_str::<GateEvidence>(&changed).is_err(),
            "{to}"
        );
    }
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
        state.notices,
        stop("1001", TODAY),
        screened
    );
    assert!(!shown.contains("1001"), "{shown}");
}

fn days() -> impl Strategy<Value = Date> {
    (-80i64..80).prop_map(|offset| TODAY.checked_add(offset.days()).unwrap())
}

fn states() -> impl Strategy<Value = State> {
    let number = || prop::sample::select(vec!["1", "02", "2", "A3"]);
    let filing = prop::option::weighted(0.9, days().prop_map(|filed_on| (filed_on, ())));
    let terms = (
        filing,
        days(),
        prop::option::weighted(0.3, days()),
        30u16..60,
    );
    (
        prop::option::weighted(0.9, terms),
        prop::collection::vec((number(), days()), 0..8),
        prop::collection::vec((number(), days()), 0..2),
    )
        .prop_map(|(terms, notices, stops)| State {
            contract: terms.map(|(filing, effective_from, leaves_on, hold)| Contract {
                filing: filing.map(|(filed_on, ())| Filing {
                    reference: "1".parse().unwrap(),
                    filed_on,
                }),
                effective_from,
                leaves_on,
                hold_days: HoldDays::new(hold).unwrap(),
                ..contract()
            }),
            notices: notices
                .iter()
                .map(|(chart, day)| notice(chart, *day, "v1"))
                .collect(),
            stops: stops.iter().map(|(chart, day)| stop(chart, *day)).collect(),
            today: TODAY,
        })
}

fn asked(fewest: usize) -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(
        prop::sample::select(vec!["1", "02", "2", "A3", "4"]),
        fewest..4,
    )
}

/// The terms of A-051 said once more, by walking through the lists.
fn terms_hold(state: &State, asked: &[&str]) -> bool {
    let Some(contract) = &state.contract else {
        return false;
    };
    let today = state.today;
    let active =
        contract.effective_from <= today && contract.leaves_on.is_none_or(|left| today < left);
    let filed = contract
        .filing
        .as_ref()
        .is_some_and(|filing| filing.filed_on <= today);
    let hold = i64::from(contract.hold_days.get());
    let notified = asked.iter().all(|number| {
        let of_person = state.notices.iter().filter(|n| n.chart.expose() == *number);
        of_person
            .map(|n| (today - n.notified_on).get_days())
            .any(|days| i64::from(days) >= hold)
    });
    let bare = |number: &str| number.trim_start_matches('0').to_owned();
    let stopped = asked.iter().any(|number| {
        state
            .stops
            .iter()
            .any(|stop| bare(stop.chart.expose()) == bare(number))
    });
    active && filed && notified && !stopped && !asked.is_empty()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// the gate opens exactly when every term holds.
    #[test]
    fn the_gate_opens_exactly_when_every_term_holds(state in states(), asked in asked(0)) {
        prop_assert_eq!(state.decide(&asked).is_ok(), terms_hold(&state, &asked));
    }

    /// a stop always wins, and where the site may provide at all it is the reason told.
    #[test]
    fn a_stop_always_wins(state in states(), asked in asked(1), which: prop::sample::Index) {
        let mut stopped = state.clone();
        stopped.stops.push(stop(which.get::<&str>(&asked), TODAY));
        let answer = stopped.decide(&asked);
        let site_closed = matches!(
            state.decide(&["4"]),
            Err(Withheld::NoContract | Withheld::ContractNotActive | Withheld::NoFiling)
        );
        prop_assert!(answer.is_err());
        prop_assert_eq!(answer == Err(Withheld::Stopped), !site_closed);
    }

    /// P-24: the order of lines and of numbers changes nothing.
    #[test]
    fn order_changes_nothing(state in states(), asked in asked(0)) {
        let mut turned = state.clone();
        turned.notices.reverse();
        turned.stops.reverse();
        let backwards: Vec<_> = asked.iter().rev().copied().collect();
        prop_assert_eq!(state.decide(&asked), turned.decide(&backwards));
    }
}

/// C-16: whoever is named here and was withheld before has to be read.
#[test]
fn those_who_pass_are_the_notified_of_whom_something_may_leave() {
    let mut state = State::open();
    state.notices = vec![
        notice("1003", date(2024, 4, 1), "v1"),
        notice("1001", date(2024, 4, 1), "v1"),
        notice("1002", date(2024, 4, 1), "v1"),
        notice("1004", date(2024, 6, 1), "v1"),
    ];
    state.stops = vec![stop("1002", date(2024, 5, 1))];
    let passing: Vec<_> = state.gate().passing().collect();
    assert_eq!(passing, [chart("1001"), chart("1003")]);
    state.contract = None;
    assert_eq!(state.gate().passing().count(), 0);
}
