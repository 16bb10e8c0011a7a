//! Codes and moments: from components of a message to the vocabulary.

use record::{Code, Coding, Concept, FindingCode, Moment, System};

use text::era::{self, Fault};

use super::notes::Notes;
use crate::hl7::{Fields, Repetition, Value};

/// The concept of a field (CWE, CE): a standard code, a site's code or both, in either triplet.
/// Names are left out. A field with words only is counted as left behind and gives `None`.
pub(crate) fn concept(fields: &Fields<'_>, number: u8, notes: &mut Notes) -> Option<Concept> {
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

/// The concept of one repetition.
pub(crate) fn concept_of(repetition: Repetition<'_>) -> Option<Concept> {
    let triplet = |first: u8| coding(repetition.component(first), repetition.component(first + 2));
    match (triplet(1), triplet(4)) {
        (Some(first), second) => Some(Concept { first, second }),
        (None, Some(first)) => Some(Concept {
            first,
            second: None,
        }),
        (None, None) => None,
    }
}

/// The short code that a field begins with: a department, a status, a flag. Anything longer than
/// the tables of such codes have, a number of a person perhaps, is counted as left behind.
pub(crate) fn code(fields: &Fields<'_>, number: u8, notes: &mut Notes) -> Option<Code> {
    let value = fields.field(number).value();
    if value.is_empty() {
        return None;
    }
    const LONGEST: usize = 5;
    let code = value
        .text()
        .parse()
        .ok()
        .filter(|code: &Code| code.as_str().len() <= LONGEST);
    if code.is_none() {
        notes.leave_field(fields, number);
    }
    code
}

/// The moment that a field begins with, in the notation of HL7 or as Japanese systems write dates
/// in words (P-21). One that does not exist is a finding, other words are counted as left behind.
pub(crate) fn moment(fields: &Fields<'_>, number: u8, notes: &mut Notes) -> Option<Moment> {
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

fn coding(code: Value<'_>, system: Value<'_>) -> Option<Coding> {
    if code.is_empty() {
        return None;
    }
    let code: Code = code.text().parse().ok()?;
    let system: Option<System> = system.text().parse().ok();
    Some(Coding { code, system })
}
