//! How a version does in the fleet, and when it has to be halted (O-04).

use std::collections::BTreeMap;

use crate::{Reason, Record, Stage, Version};

/// A version is halted when more devices than this in a thousand have given it up.
const FAILED_IN_THOUSAND: u64 = 5;

/// What devices tell of one version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Devices on which it has passed its gate.
    pub good: u64,
    /// Devices on which it is on its way: written, staged or being tried.
    pub underway: u64,
    /// Devices that have given it up, by their reasons.
    pub given_up: BTreeMap<Reason, u64>,
}

impl Tally {
    /// Counts the record of a device.
    pub fn add(&mut self, offered: Version, record: &Record) {
        match record.stage {
            Stage::Good { version } if version == offered => self.good += 1,
            Stage::Returned { version, why } if version == offered => {
                *self.given_up.entry(why).or_default() += 1;
            }
            Stage::Writing { version, .. }
            | Stage::Written { version, .. }
            | Stage::Staged { version, .. }
            | Stage::Trying { version, .. }
                if version == offered =>
            {
                self.underway += 1;
            }
            _ => {}
        }
    }

    /// Devices that have given it up.
    pub fn failed(&self) -> u64 {
        self.given_up.values().sum()
    }

    /// Whether nobody may begin any more. What is underway proves nothing yet.
    pub fn halts(&self) -> bool {
        let failed = self.failed();
        failed * 1_000 > (self.good + failed) * FAILED_IN_THOUSAND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERED: Version = Version([1, 4, 0]);

    fn tally(good: usize, failed: usize, underway: usize) -> Tally {
        let with = |stage| {
            let mut record = Record::default();
            record.stage = stage;
            record
        };
        let why = Reason::PageSilent;
        let trying = Record::unknown(OFFERED, crate::Slot::B);
        let other = with(Stage::Returned {
            version: Version([1, 3, 0]),
            why,
        });
        let mut tally = Tally::default();
        for (count, record) in [
            (good, with(Stage::Good { version: OFFERED })),
            (
                failed,
                with(Stage::Returned {
                    version: OFFERED,
                    why,
                }),
            ),
            (underway, trying),
            (9, other),
        ] {
            (0..count).for_each(|_| tally.add(OFFERED, &record));
        }
        tally
    }

    /// O-04: more than half a per cent of those who know halts a version; one of the first does.
    #[test]
    fn more_than_five_in_a_thousand_halt_a_version() {
        for (good, failed, underway, halts) in [
            (0, 0, 500, false),
            (1_000, 0, 0, false),
            (995, 5, 0, false),
            (994, 6, 0, true),
            (994, 6, 100_000, true),
            (99, 1, 0, true),
            (0, 1, 0, true),
        ] {
            let tally = tally(good, failed, underway);
            assert_eq!(tally.halts(), halts, "{tally:?}");
            assert_eq!(
                (tally.failed(), tally.underway),
                (failed as u64, underway as u64)
            );
        }
    }
}
