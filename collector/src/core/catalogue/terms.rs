//! What sites call their own codes, as their batches told.

use rusqlite::{Transaction, params};

use super::batches::{signed, unsigned};
use super::{Accepted, Catalogue};
use crate::core::failure::Result;

/// Keeps the lines of a batch. A name that is told again moves to the later batch; a code may have
/// several names, old and new.
pub(super) fn keep(transaction: &Transaction<'_>, batch: &Accepted) -> Result<()> {
    for term in &batch.terms {
        transaction
            .prepare_cached("INSERT OR REPLACE INTO term VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![
                batch.site.as_str(),
                term.system.as_str(),
                term.code.as_str(),
                term.name.as_str(),
                signed(batch.sequence),
            ])?;
    }
    Ok(())
}

impl Catalogue {
    /// How many lines the dictionaries of all sites have.
    pub(crate) fn terms(&self) -> Result<u64> {
        let query = "SELECT COUNT(*) FROM term";
        let count = self.connection.query_row(query, [], |row| row.get(0))?;
        Ok(unsigned(count))
    }
}
