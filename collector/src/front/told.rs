//! Files by which the centre tells the front something while it runs. They are put there whole, by
//! a rename, and read again when they change.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What tells one state of the file from another.
type Mark = (u64, u64, i64, i64);

/// A file that may change.
#[derive(Debug)]
pub(crate) struct Told {
    path: PathBuf,
    most: u64,
    seen: Mutex<Option<Mark>>,
}

impl Told {
    /// A file of at most so many bytes.
    pub(crate) fn new(path: &Path, most: u64) -> Self {
        Self {
            path: path.to_owned(),
            most,
            seen: Mutex::default(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds at the beginning; `None` if it cannot be read.
    pub(crate) fn first(&self) -> Option<Vec<u8>> {
        self.changed()
    }

    /// What it holds, if it is not as it was when it was read last. A file that cannot be read is
    /// told once for each state of it, in the log.
    pub(crate) fn changed(&self) -> Option<Vec<u8>> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mark = fs::metadata(&self.path).ok().map(|data| {
            let inode = data.ino();
            (inode, data.len(), data.mtime(), data.mtime_nsec())
        });
        if *seen == mark {
            return None;
        }
        *seen = mark;
        let mut bytes = Vec::new();
        let read = File::open(&self.path)
            .and_then(|file| file.take(self.most + 1).read_to_end(&mut bytes));
        match read {
            Ok(_) if bytes.len() as u64 <= self.most => Some(bytes),
            _ => {
                let name = self.path.file_name().unwrap_or_default();
                tracing::error!(file = ?name, "cannot be read");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_when_it_changed_and_not_above_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        let told = Told::new(&path, 4);
        assert_eq!(told.first(), None);
        fs::write(&path, "one").unwrap();
        assert_eq!(told.changed().as_deref(), Some(&b"one"[..]));
        assert_eq!(told.changed(), None);
        let new = folder.path().join("new");
        for (text, read) in [("two", Some(&b"two"[..])), ("longer", None)] {
            fs::write(&new, text).unwrap();
            fs::rename(&new, &path).unwrap();
            assert_eq!(told.changed().as_deref(), read);
        }
    }
}
