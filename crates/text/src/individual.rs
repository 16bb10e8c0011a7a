//! The individual number (個人番号, マイナンバー), which the law keeps out of medical records: where
//! a text holds one, and where a name says so.
//!
//! Twelve digits, of which the last one is computed from the others (平成26年総務省令第85号 第5条).
//! Of arbitrary numbers of twelve digits one in ten passes, so [`Evidence`] tells how much a find
//! says, and whoever asks knows what usually stands at the place
//! (`docs/decisions/0034-the-individual-number.md`).

use crate::fold;

/// How many digits a number has.
const LENGTH: usize = 12;
/// The digits between the separators of a grouped one.
const GROUP: usize = 4;

/// How much a number with the right check digit says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// It begins like a calendar day or with four zeros, as times (`202601051030`) and running
    /// numbers do: 8 of 10,000 individual numbers look so by chance.
    Weak,
    /// It looks like nothing else.
    Strong,
}

/// A number that passes. It does not hold the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Find {
    /// Where it begins in the text, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// How much it says.
    pub evidence: Evidence,
}

/// The numbers in a text that have the right check digit: twelve digits of any width in a row, or
/// in three groups of four parted by one dash or blank, with no further letter or digit beside.
pub fn finds(text: &str) -> impl Iterator<Item = Find> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(next) = next_perhaps(text, at) {
            let Some(run) = run(text, next) else {
                at = next + 1;
                continue;
            };
            let grouped = grouped(text, &run);
            let found = grouped.as_ref().unwrap_or(&run);
            at = found.end;
            if let Some(evidence) = judge(text, found) {
                let &Run { start, end, .. } = found;
                return Some(Find {
                    start,
                    end,
                    evidence,
                });
            }
        }
        None
    })
}

/// Whether a whole text, blanks aside, is twelve digits, and then whether they pass.
pub fn alone(text: &str) -> Option<bool> {
    let text = text.trim();
    let run = run(text, 0)?;
    let found = grouped(text, &run).unwrap_or(run);
    let whole = found.length == LENGTH && found.end == text.len();
    whole.then(|| passes(&found.digits))
}

/// Whether the name of a column, an element or an item says that an individual number stands there.
/// The card (マイナンバーカード) has that name too and is none.
pub fn is_named(name: &str) -> bool {
    let plain: String = fold::width(name)
        .chars()
        .filter(|&c| !fold::is_blank(c) && !matches!(c, '_' | '-' | '・'))
        .flat_map(char::to_uppercase)
        .collect();
    const NAMES: [&str; 5] = [
        "個人番号",
        "マイナンバー",
        "MYNUMBER",
        "INDIVIDUALNUMBER",
        "KOJINBANGO",
    ];
    NAMES.iter().any(|name| {
        let card = |after: &str| after.starts_with("カード") || after.starts_with("CARD");
        plain
            .match_indices(name)
            .any(|(at, _)| !plain.get(at + name.len()..).is_some_and(card))
    })
}

/// What the cells of a column say whose numbers may have twelve digits for another reason. Of a
/// house's own numbers one in ten passes; of individual numbers every one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Column {
    twelve: u64,
    passing: u64,
}

impl Column {
    /// Fewest passing numbers on which a column is judged: four of four by chance are one in
    /// 10,000.
    const FEWEST: u64 = 4;

    /// Takes one cell.
    pub fn take(&mut self, cell: &str) {
        if let Some(passes) = alone(cell) {
            self.twelve += 1;
            self.passing += u64::from(passes);
        }
    }

    /// Whether more than half of the numbers pass.
    pub fn is_of_individuals(&self) -> bool {
        self.passing >= Self::FEWEST && self.passing * 2 > self.twelve
    }
}

/// Digits in a row.
struct Run {
    start: usize,
    end: usize,
    /// How many.
    length: usize,
    /// The first of them.
    digits: [u8; LENGTH],
}

/// The digit that begins at a byte, and its length in bytes.
fn digit(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    match bytes.get(at..)? {
        [digit @ b'0'..=b'9', ..] => Some((digit - b'0', 1)),
        // Full width, U+FF10 to U+FF19.
        [0xEF, 0xBC, last @ 0x90..=0x99, ..] => Some((last - 0x90, 3)),
        _ => None,
    }
}

/// Where the next digit may begin, from a byte on. Every byte of every message goes by here.
fn next_perhaps(text: &str, at: usize) -> Option<usize> {
    let rest = text.as_bytes().get(at..)?;
    let next = rest.iter().position(|b| b.is_ascii_digit() || *b == 0xEF);
    next.map(|next| at + next)
}

/// The digits in a row from a byte on; `None` where none begins.
fn run(text: &str, start: usize) -> Option<Run> {
    let bytes = text.as_bytes();
    digit(bytes, start)?;
    let mut run = Run {
        start,
        end: start,
        length: 0,
        digits: [0; LENGTH],
    };
    while let Some((digit, length)) = digit(bytes, run.end) {
        if let Some(slot) = run.digits.get_mut(run.length) {
            *slot = digit;
        }
        run.length += 1;
        run.end += length;
    }
    Some(run)
}

/// The number that three groups of four make, of which the first is given.
fn grouped(text: &str, first: &Run) -> Option<Run> {
    if first.length != GROUP {
        return None;
    }
    let mut whole = Run {
        digits: first.digits,
        ..*first
    };
    let between = separator(text, first.end)?;
    while whole.length < LENGTH {
        let mark = separator(text, whole.end).filter(|mark| *mark == between)?;
        let next = run(text, whole.end + mark.len_utf8())?;
        if next.length != GROUP {
            return None;
        }
        let slots = whole.digits.get_mut(whole.length..)?;
        for (slot, digit) in slots.iter_mut().zip(next.digits) {
            *slot = digit;
        }
        whole.length += GROUP;
        whole.end = next.end;
    }
    // A card of a bank has a fourth group.
    let more = |mark: char| digit(text.as_bytes(), whole.end + mark.len_utf8()).is_some();
    let before = text.get(..first.start)?.chars().rev();
    let mut before = before.take(2);
    let preceded = before.next() == Some(between) && before.next().is_some_and(char::is_numeric);
    let followed = separator(text, whole.end).is_some_and(|mark| mark == between && more(mark));
    (!preceded && !followed).then_some(whole)
}

/// A dash or a blank that begins at a byte.
fn separator(text: &str, at: usize) -> Option<char> {
    let next = text.get(at..)?.chars().next()?;
    (next == ' ' || next == '\u{3000}' || fold::is_dash(next)).then_some(next)
}

/// How much a run of digits says; `None` when it is no individual number.
fn judge(text: &str, run: &Run) -> Option<Evidence> {
    if run.length != LENGTH || !passes(&run.digits) || is_part(text, run) {
        return None;
    }
    let padded = run.digits.starts_with(&[0; 4]);
    Some(match padded || begins_with_day(&run.digits) {
        true => Evidence::Weak,
        false => Evidence::Strong,
    })
}

/// Whether letters, or the points of a longer number, stand beside.
fn is_part(text: &str, run: &Run) -> bool {
    let [before, after] =
        [text.get(..run.start), text.get(run.end..)].map(Option::unwrap_or_default);
    let mut before = before.bytes().rev();
    let mut after = after.bytes();
    let beside = |next: &mut dyn Iterator<Item = u8>| match next.next() {
        Some(letter) if letter.is_ascii_alphanumeric() => true,
        Some(b'.') => next.next().is_some_and(|b| b.is_ascii_digit()),
        _ => false,
    };
    beside(&mut before) || beside(&mut after)
}

/// Whether the last digit is that of an individual number. A single digit repeated fills fields.
fn passes(digits: &[u8; LENGTH]) -> bool {
    let [front @ .., last] = digits;
    // Weights from the right: 2 to 7, then 2 to 6.
    let sum: u32 = front
        .iter()
        .rev()
        .zip([2, 3, 4, 5, 6, 7, 2, 3, 4, 5, 6])
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .sum();
    let check = match sum % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    };
    check == u32::from(*last) && digits.iter().any(|digit| digit != last)
}

fn begins_with_day(digits: &[u8; LENGTH]) -> bool {
    let two = |at: usize| match digits.get(at..at + 2) {
        Some([tens, ones]) => tens * 10 + ones,
        _ => 0,
    };
    matches!(two(0), 19 | 20) && (1..=12).contains(&two(4)) && (1..=31).contains(&two(6))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A number with its check digit, of eleven digits.
    fn number(front: u64) -> String {
        let front = format!("{front:011}");
        let found = (0..10).map(|check| format!("{front}{check}"));
        let mut found = found.filter(|it| alone(it) == Some(true));
        found.next().unwrap()
    }

    /// The worked example of the ordinance's formula, by hand: 12345678901 gives 8.
    #[test]
    fn the_check_digit_is_that_of_the_ordinance() {
        // 1·2+0·3+9·4+8·5+7·6+6·7+5·2+4·3+3·4+2·5+1·6 = 212, 212 mod 11 = 3, 11 - 3 = 8.
        assert_eq!(alone("123456789018"), Some(true));
        for wrong in 0..10 {
            let passes = alone(&format!("12345678901{wrong}"));
            assert_eq!(passes, Some(wrong == 8));
        }
        // Remainders 0 and 1 give 0: 4·2 + 1·3 = 11 and 6·2 = 12.
        assert_eq!(alone("000000000140"), Some(true));
        assert_eq!(alone("000000000060"), Some(true));
        assert_eq!(alone("000000000000"), Some(false));
    }

    /// B-132, C-26.
    #[test]
    fn a_number_is_found_however_it_is_written() {
        for (text, evidence) in [
            ("123456789018", Some(Evidence::Strong)),
            ("１２３４５６７８９０１８", Some(Evidence::Strong)),
            ("1234-5678-9018", Some(Evidence::Strong)),
            ("1234 5678 9018", Some(Evidence::Strong)),
            ("１２３４－５６７８－９０１８", Some(Evidence::Strong)),
            ("1234　5678　9018", Some(Evidence::Strong)),
            ("番号は123456789018です", Some(Evidence::Strong)),
            ("No.123456789018.", Some(Evidence::Strong)),
            ("^123456789018^^^^", Some(Evidence::Strong)),
            ("123456789017", None),
            ("0123456789018", None),
            ("1234567890181", None),
            ("A123456789018", None),
            ("123456789018A", None),
            ("1.2.392.123456789018.1", None),
            ("1234-5678-9018-1234", None),
            ("9999-1234-5678-9018", None),
            ("1234-5678 9018", None),
            ("1234--5678-9018", None),
            ("111111111111", None),
            ("202601051038", Some(Evidence::Weak)),
            ("000012345674", Some(Evidence::Weak)),
            ("", None),
        ] {
            let found: Vec<_> = finds(text).collect();
            let told = found.first().map(|find| find.evidence);
            assert_eq!(told, evidence, "{text}");
            assert!(found.len() < 2, "{text}");
        }
        let times = (0..60).map(|minute| format!("2026010510{minute:02}"));
        let evidence: Vec<_> = times
            .filter_map(|it| Some(finds(&it).next()?.evidence))
            .collect();
        assert!(evidence.iter().all(|it| *it == Evidence::Weak) && evidence.len() > 3);
    }

    #[test]
    fn names_of_the_number_are_told_from_those_of_the_card() {
        for (name, named) in [
            ("個人番号", true),
            ("本人_個人番号", true),
            ("ﾏｲﾅﾝﾊﾞｰ", true),
            ("マイ ナンバー", true),
            ("My Number", true),
            ("my_number", true),
            ("マイナンバーカードで受付", false),
            ("マイナンバーカード確認、マイナンバー記入", true),
            ("patient_id", false),
            ("個人", false),
            ("", false),
        ] {
            assert_eq!(is_named(name), named, "{name}");
        }
    }

    #[test]
    fn a_column_of_a_houses_own_numbers_is_told_from_one_of_individuals() {
        let fill = |cells: &mut dyn Iterator<Item = String>| {
            let mut column = Column::default();
            cells.for_each(|cell| column.take(&cell));
            column.is_of_individuals()
        };
        assert!(!fill(
            &mut (0..10_000).map(|n| format!("{:012}", 700_000_000_000u64 + n))
        ));
        assert!(fill(&mut (0..4).map(|n| number(12_345_678_900 + n))));
        assert!(!fill(&mut (0..3).map(|n| number(12_345_678_900 + n))));
        assert!(!fill(&mut (0..10_000).map(|n| format!("{n:010}"))));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_every_find_is_twelve_digits(
            text in "\\PC{0,40}|[0-9０-９ \\-－]{0,40}",
        ) {
            for find in finds(&text) {
                let found = text.get(find.start..find.end).unwrap().chars();
                let digits = found.filter(|c| c.is_numeric()).count();
                prop_assert_eq!(digits, LENGTH);
            }
        }

        #[test]
        fn one_in_ten_passes(front in 0u64..100_000_000_000) {
            let front = format!("{front:011}");
            let passes = |check: &u8| alone(&format!("{front}{check}")) == Some(true);
            let passing = (0u8..10).filter(passes);
            let all_equal = front.bytes().all(|b| Some(b) == front.bytes().next());
            prop_assert!(passing.count() == 1 || all_equal);
        }
    }
}
