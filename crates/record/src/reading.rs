//! What a parser gives for one source file, before anybody asked whether it may leave.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::content::{DocumentState, Record};
use crate::finding::Finding;
use crate::identity::{ChartNumber, Identity, Sensitive};
use crate::kind::DataKind;
use crate::moment::Moment;

/// Orders the versions of one document: the transaction time `YYYYMMDDHHMMSSFFF` as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version(pub u64);

/// Which document a file is, in the site's own words. It becomes a keyed reference at separation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DocumentKey {
    /// The data kind.
    pub kind: DataKind,
    /// The care date as the file name states it; `None` for undated kinds (`-`).
    pub care_date: Option<Moment>,
    /// The order number as the file name states it.
    pub order: Sensitive,
}

/// One file as read: records, who they are about, and what was wrong or left behind.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The chart number by which the storage files the document.
    pub chart: ChartNumber,
    /// Every chart number that the file itself claims (all PID-3 repetitions, all PIDs).
    pub claimed: Vec<ChartNumber>,
    /// Which document.
    pub key: DocumentKey,
    /// Which version of it.
    pub version: Version,
    /// Whether it stands.
    pub state: DocumentState,
    /// Who the patient is.
    pub identity: Identity,
    /// What the file says, in the vocabulary.
    pub records: Vec<Record>,
    /// What was wrong, with places.
    pub findings: Vec<Finding>,
    /// What was left behind, by name.
    pub drops: Drops,
}

/// Counts of what was left behind, by a name from a closed alphabet (`segment:NTE`,
/// `kind:OMG-11`, `field:OBX-5`). Names come from the format, never from data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drops(BTreeMap<String, u64>);

impl Drops {
    /// Counts one drop. A name outside `[A-Za-z0-9:._-]{1,32}` is counted as `unrecognised`, so
    /// that data cannot write into reports.
    pub fn count(&mut self, name: &str) {
        self.add(name, 1);
    }

    /// Counts `number` drops of one name.
    pub fn add(&mut self, name: &str, number: u64) {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b":._-".contains(&b);
        let fits = (1..=32).contains(&name.len()) && name.bytes().all(allowed);
        let name = if fits { name } else { "unrecognised" };
        match self.0.get_mut(name) {
            Some(total) => *total += number,
            None => {
                self.0.insert(name.to_owned(), number);
            }
        }
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &Self) {
        other
            .iter()
            .for_each(|(name, number)| self.add(name, number));
    }

    /// Names and counts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, number)| (name.as_str(), *number))
    }

    /// Whether nothing was dropped.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
