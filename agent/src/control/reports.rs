//! Reports of health: what the agent measured, told to the centre in order and once, also after an
//! outage (O-09, O-10).

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use agent::files::replace;
use agent::history;
use health::{History, REPORT_MAX, Report, Sample};

use crate::error::ControlError;

/// In the state folder: the newest finished sample that the centre has.
const TOLD: &str = "told.cbor";
/// At least so often the centre hears how the device is.
const EVERY: Duration = Duration::from_secs(600);

/// What is to be told.
pub(crate) struct Reports {
    measured: PathBuf,
    state: PathBuf,
    /// Since the program started.
    told_at: Option<Duration>,
    /// As it was when everything of it had been told: it is read again once it was replaced.
    told_all: Option<SystemTime>,
}

impl Reports {
    /// From the agent's folder, with a note of what was told in the state folder.
    pub(crate) fn new(measured: &Path, state: &Path) -> Self {
        Self {
            measured: measured.to_owned(),
            state: state.to_owned(),
            told_at: None,
            told_all: None,
        }
    }

    /// The next report, if one is due. `now` counts from any fixed moment.
    pub(crate) fn next(&mut self, now: Duration) -> Option<Report> {
        let replaced = history::replaced_at(&self.measured);
        let due = self.told_at.is_none_or(|at| now >= at + EVERY);
        if !due && replaced.is_some() && replaced == self.told_all {
            return None;
        }
        let history = self.history();
        let untold = history.untold() > 0;
        self.told_all = replaced.filter(|_| !untold);
        (due || untold).then(|| history.report())?
    }

    /// Notes that a report arrived.
    ///
    /// # Errors
    /// The note cannot be written: then it is told again.
    pub(crate) fn told(&mut self, report: &Report, now: Duration) -> Result<(), ControlError> {
        self.told_at = Some(now);
        let Some(last) = report.past().last() else {
            return Ok(());
        };
        let bytes = serde_cbor::to_vec(last)
            .map_err(|error| ControlError::Write(std::io::Error::other(error)))?;
        replace(&self.state, TOLD, &bytes).map_err(ControlError::Write)
    }

    /// The newest sample.
    pub(crate) fn now(&self) -> Option<Sample> {
        history::samples(&self.measured).last().copied()
    }

    /// A note that cannot be read is none: what is kept is told again.
    fn history(&self) -> History {
        let told = std::fs::read(self.state.join(TOLD)).ok();
        let told: Option<Sample> = told.and_then(|bytes| serde_cbor::from_slice(&bytes).ok());
        History::told_up_to(history::samples(&self.measured), told)
    }
}

/// The bytes that travel.
pub(crate) fn bytes(report: &Report) -> Option<Vec<u8>> {
    let mut place = [0; REPORT_MAX];
    report.write(&mut place).ok().map(<[u8]>::to_vec)
}
