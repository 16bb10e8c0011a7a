//! The identity envelope: who a person is, sealed for the vault. The vault's key is another than
//! the core's, and nobody has it whole: any two of its holders can put it together ([`Share`]).
//!
//! # Bytes
//!
//! Version 1 (one byte), id of the vault's key (8), encapsulated key (1,120), wrapped file key
//! (48), salt (32), and the body: AES-256-GCM over CBOR that is filled up to a multiple of 256
//! bytes, so that its length tells nothing about a name. The wrapping is bound to site and subject:
//! an envelope that is moved to somebody else does not open.
//!
//! The same person under the same keys gives the same bytes: what would be random is drawn from a
//! keyed function of everything that is sealed. So a device sees that nothing changed.

mod shares;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use privacy::Prf;
use privacy::separate::SealedIdentity;
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng as _};
use record::{ChartNumber, Identity, SiteId, SubjectRef};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

pub use shares::{HOLDERS_MAX, LockedVault, Share, ShareError};

use crate::digest::sha256;
use crate::keys::{KeyError, KeyId};
use crate::mac::MacKey;
use crate::suite::{CorePublicKey, CoreSecretKey, ENCAPSULATED, FileKey, WRAPPED, Wrapped};
use crate::text_form;

const VERSION: u8 = 1;
const WRAP_DOMAIN: &[u8] = b"sekisho identity envelope v1";
const SEED_DOMAIN: &[u8] = b"sekisho identity envelope seed v1";
const FILL: usize = 256;
const HEAD: usize = 1 + 8 + ENCAPSULATED + WRAPPED + 32;

/// Most bytes of an envelope.
pub const ENVELOPE_MAX: usize = SealedIdentity::MAX;

/// Why an envelope does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// Not the layout.
    #[error("the bytes are no identity envelope")]
    Malformed,
    /// It was sealed for another vault.
    #[error("the envelope was sealed for another key")]
    OtherKey,
    /// It was changed, or is somebody else's.
    #[error("the envelope was changed, or belongs to somebody else")]
    Decrypt,
}

/// The public key of a vault, 1,216 bytes.
///
/// Text form: `sekisho-vault-public-v1:` and 2,432 hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct VaultPublicKey(CorePublicKey);

impl VaultPublicKey {
    /// The id of the key.
    pub fn id(&self) -> KeyId {
        self.0.id()
    }

    /// Seals who a person is. `site_key` is the site's own, which the centre does not have.
    ///
    /// # Errors
    /// The identity is larger than an envelope may be.
    pub fn seal(
        &self,
        identity: &Identity,
        chart: &ChartNumber,
        (site, subject): (&SiteId, &SubjectRef),
        site_key: &dyn Prf,
    ) -> Result<Vec<u8>, EnvelopeError> {
        let plain = encode(identity, chart)?;
        let place = place(site, subject, self.id());
        let mut seed = Zeroizing::new([SEED_DOMAIN, &place].concat());
        seed.extend_from_slice(&plain);
        let mut rng = ChaCha20Rng::from_seed(site_key.prf(&seed));
        let file_key = FileKey::generate(&mut rng);
        let wrapped = self.0.wrap(&file_key, &place, &mut rng);
        let wrapped = wrapped.map_err(|_| EnvelopeError::Malformed)?;
        let salt = file_key.salt(&plain);
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(self.id().as_bytes());
        bytes.extend_from_slice(&wrapped.encapsulated);
        bytes.extend_from_slice(&wrapped.key);
        bytes.extend_from_slice(&salt);
        let body = file_key
            .body_key(&salt)
            .and_then(|key| key.encrypt(&plain, &sha256(&bytes)));
        bytes.extend(body.map_err(|_| EnvelopeError::Malformed)?);
        match bytes.len() <= ENVELOPE_MAX {
            true => Ok(bytes),
            false => Err(EnvelopeError::Malformed),
        }
    }
}

/// The vault as one site uses it.
pub struct SiteVault {
    /// The vault's public key.
    pub key: VaultPublicKey,
    /// The site.
    pub site: SiteId,
    /// The site's own key, which the centre does not have.
    pub site_key: MacKey,
}

impl privacy::separate::Vault for SiteVault {
    fn seal(
        &self,
        identity: &Identity,
        chart: &ChartNumber,
        subject: &SubjectRef,
    ) -> Option<Vec<u8>> {
        let place = (&self.site, subject);
        let sealed = self.key.seal(identity, chart, place, &self.site_key);
        sealed.ok()
    }
}

impl FromStr for VaultPublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        CorePublicKey::from_text(text_form::VAULT_PUBLIC, text).map(Self)
    }
}

impl fmt::Display for VaultPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text_form::format(
            text_form::VAULT_PUBLIC,
            &self.0.to_bytes(),
        ))
    }
}

impl fmt::Debug for VaultPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VaultPublicKey({})", self.id())
    }
}

/// The secret key of a vault. It has no text form: it exists while it is made and while two holders
/// open an envelope, and does not print.
pub struct VaultSecretKey {
    seed: Zeroizing<[u8; 32]>,
    key: CoreSecretKey,
    public: VaultPublicKey,
}

impl fmt::Debug for VaultSecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VaultSecretKey({})", self.public.id())
    }
}

impl VaultSecretKey {
    /// Draws a new key.
    ///
    /// # Errors
    /// None for 32 bytes today; the library beneath reserves the right to refuse.
    pub fn generate(rng: &mut impl CryptoRng) -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Self::from_seed(seed)
    }

    fn from_seed(seed: [u8; 32]) -> Result<Self, KeyError> {
        let key = CoreSecretKey::from_seed(seed)?;
        let public = VaultPublicKey(key.public().clone());
        let seed = Zeroizing::new(seed);
        Ok(Self { seed, key, public })
    }

    /// The public half.
    pub const fn public(&self) -> &VaultPublicKey {
        &self.public
    }

    /// Opens the envelope of a subject.
    ///
    /// # Errors
    /// It was sealed for another vault, changed, or is somebody else's.
    pub fn open(
        &self,
        (site, subject): (&SiteId, &SubjectRef),
        envelope: &[u8],
    ) -> Result<Person, EnvelopeError> {
        if envelope_key(envelope)? != *self.public.id().as_bytes() {
            return Err(EnvelopeError::OtherKey);
        }
        let malformed = EnvelopeError::Malformed;
        let (head, body) = envelope.split_at_checked(HEAD).ok_or(malformed)?;
        let rest = head.get(9..).ok_or(malformed)?;
        let (encapsulated, rest) = rest.split_first_chunk::<ENCAPSULATED>().ok_or(malformed)?;
        let (key, salt) = rest.split_first_chunk::<WRAPPED>().ok_or(malformed)?;
        let salt: [u8; 32] = salt.try_into().map_err(|_| malformed)?;
        let wrapped = Wrapped {
            encapsulated: *encapsulated,
            key: *key,
        };
        let decrypt = EnvelopeError::Decrypt;
        let file_key = self
            .key
            .unwrap(&wrapped, &place(site, subject, self.public.id()))
            .map_err(|_| decrypt)?;
        let body_key = file_key.body_key(&salt).map_err(|_| decrypt)?;
        let plain = body_key.decrypt(body, &sha256(head)).map_err(|_| decrypt)?;
        let plain = Zeroizing::new(plain);
        let mut reader = serde_cbor::Deserializer::from_slice(&plain);
        Written::deserialize(&mut reader)
            .map(Person::from)
            .map_err(|_| decrypt)
    }
}

/// The id of the vault's key that an envelope was sealed for.
///
/// # Errors
/// The bytes are no envelope.
pub fn envelope_key(envelope: &[u8]) -> Result<[u8; 8], EnvelopeError> {
    match envelope.split_first_chunk::<9>() {
        Some((&[VERSION, ref id @ ..], _)) if (HEAD..=ENVELOPE_MAX).contains(&envelope.len()) => {
            Ok(*id)
        }
        _ => Err(EnvelopeError::Malformed),
    }
}

/// What wrapping and seed are bound to. The site comes last, so no two inputs collide.
fn place(site: &SiteId, subject: &SubjectRef, key: KeyId) -> Vec<u8> {
    let fixed: [&[u8]; 3] = [WRAP_DOMAIN, key.as_bytes(), subject.as_bytes()];
    let mut place = fixed.concat();
    place.extend_from_slice(site.as_str().as_bytes());
    place
}

/// A name in two parts.
pub type PersonName = (String, String);

/// Who a person is, out of an opened envelope. Wiped when dropped; it does not print.
#[derive(Default, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Person {
    /// The site's number of the patient.
    pub chart: String,
    /// Family and given name in kanji.
    pub kanji: Option<PersonName>,
    /// Family and given name in kana.
    pub kana: Option<PersonName>,
    /// Day of birth, `YYYY-MM-DD`.
    pub birth: Option<String>,
    /// One letter.
    pub sex: Option<String>,
    /// Insurer, symbol, number and branch of each card.
    pub cards: Vec<[String; 4]>,
}

/// The same as it is sealed, and nowhere else written.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Written {
    chart: String,
    kanji: Option<PersonName>,
    kana: Option<PersonName>,
    birth: Option<String>,
    sex: Option<String>,
    cards: Vec<[String; 4]>,
}

impl From<Written> for Person {
    fn from(mut written: Written) -> Self {
        Self {
            chart: std::mem::take(&mut written.chart),
            kanji: written.kanji.take(),
            kana: written.kana.take(),
            birth: written.birth.take(),
            sex: written.sex.take(),
            cards: std::mem::take(&mut written.cards),
        }
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person([hidden])")
    }
}

/// Names and numbers. Addresses and telephone numbers stay behind.
fn encode(identity: &Identity, chart: &ChartNumber) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let name = |name: &record::identity::Name| {
        (
            name.family.expose().to_owned(),
            name.given.expose().to_owned(),
        )
    };
    let card = |card: &record::identity::Insurance| {
        [&card.insurer, &card.symbol, &card.number, &card.branch]
            .map(|field| field.expose().to_owned())
    };
    let person = Written {
        chart: chart.expose().to_owned(),
        kanji: identity.kanji.as_ref().map(name),
        kana: identity.kana.as_ref().map(name),
        birth: identity.birth.map(|birth| birth.expose().to_string()),
        sex: identity.sex.map(|sex| sex.as_str().to_owned()),
        cards: identity.insurance.iter().map(card).collect(),
    };
    // Room for everything that fits: growing would leave unwiped copies behind.
    let mut plain = Zeroizing::new(Vec::with_capacity(ENVELOPE_MAX));
    serde_cbor::to_writer(&mut *plain, &person).map_err(|_| EnvelopeError::Malformed)?;
    let filled = plain.len().next_multiple_of(FILL);
    plain.resize(filled, 0);
    Ok(plain)
}
