//! ADT-61: allergies. One record per IAM.

use record::content::AllergyIntolerance;
use record::{Coding, Record};

use crate::hl7::Fields;
use crate::ssmix2::notes::FieldSet;
use crate::ssmix2::read::Output;
use crate::ssmix2::terms;

const READ: FieldSet = FieldSet::of(&[1, 2, 3, 4, 6, 11]);

pub(super) fn segment(fields: &Fields<'_>, output: &mut Output) {
    let notes = &mut output.notes;
    notes.leave_unread(fields, READ);
    let category = terms::concept(fields, 2, notes);
    let code = terms::concept(fields, 3, notes);
    let severity: Option<Coding> = terms::concept(fields, 4, notes).map(|c| c.first);
    let onset = terms::moment(fields, 11, notes);
    let deleted = fields.field(6).value().text() == "D";
    if deleted || (category.is_none() && code.is_none()) {
        return notes.leave_line(fields.name());
    }
    let allergy = AllergyIntolerance {
        category,
        code,
        severity,
        onset,
        ..AllergyIntolerance::default()
    };
    output.records.push(Record::AllergyIntolerance(allergy));
}
