//! Allergies: one record per IAM of ADT-61, one per AL1 of other ADT messages.

use record::Record;
use record::content::AllergyIntolerance;

use crate::ssmix2::read::Output;
use crate::ssmix2::table::Allowed;
use crate::ssmix2::terms;

/// Reads an IAM.
pub(super) fn segment(fields: &Allowed<'_, '_>, output: &mut Output) {
    let notes = &mut output.notes;
    let allergy = AllergyIntolerance {
        category: terms::concept(fields, 2, notes),
        code: terms::concept(fields, 3, notes),
        severity: terms::coding_of(fields, 4, notes),
        sensitivity: terms::coding_of(fields, 9, notes),
        verification: terms::coding_of(fields, 17, notes),
        onset: terms::moment(fields, 11, notes),
        recorded: terms::moment(fields, 13, notes),
    };
    let deleted = fields.field(6).value().text() == "D";
    push(fields, allergy, deleted, output);
}

/// Reads an AL1.
pub(super) fn basic(fields: &Allowed<'_, '_>, output: &mut Output) {
    let notes = &mut output.notes;
    let allergy = AllergyIntolerance {
        category: terms::concept(fields, 2, notes),
        code: terms::concept(fields, 3, notes),
        severity: terms::coding_of(fields, 4, notes),
        recorded: terms::moment(fields, 6, notes),
        ..AllergyIntolerance::default()
    };
    push(fields, allergy, false, output);
}

fn push(fields: &Allowed<'_, '_>, allergy: AllergyIntolerance, deleted: bool, output: &mut Output) {
    if deleted || (allergy.category.is_none() && allergy.code.is_none()) {
        return output.notes.leave_line(fields.name());
    }
    output.records.push(Record::AllergyIntolerance(allergy));
}
