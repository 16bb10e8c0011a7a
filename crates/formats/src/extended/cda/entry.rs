//! One entry of a document while it is read, and the record that it becomes.

use record::content::{Dose, MedicationAdministration, MedicationRequest, Observation, Value};
use record::{Code, Coding, Comparator, Concept, Decimal, Moment, Quantity, Record, Unit};

use super::nodes::Node;

/// An entry with what has been read of it.
pub(super) struct Entry {
    /// What kind of entry.
    pub(super) node: Node,
    /// Its mood: `EVN` for what happened.
    pub(super) mood: Mood,
    /// What it says so far.
    pub(super) said: Said,
}

/// Whether an entry tells of what happened or of what is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// It happened.
    Event,
    /// It was ordered.
    Request,
    /// Something else: a goal, a plan, a definition.
    Other,
}

impl Mood {
    pub(super) fn of(code: Option<&str>) -> Self {
        match code {
            None | Some("EVN") => Self::Event,
            Some("RQO" | "INT") => Self::Request,
            Some(_) => Self::Other,
        }
    }
}

/// A code with its translations, in the order of the document.
#[derive(Default)]
pub(super) struct Codings(Vec<Coding>);

impl Codings {
    /// Takes one more; false when a concept cannot hold it.
    pub(super) fn push(&mut self, coding: Coding) -> bool {
        const MOST: usize = 2;
        let fits = self.0.len() < MOST;
        if fits {
            self.0.push(coding);
        }
        fits
    }

    fn concept(self) -> Option<Concept> {
        let mut codings = self.0.into_iter();
        Some(Concept {
            first: codings.next()?,
            second: codings.next(),
        })
    }
}

/// What has been read of an entry.
#[derive(Default)]
pub(super) struct Said {
    pub(super) code: Codings,
    pub(super) value: Option<Value>,
    pub(super) coded: Codings,
    pub(super) bounds: [Option<Bound>; 2],
    pub(super) range: [Option<Decimal>; 2],
    pub(super) flag: Option<Code>,
    pub(super) method: Codings,
    pub(super) at: Option<Moment>,
    pub(super) start: Option<Moment>,
    pub(super) end: Option<Moment>,
    pub(super) medicine: Codings,
    pub(super) amount: Option<(Decimal, Option<Unit>)>,
    pub(super) route: Codings,
}

/// One bound of an interval.
pub(super) struct Bound {
    pub(super) value: Decimal,
    pub(super) unit: Option<Unit>,
    pub(super) inclusive: bool,
}

impl Entry {
    /// The record of an entry that says something; `None` when the vocabulary cannot say it.
    pub(super) fn record(self) -> Option<Record> {
        match (self.node, self.mood) {
            (Node::Observation, Mood::Event) => self.said.observation(),
            (Node::Substance, Mood::Event) => self.said.administration(),
            (Node::Substance, Mood::Request) => self.said.request(),
            _ => None,
        }
    }
}

impl Said {
    fn observation(self) -> Option<Record> {
        // A value without the word for what was measured says nothing.
        let code = Some(self.code.concept()?);
        let [low, high] = self.bounds;
        let value = self
            .value
            .or_else(|| self.coded.concept().map(Value::Concept))
            .or_else(|| bounded(low, high));
        let [lower, upper] = self.range;
        let range = (lower.is_some() || upper.is_some()).then_some((lower, upper));
        value.as_ref()?;
        Some(Record::Observation(Observation {
            code,
            value,
            range,
            flag: self.flag,
            method: self.method.concept(),
            at: self.at.or(self.start),
            ..Observation::default()
        }))
    }

    fn administration(self) -> Option<Record> {
        let (start, end) = (self.start.or(self.at), self.end);
        let (dose, route) = dose(self.medicine, self.amount, self.route)?;
        Some(Record::MedicationAdministration(MedicationAdministration {
            dose,
            start,
            end,
            route,
            ..MedicationAdministration::default()
        }))
    }

    fn request(self) -> Option<Record> {
        let (start, end) = (self.start.or(self.at), self.end);
        let (dose, route) = dose(self.medicine, self.amount, self.route)?;
        Some(Record::MedicationRequest(MedicationRequest {
            dose,
            start,
            end,
            route,
            ..MedicationRequest::default()
        }))
    }
}

fn dose(
    medicine: Codings,
    amount: Option<(Decimal, Option<Unit>)>,
    route: Codings,
) -> Option<(Dose, Option<Concept>)> {
    let medication = Some(medicine.concept()?);
    let (amount, unit) = match amount {
        Some((amount, unit)) => (Some(amount), unit.as_ref().and_then(unit_concept)),
        None => (None, None),
    };
    let dose = Dose {
        medication,
        amount,
        unit,
    };
    Some((dose, route.concept()))
}

fn unit_concept(unit: &Unit) -> Option<Concept> {
    let code: Code = unit.as_str().parse().ok()?;
    Some(Concept::of(code, "UCUM".parse().ok()))
}

/// An interval with one bound is a bound; with two it is more than a quantity says.
fn bounded(low: Option<Bound>, high: Option<Bound>) -> Option<Value> {
    let (bound, comparator) = match (low, high) {
        (Some(low), None) if low.inclusive => (low, Comparator::AtLeast),
        (Some(low), None) => (low, Comparator::Greater),
        (None, Some(high)) if high.inclusive => (high, Comparator::AtMost),
        (None, Some(high)) => (high, Comparator::Less),
        _ => return None,
    };
    Some(Value::Quantity(Quantity {
        value: bound.value,
        unit: bound.unit,
        comparator: Some(comparator),
    }))
}
