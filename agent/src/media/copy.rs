//! Everything on a stick, copied within bounds: whole, or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use media::Word;
use nix::fcntl::OFlag;

/// Most files and folders of one stick.
const ENTRIES_MOST: usize = 10_000;
/// Most bytes of one stick.
const BYTES_MOST: u64 = 1 << 30;
/// Folders within folders.
const DEPTH_MOST: usize = 8;
/// Where what was taken waits for the programs that read it.
const INBOX: &str = "inbox";
const UNFINISHED: &str = ".unfinished";

/// Copies all files and folders below `from` to `STATE/inbox/NAME`, which is there whole or not at
/// all. Links, devices and the like are left out.
pub(crate) fn all(from: &Path, state: &Path, name: &str) -> Result<(), Word> {
    let inbox = state.join(INBOX);
    let (new, done) = (inbox.join(UNFINISHED), inbox.join(name));
    begin(&inbox, &new).map_err(|_| Word::NotKept)?;
    let mut left = Left {
        entries: ENTRIES_MOST,
        bytes: BYTES_MOST,
    };
    let copied = left.folder(from, &new, DEPTH_MOST).and_then(|()| {
        let finish = || {
            fs::rename(&new, &done)?;
            File::open(&inbox)?.sync_all()
        };
        finish().map_err(|_| Word::NotKept)
    });
    if copied.is_err() {
        // The next stick begins with it anyway.
        let _ = fs::remove_dir_all(&new);
    }
    copied
}

/// An empty folder, without what an earlier stick left that was pulled out.
fn begin(inbox: &Path, new: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(inbox)?;
    match fs::remove_dir_all(new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    DirBuilder::new().mode(0o750).create(new)
}

/// What may still come.
struct Left {
    entries: usize,
    bytes: u64,
}

impl Left {
    fn folder(&mut self, from: &Path, to: &Path, depth: usize) -> Result<(), Word> {
        let mut names = Vec::new();
        for entry in fs::read_dir(from).map_err(|_| Word::Unreadable)? {
            let entry = entry.map_err(|_| Word::Unreadable)?;
            self.entries = self.entries.checked_sub(1).ok_or(Word::Content)?;
            let kind = entry.file_type().map_err(|_| Word::Unreadable)?;
            names.push((entry.file_name(), kind));
        }
        names.sort_by(|one, other| one.0.cmp(&other.0));
        for (name, kind) in names {
            let (from, to): (PathBuf, PathBuf) = (from.join(&name), to.join(&name));
            if kind.is_dir() {
                let depth = depth.checked_sub(1).ok_or(Word::Content)?;
                let made = DirBuilder::new().mode(0o750).create(&to);
                made.map_err(|_| Word::NotKept)?;
                self.folder(&from, &to, depth)?;
            } else if kind.is_file() {
                self.file(&from, &to)?;
            }
        }
        let synced = File::open(to).and_then(|folder| folder.sync_all());
        synced.map_err(|_| Word::NotKept)
    }

    fn file(&mut self, from: &Path, to: &Path) -> Result<(), Word> {
        // What became a link or a pipe since is not followed and not waited for.
        let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
        let mut options = OpenOptions::new();
        let opened = options.read(true).custom_flags(flags.bits()).open(from);
        let mut opened = opened.map_err(|_| Word::Unreadable)?;
        let mut options = OpenOptions::new();
        let new = options.write(true).create_new(true).mode(0o640).open(to);
        let mut new = new.map_err(|_| Word::NotKept)?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let size = opened.read(&mut buffer).map_err(|_| Word::Unreadable)?;
            if size == 0 {
                return new.sync_all().map_err(|_| Word::NotKept);
            }
            self.bytes = self.bytes.checked_sub(size as u64).ok_or(Word::Content)?;
            let bytes = buffer.get(..size).unwrap_or_default();
            io::Write::write_all(&mut new, bytes).map_err(|_| Word::NotKept)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let files = fs::read_dir(folder).unwrap().flatten();
        let mut names: Vec<_> = files
            .map(|file| file.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn files_and_folders_are_copied_and_links_are_left_out() {
        let (stick, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let from = stick.path();
        fs::create_dir(from.join("a")).unwrap();
        fs::write(from.join("a/one"), "1").unwrap();
        fs::write(from.join("two"), "2").unwrap();
        symlink("/etc/passwd", from.join("link")).unwrap();
        symlink("/etc", from.join("folder-link")).unwrap();
        // What an earlier stick left.
        fs::create_dir_all(state.path().join("inbox/.unfinished/old")).unwrap();
        all(from, state.path(), "1-a").unwrap();
        let taken = state.path().join("inbox/1-a");
        assert_eq!(names(&state.path().join("inbox")), ["1-a"]);
        assert_eq!(names(&taken), ["a", "two"]);
        assert_eq!(fs::read_to_string(taken.join("a/one")).unwrap(), "1");
    }

    #[test]
    fn a_stick_beyond_the_bounds_leaves_nothing() {
        let (stick, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let deep: PathBuf = (0..=DEPTH_MOST).map(|at| at.to_string()).collect();
        fs::create_dir_all(stick.path().join(&deep)).unwrap();
        assert_eq!(all(stick.path(), state.path(), "1-a"), Err(Word::Content));
        assert!(names(&state.path().join("inbox")).is_empty());
        fs::remove_dir_all(stick.path().join("0")).unwrap();
        let large = File::create(stick.path().join("large")).unwrap();
        large.set_len(BYTES_MOST + 1).unwrap();
        let mut left = Left {
            entries: 1,
            bytes: 1 << 20,
        };
        let to = tempfile::tempdir().unwrap();
        let copied = left.folder(stick.path(), to.path(), 1);
        assert_eq!(copied, Err(Word::Content), "bytes");
        let mut left = Left {
            entries: 0,
            bytes: 1,
        };
        assert_eq!(
            left.folder(stick.path(), to.path(), 1),
            Err(Word::Content),
            "entries"
        );
    }
}
