//! Time: the only place of the gateway that reads the clock.

use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::Offset;
use record::Date;

use crate::error::{Failure, Problem};

/// The clock cannot be right before this program was written.
const EARLIEST: i64 = 1_767_225_600; // 2026-01-01T00:00:00Z
/// How far the clock may step back between runs: small corrections by a time source.
const BACKWARDS_SECONDS: i64 = 600;

/// A moment that has been checked: seconds since 1970 and the calendar day in Japan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub(crate) seconds: i64,
    /// The calendar day in Japan (JST, UTC+9).
    pub(crate) today: Date,
}

/// Reads the clock and refuses it when it cannot be right (P-19).
///
/// # Errors
/// The clock is before the program's own time or before `latest_seen`, the latest moment that an
/// earlier run of this device saw.
pub(crate) fn now(latest_seen: Option<i64>) -> Result<Now, Failure> {
    check(Timestamp::now().as_second(), latest_seen)
}

/// What the clock says, right or wrong, in seconds since 1970: for telling, never for deciding.
pub(crate) fn unchecked() -> i64 {
    Timestamp::now().as_second()
}

/// A stopwatch for reports.
pub(crate) fn stopwatch() -> Instant {
    Instant::now()
}

fn check(seconds: i64, latest_seen: Option<i64>) -> Result<Now, Failure> {
    if seconds < EARLIEST {
        return Err(Failure::new(Problem::Clock, "before 2026-01-01"));
    }
    if latest_seen.is_some_and(|latest| seconds < latest - BACKWARDS_SECONDS) {
        return Err(Failure::new(Problem::Clock, "earlier than at the last run"));
    }
    let stamp = Timestamp::from_second(seconds)
        .map_err(|error| Failure::because(Problem::Clock, "out of range", error))?;
    let today = Offset::constant(9).to_datetime(stamp).date();
    Ok(Now { seconds, today })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P-19: no correct time, no sealing; a roll-back is detected.
    #[test]
    fn a_clock_that_cannot_be_right_is_refused() {
        let later = EARLIEST + 1_000_000;
        assert!(check(0, None).is_err());
        assert!(check(EARLIEST - 1, None).is_err());
        assert!(check(later, None).is_ok());
        assert!(check(later, Some(later + BACKWARDS_SECONDS)).is_ok());
        assert!(check(later, Some(later + BACKWARDS_SECONDS + 1)).is_err());
    }

    /// B-001: days are JST calendar days.
    #[test]
    fn the_day_changes_at_midnight_in_japan() {
        // 2026-03-31T15:00:00Z is 2026-04-01T00:00 in Japan.
        assert_eq!(
            check(1_774_969_199, None).unwrap().today.to_string(),
            "2026-03-31"
        );
        assert_eq!(
            check(1_774_969_200, None).unwrap().today.to_string(),
            "2026-04-01"
        );
    }
}
