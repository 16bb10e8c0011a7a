//! The one place of updates that reads the clock.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::{fs, io};

use jiff::Timestamp;
use update::{Floor, Time};

use crate::error::{UpdateError, state};
use crate::settings::Settings;
use agent::files;

const FILE: &str = "floor.json";
const FILE_MAX: usize = 64;
/// The floor is kept when it has risen by so much: the disk is not written every minute.
const STEP: i64 = 600;

/// Judges the clock by what is kept in `folder`, and keeps what is known from now on.
///
/// # Errors
/// The clock is behind: neither expiry nor the hours of the day can be told.
pub(crate) fn look(settings: &Settings, folder: &Path) -> Result<Time, UpdateError> {
    let known = files::read(&folder.join(FILE), FILE_MAX).map_err(state)?;
    let known = known.and_then(|bytes| serde_json::from_slice::<Floor>(&bytes).ok());
    let known = known.unwrap_or_default();
    let clock = Timestamp::now().as_second();
    let time = known.look(clock, touched(&settings.synchronized));
    if time.behind {
        return Err(UpdateError::Clock);
    }
    if time.floor.since(known) >= STEP {
        let bytes = serde_json::to_vec(&time.floor).map_err(state)?;
        files::replace(folder, FILE, &bytes).map_err(state)?;
    }
    Ok(time)
}

/// When a file was touched, in seconds since 1970.
pub(crate) fn touched(path: &Path) -> Option<i64> {
    let told: io::Result<i64> = fs::metadata(path).map(|it| it.mtime());
    told.ok()
}
