//! ADT-00: the patient, body measurements, insurance.

use record::Record;
use record::content::Coverage;

use super::observation::{self, Around};
use crate::hl7::Fields;
use crate::ssmix2::read::Output;
use crate::ssmix2::{identity, terms};

/// Reads an OBX or IN1.
pub(super) fn segment(fields: &Fields<'_>, output: &mut Output) {
    match &fields.name() {
        b"OBX" => observation::segment(fields, &Around::default(), output),
        _ => insurance(fields, output),
    }
}

/// Adds the patient itself, one record of the file.
pub(super) fn finish(output: &mut Output) {
    output
        .records
        .insert(0, Record::Patient(output.patient.clone()));
}

fn insurance(fields: &Fields<'_>, output: &mut Output) {
    let insurance = identity::insurance(fields, &mut output.notes);
    output.identity.insurance.extend(insurance);
    match terms::concept(fields, 2, &mut output.notes) {
        Some(plan) => output.records.push(Record::Coverage(Coverage {
            plan,
            start: None,
            end: None,
            relation: None,
        })),
        None => output.notes.leave_line(fields.name()),
    }
}
