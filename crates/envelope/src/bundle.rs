//! The index of an offline bundle: which batches a site wrote to which medium, under which
//! seal. It is signed by the site; the batches beside it are the ones that would go by the line.
//!
//! Layout: 8 bytes `SEKISHX` and the version `01`; 64 bytes Ed25519 signature over the text
//! `sekisho bundle v1`, a zero byte and the rest; the rest is CBOR.

use record::{BatchId, SiteId};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::receipt::FrontId;
use crate::signing::{SigningKey, VerifyingKey};

const MAGIC: &[u8; 8] = b"SEKISHX\x01";
const SIGN_DOMAIN: &[u8] = b"sekisho bundle v1\0";
/// Most batches of one bundle.
pub const BUNDLE_BATCHES_MAX: usize = 4_096;
/// Most bytes of an index.
pub const BUNDLE_INDEX_MAX: usize = 512 << 10;

/// The index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleIndex {
    /// The site that wrote it.
    pub site: SiteId,
    /// The number on the seal: of the same form as the name of a front.
    pub seal: FrontId,
    /// The registered medium: of the same form.
    pub medium: FrontId,
    /// When, in seconds since 1970-01-01T00:00:00Z.
    pub made_at: i64,
    /// The batches, in the order of the site's chain.
    pub batches: Vec<Bundled>,
}

/// One batch of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundled {
    /// The number of the batch in the site's chain.
    pub sequence: u64,
    /// SHA-256 of its bytes.
    pub id: BatchId,
    /// How many bytes.
    pub bytes: u64,
}

impl Bundled {
    /// The name of its file.
    pub fn file_name(&self) -> String {
        format!("{:012}-{}.batch", self.sequence, self.id)
    }
}

/// Why bytes are no valid index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BundleError {
    /// Not an index of a known version, or not of its length.
    #[error("not the index of a bundle of a known version")]
    Format,
    /// The signature is wrong or by another key.
    #[error("the signature of the bundle's index is wrong")]
    Signature,
    /// The signed content is malformed.
    #[error("the bundle's index is malformed")]
    Decode,
    /// The key cannot sign.
    #[error("the site's key cannot be used")]
    Key,
}

impl BundleIndex {
    /// The signed bytes.
    ///
    /// # Errors
    /// Too many batches, or the key cannot be used.
    pub fn sign(&self, key: &SigningKey) -> Result<Vec<u8>, BundleError> {
        let fits = self.batches.len() <= BUNDLE_BATCHES_MAX;
        let content = serde_cbor::to_vec(self).map_err(|_| BundleError::Decode)?;
        if !fits || content.len() > BUNDLE_INDEX_MAX - 72 {
            return Err(BundleError::Format);
        }
        let signature = key
            .sign(SIGN_DOMAIN, &content)
            .map_err(|_| BundleError::Key)?;
        Ok([MAGIC.as_slice(), &signature, &content].concat())
    }

    /// Reads an index and checks its signature.
    ///
    /// # Errors
    /// The bytes are no index by this key.
    pub fn verify(bytes: &[u8], key: &VerifyingKey) -> Result<Self, BundleError> {
        let signed = bytes
            .strip_prefix(MAGIC)
            .filter(|_| bytes.len() <= BUNDLE_INDEX_MAX);
        let split = signed.and_then(|signed| signed.split_first_chunk::<64>());
        let (signature, content) = split.ok_or(BundleError::Format)?;
        if !key.verifies(SIGN_DOMAIN, content, signature) {
            return Err(BundleError::Signature);
        }
        let index: Self = serde_cbor::from_slice(content).map_err(|_| BundleError::Decode)?;
        let fits = index.batches.len() <= BUNDLE_BATCHES_MAX;
        fits.then_some(index).ok_or(BundleError::Decode)
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::sha256;

    #[test]
    fn an_index_is_read_by_its_sites_key_and_no_bit_of_it_may_differ() {
        let mut random = ChaCha20Rng::seed_from_u64(3);
        let key = SigningKey::generate(&mut random).unwrap();
        let other = SigningKey::generate(&mut random).unwrap();
        let index = BundleIndex {
            site: "CLINIC-1".parse().unwrap(),
            seal: "S-0001".parse().unwrap(),
            medium: "M-0001".parse().unwrap(),
            made_at: 1_800_000_000,
            batches: vec![Bundled {
                sequence: 7,
                id: BatchId::new(sha256(b"batch")),
                bytes: 5,
            }],
        };
        let signed = index.sign(&key).unwrap();
        assert_eq!(BundleIndex::verify(&signed, &key.public()), Ok(index));
        let by_other = BundleIndex::verify(&signed, &other.public());
        assert_eq!(by_other, Err(BundleError::Signature));
        for place in 0..signed.len() {
            let mut changed = signed.clone();
            changed[place] ^= 1;
            assert!(
                BundleIndex::verify(&changed, &key.public()).is_err(),
                "{place}"
            );
        }
    }
}
