//! Private code points: how bytes without a character stay in a text, and how they come back.
//!
//! Nothing that a file holds vanishes in decoding. What no table knows becomes a code point of the
//! private planes, from which the bytes can be told again:
//!
//! | code points | stand for |
//! |---|---|
//! | U+E000 – U+E3AB | user-defined rows 85 to 94 of JIS X 0208, which are CP932 F040 – F4FC |
//! | U+E3AC – U+E757 | user-defined rows 85 to 94 of JIS X 0212, which are CP932 F540 – F9FC |
//! | U+F0000 – U+F8A0F | a cell without a character: plane × 8,836 + row × 94 + cell, from zero |
//! | U+10FE00 – U+10FEFF | one byte that fits nowhere |
//!
//! The first two are the mapping that Windows uses, so that a site's own characters (外字) have one
//! code point whichever way they were written. In seven bits, rows 89 to 92 hold the characters of
//! IBM instead, as most systems have it. Decoded UTF-8 may hold any of these code points
//! itself; they are reported there in the same way.

/// The number of rows of a set, and of cells in a row.
pub(crate) const SIDE: u16 = 94;
/// The number of cells of a set.
pub(crate) const CELLS: u16 = SIDE * SIDE;
/// The first user-defined row, counted from 0.
pub(crate) const USER_ROW: u16 = 84;
/// User-defined cells of one set.
const USER_CELLS: u32 = 940;
const USER_FIRST: u32 = 0xE000;
const USER_LAST: u32 = USER_FIRST + 2 * USER_CELLS - 1;
const CELL_FIRST: u32 = 0xF_0000;
const CELL_LAST: u32 = CELL_FIRST + 4 * CELLS as u32 - 1;
const BYTE_FIRST: u32 = 0x10_FE00;
const BYTE_LAST: u32 = BYTE_FIRST + 0xFF;

/// A set of 94 × 94 cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plane {
    /// JIS X 0208 with the rows of NEC and IBM.
    Kanji,
    /// JIS X 0212.
    Supplement,
    /// JIS X 0213 plane 1.
    First,
    /// JIS X 0213 plane 2.
    Second,
}

impl Plane {
    const ALL: [Self; 4] = [Self::Kanji, Self::Supplement, Self::First, Self::Second];

    const fn number(self) -> u32 {
        match self {
            Self::Kanji => 0,
            Self::Supplement => 1,
            Self::First => 2,
            Self::Second => 3,
        }
    }
}

/// What a private code point stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A cell that the site fills itself (外字): row × 94 + cell, both from 0.
    User(Plane, u16),
    /// A cell in which no table has a character.
    Cell(Plane, u16),
    /// A byte that fits nowhere.
    Byte(u8),
}

/// What a private code point stands for; `None` for any other character.
pub fn origin(character: char) -> Option<Origin> {
    let point = u32::from(character);
    let index = |offset: u32| u16::try_from(offset).ok();
    match point {
        USER_FIRST..=USER_LAST => {
            let offset = point - USER_FIRST;
            let plane = if offset < USER_CELLS {
                Plane::Kanji
            } else {
                Plane::Supplement
            };
            let cell = index(offset % USER_CELLS)? + USER_ROW * SIDE;
            Some(Origin::User(plane, cell))
        }
        CELL_FIRST..=CELL_LAST => {
            let offset = point - CELL_FIRST;
            let plane = Plane::ALL.get(usize::try_from(offset / u32::from(CELLS)).ok()?)?;
            Some(Origin::Cell(*plane, index(offset % u32::from(CELLS))?))
        }
        BYTE_FIRST..=BYTE_LAST => Some(Origin::Byte(u8::try_from(point - BYTE_FIRST).ok()?)),
        _ => None,
    }
}

/// The code point of a cell in which no table has a character: a user-defined one in rows 85 to 94.
pub(crate) fn of_cell(plane: Plane, cell: u16) -> char {
    let user = cell.checked_sub(USER_ROW * SIDE).map(u32::from);
    let point = match (plane, user) {
        (Plane::Kanji, Some(user)) => USER_FIRST + user,
        (Plane::Supplement, Some(user)) => USER_FIRST + USER_CELLS + user,
        _ => CELL_FIRST + plane.number() * u32::from(CELLS) + u32::from(cell),
    };
    char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The code point of a byte that fits nowhere.
pub(crate) fn of_byte(byte: u8) -> char {
    char::from_u32(BYTE_FIRST + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Whether a character is private: one of a site's own, or one kept for bytes without a character.
pub(crate) fn is_private(character: char) -> bool {
    matches!(character, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}')
}

/// Whether a character stands for bytes that could not be read at all.
pub(crate) fn is_undecoded(character: char) -> bool {
    let point = u32::from(character);
    (CELL_FIRST..=CELL_LAST).contains(&point) || (BYTE_FIRST..=BYTE_LAST).contains(&point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_and_every_cell_can_be_told_from_its_code_point() {
        for byte in 0..=u8::MAX {
            assert_eq!(origin(of_byte(byte)), Some(Origin::Byte(byte)));
        }
        for plane in Plane::ALL {
            for cell in 0..CELLS {
                let user = cell >= USER_ROW * SIDE && plane <= Plane::Supplement;
                let expected = if user {
                    Origin::User(plane, cell)
                } else {
                    Origin::Cell(plane, cell)
                };
                let character = of_cell(plane, cell);
                assert_eq!(origin(character), Some(expected));
                assert!(is_private(character));
                assert_eq!(is_undecoded(character), !user);
            }
        }
        for character in ['A', '山', '\u{FFFD}', '\u{E758}', '\u{F8A10}', '\u{10FFFF}'] {
            assert_eq!(origin(character), None, "{character:?}");
        }
    }
}
