//! Where the chunks of a version can be had: in files that were downloaded or brought, and in the
//! slot that runs. Whatever is read is held against its digest.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;

use update::{Chunk, Digest, Image};

use crate::error::UpdateError;

/// Places of chunks, by their digests.
#[derive(Default)]
pub(crate) struct Parts {
    files: Vec<File>,
    places: BTreeMap<Digest, Vec<(usize, u64)>>,
}

impl Parts {
    /// Adds a file that may hold all or some of an image. What was added before is tried before.
    pub(crate) fn add(&mut self, file: File, image: &Image) {
        let index = self.files.len();
        self.files.push(file);
        for (at, chunk) in image.places() {
            let places = self.places.entry(chunk.digest).or_default();
            // A chunk may be in an image a thousand times (zeros): one place of each file will do.
            if places.last().is_none_or(|(file, _)| *file != index) {
                places.push((index, at));
            }
        }
    }

    /// The bytes of a chunk.
    ///
    /// # Errors
    /// No place has them. Other bytes than zeros in a place say that they were changed.
    pub(crate) fn get(&self, chunk: Chunk) -> Result<Vec<u8>, UpdateError> {
        let mut bytes = vec![0; chunk.size as usize];
        let mut other = false;
        for (file, at) in self.places.get(&chunk.digest).into_iter().flatten() {
            let Some(file) = self.files.get(*file) else {
                continue;
            };
            if file.read_exact_at(&mut bytes, *at).is_err() {
                continue;
            }
            if chunk.is(&bytes) {
                return Ok(bytes);
            }
            other |= bytes.iter().any(|byte| *byte != 0);
        }
        match other {
            true => Err(UpdateError::Tampered),
            false => Err(UpdateError::Incomplete),
        }
    }

    /// All bytes of an image that is small enough to be held, as a kernel is.
    pub(crate) fn whole(&self, image: &Image) -> Result<Vec<u8>, UpdateError> {
        let mut bytes = Vec::new();
        for chunk in &image.chunks {
            bytes.extend(self.get(*chunk)?);
        }
        Ok(bytes)
    }

    /// Looks whether every chunk can be had.
    pub(crate) fn check(&self, image: &Image) -> Result<(), UpdateError> {
        image.chunks.iter().try_for_each(|chunk| {
            self.get(*chunk)?;
            Ok(())
        })
    }
}
