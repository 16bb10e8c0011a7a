//! What a device shows the operator on its boot partition, which anybody can read and write: who it
//! is, the key for which letters to it are sealed, and what became of the last one.

use std::path::Path;

use envelope::DevicePublicKey;
use serde::Serialize;

use super::install::replace;
use crate::error::{Failure, Problem};

/// The file.
const FILE: &str = "device.toml";

/// What is shown.
pub(super) struct Shown<'a> {
    /// Serial number of the board.
    pub(super) serial: String,
    /// The key of the device.
    pub(super) key: &'a DevicePublicKey,
    /// The number of the letter that was taken last.
    pub(super) taken: u64,
    /// Why the letter that is there was not taken.
    pub(super) problem: Option<Problem>,
}

#[derive(Serialize)]
struct Text {
    serial: String,
    device_key: String,
    taken: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'static str>,
}

impl Shown<'_> {
    /// Writes the file, unless it says the same already.
    ///
    /// # Errors
    /// The partition cannot be written.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Failure> {
        let text = toml::to_string(&Text {
            serial: self.serial.clone(),
            device_key: self.key.to_string(),
            taken: self.taken,
            problem: self.problem.map(Problem::code),
        });
        let text = text.map_err(|error| Failure::because(Problem::Internal, FILE, error))?;
        let file = folder.join(FILE);
        if std::fs::read_to_string(&file).ok().as_deref() == Some(&text) {
            return Ok(());
        }
        std::fs::create_dir_all(folder).map_err(|error| Failure::storing(FILE, error))?;
        replace(&file, text.as_bytes(), 0o644, None)
    }
}
