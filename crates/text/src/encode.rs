//! Writing ISO-2022-JP: the one way that the standard describes, with nothing put in the place of
//! what it cannot hold.
//!
//! It is the counterpart of [`crate::jis::decode`]. A clean file comes back byte for byte; private
//! code points become the bytes for which they stand; JIS X 0212 and half-width kana take the
//! escape sequences by which they are read.

use crate::private::{self, Origin, Plane, SIDE};
use crate::tables;

/// A character that ISO-2022-JP as read here cannot hold, by its place in the text. The character
/// itself is not told: it may be part of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no character set of ISO-2022-JP holds the character at byte {at}")]
pub struct NotInSet {
    /// The number of bytes before it.
    pub at: usize,
}

/// The character set that the bytes written last are in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    Ascii,
    Katakana,
    Pairs(Plane),
}

impl Set {
    const fn escape(self) -> &'static [u8] {
        match self {
            Self::Ascii => b"\x1B(B",
            Self::Katakana => b"\x1B(I",
            Self::Pairs(Plane::Kanji) => b"\x1B$B",
            Self::Pairs(Plane::Supplement) => b"\x1B$(D",
            Self::Pairs(Plane::First) => b"\x1B$(Q",
            Self::Pairs(Plane::Second) => b"\x1B$(P",
        }
    }
}

/// How a character is written.
enum Written {
    One(Set, u8),
    Pair(Plane, u16),
    /// In whatever set.
    Raw(u8),
}

/// Encodes a text.
///
/// # Errors
/// The first character that no set holds. Nothing is replaced: a replacement such as `&#233;` would
/// bring separators of HL7 into the message.
pub fn encode(text: &str) -> Result<Vec<u8>, NotInSet> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut set = Set::Ascii;
    for (at, character) in text.char_indices() {
        let written = written(character).ok_or(NotInSet { at })?;
        let needed = match written {
            Written::One(needed, _) => needed,
            Written::Pair(plane, _) => Set::Pairs(plane),
            Written::Raw(_) => set,
        };
        if needed != set {
            bytes.extend_from_slice(needed.escape());
            set = needed;
        }
        match written {
            Written::One(_, byte) | Written::Raw(byte) => bytes.push(byte),
            Written::Pair(_, index) => bytes.extend(pair(index)),
        }
    }
    if set != Set::Ascii {
        bytes.extend_from_slice(Set::Ascii.escape());
    }
    Ok(bytes)
}

fn written(character: char) -> Option<Written> {
    match character {
        '\u{0E}' | '\u{0F}' | '\u{1B}' | '\u{0B}' | '\u{1C}' => None,
        '\0'..='\u{7F}' => Some(Written::One(Set::Ascii, u8::try_from(character).ok()?)),
        '\u{FF61}'..='\u{FF9F}' => {
            const FIRST: u32 = 0xFF61 - 0x21;
            let byte = u8::try_from(u32::from(character) - FIRST).ok()?;
            Some(Written::One(Set::Katakana, byte))
        }
        _ => placed(character).or_else(|| match private::origin(character)? {
            Origin::User(plane, index) | Origin::Cell(plane, index) => {
                tables::is_empty(plane, index).then_some(Written::Pair(plane, index))
            }
            Origin::Byte(byte) => Some(Written::Raw(byte)),
        }),
    }
}

fn placed(character: char) -> Option<Written> {
    let character = counterpart(character);
    let kanji = tables::kanji().place(character);
    let kanji = kanji.map(|index| Written::Pair(Plane::Kanji, index));
    kanji.or_else(|| {
        let index = tables::supplement().place(character)?;
        Some(Written::Pair(Plane::Supplement, index))
    })
}

/// The reader's own code point for the signs of JIS X 0208 that other systems give another one.
pub(crate) const fn counterpart(character: char) -> char {
    match character {
        '\u{2212}' => '\u{FF0D}',
        '\u{301C}' => '\u{FF5E}',
        '\u{2016}' => '\u{2225}',
        '\u{2014}' => '\u{2015}',
        '\u{A2}' => '\u{FFE0}',
        '\u{A3}' => '\u{FFE1}',
        '\u{AC}' => '\u{FFE2}',
        other => other,
    }
}

fn pair(index: u16) -> [u8; 2] {
    // Both are below 94.
    [index / SIDE, index % SIDE].map(|number| 0x21 + number as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_written_as_the_standard_writes_it() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("PID|1\r", b"PID|1\r"),
            ("山田|", b"\x1B$B;3ED\x1B(B|"),
            ("山", b"\x1B$B;3\x1B(B"),
            ("①髙", b"\x1B$B\x2D\x21\x7C\x62\x1B(B"),
            ("ｱ1", b"\x1B(I1\x1B(B1"),
            ("山™", b"\x1B$B;3\x1B$(D\x22\x6F\x1B(B"),
            (
                "〜−‖—¢£¬",
                b"\x1B$B\x21\x41\x21\x5D\x21\x42\x21\x3D\x21\x71\x21\x72\x22\x4C\x1B(B",
            ),
            ("\u{E000}", b"\x1B$B\x75\x21\x1B(B"),
            ("\u{F67EA}", b"\x1B$(P\x22\x21\x1B(B"),
            ("a\u{10FE80}", b"a\x80"),
        ] {
            assert_eq!(encode(text).as_deref(), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_no_set_holds_is_refused_and_never_replaced() {
        for (text, at) in [
            // In seven bits, the rows of NEC stand where this one would.
            ("\u{E178}", 0),
            ("aé𠮷", 3),
            ("𠮷", 0),
            ("山\u{1B}", 3),
            ("\u{0E}", 0),
            ("\u{FFFD}", 0),
        ] {
            assert_eq!(encode(text), Err(NotInSet { at }), "{text:?}");
        }
    }
}
