//! Cutting a file into chunks by its content.
//!
//! A file is looked at in blocks of 4 KiB, as the file system of the image lays it out. A chunk
//! ends behind a block whose own digest begins with three zero bits, which is one in eight, or when
//! it is as long as is allowed. So a block that is put in moves what follows but does not
//! change how it is cut, and chunks behind it are known again by their digests. Chunks of fixed
//! places would all change (decision 0058 has the figures).

use serde::{Deserialize, Serialize};

use crate::Digest;

/// Bytes of a block.
pub const BLOCK: usize = 4 << 10;
/// Most bytes of a chunk.
pub const CHUNK_MAX: usize = 16 * BLOCK;

/// A part of a file: how long it is and what it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chunk {
    /// Bytes, 1 to [`CHUNK_MAX`].
    pub size: u32,
    /// SHA-256 of them.
    pub digest: Digest,
}

impl Chunk {
    /// Whether these are its bytes.
    pub fn is(&self, bytes: &[u8]) -> bool {
        bytes.len() == self.size as usize && Digest::of(bytes) == self.digest
    }
}

/// Cuts a whole file.
pub fn cut(file: &[u8]) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut rest = file;
    while !rest.is_empty() {
        let (chunk, behind) = rest.split_at(first(rest));
        chunks.push(Chunk {
            // At most `CHUNK_MAX`.
            size: chunk.len() as u32,
            digest: Digest::of(chunk),
        });
        rest = behind;
    }
    chunks
}

/// Bytes of the first chunk of what is left.
fn first(rest: &[u8]) -> usize {
    let most = rest.len().min(CHUNK_MAX);
    let blocks = rest.chunks_exact(BLOCK).take(CHUNK_MAX / BLOCK);
    let ends = |block: &[u8]| Digest::of(block).bytes()[0] < 0x20;
    match blocks.into_iter().position(ends) {
        Some(index) => (index + 1) * BLOCK,
        None => most,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Blocks that differ, from a seed.
    fn noise(seed: u64, blocks: u64) -> Vec<u8> {
        let part = |n: u64| *Digest::of(&[seed.to_be_bytes(), n.to_be_bytes()].concat()).bytes();
        (0..blocks * BLOCK as u64 / 32).flat_map(part).collect()
    }

    #[test]
    fn chunks_are_the_file_and_have_their_bounds() {
        for file in [
            Vec::new(),
            vec![1],
            vec![0; CHUNK_MAX * 2 + 5],
            noise(1, 200),
            [noise(2, 3), vec![7; 100]].concat(),
        ] {
            let mut at = 0;
            for chunk in cut(&file) {
                let bytes = &file[at..at + chunk.size as usize];
                assert!(chunk.is(bytes) && (1..=CHUNK_MAX).contains(&bytes.len()));
                at += bytes.len();
            }
            assert_eq!(at, file.len());
        }
    }

    #[test]
    fn what_is_moved_by_whole_blocks_is_known_again() {
        let (one, more, two) = (noise(3, 400), noise(4, 7), noise(5, 400));
        let old: BTreeSet<Digest> = cut(&[&one[..], &two].concat())
            .iter()
            .map(|it| it.digest)
            .collect();
        let new = cut(&[&one[..], &more, &two].concat());
        let fresh: usize = new
            .iter()
            .filter(|it| !old.contains(&it.digest))
            .map(|it| it.size as usize)
            .sum();
        assert!(fresh >= more.len());
        assert!(fresh <= more.len() + 2 * CHUNK_MAX, "{fresh}");
    }
}
