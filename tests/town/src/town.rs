//! The generated town: persons, hospitals, registrations.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::chart;
use crate::dice::{Dice, Purpose};
use crate::entry::{Entry, Flag};
use crate::model::{Difference, Person, Registration, Standing};
use crate::staff::{self, Hospital};
use crate::{households, registering, standing};

/// What a town is made from. The same plan gives the same bytes.
#[derive(Clone, Copy, Debug)]
pub struct TownPlan {
    /// Everything is drawn from it.
    pub seed: u64,
    /// Number of persons.
    pub persons: u32,
    /// "Today" in Japan. Nothing happens after the day before.
    pub as_of: Date,
}

/// A generated town. Holds the people and their registrations; charts are drawn when asked for.
pub struct Town {
    pub(crate) plan: TownPlan,
    pub(crate) persons: Vec<Person>,
    pub(crate) hospitals: [Hospital; 2],
    /// By person, in order of time.
    pub(crate) registrations: Vec<Registration>,
}

/// Figures of a town, hospital A first where there are two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TownSummary {
    /// Persons.
    pub persons: u64,
    /// Persons with a chart at both hospitals.
    pub persons_at_both: u64,
    /// Persons who have a twin.
    pub twins: u64,
    /// Persons who died.
    pub deaths: u64,
    /// Charts.
    pub registrations: [u64; 2],
    /// Charts whose records may leave.
    pub may_leave: [u64; 2],
    /// Charts without a notice.
    pub not_notified: [u64; 2],
    /// Charts notified lately.
    pub hold: [u64; 2],
    /// Charts under a stop.
    pub stopped: [u64; 2],
    /// Files by kind, all versions.
    pub files_by_kind: [BTreeMap<String, u64>; 2],
    /// Files by kind with flag 1.
    pub current_by_kind: [BTreeMap<String, u64>; 2],
    /// Second registrations by what they differ in.
    pub differences: BTreeMap<Difference, u64>,
}

impl Town {
    /// Draws the town of the plan.
    pub fn generate(plan: &TownPlan) -> Self {
        let persons = people(plan);
        let mut registrations: Vec<Registration> = persons
            .iter()
            .flat_map(|person| registering::registrations(person, plan.seed, plan.as_of))
            .collect();
        number(&mut registrations, plan.seed);
        standing::assign(&mut registrations, plan.seed, plan.persons, plan.as_of);
        let hospitals = staff::hospitals(plan.seed);
        Self {
            plan: *plan,
            persons,
            hospitals,
            registrations,
        }
    }

    /// Counts what the town holds. Draws every chart, but writes no message.
    pub fn summary(&self) -> TownSummary {
        let mut summary = TownSummary {
            persons: self.persons.len() as u64,
            twins: self
                .persons
                .iter()
                .filter(|person| person.twin.is_some())
                .count() as u64,
            deaths: self
                .persons
                .iter()
                .filter(|person| person.died_on.is_some())
                .count() as u64,
            ..TownSummary::default()
        };
        for pair in self.registrations.windows(2) {
            summary.persons_at_both += u64::from(pair[0].person == pair[1].person);
        }
        for registration in &self.registrations {
            self.count(registration, &mut summary);
        }
        summary
    }

    pub(crate) fn entries(&self, registration: &Registration) -> Vec<Entry> {
        let hospital = self.hospital(registration);
        chart::entries(registration, hospital, self.plan.seed, self.plan.as_of)
    }

    pub(crate) fn hospital(&self, registration: &Registration) -> &Hospital {
        &self.hospitals[usize::from(registration.hospital)]
    }

    fn count(&self, registration: &Registration, summary: &mut TownSummary) {
        let at = usize::from(registration.hospital);
        summary.registrations[at] += 1;
        match registration.standing {
            Standing::MayLeave => summary.may_leave[at] += 1,
            Standing::NotNotified => summary.not_notified[at] += 1,
            Standing::Hold => summary.hold[at] += 1,
            Standing::Stopped => summary.stopped[at] += 1,
        }
        for difference in &registration.differences {
            *summary.differences.entry(*difference).or_default() += 1;
        }
        for entry in self.entries(registration) {
            let kind = entry.kind.code();
            *summary.files_by_kind[at]
                .entry(kind.to_owned())
                .or_default() += 1;
            if entry.flag == Flag::Valid {
                *summary.current_by_kind[at]
                    .entry(kind.to_owned())
                    .or_default() += 1;
            }
        }
    }
}

/// Households until there are enough persons; the last one may be cut.
fn people(plan: &TownPlan) -> Vec<Person> {
    let mut persons: Vec<Person> = Vec::with_capacity(plan.persons as usize + 8);
    let mut household = 0;
    while persons.len() < plan.persons as usize {
        let mut dice = Dice::new(plan.seed, Purpose::Households, household);
        let first_number = persons.len() as u32 + 1;
        persons.extend(households::household(first_number, plan.as_of, &mut dice));
        household += 1;
    }
    persons.truncate(plan.persons as usize);
    for person in &mut persons {
        person.twin = person.twin.filter(|&twin| twin <= plan.persons);
    }
    persons
}

/// Gives chart numbers of ten digits, scattered and unique: `00` and eight digits at hospital A,
/// `71` and eight digits at hospital B.
fn number(registrations: &mut [Registration], seed: u64) {
    const SCATTER: u64 = 48_271_037;
    const NUMBERS: u64 = 100_000_000;
    let mut dice = Dice::new(seed, Purpose::Numbers, 0);
    let offsets = [dice.below(NUMBERS), dice.below(NUMBERS)];
    let mut next = [0_u64; 2];
    for (index, registration) in registrations.iter_mut().enumerate() {
        let at = usize::from(registration.hospital);
        next[at] += 1;
        let scattered = (next[at] * SCATTER + offsets[at]) % NUMBERS;
        registration.index = index as u64;
        registration.chart_number = format!("{}{scattered:08}", ["00", "71"][at]);
    }
}
