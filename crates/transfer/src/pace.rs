//! How fast a batch may go out: within office hours a bound in bytes per second, which leaves the
//! line to the people who work there.

use std::time::Duration;

const DAY: u64 = 86_400;

/// When and how much the line is shared with people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfficeHours {
    /// Second of the day at which they begin.
    pub from: u32,
    /// Second of the day at which they end; before `from`, they go over midnight.
    pub until: u32,
    /// Bytes of batches per second within them.
    pub bytes_per_second: u64,
}

/// A bucket of bytes that fills at the allowed rate and holds what one second allows.
#[derive(Debug, Clone)]
pub struct Pace {
    office: Option<OfficeHours>,
    /// Time of the day when the session began.
    began: Duration,
    level: u64,
    /// Up to when the bucket was filled.
    filled: Duration,
}

impl Pace {
    /// A session that begins at a time of the day. No office hours: no bound.
    pub const fn new(office: Option<OfficeHours>, began: Duration) -> Self {
        Self {
            office,
            began,
            level: 0,
            filled: Duration::ZERO,
        }
    }

    /// Takes leave to send up to `wanted` bytes now: how many may go, or how long to wait first.
    pub(crate) fn take(&mut self, now: Duration, wanted: u64) -> Result<u64, Duration> {
        let Some(rate) = self.rate(now) else {
            return Ok(wanted);
        };
        self.fill(now, rate);
        let size = wanted.min(rate);
        if size <= self.level {
            self.level -= size;
            return Ok(size);
        }
        let missing = u128::from(size - self.level) * 1_000_000;
        let micros = missing.div_ceil(u128::from(rate));
        Err(Duration::from_micros(
            u64::try_from(micros).unwrap_or(u64::MAX),
        ))
    }

    /// Bytes per second that hold at a moment.
    fn rate(&self, now: Duration) -> Option<u64> {
        let office = self.office?;
        let second = (self.began + now).as_secs() % DAY;
        let (from, until) = (u64::from(office.from), u64::from(office.until));
        let within = match from <= until {
            true => (from..until).contains(&second),
            false => second >= from || second < until,
        };
        within.then_some(office.bytes_per_second.max(1))
    }

    fn fill(&mut self, now: Duration, rate: u64) {
        let micros = now.saturating_sub(self.filled).as_micros();
        let more = u64::try_from(micros * u128::from(rate) / 1_000_000).unwrap_or(u64::MAX);
        if more > 0 {
            // Parts of a byte are kept as time that has not been used.
            let used = u128::from(more) * 1_000_000 / u128::from(rate);
            let used = Duration::from_micros(u64::try_from(used).unwrap_or(u64::MAX));
            let level = self.level.saturating_add(more);
            // What a full bucket cannot hold is gone.
            self.filled = match level < rate {
                true => (self.filled + used).min(now),
                false => now,
            };
            self.level = level.min(rate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFICE: OfficeHours = OfficeHours {
        from: 8 * 3600,
        until: 19 * 3600,
        bytes_per_second: 1_000,
    };

    #[test]
    fn the_bound_holds_in_office_hours_and_only_then() {
        for (began, bounded) in [(7, false), (8, true), (18, true), (19, false), (23, false)] {
            let mut pace = Pace::new(Some(OFFICE), Duration::from_secs(began * 3600));
            let taken = pace.take(Duration::from_secs(5), 1 << 20);
            let expected = if bounded { 1_000 } else { 1 << 20 };
            assert_eq!(taken, Ok(expected), "{began}");
        }
        let night = OfficeHours {
            from: 22 * 3600,
            until: 6 * 3600,
            ..OFFICE
        };
        for (began, bounded) in [(21, false), (23, true), (5, true), (7, false)] {
            let mut pace = Pace::new(Some(night), Duration::from_secs(began * 3600));
            let taken = pace.take(Duration::from_secs(5), 1 << 20);
            assert_eq!(taken == Ok(1_000), bounded, "{began}");
        }
    }

    #[test]
    fn a_wait_that_was_kept_is_enough_and_parts_of_a_byte_are_not_lost() {
        let office = OfficeHours {
            bytes_per_second: 7,
            ..OFFICE
        };
        let mut pace = Pace::new(Some(office), Duration::from_secs(OFFICE.from.into()));
        let (mut now, mut sent) = (Duration::ZERO, 0);
        while now < Duration::from_secs(1_000) {
            match pace.take(now, 3) {
                Ok(bytes) => sent += bytes,
                Err(wait) => {
                    now += wait;
                    sent += pace.take(now, 3).unwrap();
                }
            }
        }
        assert!((6_990..=7_010).contains(&sent), "{sent}");
    }
}
