//! What of one patient is new to the centre.

use config::gateway::Limits;
use envelope::{Item, Sha256};
use privacy::gate::{Numbers, Pass, PatientReadings};
use privacy::separate::{Separated, separate, subject_ref};
use record::{ChartNumber, Document, DocumentRef, DocumentState, FindingCode, SubjectRef};

use super::disk::Disk;
use super::files::Listing;
use super::patient::Shared;
use super::visited::{Outcome, Visited};
use crate::error::{Failure, Problem};
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
    /// To be remembered once everything is sealed; absent when something must be tried again.
    pub(crate) fingerprint: Option<Remember>,
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
        let mut tokens = Some(encoded(separated.subject())?);
        let mut bytes = tokens.as_ref().map_or(0, Vec::len);
        let most = self.limits.batch_bytes.min(PATIENT_BYTES);
        let mut passed = Passed {
            subject,
            item: None,
            news: Vec::new(),
            unchanged: 0,
            deferred: 0,
            pass,
            numbers,
            left_out: 0,
            fingerprint,
        };
        let mut failure = None;
        let item = Item::select(separated, |document, encoded| {
            let stands = document.state == DocumentState::Current;
            let with = if stands { tokens.take() } else { None };
            let new = version(document, encoded, &with.unwrap_or_default());
            match self.is_news(&new) {
                Ok(true) => {
                    bytes += encoded.len();
                    let fits = passed.news.len() < self.limits.batch_documents && bytes <= most;
                    if fits || passed.news.is_empty() {
                        self.examples.look(document);
                        passed.news.push(new);
                        return true;
                    }
                    passed.deferred += 1;
                }
                // A withdrawal of what was never sent is nothing to tell the centre.
                Ok(false) => passed.unchanged += u64::from(stands),
                Err(error) => failure = Some(error),
            }
            false
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
        let item = item.map_err(|error| Failure::because(Problem::Internal, "document", error))?;
        passed.item = (!passed.news.is_empty()).then_some(item);
        if passed.deferred > 0 {
            passed.fingerprint = None;
        }
        Ok(passed)
    }

    fn is_news(&self, new: &Known) -> Result<bool, Failure> {
        let at = self
            .known
            .binary_search_by_key(&new.document, |known| known.document);
        let before = match at.ok().and_then(|at| self.known.get(at)) {
            Some(known) => Some(known.digest),
            None => (self.before)(&new.document)?,
        };
        Ok(before.map_or(!new.withdrawn, |digest| digest != new.digest))
    }
}

/// A patient of whom no folder is left: everything is taken back, if the gate lets it through.
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
    let patient = PatientReadings {
        chart,
        readings: Vec::new(),
        doubtful: Vec::new(),
    };
    let numbers = Numbers::of(&patient);
    let screened = match shared.gate.screen(patient) {
        Ok(screened) => screened,
        Err(reason) => {
            visited.numbers = numbers.references(&shared.keys.site);
            visited.outcome = Outcome::Withheld(reason);
            return Ok(visited);
        }
    };
    let standing = known.iter().filter(|known| !known.withdrawn);
    if !shared.may_take_back() {
        standing.for_each(|_| visited.about_folder(FindingCode::VanishedKept));
        visited.outcome = Outcome::Quarantined;
        return Ok(visited);
    }
    let pass = screened.pass().clone();
    let mut separated = separate(screened, &shared.site_keys());
    for gone in standing {
        separated.take_back(gone.document, gone.kind, gone.version);
        visited.about_folder(FindingCode::DocumentVanished);
    }
    let news = News {
        limits: &shared.limits,
        known,
        examples: &shared.examples,
        before: &|_| Ok(None),
    };
    let passed = news.of(separated, subject, (pass, numbers), Some(Remember::Nothing))?;
    visited.outcome = Outcome::Passed(Box::new(passed));
    Ok(visited)
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
