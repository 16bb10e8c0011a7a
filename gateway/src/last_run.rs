//! What is kept of the last run for the page to show: counts and one code, nothing about anybody.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Failure;
use crate::report::Report;
use crate::spool::write_durably;

const FILE: &str = "last-run.json";

/// How the last run ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastRun {
    /// When, in seconds since 1970.
    pub(crate) ended_at: i64,
    /// The code of what stopped it, if anything did.
    pub(crate) problem: Option<String>,
    /// Persons seen in the storage.
    pub(crate) seen: u64,
    /// Persons of whom nothing had changed.
    pub(crate) unchanged: u64,
    /// Persons that the gate let through.
    pub(crate) passed: u64,
    /// Persons whose records could not be used.
    pub(crate) set_aside: u64,
    /// Persons that the gate withheld, by reason.
    pub(crate) withheld: BTreeMap<String, u64>,
    /// Persons who wait because the centre's evaluation service did not key their tokens.
    #[serde(default)]
    pub(crate) unkeyed: u64,
    /// Stops that match no patient of the storage.
    pub(crate) stops_without_patient: u64,
    /// Persons of the ledger with a notice, and with a stop.
    #[serde(default)]
    pub(crate) notified: u64,
    /// See there.
    #[serde(default)]
    pub(crate) stopped: u64,
    /// Persons who turned 16 and have not been told again since (B-003).
    #[serde(default)]
    pub(crate) to_tell_again: u64,
}

impl LastRun {
    /// What a report says.
    pub(crate) fn of(report: &Report, ended_at: i64) -> Self {
        let withheld = report.withheld.iter();
        Self {
            ended_at,
            problem: report.problem.map(str::to_owned),
            seen: report.patients.seen,
            unchanged: report.patients.unchanged,
            passed: report.patients.passed,
            set_aside: report.patients.quarantined,
            unkeyed: report.patients.unkeyed,
            withheld: withheld
                .map(|(reason, count)| ((*reason).to_owned(), count.persons))
                .collect(),
            stops_without_patient: report.stops_without_patient,
            notified: report.ledger.persons_notified,
            stopped: report.ledger.persons_stopped,
            to_tell_again: report.ledger.to_tell_again,
        }
    }

    /// Keeps it in the state folder.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), Failure> {
        let text = serde_json::to_vec_pretty(self).map_err(std::io::Error::other);
        text.and_then(|text| write_durably(&folder.join(FILE), &text))
            .map_err(|error| Failure::storing(FILE, error))
    }

    /// What is kept; `None` before the first run. One that cannot be read is none.
    pub(crate) fn read(folder: &Path) -> Option<Self> {
        let text = fs::read(folder.join(FILE)).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_run_is_read_as_it_was_kept() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(LastRun::read(folder.path()), None);
        let mut report = Report::new("HOSPITAL-1".parse().unwrap());
        report.count_withheld(privacy::gate::Withheld::Stopped, 3, 9);
        report.problem = Some("G012");
        let kept = LastRun::of(&report, 1_800_000_000);
        kept.write(folder.path()).unwrap();
        assert_eq!(LastRun::read(folder.path()), Some(kept.clone()));
        assert_eq!(kept.withheld.get("stopped"), Some(&1));
        fs::write(folder.path().join(FILE), "{").unwrap();
        assert_eq!(LastRun::read(folder.path()), None);
    }
}
