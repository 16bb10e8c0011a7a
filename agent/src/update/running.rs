//! What runs: its version, its slot, and whether its boot entry has proven itself.

use std::path::Path;

use update::{Running, Slot, Version};

use crate::entries::Entries;
use crate::error::UpdateError;
use crate::settings::Settings;
use agent::files;

const TEXT_MAX: usize = 64 << 10;

/// The version and the slot that run.
pub(crate) fn now(settings: &Settings) -> Result<(Version, Slot), UpdateError> {
    let unknown = |error| UpdateError::Running(error);
    let release = text(&settings.boot.version)?;
    let version = release
        .lines()
        .find_map(|line| line.strip_prefix("IMAGE_VERSION="));
    let version = version.ok_or_else(|| unknown("no IMAGE_VERSION=".into()))?;
    let version = version.trim_matches('"').parse();
    let version = version.map_err(|error| unknown(Box::new(error)))?;
    let slot = match text(&settings.boot.slot)?.trim() {
        "a" => Slot::A,
        "b" => Slot::B,
        _ => return Err(unknown("no such slot".into())),
    };
    Ok((version, slot))
}

/// The same with what the boot entries say.
pub(crate) fn with_entries(
    settings: &Settings,
    entries: &Entries<'_>,
) -> Result<Running, UpdateError> {
    let (version, slot) = now(settings)?;
    Ok(Running {
        board: settings.board.clone(),
        version,
        slot,
        proven: entries.find(version)?.is_some_and(|it| it.left.is_none()),
    })
}

fn text(path: &Path) -> Result<String, UpdateError> {
    let unknown = |error| UpdateError::Running(error);
    let bytes = files::read(path, TEXT_MAX).map_err(|error| unknown(error.into()))?;
    let bytes = bytes.ok_or_else(|| unknown("no such file".into()))?;
    String::from_utf8(bytes).map_err(|error| unknown(error.into()))
}
