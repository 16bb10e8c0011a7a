//! The RFC's own values, and what a device refuses.

use std::convert::Infallible;

use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::{SeedableRng, TryCryptoRng, TryRng};

use super::*;
use crate::keys::KeyError;
use crate::text_form::{hex, unhex};

/// A source that gives known scalars: the library takes 64 bytes and reduces them.
struct Known(Vec<u8>);

impl Known {
    fn scalars(scalars: &[&str]) -> Self {
        let wide = |scalar: &&str| [unhex(scalar), vec![0; 32]].concat();
        Self(scalars.iter().flat_map(wide).collect())
    }
}

impl TryRng for Known {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("bytes only")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("bytes only")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.copy_from_slice(&self.0.drain(..out.len()).collect::<Vec<_>>());
        Ok(())
    }
}

impl TryCryptoRng for Known {}

struct Vector {
    inputs: &'static [&'static str],
    blinds: &'static [&'static str],
    blinded: &'static [&'static str],
    evaluated: &'static [&'static str],
    proof: &'static str,
    random: &'static str,
    outputs: &'static [&'static str],
}

const BLIND: &str = "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706";
const OTHER: &str = "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e";
const ZERO: &str = "00";
const LONGER: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";
const OF_ZERO: &str = "b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7d\
                       a4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c";
const OF_LONGER: &str = "8a9a2f3c7f085b65933594309041fc1898d42d0858e59f90814ae90571a6df60\
                         356f4610bf816f27afdd84f47719e480906d27ecd994985890e5f539e7ea74b6";

/// RFC 9497, appendix A.1.2.
const VECTORS: [Vector; 3] = [
    Vector {
        inputs: &[ZERO],
        blinds: &[BLIND],
        blinded: &["863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945"],
        evaluated: &["aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e"],
        proof: "ddef93772692e535d1a53903db24367355cc2cc78de93b3be5a8ffcc6985dd06\
                6d4346421d17bf5117a2a1ff0fcb2a759f58a539dfbe857a40bce4cf49ec600d",
        random: OTHER,
        outputs: &[OF_ZERO],
    },
    Vector {
        inputs: &[LONGER],
        blinds: &[BLIND],
        blinded: &["cc0b2a350101881d8a4cba4c80241d74fb7dcbfde4a61fde2f91443c2bf9ef0c"],
        evaluated: &["60a59a57208d48aca71e9e850d22674b611f752bed48b36f7a91b372bd7ad468"],
        proof: "401a0da6264f8cf45bb2f5264bc31e109155600babb3cd4e5af7d181a2c9dc0a\
                67154fabf031fd936051dec80b0b6ae29c9503493dde7393b722eafdf5a50b02",
        random: OTHER,
        outputs: &[OF_LONGER],
    },
    Vector {
        inputs: &[ZERO, LONGER],
        blinds: &[BLIND, OTHER],
        blinded: &[
            "863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945",
            "90a0145ea9da29254c3a56be4fe185465ebb3bf2a1801f7124bbbadac751e654",
        ],
        evaluated: &[
            "aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e",
            "cc5ac221950a49ceaa73c8db41b82c20372a4c8d63e5dded2db920b7eee36a2a",
        ],
        proof: "cc203910175d786927eeb44ea847328047892ddf8590e723c37205cb74600b0a\
                5ab5337c8eb4ceae0494c2cf89529dcf94572ed267473d567aeed6ab873dee08",
        random: "419c4f4f5052c53c45f3da494d2b67b220d02118e0857cdbcf037f9ea84bbe0c",
        outputs: &[OF_ZERO, OF_LONGER],
    },
];

fn inputs(texts: &[&str]) -> Vec<Zeroizing<Vec<u8>>> {
    let bytes = texts.iter().map(|text| Zeroizing::new(unhex(text)));
    bytes.collect()
}

/// P-04, B-117: key, blinding, evaluation, proof and output are those of RFC 9497.
#[test]
fn published_values_of_the_verifiable_mode_are_met() {
    let key = EvaluationKey::derived([0xa3; 32], b"test key").unwrap();
    assert_eq!(
        key.public().to_string(),
        "sekisho-evaluation-public-v1:\
         c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e"
    );
    for vector in VECTORS {
        let mut blinds = Known::scalars(vector.blinds);
        let question = Question::blind(7, inputs(vector.inputs), &mut blinds).unwrap();
        assert_eq!(hex(&question.bytes()[HEAD..]), vector.blinded.concat());
        let mut random = Known::scalars(&[vector.random]);
        let answer = key.evaluate(7, question.bytes(), &mut random).unwrap();
        let told = format!("{}{}", vector.evaluated.concat(), vector.proof);
        assert_eq!(hex(&answer[HEAD..]), told);
        let outputs = question.outputs(key.public(), &answer).unwrap();
        let outputs: Vec<_> = outputs.iter().map(|output| hex(output)).collect();
        assert_eq!(outputs, vector.outputs);
    }
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn key(seed: u8) -> EvaluationKey {
    EvaluationKey::from_seed([seed; 32]).unwrap()
}

fn value(key: &EvaluationKey, input: &[u8], seed: u64) -> [u8; 32] {
    let asked = vec![Zeroizing::new(input.to_vec())];
    let question = Question::blind(1, asked, &mut rng(seed)).unwrap();
    let answer = key
        .evaluate(1, question.bytes(), &mut rng(seed + 1))
        .unwrap();
    *question.finish(key.public(), &answer).unwrap()[0]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// B-117: whoever asks gets the same value of the same input, and the service sees other points
    /// each time.
    #[test]
    fn a_value_depends_on_input_and_key_and_on_nothing_else(
        input in proptest::collection::vec(any::<u8>(), 1..80), one: u32, two: u32,
    ) {
        let (one, two) = (u64::from(one), u64::from(two) + (1 << 40));
        prop_assert_eq!(value(&key(1), &input, one), value(&key(1), &input, two));
        prop_assert_ne!(value(&key(1), &input, one), value(&key(2), &input, one));
        let asked = |seed| {
            let input = vec![Zeroizing::new(input.clone())];
            Question::blind(1, input, &mut rng(seed)).unwrap().bytes().to_vec()
        };
        prop_assert_ne!(asked(one), asked(two));
        let other = [&input[..], b"x"].concat();
        prop_assert_ne!(value(&key(1), &input, one), value(&key(1), &other, one));
    }

    /// Hostile bytes are refused, at both ends, and nothing panics.
    #[test]
    fn bytes_of_strangers_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(key(1).evaluate(1, &bytes, &mut rng(1)).is_err());
        let question = Question::blind(1, inputs(&[ZERO]), &mut rng(1)).unwrap();
        prop_assert!(question.finish(key(1).public(), &bytes).is_err());
    }
}

/// B-117: an answer under another key, a changed one and one to another question are refused: no
/// bit of it may differ.
#[test]
fn an_answer_that_is_not_the_service_s_own_is_refused() {
    let question = Question::blind(3, inputs(&[ZERO, LONGER]), &mut rng(1)).unwrap();
    let right = key(1).evaluate(3, question.bytes(), &mut rng(2)).unwrap();
    assert!(question.finish(key(1).public(), &right).is_ok());
    let wrong = key(2).evaluate(3, question.bytes(), &mut rng(2)).unwrap();
    assert_eq!(
        question.finish(key(1).public(), &wrong),
        Err(EvaluationError::Proof)
    );
    for at in 0..right.len() {
        let mut changed = right.clone();
        changed[at] ^= 1;
        assert!(question.finish(key(1).public(), &changed).is_err(), "{at}");
        assert!(
            question.finish(key(1).public(), &right[..at]).is_err(),
            "{at}"
        );
    }
    let mut swapped = right.clone();
    swapped[HEAD..HEAD + 2 * POINT].rotate_left(POINT);
    assert_eq!(
        question.finish(key(1).public(), &swapped),
        Err(EvaluationError::Proof)
    );
    let other = Question::blind(3, inputs(&[LONGER, ZERO]), &mut rng(9)).unwrap();
    assert_eq!(
        other.finish(key(1).public(), &right),
        Err(EvaluationError::Proof)
    );
}

#[test]
fn questions_are_bounded_and_bound_to_their_epoch() {
    let asked = |count: usize| {
        Question::blind(1, vec![Zeroizing::new(vec![1]); count], &mut rng(1))
            .map(|question| question.bytes().to_vec())
    };
    assert_eq!(asked(0), Err(EvaluationError::Count));
    assert_eq!(asked(EVALUATIONS_MAX + 1), Err(EvaluationError::Count));
    let most = asked(EVALUATIONS_MAX).unwrap();
    assert!(most.len() + PROOF <= EVALUATION_BYTES_MAX);
    assert_eq!(question_of(&most), Ok((1, EVALUATIONS_MAX)));
    let one = asked(1).unwrap();
    let epoch = key(1).evaluate(2, &one, &mut rng(1));
    assert_eq!(epoch, Err(EvaluationError::Epoch));
    // The point at infinity is no question.
    let nothing = [&one[..HEAD], &[0; POINT]].concat();
    let refused = key(1).evaluate(1, &nothing, &mut rng(1));
    assert_eq!(refused, Err(EvaluationError::Malformed));
}

#[test]
fn keys_are_read_back_from_their_lines() {
    let made = key(5);
    let read: EvaluationKey = made.to_text().parse().unwrap();
    assert_eq!(read.public(), made.public());
    let public: EvaluationPublicKey = made.public().to_string().parse().unwrap();
    assert_eq!(&public, made.public());
    let nothing = format!("sekisho-evaluation-public-v1:{}", "0".repeat(64));
    assert_eq!(
        nothing.parse::<EvaluationPublicKey>(),
        Err(KeyError::Invalid)
    );
    let secret = made.to_text();
    assert_eq!(secret.parse::<EvaluationPublicKey>(), Err(KeyError::Kind));
    assert!(made.public().to_string().parse::<EvaluationKey>().is_err());
}
