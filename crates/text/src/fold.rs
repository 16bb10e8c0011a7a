//! Folding: what two systems write differently about one person or one value becomes equal.
//!
//! The functions that make keys give `None` for what must not become one: an empty value, or one
//! with a character that was lost or replaced on its way (see [`damaged`]). [`signs`] and [`width`]
//! are for reading numbers, dates and signs; stored clinical text is never folded. Everything that
//! compares text compares it through this module: what is a dash, a tilde, a blank or a middle dot
//! is said here and nowhere else.
//!
//! `vectors/fold.tsv` beside the sources lists inputs and outputs, for other implementations.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfkc_quick};

use crate::{private, tables, variants};

/// The version of these rules. Any change that can alter an output raises it.
pub const VERSION: u16 = 3;

/// The longest text in bytes that becomes a key. The longest names of registers have some hundred
/// characters; what is longer is no name, and folding it would cost time for nothing.
pub const LONGEST: usize = 1024;

/// Key B of a kana name: full-width katakana without blanks, dashes, long vowels and middle dots;
/// small letters made large; ヂ, ヅ, ヲ and ヮ written ジ, ズ, オ and ワ; `ヽ` and `ヾ` written out.
/// `None` when anything but katakana remains.
pub fn kana(text: &str) -> Option<String> {
    let letters = katakana(text)?;
    let folded: String = letters
        .chars()
        .filter(|&c| c != 'ー' && c != '・')
        .map(plain)
        .collect();
    filled(folded)
}

/// Key A of a kana name: full-width katakana without blanks, every dash and tilde written `ー`,
/// every middle dot `・`, otherwise as given. `None` when anything else remains.
pub fn kana_strict(text: &str) -> Option<String> {
    katakana(text).and_then(filled)
}

/// Whether a text is written in kana of any kind and width, with nothing else but blanks, dashes
/// and middle dots. So is an empty one.
pub fn is_kana(text: &str) -> bool {
    katakana(text).is_some()
}

/// A name in kanji: compatibility forms, blanks, zero-width characters and variation selectors
/// gone, common variants of name characters written one way, `々` and the like written out, Latin
/// letters in upper case. `None` when a combining mark remains that joins no character: systems
/// write none, and marks can be piled up without end.
pub fn kanji(text: &str) -> Option<String> {
    let mut folded = String::with_capacity(text.len());
    let mut last = None;
    for character in visible(text)? {
        let one = match character {
            '々' | '〻' => last.unwrap_or(character),
            'ヶ' => 'ケ',
            dash if is_long(dash) => 'ー',
            other => repeated(other, last)
                .map_or_else(|| variants::standard(other), variants::standard)
                .to_ascii_uppercase(),
        };
        folded.push(one);
        last = Some(one);
    }
    let folded = match settled(&folded) {
        true => folded,
        false => folded.nfkc().collect(),
    };
    let loose = folded
        .chars()
        .any(unicode_normalization::char::is_combining_mark);
    filled(folded).filter(|_| !loose)
}

/// 記号 or 番号 of an insurance card: upper case, without blanks, dashes, dots and leading zeros.
pub fn insured(text: &str) -> Option<String> {
    let kept: String = visible(text)?
        .filter(|&c| !is_long(c) && !is_dot(c))
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
        .then(|| padded(number, 8))
}

/// 枝番: two digits. `None` when there is none; `00` says that too.
pub fn branch(text: &str) -> Option<String> {
    let number = number(text)?;
    ((1..=2).contains(&number.len()) && number.bytes().any(|b| b != b'0'))
        .then(|| padded(number, 2))
}

/// 宛名番号: one to fifteen digits without leading zeros, which systems add or not. `None` for other
/// text and for zeros alone.
pub fn municipal(text: &str) -> Option<String> {
    let number = number(text)?;
    let fits = number.len() <= 15;
    filled(number.trim_start_matches('0').to_owned()).filter(|_| fits)
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

/// A value in signs and numbers in one notation: [`width`], every dash `-`, every tilde `~`, every
/// blank one of ASCII.
pub fn signs(text: &str) -> Cow<'_, str> {
    let folded = width(text);
    let one = |character: char| match character {
        dash if is_dash(dash) => '-',
        tilde if is_tilde(tilde) => '~',
        blank if blank.is_whitespace() && !blank.is_control() => ' ',
        other => other,
    };
    if folded.chars().all(|character| one(character) == character) {
        return folded;
    }
    Cow::Owned(folded.chars().map(one).collect())
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

/// The visible characters of a text in compatibility normal form; `None` when it is damaged or too
/// long.
fn visible(text: &str) -> Option<impl Iterator<Item = char>> {
    if text.len() > LONGEST {
        return None;
    }
    // Most names and numbers are settled, and normalising takes ten times as long as looking.
    let as_it_is = settled(text);
    if !as_it_is && damaged(text) {
        return None;
    }
    let (settled, other) = if as_it_is { (text, "") } else { ("", text) };
    let joined = other.chars().filter(|&c| !invisible(c)).map(joining);
    let other = joined.nfkc().filter(|&c| !invisible(c));
    Some(settled.chars().chain(other))
}

/// Whether a text is of visible characters only that stay what they are in compatibility normal
/// form, whatever stands beside them: ASCII, katakana, hiragana, the unified ideographs.
fn settled(text: &str) -> bool {
    text.chars().all(|character| {
        matches!(
            character,
            '!'..='~' | 'ァ'..='ヺ' | 'ー' | '・' | 'ぁ'..='ゖ' | '\u{4E00}'..='\u{9FFF}'
        )
    })
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn padded(number: String, width: usize) -> String {
    match number.len() == width {
        true => number,
        false => format!("{number:0>width$}"),
    }
}

/// A number written in digits of any width, with blanks and dashes ignored; `None` for other text.
fn number(text: &str) -> Option<String> {
    let kept: String = visible(text)?.filter(|&c| !is_long(c)).collect();
    kept.bytes().all(|b| b.is_ascii_digit()).then_some(kept)
}

/// Katakana, `ー` and `・` only, from any kana of any width; `None` for other text.
fn katakana(text: &str) -> Option<String> {
    let mut letters = String::with_capacity(text.len());
    let mut last = None;
    for character in visible(text)? {
        let written = repeated(character, last).unwrap_or(character);
        let letter = match written {
            'ぁ'..='ゖ' => char::from_u32(u32::from(written) + 0x60)?,
            'ァ'..='ヺ' | '\u{31F0}'..='\u{31FF}' => written,
            dot if is_middle_dot(dot) => '・',
            dash if is_long(dash) => 'ー',
            _ => return None,
        };
        letters.push(letter);
        last = Some(letter);
    }
    Some(letters)
}

/// What an iteration mark of kana repeats: the letter before it, voiced or not.
fn repeated(mark: char, last: Option<char>) -> Option<char> {
    let voiced = match mark {
        'ゝ' | 'ヽ' => false,
        'ゞ' | 'ヾ' => true,
        _ => return None,
    };
    let last = last.filter(|c| matches!(c, 'ぁ'..='ゖ' | 'ァ'..='ヺ'))?;
    // The mark for the plain sound takes a voicing off, the other one adds it.
    let plain = std::iter::once(last).nfd().next()?;
    let voicing = voiced.then_some('\u{3099}');
    std::iter::once(plain).chain(voicing).nfc().next()
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

/// Whether a character is a blank between words: of any width, also without one.
pub fn is_blank(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{3164}' | '\u{FEFF}'
        )
}

/// Blanks, zero-width characters, controls and variation selectors.
fn invisible(character: char) -> bool {
    is_blank(character)
        || character.is_control()
        || matches!(character, '\u{00AD}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}')
        || matches!(character, '\u{2028}'..='\u{202F}' | '\u{2060}'..='\u{206F}')
        || matches!(character, '\u{FE00}'..='\u{FE0F}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether data entry uses a character for a dash: hyphens, dashes, minus signs, rules of boxes and
/// the long vowel of kana.
pub fn is_dash(character: char) -> bool {
    matches!(
        character,
        '-' | 'ー' | '\u{02D7}' | '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}' | '\u{2796}'
    ) || matches!(character, '\u{2500}' | '\u{2501}' | '\u{FE58}' | '\u{FE63}')
        || matches!(character, '\u{FF0D}' | '\u{FF70}')
}

/// Whether data entry uses a character for a tilde or a wave dash.
pub fn is_tilde(character: char) -> bool {
    matches!(
        character,
        '~' | '\u{2053}' | '\u{223C}' | '\u{301C}' | '\u{3030}' | '\u{FF5E}'
    )
}

/// Whether data entry uses a character for a middle dot, which also parts the words of foreign
/// names.
pub fn is_middle_dot(character: char) -> bool {
    matches!(
        character,
        '・' | '･' | '·' | '\u{2022}' | '\u{2027}' | '\u{2219}' | '\u{22C5}'
    ) || matches!(character, '=' | '\u{FF1D}' | '\u{30A0}')
}

/// A dash or a tilde: either stands for a long vowel, or between numbers.
fn is_long(character: char) -> bool {
    is_dash(character) || is_tilde(character)
}

fn is_dot(character: char) -> bool {
    is_middle_dot(character) || matches!(character, '.' | ',' | '。' | '、')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_counts_as_settled_is_what_normalising_leaves_alone() {
        let all = (0..=u32::from(char::MAX)).filter_map(char::from_u32);
        for character in all.filter(|c| settled(c.encode_utf8(&mut [0; 4]))) {
            let alone = std::iter::once(character);
            assert!(alone.clone().nfkc().eq(alone), "{character:?}");
            assert!(!invisible(character) && damage_of(character).is_none());
            assert_eq!(joining(character), character);
        }
    }

    /// Lines of `fold`, `input`, `output`, with `\u{…}` for what does not show; no output where
    /// there is no key.
    const VECTORS: &str = include_str!("../vectors/fold.tsv");

    fn unescaped(written: &str) -> String {
        let mut text = String::new();
        let mut rest = written;
        while let Some((before, after)) = rest.split_once("\\u{") {
            let (point, after) = after.split_once('}').unwrap();
            text.push_str(before);
            text.push(char::from_u32(u32::from_str_radix(point, 16).unwrap()).unwrap());
            rest = after;
        }
        text + rest
    }

    /// C-25: the test list of name normalisation; also A-028 for numbers.
    #[test]
    fn every_published_vector_holds() {
        let lines = VECTORS.lines().filter(|line| !line.starts_with('#'));
        let mut count = 0;
        for line in lines {
            let columns: Vec<_> = line.split('\t').map(unescaped).collect();
            let [name, input, output] = columns.as_slice() else {
                panic!("{line}")
            };
            let folded = match name.as_str() {
                "kana" => kana(input),
                "kana_strict" => kana_strict(input),
                "kanji" => kanji(input),
                "insured" => insured(input),
                "insurer" => insurer(input),
                "branch" => branch(input),
                "municipal" => municipal(input),
                "postal" => postal(input),
                "digits" => digits(input),
                "signs" => Some(signs(input).into_owned()),
                "width" => Some(width(input).into_owned()),
                _ => panic!("{line}"),
            };
            assert_eq!(folded.unwrap_or_default(), *output, "{line}");
            count += 1;
        }
        assert!(count > 150, "{count}");
        assert!(VECTORS.contains(&format!("# version {VERSION}\n")));
    }

    #[test]
    fn kana_is_told_from_other_text() {
        for text in [
            "ヤマダ",
            "ﾔﾏﾀﾞ ﾀﾛｳ",
            "やまだ",
            "ローズ＝マリー",
            "ヤマタ゛",
            "",
            "　",
        ] {
            assert!(is_kana(text), "{text}");
        }
        for text in ["山田", "ヤマダA", "ヤマ●", "ヤマダ1"] {
            assert!(!is_kana(text), "{text}");
        }
    }

    /// Names of 10⁵ characters and piles of combining marks become no key, in bounded work.
    #[test]
    fn what_no_register_holds_becomes_no_key() {
        let folds = [kana, kana_strict, kanji, insured, digits, postal];
        for text in [
            "ア".repeat(100_000),
            "1".repeat(100_000),
            "山".repeat(100_000),
        ] {
            assert!(folds.iter().all(|fold| fold(&text).is_none()));
            assert!(!is_kana(&text));
        }
        let bomb = format!("山{}", "\u{301}".repeat(300));
        let voiced = format!("ハ{}", "\u{3099}".repeat(300));
        for text in [&bomb, &voiced, "田\u{328}", "\u{301}"] {
            assert_eq!((kana(text), kanji(text)), (None, None), "{}", text.len());
        }
        assert_eq!(kanji("Jose\u{301}").as_deref(), Some("JOSé"));
    }

    #[test]
    fn the_worst_damage_of_a_text_is_told() {
        for (text, found) in [
            ("山田", None),
            ("", None),
            ("山■", Some(Damage::Replaced)),
            ("〓●", Some(Damage::Replaced)),
            ("■\u{E000}", Some(Damage::Private)),
            ("\u{E000}\u{10FE80}", Some(Damage::Lost)),
            ("\u{F034E}", Some(Damage::Lost)),
            ("\u{FFFD}", Some(Damage::Lost)),
        ] {
            assert_eq!(damage(text), found, "{text:?}");
            assert_eq!(damaged(text), found.is_some(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn settled_texts_are_in_normal_form(text in "[!-~ァ-ヺー・ぁ-ゖ一-\u{9FFF}]{0,20}") {
            prop_assert!(settled(&text));
            prop_assert_eq!(text.nfkc().collect::<String>(), text);
        }

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
        fn signs_fold_idempotently_and_keep_plain_ones(text in "[-~～〜−‐ー　 0-9０-９.山]{0,10}") {
            let once = signs(&text).into_owned();
            prop_assert_eq!(signs(&once), once.as_str());
            prop_assert!(!once.chars().any(|c| c != '-' && is_dash(c)));
            prop_assert!(!once.chars().any(|c| c != '~' && is_tilde(c)));
        }

        #[test]
        fn japanese_text_folds_idempotently(
            text in "[ぁ-ゖァ-ヺヽヾゝゞｦ-ﾟ一-龠々ー・ 　0-9０-９]{0,10}",
        ) {
            for fold in [kana, kana_strict, kanji, insured] {
                if let Some(once) = fold(&text) {
                    prop_assert_eq!(fold(&once), Some(once.clone()));
                }
            }
        }
    }
}
