//! Releases and what went into them.

use record::BatchId;
use rusqlite::params;

use super::Catalogue;
use super::batches::{signed, unsigned};
use super::ledger::{Event, append};
use crate::core::failure::Result;

/// A finished release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Released {
    /// Its name, also its folder's.
    pub(crate) name: String,
    /// SHA-256 of the recipe.
    pub(crate) recipe_digest: [u8; 32],
    /// Digest over all that went in: batches, linkage, recipe.
    pub(crate) inputs_digest: [u8; 32],
    /// SHA-256 of its manifest.
    pub(crate) manifest_digest: [u8; 32],
    /// Persons in it.
    pub(crate) persons: u64,
}

impl Catalogue {
    /// Notes a finished release and its inputs, once: a second call changes nothing.
    pub(crate) fn release(&mut self, done: &Released, inputs: &[BatchId], at: i64) -> Result<()> {
        let transaction = self.connection.transaction()?;
        let known: bool = transaction.query_row(
            "SELECT EXISTS (SELECT 1 FROM release WHERE name = ?1)",
            [&done.name],
            |row| row.get(0),
        )?;
        if known {
            return Ok(());
        }
        let hex = |bytes: [u8; 32]| BatchId::new(bytes).to_string();
        let event = Event::Released {
            release: done.name.clone(),
            manifest: hex(done.manifest_digest),
            recipe: hex(done.recipe_digest),
            persons: done.persons,
        };
        let height = append(&transaction, &event, at)?;
        transaction.execute(
            "INSERT INTO release (name, recipe_digest, inputs_digest, manifest_digest,
                 ledger_height, persons, made_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                done.name,
                done.recipe_digest,
                done.inputs_digest,
                done.manifest_digest,
                signed(height),
                signed(done.persons),
                at
            ],
        )?;
        for batch in inputs {
            transaction.execute(
                "INSERT INTO release_batch (release, batch) VALUES (?1, ?2)",
                params![done.name, batch.as_bytes()],
            )?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Names of all releases and their persons, in order.
    pub(crate) fn releases(&self) -> Result<Vec<(String, u64)>> {
        let mut query = self
            .connection
            .prepare_cached("SELECT name, persons FROM release ORDER BY name")?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }

    /// The releases that a batch went into.
    pub(crate) fn releases_of(&self, batch: &BatchId) -> Result<Vec<String>> {
        let mut query = self
            .connection
            .prepare_cached("SELECT release FROM release_batch WHERE batch = ?1 ORDER BY 1")?;
        let names = query.query_map([batch.as_bytes()], |row| row.get(0))?;
        Ok(names.collect::<std::result::Result<_, _>>()?)
    }
}
