//! The header: where a batch is from and who can open it. Readable without any key.

use std::collections::BTreeSet;

use record::SiteId;
use serde::{Deserialize, Serialize};

use crate::container::split_header;
use crate::error::OpenError;
use crate::keys::KeyId;
use crate::octets;
use crate::suite::{ENCAPSULATED, SUITE, WRAPPED, Wrapped};

/// The format of header and manifest that this version writes.
pub(crate) const FORMAT: u16 = 1;

const WRAP_DOMAIN: &[u8] = b"sekisho file key v1\0";

/// The header of a batch. Nothing in it is proven before the signature is verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Version of header and manifest.
    pub format: u16,
    /// Which algorithms (B-112): 1 is the suite of this version.
    pub suite: u16,
    /// The site that sealed.
    pub site: SiteId,
    /// The number of the batch in the site's chain, from 1.
    pub sequence: u64,
    /// Who can open the batch: 1 to [`RECIPIENTS_MAX`] keys of the core, each once.
    pub recipients: Vec<Recipient>,
    /// The site's key that signed it.
    pub signer: KeyId,
    #[serde(with = "octets")]
    pub(crate) salt: [u8; 32],
}

/// A key of the core and the file key wrapped for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    /// Which key.
    pub key: KeyId,
    #[serde(with = "octets")]
    pub(crate) encapsulated: [u8; ENCAPSULATED],
    #[serde(with = "octets")]
    pub(crate) wrapped: [u8; WRAPPED],
}

/// Most keys for which one batch is sealed.
pub const RECIPIENTS_MAX: usize = 4;

/// What every future header also has, to tell an unknown one from a broken one.
#[derive(Deserialize)]
struct Versions {
    format: u16,
    suite: u16,
}

impl Header {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, OpenError> {
        let versions: Versions = serde_cbor::from_slice(bytes).map_err(|_| OpenError::Decode)?;
        if versions.format != FORMAT {
            return Err(OpenError::UnknownFormat);
        }
        if versions.suite != SUITE {
            return Err(OpenError::UnknownSuite);
        }
        let header: Self = serde_cbor::from_slice(bytes).map_err(|_| OpenError::Decode)?;
        let keys: BTreeSet<KeyId> = header.recipients.iter().map(|one| one.key).collect();
        let each_once = keys.len() == header.recipients.len();
        let fits = each_once && (1..=RECIPIENTS_MAX).contains(&keys.len());
        fits.then_some(header).ok_or(OpenError::Decode)
    }

    /// Whether a key of the core opens the batch.
    pub fn is_for(&self, key: KeyId) -> bool {
        self.recipient(key).is_some()
    }

    pub(crate) fn recipient(&self, key: KeyId) -> Option<&Recipient> {
        self.recipients.iter().find(|one| one.key == key)
    }
}

impl Recipient {
    pub(crate) fn wrapped(&self) -> Wrapped {
        Wrapped {
            encapsulated: self.encapsulated,
            key: self.wrapped,
        }
    }
}

/// What the wrapping of the file key is bound to. The site comes last, so no two inputs collide.
pub(crate) fn wrap_info(site: &SiteId, sequence: u64, recipient: KeyId, signer: KeyId) -> Vec<u8> {
    let fixed: [&[u8]; 6] = [
        WRAP_DOMAIN,
        &FORMAT.to_be_bytes(),
        &SUITE.to_be_bytes(),
        &sequence.to_be_bytes(),
        recipient.as_bytes(),
        signer.as_bytes(),
    ];
    let mut info = fixed.concat();
    info.extend_from_slice(site.as_str().as_bytes());
    info
}

/// Reads the header from the start of a batch: the first [`crate::container::PREFIX_MAX`] bytes
/// are always enough. Nothing is verified.
///
/// # Errors
/// The bytes are not the start of a batch that this version knows.
pub fn peek(prefix: &[u8]) -> Result<Header, OpenError> {
    Header::decode(split_header(prefix)?.0)
}
