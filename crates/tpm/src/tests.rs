//! The encoding without a TPM; with one: `keys/tests/tpm`.

use proptest::prelude::*;

use super::*;
use crate::der;

/// A key of our kind with these parts.
fn key(point: [u8; 64], private: &[u8]) -> WrappedKey {
    let (x, y) = point.split_at(32);
    let kind = key::template();
    let kind = kind.strip_suffix(&[0; 4]).unwrap();
    let public = [kind, &[0, 32], x, &[0, 32], y].concat();
    WrappedKey::new(public, private.to_vec()).unwrap()
}

/// A key that a TPM in software has made, which nobody has kept.
const WRAPPED: &str = include_str!("wrapped.pem");

/// What lies on disks is read by later versions too, and by other programs.
#[test]
fn the_form_of_a_stored_key_stays() {
    let key = WrappedKey::from_pem(WRAPPED.as_bytes()).unwrap().unwrap();
    assert_eq!(key.to_pem(), WRAPPED);
    assert_eq!(key.point().len(), 65);
}

/// Part 3 of the TPM 2.0 Library says what a command looks like; these are its bytes.
#[test]
fn commands_are_as_the_library_writes_them() {
    let flush = flush(Handle(0x8000_0001));
    assert_eq!(flush, [0x80, 1, 0, 0, 0, 14, 0, 0, 1, 0x65, 0x80, 0, 0, 1]);
    let signed = sign(Handle(0x8000_0001), &[7; 32]);
    let head = [
        0x80, 2, 0, 0, 0, 71, 0, 0, 1, 0x5d, 0x80, 0, 0, 1, 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0,
        0, 0, 32,
    ];
    let end = [0, 0x10, 0x80, 0x24, 0x40, 0, 0, 7, 0, 0];
    assert_eq!(signed, [&head[..], &[7; 32], &end].concat());
}

#[test]
fn numbers_of_a_signature_are_written_as_short_as_they_are_and_never_negative() {
    for (bytes, expected) in [
        (&[0, 0, 1][..], &[2, 1, 1][..]),
        (&[0x80], &[2, 2, 0, 0x80]),
        (&[0, 0], &[2, 1, 0]),
        (&[0x7f, 0xff], &[2, 2, 0x7f, 0xff]),
    ] {
        assert_eq!(der::integer(bytes), expected);
    }
}

/// A TPM may leave zeros at the front of a coordinate away.
#[test]
fn a_short_coordinate_is_filled_up() {
    let template = key::template();
    let kind = template.strip_suffix(&[0; 4]).unwrap();
    let public = [kind, &[0, 31], &[9; 31], &[0, 32], &[8; 32]].concat();
    let short = WrappedKey::new(public, vec![1]).unwrap();
    let mut point = [8; 64];
    point[0] = 0;
    point[1..32].fill(9);
    assert_eq!(short.spki(), key(point, &[1]).spki());
    let again = WrappedKey::from_der(&short.to_der()).unwrap();
    assert_eq!(again.public(), short.public());
}

#[test]
fn codes_of_a_tpm_are_told_apart() {
    // Integrity of the first parameter, a wrong password of the first session, and a bad handle.
    for (code, parameter) in [
        (0x1df, true),
        (0x98e, false),
        (0x18b, false),
        (0x101, false),
    ] {
        assert_eq!(is_about_a_parameter(code), parameter, "{code:x}");
    }
    for (code, busy) in [(0x922, true), (0x908, true), (0x90a, true), (0x921, false)] {
        assert_eq!(is_busy(code), busy, "{code:x}");
    }
}

proptest! {
    #[test]
    fn a_key_is_read_as_it_was_written(
        point: [u8; 64],
        private in prop::collection::vec(any::<u8>(), 1..512),
    ) {
        let key = key(point, &private);
        prop_assert_eq!(&WrappedKey::from_der(&key.to_der()).unwrap(), &key);
        let text = format!("-----BEGIN X-----\nAAAA\n-----END X-----\n{}", key.to_pem());
        prop_assert_eq!(WrappedKey::from_pem(text.as_bytes()).unwrap(), Some(key));
    }

    #[test]
    fn nothing_that_is_read_hurts(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let key = key([7; 64], &[1]);
        let _ = WrappedKey::from_der(&bytes);
        let _ = WrappedKey::from_pem(&bytes);
        let _ = (may_sign(&key, &bytes), names_successor(&key, &bytes));
        let _ = size_of(&bytes);
        if let Ok(answer) = Answer::read(&bytes) {
            let _ = (answer.handle(), answer.key(), answer.signature());
        }
    }

    /// What a TPM answers, with a body of anything.
    #[test]
    fn an_answer_that_is_none_is_no_key_and_no_signature(
        body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let length = (body.len() as u32 + 10).to_be_bytes();
        let bytes = [&[0x80, 2][..], &length, &[0; 4], &body].concat();
        let answer = Answer::read(&bytes).unwrap();
        prop_assert_eq!(answer.code(), 0);
        prop_assert!(answer.key().is_err());
        let _ = answer.signature();
    }
}
