//! OMD: meal orders. One record per diet code of an ODS.

use record::content::NutritionOrder;
use record::{Code, Moment, Record};

use super::order::Order;
use crate::ssmix2::read::Output;
use crate::ssmix2::table::Allowed;
use crate::ssmix2::terms;

/// The order group that the next lines belong to.
#[derive(Default)]
pub(crate) struct Meals {
    group: u16,
    order: Order,
    time: Option<Time>,
    /// Where the records of the group begin.
    start: usize,
}

#[derive(Clone)]
struct Time {
    start: Option<Moment>,
    end: Option<Moment>,
    timing: Option<Code>,
}

impl Meals {
    pub(super) fn segment(&mut self, fields: &Allowed<'_, '_>, output: &mut Output) {
        match &fields.name() {
            b"ORC" => {
                *self = Self {
                    group: self.group.saturating_add(1),
                    order: Order::of(fields, &mut output.notes),
                    time: None,
                    start: output.records.len(),
                };
            }
            b"TQ1" if self.time.is_some() => output.notes.leave_segment(fields.name()),
            b"TQ1" => self.time(fields, output),
            _ => self.diet(fields, output),
        }
    }

    fn time(&mut self, fields: &Allowed<'_, '_>, output: &mut Output) {
        let notes = &mut output.notes;
        let time = Time {
            start: terms::moment(fields, 7, notes),
            end: terms::moment(fields, 8, notes),
            timing: terms::timing(fields, notes),
        };
        for record in output.records.iter_mut().skip(self.start) {
            if let Record::NutritionOrder(order) = record {
                time.clone().apply(order);
            }
        }
        self.time = Some(time);
    }

    fn diet(&mut self, fields: &Allowed<'_, '_>, output: &mut Output) {
        let notes = &mut output.notes;
        let action = terms::code(fields, 1, notes);
        let meal = terms::concept(fields, 2, notes);
        let codes = terms::concepts(fields, 3, notes);
        if codes.is_empty() || self.order.cancelled {
            return notes.leave_line(fields.name());
        }
        for code in codes {
            let mut order = NutritionOrder {
                code: Some(code),
                action: action.clone(),
                meal: meal.clone(),
                requested: self.order.requested,
                class: self.order.class,
                group: self.group,
                ..NutritionOrder::default()
            };
            if let Some(time) = &self.time {
                time.clone().apply(&mut order);
            }
            output.records.push(Record::NutritionOrder(order));
        }
    }
}

impl Time {
    fn apply(self, order: &mut NutritionOrder) {
        order.start = self.start;
        order.end = self.end;
        order.timing = self.timing;
    }
}
