//! What the panel is told: names of empty files in a folder that is gone with each start. That it
//! cannot be told is no reason not to test.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// A test runs.
const TESTING: &str = "testing";
/// What the last one found: `self-test-2001`, `self-test-0000` for nothing.
const FOUND: &str = "self-test-";
/// Most names of the folder that are looked at.
const NAMES_MOST: usize = 256;

/// A test that runs; the panel knows as long as this value is there.
pub(crate) struct Notice {
    folder: PathBuf,
}

impl Notice {
    /// Tells that a test runs.
    pub(crate) fn begin(folder: &Path) -> Self {
        let _ = File::create(folder.join(TESTING));
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Tells what it found, in the place of what an earlier one did.
    pub(crate) fn end(self, code: u16) {
        let new = format!("{FOUND}{code:04}");
        let names = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for name in names.take(NAMES_MOST).map(|file| file.file_name()) {
            let name = name.to_string_lossy();
            if name.starts_with(FOUND) && name != new.as_str() {
                let _ = fs::remove_file(self.folder.join(name.as_ref()));
            }
        }
        let _ = File::create(self.folder.join(new));
    }
}

impl Drop for Notice {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.folder.join(TESTING));
    }
}

#[cfg(test)]
mod tests {
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
    fn the_panel_knows_that_a_test_runs_and_then_what_the_last_one_found() {
        let folder = tempfile::tempdir().unwrap();
        File::create(folder.path().join("media-done")).unwrap();
        for (code, found) in [(2001, "self-test-2001"), (0, "self-test-0000")] {
            let notice = Notice::begin(folder.path());
            assert!(names(folder.path()).contains(&TESTING.to_owned()));
            notice.end(code);
            assert_eq!(names(folder.path()), ["media-done", found]);
        }
        // A test that could not be made says nothing new.
        drop(Notice::begin(folder.path()));
        assert_eq!(names(folder.path()), ["media-done", "self-test-0000"]);
        let nowhere = folder.path().join("nowhere");
        Notice::begin(&nowhere).end(1003);
    }
}
