//! The identity envelope as it travels: bytes that neither this device nor the core can open.

use std::fmt;

use record::ids::SubjectRef;
use record::{ChartNumber, Identity};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Who seals identities, where a contract says so. Everywhere else there is none, and nothing but
/// keyed tokens leaves of who a person is.
pub trait Vault: Send + Sync {
    /// The envelope of a subject; `None` when the identity is larger than one may be.
    fn seal(
        &self,
        identity: &Identity,
        chart: &ChartNumber,
        subject: &SubjectRef,
    ) -> Option<Vec<u8>>;
}

/// A sealed identity.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedIdentity(Vec<u8>);

impl SealedIdentity {
    /// Most bytes.
    pub const MAX: usize = 16 << 10;

    /// Takes bytes; `None` for none or too many.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (1..=Self::MAX)
            .contains(&bytes.len())
            .then_some(Self(bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SealedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedIdentity({} bytes)", self.0.len())
    }
}

impl Serialize for SealedIdentity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for SealedIdentity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(Bytes)
    }
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = SealedIdentity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1 to {} bytes", SealedIdentity::MAX)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<SealedIdentity, E> {
        SealedIdentity::new(bytes.to_vec()).ok_or_else(|| E::invalid_length(bytes.len(), &self))
    }
}
