//! What travels beside orders: the device's answer to a letter, and the centre's word on whom it
//! has erased. Neither names a person but by the site's own keyed reference.

use rand_core::CryptoRng;
use record::{SiteId, SubjectRef};
use serde::{Deserialize, Serialize};

use crate::device::{DevicePublicKey, DeviceSecretKey};
use crate::error::LetterError;
use crate::letter::{self, LetterKind, LetterPlace};
use crate::signing::{SigningKey, VerifyingKey};
use crate::suite::{CorePublicKey, CoreSecretKey};

/// Most persons of whom one word of erasure tells.
pub const ERASED_AT_ONCE: usize = 1_000;

/// What became of a letter at the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// A stop order took effect: how many persons are stopped, are held until somebody decides,
    /// and were found to be somebody else. All zero: the site knows nobody whom it could mean yet.
    #[serde(rename = "applied")]
    Applied {
        /// Stopped.
        stopped: u32,
        /// Held.
        held: u32,
        /// Not meant.
        others: u32,
    },
    /// A stop order came too late to be applied.
    #[serde(rename = "expired")]
    Expired,
    /// A word of erasure or an emergency code was noted.
    #[serde(rename = "noted")]
    Noted,
    /// An emergency code let its account in.
    #[serde(rename = "used")]
    Used,
}

/// The device's answer to a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Which letter, and which answer to it.
    pub place: LetterPlace,
    /// When, in seconds since 1970.
    pub at: i64,
    /// How many entries the site's ledger had then.
    pub ledger_entries: u64,
    /// What became of it.
    pub outcome: Outcome,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerWire {
    at: i64,
    ledger_entries: u64,
    outcome: Outcome,
}

impl Answer {
    /// The sealed bytes.
    ///
    /// # Errors
    /// A key cannot be used.
    pub fn seal(
        &self,
        core: &CorePublicKey,
        site: &SigningKey,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, LetterError> {
        let wire = AnswerWire {
            at: self.at,
            ledger_entries: self.ledger_entries,
            outcome: self.outcome,
        };
        letter::seal(LetterKind::Answer, &self.place, &wire, core, site, rng)
    }

    /// Opens an answer of a site.
    ///
    /// # Errors
    /// It is not one, or not of this site.
    pub fn open(
        bytes: &[u8],
        site: &SiteId,
        signer: &VerifyingKey,
        core: &CoreSecretKey,
    ) -> Result<Self, LetterError> {
        let (place, wire): (_, AnswerWire) =
            letter::open(LetterKind::Answer, site, bytes, signer, core)?;
        if place.revision == 0 {
            return Err(LetterError::Malformed);
        }
        Ok(Self {
            place,
            at: wire.at,
            ledger_entries: wire.ledger_entries,
            outcome: wire.outcome,
        })
    }
}

/// The centre's word that nothing is left of persons of whom a batch demanded it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasedWord {
    /// The site.
    pub site: SiteId,
    /// The centre's number of the letter.
    pub number: u64,
    /// When it was written, in seconds since 1970.
    pub at: i64,
    /// The persons, each with the batch that demanded it.
    pub persons: Vec<(SubjectRef, u64)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ErasedWire {
    at: i64,
    persons: Vec<(SubjectRef, u64)>,
}

impl ErasedWord {
    /// The sealed bytes.
    ///
    /// # Errors
    /// There are more persons than [`ERASED_AT_ONCE`], or a key cannot be used.
    pub fn seal(
        &self,
        device: &DevicePublicKey,
        core: &SigningKey,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, LetterError> {
        if self.persons.len() > ERASED_AT_ONCE {
            return Err(LetterError::TooLarge);
        }
        let place = LetterPlace {
            site: self.site.clone(),
            number: self.number,
            revision: 0,
        };
        let wire = ErasedWire {
            at: self.at,
            persons: self.persons.clone(),
        };
        letter::seal(LetterKind::Erased, &place, &wire, &device.0, core, rng)
    }

    /// Opens a word for a site.
    ///
    /// # Errors
    /// It is not one, is for another site or device, or is not signed by the core.
    pub fn open(
        bytes: &[u8],
        site: &SiteId,
        core: &VerifyingKey,
        device: &DeviceSecretKey,
    ) -> Result<Self, LetterError> {
        let kind = LetterKind::Erased;
        let (place, wire): (_, ErasedWire) = letter::open(kind, site, bytes, core, &device.key)?;
        if place.revision != 0 || place.number == 0 || wire.persons.len() > ERASED_AT_ONCE {
            return Err(LetterError::Malformed);
        }
        Ok(Self {
            site: place.site,
            number: place.number,
            at: wire.at,
            persons: wire.persons,
        })
    }
}
