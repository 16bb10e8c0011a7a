//! The time by which signed metadata expires: a clock that was set back does not make them young
//! again (P-19).

use serde::{Deserialize, Serialize};

/// The clock cannot be right before this program was written: 2026-01-01T00:00:00Z.
const EARLIEST: i64 = 1_767_225_600;
/// A time service corrects by less than this, in seconds.
const BACKWARDS: i64 = 600;
/// How old an answer of the time service may be that confirms the clock, in seconds.
const CONFIRMED: i64 = 7_200;

/// The latest moment that has certainly been, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Floor(i64);

impl Default for Floor {
    fn default() -> Self {
        Self(EARLIEST)
    }
}

/// What a look at the clock gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// The moment by which things expire: the clock's, but never before the floor.
    pub now: i64,
    /// The floor from now on.
    pub floor: Floor,
    /// Whether the clock is behind what has certainly been: its hours are not to be believed.
    pub behind: bool,
}

impl Floor {
    /// By how many seconds it is later than another.
    pub const fn since(self, other: Self) -> i64 {
        self.0.saturating_sub(other.0)
    }

    /// Judges the clock. `confirmed` is when the time service last compared it with its source.
    /// Only a confirmed clock raises the floor, so that one that ran ahead for a while does not
    /// keep the right one out.
    pub fn look(self, clock: i64, confirmed: Option<i64>) -> Time {
        let at_clock = clock.saturating_sub(CONFIRMED)..=clock.saturating_add(BACKWARDS);
        let sure = confirmed.is_some_and(|at| at_clock.contains(&at));
        Time {
            now: clock.max(self.0),
            floor: match sure {
                true => Self(self.0.max(clock)),
                false => self,
            },
            behind: clock < self.0.saturating_sub(BACKWARDS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = EARLIEST + 1_000_000;

    /// P-19: expiry is judged by a time that never goes back.
    #[test]
    fn the_time_of_expiry_never_goes_back_and_only_a_confirmed_clock_raises_it() {
        let floor = Floor::default().look(NOW, Some(NOW)).floor;
        assert_eq!(floor, Floor(NOW));
        for (clock, confirmed, now, raised, behind) in [
            (NOW - 9_999, None, NOW, NOW, true),
            (NOW - 599, None, NOW, NOW, false),
            (NOW + 50, None, NOW + 50, NOW, false),
            (NOW + 50, Some(NOW), NOW + 50, NOW + 50, false),
            // The confirmation is of another day, or of a clock that has jumped since.
            (NOW + 90_000, Some(NOW), NOW + 90_000, NOW, false),
            (NOW - 9_999, Some(NOW), NOW, NOW, true),
            (0, Some(0), NOW, NOW, true),
        ] {
            let told = floor.look(clock, confirmed);
            let expected = Time {
                now,
                floor: Floor(raised),
                behind,
            };
            assert_eq!(told, expected, "{clock} {confirmed:?}");
        }
    }
}
