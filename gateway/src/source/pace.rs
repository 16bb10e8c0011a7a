//! How fast the source may be read: a bound on files per second, and pauses while the
//! source answers slowly because it has other work.
//!
//! [`Pace`] decides from what it is told and knows no clock; [`Pacer`] makes threads wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::stopwatch;

/// How often the source is asked how it is.
pub(crate) const PROBE_EVERY: Duration = Duration::from_millis(500);
/// Answers that decide together, so that one slow answer among them does not.
const WINDOW: usize = 5;
/// Answers from which the idle time of a volume is first learnt.
const FIRST: usize = 3;
/// While paused, what is slow becomes normal by this share of the difference per answer: after a
/// quarter of an hour at the most reading goes on, whatever the source.
const CREEP: u32 = 512;
/// Most files that may be taken at once after a rest.
const BURST: Duration = Duration::from_millis(100);

/// Decides about pauses and waiting times. Times are durations since any fixed moment.
#[derive(Debug)]
pub(crate) struct Pace {
    interval: Duration,
    next: Duration,
    floor: Duration,
    volumes: Vec<Volume>,
    paused_at: Option<Duration>,
    pauses: u64,
    paused_for: Duration,
}

/// What is known about one volume's answers.
#[derive(Debug, Clone, Default)]
struct Volume {
    idle: Option<Duration>,
    recent: Vec<Duration>,
}

impl Volume {
    fn median(&self) -> Duration {
        let mut sorted = self.recent.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }
}

impl Pace {
    /// A pace of `files_per_second` (0 for no bound), for volumes whose idle times are known from
    /// earlier runs or not.
    pub(crate) fn new(
        files_per_second: u32,
        floor: Duration,
        idle: impl IntoIterator<Item = Option<Duration>>,
    ) -> Self {
        let volume = |idle| Volume {
            idle,
            recent: Vec::new(),
        };
        Self {
            interval: Duration::from_secs(1)
                .checked_div(files_per_second)
                .unwrap_or_default(),
            next: Duration::ZERO,
            floor,
            volumes: idle.into_iter().map(volume).collect(),
            paused_at: None,
            pauses: 0,
            paused_for: Duration::ZERO,
        }
    }

    /// Takes note of how long a volume took to answer.
    pub(crate) fn answered(&mut self, now: Duration, volume: usize, latency: Duration) {
        let floor = self.floor;
        let paused = self.paused_at.is_some();
        let Some(volume) = self.volumes.get_mut(volume) else {
            return;
        };
        if volume.recent.len() == WINDOW {
            volume.recent.remove(0);
        }
        volume.recent.push(latency);
        let median = volume.median();
        volume.idle = match volume.idle {
            Some(idle) if median < idle => Some(median),
            Some(idle) if paused => Some(idle + median.saturating_sub(idle) / CREEP),
            None if volume.recent.len() >= FIRST => Some(median),
            idle => idle,
        };
        let slower_than = |volume: &Volume, halves: u32| {
            let idle = volume.idle.unwrap_or(Duration::MAX / 8).max(floor);
            volume.recent.len() >= FIRST && volume.median() > idle * halves / 2
        };
        match self.paused_at {
            None if self.volumes.iter().any(|volume| slower_than(volume, 4)) => {
                self.paused_at = Some(now);
                self.pauses += 1;
            }
            Some(since) if !self.volumes.iter().any(|volume| slower_than(volume, 3)) => {
                self.paused_at = None;
                self.paused_for += now.saturating_sub(since);
            }
            _ => {}
        }
    }

    /// Whether nothing may be read at present.
    pub(crate) fn paused(&self) -> bool {
        self.paused_at.is_some()
    }

    /// Takes `files` out of what the bound allows; how long to wait before touching them.
    pub(crate) fn take(&mut self, now: Duration, files: u32) -> Duration {
        let start = self.next.max(now.saturating_sub(BURST));
        self.next = start + self.interval * files;
        start.saturating_sub(now)
    }

    /// The idle times of the volumes, to be remembered: what is slower than before becomes normal
    /// only slowly.
    pub(crate) fn idle(&self) -> Vec<Option<Duration>> {
        self.volumes.iter().map(|volume| volume.idle).collect()
    }

    /// How often and for how long reading paused.
    pub(crate) fn pauses(&self, now: Duration) -> (u64, Duration) {
        let open = self
            .paused_at
            .map_or(Duration::ZERO, |since| now.saturating_sub(since));
        (self.pauses, self.paused_for + open)
    }
}

/// Makes threads wait as [`Pace`] says.
pub(crate) struct Pacer {
    pace: Mutex<Pace>,
    changed: Condvar,
    bounded: bool,
    paused: AtomicBool,
    ended: AtomicBool,
    started: Instant,
}

impl Pacer {
    /// Starts to keep a pace.
    pub(crate) fn new(pace: Pace) -> Self {
        Self {
            bounded: !pace.interval.is_zero(),
            paused: AtomicBool::new(pace.paused()),
            pace: Mutex::new(pace),
            changed: Condvar::new(),
            ended: AtomicBool::new(false),
            started: stopwatch(),
        }
    }

    /// No bound at all.
    #[cfg(test)]
    pub(crate) fn unbounded() -> Self {
        Self::new(Pace::new(0, Duration::ZERO, []))
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time since the start.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits until `files` more files may be touched. Without bound and pause it costs two loads.
    pub(crate) fn pass(&self, files: u32) {
        if self.paused.load(Ordering::Acquire) {
            let mut pace = self.pace();
            while pace.paused() && !self.ended.load(Ordering::Acquire) {
                pace = self
                    .changed
                    .wait(pace)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
        if self.bounded && files > 0 && !self.ended.load(Ordering::Acquire) {
            let wait = self.pace().take(self.now(), files);
            if !wait.is_zero() {
                std::thread::sleep(wait);
            }
        }
    }

    /// Takes note of an answer of the source.
    pub(crate) fn answered(&self, volume: usize, latency: Duration) {
        let mut pace = self.pace();
        pace.answered(self.now(), volume, latency);
        self.paused.store(pace.paused(), Ordering::Release);
        self.changed.notify_all();
    }

    /// Lets everybody through, because the run ends.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        drop(self.pace());
        self.changed.notify_all();
    }

    /// Whether the run ended.
    pub(crate) fn ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// See [`Pace::paused`].
    pub(crate) fn paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }

    /// See [`Pace::idle`].
    pub(crate) fn idle(&self) -> Vec<Option<Duration>> {
        self.pace().idle()
    }

    /// See [`Pace::pauses`].
    pub(crate) fn pauses(&self) -> (u64, Duration) {
        self.pace().pauses(self.now())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const SECOND: Duration = Duration::from_secs(1);

    /// Runs probes with a latency that depends on the time; the times of pause and resumption.
    fn simulate(
        pace: &mut Pace,
        until: Duration,
        latency: impl Fn(Duration) -> Duration,
    ) -> Vec<Duration> {
        let (mut now, mut turns, mut paused) = (Duration::ZERO, Vec::new(), pace.paused());
        while now < until {
            pace.answered(now, 0, latency(now));
            if pace.paused() != paused {
                paused = pace.paused();
                turns.push(now);
            }
            now += PROBE_EVERY + latency(now);
        }
        turns
    }

    /// more than twice the idle time pauses within five seconds, and it resumes later.
    #[test]
    fn a_slow_source_pauses_reading_within_five_seconds_and_until_it_is_well_again() {
        let mut pace = Pace::new(0, MS, [Some(2 * MS)]);
        let busy = 60 * SECOND..90 * SECOND;
        let turns = simulate(&mut pace, 300 * SECOND, |now| match busy.contains(&now) {
            true => 5 * MS,
            false => 2 * MS,
        });
        let [paused, resumed] = turns[..] else {
            panic!("{turns:?}");
        };
        assert!(
            paused >= busy.start && paused <= busy.start + 5 * SECOND,
            "{paused:?}"
        );
        assert!(
            resumed >= busy.end && resumed <= busy.end + 5 * SECOND,
            "{resumed:?}"
        );
        assert_eq!(pace.pauses(300 * SECOND), (1, resumed - paused));
    }

    #[test]
    fn neither_one_slow_answer_nor_anything_below_the_floor_pauses() {
        let mut pace = Pace::new(0, MS, [None]);
        let spikes = |now: Duration| match now.as_secs() % 10 {
            0 => 50 * MS,
            _ => MS,
        };
        // The window holds at most two answers of the slow second.
        assert!(simulate(&mut pace, 100 * SECOND, spikes).is_empty());
        let mut pace = Pace::new(0, MS, [Some(MS / 100)]);
        let below = |now: Duration| MS / 100 * (1 + now.as_secs() as u32 % 150);
        assert!(simulate(&mut pace, 100 * SECOND, below).is_empty());
    }

    #[test]
    fn one_slow_volume_of_two_is_enough() {
        let mut pace = Pace::new(0, MS, [Some(MS), Some(MS)]);
        for _ in 0..WINDOW {
            pace.answered(SECOND, 0, MS);
            pace.answered(SECOND, 1, 3 * MS);
        }
        assert!(pace.paused());
    }

    #[test]
    fn a_source_that_stays_slow_is_not_waited_for_without_end() {
        let mut pace = Pace::new(0, MS, [Some(2 * MS)]);
        let turns = simulate(&mut pace, 3600 * SECOND, |_| 10 * MS);
        let resumed = turns.get(1).copied();
        assert!(
            resumed.is_some_and(|at| at > 60 * SECOND && at < 900 * SECOND),
            "{turns:?}"
        );
    }

    proptest! {
        /// the read rate is capped, whatever the pattern of asking.
        #[test]
        fn no_pattern_of_asking_exceeds_the_bound(
            rate in 1u32..5_000,
            steps in proptest::collection::vec((0u64..400, 1u32..20), 1..200),
        ) {
            let mut pace = Pace::new(rate, MS, []);
            let (mut now, mut files) = (Duration::ZERO, 0u64);
            for (rest, asked) in steps {
                now += Duration::from_millis(rest);
                now += pace.take(now, asked);
                // These are touched from now on.
                let before = files;
                files += u64::from(asked);
                let allowed = (now + BURST).as_secs_f64() * f64::from(rate) + 1.0;
                prop_assert!(before as f64 <= allowed, "{before} by {now:?}");
            }
        }
    }
}
