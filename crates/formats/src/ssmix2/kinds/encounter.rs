//! ADT-12, -22, -52: visits, admissions, discharges. One record per file.

use record::Record;
use record::content::{Encounter, EncounterClass, EncounterEvent};

use crate::hl7::{Fields, SegmentName};
use crate::ssmix2::name::FileName;
use crate::ssmix2::notes::FieldSet;
use crate::ssmix2::read::Output;
use crate::ssmix2::terms;

const ADMITTED: u8 = 44;
const DISCHARGED: u8 = 45;
const READ_START: FieldSet = FieldSet::of(&[1, 2, 10, 36, ADMITTED]);
const READ_END: FieldSet = FieldSet::of(&[1, 2, 10, 36, DISCHARGED]);

/// The encounter of a file.
pub(crate) struct Encounters {
    encounter: Encounter,
    seen: bool,
}

impl Encounters {
    pub(super) fn new(event: EncounterEvent) -> Self {
        let encounter = Encounter {
            event,
            ..Encounter::default()
        };
        Self {
            encounter,
            seen: false,
        }
    }

    /// Only the first PV1 is the encounter's.
    pub(super) fn reads(&self, name: SegmentName) -> bool {
        &name == b"PV1" && !self.seen
    }

    pub(super) fn segment(&mut self, fields: &Fields<'_>, output: &mut Output) {
        let notes = &mut output.notes;
        self.seen = true;
        self.encounter.class = match &*fields.field(2).value().text() {
            "O" => Some(EncounterClass::Outpatient),
            "I" => Some(EncounterClass::Inpatient),
            "E" => Some(EncounterClass::Emergency),
            "" => None,
            _ => {
                notes.leave_field(fields, 2);
                None
            }
        };
        let (time, read) = match self.encounter.event {
            EncounterEvent::Visit | EncounterEvent::Admission => (ADMITTED, READ_START),
            _ => (DISCHARGED, READ_END),
        };
        self.encounter.at = terms::moment(fields, time, notes);
        self.encounter.department = terms::code(fields, 10, notes);
        self.encounter.disposition = terms::code(fields, 36, notes);
        notes.leave_unread(fields, read);
    }

    pub(super) fn finish(mut self, name: &FileName, output: &mut Output) {
        if self.encounter.department.is_none() {
            self.encounter.department.clone_from(&name.department);
        }
        output.records.push(Record::Encounter(self.encounter));
    }
}
