//! From a record to the cells of its row, in the order of the table's columns.

use record::code::{Coding, Concept};
use record::content::{
    AllergyIntolerance, Amount, Condition, Coverage, Dose, Encounter, EncounterClass,
    MedicationAdministration, MedicationRequest, ModifierPlace, NutritionOrder, Observation,
    Patient, Procedure, ServiceRequest, Value,
};
use record::identity::Sex;
use record::{Decimal, Moment, Quantity, Record};

use super::sheet::Cell;

/// Adds the cells of a record behind those that every row has.
pub(super) fn fields(record: &Record, cells: &mut Vec<Cell>) {
    match record {
        Record::Patient(it) => patient(it, cells),
        Record::Coverage(it) => coverage(it, cells),
        Record::Encounter(it) => encounter(it, cells),
        Record::AllergyIntolerance(it) => allergy(it, cells),
        Record::Condition(it) => condition(it, cells),
        Record::MedicationRequest(it) => request(it, cells),
        Record::MedicationAdministration(it) => administration(it, cells),
        Record::Observation(it) => observation(it, cells),
        Record::ServiceRequest(it) => service(it, cells),
        Record::Procedure(it) => procedure(it, cells),
        Record::NutritionOrder(it) => meal(it, cells),
    }
}

fn patient(it: &Patient, cells: &mut Vec<Cell>) {
    let month = |month: record::YearMonth| format!("{:04}-{:02}", month.year, month.month);
    let prefecture = it.prefecture.map(|it| Cell::Whole(it.number().into()));
    cells.extend([
        Cell::text(it.sex.map(Sex::as_str)),
        Cell::text(it.birth.map(month)),
        prefecture.unwrap_or_default(),
        Cell::text(it.died.map(month)),
        Cell::Flag(it.deceased),
    ]);
}

fn coverage(it: &Coverage, cells: &mut Vec<Cell>) {
    concept(Some(&it.plan), cells);
    cells.extend([moment(it.start), moment(it.end)]);
    cells.push(Cell::text(it.relation.as_ref()));
}

fn encounter(it: &Encounter, cells: &mut Vec<Cell>) {
    cells.extend([
        class(it.class),
        Cell::text(Some(it.event.as_str())),
        moment(it.at),
        moment(it.admitted),
        moment(it.returns),
        Cell::text(it.department.as_ref()),
        Cell::text(it.ward.as_ref()),
        Cell::text(it.ward_from.as_ref()),
        Cell::text(it.disposition.as_ref()),
    ]);
}

fn allergy(it: &AllergyIntolerance, cells: &mut Vec<Cell>) {
    concept(it.category.as_ref(), cells);
    concept(it.code.as_ref(), cells);
    coding(it.severity.as_ref(), cells);
    coding(it.sensitivity.as_ref(), cells);
    coding(it.verification.as_ref(), cells);
    cells.extend([moment(it.onset), moment(it.recorded)]);
}

fn condition(it: &Condition, cells: &mut Vec<Cell>) {
    concept(it.code.as_ref(), cells);
    concept(it.exchange.as_ref(), cells);
    concept(it.icd10.as_ref(), cells);
    let modifiers = it.modifiers.iter().map(|modifier| {
        let sign = match modifier.place {
            ModifierPlace::Prefix => "<",
            ModifierPlace::Suffix => ">",
            ModifierPlace::Tooth => "#",
        };
        format!("{sign}{}", named(&modifier.code.first))
    });
    cells.push(list(modifiers));
    cells.extend([moment(it.onset), moment(it.abated)]);
    concept(it.outcome.as_ref(), cells);
    cells.push(moment(it.outcome_at));
    concept(it.rank.as_ref(), cells);
    cells.push(Cell::Flag(it.provisional));
    cells.push(Cell::Flag(it.free_text));
}

fn request(it: &MedicationRequest, cells: &mut Vec<Cell>) {
    dose(&it.dose, cells);
    decimal(it.most, cells);
    concept(it.form.as_ref(), cells);
    amount(it.per_day.as_ref(), cells);
    amount(it.dispensed.as_ref(), cells);
    amount(it.rate.as_ref(), cells);
    cells.extend([moment(it.start), moment(it.end)]);
    cells.push(Cell::text(it.timing.as_ref()));
    quantity(it.duration.as_ref(), cells);
    decimal(it.occurrences, cells);
    cells.push(Cell::text(it.priority.as_ref()));
    cells.push(moment(it.requested));
    for one in [&it.route, &it.site, &it.device, &it.method] {
        concept(one.as_ref(), cells);
    }
    cells.push(list(it.categories.iter().map(|one| named(&one.first))));
    cells.extend([class(it.class), group(it.group), Cell::Flag(it.component)]);
}

fn administration(it: &MedicationAdministration, cells: &mut Vec<Cell>) {
    dose(&it.dose, cells);
    concept(it.form.as_ref(), cells);
    quantity(it.rate.as_ref(), cells);
    cells.push(Cell::text(it.lot.as_ref()));
    cells.extend([moment(it.start), moment(it.end)]);
    for one in [&it.route, &it.site, &it.device, &it.method] {
        concept(one.as_ref(), cells);
    }
    cells.push(Cell::text(it.status.as_ref()));
    cells.extend([class(it.class), group(it.group), Cell::Flag(it.component)]);
}

fn observation(it: &Observation, cells: &mut Vec<Cell>) {
    concept(it.code.as_ref(), cells);
    value(it.value.as_ref(), cells);
    let (low, high) = it.range.unwrap_or_default();
    decimal(low, cells);
    decimal(high, cells);
    cells.extend([Cell::text(it.flag.as_ref()), Cell::text(it.status.as_ref())]);
    concept(it.method.as_ref(), cells);
    cells.push(Cell::text(it.part.as_ref()));
    concept(it.panel.as_ref(), cells);
    concept(it.specimen.as_ref(), cells);
    cells.extend([it.collected, it.received, it.at, it.analysed, it.reported].map(moment));
    cells.extend([group(it.group), Cell::Flag(it.prior)]);
}

fn service(it: &ServiceRequest, cells: &mut Vec<Cell>) {
    cells.push(Cell::text(Some(it.category.as_str())));
    for one in [&it.code, &it.specimen, &it.body_site, &it.modality] {
        concept(one.as_ref(), cells);
    }
    cells.push(Cell::text(it.priority.as_ref()));
    cells.extend([moment(it.requested), moment(it.scheduled)]);
    cells.push(Cell::text(it.status.as_ref()));
    cells.extend([class(it.class), group(it.group), Cell::Flag(it.part)]);
}

fn procedure(it: &Procedure, cells: &mut Vec<Cell>) {
    cells.push(Cell::text(Some(it.category.as_str())));
    concept(it.code.as_ref(), cells);
    decimal(it.times, cells);
    concept(it.addition.as_ref(), cells);
    cells.extend([it.start, it.end, it.reported].map(moment));
    cells.push(Cell::text(it.status.as_ref()));
    concept(it.body_site.as_ref(), cells);
    concept(it.modality.as_ref(), cells);
    cells.extend([class(it.class), group(it.group), Cell::Flag(it.part)]);
}

fn meal(it: &NutritionOrder, cells: &mut Vec<Cell>) {
    concept(it.code.as_ref(), cells);
    cells.push(Cell::text(it.action.as_ref()));
    concept(it.meal.as_ref(), cells);
    cells.extend([moment(it.start), moment(it.end)]);
    cells.push(Cell::text(it.timing.as_ref()));
    cells.extend([moment(it.requested), class(it.class), group(it.group)]);
}

fn value(value: Option<&Value>, cells: &mut Vec<Cell>) {
    let (mut number, mut code, mut sign, mut at, mut used) = (None, None, None, None, None);
    match value {
        Some(Value::Quantity(it)) => number = Some(it),
        Some(Value::Concept(it)) => code = Some(it),
        Some(Value::Sign(it)) => sign = Some(it),
        Some(Value::Moment(it)) => at = Some(*it),
        Some(Value::Used(it)) => used = Some(it),
        None => {}
    }
    quantity(number, cells);
    concept(code, cells);
    cells.extend([Cell::text(sign), moment(at)]);
    dose(used.unwrap_or(&Dose::default()), cells);
}

fn dose(dose: &Dose, cells: &mut Vec<Cell>) {
    concept(dose.medication.as_ref(), cells);
    decimal(dose.amount, cells);
    concept(dose.unit.as_ref(), cells);
}

fn amount(amount: Option<&Amount>, cells: &mut Vec<Cell>) {
    decimal(amount.map(|amount| amount.value), cells);
    concept(amount.and_then(|amount| amount.unit.as_ref()), cells);
}

/// A number, its comparator and its unit.
fn quantity(quantity: Option<&Quantity>, cells: &mut Vec<Cell>) {
    decimal(quantity.map(|it| it.value), cells);
    let comparator = quantity.and_then(|it| it.comparator);
    cells.push(Cell::text(comparator.map(|it| it.as_str())));
    cells.push(Cell::text(quantity.and_then(|it| it.unit.as_ref())));
}

fn concept(concept: Option<&Concept>, cells: &mut Vec<Cell>) {
    coding(concept.map(|concept| &concept.first), cells);
    coding(concept.and_then(|concept| concept.second.as_ref()), cells);
}

fn coding(coding: Option<&Coding>, cells: &mut Vec<Cell>) {
    cells.push(Cell::text(coding.map(|coding| &coding.code)));
    cells.push(Cell::text(coding.and_then(|coding| coding.system.as_ref())));
}

fn decimal(value: Option<Decimal>, cells: &mut Vec<Cell>) {
    cells.push(Cell::text(value));
    cells.push(value.map_or(Cell::Empty, |value| Cell::Double(value.to_f64())));
}

fn moment(moment: Option<Moment>) -> Cell {
    Cell::text(moment)
}

fn class(class: Option<EncounterClass>) -> Cell {
    Cell::text(class.map(EncounterClass::as_str))
}

fn group(group: u16) -> Cell {
    match group {
        0 => Cell::Empty,
        group => Cell::Whole(group.into()),
    }
}

/// A code with its system, for lists.
fn named(coding: &Coding) -> String {
    let system = coding.system.as_ref().map_or("", |system| system.as_str());
    format!("{system}:{}", coding.code)
}

fn list(codes: impl Iterator<Item = String>) -> Cell {
    let codes: Vec<_> = codes.collect();
    match codes.is_empty() {
        true => Cell::Empty,
        false => Cell::Text(codes.join(" ")),
    }
}
