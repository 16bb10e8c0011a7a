//! Separation: a person's readings become content without identifiers, and keyed references.
//!
//! Content cannot hold a name or a text, because the vocabulary has no type for one. What it can
//! hold are codes and numbers, and a careless system may write a chart number into a code: a
//! document with such a code is refused, counted and taken back. What may be chance, a short number
//! or a name in Latin letters, is left out alone.

mod envelope;
mod faint;
mod leak;
mod participants;
mod slots;
mod vital;

use std::cmp::Ordering;
use std::fmt;

use record::content::{Document, DocumentState};
use record::finding::{Finding, FindingCode};
use record::identity::{ChartNumber, Identity, Insurance, Name, Sex};
use record::ids::{DocumentRef, OrderRef, SubjectRef};
use record::kind::{DataKind, Domain};
use record::reading::{DocumentKey, Drops, Reading, Version};
use serde::{Deserialize, Serialize};
use text::fold;

use crate::Prf;
use crate::gate::{PatientReadings, Screened, Withheld, identities};
use crate::message::Message;
use crate::tokens::{Asked, EpochKey, LinkageTokens, MOST_INSURANCES, tokenize};
pub use envelope::{SealedIdentity, Vault};
use faint::Faint;
use leak::Identifiers;
pub use participants::ParticipantRules;
use vital::VitalDays;

/// The order number that stands for "no order" in SS-MIX2 file names.
const NO_ORDER: &str = "999999999999999";

/// The keys of separation.
pub struct SiteKeys<'a> {
    /// For linkage tokens; the same at all sites, or nobody could be linked.
    pub tokens: EpochKey<'a>,
    /// The key of a later epoch, while the fleet changes from one to the other: every person then
    /// has the tokens of both.
    pub next: Option<EpochKey<'a>>,
    /// For references; this site only, so that equal chart numbers of two sites stay apart.
    pub site: &'a dyn Prf,
    /// Of the municipality whose own numbers (宛名番号) the source knows.
    pub municipality: Option<&'a dyn Prf>,
    /// Who seals identities, only where the contract in force says so.
    pub vault: Option<&'a dyn Vault>,
    /// What leaves of staff and institutions, only where the contract in force says so.
    pub participants: ParticipantRules<'a>,
}

/// A person as the centre may see one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The site's keyed reference.
    #[serde(rename = "s")]
    pub subject: SubjectRef,
    /// For linking with other sites.
    #[serde(rename = "t")]
    pub tokens: LinkageTokens,
    /// The same of the next epoch, while the key changes. Without it the subject has the bytes that
    /// it had before there were two.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub next: Option<LinkageTokens>,
    /// Who the person is, sealed for the vault. Absent unless a contract says so.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<SealedIdentity>,
}

/// Proof that readings were screened and separated. Only [`separate`] makes one with content;
/// [`without_content`] makes one that can take back and say nothing else.
pub struct Separated {
    subject: Subject,
    documents: Vec<Document>,
    findings: Vec<Finding>,
    left_out: Drops,
}

impl Separated {
    /// Whose.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// What may leave: one per document, by kind, care date and reference; a refused one as taken
    /// back.
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// One finding for each document that was refused, and for each that lost a value.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Values that were left out of documents, by what they held.
    pub fn left_out(&self) -> &Drops {
        &self.left_out
    }

    /// Leaves out documents, such as those that the centre already has.
    pub fn retain_documents(&mut self, keep: impl FnMut(&Document) -> bool) {
        self.documents.retain(keep);
    }

    /// Takes back a document of this person that was passed on before and whose files are gone.
    /// Nothing is said about it but its reference, kind and version.
    pub fn take_back(&mut self, document: DocumentRef, kind: DataKind, version: Version) {
        let subject = self.subject.subject;
        self.documents
            .push(withdrawal(document, subject, kind, version));
    }
}

impl fmt::Debug for Separated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Separated({} documents)", self.documents.len())
    }
}

/// That everything of a person which left before is to be erased at the centre, because provision
/// is stopped. It says no more than a reference that the centre has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasure(SubjectRef);

impl Erasure {
    /// The word about one person, whom the gate refused for this reason. Only a stop erases: every
    /// other reason may end, and then nothing would have to come again.
    pub fn of(subject: SubjectRef, reason: Withheld) -> Option<Self> {
        (reason == Withheld::Stopped).then_some(Self(subject))
    }

    /// Whose.
    pub const fn subject(&self) -> SubjectRef {
        self.0
    }
}

/// Takes a screened person's readings apart.
///
/// The linkage tokens come from all readings: each field of the identity from the newest standing
/// version that has it, and every insurance of a standing reading, the newest eight at most.
pub fn separate(screened: Screened<PatientReadings>, keys: &SiteKeys<'_>) -> Separated {
    let PatientReadings {
        chart,
        mut readings,
        doubtful,
    } = screened.into_value();
    readings.sort_by(newest_first);
    let identity = newest_identity(&readings);
    let tokens = |epoch: EpochKey<'_>| {
        let tokens = tokenize(&identity, epoch.key, epoch.epoch);
        match keys.municipality {
            Some(key) => tokens.with_municipal(&identity, key),
            None => tokens,
        }
    };
    let reference = subject_ref(&chart, keys.site);
    let seal = |vault: &dyn Vault| vault.seal(&identity, &chart, &reference);
    let subject = Subject {
        subject: reference,
        tokens: tokens(keys.tokens),
        next: keys.next.map(tokens),
        envelope: keys.vault.and_then(seal).and_then(SealedIdentity::new),
    };
    let identifiers = Identifiers::of(&chart, &doubtful, &readings);
    let days = VitalDays::of(&readings);
    let faint = Faint::of(&chart, &doubtful, &readings);
    readings.sort_by(|a, b| a.key.cmp(&b.key).then(b.version.cmp(&a.version)));
    readings.dedup_by(|older, newer| older.key == newer.key);
    let mut documents = Vec::with_capacity(readings.len());
    let (mut findings, mut left_out) = (Vec::new(), Drops::default());
    for mut reading in readings {
        if identifiers.in_reading(&mut reading) {
            findings.push(Finding::of_file(FindingCode::IdentifierInCode));
            // An earlier version that left says what the site does not say any more, and may hold
            // the same identifier.
            let document = document_ref(&chart, &reading.key, keys.site);
            let (kind, version) = (reading.key.kind, reading.version);
            documents.push(withdrawal(document, subject.subject, kind, version));
        } else {
            let values = faint.leave_out(&mut reading.records);
            if !values.is_empty() {
                findings.push(Finding::of_file(FindingCode::IdentifierPerhaps));
                left_out.merge(&values);
            }
            reading
                .records
                .iter_mut()
                .for_each(|record| days.coarsen(record));
            let care_date = days.coarse(reading.key.care_date);
            let participants = keys.participants.apply(&reading.named, &identifiers);
            let document = document(reading, &chart, subject.subject, keys.site);
            documents.push(Document {
                care_date,
                participants,
                ..document
            });
        }
    }
    // Not in the order of the site's own order numbers.
    documents.sort_by_key(|document| (document.kind, document.care_date, document.document));
    Separated {
        subject,
        documents,
        findings,
        left_out,
    }
}

/// A person whom the gate withheld, so that what the site deleted of them can be taken back at once
/// ([`Separated::take_back`]): the centre goes on using it. There is nothing of the person in it
/// but a reference that the centre has; no token.
///
/// `None` for a stop, of which an [`Erasure`] tells, and while the site may provide nothing at all.
pub fn without_content(
    chart: &ChartNumber,
    reason: Withheld,
    keys: &SiteKeys<'_>,
) -> Option<Separated> {
    match reason {
        Withheld::NoContract
        | Withheld::ContractNotActive
        | Withheld::NoFiling
        | Withheld::Stopped => return None,
        Withheld::DecisionPending
        | Withheld::NoConsent
        | Withheld::NotNotified
        | Withheld::NoticeOutdated
        | Withheld::HoldRunning => {}
    }
    let nothing = |epoch: EpochKey<'_>| tokenize(&Identity::default(), epoch.key, epoch.epoch);
    Some(Separated {
        subject: Subject {
            subject: subject_ref(chart, keys.site),
            tokens: nothing(keys.tokens),
            next: keys.next.map(nothing),
            envelope: None,
        },
        documents: Vec::new(),
        findings: Vec::new(),
        left_out: Drops::default(),
    })
}

/// What the tokens of a screened person in one epoch ask of a key that is not at hand.
pub fn ask(screened: &Screened<PatientReadings>, epoch: u16) -> Asked {
    Asked::of(&newest_identity(&screened.value().readings), epoch)
}

/// The site's keyed reference for a chart number, exactly as written.
pub fn subject_ref(chart: &ChartNumber, site: &dyn Prf) -> SubjectRef {
    SubjectRef::new(
        Message::new("sekisho subject v1")
            .part(chart.expose())
            .short(site),
    )
}

/// The site's keyed reference for a file by its place, for reports that stay at the site. A place
/// holds the chart number, so it never stands in a report itself.
pub fn file_ref(place: &[u8], site: &dyn Prf) -> [u8; 16] {
    Message::new("sekisho file v1").bytes(place).short(site)
}

/// The site's keyed reference for a document of a patient.
pub fn document_ref(chart: &ChartNumber, key: &DocumentKey, site: &dyn Prf) -> DocumentRef {
    let care_date = key.care_date.map(|date| date.to_string());
    let message = Message::new("sekisho document v1")
        .part(chart.expose())
        .part(key.kind.as_str())
        .optional(care_date.as_deref())
        .part(key.order.expose());
    let message = match &key.local_kind {
        Some(local_kind) => message.part(local_kind.expose()),
        None => message,
    };
    DocumentRef::new(message.short(site))
}

/// Order numbers are unique in a site, so the reference is of the number alone: orders,
/// performances and results still join.
fn order_ref(key: &DocumentKey, site: &dyn Prf) -> Option<OrderRef> {
    let order = key.order.expose();
    let real = !order.is_empty() && order != NO_ORDER;
    real.then(|| OrderRef::new(Message::new("sekisho order v1").part(order).short(site)))
}

fn document(
    reading: Reading,
    chart: &ChartNumber,
    subject: SubjectRef,
    site: &dyn Prf,
) -> Document {
    Document {
        document: document_ref(chart, &reading.key, site),
        subject,
        order: order_ref(&reading.key, site),
        kind: reading.key.kind,
        domain: reading.domain,
        version: reading.version,
        state: reading.state,
        care_date: reading.key.care_date,
        records: match reading.state {
            DocumentState::Current => reading.records,
            DocumentState::Withdrawn => Vec::new(),
        },
        participants: Vec::new(),
    }
}

/// A document that is taken back, with nothing said about it but its reference, kind and version.
fn withdrawal(
    document: DocumentRef,
    subject: SubjectRef,
    kind: DataKind,
    version: Version,
) -> Document {
    Document {
        document,
        subject,
        order: None,
        kind,
        domain: Domain::Medical,
        version,
        state: DocumentState::Withdrawn,
        care_date: None,
        records: Vec::new(),
        participants: Vec::new(),
    }
}

/// Newest first; what was taken back says less about the person than what stands.
fn newest_first(a: &Reading, b: &Reading) -> Ordering {
    let rank = |reading: &Reading| (reading.state == DocumentState::Current, reading.version);
    rank(b).cmp(&rank(a)).then_with(|| a.key.cmp(&b.key))
}

/// One identity out of many readings, in whatever order.
fn newest_identity(readings: &[Reading]) -> Identity {
    let mut ranked: Vec<&Reading> = readings.iter().collect();
    ranked.sort_by(|a, b| newest_first(a, b));
    let identities = || identities(ranked.iter().copied());
    let standing = ranked
        .iter()
        .filter(|reading| reading.state == DocumentState::Current);
    let mut cards: Vec<Insurance> = Vec::new();
    for card in standing.flat_map(|reading| &reading.identity.insurance) {
        if cards.len() < MOST_INSURANCES && !cards.contains(card) {
            cards.push(card.clone());
        }
    }
    let readable =
        |name: &&Name, fold: fn(&str) -> Option<String>| fold(name.family.expose()).is_some();
    Identity {
        kanji: identities()
            .filter_map(|identity| identity.kanji.as_ref())
            .find(|name| readable(name, fold::kanji))
            .cloned(),
        kana: identities()
            .filter_map(|identity| identity.kana.as_ref())
            .find(|name| readable(name, fold::kana))
            .cloned(),
        letters: Vec::new(),
        birth: identities().find_map(|identity| identity.birth),
        died: None,
        sex: identities()
            .filter_map(|identity| identity.sex)
            .find(|sex| *sex != Sex::Unknown),
        postal: identities()
            .map(|identity| &identity.postal)
            .find(|postal| fold::postal(postal.expose()).is_some())
            .cloned()
            .unwrap_or_default(),
        addresses: Vec::new(),
        phones: Vec::new(),
        insurance: cards,
        municipal: identities()
            .map(|identity| &identity.municipal)
            .find(|number| fold::municipal(number.expose()).is_some())
            .cloned()
            .unwrap_or_default(),
        former: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
