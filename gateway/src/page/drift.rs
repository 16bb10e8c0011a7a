//! Whether the clock moved away from the trusted time by more than a second (B-089), so that
//! whoever reads the log knows how far its times can be believed.
//!
//! The time service touches a file whenever it has compared the clock with its source. Between two
//! such moments the clock is held against the oscillator, which nobody can set. A difference that
//! the service itself brought is an error that it put right; any other is a clock that somebody or
//! something moved.

use rusqlite::{OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::log::{Act, Line};
use super::store::{Store, database};
use super::texts::{Filled, T};
use super::words::moment;
use crate::clock::Ticks;
use crate::error::Failure;

/// What may go unnoticed.
const ALLOWED_MS: i64 = 1_000;
/// How long a time that nobody confirmed again counts as confirmed: see `clock::proof`.
const CONFIRMED_MS: i64 = 7_200_000;
/// How long an error that was put right is shown.
const SHOWN_MS: i64 = 86_400_000;
/// The appliance itself, in the log.
pub(super) const APPLIANCE: &str = "appliance";

/// What earlier looks left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// Which process looked: the oscillator counts anew after a start of the appliance, which no
    /// process outlives.
    process: String,
    /// The clock less the oscillator when it was last believed.
    offset_ms: i64,
    /// When the time service last confirmed the clock by then.
    confirmed_ms: Option<i64>,
    /// By how much the clock is off and was not put right.
    moved_ms: Option<i64>,
    /// By how much it was put right, and when.
    put_right: Option<(i64, i64)>,
    /// Whether it was told that the time is no longer confirmed.
    unconfirmed: bool,
}

/// Something to be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Moved(i64),
    PutRight(i64),
    Unconfirmed,
}

/// What stands on the pages, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alarm {
    /// The clock is off by so many milliseconds.
    Moved(i64),
    /// Nobody confirms the time.
    Unconfirmed,
    /// It was off by so many milliseconds until a moment, in seconds since 1970.
    PutRight(i64, i64),
}

impl Alarm {
    /// What people read, with the class of its sign.
    pub(super) fn sign(self) -> (&'static str, Filled) {
        match self {
            Self::Moved(ms) => ("bad", T.clock_moved.of(seconds(ms))),
            Self::Unconfirmed => ("bad", T.clock_unconfirmed.plain()),
            Self::PutRight(ms, at) => {
                let values = [moment(at), seconds(ms)];
                (
                    "wait",
                    T.clock_put_right
                        .fill(&values.each_ref().map(String::as_str)),
                )
            }
        }
    }
}

impl Known {
    fn begun(process: &str, ticks: &Ticks) -> Self {
        Self {
            process: process.to_owned(),
            offset_ms: ticks.offset_ms(),
            confirmed_ms: ticks.confirmed_ms,
            moved_ms: None,
            put_right: None,
            unconfirmed: false,
        }
    }

    /// Takes a look at the clock, and gives what is to be told of it.
    fn look(&mut self, process: &str, ticks: &Ticks) -> Vec<Told> {
        let mut told = Vec::new();
        if self.process != process {
            // Between two processes there is nothing to hold the clock against: a clock that was
            // off counts as off by as much until it is confirmed.
            process.clone_into(&mut self.process);
            self.offset_ms = ticks.offset_ms() - self.moved_ms.unwrap_or_default();
        }
        let off = ticks.offset_ms() - self.offset_ms;
        let again = ticks.confirmed_ms > self.confirmed_ms;
        match (again, off.abs() > ALLOWED_MS) {
            (true, far) => {
                if far {
                    told.push(Told::PutRight(off));
                    self.put_right = Some((off, ticks.wall_ms));
                }
                self.offset_ms = ticks.offset_ms();
                self.confirmed_ms = ticks.confirmed_ms;
                self.moved_ms = None;
            }
            (false, true) => {
                let known = self.moved_ms.unwrap_or_default();
                if (off - known).abs() > ALLOWED_MS {
                    told.push(Told::Moved(off));
                    self.moved_ms = Some(off);
                }
            }
            (false, false) => self.moved_ms = None,
        }
        let since = ticks.confirmed_ms.map(|at| ticks.wall_ms - at);
        let unconfirmed = since.is_none_or(|since| since > CONFIRMED_MS);
        if unconfirmed && !self.unconfirmed {
            told.push(Told::Unconfirmed);
        }
        self.unconfirmed = unconfirmed;
        told
    }

    fn alarm(&self, wall_ms: i64) -> Option<Alarm> {
        if let Some(off) = self.moved_ms {
            return Some(Alarm::Moved(off));
        }
        if self.unconfirmed {
            return Some(Alarm::Unconfirmed);
        }
        let (off, at) = self.put_right?;
        let shown = (0..SHOWN_MS).contains(&(wall_ms - at));
        shown.then_some(Alarm::PutRight(off, at / 1_000))
    }
}

impl Store {
    /// Looks at the clock, writes down what it did, and gives what stands on the pages.
    ///
    /// # Errors
    /// The database cannot be used.
    pub(super) fn watch_clock(
        &self,
        process: &str,
        ticks: &Ticks,
    ) -> Result<Option<Alarm>, Failure> {
        let kept = self.known_clock()?;
        let mut known = kept.clone().unwrap_or_else(|| Known::begun(process, ticks));
        let told = known.look(process, ticks);
        // Nothing is written where nothing is new: this happens several times a minute.
        if kept.as_ref() != Some(&known) {
            self.write(|connection| {
                for told in told {
                    let (act, about) = match told {
                        Told::Moved(ms) => (Act::ClockMoved, seconds(ms)),
                        Told::PutRight(ms) => (Act::ClockPutRight, seconds(ms)),
                        Told::Unconfirmed => (Act::ClockUnconfirmed, String::new()),
                    };
                    let line = Line::about(act, APPLIANCE, &about);
                    self.append(connection, &line, ticks.wall_ms.div_euclid(1_000))?;
                }
                let text = serde_json::to_string(&known).unwrap_or_default();
                let keep = "INSERT INTO clock VALUES (1, ?1) ON CONFLICT DO UPDATE SET known = ?1";
                let done = connection.execute(keep, params![text]);
                done.map(drop).map_err(database)
            })?;
        }
        Ok(known.alarm(ticks.wall_ms))
    }

    fn known_clock(&self) -> Result<Option<Known>, Failure> {
        let connection = self.connection()?;
        let query = "SELECT known FROM clock";
        let kept: Option<String> = connection
            .query_row(query, [], |row| row.get(0))
            .optional()
            .map_err(database)?;
        Ok(kept.and_then(|text| serde_json::from_str(&text).ok()))
    }
}

/// `+1.5 s`.
fn seconds(ms: i64) -> String {
    let (sign, ms) = (if ms < 0 { '-' } else { '+' }, ms.unsigned_abs());
    format!("{sign}{}.{} s", ms / 1_000, ms % 1_000 / 100)
}

#[cfg(test)]
mod tests {
    use super::super::store::store;
    use super::*;

    const AT: i64 = 1_800_000_000_000;

    fn ticks(wall: i64, raw: i64, confirmed: Option<i64>) -> Ticks {
        Ticks {
            wall_ms: AT + wall,
            raw_ms: raw,
            confirmed_ms: confirmed.map(|at| AT + at),
        }
    }

    /// B-089: a second is allowed, more raises the alarm once, and it stands until the time service
    /// has confirmed the clock again.
    #[test]
    fn a_clock_that_moves_by_more_than_a_second_raises_an_alarm_until_it_is_confirmed_again() {
        let mut known = Known::begun("one", &ticks(0, 5_000, Some(0)));
        for (look, told, alarm) in [
            (ticks(60_000, 65_000, Some(0)), vec![], None),
            (ticks(121_000, 125_000, Some(0)), vec![], None),
            (
                ticks(181_001, 185_000, Some(0)),
                vec![Told::Moved(1_001)],
                Some(Alarm::Moved(1_001)),
            ),
            (
                ticks(241_100, 245_000, Some(0)),
                vec![],
                Some(Alarm::Moved(1_001)),
            ),
            (
                ticks(300_000 - 60_000, 305_000, Some(0)),
                vec![Told::Moved(-60_000)],
                Some(Alarm::Moved(-60_000)),
            ),
            // The service puts it back: by the oscillator nothing is wrong any more.
            (ticks(360_000, 365_000, Some(360_000)), vec![], None),
            // Here it was off, and the service put it right.
            (
                ticks(422_500, 425_000, Some(422_000)),
                vec![Told::PutRight(2_500)],
                Some(Alarm::PutRight(2_500, AT / 1_000 + 422)),
            ),
            (
                ticks(
                    422_500 + SHOWN_MS,
                    425_000 + SHOWN_MS,
                    Some(422_000 + SHOWN_MS),
                ),
                vec![],
                None,
            ),
        ] {
            assert_eq!(known.look("one", &look), told, "{look:?}");
            assert_eq!(known.alarm(look.wall_ms), alarm, "{look:?}");
        }
    }

    /// B-089: a time that nobody confirms is no trusted time, and a new start proves nothing.
    #[test]
    fn a_time_that_nobody_confirms_raises_an_alarm_once() {
        let mut known = Known::begun("one", &ticks(0, 0, Some(0)));
        let quiet = ticks(CONFIRMED_MS, CONFIRMED_MS, Some(0));
        assert_eq!(known.look("one", &quiet), []);
        let late = ticks(CONFIRMED_MS + 1, CONFIRMED_MS + 1, Some(0));
        assert_eq!(known.look("one", &late), [Told::Unconfirmed]);
        assert_eq!(known.look("one", &late), []);
        assert_eq!(known.alarm(late.wall_ms), Some(Alarm::Unconfirmed));
        let started = ticks(9_000_000, 10, None);
        assert_eq!(known.look("two", &started), []);
        assert_eq!(known.alarm(started.wall_ms), Some(Alarm::Unconfirmed));
        let confirmed = ticks(9_060_000, 60_010, Some(9_060_000));
        assert_eq!(known.look("two", &confirmed), []);
        assert_eq!(known.alarm(confirmed.wall_ms), None);
    }

    /// B-089: starting the page anew ends no alarm; the time service does.
    #[test]
    fn an_alarm_outlives_the_process_that_raised_it() {
        let mut known = Known::begun("one", &ticks(0, 0, Some(0)));
        let moved = ticks(65_000, 60_000, Some(0));
        assert_eq!(known.look("one", &moved), [Told::Moved(5_000)]);
        let started = ticks(125_000, 7, Some(0));
        assert_eq!(known.look("two", &started), []);
        assert_eq!(known.alarm(started.wall_ms), Some(Alarm::Moved(5_000)));
        // Put back by the service, the clock is where the oscillator says.
        let confirmed = ticks(180_000, 60_007, Some(180_000));
        assert_eq!(known.look("two", &confirmed), []);
        assert_eq!(known.alarm(confirmed.wall_ms), None);
    }

    /// B-089: the alarm is in the log as well, once, and known again after the page started anew.
    #[test]
    fn what_the_clock_did_is_written_down_once() {
        let (folder, store) = store();
        store.watch_clock("one", &ticks(0, 0, Some(0))).unwrap();
        let moved = ticks(63_400, 60_000, Some(0));
        let alarm = store.watch_clock("one", &moved).unwrap();
        assert_eq!(alarm, Some(Alarm::Moved(3_400)));
        drop(store);
        let page = folder.path().join("page");
        let store = Store::open(&page, config::page::Sessions::default()).unwrap();
        assert_eq!(store.watch_clock("one", &moved).unwrap(), alarm);
        let log = store.latest(i64::MAX, 10).unwrap();
        let told: Vec<_> = log
            .iter()
            .map(|it| (it.act.as_str(), it.about.as_str()))
            .collect();
        assert_eq!(told, [(Act::ClockMoved.as_str(), "+3.4 s")]);
        assert_eq!(log[0].account, APPLIANCE);
    }
}
