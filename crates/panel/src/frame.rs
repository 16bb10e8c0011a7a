//! Frames on the line: what holds them apart, and what tells a whole one from a damaged one.

use crc::{CRC_16_IBM_3740, Crc};
use heapless::Vec;
use thiserror::Error;

/// The version of the protocol.
pub const VERSION: u8 = 1;
/// Most bytes of a payload.
pub const PAYLOAD_MAX: usize = 48;
/// Most bytes of a frame on the line, with the zero at each end.
pub const WIRE_MAX: usize = STUFFED_MAX + 2;

/// Version, type, sequence, length.
const HEAD: usize = 4;
const CHECKSUM: usize = 2;
const BODY_MAX: usize = HEAD + PAYLOAD_MAX + CHECKSUM;
const STUFFED_MAX: usize = cobs::max_encoding_length(BODY_MAX);
/// What begins and ends a frame, and stands nowhere inside.
const MARK: u8 = 0;
const CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_IBM_3740);

/// The bytes of one frame on the line.
pub type Wire = Vec<u8, WIRE_MAX>;

/// One frame, its payload not yet understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Which message it is.
    pub kind: u8,
    /// The number by which it is answered.
    pub sequence: u8,
    /// The content.
    pub payload: Vec<u8, PAYLOAD_MAX>,
}

/// Why what stood between two marks is no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Damage {
    /// The checksum does not fit.
    #[error("the checksum does not fit")]
    Checksum,
    /// The length does not fit.
    #[error("the length does not fit")]
    Length,
    /// Fewer bytes than the smallest frame, or more than the largest.
    #[error("no frame is of this size")]
    Size,
    /// The stuffing is broken.
    #[error("the stuffing is broken")]
    Stuffing,
    /// A whole frame of another version of the protocol.
    #[error("version {version} of the protocol")]
    Version {
        /// Which.
        version: u8,
        /// The number by which it wants to be answered.
        sequence: u8,
    },
}

impl Frame {
    /// A frame without a payload.
    #[must_use]
    pub fn empty(kind: u8, sequence: u8) -> Self {
        Self {
            kind,
            sequence,
            payload: Vec::new(),
        }
    }

    /// A frame with these bytes, of which there are [`PAYLOAD_MAX`] at most; more are left out.
    #[must_use]
    pub fn with(kind: u8, sequence: u8, payload: &[u8]) -> Self {
        Self {
            kind,
            sequence,
            payload: payload.iter().copied().take(PAYLOAD_MAX).collect(),
        }
    }

    /// The bytes on the line.
    #[must_use]
    pub fn to_wire(&self) -> Wire {
        let mut body: Vec<u8, BODY_MAX> = Vec::new();
        // A payload has 48 bytes at most, so its length is a byte.
        let length = u8::try_from(self.payload.len()).unwrap_or(u8::MAX);
        body.extend([VERSION, self.kind, self.sequence, length]);
        body.extend(self.payload.iter().copied());
        body.extend(CRC.checksum(&body).to_be_bytes());

        let mut stuffed = [0; STUFFED_MAX];
        // There is room for the largest body.
        let size = cobs::try_encode(&body, &mut stuffed).unwrap_or_default();
        let mut wire = Wire::new();
        wire.extend([MARK]);
        wire.extend(stuffed.into_iter().take(size));
        wire.extend([MARK]);
        wire
    }
}

/// Takes a line byte by byte and finds the frames in it.
///
/// A mark ends whatever was before it, so noise costs the frame that it hit and no other.
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    bytes: Vec<u8, STUFFED_MAX>,
    /// More came than fits; the rest up to the next mark is passed over.
    overrun: bool,
}

impl Decoder {
    /// A decoder at the begin of a line.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            overrun: false,
        }
    }

    /// Takes one byte, and gives what it ended, if it ended anything.
    ///
    /// # Errors
    /// See [`Damage`]. The decoder goes on with the next frame.
    pub fn push(&mut self, byte: u8) -> Option<Result<Frame, Damage>> {
        if byte != MARK {
            self.overrun |= self.bytes.push(byte).is_err();
            return None;
        }
        let read = match (self.overrun, self.bytes.is_empty()) {
            (true, _) => Some(Err(Damage::Size)),
            // The end of one frame and the begin of the next.
            (false, true) => None,
            (false, false) => Some(read(&self.bytes)),
        };
        *self = Self::new();
        read
    }
}

fn read(stuffed: &[u8]) -> Result<Frame, Damage> {
    let mut place = [0; STUFFED_MAX];
    let decoded = cobs::decode(stuffed, &mut place).map_err(|_| Damage::Stuffing)?;
    let body = place.get(..decoded.frame_size()).ok_or(Damage::Stuffing)?;
    let (content, checksum) = body.split_last_chunk().ok_or(Damage::Size)?;
    if CRC.checksum(content).to_be_bytes() != *checksum {
        return Err(Damage::Checksum);
    }
    let (head, payload) = content.split_first_chunk().ok_or(Damage::Size)?;
    let [version, kind, sequence, length]: [u8; HEAD] = *head;
    if version != VERSION {
        return Err(Damage::Version { version, sequence });
    }
    if usize::from(length) != payload.len() {
        return Err(Damage::Length);
    }
    let payload = Vec::from_slice(payload).map_err(|_| Damage::Length)?;
    Ok(Frame {
        kind,
        sequence,
        payload,
    })
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn frames(bytes: &[u8]) -> std::vec::Vec<Frame> {
        let mut decoder = Decoder::new();
        let read = bytes.iter().filter_map(|byte| decoder.push(*byte));
        read.filter_map(Result::ok).collect()
    }

    fn frame() -> impl Strategy<Value = Frame> {
        (any::<[u8; 2]>(), vec(any::<u8>(), 0..=PAYLOAD_MAX))
            .prop_map(|([kind, sequence], payload)| Frame::with(kind, sequence, &payload))
    }

    #[test]
    fn what_is_no_frame_is_named() {
        let stuffed = |body: &[u8]| {
            let mut wire = [0; 128];
            let size = cobs::encode_including_sentinels(body, &mut wire);
            std::vec::Vec::from(&wire[..size])
        };
        let sealed = |content: &[u8]| {
            let sum = CRC.checksum(content).to_be_bytes();
            stuffed(&[content, &sum].concat())
        };
        for (bytes, damage) in [
            (stuffed(&[1]), Damage::Size),
            (sealed(&[1, 1, 1]), Damage::Size),
            (stuffed(&[1; 60]), Damage::Size),
            (stuffed(&[1, 1, 1, 0, 0, 0]), Damage::Checksum),
            (sealed(&[1, 1, 1, 1]), Damage::Length),
            (
                sealed(&[2, 1, 7, 0]),
                Damage::Version {
                    version: 2,
                    sequence: 7,
                },
            ),
            (std::vec![0, 9, 1, 0], Damage::Stuffing),
        ] {
            let mut decoder = Decoder::new();
            let read: std::vec::Vec<_> = bytes.iter().filter_map(|it| decoder.push(*it)).collect();
            assert_eq!(read, [Err(damage)], "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn a_frame_is_read_as_it_was_written(frame in frame()) {
            let wire = frame.to_wire();
            prop_assert!(wire.len() <= WIRE_MAX);
            prop_assert_eq!(frames(&wire), [frame]);
        }

        /// C-17, P-07: noise between frames costs no frame at all, wherever it stands and whatever
        /// it is.
        #[test]
        fn noise_between_frames_loses_none(
            parts in vec((vec(any::<u8>(), 0..80), frame()), 1..6),
        ) {
            let (mut bytes, mut sent) = (std::vec::Vec::new(), std::vec::Vec::new());
            for (noise, frame) in parts {
                bytes.extend(noise);
                bytes.extend(frame.to_wire());
                sent.push(frame);
            }
            let mut read = frames(&bytes).into_iter();
            for frame in sent {
                prop_assert!(read.any(|it| it == frame), "{frame:?} is lost");
            }
        }

        /// Bytes that are changed, left out or put in within one frame cost this frame only.
        #[test]
        fn damage_to_a_frame_loses_that_frame_only(
            sent in vec(frame(), 3), cut in 0_usize..100, left_out in 0_usize..8,
            put_in in vec(any::<u8>(), 0..8),
        ) {
            let mut middle = sent[1].to_wire().to_vec();
            let from = cut % middle.len();
            let to = (from + left_out).min(middle.len());
            middle.splice(from..to, put_in);
            let bytes = [&sent[0].to_wire(), middle.as_slice(), &sent[2].to_wire()].concat();
            let read = frames(&bytes);
            prop_assert_eq!(read.first(), sent.first());
            prop_assert_eq!(read.last(), sent.last());
        }

        #[test]
        fn any_bytes_are_taken(bytes in vec(any::<u8>(), 0..2000)) {
            let read = frames(&bytes).len();
            prop_assert!(read <= bytes.len() / (HEAD + CHECKSUM));
        }
    }
}
