//! How the last run ended, in fixed words and numbers, for the control channel and for people.

use std::path::Path;

use serde::{Deserialize, Serialize};
use update::Version;

use crate::error::{UpdateError, state};
use agent::files;

/// The file of a report.
const FILE: &str = "report.json";
const FILE_MAX: usize = 4 << 10;
const FORMAT: u8 = 1;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// The newest version runs.
    Newest,
    /// There is a newer one, and it is not the turn of this device yet.
    Waits,
    /// It is its turn, outside the hours in which it may update.
    Closed,
    /// The site holds it back.
    Held,
    /// It was given up before.
    GivenUp,
    /// All of it is here.
    Loaded,
    /// It is installed, and the next start tries it.
    Installed,
    /// Something went wrong; `code` says what.
    Failed,
}

/// How the last run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Report {
    format: u8,
    /// Seconds since 1970.
    pub(crate) at: i64,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// The version that it was about.
    pub(crate) version: Option<Version>,
    /// The number behind `AG`, 0 where nothing went wrong.
    pub(crate) code: u8,
    /// Bytes of files that came over the line in this run.
    pub(crate) received: u64,
    /// Bytes of files that the version has.
    pub(crate) total: u64,
}

impl Report {
    pub(crate) fn new(at: i64, outcome: Outcome, version: Option<Version>) -> Self {
        Self {
            format: FORMAT,
            at,
            outcome,
            version,
            code: 0,
            received: 0,
            total: 0,
        }
    }

    pub(crate) fn failed(at: i64, error: &UpdateError) -> Self {
        Self {
            code: error.code(),
            ..Self::new(at, Outcome::Failed, None)
        }
    }

    /// The last one of a folder, if it can be read.
    pub(crate) fn read(folder: &Path) -> Option<Self> {
        let bytes = files::read(&folder.join(FILE), FILE_MAX).ok()??;
        let report: Self = serde_json::from_slice(&bytes).ok()?;
        (report.format == FORMAT).then_some(report)
    }

    /// Keeps it in a folder.
    pub(crate) fn keep(&self, folder: &Path) -> Result<(), UpdateError> {
        let mut bytes = serde_json::to_vec(self).map_err(state)?;
        bytes.push(b'\n');
        files::replace(folder, FILE, &bytes).map_err(state)
    }
}
