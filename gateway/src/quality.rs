//! The quality report of a batch, kept at the site in full: the counts that the manifest
//! carries, those of persons who were withheld as well, and which files are at fault.
//!
//! One JSON file per batch in `quality/` of the state folder. A file is named by a keyed reference:
//! `find` turns it into a place on the screen of the appliance, by walking the storage again. No
//! chart number, name, path or value stands in a report.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use config::gateway::Limits;
use privacy::separate::file_ref;
use privacy::{Prf, separate::subject_ref};
use record::{ChartNumber, DataKind, Finding, Quality, SiteId, SubjectRef};
use serde::{Serialize, Serializer};

use crate::error::Failure;
use crate::spool::{private_folder, write_durably};

/// Most faults with their places that a report holds. Beyond them faults are only counted.
const MOST_FAULTS: usize = 10_000;
/// Most of one patient.
const MOST_OF_PATIENT: usize = 200;
/// The report of what no batch carried.
const OPEN: &str = "open.json";

/// A keyed reference to a place in the source: a file, or all files of one patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reference {
    /// `f-` and 32 hex digits.
    File([u8; 16]),
    /// `p-` and 32 hex digits.
    Patient(SubjectRef),
}

impl Reference {
    /// The reference of a file by its place.
    pub(crate) fn file(path: &Path, site: &dyn Prf) -> Self {
        Self::File(file_ref(path.as_os_str().as_encoded_bytes(), site))
    }

    /// The reference of a patient by the number that the storage files the patient under.
    pub(crate) fn patient(chart: &ChartNumber, site: &dyn Prf) -> Self {
        Self::Patient(subject_ref(chart, site))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(bytes) => write!(f, "f-{}", SubjectRef::new(*bytes)),
            Self::Patient(subject) => write!(f, "p-{subject}"),
        }
    }
}

impl FromStr for Reference {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = |hex: &str| hex.parse::<SubjectRef>().map_err(|_| "32 hex digits");
        match text.split_at_checked(2) {
            Some(("f-", hex)) => Ok(Self::File(*read(hex)?.as_bytes())),
            Some(("p-", hex)) => Ok(Self::Patient(read(hex)?)),
            _ => Err("f-… or p-…"),
        }
    }
}

/// One fault with its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// Which file or patient.
    pub(crate) reference: Reference,
    /// The data kind, where the name tells it.
    pub(crate) kind: Option<DataKind>,
    /// What is wrong, and in which segment and field.
    pub(crate) finding: Finding,
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([
            ("ref", self.reference.to_string()),
            (
                "kind",
                self.kind.map_or_else(String::new, |kind| kind.to_string()),
            ),
            ("code", self.finding.code.to_string()),
            ("place", self.finding.place.to_string()),
        ])
    }
}

/// Faults up to a bound; those beyond it are counted.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Faults {
    listed: Vec<Fault>,
    not_listed: u64,
}

impl Faults {
    /// Whether a fault of one patient would still be listed.
    pub(crate) fn has_room(&self) -> bool {
        self.listed.len() < MOST_OF_PATIENT
    }

    /// Takes a fault of one patient. `fault` is made only if there is room for it.
    pub(crate) fn add(&mut self, fault: impl FnOnce() -> Fault) {
        match self.has_room() {
            true => self.listed.push(fault()),
            false => self.not_listed += 1,
        }
    }

    /// Takes the faults of a patient into those of a batch.
    fn merge(&mut self, other: Self) {
        let room = MOST_FAULTS.saturating_sub(self.listed.len());
        let more = other.listed.len().saturating_sub(room) as u64;
        self.not_listed += other.not_listed + more;
        self.listed.extend(other.listed.into_iter().take(room));
    }
}

/// What is counted and listed for one patient, and then for one batch.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    /// Counts of what may be told to the centre.
    pub(crate) quality: Quality,
    /// Counts about persons whom the gate withheld.
    withheld: Quality,
    faults: Faults,
}

impl Noted {
    /// Takes a patient. What is about a withheld person stays at the site.
    pub(crate) fn take(&mut self, quality: &Quality, faults: Faults, withheld: bool) {
        let counts = match withheld {
            true => &mut self.withheld,
            false => &mut self.quality,
        };
        counts.merge(quality);
        self.faults.merge(faults);
    }

    /// Whether nothing was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.quality.is_empty() && self.withheld.is_empty()
    }
}

/// A report as it is written.
#[derive(Serialize)]
struct Report<'a> {
    site: &'a SiteId,
    /// The batch whose manifest carries `quality`; absent for what no batch carried.
    sequence: Option<u64>,
    at: i64,
    quality: &'a Quality,
    quality_of_withheld: &'a Quality,
    faults: &'a Faults,
}

/// The folder of reports.
pub(crate) struct Reports {
    folder: PathBuf,
    most_files: usize,
    most_bytes: u64,
}

impl Reports {
    /// The reports in a state folder.
    pub(crate) fn of(state: &Path, limits: &Limits) -> Self {
        Self {
            folder: state.join("quality"),
            most_files: limits.quality_files,
            most_bytes: limits.quality_bytes,
        }
    }

    /// Writes the report of a batch, or of what no batch carried, and removes the oldest reports
    /// beyond the bounds.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn write(
        &self,
        site: &SiteId,
        sequence: Option<u64>,
        at: i64,
        noted: &Noted,
    ) -> Result<(), Failure> {
        private_folder(&self.folder)?;
        let report = Report {
            site,
            sequence,
            at,
            quality: &noted.quality,
            quality_of_withheld: &noted.withheld,
            faults: &noted.faults,
        };
        let name = sequence.map_or_else(|| OPEN.to_owned(), |number| format!("{number:012}.json"));
        let text = serde_json::to_vec(&report).map_err(io::Error::other);
        text.and_then(|text| write_durably(&self.folder.join(name), &text))
            .and_then(|()| self.remove_oldest())
            .map_err(|error| Failure::storing(self.folder.display().to_string(), error))
    }

    /// Removes the reports of batches behind a place of the chain: there are no such batches, or
    /// not any more.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn keep_until(&self, sequence: u64) -> Result<(), Failure> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries,
        };
        let remove = |entries: fs::ReadDir| {
            for entry in entries {
                let path = entry?.path();
                let name = path.file_stem().and_then(|name| name.to_str());
                let number = name.and_then(|name| name.parse::<u64>().ok());
                if number.is_some_and(|number| number > sequence) {
                    fs::remove_file(path)?;
                }
            }
            Ok(())
        };
        let removed = entries.and_then(remove);
        removed.map_err(|error| Failure::storing(self.folder.display().to_string(), error))
    }

    fn remove_oldest(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name() != OPEN {
                files.push((entry.file_name(), entry.metadata()?.len(), entry.path()));
            }
        }
        files.sort_unstable();
        let (mut kept, mut bytes) = (0, 0);
        for (_, length, path) in files.iter().rev() {
            kept += 1;
            bytes += length;
            // The newest is kept whatever its size.
            if kept > 1 && (kept > self.most_files || bytes > self.most_bytes) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use envelope::MacKey;
    use record::FindingCode;

    use super::*;

    fn fault(number: u8) -> Fault {
        Fault {
            reference: Reference::File([number; 16]),
            kind: Some(DataKind::Oml11),
            finding: Finding::of_file(FindingCode::ValueInvalid),
        }
    }

    fn noted(faults: usize) -> Noted {
        let mut quality = Quality::default();
        quality.count_set_aside(None, FindingCode::PatientMismatch);
        let mut of_patient = Faults::default();
        (0..faults).for_each(|number| of_patient.add(|| fault(number as u8)));
        let mut noted = Noted::default();
        noted.take(&quality, of_patient, false);
        noted
    }

    fn reports(state: &Path, most_files: usize, most_bytes: u64) -> Reports {
        let limits = Limits {
            quality_files: most_files,
            quality_bytes: most_bytes,
            ..Limits::default()
        };
        Reports::of(state, &limits)
    }

    fn names(state: &Path) -> Vec<String> {
        let entries = fs::read_dir(state.join("quality")).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_reference_survives_being_written_and_read_and_tells_files_from_patients() {
        let key = MacKey::from_bytes([3; 32]);
        let chart = ChartNumber::new("0001112223").unwrap();
        let file = Reference::file(Path::new("/a/0001112223/b"), &key);
        let patient = Reference::patient(&chart, &key);
        for reference in [file, patient] {
            let text = reference.to_string();
            assert_eq!(text.parse(), Ok(reference));
            assert!(!text.contains("0001112223"));
        }
        assert_ne!(file, Reference::file(Path::new("/a/0001112223/c"), &key));
        let other = MacKey::from_bytes([4; 32]);
        assert_ne!(file, Reference::file(Path::new("/a/0001112223/b"), &other));
        for text in ["", "f-", "x-00", "p-zz", "0001112223", "ｆ-00"] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }

    #[test]
    fn reports_are_bounded_by_number_and_bytes_and_the_newest_stays() {
        let state = tempfile::tempdir().unwrap();
        let site = "HOSP-A".parse().unwrap();
        let few = reports(state.path(), 2, 1 << 20);
        for sequence in 1..=4 {
            few.write(&site, Some(sequence), 0, &noted(1)).unwrap();
        }
        few.write(&site, None, 0, &noted(1)).unwrap();
        let last = ["000000000003.json", "000000000004.json", OPEN];
        assert_eq!(names(state.path()), last);
        reports(state.path(), 10, 1)
            .write(&site, Some(5), 0, &noted(1))
            .unwrap();
        assert_eq!(names(state.path()), ["000000000005.json", OPEN]);
    }

    #[test]
    fn reports_behind_the_end_of_the_chain_go_and_no_others() {
        let state = tempfile::tempdir().unwrap();
        let site = "HOSP-A".parse().unwrap();
        let reports = reports(state.path(), 10, 1 << 20);
        // Before the first report there is no folder.
        reports.keep_until(0).unwrap();
        for sequence in [Some(1), Some(2), Some(10), None] {
            reports.write(&site, sequence, 0, &noted(1)).unwrap();
        }
        reports.keep_until(2).unwrap();
        let kept = ["000000000001.json", "000000000002.json", OPEN];
        assert_eq!(names(state.path()), kept);
    }

    #[test]
    fn faults_beyond_the_bounds_are_counted() {
        let state = tempfile::tempdir().unwrap();
        let mut all = Noted::default();
        let patients = MOST_FAULTS / MOST_OF_PATIENT + 1;
        for _ in 0..patients {
            let one = noted(MOST_OF_PATIENT + 3);
            all.take(&one.quality, one.faults, false);
        }
        let site = "HOSP-A".parse().unwrap();
        reports(state.path(), 1, 1)
            .write(&site, Some(1), 0, &all)
            .unwrap();
        let text = fs::read(state.path().join("quality/000000000001.json")).unwrap();
        let report: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let listed = report["faults"]["listed"].as_array().unwrap();
        assert_eq!(listed.len(), MOST_FAULTS);
        let counted = report["faults"]["not_listed"].as_u64().unwrap();
        assert_eq!(counted as usize, 3 * patients + MOST_OF_PATIENT);
        assert_eq!(report["quality"]["findings"]["-"]["F003"], patients);
        let first = listed.first().unwrap();
        assert_eq!(
            (&first["code"], &first["kind"]),
            (&"F031".into(), &"OML-11".into())
        );
    }

    /// What is counted about withheld persons is kept apart from what the manifest carries.
    #[test]
    fn withheld_persons_are_counted_at_the_site_only() {
        let one = noted(1);
        let mut all = Noted::default();
        all.take(&one.quality, one.faults, true);
        assert!(all.quality.is_empty() && !all.is_empty());
    }
}
