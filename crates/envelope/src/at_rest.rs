//! Encryption of what a program keeps for itself: AES-256-GCM under a key derived from one of its
//! own, one message at a time.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::mac::MacKey;

/// Length of the nonce, which has to be drawn at random for every message.
pub const NONCE_BYTES: usize = NONCE_LEN;

/// A key for data at rest. It does not print.
pub struct AtRestKey(LessSafeKey);

impl AtRestKey {
    /// The key for one purpose. Different labels give unrelated keys.
    pub fn derive(source: &MacKey, label: &str) -> Self {
        let raw = Zeroizing::new(source.derive(label).mac(b"sekisho at rest v1"));
        #[expect(
            clippy::expect_used,
            reason = "AES-256 takes any 32 bytes, and this is 32"
        )]
        let key = UnboundKey::new(&AES_256_GCM, raw.as_slice()).expect("32 bytes");
        Self(LessSafeKey::new(key))
    }

    /// Encrypts a message that belongs to its `context`: nonce, ciphertext and tag. `None` only for
    /// messages beyond the algorithm's 64 GiB.
    pub fn seal(
        &self,
        nonce: [u8; NONCE_BYTES],
        context: &[u8],
        message: &[u8],
    ) -> Option<Vec<u8>> {
        let mut body = Zeroizing::new(message.to_vec());
        let unique = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(unique, Aad::from(context), &mut body)
            .ok()?;
        Some([nonce.as_slice(), &body, tag.as_ref()].concat())
    }

    /// Decrypts what [`AtRestKey::seal`] made for the same context; `None` for anything else.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, body) = sealed.split_at_checked(NONCE_BYTES)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = Zeroizing::new(body.to_vec());
        let opened = self.0.open_in_place(nonce, Aad::from(context), &mut body);
        let length = opened.ok()?.len();
        body.truncate(length);
        Some(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_context_and_bytes_open() {
        let key = |seed, label| AtRestKey::derive(&MacKey::from_bytes([seed; 32]), label);
        let sealed = key(1, "a").seal([9; 12], b"here", b"what").unwrap();
        assert_eq!(sealed.len(), 12 + 4 + 16);
        let opened = key(1, "a").open(b"here", &sealed).unwrap();
        assert_eq!(opened.as_slice(), b"what");
        assert!(key(2, "a").open(b"here", &sealed).is_none());
        assert!(key(1, "b").open(b"here", &sealed).is_none());
        assert!(key(1, "a").open(b"there", &sealed).is_none());
        for place in 0..sealed.len() {
            let mut other = sealed.clone();
            other[place] ^= 1;
            assert!(key(1, "a").open(b"here", &other).is_none(), "{place}");
            assert!(key(1, "a").open(b"here", &sealed[..place]).is_none());
        }
    }
}
