//! What all keys share: their ids and how reading them fails.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::sha256;
use crate::octets;

/// Names a public key: the first 8 bytes of its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(#[serde(with = "octets")] [u8; 8]);

impl KeyId {
    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }

    pub(crate) fn of(public: &[u8]) -> Self {
        let digest = sha256(public);
        let mut id = [0; 8];
        id.iter_mut()
            .zip(digest)
            .for_each(|(byte, from)| *byte = from);
        Self(id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::text_form::hex(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// Why a text or bytes are not a key. It shows nothing of the text, which may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The prefix of the line is not that of the asked kind of key.
    #[error("not a key of this kind: the line does not start with the expected prefix")]
    Kind,
    /// Too few or too many digits.
    #[error("the key has the wrong length")]
    Length,
    /// Something that is not a lower-case hexadecimal digit.
    #[error("the key holds something else than lower-case hexadecimal digits")]
    Digit,
    /// The bytes are not a public key.
    #[error("the bytes are not a public key of this kind")]
    Invalid,
}
