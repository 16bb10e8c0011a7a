//! PPR-01: disease entries. One record per PRB.

use record::Record;
use record::content::Condition;

use crate::hl7::Fields;
use crate::ssmix2::notes::{FieldSet, Notes};
use crate::ssmix2::read::Output;
use crate::ssmix2::terms;

const READ: FieldSet = FieldSet::of(&[1, 3, 7, 9, 10, 13, 14, 16]);

pub(super) fn segment(fields: &Fields<'_>, output: &mut Output) {
    let notes = &mut output.notes;
    notes.leave_unread(fields, READ);
    let code = terms::concept(fields, 3, notes);
    let icd10 = terms::concept(fields, 10, notes);
    let established = terms::moment(fields, 7, notes);
    let onset = terms::moment(fields, 16, notes);
    let condition = Condition {
        free_text: code.is_none() && !fields.field(3).is_empty(),
        code,
        icd10,
        onset: established.or(onset),
        abated: terms::moment(fields, 9, notes),
        outcome: terms::concept(fields, 14, notes),
        provisional: provisional(fields, notes),
        ..Condition::default()
    };
    let deleted = fields.field(1).value().text() == "DE";
    let named = condition.code.is_some() || condition.icd10.is_some() || condition.free_text;
    match named && !deleted {
        true => output.records.push(Record::Condition(condition)),
        false => notes.leave_line(fields.name()),
    }
}

/// PRB-13 is `1` for a suspected disease. Whatever else stands there is counted; a disease is not
/// made confirmed by a word that nobody reads, so the entry is taken as suspected.
fn provisional(fields: &Fields<'_>, notes: &mut Notes) -> bool {
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
