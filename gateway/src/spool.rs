//! The queue of sealed batches on the disk of the appliance; its format and invariants stand at the
//! head of [`transfer::Queue`]. One running gateway holds the lock.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use config::gateway::Limits;
use envelope::Sealed;
use transfer::{Bounds, Files, Full, Queue, QueueError};

use crate::error::{Failure, Problem};
use crate::state::{State, Waiting};

/// The folder of queued batches.
pub(crate) struct Spool {
    queue: Queue<LocalFiles>,
}

impl Spool {
    /// Opens the queue and makes the folder agree with the state file, whatever moment the last
    /// run ended at.
    ///
    /// # Errors
    /// The folder cannot be written, or a batch that waits is missing or damaged.
    pub(crate) fn open(folder: PathBuf, state: &State) -> Result<Self, Failure> {
        private_folder(&folder)?;
        let waiting: Vec<_> = state.waiting()?.iter().map(Waiting::batch).collect();
        let queue = Queue::open(folder, LocalFiles, &waiting)?;
        Ok(Self { queue })
    }

    /// Makes a sealed batch durable and then has it counted.
    pub(crate) fn put(
        &self,
        sealed: &Sealed,
        count: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let batch = transfer::Batch {
            sequence: sealed.manifest.sequence,
            id: sealed.id,
            bytes: sealed.bytes.len() as u64,
        };
        self.queue.put(&batch, &sealed.bytes, count)
    }

    /// Reads a queued batch and checks it against its id.
    ///
    /// # Errors
    /// The file is unreadable or its bytes are not those that were sealed.
    pub(crate) fn get(&self, batch: &Waiting) -> Result<Vec<u8>, Failure> {
        Ok(self.queue.get(&batch.batch())?)
    }

    /// Has a batch noted as gone and then removes it.
    pub(crate) fn take_out(
        &self,
        batch: &Waiting,
        note: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.queue.take_out(&batch.batch(), note)
    }

    /// How many bytes may be sealed now, or what is full.
    ///
    /// # Errors
    /// The disk cannot be asked.
    pub(crate) fn room(
        &self,
        limits: &Limits,
        waiting: &[Waiting],
        now: i64,
    ) -> Result<Result<u64, Full>, Failure> {
        const DAY: u64 = 86_400;
        let folder = self.queue.folder();
        let disk = rustix::fs::statvfs(folder)
            .map_err(|error| Failure::storing(folder.display().to_string(), error.into()))?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let bounds = Bounds {
            bytes: limits.spool_bytes,
            age: u64::from(limits.spool_days) * DAY,
            reserve: limits.reserve_bytes,
        };
        let bytes = waiting.iter().map(|batch| batch.bytes).sum();
        let oldest = waiting.first().map_or(now, |batch| batch.sealed_at);
        let age = u64::try_from(now.saturating_sub(oldest)).unwrap_or(0);
        Ok(bounds.room(bytes, age, free))
    }
}

impl From<QueueError> for Failure {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Disk(error) => Self::storing("spool", error),
            QueueError::Damaged(sequence) => {
                Self::new(Problem::SpoolDamaged, format!("batch {sequence}"))
            }
        }
    }
}

/// The disk of this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalFiles;

impl Files for LocalFiles {
    type File = File;

    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<usize> {
        file.write(bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        sync_folder(folder)
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(folder)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect()
    }

    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
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
    transfer::write_durably(&LocalFiles, path, bytes)
}

pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
