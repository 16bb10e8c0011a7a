//! One patient from folder to separated documents: list, resolve versions, read, screen, separate.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use config::gateway::Limits;
use envelope::{Sha256, sha256};
use formats::ssmix2;
use formats::ssmix2::name::{FileName, Kind};
use formats::ssmix2::place::Folders;
use formats::ssmix2::versions::Resolved;
use privacy::Prf;
use privacy::gate::{Gate, Pass, PatientReadings, Withheld};
use privacy::separate::{Separated, SiteKeys, separate, subject_ref};
use record::{ChartNumber, DataKind, DocumentState, Drops, Finding, FindingCode, Quality, Reading};
use record::{ResourceKind, Severity, SubjectRef};

use crate::error::Failure;
use crate::quality::{Fault, Faults, Reference};
use crate::report::{Files, count_records};
use crate::source::PatientFolder;
use crate::source::files::{Found, Listing, list, read};
use crate::state::{Fingerprint, StateReader};

/// The mapping from source fields to the vocabulary; a change makes every document be read again.
pub(crate) const MAPPING_VERSION: u16 = 1;

/// What reading one patient takes. One per thread.
pub(crate) struct PatientReader<'a> {
    /// Bounds.
    pub(crate) limits: &'a Limits,
    /// Who may leave.
    pub(crate) gate: &'a Gate,
    /// Keys of the separation.
    pub(crate) keys: SiteKeys<'a>,
    /// What earlier runs sealed.
    pub(crate) state: StateReader,
    /// The bytes of the file at hand.
    pub(crate) buffer: Vec<u8>,
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
    /// The gate said yes.
    Passed {
        /// Content and tokens.
        separated: Box<Separated>,
        /// What let the patient pass.
        pass: Pass,
        /// To be remembered once everything is sealed; absent when some file must be tried again.
        fingerprint: Option<(SubjectRef, Fingerprint)>,
    },
}

impl PatientReader<'_> {
    /// Visits one patient.
    ///
    /// # Errors
    /// Only those of our own state; what is wrong with the source is a finding.
    pub(crate) fn visit(&mut self, folder: &PatientFolder) -> Result<Visited, Failure> {
        let listing = list(&folder.folders, self.limits.patient_files);
        let mut visited = Visited::of(&listing);
        let level = folder.levels.each_ref().map(|name| name.to_str());
        let [Some(first), Some(second), Some(third)] = level else {
            return Ok(visited.quarantined(FindingCode::NameUnreadable));
        };
        let Some(chart) = ChartNumber::new(third) else {
            return Ok(visited.quarantined(FindingCode::NameUnreadable));
        };
        visited.chart = Some(chart.clone());
        if listing.too_many {
            return Ok(visited.quarantined(FindingCode::LimitReached));
        }
        let subject = subject_ref(&chart, self.keys.site);
        let fingerprint = self.fingerprint(&listing);
        if !listing.incomplete && self.state.patient(&subject)? == Some(fingerprint) {
            visited.files.unchanged = visited.files.seen;
            // Nothing would be sent; but who has said no since is counted as withheld.
            if let Err(reason) = self.gate.decide(&[chart]) {
                visited.outcome = Outcome::Withheld(reason);
            }
            return Ok(visited);
        }
        let levels = [first, second, third];
        let (named, misplaced) = visited.name_files(&listing.files, levels, self.keys.site);
        let mut doubtful = self.doubtful(&misplaced);
        let readings = self.read_current(&mut visited, named, !listing.incomplete, &mut doubtful);
        let remember = !listing.incomplete && !visited.must_retry();
        let fingerprint = remember.then_some((subject, fingerprint));
        let patient = PatientReadings {
            chart,
            readings,
            doubtful: doubtful.into_iter().collect(),
        };
        Ok(self.screen_and_separate(visited, patient, fingerprint))
    }

    /// The numbers that misplaced files claim in their names and inside.
    fn doubtful(&mut self, misplaced: &[&Found]) -> BTreeSet<ChartNumber> {
        let mut numbers = BTreeSet::new();
        for found in misplaced {
            let name = found.path.file_name().and_then(|name| name.to_str());
            let number = name.and_then(|name| name.split_once('_'));
            numbers.extend(number.and_then(|(number, _)| ChartNumber::new(number)));
            if read(found, self.limits.file_bytes, &mut self.buffer).is_ok() {
                numbers.extend(claims_guarded(&self.buffer));
            }
        }
        numbers
    }

    /// What the folder looks like, together with everything that decides how it is read.
    fn fingerprint(&self, listing: &Listing) -> Fingerprint {
        let mut digest = Sha256::new();
        digest.update(b"sekisho folder v1");
        digest.update(&MAPPING_VERSION.to_be_bytes());
        digest.update(&text::fold::VERSION.to_be_bytes());
        digest.update(&self.keys.epoch.to_be_bytes());
        // With a higher limit, a file that was too large is read.
        digest.update(&self.limits.file_bytes.to_be_bytes());
        for found in &listing.files {
            let path = found.path.as_os_str().as_encoded_bytes();
            digest.update(&(path.len() as u64).to_be_bytes());
            digest.update(path);
            digest.update(&found.bytes.to_be_bytes());
            found
                .stamps
                .iter()
                .for_each(|stamp| digest.update(&stamp.to_be_bytes()));
        }
        digest.finish()
    }

    /// Reads the current version of each document. Nothing is taken back unless all files are
    /// known: the one that stands may be among those that could not be listed.
    fn read_current(
        &mut self,
        visited: &mut Visited,
        named: Vec<(FileName, &Found)>,
        all_known: bool,
        doubtful: &mut BTreeSet<ChartNumber>,
    ) -> Vec<Reading> {
        let mut resolved = ssmix2::versions::resolve(named, |a, b| a.path.cmp(&b.path));
        for finding in &resolved.findings {
            visited.found_of_patient(*finding, self.keys.site);
        }
        self.take_cancels(visited, &mut resolved);
        visited.files.superseded = resolved.superseded;
        let mut readings = Vec::with_capacity(resolved.current.len());
        let mut contents = Vec::with_capacity(resolved.current.len());
        for (name, found) in &resolved.current {
            let read = read(found, self.limits.file_bytes, &mut self.buffer)
                .map_err(Finding::of_file)
                .and_then(|()| {
                    let read = read_guarded(name, &self.buffer);
                    if read.is_err() {
                        doubtful.extend(claims_guarded(&self.buffer));
                    }
                    read
                });
            match read {
                Ok(reading) => {
                    visited.files.read += 1;
                    visited.keep(&reading, found, self.keys.site);
                    if let Some(content) = content(&reading) {
                        contents.push((content, *found));
                    }
                    readings.push(reading);
                }
                Err(finding) => visited.set_aside(finding, Some(name), found, self.keys.site),
            }
        }
        visited.find_equal_contents(contents, self.keys.site);
        visited.files.withdrawn = resolved.withdrawn.len() as u64;
        readings.extend(
            resolved
                .withdrawn
                .iter()
                .filter(|_| all_known)
                .filter_map(|(name, _)| ssmix2::withdrawal(name)),
        );
        readings
    }

    /// Withdraws documents that stand by their flags although a newer void file is a cancel.
    fn take_cancels(&mut self, visited: &mut Visited, resolved: &mut Resolved<&Found>) {
        for (name, found) in std::mem::take(&mut resolved.contested) {
            if let Err(code) = read(found, self.limits.file_bytes, &mut self.buffer) {
                let finding = Finding::of_file(code);
                visited.found(finding, Some(&name), found, self.keys.site);
                continue;
            }
            let cancels = AssertUnwindSafe(|| ssmix2::cancels(&name, &self.buffer));
            if catch_unwind(cancels).unwrap_or(false) {
                // Its own file was counted as superseded, and now the one that stood is.
                resolved
                    .current
                    .retain(|(other, _)| other.key() != name.key());
                resolved.withdrawn.push((name, found));
            }
        }
    }

    fn screen_and_separate(
        &self,
        mut visited: Visited,
        patient: PatientReadings,
        fingerprint: Option<(SubjectRef, Fingerprint)>,
    ) -> Visited {
        let reference = Reference::patient(&patient.chart, self.keys.site);
        if patient.readings.is_empty() {
            visited.outcome = Outcome::Quarantined;
            return visited;
        }
        let screened = match self.gate.screen(patient) {
            Ok(screened) => screened,
            Err(reason) => {
                visited.outcome = Outcome::Withheld(reason);
                return visited;
            }
        };
        let pass = screened.pass().clone();
        let separated = Box::new(separate(screened, &self.keys));
        for finding in separated.findings() {
            visited.note(*finding, None, || reference);
        }
        visited.outcome = Outcome::Passed {
            separated,
            pass,
            fingerprint,
        };
        visited
    }
}

impl Visited {
    fn of(listing: &Listing) -> Self {
        let mut drops = Drops::default();
        if listing.links > 0 {
            drops.add("walk:link", listing.links);
        }
        let mut findings = Vec::new();
        let mut quality = Quality::default();
        if listing.incomplete {
            findings.push(Finding::of_file(FindingCode::FileUnreadable));
            quality.count_finding(None, FindingCode::FileUnreadable);
        }
        let seen = listing.files.len() as u64;
        let bytes = listing.files.iter().map(|found| found.bytes).sum();
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
            outcome: Outcome::Unchanged,
        }
    }

    fn quarantined(mut self, code: FindingCode) -> Self {
        self.files.quarantined = self.files.seen;
        self.findings.push(Finding::of_file(code));
        self.quality.count_set_aside(None, code);
        self.outcome = Outcome::Quarantined;
        self
    }

    /// Takes the files whose names and places are right and whose kinds are handled; counts the
    /// others. Gives those that disagree with their own place apart.
    fn name_files<'f>(
        &mut self,
        files: &'f [Found],
        levels: [&str; 3],
        site: &dyn Prf,
    ) -> (Vec<(FileName, &'f Found)>, Vec<&'f Found>) {
        let mut named = Vec::with_capacity(files.len());
        let mut misplaced = Vec::new();
        for found in files {
            match name_file(found, levels) {
                Ok(name) => match name.kind {
                    Kind::Known(kind) if ssmix2::supported(kind) => named.push((name, found)),
                    Kind::Known(kind) => {
                        self.files.unsupported += 1;
                        self.drops.count(&format!("kind:{kind}"));
                        self.count_unread(Some(kind), FindingCode::KindUnsupported);
                    }
                    Kind::Unknown => {
                        self.files.unsupported += 1;
                        self.drops.count("kind:unknown");
                        self.count_unread(None, FindingCode::KindUnknown);
                    }
                },
                Err(code) => {
                    self.set_aside(Finding::of_file(code), None, found, site);
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
    fn set_aside(
        &mut self,
        finding: Finding,
        name: Option<&FileName>,
        found: &Found,
        site: &dyn Prf,
    ) {
        self.files.quarantined += 1;
        self.findings.push(finding);
        let kind = kind_of(name);
        self.quality.count_set_aside(kind, finding.code);
        self.fault(finding, kind, || Reference::file(&found.path, site));
    }

    /// Notes what was found in a file.
    fn found(&mut self, finding: Finding, name: Option<&FileName>, found: &Found, site: &dyn Prf) {
        self.note(finding, kind_of(name), || {
            Reference::file(&found.path, site)
        });
    }

    /// Notes what was found about several files of a patient.
    fn found_of_patient(&mut self, finding: Finding, site: &dyn Prf) {
        if let Some(chart) = self.chart.clone() {
            self.note(finding, None, || Reference::patient(&chart, site));
        }
    }

    fn note(
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
    fn find_equal_contents(&mut self, mut contents: Vec<([u8; 32], &Found)>, site: &dyn Prf) {
        contents.sort_unstable_by_key(|(content, found)| (*content, &found.path));
        let pairs = contents.iter().zip(contents.iter().skip(1));
        for (_, (_, found)) in pairs.filter(|((one, _), (next, _))| one == next) {
            let finding = Finding::of_file(FindingCode::ContentTwice);
            self.found(finding, None, found, site);
        }
    }

    fn keep(&mut self, reading: &Reading, found: &Found, site: &dyn Prf) {
        self.findings.extend_from_slice(&reading.findings);
        self.quality.count_reading(reading);
        for finding in &reading.findings {
            self.fault(*finding, Some(reading.key.kind), || {
                Reference::file(&found.path, site)
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
            Outcome::Withheld(_) => true,
            Outcome::Passed { fingerprint, .. } => fingerprint.is_none(),
        }
    }

    /// Whether some file may read differently next time although nothing about it changes.
    fn must_retry(&self) -> bool {
        let passing = [FindingCode::FileUnreadable, FindingCode::FileEmpty];
        self.findings
            .iter()
            .any(|finding| passing.contains(&finding.code))
    }
}

/// One file that finds a fault in the reader is set aside; it does not stop the site.
fn read_guarded(name: &FileName, bytes: &[u8]) -> Result<Reading, Finding> {
    catch_unwind(AssertUnwindSafe(|| ssmix2::read(name, bytes)))
        .unwrap_or_else(|_| Err(Finding::of_file(FindingCode::ReaderFailed)))
}

/// As [`read_guarded`]: what the reader failed on, this may fail on as well.
fn claims_guarded(bytes: &[u8]) -> BTreeSet<ChartNumber> {
    catch_unwind(AssertUnwindSafe(|| ssmix2::claims(bytes))).unwrap_or_default()
}

fn kind_of(name: Option<&FileName>) -> Option<DataKind> {
    match name?.kind {
        Kind::Known(kind) => Some(kind),
        Kind::Unknown => None,
    }
}

/// A digest of the kind and records of a file; `None` for a file without records.
fn content(reading: &Reading) -> Option<[u8; 32]> {
    let stands = reading.state == DocumentState::Current && !reading.records.is_empty();
    let records = stands.then(|| serde_cbor::to_vec(&(reading.key.kind, &reading.records)));
    Some(sha256(&records?.ok()?))
}

fn name_file(found: &Found, levels: [&str; 3]) -> Result<FileName, FindingCode> {
    let [date, kind, file] = found.place.as_ref().ok_or(FindingCode::PlaceMismatch)?;
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

#[cfg(test)]
mod tests {
    use std::fs;

    use envelope::MacKey;
    use privacy::gate::{Contract, Filing, HoldDays, Notice, NoticeMethod};

    use super::*;
    use crate::state::State;

    /// The version that stands may lie in a volume that cannot be read today.
    #[test]
    fn nothing_is_taken_back_while_a_folder_cannot_be_listed() {
        let root = tempfile::tempdir().unwrap();
        let volume = root.path().join("000/111/0001112223");
        let name = "0001112223_20260105_ADT-12_1_20260105101112000_01_2";
        let kind = volume.join("20260105/ADT-12");
        fs::create_dir_all(&kind).unwrap();
        fs::write(kind.join(name), "MSH|^~\\&|\r").unwrap();
        let state = root.path().join("state.sqlite");
        drop(State::open(&state).unwrap());
        let [tokens, site] = [1, 2].map(|byte| MacKey::from_bytes([byte; 32]));
        let gate = gate();
        let mut reader = PatientReader {
            limits: &Limits::default(),
            gate: &gate,
            keys: SiteKeys {
                tokens: &tokens,
                site: &site,
                epoch: 1,
            },
            state: StateReader::open(&state).unwrap(),
            buffer: Vec::new(),
        };
        let mut folder = PatientFolder {
            levels: ["000", "111", "0001112223"].map(Into::into),
            folders: vec![volume],
        };
        let taken_back = |outcome| match outcome {
            Outcome::Passed { separated, .. } => separated.documents().len(),
            _ => 0,
        };
        assert_eq!(taken_back(reader.visit(&folder).unwrap().outcome), 1);
        folder.folders.push(root.path().join("unreadable"));
        assert_eq!(taken_back(reader.visit(&folder).unwrap().outcome), 0);
    }

    fn gate() -> Gate {
        let day = jiff::civil::date(2026, 1, 1);
        let contract = Contract {
            id: "C-1".parse().unwrap(),
            filing: Some(Filing {
                reference: "F-1".parse().unwrap(),
                filed_on: day,
            }),
            effective_from: day,
            leaves_on: None,
            hold_days: HoldDays::SHORTEST,
        };
        let notice = Notice {
            chart: ChartNumber::new("0001112223").unwrap(),
            notified_on: day,
            document: "v1".parse().unwrap(),
            method: NoticeMethod::Handed,
        };
        let today = jiff::civil::date(2026, 9, 1);
        Gate::new(Some(contract), [notice], [], [0; 32], [0; 32], today)
    }
}
