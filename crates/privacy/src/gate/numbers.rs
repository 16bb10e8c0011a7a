//! The numbers by which a person is known, and their references: what the gate was asked about is
//! remembered without a number in clear, so that a later stop finds what left under it.

use std::fmt;

use record::identity::ChartNumber;

use super::PatientReadings;
use super::spelling::any_spelling;
use crate::Prf;
use crate::message::Message;

/// Everything that the gate was asked about a person.
#[derive(Clone, PartialEq, Eq)]
pub struct Numbers {
    /// Numbers that are the person's, each of which must pass.
    pub charts: Vec<ChartNumber>,
    /// Numbers that may be somebody else's, under which only stops count: older numbers of the
    /// person, and those of files that were set aside.
    pub doubtful: Vec<ChartNumber>,
}

impl Numbers {
    /// Those of a person who was read.
    pub fn of(patient: &PatientReadings) -> Self {
        Self {
            charts: of_person(patient).into_iter().cloned().collect(),
            doubtful: of_doubt(patient),
        }
    }

    /// The references of all of them, each once.
    pub fn references(&self, site: &dyn Prf) -> Vec<NumberRef> {
        let all = self.charts.iter().chain(&self.doubtful);
        let mut references: Vec<_> = all.map(|chart| NumberRef::of(chart, site)).collect();
        references.sort_unstable();
        references.dedup();
        references
    }
}

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Numbers({})", self.charts.len() + self.doubtful.len())
    }
}

/// The patient's number and every number that the readings carry, each once.
pub(super) fn of_person(patient: &PatientReadings) -> Vec<&ChartNumber> {
    let mut charts = vec![&patient.chart];
    for reading in &patient.readings {
        charts.push(&reading.chart);
        charts.extend(&reading.claimed);
    }
    charts.sort_unstable();
    charts.dedup();
    charts
}

/// The numbers that files set aside claim and every older number that the readings tell, each
/// once.
pub(super) fn of_doubt(patient: &PatientReadings) -> Vec<ChartNumber> {
    let older = patient.readings.iter();
    let older = older.flat_map(|reading| &reading.identity.former);
    let mut doubtful: Vec<_> = patient.doubtful.iter().chain(older).cloned().collect();
    doubtful.sort_unstable();
    doubtful.dedup();
    doubtful
}

/// The site's keyed reference for a number in any spelling. It never leaves the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NumberRef([u8; 16]);

impl NumberRef {
    /// The reference of a number.
    pub fn of(chart: &ChartNumber, site: &dyn Prf) -> Self {
        Self::of_spelling(&any_spelling(chart), site)
    }

    /// The reference of a number that has the one form of all its spellings already.
    pub(super) fn of_spelling(number: &str, site: &dyn Prf) -> Self {
        Self(Message::new("sekisho number v1").part(number).short(site))
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}
