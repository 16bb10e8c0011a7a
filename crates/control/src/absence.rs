//! A device that the centre has not heard of for so long that it counts as lost (B-024).

use core::num::NonZeroU16;

use serde::{Deserialize, Serialize};

const DAY: i64 = 86_400;
/// Fewest and most days after which a device may end itself: a holiday or a line that is mended
/// takes less than the first, and no device stays in use for the second.
const DAYS: core::ops::RangeInclusive<u16> = 30..=3_650;
/// A device that comes back first has so long to reach the centre.
const FIRST: u64 = 3_600;
/// From so many days before the end on it says that the end is near.
const WARNED: i64 = 14;
/// The last contact is written down so often at most.
const WRITTEN: i64 = 3_600;

/// After how many days without the centre the keys of the data are destroyed: 30 to 3,650.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u16")]
pub struct AbsentDays(NonZeroU16);

/// The number of days is out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("30-3650 days")]
pub struct DaysError;

impl TryFrom<u16> for AbsentDays {
    type Error = DaysError;

    fn try_from(days: u16) -> Result<Self, DaysError> {
        let days = NonZeroU16::new(days).filter(|days| DAYS.contains(&days.get()));
        days.map(Self).ok_or(DaysError)
    }
}

/// What follows from an absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// Nothing.
    No,
    /// The end is less than two weeks away.
    Warned,
    /// The device counts as lost.
    Lost,
}

/// When the centre was there last, in seconds since 1970 by the device's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    at: i64,
}

impl Contact {
    /// Now.
    #[must_use]
    pub const fn at(clock: i64) -> Self {
        Self { at: clock }
    }

    /// Whether the same, taken at `clock`, is worth writing down. A clock that was put back is.
    #[must_use]
    pub const fn is_old(self, clock: i64) -> bool {
        clock < self.at || clock - self.at >= WRITTEN
    }

    /// What follows at `clock`, in a program that has tried the centre for `tried` seconds.
    ///
    /// It counts by the clock, because a device that is stolen is switched off and without a line.
    /// A clock that was put back ends nothing; one that was put forward can, which whoever has the
    /// device in hand could do otherwise as well.
    #[must_use]
    pub const fn absence(self, clock: i64, tried: u64, allowed: AbsentDays) -> Absent {
        let allowed = allowed.0.get() as i64 * DAY;
        let away = clock.saturating_sub(self.at);
        if away >= allowed && tried >= FIRST {
            return Absent::Lost;
        }
        match away >= allowed - WARNED * DAY {
            true => Absent::Warned,
            false => Absent::No,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_ends_after_its_days_and_an_hour_of_tries_and_says_so_before() {
        let days = AbsentDays::try_from(60).unwrap();
        let contact = Contact::at(1_000_000);
        for (away, tried, expected) in [
            (0, 0, Absent::No),
            (46 * DAY - 1, 90_000, Absent::No),
            (46 * DAY, 0, Absent::Warned),
            (60 * DAY - 1, 90_000, Absent::Warned),
            (60 * DAY, FIRST - 1, Absent::Warned),
            (60 * DAY, FIRST, Absent::Lost),
            // Clocks that were put back, or never were right.
            (-DAY, 90_000, Absent::No),
            (-1_000_000, 90_000, Absent::No),
            (i64::MIN, 90_000, Absent::No),
            (i64::MAX - 1_000_000, 0, Absent::Warned),
        ] {
            let clock = 1_000_000_i64.saturating_add(away);
            assert_eq!(
                contact.absence(clock, tried, days),
                expected,
                "{away} {tried}"
            );
        }
    }

    #[test]
    fn a_contact_is_written_down_hourly_and_when_the_clock_was_put_back() {
        let contact = Contact::at(1_000_000);
        for (clock, old) in [
            (1_000_000, false),
            (1_003_599, false),
            (1_003_600, true),
            (1, true),
        ] {
            assert_eq!(contact.is_old(clock), old, "{clock}");
        }
    }

    #[test]
    fn days_have_bounds() {
        for (days, taken) in [
            (0, false),
            (29, false),
            (30, true),
            (3_650, true),
            (3_651, false),
        ] {
            assert_eq!(AbsentDays::try_from(days).is_ok(), taken, "{days}");
        }
    }
}
