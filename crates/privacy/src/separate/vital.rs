//! The days of birth and of death leave as months only, wherever they stand.
//!
//! PID says them and is coarse already. But whoever was born in the house has records of that day,
//! an illness from birth on has it as its onset, and who died there was discharged then. Every day
//! and time of a person that falls on such a day becomes its month.

use std::collections::BTreeSet;

use record::code::{Code, Concept};
use record::content::{EncounterEvent, Record, Value};
use record::identity::{Birth, Death};
use record::moment::{Date, Moment};
use record::reading::Reading;

use super::slots::{Slot, visit};

/// Outcomes of a disease that are deaths (table 0241).
const DIED: [&str; 1] = ["D"];
/// Ways of discharge that are deaths (table 0112).
const DISCHARGED_DEAD: [&str; 4] = ["20", "40", "41", "42"];
/// Observations whose values are the time of death (LOINC).
const TIMES_OF_DEATH: [&str; 2] = ["31211-6", "81956-5"];

/// The days of birth and of death of one person, each as stated.
pub(super) struct VitalDays {
    births: BTreeSet<Birth>,
    deaths: BTreeSet<Death>,
}

impl VitalDays {
    /// Collects them from everything that was read of the person.
    pub(super) fn of(readings: &[Reading]) -> Self {
        let identities = || readings.iter().map(|reading| &reading.identity);
        let records = || readings.iter().flat_map(|reading| &reading.records);
        let mut deaths: BTreeSet<Death> = identities().filter_map(|it| it.died).collect();
        deaths.extend(records().filter_map(stated_death));
        if deaths.is_empty() && records().any(says_dead) {
            // Only that somebody died is known: it may have been at the end of the last stay.
            deaths.extend(records().filter_map(discharge).max());
        }
        Self {
            births: identities().filter_map(|it| it.birth).collect(),
            deaths,
        }
    }

    /// Makes every such day in a record its month.
    pub(super) fn coarsen(&self, record: &mut Record) {
        visit(record, &mut |slot| match slot {
            Slot::Moment(moment) => *moment = self.coarse(*moment),
            Slot::Value(Some(Value::Moment(moment))) => {
                *moment = self.coarse(Some(*moment)).unwrap_or(*moment);
            }
            Slot::Value(_) | Slot::Code(_) | Slot::Coding(_) | Slot::Concept(_) => {}
            Slot::Concepts(_) | Slot::Modifiers(_) | Slot::Essential(_) => {}
            Slot::Unit(_) | Slot::Number(_) => {}
        });
    }

    /// A moment as it may leave.
    pub(super) fn coarse(&self, moment: Option<Moment>) -> Option<Moment> {
        let moment = moment?;
        let vital = moment.date().is_some_and(|day| self.holds(day));
        Some(if vital { moment.to_month() } else { moment })
    }

    fn holds(&self, day: Date) -> bool {
        self.births.contains(&Birth::new(day)) || self.deaths.contains(&Death::new(day))
    }
}

/// The day of death as a record states it.
fn stated_death(record: &Record) -> Option<Death> {
    let moment = match record {
        Record::Condition(it) if is_one_of(it.outcome.as_ref(), &DIED) => it.outcome_at,
        Record::Encounter(it) if is_death(it.disposition.as_ref()) => it.at,
        Record::Observation(it) if is_one_of(it.code.as_ref(), &TIMES_OF_DEATH) => match it.value {
            Some(Value::Moment(moment)) => Some(moment),
            _ => None,
        },
        _ => None,
    };
    moment?.date().map(Death::new)
}

fn says_dead(record: &Record) -> bool {
    match record {
        Record::Patient(it) => it.deceased,
        Record::Condition(it) => is_one_of(it.outcome.as_ref(), &DIED),
        Record::Encounter(it) => is_death(it.disposition.as_ref()),
        _ => false,
    }
}

fn discharge(record: &Record) -> Option<Death> {
    match record {
        Record::Encounter(it) if it.event == EncounterEvent::Discharge => {
            it.at?.date().map(Death::new)
        }
        _ => None,
    }
}

fn is_death(disposition: Option<&Code>) -> bool {
    disposition.is_some_and(|code| DISCHARGED_DEAD.contains(&code.as_str()))
}

fn is_one_of(concept: Option<&Concept>, codes: &[&str]) -> bool {
    let mut codings = concept.into_iter().flat_map(Concept::codings);
    codings.any(|coding| codes.contains(&coding.code.as_str()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use record::content::{
        Condition, Coverage, Encounter, EncounterClass, MedicationRequest, Observation, Patient,
    };
    use record::kind::DataKind;

    use super::*;
    use crate::fixtures::reading;

    #[expect(
        clippy::unnecessary_wraps,
        reason = "fields of records take it as it is"
    )]
    fn at(text: &str) -> Option<Moment> {
        Some(Moment::from_hl7(text).unwrap())
    }

    fn of_person(birth: &str, death: &str, records: Vec<Record>) -> Reading {
        let day = |text: &str| Moment::from_hl7(text).ok().and_then(Moment::date);
        let mut one = reading("1", DataKind::Ppr01, records);
        let identity = std::sync::Arc::make_mut(&mut one.identity);
        identity.birth = day(birth).map(Birth::new);
        identity.died = day(death).map(Death::new);
        one
    }

    fn coarsened(mut reading: Reading) -> Vec<Record> {
        let days = VitalDays::of(std::slice::from_ref(&reading));
        reading
            .records
            .iter_mut()
            .for_each(|record| days.coarsen(record));
        reading.records
    }

    fn disease(onset: &str, outcome: &str, outcome_at: &str) -> Record {
        let outcome = (!outcome.is_empty()).then(|| {
            let system = "HL70241".parse().ok();
            Concept::of(outcome.parse().unwrap(), system)
        });
        Record::Condition(Condition {
            onset: at(onset),
            outcome,
            outcome_at: at(outcome_at),
            ..Condition::default()
        })
    }

    fn discharge_of(disposition: &str, day: &str) -> Record {
        Record::Encounter(Encounter {
            class: Some(EncounterClass::Inpatient),
            event: EncounterEvent::Discharge,
            at: at(day),
            disposition: disposition.parse().ok(),
            ..Encounter::default()
        })
    }

    fn dead() -> Record {
        Record::Patient(Patient {
            deceased: true,
            ..Patient::default()
        })
    }

    /// a birth or a death is told by the month, in whatever field and to whatever precision
    /// it stands; other days stay as they are.
    #[test]
    fn days_of_birth_and_death_become_months_in_every_field() {
        let cases = [
            (
                "20200102",
                "",
                disease("20200102", "", "20200203"),
                disease("202001", "", "20200203"),
            ),
            (
                "20200102",
                "",
                disease("20200103", "", "20200203"),
                disease("20200103", "", "20200203"),
            ),
            (
                "",
                "20200203",
                disease("20200102", "W", "202002031530"),
                disease("20200102", "W", "202002"),
            ),
            (
                "",
                "",
                disease("20200102", "D", "202002031530"),
                disease("20200102", "D", "202002"),
            ),
            (
                "",
                "",
                disease("20200203", "D", "20200203"),
                disease("202002", "D", "202002"),
            ),
            (
                "",
                "",
                disease("20200102", "R", "20200203"),
                disease("20200102", "R", "20200203"),
            ),
            (
                "",
                "",
                discharge_of("20", "202002031530"),
                discharge_of("20", "202002"),
            ),
            (
                "",
                "",
                discharge_of("01", "202002031530"),
                discharge_of("01", "202002031530"),
            ),
        ];
        for (birth, death, record, expected) in cases {
            let shown = format!("{birth} {death} {record:?}");
            assert_eq!(
                coarsened(of_person(birth, death, vec![record])),
                [expected],
                "{shown}"
            );
        }
    }

    #[test]
    fn of_somebody_who_is_dead_without_a_day_the_last_discharge_counts() {
        let stays = || vec![discharge_of("", "20200103"), discharge_of("", "20200203")];
        let with = |more: Vec<Record>| [stays(), more].concat();
        let month = discharge_of("", "202002");
        assert_eq!(coarsened(of_person("", "", stays())), stays());
        let left = coarsened(of_person("", "", with(vec![dead()])));
        assert_eq!(left, [discharge_of("", "20200103"), month, dead()]);
        // With a day, no other is guessed.
        let left = coarsened(of_person("", "20200405", with(vec![dead()])));
        assert_eq!(left, with(vec![dead()]));
    }

    #[test]
    fn measured_times_of_death_and_every_kind_of_record_are_coarse() {
        let died = |value: &str| {
            Record::Observation(Observation {
                code: Some(Concept::of("81956-5".parse().unwrap(), "LN".parse().ok())),
                value: at(value).map(Value::Moment),
                at: at(value),
                ..Observation::default()
            })
        };
        let ordered = |day: &str| {
            Record::MedicationRequest(MedicationRequest {
                start: at(day),
                end: at(day),
                requested: at(day),
                ..MedicationRequest::default()
            })
        };
        let insured = |day: &str| {
            Record::Coverage(Coverage {
                plan: Concept::of("06".parse().unwrap(), None),
                start: at(day),
                end: at(day),
                relation: None,
            })
        };
        let on = |day: &str| vec![died(day), ordered(day), insured(day)];
        assert_eq!(
            coarsened(of_person("", "", on("202002031530"))),
            on("202002")
        );
    }
}
