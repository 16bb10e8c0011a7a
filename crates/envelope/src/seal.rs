//! Closing a batch at a site, after which only the core can open it.

use privacy::separate::{Erasure, Separated};
use privacy::tokens::FilterParameters;
use rand_core::CryptoRng;
use record::BatchId;
use record::dictionary::Term;

use crate::body::{chunks, encrypted_length};
use crate::container::{HEADER_MAX, MANIFEST_MAX, SIGN_DOMAIN, Writer};
use crate::content::{self, Counts, Item};
use crate::digest::sha256;
use crate::error::SealError;
use crate::header::{FORMAT, Header, Recipient, wrap_info};
use crate::manifest::{BodySeal, Manifest, ManifestDraft};
use crate::open::Limits;
use crate::signing::SigningKey;
use crate::suite::{CorePublicKey, FileKey, SUITE};

/// Room for manifest and signature of a usual batch, so that its bytes need not move.
const MANIFEST_USUAL: usize = 16 << 10;

/// A sealed batch.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// SHA-256 of the bytes.
    pub id: BatchId,
    /// The batch as it travels.
    pub bytes: Vec<u8>,
    /// Its manifest.
    pub manifest: Manifest,
    /// SHA-256 of the manifest's bytes: what the next batch names as `previous`.
    pub manifest_digest: [u8; 32],
}

/// For which keys of the core a batch is sealed: the one in use and, while the core changes it,
/// the next one. Either opens the batch alone.
#[derive(Debug, Clone, Copy)]
pub struct Recipients<'a> {
    now: &'a CorePublicKey,
    next: Option<&'a CorePublicKey>,
}

impl<'a> Recipients<'a> {
    /// Two keys; the same key twice is that key.
    pub fn during_change(now: &'a CorePublicKey, next: Option<&'a CorePublicKey>) -> Self {
        let next = next.filter(|next| next.id() != now.id());
        Self { now, next }
    }

    fn keys(self) -> impl Iterator<Item = &'a CorePublicKey> {
        std::iter::once(self.now).chain(self.next)
    }
}

impl<'a> From<&'a CorePublicKey> for Recipients<'a> {
    fn from(now: &'a CorePublicKey) -> Self {
        Self { now, next: None }
    }
}

/// Seals subjects for the core. The same arguments and the same random bytes give the same batch.
///
/// # Errors
/// The batch is larger than the default [`Limits`], the tokens are mixed, or a key is unusable.
pub fn seal<'r>(
    draft: ManifestDraft,
    subjects: Vec<Separated>,
    recipients: impl Into<Recipients<'r>>,
    signer: &SigningKey,
    rng: &mut impl CryptoRng,
) -> Result<Sealed, SealError> {
    let items = subjects
        .into_iter()
        .map(Item::new)
        .collect::<Result<_, _>>()?;
    seal_items(draft, items, recipients, signer, rng)
}

/// [`seal`] of subjects that are encoded already.
///
/// # Errors
/// See [`seal`].
pub fn seal_items<'r>(
    draft: ManifestDraft,
    items: Vec<Item>,
    recipients: impl Into<Recipients<'r>>,
    signer: &SigningKey,
    rng: &mut impl CryptoRng,
) -> Result<Sealed, SealError> {
    let body = Body {
        items,
        ..Body::default()
    };
    seal_body(draft, body, recipients, signer, rng)
}

/// What a batch is made of.
#[derive(Debug, Default)]
pub struct Body<'a> {
    /// Subjects, encoded already.
    pub items: Vec<Item>,
    /// Of whom everything that came before is to be erased.
    pub erasures: &'a [Erasure],
    /// Lines of the site dictionary.
    pub terms: &'a [Term],
}

/// [`seal_items`] with the word that everything of other subjects which came before is to be
/// erased.
///
/// # Errors
/// See [`seal`].
pub fn seal_with_erasures<'r>(
    draft: ManifestDraft,
    items: Vec<Item>,
    erasures: &[Erasure],
    recipients: impl Into<Recipients<'r>>,
    signer: &SigningKey,
    rng: &mut impl CryptoRng,
) -> Result<Sealed, SealError> {
    let body = Body {
        items,
        erasures,
        terms: &[],
    };
    seal_body(draft, body, recipients, signer, rng)
}

/// [`seal_items`] with the words of erasure and the lines of the dictionary.
///
/// # Errors
/// See [`seal`].
pub fn seal_body<'r>(
    draft: ManifestDraft,
    body: Body<'_>,
    recipients: impl Into<Recipients<'r>>,
    signer: &SigningKey,
    rng: &mut impl CryptoRng,
) -> Result<Sealed, SealError> {
    let Body {
        items,
        erasures,
        terms,
    } = body;
    let (packed, counts) = content::pack(&items, erasures, terms, &Limits::default())?;
    drop(items);

    let file_key = FileKey::generate(rng);
    let wrap = |key: &CorePublicKey| wrapped(&draft, key, signer, &file_key, rng);
    let recipients = recipients
        .into()
        .keys()
        .map(wrap)
        .collect::<Result<_, _>>()?;
    let header = Header {
        format: FORMAT,
        suite: SUITE,
        site: draft.site.clone(),
        sequence: draft.sequence,
        recipients,
        signer: signer.id(),
        salt: file_key.salt(&packed),
    };
    let header_bytes = encode(&header, HEADER_MAX)?;
    let header_digest = sha256(&header_bytes);

    let body_key = file_key
        .body_key(&header.salt)
        .map_err(|_| SealError::Key)?;
    let length = encrypted_length(packed.len());
    let mut batch = Writer::new(&header_bytes, length + MANIFEST_USUAL);
    for chunk in chunks(&packed) {
        batch
            .add(|bytes| body_key.append(&chunk, &header_digest, bytes))
            .map_err(|_| SealError::TooLarge)?;
    }
    drop(packed);

    let body = BodySeal {
        len: length as u64,
        sha256: batch.so_far(),
    };
    let manifest = complete(draft, counts, body);
    let manifest_bytes = encode(&manifest, MANIFEST_MAX)?;
    let signed = [header_digest.as_slice(), &manifest_bytes].concat();
    let signature = signer
        .sign(SIGN_DOMAIN, &signed)
        .map_err(|_| SealError::Key)?;
    let (bytes, id) = batch.finish(&manifest_bytes, &signature);
    Ok(Sealed {
        id: BatchId::new(id),
        bytes,
        manifest,
        manifest_digest: sha256(&manifest_bytes),
    })
}

fn wrapped(
    draft: &ManifestDraft,
    key: &CorePublicKey,
    signer: &SigningKey,
    file_key: &FileKey,
    rng: &mut impl CryptoRng,
) -> Result<Recipient, SealError> {
    let info = wrap_info(&draft.site, draft.sequence, key.id(), signer.id());
    let wrapped = key.wrap(file_key, &info, rng).map_err(|_| SealError::Key)?;
    Ok(Recipient {
        key: key.id(),
        encapsulated: wrapped.encapsulated,
        wrapped: wrapped.key,
    })
}

fn complete(draft: ManifestDraft, counts: Counts, body: BodySeal) -> Manifest {
    let made = counts.tokens.unwrap_or_default();
    Manifest {
        format: FORMAT,
        site: draft.site,
        sequence: draft.sequence,
        previous: draft.previous,
        sealed_at: draft.sealed_at,
        gate: draft.gate,
        transport: draft.transport,
        mapping: draft.mapping,
        normaliser: made.normaliser,
        token_epoch: made.epoch,
        next_epoch: made.next,
        filters: counts.tokens.map(|_| FilterParameters::PRESENT),
        subjects: counts.subjects,
        documents: counts.documents,
        withdrawn: counts.withdrawn,
        records: counts.records,
        erased: counts.erased,
        envelopes: counts.envelopes,
        staff: counts.staff,
        institutions: counts.institutions,
        terms: counts.terms,
        quality: draft.quality,
        transfers: draft.transfers,
        body,
    }
}

fn encode(value: &impl serde::Serialize, most: usize) -> Result<Vec<u8>, SealError> {
    let bytes = serde_cbor::to_vec(value).map_err(|_| SealError::Encode)?;
    (bytes.len() <= most)
        .then_some(bytes)
        .ok_or(SealError::TooLarge)
}
