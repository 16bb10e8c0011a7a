//! The character sets as tables by row and cell, made once from the tables of `encoding_rs`, and
//! what only JIS X 0213 has from a table of our own.
//!
//! Rows and cells count from 0 here; an index is row × 94 + cell.

use std::sync::OnceLock;

use encoding_rs::{EUC_JP, SHIFT_JIS};

use crate::private::{self, CELLS, Plane, SIDE};

/// Row 13 of JIS X 0208: circled numbers and units of NEC.
const NEC_ROW: u16 = 12;
/// Rows 89 to 92: characters of IBM as NEC placed them.
const NEC_IBM_ROWS: std::ops::Range<u16> = 88..92;
/// Rows 95 to 114 exist in CP932 only: user-defined characters.
const USER_ROWS: std::ops::Range<u16> = 94..114;
/// Rows 115 to 120 exist in CP932 only: characters of IBM.
const IBM_ROW: u16 = 114;
/// One past the last row of CP932.
const WIDE_ROWS: u16 = 120;

/// A set of 94 × 94 cells.
pub(crate) struct Table {
    /// Three bytes for each cell: the character, where it has three bytes in UTF-8, as nearly all
    /// have, and nothing needs a second look; else zeros. As one text, so that what is taken out
    /// of it need not be checked or encoded.
    quick: String,
    /// The character of every cell; 0 where there is none.
    full: Vec<u16>,
    /// The cell of every character, plus one; 0 where there is none.
    cells: Vec<u16>,
    plane: Plane,
}

/// What a cell holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cell {
    /// A character that an encoder would write so.
    Plain(char),
    /// A character that has another, better place.
    Double(char),
    /// No character.
    Empty(char),
}

impl Table {
    /// The character of a pair of bytes from 0x21 to 0x7E, unless it needs a second look.
    pub(crate) fn quick(&self, row: u8, cell: u8) -> Option<&str> {
        let index = usize::from(row.wrapping_sub(0x21)) * usize::from(SIDE)
            + usize::from(cell.wrapping_sub(0x21));
        let character = self.quick.get(3 * index..3 * index + 3)?;
        (!character.starts_with('\0')).then_some(character)
    }

    /// The second look. What the cell has no character for becomes a private code point.
    pub(crate) fn cell(&self, index: u16) -> Cell {
        let unit = self.full.get(usize::from(index)).copied();
        match unit.and_then(|unit| char::from_u32(u32::from(unit))) {
            None | Some('\0') => Cell::Empty(private::of_cell(self.plane, index)),
            Some(character) if self.place(character) == Some(index) => Cell::Plain(character),
            Some(character) => Cell::Double(character),
        }
    }

    /// The cell in which an encoder writes a character.
    pub(crate) fn place(&self, character: char) -> Option<u16> {
        let index = usize::try_from(u32::from(character)).ok()?;
        self.cells.get(index)?.checked_sub(1)
    }

    /// Of several cells with one character, the first one in `order` is its place. A character of
    /// `before` has its place there.
    fn new(plane: Plane, full: Vec<u16>, before: Option<&Self>) -> Self {
        let standard = |index: &u16| {
            let row = index / SIDE;
            row != NEC_ROW && !NEC_IBM_ROWS.contains(&row)
        };
        let (mut order, later): (Vec<u16>, Vec<u16>) = (0..CELLS).partition(standard);
        order.extend(later);
        let mut cells = vec![0; 1 << 16];
        let mut quick = vec!['\0'; usize::from(CELLS)];
        for index in order {
            let unit = full.get(usize::from(index)).copied().unwrap_or_default();
            let Some(character) = char::from_u32(u32::from(unit)).filter(|c| *c != '\0') else {
                continue;
            };
            let placed = before.is_some_and(|table| table.place(character).is_some());
            let Some(cell) = cells.get_mut(usize::from(unit)).filter(|cell| **cell == 0) else {
                continue;
            };
            if placed {
                continue;
            }
            *cell = index + 1;
            let known = character.len_utf8() == 3 && !is_replacement(character);
            if let Some(slot) = quick.get_mut(usize::from(index)).filter(|_| known) {
                *slot = character;
            }
        }
        let quick = quick.into_iter().map(|character| match character {
            '\0' => "\0\0\0".to_owned(),
            known => known.to_string(),
        });
        let quick = quick.collect();
        Self {
            quick,
            full,
            cells,
            plane,
        }
    }
}

/// Whether systems print this sign for characters that they do not have.
pub(crate) fn is_replacement(character: char) -> bool {
    matches!(character, '●' | '■' | '〓' | '\u{FFED}')
}

/// JIS X 0208 with the rows of NEC and IBM.
pub(crate) fn kanji() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| Table::new(Plane::Kanji, plane(&[]), None))
}

/// JIS X 0212.
pub(crate) fn supplement() -> &'static Table {
    const SINGLE_SHIFT_3: u8 = 0x8F;
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| Table::new(Plane::Supplement, plane(&[SINGLE_SHIFT_3]), Some(kanji())))
}

/// Every pair of a 94 × 94 set, by way of EUC-JP, which holds both sets behind different prefixes.
fn plane(prefix: &[u8]) -> Vec<u16> {
    let pairs = (0xA1..=0xFE).flat_map(|row| (0xA1..=0xFE).map(move |cell| [row, cell]));
    let bytes: Vec<u8> = pairs
        .flat_map(|pair| [prefix, pair.as_slice()].concat())
        .collect();
    units(&EUC_JP.decode_without_bom_handling(&bytes).0)
}

/// Characters as numbers, 0 for those that could not be decoded.
fn units(text: &str) -> Vec<u16> {
    let unit = |character: char| match character {
        char::REPLACEMENT_CHARACTER => 0,
        other => u16::try_from(u32::from(other)).unwrap_or_default(),
    };
    text.chars().map(unit).collect()
}

/// The character of a row from 0 to 119 of CP932, whose rows above 94 no seven-bit set has.
pub(crate) fn wide(row: u16, cell: u16) -> Option<Cell> {
    if cell >= SIDE || row >= WIDE_ROWS {
        return None;
    }
    if row < SIDE {
        return Some(kanji().cell(row * SIDE + cell));
    }
    if USER_ROWS.contains(&row) {
        let offset = u32::from((row - USER_ROWS.start) * SIDE + cell);
        return char::from_u32(0xE000 + offset).map(Cell::Double);
    }
    let index = usize::from((row - IBM_ROW) * SIDE + cell);
    let unit = ibm().get(index).copied().filter(|unit| *unit != 0)?;
    char::from_u32(u32::from(unit)).map(Cell::Double)
}

/// Rows 115 to 120 of CP932.
fn ibm() -> &'static [u16] {
    static TABLE: OnceLock<Vec<u16>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let trails = || (0x40..=0x7Eu8).chain(0x80..=0xFC);
        let pairs = (0xFA..=0xFCu8).flat_map(|lead| trails().map(move |trail| [lead, trail]));
        let character = |pair: [u8; 2]| {
            let text = SHIFT_JIS.decode_without_bom_handling_and_without_replacement(&pair)?;
            units(&text).first().copied()
        };
        pairs
            .map(|pair| character(pair).unwrap_or_default())
            .collect()
    })
}

/// Characters that only JIS X 0213 has: on each line the plane, the first cell, and what stands
/// there and in the cells after it.
const X0213: &str = include_str!("tables/x0213.txt");

/// Cells of JIS X 0213 that hold two code points.
#[rustfmt::skip]
const X0213_PAIRS: &[(u16, &str)] = &[
    (0x2477, "か\u{309A}"), (0x2478, "き\u{309A}"), (0x2479, "く\u{309A}"),
    (0x247A, "け\u{309A}"), (0x247B, "こ\u{309A}"), (0x2577, "カ\u{309A}"),
    (0x2578, "キ\u{309A}"), (0x2579, "ク\u{309A}"), (0x257A, "ケ\u{309A}"),
    (0x257B, "コ\u{309A}"), (0x257C, "セ\u{309A}"), (0x257D, "ツ\u{309A}"),
    (0x257E, "ト\u{309A}"), (0x2678, "ㇷ\u{309A}"), (0x2B44, "æ\u{300}"),
    (0x2B48, "ɔ\u{300}"), (0x2B49, "ɔ\u{301}"), (0x2B4A, "ʌ\u{300}"), (0x2B4B, "ʌ\u{301}"),
    (0x2B4C, "ə\u{300}"), (0x2B4D, "ə\u{301}"), (0x2B4E, "ɚ\u{300}"), (0x2B4F, "ɚ\u{301}"),
    (0x2B65, "˩˥"), (0x2B66, "˥˩"),
];

/// The text of a cell of JIS X 0213: one character, or a letter with its mark.
pub(crate) fn x0213(plane: Plane, index: u16) -> Option<String> {
    if plane == Plane::First {
        let vendor = index / SIDE == NEC_ROW || index / SIDE >= NEC_IBM_ROWS.start;
        let character = match kanji().cell(index) {
            Cell::Plain(character) | Cell::Double(character) if !vendor => Some(character),
            _ => None,
        };
        if let Some(character) = character {
            return Some(character.into());
        }
        let bytes = (index / SIDE + 0x21) << 8 | (index % SIDE + 0x21);
        let pair = X0213_PAIRS.iter().find(|(cell, _)| *cell == bytes);
        if let Some((_, text)) = pair {
            return Some((*text).to_owned());
        }
    }
    let second = usize::from(plane == Plane::Second) * usize::from(CELLS);
    let character = x0213_table().get(second + usize::from(index)).copied()?;
    (character != '\0').then(|| character.into())
}

/// Whether a cell has no character.
pub(crate) fn is_empty(plane: Plane, index: u16) -> bool {
    match plane {
        Plane::Kanji => matches!(kanji().cell(index), Cell::Empty(_)),
        Plane::Supplement => matches!(supplement().cell(index), Cell::Empty(_)),
        Plane::First | Plane::Second => x0213(plane, index).is_none(),
    }
}

fn x0213_table() -> &'static [char] {
    static TABLE: OnceLock<Vec<char>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = vec!['\0'; 2 * usize::from(CELLS)];
        for (start, text) in X0213.lines().filter_map(|line| line.split_once(' ')) {
            let Some(index) = x0213_start(start) else {
                continue;
            };
            let slots = table.iter_mut().skip(index);
            slots.zip(text.chars()).for_each(|(slot, c)| *slot = c);
        }
        table
    })
}

/// The index of `pRRCC`: plane 1 or 2, and the two bytes of the cell.
fn x0213_start(written: &str) -> Option<usize> {
    let number = usize::from_str_radix(written, 16).ok()?;
    let plane = (number >> 16).checked_sub(1)?;
    let row = (number >> 8 & 0xFF).checked_sub(0x21)?;
    let cell = (number & 0xFF).checked_sub(0x21)?;
    Some((plane * usize::from(SIDE) + row) * usize::from(SIDE) + cell)
}

/// The half-width kana of a JIS X 0201 byte from 0xA1 to 0xDF.
pub(crate) fn half_width(byte: u8) -> char {
    const FIRST: u32 = 0xFF61;
    char::from_u32(FIRST + u32::from(byte.wrapping_sub(0xA1))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ku: u16, ten: u16) -> u16 {
        (ku - 1) * SIDE + ten - 1
    }

    #[test]
    fn the_tables_have_every_cell_and_each_character_one_place() {
        for table in [kanji(), supplement()] {
            assert_eq!(table.full.len(), usize::from(CELLS));
            for index in 0..CELLS {
                match table.cell(index) {
                    Cell::Plain(c) => assert_eq!(table.place(c), Some(index), "{c}"),
                    Cell::Double(c) => assert!(kanji().place(c).is_some(), "{c}"),
                    Cell::Empty(c) => assert!(private::is_private(c)),
                }
            }
        }
        let characters = |t: &Table| t.full.iter().filter(|unit| **unit != 0).count();
        // 6,879 of the standard, 83 of NEC, 374 of IBM; 6,067 of JIS X 0212.
        assert_eq!(characters(kanji()), 6_879 + 83 + 374);
        assert_eq!(characters(supplement()), 6_067);
    }

    #[test]
    fn characters_are_where_the_standards_put_them() {
        for (index, cell) in [
            (at(16, 1), Cell::Plain('亜')),
            (at(84, 6), Cell::Plain('熙')),
            (at(13, 1), Cell::Plain('①')),
            (at(92, 66), Cell::Plain('髙')),
            // ∪ of NEC has its place in row 2.
            (at(13, 92), Cell::Double('∪')),
            (at(9, 1), Cell::Empty('\u{F02F0}')),
            (at(85, 1), Cell::Empty('\u{E000}')),
            (at(94, 94), Cell::Empty('\u{E3AB}')),
        ] {
            assert!(kanji().cell(index) == cell, "{index}");
        }
        let wide = |ku: u16, ten: u16| wide(ku - 1, ten - 1);
        assert!(wide(95, 1) == Some(Cell::Double('\u{E000}')));
        assert!(wide(114, 94) == Some(Cell::Double('\u{E757}')));
        assert!(wide(115, 1) == Some(Cell::Double('ⅰ')));
        assert!(wide(118, 94).is_some() && wide(120, 94).is_none());
        assert!(wide(121, 1).is_none());
    }

    #[test]
    fn jis_x_0213_has_all_of_its_characters() {
        let count = |plane| {
            (0..CELLS)
                .filter(|index| x0213(plane, *index).is_some())
                .count()
        };
        // JIS X 0213:2004 has 11,233 characters, 2,436 of them in plane 2.
        assert_eq!(count(Plane::First), 11_233 - 2_436);
        assert_eq!(count(Plane::Second), 2_436);
        for (plane, index, text) in [
            (Plane::First, at(16, 1), "亜"),
            (Plane::First, at(13, 1), "①"),
            (Plane::First, at(4, 87), "か\u{309A}"),
            (Plane::First, at(14, 2), "𠀋"),
            (Plane::First, at(47, 82), "﨑"),
            (Plane::First, at(92, 66), "郄"),
            (Plane::Second, at(1, 1), "𠂉"),
            (Plane::Second, at(94, 86), "𪚲"),
        ] {
            assert_eq!(x0213(plane, index).as_deref(), Some(text), "{index}");
        }
        assert_eq!(x0213(Plane::Second, at(2, 1)), None);
    }
}
