//! OBX: one observation per line, in ADT-00 and OML-11.

use record::content::Observation;
use record::{Concept, Moment, Record};

use crate::hl7::Fields;
use crate::ssmix2::notes::FieldSet;
use crate::ssmix2::read::Output;
use crate::ssmix2::{terms, values};

const READ: FieldSet = FieldSet::of(&[1, 2, 3, 5, 6, 7, 8, 11, 14]);

/// What stands around an observation in the message.
#[derive(Default)]
pub(super) struct Around {
    /// The specimen.
    pub(super) specimen: Option<Concept>,
    /// When it was collected.
    pub(super) collected: Option<Moment>,
    /// When the group of tests was observed.
    pub(super) observed: Option<Moment>,
}

pub(super) fn segment(fields: &Fields<'_>, around: &Around, output: &mut Output) {
    let notes = &mut output.notes;
    notes.leave_unread(fields, READ);
    let code = terms::concept(fields, 3, notes);
    let value = values::value(fields, notes);
    values::note_unit(fields, notes);
    let range = values::range(fields, notes);
    let flag = terms::code(fields, 8, notes);
    let status = terms::code(fields, 11, notes);
    let at = terms::moment(fields, 14, notes);
    if code.is_none() && value.is_none() {
        return notes.leave_line(fields.name());
    }
    output.records.push(Record::Observation(Observation {
        code,
        value,
        range,
        flag,
        status,
        specimen: around.specimen.clone(),
        at: around.collected.or(at).or(around.observed),
        ..Observation::default()
    }));
}
