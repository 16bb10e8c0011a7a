//! The files of one patient: `<care date>/<data kind>/<file>` below the patient's folders.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc::{O_NOFOLLOW, O_NONBLOCK};
use record::FindingCode;

/// A file as it lies in the storage.
#[derive(Debug)]
pub(crate) struct Found {
    /// Care-date folder, data-kind folder and file name, as far as they are text.
    pub(crate) place: Option<[String; 3]>,
    /// Where it is. It holds the chart number: never print it.
    pub(crate) path: PathBuf,
    /// Its size.
    pub(crate) bytes: u64,
    /// Last change of content and of the directory entry's inode, in nanoseconds. A rename moves
    /// only the second.
    pub(crate) stamps: [i128; 2],
}

/// What lies below one patient's folders.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Every file, sorted by place.
    pub(crate) files: Vec<Found>,
    /// Whether some folder could not be listed: what is there is then unknown.
    pub(crate) incomplete: bool,
    /// Links and special files: never followed or opened.
    pub(crate) links: u64,
    /// Whether there are more files than the limit.
    pub(crate) too_many: bool,
}

/// Lists everything below the patient's folders, at any depth up to the third.
pub(crate) fn list(folders: &[PathBuf], most: usize) -> Listing {
    let mut listing = Listing::default();
    for folder in folders {
        descend(folder, &mut Vec::new(), most, &mut listing);
    }
    listing
        .files
        .sort_by(|a, b| (&a.place, &a.path).cmp(&(&b.place, &b.path)));
    listing
}

/// Reads one file whole into `buffer`.
///
/// # Errors
/// It cannot be opened, is too large, is empty, or is being changed.
pub(crate) fn read(found: &Found, most: u64, buffer: &mut Vec<u8>) -> Result<(), FindingCode> {
    buffer.clear();
    if found.bytes > most {
        return Err(FindingCode::FileTooLarge);
    }
    if found.bytes == 0 {
        return Err(FindingCode::FileEmpty);
    }
    // A link or a pipe put in place of the file after it was listed is neither followed nor
    // waited for.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(O_NOFOLLOW | O_NONBLOCK)
        .open(&found.path);
    let file = file.map_err(|_| FindingCode::FileUnreadable)?;
    let capacity = usize::try_from(found.bytes).map_err(|_| FindingCode::FileTooLarge)?;
    buffer.reserve_exact(capacity + 1);
    let read = file.take(found.bytes + 1).read_to_end(buffer);
    match read {
        Ok(length) if length == capacity => Ok(()),
        _ => Err(FindingCode::FileUnreadable),
    }
}

fn descend(folder: &Path, place: &mut Vec<Option<String>>, most: usize, listing: &mut Listing) {
    let Ok(entries) = fs::read_dir(folder) else {
        listing.incomplete = true;
        return;
    };
    for entry in entries {
        if listing.files.len() >= most {
            listing.too_many = true;
            return;
        }
        let Ok((entry, kind)) = entry.and_then(|entry| entry.file_type().map(|kind| (entry, kind)))
        else {
            listing.incomplete = true;
            continue;
        };
        place.push(entry.file_name().into_string().ok());
        if kind.is_dir() && place.len() <= 3 {
            descend(&entry.path(), place, most, listing);
        } else if kind.is_file() {
            match entry.metadata() {
                Ok(data) => listing.files.push(found(place, entry.path(), &data)),
                Err(_) => listing.incomplete = true,
            }
        } else {
            listing.links += 1;
        }
        place.pop();
    }
}

fn found(place: &[Option<String>], path: PathBuf, data: &fs::Metadata) -> Found {
    let place = match place {
        [Some(date), Some(kind), Some(name)] => Some([date.clone(), kind.clone(), name.clone()]),
        _ => None,
    };
    let nanoseconds =
        |seconds: i64, part: i64| i128::from(seconds) * 1_000_000_000 + i128::from(part);
    let stamps = [
        nanoseconds(data.mtime(), data.mtime_nsec()),
        nanoseconds(data.ctime(), data.ctime_nsec()),
    ];
    Found {
        place,
        path,
        bytes: data.len(),
        stamps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_pipes_and_misplaced_files_are_counted_and_never_opened() {
        let root = tempfile::tempdir().unwrap();
        let kind = root.path().join("20260101/ADT-12");
        fs::create_dir_all(kind.join("deeper/still")).unwrap();
        fs::write(kind.join("a"), "x").unwrap();
        fs::write(kind.join("deeper/b"), "x").unwrap();
        fs::write(root.path().join("stray"), "x").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", kind.join("link")).unwrap();
        nix::unistd::mkfifo(&kind.join("pipe"), nix::sys::stat::Mode::S_IRUSR).unwrap();
        let listing = list(&[root.path().to_owned()], 100);
        let placed = listing
            .files
            .iter()
            .filter(|found| found.place.is_some())
            .count();
        assert_eq!((listing.files.len(), placed, listing.links), (3, 1, 3));
        assert!(!listing.incomplete && !listing.too_many);
        assert!(list(&[root.path().to_owned()], 2).too_many);
    }

    #[test]
    fn a_file_that_changes_or_is_swapped_for_a_link_is_not_used() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        fs::write(&path, "12345").unwrap();
        let found = |bytes| Found {
            place: None,
            path: path.clone(),
            bytes,
            stamps: [0; 2],
        };
        let mut buffer = Vec::new();
        assert_eq!(read(&found(5), 10, &mut buffer), Ok(()));
        assert_eq!(buffer, b"12345");
        assert_eq!(
            read(&found(4), 10, &mut buffer),
            Err(FindingCode::FileUnreadable)
        );
        assert_eq!(
            read(&found(6), 10, &mut buffer),
            Err(FindingCode::FileUnreadable)
        );
        assert_eq!(
            read(&found(0), 10, &mut buffer),
            Err(FindingCode::FileEmpty)
        );
        assert_eq!(
            read(&found(5), 4, &mut buffer),
            Err(FindingCode::FileTooLarge)
        );
        fs::rename(&path, root.path().join("real")).unwrap();
        std::os::unix::fs::symlink(root.path().join("real"), &path).unwrap();
        assert_eq!(
            read(&found(5), 10, &mut buffer),
            Err(FindingCode::FileUnreadable)
        );
    }
}
