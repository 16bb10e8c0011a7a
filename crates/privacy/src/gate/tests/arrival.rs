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
