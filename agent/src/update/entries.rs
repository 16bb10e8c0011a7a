//! The boot entries in the ESP.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use update::{Digest, Entry, Image, Name, Version};

use crate::error::{UpdateError, slot};
use agent::files::{self, sync_folder};

/// Most files that are looked at.
const FILES_MAX: usize = 256;

/// The folder of boot entries.
pub(crate) struct Entries<'a> {
    folder: &'a Path,
    name: &'a Name,
}

impl<'a> Entries<'a> {
    pub(crate) fn new(folder: &'a Path, name: &'a Name) -> Self {
        Self { folder, name }
    }

    /// The names of all files with the entries that they are.
    fn all(&self) -> Result<Vec<(String, Option<Entry>)>, UpdateError> {
        let mut found = Vec::new();
        for file in fs::read_dir(self.folder).map_err(slot)?.take(FILES_MAX) {
            let name = file.map_err(slot)?.file_name();
            if let Some(name) = name.to_str() {
                found.push((name.to_owned(), Entry::read(self.name, name)));
            }
        }
        Ok(found)
    }

    /// The entry of a version.
    pub(crate) fn find(&self, version: Version) -> Result<Option<Entry>, UpdateError> {
        let mut entries = self.all()?.into_iter().filter_map(|(_, entry)| entry);
        Ok(entries.find(|entry| entry.version == version))
    }

    /// The kernel of a version.
    pub(crate) fn file(&self, version: Version) -> Result<Option<File>, UpdateError> {
        for (name, entry) in self.all()? {
            if entry.is_some_and(|entry| entry.version == version) {
                return File::open(self.folder.join(name)).map(Some).map_err(slot);
            }
        }
        Ok(None)
    }

    /// Removes every entry of ours but that of one version, and what was left unfinished.
    pub(crate) fn clear(&self, keep: Version) -> Result<(), UpdateError> {
        let prefix = format!("{}_", self.name);
        for (name, entry) in self.all()? {
            let unfinished = name.starts_with(&prefix) && name.ends_with(".new");
            if unfinished || entry.is_some_and(|entry| entry.version != keep) {
                fs::remove_file(self.folder.join(name)).map_err(slot)?;
            }
        }
        sync_folder(self.folder).map_err(slot)
    }

    /// Places the entry of a version with all its tries before it: written beside, read back, and
    /// renamed, so that the boot loader sees all of it or nothing.
    pub(crate) fn place(
        &self,
        version: Version,
        kernel: &Image,
        bytes: &[u8],
    ) -> Result<(), UpdateError> {
        let unfinished = format!("{}_{version}.efi.new", self.name);
        let path = self.folder.join(&unfinished);
        let written = File::create(&path).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()?;
            Ok(file)
        });
        let file = written.map_err(no_room)?;
        let read = files::read(&path, bytes.len()).map_err(slot)?;
        if read.is_none_or(|read| Digest::of(&read) != kernel.digest) {
            return Err(slot("the boot entry does not hold what was written"));
        }
        let placed = self.folder.join(Entry::fresh(self.name, version));
        fs::rename(path, &placed).map_err(slot)?;
        // On FAT the new name says where the bytes are and how many only once the file itself is
        // written back. The folder comes after it: before, the name would be there without bytes.
        file.sync_all().map_err(slot)?;
        sync_folder(self.folder).map_err(slot)
    }
}

/// A folder that is full is told apart: it takes another remedy than one that is broken.
fn no_room(error: io::Error) -> UpdateError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => UpdateError::SlotTooSmall,
        _ => slot(error),
    }
}
