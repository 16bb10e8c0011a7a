//! Content on its way into a body and back: a zstd frame (RFC 8878), compressed where that makes it
//! smaller, otherwise stored as it is in raw blocks, which costs a copy and nothing more.

use std::io::{Read, Write};

use crate::error::{OpenError, SealError};

const LEVEL: i32 = 3;
/// Level 3 needs a window of at most 2^21 bytes; more would only serve to exhaust memory.
const WINDOW_LOG_MAX: u32 = 22;

/// Parts of the content that are tried first, and how long each is. What is not longer than all of
/// them is compressed in any case.
const PLACES: usize = 4;
const SPAN: usize = 16 << 10;
const SAMPLE_LEVEL: i32 = 1;
/// Compressed is what loses more than a thirty-second of its length.
const GAIN: usize = 32;

/// Bytes of a raw block, and of the window that the frame states: the most that every decoder
/// takes.
const BLOCK: usize = 128 << 10;
/// The number of a frame, a descriptor that announces a window and a length in 4 bytes, and a
/// window of 2^17 bytes (RFC 8878, sections 3.1.1 and 3.1.1.1).
const FRAME: [u8; 6] = [0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x38];

/// Packs pieces that stand one after another. The same pieces give the same bytes.
pub(crate) fn pack(pieces: &[&[u8]]) -> Result<Vec<u8>, SealError> {
    let length = pieces.iter().map(|piece| piece.len()).sum();
    if length <= PLACES * SPAN || shrinks(&sample(pieces, length))? {
        return compressed(pieces, length);
    }
    stored(pieces, length)
}

/// Bytes from places that are spread evenly.
fn sample(pieces: &[&[u8]], length: usize) -> Vec<u8> {
    let mut sample = Vec::with_capacity(PLACES * SPAN);
    let starts = (0..PLACES).map(|place| place * (length - SPAN) / (PLACES - 1));
    let spans: Vec<_> = starts.map(|start| start..start + SPAN).collect();
    let mut at = 0;
    for piece in pieces {
        for span in &spans {
            let (from, to) = (span.start.max(at), span.end.min(at + piece.len()));
            let part = (from < to).then(|| piece.get(from - at..to - at));
            sample.extend_from_slice(part.flatten().unwrap_or_default());
        }
        at += piece.len();
    }
    sample
}

fn shrinks(sample: &[u8]) -> Result<bool, SealError> {
    let packed = zstd::bulk::compress(sample, SAMPLE_LEVEL).map_err(|_| SealError::Encode)?;
    Ok(packed.len() + sample.len() / GAIN < sample.len())
}

fn compressed(pieces: &[&[u8]], length: usize) -> Result<Vec<u8>, SealError> {
    let packed = Vec::with_capacity(length / 2);
    let encoder = zstd::stream::Encoder::new(packed, LEVEL);
    let mut encoder = encoder.map_err(|_| SealError::Encode)?;
    for piece in pieces {
        encoder.write_all(piece).map_err(|_| SealError::Encode)?;
    }
    encoder.finish().map_err(|_| SealError::Encode)
}

/// A frame of raw blocks. Each has a head of 3 bytes, little endian: whether it is the last one in
/// the lowest bit, the kind 0 in the next two, then its length.
fn stored(pieces: &[&[u8]], length: usize) -> Result<Vec<u8>, SealError> {
    let stated = u32::try_from(length).map_err(|_| SealError::TooLarge)?;
    let mut frame = Vec::with_capacity(FRAME.len() + 4 + length + 3 * length.div_ceil(BLOCK));
    frame.extend_from_slice(&FRAME);
    frame.extend_from_slice(&stated.to_le_bytes());
    let (mut left, mut of_block) = (length, 0);
    for piece in pieces {
        let mut piece = *piece;
        while !piece.is_empty() {
            if of_block == 0 {
                of_block = left.min(BLOCK);
                left -= of_block;
                let head = u32::from(left == 0) | u32::try_from(of_block).unwrap_or(0) << 3;
                frame.extend(head.to_le_bytes().iter().take(3));
            }
            let (now, rest) = piece.split_at(piece.len().min(of_block));
            frame.extend_from_slice(now);
            of_block -= now.len();
            piece = rest;
        }
    }
    Ok(frame)
}

/// Unpacks no more than so many bytes.
pub(crate) fn unpack(packed: &[u8], most: usize) -> Result<Vec<u8>, OpenError> {
    let mut decoder = zstd::stream::Decoder::new(packed).map_err(|_| OpenError::Decode)?;
    decoder
        .window_log_max(WINDOW_LOG_MAX)
        .map_err(|_| OpenError::Decode)?;
    let mut plain = Vec::new();
    let mut limited = decoder.take(most as u64 + 1);
    limited
        .read_to_end(&mut plain)
        .map_err(|_| OpenError::Decode)?;
    if plain.len() > most {
        return Err(OpenError::TooLarge);
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::{Rng as _, SeedableRng as _};

    use super::*;

    const MOST: usize = 1 << 26;

    fn random(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        ChaCha20Rng::seed_from_u64(3).fill_bytes(&mut bytes);
        bytes
    }

    fn digits(length: usize) -> Vec<u8> {
        let numbers = (0..).flat_map(|number: u32| number.to_string().into_bytes());
        numbers.take(length).collect()
    }

    /// Whatever the pieces are, and around the bounds of blocks and samples.
    #[test]
    fn what_is_packed_is_unpacked_as_it_was() {
        let around = [PLACES * SPAN, BLOCK, 2 * BLOCK, 5 << 20];
        let around = around.iter().flat_map(|at| at - 1..=at + 1);
        for length in [0, 1, 100].into_iter().chain(around) {
            for bytes in [random(length), digits(length)] {
                for piece in [17, 100_000, length.max(1)] {
                    let pieces: Vec<&[u8]> = bytes.chunks(piece).collect();
                    let packed = pack(&pieces).unwrap();
                    assert!(
                        unpack(&packed, MOST).unwrap() == bytes,
                        "{length} in pieces of {piece}"
                    );
                }
            }
        }
    }

    #[test]
    fn only_what_compresses_is_compressed() {
        let is_stored = |pieces: &[&[u8]]| pack(pieces).unwrap().starts_with(&FRAME);
        let (noise, text) = (random(1 << 20), digits(1 << 20));
        assert!(is_stored(&[&noise]));
        assert!(!is_stored(&[&text]));
        assert!(!is_stored(&[&noise, &text]));
        assert!(!is_stored(&[&text, &noise]));
        let stored = pack(&[&noise]).unwrap();
        assert_eq!(stored.len(), noise.len() + 10 + 3 * 8);
        assert!(pack(&[&text]).unwrap().len() < text.len() / 2);
    }

    /// A stored frame is one of the format, and damage to its heads shows.
    #[test]
    fn a_stored_frame_is_whole_or_refused() {
        let noise = random(BLOCK + 5);
        let stored = stored(&[&noise], noise.len()).unwrap();
        assert_eq!(unpack(&stored, MOST).as_ref(), Ok(&noise));
        for cut in [0, 3, 9, 12, BLOCK + 12, stored.len() - 1] {
            let cut = unpack(&stored[..cut], MOST);
            assert!(cut != Ok(noise.clone()), "{cut:?}");
        }
        assert_eq!(unpack(&stored, BLOCK), Err(OpenError::TooLarge));
    }

    /// A body that expands beyond the limit stops there.
    #[test]
    fn unpacking_stops_at_its_limit() {
        let bomb = zstd::bulk::compress(&vec![0; 1 << 24], 3).unwrap();
        assert!(bomb.len() < 4096);
        assert_eq!(unpack(&bomb, 1 << 20), Err(OpenError::TooLarge));
        assert_eq!(unpack(&bomb, 1 << 24).map(|plain| plain.len()), Ok(1 << 24));
        assert_eq!(unpack(b"not zstd", 10), Err(OpenError::Decode));
        let cut = bomb.get(..bomb.len() - 1).unwrap();
        assert_eq!(unpack(cut, 1 << 24), Err(OpenError::Decode));
    }

    #[test]
    fn a_window_larger_than_sealing_needs_is_refused() {
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(WINDOW_LOG_MAX + 1).unwrap();
        encoder.write_all(&vec![0; 1 << 24]).unwrap();
        let wide = encoder.finish().unwrap();
        assert_eq!(unpack(&wide, 1 << 25), Err(OpenError::Decode));
    }
}
