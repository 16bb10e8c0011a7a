//! The record of updates on the disk, and the wish to start again.

use std::fs::{File, TryLockError};
use std::path::Path;

use update::Record;

use crate::error::{UpdateError, state};
use crate::settings::Settings;
use agent::files;

/// The record.
const FILE: &str = "update.json";
const FILE_MAX: usize = 4 << 10;

/// The record; a new one where there is none.
///
/// # Errors
/// There is one that cannot be read.
pub(crate) fn record(settings: &Settings) -> Result<Record, UpdateError> {
    let bytes = files::read(&settings.state.join(FILE), FILE_MAX).map_err(state)?;
    match bytes {
        Some(bytes) => Record::read(&bytes).map_err(state),
        None => Ok(Record::default()),
    }
}

/// Keeps the record: after the return it is on the disk.
pub(crate) fn keep(settings: &Settings, record: &Record) -> Result<(), UpdateError> {
    let bytes = record.to_bytes().map_err(state)?;
    files::replace(&settings.state, FILE, &bytes).map_err(state)
}

/// That no other process of updates works on a folder, as long as this is kept.
pub(crate) struct Alone(#[expect(dead_code, reason = "held open")] File);

/// Waits for nobody: two that write the same slot would each find the other's half.
///
/// # Errors
/// Another process is at work.
pub(crate) fn alone(folder: &Path) -> Result<Alone, UpdateError> {
    let file = File::create(folder.join("lock")).map_err(state)?;
    match file.try_lock() {
        Ok(()) => Ok(Alone(file)),
        Err(TryLockError::WouldBlock) => Err(UpdateError::Busy),
        Err(TryLockError::Error(error)) => Err(state(error)),
    }
}

/// Asks for a start of the device: a unit waits for the file.
pub(crate) fn restart(settings: &Settings) -> Result<(), UpdateError> {
    let path = &settings.boot.restart;
    let name = path.file_name().and_then(|name| name.to_str());
    let (Some(folder), Some(name)) = (path.parent(), name) else {
        return Err(UpdateError::Settings(
            "boot.restart: a path of a file".into(),
        ));
    };
    files::replace(folder, name, b"").map_err(state)
}
