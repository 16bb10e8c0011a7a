//! Questions to the evaluation service and its answers: bytes of whoever stands between.

use std::sync::LazyLock;

use envelope::{EVALUATION_BYTES_MAX, EvaluationKey, Question, question_of};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const EPOCH: u16 = 3;
/// Messages of the question that every answer is held against.
const ASKED: usize = 2;

struct Parties {
    key: EvaluationKey,
    other: EvaluationKey,
    question: Question,
    right: Vec<u8>,
}

#[expect(clippy::unwrap_used, reason = "fixed values")]
static PARTIES: LazyLock<Parties> = LazyLock::new(|| {
    let key = EvaluationKey::from_seed([1; 32]).unwrap();
    let inputs = (0..ASKED).map(|at| format!("message {at}").into_bytes().into());
    let question = Question::blind(EPOCH, inputs.collect(), &mut rng(1)).unwrap();
    let right = key.evaluate(EPOCH, question.bytes(), &mut rng(2)).unwrap();
    Parties {
        other: EvaluationKey::from_seed([2; 32]).unwrap(),
        key,
        question,
        right,
    }
});

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// The first byte says whether the rest is a question or an answer.
pub(crate) fn run(data: &[u8]) {
    match data.split_first() {
        Some((0, question)) => asked(question),
        Some((_, answer)) => answered(answer),
        None => {}
    }
}

/// A question is answered, point for point and for its own epoch alone, or refused; the answer says
/// the same of the points whatever the proof is drawn from.
fn asked(question: &[u8]) {
    let Parties { key, .. } = &*PARTIES;
    let Ok((epoch, points)) = question_of(question) else {
        assert!(key.evaluate(EPOCH, question, &mut rng(3)).is_err());
        return;
    };
    assert!(question.len() <= EVALUATION_BYTES_MAX, "beyond the bound");
    assert!(points > 0, "nothing is asked");
    let other = key.evaluate(epoch.wrapping_add(1), question, &mut rng(3));
    assert!(other.is_err(), "of another epoch");
    let Ok(answer) = key.evaluate(epoch, question, &mut rng(3)) else {
        return;
    };
    let again = key.evaluate(epoch, question, &mut rng(4));
    let body = |answer: &[u8]| answer.get(..question.len()).map(<[u8]>::to_vec);
    let again = again.ok().and_then(|again| body(&again));
    assert_eq!(body(&answer), again, "the points depend on chance");
    assert_eq!(answer.len(), question.len() + 64, "points and proof");
}

/// Only what the service itself answered is taken, and never under another key.
fn answered(answer: &[u8]) {
    let Parties {
        key,
        other,
        question,
        right,
    } = &*PARTIES;
    match question.finish(key.public(), answer) {
        Ok(values) => {
            assert_eq!(values.len(), ASKED, "one value for each message");
            let same = answer.get(..question.bytes().len()) == right.get(..question.bytes().len());
            assert!(same, "values of other points");
        }
        Err(_) => assert!(answer != right.as_slice(), "the service's own answer"),
    }
    assert!(question.finish(other.public(), answer).is_err());
}

/// A question and its answer, a question about one message, and one of no point.
pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let Parties {
        question, right, ..
    } = &*PARTIES;
    let one = Question::blind(EPOCH, vec![vec![7_u8; 40].into()], &mut rng(5));
    let one = one.map_or(Vec::new(), |one| one.bytes().to_vec());
    let infinity = [&one[..one.len().min(5)], &[0; 32]].concat();
    [
        ("question", 0, question.bytes()),
        ("one", 0, &one),
        ("infinity", 0, &infinity),
        ("answer", 1, right),
    ]
    .map(|(name, first, bytes)| (name.to_owned(), [&[first], bytes].concat()))
    .into()
}
