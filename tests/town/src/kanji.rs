//! Characters that have two forms in family registers, and what a site can write of them.

use crate::dice::Dice;

/// What sites write for a character their system cannot.
pub(crate) const GETA: char = '■';

/// Usual form, old or rare form. The last one is outside JIS X 0208 and its vendor rows.
const FORMS: [(char, char); 21] = [
    ('高', '髙'),
    ('崎', '﨑'),
    ('辺', '邉'),
    ('辺', '邊'),
    ('斉', '齊'),
    ('斎', '齋'),
    ('沢', '澤'),
    ('島', '嶋'),
    ('広', '廣'),
    ('浜', '濱'),
    ('桜', '櫻'),
    ('国', '國'),
    ('富', '冨'),
    ('恵', '惠'),
    ('真', '眞'),
    ('竜', '龍'),
    ('滝', '瀧'),
    ('徳', '德'),
    ('渕', '淵'),
    ('瑠', '琉'),
    ('吉', '𠮷'),
];

/// The text with the first character that has an old form written in one of them.
pub(crate) fn old_form(text: &str, dice: &mut Dice) -> Option<String> {
    let place = text
        .chars()
        .find(|c| FORMS.iter().any(|(usual, _)| usual == c))?;
    let forms: Vec<char> = FORMS
        .iter()
        .filter(|(usual, _)| *usual == place)
        .map(|(_, old)| *old)
        .collect();
    Some(text.replacen(place, &dice.pick(&forms).to_string(), 1))
}

/// The text with every old form replaced by its usual one.
pub(crate) fn usual_form(text: &str) -> String {
    let usual = |c: char| {
        FORMS
            .iter()
            .find(|(_, old)| *old == c)
            .map_or(c, |(usual, _)| *usual)
    };
    text.chars().map(usual).collect()
}

/// The text as the standard's character set can hold it: what has no code becomes ■.
pub(crate) fn storable(text: &str) -> String {
    let mut single = [0_u8; 4];
    let storable = |c: char| {
        let (_, _, unmappable) = encoding_rs::ISO_2022_JP.encode(c.encode_utf8(&mut single));
        if unmappable { GETA } else { c }
    };
    text.chars().map(storable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Purpose;

    #[test]
    fn old_forms_go_back_to_the_usual_one() {
        let mut dice = Dice::new(1, Purpose::Numbers, 0);
        for name in ["高橋", "山崎", "渡辺", "吉田"] {
            let old = old_form(name, &mut dice).unwrap_or_default();
            assert_ne!(old, name);
            assert_eq!(usual_form(&old), name);
        }
        assert_eq!(old_form("佐藤", &mut dice), None);
    }

    #[test]
    fn vendor_rows_survive_and_what_has_no_code_becomes_a_square() {
        assert_eq!(storable("髙﨑邉德"), "髙﨑邉德");
        assert_eq!(storable("𠮷田"), "■田");
    }
}
