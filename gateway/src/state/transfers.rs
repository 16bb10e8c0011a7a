//! How far the transfer ledger goes, kept apart from it.

use rusqlite::{OptionalExtension, params};
use transfer::ledger::End;

use super::State;
use crate::error::Failure;

pub(super) const MIGRATION: &str = "
    -- The last known end of the transfer ledger: how many lines, and the digest of the last.
    CREATE TABLE transfer (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        entries INTEGER NOT NULL,
        digest BLOB NOT NULL
    );
";

impl State {
    /// The last known end of the transfer ledger.
    pub(crate) fn transfers_end(&self) -> Result<End, Failure> {
        let query = "SELECT entries, digest FROM transfer";
        let end = self.connection.query_row(query, [], |row| {
            Ok(End {
                entries: row.get(0)?,
                digest: row.get(1)?,
            })
        });
        Ok(end.optional()?.unwrap_or_default())
    }

    /// The number of the last line that a sealed batch tells the centre of: the last one, or one
    /// so many before it. 0 where there is none.
    pub(crate) fn transfers_told(&self, before: u64) -> Result<u64, Failure> {
        let query = "SELECT manifest ->> '$.transfers.entries' FROM batch
                     ORDER BY sequence DESC LIMIT 1 OFFSET ?1";
        let told = self.connection.query_row(query, [before], |row| row.get(0));
        let told: Option<Option<u64>> = told.optional()?;
        Ok(told.flatten().unwrap_or(0))
    }

    /// Moves the known end of the transfer ledger.
    pub(crate) fn transfers_reach(&self, end: &End) -> Result<(), Failure> {
        self.connection.execute(
            "INSERT OR REPLACE INTO transfer VALUES (1, ?1, ?2)",
            params![end.entries, end.digest],
        )?;
        Ok(())
    }
}
