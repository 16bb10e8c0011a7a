//! What the demo reads: a synthetic town, or any SS-MIX2 storage with a ledger made for it.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use harness::deployment::SiteSource;
use harness::scene::today;
use jiff::ToSpan as _;

/// A site that reads an existing storage. Its notice ledger says that every patient of the storage
/// was notified 60 days ago; its stop list is empty.
pub(crate) fn of_storage(storage: &Path, ledger: &Path, site: &str) -> Result<SiteSource> {
    let storage = storage
        .canonicalize()
        .with_context(|| storage.display().to_string())?;
    fs::create_dir_all(ledger)?;
    let (notices, stops) = (ledger.join("notices.csv"), ledger.join("stops.csv"));
    let notified_on = today().checked_sub(60.days())?;
    let mut lines = "patient_id,notified_on,document_version,method\n".to_owned();
    for patient in patients(&storage)? {
        lines += &format!("{patient},{notified_on},demo-1,posted\n");
    }
    fs::write(&notices, lines)?;
    fs::write(&stops, "patient_id,requested_on,requester\n")?;
    Ok(SiteSource {
        site: site.to_owned(),
        storage,
        notices,
        stops,
    })
}

/// A short name for a storage, the same for the same path.
pub(crate) fn label(storage: &Path) -> Result<String> {
    let path = storage
        .canonicalize()
        .with_context(|| storage.display().to_string())?;
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}

/// Unpacks an archive of a storage, unless that was done before.
///
/// # Errors
/// `tar` or `xz` is missing: the Debian packages are `tar` and `xz-utils`.
pub(crate) fn unpacked(archive: &Path, folder: &Path) -> Result<PathBuf> {
    let (target, done) = (folder.join("storage"), folder.join("storage.complete"));
    if !done.exists() {
        fs::create_dir_all(&target)?;
        let status = Command::new("tar")
            .arg("-xf")
            .arg(archive)
            .arg("-C")
            .arg(&target)
            .status();
        let status = status.context("tar (Debian packages: tar, xz-utils)")?;
        ensure!(
            status.success(),
            "{} cannot be unpacked (xz-utils?)",
            archive.display()
        );
        fs::write(&done, "")?;
    }
    // An archive may hold the storage in a folder of its own.
    let inside = subfolders(&target)?;
    match inside.as_slice() {
        [only] if only.file_name().is_some_and(|name| name.len() > 3) => Ok(only.clone()),
        _ => Ok(target),
    }
}

fn patients(storage: &Path) -> Result<Vec<String>> {
    let mut numbers = Vec::new();
    for first in subfolders(storage)? {
        for second in subfolders(&first)? {
            for patient in subfolders(&second)? {
                let name = patient.file_name().and_then(|name| name.to_str());
                numbers.extend(name.map(str::to_owned));
            }
        }
    }
    numbers.sort();
    Ok(numbers)
}

fn subfolders(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    folders.sort();
    Ok(folders)
}
