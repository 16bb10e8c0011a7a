//! Files of the authority: keys are added and never written over; what is handed out is whole or
//! absent.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::failure::{Failure, Problem, Result};

/// Certificates, keys and settings are far below this.
const TEXT_MAX: u64 = 1 << 20;

/// Adds a file that everybody may read.
pub(crate) fn add(path: &Path, bytes: &[u8]) -> Result<()> {
    add_with(path, bytes, 0o644)
}

/// Adds a file that its owner alone may read.
pub(crate) fn add_secret(path: &Path, text: &str) -> Result<()> {
    add_with(path, text.as_bytes(), 0o600)
}

fn add_with(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let options = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .clone();
    let written = options.open(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        sync_folder(path)
    });
    written.map_err(|error| Failure::because(Problem::Files, path.display(), error))
}

/// Puts a file in the place of what is there, whole.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let put = || {
        let new = path.with_extension("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o644)
            .open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        sync_folder(path)
    };
    put().map_err(|error: io::Error| Failure::because(Problem::Files, path.display(), error))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Reads a text that may be a secret.
pub(crate) fn text(path: &Path) -> Result<Zeroizing<String>> {
    let failed = |error| Failure::because(Problem::Files, path.display(), error);
    let mut text = Zeroizing::new(String::new());
    let file = File::open(path).map_err(failed)?;
    file.take(TEXT_MAX)
        .read_to_string(&mut text)
        .map_err(failed)?;
    Ok(text)
}
