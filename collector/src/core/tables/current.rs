//! The current view of a site: which version of each document stands.

use std::collections::HashMap;
use std::path::Path;

use record::{DocumentRef, SiteId};

use super::columns::{Column, Table};
use super::sheet::{Columns, Reader};
use crate::core::catalogue::Catalogue;
use crate::core::failure::{Failure, Problem, Result};

/// For each document of one site, the batch whose rows stand. Memory grows with the documents of
/// that one site.
pub(crate) struct Current {
    site: SiteId,
    standing: HashMap<DocumentRef, Standing>,
    /// Versions in the tables, those that stand no longer too.
    versions: u64,
}

#[derive(Clone, Copy)]
struct Standing {
    version: i64,
    sequence: u64,
    withdrawn: bool,
}

impl Current {
    /// Reads a site's documents: what the site stated last of each wins. A site states what stands
    /// there at the time, in an order that nobody can change; the time of a version may go back,
    /// when a file is deleted and filed again as it was.
    ///
    /// # Errors
    /// A table file is missing or damaged.
    pub(crate) fn load(catalogue: &Catalogue, tables: &Path, site: &SiteId) -> Result<Self> {
        let columns = Table::Document.columns();
        let [document, version, state] =
            ["document", "version", "state"].map(|name| position(&columns, name));
        let mut standing: HashMap<DocumentRef, Standing> = HashMap::new();
        let mut versions = 0;
        for (sequence, _) in catalogue.parts(site, Table::Document.name())? {
            let path = super::file(tables, Table::Document.name(), site, sequence);
            let mut reader = Reader::open(&path, &columns)?;
            while let Some(rows) = reader.next()? {
                for row in 0..rows.rows() {
                    versions += 1;
                    let key = reference(&rows, document, row)?;
                    let new = Standing {
                        version: rows.whole(version, row).unwrap_or_default(),
                        sequence,
                        withdrawn: rows.text(state, row) == Some("withdrawn"),
                    };
                    let kept = standing.entry(key).or_insert(new);
                    if (new.sequence, new.version) >= (kept.sequence, kept.version) {
                        *kept = new;
                    }
                }
            }
        }
        Ok(Self {
            site: site.clone(),
            standing,
            versions,
        })
    }

    /// Documents that stand, and documents that were taken back.
    pub(crate) fn counts(&self) -> (u64, u64) {
        #[expect(
            clippy::disallowed_methods,
            reason = "a count does not depend on the order"
        )]
        let withdrawn = self
            .standing
            .values()
            .filter(|standing| standing.withdrawn)
            .count() as u64;
        (self.standing.len() as u64 - withdrawn, withdrawn)
    }

    /// Versions of documents that a later one has replaced, kept as history.
    pub(crate) fn replaced(&self) -> u64 {
        self.versions - self.standing.len() as u64
    }

    /// Hands every row of a table that stands to `take`, in the order of batches and rows.
    ///
    /// # Errors
    /// A table file is missing or damaged; whatever `take` says.
    pub(crate) fn rows(
        &self,
        catalogue: &Catalogue,
        tables: &Path,
        table: Table,
        mut take: impl FnMut(&Columns, usize) -> Result<()>,
    ) -> Result<()> {
        let columns = table.columns();
        let [document, version] = ["document", "version"].map(|name| position(&columns, name));
        for (sequence, _) in catalogue.parts(&self.site, table.name())? {
            let path = super::file(tables, table.name(), &self.site, sequence);
            let mut reader = Reader::open(&path, &columns)?;
            while let Some(rows) = reader.next()? {
                for row in 0..rows.rows() {
                    let key = reference(&rows, document, row)?;
                    let version = rows.whole(version, row).unwrap_or_default();
                    let stands = self.standing.get(&key).is_some_and(|standing| {
                        standing.sequence == sequence
                            && standing.version == version
                            && !standing.withdrawn
                    });
                    if stands {
                        take(&rows, row)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The place of a column by name. Every name asked for is one of the table's own; an unknown one
/// gives a place without values.
pub(crate) fn position(columns: &[Column], name: &str) -> usize {
    columns
        .iter()
        .position(|column| column.name == name)
        .unwrap_or(usize::MAX)
}

/// The document of a row.
pub(super) fn reference(rows: &Columns, column: usize, row: usize) -> Result<DocumentRef> {
    let text = rows.text(column, row).unwrap_or_default();
    text.parse()
        .map_err(|_| Failure::new(Problem::Damaged, "document reference"))
}
