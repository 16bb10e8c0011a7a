//! Receipts: the front's signed word that a batch is stored. A site keeps a batch until it has one.
//!
//! Layout: 8 bytes `SEKISHR` and the version `01`; 64 bytes Ed25519 signature over the text
//! `sekisho receipt v1`, a zero byte and the rest; the rest is CBOR.

use std::fmt;
use std::str::FromStr;

use record::ids::IdError;
use record::{BatchId, SiteId};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::keys::KeyError;
use crate::signing::{SigningKey, VerifyingKey};

const MAGIC: &[u8; 8] = b"SEKISHR\x01";
const SIGN_DOMAIN: &[u8] = b"sekisho receipt v1\0";
/// Most bytes of a receipt.
const RECEIPT_MAX: usize = 4096;

/// Names a front: 1 to 32 characters of ASCII letters, digits, `.` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FrontId(String);

impl FrontId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FrontId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
        let fits = (1..=32).contains(&text.len()) && text.bytes().all(allowed);
        fits.then(|| Self(text.to_owned())).ok_or(IdError)
    }
}

impl TryFrom<String> for FrontId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<FrontId> for String {
    fn from(id: FrontId) -> Self {
        id.0
    }
}

impl fmt::Display for FrontId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// That a batch arrived whole and is stored durably.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The site whose certificate sent it.
    pub site: SiteId,
    /// The number in the batch's header.
    pub sequence: u64,
    /// SHA-256 of the batch.
    pub batch: BatchId,
    /// When it was stored, in seconds since 1970-01-01T00:00:00Z.
    pub received_at: i64,
    /// Which front stored it.
    pub front: FrontId,
}

/// Why bytes are not a valid receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReceiptError {
    /// Not a receipt of a known version, or not of its length.
    #[error("not a receipt of a known version")]
    Format,
    /// The signature is wrong or by another key.
    #[error("the receipt's signature is wrong")]
    Signature,
    /// The signed content is malformed.
    #[error("the receipt is malformed")]
    Decode,
    /// The key cannot sign.
    #[error("the receipt key cannot be used")]
    Key,
}

impl Receipt {
    /// The signed bytes.
    ///
    /// # Errors
    /// The key cannot be used.
    pub fn sign(&self, key: &SigningKey) -> Result<Vec<u8>, ReceiptError> {
        let content = serde_cbor::to_vec(self).map_err(|_| ReceiptError::Decode)?;
        let signature = key
            .sign(SIGN_DOMAIN, &content)
            .map_err(|_: KeyError| ReceiptError::Key)?;
        Ok([MAGIC.as_slice(), &signature, &content].concat())
    }

    /// Reads a receipt and checks its signature.
    ///
    /// # Errors
    /// The bytes are not a receipt by this key.
    pub fn verify(bytes: &[u8], key: &VerifyingKey) -> Result<Self, ReceiptError> {
        let signed = bytes
            .strip_prefix(MAGIC)
            .filter(|_| bytes.len() <= RECEIPT_MAX);
        let split = signed.and_then(|signed| signed.split_first_chunk::<64>());
        let (signature, content) = split.ok_or(ReceiptError::Format)?;
        if !key.verifies(SIGN_DOMAIN, content, signature) {
            return Err(ReceiptError::Signature);
        }
        serde_cbor::from_slice(content).map_err(|_| ReceiptError::Decode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt() -> Receipt {
        Receipt {
            site: "HOSP-A".parse().unwrap(),
            sequence: 7,
            batch: BatchId::new([3; 32]),
            received_at: 1_800_000_000,
            front: "front-1".parse().unwrap(),
        }
    }

    #[test]
    fn a_receipt_is_read_back_only_under_its_key() {
        let key = SigningKey::from_seed([1; 32]).unwrap();
        let other = SigningKey::from_seed([2; 32]).unwrap();
        let bytes = receipt().sign(&key).unwrap();
        assert_eq!(Receipt::verify(&bytes, &key.public()), Ok(receipt()));
        assert_eq!(
            Receipt::verify(&bytes, &other.public()),
            Err(ReceiptError::Signature)
        );
        assert_eq!(bytes, receipt().sign(&key).unwrap());
    }

    #[test]
    fn every_flipped_bit_and_every_shorter_receipt_is_refused() {
        let key = SigningKey::from_seed([1; 32]).unwrap();
        let bytes = receipt().sign(&key).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(
                Receipt::verify(&flipped, &key.public()).is_err(),
                "bit {bit}"
            );
        }
        for length in 0..bytes.len() {
            assert!(
                Receipt::verify(&bytes[..length], &key.public()).is_err(),
                "{length}"
            );
        }
        assert!(Receipt::verify(&[&bytes[..], &[0]].concat(), &key.public()).is_err());
    }

    #[test]
    fn a_front_id_takes_only_its_closed_alphabet() {
        for (text, valid) in [
            ("front-1.jp", true),
            ("", false),
            ("a b", false),
            ("前", false),
        ] {
            assert_eq!(text.parse::<FrontId>().is_ok(), valid, "{text}");
        }
    }
}
