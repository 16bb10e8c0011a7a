//! Code systems that a release may hold, each with the closed form of its codes. A code of any
//! other system, above all a site's own (`99…`), would tell the site and is never released.

use super::units;

/// A code system with a name, as messages write it, and the form of its codes.
struct System {
    name: &'static str,
    form: fn(&str) -> bool,
}

const SYSTEMS: &[System] = &[
    System {
        name: "JC10",
        form: |code| upper(code, 15..=17),
    },
    System {
        name: "JC11",
        form: |code| upper(code, 13..=17),
    },
    System {
        name: "LN",
        form: loinc,
    },
    System {
        name: "HOT7",
        form: |code| digits(code, 7..=7),
    },
    System {
        name: "HOT9",
        form: |code| digits(code, 9..=9),
    },
    System {
        name: "HOT13",
        form: |code| digits(code, 13..=13),
    },
    System {
        name: "HOT",
        form: hot,
    },
    System {
        name: "YJ",
        form: yj,
    },
    System {
        name: "MDCDX2",
        form: |code| digits(code, 8..=8),
    },
    System {
        name: "MEDIS",
        form: |code| upper(code, 4..=4),
    },
    System {
        name: "I10",
        form: icd10,
    },
    System {
        name: "ICD10",
        form: icd10,
    },
    System {
        name: "ICD10-2003",
        form: icd10,
    },
    System {
        name: "ICD10-2013",
        form: icd10,
    },
    System {
        name: "JFAGY",
        form: |code| upper(code, 4..=12),
    },
    System {
        name: "MR9P",
        form: |code| upper(code, 1..=6),
    },
    System {
        name: "ISO+",
        form: units::is_unit,
    },
    System {
        name: "UCUM",
        form: units::is_unit,
    },
    System {
        name: "JAMISDP01",
        form: |code| upper(code, 16..=16),
    },
    System {
        name: "JHSP0001",
        form: short,
    },
    System {
        name: "JHSP0002",
        form: short,
    },
    System {
        name: "JHSP0003",
        form: short,
    },
    System {
        name: "JHSP0004",
        form: short,
    },
    System {
        name: "JHSP0005",
        form: short,
    },
    System {
        name: "JHSP0006",
        form: short,
    },
    System {
        name: "JHSP0007",
        form: short,
    },
    System {
        name: "JHSD0004",
        form: short,
    },
    System {
        name: "JSHR002",
        form: short,
    },
    System {
        name: "HL70119",
        form: short,
    },
    System {
        name: "HL70123",
        form: short,
    },
    System {
        name: "HL70127",
        form: short,
    },
    System {
        name: "HL70128",
        form: short,
    },
    System {
        name: "HL70162",
        form: short,
    },
    System {
        name: "HL70163",
        form: short,
    },
    System {
        name: "HL70241",
        form: short,
    },
    System {
        name: "HL70322",
        form: short,
    },
    System {
        name: "HL70482",
        form: short,
    },
    System {
        name: "HL70487",
        form: short,
    },
];

/// Whether the name is that of a known system.
pub(crate) fn known(system: &str) -> bool {
    SYSTEMS.iter().any(|known| known.name == system)
}

/// Whether a code has the form that its system demands. Never for an unknown system.
pub(crate) fn fits(system: &str, code: &str) -> bool {
    SYSTEMS
        .iter()
        .any(|known| known.name == system && (known.form)(code))
}

/// The three-character category of an ICD-10 code, when it is a finer one.
pub(crate) fn icd10_category(code: &str) -> Option<&str> {
    (icd10(code) && code.len() > 3)
        .then(|| code.get(..3))
        .flatten()
}

/// ICD-10 with or without the point, with the Japanese two-digit subdivision.
fn icd10(code: &str) -> bool {
    let [letter, tens, ones, rest @ ..] = code.as_bytes() else {
        return false;
    };
    let rest = rest.strip_prefix(b".").unwrap_or(rest);
    letter.is_ascii_uppercase()
        && tens.is_ascii_digit()
        && ones.is_ascii_digit()
        && rest.len() <= 2
        && rest
            .iter()
            .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        && !code.ends_with('.')
}

/// Medicine codes of 医薬品HOTコードマスター: 7, 9 or 13 digits.
fn hot(code: &str) -> bool {
    [7, 9, 13].contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit())
}

/// 個別医薬品コード: four digits, three digits, a letter, four digits. With 12 places it would
/// otherwise have room for an individual number.
fn yj(code: &str) -> bool {
    code.len() == 12
        && code.bytes().enumerate().all(|(at, b)| match at {
            7 => b.is_ascii_uppercase(),
            0..4 => b.is_ascii_digit(),
            _ => b.is_ascii_digit() || b.is_ascii_uppercase(),
        })
}

fn loinc(code: &str) -> bool {
    code.split_once('-')
        .is_some_and(|(number, check)| digits(number, 1..=7) && digits(check, 1..=1))
}

fn short(code: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"+-".contains(&b);
    (1..=6).contains(&code.len()) && code.bytes().all(allowed)
}

fn upper(code: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&code.len())
        && code
            .bytes()
            .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
}

fn digits(code: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_form_of_their_system_and_local_systems_have_none() {
        for (system, code, valid) in [
            ("JC10", "2A010000001930901", true),
            ("JC10", "090-1234-5678", false),
            ("I10", "E119", true),
            ("I10", "E11.9", true),
            ("I10", "E11.", false),
            ("I10", "I10", true),
            ("I10", "E1", false),
            ("YJ", "2171022F1037", true),
            ("YJ", "123456789018", false),
            ("HOT9", "103835401", true),
            ("HOT9", "1038354011", false),
            ("99XYZ", "L0001", false),
            ("LN", "718-7", true),
            ("JAMISDP01", "1013044400000000", true),
            ("ISO+", "12345678", false),
        ] {
            assert_eq!(fits(system, code), valid, "{system} {code}");
        }
        assert_eq!(icd10_category("E119"), Some("E11"));
        assert_eq!(icd10_category("E11.9"), Some("E11"));
        assert_eq!(icd10_category("I10"), None);
    }
}
