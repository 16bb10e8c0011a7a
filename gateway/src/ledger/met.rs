//! Which stops have met their patient in the storage. One that meets nobody may be mistyped, and
//! then the person who said no is let through: the run tells.

use std::collections::BTreeSet;

use record::{ChartNumber, Sensitive};

use super::spelling::any_spelling;

/// Stops that have met nobody yet.
pub(crate) struct StopsMet {
    waiting: BTreeSet<Sensitive>,
}

impl StopsMet {
    /// No stops.
    pub(crate) fn none() -> Self {
        Self {
            waiting: BTreeSet::new(),
        }
    }

    /// A stop stands under this number.
    pub(super) fn expect(&mut self, chart: &ChartNumber) {
        self.waiting.insert(any_spelling(chart));
    }

    /// A patient was seen in the storage.
    pub(crate) fn met(&mut self, chart: &ChartNumber) {
        self.waiting.remove(&any_spelling(chart));
    }

    /// How many stops have met nobody.
    pub(crate) fn unmet(&self) -> u64 {
        self.waiting.len() as u64
    }
}
