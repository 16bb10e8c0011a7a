//! Who the patient is: PID and IN1.
//!
//! Identifiers go into [`record::Identity`] and end at the separation stage; what content may say
//! of the patient goes into [`record::content::Patient`]. A value with a damaged character is not
//! used, because it would never match the same person elsewhere.

use record::identity::{Birth, Name, Sex};
use record::{Finding, FindingCode, Insurance, Moment, Place, Sensitive, YearMonth};
use text::fold::Damage;
use text::{era, fold};

use super::notes::{FieldSet, Notes};
use super::read::Output;
use super::{prefecture, terms};
use crate::hl7::{Fields, Repetition, Value};

const READ: FieldSet = FieldSet::of(&[1, 3, 5, 7, 8, 11, 13, 14, 29, 30]);
const READ_INSURANCE: FieldSet = FieldSet::of(&[1, 2, 3, 10]);
/// When IN1-10 holds the symbol and IN1-11 the number of the insured.
const READ_BESIDE: FieldSet = FieldSet::of(&[1, 2, 3, 10, 11]);
const REPEATED: [u8; 4] = [5, 11, 13, 14];

/// Reads the first PID of a file.
///
/// # Errors
/// [`FindingCode::LimitReached`] when a field repeats more often than the limit.
pub(crate) fn read(fields: &Fields<'_>, output: &mut Output) -> Result<(), Finding> {
    if let Some(field) = REPEATED
        .into_iter()
        .find(|&n| fields.field(n).is_over_limit())
    {
        let place = Place {
            segment: Some(fields.name()),
            line: fields.line(),
            field,
        };
        return Err(Finding {
            code: FindingCode::LimitReached,
            place,
        });
    }
    let notes = &mut output.notes;
    names(fields, &mut output.identity, notes);
    output.identity.sex = sex(fields, notes);
    output.patient.sex = output.identity.sex;
    birth(fields, output);
    addresses(fields, output);
    for number in [13, 14] {
        for repetition in fields.field(number).repetitions() {
            let phone = phone(repetition).and_then(|p| known(p, fields, number, &mut output.notes));
            output.identity.phones.extend(phone);
        }
    }
    death(fields, output);
    output.notes.leave_unread(fields, READ);
    Ok(())
}

/// Reads the numbers of one IN1. `None` when it has no number of the insured, without which it
/// identifies nobody.
pub(crate) fn insurance(fields: &Fields<'_>, notes: &mut Notes) -> Option<Insurance> {
    let mut read =
        |value: Value<'_>, number| known(value, fields, number, notes).unwrap_or_default();
    let insurer = read(fields.field(3).value(), 3);
    let mut parts = fields.field(10).repetitions().map(|r| r.component(1));
    let [first, second, third] = std::array::from_fn(|_| parts.next());
    let beside = fields.field(11).value();
    let beside = (second.is_none() && is_number(beside)).then_some(beside);
    let [first, second, branch] = [
        (first, 10),
        (second.or(beside), if beside.is_some() { 11 } else { 10 }),
        (third, 10),
    ]
    .map(|(value, number)| value.map_or_else(Sensitive::default, |v| read(v, number)));
    notes.leave_unread(
        fields,
        if beside.is_some() {
            READ_BESIDE
        } else {
            READ_INSURANCE
        },
    );
    let (symbol, number) = match (
        second.is_empty(),
        first.expose().split_once(fold::is_middle_dot),
    ) {
        (false, _) => (first, second),
        (true, Some((symbol, number))) => (Sensitive::new(symbol), Sensitive::new(number)),
        (true, None) => (Sensitive::default(), first),
    };
    (!number.is_empty()).then_some(Insurance {
        insurer,
        symbol,
        number,
        branch,
    })
}

/// Whether IN1-11 holds the number of the insured; by the standard it names an employer.
fn is_number(value: Value<'_>) -> bool {
    let text = value.text();
    let folded = fold::signs(&text);
    folded.bytes().any(|b| b.is_ascii_digit())
        && folded
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || fold::is_blank(c))
}

/// Which writing of a name a repetition holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Kanji,
    Kana,
    Other,
}

fn names(fields: &Fields<'_>, identity: &mut record::Identity, notes: &mut Notes) {
    for repetition in fields.field(5).repetitions() {
        let [family, given] = [1, 2].map(|n| repetition.component(n).subcomponent(1));
        if family.is_empty() && given.is_empty() {
            continue;
        }
        let Some(name) = name(family, given, fields, notes) else {
            continue;
        };
        let slot = match script(repetition, &name) {
            Script::Kana => &mut identity.kana,
            Script::Kanji => &mut identity.kanji,
            Script::Other => {
                notes.leave_field(fields, 5);
                continue;
            }
        };
        slot.get_or_insert(name);
    }
    // A name in kana that stands in the place of the kanji name serves as both.
    if identity.kana.is_none() {
        identity.kana = identity.kanji.clone().filter(is_kana);
    }
    if identity.kana.is_none() {
        notes.found_at(FindingCode::KanaMissing, fields, 5);
    }
}

/// Family and given name; a whole name in the first component is split at its first blank.
fn name(
    family: Value<'_>,
    given: Value<'_>,
    fields: &Fields<'_>,
    notes: &mut Notes,
) -> Option<Name> {
    if !given.is_empty() || !family.text().contains(fold::is_blank) {
        let read = |value: Value<'_>, notes: &mut Notes| match value.is_empty() {
            true => Some(Sensitive::default()),
            false => known(value, fields, 5, notes),
        };
        return Some(Name {
            family: read(family, notes)?,
            given: read(given, notes)?,
        });
    }
    let whole = known(family, fields, 5, notes)?;
    let (family, given) = whole.expose().split_once(fold::is_blank)?;
    Some(Name {
        family: Sensitive::new(family),
        given: Sensitive::new(given.trim_start_matches(fold::is_blank)),
    })
}

/// By the code of the name representation where one stands (component 8, or 7 when the components
/// are shifted), else by the script.
fn script(repetition: Repetition<'_>, name: &Name) -> Script {
    for number in [8, 7] {
        match &*repetition.component(number).text() {
            "I" => return Script::Kanji,
            "P" => return Script::Kana,
            "A" => return Script::Other,
            _ => {}
        }
    }
    if is_kana(name) {
        Script::Kana
    } else {
        Script::Kanji
    }
}

fn is_kana(name: &Name) -> bool {
    [&name.family, &name.given]
        .into_iter()
        .all(|part| fold::is_kana(part.expose()))
}

fn sex(fields: &Fields<'_>, notes: &mut Notes) -> Option<Sex> {
    let sex = match &*fields.field(8).value().text() {
        "" => return None,
        "M" => Sex::Male,
        "F" => Sex::Female,
        "O" | "A" => Sex::Other,
        "U" | "N" => Sex::Unknown,
        _ => {
            notes.found_at(FindingCode::ValueInvalid, fields, 8);
            return None;
        }
    };
    Some(sex)
}

fn birth(fields: &Fields<'_>, output: &mut Output) {
    let text = fields.field(7).value().text();
    let moment = Moment::from_hl7(&text)
        .ok()
        .or_else(|| era::read(&text).ok()?.moment());
    let date = moment.and_then(Moment::date);
    output.identity.birth = date.map(Birth::new);
    output.patient.birth = moment.and_then(month);
    let code = match (moment, date) {
        (Some(_), Some(_)) => return,
        (Some(_), None) => FindingCode::DatePartial,
        (None, _) if text.is_empty() => FindingCode::BirthMissing,
        (None, _) => FindingCode::DateImpossible,
    };
    output.notes.found_at(code, fields, 7);
}

fn addresses(fields: &Fields<'_>, output: &mut Output) {
    for repetition in fields.field(11).repetitions() {
        let at_work = repetition.component(7).text() == "B";
        let postal = repetition.component(5);
        if output.identity.postal.is_empty() && !at_work && !postal.is_empty() {
            let postal = known(postal, fields, 11, &mut output.notes);
            output.identity.postal = postal.unwrap_or_default();
        }
        let whole = repetition.component(8).text();
        // Prefecture, city, street, further: the order in which Japanese addresses are written.
        let address = match whole.is_empty() {
            true => [4, 3, 1, 2]
                .map(|n| repetition.component(n).text())
                .concat(),
            false => whole.into_owned(),
        };
        if address.is_empty() {
            continue;
        }
        if output.patient.prefecture.is_none() && !at_work {
            output.patient.prefecture = prefecture::of_address(&address);
        }
        match fold::damage(&address) {
            Some(damage) => output.notes.found_at(finding_of(damage), fields, 11),
            None => output.identity.addresses.push(Sensitive::new(address)),
        }
    }
}

/// The component of a telephone field that holds the number: 12 by the standard, else the first, or
/// area code and number.
fn phone(repetition: Repetition<'_>) -> Option<Value<'_>> {
    let digits = |value: &Value<'_>| value.text().chars().any(char::is_numeric);
    [12, 1, 7]
        .into_iter()
        .map(|n| repetition.component(n))
        .find(digits)
}

fn death(fields: &Fields<'_>, output: &mut Output) {
    let died = terms::moment(fields, 29, &mut output.notes);
    output.patient.died = died.and_then(month);
    let marked = match &*fields.field(30).value().text() {
        "Y" => true,
        "" | "N" => false,
        _ => {
            output.notes.found_at(FindingCode::ValueInvalid, fields, 30);
            false
        }
    };
    output.patient.deceased = marked || died.is_some();
}

/// The month of a moment that is known to the month at least.
fn month(moment: Moment) -> Option<YearMonth> {
    let day = moment.date().map(YearMonth::from);
    day.or_else(|| {
        let text = moment.to_string();
        let (year, month) = text.split_once('-')?;
        Some(YearMonth {
            year: year.parse().ok()?,
            month: month.parse().ok()?,
        })
    })
}

/// The text of a value as an identifier; `None` with a finding when a character was damaged.
fn known(
    value: Value<'_>,
    fields: &Fields<'_>,
    number: u8,
    notes: &mut Notes,
) -> Option<Sensitive> {
    let text = value.text();
    if let Some(damage) = fold::damage(&text) {
        notes.found_at(finding_of(damage), fields, number);
        return None;
    }
    (!text.is_empty()).then(|| Sensitive::new(text))
}

fn finding_of(damage: Damage) -> FindingCode {
    match damage {
        Damage::Lost => FindingCode::CharacterUndecodable,
        Damage::Private => FindingCode::CharacterPrivate,
        Damage::Replaced => FindingCode::CharacterReplaced,
    }
}
