//! Where in a record a code or a number stands. Every field is named, so that a new field of the
//! vocabulary cannot be forgotten here.

use record::code::{Code, Coding, Concept, Unit};
use record::content::{
    AllergyIntolerance, Amount, Condition, Coverage, Dose, Encounter, MedicationAdministration,
    MedicationRequest, Modifier, NutritionOrder, Observation, Patient, Procedure, Record,
    ServiceRequest, Value,
};
use record::number::{Decimal, Quantity};

use super::Search;

impl Search<'_> {
    pub(super) fn in_record(&self, record: &Record) -> bool {
        match record {
            Record::Patient(patient) => in_patient(patient),
            Record::Coverage(coverage) => self.in_coverage(coverage),
            Record::Encounter(encounter) => self.in_encounter(encounter),
            Record::AllergyIntolerance(allergy) => self.in_allergy(allergy),
            Record::Condition(condition) => self.in_condition(condition),
            Record::MedicationRequest(request) => self.in_request(request),
            Record::MedicationAdministration(given) => self.in_administration(given),
            Record::Observation(observation) => self.in_observation(observation),
            Record::ServiceRequest(request) => self.in_service(request),
            Record::Procedure(procedure) => self.in_procedure(procedure),
            Record::NutritionOrder(order) => self.in_meal(order),
        }
    }

    fn in_coverage(&self, coverage: &Coverage) -> bool {
        let Coverage {
            plan,
            start: _,
            end: _,
            relation,
        } = coverage;
        self.concept(plan) || self.codes([relation])
    }

    fn in_encounter(&self, encounter: &Encounter) -> bool {
        let Encounter {
            class: _,
            event: _,
            at: _,
            admitted: _,
            returns: _,
            department,
            ward,
            ward_from,
            disposition,
        } = encounter;
        self.codes([department, ward, ward_from, disposition])
    }

    fn in_allergy(&self, allergy: &AllergyIntolerance) -> bool {
        let AllergyIntolerance {
            category,
            code,
            severity,
            sensitivity,
            verification,
            onset: _,
            recorded: _,
        } = allergy;
        self.concepts([category, code])
            || [severity, sensitivity, verification]
                .into_iter()
                .flatten()
                .any(|one| self.coding(one))
    }

    fn in_condition(&self, condition: &Condition) -> bool {
        let Condition {
            code,
            exchange,
            icd10,
            modifiers,
            onset: _,
            abated: _,
            outcome,
            outcome_at: _,
            rank,
            provisional: _,
            free_text: _,
        } = condition;
        self.concepts([code, exchange, icd10, outcome, rank])
            || modifiers.iter().any(|modifier| {
                let Modifier { place: _, code } = modifier;
                self.concept(code)
            })
    }

    fn in_request(&self, request: &MedicationRequest) -> bool {
        let MedicationRequest {
            dose,
            most,
            form,
            per_day,
            dispensed,
            rate,
            start: _,
            end: _,
            timing,
            duration,
            occurrences,
            priority,
            requested: _,
            route,
            site,
            device,
            method,
            categories,
            class: _,
            group: _,
            component: _,
        } = request;
        self.dose(dose)
            || self.concepts([form, route, site, device, method])
            || self.numbers([most, occurrences])
            || self.amounts([per_day, dispensed, rate])
            || self.codes([timing, priority])
            || duration.iter().any(|quantity| self.quantity(quantity))
            || categories.iter().any(|concept| self.concept(concept))
    }

    fn in_administration(&self, given: &MedicationAdministration) -> bool {
        let MedicationAdministration {
            dose,
            form,
            rate,
            lot,
            start: _,
            end: _,
            route,
            site,
            device,
            method,
            status,
            class: _,
            group: _,
            component: _,
        } = given;
        self.dose(dose)
            || self.concepts([form, route, site, device, method])
            || rate.iter().any(|quantity| self.quantity(quantity))
            || self.codes([lot, status])
    }

    fn in_observation(&self, observation: &Observation) -> bool {
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
            collected: _,
            received: _,
            at: _,
            analysed: _,
            reported: _,
            group: _,
            prior: _,
        } = observation;
        let (low, high) = range.unwrap_or_default();
        value.as_ref().is_some_and(|value| self.value(value))
            || self.concepts([code, method, panel, specimen])
            || self.codes([flag, status, part])
            || self.numbers([&low, &high])
    }

    fn in_service(&self, request: &ServiceRequest) -> bool {
        let ServiceRequest {
            category: _,
            code,
            specimen,
            body_site,
            modality,
            priority,
            requested: _,
            scheduled: _,
            status,
            class: _,
            group: _,
            part: _,
        } = request;
        self.concepts([code, specimen, body_site, modality]) || self.codes([priority, status])
    }

    fn in_procedure(&self, procedure: &Procedure) -> bool {
        let Procedure {
            category: _,
            code,
            times,
            addition,
            start: _,
            end: _,
            reported: _,
            status,
            body_site,
            modality,
            class: _,
            group: _,
            part: _,
        } = procedure;
        self.concepts([code, addition, body_site, modality])
            || self.numbers([times])
            || self.codes([status])
    }

    fn in_meal(&self, order: &NutritionOrder) -> bool {
        let NutritionOrder {
            code,
            action,
            meal,
            start: _,
            end: _,
            timing,
            requested: _,
            class: _,
            group: _,
        } = order;
        self.concepts([code, meal]) || self.codes([action, timing])
    }

    fn value(&self, value: &Value) -> bool {
        match value {
            // A measured day that is the day of birth says just that.
            Value::Moment(moment) => moment.date().is_some_and(|day| self.is_birth(day)),
            Value::Quantity(quantity) => self.quantity(quantity),
            Value::Concept(concept) => self.concept(concept),
            Value::Sign(sign) => self.text(sign.as_str()),
            Value::Used(dose) => self.dose(dose),
        }
    }

    fn dose(&self, dose: &Dose) -> bool {
        let Dose {
            medication,
            amount,
            unit,
        } = dose;
        self.concepts([medication, unit]) || self.numbers([amount])
    }

    fn amounts<const N: usize>(&self, amounts: [&Option<Amount>; N]) -> bool {
        amounts.into_iter().flatten().any(|amount| {
            let Amount { value, unit } = amount;
            self.number(*value) || self.concepts([unit])
        })
    }

    fn codes<const N: usize>(&self, codes: [&Option<Code>; N]) -> bool {
        codes
            .into_iter()
            .flatten()
            .any(|code| self.text(code.as_str()))
    }

    fn concepts<const N: usize>(&self, concepts: [&Option<Concept>; N]) -> bool {
        concepts
            .into_iter()
            .flatten()
            .any(|concept| self.concept(concept))
    }

    fn numbers<const N: usize>(&self, numbers: [&Option<Decimal>; N]) -> bool {
        numbers
            .into_iter()
            .flatten()
            .any(|number| self.number(*number))
    }

    fn concept(&self, concept: &Concept) -> bool {
        concept.codings().any(|coding| self.coding(coding))
    }

    fn coding(&self, coding: &Coding) -> bool {
        let Coding { code, system } = coding;
        self.text(code.as_str()) || system.iter().any(|system| self.text(system.as_str()))
    }

    fn quantity(&self, quantity: &Quantity) -> bool {
        let Quantity {
            value,
            unit,
            comparator: _,
        } = quantity;
        self.number(*value)
            || unit
                .as_ref()
                .map(Unit::as_str)
                .is_some_and(|unit| self.text(unit))
    }

    /// Only a number of eight digits before the point can be an identifier and not a measurement.
    fn number(&self, number: Decimal) -> bool {
        number.to_f64().abs() >= 1e7 && self.text(&number.to_string())
    }
}

fn in_patient(patient: &Patient) -> bool {
    let Patient {
        sex: _,
        birth: _,
        prefecture: _,
        died: _,
        deceased: _,
    } = patient;
    false
}
