//! Files that are always whole, whenever the power goes, and reading within bounds.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

/// Replaces a file in `folder`.
///
/// A reader sees the previous file or this one, never a part. After the return it is on the disk.
///
/// # Errors
/// The file cannot be written; the previous one stands.
pub fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let unfinished = folder.join(format!("{name}.new"));
    let mut file = File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&unfinished, folder.join(name))?;
    // The new name is in the folder, so the folder has to reach the disk as well.
    sync_folder(folder)
}

/// Has the names in a folder on the disk.
///
/// # Errors
/// The folder cannot be opened or written.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Reads a whole file of at most so many bytes; `None` when there is none.
///
/// # Errors
/// It cannot be read, or is larger.
pub fn read(path: &Path, most: usize) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes)?;
    match bytes.len() <= most {
        true => Ok(Some(bytes)),
        false => Err(io::Error::other("too large")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("health.json.new"), "half a li").unwrap();
        replace(folder.path(), "health.json", b"{\"a\":1}").unwrap();
        replace(folder.path(), "health.json", b"{}").unwrap();
        assert_eq!(
            std::fs::read_to_string(folder.path().join("health.json")).unwrap(),
            "{}"
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_replacement_leaves_the_previous_file() {
        let folder = tempfile::tempdir().unwrap();
        replace(folder.path(), "health.json", b"{}").unwrap();
        // A folder in the place of the unfinished file makes the next write fail.
        std::fs::create_dir(folder.path().join("health.json.new")).unwrap();
        assert!(replace(folder.path(), "health.json", b"{\"a\":1}").is_err());
        assert_eq!(
            std::fs::read_to_string(folder.path().join("health.json")).unwrap(),
            "{}"
        );
    }
}
