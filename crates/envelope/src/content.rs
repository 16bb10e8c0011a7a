//! The plain body: one CBOR item for each subject, before them the list of those to be erased and
//! the lines of the site dictionary, if there are any, and the counts that the manifest states.

use std::collections::BTreeMap;
use std::fmt;

use privacy::separate::{Erasure, SealedIdentity, Separated};
use privacy::tokens::{FilterParameters, LinkageTokens};
use record::content::Who;
use record::dictionary::Term;
use record::{DataKind, Document, DocumentState, ResourceKind, SubjectRef};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Serialize};

use crate::error::{OpenError, SealError};
use crate::manifest::Manifest;
use crate::open::Limits;
use crate::packing;

/// One subject of a batch: tokens to link by, and what is said about them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The site's keyed reference to the patient.
    #[serde(rename = "s")]
    pub subject: SubjectRef,
    /// The linkage tokens.
    #[serde(rename = "t")]
    pub tokens: LinkageTokens,
    /// The same of the next epoch, while the site changes its key.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub next: Option<LinkageTokens>,
    /// Who the person is, sealed for the vault. The core carries it and cannot open it.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<SealedIdentity>,
    /// The documents, each in its newest version.
    #[serde(rename = "d")]
    pub documents: Vec<Document>,
}

/// [`Subject`] on the way out, by reference.
#[derive(Serialize)]
struct Outgoing<'a> {
    #[serde(rename = "s")]
    subject: SubjectRef,
    #[serde(rename = "t")]
    tokens: &'a LinkageTokens,
    #[serde(rename = "n", skip_serializing_if = "Option::is_none")]
    next: Option<&'a LinkageTokens>,
    #[serde(rename = "v", skip_serializing_if = "Option::is_none")]
    envelope: Option<&'a SealedIdentity>,
    #[serde(rename = "d")]
    documents: &'a [Document],
}

/// How the tokens of a batch were made. It is the same for all of its subjects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) normaliser: u16,
    pub(crate) epoch: u16,
    pub(crate) next: Option<u16>,
}

impl Made {
    /// That of one subject. Both sets of tokens tell of one identity, by one normaliser, and the
    /// later epoch stands second: anything else is not what a site makes.
    fn of(tokens: &LinkageTokens, next: Option<&LinkageTokens>) -> Result<Self, Misfit> {
        let fits =
            |next: &LinkageTokens| next.version == tokens.version && next.epoch > tokens.epoch;
        match next.is_none_or(fits) {
            true => Ok(Self {
                normaliser: tokens.version,
                epoch: tokens.epoch,
                next: next.map(|next| next.epoch),
            }),
            false => Err(Misfit::Tokens),
        }
    }
}

/// What the manifest states about the content.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) tokens: Option<Made>,
    pub(crate) subjects: u64,
    pub(crate) documents: BTreeMap<DataKind, u64>,
    pub(crate) withdrawn: u64,
    pub(crate) records: BTreeMap<ResourceKind, u64>,
    pub(crate) erased: u64,
    pub(crate) envelopes: u64,
    pub(crate) staff: u64,
    pub(crate) institutions: u64,
    pub(crate) terms: u64,
}

/// A subject that does not fit the batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    Tokens,
    Document,
}

impl Counts {
    fn add(
        &mut self,
        subject: SubjectRef,
        made: Made,
        documents: &[Document],
    ) -> Result<(), Misfit> {
        if *self.tokens.get_or_insert(made) != made {
            return Err(Misfit::Tokens);
        }
        self.subjects += 1;
        for document in documents {
            if document.subject != subject {
                return Err(Misfit::Document);
            }
            *self.documents.entry(document.kind).or_default() += 1;
            self.withdrawn += u64::from(document.state == DocumentState::Withdrawn);
            for record in &document.records {
                *self.records.entry(record.kind()).or_default() += 1;
            }
            for participant in &document.participants {
                match participant.who {
                    Who::Staff(_) => self.staff += 1,
                    Who::Institution(_) => self.institutions += 1,
                }
            }
        }
        Ok(())
    }

    fn join(&mut self, other: &Self) -> Result<(), Misfit> {
        if let Some(made) = other.tokens
            && *self.tokens.get_or_insert(made) != made
        {
            return Err(Misfit::Tokens);
        }
        self.subjects += other.subjects;
        self.withdrawn += other.withdrawn;
        self.envelopes += other.envelopes;
        self.staff += other.staff;
        self.institutions += other.institutions;
        for (kind, count) in &other.documents {
            *self.documents.entry(*kind).or_default() += count;
        }
        for (kind, count) in &other.records {
            *self.records.entry(*kind).or_default() += count;
        }
        Ok(())
    }

    fn number_of_documents(&self) -> u64 {
        self.documents.values().sum()
    }

    fn check(&self, manifest: &Manifest) -> Result<(), OpenError> {
        let stated = Made {
            normaliser: manifest.normaliser,
            epoch: manifest.token_epoch,
            next: manifest.next_epoch,
        };
        if self.tokens.unwrap_or_default() != stated {
            return Err(OpenError::TokensMismatch);
        }
        let present = |filters| filters == FilterParameters::PRESENT;
        if !manifest.filters.is_none_or(present) {
            return Err(OpenError::TokensMismatch);
        }
        let equal = self.subjects == manifest.subjects
            && self.documents == manifest.documents
            && self.withdrawn == manifest.withdrawn
            && self.erased == manifest.erased
            && self.envelopes == manifest.envelopes
            && self.staff == manifest.staff
            && self.institutions == manifest.institutions
            && self.terms == manifest.terms
            && self.records == manifest.records;
        equal.then_some(()).ok_or(OpenError::CountMismatch)
    }
}

/// One subject of a batch, encoded. Made from what was separated and from nothing else, by any
/// thread; sealing only joins items.
pub struct Item {
    bytes: Vec<u8>,
    counts: Counts,
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Item({} documents)", self.documents())
    }
}

impl Item {
    /// Encodes a subject.
    ///
    /// # Errors
    /// A document is of another subject, or cannot be encoded.
    pub fn new(separated: Separated) -> Result<Self, SealError> {
        Self::select(separated, |_, _| true)
    }

    /// Encodes a subject with those documents that `keep` wants, who sees each as it is and
    /// encoded.
    ///
    /// # Errors
    /// A document is of another subject, or cannot be encoded.
    pub fn select(
        mut separated: Separated,
        mut keep: impl FnMut(&Document, &[u8]) -> bool,
    ) -> Result<Self, SealError> {
        let mut documents = Vec::new();
        let mut failed = false;
        separated.retain_documents(|document| {
            let start = documents.len();
            failed |= serde_cbor::to_writer(&mut documents, document).is_err();
            let kept = keep(document, documents.get(start..).unwrap_or_default());
            if !kept {
                documents.truncate(start);
            }
            kept
        });
        let subject = separated.subject();
        let mut counts = Counts::default();
        let made = Made::of(&subject.tokens, subject.next.as_ref())?;
        counts.add(subject.subject, made, separated.documents())?;
        counts.envelopes = u64::from(subject.envelope.is_some());
        let outgoing = Outgoing {
            subject: subject.subject,
            tokens: &subject.tokens,
            next: subject.next.as_ref(),
            envelope: subject.envelope.as_ref(),
            documents: &[],
        };
        let mut bytes = Vec::with_capacity(documents.len() + 512);
        failed |= serde_cbor::to_writer(&mut bytes, &outgoing).is_err();
        // The empty list at the end makes room for the documents that are encoded already.
        failed |= bytes.pop() != Some(EMPTY_LIST);
        failed |=
            serde_cbor::to_writer(&mut bytes, &Announced(separated.documents().len())).is_err();
        bytes.extend_from_slice(&documents);
        match failed {
            true => Err(SealError::Encode),
            false => Ok(Self { bytes, counts }),
        }
    }

    /// How many documents there are.
    pub fn documents(&self) -> u64 {
        self.counts.number_of_documents()
    }

    /// How many bytes it takes before compression.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Records by kind.
    pub fn records(&self) -> &BTreeMap<ResourceKind, u64> {
        &self.counts.records
    }
}

const EMPTY_LIST: u8 = 0x80;

/// The head of a list whose elements follow.
struct Announced(usize);

impl Serialize for Announced {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Nothing is written at the end of a list of known length.
        serializer.serialize_seq(Some(self.0))?.end()
    }
}

impl From<Misfit> for SealError {
    fn from(misfit: Misfit) -> Self {
        match misfit {
            Misfit::Tokens => Self::MixedTokens,
            Misfit::Document => Self::ForeignDocument,
        }
    }
}

/// Packs the content of a batch; the plain bytes never stand in memory whole.
pub(crate) fn pack(
    items: &[Item],
    erasures: &[Erasure],
    terms: &[Term],
    limits: &Limits,
) -> Result<(Vec<u8>, Counts), SealError> {
    let mut counts = Counts {
        erased: erasures.len() as u64,
        terms: terms.len() as u64,
        ..Counts::default()
    };
    if counts.erased > limits.subjects || counts.terms > limits.subjects {
        return Err(SealError::TooLarge);
    }
    let mut head = Vec::new();
    if !erasures.is_empty() {
        encode_erasures(erasures, &mut head)?;
    }
    if !terms.is_empty() {
        serde_cbor::to_writer(&mut head, &terms).map_err(|_| SealError::Encode)?;
    }
    let mut plain = head.len();
    let mut pieces = Vec::with_capacity(items.len() + 1);
    pieces.push(head.as_slice());
    for item in items {
        counts.join(&item.counts)?;
        plain += item.bytes.len();
        if plain > limits.content_bytes
            || counts.subjects > limits.subjects
            || counts.number_of_documents() > limits.documents
        {
            return Err(SealError::TooLarge);
        }
        pieces.push(&item.bytes);
    }
    Ok((packing::pack(&pieces)?, counts))
}

/// A list of byte strings of 16 bytes, as serde writes it, which takes each through several calls.
fn encode_erasures(erasures: &[Erasure], head: &mut Vec<u8>) -> Result<(), SealError> {
    /// The head of a byte string of 16 bytes (RFC 8949, section 3.1).
    const SIXTEEN_BYTES: u8 = 0x50;
    head.reserve(9 + 17 * erasures.len());
    serde_cbor::to_writer(&mut *head, &Announced(erasures.len())).map_err(|_| SealError::Encode)?;
    for erasure in erasures {
        head.push(SIXTEEN_BYTES);
        head.extend_from_slice(erasure.subject().as_bytes());
    }
    Ok(())
}

/// What a batch holds.
pub(crate) struct Content {
    pub(crate) erased: Vec<SubjectRef>,
    pub(crate) terms: Vec<Term>,
    pub(crate) subjects: Vec<Subject>,
}

/// Decompresses and decodes a body within the limits, and checks it against the manifest.
pub(crate) fn unpack(
    packed: &[u8],
    manifest: &Manifest,
    limits: &Limits,
) -> Result<Content, OpenError> {
    let plain = packing::unpack(packed, limits.content_bytes)?;
    let mut counts = Counts::default();
    let mut subjects = Vec::new();
    let mut items = serde_cbor::Deserializer::from_slice(&plain);
    let mut erased: Vec<SubjectRef> = Vec::new();
    if manifest.erased > 0 {
        erased = Vec::deserialize(&mut items).map_err(|_| OpenError::Decode)?;
        counts.erased = erased.len() as u64;
        if counts.erased > limits.subjects {
            return Err(OpenError::TooLarge);
        }
    }
    let mut terms: Vec<Term> = Vec::new();
    if manifest.terms > 0 {
        terms = Vec::deserialize(&mut items).map_err(|_| OpenError::Decode)?;
        counts.terms = terms.len() as u64;
        if counts.terms > limits.subjects {
            return Err(OpenError::TooLarge);
        }
    }
    for item in items.into_iter::<Subject>() {
        let item = item.map_err(|_| OpenError::Decode)?;
        Made::of(&item.tokens, item.next.as_ref())
            .and_then(|made| counts.add(item.subject, made, &item.documents))
            .map_err(|misfit| match misfit {
                Misfit::Tokens => OpenError::TokensMismatch,
                Misfit::Document => OpenError::ForeignDocument,
            })?;
        counts.envelopes += u64::from(item.envelope.is_some());
        if counts.subjects > limits.subjects || counts.number_of_documents() > limits.documents {
            return Err(OpenError::TooLarge);
        }
        subjects.push(item);
    }
    counts.check(manifest)?;
    Ok(Content {
        erased,
        terms,
        subjects,
    })
}

#[cfg(test)]
mod tests {
    use privacy::gate::Withheld;

    use super::*;

    #[test]
    fn erasures_are_written_as_serde_writes_a_list_of_references() {
        for count in [1, 23, 24, 255, 256, 70_000_u32] {
            let subjects = (0..count).map(|number| {
                let mut bytes = [7; 16];
                bytes[..4].copy_from_slice(&number.to_be_bytes());
                SubjectRef::new(bytes)
            });
            let subjects: Vec<_> = subjects.collect();
            let erasure = |subject: &SubjectRef| Erasure::of(*subject, Withheld::Stopped);
            let erasures: Vec<_> = subjects.iter().filter_map(erasure).collect();
            let mut written = Vec::new();
            encode_erasures(&erasures, &mut written).unwrap();
            assert!(written == serde_cbor::to_vec(&subjects).unwrap(), "{count}");
        }
    }
}
