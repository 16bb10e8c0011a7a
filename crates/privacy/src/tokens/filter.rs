//! Keyed Bloom filters of one field each.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::masks::Masks;
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
pub(super) fn of_name(maker: Maker<'_>, part: Part, born_in: Option<u16>, name: &str) -> Filter {
    let before = std::iter::once(' ').chain(name.chars());
    let after = name.chars().chain(std::iter::once(' '));
    let mut seen = Zeroizing::new([[' '; 2]; MOST_ELEMENTS]);
    let mut elements = 0;
    for pair in before.zip(after).map(<[char; 2]>::from) {
        let (told, free) = seen.split_at_mut(elements);
        let Some(slot) = free.first_mut() else {
            break;
        };
        if !told.contains(&pair) {
            *slot = pair;
            elements += 1;
        }
    }
    let pairs = seen.iter().take(elements);
    maker.filter(pairs.map(|pair| Element::Pair {
        part,
        born_in,
        pair: *pair,
    }))
}

/// The filter of a day of birth, `YYYYMMDD`: its digits, each with its place.
pub(super) fn of_birth(maker: Maker<'_>, digits: &str) -> Filter {
    let digits = (0u16..).zip(digits.chars()).take(MOST_ELEMENTS);
    maker.filter(digits.map(|(place, digit)| Element::Digit { place, digit }))
}

/// Which part of a name.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Family,
    Given,
}

/// What sets positions of a filter.
#[derive(Clone, Copy)]
pub(super) enum Element {
    /// Two neighbouring characters of a name, salted with the year of birth where it is known.
    Pair {
        part: Part,
        born_in: Option<u16>,
        pair: [char; 2],
    },
    /// A digit of a day of birth and where it stands.
    Digit { place: u16, digit: char },
}

/// The positions that one element sets.
pub(super) type Positions = [u8; POSITIONS];

impl Element {
    /// What is hashed.
    fn message(self, epoch: u16) -> Message {
        let start = Message::new(DOMAIN).number(epoch);
        match self {
            Self::Pair {
                part,
                born_in,
                pair,
            } => {
                let part = match part {
                    Part::Family => "family",
                    Part::Given => "given",
                };
                let year = born_in.map(|year| Zeroizing::new(format!("{year:04}")));
                let year = year.as_ref().map(|year| year.as_str());
                start.part(part).optional(year).characters(&pair)
            }
            Self::Digit { place, digit } => start.part("birth").number(place).characters(&[digit]),
        }
    }

    /// A number for each element and epoch, never 0 and never the same for two.
    pub(super) fn number(self, epoch: u16) -> u128 {
        let (kind, salt, [first, second]) = match self {
            Self::Pair {
                part,
                born_in,
                pair,
            } => {
                let kind = match part {
                    Part::Family => 1,
                    Part::Given => 2,
                };
                let salt = born_in.map_or(0, |year| u32::from(year) + 1);
                (kind, salt, pair)
            }
            Self::Digit { place, digit } => (3, u32::from(place), [digit, '\0']),
        };
        let parts = [u32::from(epoch), salt, first.into(), second.into()];
        // A character has 21 bits, the salt 17, the epoch 16.
        parts
            .into_iter()
            .fold(kind, |number, part| number << 21 | u128::from(part))
    }
}

/// Makes filters: with a keyed function, and what it made before, if that is kept.
#[derive(Clone, Copy)]
pub(super) struct Maker<'a> {
    pub(super) key: &'a dyn Prf,
    pub(super) epoch: u16,
    pub(super) masks: Option<&'a Masks>,
}

impl Maker<'_> {
    fn filter(self, elements: impl Iterator<Item = Element>) -> Filter {
        let mut kept = self.masks.map(Masks::lock);
        let mut bits = [0; 32];
        for element in elements {
            let make = || self.positions(element);
            let positions = match &mut kept {
                Some(kept) => kept.get(self.epoch, element, make),
                None => make(),
            };
            for position in positions {
                bits[usize::from(position / 8)] |= 1 << (position % 8);
            }
        }
        Filter(bits)
    }

    fn positions(self, element: Element) -> Positions {
        let wide = element.message(self.epoch).wide(self.key);
        std::array::from_fn(|index| wide[index])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_element_and_epoch_has_a_number_of_its_own() {
        let mut numbers = BTreeSet::new();
        let mut elements = 0;
        let characters = ['\0', ' ', '0', '1', 'ア', 'ン', char::MAX];
        for epoch in [0, 1, u16::MAX] {
            let mut see = |element: Element| {
                elements += 1;
                numbers.insert(element.number(epoch));
            };
            for first in characters {
                for place in [0, 1, 7, u16::MAX] {
                    see(Element::Digit {
                        place,
                        digit: first,
                    });
                }
                for second in characters {
                    for part in [Part::Family, Part::Given] {
                        for born_in in [None, Some(0), Some(1), Some(1958), Some(u16::MAX)] {
                            see(Element::Pair {
                                part,
                                born_in,
                                pair: [first, second],
                            });
                        }
                    }
                }
            }
        }
        assert_eq!((numbers.len(), elements), (1_554, 1_554));
        assert!(!numbers.contains(&0));
    }
}
