//! What systems fill in where nothing is known. It is alike for many persons, so a token of it
//! would join strangers, and the centre would learn who is unknown.

use record::moment::Date;

/// Kana that stand for a name that nobody knows: 不明, 名無し, テスト, ダミー, 匿名.
const NAMES: [&str; 8] = [
    "フメイ",
    "ナナシ",
    "ナマエナシ",
    "シメイフメイ",
    "テスト",
    "ダミ",
    "トクメイ",
    "ミトウロク",
];

/// Whether a folded kana name, family or given, is one of those that stand for no name. `ナナ` is a
/// name, `アアア` is not.
pub(super) fn is_name(kana: &str) -> bool {
    NAMES.contains(&kana) || same_character(kana, 3)
}

/// Whether a day of birth is one that systems put for an unknown day. Nobody who was born before
/// 1880 is a patient of a system that is read today.
pub(super) fn is_birth(day: Date) -> bool {
    let unknown = matches!(day.year(), 1900 | 1901) && (day.month(), day.day()) == (1, 1);
    unknown || !(1880..=2200).contains(&day.year())
}

/// Whether an insurer's number is none: every digit the same.
pub(super) fn is_insurer(number: &str) -> bool {
    same_character(number, 8)
}

/// Whether the number of a card is one that fills a field: `999`, `9999999`.
pub(super) fn is_card(number: &str) -> bool {
    number.len() >= 3 && number.bytes().all(|digit| digit == b'9')
}

fn same_character(text: &str, at_least: usize) -> bool {
    let mut characters = text.chars();
    let first = characters.next();
    text.chars().count() >= at_least && characters.all(|next| Some(next) == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_for_no_name_stands_as_names_are_folded() {
        for name in NAMES {
            assert_eq!(text::fold::kana(name).as_deref(), Some(name));
        }
    }
}
