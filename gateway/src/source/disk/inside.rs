//! Opening what lies below a folder, so that no part of the way is a link or leads out of it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::{Errno, Result};

const INSIDE: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS);
/// Of a folder on the way nothing is needed but that one may pass it.
const ON_THE_WAY: OFlags = OFlags::PATH
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Opens by one call where there is one for it.
///
/// A service manager that keeps a service from making set-user-ID files (`RestrictSUIDSGID=`)
/// answers `openat2` with "no such call", because a filter cannot look into its arguments; so do
/// kernels before 5.6. There the way is gone part by part.
#[derive(Default)]
pub(super) struct Inside {
    by_parts: AtomicBool,
}

impl Inside {
    /// Opens `path`, which has one or more parts; `flags` say that the last one is not followed.
    ///
    /// # Errors
    /// Something on the way is missing, is no folder or a link, or may not be passed or opened.
    pub(super) fn open(&self, parent: &OwnedFd, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
        if !path.contains(&b'/') {
            return by_parts(parent.as_fd(), path, flags);
        }
        if !self.by_parts.load(Ordering::Relaxed) {
            match openat2(parent, path, flags, Mode::empty(), INSIDE) {
                Err(Errno::NOSYS) => self.by_parts.store(true, Ordering::Relaxed),
                answer => return answer,
            }
        }
        by_parts(parent.as_fd(), path, flags)
    }
}

fn by_parts(parent: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    if path.split(|byte| *byte == b'/').any(|part| part == b"..") || path.starts_with(b"/") {
        return Err(Errno::XDEV);
    }
    let (way, last) = match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (path.get(..at).unwrap_or_default(), path.get(at + 1..)),
        None => (&[][..], Some(path)),
    };
    let mut passed: Option<OwnedFd> = None;
    for part in way
        .split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty())
    {
        let from = passed.as_ref().map_or(parent, AsFd::as_fd);
        passed = Some(openat(from, part, ON_THE_WAY, Mode::empty())?);
    }
    let from = passed.as_ref().map_or(parent, AsFd::as_fd);
    openat(from, last.unwrap_or_default(), flags, Mode::empty())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;

    use super::*;

    const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC);

    /// A file in folders, and ways to it that must not work.
    fn tree() -> (tempfile::TempDir, OwnedFd) {
        let outside = tempfile::tempdir().unwrap();
        let root = outside.path().join("root");
        fs::create_dir_all(root.join("001/234")).unwrap();
        fs::write(root.join("001/234/file"), "inside").unwrap();
        fs::write(outside.path().join("file"), "outside").unwrap();
        symlink(outside.path(), root.join("out")).unwrap();
        symlink("001", root.join("same")).unwrap();
        symlink("file", root.join("001/234/link")).unwrap();
        let folder = File::open(&root).unwrap().into();
        (outside, folder)
    }

    #[test]
    fn gives_what_lies_below_and_nothing_by_a_link_or_from_outside_by_either_way() {
        let (_outside, root) = tree();
        let one_call = Inside::default();
        let parts = Inside {
            by_parts: AtomicBool::new(true),
        };
        for (path, found) in [
            ("001/234/file", true),
            ("001//234/file", true),
            ("001/./234/file", true),
            ("same/234/file", false),
            ("out/file", false),
            ("001/234/link", false),
            ("001/../../file", false),
            ("001/../001/234/file", true),
            ("/etc/hostname", false),
            ("001/234/file/x", false),
            ("001/none/file", false),
            ("001/234/", true),
        ] {
            let open = |way: &Inside| way.open(&root, path.as_bytes(), FILE).is_ok();
            assert_eq!(open(&one_call), found, "by one call: {path}");
            // Going back is refused there, even if the way ends inside: no listing has such names.
            let found = found && !path.contains("..") && !path.ends_with('/');
            assert_eq!(open(&parts), found, "by parts: {path}");
        }
        assert!(!one_call.by_parts.load(Ordering::Relaxed));
    }

    #[test]
    fn tells_missing_ones_from_refused_ones_by_either_way() {
        let (_outside, root) = tree();
        for by_parts in [false, true] {
            let way = Inside {
                by_parts: AtomicBool::new(by_parts),
            };
            let error = |path: &str| way.open(&root, path.as_bytes(), FILE).unwrap_err();
            assert_eq!(error("001/none/file"), Errno::NOENT);
            assert_eq!(error("001/234/none"), Errno::NOENT);
            assert_ne!(error("same/234/file"), Errno::NOENT);
            assert_ne!(error("001/234/file/x"), Errno::NOENT);
        }
    }
}
