//! Names in Latin letters: one key for every way of writing a Japanese name in them.
//!
//! Hepburn and Kunrei, long vowels written or not, doubled consonants and the `m` before `b` and
//! `p` make no difference. Different names may share a key: it is for finding a name where none
//! may stand, and never for linkage.

use crate::fold;

/// The key of a name in kana; `None` when the text is not kana.
pub fn of_kana(text: &str) -> Option<String> {
    let kana = fold::kana_strict(text)?;
    let mut letters = String::with_capacity(kana.len());
    for character in kana.chars() {
        spell(character, &mut letters);
    }
    of_letters(&letters)
}

/// The key of a name in Latin letters; signs and blanks between them are left out. `None` when the
/// text holds none, or letters of another script.
pub fn of_letters(text: &str) -> Option<String> {
    let folded = fold::width(text);
    if folded.chars().any(|c| c.is_alphabetic() && !c.is_ascii()) {
        return None;
    }
    let letters = folded.bytes().filter(u8::is_ascii_alphabetic);
    let mut key: Vec<u8> = letters.map(|b| b.to_ascii_uppercase()).collect();
    for (written, one) in SPELLINGS {
        replace(&mut key, written, one);
    }
    let key = without_length(&key);
    // Only ASCII letters went in.
    let key = String::from_utf8(key).ok()?;
    (!key.is_empty()).then_some(key)
}

/// Spellings of one sound, in the order in which they are to be replaced.
const SPELLINGS: &[(&[u8], &[u8])] = &[
    (b"TCH", b"TY"),
    (b"CCH", b"TY"),
    (b"SH", b"SY"),
    (b"CH", b"TY"),
    (b"TS", b"T"),
    (b"DZ", b"Z"),
    (b"J", b"ZY"),
    (b"YY", b"Y"),
    (b"YI", b"I"),
    (b"F", b"H"),
    (b"L", b"R"),
    (b"V", b"B"),
    (b"Q", b"K"),
    (b"C", b"K"),
    (b"MB", b"NB"),
    (b"MP", b"NP"),
    (b"MM", b"NM"),
];

fn replace(key: &mut Vec<u8>, written: &[u8], one: &[u8]) {
    let mut at = 0;
    while let Some(found) = key.get(at..).and_then(|rest| {
        let here = |window: &[u8]| window == written;
        rest.windows(written.len()).position(here)
    }) {
        let start = at + found;
        key.splice(start..start + written.len(), one.iter().copied());
        at = start + one.len();
    }
}

/// Without what only tells how long a sound is: doubled letters, `U` and `H` behind `O`, and an `H`
/// before a consonant or at the end.
fn without_length(key: &[u8]) -> Vec<u8> {
    let vowel = |letter: Option<&u8>| letter.is_some_and(|letter| b"AIUEO".contains(letter));
    let mut kept: Vec<u8> = Vec::with_capacity(key.len());
    for (at, letter) in key.iter().enumerate() {
        let next = key.get(at + 1);
        let sounded = |next: Option<&u8>| vowel(next) || next == Some(&b'Y');
        let last = kept.last();
        let lengthens = last == Some(letter)
            || (last == Some(&b'O') && *letter == b'U')
            || (*letter == b'H' && vowel(last) && !sounded(next));
        if !lengthens {
            kept.push(*letter);
        }
    }
    kept
}

/// Writes one letter of kana behind those that were written.
fn spell(character: char, letters: &mut String) {
    const SMALL: &[(char, &str)] = &[
        ('ャ', "YA"),
        ('ュ', "YU"),
        ('ョ', "YO"),
        ('ァ', "A"),
        ('ィ', "I"),
        ('ゥ', "U"),
        ('ェ', "E"),
        ('ォ', "O"),
        ('ヮ', "WA"),
    ];
    if let Some((_, small)) = SMALL.iter().find(|(small, _)| *small == character) {
        // キャ is KYA and ファ is FA: the vowel of the letter before is not sounded.
        letters.pop();
        letters.push_str(small);
        return;
    }
    let spelled = KANA.chars().position(|kana| kana == character);
    let spelled = spelled.and_then(|at| LATIN.split(' ').nth(at));
    letters.push_str(spelled.unwrap_or_default());
}

const KANA: &str = "アイウエオカキクケコガギグゲゴサシスセソザジズゼゾタチツテトダヂヅデド\
                    ナニヌネノハヒフヘホバビブベボパピプペポマミムメモヤユヨラリルレロ\
                    ワヰヱヲンヴヵヶ";
const LATIN: &str = "A I U E O KA KI KU KE KO GA GI GU GE GO SA SI SU SE SO ZA ZI ZU ZE ZO \
                     TA TI TU TE TO DA ZI ZU DE DO NA NI NU NE NO HA HI HU HE HO BA BI BU BE BO \
                     PA PI PU PE PO MA MI MU ME MO YA YU YO RA RI RU RE RO WA I E O N BU KA KE";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_name_has_the_key_of_its_kana() {
        for (kana, spellings) in [
            (
                "ヤマダ",
                &["YAMADA", "Yamada", "yamada", "ＹＡＭＡＤＡ", "Ya-mada"][..],
            ),
            ("シミズ", &["SHIMIZU", "SIMIZU"]),
            ("フクシマ", &["FUKUSHIMA", "HUKUSIMA"]),
            ("オオタニ", &["OTANI", "OHTANI", "OOTANI"]),
            ("コウジ", &["KOJI", "KOUJI", "KOHJI", "KOZI", "KOUZI"]),
            ("ユウコ", &["YUKO", "YUUKO"]),
            ("チバ", &["CHIBA", "TIBA"]),
            ("ツツイ", &["TSUTSUI", "TUTUI"]),
            (
                "ジュンイチ",
                &["JUNICHI", "JUN'ICHI", "ZYUNITI", "JYUNICHI"],
            ),
            ("ショウヘイ", &["SHOHEI", "SHOUHEI", "SYOHEI"]),
            ("ハットリ", &["HATTORI", "HATORI"]),
            ("ホッチ", &["HOTCHI", "HOCCHI", "HOTTI"]),
            ("ナンバ", &["NAMBA", "NANBA"]),
            ("ﾊﾝﾏ", &["HAMMA", "HANMA"]),
            ("ヴィクトル", &["VIKUTORU"]),
            ("キョウコ", &["KYOKO", "KYOUKO", "KYOHKO"]),
            ("ファン", &["FAN", "HAN"]),
            ("カトー", &["KATO", "KATOH", "KATOU"]),
        ] {
            let key = of_kana(kana);
            assert!(key.is_some(), "{kana}");
            for spelling in spellings {
                assert_eq!(of_letters(spelling), key, "{kana} {spelling}");
            }
        }
    }

    #[test]
    fn different_names_have_different_keys_and_what_is_no_name_has_none() {
        let names = [
            "ヤマダ",
            "ヤマタ",
            "シミズ",
            "スズキ",
            "ハラ",
            "フジタ",
            "ヒジタ",
        ];
        let keys: std::collections::BTreeSet<_> = names.map(of_kana).into();
        assert_eq!(keys.len(), names.len());
        for text in ["", "山田", "12", "ЯМАДА", "-"] {
            assert_eq!(of_letters(text), None, "{text}");
        }
        assert_eq!(of_kana("山田"), None);
        assert_eq!(of_kana("YAMADA"), None);
    }

    #[test]
    fn every_letter_of_kana_is_spelled() {
        assert_eq!(KANA.chars().count(), LATIN.split(' ').count());
        for letter in KANA.chars() {
            assert!(of_kana(&letter.to_string()).is_some(), "{letter}");
        }
    }
}
