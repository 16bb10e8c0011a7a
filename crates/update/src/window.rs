//! When of the day a device may update: hours in Japan, also across midnight.

/// Seconds of a day.
pub(crate) const DAY: u32 = 86_400;
/// Japan is nine hours ahead of UTC and knows no summer time.
const JST: i64 = 9 * 3_600;

/// The maintenance window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Second of the day in Japan at which it begins, below 86,400.
    pub from: u32,
    /// Second of the day at which it ends; before `from`, it goes over midnight; equal to it, it
    /// never ends.
    pub until: u32,
}

impl Window {
    /// Whether a moment, in seconds since 1970, lies within.
    pub const fn admits(self, now: i64) -> bool {
        let second = now.saturating_add(JST).rem_euclid(DAY as i64);
        let (from, until) = (self.from as i64, self.until as i64);
        if from < until {
            from <= second && second < until
        } else {
            second >= from || second < until
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-14: only inside the window, counted in Japan.
    #[test]
    fn hours_are_those_of_japan_also_across_midnight() {
        let hour = |hour: u32| hour * 3_600;
        let night = Window {
            from: hour(22),
            until: hour(4),
        };
        let early = Window {
            from: hour(2),
            until: hour(4),
        };
        let always = Window {
            from: hour(3),
            until: hour(3),
        };
        // 2026-12-01T00:00:00+09:00.
        let midnight = 1_796_050_800 - 86_400;
        for (at, in_night, in_early) in [
            (0, true, false),
            (hour(2) - 1, true, false),
            (hour(2), true, true),
            (hour(4) - 1, true, true),
            (hour(4), false, false),
            (hour(12), false, false),
            (hour(22) - 1, false, false),
            (hour(22), true, false),
        ] {
            let now = midnight + i64::from(at);
            assert_eq!(
                (night.admits(now), early.admits(now)),
                (in_night, in_early),
                "{at}"
            );
            assert!(always.admits(now));
        }
        assert!(!early.admits(i64::MAX) || !early.admits(i64::MIN));
    }
}
