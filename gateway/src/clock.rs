//! Time: the only place of the gateway that reads the clock.
//!
//! A run seals only by a [`Trusted`] time, and only [`look`] makes one (P-19). `proof` holds the
//! reckoning, which knows no clock.

mod proof;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use config::clock::Clock;
use jiff::Timestamp;
use jiff::tz::Offset;
use record::Date;
use rustix::time::{ClockId, clock_gettime};

use crate::error::{Failure, Problem};
use crate::state::State;

pub(crate) use proof::{Dispute, Proof};

use proof::{Doubt, Known, Reading, judge};

/// The clock cannot be right before this program was written.
const EARLIEST: i64 = 1_767_225_600; // 2026-01-01T00:00:00Z
/// How far the clock may step back between runs: small corrections by a time source.
const BACKWARDS_SECONDS: i64 = 600;

/// A moment that has been checked: seconds since 1970 and the calendar day in Japan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub(crate) seconds: i64,
    /// The calendar day in Japan (JST, UTC+9).
    pub(crate) today: Date,
}

/// That the time is confirmed. What seals or sends asks for one; only [`look`] makes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trusted {
    seconds: i64,
}

impl Trusted {
    /// What the clock says, in seconds since 1970.
    pub(crate) fn seconds(self) -> i64 {
        self.seconds
    }

    /// A time for tests of what seals.
    #[cfg(test)]
    pub(crate) fn at(seconds: i64) -> Self {
        Self { seconds }
    }
}

/// What a look at the clock gave.
pub(crate) struct Look {
    /// What the clock says, with the day that is proven: the clock may be ahead of it.
    pub(crate) now: Now,
    /// The confirmed time, or why there is none.
    pub(crate) trusted: Result<Trusted, Failure>,
}

/// Reads the clock and judges it by what is known of the time (P-19). What is proven by it is
/// remembered; what the clock says without proof is not, so that a clock that ran ahead for a
/// while does not stand in the way of the right one.
///
/// # Errors
/// Our own state cannot be read or written.
pub(crate) fn look(settings: &Clock, state: &State) -> Result<Look, Failure> {
    let reading = Reading {
        wall: unchecked(),
        uptime: uptime(),
        synchronized: touched(&settings.synchronized),
    };
    let known = Known {
        latest: state.latest_seen()?,
        proof: state.time_proof()?,
        dispute: state.time_dispute()?,
    };
    let verdict = judge(reading, known);
    if let Some(proof) = verdict.proof.filter(|proof| known.proof != Some(*proof)) {
        state.prove_time(proof)?;
    }
    if known.dispute.is_some() && verdict.dispute.is_none() {
        state.settle_dispute()?;
    }
    // The day counts from what is proven: a clock that jumped ahead shortens no hold.
    let now = Now {
        seconds: reading.wall,
        today: day(verdict.proven)?,
    };
    let trusted = match verdict.doubt {
        None => {
            state.saw(reading.wall)?;
            Ok(Trusted {
                seconds: reading.wall,
            })
        }
        Some(doubt) => Err(failure(doubt)),
    };
    Ok(Look { now, trusted })
}

/// Whether the time service has confirmed the clock just now. More than [`look`] asks: a proof that
/// counts on by the uptime does not know how long the appliance was off, so that the clock may be
/// behind.
pub(crate) fn confirmed_now(settings: &Clock) -> bool {
    let wall = unchecked();
    let allowed = wall.saturating_sub(proof::AHEAD_SECONDS)..=wall + BACKWARDS_SECONDS;
    touched(&settings.synchronized).is_some_and(|at| allowed.contains(&at))
}

/// Takes the centre's signed word that it stored a batch at `received`, which was sealed at
/// `sealed`: the time has reached that moment, and a batch cannot be stored before it is sealed.
///
/// # Errors
/// The batch was sealed later than it was stored, by this clock and the centre's; or our own
/// state cannot be written.
pub(crate) fn told_by_centre(state: &State, sealed: i64, received: i64) -> Result<(), Failure> {
    let (wall, uptime) = (unchecked(), uptime());
    // A centre whose clock is ahead must not keep this appliance from working when it is right.
    let told = Proof {
        at_least: received.min(wall),
        uptime,
    };
    let known = state.time_proof()?;
    if known.is_none_or(|known| known.earliest(uptime) < told.at_least) {
        state.prove_time(told)?;
    }
    match Dispute::between(sealed, received, wall, uptime) {
        None => Ok(()),
        Some(dispute) => {
            state.dispute_time(dispute)?;
            Err(failure(Doubt::Disputed))
        }
    }
}

/// What the clocks of the appliance say at one moment, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticks {
    /// The clock, since 1970.
    pub(crate) wall_ms: i64,
    /// The oscillator, which no time service steers and nobody can set, since some moment that is
    /// the same as long as a process lives.
    pub(crate) raw_ms: i64,
    /// When the time service last confirmed the clock, by that clock.
    pub(crate) confirmed_ms: Option<i64>,
}

impl Ticks {
    /// The clock less the oscillator.
    pub(crate) const fn offset_ms(&self) -> i64 {
        self.wall_ms.saturating_sub(self.raw_ms)
    }
}

/// Reads the clocks, to see whether one moved against the other. Of several files of the time
/// service the newest counts.
pub(crate) fn ticks<'f>(synchronized: impl Iterator<Item = &'f Path>) -> Ticks {
    let confirmed = |file: &Path| {
        let found = fs::metadata(file).ok()?;
        Some(found.mtime() * 1_000 + found.mtime_nsec() / 1_000_000)
    };
    let raw = clock_gettime(ClockId::MonotonicRaw);
    Ticks {
        wall_ms: Timestamp::now().as_millisecond(),
        raw_ms: raw.tv_sec * 1_000 + raw.tv_nsec / 1_000_000,
        confirmed_ms: synchronized.filter_map(confirmed).max(),
    }
}

/// Reads the clock and refuses it when it cannot be right (P-19).
///
/// # Errors
/// The clock is before the program's own time or before `latest_seen`, the latest moment that is
/// known to have been.
pub(crate) fn now(latest_seen: Option<i64>) -> Result<Now, Failure> {
    check(unchecked(), latest_seen)
}

/// What the clock says, right or wrong, in seconds since 1970: for telling, never for deciding.
pub(crate) fn unchecked() -> i64 {
    Timestamp::now().as_second()
}

/// The time of the day in Japan, as the clock says it: for slots and office hours.
pub(crate) fn time_of_day() -> Duration {
    const DAY: i128 = 86_400_000_000_000;
    let japan = Timestamp::now().as_nanosecond() + 9 * 3_600_000_000_000;
    Duration::from_nanos(u64::try_from(japan.rem_euclid(DAY)).unwrap_or(0))
}

/// A stopwatch for reports.
pub(crate) fn stopwatch() -> Instant {
    Instant::now()
}

/// Seconds since the appliance started, asleep or not. Nobody can set this clock.
fn uptime() -> i64 {
    clock_gettime(ClockId::Boottime).tv_sec
}

/// When the time service last confirmed the clock, by that clock.
fn touched(file: &Path) -> Option<i64> {
    fs::metadata(file).ok().map(|found| found.mtime())
}

fn day(seconds: i64) -> Result<Date, Failure> {
    let stamp = Timestamp::from_second(seconds)
        .map_err(|error| Failure::because(Problem::Clock, "out of range", error))?;
    Ok(Offset::constant(9).to_datetime(stamp).date())
}

fn failure(doubt: Doubt) -> Failure {
    match doubt {
        Doubt::BeforeProgram => Failure::new(Problem::Clock, "before 2026-01-01"),
        Doubt::WentBack => Failure::new(Problem::Clock, "earlier than is known to have been"),
        Doubt::Disputed => Failure::new(Problem::ClockDisputed, ""),
        Doubt::Unproven => Failure::new(Problem::ClockUnproven, ""),
        Doubt::Ahead { seconds } => {
            let (hours, minutes) = (seconds / 3600, seconds % 3600 / 60);
            Failure::new(Problem::ClockAhead, format!("{hours} h {minutes} min"))
        }
    }
}

fn check(seconds: i64, latest_seen: Option<i64>) -> Result<Now, Failure> {
    if seconds < EARLIEST {
        return Err(failure(Doubt::BeforeProgram));
    }
    if latest_seen.is_some_and(|latest| seconds < latest - BACKWARDS_SECONDS) {
        return Err(failure(Doubt::WentBack));
    }
    let today = day(seconds)?;
    Ok(Now { seconds, today })
}

#[cfg(test)]
mod tests;
