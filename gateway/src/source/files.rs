//! The files below one patient's folders: `<care date>/<data kind>/<file>`, or deeper.

use std::io;

use record::FindingCode;

use super::disk::{Disk, Kind, Stat};
use super::watch::{Caller, GivenUp};

/// A file as it lies in the storage.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    /// In which of the patient's folders.
    pub(crate) folder: usize,
    /// Where in [`Listing::names`] its path below that folder stands.
    start: usize,
    length: usize,
    /// What was known when it was listed.
    pub(crate) stat: Stat,
}

/// What lies below one patient's folders. Used again for the next patient: nothing in it is freed.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Every file, folder by folder, sorted by path.
    pub(crate) files: Vec<Found>,
    /// Their sizes together.
    pub(crate) bytes: u64,
    /// Files and folders.
    pub(crate) entries: u64,
    /// The newest change of an inode, folders included when they were asked.
    pub(crate) newest: i64,
    /// Whether something could not be listed: what is there is then unknown.
    pub(crate) incomplete: bool,
    /// Links and special files: never followed or opened.
    pub(crate) links: u64,
    /// Whether there are more files, or folders for them, than the limit.
    pub(crate) too_many: bool,
    /// One finding for each folder or file that could not be listed.
    pub(crate) findings: Vec<FindingCode>,
    names: Vec<u8>,
    pending: Vec<(usize, usize, Kind)>,
    pending_names: Vec<u8>,
    path: Vec<u8>,
}

/// How far and how thoroughly to list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// Folders below the patient's that are looked into: one more than files should lie in, so
    /// that misplaced files are seen. Deeper folders are counted with the links.
    pub(crate) depth: usize,
    /// Most files.
    pub(crate) most: usize,
    /// Whether folders are asked for their changes too.
    pub(crate) stat_folders: bool,
}

impl Extent {
    /// Most files and folders together: each file may lie in folders of its own, and folders that
    /// hold nothing end as well.
    fn most_entries(&self) -> u64 {
        let levels = self.depth as u64 + 1;
        levels
            .saturating_mul(self.most as u64)
            .saturating_add(levels)
    }
}

impl Listing {
    /// The path of a file below its folder. It holds the chart number: never print it.
    pub(crate) fn path(&self, found: &Found) -> &[u8] {
        self.names
            .get(found.start..found.start + found.length)
            .unwrap_or_default()
    }

    /// The parts of a file's path, if there are exactly `N` and all are text.
    pub(crate) fn place<const N: usize>(&self, found: &Found) -> Option<[&str; N]> {
        let path = std::str::from_utf8(self.path(found)).ok()?;
        let mut parts = path.split('/');
        let place: [Option<&str>; N] = std::array::from_fn(|_| parts.next());
        let complete = parts.next().is_none() && place.iter().all(Option::is_some);
        complete.then(|| place.map(Option::unwrap_or_default))
    }

    fn clear(&mut self) {
        let kept = std::mem::take(self);
        *self = Self {
            files: kept.files,
            findings: kept.findings,
            names: kept.names,
            pending: kept.pending,
            pending_names: kept.pending_names,
            path: kept.path,
            newest: i64::MIN,
            ..Self::default()
        };
        self.files.clear();
        self.findings.clear();
        self.names.clear();
        self.pending.clear();
        self.pending_names.clear();
        self.path.clear();
    }

    /// Lists everything below the folders.
    ///
    /// # Errors
    /// The thread was given up.
    pub(crate) fn fill<D: Disk>(
        &mut self,
        disk: &D,
        caller: &Caller,
        folders: &[D::Folder],
        extent: Extent,
    ) -> Result<(), GivenUp> {
        self.clear();
        let mut lister = Lister {
            disk,
            caller,
            extent,
            folder: 0,
            listing: self,
        };
        for (index, folder) in folders.iter().enumerate() {
            lister.folder = index;
            lister.descend(folder, 0)?;
        }
        Ok(())
    }

    /// Notes that something could not be asked.
    pub(crate) fn unknown(&mut self, error: &io::Error) {
        self.incomplete = true;
        // What vanished while it was listed is no fault; it is looked at again next time.
        if error.kind() != io::ErrorKind::NotFound {
            self.findings.push(FindingCode::FolderUnreadable);
        }
    }
}

struct Lister<'l, D> {
    disk: &'l D,
    caller: &'l Caller,
    extent: Extent,
    folder: usize,
    listing: &'l mut Listing,
}

impl<D: Disk> Lister<'_, D> {
    fn descend(&mut self, folder: &D::Folder, depth: usize) -> Result<(), GivenUp> {
        if self.extent.stat_folders {
            match self.caller.call(0, |_| self.disk.stat(folder, b""))? {
                Ok(stat) => self.listing.newest = self.listing.newest.max(stat.stamps[1]),
                Err(error) => self.listing.unknown(&error),
            }
        }
        let first = self.listing.pending.len();
        let names = self.listing.pending_names.len();
        self.gather(folder)?;
        let last = self.listing.pending.len();
        let path = self.listing.path.len();
        for index in first..last {
            let Some(&(start, end, kind)) = self.listing.pending.get(index) else {
                continue;
            };
            if self.listing.too_many {
                break;
            }
            let listing = &mut *self.listing;
            listing.entries += 1;
            if listing.entries > self.extent.most_entries() {
                listing.too_many = true;
                break;
            }
            listing.path.truncate(path);
            if path > 0 {
                listing.path.push(b'/');
            }
            let name = listing.pending_names.get(start..end).unwrap_or_default();
            listing.path.extend_from_slice(name);
            match kind {
                Kind::Folder if depth < self.extent.depth => {
                    let opened = {
                        let name = self.listing.pending_names.get(start..end);
                        let name = name.unwrap_or_default();
                        self.caller.call(0, |_| self.disk.folder(folder, name))?
                    };
                    match opened {
                        Ok(inner) => self.descend(&inner, depth + 1)?,
                        Err(error) => self.listing.unknown(&error),
                    }
                }
                Kind::File => self.file(folder, start, end)?,
                Kind::Folder | Kind::Link | Kind::Other => listing.links += 1,
            }
        }
        self.listing.path.truncate(path);
        self.listing.pending.truncate(first);
        self.listing.pending_names.truncate(names);
        Ok(())
    }

    /// The entries of one folder, in the order of their names.
    fn gather(&mut self, folder: &D::Folder) -> Result<(), GivenUp> {
        let listing = &mut *self.listing;
        let first = listing.pending.len();
        let most = first + self.extent.most;
        let (pending, names) = (&mut listing.pending, &mut listing.pending_names);
        let mut too_many = false;
        let listed = self.caller.call(0, |alive| {
            self.disk.list(folder, &mut |name, kind| {
                if pending.len() > most {
                    too_many = true;
                    return;
                }
                if pending.len() % 256 == 255 {
                    alive();
                }
                let start = names.len();
                names.extend_from_slice(name);
                pending.push((start, names.len(), kind));
            })
        })?;
        if let Some(added) = pending.get_mut(first..).filter(|added| added.len() > 1) {
            added.sort_unstable_by(|a, b| names.get(a.0..a.1).cmp(&names.get(b.0..b.1)));
        }
        listing.too_many |= too_many;
        if let Err(error) = listed {
            listing.unknown(&error);
        }
        Ok(())
    }

    fn file(&mut self, folder: &D::Folder, start: usize, end: usize) -> Result<(), GivenUp> {
        if self.listing.files.len() >= self.extent.most {
            self.listing.too_many = true;
            return Ok(());
        }
        let stat = {
            let name = self.listing.pending_names.get(start..end);
            let name = name.unwrap_or_default();
            self.caller.call(1, |_| self.disk.stat(folder, name))?
        };
        let listing = &mut *self.listing;
        match stat {
            Ok(stat) if stat.kind == Kind::File => {
                let found = Found {
                    folder: self.folder,
                    start: listing.names.len(),
                    length: listing.path.len(),
                    stat,
                };
                listing.names.extend_from_slice(&listing.path);
                listing.bytes += stat.bytes;
                listing.newest = listing.newest.max(stat.stamps[1]);
                listing.files.push(found);
            }
            // Replaced since its name was listed.
            Ok(_) => listing.incomplete = true,
            Err(error) => listing.unknown(&error),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;
    use std::sync::Arc;

    use super::super::disk::{LocalDisk, Unread};
    use super::super::pace::Pacer;
    use super::*;

    fn list(root: &Path, most: usize) -> (Listing, OwnedFd) {
        let disk = LocalDisk::default();
        let caller = Caller::new(Arc::new(Pacer::unbounded()));
        let extent = Extent {
            depth: 3,
            most,
            stat_folders: false,
        };
        let mut listing = Listing::default();
        let folders = [disk.root(root).unwrap()];
        listing.fill(&disk, &caller, &folders, extent).unwrap();
        let [folder] = folders;
        (listing, folder)
    }

    #[test]
    fn links_pipes_and_misplaced_files_are_counted_and_never_opened() {
        let root = tempfile::tempdir().unwrap();
        let kind = root.path().join("20260101/ADT-12");
        fs::create_dir_all(kind.join("deeper/still")).unwrap();
        fs::write(kind.join("a"), "x").unwrap();
        fs::write(kind.join("deeper/b"), "x").unwrap();
        fs::write(root.path().join("stray"), "x").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", kind.join("link")).unwrap();
        std::os::unix::fs::symlink("/etc", root.path().join("20260102")).unwrap();
        nix::unistd::mkfifo(&kind.join("pipe"), nix::sys::stat::Mode::S_IRUSR).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(kind.join("socket")).unwrap();
        let (listing, _) = list(root.path(), 100);
        let placed = |found: &&Found| listing.place::<3>(found).is_some();
        let placed = listing.files.iter().filter(placed).count();
        // Two links, a pipe, a socket, and a folder that lies too deep.
        assert_eq!((listing.files.len(), placed, listing.links), (3, 1, 5));
        assert!(!listing.incomplete && !listing.too_many);
        assert!(list(root.path(), 1).0.too_many);
    }

    /// A tree of empty folders holds no file to count and ends all the same.
    #[test]
    fn folders_without_end_are_too_many_like_files() {
        for (wide, too_many) in [(3, false), (7, true)] {
            let root = tempfile::tempdir().unwrap();
            for path in 0..wide * wide {
                let path = format!("{}/{}", path / wide, path % wide);
                fs::create_dir_all(root.path().join(path)).unwrap();
            }
            // Four levels of ten entries each.
            let (listing, _) = list(root.path(), 10);
            assert_eq!(listing.too_many, too_many, "{wide}");
            assert!(listing.entries <= 45, "{}", listing.entries);
        }
    }

    /// Names of files and folders are bytes; only those that are text can be of the standard.
    #[test]
    fn names_in_shift_jis_are_listed_and_have_no_place() {
        let root = tempfile::tempdir().unwrap();
        // 検査 in CP932.
        let name = std::ffi::OsStr::from_bytes(b"\x8c\x9f\x8d\xb8");
        let folder = root.path().join("20260101").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("a"), "x").unwrap();
        let (listing, _) = list(root.path(), 100);
        let found = listing.files.first().unwrap();
        assert_eq!(listing.path(found), b"20260101/\x8c\x9f\x8d\xb8/a");
        assert_eq!(listing.place::<3>(found), None);
    }

    #[test]
    fn a_file_that_changes_or_is_swapped_for_a_link_is_not_used() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        fs::write(&path, "12345").unwrap();
        let disk = LocalDisk::default();
        let mut buffer = Vec::new();
        let (listing, folder) = list(root.path(), 10);
        let found = listing.files.first().unwrap();
        let mut read = |bytes| {
            let stat = Stat {
                bytes,
                ..found.stat
            };
            let read = disk.read(&folder, listing.path(found), &stat, &mut buffer);
            (read, buffer.clone())
        };
        assert_eq!(read(5), (Ok(()), b"12345".to_vec()));
        for bytes in [0, 4, 6] {
            assert_eq!(read(bytes).0, Err(Unread::Changed), "{bytes}");
        }
        // The same size, written anew.
        fs::write(&path, "54321").unwrap();
        let past = std::time::SystemTime::UNIX_EPOCH;
        fs::File::open(&path).unwrap().set_modified(past).unwrap();
        assert_eq!(read(5).0, Err(Unread::Changed));
        fs::rename(&path, root.path().join("real")).unwrap();
        assert_eq!(read(5).0, Err(Unread::Gone));
        std::os::unix::fs::symlink(root.path().join("real"), &path).unwrap();
        assert_eq!(read(5).0, Err(Unread::Refused));
        fs::remove_file(&path).unwrap();
        // Opening a pipe for reading must not wait for a writer.
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRUSR).unwrap();
        assert_eq!(read(5).0, Err(Unread::Changed));
    }
}
