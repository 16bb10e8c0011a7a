//! A device that the centre has not heard of for so long that it counts as lost (B-024).

use core::num::NonZeroU16;

use serde::{Deserialize, Serialize};

const DAY: i64 = 86_400;
/// Fewest and most days after which a device may end itself: a holiday or a line that is mended
/// takes less than the first, and no device stays in use for the second.
const DAYS: core::ops::RangeInclusive<u16> = 30..=3_650;
/// So many seconds it has to be on and try in vain, over all its starts: one wrong clock, or a line
/// that is cut for a day, ends nothing.
const TRIED: u64 = 48 * 3_600;
/// From so many days before the end on it says that the end is near.
const WARNED: i64 = 14;
/// Seconds tried are written down so often.
const WRITTEN: u64 = 3_600;
/// A clock that moves otherwise than the time that passes by more than this was set.
const SET: i64 = 600;
/// 2026-01-01: no device was in contact earlier.
const EARLIEST: i64 = 1_767_225_600;

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

/// What is kept over starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// When the centre was there last, in seconds since 1970 by the device's own clock.
    at: i64,
    /// For how many seconds it has been tried in vain since.
    tried: u64,
}

impl Contact {
    /// When the centre was there last.
    #[must_use]
    pub const fn since(&self) -> i64 {
        self.at
    }
}

/// How long the centre has been missed.
///
/// While a program runs, time is what passes: a clock that is set lengthens nothing. Over a restart
/// the clock counts, because a device that is stolen is switched off.
#[derive(Debug, Clone, Copy)]
pub struct Absence {
    contact: Contact,
    /// The clock and the seconds since the start of the program, when they were last looked at.
    looked: (i64, u64),
}

impl Absence {
    /// Goes on from what was kept; from now where nothing was, or nothing that can be true.
    #[must_use]
    pub fn since(kept: Option<Contact>, clock: i64) -> Self {
        let likely = |kept: &Contact| (EARLIEST..=clock.max(EARLIEST)).contains(&kept.at);
        let now = Contact {
            at: clock,
            tried: 0,
        };
        Self {
            contact: kept.filter(likely).unwrap_or(now),
            looked: (clock, 0),
        }
    }

    /// What is to be kept.
    #[must_use]
    pub const fn contact(&self) -> Contact {
        self.contact
    }

    /// Notes what has passed, in seconds since the program started. Gives whether that is to be
    /// kept.
    pub fn passed(&mut self, clock: i64, elapsed: u64) -> bool {
        let (then, since) = self.looked;
        let passed = elapsed.saturating_sub(since);
        let by_clock = clock.saturating_sub(then);
        let set = by_clock.saturating_sub(i64::try_from(passed).unwrap_or(i64::MAX));
        self.looked = (clock, elapsed);
        let before = self.contact.tried;
        self.contact.tried = before.saturating_add(passed);
        let was_set = set.saturating_abs() > SET;
        if was_set {
            let moved = self.contact.at.saturating_add(set);
            // A clock that is put right after a start with a wrong one shortens the absence.
            self.contact.at = match self.contact.at <= clock {
                true => self.contact.at.max(moved),
                false => moved,
            };
        }
        was_set || before / WRITTEN != self.contact.tried / WRITTEN
    }

    /// Notes that the centre was there at that moment of the clock. Gives whether that is to be
    /// kept: hourly, or when it had been missed for as long.
    pub const fn met(&mut self, at: i64) -> bool {
        let old = at.saturating_sub(self.contact.at) >= WRITTEN as i64;
        let missed = self.contact.tried >= WRITTEN;
        if old || missed {
            self.contact = Contact { at, tried: 0 };
        }
        old || missed
    }

    /// What follows.
    #[must_use]
    pub const fn absent(&self, allowed: AbsentDays) -> Absent {
        let allowed = allowed.0.get() as i64 * DAY;
        let away = self.looked.0.saturating_sub(self.contact.at);
        if away >= allowed && self.contact.tried >= TRIED {
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

    const NOW: i64 = EARLIEST + 400 * DAY;
    const HOUR: u64 = 3_600;

    fn sixty() -> AbsentDays {
        AbsentDays::try_from(60).unwrap()
    }

    /// A device that was in contact at `NOW` and is started so long after it.
    fn started_after(days: i64, tried: u64) -> Absence {
        Absence::since(Some(Contact { at: NOW, tried }), NOW + days * DAY)
    }

    #[test]
    fn a_device_ends_after_its_days_and_two_days_of_tries_and_says_so_before() {
        for (days, tried, expected) in [
            (0, TRIED, Absent::No),
            (45, TRIED, Absent::No),
            (46, 0, Absent::Warned),
            (59, TRIED, Absent::Warned),
            (60, 0, Absent::Warned),
            (60, TRIED - 1, Absent::Warned),
            (60, TRIED, Absent::Lost),
            (4_000, TRIED - 1, Absent::Warned),
        ] {
            let absence = started_after(days, tried);
            assert_eq!(absence.absent(sixty()), expected, "{days} {tried}");
        }
    }

    #[test]
    fn tries_add_up_over_starts_and_are_kept_hourly() {
        let mut absence = started_after(70, 0);
        let mut kept = 0;
        for start in 0..8 {
            let clock = NOW + (70 + start) * DAY;
            absence = Absence::since(Some(absence.contact()), clock);
            for minute in 1..=6 * 60 {
                let passed = minute * 60;
                kept += u32::from(absence.passed(clock + passed, passed.unsigned_abs()));
            }
            let expected = if start < 7 {
                Absent::Warned
            } else {
                Absent::Lost
            };
            assert_eq!(absence.absent(sixty()), expected, "{start}");
        }
        assert_eq!(kept, 48);
    }

    /// Whoever tells the device another time, once or again and again, ends nothing by it.
    #[test]
    fn a_clock_that_is_set_while_the_program_runs_ends_nothing() {
        for step in [400 * DAY, -400 * DAY, 20 * 365 * DAY] {
            let mut absence = started_after(0, TRIED);
            let mut clock = NOW;
            for hour in 1..=100 {
                clock += if hour % 10 == 5 { step } else { 0 };
                absence.passed(clock + hour * 3_600, hour.unsigned_abs() * HOUR);
                assert_eq!(absence.absent(sixty()), Absent::No, "{step} {hour}");
            }
        }
    }

    #[test]
    fn a_contact_begins_the_days_anew_and_is_kept_hourly() {
        let mut absence = started_after(70, TRIED);
        assert_eq!(absence.absent(sixty()), Absent::Lost);
        assert!(absence.met(NOW + 70 * DAY));
        assert_eq!(absence.absent(sixty()), Absent::No);
        assert_eq!(absence.contact().tried, 0);
        assert!(!absence.met(NOW + 70 * DAY + 3_599));
        assert!(absence.met(NOW + 70 * DAY + 3_600));
    }

    /// The front's last word, minutes after the broker's, is noted again and again: once for all.
    #[test]
    fn an_old_word_that_is_a_little_newer_does_not_begin_the_tries_anew_for_ever() {
        let mut absence = started_after(70, 0);
        for minute in 1..=50 * 60 {
            absence.passed(NOW + 70 * DAY + minute * 60, minute.unsigned_abs() * 60);
            if absence.contact().since() < NOW + 600 {
                absence.met(NOW + 600);
            }
        }
        assert_eq!(absence.absent(sixty()), Absent::Lost);
    }

    #[test]
    fn what_cannot_have_been_kept_counts_as_now() {
        for at in [i64::MIN, -NOW, 0, EARLIEST - 1, NOW + 1, i64::MAX] {
            let absence = Absence::since(Some(Contact { at, tried: TRIED }), NOW);
            assert_eq!(absence.absent(sixty()), Absent::No, "{at}");
        }
        let mut wild = Absence::since(None, i64::MIN);
        assert!(wild.passed(i64::MAX, 10));
        assert_ne!(wild.absent(sixty()), Absent::Lost);
    }

    /// A board without a battery starts in the wrong year, and is put right once the line is there.
    #[test]
    fn a_wrong_clock_at_the_start_that_is_put_right_ends_nothing() {
        let mut absence = started_after(9_000, 0);
        absence.passed(NOW + 9_000 * DAY + 60, 60);
        assert_eq!(absence.absent(sixty()), Absent::Warned);
        absence.passed(NOW + DAY, 120);
        assert_eq!(absence.absent(sixty()), Absent::No);
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
