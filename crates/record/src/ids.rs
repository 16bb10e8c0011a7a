//! Identifiers that may be seen: of sites, batches, and keyed references to what they hide.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not an identifier of the asked kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdError;

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a valid identifier")
    }
}

impl std::error::Error for IdError {}

/// A site (医療情報取扱事業者): 3 to 20 characters of `A-Z`, `0-9` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SiteId(String);

impl SiteId {
    /// The text of the identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SiteId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let letters = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
        let fits = (3..=20).contains(&text.len()) && text.bytes().all(letters);
        fits.then(|| Self(text.to_owned())).ok_or(IdError)
    }
}

impl TryFrom<String> for SiteId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<SiteId> for String {
    fn from(id: SiteId) -> Self {
        id.0
    }
}

impl fmt::Display for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// Wraps raw bytes.
            pub const fn new(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The raw bytes.
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let mut bytes = [0; $bytes];
                hex_into(text, &mut bytes)?;
                Ok(Self(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                d.deserialize_bytes(FixedBytes::<$bytes>).map(Self)
            }
        }
    };
}

opaque_id!(
    /// A patient of one site: the keyed reference that stands for the chart number (site key).
    /// Two sites give different references to the same chart number.
    SubjectRef,
    16
);
opaque_id!(
    /// One document of one site across its versions: the keyed form of
    /// (patient, care date, kind, order number).
    DocumentRef,
    16
);
opaque_id!(
    /// An order number re-keyed per site, so that orders and results still join inside a site.
    OrderRef,
    16
);
opaque_id!(
    /// A member of staff, or a licence: the keyed token that stands for the number (staff key).
    /// Two sites give different tokens unless they share that key.
    StaffRef,
    16
);
opaque_id!(
    /// A sealed batch: SHA-256 of its sealed bytes.
    BatchId,
    32
);
opaque_id!(
    /// One person at the centre (研究用ID): random, minted once, never re-used.
    ResearchId,
    16
);

fn hex_into(text: &str, bytes: &mut [u8]) -> Result<(), IdError> {
    let digits = text.as_bytes();
    if digits.len() != bytes.len() * 2 {
        return Err(IdError);
    }
    for (pair, byte) in digits.chunks_exact(2).zip(bytes) {
        let &[high, low] = pair else {
            return Err(IdError);
        };
        *byte = hex_digit(high)? << 4 | hex_digit(low)?;
    }
    Ok(())
}

fn hex_digit(byte: u8) -> Result<u8, IdError> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(IdError),
    }
}

struct FixedBytes<const N: usize>;

impl<'de, const N: usize> serde::de::Visitor<'de> for FixedBytes<N> {
    type Value = [u8; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{N} bytes")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<[u8; N], E> {
        bytes
            .try_into()
            .map_err(|_| E::invalid_length(bytes.len(), &self))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<[u8; N], A::Error> {
        let mut bytes = [0; N];
        for (index, byte) in bytes.iter_mut().enumerate() {
            let next = seq.next_element()?;
            *byte = next.ok_or_else(|| serde::de::Error::invalid_length(index, &self))?;
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_id_takes_only_its_closed_alphabet() {
        for (text, valid) in [
            ("1310000001", true),
            ("HOSP-A", true),
            ("ab", false),
            ("HOSP A", false),
            ("../etc", false),
            ("病院", false),
            ("A23456789012345678901", false),
        ] {
            assert_eq!(text.parse::<SiteId>().is_ok(), valid, "{text}");
        }
    }

    #[test]
    fn opaque_ids_round_trip_through_hex_and_cbor() {
        let id = BatchId::new(std::array::from_fn(|i| i as u8 * 7));
        assert_eq!(id.to_string().parse(), Ok(id));
        let bytes = serde_cbor::to_vec(&id).unwrap();
        assert_eq!(bytes.len(), 34);
        assert_eq!(serde_cbor::from_slice::<BatchId>(&bytes).unwrap(), id);
        assert!("zz".parse::<SubjectRef>().is_err());
        assert!(serde_cbor::from_slice::<SubjectRef>(&bytes).is_err());
    }
}
