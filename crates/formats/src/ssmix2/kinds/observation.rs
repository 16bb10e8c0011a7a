//! OBX: one observation per line, in every kind of message that has them.

use record::content::Observation;
use record::{Concept, Moment, Record};

use crate::persons::names_person;
use crate::ssmix2::read::Output;
use crate::ssmix2::table::Allowed;
use crate::ssmix2::{terms, values};

/// What stands around an observation in the message.
#[derive(Default, Clone)]
pub(crate) struct Around {
    /// The specimen.
    pub(crate) specimen: Option<Concept>,
    /// When it was collected.
    pub(crate) collected: Option<Moment>,
    /// When the laboratory received it.
    pub(crate) received: Option<Moment>,
    /// What was ordered as a whole.
    pub(crate) panel: Option<Concept>,
    /// When the group of tests was observed.
    pub(crate) observed: Option<Moment>,
    /// When it was reported.
    pub(crate) reported: Option<Moment>,
    /// The order group.
    pub(crate) group: u16,
    /// Whether it repeats an earlier result.
    pub(crate) prior: bool,
}

/// Whether an OBX says who somebody is: its code names a name, a number, an address.
pub(crate) fn is_of_person(fields: &Allowed<'_, '_>) -> bool {
    let item = fields.field(3).first();
    [1, 4]
        .into_iter()
        .any(|number| names_person(&item.component(number).text()))
}

/// Reads an OBX.
pub(crate) fn segment(fields: &Allowed<'_, '_>, around: &Around, output: &mut Output) {
    let notes = &mut output.notes;
    if is_of_person(fields) {
        return notes.leave_person(fields.name());
    }
    let code = terms::concept(fields, 3, notes);
    let value = values::value(fields, notes);
    values::note_unit(fields, notes);
    let at = terms::moment(fields, 14, notes);
    let observation = Observation {
        range: values::range(fields, notes),
        flag: terms::code(fields, 8, notes),
        status: terms::code(fields, 11, notes),
        method: terms::concept(fields, 17, notes),
        part: terms::code(fields, 4, notes),
        panel: around.panel.clone(),
        specimen: around.specimen.clone(),
        collected: around.collected,
        received: around.received,
        at: around.collected.or(at).or(around.observed),
        analysed: terms::moment(fields, 19, notes),
        reported: around.reported,
        group: around.group,
        prior: around.prior,
        code,
        value,
    };
    match observation.code.is_none() && observation.value.is_none() {
        true => notes.leave_line(fields.name()),
        false => output.records.push(Record::Observation(observation)),
    }
}
