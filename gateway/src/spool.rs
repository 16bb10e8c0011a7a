//! The queue of sealed batches on disk.
//!
//! Invariants:
//! - A batch is one file `<sequence, 12 digits>-<batch id>.batch`, complete from the moment it has
//!   that name: written to a temporary name, fsynced, renamed, folder fsynced.
//! - The state file decides what is in the queue: a batch counts once its row is committed, and
//!   its row is committed after its file is durable. A file without a row was never counted: it is
//!   removed at the next start, and its content is sealed again.
//! - A file is removed only after its receipt is in the state file.
//! - Nothing else writes here; one running gateway holds the lock.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use envelope::{Sealed, Sha256};
use record::BatchId;

use crate::error::{Failure, Problem};
use crate::state::{State, Waiting};

/// The folder of queued batches.
pub(crate) struct Spool {
    folder: PathBuf,
}

impl Spool {
    /// Opens the queue and makes the folder agree with the state file, whatever moment the last
    /// run ended at.
    ///
    /// # Errors
    /// The folder cannot be written, or a batch that waits has lost its file.
    pub(crate) fn open(folder: PathBuf, state: &State) -> Result<Self, Failure> {
        private_folder(&folder)?;
        let spool = Self { folder };
        let waiting = state.waiting()?;
        let wanted: Vec<PathBuf> = waiting.iter().map(|batch| spool.path(batch)).collect();
        for entry in fs::read_dir(&spool.folder).map_err(|e| spool.failure(e))? {
            let path = entry.map_err(|e| spool.failure(e))?.path();
            if !wanted.contains(&path) {
                fs::remove_file(&path).map_err(|e| spool.failure(e))?;
            }
        }
        sync_folder(&spool.folder).map_err(|e| spool.failure(e))?;
        for (batch, path) in waiting.iter().zip(&wanted) {
            let length = fs::metadata(path).map(|data| data.len());
            if length.ok() != Some(batch.bytes) {
                return Err(damaged(batch));
            }
        }
        Ok(spool)
    }

    /// Makes a sealed batch durable. It counts only after [`State::record`].
    pub(crate) fn put(&self, sealed: &Sealed) -> Result<(), Failure> {
        let batch = Waiting {
            sequence: sealed.manifest.sequence,
            id: sealed.id,
            bytes: sealed.bytes.len() as u64,
            sealed_at: sealed.manifest.sealed_at,
        };
        write_durably(&self.path(&batch), &sealed.bytes).map_err(|e| self.failure(e))
    }

    /// Reads a queued batch and checks it against its id.
    ///
    /// # Errors
    /// The file is unreadable or its bytes are not those that were sealed.
    pub(crate) fn get(&self, batch: &Waiting) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let file = File::open(self.path(batch)).map_err(|e| self.failure(e))?;
        file.take(batch.bytes + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| self.failure(e))?;
        let mut digest = Sha256::new();
        digest.update(&bytes);
        if BatchId::new(digest.finish()) != batch.id {
            return Err(damaged(batch));
        }
        Ok(bytes)
    }

    /// Removes a batch whose receipt is recorded.
    pub(crate) fn remove(&self, batch: &Waiting) -> Result<(), Failure> {
        match fs::remove_file(self.path(batch)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failure(error)),
            _ => Ok(()),
        }
    }

    fn path(&self, batch: &Waiting) -> PathBuf {
        self.folder
            .join(format!("{:012}-{}.batch", batch.sequence, batch.id))
    }

    fn failure(&self, error: io::Error) -> Failure {
        Failure::storing(self.folder.display().to_string(), error)
    }
}

/// Makes a folder that only this user can enter.
pub(crate) fn private_folder(folder: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| Failure::storing(folder.display().to_string(), error))
}

/// Makes a database file for its owner alone, or closes one that others could read; what SQLite
/// lays beside it gets the same mode. A file that is there is not opened: closing it again would
/// drop the locks that this process may hold on it.
pub(crate) fn private_file(path: &Path) -> Result<(), Failure> {
    let private = || {
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        match made {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                match fs::metadata(path)?.mode() & 0o077 {
                    0 => Ok(()),
                    _ => fs::set_permissions(path, Permissions::from_mode(0o600)),
                }
            }
            Err(error) => Err(error),
        }
    };
    private().map_err(|error| Failure::storing(path.display().to_string(), error))
}

/// Writes a file so that after a power cut it is there whole or not at all.
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("partial");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&partial, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn damaged(batch: &Waiting) -> Failure {
    Failure::new(Problem::SpoolDamaged, format!("batch {}", batch.sequence))
}
