//! The ISO-2022-JP reader: character sets, escapes, shifts, and a reset at every line end.
//!
//! It differs from strict decoders on purpose. A line end closes any open character set, so that a
//! missing escape cannot swallow the next line. JIS-Roman is read as ASCII, so that `\` and `~`
//! stay what they are in HL7.

use std::sync::OnceLock;

use encoding_rs::EUC_JP;
use memchr::memchr3;

use crate::detect;
use crate::jis::Repairs;

/// The byte that starts an escape sequence.
pub(crate) const ESC: u8 = 0x1B;
/// Shift out: half-width kana follow.
pub(crate) const SO: u8 = 0x0E;
const SI: u8 = 0x0F;
const SIDE: usize = 94;

/// The character set that bytes are read in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    /// ASCII, or JIS-Roman read as ASCII.
    Ascii,
    /// JIS X 0201 katakana in seven bits.
    Katakana,
    /// JIS X 0208 with the NEC and IBM rows.
    Kanji,
    /// JIS X 0212.
    Supplement,
}

/// Decodes bytes that hold at least one escape or shift.
pub(crate) fn decode(bytes: &[u8], repairs: &mut Repairs) -> String {
    let text = String::with_capacity(bytes.len() + bytes.len() / 2);
    let mut reader = Reader {
        rest: bytes,
        set: Set::Ascii,
        shifted: false,
        text,
        repairs,
    };
    while !reader.rest.is_empty() {
        match (reader.shifted, reader.set) {
            (true, _) | (_, Set::Katakana) => reader.kana(),
            (_, Set::Ascii) => reader.ascii(),
            (_, Set::Kanji) => reader.pairs(kanji()),
            (_, Set::Supplement) => reader.pairs(supplement()),
        }
    }
    if reader.shifted || reader.set != Set::Ascii {
        reader.repairs.left_open += 1;
    }
    reader.text
}

struct Reader<'b, 'r> {
    rest: &'b [u8],
    set: Set,
    shifted: bool,
    text: String,
    repairs: &'r mut Repairs,
}

impl Reader<'_, '_> {
    /// Reads up to the next escape or shift, then that one.
    fn ascii(&mut self) {
        let end = memchr3(ESC, SO, SI, self.rest).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at(end);
        match std::str::from_utf8(run) {
            Ok(text) if text.is_ascii() => self.text.push_str(text),
            _ => self.high(run),
        }
        self.rest = rest;
        self.control();
    }

    /// Reads half-width kana until the set is left.
    fn kana(&mut self) {
        self.repairs.half_width += 1;
        while let Some((&byte, rest)) = self.rest.split_first() {
            match byte {
                ESC | SO | SI => return self.control(),
                b'\r' | b'\n' => return self.line_end(),
                0x21..=0x5F => self.text.push(half_width(byte | 0x80)),
                0xA1..=0xDF => self.text.push(half_width(byte)),
                ..0x80 => self.text.push(char::from(byte)),
                _ => self.lost(),
            }
            self.rest = rest;
        }
    }

    /// Reads pairs of bytes until the set is left.
    fn pairs(&mut self, table: &[u16]) {
        loop {
            match self.rest {
                [row @ 0x21..=0x7E, cell @ 0x21..=0x7E, rest @ ..] => {
                    self.cell(table, *row, *cell);
                    self.rest = rest;
                }
                [row @ 0xA1..=0xFE, cell @ 0xA1..=0xFE, rest @ ..] => {
                    self.repairs.escapes += 1;
                    self.cell(table, row & 0x7F, cell & 0x7F);
                    self.rest = rest;
                }
                [ESC | SO | SI, ..] => return self.control(),
                [b'\r' | b'\n', ..] => return self.line_end(),
                [byte @ ..=0x20, rest @ ..] => {
                    self.text.push(char::from(*byte));
                    self.rest = rest;
                }
                [_, rest @ ..] => {
                    self.lost();
                    self.rest = rest;
                }
                [] => return,
            }
        }
    }

    fn cell(&mut self, table: &[u16], row: u8, cell: u8) {
        let index = usize::from(row - 0x21) * SIDE + usize::from(cell - 0x21);
        let unit = table.get(index).copied().unwrap_or_default();
        match char::from_u32(u32::from(unit)) {
            Some(character) if unit != 0 => self.text.push(character),
            _ => self.lost(),
        }
    }

    /// Leaves every set at a line end, which stays in `rest` for the ASCII reader.
    fn line_end(&mut self) {
        self.repairs.left_open += 1;
        self.set = Set::Ascii;
        self.shifted = false;
    }

    /// Reads one escape sequence or shift at the start of `rest`, if there is one.
    fn control(&mut self) {
        let (set, standard, length) = match self.rest {
            [SO, ..] => {
                self.shifted = true;
                (self.set, true, 1)
            }
            [SI, ..] => (self.set, std::mem::take(&mut self.shifted), 1),
            [ESC, b'(', b'B' | b'J', ..] => (Set::Ascii, true, 3),
            [ESC, b'(', b'H', ..] => (Set::Ascii, false, 3),
            [ESC, b'(', b'I', ..] => (Set::Katakana, true, 3),
            [ESC, b')', b'B' | b'I' | b'J', ..] => (self.set, false, 3),
            [ESC, b'$', b'@' | b'B', ..] => (Set::Kanji, true, 3),
            [ESC, b'$', b'(', b'D', ..] => (Set::Supplement, true, 4),
            // JIS X 0213 plane 1 (O, Q) holds JIS X 0208 at the same places.
            [ESC, b'$', b'(', b'@' | b'B' | b'O' | b'Q', ..] => (Set::Kanji, false, 4),
            [ESC, b'&', b'@', ..] => (self.set, true, 3),
            [ESC, ..] => {
                self.lost();
                (self.set, false, 1)
            }
            _ => return,
        };
        self.repairs.escapes += u32::from(!standard);
        self.set = set;
        self.rest = self.rest.get(length..).unwrap_or_default();
    }

    /// Bytes above 0x7F among ASCII: half-width kana in eight bits, or lines of another encoding.
    fn high(&mut self, run: &[u8]) {
        for line in run.split_inclusive(|&b| b == b'\r' || b == b'\n') {
            if !line.iter().all(|b| matches!(b, ..0x80 | 0xA1..=0xDF)) {
                self.text.push_str(&detect::decode(line, self.repairs));
                continue;
            }
            self.repairs.half_width += u32::from(!line.is_ascii());
            let letters = line.iter().map(|&byte| match byte {
                ..0x80 => char::from(byte),
                _ => half_width(byte),
            });
            self.text.extend(letters);
        }
    }

    fn lost(&mut self) {
        self.repairs.undecodable += 1;
        self.text.push(char::REPLACEMENT_CHARACTER);
    }
}

/// The half-width kana of a JIS X 0201 byte from 0xA1 to 0xDF.
fn half_width(byte: u8) -> char {
    const FIRST: u32 = 0xFF61;
    char::from_u32(FIRST + u32::from(byte.wrapping_sub(0xA1))).unwrap_or_default()
}

/// JIS X 0208 by row and cell, with the NEC and IBM rows; 0 where there is no character.
fn kanji() -> &'static [u16] {
    static TABLE: OnceLock<Vec<u16>> = OnceLock::new();
    TABLE.get_or_init(|| table(&[]))
}

/// JIS X 0212 by row and cell; 0 where there is no character.
fn supplement() -> &'static [u16] {
    const SINGLE_SHIFT_3: u8 = 0x8F;
    static TABLE: OnceLock<Vec<u16>> = OnceLock::new();
    TABLE.get_or_init(|| table(&[SINGLE_SHIFT_3]))
}

/// Every pair of a 94×94 set, by way of EUC-JP, which holds both sets behind different prefixes.
fn table(prefix: &[u8]) -> Vec<u16> {
    let pairs = (0xA1..=0xFE).flat_map(|row| (0xA1..=0xFE).map(move |cell| [row, cell]));
    pairs
        .map(|pair| {
            let bytes = [prefix, pair.as_slice()].concat();
            let decoded = EUC_JP.decode_without_bom_handling_and_without_replacement(&bytes);
            let character = decoded.and_then(|text| text.chars().next());
            character
                .and_then(|c| u16::try_from(u32::from(c)).ok())
                .unwrap_or_default()
        })
        .collect()
}
