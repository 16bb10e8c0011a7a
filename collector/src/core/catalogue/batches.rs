//! Inbox files and accepted batches.

use privacy::gate::{GateEvidence, StopRate};
use record::dictionary::Term;
use record::{BatchId, Quality, SiteId, SubjectRef};
use rusqlite::{OptionalExtension as _, Row, params};
use serde::Deserialize;

use super::{Catalogue, damaged};
use crate::core::failure::Result;

/// What became of an inbox file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Its records are in the tables.
    Accepted,
    /// It was set aside as evidence.
    Refused,
    /// An earlier batch of its site is missing.
    Waiting,
    /// It is a batch that was accepted before.
    Duplicate,
}

impl Outcome {
    /// The word in the catalogue and in reports.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Waiting => "waiting",
            Self::Duplicate => "duplicate",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [
            Self::Accepted,
            Self::Refused,
            Self::Waiting,
            Self::Duplicate,
        ]
        .into_iter()
        .find(|outcome| outcome.as_str() == text)
    }
}

/// What was decided about an inbox file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decided {
    /// Its path inside the inbox.
    pub(crate) path: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Modification time, nanoseconds.
    pub(crate) modified: i64,
    /// The site it claims to be from, when that could be read.
    pub(crate) site: Option<SiteId>,
    /// The sequence number it claims.
    pub(crate) sequence: Option<u64>,
    /// The batch it is, when that could be read.
    pub(crate) batch: Option<BatchId>,
    /// What became of it.
    pub(crate) outcome: Outcome,
    /// A stable reason code.
    pub(crate) reason: String,
}

/// A table file of an accepted batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    /// The table's name.
    pub(crate) name: String,
    /// Rows.
    pub(crate) rows: u64,
    /// SHA-256 of the file.
    pub(crate) digest: [u8; 32],
}

/// A batch whose table files stand on disk.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    /// The site.
    pub(crate) site: SiteId,
    /// Its place in the site's chain, from 1.
    pub(crate) sequence: u64,
    /// The batch.
    pub(crate) id: BatchId,
    /// Digest of its manifest, which the next one must name.
    pub(crate) manifest_digest: [u8; 32],
    /// The manifest as JSON, kept for lineage.
    pub(crate) manifest: String,
    /// Subjects.
    pub(crate) subjects: u64,
    /// Documents.
    pub(crate) documents: u64,
    /// Documents among them that were taken back.
    pub(crate) withdrawn: u64,
    /// Of whom everything before it is to be erased.
    pub(crate) erased: Vec<SubjectRef>,
    /// The quality of the site's data, as the manifest states it.
    pub(crate) quality: Quality,
    /// Lines of the site dictionary.
    pub(crate) terms: Vec<Term>,
    /// Its table files.
    pub(crate) tables: Vec<Stored>,
}

/// The end of a site's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chain {
    /// The last accepted sequence number.
    pub(crate) sequence: u64,
    /// Digest of its manifest.
    pub(crate) manifest_digest: [u8; 32],
}

impl Catalogue {
    /// What was decided about an inbox file, by path.
    pub(crate) fn decided(&self, path: &str) -> Result<Option<Decided>> {
        let mut query = self.connection.prepare_cached(
            "SELECT path, size, modified, site, sequence, batch, outcome, reason
             FROM file WHERE path = ?1",
        )?;
        query.query_row([path], decided_of).optional()?.transpose()
    }

    /// Files that were refused or wait, by path.
    pub(crate) fn not_taken(&self) -> Result<Vec<Decided>> {
        let mut query = self.connection.prepare_cached(
            "SELECT path, size, modified, site, sequence, batch, outcome, reason
             FROM file WHERE outcome IN ('refused', 'waiting') ORDER BY path",
        )?;
        query.query_map([], decided_of)?.map(|row| row?).collect()
    }

    /// Files of a site that were refused or wait, by sequence.
    pub(crate) fn held_up(&self, site: &SiteId) -> Result<Vec<Decided>> {
        let mut query = self.connection.prepare_cached(
            "SELECT path, size, modified, site, sequence, batch, outcome, reason
             FROM file WHERE site = ?1 AND outcome IN ('refused', 'waiting') ORDER BY sequence",
        )?;
        let rows = query.query_map([site.as_str()], decided_of)?;
        rows.map(|row| row?).collect()
    }

    /// Makes the next pull judge a refused batch again. Gives the number of its files.
    pub(crate) fn judge_again(&mut self, batch: &BatchId, at: i64) -> Result<u64> {
        let changed = self.connection.execute(
            "UPDATE file SET outcome = 'waiting', reason = 'to_be_judged_again', at = ?2
             WHERE batch = ?1 AND outcome = 'refused'",
            params![batch.as_bytes(), at],
        )?;
        Ok(changed as u64)
    }

    /// Notes what was decided about a file that changes no table.
    pub(crate) fn note(&mut self, decided: &Decided, at: i64) -> Result<()> {
        let transaction = self.connection.transaction()?;
        note(&transaction, decided, at)?;
        transaction.commit()?;
        Ok(())
    }

    /// Notes an accepted batch together with its file, in one transaction.
    pub(crate) fn accept(&mut self, batch: &Accepted, file: &Decided, at: i64) -> Result<()> {
        let transaction = self.connection.transaction()?;
        transaction.execute(
            "INSERT INTO batch (site, sequence, id, manifest_digest, manifest, accepted_at,
                 subjects, documents, withdrawn)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                batch.site.as_str(),
                signed(batch.sequence),
                batch.id.as_bytes(),
                batch.manifest_digest,
                batch.manifest,
                at,
                signed(batch.subjects),
                signed(batch.documents),
                signed(batch.withdrawn),
            ],
        )?;
        for table in &batch.tables {
            transaction.execute(
                "INSERT INTO batch_table (site, sequence, name, rows, digest)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    batch.site.as_str(),
                    signed(batch.sequence),
                    table.name,
                    signed(table.rows),
                    table.digest,
                ],
            )?;
        }
        super::quality::state(&transaction, &batch.site, batch.sequence, &batch.quality)?;
        super::erasures::tell(&transaction, batch, at)?;
        super::terms::keep(&transaction, batch)?;
        super::records::keep(&transaction, batch, file.size, at)?;
        note(&transaction, file, at)?;
        transaction.commit()?;
        Ok(())
    }

    /// The accepted batch at a place of a site's chain, and when it was taken.
    pub(crate) fn taken(&self, site: &SiteId, sequence: u64) -> Result<(BatchId, i64)> {
        let mut query = self.connection.prepare_cached(
            "SELECT id, accepted_at FROM batch WHERE site = ?1 AND sequence = ?2",
        )?;
        let taken = query.query_row(params![site.as_str(), signed(sequence)], |row| {
            Ok((BatchId::new(row.get(0)?), row.get(1)?))
        })?;
        Ok(taken)
    }

    /// The end of a site's chain; `None` before its first batch.
    pub(crate) fn chain(&self, site: &SiteId) -> Result<Option<Chain>> {
        let mut query = self.connection.prepare_cached(
            "SELECT sequence, manifest_digest FROM batch WHERE site = ?1
             ORDER BY sequence DESC LIMIT 1",
        )?;
        let chain = query
            .query_row([site.as_str()], |row| {
                Ok(Chain {
                    sequence: unsigned(row.get(0)?),
                    manifest_digest: row.get(1)?,
                })
            })
            .optional()?;
        Ok(chain)
    }

    /// How many persons of a site were told and how many said no, as its last batch states it;
    /// `None` where that is of a version that did not say.
    pub(crate) fn stop_rate(&self, site: &SiteId) -> Result<Option<StopRate>> {
        #[derive(Deserialize)]
        struct Stated {
            gate: GateEvidence,
        }
        let mut query = self.connection.prepare_cached(
            "SELECT manifest FROM batch WHERE site = ?1 ORDER BY sequence DESC LIMIT 1",
        )?;
        let manifest: Option<String> = query
            .query_row([site.as_str()], |row| row.get(0))
            .optional()?;
        let stated = manifest.and_then(|text| serde_json::from_str::<Stated>(&text).ok());
        let rate = stated.map(|stated| StopRate {
            notified: stated.gate.persons_notified,
            stopped: stated.gate.persons_stopped,
        });
        Ok(rate.filter(|rate| *rate != StopRate::default()))
    }

    /// The batch accepted at a place of a site's chain.
    pub(crate) fn accepted_at(&self, site: &SiteId, sequence: u64) -> Result<Option<BatchId>> {
        let mut query = self
            .connection
            .prepare_cached("SELECT id FROM batch WHERE site = ?1 AND sequence = ?2")?;
        let id: Option<[u8; 32]> = query
            .query_row(params![site.as_str(), signed(sequence)], |row| row.get(0))
            .optional()?;
        Ok(id.map(BatchId::new))
    }

    /// Digest of the manifest at the place before one of a site's chain; `None` before the first.
    pub(crate) fn manifest_digest_before(
        &self,
        site: &SiteId,
        sequence: u64,
    ) -> Result<Option<[u8; 32]>> {
        let mut query = self.connection.prepare_cached(
            "SELECT manifest_digest FROM batch WHERE site = ?1 AND sequence = ?2",
        )?;
        let before = signed(sequence).saturating_sub(1);
        let digest = query.query_row(params![site.as_str(), before], |row| row.get(0));
        Ok(digest.optional()?)
    }

    /// Ids of all accepted batches, by site and sequence.
    pub(crate) fn batches(&self) -> Result<Vec<BatchId>> {
        let mut query = self
            .connection
            .prepare_cached("SELECT id FROM batch ORDER BY site, sequence")?;
        let ids = query.query_map([], |row| row.get(0).map(BatchId::new))?;
        Ok(ids.collect::<std::result::Result<_, _>>()?)
    }

    /// Sites with an accepted batch, in order.
    pub(crate) fn sites(&self) -> Result<Vec<SiteId>> {
        let mut query = self
            .connection
            .prepare_cached("SELECT DISTINCT site FROM batch ORDER BY site")?;
        let names = query.query_map([], |row| row.get::<_, String>(0))?;
        names
            .map(|name| name?.parse().map_err(|_| damaged("site")))
            .collect()
    }

    /// Sequence numbers of a site's batches that have a file of the named table, in order.
    pub(crate) fn parts(&self, site: &SiteId, table: &str) -> Result<Vec<(u64, [u8; 32])>> {
        let mut query = self.connection.prepare_cached(
            "SELECT sequence, digest FROM batch_table WHERE site = ?1 AND name = ?2
             ORDER BY sequence",
        )?;
        let parts = query.query_map(params![site.as_str(), table], |row| {
            Ok((unsigned(row.get(0)?), row.get(1)?))
        })?;
        Ok(parts.collect::<std::result::Result<_, _>>()?)
    }

    /// Rows stored in each table, by name.
    pub(crate) fn rows(&self) -> Result<Vec<(String, u64)>> {
        let mut query = self.connection.prepare_cached(
            "SELECT name, sum(rows) FROM batch_table GROUP BY name ORDER BY name",
        )?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }

    /// Inbox files by outcome and reason.
    pub(crate) fn outcomes(&self) -> Result<Vec<(String, String, u64)>> {
        let mut query = self.connection.prepare_cached(
            "SELECT outcome, reason, count(*) FROM file GROUP BY outcome, reason ORDER BY 1, 2",
        )?;
        let rows = query.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, unsigned(row.get(2)?)))
        })?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }
}

fn note(connection: &rusqlite::Connection, decided: &Decided, at: i64) -> Result<()> {
    connection.execute(
        "INSERT OR REPLACE INTO file
             (path, size, modified, site, sequence, batch, outcome, reason, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            decided.path,
            signed(decided.size),
            decided.modified,
            decided.site.as_ref().map(SiteId::as_str),
            decided.sequence.map(signed),
            decided.batch.as_ref().map(BatchId::as_bytes),
            decided.outcome.as_str(),
            decided.reason,
            at,
        ],
    )?;
    super::transfers::append(connection, decided, at)
}

fn decided_of(row: &Row<'_>) -> rusqlite::Result<Result<Decided>> {
    let site: Option<String> = row.get(3)?;
    let outcome: String = row.get(6)?;
    let Some(outcome) = Outcome::parse(&outcome) else {
        return Ok(Err(damaged("outcome")));
    };
    Ok(Ok(Decided {
        path: row.get(0)?,
        size: unsigned(row.get(1)?),
        modified: row.get(2)?,
        site: site.and_then(|site| site.parse().ok()),
        sequence: row.get::<_, Option<i64>>(4)?.map(unsigned),
        batch: row.get::<_, Option<[u8; 32]>>(5)?.map(BatchId::new),
        outcome,
        reason: row.get(7)?,
    }))
}

/// SQLite has signed numbers only. A sequence number above 2^63 cannot be reached by counting.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
