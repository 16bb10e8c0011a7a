//! What clerks do to kana: slips of the finger, other styles, half-width forms.

use crate::dice::Dice;

/// Whether the text is full-width katakana only.
#[cfg(test)]
pub(crate) fn is_katakana(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| ('ァ'..='ヶ').contains(&c) || c == 'ー')
}

/// The text with one slip: a character dropped, doubled, exchanged with its neighbour, with its
/// voicing mark lost or gained, or mistaken for one that looks or sounds alike.
pub(crate) fn typo(text: &str, dice: &mut Dice) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() < 2 {
        return format!("{text}ー");
    }
    for _ in 0..20 {
        let mut slipped = letters.clone();
        let at = dice.index(letters.len());
        match dice.below(6) {
            0 if letters.len() > 2 => {
                slipped.remove(at);
            }
            1 => slipped.insert(at, letters[at]),
            2 if at + 1 < letters.len() => slipped.swap(at, at + 1),
            3 | 4 => replace(&mut slipped, at, &VOICED),
            _ => replace(&mut slipped, at, &LOOK_ALIKE),
        }
        let begins_well = slipped
            .first()
            .is_some_and(|c| *c != 'ー' && !SMALL_SET.contains(*c));
        if slipped != letters && begins_well {
            return slipped.into_iter().collect();
        }
    }
    format!("{text}ー")
}

/// The same name in another style: small kana written large, or a long vowel written with a bar.
/// `None` when the name has no such place.
pub(crate) fn other_style(text: &str, dice: &mut Dice) -> Option<String> {
    let large: String = text.chars().map(enlarge).collect();
    let bar = with_bar(text);
    match (large != text, bar != text) {
        (true, true) => Some(if dice.chance(0.5) { large } else { bar }),
        (true, false) => Some(large),
        (false, true) => Some(bar),
        (false, false) => None,
    }
}

/// Half-width form (JIS X 0201), voicing marks as characters of their own.
pub(crate) fn half_width(text: &str) -> String {
    let mut half = String::with_capacity(text.len() * 2);
    for letter in text.chars() {
        match FULL.chars().position(|full| full == letter) {
            Some(at) => half.extend(HALF.chars().nth(at)),
            None => match VOICED.iter().find(|(_, voiced)| *voiced == letter) {
                Some((plain, voiced)) => {
                    half.push_str(&half_width(&plain.to_string()));
                    half.push(if "パピプペポ".contains(*voiced) {
                        'ﾟ'
                    } else {
                        'ﾞ'
                    });
                }
                None => half.push(letter),
            },
        }
    }
    half
}

/// Hiragana form.
pub(crate) fn hiragana(text: &str) -> String {
    let down = |c: char| match c {
        'ァ'..='ヶ' => char::from_u32(u32::from(c) - 0x60).unwrap_or(c),
        _ => c,
    };
    text.chars().map(down).collect()
}

const FULL: &str = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲンァィゥェォャュョッー";
const HALF: &str = "ｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖﾗﾘﾙﾚﾛﾜｦﾝｧｨｩｪｫｬｭｮｯｰ";
const SMALL_SET: &str = "ァィゥェォャュョッ";

const VOICED: [(char, char); 25] = [
    ('カ', 'ガ'),
    ('キ', 'ギ'),
    ('ク', 'グ'),
    ('ケ', 'ゲ'),
    ('コ', 'ゴ'),
    ('サ', 'ザ'),
    ('シ', 'ジ'),
    ('ス', 'ズ'),
    ('セ', 'ゼ'),
    ('ソ', 'ゾ'),
    ('タ', 'ダ'),
    ('チ', 'ヂ'),
    ('ツ', 'ヅ'),
    ('テ', 'デ'),
    ('ト', 'ド'),
    ('ハ', 'バ'),
    ('ヒ', 'ビ'),
    ('フ', 'ブ'),
    ('ヘ', 'ベ'),
    ('ホ', 'ボ'),
    ('ハ', 'パ'),
    ('ヒ', 'ピ'),
    ('フ', 'プ'),
    ('ヘ', 'ペ'),
    ('ホ', 'ポ'),
];

const LOOK_ALIKE: [(char, char); 12] = [
    ('シ', 'ツ'),
    ('ソ', 'ン'),
    ('ク', 'ワ'),
    ('ス', 'ヌ'),
    ('チ', 'テ'),
    ('マ', 'ア'),
    ('コ', 'ユ'),
    ('ミ', 'シ'),
    ('イ', 'エ'),
    ('ジ', 'ヂ'),
    ('ズ', 'ヅ'),
    ('ノ', 'ソ'),
];

fn replace(letters: &mut [char], at: usize, pairs: &[(char, char)]) {
    let letter = letters[at];
    if let Some((_, other)) = pairs.iter().find(|(first, _)| *first == letter) {
        letters[at] = *other;
    } else if let Some((other, _)) = pairs.iter().find(|(_, second)| *second == letter) {
        letters[at] = *other;
    }
}

fn enlarge(letter: char) -> char {
    match letter {
        'ャ' => 'ヤ',
        'ュ' => 'ユ',
        'ョ' => 'ヨ',
        'ッ' => 'ツ',
        other => other,
    }
}

/// コウ, ショウ, オオ and ユウ become コー, ショー, オー and ユー.
fn with_bar(text: &str) -> String {
    const O_ROW: &str = "オコソトノホモヨロゴゾドボポョ";
    const U_ROW: &str = "クスツヌフムユルュ";
    let mut barred = String::with_capacity(text.len());
    let mut before = ' ';
    for letter in text.chars() {
        let long = (letter == 'ウ' && (O_ROW.contains(before) || U_ROW.contains(before)))
            || (letter == 'オ' && before == 'オ');
        barred.push(if long { 'ー' } else { letter });
        before = letter;
    }
    barred
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Purpose;

    #[test]
    fn a_typo_always_changes_the_text_and_stays_katakana() {
        let mut dice = Dice::new(1, Purpose::Numbers, 0);
        for name in ["サトウ", "モリ", "シ", "ヤエガシ", "ジュン", "ワタナベ"] {
            for _ in 0..200 {
                let slipped = typo(name, &mut dice);
                assert_ne!(slipped, name);
                assert!(is_katakana(&slipped), "{slipped}");
            }
        }
    }

    #[test]
    fn styles_differ_only_where_the_name_allows_it() {
        let mut dice = Dice::new(1, Purpose::Numbers, 0);
        for (name, styles) in [
            ("ジュン", &["ジユン"][..]),
            ("コウノ", &["コーノ"]),
            ("ショウタ", &["シヨウタ", "ショータ"]),
            ("オオタ", &["オータ"]),
        ] {
            let styled = other_style(name, &mut dice).unwrap_or_default();
            assert!(styles.contains(&styled.as_str()), "{name} {styled}");
        }
        assert_eq!(other_style("タナカ", &mut dice), None);
    }

    #[test]
    fn half_width_and_hiragana_forms_are_right() {
        assert_eq!(half_width("パンダショー"), "ﾊﾟﾝﾀﾞｼｮｰ");
        assert_eq!(hiragana("ワタナベショー"), "わたなべしょー");
        assert_eq!(FULL.chars().count(), HALF.chars().count());
    }
}
