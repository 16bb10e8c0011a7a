//! Codes, numbers and moments: from components of a message to the vocabulary.

use record::content::Amount;
use record::{Code, Coding, Concept, Decimal, FindingCode, Moment, Quantity, System};
use text::era::{self, Fault};
use text::fold;

use super::notes::Notes;
use super::table::Allowed;
use crate::hl7::{Repetition, Value};

/// The most repetitions of a field that become something each.
const MOST: usize = 20;

/// The concept of a field (CWE, CE): a standard code, a site's code or both, in either triplet.
/// Names are left out. A field with words only is counted as left behind and gives `None`.
pub(crate) fn concept(fields: &Allowed<'_, '_>, number: u8, notes: &mut Notes) -> Option<Concept> {
    let field = fields.field(number);
    if field.is_empty() {
        return None;
    }
    let concept = concept_of(field.first());
    if concept.is_none() {
        notes.leave_field(fields, number);
    }
    concept
}

/// The concepts of all repetitions of a field.
pub(crate) fn concepts(fields: &Allowed<'_, '_>, number: u8, notes: &mut Notes) -> Vec<Concept> {
    let mut concepts = Vec::new();
    for (at, repetition) in fields.field(number).repetitions().enumerate() {
        match concept_of(repetition).filter(|_| at < MOST) {
            Some(concept) => concepts.push(concept),
            None => notes.leave_field(fields, number),
        }
    }
    concepts
}

/// The first triplet of a coded field alone.
pub(crate) fn coding_of(fields: &Allowed<'_, '_>, number: u8, notes: &mut Notes) -> Option<Coding> {
    concept(fields, number, notes).map(|concept| concept.first)
}

/// The concept of one repetition.
pub(crate) fn concept_of(repetition: Repetition<'_>) -> Option<Concept> {
    let [first, _, first_system, second, _, second_system] = repetition.components();
    of_triplets([first, first_system], [second, second_system])
}

/// The concept of one code and its system.
pub(crate) fn concept_of_code(code: Value<'_>, system: Value<'_>) -> Option<Concept> {
    coding([code, system]).map(|first| Concept {
        first,
        second: None,
    })
}

/// The concept of a component whose parts are subcomponents.
pub(crate) fn concept_in(value: Value<'_>) -> Option<Concept> {
    if value.is_empty() {
        return None;
    }
    let [first, first_system, second, second_system] =
        [1, 3, 4, 6].map(|number| value.subcomponent(number));
    of_triplets([first, first_system], [second, second_system])
}

fn of_triplets(first: [Value<'_>; 2], second: [Value<'_>; 2]) -> Option<Concept> {
    let second = coding(second);
    match coding(first) {
        Some(first) => Some(Concept { first, second }),
        None => second.map(|first| Concept {
            first,
            second: None,
        }),
    }
}

fn coding([code, system]: [Value<'_>; 2]) -> Option<Coding> {
    // Half a code is another code.
    if code.is_empty() || code.hides() {
        return None;
    }
    let code: Code = code.text().parse().ok()?;
    let system: Option<System> = match system.is_empty() {
        true => None,
        false => system.text().parse().ok(),
    };
    Some(Coding { code, system })
}

/// The short code that a field begins with: a department, a status, a flag. Anything longer than
/// the tables of such codes have, a number of a person perhaps, is counted as left behind.
pub(crate) fn code(fields: &Allowed<'_, '_>, number: u8, notes: &mut Notes) -> Option<Code> {
    let value = fields.field(number).value();
    if value.is_empty() {
        return None;
    }
    let code = short(value);
    if code.is_none() {
        notes.leave_field(fields, number);
    }
    code
}

/// The short code of a value, if it is one.
pub(crate) fn short(value: Value<'_>) -> Option<Code> {
    const LONGEST: usize = 5;
    if value.hides() {
        return None;
    }
    let text = value.text();
    match text.len() {
        0 => None,
        1..=LONGEST => text.parse().ok(),
        _ => None,
    }
}

/// The moment that a field begins with, in the notation of HL7 or as Japanese systems write dates
/// in words (P-21). One that does not exist is a finding, other words are counted as left behind.
pub(crate) fn moment(fields: &Allowed<'_, '_>, number: u8, notes: &mut Notes) -> Option<Moment> {
    let value = fields.field(number).value().subcomponent(1);
    if value.is_empty() {
        return None;
    }
    let text = value.text();
    if let Ok(moment) = Moment::from_hl7(&text) {
        return Some(moment);
    }
    let said = era::read(&text);
    let numeric = text
        .bytes()
        .all(|b| b.is_ascii_digit() || b".+-".contains(&b));
    match said {
        Ok(said) if said.moment().is_some() => return said.moment(),
        Err(Fault::Impossible | Fault::Lunar) => {
            notes.found_at(FindingCode::DateImpossible, fields, number);
        }
        _ if numeric => notes.found_at(FindingCode::DateImpossible, fields, number),
        _ => notes.leave_field(fields, number),
    }
    None
}

/// The number that a field begins with. What is no number is a finding and counted.
pub(crate) fn decimal(fields: &Allowed<'_, '_>, number: u8, notes: &mut Notes) -> Option<Decimal> {
    let value = fields.field(number).value();
    if value.is_empty() {
        return None;
    }
    let amount = fold::signs(&value.text()).parse().ok();
    if amount.is_none() {
        notes.found_at(FindingCode::ValueInvalid, fields, number);
        notes.leave_field(fields, number);
    }
    amount
}

/// A number with a coded unit in its second component (CQ).
pub(crate) fn amount(fields: &Allowed<'_, '_>, number: u8, notes: &mut Notes) -> Option<Amount> {
    let value = decimal(fields, number, notes)?;
    let unit = concept_in(fields.field(number).first().component(2));
    Some(Amount { value, unit })
}

/// A number with a unit as it is written (CQ).
pub(crate) fn quantity(
    fields: &Allowed<'_, '_>,
    number: u8,
    notes: &mut Notes,
) -> Option<Quantity> {
    let value = decimal(fields, number, notes)?;
    let unit = fields.field(number).first().component(2).subcomponent(1);
    Some(Quantity {
        value,
        unit: unit.text().parse().ok(),
        comparator: None,
    })
}

/// The code of a repeat pattern (TQ1-3): the first subcomponent of its first component.
pub(crate) fn timing(fields: &Allowed<'_, '_>, notes: &mut Notes) -> Option<Code> {
    const PATTERN: u8 = 3;
    let value = fields.field(PATTERN).value().subcomponent(1);
    if value.is_empty() {
        return None;
    }
    let code = value.text().parse().ok();
    if code.is_none() {
        notes.leave_field(fields, PATTERN);
    }
    code
}
