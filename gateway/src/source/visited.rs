//! What is counted and noted while one patient is visited.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::hash::BuildHasher as _;
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use foldhash::fast::FixedState;
use formats::ssmix2::name::{FileName, Kind};
use formats::ssmix2::place::Folders;
use formats::ssmix2::{self, FileReader, Names};
use privacy::Prf;
use privacy::gate::{NumberRef, Withheld};
use record::{ChartNumber, DataKind, DocumentState, Drops, Finding, FindingCode, Quality, Reading};
use record::{ResourceKind, Severity, SubjectRef};

use super::files::{Found, Listing};
use super::news::{Passed, TakenBack};
use crate::ledger::Met;
use crate::quality::{Fault, Faults, Reference};
use crate::report::{Files, count_records};

/// The files of one patient and where they lie.
pub(super) struct Places<'l> {
    /// The files.
    pub(super) listing: &'l Listing,
    /// The patient's folders. They hold the chart number: never print them.
    pub(super) folders: Vec<PathBuf>,
    /// The first of the folders that is of the extended storage.
    pub(super) extended: usize,
}

/// One file and where it lies.
#[derive(Clone, Copy)]
pub(super) struct At<'l> {
    places: &'l Places<'l>,
    /// The file.
    pub(super) found: &'l Found,
}

impl Places<'_> {
    /// The files of the standardized storage.
    pub(super) fn files(&self) -> impl Iterator<Item = At<'_>> {
        let of_storage = |at: &At<'_>| at.found.folder < self.extended;
        self.all().filter(of_storage)
    }

    /// The files of the extended storage.
    pub(super) fn documents(&self) -> impl Iterator<Item = At<'_>> {
        let of_storage = |at: &At<'_>| at.found.folder >= self.extended;
        self.all().filter(of_storage)
    }

    fn all(&self) -> impl Iterator<Item = At<'_>> {
        let at = |found| At {
            places: self,
            found,
        };
        self.listing.files.iter().map(at)
    }
}

impl<'l> At<'l> {
    /// The path below the patient's folder.
    pub(super) fn inside(&self) -> &'l [u8] {
        self.places.listing.path(self.found)
    }

    /// Care-date folder, data-kind folder and file name, if that is where it lies.
    fn place(&self) -> Option<[&'l str; 3]> {
        self.places.listing.place(self.found)
    }

    /// An order over all files of the patient.
    pub(super) fn order(&self) -> (usize, &'l [u8]) {
        (self.found.folder, self.inside())
    }

    /// Where it is. It holds the chart number: never print it.
    pub(super) fn path(&self) -> PathBuf {
        let folder = self.places.folders.get(self.found.folder);
        let inside = OsStr::from_bytes(self.inside());
        folder.map_or_else(PathBuf::new, |folder| folder.join(inside))
    }
}

/// One patient as visited.
pub(crate) struct Visited {
    /// Counts of files.
    pub(crate) files: Files,
    /// Records read, by kind.
    pub(crate) records: BTreeMap<ResourceKind, u64>,
    /// What was wrong.
    pub(crate) findings: Vec<Finding>,
    /// What was left behind.
    pub(crate) drops: Drops,
    /// How good it is, in counts.
    pub(crate) quality: Quality,
    /// Where something is wrong.
    pub(crate) faults: Faults,
    /// The chart number by which the storage files the patient.
    pub(crate) chart: Option<ChartNumber>,
    /// The reference for it.
    pub(crate) subject: Option<SubjectRef>,
    /// By what an order of the centre could name them, when they were read.
    pub(crate) met: Option<Met>,
    /// Under which numbers the gate was asked, when it said no.
    pub(crate) numbers: Vec<NumberRef>,
    /// What the site deleted of a patient who is withheld, and the centre has.
    pub(crate) taken_back: Option<Box<TakenBack>>,
    /// What came of it.
    pub(crate) outcome: Outcome,
}

/// What came of one patient.
pub(crate) enum Outcome {
    /// Nothing changed since everything was sealed.
    Unchanged,
    /// Nothing of the patient could be used.
    Quarantined,
    /// The gate said no.
    Withheld(Withheld),
    /// The gate said yes, and the service that keys tokens gave none: comes again.
    Unkeyed,
    /// The gate said yes.
    Passed(Box<Passed>),
}

impl Visited {
    /// A patient whose folder did not answer.
    pub(crate) fn hung() -> Self {
        let mut visited = Self::of(&Listing::default());
        visited.about_folder(FindingCode::FolderHung);
        visited.outcome = Outcome::Quarantined;
        visited
    }

    /// Notes what was found about the whole folder.
    pub(super) fn about_folder(&mut self, code: FindingCode) {
        self.findings.push(Finding::of_file(code));
        self.quality.count_finding(None, code);
    }

    pub(super) fn of(listing: &Listing) -> Self {
        let mut drops = Drops::default();
        if listing.links > 0 {
            drops.add("walk:link", listing.links);
        }
        let mut quality = Quality::default();
        for code in &listing.findings {
            quality.count_finding(None, *code);
        }
        let findings = listing.findings.iter().map(|code| Finding::of_file(*code));
        let findings = findings.collect();
        let (seen, bytes) = (listing.files.len() as u64, listing.bytes);
        Self {
            files: Files {
                seen,
                bytes,
                ..Files::default()
            },
            records: BTreeMap::new(),
            findings,
            drops,
            quality,
            faults: Faults::default(),
            chart: None,
            subject: None,
            met: None,
            numbers: Vec::new(),
            taken_back: None,
            outcome: Outcome::Unchanged,
        }
    }

    pub(super) fn quarantined(mut self, code: FindingCode) -> Self {
        self.files.quarantined = self.files.seen;
        self.findings.push(Finding::of_file(code));
        self.quality.count_set_aside(None, code);
        self.outcome = Outcome::Quarantined;
        self
    }

    /// Takes the files whose names and places are right and whose kinds are handled; counts the
    /// others. Gives those that disagree with their own place apart.
    pub(super) fn name_files<'f>(
        &mut self,
        places: &'f Places<'f>,
        levels: [&str; 3],
        site: &dyn Prf,
    ) -> (Vec<(FileName, At<'f>)>, Vec<At<'f>>) {
        let mut named = Vec::with_capacity(places.listing.files.len());
        let mut misplaced = Vec::new();
        for found in places.files() {
            match name_file(found.place(), levels) {
                Ok(name) => match name.kind {
                    Kind::Known(kind) if ssmix2::supported(kind) => named.push((name, found)),
                    Kind::Known(kind) => {
                        self.files.unsupported += 1;
                        self.drops.count(&format!("kind:{kind}"));
                        self.count_unread(Some(kind), FindingCode::KindUnsupported);
                    }
                    Kind::Met(_) | Kind::Unknown => {
                        self.files.unsupported += 1;
                        // The name of an unknown kind is data of the source; those that are known
                        // to occur are told.
                        match name.kind {
                            Kind::Met(kind) => self.drops.count(&format!("kind:{kind}")),
                            _ => self.drops.count("kind:unknown"),
                        }
                        self.count_unread(None, FindingCode::KindUnknown);
                    }
                },
                Err(code) => {
                    self.set_aside(Finding::of_file(code), None, &found, site);
                    misplaced.push(found);
                }
            }
        }
        (named, misplaced)
    }

    /// Counts a file of a kind that is not read.
    fn count_unread(&mut self, kind: Option<DataKind>, code: FindingCode) {
        self.findings.push(Finding::of_file(code));
        self.quality.count_finding(kind, code);
    }

    /// Sets a file aside for what was found.
    pub(super) fn set_aside(
        &mut self,
        finding: Finding,
        name: Option<&FileName>,
        found: &At<'_>,
        site: &dyn Prf,
    ) {
        self.files.quarantined += 1;
        self.findings.push(finding);
        let kind = kind_of(name);
        self.quality.count_set_aside(kind, finding.code);
        self.fault(finding, kind, || Reference::file(&found.path(), site));
    }

    /// Notes what was found in a file.
    pub(super) fn found(
        &mut self,
        finding: Finding,
        name: Option<&FileName>,
        found: &At<'_>,
        site: &dyn Prf,
    ) {
        self.note(finding, kind_of(name), || {
            Reference::file(&found.path(), site)
        });
    }

    /// Notes what was found about several files of a patient.
    pub(super) fn found_of_patient(&mut self, finding: Finding, site: &dyn Prf) {
        if let Some(chart) = self.chart.clone() {
            self.note(finding, None, || Reference::patient(&chart, site));
        }
    }

    pub(super) fn note(
        &mut self,
        finding: Finding,
        kind: Option<DataKind>,
        reference: impl FnOnce() -> Reference,
    ) {
        self.findings.push(finding);
        self.quality.count_finding(kind, finding.code);
        self.fault(finding, kind, reference);
    }

    /// Lists where something is wrong. What was repaired without loss is only counted.
    fn fault(
        &mut self,
        finding: Finding,
        kind: Option<DataKind>,
        reference: impl FnOnce() -> Reference,
    ) {
        if finding.code.severity() > Severity::Info {
            self.faults.add(|| Fault {
                reference: reference(),
                kind,
                finding,
            });
        }
    }

    /// Finds documents of one kind that say exactly the same.
    pub(super) fn find_equal_contents(&mut self, mut contents: Vec<(u64, At<'_>)>, site: &dyn Prf) {
        contents.sort_unstable_by_key(|(content, found)| (*content, found.order()));
        let pairs = contents.iter().zip(contents.iter().skip(1));
        for (_, (_, found)) in pairs.filter(|((one, _), (next, _))| one == next) {
            let finding = Finding::of_file(FindingCode::ContentTwice);
            self.found(finding, None, found, site);
        }
    }

    pub(super) fn keep(&mut self, reading: &Reading, found: &At<'_>, site: &dyn Prf) {
        self.findings.extend_from_slice(&reading.findings);
        self.quality.count_reading(reading);
        for finding in &reading.findings {
            self.fault(*finding, Some(reading.key.kind), || {
                Reference::file(&found.path(), site)
            });
        }
        self.drops.merge(&reading.drops);
        if reading.state == DocumentState::Current {
            count_records(&mut self.records, &reading.records);
        }
    }

    /// Whether the patient must be visited again although nothing of theirs changes: what was
    /// withheld may leave one day, and what could not be read may be readable.
    pub(crate) fn comes_again(&self) -> bool {
        match &self.outcome {
            Outcome::Unchanged => false,
            Outcome::Quarantined => self.must_retry(),
            Outcome::Withheld(_) | Outcome::Unkeyed => true,
            Outcome::Passed(passed) => passed.fingerprint.is_none(),
        }
    }

    /// Whether some file may read differently next time although nothing about it changes.
    pub(super) fn must_retry(&self) -> bool {
        let passing = [
            FindingCode::FileUnreadable,
            FindingCode::FileEmpty,
            FindingCode::FileChanged,
            FindingCode::FileVanished,
            FindingCode::FolderHung,
            FindingCode::FolderUnreadable,
            FindingCode::VanishedKept,
        ];
        self.findings
            .iter()
            .any(|finding| passing.contains(&finding.code))
    }
}

/// One file that finds a fault in the reader is set aside; it does not stop the site.
pub(super) fn read_guarded(
    reader: &mut FileReader,
    name: &FileName,
    bytes: &[u8],
) -> Result<Reading, Finding> {
    catch_unwind(AssertUnwindSafe(|| reader.read(name, bytes))).unwrap_or_else(|_| {
        // What it remembered may be half of something.
        *reader = reader.anew();
        Err(Finding::of_file(FindingCode::ReaderFailed))
    })
}

/// As [`read_guarded`].
pub(super) fn names_guarded(name: &FileName, bytes: &[u8]) -> Names {
    catch_unwind(AssertUnwindSafe(|| ssmix2::names(name, bytes))).unwrap_or_default()
}

/// As [`read_guarded`]: what the reader failed on, this may fail on as well.
pub(super) fn claims_guarded(bytes: &[u8]) -> BTreeSet<ChartNumber> {
    catch_unwind(AssertUnwindSafe(|| ssmix2::claims(bytes))).unwrap_or_default()
}

fn kind_of(name: Option<&FileName>) -> Option<DataKind> {
    match name?.kind {
        Kind::Known(kind) => Some(kind),
        Kind::Met(_) | Kind::Unknown => None,
    }
}

/// A digest of the kind and records of a file; `None` for a file without records. It is compared
/// with others of the same patient in the same run only, and nothing but a count depends on it.
pub(super) fn content(reading: &Reading) -> Option<u64> {
    let stands = reading.state == DocumentState::Current && !reading.records.is_empty();
    stands.then(|| FixedState::default().hash_one((reading.key.kind, &reading.records)))
}

fn name_file(place: Option<[&str; 3]>, levels: [&str; 3]) -> Result<FileName, FindingCode> {
    let [date, kind, file] = place.ok_or(FindingCode::PlaceMismatch)?;
    let name = FileName::parse(file)?;
    let [level1, level2, level3] = levels;
    let folders = Folders {
        level1,
        level2,
        level3,
        care_date: date,
        kind,
    };
    match ssmix2::place::check(&folders, &name) {
        Some(code) => Err(code),
        None => Ok(name),
    }
}
