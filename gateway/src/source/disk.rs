//! What the walk and the readers ask of a file system, and the one answer for real ones.
//!
//! Everything is opened for reading, without following links and, where permitted, without moving
//! the access time. Behind a trait, so that tests can have slow, hanging, failing and enormous
//! sources without a disk.

mod inside;

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, StatxFlags};
use rustix::fs::{fstat, openat, statat, statx};

use self::inside::Inside;
use crate::clock::stopwatch;

/// What a directory entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A folder.
    Folder,
    /// A regular file.
    File,
    /// A link, which is never followed.
    Link,
    /// A pipe, socket or device: never opened.
    Other,
}

/// What is known about a file or folder without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    /// What it is.
    pub(crate) kind: Kind,
    /// Its size.
    pub(crate) bytes: u64,
    /// Its number on its volume: another after it was replaced.
    pub(crate) inode: u64,
    /// Last change of content and of the inode, in nanoseconds. A rename moves only the second.
    pub(crate) stamps: [i64; 2],
}

/// Why a file's content cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is no longer there.
    Gone,
    /// It cannot be opened or read.
    Refused,
    /// It is not what was listed, or changed while it was read.
    Changed,
}

/// A read-only file system.
pub(crate) trait Disk: Send + Sync + 'static {
    /// An open folder.
    type Folder: Send + Sync;

    /// Opens a root folder.
    fn root(&self, path: &Path) -> io::Result<Self::Folder>;

    /// Opens a folder below another; `path` has one or more parts and no link in it.
    fn folder(&self, parent: &Self::Folder, path: &[u8]) -> io::Result<Self::Folder>;

    /// Hands out every entry of a folder once, in no order.
    fn list(&self, folder: &Self::Folder, entry: &mut dyn FnMut(&[u8], Kind)) -> io::Result<()>;

    /// What is known about an entry; of the folder itself when `path` is empty.
    fn stat(&self, folder: &Self::Folder, path: &[u8]) -> io::Result<Stat>;

    /// Reads a file whole into `buffer`, if it is and stays what `listed` says.
    fn read(
        &self,
        folder: &Self::Folder,
        path: &[u8],
        listed: &Stat,
        buffer: &mut Vec<u8>,
    ) -> Result<(), Unread>;

    /// Reads the first bytes of a file into `buffer`, `most` at most.
    fn head(
        &self,
        folder: &Self::Folder,
        path: &[u8],
        most: usize,
        buffer: &mut Vec<u8>,
    ) -> Result<(), Unread>;

    /// How long the source takes to answer the smallest question.
    fn probe(&self, root: &Self::Folder) -> io::Result<Duration>;
}

/// File systems of this machine, shares included.
#[derive(Default)]
pub(crate) struct LocalDisk {
    /// Set once keeping the access time was refused, which it is for files of other users.
    moves_access_time: AtomicBool,
    inside: Inside,
}

const FOLDER: OFlags = OFlags::DIRECTORY.union(READING);
const READING: OFlags = OFlags::CLOEXEC
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);
/// Bytes of names per question to the kernel.
const LISTING: usize = 32 << 10;

impl LocalDisk {
    fn open(&self, parent: &OwnedFd, path: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
        let plain = |flags| self.inside.open(parent, path, flags);
        if !self.moves_access_time.load(Ordering::Relaxed) {
            match plain(flags | OFlags::NOATIME) {
                Err(rustix::io::Errno::PERM) => {
                    let opened = plain(flags)?;
                    self.moves_access_time.store(true, Ordering::Relaxed);
                    return Ok(opened);
                }
                other => return Ok(other?),
            }
        }
        Ok(plain(flags)?)
    }
}

impl Disk for LocalDisk {
    type Folder = OwnedFd;

    fn root(&self, path: &Path) -> io::Result<OwnedFd> {
        // The root itself may be a link: the site's administrator set it.
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(openat(rustix::fs::CWD, path, flags, Mode::empty())?)
    }

    fn folder(&self, parent: &OwnedFd, path: &[u8]) -> io::Result<OwnedFd> {
        self.open(parent, path, FOLDER)
    }

    fn list(&self, folder: &OwnedFd, entry: &mut dyn FnMut(&[u8], Kind)) -> io::Result<()> {
        let mut space = [MaybeUninit::<u8>::uninit(); LISTING];
        rustix::fs::seek(folder, rustix::fs::SeekFrom::Start(0))?;
        let mut entries = RawDir::new(folder, &mut space);
        while let Some(found) = entries.next() {
            let found = found?;
            let name = found.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let kind = match found.file_type() {
                // Some shares do not tell the type with the name.
                FileType::Unknown => match self.stat(folder, name) {
                    Ok(stat) => stat.kind,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                },
                known => kind(known),
            };
            entry(name, kind);
        }
        Ok(())
    }

    fn stat(&self, folder: &OwnedFd, path: &[u8]) -> io::Result<Stat> {
        let stat = match path.is_empty() {
            true => fstat(folder)?,
            false => statat(folder, path, AtFlags::SYMLINK_NOFOLLOW)?,
        };
        Ok(known(&stat))
    }

    fn read(
        &self,
        folder: &OwnedFd,
        path: &[u8],
        listed: &Stat,
        buffer: &mut Vec<u8>,
    ) -> Result<(), Unread> {
        buffer.clear();
        let file = self.open(folder, path, READING).map_err(unread)?;
        let length = usize::try_from(listed.bytes).map_err(|_| Unread::Refused)?;
        // One byte more than there should be tells a file that grew.
        buffer.reserve(length + 1);
        loop {
            match rustix::io::read(&file, spare_capacity(buffer)) {
                Ok(0) => break,
                Ok(_) if buffer.len() > length => break,
                // A regular file gives all it has; whether that is all, the question below tells.
                Ok(_) if buffer.len() == length => break,
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => return Err(Unread::Refused),
            }
        }
        // Asked after reading: whoever wrote meanwhile moved one of these.
        let now = fstat(&file).map_err(|_| Unread::Refused)?;
        match buffer.len() == length && known(&now) == *listed {
            true => Ok(()),
            false => Err(Unread::Changed),
        }
    }

    fn head(
        &self,
        folder: &OwnedFd,
        path: &[u8],
        most: usize,
        buffer: &mut Vec<u8>,
    ) -> Result<(), Unread> {
        buffer.clear();
        let file = self.open(folder, path, READING).map_err(unread)?;
        buffer.resize(most, 0);
        let mut length = 0;
        while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
            match rustix::io::read(&file, rest) {
                Ok(0) => break,
                Ok(more) => length += more,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return Err(Unread::Refused),
            }
        }
        buffer.truncate(length);
        Ok(())
    }

    fn probe(&self, root: &OwnedFd) -> io::Result<Duration> {
        let started = stopwatch();
        // A share answers this itself, whatever this machine remembers of it.
        let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_FORCE_SYNC;
        statx(root, "", flags, StatxFlags::MTIME)?;
        Ok(Instant::elapsed(&started))
    }
}

fn unread(error: io::Error) -> Unread {
    match error.kind() {
        io::ErrorKind::NotFound => Unread::Gone,
        _ => Unread::Refused,
    }
}

fn kind(kind: FileType) -> Kind {
    match kind {
        FileType::Directory => Kind::Folder,
        FileType::RegularFile => Kind::File,
        FileType::Symlink => Kind::Link,
        _ => Kind::Other,
    }
}

fn known(stat: &rustix::fs::Stat) -> Stat {
    let nanoseconds = |seconds: i64, part: u64| {
        let part = i64::try_from(part).unwrap_or_default();
        seconds.saturating_mul(1_000_000_000).saturating_add(part)
    };
    Stat {
        kind: kind(FileType::from_raw_mode(stat.st_mode)),
        bytes: u64::try_from(stat.st_size).unwrap_or_default(),
        inode: stat.st_ino,
        stamps: [
            nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
            nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
        ],
    }
}
