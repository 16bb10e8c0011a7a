//! Samples of the last seven days.

use heapless::Deque;

use crate::report::{MOST_SAMPLES, Report};
use crate::sample::Sample;

/// One sample is kept for so many seconds.
pub const SLOT_SECONDS: i64 = 600;
/// Seven days of them.
pub const SLOTS: usize = 7 * 24 * 6;

/// A ring of samples, oldest first. The newest slot is still filling; the others do not change.
#[derive(Debug, Clone, Default)]
pub struct History {
    slots: Deque<Sample, SLOTS>,
    /// How many of the oldest were told.
    told: usize,
    /// How many were pushed out before they were told.
    lost: u32,
}

impl History {
    /// An empty one.
    pub const fn new() -> Self {
        Self {
            slots: Deque::new(),
            told: 0,
            lost: 0,
        }
    }

    /// What was kept, oldest first, as it is after a restart: all of it is untold.
    pub fn of(samples: impl IntoIterator<Item = Sample>) -> Self {
        let mut history = Self::new();
        samples
            .into_iter()
            .for_each(|sample| history.append(sample));
        history
    }

    /// What was kept, of which everything up to `last` was told. Where that one is not kept any
    /// more, what lies between it and the oldest is lost.
    pub fn told_up_to(samples: impl IntoIterator<Item = Sample>, last: Option<Sample>) -> Self {
        let mut history = Self::of(samples);
        let Some(last) = last else { return history };
        match history.slots.iter().position(|sample| *sample == last) {
            Some(at) => history.told = at + 1,
            None => {
                let oldest = history.slots.front().map_or(last.at, |sample| sample.at);
                let slots = oldest.saturating_sub(last.at) / SLOT_SECONDS - 1;
                let lost = u32::try_from(slots).unwrap_or(0);
                history.lost = history.lost.saturating_add(lost);
            }
        }
        history
    }

    /// Takes a sample. One in the slot of the last is joined with it; a clock that went back begins
    /// a new one. Gives whether a slot began, so that the one before is finished.
    pub fn push(&mut self, sample: Sample) -> bool {
        let slot = |sample: &Sample| sample.at.div_euclid(SLOT_SECONDS);
        match self.slots.back_mut() {
            Some(last) if slot(last) == slot(&sample) => {
                *last = sample.with_worst_of(*last);
                false
            }
            _ => {
                self.append(sample);
                true
            }
        }
    }

    fn append(&mut self, sample: Sample) {
        if self.slots.is_full() {
            self.slots.pop_front();
            match self.told.checked_sub(1) {
                Some(told) => self.told = told,
                None => self.lost = self.lost.saturating_add(1),
            }
        }
        // There is room now.
        let _ = self.slots.push_back(sample);
    }

    /// The samples, oldest first.
    pub fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.slots.iter()
    }

    /// What is to be told next: the newest sample, and the oldest finished ones that were not told.
    /// `None` before the first sample. The same is given until [`History::told`] says that it
    /// arrived.
    pub fn report(&self) -> Option<Report> {
        let now = *self.slots.back()?;
        let finished = self.slots.len() - 1;
        let untold = self.slots.iter().take(finished).skip(self.told);
        Some(Report::new(now, untold.take(MOST_SAMPLES), self.lost))
    }

    /// Notes that a report arrived. One that was made before others arrived changes nothing twice.
    pub fn told(&mut self, report: &Report) {
        let next = self.slots.get(self.told);
        if next.is_some() && report.past().first() == next {
            self.told += report.past().len();
        }
        self.lost = self.lost.saturating_sub(report.lost);
    }

    /// How many finished samples have not been told.
    pub fn untold(&self) -> usize {
        (self.slots.len().saturating_sub(1)).saturating_sub(self.told)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use core::mem::size_of;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::sample::Amount;

    pub(crate) fn sample(at: i64) -> Sample {
        Sample {
            at,
            uptime: 100,
            starts: 3,
            version: [0, 1, 0],
            load: 25,
            memory: Amount {
                total: 4_096,
                free: 3_000,
            },
            disk: Amount {
                total: 30_000,
                free: 20_000,
            },
            temperature: Some(41),
            wear: Some(10),
            line: Some(true),
            gateway: None,
        }
    }

    fn moments(history: &History) -> Vec<i64> {
        history.samples().map(|sample| sample.at).collect()
    }

    /// O-04: a million samples take what one takes. The crate has no heap.
    #[test]
    fn a_million_samples_leave_the_last_seven_days() {
        assert!(
            size_of::<History>() <= 192 << 10,
            "{}",
            size_of::<History>()
        );
        let mut history = History::new();
        for minute in 0..1_000_000 {
            history.push(sample(minute * 60));
        }
        let kept = moments(&history);
        assert_eq!(kept.len(), SLOTS);
        let last = 999_999 * 60;
        assert_eq!(kept.last(), Some(&last));
        assert!(kept[0] >= last - 7 * 86_400 && kept[0] < last - 7 * 86_400 + 2 * SLOT_SECONDS);
    }

    #[test]
    fn the_worst_of_a_slot_stays() {
        let mut history = History::new();
        history.push(sample(0));
        let mut bad = sample(60);
        (bad.memory.free, bad.disk.free, bad.load) = (1, 2, 900);
        (bad.temperature, bad.line) = (Some(90), Some(false));
        history.push(bad);
        history.push(Sample {
            temperature: None,
            wear: None,
            line: Some(true),
            ..sample(120)
        });
        let kept: Vec<_> = history.samples().collect();
        assert_eq!(kept.len(), 1);
        assert_eq!(
            *kept[0],
            Sample {
                at: 120,
                wear: Some(10),
                ..bad
            }
        );
    }

    /// After an outage of any length everything that is still kept is told once, in order, and what
    /// is not kept any more is counted.
    #[test]
    fn an_outage_is_told_afterwards_in_order_and_once() {
        for days in [1, 7, 9] {
            let mut history = History::new();
            let slots = days * 144;
            for slot in 0..=slots {
                history.push(sample(slot * SLOT_SECONDS));
            }
            let (mut told, mut lost) = (Vec::new(), 0);
            loop {
                let report = history.report().unwrap();
                assert_eq!(report.now.at, slots * SLOT_SECONDS);
                if report.past().is_empty() && report.lost == 0 {
                    break;
                }
                told.extend(report.past().iter().map(|sample| sample.at));
                lost += i64::from(report.lost);
                history.told(&report);
                // It arrived twice.
                history.told(&report);
            }
            assert_eq!(lost, (slots + 1 - SLOTS as i64).max(0), "{days}");
            let expected: Vec<_> = (lost..slots).map(|slot| slot * SLOT_SECONDS).collect();
            assert_eq!(told, expected, "{days}");
            assert_eq!(history.untold(), 0);
        }
    }

    /// O-10: what was told before a restart is not told again, and what is not kept any more is
    /// counted.
    #[test]
    fn after_a_restart_the_telling_goes_on_where_it_was() {
        let samples = |from: i64, to: i64| (from..to).map(|slot| sample(slot * SLOT_SECONDS));
        for (last, untold, lost) in [
            (None, 9, 0),
            (Some(9), 9, 0),
            (Some(10), 8, 0),
            (Some(17), 1, 0),
            (Some(18), 0, 0),
            (Some(5), 9, 4),
        ] {
            let last = last.map(|slot| sample(slot * SLOT_SECONDS));
            let history = History::told_up_to(samples(10, 20), last);
            let report = history.report().unwrap();
            assert_eq!((history.untold(), report.lost), (untold, lost), "{last:?}");
        }
    }

    /// While the line is down reports are made and lost; the ring turns over under them.
    #[test]
    fn what_is_pushed_out_while_a_report_is_under_way_is_not_taken_for_told() {
        let mut history = History::new();
        for slot in 0..SLOTS as i64 {
            history.push(sample(slot * SLOT_SECONDS));
        }
        let report = history.report().unwrap();
        for slot in SLOTS as i64..SLOTS as i64 + 3 {
            history.push(sample(slot * SLOT_SECONDS));
        }
        history.told(&report);
        let next = history.report().unwrap();
        assert_eq!(next.past()[0].at, 3 * SLOT_SECONDS);
        assert_eq!(next.lost, 3);
    }

    proptest! {
        /// Whatever the clock does, the ring keeps what came last.
        #[test]
        fn clocks_that_jump_lose_no_newer_sample(
            moments in proptest::collection::vec(any::<i64>(), 1..50),
        ) {
            let mut history = History::new();
            for at in &moments {
                history.push(sample(*at));
            }
            prop_assert_eq!(history.samples().last().unwrap().at, *moments.last().unwrap());
            prop_assert!(history.samples().count() <= moments.len());
        }
    }
}
