//! The health gate: what a new version has to show before it stays.

use crate::Reason;

/// What is looked at, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The agent has measured since the start.
    Agent,
    /// The queue of batches can be read.
    Spool,
    /// The gateway takes its own settings.
    Settings,
    /// The local page answers.
    Page,
    /// The centre can be reached, if it could before.
    Centre,
}

impl Check {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Agent,
        Self::Spool,
        Self::Settings,
        Self::Page,
        Self::Centre,
    ];

    const fn reason(self) -> Reason {
        match self {
            Self::Agent => Reason::AgentSilent,
            Self::Spool => Reason::SpoolUnreadable,
            Self::Settings => Reason::SettingsRefused,
            Self::Page => Reason::PageSilent,
            Self::Centre => Reason::CentreUnreachable,
        }
    }
}

/// What a check gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Well,
    /// Not as it should be, or not in time.
    Ill,
    /// The device has no such part: nothing is set up for it.
    Absent,
}

/// That every check has passed. Only [`judge`] makes it.
#[derive(Debug)]
pub struct Passed(());

/// Judges the gate. `look` carries out one check; `centre` says whether the centre has to be
/// reached. The first check that fails ends it.
///
/// # Errors
/// Why the version may not stay.
pub fn judge(centre: bool, mut look: impl FnMut(Check) -> Verdict) -> Result<Passed, Reason> {
    for check in Check::ALL {
        if check == Check::Centre && !centre {
            continue;
        }
        if look(check) == Verdict::Ill {
            return Err(check.reason());
        }
    }
    Ok(Passed(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-14: one check that fails is enough, and its own word is told.
    #[test]
    fn every_check_can_stop_a_version_by_itself() {
        for ill in Check::ALL {
            let look = |check| match check == ill {
                true => Verdict::Ill,
                false => Verdict::Well,
            };
            assert_eq!(judge(true, look).err(), Some(ill.reason()));
            let passes_without = judge(false, look).is_ok();
            assert_eq!(passes_without, ill == Check::Centre);
        }
        assert!(judge(true, |_| Verdict::Well).is_ok());
        assert!(judge(true, |_| Verdict::Absent).is_ok());
    }
}
