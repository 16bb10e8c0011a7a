//! New settings are on trial until the centre was reached with them; otherwise the ones before
//! come back (commit-confirmed).
//!
//! | state | files |
//! |---|---|
//! | `Steady` | the settings in use are those of `number` |
//! | `Trying` | the settings in use are those of `number`; those of `before` lie beside them |
//!
//! The state is written before the files change and after they have: whatever a power cut leaves,
//! [`Trial::after_start`] gives back what worked.

use serde::{Deserialize, Serialize};

/// Which settings are in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Trial {
    /// Those of an order; 0 for those that the device came with.
    Steady {
        /// The order's number.
        number: u64,
    },
    /// Those of `number`, for the time being.
    Trying {
        /// The order's number.
        number: u64,
        /// The number of those before.
        before: u64,
    },
}

/// What a trial came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Waiting,
    /// The settings stay.
    Keep,
    /// Those before are put back.
    Return,
}

impl Default for Trial {
    fn default() -> Self {
        Self::Steady { number: 0 }
    }
}

impl Trial {
    /// Begins a trial; `None` while another goes on.
    pub const fn begin(self, number: u64) -> Option<Self> {
        match self {
            Self::Steady { number: before } => Some(Self::Trying { number, before }),
            Self::Trying { .. } => None,
        }
    }

    /// How a trial stands, `waited` of the seconds of `patience` after the new settings were in
    /// place, if the centre has been `reached` since.
    pub const fn verdict(self, waited: u64, patience: u64, reached: bool) -> Verdict {
        match self {
            Self::Steady { .. } => Verdict::Keep,
            Self::Trying { .. } if reached => Verdict::Keep,
            Self::Trying { .. } if waited >= patience => Verdict::Return,
            Self::Trying { .. } => Verdict::Waiting,
        }
    }

    /// The state after a verdict was carried out.
    #[must_use]
    pub const fn after(self, verdict: Verdict) -> Self {
        match (self, verdict) {
            (Self::Trying { number, .. }, Verdict::Keep) => Self::Steady { number },
            (Self::Trying { before, .. }, Verdict::Return) => Self::Steady { number: before },
            (state, _) => state,
        }
    }

    /// What a program does first that finds this state: a trial that was interrupted has failed,
    /// because nobody can tell how long the device was without the centre.
    pub const fn after_start(self) -> Verdict {
        match self {
            Self::Steady { .. } => Verdict::Keep,
            Self::Trying { .. } => Verdict::Return,
        }
    }

    /// The number of the settings on trial.
    pub const fn trying(self) -> Option<u64> {
        match self {
            Self::Trying { number, .. } => Some(number),
            Self::Steady { .. } => None,
        }
    }

    /// The number of the settings that work as far as anybody knows.
    pub const fn settled(self) -> u64 {
        match self {
            Self::Steady { number } => number,
            Self::Trying { before, .. } => before,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_stay_only_if_the_centre_was_reached_in_time() {
        let trying = Trial::Steady { number: 7 }.begin(9).unwrap();
        assert_eq!(trying.begin(10), None);
        for (waited, reached, verdict, then) in [
            (0, false, Verdict::Waiting, trying),
            (899, false, Verdict::Waiting, trying),
            (0, true, Verdict::Keep, Trial::Steady { number: 9 }),
            (5_000, true, Verdict::Keep, Trial::Steady { number: 9 }),
            (900, false, Verdict::Return, Trial::Steady { number: 7 }),
        ] {
            assert_eq!(trying.verdict(waited, 900, reached), verdict, "{waited}");
            assert_eq!(trying.after(verdict), then, "{waited}");
        }
    }

    #[test]
    fn an_interrupted_trial_goes_back_and_a_finished_one_does_not() {
        let trying = Trial::default().begin(9).unwrap();
        assert_eq!(trying.settled(), 0);
        assert_eq!(trying.after_start(), Verdict::Return);
        let kept = trying.after(Verdict::Keep);
        assert_eq!(kept.settled(), 9);
        assert_eq!(kept.after_start(), Verdict::Keep);
    }
}
