//! Whether a batch may be taken: format, site, signature, transport, gate evidence, place in the
//! site's chain. Each refusal has a stable reason code.

use envelope::{Inspected, Manifest, OpenError, Opened, Subject, VerifyingKey};
use privacy::gate::ContractTerms;
use record::{Date, Document, DocumentState};

use crate::core::catalogue::Chain;
use crate::core::settings::{Institutions, Settings, Site};

/// Why a batch is not taken, as the catalogue and reports write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason(String);

impl Reason {
    /// The stable code.
    pub(crate) fn code(&self) -> &str {
        &self.0
    }

    /// A reason by its code.
    pub(crate) fn new(code: &str) -> Self {
        Self(code.to_owned())
    }
}

impl From<OpenError> for Reason {
    fn from(error: OpenError) -> Self {
        Self::new(match error {
            OpenError::Magic => "not_a_batch",
            OpenError::Truncated => "truncated",
            OpenError::UnknownFormat | OpenError::UnknownSuite => "newer_format",
            OpenError::UnknownRecipient => "other_recipient",
            OpenError::UnknownSigner => "unknown_signer",
            OpenError::BadSignature => "bad_signature",
            OpenError::BodyDigest => "bad_digest",
            OpenError::HeaderMismatch => "header_mismatch",
            OpenError::Decrypt => "undecryptable",
            OpenError::Decode => "malformed",
            OpenError::CountMismatch => "counts_differ",
            OpenError::TokensMismatch => "tokens_differ",
            OpenError::ForeignDocument => "foreign_document",
            OpenError::TooLarge => "too_large",
        })
    }
}

/// The site of a batch, once it is known, and its signature, once it is right.
///
/// # Errors
/// The site is not trusted, or the signature is not its own.
pub(crate) fn origin<'a>(batch: &Inspected, settings: &'a Settings) -> Result<&'a Site, Reason> {
    let site = settings
        .site(&batch.manifest.site)
        .ok_or(Reason::new("unknown_site"))?;
    batch.verify(signer(batch, site)?)?;
    Ok(site)
}

/// Which of the site's keys signed a batch, by what the batch says.
///
/// # Errors
/// None of them.
pub(crate) fn signer<'a>(batch: &Inspected, site: &'a Site) -> Result<&'a VerifyingKey, Reason> {
    let mut signers = site.signers();
    let signer = signers.find(|key| key.id() == batch.header.signer);
    signer.ok_or_else(|| OpenError::UnknownSigner.into())
}

/// Whether the manifest of a batch whose signature is right allows it to be taken on a day.
///
/// # Errors
/// The transport is not allowed, or the gate evidence does not hold (B-007).
pub(crate) fn admission(
    manifest: &Manifest,
    site: &Site,
    settings: &Settings,
    today: Date,
) -> Result<(), Reason> {
    let agreed = site.transport.is_none_or(|it| it == manifest.transport);
    if !agreed || !settings.transports.contains(&manifest.transport) {
        return Err(Reason::new("transport_not_allowed"));
    }
    let terms = ContractTerms {
        contract: site.contract.clone(),
        kind: site.contract_kind,
        products: site.products,
        mode: site.consent_mode,
        filing: site.filing_reference.clone(),
        effective_from: site.effective_from,
        leaves_on: site.leaves_on,
    };
    let fault = |fault| Reason(format!("bad_evidence:{fault}"));
    manifest.gate.check(&terms, today).map_err(fault)?;
    if manifest.envelopes > 0 && !site.identity_envelope {
        return Err(Reason::new("identity_envelope_not_agreed"));
    }
    if manifest.staff > 0 && !site.staff_tokens {
        return Err(Reason::new("staff_tokens_not_agreed"));
    }
    if manifest.institutions > 0 && site.institutions != Institutions::Keep {
        return Err(Reason::new("institutions_not_agreed"));
    }
    let persons = manifest
        .gate
        .passed()
        .saturating_add(manifest.gate.taken_back);
    persons_fit(manifest.subjects, persons)
}

/// Whether no more persons have a document that stands than the evidence says have passed: of those
/// who were withheld a batch may only take back.
///
/// # Errors
/// There are more.
pub(crate) fn content(batch: &Opened) -> Result<(), Reason> {
    let current = |document: &Document| document.state == DocumentState::Current;
    let stands = |subject: &&Subject| subject.documents.iter().any(current);
    let standing = batch.subjects.iter().filter(stands).count();
    persons_fit(standing as u64, batch.manifest.gate.passed())
}

fn persons_fit(persons: u64, most: u64) -> Result<(), Reason> {
    match persons <= most {
        true => Ok(()),
        false => Err(Reason::new("bad_evidence:persons_differ")),
    }
}

/// Whether all tokens of a batch are of epochs before the oldest that is taken.
pub(crate) fn epoch_ended(manifest: &Manifest, least: u16) -> bool {
    let newest = manifest.next_epoch.unwrap_or(manifest.token_epoch);
    manifest.subjects > 0 && newest < least
}

/// How a batch stands to the end of its site's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is the next one.
    Next,
    /// An earlier one is missing.
    Ahead,
    /// There is one at its place already.
    Taken,
    /// It is the next by number, and names another predecessor.
    Broken,
}

/// The place of a batch in its site's chain.
pub(crate) fn place(manifest: &Manifest, chain: Option<Chain>) -> Place {
    let last = chain.map_or(0, |chain| chain.sequence);
    match manifest.sequence {
        sequence if sequence <= last => Place::Taken,
        sequence if sequence > last + 1 => Place::Ahead,
        _ if manifest.previous == chain.map(|chain| chain.manifest_digest) => Place::Next,
        _ => Place::Broken,
    }
}
