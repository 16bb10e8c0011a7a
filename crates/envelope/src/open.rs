//! Checking and opening a batch, in the order: layout, header, signature, body digest, decryption,
//! content, counts.

use record::dictionary::Term;
use record::{BatchId, SubjectRef};

use crate::container::{Parts, SIGN_DOMAIN};
use crate::content::{self, Content, Subject};
use crate::digest::{Sha256, sha256};
use crate::error::OpenError;
use crate::header::{FORMAT, Header, wrap_info};
use crate::manifest::Manifest;
use crate::rewrap::Rewrapped;
use crate::signing::VerifyingKey;
use crate::suite::{CoreSecretKey, FileKey};

/// Bounds on the content of one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of content once decompressed.
    pub content_bytes: usize,
    /// Most subjects.
    pub subjects: u64,
    /// Most documents of all subjects together.
    pub documents: u64,
}

impl Default for Limits {
    /// 64 MiB, 200,000 subjects, 1,000,000 documents.
    fn default() -> Self {
        Self {
            content_bytes: 64 << 20,
            subjects: 200_000,
            documents: 1_000_000,
        }
    }
}

/// A batch whose outside was read. Nothing is proven before [`Inspected::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// SHA-256 of all bytes.
    pub id: BatchId,
    /// The header.
    pub header: Header,
    /// The manifest.
    pub manifest: Manifest,
    /// SHA-256 of the manifest's bytes: what the next batch names as `previous`.
    pub manifest_digest: [u8; 32],
    signed: Vec<u8>,
    signature: [u8; crate::signing::SIGNATURE],
}

impl Inspected {
    /// Checks the site's signature. Afterwards every byte of the batch is the site's word.
    ///
    /// # Errors
    /// The batch names another signer, or the signature is wrong.
    pub fn verify(&self, site_key: &VerifyingKey) -> Result<(), OpenError> {
        if self.header.signer != site_key.id() {
            return Err(OpenError::UnknownSigner);
        }
        let verifies = site_key.verifies(SIGN_DOMAIN, &self.signed, &self.signature);
        verifies.then_some(()).ok_or(OpenError::BadSignature)
    }
}

/// A batch that was verified and opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// SHA-256 of all bytes.
    pub id: BatchId,
    /// The verified manifest.
    pub manifest: Manifest,
    /// SHA-256 of the manifest's bytes: what the next batch names as `previous`.
    pub manifest_digest: [u8; 32],
    /// Of whom everything that came before is to be erased. It goes before the content.
    pub erased: Vec<SubjectRef>,
    /// Lines of the site dictionary.
    pub terms: Vec<Term>,
    /// The content.
    pub subjects: Vec<Subject>,
}

/// Reads header and manifest of a whole batch and checks that they agree with each other and that
/// the body is the one which the manifest names. Takes no key.
///
/// # Errors
/// Whatever is wrong with the outside of the batch.
pub fn inspect(bytes: &[u8]) -> Result<Inspected, OpenError> {
    let parts = Parts::split(bytes)?;
    let header = Header::decode(parts.header)?;
    let manifest = Manifest::decode(parts.manifest)?;
    if manifest.format != FORMAT
        || manifest.site != header.site
        || manifest.sequence != header.sequence
    {
        return Err(OpenError::HeaderMismatch);
    }
    if manifest.body.len != parts.body.len() as u64 {
        return Err(OpenError::BodyDigest);
    }
    let (before, rest) = bytes
        .split_at_checked(parts.before_manifest())
        .ok_or(OpenError::Truncated)?;
    let mut digest = Sha256::new();
    digest.update(before);
    if manifest.body.sha256 != digest.clone().finish() {
        return Err(OpenError::BodyDigest);
    }
    digest.update(rest);
    Ok(Inspected {
        id: BatchId::new(digest.finish()),
        manifest_digest: sha256(parts.manifest),
        signed: [sha256(parts.header).as_slice(), parts.manifest].concat(),
        signature: *parts.signature,
        header,
        manifest,
    })
}

/// Verifies and opens a batch within the default [`Limits`].
///
/// # Errors
/// Whatever is wrong with the batch; nothing of its content is given then.
pub fn open(
    bytes: &[u8],
    site_key: &VerifyingKey,
    core: &CoreSecretKey,
) -> Result<Opened, OpenError> {
    open_within(bytes, site_key, core, &Limits::default())
}

/// Verifies and opens a batch.
///
/// # Errors
/// Whatever is wrong with the batch; nothing of its content is given then.
pub fn open_within(
    bytes: &[u8],
    site_key: &VerifyingKey,
    core: &CoreSecretKey,
    limits: &Limits,
) -> Result<Opened, OpenError> {
    open_by(bytes, site_key, limits, |inspected| {
        file_key(&inspected.header, core)
    })
}

/// Verifies a batch and opens it by a key that it was not sealed for.
///
/// # Errors
/// See [`open_within`].
pub fn open_rewrapped(
    bytes: &[u8],
    beside: &Rewrapped,
    site_key: &VerifyingKey,
    core: &CoreSecretKey,
    limits: &Limits,
) -> Result<Opened, OpenError> {
    open_by(bytes, site_key, limits, |inspected| {
        beside.file_key(&inspected.id, core)
    })
}

/// The file key as the header has it.
pub(crate) fn file_key(header: &Header, core: &CoreSecretKey) -> Result<FileKey, OpenError> {
    let recipient = header.recipient(core.id());
    let recipient = recipient.ok_or(OpenError::UnknownRecipient)?;
    let info = wrap_info(&header.site, header.sequence, core.id(), header.signer);
    core.unwrap(&recipient.wrapped(), &info)
        .map_err(|_| OpenError::Decrypt)
}

fn open_by(
    bytes: &[u8],
    site_key: &VerifyingKey,
    limits: &Limits,
    file_key: impl FnOnce(&Inspected) -> Result<FileKey, OpenError>,
) -> Result<Opened, OpenError> {
    let inspected = inspect(bytes)?;
    inspected.verify(site_key)?;
    let file_key = file_key(&inspected)?;
    let Inspected {
        id,
        header,
        manifest,
        manifest_digest,
        ..
    } = inspected;
    let parts = Parts::split(bytes)?;
    let body_key = file_key
        .body_key(&header.salt)
        .map_err(|_| OpenError::Decrypt)?;
    let packed = body_key.decrypt(parts.body, &sha256(parts.header))?;
    if file_key.salt(&packed) != header.salt {
        return Err(OpenError::Decrypt);
    }
    let Content {
        erased,
        terms,
        subjects,
    } = content::unpack(&packed, &manifest, limits)?;
    Ok(Opened {
        id,
        manifest,
        manifest_digest,
        erased,
        terms,
        subjects,
    })
}
