//! Folding for linkage keys: what two systems write differently about one person becomes equal.
//!
//! Every function gives `None` for what must not become a key: an empty value, or one with a
//! character that was lost or replaced on its way (see [`damaged`]). Clinical text is never folded.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfkc_quick};

use crate::{private, tables, variants};

/// The version of these rules. Any change that can alter an output raises it.
pub const VERSION: u16 = 1;

/// Key B of a kana name: full-width katakana without blanks, dashes, long vowels and middle dots;
/// small letters made large; ヂ, ヅ, ヲ and ヮ written ジ, ズ, オ and ワ. `None` when anything but
/// katakana remains.
pub fn kana(text: &str) -> Option<String> {
    let letters = katakana(text)?;
    let folded: String = letters
        .chars()
        .filter(|&c| c != 'ー' && c != '・')
        .map(plain)
        .collect();
    filled(folded)
}

/// Key A of a kana name: full-width katakana without blanks, every dash written `ー`, otherwise as
/// given. `None` when anything but katakana, `ー` and `・` remains.
pub fn kana_strict(text: &str) -> Option<String> {
    katakana(text).and_then(filled)
}

/// A name in kanji: compatibility forms, blanks, zero-width characters and variation selectors
/// gone, common variants of name characters written one way, `々` written out, Latin letters in
/// upper case.
pub fn kanji(text: &str) -> Option<String> {
    let mut folded = String::with_capacity(text.len());
    let mut last = None;
    for character in visible(text)? {
        let one = match character {
            '々' => last.unwrap_or('々'),
            'ヶ' => 'ケ',
            dash if is_dash(dash) => 'ー',
            other => variants::standard(other).to_ascii_uppercase(),
        };
        folded.push(one);
        last = Some(one);
    }
    filled(folded.nfkc().collect())
}

/// 記号 or 番号 of an insurance card: upper case, without blanks, dashes, dots and leading zeros.
pub fn insured(text: &str) -> Option<String> {
    let kept: String = visible(text)?
        .filter(|&c| !is_dash(c) && !is_dot(c))
        .map(|c| c.to_ascii_uppercase())
        .nfkc()
        .collect();
    filled(kept.trim_start_matches('0').to_owned())
}

/// 保険者番号: eight digits, zeros added on the left. `None` for anything but 1 to 8 digits that
/// are not all zero.
pub fn insurer(text: &str) -> Option<String> {
    let number = number(text)?;
    ((1..=8).contains(&number.len()) && number.bytes().any(|b| b != b'0'))
        .then(|| format!("{number:0>8}"))
}

/// 枝番: two digits. `None` when there is none; `00` says that too.
pub fn branch(text: &str) -> Option<String> {
    let number = number(text)?;
    ((1..=2).contains(&number.len()) && number.bytes().any(|b| b != b'0'))
        .then(|| format!("{number:0>2}"))
}

/// 郵便番号: seven digits that are not all zero.
pub fn postal(text: &str) -> Option<String> {
    let number = number(text.trim().trim_start_matches('〒'))?;
    (number.len() == 7 && number.bytes().any(|b| b != b'0')).then_some(number)
}

/// The digits of a text, in ASCII; everything else is left out.
pub fn digits(text: &str) -> Option<String> {
    filled(visible(text)?.filter(char::is_ascii_digit).collect())
}

/// Compatibility normal form (NFKC), with a separate voicing mark joined to its kana.
pub fn width(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let quick = is_nfkc_quick(text.chars()) == unicode_normalization::IsNormalized::Yes;
    if quick {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(joining).nfkc().collect())
}

/// Why a text must not become a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Damage {
    /// A sign that systems print for characters they do not have (●, ■, 〓).
    Replaced,
    /// A private character of the site (外字).
    Private,
    /// Bytes that no character set explains, or U+FFFD.
    Lost,
}

/// What happened to a text on its way here, the worst of it; `None` for a sound one.
pub fn damage(text: &str) -> Option<Damage> {
    if text.is_ascii() {
        return None;
    }
    text.chars().filter_map(damage_of).max()
}

/// Whether a character was lost or replaced on the way here.
pub fn damaged(text: &str) -> bool {
    !text.is_ascii() && text.chars().any(|c| damage_of(c).is_some())
}

fn damage_of(character: char) -> Option<Damage> {
    match character {
        _ if private::is_undecoded(character) => Some(Damage::Lost),
        char::REPLACEMENT_CHARACTER => Some(Damage::Lost),
        _ if private::is_private(character) => Some(Damage::Private),
        _ if tables::is_replacement(character) => Some(Damage::Replaced),
        _ => None,
    }
}

/// The visible characters of a text in compatibility normal form; `None` when it is damaged.
fn visible(text: &str) -> Option<impl Iterator<Item = char>> {
    let joined = text.chars().filter(|&c| !invisible(c)).map(joining);
    (!damaged(text)).then(|| joined.nfkc().filter(|&c| !invisible(c)))
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// A number written in digits of any width, with blanks and dashes ignored; `None` for other text.
fn number(text: &str) -> Option<String> {
    let kept: String = visible(text)?.filter(|&c| !is_dash(c)).collect();
    kept.bytes().all(|b| b.is_ascii_digit()).then_some(kept)
}

/// Katakana, `ー` and `・` only, from any kana of any width; `None` for other text.
fn katakana(text: &str) -> Option<String> {
    let mut letters = String::with_capacity(text.len());
    for character in visible(text)? {
        let letter = match character {
            'ぁ'..='ゖ' => char::from_u32(u32::from(character) + 0x60)?,
            'ァ'..='ヺ' | '\u{31F0}'..='\u{31FF}' | '・' => character,
            dash if is_dash(dash) => 'ー',
            _ => return None,
        };
        letters.push(letter);
    }
    Some(letters)
}

/// The letter that data entry puts for this one: small made large, sounds that are equal today.
fn plain(letter: char) -> char {
    const SMALL: &str = "ァィゥェォッャュョヮヵヶㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿヂヅヲ";
    const LARGE: &str = "アイウエオツヤユヨワカケクシストヌハヒフヘホムラリルレロジズオ";
    if !matches!(letter, 'ヂ' | 'ヅ' | 'ヲ') && !is_small(letter) {
        return letter;
    }
    SMALL
        .chars()
        .zip(LARGE.chars())
        .find_map(|(small, large)| (small == letter).then_some(large))
        .unwrap_or(letter)
}

fn is_small(letter: char) -> bool {
    matches!(
        letter,
        'ァ' | 'ィ' | 'ゥ' | 'ェ' | 'ォ' | 'ッ' | 'ャ' | 'ュ' | 'ョ'
    ) || matches!(letter, 'ヮ' | 'ヵ' | 'ヶ' | '\u{31F0}'..='\u{31FF}')
}

/// A free-standing voicing mark made combining, so that NFKC joins it to the kana before it.
fn joining(character: char) -> char {
    match character {
        '\u{309B}' => '\u{3099}',
        '\u{309C}' => '\u{309A}',
        other => other,
    }
}

/// Blanks, zero-width characters, controls and variation selectors.
fn invisible(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character, '\u{00AD}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}')
        || matches!(character, '\u{2028}'..='\u{202F}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
        || matches!(character, '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Every character that data entry uses for a dash or a long vowel.
fn is_dash(character: char) -> bool {
    matches!(
        character,
        '-' | 'ー' | '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}'
    ) || matches!(character, '\u{2500}' | '\u{2501}' | '\u{FE58}' | '\u{FE63}')
        || matches!(
            character,
            '\u{FF0D}' | '\u{FF70}' | '~' | '\u{301C}' | '\u{FF5E}'
        )
}

fn is_dot(character: char) -> bool {
    matches!(character, '.' | ',' | '・' | '·' | '。' | '、')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn kana_names_that_differ_in_writing_only_fold_equal() {
        for (text, key) in [
            ("ヤマダ　タロウ", Some("ヤマダタロウ")),
            ("ﾔﾏﾀﾞ ﾀﾛｳ", Some("ヤマダタロウ")),
            ("やまだ たろう", Some("ヤマダタロウ")),
            ("ヤマタ゛タロウ", Some("ヤマダタロウ")),
            ("ヤマタ　ﾞ", Some("ヤマダ")),
            ("ショウジ", Some("シヨウジ")),
            ("ケヅカ", Some("ケズカ")),
            ("ミチヲ", Some("ミチオ")),
            ("ローズ・マリー", Some("ロズマリ")),
            ("ロ-ズ", Some("ロズ")),
            ("ヴァン", Some("ヴアン")),
            ("山田", None),
            ("YAMADA", None),
            ("ヤマ●", None),
            ("ヤマ\u{FFFD}", None),
            ("　", None),
            ("・", None),
            ("", None),
        ] {
            assert_eq!(kana(text).as_deref(), key, "{text}");
        }
        assert_eq!(kana_strict("ロ－ズ マリｰ").as_deref(), Some("ローズマリー"));
        assert_eq!(kana_strict("ショウ"), Some("ショウ".to_owned()));
        assert_ne!(kana_strict("ショウ"), kana_strict("シヨウ"));
    }

    #[test]
    fn kanji_variants_of_a_name_fold_equal() {
        for (one, other) in [
            ("髙橋", "高橋"),
            ("宮﨑", "宮崎"),
            ("渡邉", "渡辺"),
            ("渡邊", "渡辺"),
            ("濵田", "浜田"),
            ("濱田", "浜田"),
            ("齋藤", "斉藤"),
            ("齊藤", "斎藤"),
            ("澤田", "沢田"),
            ("佐々木", "佐佐木"),
            ("山田　太郎", "山田太郎"),
            ("葛\u{E0100}西", "葛西"),
            ("Ｓｍｉｔｈ", "SMITH"),
        ] {
            assert_eq!(kanji(one), kanji(other), "{one} {other}");
            assert!(kanji(one).is_some(), "{one}");
        }
        for text in ["山●", "￭", "\u{E001}田", "山\u{FFFD}", "〓", "", " "] {
            assert_eq!(kanji(text), None, "{text}");
        }
    }

    #[test]
    fn insurance_and_postal_numbers_take_one_form() {
        assert_eq!(insured("００１２－３４・ａ").as_deref(), Some("1234A"));
        assert_eq!(insured("川崎 0123").as_deref(), Some("川崎0123"));
        assert_eq!(insured("000"), None);
        assert_eq!(insurer("  138057").as_deref(), Some("00138057"));
        assert_eq!(insurer("０６１３００１２").as_deref(), Some("06130012"));
        for text in ["", "000000", "123456789", "12a"] {
            assert_eq!(insurer(text), None, "{text}");
        }
        for (text, key) in [
            ("1", Some("01")),
            ("０２", Some("02")),
            ("00", None),
            ("", None),
        ] {
            assert_eq!(branch(text).as_deref(), key, "{text}");
        }
        assert_eq!(branch("100"), None);
        for text in [
            "184-0014",
            "〒184-0014",
            "１８４－００１４",
            "1840014",
            "184−0014",
        ] {
            assert_eq!(postal(text).as_deref(), Some("1840014"), "{text}");
        }
        assert_eq!(postal("184"), None);
        assert_eq!(postal("000-0000"), None);
        assert_eq!(digits("TEL ０９９-385").as_deref(), Some("099385"));
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,12}") {
            let folds: [fn(&str) -> Option<String>; 8] =
                [kana, kana_strict, kanji, insured, insurer, branch, postal, digits];
            for fold in folds {
                if let Some(once) = fold(&text) {
                    prop_assert_eq!(fold(&once), Some(once.clone()));
                    prop_assert!(!damaged(&once));
                }
            }
        }

        #[test]
        fn japanese_text_folds_idempotently(text in "[ぁ-ゖァ-ヺｦ-ﾟ一-龠々ー・ 　0-9０-９]{0,10}") {
            for fold in [kana, kana_strict, kanji, insured] {
                if let Some(once) = fold(&text) {
                    prop_assert_eq!(fold(&once), Some(once.clone()));
                }
            }
        }
    }
}
