//! 鍵の付け替え: stored batches of an old key of the core made readable by a new one, so that the
//! old one can be destroyed (B-112). Batches stay as they are and stay closed; beside each, in the
//! core's own folder, lies its file key for the new key.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use envelope::{CorePublicKey, CoreSecretKey, OpenError, Rewrapped};
use rand_core::CryptoRng;
use record::BatchId;
use serde::Serialize;

use super::durable;
use super::failure::{Failure, Result};
use super::pull::inbox;
use super::settings::Settings;

/// What came of the batches of the inbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    /// Readable by the new key from now on.
    pub(crate) rewrapped: u64,
    /// Were so before, by themselves or by an earlier run.
    pub(crate) readable_before: u64,
    /// Not for the old key.
    pub(crate) of_other_keys: u64,
    /// Not whole batches, or too large.
    pub(crate) unusable: u64,
}

/// Goes through the inbox. What an earlier run did is not done again, so a run that was killed is
/// simply repeated. `told` hears how many files of how many are done.
///
/// # Errors
/// The inbox cannot be read or the folder not written.
pub(crate) fn run(
    settings: &Settings,
    folder: &Path,
    old: &CoreSecretKey,
    new: &CorePublicKey,
    rng: &mut impl CryptoRng,
    mut told: impl FnMut(usize, usize),
) -> Result<Summary> {
    let entries = inbox::list(&settings.inbox, settings.limits.inbox_files)?;
    let mut summary = Summary::default();
    for (done, entry) in entries.iter().enumerate() {
        told(done, entries.len());
        let Ok(Some(bytes)) = entry.read(settings.limits.batch_bytes) else {
            summary.unusable += 1;
            continue;
        };
        let Ok(batch) = envelope::inspect(&bytes) else {
            summary.unusable += 1;
            continue;
        };
        let before = find(folder, &batch.id)?;
        let moved_to = |key| before.as_ref().filter(|one| one.key() == key);
        if batch.header.is_for(new.id()) || moved_to(new.id()).is_some() {
            summary.readable_before += 1;
            continue;
        }
        let made = match moved_to(old.id()) {
            Some(before) => before.again(old, new, rng),
            None => Rewrapped::make(&bytes, old, new, rng),
        };
        match made {
            Ok(made) => {
                keep(folder, &made)?;
                summary.rewrapped += 1;
            }
            Err(OpenError::UnknownRecipient) => summary.of_other_keys += 1,
            Err(_) => summary.unusable += 1,
        }
    }
    told(entries.len(), entries.len());
    Ok(summary)
}

fn keep(folder: &Path, made: &Rewrapped) -> Result<()> {
    let path = path(folder, &made.batch());
    let storing = |error| Failure::storing(folder.display().to_string(), error);
    let bytes = made
        .to_bytes()
        .map_err(|error| Failure::new(super::failure::Problem::State, error.to_string()))?;
    durable::write(&path, &bytes).map_err(storing)
}

/// What lies beside a batch. A file that cannot be understood counts as none: it opens nothing.
///
/// # Errors
/// The folder cannot be read.
pub(crate) fn find(folder: &Path, batch: &BatchId) -> Result<Option<Rewrapped>> {
    match fs::read(path(folder, batch)) {
        Ok(bytes) => Ok(Rewrapped::from_bytes(&bytes).ok()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::storing(folder.display().to_string(), error)),
    }
}

fn path(folder: &Path, batch: &BatchId) -> PathBuf {
    folder.join(format!("{batch}.key"))
}
