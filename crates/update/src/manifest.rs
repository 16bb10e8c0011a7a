//! What a version consists of: the files of a slot and their chunks.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{BLOCK, CHUNK_MAX, Chunk, Digest, Name, Slot, Version};

/// Most bytes of a manifest.
pub const MANIFEST_MAX: usize = 4 << 20;
/// Most bytes of one file: far above the 64 MB of a root, far below what would fill a disk.
const IMAGE_MAX: u64 = 1 << 30;
const FORMAT: u8 = 1;

/// One file, as the chunks that it is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// SHA-256 of the whole; also its name in a repository.
    pub digest: Digest,
    /// Its parts, in order.
    pub chunks: Vec<Chunk>,
}

impl Image {
    /// Describes a file.
    pub fn of(file: &[u8]) -> Self {
        Self {
            digest: Digest::of(file),
            chunks: crate::cut(file),
        }
    }

    /// Bytes of the whole.
    pub fn bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| u64::from(chunk.size)).sum()
    }

    /// Its parts with the places at which they begin.
    pub fn places(&self) -> impl Iterator<Item = (u64, Chunk)> + '_ {
        self.chunks.iter().scan(0, |at, chunk| {
            let begins = *at;
            *at += u64::from(chunk.size);
            Some((begins, *chunk))
        })
    }

    /// Whether its bounds hold: chunks of whole blocks up to the last one.
    fn sound(&self) -> bool {
        let last = self.chunks.len().saturating_sub(1);
        let size = |(index, chunk): (usize, &Chunk)| {
            let size = chunk.size as usize;
            (1..=CHUNK_MAX).contains(&size) && (index == last || size.is_multiple_of(BLOCK))
        };
        !self.chunks.is_empty()
            && self.chunks.iter().enumerate().all(size)
            && self.bytes() <= IMAGE_MAX
    }
}

/// What one version of the image consists of, for one board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: u8,
    /// The board on which it runs.
    pub board: Name,
    /// Which version it is.
    pub version: Version,
    /// The file system of the root.
    pub root: Image,
    /// Its tree of digests (dm-verity).
    pub verity: Image,
    /// The kernel with its command line (UKI) for slot A, and for B where that has none of its own.
    kernel: Image,
    /// The kernel for slot B.
    kernel_b: Option<Image>,
}

/// Why bytes are no manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ManifestError {
    /// More than [`MANIFEST_MAX`].
    #[error("the manifest is too large")]
    TooLarge,
    /// Not CBOR of this form, or of a newer one.
    #[error("the manifest cannot be read")]
    Malformed,
    /// A size is out of its bounds.
    #[error("the manifest has a size out of bounds")]
    Bounds,
}

impl Manifest {
    /// Describes a version. One kernel may serve both slots.
    ///
    /// # Errors
    /// A file is empty or too large.
    pub fn new(
        board: Name,
        version: Version,
        [root, verity]: [Image; 2],
        kernel: Image,
        kernel_b: Option<Image>,
    ) -> Result<Self, ManifestError> {
        let manifest = Self {
            format: FORMAT,
            board,
            version,
            root,
            verity,
            kernel,
            kernel_b,
        };
        manifest.sound()
    }

    /// Reads it.
    ///
    /// # Errors
    /// See [`ManifestError`].
    pub fn read(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MANIFEST_MAX {
            return Err(ManifestError::TooLarge);
        }
        let manifest: Self = serde_cbor::from_slice(bytes).map_err(|_| ManifestError::Malformed)?;
        if manifest.format != FORMAT {
            return Err(ManifestError::Malformed);
        }
        manifest.sound()
    }

    /// Writes it.
    ///
    /// # Errors
    /// It is larger than can be read again.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ManifestError> {
        let bytes = serde_cbor::to_vec(self).map_err(|_| ManifestError::Malformed)?;
        match bytes.len() <= MANIFEST_MAX {
            true => Ok(bytes),
            false => Err(ManifestError::TooLarge),
        }
    }

    fn sound(self) -> Result<Self, ManifestError> {
        let sound = self.all_images().all(Image::sound);
        match sound {
            true => Ok(self),
            false => Err(ManifestError::Bounds),
        }
    }

    /// The kernel that boots a slot.
    pub fn kernel(&self, slot: Slot) -> &Image {
        match (slot, &self.kernel_b) {
            (Slot::B, Some(kernel)) => kernel,
            _ => &self.kernel,
        }
    }

    /// The files that a slot needs.
    pub fn images(&self, slot: Slot) -> [&Image; 3] {
        [&self.root, &self.verity, self.kernel(slot)]
    }

    /// The chunks that a slot needs.
    pub fn chunks(&self, slot: Slot) -> impl Iterator<Item = &Chunk> {
        self.images(slot)
            .into_iter()
            .flat_map(|image| &image.chunks)
    }

    /// Bytes that a slot needs and that a device which runs `old` in the other one does not have.
    pub fn download(&self, old: &Self, slot: Slot) -> u64 {
        let known: BTreeSet<Digest> = old.chunks(slot.other()).map(|it| it.digest).collect();
        let fresh = self.chunks(slot).filter(|it| !known.contains(&it.digest));
        fresh.map(|chunk| u64::from(chunk.size)).sum()
    }

    /// Every file, for whichever slot.
    pub fn all_images(&self) -> impl Iterator<Item = &Image> {
        let images = [&self.root, &self.verity, &self.kernel];
        images.into_iter().chain(&self.kernel_b)
    }

    /// The name of its target in a repository.
    pub fn target(board: &Name, version: Version) -> String {
        format!("manifest-{board}-{version}.cbor")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn manifest(own: bool) -> Manifest {
        let images = [Image::of(&[1; 9000]), Image::of(&[2; 4096])];
        let kernel_b = own.then(|| Image::of(b"b"));
        let board = "qemu".parse().unwrap();
        Manifest::new(board, Version([1, 2, 3]), images, Image::of(b"a"), kernel_b).unwrap()
    }

    #[test]
    fn a_manifest_comes_back_and_says_which_kernel_boots_a_slot() {
        for own in [false, true] {
            let made = manifest(own);
            let read = Manifest::read(&made.to_bytes().unwrap()).unwrap();
            assert_eq!(read, made);
            assert_eq!(read.root.bytes(), 9000);
            let same = read.kernel(Slot::A) == read.kernel(Slot::B);
            assert_eq!(same, !own);
        }
    }

    #[test]
    fn what_the_version_before_has_is_not_downloaded() {
        let old = manifest(true);
        assert_eq!(
            old.download(&old, Slot::B),
            1,
            "the kernel of the other slot"
        );
        let mut new = manifest(false);
        assert_eq!(new.download(&old, Slot::B), 0);
        new.verity = Image::of(&[3; 5000]);
        assert_eq!(new.download(&old, Slot::A), 5000 + 1);
    }

    #[test]
    fn sizes_out_of_bounds_are_refused() {
        let made = manifest(false);
        for sizes in [vec![], vec![0], vec![CHUNK_MAX as u32 + 1], vec![5, 4096]] {
            let mut bad = made.clone();
            let digest = Digest::of(b"");
            bad.root.chunks = sizes.iter().map(|&size| Chunk { size, digest }).collect();
            let bytes = bad.to_bytes().unwrap();
            assert_eq!(
                Manifest::read(&bytes),
                Err(ManifestError::Bounds),
                "{sizes:?}"
            );
        }
        let mut newer = made;
        newer.format = 2;
        let bytes = newer.to_bytes().unwrap();
        assert_eq!(Manifest::read(&bytes), Err(ManifestError::Malformed));
        let large = vec![0; MANIFEST_MAX + 1];
        assert_eq!(Manifest::read(&large), Err(ManifestError::TooLarge));
    }

    proptest! {
        #[test]
        fn bytes_of_strangers_are_read_or_refused(
            mut bytes in Just(manifest(true).to_bytes().unwrap()),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
            cut in any::<prop::sample::Index>(),
        ) {
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            let _ = Manifest::read(&bytes[..cut.index(bytes.len())]);
            if let Ok(read) = Manifest::read(&bytes) {
                prop_assert_eq!(Manifest::read(&read.to_bytes().unwrap()).unwrap(), read);
            }
        }
    }
}
