//! What was measured at one moment.

use serde::{Deserialize, Serialize};

use crate::gateway::Gateway;

/// Numbers of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// When, by the clock of the device, in seconds since 1970.
    pub at: i64,
    /// Seconds since the device was started.
    pub uptime: u32,
    /// How often it has been started.
    pub starts: u32,
    /// Major, minor and patch number of the program.
    pub version: [u16; 3],
    /// Load of the last five minutes, in hundredths.
    pub load: u16,
    /// Working memory.
    pub memory: Amount,
    /// The disk of the data.
    pub disk: Amount,
    /// The warmest part, in degrees Celsius.
    pub temperature: Option<i8>,
    /// How much of the disk's life is used up, in percent.
    pub wear: Option<u8>,
    /// Whether the interface of the closed network is up.
    pub line: Option<bool>,
    /// How the data path stood, once it has run.
    pub gateway: Option<Gateway>,
}

/// A size and what is free of it, in MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// All.
    pub total: u32,
    /// Free.
    pub free: u32,
}

impl Sample {
    /// The newer of two samples of one slot, with the worst that was seen in both: a minute without
    /// memory is not lost between two good ones.
    #[must_use]
    pub fn with_worst_of(self, older: Self) -> Self {
        let worst = |one: Amount, other: Amount| Amount {
            free: one.free.min(other.free),
            ..one
        };
        Self {
            load: self.load.max(older.load),
            memory: worst(self.memory, older.memory),
            disk: worst(self.disk, older.disk),
            temperature: self.temperature.max(older.temperature),
            wear: self.wear.max(older.wear),
            line: match (self.line, older.line) {
                (Some(one), Some(other)) => Some(one && other),
                (one, other) => one.or(other),
            },
            gateway: self.gateway.or(older.gateway),
            ..self
        }
    }
}
