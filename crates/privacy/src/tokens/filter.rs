//! Keyed Bloom filters of one field each.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::message::Message;
use crate::{Prf, wire};

const DOMAIN: &str = "sekisho filter v1";

/// Positions set per element. Each is a byte of the keyed function's own output, not a combination
/// of two hashes, whose regularity would show.
const POSITIONS: usize = 10;

/// The most elements of a filter: with 10 positions each, 16 set 46 % of 256 bits on average. A
/// name of more than 15 kana is compared by its beginning.
const MOST_ELEMENTS: usize = 16;

/// How filters are made. Another way of making them is told by other parameters, so that nobody
/// compares what does not compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilterParameters {
    /// Bits of a filter.
    pub bits: u16,
    /// Positions that an element sets.
    pub positions: u8,
    /// Most elements: bigrams of a name with a blank before and after, digits with their places.
    pub elements: u8,
    /// Whether names are salted with the year of birth.
    pub salted: bool,
}

impl FilterParameters {
    /// Those of this version.
    pub const PRESENT: Self = Self {
        bits: 256,
        positions: POSITIONS as u8,
        elements: MOST_ELEMENTS as u8,
        salted: true,
    };
}

/// A keyed Bloom filter of 256 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Filter(#[serde(with = "wire::bytes")] [u8; 32]);

impl Filter {
    /// Wraps raw bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The bits as four words, for comparing many.
    pub fn words(&self) -> [u64; 4] {
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(self.0.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        words
    }
}

/// Filters link persons, so they stay out of logs like the names they stand for.
impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filter([hidden])")
    }
}

/// How alike two filters are: twice the bits they share over the bits they have, 0.0 to 1.0. Two
/// empty filters share nothing.
pub fn dice(a: &Filter, b: &Filter) -> f64 {
    let (mut shared, mut total) = (0, 0);
    for (a, b) in a.words().into_iter().zip(b.words()) {
        shared += (a & b).count_ones();
        total += a.count_ones() + b.count_ones();
    }
    if total == 0 {
        0.0
    } else {
        f64::from(2 * shared) / f64::from(total)
    }
}

/// The filter of a folded kana name: its bigrams, with a blank before and after.
pub(super) fn of_name(
    key: &dyn Prf,
    epoch: u16,
    label: &str,
    salt: Option<&str>,
    name: &str,
) -> Filter {
    let mut bits = [0; 32];
    let before = std::iter::once(' ').chain(name.chars());
    let after = name.chars().chain(std::iter::once(' '));
    let mut seen = Zeroizing::new([[' '; 2]; MOST_ELEMENTS]);
    let mut elements = 0;
    for pair in before.zip(after).map(<[char; 2]>::from) {
        let (told, free) = seen.split_at_mut(elements);
        let Some(slot) = free.first_mut() else {
            break;
        };
        if told.contains(&pair) {
            continue;
        }
        *slot = pair;
        elements += 1;
        let message = Message::new(DOMAIN)
            .number(epoch)
            .part(label)
            .optional(salt)
            .characters(&pair);
        set(&mut bits, message, key);
    }
    Filter(bits)
}

/// The filter of a number: its digits, each with its place.
pub(super) fn of_digits(key: &dyn Prf, epoch: u16, label: &str, digits: &str) -> Filter {
    let mut bits = [0; 32];
    for (place, digit) in (0u16..).zip(digits.chars()).take(MOST_ELEMENTS) {
        let message = Message::new(DOMAIN)
            .number(epoch)
            .part(label)
            .number(place)
            .characters(&[digit]);
        set(&mut bits, message, key);
    }
    Filter(bits)
}

fn set(bits: &mut [u8; 32], message: Message, key: &dyn Prf) {
    for position in message.wide(key).into_iter().take(POSITIONS) {
        bits[usize::from(position / 8)] |= 1 << (position % 8);
    }
}
