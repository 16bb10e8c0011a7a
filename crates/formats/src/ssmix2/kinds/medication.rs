//! OMP-01, -02, -11, -12: prescriptions and injections, as ordered and as given.
//!
//! One record per RXE and RXC of an order, one per RXA and RXC of an administration. Time and route
//! stand in their own segments, before or after the medicines of the same order group.

use record::content::{Dose, MedicationAdministration, MedicationRequest};
use record::{Code, Concept, Decimal, FindingCode, Moment, Quantity, Record};
use text::fold;

use crate::hl7::{Fields, SegmentName};
use crate::ssmix2::notes::{FieldSet, Notes};
use crate::ssmix2::read::Output;
use crate::ssmix2::terms;

const READ_ORDER: FieldSet = FieldSet::of(&[1]);
const READ_MEDICINE: FieldSet = FieldSet::of(&[2, 3, 5]);
const READ_COMPONENT: FieldSet = FieldSet::of(&[1, 2, 3, 4]);
const READ_TIME: FieldSet = FieldSet::of(&[1, 3, 6, 7, 8]);
const READ_ROUTE: FieldSet = FieldSet::of(&[1]);
const READ_GIVEN: FieldSet = FieldSet::of(&[1, 2, 3, 4, 5, 6, 7, 20, 21]);

/// Which half of medication a kind tells.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Ordered: RXE, RXC.
    Ordered,
    /// Given: RXA, RXC.
    Given,
}

/// The order group that the next lines belong to.
pub(crate) struct Medications {
    stage: Stage,
    group: Group,
}

#[derive(Default)]
struct Group {
    /// Where the records of the group begin.
    start: usize,
    /// Whether the order was cancelled (ORC-1).
    cancelled: bool,
    /// Whether the group has its RXE or RXA.
    begun: bool,
    time: Option<Time>,
    route: Option<Concept>,
    given: Option<Given>,
}

#[derive(Clone)]
struct Time {
    start: Option<Moment>,
    end: Option<Moment>,
    timing: Option<Code>,
    duration: Option<Quantity>,
}

#[derive(Clone)]
struct Given {
    start: Option<Moment>,
    end: Option<Moment>,
    status: Option<Code>,
}

impl Medications {
    pub(super) fn new(stage: Stage) -> Self {
        Self {
            stage,
            group: Group::default(),
        }
    }

    pub(super) fn reads(&self, name: SegmentName) -> bool {
        match &name {
            b"ORC" | b"RXC" => true,
            b"RXR" => self.group.route.is_none(),
            b"TQ1" => self.stage == Stage::Ordered && self.group.time.is_none(),
            b"RXE" => self.stage == Stage::Ordered,
            b"RXA" => self.stage == Stage::Given,
            _ => false,
        }
    }

    pub(super) fn segment(&mut self, fields: &Fields<'_>, output: &mut Output) {
        match &fields.name() {
            b"ORC" => self.order(fields, output),
            b"TQ1" => self.time(fields, output),
            b"RXR" => self.route(fields, output),
            b"RXE" => self.ordered(fields, output),
            b"RXA" => self.given(fields, output),
            _ => self.component(fields, output),
        }
    }

    fn order(&mut self, fields: &Fields<'_>, output: &mut Output) {
        output.notes.leave_unread(fields, READ_ORDER);
        let control = fields.field(1).value().text();
        let cancelled = matches!(&*control, "CA" | "CR" | "OC");
        self.group = Group {
            start: output.records.len(),
            cancelled,
            ..Group::default()
        };
    }

    fn ordered(&mut self, fields: &Fields<'_>, output: &mut Output) {
        if self.group.begun {
            let cancelled = self.group.cancelled;
            self.group = Group {
                start: output.records.len(),
                cancelled,
                ..Group::default()
            };
        }
        self.group.begun = true;
        output.notes.leave_unread(fields, READ_MEDICINE);
        let dose = dose(fields, [2, 3, 5], &mut output.notes);
        self.push(fields, dose, false, output);
    }

    fn component(&mut self, fields: &Fields<'_>, output: &mut Output) {
        output.notes.leave_unread(fields, READ_COMPONENT);
        let dose = dose(fields, [2, 3, 4], &mut output.notes);
        self.push(fields, dose, true, output);
    }

    fn given(&mut self, fields: &Fields<'_>, output: &mut Output) {
        let notes = &mut output.notes;
        notes.leave_unread(fields, READ_GIVEN);
        let given = Given {
            start: terms::moment(fields, 3, notes),
            end: terms::moment(fields, 4, notes),
            status: terms::code(fields, 20, notes),
        };
        let dose = dose(fields, [5, 6, 7], notes);
        // Components of a mixture may come first and take the time of what follows.
        if self.group.given.is_none() {
            self.each_given(output, |record| {
                record.start = record.start.or(given.start);
                record.end = record.end.or(given.end);
                record.status = record.status.take().or_else(|| given.status.clone());
            });
        }
        self.group.given = Some(given);
        if fields.field(21).value().text() == "D" {
            return output.notes.leave_line(fields.name());
        }
        self.push(fields, dose, false, output);
    }

    fn time(&mut self, fields: &Fields<'_>, output: &mut Output) {
        let notes = &mut output.notes;
        notes.leave_unread(fields, READ_TIME);
        let time = Time {
            start: terms::moment(fields, 7, notes),
            end: terms::moment(fields, 8, notes),
            timing: timing(fields, notes),
            duration: duration(fields, notes),
        };
        for record in output.records.iter_mut().skip(self.group.start) {
            if let Record::MedicationRequest(request) = record {
                time.clone().apply(request);
            }
        }
        self.group.time = Some(time);
    }

    fn route(&mut self, fields: &Fields<'_>, output: &mut Output) {
        output.notes.leave_unread(fields, READ_ROUTE);
        let Some(route) = terms::concept(fields, 1, &mut output.notes) else {
            return;
        };
        for record in output.records.iter_mut().skip(self.group.start) {
            match record {
                Record::MedicationRequest(request) => request.route = Some(route.clone()),
                Record::MedicationAdministration(given) => given.route = Some(route.clone()),
                _ => {}
            }
        }
        self.group.route = Some(route);
    }

    /// Adds one record, or counts the line when it says nothing or its order was cancelled.
    fn push(&self, fields: &Fields<'_>, dose: Dose, component: bool, output: &mut Output) {
        let says_nothing = dose.medication.is_none() && dose.amount.is_none();
        if says_nothing || self.group.cancelled {
            return output.notes.leave_line(fields.name());
        }
        let route = self.group.route.clone();
        let record = match self.stage {
            Stage::Ordered => {
                let mut request = MedicationRequest {
                    dose,
                    route,
                    component,
                    ..MedicationRequest::default()
                };
                if let Some(time) = &self.group.time {
                    time.clone().apply(&mut request);
                }
                Record::MedicationRequest(request)
            }
            Stage::Given => {
                let given = self.group.given.as_ref();
                Record::MedicationAdministration(MedicationAdministration {
                    dose,
                    start: given.and_then(|g| g.start),
                    end: given.and_then(|g| g.end),
                    route,
                    status: given.and_then(|g| g.status.clone()),
                    component,
                    ..MedicationAdministration::default()
                })
            }
        };
        output.records.push(record);
    }

    fn each_given(
        &self,
        output: &mut Output,
        mut change: impl FnMut(&mut MedicationAdministration),
    ) {
        for record in output.records.iter_mut().skip(self.group.start) {
            if let Record::MedicationAdministration(given) = record {
                change(given);
            }
        }
    }
}

impl Time {
    fn apply(self, request: &mut MedicationRequest) {
        request.start = self.start;
        request.end = self.end;
        request.timing = self.timing;
        request.duration = self.duration;
    }
}

/// Medicine, amount and unit, each in its field.
fn dose(fields: &Fields<'_>, [medicine, amount, unit]: [u8; 3], notes: &mut Notes) -> Dose {
    Dose {
        medication: terms::concept(fields, medicine, notes),
        amount: decimal(fields, amount, notes),
        unit: terms::concept(fields, unit, notes),
    }
}

fn decimal(fields: &Fields<'_>, number: u8, notes: &mut Notes) -> Option<Decimal> {
    let value = fields.field(number).value();
    if value.is_empty() {
        return None;
    }
    let amount = fold::width(&value.text()).parse().ok();
    if amount.is_none() {
        notes.found_at(FindingCode::ValueInvalid, fields, number);
        notes.leave_field(fields, number);
    }
    amount
}

/// The code of the repeat pattern (TQ1-3), the first subcomponent of its first component.
fn timing(fields: &Fields<'_>, notes: &mut Notes) -> Option<Code> {
    let value = fields.field(3).value().subcomponent(1);
    if value.is_empty() {
        return None;
    }
    let code = value.text().parse().ok();
    if code.is_none() {
        notes.leave_field(fields, 3);
    }
    code
}

/// Days or times of supply (TQ1-6): a number and its unit.
fn duration(fields: &Fields<'_>, notes: &mut Notes) -> Option<Quantity> {
    let value = decimal(fields, 6, notes)?;
    let unit = fields
        .field(6)
        .first()
        .component(2)
        .subcomponent(1)
        .text()
        .parse()
        .ok();
    Some(Quantity {
        value,
        unit,
        comparator: None,
    })
}
