//! The status code that somebody reads to the help desk: a letter for the layer, four digits for
//! the problem, and a check character, so that one that was misread is noticed.

use core::fmt;

use thiserror::Error;

/// 31 characters, a prime, so that a sum with weights notices every wrong character and every two
/// that were swapped. I, L, O, Q and U are left out: they are misread.
const LETTERS: &[u8; 31] = b"0123456789ABCDEFGHJKMNPRSTVWXYZ";
const PRIME: u32 = 31;
/// What makes 1 of 6, the weight of the last place, in sums modulo 31.
const OF_LAST: u32 = 26;
/// Weights of the first five places.
const WEIGHTS: [u32; 5] = [1, 2, 3, 4, 5];

/// Which part of the device a code is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// The way of the data: the number is that of the gateway's code, 12 for `G012`.
    DataPath,
    /// The device itself.
    Device,
    /// A stick in the front port.
    Media,
    /// The local network and the line.
    Network,
    /// Mains and battery.
    Power,
    /// Nothing to do.
    Ready,
    /// The self-test: the number is what it found.
    SelfTest,
    /// An update.
    Update,
}

impl Layer {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::DataPath,
        Self::Device,
        Self::Media,
        Self::Network,
        Self::Power,
        Self::Ready,
        Self::SelfTest,
        Self::Update,
    ];

    /// The first character of a code.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::DataPath => 'G',
            Self::Device => 'D',
            Self::Media => 'M',
            Self::Network => 'N',
            Self::Power => 'P',
            Self::Ready => 'R',
            Self::SelfTest => 'T',
            Self::Update => 'V',
        }
    }
}

/// A status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Code {
    layer: Layer,
    /// At most four digits.
    number: u16,
}

/// Why a text is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Misread {
    /// Not a letter, four digits and a letter or digit.
    #[error("a code is a letter, four digits and a letter or digit")]
    Form,
    /// The check character does not fit, or no layer has this letter.
    #[error("a character was misread")]
    Check,
}

impl Code {
    /// The code of a problem; of a number above 9999, that of 9999.
    #[must_use]
    pub const fn new(layer: Layer, number: u16) -> Self {
        let number = if number > 9_999 { 9_999 } else { number };
        Self { layer, number }
    }

    /// Which part it is about.
    #[must_use]
    pub const fn layer(self) -> Layer {
        self.layer
    }

    /// What is wrong with it.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.number
    }

    /// Reads what somebody typed or heard: small letters, spaces and hyphens are allowed, and the
    /// letters that no code has are taken for the digits that they look like.
    ///
    /// # Errors
    /// See [`Misread`].
    pub fn read(text: &str) -> Result<Self, Misread> {
        let plain = text.chars().filter(|letter| !matches!(letter, ' ' | '-'));
        let mut places = plain.map(|letter| match letter.to_ascii_uppercase() {
            'I' | 'L' => '1',
            'O' | 'Q' => '0',
            letter => letter,
        });
        let letters: [Option<char>; 7] = core::array::from_fn(|_| places.next());
        let [
            Some(layer),
            Some(a),
            Some(b),
            Some(c),
            Some(d),
            Some(check),
            None,
        ] = letters
        else {
            return Err(Misread::Form);
        };
        let mut number = 0;
        for digit in [a, b, c, d] {
            let digit = digit.to_digit(10).ok_or(Misread::Form)?;
            number = number * 10 + digit;
        }
        let layer = Layer::ALL.into_iter().find(|it| it.letter() == layer);
        let number = u16::try_from(number).map_err(|_| Misread::Form)?;
        let code = Self::new(layer.ok_or(Misread::Check)?, number);
        match code.check() == check {
            true => Ok(code),
            false => Err(Misread::Check),
        }
    }

    fn check(self) -> char {
        let digit = |power: u16| u32::from(self.number / power % 10);
        let places = [
            value(self.layer.letter()),
            digit(1_000),
            digit(100),
            digit(10),
            digit(1),
        ];
        let sum: u32 = places
            .iter()
            .zip(WEIGHTS)
            .map(|(it, weight)| it * weight)
            .sum();
        let rest = (PRIME - sum % PRIME) * OF_LAST % PRIME;
        let letter = LETTERS.get(rest as usize).copied();
        char::from(letter.unwrap_or(b'0'))
    }
}

fn value(letter: char) -> u32 {
    let place = LETTERS.iter().position(|it| char::from(*it) == letter);
    place.and_then(|it| u32::try_from(it).ok()).unwrap_or(0)
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layer, number } = self;
        write!(f, "{}{number:04}{}", layer.letter(), self.check())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString as _;
    use std::vec::Vec;

    use super::*;

    fn every() -> impl Iterator<Item = Code> {
        let of = |layer| (0..=9_999).map(move |number| Code::new(layer, number));
        Layer::ALL.into_iter().flat_map(of)
    }

    #[test]
    fn every_code_is_read_as_it_is_written() {
        for code in every() {
            let text = code.to_string();
            assert_eq!(text.len(), 6);
            assert_eq!(Code::read(&text), Ok(code));
            let typed = text.to_lowercase().replace('0', "o");
            let (one, two) = typed.split_at(3);
            assert_eq!(Code::read(&std::format!(" {one}-{two}")), Ok(code));
        }
    }

    /// One character that was misread, or two that were swapped, anywhere in any code.
    #[test]
    fn a_misread_code_is_noticed() {
        for code in every().step_by(7) {
            let right: Vec<char> = code.to_string().chars().collect();
            for place in 0..right.len() {
                for letter in LETTERS {
                    let mut wrong = right.clone();
                    wrong[place] = char::from(*letter);
                    noticed(&right, &wrong);
                }
                for other in 0..place {
                    let mut wrong = right.clone();
                    wrong.swap(place, other);
                    noticed(&right, &wrong);
                }
            }
        }
    }

    fn noticed(right: &[char], wrong: &[char]) {
        let text: std::string::String = wrong.iter().collect();
        assert_eq!(Code::read(&text).is_ok(), right == wrong, "{text}");
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for (text, why) in [
            ("", Misread::Form),
            ("G012", Misread::Form),
            ("G0012", Misread::Form),
            ("G001255", Misread::Form),
            ("GG0125", Misread::Form),
            ("G0012関", Misread::Check),
            ("X00000", Misread::Check),
        ] {
            assert_eq!(Code::read(text), Err(why), "{text}");
        }
    }
}
