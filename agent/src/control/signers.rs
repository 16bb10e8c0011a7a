//! Keys of those whose orders count.

use std::collections::BTreeMap;

use control::{SIGNATURE, SignerId, Signers};
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, UnparsedPublicKey};

use crate::error::ControlError;

const PREFIX: &str = "sekisho-verifying-v1:";

/// Public Ed25519 keys by their ids.
#[derive(Debug, Clone)]
pub(crate) struct Keys(BTreeMap<SignerId, [u8; 32]>);

impl Keys {
    /// Reads the text forms.
    ///
    /// # Errors
    /// One is no public key, or two are the same.
    pub(crate) fn read(texts: &[String]) -> Result<Self, ControlError> {
        let keys: Option<BTreeMap<_, _>> = texts.iter().map(|text| key(text)).collect();
        // Two lines with one key would let one person sign for two.
        let different = keys.filter(|keys| keys.len() == texts.len());
        different
            .map(Self)
            .ok_or_else(|| ControlError::Settings(None, "orders.signers".to_owned()))
    }
}

fn key(text: &str) -> Option<(SignerId, [u8; 32])> {
    let digits = text.trim().strip_prefix(PREFIX)?;
    let nibbles: Option<Vec<u8>> = digits
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|it| u8::try_from(it).ok()))
        .collect();
    let bytes: Vec<u8> = nibbles?
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |sum, nibble| sum << 4 | nibble))
        .collect();
    let key: [u8; 32] = bytes.try_into().ok().filter(|_| digits.len() == 64)?;
    let id = digest(&SHA256, &key);
    Some((*id.as_ref().first_chunk()?, key))
}

impl Signers for Keys {
    fn verifies(&self, signer: &SignerId, message: &[u8], signature: &[u8; SIGNATURE]) -> bool {
        self.0.get(signer).is_some_and(|key| {
            UnparsedPublicKey::new(&ED25519, key)
                .verify(message, signature)
                .is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair as _};

    use super::*;

    fn pair(seed: u8) -> (Ed25519KeyPair, String) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let digits: String = pair
            .public_key()
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        (pair, format!("{PREFIX}{digits}"))
    }

    #[test]
    fn a_signature_counts_under_its_own_key_only() {
        let ((one, first), (_, second)) = (pair(1), pair(2));
        let keys = Keys::read(&[first.clone(), second.clone()]).unwrap();
        let signature: [u8; 64] = one.sign(b"message").as_ref().try_into().unwrap();
        let id = |text: &str| key(text).unwrap().0;
        assert!(keys.verifies(&id(&first), b"message", &signature));
        assert!(!keys.verifies(&id(&second), b"message", &signature));
        assert!(!keys.verifies(&id(&first), b"another", &signature));
        assert!(!keys.verifies(&[0; 8], b"message", &signature));
    }

    #[test]
    fn two_lines_with_one_key_and_texts_that_are_no_key_are_refused() {
        let (_, good) = pair(1);
        assert!(Keys::read(&[good.clone(), good.clone()]).is_err());
        for wrong in [
            String::new(),
            PREFIX.to_owned(),
            good.replace(PREFIX, ""),
            format!("{good}0"),
            good.replace("v1", "v2"),
            format!("{PREFIX}{}", "+1".repeat(32)),
            format!("{PREFIX}{}", "あ".repeat(64)),
        ] {
            assert!(Keys::read(std::slice::from_ref(&wrong)).is_err(), "{wrong}");
        }
    }
}
