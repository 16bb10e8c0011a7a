//! What a device remembers of its update, in one small file that is always whole.
//!
//! ```text
//! idle ──► writing ──► written ──► staged ──► trying ──► good
//!             ▲           │           │          │
//!             └───────────┘           └──────────┴─────► returned (reason)
//! ```
//!
//! `idle`, `good` and `returned` rest; a new version leads from each of them to `writing`.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Passed, TRIES, Version};

/// Most bytes of a record.
const RECORD_MAX: usize = 4 << 10;
const FORMAT: u8 = 1;

/// One of the two halves of the disk that hold a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Slot {
    /// `root-a`, `verity-a`.
    A,
    /// `root-b`, `verity-b`.
    B,
}

impl Slot {
    /// The one that does not run.
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// Why a version was given up. Fixed words, which say nothing of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// What was downloaded or brought is not what was signed.
    Tampered,
    /// A slot or the folder of boot entries has no room for it.
    NoRoom,
    /// A slot or a boot entry cannot be written, or does not hold what was written.
    WriteFailed,
    /// It was booted and never came as far as its health gate.
    NotStarted,
    /// The agent did not report.
    AgentSilent,
    /// The queue of batches could not be read.
    SpoolUnreadable,
    /// The gateway refused its own settings.
    SettingsRefused,
    /// The local page did not answer.
    PageSilent,
    /// The centre could not be reached, and could be before.
    CentreUnreachable,
    /// It had been good, and the device runs the version before it again.
    FellBack,
}

/// Where an update stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Stage {
    /// Nothing has been updated yet.
    Idle {},
    /// A slot is being written; nothing boots it.
    Writing {
        /// What is written.
        version: Version,
        /// Where.
        slot: Slot,
    },
    /// The slot holds what was signed; its boot entry is placed next.
    Written {
        /// What was written.
        version: Version,
        /// Where.
        slot: Slot,
        /// Whether the centre could be reached before.
        centre: bool,
    },
    /// The boot entry is placed; the next start tries it.
    Staged {
        /// What is tried.
        version: Version,
        /// Where it is.
        slot: Slot,
        /// Whether the centre could be reached before.
        centre: bool,
    },
    /// It runs and has not proven itself.
    Trying {
        /// What is tried.
        version: Version,
        /// Where it is.
        slot: Slot,
        /// Whether the centre could be reached before.
        centre: bool,
        /// How often it came as far as its health gate.
        starts: u8,
        /// What its health gate said the last time.
        why: Option<Reason>,
    },
    /// It has passed its health gate.
    Good {
        /// What runs.
        version: Version,
    },
    /// It was given up, and the version before it runs.
    Returned {
        /// What was given up.
        version: Version,
        /// Why.
        why: Reason,
    },
}

/// What a device remembers of its update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    format: u8,
    /// Nothing below it is installed any more.
    pub(crate) least: Version,
    /// Where the update stands.
    pub stage: Stage,
}

/// The record cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the record of updates cannot be read")]
pub struct RecordError;

/// What has to happen after a start of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boot {
    /// Nothing is being tried.
    Proven,
    /// The version that runs has to pass the gate. The record is kept first.
    Gate {
        /// Whether the centre has to be reached.
        centre: bool,
    },
}

impl Default for Record {
    fn default() -> Self {
        Self {
            format: FORMAT,
            least: Version([0, 0, 0]),
            stage: Stage::Idle {},
        }
    }
}

impl Record {
    /// Reads it.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn read(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.len() > RECORD_MAX {
            return Err(RecordError);
        }
        let record: Self = serde_json::from_slice(bytes).map_err(|_| RecordError)?;
        match record.format == FORMAT {
            true => Ok(record),
            false => Err(RecordError),
        }
    }

    /// Writes it on one line.
    ///
    /// # Errors
    /// Does not happen: numbers and fixed words can be written.
    pub fn to_bytes(&self) -> Result<Vec<u8>, RecordError> {
        let mut bytes = serde_json::to_vec(self).map_err(|_| RecordError)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The least version that may be installed.
    pub const fn least(&self) -> Version {
        self.least
    }

    /// A record in the place of one that cannot be read: what runs has to prove itself.
    pub fn unknown(version: Version, slot: Slot) -> Self {
        let stage = Stage::Trying {
            version,
            slot,
            centre: false,
            starts: 0,
            why: None,
        };
        Self {
            stage,
            ..Self::default()
        }
    }

    /// The version whose boot entry tells whether it has been tried.
    pub const fn tried(&self) -> Option<Version> {
        match self.stage {
            Stage::Written { version, .. }
            | Stage::Staged { version, .. }
            | Stage::Trying { version, .. } => Some(version),
            Stage::Idle {}
            | Stage::Writing { .. }
            | Stage::Good { .. }
            | Stage::Returned { .. } => None,
        }
    }

    /// The device has started with a version in a slot. `left` is how many tries the boot entry of
    /// [`Self::tried`] has before it, `None` without an entry. The record has to be kept before
    /// its gate.
    pub fn handle_boot(&mut self, version: Version, slot: Slot, left: Option<u32>) -> Boot {
        let (tried, centre, starts, why) = match self.stage {
            Stage::Idle {} | Stage::Writing { .. } => return Boot::Proven,
            Stage::Good { version: good } if good == version => return Boot::Proven,
            Stage::Good { version: good } => (good, false, 0, Some(Reason::FellBack)),
            Stage::Returned { version, why, .. } => (version, false, 0, Some(why)),
            Stage::Written {
                version, centre, ..
            }
            | Stage::Staged {
                version, centre, ..
            } => (version, centre, 0, None),
            Stage::Trying {
                version,
                centre,
                starts,
                why,
                ..
            } => (version, centre, starts, why),
        };
        if tried == version {
            self.stage = Stage::Trying {
                version,
                slot,
                centre,
                starts: starts.saturating_add(1),
                why: None,
            };
            return Boot::Gate { centre };
        }
        let untried = match self.stage {
            // The entry may not have been placed: then installing goes on where it was.
            Stage::Written { .. } => left.is_none_or(|left| left == TRIES),
            Stage::Staged { .. } => left == Some(TRIES),
            _ => false,
        };
        if !untried {
            self.stage = Stage::Returned {
                version: tried,
                why: why.unwrap_or(Reason::NotStarted),
            };
        }
        Boot::Proven
    }

    /// What is tried has passed its gate.
    pub fn handle_passed(&mut self, _: Passed) {
        if let Stage::Trying { version, .. } = self.stage {
            self.least = self.least.max(version);
            self.stage = Stage::Good { version };
        }
    }

    /// What is tried has not passed its gate: the device has to start again.
    pub fn handle_refused(&mut self, reason: Reason) {
        if let Stage::Trying { why, .. } = &mut self.stage {
            *why = Some(reason);
        }
    }

    /// What was being written cannot be: nothing boots it, and it may be tried again.
    pub fn handle_failed(&mut self, why: Reason) {
        if let Stage::Writing { version, .. } | Stage::Written { version, .. } = self.stage {
            self.stage = Stage::Returned { version, why };
        }
    }
}
