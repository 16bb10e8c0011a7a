//! OMP-01, -02, -11, -12: prescriptions and injections, as ordered and as given.
//!
//! One record per RXE and RXC of an order, one per RXA and RXC of an administration. Time and route
//! stand in their own segments, before or after the medicines of the same order group.

use record::code::Coding;
use record::content::{Amount, Dose, MedicationAdministration, MedicationRequest};
use record::{Code, Concept, Decimal, Moment, Quantity, Record};

use super::observation::{self, Around};
use super::order::Order;
use crate::ssmix2::notes::Notes;
use crate::ssmix2::read::Output;
use crate::ssmix2::table::Allowed;
use crate::ssmix2::{terms, values};

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
    /// The number of the group in the document, and the site's own name of it (ORC-4).
    number: u16,
    named: String,
}

#[derive(Default)]
struct Group {
    /// Where the records of the group begin.
    start: usize,
    order: Order,
    /// Whether the group has its RXE or RXA.
    begun: bool,
    time: Option<Time>,
    route: Option<Route>,
    given: Option<Given>,
}

#[derive(Clone)]
struct Time {
    start: Option<Moment>,
    end: Option<Moment>,
    timing: Option<Code>,
    duration: Option<Quantity>,
    occurrences: Option<Decimal>,
    priority: Option<Code>,
}

#[derive(Clone, Default)]
struct Route {
    route: Option<Concept>,
    site: Option<Concept>,
    device: Option<Concept>,
    method: Option<Concept>,
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
            number: 0,
            named: String::new(),
        }
    }

    pub(super) fn segment(&mut self, fields: &Allowed<'_, '_>, output: &mut Output) {
        match &fields.name() {
            b"ORC" => self.order(fields, output),
            b"TQ1" if self.group.time.is_some() => output.notes.leave_segment(fields.name()),
            b"TQ1" => self.time(fields, output),
            b"RXR" if self.group.route.is_some() => output.notes.leave_segment(fields.name()),
            b"RXR" => self.route(fields, output),
            b"RXE" => self.ordered(fields, output),
            b"RXA" => self.given(fields, output),
            b"OBX" => self.observed(fields, output),
            _ => self.component(fields, output),
        }
    }

    /// Orders of one prescription (Rp) share their ORC-4; the records say so by an equal number.
    fn order(&mut self, fields: &Allowed<'_, '_>, output: &mut Output) {
        let named = fields.field(4).value().text();
        if named.is_empty() || *named != *self.named {
            self.number = self.number.saturating_add(1);
        }
        self.named.clear();
        self.named.push_str(&named);
        self.group = Group {
            start: output.records.len(),
            order: Order::of(fields, &mut output.notes),
            ..Group::default()
        };
    }

    fn ordered(&mut self, fields: &Allowed<'_, '_>, output: &mut Output) {
        if self.group.begun {
            self.group = Group {
                start: output.records.len(),
                order: self.group.order.clone(),
                ..Group::default()
            };
        }
        self.group.begun = true;
        let notes = &mut output.notes;
        let mut request = MedicationRequest {
            dose: dose(fields, [2, 3, 5], notes),
            most: terms::decimal(fields, 4, notes),
            form: terms::concept(fields, 6, notes),
            dispensed: amount(fields, [10, 11], notes),
            per_day: terms::amount(fields, 19, notes),
            categories: categories(fields, notes),
            rate: amount(fields, [23, 24], notes),
            ..MedicationRequest::default()
        };
        self.fill(&mut request);
        let says = says(&request.dose);
        self.push(fields, says, Record::MedicationRequest(request), output);
    }

    fn component(&mut self, fields: &Allowed<'_, '_>, output: &mut Output) {
        let dose = dose(fields, [2, 3, 4], &mut output.notes);
        let says = says(&dose);
        let record = match self.stage {
            Stage::Ordered => {
                let mut request = MedicationRequest {
                    dose,
                    component: true,
                    ..MedicationRequest::default()
                };
                self.fill(&mut request);
                Record::MedicationRequest(request)
            }
            Stage::Given => {
                let mut given = MedicationAdministration {
                    dose,
                    component: true,
                    ..MedicationAdministration::default()
                };
                self.fill_given(&mut given);
                Record::MedicationAdministration(given)
            }
        };
        self.push(fields, says, record, output);
    }

    fn given(&mut self, fields: &Allowed<'_, '_>, output: &mut Output) {
        let notes = &mut output.notes;
        let given = Given {
            start: terms::moment(fields, 3, notes),
            end: terms::moment(fields, 4, notes),
            status: terms::code(fields, 20, notes),
        };
        let mut record = MedicationAdministration {
            dose: dose(fields, [5, 6, 7], notes),
            form: terms::concept(fields, 8, notes),
            rate: values::rate(fields, 12, notes),
            lot: values::lot(fields, 15, notes),
            ..MedicationAdministration::default()
        };
        // Components of a mixture may come first and take the time of what follows.
        if self.group.given.is_none() {
            for record in output.records.iter_mut().skip(self.group.start) {
                if let Record::MedicationAdministration(record) = record {
                    given.clone().apply(record);
                }
            }
        }
        self.group.given = Some(given);
        self.fill_given(&mut record);
        if fields.field(21).value().text() == "D" {
            return output.notes.leave_line(fields.name());
        }
        let says = says(&record.dose);
        self.push(
            fields,
            says,
            Record::MedicationAdministration(record),
            output,
        );
    }

    fn observed(&self, fields: &Allowed<'_, '_>, output: &mut Output) {
        if self.group.order.cancelled {
            return output.notes.leave_line(fields.name());
        }
        let around = Around {
            group: self.number,
            ..Around::default()
        };
        observation::segment(fields, &around, output);
    }

    fn time(&mut self, fields: &Allowed<'_, '_>, output: &mut Output) {
        let notes = &mut output.notes;
        let time = Time {
            start: terms::moment(fields, 7, notes),
            end: terms::moment(fields, 8, notes),
            timing: terms::timing(fields, notes),
            duration: terms::quantity(fields, 6, notes),
            occurrences: terms::decimal(fields, 14, notes),
            priority: terms::code(fields, 9, notes),
        };
        for record in output.records.iter_mut().skip(self.group.start) {
            if let Record::MedicationRequest(request) = record {
                time.clone().apply(request);
            }
        }
        self.group.time = Some(time);
    }

    fn route(&mut self, fields: &Allowed<'_, '_>, output: &mut Output) {
        let notes = &mut output.notes;
        let route = Route {
            route: terms::concept(fields, 1, notes),
            site: terms::concept(fields, 2, notes),
            device: terms::concept(fields, 3, notes),
            method: terms::concept(fields, 4, notes),
        };
        for record in output.records.iter_mut().skip(self.group.start) {
            match record {
                Record::MedicationRequest(request) => route.clone().apply(request),
                Record::MedicationAdministration(given) => route.clone().apply_given(given),
                _ => {}
            }
        }
        self.group.route = Some(route);
    }

    /// What the group says of an order so far.
    fn fill(&self, request: &mut MedicationRequest) {
        let Group {
            order, time, route, ..
        } = &self.group;
        request.requested = order.requested;
        request.class = order.class;
        request.group = self.number;
        if let Some(time) = time {
            time.clone().apply(request);
        }
        if let Some(route) = route {
            route.clone().apply(request);
        }
    }

    /// What the group says of an administration so far.
    fn fill_given(&self, record: &mut MedicationAdministration) {
        let Group {
            order,
            route,
            given,
            ..
        } = &self.group;
        record.class = order.class;
        record.group = self.number;
        if let Some(given) = given {
            given.clone().apply(record);
        }
        if let Some(route) = route {
            route.clone().apply_given(record);
        }
    }

    /// Adds one record, or counts the line when it says nothing or its order was cancelled.
    fn push(&self, fields: &Allowed<'_, '_>, says: bool, record: Record, output: &mut Output) {
        match says && !self.group.order.cancelled {
            true => output.records.push(record),
            false => output.notes.leave_line(fields.name()),
        }
    }
}

impl Time {
    fn apply(self, request: &mut MedicationRequest) {
        request.start = self.start;
        request.end = self.end;
        request.timing = self.timing;
        request.duration = self.duration;
        request.occurrences = self.occurrences;
        request.priority = self.priority;
    }
}

impl Route {
    fn apply(self, request: &mut MedicationRequest) {
        request.route = self.route;
        request.site = self.site;
        request.device = self.device;
        request.method = self.method;
    }

    fn apply_given(self, given: &mut MedicationAdministration) {
        given.route = self.route;
        given.site = self.site;
        given.device = self.device;
        given.method = self.method;
    }
}

impl Given {
    fn apply(self, record: &mut MedicationAdministration) {
        record.start = record.start.or(self.start);
        record.end = record.end.or(self.end);
        record.status = record.status.take().or(self.status);
    }
}

/// Whether a dose says what or how much.
fn says(dose: &Dose) -> bool {
    dose.medication.is_some() || dose.amount.is_some()
}

/// Medicine, amount and unit, each in its field.
fn dose(fields: &Allowed<'_, '_>, [medicine, amount, unit]: [u8; 3], notes: &mut Notes) -> Dose {
    Dose {
        medication: terms::concept(fields, medicine, notes),
        amount: terms::decimal(fields, amount, notes),
        unit: terms::concept(fields, unit, notes),
    }
}

/// An amount and its unit in two fields. A unit alone is counted as left behind.
fn amount(fields: &Allowed<'_, '_>, [value, unit]: [u8; 2], notes: &mut Notes) -> Option<Amount> {
    let written = terms::concept(fields, unit, notes);
    let value = terms::decimal(fields, value, notes);
    if value.is_none() && written.is_some() {
        notes.leave_field(fields, unit);
    }
    value.map(|value| Amount {
        value,
        unit: written,
    })
}

/// What sort of prescription it is (RXE-21): codes of the one table that tells it. The field may
/// hold instructions in words too, and numbers in them could be anybody's.
fn categories(fields: &Allowed<'_, '_>, notes: &mut Notes) -> Vec<Concept> {
    const TABLE: &str = "MR9P";
    let mut all = terms::concepts(fields, 21, notes);
    let named = |coding: &Coding| {
        let letters = coding.code.as_str().bytes().all(|b| b.is_ascii_uppercase());
        let table = coding
            .system
            .as_ref()
            .is_some_and(|system| system.as_str() == TABLE);
        letters && table
    };
    let before = all.len();
    all.retain(|concept| concept.codings().all(named));
    for _ in all.len()..before {
        notes.leave_field(fields, 21);
    }
    all
}
