//! Statements of the centre: that something was disposed of or erased, how far a ledger was on a
//! day. They are for people, so what is signed is a text.
//!
//! Layout: 8 bytes `SEKISHS` and the version `01`; 64 bytes Ed25519 signature over the text
//! `sekisho statement v1`, a zero byte and the rest; the rest is the text in UTF-8.

use crate::keys::KeyError;
use crate::signing::{SIGNATURE, SigningKey, VerifyingKey};

const MAGIC: &[u8; 8] = b"SEKISHS\x01";
const DOMAIN: &[u8] = b"sekisho statement v1\0";

/// The signed bytes.
///
/// # Errors
/// The key cannot sign.
pub fn sign_statement(text: &str, key: &SigningKey) -> Result<Vec<u8>, KeyError> {
    let signature = key.sign(DOMAIN, text.as_bytes())?;
    Ok([&MAGIC[..], &signature, text.as_bytes()].concat())
}

/// The text, if the key has signed it.
pub fn read_statement<'a>(bytes: &'a [u8], key: &VerifyingKey) -> Option<&'a str> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (signature, text) = rest.split_at_checked(SIGNATURE)?;
    let signed = key.verifies(DOMAIN, text, signature);
    signed.then(|| std::str::from_utf8(text).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_read_only_as_it_was_signed() {
        let key = SigningKey::from_seed([1; 32]).unwrap();
        let other = SigningKey::from_seed([2; 32]).unwrap();
        let bytes = sign_statement("消去しました", &key).unwrap();
        assert_eq!(read_statement(&bytes, &key.public()), Some("消去しました"));
        assert_eq!(read_statement(&bytes, &other.public()), None);
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert_eq!(read_statement(&changed, &key.public()), None, "{place}");
        }
        assert_eq!(read_statement(&bytes[..50], &key.public()), None);
    }
}
