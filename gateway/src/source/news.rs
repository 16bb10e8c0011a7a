//! What of one patient is new to the centre.

use config::gateway::Limits;
use envelope::{Item, Sha256};
use privacy::dictionary::Candidate;
use privacy::gate::{Numbers, Pass, PatientReadings};
use privacy::separate::{Separated, separate, subject_ref, without_content};
use record::{ChartNumber, Document, DocumentRef, DocumentState, FindingCode, SubjectRef};

use super::disk::Disk;
use super::files::Listing;
use super::patient::Shared;
use super::visited::{Outcome, Visited};
use crate::error::{Failure, Problem};
use crate::evaluation::Answers;
use crate::examples::Gathering;
use crate::state::{Fingerprint, Known};

/// Most bytes of one patient in a batch. With what may be gathered before it, a batch stays below
/// the 64 MiB that the envelope allows.
const PATIENT_BYTES: usize = 16 << 20;

/// A patient who passed, as far as there is something new to tell.
pub(crate) struct Passed {
    /// Whose.
    pub(crate) subject: SubjectRef,
    /// The new documents, encoded; absent when all are known.
    pub(crate) item: Option<Item>,
    /// The same documents, as they are to be remembered.
    pub(crate) news: Vec<Known>,
    /// Documents that were sealed before in the same version.
    pub(crate) unchanged: u64,
    /// Documents beyond what one batch may hold, for the next pass.
    pub(crate) deferred: u64,
    /// What let the patient pass.
    pub(crate) pass: Pass,
    /// Under which numbers the gate was asked.
    pub(crate) numbers: Numbers,
    /// Documents that its limits left out.
    pub(crate) left_out: u64,
    /// What the patient's files call the house's codes.
    pub(crate) sayings: Vec<Candidate>,
    /// To be remembered once everything is sealed; absent when something must be tried again.
    pub(crate) fingerprint: Option<Remember>,
}

/// Documents that a site deleted of a patient who is withheld, for another reason than a stop, and
/// that the centre has.
pub(crate) struct TakenBack {
    /// Whose.
    pub(crate) subject: SubjectRef,
    /// Their withdrawals, encoded.
    pub(crate) item: Item,
    /// The same documents, as they are to be remembered.
    pub(crate) news: Vec<Known>,
    /// Under which numbers the gate was asked.
    pub(crate) numbers: Numbers,
}

/// What is remembered of a patient's folder.
pub(crate) enum Remember {
    /// What it looked like.
    As(Fingerprint),
    /// Nothing, because it is gone.
    Nothing,
}

/// What the centre has of one patient.
pub(super) struct News<'k> {
    /// Bounds of a batch.
    pub(super) limits: &'k Limits,
    /// What was sealed.
    pub(super) known: &'k [Known],
    /// Where masked examples of what leaves are gathered.
    pub(super) examples: &'k Gathering,
    /// What an earlier version of this program sealed.
    pub(super) before: &'k dyn Fn(&DocumentRef) -> Result<Option<Fingerprint>, Failure>,
}

impl News<'_> {
    /// Leaves only documents that the centre does not have in this version, and of those no more
    /// than fit a batch: a larger one could not be sealed, this time or ever.
    ///
    /// The first standing document answers for the linkage tokens too. Were they not part of what
    /// is compared, new tokens of documents that stay the same would never be sent.
    pub(super) fn of(
        &self,
        separated: Separated,
        subject: SubjectRef,
        (pass, numbers): (Pass, Numbers),
        fingerprint: Option<Remember>,
    ) -> Result<Passed, Failure> {
        let chosen = self.choose(separated)?;
        Ok(Passed {
            subject,
            item: chosen.item,
            news: chosen.news,
            unchanged: chosen.unchanged,
            deferred: chosen.deferred,
            pass,
            numbers,
            left_out: 0,
            sayings: Vec::new(),
            fingerprint: fingerprint.filter(|_| chosen.deferred == 0),
        })
    }

    /// The same of a patient who is withheld: what is taken back, if anything is. What does not fit
    /// a batch is found again at the next visit.
    pub(super) fn taken_back(
        &self,
        separated: Separated,
        subject: SubjectRef,
        numbers: Numbers,
    ) -> Result<Option<Box<TakenBack>>, Failure> {
        let Chosen { item, news, .. } = self.choose(separated)?;
        Ok(item.map(|item| {
            Box::new(TakenBack {
                subject,
                item,
                news,
                numbers,
            })
        }))
    }

    fn choose(&self, separated: Separated) -> Result<Chosen, Failure> {
        let mut tokens = Some(encoded(separated.subject())?);
        let mut bytes = tokens.as_ref().map_or(0, Vec::len);
        let most = self.limits.batch_bytes.min(PATIENT_BYTES);
        let mut chosen = Chosen {
            item: None,
            news: Vec::new(),
            unchanged: 0,
            deferred: 0,
        };
        let mut failure = None;
        let item = Item::select(separated, |document, encoded| {
            let stands = document.state == DocumentState::Current;
            let with = if stands { tokens.take() } else { None };
            let new = version(document, encoded, &with.unwrap_or_default());
            match self.is_news(&new) {
                Ok(true) => {
                    bytes += encoded.len();
                    let fits = chosen.news.len() < self.limits.batch_documents && bytes <= most;
                    if fits || chosen.news.is_empty() {
                        self.examples.look(document);
                        chosen.news.push(new);
                        return true;
                    }
                    chosen.deferred += 1;
                }
                // A withdrawal of what was never sent is nothing to tell the centre.
                Ok(false) => chosen.unchanged += u64::from(stands),
                Err(error) => failure = Some(error),
            }
            false
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
        let item = item.map_err(|error| Failure::because(Problem::Internal, "document", error))?;
        chosen.item = (!chosen.news.is_empty()).then_some(item);
        Ok(chosen)
    }

    fn is_news(&self, new: &Known) -> Result<bool, Failure> {
        let at = self
            .known
            .binary_search_by_key(&new.document, |known| known.document);
        let before = match at.ok().and_then(|at| self.known.get(at)) {
            // It is taken back already, with whatever words.
            Some(known) if known.withdrawn && new.withdrawn => return Ok(false),
            Some(known) => Some(known.digest),
            None => (self.before)(&new.document)?,
        };
        Ok(before.map_or(!new.withdrawn, |digest| digest != new.digest))
    }
}

/// What of one patient goes into a batch.
struct Chosen {
    item: Option<Item>,
    news: Vec<Known>,
    unchanged: u64,
    deferred: u64,
}

/// A patient of whom no folder is left: everything is taken back, unless provision is stopped, of
/// which an erasure tells, or the site may provide nothing at all.
///
/// # Errors
/// Only those of our own state.
pub(crate) fn gone<D: Disk>(
    shared: &Shared<D>,
    chart: ChartNumber,
    known: &[Known],
) -> Result<Visited, Failure> {
    let mut visited = Visited::of(&Listing::default());
    let subject = subject_ref(&chart, &shared.keys.site);
    let news = News {
        limits: &shared.limits,
        known,
        examples: &shared.examples,
        before: &|_| Ok(None),
    };
    let patient = PatientReadings {
        chart: chart.clone(),
        readings: Vec::new(),
        doubtful: Vec::new(),
    };
    let numbers = Numbers::of(&patient);
    // Nothing is known of whom there is no reading, so there are no tokens to be keyed.
    let answers = Answers::default();
    let screened = match shared.gate.screen(patient) {
        Ok(screened) => screened,
        Err(reason) => {
            visited.numbers = numbers.references(&shared.keys.site);
            visited.outcome = Outcome::Withheld(reason);
            let keys = shared.site_keys(&answers);
            if let Some(mut separated) = without_content(&chart, reason, &keys)
                && take_back_all(shared, known, &mut separated, &mut visited)
            {
                visited.taken_back = news.taken_back(separated, subject, numbers)?;
            }
            return Ok(visited);
        }
    };
    let pass = screened.pass().clone();
    let mut separated = separate(screened, &shared.site_keys(&answers));
    if !take_back_all(shared, known, &mut separated, &mut visited) {
        visited.outcome = Outcome::Quarantined;
        return Ok(visited);
    }
    let passed = news.of(separated, subject, (pass, numbers), Some(Remember::Nothing))?;
    visited.outcome = Outcome::Passed(Box::new(passed));
    Ok(visited)
}

/// Takes back everything that stands, if so many patients may vanish at once.
fn take_back_all<D: Disk>(
    shared: &Shared<D>,
    known: &[Known],
    separated: &mut Separated,
    visited: &mut Visited,
) -> bool {
    let standing = known.iter().filter(|known| !known.withdrawn);
    if standing.clone().next().is_some() && !shared.may_take_back() {
        standing.for_each(|_| visited.about_folder(FindingCode::VanishedKept));
        return false;
    }
    for gone in standing {
        separated.take_back(gone.document, gone.kind, gone.version);
        visited.about_folder(FindingCode::DocumentVanished);
    }
    true
}

/// A document as it is remembered once it is sealed.
fn version(document: &Document, encoded: &[u8], subject: &[u8]) -> Known {
    let mut digest = Sha256::new();
    digest.update(encoded);
    digest.update(subject);
    Known {
        document: document.document,
        digest: digest.finish(),
        kind: document.kind,
        version: document.version,
        withdrawn: document.state == DocumentState::Withdrawn,
    }
}

fn encoded(value: &impl serde::Serialize) -> Result<Vec<u8>, Failure> {
    serde_cbor::to_vec(value)
        .map_err(|error| Failure::because(Problem::Internal, "document", error))
}
