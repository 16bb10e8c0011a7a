//! Where in a record something stands that could tell who the person is. Every field is named, so
//! that a new field of the vocabulary cannot be forgotten here.

use record::code::{Code, Coding, Concept, Unit};
use record::content::{
    AllergyIntolerance, Amount, Condition, Coverage, Dose, Encounter, MedicationAdministration,
    MedicationRequest, Modifier, NutritionOrder, Observation, Patient, Procedure, Record,
    ServiceRequest, Value,
};
use record::moment::Moment;
use record::number::{Decimal, Quantity};

/// One place of a record with what stands there.
pub(super) enum Slot<'r> {
    /// A code without a system.
    Code(&'r mut Option<Code>),
    /// A code with its system.
    Coding(&'r mut Option<Coding>),
    /// A concept.
    Concept(&'r mut Option<Concept>),
    /// Any number of concepts.
    Concepts(&'r mut Vec<Concept>),
    /// The parts of a disease's name.
    Modifiers(&'r mut Vec<Modifier>),
    /// A concept without which there is no record.
    Essential(&'r mut Concept),
    /// A unit as it is written.
    Unit(&'r mut Option<Unit>),
    /// A number.
    Number(Decimal),
    /// A day or a time.
    Moment(&'r mut Option<Moment>),
    /// A value that is a code, a sign or a time.
    Value(&'r mut Option<Value>),
}

type Visit<'v> = &'v mut dyn FnMut(Slot<'_>);

/// Hands over every place of a record, empty ones too.
pub(super) fn visit(record: &mut Record, to: Visit<'_>) {
    match record {
        Record::Patient(patient) => of_patient(patient),
        Record::Coverage(coverage) => of_coverage(coverage, to),
        Record::Encounter(encounter) => of_encounter(encounter, to),
        Record::AllergyIntolerance(allergy) => of_allergy(allergy, to),
        Record::Condition(condition) => of_condition(condition, to),
        Record::MedicationRequest(request) => of_request(request, to),
        Record::MedicationAdministration(given) => of_administration(given, to),
        Record::Observation(observation) => of_observation(observation, to),
        Record::ServiceRequest(request) => of_service(request, to),
        Record::Procedure(procedure) => of_procedure(procedure, to),
        Record::NutritionOrder(order) => of_meal(order, to),
    }
}

/// Months and a prefecture only.
fn of_patient(patient: &Patient) {
    let Patient {
        sex: _,
        birth: _,
        prefecture: _,
        died: _,
        deceased: _,
    } = patient;
}

fn of_coverage(coverage: &mut Coverage, to: Visit<'_>) {
    let Coverage {
        plan,
        start,
        end,
        relation,
    } = coverage;
    to(Slot::Essential(plan));
    codes([relation], to);
    moments([start, end], to);
}

fn of_encounter(encounter: &mut Encounter, to: Visit<'_>) {
    let Encounter {
        class: _,
        event: _,
        at,
        admitted,
        returns,
        department,
        ward,
        ward_from,
        disposition,
    } = encounter;
    codes([department, ward, ward_from, disposition], to);
    moments([at, admitted, returns], to);
}

fn of_allergy(allergy: &mut AllergyIntolerance, to: Visit<'_>) {
    let AllergyIntolerance {
        category,
        code,
        severity,
        sensitivity,
        verification,
        onset,
        recorded,
    } = allergy;
    concepts([category, code], to);
    for coding in [severity, sensitivity, verification] {
        to(Slot::Coding(coding));
    }
    moments([onset, recorded], to);
}

fn of_condition(condition: &mut Condition, to: Visit<'_>) {
    let Condition {
        code,
        exchange,
        icd10,
        modifiers,
        onset,
        abated,
        outcome,
        outcome_at,
        rank,
        provisional: _,
        free_text: _,
    } = condition;
    concepts([code, exchange, icd10, outcome, rank], to);
    to(Slot::Modifiers(modifiers));
    moments([onset, abated, outcome_at], to);
}

fn of_request(request: &mut MedicationRequest, to: Visit<'_>) {
    let MedicationRequest {
        dose,
        most,
        form,
        per_day,
        dispensed,
        rate,
        start,
        end,
        timing,
        duration,
        occurrences,
        priority,
        requested,
        route,
        site,
        device,
        method,
        categories,
        class: _,
        group: _,
        component: _,
    } = request;
    of_dose(dose, to);
    concepts([form, route, site, device, method], to);
    numbers([most, occurrences], to);
    amounts([per_day, dispensed, rate], to);
    codes([timing, priority], to);
    quantities([duration], to);
    to(Slot::Concepts(categories));
    moments([start, end, requested], to);
}

fn of_administration(given: &mut MedicationAdministration, to: Visit<'_>) {
    let MedicationAdministration {
        dose,
        form,
        rate,
        lot,
        start,
        end,
        route,
        site,
        device,
        method,
        status,
        class: _,
        group: _,
        component: _,
    } = given;
    of_dose(dose, to);
    concepts([form, route, site, device, method], to);
    quantities([rate], to);
    codes([lot, status], to);
    moments([start, end], to);
}

fn of_observation(observation: &mut Observation, to: Visit<'_>) {
    let Observation {
        code,
        value,
        range,
        flag,
        status,
        method,
        part,
        panel,
        specimen,
        collected,
        received,
        at,
        analysed,
        reported,
        group: _,
        prior: _,
    } = observation;
    of_value(value, to);
    concepts([code, method, panel, specimen], to);
    codes([flag, status, part], to);
    let (low, high) = range.unwrap_or_default();
    numbers([&low, &high], to);
    moments([collected, received, at, analysed, reported], to);
}

fn of_service(request: &mut ServiceRequest, to: Visit<'_>) {
    let ServiceRequest {
        category: _,
        code,
        specimen,
        body_site,
        modality,
        priority,
        requested,
        scheduled,
        status,
        class: _,
        group: _,
        part: _,
    } = request;
    concepts([code, specimen, body_site, modality], to);
    codes([priority, status], to);
    moments([requested, scheduled], to);
}

fn of_procedure(procedure: &mut Procedure, to: Visit<'_>) {
    let Procedure {
        category: _,
        code,
        times,
        addition,
        start,
        end,
        reported,
        status,
        body_site,
        modality,
        class: _,
        group: _,
        part: _,
    } = procedure;
    concepts([code, addition, body_site, modality], to);
    numbers([times], to);
    codes([status], to);
    moments([start, end, reported], to);
}

fn of_meal(order: &mut NutritionOrder, to: Visit<'_>) {
    let NutritionOrder {
        code,
        action,
        meal,
        start,
        end,
        timing,
        requested,
        class: _,
        group: _,
    } = order;
    concepts([code, meal], to);
    codes([action, timing], to);
    moments([start, end, requested], to);
}

fn of_value(value: &mut Option<Value>, to: Visit<'_>) {
    match value {
        Some(Value::Quantity(quantity)) => of_quantity(quantity, to),
        Some(Value::Used(dose)) => of_dose(dose, to),
        Some(Value::Concept(_) | Value::Moment(_) | Value::Sign(_)) | None => {
            to(Slot::Value(value));
        }
    }
}

fn of_dose(dose: &mut Dose, to: Visit<'_>) {
    let Dose {
        medication,
        amount,
        unit,
    } = dose;
    concepts([medication, unit], to);
    numbers([amount], to);
}

fn of_quantity(quantity: &mut Quantity, to: Visit<'_>) {
    let Quantity {
        value,
        unit,
        comparator: _,
    } = quantity;
    to(Slot::Number(*value));
    to(Slot::Unit(unit));
}

fn quantities<const N: usize>(slots: [&mut Option<Quantity>; N], to: Visit<'_>) {
    for quantity in slots.into_iter().flatten() {
        of_quantity(quantity, to);
    }
}

fn amounts<const N: usize>(slots: [&mut Option<Amount>; N], to: Visit<'_>) {
    for amount in slots.into_iter().flatten() {
        let Amount { value, unit } = amount;
        to(Slot::Number(*value));
        to(Slot::Concept(unit));
    }
}

fn codes<const N: usize>(slots: [&mut Option<Code>; N], to: Visit<'_>) {
    for code in slots {
        to(Slot::Code(code));
    }
}

fn concepts<const N: usize>(slots: [&mut Option<Concept>; N], to: Visit<'_>) {
    for concept in slots {
        to(Slot::Concept(concept));
    }
}

fn numbers<const N: usize>(slots: [&Option<Decimal>; N], to: Visit<'_>) {
    for number in slots.into_iter().flatten() {
        to(Slot::Number(*number));
    }
}

fn moments<const N: usize>(slots: [&mut Option<Moment>; N], to: Visit<'_>) {
    for moment in slots {
        to(Slot::Moment(moment));
    }
}
