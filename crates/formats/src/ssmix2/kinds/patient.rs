//! What every ADT message but ADT-61 may hold beside its own matter: body measurements, insurance,
//! allergies. ADT-00 adds the patient.

use std::sync::Arc;

use record::Record;
use record::content::Coverage;

use super::allergy;
use super::observation::{self, Around};
use crate::ssmix2::read::Output;
use crate::ssmix2::table::Allowed;
use crate::ssmix2::{identity, terms};

/// Reads an OBX, IN1 or AL1.
pub(super) fn segment(fields: &Allowed<'_, '_>, output: &mut Output) {
    match &fields.name() {
        b"OBX" => observation::segment(fields, &Around::default(), output),
        b"AL1" => allergy::basic(fields, output),
        _ => insurance(fields, output),
    }
}

/// Adds the patient itself, one record of the file.
pub(super) fn finish(output: &mut Output) {
    output
        .records
        .insert(0, Record::Patient(output.patient.clone()));
}

/// Reads an IN1 or ZI1.
pub(super) fn insurance(fields: &Allowed<'_, '_>, output: &mut Output) {
    let notes = &mut output.notes;
    let insurance = identity::insurance(fields, notes);
    if let Some(insurance) = insurance {
        Arc::make_mut(&mut output.identity)
            .insurance
            .push(insurance);
    }
    let (start, end) = (
        terms::moment(fields, 12, notes),
        terms::moment(fields, 13, notes),
    );
    let relation = terms::code(fields, 17, notes);
    match terms::concept(fields, 2, notes) {
        Some(plan) => output.records.push(Record::Coverage(Coverage {
            plan,
            start,
            end,
            relation,
        })),
        None => notes.leave_line(fields.name()),
    }
}
