//! Measured values: numbers with bounds, the signs of qualitative tests, units, reference ranges.

use record::content::{Dose, Value as Content};
use record::{Code, Comparator, Decimal, FindingCode, Quantity, System, Unit};
use text::fold;

use super::notes::Notes;
use super::table::{Allowed, Form, form_of, is_known};
use super::terms;
use crate::hl7::Repetition;

/// The value of an OBX line. What is more than the vocabulary can say (words, documents, names,
/// addresses, further repetitions) is counted as left behind.
pub(crate) fn value(fields: &Allowed<'_, '_>, notes: &mut Notes) -> Option<Content> {
    const VALUE: u8 = 5;
    let field = fields.field(VALUE);
    if field.is_empty() {
        return None;
    }
    let first = field.first();
    let text = first.component(1).text();
    let kind = fields.field(2).value().text();
    let form = form_of(&kind);
    // Which values may be words, a document or a person, so that saying nothing is no fault.
    let mut words = false;
    let value = match form {
        Form::Number | Form::Sign if is_number_of_somebody(&text, fields) => None,
        Form::Number if first.component(2).is_empty() => {
            quantity(&text, fields).or_else(|| sign(&text))
        }
        Form::Number => None,
        Form::Sign => {
            words = true;
            sign(&text)
                .or_else(|| quantity(&text, fields))
                .or_else(|| powered(first, fields))
        }
        Form::Structured => structured(first, fields),
        Form::Coded => {
            words = first.component(1).is_empty();
            coded(first)
        }
        Form::Time => {
            let moment = terms::moment(fields, VALUE, notes).map(Content::Moment);
            words = moment.is_none();
            moment
        }
        Form::Used => {
            words = first.component(1).is_empty();
            used(first)
        }
        Form::Nothing => {
            words = is_known(&kind);
            None
        }
    };
    if value.is_none() {
        if !words {
            notes.found_at(FindingCode::ValueInvalid, fields, VALUE);
        }
        notes.leave_field(fields, VALUE);
    }
    value
}

/// Whether a value is written like a number of a person or an order and not like a measurement:
/// six digits or more with a leading zero, or eight and more without a unit.
fn is_number_of_somebody(text: &str, fields: &Allowed<'_, '_>) -> bool {
    let folded = fold::width(text);
    let digits = folded.trim();
    digits.len() >= 6
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (digits.starts_with('0') || (digits.len() >= 8 && fields.field(6).is_empty()))
}

/// A medicine or a thing used, with its amount and unit (ZRD).
pub(crate) fn used(value: Repetition<'_>) -> Option<Content> {
    let [code, _, system, amount, unit, _] = value.components();
    Some(Content::Used(Dose {
        medication: Some(terms::concept_of_code(code, system)?),
        amount: fold::signs(&amount.text()).parse().ok(),
        unit: terms::concept_in(unit),
    }))
}

/// The rate of an administration (RXA-12): a number with its unit, as in `102ml/hr`.
pub(crate) fn rate(fields: &Allowed<'_, '_>, number: u8, notes: &mut Notes) -> Option<Quantity> {
    let value = fields.field(number).value();
    if value.is_empty() {
        return None;
    }
    let text = value.text();
    let folded = fold::width(&text);
    let digits = |c: char| c.is_ascii_digit() || c == '.';
    let end = folded.find(|c| !digits(c)).unwrap_or(folded.len());
    let rate = folded.split_at_checked(end).and_then(|(number, unit)| {
        let unit = unit.trim();
        let unit: Option<Unit> = match unit.is_empty() {
            true => None,
            false => Some(unit.parse().ok()?),
        };
        Some(Quantity {
            value: decimal(number)?,
            unit,
            comparator: None,
        })
    });
    if rate.is_none() {
        notes.leave_field(fields, number);
    }
    rate
}

/// The lot of a product (RXA-15).
pub(crate) fn lot(fields: &Allowed<'_, '_>, number: u8, notes: &mut Notes) -> Option<Code> {
    let value = fields.field(number).value();
    if value.is_empty() {
        return None;
    }
    let lot = value.text().parse().ok();
    if lot.is_none() {
        notes.leave_field(fields, number);
    }
    lot
}

/// The system of the codes of exposures: they are the fields of ZE2 themselves.
pub(crate) fn exposure_system() -> Option<System> {
    "SS-MIX2".parse().ok()
}

/// The unit of an OBX line: component 1, else component 4, of OBX-6.
fn unit(fields: &Allowed<'_, '_>) -> Option<Unit> {
    let [first, _, _, second, ..] = fields.field(6).first().components();
    [first, second].into_iter().find_map(|value| {
        let text = value.text();
        text.parse().ok().or_else(|| unit_in_words(&text))
    })
}

/// A unit written with full-width signs or Japanese words, in the notation of UCUM. Only the
/// notation changes: the number belongs to the same unit as before.
fn unit_in_words(text: &str) -> Option<Unit> {
    const WHOLE: &[(&str, &str)] = &[("秒", "s"), ("分", "min"), ("時間", "h"), ("日", "d")];
    const BEGINNINGS: &[(&str, &str)] = &[
        ("×10", "10"),
        ("万/", "10*4/"),
        ("千/", "10*3/"),
        ("個/", "/"),
    ];
    let folded = fold::width(text);
    if let Ok(unit) = folded.parse() {
        return Some(unit);
    }
    if let Some((_, unit)) = WHOLE.iter().find(|(word, _)| *word == folded) {
        return unit.parse().ok();
    }
    BEGINNINGS.iter().find_map(|(words, signs)| {
        let rest = folded.strip_prefix(words)?;
        [signs, rest].concat().parse().ok()
    })
}

/// Counts the unit as left behind when it is written in words only.
pub(crate) fn note_unit(fields: &Allowed<'_, '_>, notes: &mut Notes) {
    if !fields.field(6).is_empty() && unit(fields).is_none() {
        notes.leave_field(fields, 6);
    }
}

/// The reference range of an OBX line: `3.5-9.0`, `3.5～9.0`, `<0.5`, `0.5以下`.
pub(crate) fn range(
    fields: &Allowed<'_, '_>,
    notes: &mut Notes,
) -> Option<(Option<Decimal>, Option<Decimal>)> {
    const RANGE: u8 = 7;
    let field = fields.field(RANGE);
    if field.is_empty() {
        return None;
    }
    let range = bounds(&field.value().text());
    if range.is_none() {
        notes.leave_field(fields, RANGE);
    }
    range
}

fn bounds(text: &str) -> Option<(Option<Decimal>, Option<Decimal>)> {
    let text = fold::signs(text);
    let text = text.trim();
    if let Some((comparator, number)) = bounded(text) {
        return Some(match comparator? {
            Comparator::Less | Comparator::AtMost => (None, Some(number)),
            Comparator::AtLeast | Comparator::Greater => (Some(number), None),
        });
    }
    // The separator is the first one that leaves a number on each side: `-5--1` has three.
    let separators = text.match_indices(['-', '~']);
    separators.into_iter().find_map(|(at, separator)| {
        let lower = text.get(..at)?.trim();
        let upper = text.get(at + separator.len()..)?.trim();
        let lower = (!lower.is_empty())
            .then(|| decimal(lower))
            .map_or(Some(None), |d| d.map(Some));
        let upper = (!upper.is_empty())
            .then(|| decimal(upper))
            .map_or(Some(None), |d| d.map(Some));
        let (lower, upper) = (lower?, upper?);
        // A lone `-5` could be a number as well as a bound.
        lower.is_some().then_some((lower, upper))
    })
}

fn quantity(text: &str, fields: &Allowed<'_, '_>) -> Option<Content> {
    let (comparator, value) = bounded(&fold::signs(text))?;
    Some(Content::Quantity(Quantity {
        value,
        unit: unit(fields),
        comparator,
    }))
}

/// A number with a power of ten, `505×10^4`. Its `^` is the separator of components, which makes
/// the exponent the second one; or it is escaped.
fn powered(value: Repetition<'_>, fields: &Allowed<'_, '_>) -> Option<Content> {
    let (first, second) = (value.component(1).text(), value.component(2).text());
    let text = fold::signs(&first);
    let (number, exponent) = match text.split_once('^') {
        Some((number, exponent)) if second.is_empty() => (number, exponent),
        _ => (&*text, &*second),
    };
    let number = ["×10", "x10", "X10", "*10"]
        .iter()
        .find_map(|base| number.strip_suffix(base))?;
    let exponent: usize = exponent.parse().ok().filter(|e| (1..=9).contains(e))?;
    let value = shifted(number.trim(), exponent)?;
    Some(Content::Quantity(Quantity {
        value,
        unit: unit(fields),
        comparator: None,
    }))
}

/// A decimal with its point moved to the right: exact, and without digits that were not written.
fn shifted(number: &str, places: usize) -> Option<Decimal> {
    number.parse::<Decimal>().ok()?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let (moved, rest) = part.split_at_checked(places.min(part.len()))?;
    let zeros = places - moved.len();
    let point = if rest.is_empty() { "" } else { "." };
    format!("{whole}{moved}{:0<zeros$}{point}{rest}", "")
        .parse()
        .ok()
}

/// A number, perhaps with a sign or word that makes it a bound.
fn bounded(text: &str) -> Option<(Option<Comparator>, Decimal)> {
    const BEFORE: &[(&str, Comparator)] = &[
        ("<=", Comparator::AtMost),
        ("≦", Comparator::AtMost),
        ("≤", Comparator::AtMost),
        (">=", Comparator::AtLeast),
        ("≧", Comparator::AtLeast),
        ("≥", Comparator::AtLeast),
        ("<", Comparator::Less),
        (">", Comparator::Greater),
    ];
    const AFTER: &[(&str, Comparator)] = &[
        ("以下", Comparator::AtMost),
        ("以上", Comparator::AtLeast),
        ("未満", Comparator::Less),
    ];
    let text = text.trim();
    if let Some(number) = decimal(text) {
        return Some((None, number));
    }
    let before = BEFORE.iter().map(|(sign, c)| (text.strip_prefix(sign), c));
    let after = AFTER.iter().map(|(word, c)| (text.strip_suffix(word), c));
    let (rest, comparator) = before
        .chain(after)
        .find_map(|(rest, c)| rest.zip(Some(*c)))?;
    decimal(rest.trim()).map(|number| (Some(comparator), number))
}

fn decimal(text: &str) -> Option<Decimal> {
    match text.strip_prefix('.') {
        Some(digits) => format!("0.{digits}").parse().ok(),
        None => text.parse().ok(),
    }
}

/// SN: comparator, number, separator, number. Ratios and ranges are more than a quantity says.
fn structured(value: Repetition<'_>, fields: &Allowed<'_, '_>) -> Option<Content> {
    if !value.component(3).is_empty() || !value.component(4).is_empty() {
        return None;
    }
    let value_of = decimal(&fold::signs(&value.component(2).text()))?;
    let comparator = match &*fold::width(&value.component(1).text()) {
        "" | "=" => None,
        "<" => Some(Comparator::Less),
        "<=" => Some(Comparator::AtMost),
        ">=" => Some(Comparator::AtLeast),
        ">" => Some(Comparator::Greater),
        _ => return None,
    };
    Some(Content::Quantity(Quantity {
        value: value_of,
        unit: unit(fields),
        comparator,
    }))
}

fn coded(value: Repetition<'_>) -> Option<Content> {
    let concept = terms::concept_of(value).map(Content::Concept);
    concept.or_else(|| {
        let [code, name, ..] = value.components();
        [code, name]
            .into_iter()
            .find_map(|value| sign(&value.text()))
    })
}

/// A result of the closed list of signs, however it is written: `(-)`, `－`, `±`, `（２＋）`, `++`.
fn sign(text: &str) -> Option<Content> {
    let folded = fold::signs(text);
    let bare = folded
        .trim()
        .trim_start_matches('(')
        .trim_end_matches(')')
        .trim();
    let sign = match bare {
        "-" | "陰性" => "-",
        "+-" | "±" | "+/-" | "-+" => "+-",
        "+" | "陽性" => "+",
        "1+" | "+1" => "1+",
        "2+" | "+2" | "++" => "2+",
        "3+" | "+3" | "+++" => "3+",
        "4+" | "+4" | "++++" => "4+",
        "5+" | "+5" | "+++++" => "5+",
        _ => return None,
    };
    sign.parse().ok().map(Content::Sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_the_closed_list_are_read_in_every_writing() {
        for (text, written) in [
            ("-", Some("-")),
            ("(-)", Some("-")),
            ("（－）", Some("-")),
            ("−", Some("-")),
            ("ー", Some("-")),
            ("（‐）", Some("-")),
            ("─", Some("-")),
            ("±", Some("+-")),
            ("(+-)", Some("+-")),
            ("＋", Some("+")),
            ("（２＋）", Some("2+")),
            ("+++", Some("3+")),
            ("5+", Some("5+")),
            ("6+", None),
            ("陰性", Some("-")),
            ("正常", None),
            ("5", None),
            ("", None),
        ] {
            let read = match sign(text) {
                Some(Content::Sign(code)) => Some(code.to_string()),
                _ => None,
            };
            assert_eq!(read.as_deref(), written, "{text}");
        }
    }

    #[test]
    fn numbers_and_their_bounds_are_read() {
        use Comparator::{AtLeast, AtMost, Greater, Less};
        for (text, read) in [
            ("5.6", Some((None, "5.6"))),
            ("５．６", Some((None, "5.6"))),
            ("−1.5", Some((None, "-1.5"))),
            ("－１．５", Some((None, "-1.5"))),
            (".5", Some((None, "0.5"))),
            ("<0.5", Some((Some(Less), "0.5"))),
            ("＜0.5", Some((Some(Less), "0.5"))),
            ("<= 3", Some((Some(AtMost), "3"))),
            ("≧100", Some((Some(AtLeast), "100"))),
            (">1000", Some((Some(Greater), "1000"))),
            ("0.5以下", Some((Some(AtMost), "0.5"))),
            ("0.1未満", Some((Some(Less), "0.1"))),
            ("12mg", None),
            ("1,234", None),
            ("正常", None),
        ] {
            let found = bounded(&fold::signs(text)).map(|(c, d)| (c, d.to_string()));
            assert_eq!(
                found.as_ref().map(|(c, d)| (*c, d.as_str())),
                read,
                "{text}"
            );
        }
    }

    #[test]
    fn units_in_words_take_the_notation_of_ucum() {
        for (text, unit) in [
            ("ｍｇ／ｄＬ", Some("mg/dL")),
            ("㎎", Some("mg")),
            ("×10*4/μL", Some("10*4/μL")),
            ("万/μL", Some("10*4/μL")),
            ("個／μL", Some("/μL")),
            ("秒", Some("s")),
            ("錠", None),
            ("", None),
        ] {
            assert_eq!(
                unit_in_words(text).as_ref().map(Unit::as_str),
                unit,
                "{text}"
            );
        }
    }

    #[test]
    fn a_power_of_ten_moves_the_point_exactly() {
        for (number, places, moved) in [
            ("505", 4, Some("5050000")),
            ("4.69", 6, Some("4690000")),
            ("4.69", 1, Some("46.9")),
            ("4.690", 2, Some("469.0")),
            ("-1.5", 1, Some("-15")),
            ("", 4, None),
            ("1234567890123", 4, None),
        ] {
            let read = shifted(number, places).map(|d| d.to_string());
            assert_eq!(read.as_deref(), moved, "{number} {places}");
        }
    }

    #[test]
    fn reference_ranges_are_read_or_left() {
        for (text, read) in [
            ("3.5-9.0", Some((Some("3.5"), Some("9.0")))),
            ("1.2～2.0", Some((Some("1.2"), Some("2.0")))),
            ("１．２〜２．０", Some((Some("1.2"), Some("2.0")))),
            ("3.5−9.0", Some((Some("3.5"), Some("9.0")))),
            ("3.5―9.0", Some((Some("3.5"), Some("9.0")))),
            ("-5--1", Some((Some("-5"), Some("-1")))),
            ("-2.0-2.0", Some((Some("-2.0"), Some("2.0")))),
            ("4.0-", Some((Some("4.0"), None))),
            ("<0.5", Some((None, Some("0.5")))),
            ("40以上", Some((Some("40"), None))),
            ("-5", None),
            ("(-)", None),
            ("男 13-17", None),
        ] {
            let found = bounds(text).map(|(l, u)| [l, u].map(|d| d.map(|d| d.to_string())));
            let read = read.map(|(l, u)| [l, u].map(|d: Option<&str>| d.map(str::to_owned)));
            assert_eq!(found, read, "{text}");
        }
    }
}
