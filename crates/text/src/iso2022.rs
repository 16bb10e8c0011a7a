//! The ISO-2022-JP reader: character sets, escapes, shifts, and a reset at every line end.
//!
//! It differs from strict decoders on purpose. A line end closes any open character set, so that a
//! missing escape cannot swallow the next line. JIS-Roman is read as ASCII, so that `\` and `~`
//! stay what they are in HL7.

use memchr::{memchr, memchr2, memchr3};

use crate::detect;
use crate::jis::{Repair, Repairs};
use crate::private::{self, Plane, SIDE};
use crate::tables::{self, Cell, Table};

/// The byte that starts an escape sequence.
pub(crate) const ESC: u8 = 0x1B;
/// Shift out: the second set follows, half-width kana unless another was designated.
pub(crate) const SO: u8 = 0x0E;
/// Shift in: back to the first set.
pub(crate) const SI: u8 = 0x0F;

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
    /// JIS X 0213.
    Extended(Plane),
    /// Pairs of a set that is not Japanese.
    Foreign,
}

/// Decodes bytes that hold at least one escape or shift. `ascii` is the same bytes where none is
/// above 0x7F.
pub(crate) fn decode(bytes: &[u8], ascii: Option<&str>, text: &mut String, repairs: &mut Repairs) {
    text.reserve(bytes.len() + bytes.len() / 4);
    let mut reader = Reader {
        bytes,
        ascii,
        shifts: memchr2(SO, SI, bytes).is_some(),
        at: 0,
        first: Set::Ascii,
        second: Set::Katakana,
        shifted: false,
        switched_at: None,
        text,
        repairs,
    };
    while reader.at < bytes.len() {
        match reader.set() {
            Set::Ascii => reader.ascii(),
            Set::Katakana => reader.kana(),
            Set::Kanji => reader.pairs(tables::kanji()),
            Set::Supplement => reader.pairs(tables::supplement()),
            Set::Extended(plane) => reader.extended(plane),
            Set::Foreign => reader.foreign(),
        }
    }
    if reader.set() != Set::Ascii || reader.shifted {
        reader.note(Repair::LeftOpen);
    }
}

struct Reader<'b, 'o> {
    bytes: &'b [u8],
    ascii: Option<&'b str>,
    /// Whether there is any shift.
    shifts: bool,
    /// How many bytes are read.
    at: usize,
    /// The set in use.
    first: Set,
    /// The set in use after SO.
    second: Set,
    shifted: bool,
    /// How long the text was at the last switch of sets.
    switched_at: Option<usize>,
    text: &'o mut String,
    repairs: &'o mut Repairs,
}

impl<'b> Reader<'b, '_> {
    fn set(&self) -> Set {
        if self.shifted {
            self.second
        } else {
            self.first
        }
    }

    fn rest(&self) -> &'b [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Reads up to the next escape or shift, then that one. Kanji between the two usual escapes, of
    /// which nearly all files consist, are read on the way.
    fn ascii(&mut self) {
        loop {
            let rest = self.rest();
            let found = match self.shifts {
                true => memchr3(ESC, SO, SI, rest),
                false => memchr(ESC, rest),
            };
            let length = found.unwrap_or(rest.len());
            self.run(length);
            let after = rest.get(length..).unwrap_or_default();
            let [ESC, b'$', b'B', pairs @ ..] = after else {
                return self.control();
            };
            if length == 0 {
                return self.control();
            }
            let start = self.text.len();
            let rest = self.known_pairs(tables::kanji(), pairs);
            self.at = self.bytes.len() - rest.len();
            let [ESC, b'(', b'B', ..] = rest else {
                self.first = Set::Kanji;
                self.switched_at = Some(start);
                return;
            };
            self.at += 3;
            if self.text.len() == start {
                self.note(Repair::Variant);
            }
            self.switched_at = Some(self.text.len());
        }
    }

    /// Takes over bytes of ASCII, or bytes above it that another encoding explains.
    fn run(&mut self, length: usize) {
        let end = self.at + length;
        match self.ascii {
            Some(ascii) => {
                let run = ascii.get(self.at..end).unwrap_or_default();
                self.text.push_str(run);
            }
            None => {
                let run = self.bytes.get(self.at..end).unwrap_or_default();
                detect::between(run, self.text, self.repairs);
            }
        }
        self.at = end;
    }

    /// Reads pairs that need no second look, and gives the rest.
    fn known_pairs(&mut self, table: &Table, mut rest: &'b [u8]) -> &'b [u8] {
        while let [row @ 0x21..=0x7E, cell @ 0x21..=0x7E, after @ ..] = rest {
            let Some(character) = table.quick(*row, *cell) else {
                break;
            };
            self.text.push_str(character);
            rest = after;
        }
        rest
    }

    /// Reads half-width kana until the set is left. A field separator is no kana: it tells that the
    /// way back to ASCII was forgotten.
    fn kana(&mut self) {
        self.note(Repair::HalfWidth);
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                ESC | SO | SI => return self.control(),
                b'\r' | b'\n' | b'|' => return self.leave(),
                0x21..=0x5F => self.text.push(tables::half_width(byte | 0x80)),
                0xA1..=0xDF => self.text.push(tables::half_width(byte)),
                ..=0x20 => self.text.push(char::from(byte)),
                0x60..=0x7F => {
                    self.note(Repair::Escape);
                    self.text.push(char::from(byte));
                }
                _ => self.lose(byte),
            }
            self.at += 1;
        }
    }

    /// Reads pairs of bytes until the set is left.
    fn pairs(&mut self, table: &Table) {
        let rest = self.known_pairs(table, self.rest());
        self.at = self.bytes.len() - rest.len();
        match rest {
            [row @ 0x21..=0x7E, cell @ 0x21..=0x7E, ..] => {
                let cell = table.cell(index(*row, *cell));
                self.push_cell(cell);
                self.at += 2;
            }
            [row @ 0xA1..=0xFE, cell @ 0xA1..=0xFE, ..] => {
                self.note(Repair::Escape);
                let cell = table.cell(index(row & 0x7F, cell & 0x7F));
                self.push_cell(cell);
                self.at += 2;
            }
            [row @ 0x7F..=0x98, cell @ 0x21..=0x7E, ..] => self.beyond(*row, *cell),
            _ => self.outside(),
        }
    }

    /// Reads a pair of a row above 94, as converters from CP932 write them.
    fn beyond(&mut self, row: u8, cell: u8) {
        self.note(Repair::Escape);
        match tables::wide(u16::from(row - 0x21), u16::from(cell - 0x21)) {
            Some(cell) => self.push_cell(cell),
            None => [row, cell].into_iter().for_each(|byte| self.lose(byte)),
        }
        self.at += 2;
    }

    /// Reads pairs of JIS X 0213 until the set is left.
    fn extended(&mut self, plane: Plane) {
        while let [row @ 0x21..=0x7E, cell @ 0x21..=0x7E, ..] = self.rest() {
            let index = index(*row, *cell);
            match tables::x0213(plane, index) {
                Some(found) => {
                    for character in found.chars() {
                        self.repairs.push(character, self.text);
                    }
                }
                None => self.repairs.push(private::of_cell(plane, index), self.text),
            }
            self.at += 2;
        }
        self.outside();
    }

    /// Keeps the bytes of a set that is not read until it is left.
    fn foreign(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            if byte <= b' ' {
                break;
            }
            self.lose(byte);
            self.at += 1;
        }
        self.outside();
    }

    /// Reads what is no pair where pairs stand.
    fn outside(&mut self) {
        match self.bytes.get(self.at) {
            None => {}
            Some(&(ESC | SO | SI)) => self.control(),
            Some(b'\r' | b'\n') => self.leave(),
            Some(&byte) => {
                if byte <= b' ' {
                    self.note(Repair::Variant);
                    self.text.push(char::from(byte));
                } else {
                    self.lose(byte);
                }
                self.at += 1;
            }
        }
    }

    fn push_cell(&mut self, cell: Cell) {
        match cell {
            Cell::Plain(character) | Cell::Empty(character) => {
                self.repairs.push(character, self.text);
            }
            Cell::Double(character) => {
                self.note(Repair::Variant);
                self.repairs.push(character, self.text);
            }
        }
    }

    /// Leaves every set, before a byte that the ASCII reader takes.
    fn leave(&mut self) {
        self.note(Repair::LeftOpen);
        self.first = Set::Ascii;
        self.second = Set::Katakana;
        self.shifted = false;
        self.switched_at = None;
    }

    /// Reads one escape sequence or shift, if one stands here.
    fn control(&mut self) {
        let before = self.set();
        let (first, second) = (self.first, self.second);
        let same = (first, second);
        let ((first, second), repair, length) = match self.rest() {
            [SO, ..] => {
                self.shifted = true;
                (same, None, 1)
            }
            [SI, ..] => {
                self.shifted = false;
                (same, None, 1)
            }
            [ESC, b'(', b'B', ..] => ((Set::Ascii, second), None, 3),
            [ESC, b'$', b'B', ..] => ((Set::Kanji, second), None, 3),
            [ESC, b'(', b'I', ..] => ((Set::Katakana, second), None, 3),
            [ESC, b'$', b'(', b'D', ..] => ((Set::Supplement, second), None, 4),
            [ESC, b'(', b'J', ..] => ((Set::Ascii, second), Some(Repair::Variant), 3),
            [ESC, b'$', b'@', ..] => ((Set::Kanji, second), Some(Repair::Variant), 3),
            [ESC, b'&', b'@', ..] => (same, Some(Repair::Variant), 3),
            other => match unusual(other) {
                Some((first, second, length)) => {
                    let sets = (first.unwrap_or(self.first), second.unwrap_or(self.second));
                    (sets, Some(Repair::Escape), length)
                }
                None if other.first() == Some(&ESC) => return self.unknown(),
                None => return,
            },
        };
        self.at += length;
        (self.first, self.second) = (first, second);
        if let Some(repair) = repair {
            self.note(repair);
        }
        // Nothing stood in the set that is left, or it is not left: another writer says less.
        if self.set() == before || self.switched_at == Some(self.text.len()) {
            self.note(Repair::Variant);
        }
        self.switched_at = Some(self.text.len());
    }

    /// Keeps an escape that begins nothing known. Where pairs stand, what follows it would make
    /// every later pair begin one byte too early, so it is kept with it.
    fn unknown(&mut self) {
        self.note(Repair::Escape);
        let in_pairs = !matches!(self.set(), Set::Ascii | Set::Katakana);
        let named = self.bytes.get(self.at + 1).copied();
        self.lose(ESC);
        self.at += 1;
        if let Some(named) = named.filter(|byte| in_pairs && byte.is_ascii_alphanumeric()) {
            self.lose(named);
            self.at += 1;
        }
    }

    fn lose(&mut self, byte: u8) {
        self.repairs.push(private::of_byte(byte), self.text);
    }

    fn note(&mut self, repair: Repair) {
        self.repairs.note(repair, self.text);
    }
}

/// Escape sequences that the standard does not have: the set that becomes the first, the one that
/// becomes the second, and the length.
fn unusual(rest: &[u8]) -> Option<(Option<Set>, Option<Set>, usize)> {
    let pairs = |named: u8| match named {
        b'@' | b'B' => Set::Kanji,
        b'D' => Set::Supplement,
        // Plane 1 of 2000 and of 2004.
        b'O' | b'Q' => Set::Extended(Plane::First),
        b'P' => Set::Extended(Plane::Second),
        _ => Set::Foreign,
    };
    Some(match rest {
        [ESC, b'(', b'@'..=b'~', ..] => (Some(Set::Ascii), None, 3),
        [ESC, b')', b'I', ..] => (None, Some(Set::Katakana), 3),
        [ESC, b')', b'@'..=b'~', ..] => (None, Some(Set::Ascii), 3),
        [ESC, b'$', b'(', named @ b'@'..=b'~', ..] => (Some(pairs(*named)), None, 4),
        [ESC, b'$', b')', named @ b'@'..=b'~', ..] => (None, Some(pairs(*named)), 4),
        [ESC, b'$', named @ b'@'..=b'~', ..] => (Some(pairs(*named)), None, 3),
        _ => return None,
    })
}

/// The index of a pair of bytes from 0x21 to 0x7E.
fn index(row: u8, cell: u8) -> u16 {
    u16::from(row - 0x21) * SIDE + u16::from(cell - 0x21)
}
