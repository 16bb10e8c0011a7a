//! Units that a release may hold: products and quotients of known units, with powers of ten.
//! Anything else could be a word.

/// Units without a prefix, or with the prefixes in use already on them.
const UNITS: &[&str] = &[
    "%", "10", "AU", "C.U.", "COI", "Cel", "Da", "Eq", "G", "GPL", "HPF", "IU", "Index", "J", "K",
    "L", "LPF", "MPL", "Osm", "PFU", "S/CO", "Torr", "U", "[pH]", "a", "beats", "bpm", "cal",
    "cells", "cm", "cmH2O", "copies", "count", "d", "dL", "dl", "day", "days", "deg", "deg2", "fL",
    "fl", "fmol", "g", "h", "hr", "hour", "index", "kBq", "kDa", "kPa", "kU", "kcal", "kg", "km",
    "l", "m", "m2", "mA", "mEq", "mG", "mIU", "mL", "mOsm", "mOsmol", "mU", "mg", "min", "ml",
    "mm", "mm2", "mm3", "mmHg", "mmol", "mo", "mol", "month", "ms", "mV", "nL", "nM", "ng", "nm",
    "nmol", "pH", "pL", "pg", "pM", "pmol", "ratio", "s", "sec", "titer", "uA", "uEq", "uIU", "uL",
    "uM", "uU", "ug", "ul", "um", "um3", "umol", "uV", "w", "week", "wk", "y", "year",
];

/// A unit in ASCII: `μ` becomes `u`, `℃` becomes `Cel` as in UCUM.
///
/// # Errors
/// It is no unit of those that may be released.
pub(crate) fn released(text: &str) -> Result<String, &'static str> {
    let ascii = text
        .replace(['μ', 'µ'], "u")
        .replace('℃', "Cel")
        .replace('°', "deg");
    match is_unit(&ascii) {
        true => Ok(ascii),
        false => Err("unit_not_standard"),
    }
}

/// Whether a text is a unit that may be released.
pub(crate) fn is_unit(text: &str) -> bool {
    let quotient = text.strip_prefix('/').unwrap_or(text);
    (1..=20).contains(&text.len()) && (UNITS.contains(&text) || quotient.split('/').all(is_product))
}

fn is_product(text: &str) -> bool {
    // `10*4` and `10^4` are powers of ten, not products.
    let power = ["10*", "10^"]
        .into_iter()
        .find_map(|ten| text.strip_prefix(ten));
    let rest = match power.map(|rest| rest.split_at_checked(1)) {
        None => text,
        Some(Some((exponent, rest))) if exponent.bytes().all(|b| b.is_ascii_digit()) => {
            match rest.strip_prefix(['.', '*']) {
                Some(rest) => rest,
                None if rest.is_empty() => return true,
                None => rest,
            }
        }
        Some(_) => return false,
    };
    rest.split(['.', '*']).all(|unit| UNITS.contains(&unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_units_are_released_in_ascii_and_words_are_not() {
        for (text, expected) in [
            ("mg/dL", Some("mg/dL")),
            ("10*4/μL", Some("10*4/uL")),
            ("/μL", Some("/uL")),
            ("10^3/uL", Some("10^3/uL")),
            ("mL/min/m2", Some("mL/min/m2")),
            ("℃", Some("Cel")),
            ("%", Some("%")),
            ("S/CO", Some("S/CO")),
            ("d", Some("d")),
            ("錠", None),
            ("HOSP-A", None),
            ("hanako", None),
            ("YAMADA", None),
            ("0312345678", None),
            ("10*12345", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(released(text).ok().as_deref(), expected, "{text}");
        }
    }
}
