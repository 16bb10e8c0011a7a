//! `health.json`: always whole, whenever the power goes.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

const NAME: &str = "health.json";
const UNFINISHED: &str = "health.json.new";

/// Replaces the file in `folder` by one line of text.
///
/// A reader sees the previous file or this one, never a part. After the return it is on the disk.
pub(crate) fn replace(folder: &Path, line: &str) -> io::Result<()> {
    let unfinished = folder.join(UNFINISHED);
    let mut file = File::create(&unfinished)?;
    file.write_all(line.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&unfinished, folder.join(NAME))?;
    // The new name is in the folder, so the folder has to reach the disk as well.
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(UNFINISHED), "half a li").unwrap();
        replace(folder.path(), "{\"a\":1}").unwrap();
        replace(folder.path(), "{}").unwrap();
        assert_eq!(
            std::fs::read_to_string(folder.path().join(NAME)).unwrap(),
            "{}\n"
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_replacement_leaves_the_previous_file() {
        let folder = tempfile::tempdir().unwrap();
        replace(folder.path(), "{}").unwrap();
        // A folder in the place of the unfinished file makes the next write fail.
        std::fs::create_dir(folder.path().join(UNFINISHED)).unwrap();
        assert!(replace(folder.path(), "{\"a\":1}").is_err());
        assert_eq!(
            std::fs::read_to_string(folder.path().join(NAME)).unwrap(),
            "{}\n"
        );
    }
}
