//! Who the patient is: PID and IN1.
//!
//! Identifiers go into [`record::Identity`] and end at the separation stage; what content may say
//! of the patient goes into [`record::content::Patient`]. A value with a damaged character is not
//! used, because it would never match the same person elsewhere.

use std::sync::Arc;

use record::content::Patient;
use record::identity::{Birth, Death, Identity, Name, Sex};
use record::moment::Date;
use record::reading::Version;
use record::{Finding, FindingCode, Insurance, Moment, Place, Sensitive, YearMonth};
use text::fold::Damage;
use text::{era, fold};

use super::notes::Notes;
use super::read::Output;
use super::table::Allowed;
use super::{prefecture, terms};
use crate::Municipality;
use crate::hl7::{Repetition, Value};

const REPEATED: [u8; 4] = [5, 11, 13, 14];

/// The fields of PID that hold numbers of the patient.
const NUMBERS: [u8; 3] = [2, 3, 4];

/// Reads the first PID of a file that was written at the time of this version.
///
/// # Errors
/// [`FindingCode::LimitReached`] when a field repeats more often than the limit.
pub(crate) fn read(
    fields: &Allowed<'_, '_>,
    written: Version,
    municipality: Option<&Municipality>,
    output: &mut Output,
) -> Result<(), Finding> {
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
    let Output {
        identity,
        patient,
        notes,
        ..
    } = output;
    let identity = Arc::make_mut(identity);
    names(fields, identity, notes);
    identity.sex = sex(fields, notes);
    patient.sex = identity.sex;
    birth(fields, written, identity, patient, notes);
    addresses(fields, identity, patient, notes);
    for number in [13, 14] {
        for repetition in fields.field(number).repetitions() {
            let phone = phone(repetition).and_then(|p| known(p, fields, number, notes));
            identity.phones.extend(phone);
        }
    }
    identity.municipal = municipality
        .map(|it| municipal(it, fields, notes))
        .unwrap_or_default();
    death(fields, identity, patient, notes);
    Ok(())
}

/// The number of the municipality's own authority, wherever it stands among the patient's numbers.
/// Where several differ, none of them says who it is.
fn municipal(
    municipality: &Municipality,
    fields: &Allowed<'_, '_>,
    notes: &mut Notes,
) -> Sensitive {
    let mut only = Sensitive::default();
    for number in NUMBERS {
        let repetitions = fields.field(number).repetitions();
        for repetition in repetitions.filter(|it| municipality.gave(*it)) {
            let value = repetition.component(1);
            let Some(found) = known(value, fields, number, notes) else {
                continue;
            };
            if !only.is_empty() && only != found {
                notes.found_at(FindingCode::ValueInvalid, fields, number);
                return Sensitive::default();
            }
            only = found;
        }
    }
    only
}

/// Reads the numbers of one IN1 or ZI1. `None` when it has no number of the insured, without which
/// it identifies nobody.
///
/// Symbol and number stand in IN1-10 and IN1-11, or both in IN1-10 as repetitions or joined by a
/// dot; the branch number is the repetition after the number.
pub(crate) fn insurance(fields: &Allowed<'_, '_>, notes: &mut Notes) -> Option<Insurance> {
    let [mut first, mut second, mut branch, more] = repetitions(fields, 10);
    let [beside, beside_branch, ..] = repetitions(fields, 11);
    if !more.is_empty() {
        notes.leave_field(fields, 10);
    }
    let mut from = 10;
    if second.is_empty() && branch.is_empty() && is_number(beside) {
        (second, branch, from) = (beside, beside_branch, 11);
    }
    if from == 10 && !fields.field(11).is_empty() {
        notes.leave_field(fields, 11);
    }
    if second.is_empty() {
        std::mem::swap(&mut first, &mut second);
    }
    let mut read =
        |value: Value<'_>, number| known(value, fields, number, notes).unwrap_or_default();
    let insurer = read(fields.field(3).value(), 3);
    let (mut symbol, mut number) = (read(first, 10), read(second, from));
    if symbol.is_empty()
        && let Some((before, after)) = number.expose().split_once(fold::is_middle_dot)
    {
        (symbol, number) = (Sensitive::new(before), Sensitive::new(after));
    }
    let branch = read(branch, from);
    (!number.is_empty()).then_some(Insurance {
        insurer,
        symbol,
        number,
        branch,
    })
}

/// The first four repetitions of a field, the first component of each.
fn repetitions<'t>(fields: &Allowed<'_, 't>, number: u8) -> [Value<'t>; 4] {
    let mut parts = fields
        .field(number)
        .repetitions()
        .map(|repetition| repetition.component(1));
    // There is no field 0, so it says nothing.
    std::array::from_fn(|_| parts.next().unwrap_or_else(|| fields.field(0).value()))
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

/// In what a name is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Kanji,
    Kana,
    Letters,
}

/// One repetition of the name: the code of its representation, its script, and the name.
type Written = (Option<char>, Script, Name);

/// The script decides which repetition is which: codes of the representation are shifted, swapped,
/// missing or all alike in real files. Where no name has kanji, a name in kana is the kanji name if
/// its code says so, and serves as both if it stands alone.
fn names(fields: &Allowed<'_, '_>, identity: &mut Identity, notes: &mut Notes) {
    let mut written: Vec<Written> = Vec::new();
    for repetition in fields.field(5).repetitions() {
        let [family, given] = [1, 2].map(|n| repetition.component(n).subcomponent(1));
        if family.is_empty() && given.is_empty() {
            continue;
        }
        let name = name(family, given, fields, notes);
        if let Some(name) = name.and_then(|name| uncut(name, fields, notes)) {
            written.push((representation(repetition), script(&name), name));
        }
    }
    let first = |wanted: &dyn Fn(Option<char>, Script) -> bool| {
        written
            .iter()
            .find(|(code, script, _)| wanted(*code, *script))
            .map(|(_, _, name)| name.clone())
    };
    identity.kana = first(&|code, script| script == Script::Kana && code == Some('P'))
        .or_else(|| first(&|code, script| script == Script::Kana && code != Some('I')))
        .or_else(|| first(&|_, script| script == Script::Kana));
    identity.kanji = first(&|_, script| script == Script::Kanji)
        .or_else(|| first(&|code, script| script == Script::Kana && code == Some('I')))
        .or_else(|| first(&|code, script| script == Script::Letters && code != Some('A')));
    let letters = written
        .iter()
        .filter(|(_, script, _)| *script == Script::Letters);
    identity.letters = letters.map(|(_, _, name)| name.clone()).collect();
    let used = [&identity.kana, &identity.kanji].map(Option::as_ref);
    let unused = |name: &Name| !used.contains(&Some(name));
    for _ in written.iter().filter(|(_, _, name)| unused(name)) {
        notes.leave_field(fields, 5);
    }
    if identity.kana.is_none() {
        notes.found_at(FindingCode::KanaMissing, fields, 5);
    }
}

/// Family and given name; a whole name in the first component is split at its first blank.
fn name(
    family: Value<'_>,
    given: Value<'_>,
    fields: &Allowed<'_, '_>,
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

/// The bytes of the name field of many systems, in which a longer name is cut without a word.
const NAME_FIELD: usize = 40;

/// What is whole of a name: one that fills the field is cut, in its given name unless the family
/// name fills it alone. Two persons whose names were cut to the same would look alike.
fn uncut(name: Name, fields: &Allowed<'_, '_>, notes: &mut Notes) -> Option<Name> {
    let fills = |length: usize| (NAME_FIELD - 1..=NAME_FIELD).contains(&length);
    let [family, given] = [&name.family, &name.given].map(|part| stored_bytes(part.expose()));
    let whole = given == 0 && fills(family);
    // Between both parts stands nothing, or a blank of one or two bytes.
    let apart = given > 0 && (0..=2).any(|blank| fills(family + blank + given));
    if !whole && !apart {
        return Some(name);
    }
    notes.found_at(FindingCode::NameCut, fields, 5);
    apart.then(|| Name {
        given: Sensitive::default(),
        ..name
    })
}

/// The bytes of a text where hospital systems store it: Shift_JIS.
fn stored_bytes(text: &str) -> usize {
    let narrow = |c: char| c.is_ascii() || matches!(c, '\u{FF61}'..='\u{FF9F}');
    text.chars().map(|c| if narrow(c) { 1 } else { 2 }).sum()
}

/// The code of the name representation: component 8, or 7 when the components are shifted.
fn representation(repetition: Repetition<'_>) -> Option<char> {
    let code = |number| match &*repetition.component(number).text() {
        "I" => Some('I'),
        "P" => Some('P'),
        "A" => Some('A'),
        _ => None,
    };
    code(8).or_else(|| code(7))
}

fn script(name: &Name) -> Script {
    let kanji = |c: char| {
        matches!(c, '々' | '〆' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}')
            || matches!(c, '\u{20000}'..='\u{3FFFF}')
    };
    let [family, given] = [name.family.expose(), name.given.expose()];
    if is_kana(name) {
        Script::Kana
    } else if family.chars().chain(given.chars()).any(kanji) {
        Script::Kanji
    } else {
        Script::Letters
    }
}

fn is_kana(name: &Name) -> bool {
    [&name.family, &name.given]
        .into_iter()
        .all(|part| fold::is_kana(part.expose()))
}

fn sex(fields: &Allowed<'_, '_>, notes: &mut Notes) -> Option<Sex> {
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

fn birth(
    fields: &Allowed<'_, '_>,
    written: Version,
    identity: &mut Identity,
    patient: &mut Patient,
    notes: &mut Notes,
) {
    let text = fields.field(7).value().text();
    let moment = Moment::from_hl7(&text)
        .ok()
        .or_else(|| era::read(&text).ok()?.moment());
    if moment
        .and_then(Moment::date)
        .is_some_and(|day| is_after(day, written))
    {
        return notes.found_at(FindingCode::BirthInFuture, fields, 7);
    }
    let date = moment.and_then(Moment::date);
    identity.birth = date.map(Birth::new);
    patient.birth = moment.and_then(month);
    let code = match (moment, date) {
        (Some(_), Some(_)) => return,
        (Some(_), None) => FindingCode::DatePartial,
        (None, _) if text.is_empty() => FindingCode::BirthMissing,
        (None, _) => FindingCode::DateImpossible,
    };
    notes.found_at(code, fields, 7);
}

/// Whether a day comes after a file was written. Its clock may be a day off.
pub(crate) fn is_after(day: Date, written: Version) -> bool {
    const PER_DAY: u64 = 1_000_000_000;
    let day_of = |date: Date| {
        let [year, month, day]: [i64; 3] =
            [date.year().into(), date.month().into(), date.day().into()];
        year * 10_000 + month * 100 + day
    };
    let before = day.yesterday().unwrap_or(day);
    let written = i64::try_from(written.0 / PER_DAY).unwrap_or(i64::MAX);
    day_of(before) > written
}

fn addresses(
    fields: &Allowed<'_, '_>,
    identity: &mut Identity,
    patient: &mut Patient,
    notes: &mut Notes,
) {
    for repetition in fields.field(11).repetitions() {
        let at_work = repetition.component(7).text() == "B";
        let postal = repetition.component(5);
        if identity.postal.is_empty() && !at_work && !postal.is_empty() {
            let postal = known(postal, fields, 11, notes);
            identity.postal = postal.unwrap_or_default();
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
        if patient.prefecture.is_none() && !at_work {
            patient.prefecture = prefecture::of_address(&address);
        }
        match unusable(&address) {
            Some(code) => notes.found_at(code, fields, 11),
            None => identity.addresses.push(Sensitive::new(address)),
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

fn death(
    fields: &Allowed<'_, '_>,
    identity: &mut Identity,
    patient: &mut Patient,
    notes: &mut Notes,
) {
    let died = terms::moment(fields, 29, notes);
    identity.died = died.and_then(Moment::date).map(Death::new);
    patient.died = died.and_then(month);
    let marked = match &*fields.field(30).value().text() {
        "Y" => true,
        "" | "N" => false,
        _ => {
            notes.found_at(FindingCode::ValueInvalid, fields, 30);
            false
        }
    };
    patient.deceased = marked || died.is_some();
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

/// The text of a value as an identifier; `None` with a finding when a character was damaged, or
/// when it is too long.
fn known(
    value: Value<'_>,
    fields: &Allowed<'_, '_>,
    number: u8,
    notes: &mut Notes,
) -> Option<Sensitive> {
    let text = value.text();
    if let Some(code) = unusable(&text) {
        notes.found_at(code, fields, number);
        return None;
    }
    (!text.is_empty()).then(|| Sensitive::new(text))
}

/// Why a text is no identifier, if it is none.
fn unusable(text: &str) -> Option<FindingCode> {
    if text.len() > fold::LONGEST {
        return Some(FindingCode::IdentityTooLong);
    }
    fold::damage(text).map(|damage| match damage {
        Damage::Lost => FindingCode::CharacterUndecodable,
        Damage::Private => FindingCode::CharacterPrivate,
        Damage::Replaced => FindingCode::CharacterReplaced,
    })
}
