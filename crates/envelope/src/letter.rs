//! Letters between the centre and a device: small sealed messages that travel beside batches.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | magic `SEKISHL` and the layout version, `01` |
//! | 4 | length of the header, big endian, at most 4 KiB |
//! | … | header, CBOR: format, suite, kind, site, number, revision, recipient key id, signer key id, encapsulated key (1,120), wrapped file key (48), body salt (32) |
//! | 64 | Ed25519 signature by the sender over the domain of the kind, SHA-256 of the header's bytes, and the body |
//! | rest | body: CBOR, encrypted as the body of a batch is ([`crate::container`]), at most 48 KiB |
//!
//! Each kind has a domain of its own for the signature and for the wrapping of the key, so that a
//! letter of one kind never passes for another. The header holds nothing about a person.

use rand_core::CryptoRng;
use record::SiteId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::digest::sha256;
use crate::error::LetterError;
use crate::keys::KeyId;
use crate::octets;
use crate::signing::{SIGNATURE, SigningKey, VerifyingKey};
use crate::suite::{CorePublicKey, CoreSecretKey, ENCAPSULATED, FileKey, SUITE, WRAPPED, Wrapped};

const MAGIC: &[u8; 8] = b"SEKISHL\x01";
const FORMAT: u16 = 1;
const HEADER_MAX: usize = 4 << 10;
const BODY_MAX: usize = 48 << 10;
/// Most bytes of a letter.
pub const LETTER_MAX: usize = MAGIC.len() + 4 + HEADER_MAX + SIGNATURE + BODY_MAX;

/// What a letter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LetterKind {
    /// The centre orders a stop.
    #[serde(rename = "stop-order")]
    StopOrder,
    /// The device tells what became of a letter.
    #[serde(rename = "answer")]
    Answer,
    /// The centre tells whom it has erased.
    #[serde(rename = "erased")]
    Erased,
    /// The centre lets one account in for once.
    #[serde(rename = "emergency-code")]
    Emergency,
    /// What a device is told before it goes to its site.
    #[serde(rename = "commission")]
    Commission,
}

impl LetterKind {
    const fn domain(self) -> &'static [u8] {
        match self {
            Self::StopOrder => b"sekisho stop order v1\0",
            Self::Answer => b"sekisho letter answer v1\0",
            Self::Erased => b"sekisho erased letter v1\0",
            Self::Emergency => b"sekisho emergency code v1\0",
            Self::Commission => b"sekisho commission v1\0",
        }
    }
}

/// From where to where a letter goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterPlace {
    /// The site that it is for or from.
    pub site: SiteId,
    /// The centre's number of it: 1, 2, 3 … for each site. An answer has that of its letter.
    pub number: u64,
    /// 0 for letters of the centre; answers to one letter are counted from 1.
    pub revision: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: u16,
    suite: u16,
    kind: LetterKind,
    site: SiteId,
    number: u64,
    revision: u32,
    recipient: KeyId,
    signer: KeyId,
    #[serde(with = "octets")]
    encapsulated: [u8; ENCAPSULATED],
    #[serde(with = "octets")]
    wrapped: [u8; WRAPPED],
    #[serde(with = "octets")]
    salt: [u8; 32],
}

#[derive(Deserialize)]
struct Versions {
    format: u16,
    suite: u16,
}

/// What kind of letter bytes claim to be. Nothing is verified.
///
/// # Errors
/// They are no letter that this version knows.
pub fn letter_kind(bytes: &[u8]) -> Result<LetterKind, LetterError> {
    Ok(split(bytes)?.0.kind)
}

pub(crate) fn seal(
    kind: LetterKind,
    place: &LetterPlace,
    content: &impl Serialize,
    recipient: &CorePublicKey,
    signer: &SigningKey,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, LetterError> {
    // Room for everything, so that no copy is left behind by growing.
    let mut plain = Zeroizing::new(Vec::with_capacity(BODY_MAX));
    serde_cbor::to_writer(&mut *plain, content).map_err(|_| LetterError::Encode)?;
    seal_bytes(kind, place, &plain, recipient, signer, rng)
}

/// Seals content that is encoded already.
pub(crate) fn seal_bytes(
    kind: LetterKind,
    place: &LetterPlace,
    plain: &[u8],
    recipient: &CorePublicKey,
    signer: &SigningKey,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, LetterError> {
    if plain.len() + 16 > BODY_MAX {
        return Err(LetterError::TooLarge);
    }
    let file_key = FileKey::generate(rng);
    let info = info(kind, place, recipient.id(), signer.id());
    let wrapped = recipient
        .wrap(&file_key, &info, rng)
        .map_err(|_| LetterError::Encode)?;
    let header = Header {
        format: FORMAT,
        suite: SUITE,
        kind,
        site: place.site.clone(),
        number: place.number,
        revision: place.revision,
        recipient: recipient.id(),
        signer: signer.id(),
        encapsulated: wrapped.encapsulated,
        wrapped: wrapped.key,
        salt: file_key.salt(plain),
    };
    let header_bytes = serde_cbor::to_vec(&header).map_err(|_| LetterError::Encode)?;
    let digest = sha256(&header_bytes);
    let body = file_key
        .body_key(&header.salt)
        .and_then(|key| key.encrypt(plain, &digest))
        .map_err(|_| LetterError::Encode)?;
    let signed = [digest.as_slice(), &body].concat();
    let signature = signer
        .sign(kind.domain(), &signed)
        .map_err(|_| LetterError::Encode)?;
    let length = u32::try_from(header_bytes.len()).map_err(|_| LetterError::TooLarge)?;
    let parts: [&[u8]; 5] = [
        MAGIC,
        &length.to_be_bytes(),
        &header_bytes,
        &signature,
        &body,
    ];
    Ok(parts.concat())
}

/// The site that a letter names. Nothing is verified.
pub(crate) fn site_of(bytes: &[u8]) -> Result<SiteId, LetterError> {
    Ok(split(bytes)?.0.site)
}

/// Opens a letter of one kind for one site, signed by one key.
pub(crate) fn open<T: DeserializeOwned>(
    kind: LetterKind,
    site: &SiteId,
    bytes: &[u8],
    signer: &VerifyingKey,
    key: &CoreSecretKey,
) -> Result<(LetterPlace, T), LetterError> {
    let (header, header_bytes, signature, body) = split(bytes)?;
    if header.kind != kind {
        return Err(LetterError::OtherKind);
    }
    if header.site != *site {
        return Err(LetterError::ForeignSite);
    }
    let digest = sha256(header_bytes);
    let signed = [digest.as_slice(), body].concat();
    if header.signer != signer.id() || !signer.verifies(kind.domain(), &signed, signature) {
        return Err(LetterError::Forged);
    }
    if header.recipient != key.id() {
        return Err(LetterError::OtherRecipient);
    }
    let place = LetterPlace {
        site: header.site.clone(),
        number: header.number,
        revision: header.revision,
    };
    let wrapped = Wrapped {
        encapsulated: header.encapsulated,
        key: header.wrapped,
    };
    let info = info(kind, &place, header.recipient, header.signer);
    let file_key = key
        .unwrap(&wrapped, &info)
        .map_err(|_| LetterError::Undecryptable)?;
    let plain = file_key
        .body_key(&header.salt)
        .map_err(|_| LetterError::Undecryptable)?
        .decrypt(body, &digest)
        .map(Zeroizing::new)
        .map_err(|_| LetterError::Undecryptable)?;
    if file_key.salt(&plain) != header.salt {
        return Err(LetterError::Undecryptable);
    }
    let content = serde_cbor::from_slice(&plain).map_err(|_| LetterError::Malformed)?;
    Ok((place, content))
}

type Split<'a> = (Header, &'a [u8], &'a [u8; SIGNATURE], &'a [u8]);

fn split(bytes: &[u8]) -> Result<Split<'_>, LetterError> {
    if bytes.len() > LETTER_MAX {
        return Err(LetterError::TooLarge);
    }
    let rest = bytes.strip_prefix(MAGIC).ok_or(LetterError::NotALetter)?;
    let (length, rest) = rest
        .split_first_chunk::<4>()
        .ok_or(LetterError::NotALetter)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if length > HEADER_MAX {
        return Err(LetterError::TooLarge);
    }
    let (header, rest) = rest
        .split_at_checked(length)
        .ok_or(LetterError::NotALetter)?;
    let (signature, body) = rest.split_first_chunk().ok_or(LetterError::NotALetter)?;
    let versions: Versions = serde_cbor::from_slice(header).map_err(|_| LetterError::NotALetter)?;
    if (versions.format, versions.suite) != (FORMAT, SUITE) {
        return Err(LetterError::UnknownFormat);
    }
    let read = serde_cbor::from_slice(header).map_err(|_| LetterError::NotALetter)?;
    Ok((read, header, signature, body))
}

/// What the wrapping of the file key is bound to. The site comes last, so no two inputs collide.
fn info(kind: LetterKind, place: &LetterPlace, recipient: KeyId, signer: KeyId) -> Vec<u8> {
    let fixed: [&[u8]; 7] = [
        kind.domain(),
        &FORMAT.to_be_bytes(),
        &SUITE.to_be_bytes(),
        &place.number.to_be_bytes(),
        &place.revision.to_be_bytes(),
        recipient.as_bytes(),
        signer.as_bytes(),
    ];
    let mut info = fixed.concat();
    info.extend_from_slice(place.site.as_str().as_bytes());
    info
}

#[cfg(test)]
mod tests;
