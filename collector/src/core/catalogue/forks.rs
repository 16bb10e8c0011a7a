//! Sites that are stopped because their chain has forked, and how they are released.

use record::{BatchId, SiteId};
use rusqlite::{OptionalExtension as _, params};

use super::batches::{signed, unsigned};
use super::ledger::{Event, append};
use super::{Catalogue, damaged};
use crate::core::failure::{Failure, Problem, Result};

/// A site that is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stopped {
    /// The site.
    pub(crate) site: SiteId,
    /// The place of its chain for which several batches contend.
    pub(crate) sequence: u64,
    /// Since when, in seconds since 1970.
    pub(crate) since: i64,
    /// The batches.
    pub(crate) batches: Vec<BatchId>,
}

impl Catalogue {
    /// Stops a site, for whose place these batches contend.
    pub(crate) fn stop(
        &mut self,
        site: &SiteId,
        sequence: u64,
        batches: &[BatchId],
        at: i64,
    ) -> Result<()> {
        let transaction = self.connection.transaction()?;
        for batch in batches {
            transaction.execute(
                "INSERT INTO contender (batch, site, sequence, seen_at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (batch) DO UPDATE SET fate = NULL",
                params![batch.as_bytes(), site.as_str(), signed(sequence), at],
            )?;
        }
        let new = transaction.execute(
            "INSERT OR IGNORE INTO stopped (site, sequence, since) VALUES (?1, ?2, ?3)",
            params![site.as_str(), signed(sequence), at],
        )?;
        if new > 0 {
            let event = Event::Stopped {
                site: site.to_string(),
                sequence,
                batches: batches.iter().map(ToString::to_string).collect(),
            };
            append(&transaction, &event, at)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Releases a site: one of the batches that contend is kept, the others are refused.
    ///
    /// # Errors
    /// The site is not stopped, the batch does not contend, or another one was taken before.
    pub(crate) fn resume(
        &mut self,
        site: &SiteId,
        keep: &BatchId,
        operator: &str,
        at: i64,
    ) -> Result<()> {
        let stopped = self.stopped()?.into_iter().find(|it| it.site == *site);
        let stopped = stopped.ok_or_else(|| Failure::new(Problem::NotStopped, site.to_string()))?;
        let taken = self.accepted_at(site, stopped.sequence)?;
        let contends = stopped.batches.contains(keep);
        if !contends || taken.is_some_and(|taken| taken != *keep) {
            return Err(Failure::new(Problem::NotContending, keep.to_string()));
        }
        let transaction = self.connection.transaction()?;
        transaction.execute(
            "UPDATE contender SET fate = CASE batch WHEN ?3 THEN 'kept' ELSE 'discarded' END
             WHERE site = ?1 AND sequence = ?2",
            params![site.as_str(), signed(stopped.sequence), keep.as_bytes()],
        )?;
        transaction.execute("DELETE FROM stopped WHERE site = ?1", [site.as_str()])?;
        let event = Event::Resumed {
            site: site.to_string(),
            sequence: stopped.sequence,
            kept: keep.to_string(),
            operator: operator.to_owned(),
        };
        append(&transaction, &event, at)?;
        transaction.commit()?;
        Ok(())
    }

    /// Whether an operator decided against a batch.
    pub(crate) fn discarded(&self, batch: &BatchId) -> Result<bool> {
        let mut query = self
            .connection
            .prepare_cached("SELECT fate = 'discarded' FROM contender WHERE batch = ?1")?;
        let fate = query.query_row([batch.as_bytes()], |row| row.get::<_, Option<bool>>(0));
        Ok(fate.optional()?.flatten().unwrap_or(false))
    }

    /// Whether a site is stopped.
    pub(crate) fn is_stopped(&self, site: &SiteId) -> Result<bool> {
        let mut query = self
            .connection
            .prepare_cached("SELECT 1 FROM stopped WHERE site = ?1")?;
        Ok(query.exists([site.as_str()])?)
    }

    /// Sites that are stopped, by name.
    pub(crate) fn stopped(&self) -> Result<Vec<Stopped>> {
        let mut query = self
            .connection
            .prepare_cached("SELECT site, sequence, since FROM stopped ORDER BY site")?;
        let rows = query.query_map([], |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?))
        })?;
        let mut all = Vec::new();
        for row in rows {
            let (name, sequence, since): (String, i64, i64) = row?;
            let site: SiteId = name.parse().map_err(|_| damaged("stopped"))?;
            let sequence = unsigned(sequence);
            all.push(Stopped {
                batches: self.contenders(&site, sequence)?,
                site,
                sequence,
                since,
            });
        }
        Ok(all)
    }

    fn contenders(&self, site: &SiteId, sequence: u64) -> Result<Vec<BatchId>> {
        let mut query = self.connection.prepare_cached(
            "SELECT batch FROM contender WHERE site = ?1 AND sequence = ?2 ORDER BY batch",
        )?;
        let ids = query.query_map(params![site.as_str(), signed(sequence)], |row| {
            row.get(0).map(BatchId::new)
        })?;
        Ok(ids.collect::<std::result::Result<_, _>>()?)
    }
}
