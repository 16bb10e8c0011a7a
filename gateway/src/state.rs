//! What the gateway remembers: batches with their manifests and receipts, which version of each
//! document was sealed, and what each patient's folder looked like then.
//!
//! One SQLite file. References are keyed; no chart number, name or path is in it.

use std::path::Path;
use std::time::Duration;

use envelope::Sealed;
use record::{BatchId, DocumentRef, SubjectRef};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, params};

use crate::error::{Failure, Problem};

/// Steps that bring a state file to the present layout; `user_version` counts those done.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE clock (only INTEGER PRIMARY KEY CHECK (only = 1), latest INTEGER NOT NULL);
    -- A batch is 'sealed' until a valid receipt arrives, then 'sent'.
    CREATE TABLE batch (
        sequence INTEGER PRIMARY KEY,
        id BLOB NOT NULL UNIQUE,
        manifest_digest BLOB NOT NULL,
        manifest TEXT NOT NULL,
        sealed_at INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('sealed', 'sent')),
        receipt BLOB
    );
    -- The newest sealed version of each document.
    CREATE TABLE document (
        document BLOB PRIMARY KEY,
        digest BLOB NOT NULL,
        sequence INTEGER NOT NULL REFERENCES batch
    ) WITHOUT ROWID;
    -- What a patient's folder looked like when all it held had been sealed.
    CREATE TABLE patient (subject BLOB PRIMARY KEY, fingerprint BLOB NOT NULL) WITHOUT ROWID;
",
    "
    -- How far the change feed has been dealt with.
    CREATE TABLE feed (only INTEGER PRIMARY KEY CHECK (only = 1), reached TEXT NOT NULL);
    -- Patients who must be visited again although no feed names them: withheld, or to be retried.
    CREATE TABLE revisit (subject BLOB PRIMARY KEY) WITHOUT ROWID;
",
];

/// A digest of what was sealed or seen.
pub(crate) type Fingerprint = [u8; 32];

/// The open state file of the one running gateway.
pub(crate) struct State {
    connection: Connection,
}

/// A batch that waits in the queue.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    /// Its place in the site's chain, from 1.
    pub(crate) sequence: u64,
    /// Its content id.
    pub(crate) id: BatchId,
    /// Its size.
    pub(crate) bytes: u64,
}

/// What one sealed batch settles, written in one transaction with it.
#[derive(Default)]
pub(crate) struct Settled {
    /// Documents in the batch with the digest of their content.
    pub(crate) documents: Vec<(DocumentRef, Fingerprint)>,
    /// Patients of whom everything is sealed now.
    pub(crate) patients: Vec<(SubjectRef, Fingerprint)>,
}

/// The end of the chain that the next batch continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChainEnd {
    /// The last sequence number; 0 before the first batch.
    pub(crate) sequence: u64,
    /// The digest of the last manifest.
    pub(crate) manifest: Option<[u8; 32]>,
}

impl State {
    /// Opens or makes the state file.
    ///
    /// # Errors
    /// The file cannot be opened, is damaged, or was written by a newer version.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        migrate(&mut connection)?;
        Ok(Self { connection })
    }

    /// The latest moment that a run saw, in seconds since 1970.
    pub(crate) fn latest_seen(&self) -> Result<Option<i64>, Failure> {
        let query = self
            .connection
            .query_row("SELECT latest FROM clock", [], |row| row.get(0));
        Ok(query.optional()?)
    }

    /// Remembers that a run saw this moment.
    pub(crate) fn saw(&self, seconds: i64) -> Result<(), Failure> {
        self.connection.execute(
            "INSERT INTO clock VALUES (1, ?1) \
             ON CONFLICT (only) DO UPDATE SET latest = max(latest, ?1)",
            [seconds],
        )?;
        Ok(())
    }

    /// The end of the chain.
    pub(crate) fn chain_end(&self) -> Result<ChainEnd, Failure> {
        let query = self.connection.query_row(
            "SELECT sequence, manifest_digest FROM batch ORDER BY sequence DESC LIMIT 1",
            [],
            |row| {
                Ok(ChainEnd {
                    sequence: row.get(0)?,
                    manifest: Some(row.get(1)?),
                })
            },
        );
        Ok(query.optional()?.unwrap_or(ChainEnd {
            sequence: 0,
            manifest: None,
        }))
    }

    /// The digest under which a document was last sealed.
    pub(crate) fn document(&self, document: &DocumentRef) -> Result<Option<Fingerprint>, Failure> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT digest FROM document WHERE document = ?1")?;
        Ok(statement
            .query_row([document.as_bytes()], |row| row.get(0))
            .optional()?)
    }

    /// Records a sealed batch whose file is in the spool, and everything that it settles.
    pub(crate) fn record(
        &mut self,
        sealed: &Sealed,
        settled: &Settled,
        sealed_at: i64,
    ) -> Result<(), Failure> {
        let manifest = serde_json::to_string(&sealed.manifest)
            .map_err(|error| Failure::because(Problem::Internal, "manifest", error))?;
        let sequence = sealed.manifest.sequence;
        let transaction = self.connection.transaction()?;
        transaction.execute(
            "INSERT INTO batch VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'sealed', NULL)",
            params![
                sequence,
                sealed.id.as_bytes(),
                sealed.manifest_digest,
                manifest,
                sealed_at,
                sealed.bytes.len() as u64,
            ],
        )?;
        for (document, digest) in &settled.documents {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO document VALUES (?1, ?2, ?3)")?
                .execute(params![document.as_bytes(), digest, sequence])?;
        }
        settle_patients(&transaction, &settled.patients)?;
        transaction.commit()?;
        Ok(())
    }

    /// Records patients of whom nothing was left to seal.
    pub(crate) fn settle(&mut self, patients: &[(SubjectRef, Fingerprint)]) -> Result<(), Failure> {
        let transaction = self.connection.transaction()?;
        settle_patients(&transaction, patients)?;
        transaction.commit()?;
        Ok(())
    }

    /// How far the change feed has been dealt with, as the feed wrote it.
    pub(crate) fn feed_reached(&self) -> Result<Option<String>, Failure> {
        let query = self
            .connection
            .query_row("SELECT reached FROM feed", [], |row| row.get(0));
        Ok(query.optional()?)
    }

    /// Remembers how far the change feed has been dealt with. To be called when everything up to
    /// there is sealed.
    pub(crate) fn settle_feed(&self, reached: &str) -> Result<(), Failure> {
        self.connection
            .execute("INSERT OR REPLACE INTO feed VALUES (1, ?1)", [reached])?;
        Ok(())
    }

    /// Remembers patients who must be visited again although no feed names them.
    pub(crate) fn revisit(&mut self, subjects: &[SubjectRef]) -> Result<(), Failure> {
        let transaction = self.connection.transaction()?;
        for subject in subjects {
            transaction
                .prepare_cached("INSERT OR IGNORE INTO revisit VALUES (?1)")?
                .execute([subject.as_bytes()])?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Whether anybody must be visited again.
    pub(crate) fn any_revisit(&self) -> Result<bool, Failure> {
        let query = "SELECT EXISTS (SELECT 1 FROM revisit)";
        Ok(self.connection.query_row(query, [], |row| row.get(0))?)
    }

    /// Whether this patient must be visited again.
    pub(crate) fn must_revisit(&self, subject: &SubjectRef) -> Result<bool, Failure> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM revisit WHERE subject = ?1)")?;
        Ok(statement.query_row([subject.as_bytes()], |row| row.get(0))?)
    }

    /// Batches that wait, oldest first.
    pub(crate) fn waiting(&self) -> Result<Vec<Waiting>, Failure> {
        let query = "SELECT sequence, id, bytes FROM batch WHERE state = 'sealed' ORDER BY 1";
        let mut statement = self.connection.prepare_cached(query)?;
        let rows = statement.query_map([], |row| {
            let id = BatchId::new(row.get(1)?);
            Ok(Waiting {
                sequence: row.get(0)?,
                id,
                bytes: row.get(2)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Marks a batch as sent and keeps its receipt.
    pub(crate) fn received(&self, sequence: u64, receipt: &[u8]) -> Result<(), Failure> {
        self.connection.execute(
            "UPDATE batch SET state = 'sent', receipt = ?2 WHERE sequence = ?1",
            params![sequence, receipt],
        )?;
        Ok(())
    }
}

/// Read-only access for the threads that read the source.
pub(crate) struct StateReader {
    connection: Connection,
}

impl StateReader {
    /// Opens the state file that [`State::open`] made.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        Ok(Self { connection })
    }

    /// What the patient's folder looked like when everything in it had been sealed.
    pub(crate) fn patient(&self, subject: &SubjectRef) -> Result<Option<Fingerprint>, Failure> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT fingerprint FROM patient WHERE subject = ?1")?;
        Ok(statement
            .query_row([subject.as_bytes()], |row| row.get(0))
            .optional()?)
    }
}

fn settle_patients(
    transaction: &Transaction<'_>,
    patients: &[(SubjectRef, Fingerprint)],
) -> Result<(), Failure> {
    for (subject, fingerprint) in patients {
        transaction
            .prepare_cached("INSERT OR REPLACE INTO patient VALUES (?1, ?2)")?
            .execute(params![subject.as_bytes(), fingerprint])?;
        transaction
            .prepare_cached("DELETE FROM revisit WHERE subject = ?1")?
            .execute([subject.as_bytes()])?;
    }
    Ok(())
}

fn migrate(connection: &mut Connection) -> Result<(), Failure> {
    let done: usize = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if done > MIGRATIONS.len() {
        return Err(Failure::new(
            Problem::State,
            "state.sqlite is of a newer version",
        ));
    }
    for (index, step) in MIGRATIONS.iter().enumerate().skip(done) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", index + 1)?;
        transaction.commit()?;
    }
    Ok(())
}
