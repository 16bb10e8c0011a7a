//! Writing a partition of the slot that does not run.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use update::Image;

use crate::error::{UpdateError, slot};
use crate::parts::Parts;

/// Opens a partition that an image has to fit into. It is never made: a partition is there.
pub(crate) fn open(path: &Path, image: &Image) -> Result<File, UpdateError> {
    let opened = OpenOptions::new().read(true).write(true).open(path);
    let mut file = opened.map_err(slot)?;
    let size = file.seek(SeekFrom::End(0)).map_err(slot)?;
    match image.bytes() <= size {
        true => Ok(file),
        false => Err(UpdateError::SlotTooSmall),
    }
}

/// Writes an image chunk by chunk, each held against its digest before. What is right already is
/// left, so that going on after a power cut costs reading only.
pub(crate) fn write(path: &Path, image: &Image, parts: &Parts) -> Result<(), UpdateError> {
    let file = open(path, image)?;
    for (at, chunk) in image.places() {
        let mut there = vec![0; chunk.size as usize];
        file.read_exact_at(&mut there, at).map_err(slot)?;
        if !chunk.is(&there) {
            file.write_all_at(&parts.get(chunk)?, at).map_err(slot)?;
        }
    }
    file.sync_all().map_err(slot)
}

/// Reads an image back from the disk itself, not from memory, and compares all of it.
pub(crate) fn check(path: &Path, image: &Image) -> Result<(), UpdateError> {
    let file = open(path, image)?;
    posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).map_err(slot)?;
    for (at, chunk) in image.places() {
        let mut there = vec![0; chunk.size as usize];
        file.read_exact_at(&mut there, at).map_err(slot)?;
        if !chunk.is(&there) {
            return Err(slot("a slot does not hold what was written"));
        }
    }
    Ok(())
}
