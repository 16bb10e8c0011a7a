//! A file system with trouble, for tests: slow, hanging, failing, or without a disk.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::disk::{Disk, Kind, LocalDisk, Stat, Unread};

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It never comes back.
    Hang,
    /// It takes this long.
    Slow(Duration),
    /// It fails.
    Fail(io::ErrorKind),
}

/// Which call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Folder,
    List,
    Stat,
    Read,
    Probe,
}

type Decide = dyn Fn(Call, &Path) -> Option<Trouble> + Send + Sync;

/// A real file system of which some calls have trouble.
#[derive(Clone)]
pub(crate) struct TroubledDisk {
    inner: Arc<LocalDisk>,
    decide: Arc<Decide>,
    /// Calls that touched files.
    pub(crate) files: Arc<AtomicU64>,
}

/// An open folder and where it is.
pub(crate) struct Opened {
    inner: OwnedFd,
    path: PathBuf,
}

impl TroubledDisk {
    pub(crate) fn new(
        decide: impl Fn(Call, &Path) -> Option<Trouble> + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner: Arc::default(),
            decide: Arc::new(decide),
            files: Arc::default(),
        }
    }

    fn trouble(&self, call: Call, path: &Path) -> io::Result<()> {
        match (self.decide)(call, path) {
            None => Ok(()),
            Some(Trouble::Fail(kind)) => Err(kind.into()),
            Some(Trouble::Slow(time)) => {
                std::thread::sleep(time);
                Ok(())
            }
            Some(Trouble::Hang) => loop {
                std::thread::park();
            },
        }
    }
}

fn below(folder: &Opened, path: &[u8]) -> PathBuf {
    folder.path.join(String::from_utf8_lossy(path).as_ref())
}

impl Disk for TroubledDisk {
    type Folder = Opened;

    fn root(&self, path: &Path) -> io::Result<Opened> {
        Ok(Opened {
            inner: self.inner.root(path)?,
            path: path.to_owned(),
        })
    }

    fn folder(&self, parent: &Opened, path: &[u8]) -> io::Result<Opened> {
        let whole = below(parent, path);
        self.trouble(Call::Folder, &whole)?;
        Ok(Opened {
            inner: self.inner.folder(&parent.inner, path)?,
            path: whole,
        })
    }

    fn list(&self, folder: &Opened, entry: &mut dyn FnMut(&[u8], Kind)) -> io::Result<()> {
        self.trouble(Call::List, &folder.path)?;
        self.inner.list(&folder.inner, entry)
    }

    fn stat(&self, folder: &Opened, path: &[u8]) -> io::Result<Stat> {
        self.files.fetch_add(1, Ordering::Relaxed);
        self.trouble(Call::Stat, &below(folder, path))?;
        self.inner.stat(&folder.inner, path)
    }

    fn read(
        &self,
        folder: &Opened,
        path: &[u8],
        listed: &Stat,
        buffer: &mut Vec<u8>,
    ) -> Result<(), Unread> {
        self.files.fetch_add(1, Ordering::Relaxed);
        let trouble = self.trouble(Call::Read, &below(folder, path));
        trouble.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Unread::Gone,
            _ => Unread::Refused,
        })?;
        self.inner.read(&folder.inner, path, listed, buffer)
    }

    fn head(
        &self,
        folder: &Opened,
        path: &[u8],
        most: usize,
        buffer: &mut Vec<u8>,
    ) -> Result<(), Unread> {
        self.files.fetch_add(1, Ordering::Relaxed);
        let trouble = self.trouble(Call::Read, &below(folder, path));
        trouble.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Unread::Gone,
            _ => Unread::Refused,
        })?;
        self.inner.head(&folder.inner, path, most, buffer)
    }

    fn probe(&self, root: &Opened) -> io::Result<Duration> {
        let started = crate::clock::stopwatch();
        self.trouble(Call::Probe, &root.path)?;
        Ok(started.elapsed())
    }
}

/// A storage that exists only as numbers: `firsts` × `seconds` × `patients` folders, each patient
/// with `files` files of one kind.
pub(crate) struct ImaginaryDisk {
    pub(crate) firsts: u32,
    pub(crate) seconds: u32,
    pub(crate) patients: u32,
    pub(crate) files: u32,
}

/// How deep a folder lies below the root, and its patient's name.
pub(crate) struct Imagined {
    depth: usize,
    path: Vec<u8>,
}

impl Disk for ImaginaryDisk {
    type Folder = Imagined;

    fn root(&self, _: &Path) -> io::Result<Imagined> {
        Ok(Imagined {
            depth: 0,
            path: Vec::new(),
        })
    }

    fn folder(&self, parent: &Imagined, path: &[u8]) -> io::Result<Imagined> {
        let parts = path.split(|byte| *byte == b'/').count();
        let mut whole = parent.path.clone();
        if !whole.is_empty() {
            whole.push(b'/');
        }
        whole.extend_from_slice(path);
        Ok(Imagined {
            depth: parent.depth + parts,
            path: whole,
        })
    }

    fn list(&self, folder: &Imagined, entry: &mut dyn FnMut(&[u8], Kind)) -> io::Result<()> {
        let numbered = |count: u32, entry: &mut dyn FnMut(&[u8], Kind)| {
            // Downwards, because no file system sorts.
            for number in (0..count).rev() {
                entry(format!("{number:03}").as_bytes(), Kind::Folder);
            }
        };
        match folder.depth {
            0 => numbered(self.firsts, entry),
            1 => numbered(self.seconds, entry),
            2 => {
                let front: Vec<u8> = folder
                    .path
                    .iter()
                    .copied()
                    .filter(|byte| *byte != b'/')
                    .collect();
                for number in (0..self.patients).rev() {
                    let name = [&front, format!("{number:06}").as_bytes()].concat();
                    entry(&name, Kind::Folder);
                }
            }
            3 => entry(b"20260105", Kind::Folder),
            4 => entry(b"ZZZ-99", Kind::Folder),
            _ => {
                let chart = folder
                    .path
                    .split(|byte| *byte == b'/')
                    .nth(2)
                    .unwrap_or_default();
                let chart = String::from_utf8_lossy(chart);
                for number in 0..self.files {
                    let name =
                        format!("{chart}_20260105_ZZZ-99_{number:015}_20260105101112000_01_1");
                    entry(name.as_bytes(), Kind::File);
                }
            }
        }
        Ok(())
    }

    fn stat(&self, _: &Imagined, path: &[u8]) -> io::Result<Stat> {
        Ok(Stat {
            kind: if path.is_empty() {
                Kind::Folder
            } else {
                Kind::File
            },
            bytes: 1_000,
            inode: 1,
            stamps: [0, 0],
        })
    }

    fn read(&self, _: &Imagined, _: &[u8], _: &Stat, _: &mut Vec<u8>) -> Result<(), Unread> {
        Err(Unread::Refused)
    }

    fn head(&self, _: &Imagined, _: &[u8], _: usize, _: &mut Vec<u8>) -> Result<(), Unread> {
        Err(Unread::Refused)
    }

    fn probe(&self, _: &Imagined) -> io::Result<Duration> {
        Ok(Duration::ZERO)
    }
}
