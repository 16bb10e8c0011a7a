//! Handing the file key of a stored batch to another key of the core, without opening the batch
//! (B-112): the batch stays as it is, a small file beside it says the rest.
//!
//! Layout: 8 bytes `SEKISHW` and the version `01`, then CBOR: the batch, and a recipient as in its
//! header. It is not signed: a wrong one opens nothing.

use rand_core::CryptoRng;
use record::BatchId;
use serde::{Deserialize, Serialize};

use crate::error::OpenError;
use crate::header::Recipient;
use crate::keys::KeyId;
use crate::octets;
use crate::open::{file_key, inspect};
use crate::suite::{CorePublicKey, CoreSecretKey, FileKey};

const MAGIC: &[u8; 8] = b"SEKISHW\x01";
const WRAP_DOMAIN: &[u8] = b"sekisho moved file key v1\0";
/// Most bytes of one.
pub const REWRAPPED_MAX: usize = 4096;

/// The file key of one batch, wrapped for another key than those of its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrapped(Wire);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(with = "octets")]
    batch: [u8; 32],
    recipient: Recipient,
}

impl Rewrapped {
    /// Unwraps the file key of a whole batch and wraps it for the new key. The content stays
    /// encrypted.
    ///
    /// # Errors
    /// The batch is broken, or is not for the old key.
    pub fn make(
        batch: &[u8],
        old: &CoreSecretKey,
        new: &CorePublicKey,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, OpenError> {
        let inspected = inspect(batch)?;
        let file_key = file_key(&inspected.header, old)?;
        Self::of(*inspected.id.as_bytes(), &file_key, new, rng)
    }

    /// Goes on from the key that an earlier move led to.
    ///
    /// # Errors
    /// This is not for the old key, or is broken.
    pub fn again(
        &self,
        old: &CoreSecretKey,
        new: &CorePublicKey,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, OpenError> {
        let file_key = self.file_key(&self.batch(), old)?;
        Self::of(self.0.batch, &file_key, new, rng)
    }

    fn of(
        batch: [u8; 32],
        file_key: &FileKey,
        new: &CorePublicKey,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, OpenError> {
        let wrapped = new.wrap(file_key, &info(&batch, new.id()), rng);
        let wrapped = wrapped.map_err(|_| OpenError::Decrypt)?;
        let recipient = Recipient {
            key: new.id(),
            encapsulated: wrapped.encapsulated,
            wrapped: wrapped.key,
        };
        Ok(Self(Wire { batch, recipient }))
    }

    /// Of which batch.
    pub const fn batch(&self) -> BatchId {
        BatchId::new(self.0.batch)
    }

    /// For which key.
    pub const fn key(&self) -> KeyId {
        self.0.recipient.key
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// Only a lack of memory.
    pub fn to_bytes(&self) -> Result<Vec<u8>, OpenError> {
        let content = serde_cbor::to_vec(&self.0).map_err(|_| OpenError::Decode)?;
        Ok([MAGIC.as_slice(), &content].concat())
    }

    /// Reads the file.
    ///
    /// # Errors
    /// The bytes are none of a known version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpenError> {
        let content = bytes.strip_prefix(MAGIC).ok_or(OpenError::Magic)?;
        if bytes.len() > REWRAPPED_MAX {
            return Err(OpenError::TooLarge);
        }
        serde_cbor::from_slice(content)
            .map(Self)
            .map_err(|_| OpenError::Decode)
    }

    /// The file key, for the batch that it belongs to.
    pub(crate) fn file_key(
        &self,
        id: &BatchId,
        core: &CoreSecretKey,
    ) -> Result<FileKey, OpenError> {
        if self.batch() != *id || self.key() != core.id() {
            return Err(OpenError::UnknownRecipient);
        }
        let info = info(&self.0.batch, core.id());
        core.unwrap(&self.0.recipient.wrapped(), &info)
            .map_err(|_| OpenError::Decrypt)
    }
}

fn info(batch: &[u8; 32], key: KeyId) -> Vec<u8> {
    [WRAP_DOMAIN, batch, key.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng as _;

    use super::*;
    use crate::{Limits, OpenError, SigningKey, open, open_rewrapped};

    const BATCH: &[u8] = include_bytes!("../../../tests/interop/corpus/format-1/one-epoch.batch");

    fn keys() -> (SigningKey, CoreSecretKey, CoreSecretKey) {
        let core = |seed| CoreSecretKey::from_seed([seed; 32]).unwrap();
        (SigningKey::from_seed([3; 32]).unwrap(), core(4), core(6))
    }

    /// B-112: afterwards the old key is not needed any more, and the batch is the same.
    #[test]
    fn a_new_key_opens_an_old_batch_with_what_lies_beside_it() {
        let (site, old, new) = keys();
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let beside = Rewrapped::make(BATCH, &old, new.public(), &mut rng).unwrap();
        let read = Rewrapped::from_bytes(&beside.to_bytes().unwrap()).unwrap();
        assert_eq!(read, beside);
        let limits = Limits::default();
        let with = |core| open_rewrapped(BATCH, &read, &site.public(), core, &limits);
        assert_eq!(with(&new), open(BATCH, &site.public(), &old));
        assert!(with(&new).is_ok());
        assert_eq!(with(&old), Err(OpenError::UnknownRecipient));
        let by_itself = open(BATCH, &site.public(), &new);
        assert_eq!(by_itself, Err(OpenError::UnknownRecipient));
    }

    /// B-112: a core lives through more than two keys.
    #[test]
    fn a_moved_batch_moves_on_to_a_third_key_without_the_first() {
        let (site, first, second) = keys();
        let third = CoreSecretKey::from_seed([8; 32]).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let beside = Rewrapped::make(BATCH, &first, second.public(), &mut rng).unwrap();
        let on = beside.again(&second, third.public(), &mut rng).unwrap();
        assert_eq!((on.batch(), on.key()), (beside.batch(), third.id()));
        let with = |core| open_rewrapped(BATCH, &on, &site.public(), core, &Limits::default());
        assert_eq!(with(&third), open(BATCH, &site.public(), &first));
        assert!(with(&third).is_ok());
        assert_eq!(with(&second), Err(OpenError::UnknownRecipient));
        let not_ours = beside.again(&first, third.public(), &mut rng);
        assert_eq!(not_ours, Err(OpenError::UnknownRecipient));
    }

    #[test]
    fn no_changed_bit_and_no_other_batch_is_opened_with_it() {
        let (site, old, new) = keys();
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let beside = Rewrapped::make(BATCH, &old, new.public(), &mut rng).unwrap();
        let bytes = beside.to_bytes().unwrap();
        for bit in (0..bytes.len() * 8).step_by(5) {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // CBOR writes a name in more than one way, so some bits mean nothing.
            let Ok(read) = Rewrapped::from_bytes(&flipped) else {
                continue;
            };
            let limits = Limits::default();
            let opened = open_rewrapped(BATCH, &read, &site.public(), &new, &limits);
            assert!(opened.is_err() || read == beside, "bit {bit}");
        }
        let other = include_bytes!("../../../tests/interop/corpus/format-1/nobody.batch");
        let opened = open_rewrapped(other, &beside, &site.public(), &new, &Limits::default());
        assert_eq!(opened, Err(OpenError::UnknownRecipient));
        let not_ours = Rewrapped::make(BATCH, &new, old.public(), &mut rng);
        assert_eq!(not_ours, Err(OpenError::UnknownRecipient));
    }
}
