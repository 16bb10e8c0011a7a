//! The inbox as the core sees it: a folder to read, never to write.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::core::failure::{Failure, Problem, Result};

/// Folders deeper than this are not entered.
const DEEPEST: usize = 4;

/// A file of the inbox.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// Its path inside the inbox.
    pub(crate) path: String,
    /// Where it stands.
    pub(crate) place: PathBuf,
    /// Bytes.
    pub(crate) size: u64,
    /// Modification time, nanoseconds.
    pub(crate) modified: i64,
}

impl Entry {
    /// Reads the file, up to a bound; `None` when it is larger.
    ///
    /// # Errors
    /// As the file system says.
    pub(crate) fn read(&self, most: u64) -> std::io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        File::open(&self.place)?
            .take(most + 1)
            .read_to_end(&mut bytes)?;
        Ok((bytes.len() as u64 <= most).then_some(bytes))
    }
}

/// Every regular file whose name ends in `.batch`, by path. The front gives a file this name in
/// one step once it is whole; names with a dot in front and links are passed over.
///
/// # Errors
/// The inbox cannot be read, or holds more files than `most`.
pub(crate) fn list(inbox: &Path, most: u64) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    walk(inbox, inbox, 0, most, &mut entries)?;
    entries.sort_unstable();
    Ok(entries)
}

fn walk(
    inbox: &Path,
    folder: &Path,
    depth: usize,
    most: u64,
    entries: &mut Vec<Entry>,
) -> Result<()> {
    let unreadable = |error| Failure::because(Problem::Inbox, folder.display().to_string(), error);
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() && depth < DEEPEST {
            walk(inbox, &entry.path(), depth + 1, most, entries)?;
        }
        if !kind.is_file() || !name.as_encoded_bytes().ends_with(b".batch") {
            continue;
        }
        let status = entry.metadata().map_err(unreadable)?;
        let place = entry.path();
        let path = place
            .strip_prefix(inbox)
            .unwrap_or(&place)
            .to_string_lossy()
            .into_owned();
        let modified = status
            .mtime()
            .saturating_mul(1_000_000_000)
            .saturating_add(status.mtime_nsec());
        entries.push(Entry {
            path,
            place,
            size: status.size(),
            modified,
        });
        if entries.len() as u64 > most {
            return Err(Failure::new(
                Problem::Inbox,
                format!("limits.inbox_files = {most}"),
            ));
        }
    }
    Ok(())
}
