//! OML-01, -11, OMG-01 to -13: examinations as ordered, as performed, and their results.
//!
//! One record per OBR where the kind tells of the examination itself, one per test of a laboratory
//! order, one per ZE1 that says more than its OBR, one observation per OBX with a value. An order
//! may repeat earlier results: they begin with a second PID or with an ORC of control `PR`, and
//! everything until the next order of this document belongs to them. They become observations that
//! are marked as earlier ones, with the times of their own OBR and without the specimen of the
//! order.

use record::Record;
use record::content::{Observation, Procedure, ServiceCategory, ServiceRequest, Value};

use super::observation::{self, Around};
use super::order::Order;
use crate::ssmix2::name::FileName;
use crate::ssmix2::notes::Notes;
use crate::ssmix2::read::Output;
use crate::ssmix2::table::Allowed;
use crate::ssmix2::{terms, values};

/// What a kind tells of examinations.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Orders.
    Ordered,
    /// Performances, with what was found.
    Performed,
    /// Results alone.
    Reported,
}

/// The group that the next lines belong to.
pub(crate) struct Examinations {
    category: ServiceCategory,
    stage: Stage,
    order: Order,
    /// The specimen, until the next one.
    specimen: Around,
    /// What observations of the group share.
    around: Around,
    /// The number of the last group of this document's own orders.
    groups: u16,
    /// Where the records of the group begin.
    start: usize,
    /// The record of the group's OBR.
    of_request: Option<usize>,
    /// OBR-2 of the last OBR that became a record.
    number: String,
    urgency: Urgency,
    /// Whether the group of results has a result yet.
    begun: bool,
    /// The order that a result's OBR will follow.
    next: Option<Order>,
}

#[derive(Default, Clone)]
struct Urgency {
    priority: Option<record::Code>,
    scheduled: Option<record::Moment>,
}

impl Examinations {
    pub(super) fn new(category: ServiceCategory, stage: Stage) -> Self {
        Self {
            category,
            stage,
            order: Order::default(),
            specimen: Around::default(),
            around: Around::default(),
            groups: 0,
            start: 0,
            of_request: None,
            number: String::new(),
            urgency: Urgency::default(),
            begun: true,
            next: None,
        }
    }

    /// A second PID begins earlier results, in orders; in results it begins further ones.
    pub(super) fn patient_again(&mut self) {
        if self.stage == Stage::Ordered {
            self.begin_prior();
        }
    }

    /// Another message of the file begins.
    pub(super) fn message(&mut self) {
        self.around.prior = false;
    }

    /// Whether the lines at hand repeat earlier results.
    pub(super) fn is_prior(&self) -> bool {
        self.around.prior
    }

    pub(super) fn segment(
        &mut self,
        fields: &Allowed<'_, '_>,
        name: &FileName,
        output: &mut Output,
    ) {
        match &fields.name() {
            b"SPM" => self.specimen(fields, output),
            b"ORC" => self.order(fields, name, output),
            b"TQ1" => self.urgency(fields, output),
            b"OBR" => self.request(fields, output),
            b"OBX" => self.observed(fields, output),
            b"IPC" => self.modality(fields, output),
            b"ZE1" => self.performed(fields, output),
            _ => self.exposed(fields, output),
        }
    }

    fn begin_prior(&mut self) {
        self.order = Order::default();
        self.urgency = Urgency::default();
        self.of_request = None;
        self.around = Around {
            group: self.around.group,
            prior: true,
            ..Around::default()
        };
    }

    fn begin_group(&mut self, output: &Output) {
        self.groups = self.groups.saturating_add(1);
        self.start = output.records.len();
        self.of_request = None;
        self.around = Around {
            group: self.groups,
            ..self.specimen.clone()
        };
    }

    fn specimen(&mut self, fields: &Allowed<'_, '_>, output: &mut Output) {
        let notes = &mut output.notes;
        self.specimen = Around {
            specimen: terms::concept(fields, 4, notes),
            collected: terms::moment(fields, 17, notes),
            received: terms::moment(fields, 18, notes),
            ..Around::default()
        };
        self.order = Order::default();
        self.of_request = None;
        self.around = Around {
            group: self.groups,
            ..self.specimen.clone()
        };
    }

    fn order(&mut self, fields: &Allowed<'_, '_>, name: &FileName, output: &mut Output) {
        let order = Order::of(fields, &mut output.notes);
        // Results have the ORC behind its OBR (OUL) or before it (ORU); it opens no group.
        if self.stage == Stage::Reported {
            match self.begun {
                true => self.next = Some(order),
                false => self.order = order,
            }
            return;
        }
        let control = fields.field(1).value().text();
        if control == "PR" || (self.around.prior && !is_own(fields, &control, name)) {
            return self.begin_prior();
        }
        self.begin_group(output);
        self.order = order;
        self.urgency = Urgency::default();
    }

    fn urgency(&mut self, fields: &Allowed<'_, '_>, output: &mut Output) {
        if self.around.prior {
            return output.notes.leave_segment(fields.name());
        }
        let notes = &mut output.notes;
        self.urgency = Urgency {
            priority: terms::code(fields, 9, notes),
            scheduled: terms::moment(fields, 7, notes),
        };
        if let Some(Record::ServiceRequest(request)) = self.at_hand(output) {
            request.priority.clone_from(&self.urgency.priority);
            request.scheduled = self.urgency.scheduled.or(request.scheduled);
        }
    }

    /// The record of the group's OBR.
    fn at_hand<'o>(&self, output: &'o mut Output) -> Option<&'o mut Record> {
        output.records.get_mut(self.of_request?)
    }

    fn request(&mut self, fields: &Allowed<'_, '_>, output: &mut Output) {
        let opens = self.stage == Stage::Reported || self.groups == 0 || self.of_request.is_some();
        if opens && !self.around.prior {
            self.begin_group(output);
            if self.stage == Stage::Reported {
                self.order = self.next.take().unwrap_or_default();
                self.begun = false;
            }
        }
        let notes = &mut output.notes;
        let around = &mut self.around;
        around.panel = terms::concept(fields, 4, notes);
        around.observed = terms::moment(fields, 7, notes);
        around.reported = terms::moment(fields, 22, notes);
        around.received = terms::moment(fields, 14, notes).or(around.received);
        if self.stage == Stage::Reported || self.around.prior {
            return;
        }
        let number = fields.field(2).value().text();
        let stated = self.order.parent && *number == *self.number;
        if let Some(at) = self.last(output).filter(|_| stated) {
            // A parent that is stated again is no second order; what follows belongs to it.
            self.of_request = Some(at);
            self.start = at;
            self.groups = self.groups.saturating_sub(1);
            self.around.group = self.groups;
            return output.notes.leave_line(fields.name());
        }
        if self.order.cancelled {
            return output.notes.leave_line(fields.name());
        }
        self.number.clear();
        self.number.push_str(&number);
        let record = self.record(fields, &mut output.notes);
        self.of_request = Some(output.records.len());
        output.records.push(record);
    }

    /// Where the last record of an examination stands, when it is of the same one.
    fn last(&self, output: &Output) -> Option<usize> {
        let code = |record: &Record| match record {
            Record::ServiceRequest(it) => Some(it.code == self.around.panel),
            Record::Procedure(it) => Some(it.code == self.around.panel),
            _ => None,
        };
        let (at, same) = output
            .records
            .iter()
            .enumerate()
            .rev()
            .find_map(|(at, record)| code(record).map(|same| (at, same)))?;
        same.then_some(at)
    }

    fn record(&self, fields: &Allowed<'_, '_>, notes: &mut Notes) -> Record {
        let body_site = terms::concept_in(fields.field(15).first().component(4));
        let (order, around) = (&self.order, &self.around);
        match self.stage {
            Stage::Ordered => Record::ServiceRequest(ServiceRequest {
                category: self.category,
                code: around.panel.clone(),
                specimen: around.specimen.clone(),
                body_site,
                modality: None,
                priority: self.urgency.priority.clone(),
                requested: order.requested,
                scheduled: self.urgency.scheduled.or(terms::moment(fields, 36, notes)),
                status: order.status.clone(),
                class: order.class,
                group: around.group,
                part: order.part,
            }),
            _ => Record::Procedure(Procedure {
                category: self.category,
                code: around.panel.clone(),
                start: around.observed,
                end: terms::moment(fields, 8, notes),
                reported: around.reported,
                status: terms::code(fields, 25, notes),
                body_site,
                class: order.class,
                group: around.group,
                part: order.part,
                ..Procedure::default()
            }),
        }
    }

    fn observed(&mut self, fields: &Allowed<'_, '_>, output: &mut Output) {
        self.begun = true;
        if self.order.cancelled {
            return output.notes.leave_line(fields.name());
        }
        let asked = self.stage == Stage::Ordered
            && self.category == ServiceCategory::Laboratory
            && !self.around.prior
            && fields.field(5).is_empty();
        match asked {
            true => self.test(fields, output),
            false => observation::segment(fields, &self.around, output),
        }
    }

    /// A test of a laboratory order: an OBX that names what to measure and has no value yet.
    fn test(&self, fields: &Allowed<'_, '_>, output: &mut Output) {
        if observation::is_of_person(fields) {
            return output.notes.leave_person(fields.name());
        }
        let Some(code) = terms::concept(fields, 3, &mut output.notes) else {
            return output.notes.leave_line(fields.name());
        };
        let request = ServiceRequest {
            category: self.category,
            code: Some(code),
            specimen: self.around.specimen.clone(),
            priority: self.urgency.priority.clone(),
            requested: self.order.requested,
            scheduled: self.urgency.scheduled,
            status: self.order.status.clone(),
            class: self.order.class,
            group: self.around.group,
            part: true,
            ..ServiceRequest::default()
        };
        output.records.push(Record::ServiceRequest(request));
    }

    /// IPC comes last in a group and is about all of it.
    fn modality(&self, fields: &Allowed<'_, '_>, output: &mut Output) {
        let Some(modality) = terms::concept(fields, 5, &mut output.notes) else {
            return;
        };
        for record in output.records.iter_mut().skip(self.start) {
            let slot = match record {
                Record::ServiceRequest(request) => &mut request.modality,
                Record::Procedure(procedure) => &mut procedure.modality,
                _ => continue,
            };
            slot.get_or_insert_with(|| modality.clone());
        }
    }

    /// ZE1 tells what was really done: of the OBR when the code is the same, of a part of it when
    /// it is another one.
    fn performed(&mut self, fields: &Allowed<'_, '_>, output: &mut Output) {
        if self.order.cancelled || self.around.prior {
            return output.notes.leave_line(fields.name());
        }
        let notes = &mut output.notes;
        let code = terms::concept(fields, 3, notes);
        let times = terms::decimal(fields, 4, notes);
        let addition = terms::concept(fields, 5, notes);
        let says = code.is_some() || times.is_some() || addition.is_some();
        match self.at_hand(output) {
            Some(Record::Procedure(procedure))
                if procedure.times.is_none()
                    && procedure.addition.is_none()
                    && (code.is_none() || procedure.code == code) =>
            {
                procedure.times = times;
                procedure.addition = addition;
            }
            _ if says => {
                let procedure = Procedure {
                    category: self.category,
                    code,
                    times,
                    addition,
                    start: self.around.observed,
                    class: self.order.class,
                    group: self.around.group,
                    part: true,
                    ..Procedure::default()
                };
                output.records.push(Record::Procedure(procedure));
            }
            _ => {}
        }
        self.used(fields, output);
    }

    /// ZE1-9: medicines and things used, one observation each.
    fn used(&self, fields: &Allowed<'_, '_>, output: &mut Output) {
        const ITEMS: u8 = 9;
        let code = terms::code(fields, 8, &mut output.notes);
        for repetition in fields.field(ITEMS).repetitions() {
            let Some(value) = values::used(repetition) else {
                output.notes.leave_field(fields, ITEMS);
                continue;
            };
            let code = code.clone().map(|code| record::Concept::of(code, None));
            self.push(code, value, output);
        }
    }

    /// ZE2: the conditions of an exposure, one observation each. Their codes are the fields
    /// themselves, in a system of that name.
    fn exposed(&self, fields: &Allowed<'_, '_>, output: &mut Output) {
        if self.order.cancelled || self.around.prior {
            return output.notes.leave_line(fields.name());
        }
        let system = values::exposure_system();
        for (number, name) in [
            (2, "ZE2-2"),
            (3, "ZE2-3"),
            (4, "ZE2-4"),
            (5, "ZE2-5"),
            (6, "ZE2-6"),
        ] {
            let Some(quantity) = terms::quantity(fields, number, &mut output.notes) else {
                continue;
            };
            let code = name.parse().ok();
            let code = code.map(|code| record::Concept::of(code, system.clone()));
            self.push(code, Value::Quantity(quantity), output);
        }
    }

    fn push(&self, code: Option<record::Concept>, value: Value, output: &mut Output) {
        output.records.push(Record::Observation(Observation {
            code,
            value: Some(value),
            panel: self.around.panel.clone(),
            at: self.around.observed,
            group: self.around.group,
            ..Observation::default()
        }));
    }
}

/// Whether an ORC that follows earlier results is an order of this document again: its number, or
/// its parent's, is the document's; a document without a number knows it by the order control.
fn is_own(fields: &Allowed<'_, '_>, control: &str, name: &FileName) -> bool {
    let order = significant(name.order.expose());
    let none = order.is_empty() || order.bytes().all(|b| b == b'9');
    let named = [2, 8].map(|number| fields.field(number).value().text());
    match none {
        true => matches!(
            control,
            "NW" | "PA" | "CH" | "RP" | "XO" | "CA" | "OC" | "CR"
        ),
        false => named.iter().any(|number| significant(number) == order),
    }
}

/// A number without the zeros that fill it up.
fn significant(number: &str) -> &str {
    number.trim_start_matches('0')
}
