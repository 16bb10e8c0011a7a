//! What a parser gives for one source file, before anybody asked whether it may leave.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::content::{DocumentState, Record};
use crate::finding::Finding;
use crate::identity::{ChartNumber, Identity, Sensitive};
use crate::kind::{DataKind, Domain, Role};
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
    /// The site's own document type, which tells documents of the extended storage apart; `None`
    /// in the standardized storage.
    pub local_kind: Option<Sensitive>,
}

/// One file as read: records, who they are about, and what was wrong or left behind.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The chart number by which the storage files the document.
    pub chart: ChartNumber,
    /// Every chart number that the file itself claims (all PID-3 repetitions, all PIDs).
    pub claimed: Vec<ChartNumber>,
    /// Which document.
    pub key: DocumentKey,
    /// Which domain of life it tells of.
    pub domain: Domain,
    /// Which version of it.
    pub version: Version,
    /// Whether it stands.
    pub state: DocumentState,
    /// Who the patient is.
    pub identity: Arc<Identity>,
    /// What the file says, in the vocabulary.
    pub records: Vec<Record>,
    /// Members of staff and institutions that it names by number, each once. What becomes of them
    /// is decided at separation.
    pub named: Vec<Named>,
    /// What was wrong, with places.
    pub findings: Vec<Finding>,
    /// What was left behind, by name.
    pub drops: Drops,
}

/// A member of staff or an institution, by the number that a file states. Names are not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// As what.
    pub role: Role,
    /// The number.
    pub number: Sensitive,
}

/// Counts of what was left behind, by a name from a closed alphabet (`segment:NTE`,
/// `kind:OMG-11`, `field:OBX-5`). Names come from the format, never from data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drops(Vec<(DropName, u64)>);

impl Drops {
    /// Counts one drop. What [`DropName::of`] does not recognise is counted as such, so that data
    /// cannot write into reports.
    pub fn count(&mut self, name: &str) {
        self.add(name, 1);
    }

    /// Counts `number` drops of one name.
    pub fn add(&mut self, name: &str, number: u64) {
        self.add_named(DropName::of(name), number);
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &Self) {
        other
            .0
            .iter()
            .for_each(|(name, number)| self.add_named(*name, *number));
    }

    /// Names and counts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, number)| (name.as_str(), *number))
    }

    /// Whether nothing was dropped.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add_named(&mut self, name: DropName, number: u64) {
        match self.0.binary_search_by(|(known, _)| known.cmp(&name)) {
            Ok(at) => {
                if let Some((_, total)) = self.0.get_mut(at) {
                    *total += number;
                }
            }
            Err(at) => self.0.insert(at, (name, number)),
        }
    }
}

impl Serialize for Drops {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl FromIterator<(DropName, u64)> for Drops {
    fn from_iter<I: IntoIterator<Item = (DropName, u64)>>(counts: I) -> Self {
        let mut drops = Self::default();
        for (name, number) in counts {
            drops.add_named(name, number);
        }
        drops
    }
}

/// A name of a drop in place, filled up with zeros: every file has some, so they do not allocate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DropName([u8; 32]);

/// The order of the text, found by two whole numbers: every file asks for it often.
impl Ord for DropName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.halves().cmp(&other.halves())
    }
}

impl PartialOrd for DropName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl DropName {
    fn halves(&self) -> (u128, u128) {
        match self.0.as_chunks::<16>().0 {
            [first, second] => (u128::from_be_bytes(*first), u128::from_be_bytes(*second)),
            _ => (0, 0),
        }
    }

    /// The name, or `unrecognised` outside `[A-Za-z0-9:._-]{1,32}`.
    pub fn of(name: &str) -> Self {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b":._-".contains(&b);
        let fits = (1..=32).contains(&name.len()) && name.bytes().all(allowed);
        let name = if fits { name } else { "unrecognised" };
        let mut bytes = [0; 32];
        bytes
            .iter_mut()
            .zip(name.bytes())
            .for_each(|(to, from)| *to = from);
        Self(bytes)
    }

    fn as_str(&self) -> &str {
        let length = self
            .0
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(self.0.len());
        // Only ASCII goes in.
        self.0
            .get(..length)
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }
}

impl fmt::Debug for DropName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_add_up_by_name_and_names_from_data_share_one() {
        let mut drops = Drops::default();
        drops.count("segment:NTE");
        drops.add("field:OBX-5", 3);
        drops.count("山田");
        drops.count(&"x".repeat(33));
        let mut sum = drops.clone();
        sum.merge(&drops);
        let counts: Vec<_> = sum.iter().collect();
        assert_eq!(
            counts,
            [("field:OBX-5", 6), ("segment:NTE", 2), ("unrecognised", 4)]
        );
    }
}
