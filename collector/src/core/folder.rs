//! The core's state folder: where things stand in it, and the lock that keeps a second run out.

use std::fs::File;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::durable;
use super::failure::{Failure, Problem, Result};

/// The state folder, held by this process alone.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    _lock: Flock<File>,
}

impl Folder {
    /// Makes the folder where needed, takes the lock and removes what a killed run left
    /// unfinished.
    ///
    /// # Errors
    /// Another process holds the lock; the folder cannot be written.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let storing = |error| Failure::storing(root.display().to_string(), error);
        durable::make_folder(root).map_err(storing)?;
        let file = durable::new_file(&root.join("lock")).map_err(storing)?;
        let lock = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => lock,
            Err((_, Errno::EWOULDBLOCK)) => {
                return Err(Failure::new(Problem::AlreadyRunning, ""));
            }
            Err((_, error)) => return Err(storing(error.into())),
        };
        let folder = Self {
            root: root.to_owned(),
            _lock: lock,
        };
        let parts = [
            folder.tables(),
            folder.evidence(),
            folder.releases(),
            folder.rewrapped(),
        ];
        for part in parts {
            durable::make_folder(&part).map_err(storing)?;
            durable::sweep(&part).map_err(storing)?;
        }
        Ok(folder)
    }

    /// The catalogue's database file.
    pub(crate) fn catalogue(&self) -> PathBuf {
        self.root.join("catalogue.sqlite")
    }

    /// The tables, one folder each.
    pub(crate) fn tables(&self) -> PathBuf {
        self.root.join("tables")
    }

    /// Refused batches with their reasons.
    pub(crate) fn evidence(&self) -> PathBuf {
        self.root.join("evidence")
    }

    /// Keys of stored batches for a newer key of the core.
    pub(crate) fn rewrapped(&self) -> PathBuf {
        self.root.join("rewrapped")
    }

    /// Daily anchors of the ledgers.
    pub(crate) fn anchors(&self) -> PathBuf {
        self.root.join("anchors")
    }

    /// Releases, one folder each.
    pub(crate) fn releases(&self) -> PathBuf {
        self.root.join("releases")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_kept_out_until_the_first_ends() {
        let root = tempfile::tempdir().unwrap();
        let first = Folder::open(root.path()).unwrap();
        let second = Folder::open(root.path()).unwrap_err();
        assert_eq!(second.problem(), Problem::AlreadyRunning);
        drop(first);
        Folder::open(root.path()).unwrap();
    }
}
