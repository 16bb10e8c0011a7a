//! PPR-01: disease entries. One record per PRB with the ZPR and ZPD behind it.

use record::content::{Condition, Modifier, ModifierPlace};
use record::{FindingCode, Record};

use super::patient;
use crate::hl7::SegmentName;
use crate::ssmix2::notes::Notes;
use crate::ssmix2::read::Output;
use crate::ssmix2::table::Allowed;
use crate::ssmix2::terms;

/// The most modifiers of one disease.
const MOST: usize = 50;

/// The entry that the next lines belong to: it is complete only when the next one begins.
#[derive(Default)]
pub(crate) struct Problems {
    entry: Option<Entry>,
}

struct Entry {
    condition: Condition,
    /// Whether PRB-3 says something, be it in words.
    named: bool,
    /// Deleted, or not to be disclosed.
    withheld: bool,
}

impl Problems {
    pub(super) fn segment(&mut self, fields: &Allowed<'_, '_>, output: &mut Output) {
        match &fields.name() {
            b"PRB" => {
                self.flush(output);
                self.entry = Some(entry(fields, &mut output.notes));
            }
            b"ZI1" => patient::insurance(fields, output),
            name => self.part(name, fields, &mut output.notes),
        }
    }

    /// ZPR: the parts of the name; ZPD: the tooth.
    fn part(&mut self, name: &SegmentName, fields: &Allowed<'_, '_>, notes: &mut Notes) {
        let Some(entry) = self.entry.as_mut().filter(|entry| !entry.withheld) else {
            return notes.leave_segment(*name);
        };
        let condition = &mut entry.condition;
        let places: &[(u8, ModifierPlace)] = match name {
            b"ZPD" => &[(2, ModifierPlace::Tooth)],
            _ => &[
                (1, ModifierPlace::Prefix),
                (4, ModifierPlace::Prefix),
                (3, ModifierPlace::Suffix),
                (6, ModifierPlace::Suffix),
            ],
        };
        for &(number, place) in places {
            for code in terms::concepts(fields, number, notes) {
                match condition.modifiers.len() < MOST {
                    true => condition.modifiers.push(Modifier { place, code }),
                    false => notes.leave_field(fields, number),
                }
            }
        }
        if name == b"ZPR" {
            let managed = terms::concept(fields, 2, notes);
            condition.code = condition.code.take().or(managed);
            condition.exchange = terms::concept(fields, 5, notes);
        }
    }

    fn flush(&mut self, output: &mut Output) {
        let Some(Entry {
            mut condition,
            named,
            withheld,
        }) = self.entry.take()
        else {
            return;
        };
        let coded = condition.code.is_some() || condition.exchange.is_some();
        condition.free_text = named && !coded;
        let says = named || coded || condition.icd10.is_some();
        match says && !withheld {
            true => output.records.push(Record::Condition(condition)),
            false => output.notes.leave_line(*b"PRB"),
        }
    }

    pub(super) fn finish(mut self, output: &mut Output) {
        self.flush(output);
    }
}

fn entry(fields: &Allowed<'_, '_>, notes: &mut Notes) -> Entry {
    let established = terms::moment(fields, 7, notes);
    let onset = terms::moment(fields, 16, notes);
    let condition = Condition {
        code: terms::concept(fields, 3, notes),
        icd10: terms::concept(fields, 10, notes),
        onset: established.or(onset),
        abated: terms::moment(fields, 9, notes),
        outcome: terms::concept(fields, 14, notes),
        outcome_at: terms::moment(fields, 15, notes),
        rank: terms::concept(fields, 18, notes),
        provisional: provisional(fields, notes),
        ..Condition::default()
    };
    let deleted = fields.field(1).value().text() == "DE";
    Entry {
        condition,
        named: !fields.field(3).is_empty(),
        withheld: restricted(fields, notes) || deleted,
    }
}

/// PRB-25 says how far the entry may be disclosed. Anything but unrestricted (`U`) stays on site.
fn restricted(fields: &Allowed<'_, '_>, notes: &mut Notes) -> bool {
    const SENSITIVITY: u8 = 25;
    let stated = fields.field(SENSITIVITY);
    let restricted = !stated.is_empty() && stated.value().text() != "U";
    if restricted {
        notes.found_at(FindingCode::EntryRestricted, fields, SENSITIVITY);
    }
    restricted
}

/// PRB-13 is `1` for a suspected disease. Whatever else stands there is counted; a disease is not
/// made confirmed by a word that nobody reads, so the entry is taken as suspected.
fn provisional(fields: &Allowed<'_, '_>, notes: &mut Notes) -> bool {
    let field = fields.field(13);
    if field.is_empty() {
        return false;
    }
    let stated = field.value().text();
    if stated != "1" && stated != "0" {
        notes.leave_field(fields, 13);
    }
    stated != "0"
}
