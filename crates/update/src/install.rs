//! The order in which a version is installed. Each step is safe to be cut off: what a slot holds is
//! not booted before it was read back and found right, and the version that runs is not touched.

use thiserror::Error;

use crate::record::{Record, Slot, Stage};
use crate::{Name, Reason, Version};

/// What runs now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The board of the device.
    pub board: Name,
    /// Its version.
    pub version: Version,
    /// Its slot.
    pub slot: Slot,
    /// Whether its boot entry counts no tries any more. Before that the version in the other slot
    /// is what the device falls back to, and stays.
    pub proven: bool,
}

/// A verified version that could be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The board that it is for.
    pub board: Name,
    /// The version.
    pub version: Version,
    /// The least version that the centre lets be installed.
    pub least: Version,
    /// Whether the centre can be reached at present, by the version that runs.
    pub centre: bool,
    /// Whether a person asks for it, who may try once more what was given up.
    pub asked: bool,
}

/// Why an offer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unwanted {
    /// It is the version that runs.
    #[error("it runs already")]
    Runs,
    /// It is for another board.
    #[error("it is for another board")]
    Board,
    /// It is older than what runs, or than what may be installed.
    #[error("it is older than what may be installed")]
    Older,
    /// It was given up before.
    #[error("it was given up before")]
    GivenUp(Reason),
    /// What runs has not proven itself yet, or an update waits for the next start.
    #[error("another version is being tried")]
    Busy,
}

/// What has to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Keep the record, on the disk.
    Keep,
    /// Remove every boot entry of a version other than the one that runs.
    Clear,
    /// Write the files to the slot, each chunk verified, and have them on the disk.
    Write,
    /// Read the slot back and compare all of it.
    Check,
    /// Place the boot entry with counted tries, whole and on the disk.
    Place,
    /// Start the device again.
    Restart,
}

/// An installation on its way.
#[derive(Debug)]
pub struct Install {
    record: Record,
    running: Version,
    version: Version,
    centre: bool,
    step: usize,
}

/// The steps, in order. `Keep` stands before what relies on it and after what it tells.
const STEPS: [Step; 8] = [
    Step::Keep,
    Step::Clear,
    Step::Write,
    Step::Check,
    Step::Keep,
    Step::Place,
    Step::Keep,
    Step::Restart,
];
/// Behind these steps the stage changes.
const CHECKED: usize = 3;
const PLACED: usize = 5;

impl Install {
    /// Takes an offer, or says why not. What was begun before is done again from its start: a slot
    /// that is already right costs reading only.
    ///
    /// # Errors
    /// See [`Unwanted`].
    pub fn begin(record: Record, running: &Running, offer: &Offer) -> Result<Self, Unwanted> {
        if offer.board != running.board {
            return Err(Unwanted::Board);
        }
        if offer.version == running.version {
            return Err(Unwanted::Runs);
        }
        if offer.version < running.version.max(record.least).max(offer.least) {
            return Err(Unwanted::Older);
        }
        match record.stage {
            Stage::Returned { version, why } if version == offer.version && !offer.asked => {
                return Err(Unwanted::GivenUp(why));
            }
            Stage::Trying { .. } | Stage::Staged { .. } => return Err(Unwanted::Busy),
            _ if !running.proven => return Err(Unwanted::Busy),
            Stage::Idle {}
            | Stage::Writing { .. }
            | Stage::Written { .. }
            | Stage::Good { .. }
            | Stage::Returned { .. } => {}
        }
        let (version, slot) = (offer.version, running.slot.other());
        let mut record = record;
        record.least = record.least.max(offer.least);
        record.stage = Stage::Writing { version, slot };
        Ok(Self {
            record,
            running: running.version,
            version,
            centre: offer.centre,
            step: 0,
        })
    }

    /// What has to be done now.
    pub fn poll_step(&self) -> Step {
        STEPS.get(self.step).copied().unwrap_or(Step::Restart)
    }

    /// The step is done, and what it did is on the disk.
    pub fn handle_done(&mut self) {
        if let Stage::Writing { version, slot } | Stage::Written { version, slot, .. } =
            self.record.stage
        {
            let centre = self.centre;
            match self.step {
                CHECKED => {
                    self.record.stage = Stage::Written {
                        version,
                        slot,
                        centre,
                    }
                }
                PLACED => {
                    self.record.stage = Stage::Staged {
                        version,
                        slot,
                        centre,
                    }
                }
                _ => {}
            }
        }
        self.step = (self.step + 1).min(STEPS.len() - 1);
    }

    /// The step cannot be done. Gives the record to be kept: the version is given up, and nothing
    /// boots it.
    pub fn handle_failed(mut self, why: Reason) -> Record {
        self.record.handle_failed(why);
        self.record
    }

    /// The record as it has to be kept.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// What is installed.
    pub fn version(&self) -> Version {
        self.version
    }

    /// What runs: its boot entries stay.
    pub fn running(&self) -> Version {
        self.running
    }
}
