//! Which epochs of the token key the sites have reached: what an operator has to know before the
//! old key ends.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::catalogue::Catalogue;
use super::failure::{Failure, Problem, Result};
use super::tables::{self, Reader, Table, position};

/// Subjects of each site by the newest epoch of which they have tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Epochs(BTreeMap<String, BTreeMap<i64, u64>>);

impl Epochs {
    /// Reads the linkage tables of all sites.
    ///
    /// # Errors
    /// A table file is missing or damaged.
    pub(crate) fn of(catalogue: &Catalogue, tables: &Path) -> Result<Self> {
        let columns = Table::Linkage.columns();
        let [subject, epoch] = ["subject", "epoch"].map(|name| position(&columns, name));
        let mut sites = BTreeMap::new();
        for site in catalogue.sites()? {
            let mut newest: BTreeMap<String, i64> = BTreeMap::new();
            for (sequence, _) in catalogue.parts(&site, Table::Linkage.name())? {
                let path = tables::file(tables, Table::Linkage.name(), &site, sequence);
                let mut reader = Reader::open(&path, &columns)?;
                while let Some(rows) = reader.next()? {
                    for row in 0..rows.rows() {
                        let cells = rows.text(subject, row).zip(rows.whole(epoch, row));
                        let (subject, epoch) =
                            cells.ok_or_else(|| Failure::new(Problem::Damaged, "linkage row"))?;
                        match newest.get_mut(subject) {
                            Some(known) => *known = epoch.max(*known),
                            None => drop(newest.insert(subject.to_owned(), epoch)),
                        }
                    }
                }
            }
            let mut counts = BTreeMap::new();
            for epoch in newest.into_values() {
                *counts.entry(epoch).or_default() += 1;
            }
            sites.insert(site.to_string(), counts);
        }
        Ok(Self(sites))
    }

    /// Sites with subjects who lack the newest epoch that any site has, and how many. Before there
    /// are none, the old key must not end: who is known by it alone would no longer be linked with
    /// newcomers elsewhere.
    pub(crate) fn behind(&self) -> BTreeMap<&str, u64> {
        let newest = self.0.values().flat_map(BTreeMap::keys).max();
        let lacking = |counts: &BTreeMap<i64, u64>| {
            let older = counts.iter().filter(|(epoch, _)| Some(*epoch) < newest);
            older.map(|(_, count)| count).sum()
        };
        self.0
            .iter()
            .map(|(site, counts)| (site.as_str(), lacking(counts)))
            .filter(|(_, lacking)| *lacking > 0)
            .collect()
    }
}

#[cfg(test)]
mod tests;
