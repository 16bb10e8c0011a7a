//! The encodings that files are written in although the standard asks for ISO-2022-JP: UTF-8,
//! CP932 and EUC-JP, read character by character without ever failing.

use crate::jis::{Encoding, Repairs};
use crate::private;
use crate::tables::{self, Cell};

/// One step of reading: what to append, and how many bytes it took.
pub(crate) struct Step {
    pub(crate) character: char,
    pub(crate) length: usize,
}

/// Appends bytes read in an encoding. What does not fit becomes private code points.
pub(crate) fn append(encoding: Encoding, bytes: &[u8], text: &mut String, repairs: &mut Repairs) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let plain = rest.iter().take_while(|b| b.is_ascii()).count();
        let (run, after) = rest.split_at(plain);
        // Only ASCII was taken.
        text.push_str(std::str::from_utf8(run).unwrap_or_default());
        rest = after;
        if let Some(step) = step(encoding, rest) {
            repairs.push(step.character, text);
            rest = rest.get(step.length..).unwrap_or_default();
        }
    }
}

/// Reads the character that `bytes` begin with; `None` at their end.
pub(crate) fn step(encoding: Encoding, bytes: &[u8]) -> Option<Step> {
    let (&first, after) = bytes.split_first()?;
    let found = match encoding {
        _ if first.is_ascii() => Some((char::from(first), 1)),
        Encoding::Utf8 => utf8(bytes),
        Encoding::Cp932 => cp932(first, after),
        Encoding::EucJp => euc(first, after),
        Encoding::Iso2022Jp => None,
    };
    let (character, length) = found.unwrap_or_else(|| (private::of_byte(first), 1));
    Some(Step { character, length })
}

fn utf8(bytes: &[u8]) -> Option<(char, usize)> {
    const LONGEST: usize = 4;
    let start = bytes.get(..LONGEST).unwrap_or(bytes);
    let valid = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(start.get(..error.valid_up_to())?).ok()?,
    };
    let character = valid.chars().next()?;
    Some((character, character.len_utf8()))
}

fn cp932(lead: u8, after: &[u8]) -> Option<(char, usize)> {
    let row = match lead {
        0xA1..=0xDF => return Some((tables::half_width(lead), 1)),
        0x81..=0x9F => (lead - 0x81) * 2,
        0xE0..=0xFC => (lead - 0xC1) * 2,
        _ => return None,
    };
    let trail = *after.first()?;
    let (row, cell) = match trail {
        0x40..=0x7E => (row, trail - 0x40),
        0x80..=0x9E => (row, trail - 0x41),
        0x9F..=0xFC => (row + 1, trail - 0x9F),
        _ => return None,
    };
    match tables::wide(u16::from(row), u16::from(cell))? {
        Cell::Plain(character) | Cell::Double(character) => Some((character, 2)),
        // A separator after a stray byte is a separator.
        Cell::Empty(_) if trail.is_ascii() => None,
        Cell::Empty(character) => Some((character, 2)),
    }
}

fn euc(lead: u8, after: &[u8]) -> Option<(char, usize)> {
    let seven_bits = |byte: u8| {
        (0xA1..=0xFE)
            .contains(&byte)
            .then(|| u16::from(byte - 0xA1))
    };
    match (lead, after) {
        (0x8E, [kana @ 0xA1..=0xDF, ..]) => Some((tables::half_width(*kana), 2)),
        (0x8F, [row, cell, ..]) => {
            let index = seven_bits(*row)? * private::SIDE + seven_bits(*cell)?;
            Some((any(tables::supplement().cell(index)), 3))
        }
        (row, [cell, ..]) => {
            let index = seven_bits(row)? * private::SIDE + seven_bits(*cell)?;
            Some((any(tables::kanji().cell(index)), 2))
        }
        _ => None,
    }
}

fn any(cell: Cell) -> char {
    match cell {
        Cell::Plain(character) | Cell::Double(character) | Cell::Empty(character) => character,
    }
}

/// How well bytes read in an encoding.
#[derive(Clone, Copy, Default)]
pub(crate) struct Weight {
    /// Characters that do not exist.
    pub(crate) faults: u64,
    /// How unusual the others are.
    pub(crate) oddness: u64,
}

impl Weight {
    /// Both in one number.
    pub(crate) fn total(self) -> u64 {
        const FAULT: u64 = 24;
        self.faults
            .saturating_mul(FAULT)
            .saturating_add(self.oddness)
    }
}

/// Reads bytes for judging them only.
pub(crate) fn weigh(encoding: Encoding, bytes: &[u8]) -> Weight {
    let mut weight = Weight::default();
    let mut rest = bytes;
    let mut before = ' ';
    while let Some(step) = step(encoding, rest) {
        rest = rest.get(step.length..).unwrap_or_default();
        if private::is_undecoded(step.character) {
            weight.faults += 1;
        } else {
            weight.oddness += oddness(before, step.character);
        }
        before = step.character;
    }
    weight
}

/// How unusual a character is in Japanese text, two for each byte of common text. Where the same
/// bytes are kana of half width in CP932 and kanji in EUC-JP or UTF-8, this decides: kana words
/// have no loose voicing marks and do not alternate with kanji, and kanji words are of the first
/// level.
fn oddness(before: char, character: char) -> u64 {
    const COMMON: u64 = 4;
    let half = |c| matches!(c, '\u{FF61}'..='\u{FF9F}');
    let alternates = half(before) != half(character) && is_kanji(before) | is_kanji(character);
    let change = if alternates { 2 * COMMON } else { 0 };
    let usual = match character {
        '\0'..='\u{7F}' => return 0,
        'ｱ'..='ﾝ' => true,
        'ﾞ' => matches!(before, 'ｳ' | 'ｶ'..='ﾄ' | 'ﾊ'..='ﾎ'),
        'ﾟ' => matches!(before, 'ﾊ'..='ﾎ'),
        'ｬ'..='ｯ' | 'ｰ' => matches!(before, 'ｱ'..='ﾟ'),
        _ => false,
    };
    change
        + match character {
            _ if usual => COMMON / 2,
            _ if half(character) => 3 * COMMON,
            '\u{3000}'..='\u{30FF}' | '\u{FF01}'..='\u{FF5E}' => COMMON / 2,
            _ => match tables::kanji().place(character).map(|p| p / private::SIDE) {
                Some(0..=1 | 15..=46) => COMMON,
                Some(12) => 2 * COMMON,
                Some(_) => 4 * COMMON,
                None => 6 * COMMON,
            },
        }
}

fn is_kanji(character: char) -> bool {
    matches!(character, '\u{3400}'..='\u{9FFF}')
}
