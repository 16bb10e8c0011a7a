//! Files that are whole or absent, whatever happens: temporary name, fsync, rename, fsync folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// How the names of unfinished files and folders begin. A run that finds one removes it.
pub(crate) const UNFINISHED: &str = ".unfinished-";

/// Makes a folder and its parents, for this user only.
///
/// # Errors
/// As the file system says.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

/// Opens a new file for this user only. An unfinished one of the same name is replaced.
///
/// # Errors
/// As the file system says.
pub(crate) fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

/// Writes a file whole: afterwards it has these bytes and survives a power cut.
///
/// # Errors
/// As the file system says; the file then is what it was before.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// As [`write()`], for a file that other programs of the centre read.
///
/// # Errors
/// As the file system says; the file then is what it was before.
pub(crate) fn write_shared(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with(path, |file| {
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
        file.write_all(bytes)
    })
}

/// As [`write()`], with the content made by a function.
///
/// # Errors
/// As the file system or the function says; the file then is what it was before.
pub(crate) fn write_with<E: From<io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let unfinished = unfinished(path);
    let mut file = new_file(&unfinished)?;
    fill(&mut file)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    sync_parent(path)?;
    Ok(())
}

/// Makes a rename or removal in the parent folder survive a power cut.
///
/// # Errors
/// As the file system says.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// The temporary name beside a file or folder.
pub(crate) fn unfinished(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{UNFINISHED}{name}"))
}

/// Removes what a killed run left unfinished in a folder. A missing folder is fine.
///
/// # Errors
/// As the file system says.
pub(crate) fn sweep(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_content_and_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"old").unwrap();
        let failed = write_with(&path, |file| {
            file.write_all(b"new")?;
            Err(io::Error::other("stop"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert!(unfinished(&path).exists());
        sweep(folder.path()).unwrap();
        assert!(!unfinished(&path).exists() && path.exists());
        sweep(&folder.path().join("missing")).unwrap();
    }
}
