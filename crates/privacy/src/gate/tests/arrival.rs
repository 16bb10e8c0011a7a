//! What does not depend on the order in which entries came.

use super::*;

/// The same for notice by policy: whoever visited was told the policy's text.
#[test]
fn a_visit_under_a_policy_is_a_notice_of_the_policys_text() {
    let visited = Event::Visited {
        chart: chart("1001"),
        on: date(2024, 4, 1),
    };
    let others = [("1000", "v0"), ("1002", "v2")];
    let [before, after] = others.map(|(number, version)| notice(number, date(2024, 4, 1), version));
    for version in ["v0", "v1", "v2"] {
        let mut state = State::open();
        state.terms.policy = Some(VisitPolicy {
            document: version.parse().unwrap(),
            starts_on: date(2024, 3, 1),
        });
        state.events = vec![before.clone(), visited.clone(), after.clone()];
        assert_eq!(state.decide(&["1001"]), Ok(version.to_owned()));
        for (number, version) in others {
            assert_eq!(state.decide(&[number]), Ok(version.to_owned()));
        }
    }
}

/// The texts are numbered by their names once all are known; a consent keeps the one it names.
#[test]
fn a_consent_rests_on_the_text_that_it_names_whichever_text_was_named_first() {
    let of = |number, version: &str| match consent(number, TODAY, "*/*/..") {
        Event::Consented(given) => Event::Consented(Consent {
            document: version.parse().unwrap(),
            ..given
        }),
        other => other,
    };
    let mut state = State::open();
    state.terms.mode = ConsentMode::OptIn;
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let given = [("1000", "v0"), ("1001", "v1"), ("1002", "v2")];
        state.events = order.map(|at| of(given[at].0, given[at].1)).into();
        for (number, version) in given {
            assert_eq!(state.decide(&[number]), Ok(version.to_owned()), "{order:?}");
        }
    }
}

/// Whoever was told of or agreed is known, also while nothing may leave.
#[test]
fn everybody_with_a_notice_or_a_consent_is_known() {
    let mut state = State::open();
    state.events = vec![
        notice("1001", TODAY, "v1"),
        notice("1002", date(2024, 4, 1), "v1"),
        consent("1003", TODAY, "*/*/.."),
        stop("1002", TODAY),
        stop("1004", TODAY),
    ];
    for mode in [ConsentMode::OptOut, ConsentMode::OptIn] {
        state.terms.mode = mode;
        let known: Vec<_> = state.gate().known().collect();
        assert_eq!(known, ["1001", "1002", "1003"].map(chart));
    }
}

/// whatever the state holds is counted among its bytes.
#[test]
fn the_bytes_of_the_state_grow_with_notices_stops_and_consents() {
    let bytes = |mode, events: Vec<Event>| {
        let mut state = State::open();
        state.terms.mode = mode;
        state.events = events;
        state.gate().bytes()
    };
    let many = |of: &dyn Fn(&str) -> Event| -> Vec<Event> {
        (0..500).map(|number| of(&format!("{number:06}"))).collect()
    };
    let told = many(&|number| notice(number, TODAY, "v1"));
    let stopped = many(&|number| stop(number, TODAY));
    let agreed = many(&|number| consent(number, TODAY, "*/*/.."));
    for mode in [ConsentMode::OptOut, ConsentMode::OptIn] {
        let (empty, with_stops) = (bytes(mode, Vec::new()), bytes(mode, stopped.clone()));
        assert!(with_stops > empty + 500, "{with_stops} {empty}");
    }
    let told_bytes = bytes(ConsentMode::OptOut, told.clone());
    assert!(told_bytes > 500, "{told_bytes}");
    let both = bytes(ConsentMode::OptOut, [told, stopped.clone()].concat());
    assert!(both > told_bytes + 500, "{both} {told_bytes}");
    let agreed_bytes = bytes(ConsentMode::OptIn, agreed.clone());
    let all = bytes(ConsentMode::OptIn, [agreed, stopped].concat());
    assert!(
        agreed_bytes > 500 && all > agreed_bytes + 500,
        "{all} {agreed_bytes}"
    );
}

/// No number of a person is in what may be printed of them.
#[test]
fn what_is_printed_of_a_person_says_how_much_and_not_whom() {
    let state = State::open();
    let patient = PatientReadings {
        chart: chart("1001"),
        readings: vec![fixtures::reading("1001", DataKind::Adt12, Vec::new())],
        doubtful: Vec::new(),
    };
    assert_eq!(format!("{patient:?}"), "PatientReadings(1 readings)");
    let screened = state.gate().screen(patient).unwrap();
    assert_eq!(format!("{screened:?}"), "Screened");
}
