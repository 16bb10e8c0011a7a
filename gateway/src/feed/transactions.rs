//! The transaction storage: which files have grown, and what was added.
//!
//! A reading goes on where the last one ended. The name, the place and a keyed digest of all that
//! was read of a file are remembered, so that a file that was cut, rewritten, replaced or removed
//! before it was read is noticed: then only a full scan can tell what changed.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use envelope::{MacKey, Sha256};
use formats::ssmix2::transaction::{Event, Scanner, TransactionFile};
use nix::libc::{O_NOFOLLOW, O_NONBLOCK};
use serde::{Deserialize, Serialize};

use super::{Mark, Read, Tell, Unavailable, hex};

/// Bytes of a file's beginning by which it is known again.
const HEAD: u64 = 256;
const PIECE: usize = 256 << 10;
/// The most transaction files: 30 per day for five years.
const FILES_MAX: usize = 60_000;

/// How far each file has been read, by volume, year and name.
pub(super) type Files = BTreeMap<String, Reached>;

/// How far one file has been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reached {
    /// Where to read on.
    offset: u64,
    /// How long the file was.
    size: u64,
    /// Keyed digest of its first bytes, up to [`HEAD`] and up to `offset`.
    head: String,
    /// Keyed digest of its first `size` bytes. Absent when an earlier version read it.
    #[serde(default)]
    content: Option<String>,
    /// Inode, and times of the last writing and of the last change of the inode.
    #[serde(default)]
    stamps: Option<[i128; 3]>,
    /// Whether it ended within a header line that could not be read.
    torn: bool,
}

impl Reached {
    /// Whether a file begins with all that was read of it.
    fn begins(&self, file: &mut File, key: &MacKey) -> Result<bool, Unavailable> {
        match &self.content {
            Some(content) => Ok(digest(file, self.size, key)? == *content),
            None => Ok(head(file, self.offset.min(HEAD), key)? == self.head),
        }
    }
}

struct Found {
    root: usize,
    key: String,
    path: PathBuf,
    file: TransactionFile,
}

/// Reads what was added since the last reading, and the records that are waited for.
pub(super) fn read(
    roots: &[PathBuf],
    key: &MacKey,
    since: Option<&Files>,
    waiting: &[Mark],
    tell: Tell<'_>,
) -> Result<(Files, Read), Unavailable> {
    let found = list(roots)?;
    let mut read = Read::default();
    let mut files = Files::new();
    for (root, newest) in since.map(newest).unwrap_or_default() {
        // What is kept only for a time goes from the oldest on. Where the newest known file is
        // gone, others after it may have come and gone.
        let gone = |known: &&Found| known.root == root && known.key == newest;
        read.gap |= !found.iter().any(|file| gone(&file));
    }
    for file in &found {
        let known = since.and_then(|files| files.get(&file.key));
        let last = found
            .iter()
            .rfind(|other| other.root == file.root)
            .is_some_and(|other| other.key == file.key);
        if let Some(reached) = read_file(file, key, known, last, &mut read, tell)? {
            files.insert(file.key.clone(), reached);
        }
    }
    for mark in waiting {
        let Mark::Record { file, offset } = mark else {
            continue;
        };
        let path = found.iter().find(|found| found.key == *file);
        match path.and_then(|found| record_at(&found.path, *offset).ok()) {
            Some(Some(Event::Change(change))) => tell(mark.clone(), change),
            _ => read.lost += 1,
        }
    }
    Ok((files, read))
}

/// The newest known file of each volume.
fn newest(files: &Files) -> BTreeMap<usize, String> {
    let mut newest: BTreeMap<usize, (TransactionFile, &String)> = BTreeMap::new();
    for key in files.keys() {
        let mut parts = key.split('/');
        let root = parts.next().and_then(|root| root.parse().ok());
        let file = parts.next_back().and_then(TransactionFile::parse);
        if let Some((root, file)) = root.zip(file) {
            let last = newest.entry(root).or_insert((file, key));
            *last = (*last).max((file, key));
        }
    }
    newest
        .into_iter()
        .map(|(root, (_, key))| (root, key.clone()))
        .collect()
}

/// Reads what is new in one file. `None` when it vanished meanwhile.
fn read_file(
    found: &Found,
    key: &MacKey,
    known: Option<&Reached>,
    last: bool,
    read: &mut Read,
    tell: Tell<'_>,
) -> Result<Option<Reached>, Unavailable> {
    let data = match fs::symlink_metadata(&found.path) {
        Ok(data) => data,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            read.gap = true;
            return Ok(None);
        }
        Err(error) => return Err(Unavailable::io(&error)),
    };
    let stamps = Some(stamps(&data));
    let mut file = open(&found.path)?;
    // Only what nobody has touched is known to be the same without a look.
    let untouched = |known: &Reached| known.stamps == stamps && known.content.is_some();
    if let Some(known) = known
        && known.size == data.len()
        && (untouched(known) || known.begins(&mut file, key)?)
    {
        let mut same = known.clone();
        same.stamps = stamps;
        if known.torn && !last {
            // The next file has begun: nobody will write the rest of the line.
            same.torn = false;
            read.unreadable += 1;
        }
        return Ok(Some(same));
    }
    let mut offset = 0;
    if let Some(known) = known {
        let grown = data.len() > known.size;
        if grown && known.begins(&mut file, key)? {
            offset = known.offset;
        } else {
            read.gap = true;
        }
    }
    let mut reached = read_from(&mut file, found, offset, last, read, tell)?;
    reached.stamps = stamps;
    reached.head = head(&mut file, reached.offset.min(HEAD), key)?;
    reached.content = Some(digest(&mut file, reached.size, key)?);
    Ok(Some(reached))
}

/// Reads a file from a place on.
fn read_from(
    file: &mut File,
    found: &Found,
    offset: u64,
    last: bool,
    read: &mut Read,
    tell: Tell<'_>,
) -> Result<Reached, Unavailable> {
    file.seek(SeekFrom::Start(offset))
        .map_err(|error| Unavailable::io(&error))?;
    let mut take = |at: u64, event: Event| match event {
        Event::Change(change) => {
            let file = found.key.clone();
            tell(Mark::Record { file, offset: at }, change);
        }
        Event::Unreadable => read.unreadable += 1,
    };
    let mut scanner = Scanner::at(offset);
    let mut size = offset;
    in_pieces(file, &mut |piece| {
        scanner.push(piece, &mut take);
        size += piece.len() as u64;
    })?;
    let offset = scanner.resume();
    let ended = scanner.finish(&mut take);
    let torn = !ended && last;
    read.unreadable += u64::from(!ended && !last);
    Ok(Reached {
        offset,
        size,
        head: String::new(),
        content: None,
        stamps: None,
        torn,
    })
}

/// Hands out what is left of a file, within constant memory.
pub(super) fn in_pieces(file: &mut File, take: &mut dyn FnMut(&[u8])) -> Result<(), Unavailable> {
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) => take(piece.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Unavailable::io(&error)),
        }
    }
}

/// The record that begins at a place.
fn record_at(path: &Path, offset: u64) -> Result<Option<Event>, Unavailable> {
    let failed = |error: io::Error| Unavailable::io(&error);
    let mut file = open(path)?;
    file.seek(SeekFrom::Start(offset)).map_err(failed)?;
    // A header line, its end, and the beginning of what follows.
    let mut bytes = Vec::new();
    let most = formats::ssmix2::transaction::HEADER_BYTES_MAX as u64 + 2;
    file.take(most).read_to_end(&mut bytes).map_err(failed)?;
    let mut first = None;
    let mut scanner = Scanner::at(offset);
    let mut take = |_, event| {
        first.get_or_insert(event);
    };
    scanner.push(&bytes, &mut take);
    scanner.finish(&mut take);
    Ok(first)
}

fn head(file: &mut File, length: u64, key: &MacKey) -> Result<String, Unavailable> {
    let failed = |error: io::Error| Unavailable::io(&error);
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(failed)?;
    Ok(hex(&key.mac(&bytes)))
}

/// A keyed digest of so many bytes of a file, within constant memory.
fn digest(file: &mut File, length: u64, key: &MacKey) -> Result<String, Unavailable> {
    let failed = |error: io::Error| Unavailable::io(&error);
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut digest = Sha256::new();
    let mut left = length;
    in_pieces(file, &mut |piece| {
        let most = usize::try_from(left).unwrap_or(usize::MAX);
        let piece = piece.get(..most.min(piece.len())).unwrap_or_default();
        digest.update(piece);
        left -= piece.len() as u64;
    })?;
    Ok(hex(&key.mac(&digest.finish())))
}

/// By what a file that nobody has touched is known.
fn stamps(data: &fs::Metadata) -> [i128; 3] {
    let nanoseconds =
        |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
    [
        data.ino().into(),
        nanoseconds(data.mtime(), data.mtime_nsec()),
        nanoseconds(data.ctime(), data.ctime_nsec()),
    ]
}

/// A link or a pipe put in place of a file is neither followed nor waited for.
fn open(path: &Path) -> Result<File, Unavailable> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(O_NOFOLLOW | O_NONBLOCK)
        .open(path)
        .map_err(|error| Unavailable::io(&error))?;
    Ok(file)
}

/// All transaction files, by volume and time: those of a year lie in one folder.
fn list(roots: &[PathBuf]) -> Result<Vec<Found>, Unavailable> {
    let mut found = Vec::new();
    for (index, root) in roots.iter().enumerate() {
        let mut years = vec![(String::new(), root.clone())];
        list_folder(root, &mut |name, kind, path| {
            let year = name.len() == 4 && name.bytes().all(|b| b.is_ascii_digit());
            if kind.is_dir() && year {
                years.push((name.to_owned(), path));
            }
        })?;
        for (year, folder) in years {
            list_folder(&folder, &mut |name, kind, path| {
                if let Some(file) = TransactionFile::parse(name).filter(|_| kind.is_file()) {
                    found.push(Found {
                        root: index,
                        key: format!("{index}/{year}/{name}"),
                        path,
                        file,
                    });
                }
            })?;
        }
    }
    if found.len() > FILES_MAX {
        return Err(Unavailable::new("more transaction files than the limit"));
    }
    found.sort_by(|a, b| (a.root, a.file, &a.key).cmp(&(b.root, b.file, &b.key)));
    Ok(found)
}

fn list_folder(
    folder: &Path,
    entry: &mut dyn FnMut(&str, fs::FileType, PathBuf),
) -> Result<(), Unavailable> {
    let failed = |error: io::Error| Unavailable::io(&error);
    for found in fs::read_dir(folder).map_err(failed)? {
        let found = found.map_err(failed)?;
        let kind = found.file_type().map_err(failed)?;
        if let Some(name) = found.file_name().to_str() {
            entry(name, kind, found.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
