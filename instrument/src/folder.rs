//! The folder of messages: each a file that is whole, named by what it holds.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;

use nix::sys::statvfs::statvfs;
use sha2::{Digest as _, Sha256};

/// So much of the disk stays free: what else runs on the device needs it more than one message.
const RESERVE_BYTES: u64 = 256 << 20;

/// The folder.
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Keeps a message. After the return it is on the disk. One that comes again, because its
    /// acknowledgement was lost, has the name of the first and is not written twice.
    ///
    /// # Errors
    /// The file cannot be written, or the disk is nearly full.
    pub(crate) fn keep(&self, message: &[u8]) -> io::Result<()> {
        let mut name = String::new();
        for byte in Sha256::digest(message) {
            // Writing to a string does not fail.
            let _ = write!(name, "{byte:02x}");
        }
        let path = self.path.join(format!("{name}.astm"));
        if !path.exists() {
            let disk = statvfs(&self.path)?;
            if disk.blocks_available().saturating_mul(disk.fragment_size()) < RESERVE_BYTES {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let unfinished = self.path.join("unfinished.new");
            let mut file = File::create(&unfinished)?;
            file.write_all(message)?;
            file.sync_all()?;
            drop(file);
            fs::rename(&unfinished, &path)?;
        }
        // The name is in the folder, so the folder has to reach the disk as well: also that of one
        // whose writer was stopped before this.
        File::open(&self.path)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_kept_once_under_its_digest() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::at(place.path().to_owned());
        fs::write(place.path().join("unfinished.new"), "half a li").unwrap();
        for message in [b"abc".as_slice(), b"abc", b""] {
            folder.keep(message).unwrap();
        }
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let kept = fs::read(place.path().join(format!("{digest}.astm"))).unwrap();
        assert_eq!(kept, b"abc");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_folder_that_is_not_there_keeps_nothing() {
        let folder = Folder::at("/nonexistent".into());
        assert!(folder.keep(b"abc").is_err());
    }
}
