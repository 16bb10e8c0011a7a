//! What a panel shows: three lights and two lines of text.

use core::fmt;

/// Characters of a line.
pub const COLUMNS: usize = 16;

/// Everything that the panel shows at one moment. It is sent whole, so a panel never shows a light
/// of one moment beside a text of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Face {
    /// A (device, a circle), B (network, a triangle), C (data, a square).
    pub lights: [Light; 3],
    /// The upper line and the lower one.
    pub lines: [Line; 2],
}

/// One light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Light {
    /// Dark.
    Off,
    /// Lit or blinking.
    Lit(Colour, Rhythm),
}

/// The colour of a light. It never says anything that the rhythm does not say as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Green.
    Green,
    /// Amber.
    Amber,
    /// Red.
    Red,
}

/// How a light is lit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rhythm {
    /// All the time.
    On,
    /// A second on, a second off.
    Slow,
    /// An eighth of a second on, an eighth off.
    Fast,
}

impl Face {
    /// Bytes of a face on the line.
    pub(crate) const BYTES: usize = 3 + 2 * COLUMNS;

    /// Three bytes of lights, then the two lines.
    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let lights = self.lights.into_iter().map(Light::to_byte);
        let text = self.lines.into_iter().flat_map(|line| line.0);
        for (place, byte) in bytes.iter_mut().zip(lights.chain(text)) {
            *place = byte;
        }
        bytes
    }

    /// `None` where a byte is no light or no character of the display.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (lights, text) = bytes.split_first_chunk::<3>()?;
        let (upper, lower) = text.split_first_chunk::<COLUMNS>()?;
        let [a, b, c] = lights.map(Light::read);
        Some(Self {
            lights: [a?, b?, c?],
            lines: [Line::read(upper)?, Line::read(lower)?],
        })
    }
}

impl Light {
    const fn to_byte(self) -> u8 {
        let Self::Lit(colour, rhythm) = self else {
            return 0;
        };
        let colour = match colour {
            Colour::Green => 0x10,
            Colour::Amber => 0x20,
            Colour::Red => 0x30,
        };
        let rhythm = match rhythm {
            Rhythm::On => 1,
            Rhythm::Slow => 2,
            Rhythm::Fast => 3,
        };
        colour | rhythm
    }

    const fn read(byte: u8) -> Option<Self> {
        let colour = match byte >> 4 {
            1 => Colour::Green,
            2 => Colour::Amber,
            3 => Colour::Red,
            _ if byte == 0 => return Some(Self::Off),
            _ => return None,
        };
        let rhythm = match byte & 0x0F {
            1 => Rhythm::On,
            2 => Rhythm::Slow,
            3 => Rhythm::Fast,
            _ => return None,
        };
        Some(Self::Lit(colour, rhythm))
    }
}

/// A line of the display, in the bytes of its character set: the Latin half of JIS X 0201 without
/// the two places that differ from ASCII, and its katakana, which are of half width.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Line([u8; COLUMNS]);

impl Line {
    /// An empty one.
    pub const BLANK: Self = Self([b' '; COLUMNS]);

    /// A line with this text. What the display does not have becomes `?`, what does not fit is
    /// left out.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut line = Self::BLANK;
        for (place, letter) in line.0.iter_mut().zip(text.chars()) {
            *place = byte(letter).unwrap_or(b'?');
        }
        line
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let line: [u8; COLUMNS] = bytes.try_into().ok()?;
        line.iter()
            .all(|byte| letter(*byte).is_some())
            .then_some(Self(line))
    }

    /// The characters, 16 of them.
    pub fn letters(&self) -> impl Iterator<Item = char> {
        self.0.iter().filter_map(|byte| letter(*byte))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.letters()
            .try_for_each(|it| fmt::Write::write_char(f, it))
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}

/// The katakana of Unicode and of the display stand in the same order.
const KANA: (u32, u32, u8) = (0xFF61, 0xFF9F, 0xA1);

fn byte(letter: char) -> Option<u8> {
    let (first, last, place) = KANA;
    match u32::from(letter) {
        // A yen sign and an overline stand where ASCII has these two.
        0x5C | 0x7E => None,
        code @ 0x20..=0x7D => u8::try_from(code).ok(),
        code if (first..=last).contains(&code) => {
            u8::try_from(code - first).ok()?.checked_add(place)
        }
        _ => None,
    }
}

fn letter(byte: u8) -> Option<char> {
    let (first, _, place) = KANA;
    match byte {
        0x5C | 0x7E => None,
        0x20..=0x7D => Some(char::from(byte)),
        0xA1..=0xDF => char::from_u32(first + u32::from(byte - place)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString as _;

    use super::*;

    #[test]
    fn every_byte_of_the_display_is_a_letter_and_comes_back() {
        let mut letters = 0;
        for code in 0..=u8::MAX {
            let Some(letter) = letter(code) else { continue };
            assert_eq!(byte(letter), Some(code), "{letter}");
            letters += 1;
        }
        assert_eq!(letters, 93 + 63);
    }

    #[test]
    fn a_text_is_shown_as_far_as_the_display_can() {
        for (text, shown) in [
            ("", "                "),
            ("ｼﾞｭﾝﾋﾞ OK", "ｼﾞｭﾝﾋﾞ OK       "),
            ("192.168.100.200", "192.168.100.200 "),
            ("関所~\\ｱ", "????ｱ           "),
            ("0123456789ABCDEFG", "0123456789ABCDEF"),
        ] {
            assert_eq!(Line::new(text).to_string(), shown);
        }
    }

    #[test]
    fn every_byte_of_a_light_is_a_light_that_gives_it_back_or_is_refused() {
        let good = (0..=u8::MAX).filter(|byte| {
            let light = Light::read(*byte);
            assert!(light.is_none_or(|light| light.to_byte() == *byte), "{byte}");
            light.is_some()
        });
        assert_eq!(good.count(), 1 + 3 * 3);
    }
}
