//! Why an order was given: a number of the maintenance plan and one of a few fixed words, so that
//! the site can hold the work against the plan (B-090). No free text.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A text has not the form of what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the text has not the form of this word")]
pub struct WordError;

/// Number of the maintenance plan: 1 to 24 of `A-Z`, `0-9`, `-`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlanId(String);

impl PlanId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PlanId {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        let allowed = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
        let fits = (1..=24).contains(&text.len()) && text.bytes().all(allowed);
        fits.then(|| Self(text.to_owned())).ok_or(WordError)
    }
}

impl TryFrom<String> for PlanId {
    type Error = WordError;

    fn try_from(text: String) -> Result<Self, WordError> {
        text.parse()
    }
}

impl From<PlanId> for String {
    fn from(id: PlanId) -> Self {
        id.0
    }
}

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Work of the plan.
    Planned,
    /// The device or its line does not work.
    Fault,
    /// A danger to data, or the suspicion of one.
    Incident,
    /// The site asked for it.
    Requested,
    /// The device is taken away.
    Disposal,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Planned,
        Self::Fault,
        Self::Incident,
        Self::Requested,
        Self::Disposal,
    ];

    /// The word by which it is written.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Fault => "fault",
            Self::Incident => "incident",
            Self::Requested => "requested",
            Self::Disposal => "disposal",
        }
    }
}

impl FromStr for Reason {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        let found = Self::ALL.into_iter().find(|reason| reason.word() == text);
        found.ok_or(WordError)
    }
}
