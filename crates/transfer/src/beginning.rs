//! The digest that goes with each chunk of an upload: SHA-256 of the batch from its first byte to
//! the end of that chunk. The last one is the batch's id, so that neither end digests a byte twice.

use envelope::Sha256;

/// Digests of the beginning of one batch. Those of the last chunk are kept, from which the next one
/// goes on.
#[derive(Debug, Default)]
pub struct Beginning {
    /// Up to where the last chunk began and ended.
    kept: [(usize, Sha256); 2],
}

impl Beginning {
    /// SHA-256 of everything before `end`, of a chunk from `start` on. Always of the same batch.
    ///
    /// A chunk that is not within the batch has what there is of it.
    pub fn until(&mut self, batch: &[u8], start: usize, end: usize) -> [u8; 32] {
        let end = end.min(batch.len());
        let start = start.min(end);
        let reached = self.kept.iter().filter(|(length, _)| *length <= start);
        let furthest = reached.max_by_key(|(length, _)| *length).cloned();
        let (from, mut digest) = furthest.unwrap_or_default();
        digest.update(batch.get(from..start).unwrap_or_default());
        let before = (start, digest.clone());
        digest.update(batch.get(start..end).unwrap_or_default());
        self.kept = [before, (end, digest.clone())];
        digest.finish()
    }
}

#[cfg(test)]
mod tests {
    use envelope::sha256;

    use super::*;

    /// P-03: in order, repeated, in smaller pieces, from the beginning again, and beyond the end.
    #[test]
    fn every_chunk_has_the_digest_of_the_batch_up_to_its_end() {
        let batch: Vec<u8> = (0..1_000_u32).map(|i| i as u8).collect();
        let mut beginning = Beginning::default();
        for (start, end) in [
            (0, 100),
            (100, 200),
            (100, 200),
            (100, 150),
            (150, 900),
            (0, 10),
            (500, 1_000),
            (1_000, 1_000),
            (900, 2_000),
            (3_000, 4_000),
        ] {
            let upto = &batch[..end.min(batch.len())];
            let digest = beginning.until(&batch, start, end);
            assert_eq!(digest, sha256(upto), "{start} to {end}");
        }
    }
}
