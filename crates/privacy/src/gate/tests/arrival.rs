//! What does not depend on the order in which entries came.

use super::*;

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
