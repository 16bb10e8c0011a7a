//! By what the gateway knows that the clock is right.

use std::path::PathBuf;

use serde::Deserialize;

use crate::SettingsError;

/// The time service. It cannot be switched off: without a time that is confirmed nothing is sealed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clock {
    /// The file that the time service touches whenever it has compared the clock with its source.
    pub synchronized: PathBuf,
}

impl Default for Clock {
    /// What `systemd-timesyncd` touches.
    fn default() -> Self {
        Self {
            synchronized: PathBuf::from("/run/systemd/timesync/synchronized"),
        }
    }
}

impl Clock {
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        if self.synchronized.is_absolute() {
            return Ok(());
        }
        Err(SettingsError::Range {
            key: "clock.synchronized",
            value: self.synchronized.display().to_string(),
            expected: "an absolute path".to_owned(),
        })
    }
}
