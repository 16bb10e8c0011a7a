//! Reading within bounds, and names that are on the disk. How files are replaced is shared by the
//! programs of the device.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

pub(crate) use agent::files::replace;

/// Has the names in a folder on the disk.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Reads a whole file of at most so many bytes; `None` when there is none.
pub(crate) fn read(path: &Path, most: usize) -> io::Result<Option<Vec<u8>>> {
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
