//! What the gateway remembers: batches with their manifests and receipts, which version of each
//! document was sealed, and what each patient's folder looked like then.
//!
//! One SQLite file. References are keyed; no chart number, name or path is in it.

mod dictionary;
mod time;
mod transfers;
mod withdrawn;

use std::path::Path;
use std::time::Duration;

use envelope::Sealed;
use privacy::gate::NumberRef;
use record::{BatchId, DataKind, DocumentRef, SubjectRef, Version};
use rusqlite::config::DbConfig;
use rusqlite::{
    Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params,
};

use crate::error::{Failure, Problem};
use crate::spool::private_file;

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
    "
    -- Documents lie with their patient, so that one range holds all of one. Those of an earlier
    -- version of this program move over when they are sealed again.
    ALTER TABLE document RENAME TO document_before;
    CREATE TABLE document (
        subject BLOB NOT NULL,
        document BLOB NOT NULL,
        digest BLOB NOT NULL,
        kind TEXT NOT NULL,
        version INTEGER NOT NULL,
        withdrawn INTEGER NOT NULL,
        sequence INTEGER NOT NULL REFERENCES batch,
        PRIMARY KEY (subject, document)
    ) WITHOUT ROWID;
    -- The last scan that visited everybody.
    CREATE TABLE scan (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        roots BLOB NOT NULL,
        completed_at INTEGER NOT NULL,
        patients INTEGER NOT NULL,
        files INTEGER NOT NULL
    );
    -- How far a scan came that did not visit everybody yet: a keyed digest of a folder's place.
    CREATE TABLE position (only INTEGER PRIMARY KEY CHECK (only = 1), folder BLOB NOT NULL);
    -- How long each volume takes to answer when it has nothing else to do.
    CREATE TABLE volume (number INTEGER PRIMARY KEY, idle_nanoseconds INTEGER NOT NULL);
",
    "
    -- The last known end of the ledger: how many entries, and the digest of its chain there.
    CREATE TABLE ledger (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        entries INTEGER NOT NULL,
        digest BLOB NOT NULL
    );
",
    withdrawn::MIGRATION,
    time::MIGRATION,
    withdrawn::MIGRATION_CONFIRMED,
    dictionary::MIGRATION,
    transfers::MIGRATION,
];

pub(crate) use dictionary::{Sayings, Told};
pub(crate) use withdrawn::ErasureState;

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
    /// When it was sealed, by our clock.
    pub(crate) sealed_at: i64,
}

impl Waiting {
    /// As the queue and the sender take it.
    pub(crate) fn batch(&self) -> transfer::Batch {
        transfer::Batch {
            sequence: self.sequence,
            id: self.id,
            bytes: self.bytes,
        }
    }
}

/// The sealed version of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// Which document.
    pub(crate) document: DocumentRef,
    /// Of what was sealed.
    pub(crate) digest: Fingerprint,
    /// Its kind.
    pub(crate) kind: DataKind,
    /// Its version.
    pub(crate) version: Version,
    /// Whether it was taken back.
    pub(crate) withdrawn: bool,
}

/// What one sealed batch settles, written in one transaction with it.
#[derive(Default)]
pub(crate) struct Settled {
    /// Documents in the batch.
    pub(crate) documents: Vec<(SubjectRef, Known)>,
    /// Patients of whom everything is sealed now.
    pub(crate) patients: Vec<(SubjectRef, Fingerprint)>,
    /// Patients whose folders are to be read again should they come back.
    pub(crate) forget: Vec<SubjectRef>,
    /// Who is in the batch, and under which numbers the gate was asked about them.
    pub(crate) numbers: Vec<(SubjectRef, Vec<NumberRef>)>,
    /// Of whom nothing was left to seal, and under which numbers the gate was asked about them.
    pub(crate) asked: Vec<(SubjectRef, Vec<NumberRef>)>,
    /// Whose erasure the batch tells of.
    pub(crate) erased: Vec<SubjectRef>,
    /// What they call the house's codes.
    pub(crate) sayings: Sayings,
    /// The lines of the dictionary that the batch tells.
    pub(crate) told: Told,
    /// How far the scan came with them.
    pub(crate) position: Option<Fingerprint>,
}

/// What is remembered of the last scan that visited everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scan {
    /// A digest of the root folders.
    pub(crate) roots: Fingerprint,
    /// When it ended.
    pub(crate) completed_at: i64,
    /// How many patients it met.
    pub(crate) patients: u64,
    /// How many files it met.
    pub(crate) files: u64,
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
        private_file(path)?;
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        plan_once(&connection)?;
        write_ahead(&connection)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        migrate(&mut connection)?;
        Ok(Self { connection })
    }

    /// The last known end of the ledger: how many entries, and the digest of its chain there.
    pub(crate) fn ledger_end(&self) -> Result<Option<(u64, [u8; 32])>, Failure> {
        let query = "SELECT entries, digest FROM ledger";
        let end = self
            .connection
            .query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)));
        Ok(end.optional()?)
    }

    /// Moves the known end of the ledger forward, never back: another process may have moved it
    /// further.
    pub(crate) fn ledger_ends(&self, entries: u64, digest: &[u8; 32]) -> Result<(), Failure> {
        self.connection.execute(
            "INSERT INTO ledger VALUES (1, ?1, ?2) ON CONFLICT (only) \
             DO UPDATE SET entries = ?1, digest = ?2 WHERE entries < ?1",
            params![entries, digest],
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

    /// Records a sealed batch whose file is in the spool, and everything that it settles.
    pub(crate) fn record(
        &mut self,
        sealed: &Sealed,
        mut settled: Settled,
        sealed_at: i64,
    ) -> Result<(), Failure> {
        let manifest = serde_json::to_string(&sealed.manifest)
            .map_err(|error| Failure::because(Problem::Internal, "manifest", error))?;
        let sequence = sealed.manifest.sequence;
        let transaction = self.connection.transaction()?;
        transaction.execute(
            "INSERT INTO batch VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'sealed', NULL, 0)",
            params![
                sequence,
                sealed.id.as_bytes(),
                sealed.manifest_digest,
                manifest,
                sealed_at,
                sealed.bytes.len() as u64,
            ],
        )?;
        // In the order in which they lie.
        settled
            .documents
            .sort_unstable_by_key(|(subject, known)| (*subject, known.document));
        withdrawn::erase(&transaction, &settled.erased, sequence)?;
        withdrawn::contain(&transaction, &settled.numbers, sequence)?;
        settle_documents(&transaction, &settled.documents, sequence)?;
        let (sayings, told) = (&settled.sayings, &settled.told);
        dictionary::settle(&transaction, sayings, told, Some(sequence))?;
        settle_patients(&transaction, &mut settled)?;
        transaction.commit()?;
        Ok(())
    }

    /// Records patients of whom nothing was left to seal.
    pub(crate) fn settle(&mut self, mut settled: Settled) -> Result<(), Failure> {
        let transaction = self.connection.transaction()?;
        dictionary::settle(&transaction, &settled.sayings, &settled.told, None)?;
        settle_patients(&transaction, &mut settled)?;
        transaction.commit()?;
        Ok(())
    }

    /// The last scan that visited everybody.
    pub(crate) fn scan(&self) -> Result<Option<Scan>, Failure> {
        let query = "SELECT roots, completed_at, patients, files FROM scan";
        let scan = self.connection.query_row(query, [], |row| {
            Ok(Scan {
                roots: row.get(0)?,
                completed_at: row.get(1)?,
                patients: row.get(2)?,
                files: row.get(3)?,
            })
        });
        Ok(scan.optional()?)
    }

    /// Remembers that a scan came to its end, and, if it visited everybody, what it met.
    pub(crate) fn scanned(&mut self, scan: Option<&Scan>) -> Result<(), Failure> {
        let transaction = self.connection.transaction()?;
        if let Some(scan) = scan {
            transaction.execute(
                "INSERT OR REPLACE INTO scan VALUES (1, ?1, ?2, ?3, ?4)",
                params![scan.roots, scan.completed_at, scan.patients, scan.files],
            )?;
        }
        transaction.execute("DELETE FROM position", [])?;
        transaction.commit()?;
        Ok(())
    }

    /// Patients of whom documents stand at the centre and who are not among the visited, which are
    /// the first eight bytes of references, sorted.
    pub(crate) fn gone(&self, visited: &[u64]) -> Result<Vec<SubjectRef>, Failure> {
        let mut next = self.connection.prepare_cached(
            "SELECT subject FROM document WHERE subject > ?1 ORDER BY subject LIMIT 1",
        )?;
        let mut stands = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM document WHERE subject = ?1 AND NOT withdrawn)",
        )?;
        let mut gone = Vec::new();
        let mut last: Vec<u8> = Vec::new();
        loop {
            let subject: Option<[u8; 16]> = next.query_row([&last], |row| row.get(0)).optional()?;
            let Some(subject) = subject else {
                return Ok(gone);
            };
            last = subject.into();
            let subject = SubjectRef::new(subject);
            if visited.binary_search(&prefix(&subject)).is_err()
                && stands.query_row([&last], |row| row.get(0))?
            {
                gone.push(subject);
            }
        }
    }

    /// See [`StateReader::known`].
    pub(crate) fn known(&self, subject: &SubjectRef) -> Result<Vec<Known>, Failure> {
        known(&self.connection, subject)
    }

    /// How far a scan came that did not visit everybody yet.
    pub(crate) fn position(&self) -> Result<Option<Fingerprint>, Failure> {
        let query = "SELECT folder FROM position";
        let position = self.connection.query_row(query, [], |row| row.get(0));
        Ok(position.optional()?)
    }

    /// Whether any run has met this patient in the storage.
    pub(crate) fn met(&self, subject: &SubjectRef) -> Result<bool, Failure> {
        let query = "SELECT EXISTS (SELECT 1 FROM patient WHERE subject = ?1) \
             OR EXISTS (SELECT 1 FROM revisit WHERE subject = ?1) \
             OR EXISTS (SELECT 1 FROM document WHERE subject = ?1)";
        let mut statement = self.connection.prepare_cached(query)?;
        Ok(statement.query_row([subject.as_bytes()], |row| row.get(0))?)
    }

    /// How long each volume takes to answer when it has nothing else to do.
    pub(crate) fn idle(&self) -> Result<Vec<(usize, Duration)>, Failure> {
        let query = "SELECT number, idle_nanoseconds FROM volume ORDER BY number";
        let mut statement = self.connection.prepare_cached(query)?;
        let rows = statement.query_map([], |row| {
            Ok((row.get(0)?, Duration::from_nanos(row.get(1)?)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Remembers how long each volume takes to answer.
    pub(crate) fn idles(&mut self, idle: &[Option<Duration>]) -> Result<(), Failure> {
        let transaction = self.connection.transaction()?;
        for (number, idle) in idle.iter().enumerate() {
            let Some(idle) = idle else { continue };
            let nanoseconds = i64::try_from(idle.as_nanos()).unwrap_or(i64::MAX);
            transaction
                .prepare_cached("INSERT OR REPLACE INTO volume VALUES (?1, ?2)")?
                .execute(params![number, nanoseconds])?;
        }
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

    /// Forgets what patients' folders looked like, so that they are read and sealed again.
    pub(crate) fn read_again(&mut self, subjects: &[SubjectRef]) -> Result<(), Failure> {
        let transaction = self.connection.transaction()?;
        for subject in subjects {
            for step in [
                "DELETE FROM patient WHERE subject = ?1",
                "INSERT OR IGNORE INTO revisit VALUES (?1)",
            ] {
                transaction
                    .prepare_cached(step)?
                    .execute([subject.as_bytes()])?;
            }
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
        waiting_from(&self.connection, 0)
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

/// Batches that wait, from a place of the chain on, oldest first.
fn waiting_from(connection: &Connection, sequence: u64) -> Result<Vec<Waiting>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT sequence, id, bytes, sealed_at FROM batch
         WHERE state = 'sealed' AND sequence >= ?1 ORDER BY 1",
    )?;
    let rows = statement.query_map([sequence], |row| {
        let id = BatchId::new(row.get(1)?);
        Ok(Waiting {
            sequence: row.get(0)?,
            id,
            bytes: row.get(2)?,
            sealed_at: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The first eight bytes of a reference: enough to tell who was visited.
pub(crate) fn prefix(subject: &SubjectRef) -> u64 {
    let bytes = subject.as_bytes();
    u64::from_be_bytes(std::array::from_fn(|index| bytes[index]))
}

/// Read-only access for the threads that read the source. It sees what was recorded some patients
/// ago at the latest: what earlier runs sealed is all that is asked for.
pub(crate) struct StateReader {
    connection: Connection,
    asked: u32,
    /// Whether documents of an earlier version of this program are left.
    before: bool,
}

/// Patients that are asked for in one transaction.
const ASKED_AT_ONCE: u32 = 64;

impl StateReader {
    /// Opens the state file that [`State::open`] made.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        plan_once(&connection)?;
        let query = "SELECT EXISTS (SELECT 1 FROM document_before)";
        let before = connection.query_row(query, [], |row| row.get(0))?;
        Ok(Self {
            connection,
            asked: 0,
            before,
        })
    }

    /// What the patient's folder looked like when everything in it had been sealed.
    pub(crate) fn patient(&mut self, subject: &SubjectRef) -> Result<Option<Fingerprint>, Failure> {
        // One transaction for many questions: each has a price of its own.
        if self.asked.is_multiple_of(ASKED_AT_ONCE) {
            if self.asked > 0 {
                self.connection.execute_batch("COMMIT")?;
            }
            self.connection.execute_batch("BEGIN")?;
        }
        self.asked = self.asked.wrapping_add(1);
        let mut statement = self
            .connection
            .prepare_cached("SELECT fingerprint FROM patient WHERE subject = ?1")?;
        Ok(statement
            .query_row([subject.as_bytes()], |row| row.get(0))
            .optional()?)
    }

    /// All documents of a patient that were sealed, by reference.
    pub(crate) fn known(&self, subject: &SubjectRef) -> Result<Vec<Known>, Failure> {
        known(&self.connection, subject)
    }

    /// The digest under which an earlier version of this program sealed a document.
    pub(crate) fn before(&self, document: &DocumentRef) -> Result<Option<Fingerprint>, Failure> {
        if !self.before {
            return Ok(None);
        }
        let mut statement = self
            .connection
            .prepare_cached("SELECT digest FROM document_before WHERE document = ?1")?;
        Ok(statement
            .query_row([document.as_bytes()], |row| row.get(0))
            .optional()?)
    }
}

/// Keeps the plan of a prepared statement whatever is bound to it. Without this, SQLite plans a
/// statement anew for each patient.
pub(crate) fn plan_once(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn known(connection: &Connection, subject: &SubjectRef) -> Result<Vec<Known>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT document, digest, kind, version, withdrawn FROM document \
         WHERE subject = ?1 ORDER BY document",
    )?;
    let rows = statement.query_map([subject.as_bytes()], |row| {
        let kind: String = row.get(2)?;
        let unknown = |_| rusqlite::Error::InvalidColumnName("kind".to_owned());
        Ok(Known {
            document: DocumentRef::new(row.get(0)?),
            digest: row.get(1)?,
            kind: kind.parse().map_err(unknown)?,
            version: Version(row.get(3)?),
            withdrawn: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn settle_documents(
    transaction: &Transaction<'_>,
    documents: &[(SubjectRef, Known)],
    sequence: u64,
) -> Result<(), Failure> {
    let before: bool =
        transaction.query_row("SELECT EXISTS (SELECT 1 FROM document_before)", [], |row| {
            row.get(0)
        })?;
    let mut insert = transaction
        .prepare_cached("INSERT OR REPLACE INTO document VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    let mut keep = transaction.prepare_cached(
        "INSERT OR IGNORE INTO replaced
         SELECT ?3, subject, document, digest, kind, version, withdrawn, sequence
         FROM document WHERE subject = ?1 AND document = ?2",
    )?;
    let mut stands =
        transaction.prepare_cached("SELECT EXISTS (SELECT 1 FROM document WHERE subject = ?1)")?;
    let mut last: Option<(SubjectRef, bool)> = None;
    for (subject, known) in documents {
        let is_known = match last {
            Some((asked, is_known)) if asked == *subject => is_known,
            _ => stands.query_row([subject.as_bytes()], |row| row.get(0))?,
        };
        last = Some((*subject, is_known));
        // Nothing of a patient who is new can be replaced.
        if is_known {
            keep.execute(params![
                subject.as_bytes(),
                known.document.as_bytes(),
                sequence
            ])?;
        }
        insert.execute(params![
            subject.as_bytes(),
            known.document.as_bytes(),
            known.digest,
            known.kind.as_str(),
            known.version.0,
            known.withdrawn,
            sequence,
        ])?;
        if before {
            transaction
                .prepare_cached("DELETE FROM document_before WHERE document = ?1")?
                .execute([known.document.as_bytes()])?;
        }
    }
    Ok(())
}

fn settle_patients(transaction: &Transaction<'_>, settled: &mut Settled) -> Result<(), Failure> {
    withdrawn::asked(transaction, &settled.asked)?;
    settled.patients.sort_unstable();
    let mut insert =
        transaction.prepare_cached("INSERT OR REPLACE INTO patient VALUES (?1, ?2)")?;
    let mut settle_revisit =
        transaction.prepare_cached("DELETE FROM revisit WHERE subject = ?1")?;
    for (subject, fingerprint) in &settled.patients {
        insert.execute(params![subject.as_bytes(), fingerprint])?;
        settle_revisit.execute([subject.as_bytes()])?;
    }
    for subject in &settled.forget {
        transaction
            .prepare_cached("DELETE FROM patient WHERE subject = ?1")?
            .execute([subject.as_bytes()])?;
    }
    if let Some(position) = &settled.position {
        transaction
            .prepare_cached("INSERT OR REPLACE INTO position VALUES (1, ?1)")?
            .execute([position])?;
    }
    Ok(())
}

/// Sets the write-ahead log. Only the first process at a new file changes anything, and another one
/// that comes at that moment is refused at once, whatever its patience.
pub(crate) fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    for _ in 0..WRITE_AHEAD_TRIES {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
                std::thread::sleep(WRITE_AHEAD_PAUSE);
            }
            other => return other,
        }
    }
    connection.pragma_update(None, "journal_mode", "WAL")
}

const WRITE_AHEAD_TRIES: u32 = 500;
const WRITE_AHEAD_PAUSE: Duration = Duration::from_millis(10);

fn migrate(connection: &mut Connection) -> Result<(), Failure> {
    // The page and the command line may open the file at the same moment.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done: usize = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if done > MIGRATIONS.len() {
        return Err(Failure::new(
            Problem::State,
            "state.sqlite is of a newer version",
        ));
    }
    for (index, step) in MIGRATIONS.iter().enumerate().skip(done) {
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", index + 1)?;
    }
    transaction.commit()?;
    Ok(())
}
