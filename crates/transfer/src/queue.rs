//! The queue of sealed batches on disk.
//!
//! # Format and invariants
//!
//! - A batch is one file `<sequence, 12 digits>-<batch id>.batch`, complete from the moment it has
//!   that name: written to a temporary name, synced, renamed, folder synced. The id is the SHA-256
//!   of its bytes and so the checksum: it is compared at every start and before every sending.
//! - The program's rows decide what is in the queue: a batch counts once its row is committed, and
//!   that comes after its file is durable ([`Queue::put`]). A file without a row never counted: it
//!   is removed at the next start, and its content is sealed again.
//! - A file is removed only after the row says that the batch is gone ([`Queue::take_out`]).
//! - A file whose sync failed is given up, never synced again: the kernel may have dropped what it
//!   could not write, and a second sync would say that all is well.
//! - When the queue is full, collecting stops. What is sealed is never dropped.
//! - Nothing else writes here.
//!
//! The disk is behind [`Files`], so that tests can break every call of it (P-18).

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use envelope::sha256;
use thiserror::Error;

use crate::session::Batch;

/// The calls of a file system that the queue makes.
pub trait Files {
    /// A file that is being written.
    type File;

    /// Makes a file for its owner alone, or empties one.
    ///
    /// # Errors
    /// As the file system says; so for all calls.
    fn create(&self, path: &Path) -> io::Result<Self::File>;
    /// Writes some of these bytes at the end and tells how many.
    ///
    /// # Errors
    /// See [`Files::create`].
    fn write(&self, file: &mut Self::File, bytes: &[u8]) -> io::Result<usize>;
    /// Makes what was written durable.
    ///
    /// # Errors
    /// See [`Files::create`].
    fn sync(&self, file: &Self::File) -> io::Result<()>;
    /// Gives a file another name, in the place of one that has it.
    ///
    /// # Errors
    /// See [`Files::create`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// See [`Files::create`].
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// See [`Files::create`].
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// The names in a folder.
    ///
    /// # Errors
    /// See [`Files::create`].
    fn names(&self, folder: &Path) -> io::Result<Vec<OsString>>;
    /// A file's bytes, so many at most.
    ///
    /// # Errors
    /// See [`Files::create`].
    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>>;
}

/// What can be wrong with the queue.
#[derive(Debug, Error)]
pub enum QueueError {
    /// The disk cannot be read or written.
    #[error("the queue's folder")]
    Disk(#[from] io::Error),
    /// The file of the batch with this number is missing or not what was sealed.
    #[error("batch {0} is damaged")]
    Damaged(u64),
}

/// The folder of queued batches.
#[derive(Debug)]
pub struct Queue<F> {
    folder: PathBuf,
    files: F,
}

impl<F: Files> Queue<F> {
    /// Opens the queue and makes the folder agree with the rows, whatever moment the last run ended
    /// at.
    ///
    /// # Errors
    /// The folder cannot be read or written, or a batch that waits is missing or damaged.
    pub fn open(folder: PathBuf, files: F, waiting: &[Batch]) -> Result<Self, QueueError> {
        let queue = Self { folder, files };
        let wanted: Vec<OsString> = waiting.iter().map(|it| name(it).into()).collect();
        for found in queue.files.names(&queue.folder)? {
            if !wanted.contains(&found) {
                queue.files.remove(&queue.folder.join(found))?;
            }
        }
        queue.files.sync_folder(&queue.folder)?;
        for batch in waiting {
            queue.get(batch)?;
        }
        Ok(queue)
    }

    /// Puts a batch in: its file first, then its row, which `commit` writes.
    ///
    /// # Errors
    /// The file cannot be made durable, and then nothing is committed; or what `commit` says.
    pub fn put<E: From<QueueError>>(
        &self,
        batch: &Batch,
        bytes: &[u8],
        commit: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let written = write_durably(&self.files, &self.path(batch), bytes);
        written.map_err(QueueError::from)?;
        commit()
    }

    /// Takes a batch out: first its row, which `commit` changes, then its file.
    ///
    /// # Errors
    /// What `commit` says; or the file cannot be removed, which the next start does.
    pub fn take_out<E: From<QueueError>>(
        &self,
        batch: &Batch,
        commit: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        commit()?;
        match self.files.remove(&self.path(batch)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(QueueError::from(error).into())
            }
            _ => Ok(()),
        }
    }

    /// Reads a batch and compares it with its id.
    ///
    /// # Errors
    /// The file cannot be read, or is not what was sealed.
    pub fn get(&self, batch: &Batch) -> Result<Vec<u8>, QueueError> {
        let read = self.files.read(&self.path(batch), batch.bytes + 1);
        let bytes = match read {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(QueueError::Damaged(batch.sequence));
            }
            read => read?,
        };
        match sha256(&bytes) == *batch.id.as_bytes() {
            true => Ok(bytes),
            false => Err(QueueError::Damaged(batch.sequence)),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, batch: &Batch) -> PathBuf {
        self.folder.join(name(batch))
    }
}

fn name(batch: &Batch) -> String {
    format!("{:012}-{}.batch", batch.sequence, batch.id)
}

/// Writes a file so that after a power cut it is there whole or not at all.
///
/// # Errors
/// The file is not there under that name, or it is not certain that it stays.
pub fn write_durably<F: Files>(files: &F, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = path.with_extension("partial");
    let written = write_whole(files, &partial, bytes);
    if let Err(error) = written.and_then(|()| files.rename(&partial, path)) {
        // Whatever is left of it is not gone on with; if it cannot be removed now, it is later.
        let _ = files.remove(&partial);
        return Err(error);
    }
    path.parent()
        .map_or(Ok(()), |folder| files.sync_folder(folder))
}

fn write_whole<F: Files>(files: &F, path: &Path, mut bytes: &[u8]) -> io::Result<()> {
    let mut file = files.create(path)?;
    while !bytes.is_empty() {
        match files.write(&mut file, bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    files.sync(&file)
}

/// How much may wait, and how long.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes in the queue.
    pub bytes: u64,
    /// Seconds that the oldest batch waits.
    pub age: u64,
    /// Bytes of the disk that stay free.
    pub reserve: u64,
}

/// What of the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// It holds as many bytes as it may.
    Bytes,
    /// The oldest batch has waited as long as it may.
    Age,
    /// The disk has no more to give.
    Disk,
}

impl Bounds {
    /// How many bytes may be sealed now, above 0, or what is full.
    ///
    /// # Errors
    /// Nothing may be collected before something was sent.
    pub fn room(&self, waiting: u64, oldest_age: u64, free: u64) -> Result<u64, Full> {
        let by_bytes = self.bytes.saturating_sub(waiting);
        let by_disk = free.saturating_sub(self.reserve);
        match (by_bytes, by_disk) {
            _ if oldest_age > self.age => Err(Full::Age),
            (0, _) => Err(Full::Bytes),
            (_, 0) => Err(Full::Disk),
            _ => Ok(by_bytes.min(by_disk)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-10: bounds by bytes, by age and by what is left of the disk.
    #[test]
    fn collecting_stops_at_the_first_bound_that_is_met() {
        let bounds = Bounds {
            bytes: 100,
            age: 30,
            reserve: 50,
        };
        for (waiting, age, free, room) in [
            (0, 0, 1_000, Ok(100)),
            (60, 30, 1_000, Ok(40)),
            (60, 30, 80, Ok(30)),
            (100, 0, 1_000, Err(Full::Bytes)),
            (120, 0, 1_000, Err(Full::Bytes)),
            (1, 31, 1_000, Err(Full::Age)),
            (1, 1, 50, Err(Full::Disk)),
            (1, 1, 0, Err(Full::Disk)),
        ] {
            assert_eq!(
                bounds.room(waiting, age, free),
                room,
                "{waiting} {age} {free}"
            );
        }
    }
}
