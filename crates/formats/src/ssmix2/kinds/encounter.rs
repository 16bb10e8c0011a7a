//! ADT-01, -12, -21 to -52: visits and the events of a stay. One record per file.

use record::Record;
use record::content::{Encounter, EncounterClass, EncounterEvent};

use super::patient;
use crate::ssmix2::name::FileName;
use crate::ssmix2::notes::Notes;
use crate::ssmix2::read::Output;
use crate::ssmix2::table::Allowed;
use crate::ssmix2::terms;

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

    pub(super) fn segment(&mut self, fields: &Allowed<'_, '_>, output: &mut Output) {
        match &fields.name() {
            b"EVN" => self.event(fields, &mut output.notes),
            // Only the first PV1 is the encounter's.
            b"PV1" if self.seen => output.notes.leave_segment(fields.name()),
            b"PV1" => self.visit(fields, &mut output.notes),
            b"PV2" => self.plan(fields, &mut output.notes),
            _ => patient::segment(fields, output),
        }
    }

    /// The time of an event is in a field of its own (see [`Self::visit`], [`Self::plan`]); where
    /// that is missing, EVN says when it happened.
    fn event(&mut self, fields: &Allowed<'_, '_>, notes: &mut Notes) {
        let happened = terms::moment(fields, 6, notes);
        let recorded = terms::moment(fields, 2, notes);
        self.encounter.at = self.encounter.at.or(happened).or(recorded);
    }

    fn visit(&mut self, fields: &Allowed<'_, '_>, notes: &mut Notes) {
        use EncounterEvent::{Admission, Discharge, Visit};
        self.seen = true;
        let encounter = &mut self.encounter;
        encounter.class = match &*fields.field(2).value().text() {
            "O" => Some(EncounterClass::Outpatient),
            "I" => Some(EncounterClass::Inpatient),
            "E" => Some(EncounterClass::Emergency),
            "" => None,
            _ => {
                notes.leave_field(fields, 2);
                None
            }
        };
        let began = terms::moment(fields, 44, notes);
        let ended = terms::moment(fields, 45, notes);
        match encounter.event {
            Visit | Admission => encounter.at = began.or(encounter.at),
            Discharge => encounter.at = ended.or(encounter.at),
            _ => {}
        }
        if !matches!(encounter.event, Visit | Admission) {
            encounter.admitted = began;
        }
        encounter.department = terms::code(fields, 10, notes);
        encounter.disposition = terms::code(fields, 36, notes);
        self.place(fields, notes);
    }

    /// PV1-3 names the ward of an inpatient and the clinic of an outpatient. A planned transfer
    /// states the ward to come in PV1-42, and then PV1-3 is where the patient still is.
    fn place(&mut self, fields: &Allowed<'_, '_>, notes: &mut Notes) {
        let encounter = &mut self.encounter;
        let mut ward = |number: u8| terms::code(fields, number, notes);
        let (here, before, planned) = (ward(3), ward(6), ward(42));
        let kind = fields.field(3).first().component(6).text();
        let clinic = match &*kind {
            "C" => true,
            "" => encounter.class == Some(EncounterClass::Outpatient),
            _ => false,
        };
        if clinic {
            encounter.department = encounter.department.take().or(here);
            return;
        }
        (encounter.ward, encounter.ward_from) = match planned {
            Some(planned) => (Some(planned), here),
            None => (here, before),
        };
    }

    fn plan(&mut self, fields: &Allowed<'_, '_>, notes: &mut Notes) {
        let encounter = &mut self.encounter;
        let begins = terms::moment(fields, 8, notes);
        let ends = terms::moment(fields, 9, notes);
        encounter.at = begins.or(ends).or(encounter.at);
        encounter.returns = terms::moment(fields, 47, notes);
    }

    pub(super) fn finish(mut self, name: &FileName, output: &mut Output) {
        if self.encounter.department.is_none() {
            self.encounter.department.clone_from(&name.department);
        }
        let record = Record::Encounter(self.encounter);
        output.records.insert(0, record);
    }
}
