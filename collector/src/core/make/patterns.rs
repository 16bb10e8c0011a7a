//! What looks like somebody: the detectors of the release linter. They read values, not names of
//! columns (B-041).

/// What a text looks like, if like anything that must not be released.
pub(crate) fn suspicious(text: &str) -> Option<&'static str> {
    if !text.is_ascii() {
        return Some("not_ascii");
    }
    if text.bytes().any(|b| b.is_ascii_control()) {
        return Some("control_character");
    }
    if text.contains('@') {
        return Some("email");
    }
    if is_phone(text) {
        return Some("phone");
    }
    if has_individual_number(text) {
        return Some("individual_number");
    }
    if longest_digits(text) >= 8 {
        return Some("long_number");
    }
    is_name(text).then_some("name")
}

/// A telephone number of Japan: a leading 0 or +81, ten or eleven digits, in groups or not.
fn is_phone(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_digit() || b"-()+ .".contains(&b);
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let national = digits.starts_with('0') && [10, 11].contains(&digits.len());
    let international = digits.starts_with("81") && [11, 12].contains(&digits.len());
    text.bytes().all(allowed) && (national || international && text.starts_with('+'))
}

/// 個人番号: twelve digits, the last a check digit, possibly in groups of four.
fn has_individual_number(text: &str) -> bool {
    let plain: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'-' | b' ')).collect();
    let mut run = Vec::new();
    for byte in plain.iter().chain(b"x") {
        match byte.is_ascii_digit() {
            true => run.push(byte - b'0'),
            false => {
                if run.windows(12).any(is_individual_number) {
                    return true;
                }
                run.clear();
            }
        }
    }
    false
}

/// The check digit of individual numbers (平成26年総務省令第85号): weights 2 to 7 from the right of
/// the eleven digits, then again from 2; 11 less the remainder by 11, and 0 for 10 and above.
fn is_individual_number(digits: &[u8]) -> bool {
    let Some((check, rest)) = digits.split_last() else {
        return false;
    };
    let weights = [2_u32, 3, 4, 5, 6, 7, 2, 3, 4, 5, 6];
    let sum: u32 = rest
        .iter()
        .rev()
        .zip(weights)
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .sum();
    let expected = match sum % 11 {
        0 | 1 => 0,
        remainder => 11 - remainder,
    };
    rest.len() == 11 && u32::from(*check) == expected
}

fn longest_digits(text: &str) -> usize {
    text.split(|c: char| !c.is_ascii_digit())
        .map(str::len)
        .max()
        .unwrap_or(0)
}

/// Two or more words of letters only, as names in Latin letters are.
fn is_name(text: &str) -> bool {
    let words: Vec<&str> = text
        .split([' ', ','])
        .filter(|word| !word.is_empty())
        .collect();
    let word = |word: &&str| word.len() >= 2 && word.bytes().all(|b| b.is_ascii_alphabetic());
    words.len() >= 2 && words.iter().all(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// whatever looks like a person is found by how it looks.
    #[test]
    fn identifiers_are_recognised_and_released_values_are_not() {
        for (text, found) in [
            ("山田 太郎", Some("not_ascii")),
            ("ﾔﾏﾀﾞ", Some("not_ascii")),
            ("taro@example.jp", Some("email")),
            ("090-1234-5678", Some("phone")),
            ("0172345678", Some("phone")),
            ("(0172)34-5678", Some("phone")),
            ("+81 90 1234 5678", Some("phone")),
            ("123456789018", Some("individual_number")),
            ("1234-5678-9018", Some("individual_number")),
            ("123456789012", Some("long_number")),
            ("1942482414", Some("long_number")),
            ("YAMADA TARO", Some("name")),
            ("Yamada, Taro", Some("name")),
            ("a\u{7}b", Some("control_character")),
            ("2024-05-06", None),
            ("JP-13", None),
            ("kyushu-okinawa", None),
            ("40-44", None),
            ("7.20", None),
            ("10*4/uL", None),
            ("E119", None),
            ("abcdefghijklmnopabcdefghijklmnop", None),
            ("", None),
        ] {
            assert_eq!(suspicious(text), found, "{text}");
        }
    }
}
