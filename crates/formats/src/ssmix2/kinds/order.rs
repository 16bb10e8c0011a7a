//! ORC: what an order says of all lines of its group.

use record::content::EncounterClass;
use record::{Code, Moment};

use crate::ssmix2::notes::Notes;
use crate::ssmix2::table::Allowed;
use crate::ssmix2::terms;

/// The order that the next lines belong to.
#[derive(Default, Clone)]
pub(super) struct Order {
    /// Whether it was cancelled (ORC-1).
    pub(super) cancelled: bool,
    /// Whether it is a part of another one (ORC-1 `CH`).
    pub(super) part: bool,
    /// Whether it repeats its parent (ORC-1 `PA`).
    pub(super) parent: bool,
    /// When it was ordered.
    pub(super) requested: Option<Moment>,
    /// Order status.
    pub(super) status: Option<Code>,
    /// Outpatient or inpatient.
    pub(super) class: Option<EncounterClass>,
}

impl Order {
    pub(super) fn of(fields: &Allowed<'_, '_>, notes: &mut Notes) -> Self {
        let control = fields.field(1).value().text();
        Self {
            cancelled: matches!(&*control, "CA" | "CR" | "OC"),
            part: control == "CH",
            parent: control == "PA",
            requested: terms::moment(fields, 9, notes),
            status: terms::code(fields, 5, notes),
            class: class(fields, notes),
        }
    }
}

/// ORC-29: outpatient or inpatient order (table 0482).
fn class(fields: &Allowed<'_, '_>, notes: &mut Notes) -> Option<EncounterClass> {
    const TYPE: u8 = 29;
    match &*fields.field(TYPE).value().text() {
        "O" => Some(EncounterClass::Outpatient),
        "I" => Some(EncounterClass::Inpatient),
        "" => None,
        _ => {
            notes.leave_field(fields, TYPE);
            None
        }
    }
}
