//! Which of several files of one document counts.
//!
//! A document is (patient, care date, kind, order number). The valid file with the latest time is
//! current. A document without a valid file was withdrawn, whatever the flags of its other files:
//! sites mark superseded files with 0 or with 2, and a deletion may be a rename alone.
//!
//! What deviates and how it comes out:
//!
//! | what is found | what counts |
//! |---|---|
//! | several valid files | the newest, with a finding |
//! | equal times | the later flag, the first department, then what the caller's order says |
//! | a void file newer than the valid one | the valid one, with a finding, unless the void file's message is a cancel: see [`Resolved::contested`] |
//! | delete and insert one millisecond apart | the insert, which is newer and valid |
//! | a valid file whose message is a cancel | reading it gives a withdrawal |
//! | a new care date, the old document void | the old one is withdrawn, the new one stands |
//! | a new care date, the old document valid too | both stand, with a finding for orders: order numbers that are used again would lose a record otherwise |
//! | PPR-01 as whole list | a newer list replaces the older one whole |
//! | PPR-01 as one file for each problem | each is a document by its order number |

use std::cmp::Ordering;

use record::{DataKind, DocumentKey, Finding, FindingCode};

use super::name::{FileName, Flag, NO_ORDER};

/// The files of one patient, sorted out.
#[derive(Debug)]
pub struct Resolved<T> {
    /// One file per document that stands, in document order.
    pub current: Vec<(FileName, T)>,
    /// The newest file of each document that was taken back, in document order.
    pub withdrawn: Vec<(FileName, T)>,
    /// Of each document that stands although a void file is newer, that void file. It is counted as
    /// superseded; if its message is a cancel ([`super::FileReader::cancels`]), the document is
    /// withdrawn.
    pub contested: Vec<(FileName, T)>,
    /// How many files were neither current nor the newest of a withdrawn document.
    pub superseded: u64,
    /// Documents with several valid files, files of unknown kinds, names that deviate.
    pub findings: Vec<Finding>,
}

/// Sorts out all files of ONE patient, each with something of the caller's (a place on disk).
/// `tie` orders files whose names are equal, as in two copies of a volume. Files of unknown kinds
/// belong to no document: each gives a finding and nothing else.
pub fn resolve<T>(files: Vec<(FileName, T)>, tie: impl Fn(&T, &T) -> Ordering) -> Resolved<T> {
    let mut resolved = Resolved {
        current: Vec::new(),
        withdrawn: Vec::new(),
        contested: Vec::new(),
        superseded: 0,
        findings: Vec::new(),
    };
    let mut known = Vec::with_capacity(files.len());
    for (name, item) in files {
        if name.deviates {
            resolved.found(FindingCode::NameDeviates);
        }
        match name.key() {
            Some(key) => known.push((key, name, item)),
            None => resolved.found(FindingCode::KindUnknown),
        }
    }
    // Newest valid file first in its document, then the others, newest first.
    known.sort_by(|(key, name, item), (other_key, other, other_item)| {
        (&name.chart, key)
            .cmp(&(&other.chart, other_key))
            .then_with(|| rank(other).cmp(&rank(name)))
            .then_with(|| name.department.cmp(&other.department))
            .then_with(|| name.deviates.cmp(&other.deviates))
            .then_with(|| tie(item, other_item))
    });
    let mut last: Option<Document> = None;
    for (key, name, item) in known {
        match &mut last {
            Some(document) if document.holds(&name, &key) => {
                resolved.older(document, name, item);
            }
            _ => {
                last = Some(Document::new(&name, key));
                match name.flag {
                    Flag::Valid => resolved.current.push((name, item)),
                    Flag::Deleted | Flag::Superseded => resolved.withdrawn.push((name, item)),
                }
            }
        }
    }
    resolved.find_orders_under_two_dates();
    resolved
}

/// Orders the files of one document: a valid one before others, then by time.
fn rank(name: &FileName) -> (bool, (record::Version, u8), Flag) {
    (name.flag == Flag::Valid, time(name), name.flag)
}

fn time(name: &FileName) -> (record::Version, u8) {
    (name.version, name.fourth_decimal)
}

/// The document whose files are being looked at.
struct Document {
    first: FileName,
    key: DocumentKey,
    several_reported: bool,
    contested: bool,
}

impl Document {
    fn new(first: &FileName, key: DocumentKey) -> Self {
        Self {
            first: first.clone(),
            key,
            several_reported: false,
            contested: false,
        }
    }

    fn holds(&self, name: &FileName, key: &DocumentKey) -> bool {
        self.first.chart == name.chart && self.key == *key
    }
}

impl<T> Resolved<T> {
    fn found(&mut self, code: FindingCode) {
        self.findings.push(Finding::of_file(code));
    }

    /// Takes a file that is not the first of its document.
    fn older(&mut self, document: &mut Document, name: FileName, item: T) {
        self.superseded += 1;
        if name.flag == Flag::Valid && !document.several_reported {
            document.several_reported = true;
            self.found(FindingCode::SeveralCurrent);
        }
        let contests = document.first.flag == Flag::Valid
            && name.flag == Flag::Deleted
            && time(&name) > time(&document.first);
        if contests && !document.contested {
            document.contested = true;
            self.found(FindingCode::VoidAfterValid);
            self.contested.push((name, item));
        }
    }

    /// An order is entered on one day. Where it stands under several, a change of the care date
    /// has perhaps not deleted the old document.
    fn find_orders_under_two_dates(&mut self) {
        let mut orders: Vec<_> = self
            .current
            .iter()
            .filter_map(|(name, _)| Some((name, name.key()?.kind)))
            .filter(|(name, kind)| has_one_date(*kind) && name.order.expose() != NO_ORDER)
            .map(|(name, kind)| (&name.chart, kind, &name.order))
            .collect();
        orders.sort_unstable();
        let again = orders
            .iter()
            .zip(orders.iter().skip(1))
            .filter(|(one, next)| one == next)
            .count();
        (0..again).for_each(|_| self.found(FindingCode::OrderUnderTwoDates));
    }
}

/// Kinds whose care date is the day on which the order was entered. What is performed may fall on
/// several days for one order.
fn has_one_date(kind: DataKind) -> bool {
    use DataKind::{Omd, Omg01, Omg02, Omg03, Oml01, Omp01, Omp02};
    matches!(kind, Omd | Omg01 | Omg02 | Omg03 | Oml01 | Omp01 | Omp02)
}

#[cfg(test)]
mod tests;
