//! A disk in memory that fails as disks and kernels do, and forgets as they do at a power cut.
//!
//! What it assumes: bytes of a file that were not synced may be there or not after a cut, block by
//! block, in any order, a block also in halves; its length is what it was or what it became. Names
//! that were changed since the folder was last synced have changed or not, each for itself, in
//! order. A sync that fails drops what it could not write, and the next one says that all is well.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use transfer::Files;

const BLOCK: usize = 64;

/// What a call may meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Full,
    Broken,
    Short,
    Interrupted,
    /// The power goes before the call does anything, in its middle, or after it.
    CutBefore,
    CutWithin,
    CutAfter,
}

pub(crate) const FAULTS: [Fault; 7] = [
    Fault::Full,
    Fault::Broken,
    Fault::Short,
    Fault::Interrupted,
    Fault::CutBefore,
    Fault::CutWithin,
    Fault::CutAfter,
];

#[derive(Default, Clone)]
struct Inode {
    live: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
}

#[derive(Clone)]
enum Change {
    Name(PathBuf, u64),
    Gone(PathBuf),
    Moved(PathBuf, PathBuf),
}

#[derive(Clone)]
struct Inner {
    dice: ChaCha8Rng,
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<PathBuf, u64>,
    durable: BTreeMap<PathBuf, u64>,
    changes: Vec<Change>,
    next: u64,
    calls: u64,
    /// At which call what happens.
    faults: BTreeMap<u64, Fault>,
    off: bool,
}

/// A handle of the one disk.
#[derive(Clone)]
pub(crate) struct Disk(Rc<RefCell<Inner>>);

impl Disk {
    pub(crate) fn new(seed: u64, faults: BTreeMap<u64, Fault>) -> Self {
        Self(Rc::new(RefCell::new(Inner {
            dice: ChaCha8Rng::seed_from_u64(seed),
            inodes: BTreeMap::new(),
            names: BTreeMap::new(),
            durable: BTreeMap::new(),
            changes: Vec::new(),
            next: 0,
            calls: 0,
            faults,
            off: false,
        })))
    }

    pub(crate) fn calls(&self) -> u64 {
        self.0.borrow().calls
    }

    /// Whether the power is off.
    pub(crate) fn is_off(&self) -> bool {
        self.0.borrow().off
    }

    /// A durable step of something else on the same device, done whole or not at all.
    pub(crate) fn atomic(&self, step: impl FnOnce()) -> io::Result<()> {
        let fault = self.0.borrow_mut().call()?;
        match fault {
            None | Some(Fault::Short | Fault::Interrupted) => step(),
            Some(Fault::CutAfter) => {
                step();
                return Err(self.0.borrow_mut().cut());
            }
            Some(Fault::CutBefore | Fault::CutWithin) => return Err(self.0.borrow_mut().cut()),
            Some(Fault::Full) => return Err(ErrorKind::StorageFull.into()),
            Some(Fault::Broken) => return Err(io::Error::other("EIO")),
        }
        Ok(())
    }

    /// The power comes back: what was durable is there, and of the rest whatever chance left.
    pub(crate) fn power_on(&self) {
        let inner = &mut *self.0.borrow_mut();
        for inode in inner.inodes.values_mut() {
            inode.survive(&mut inner.dice);
        }
        for change in std::mem::take(&mut inner.changes) {
            if inner.dice.next_u64().is_multiple_of(2) {
                apply(&mut inner.durable, &change);
            }
        }
        inner.names = inner.durable.clone();
        inner.off = false;
    }

    /// Changes a bit of a durable file.
    pub(crate) fn rot(&self, name: &Path) {
        let inner = &mut *self.0.borrow_mut();
        let inode = inner.names[name];
        let inode = inner.inodes.get_mut(&inode).unwrap();
        inode.live[0] ^= 1;
        inode.durable[0] ^= 1;
    }

    /// Another disk with the same bytes.
    pub(crate) fn copied(&self) -> Self {
        Self(Rc::new(RefCell::new(self.0.borrow().clone())))
    }

    /// The power goes within one of the next calls.
    pub(crate) fn cut_after(&self, calls: u64) {
        let inner = &mut *self.0.borrow_mut();
        inner.faults.clear();
        inner.faults.insert(inner.calls + calls, Fault::CutWithin);
    }

    /// From now on nothing fails.
    pub(crate) fn mend(&self) {
        self.0.borrow_mut().faults.clear();
    }

    /// How many names there are.
    pub(crate) fn names_left(&self) -> usize {
        self.0.borrow().names.len()
    }

    fn simple(&self, work: impl FnOnce(&mut Inner) -> io::Result<()>) -> io::Result<()> {
        let inner = &mut *self.0.borrow_mut();
        match inner.call()? {
            None | Some(Fault::Short) => work(inner),
            Some(Fault::Interrupted | Fault::Broken) => Err(io::Error::other("EIO")),
            Some(Fault::Full) => Err(ErrorKind::StorageFull.into()),
            Some(Fault::CutBefore | Fault::CutWithin) => Err(inner.cut()),
            Some(Fault::CutAfter) => {
                let _ = work(inner);
                Err(inner.cut())
            }
        }
    }
}

impl Inner {
    fn call(&mut self) -> io::Result<Option<Fault>> {
        if self.off {
            return Err(io::Error::other("off"));
        }
        self.calls += 1;
        Ok(self.faults.remove(&self.calls))
    }

    fn cut(&mut self) -> io::Error {
        self.off = true;
        io::Error::other("off")
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.names, &change);
        self.changes.push(change);
    }
}

impl Inode {
    fn survive(&mut self, dice: &mut ChaCha8Rng) {
        let length = match self.dirty.is_empty() || dice.next_u64().is_multiple_of(2) {
            true => self.durable.len(),
            false => self.live.len(),
        };
        let mut left = self.durable.clone();
        left.resize(length, 0xaa);
        for block in &self.dirty {
            let (start, chance) = (block * BLOCK, dice.next_u64() % 4);
            let end = match chance {
                0 => start,
                1 => start + BLOCK / 2,
                _ => start + BLOCK,
            };
            let end = end.min(length).min(self.live.len());
            if start < end {
                left[start..end].copy_from_slice(&self.live[start..end]);
            }
        }
        *self = Self {
            live: left.clone(),
            durable: left,
            dirty: BTreeSet::new(),
        };
    }

    fn write_back(&mut self) {
        self.durable.resize(self.live.len(), 0);
        for block in std::mem::take(&mut self.dirty) {
            let end = (block * BLOCK + BLOCK).min(self.live.len());
            self.durable[block * BLOCK..end].copy_from_slice(&self.live[block * BLOCK..end]);
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        for offset in 0..bytes.len() {
            self.dirty.insert((self.live.len() + offset) / BLOCK);
        }
        self.live.extend_from_slice(bytes);
    }
}

fn apply(names: &mut BTreeMap<PathBuf, u64>, change: &Change) {
    match change {
        Change::Name(path, inode) => drop(names.insert(path.clone(), *inode)),
        Change::Gone(path) => drop(names.remove(path)),
        Change::Moved(from, to) => {
            if let Some(inode) = names.remove(from) {
                names.insert(to.clone(), inode);
            }
        }
    }
}

impl Files for Disk {
    type File = u64;

    fn create(&self, path: &Path) -> io::Result<u64> {
        let mut made = 0;
        self.simple(|inner| {
            inner.next += 1;
            made = inner.next;
            inner.inodes.insert(made, Inode::default());
            inner.change(Change::Name(path.to_owned(), made));
            Ok(())
        })?;
        Ok(made)
    }

    fn write(&self, file: &mut u64, bytes: &[u8]) -> io::Result<usize> {
        let inner = &mut *self.0.borrow_mut();
        let fault = inner.call()?;
        let half = bytes.len().div_ceil(2);
        let inode = inner.inodes.get_mut(file).unwrap();
        match fault {
            None | Some(Fault::CutAfter) => inode.append(bytes),
            Some(Fault::CutBefore | Fault::Interrupted) => {}
            Some(_) => inode.append(&bytes[..half]),
        }
        match fault {
            None => Ok(bytes.len()),
            Some(Fault::Short) => Ok(half),
            Some(Fault::Interrupted) => Err(ErrorKind::Interrupted.into()),
            Some(Fault::Full) => Err(ErrorKind::StorageFull.into()),
            Some(Fault::Broken) => Err(io::Error::other("EIO")),
            Some(_) => Err(inner.cut()),
        }
    }

    fn sync(&self, file: &u64) -> io::Result<()> {
        let inner = &mut *self.0.borrow_mut();
        let fault = inner.call()?;
        let inode = inner.inodes.get_mut(file).unwrap();
        match fault {
            None | Some(Fault::Short | Fault::CutAfter) => {
                inode.write_back();
            }
            // What could not be written counts as clean from now on.
            Some(Fault::Full | Fault::Broken | Fault::Interrupted) => {
                inode.dirty.clear();
                return Err(io::Error::other("EIO"));
            }
            Some(Fault::CutBefore | Fault::CutWithin) => {}
        }
        match fault {
            None | Some(Fault::Short) => Ok(()),
            Some(_) => Err(inner.cut()),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.simple(|inner| {
            if !inner.names.contains_key(from) {
                return Err(ErrorKind::NotFound.into());
            }
            inner.change(Change::Moved(from.to_owned(), to.to_owned()));
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.simple(|inner| {
            if !inner.names.contains_key(path) {
                return Err(ErrorKind::NotFound.into());
            }
            inner.change(Change::Gone(path.to_owned()));
            Ok(())
        })
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        self.simple(|inner| {
            inner.durable = inner.names.clone();
            inner.changes.clear();
            Ok(())
        })
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        self.simple(|inner| {
            let inside = inner
                .names
                .keys()
                .filter(|path| path.parent() == Some(folder));
            names = inside
                .filter_map(|path| path.file_name().map(OsString::from))
                .collect();
            Ok(())
        })?;
        Ok(names)
    }

    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.simple(|inner| {
            let inode = inner.names.get(path).ok_or(ErrorKind::NotFound)?;
            bytes = inner.inodes[inode].live.clone();
            bytes.truncate(usize::try_from(most).unwrap_or(usize::MAX));
            Ok(())
        })?;
        Ok(bytes)
    }
}
