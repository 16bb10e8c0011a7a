//! Who is in what waits, and how it is taken back: a batch that was never sent can be undone as if
//! it had not been sealed; of what was sent, an erasure tells the centre.

use std::collections::BTreeSet;

use privacy::gate::NumberRef;
use record::SubjectRef;
use rusqlite::{Connection, Transaction, params};

use super::{State, Waiting, waiting_from};
use crate::error::Failure;

/// Brings a state file to where batches can be undone. Who is in the batches of an earlier version
/// of this program is not known, so that those cannot.
pub(super) const MIGRATION: &str = "
    -- Set before the first byte of a batch goes out. From then on it cannot be undone.
    ALTER TABLE batch ADD COLUMN attempted INTEGER NOT NULL DEFAULT 0;
    UPDATE batch SET attempted = 1;
    -- Under which numbers the gate was asked about a patient of whom something was sealed: keyed,
    -- in one form for all spellings.
    CREATE TABLE number (
        number BLOB NOT NULL,
        subject BLOB NOT NULL,
        PRIMARY KEY (number, subject)
    ) WITHOUT ROWID;
    -- Who is in a batch that was not attempted yet.
    CREATE TABLE content (
        subject BLOB NOT NULL,
        sequence INTEGER NOT NULL REFERENCES batch,
        PRIMARY KEY (subject, sequence)
    ) WITHOUT ROWID;
    CREATE INDEX content_of_batch ON content (sequence);
    -- What a batch that was not attempted yet put another row in the place of.
    CREATE TABLE replaced (
        sequence INTEGER NOT NULL,
        subject BLOB NOT NULL,
        document BLOB NOT NULL,
        digest BLOB NOT NULL,
        kind TEXT NOT NULL,
        version INTEGER NOT NULL,
        withdrawn INTEGER NOT NULL,
        before INTEGER NOT NULL,
        PRIMARY KEY (sequence, subject, document)
    ) WITHOUT ROWID;
    -- Persons whose erasure the centre is told of, and in which batch once it is sealed.
    CREATE TABLE erasure (
        number INTEGER PRIMARY KEY,
        subject BLOB NOT NULL,
        sequence INTEGER
    );
    CREATE INDEX erasure_of_batch ON erasure (sequence);
";

/// Brings a state file to where the centre's word on erasures is kept, and where everybody who is
/// read is known by keyed references (`ledger::people`): so everybody is read once more. Nothing
/// that was sealed is sealed again by it.
pub(super) const MIGRATION_CONFIRMED: &str = "
    ALTER TABLE erasure ADD COLUMN confirmed_at INTEGER;
    DELETE FROM patient;
    DELETE FROM position;
    DELETE FROM feed;
";

/// How the erasure of a person at the centre stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ErasureState {
    /// The batch that tells of it, once it is sealed.
    pub(crate) sequence: Option<u64>,
    /// When the centre's word came that it is done.
    pub(crate) confirmed_at: Option<i64>,
}

impl State {
    /// Notes the centre's word that nothing is left of these persons, each with the batch that
    /// demanded it. Gives how many were not confirmed before.
    pub(crate) fn confirm_erasures(
        &mut self,
        persons: &[(SubjectRef, u64)],
        at: i64,
    ) -> Result<u64, Failure> {
        let transaction = self.connection.transaction()?;
        let mut confirmed = 0;
        for (subject, sequence) in persons {
            confirmed += transaction
                .prepare_cached(
                    "UPDATE erasure SET confirmed_at = ?3
                     WHERE subject = ?1 AND sequence = ?2 AND confirmed_at IS NULL",
                )?
                .execute(params![subject.as_bytes(), sequence, at])?;
        }
        transaction.commit()?;
        Ok(confirmed as u64)
    }

    /// The erasures of a person, oldest first.
    pub(crate) fn erasures_of(&self, subject: &SubjectRef) -> Result<Vec<ErasureState>, Failure> {
        let mut statement = self.connection.prepare_cached(
            "SELECT sequence, confirmed_at FROM erasure WHERE subject = ?1 ORDER BY number",
        )?;
        let rows = statement.query_map([subject.as_bytes()], |row| {
            Ok(ErasureState {
                sequence: row.get(0)?,
                confirmed_at: row.get(1)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether anything was sealed of anybody whose numbers are known.
    pub(crate) fn knows_numbers(&self) -> Result<bool, Failure> {
        let query = "SELECT EXISTS (SELECT 1 FROM number)";
        Ok(self.connection.query_row(query, [], |row| row.get(0))?)
    }

    /// The patients about whom the gate was asked under a number.
    pub(crate) fn subjects_of(&self, number: &NumberRef) -> Result<Vec<SubjectRef>, Failure> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT subject FROM number WHERE number = ?1")?;
        let rows =
            statement.query_map([number.as_bytes()], |row| row.get(0).map(SubjectRef::new))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Remembers further numbers of a patient, if anything of theirs was sealed.
    pub(crate) fn also_under(
        &mut self,
        subject: &SubjectRef,
        numbers: &[NumberRef],
    ) -> Result<(), Failure> {
        if !is_known(&self.connection, subject)? {
            return Ok(());
        }
        let transaction = self.connection.transaction()?;
        remember(&transaction, subject, numbers)?;
        transaction.commit()?;
        Ok(())
    }

    /// Remembers under which numbers the gate was asked about patients of whom nothing is new.
    pub(crate) fn asked(&mut self, asked: &[(SubjectRef, Vec<NumberRef>)]) -> Result<(), Failure> {
        let transaction = self.connection.transaction()?;
        self::asked(&transaction, asked)?;
        transaction.commit()?;
        Ok(())
    }

    /// The first batch that holds one of these patients and can be undone.
    pub(crate) fn first_with(&self, subjects: &[SubjectRef]) -> Result<Option<u64>, Failure> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT min(sequence) FROM content WHERE subject = ?1")?;
        let mut first: Option<u64> = None;
        for subject in subjects {
            let found: Option<u64> = statement.query_row([subject.as_bytes()], |row| row.get(0))?;
            first = match (first, found) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        Ok(first)
    }

    /// Undoes every batch from a place of the chain on, none of which was attempted: the chain ends
    /// before it, documents are what they were, and the patients are read again. Gives the batches
    /// whose files are left over.
    ///
    /// # Errors
    /// One of them was attempted.
    pub(crate) fn undo_from(&mut self, sequence: u64) -> Result<Vec<Waiting>, Failure> {
        let transaction = self.connection.transaction()?;
        let undone = waiting_from(&transaction, sequence)?;
        let attempted = "SELECT EXISTS (SELECT 1 FROM batch WHERE sequence >= ?1 AND attempted)";
        if transaction.query_row(attempted, [sequence], |row| row.get(0))? {
            let problem = crate::error::Problem::Internal;
            return Err(Failure::new(
                problem,
                "a batch that was sent cannot be undone",
            ));
        }
        for step in [
            "DELETE FROM document WHERE sequence >= ?1",
            // The oldest row that was replaced goes in last, and stands.
            "INSERT OR REPLACE INTO document
             SELECT subject, document, digest, kind, version, withdrawn, before
             FROM replaced WHERE sequence >= ?1 AND before < ?1 ORDER BY sequence DESC",
            "DELETE FROM patient WHERE subject IN (SELECT subject FROM content WHERE sequence >= ?1)",
            "INSERT OR IGNORE INTO revisit
             SELECT subject FROM content WHERE sequence >= ?1",
            "DELETE FROM replaced WHERE sequence >= ?1",
            "DELETE FROM content WHERE sequence >= ?1",
            "UPDATE erasure SET sequence = NULL WHERE sequence >= ?1",
            // Names of codes that the batch told are counted anew.
            "DELETE FROM term WHERE sequence >= ?1",
            "DELETE FROM batch WHERE sequence >= ?1",
        ] {
            transaction.execute(step, [sequence])?;
        }
        transaction.execute("DELETE FROM position", [])?;
        transaction.commit()?;
        Ok(undone)
    }

    /// Sets whose erasure the next batch tells of: of these persons, those of whom the centre was
    /// or will be sent something. Gives how many were not demanded before.
    pub(crate) fn demand_erasures(&mut self, stopped: &[SubjectRef]) -> Result<u64, Failure> {
        let transaction = self.connection.transaction()?;
        let before: BTreeSet<[u8; 16]> = pending(&transaction)?.into_iter().collect();
        transaction.execute("DELETE FROM erasure WHERE sequence IS NULL", [])?;
        let mut erasures = 0;
        for subject in stopped {
            if is_known(&transaction, subject)? {
                transaction
                    .prepare_cached("INSERT INTO erasure (subject) VALUES (?1)")?
                    .execute([subject.as_bytes()])?;
                erasures += u64::from(!before.contains(subject.as_bytes()));
            }
        }
        transaction.commit()?;
        Ok(erasures)
    }

    /// Persons whose erasure no batch tells of yet, so many at most.
    pub(crate) fn pending_erasures(&self, most: usize) -> Result<Vec<SubjectRef>, Failure> {
        let mut subjects = pending(&self.connection)?;
        subjects.truncate(most);
        Ok(subjects.into_iter().map(SubjectRef::new).collect())
    }

    /// Notes that a batch is about to go out: from now on it cannot be undone.
    pub(crate) fn attempt(&mut self, sequence: u64) -> Result<(), Failure> {
        let transaction = self.connection.transaction()?;
        for step in [
            "UPDATE batch SET attempted = 1 WHERE sequence = ?1",
            "DELETE FROM content WHERE sequence = ?1",
            "DELETE FROM replaced WHERE sequence = ?1",
        ] {
            transaction.execute(step, [sequence])?;
        }
        transaction.commit()?;
        Ok(())
    }
}

fn pending(connection: &Connection) -> Result<Vec<[u8; 16]>, Failure> {
    let mut statement = connection
        .prepare_cached("SELECT subject FROM erasure WHERE sequence IS NULL ORDER BY subject")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether anything of a patient was sealed.
fn is_known(connection: &Connection, subject: &SubjectRef) -> Result<bool, Failure> {
    let mut statement =
        connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM document WHERE subject = ?1)")?;
    Ok(statement.query_row([subject.as_bytes()], |row| row.get(0))?)
}

/// Remembers under which numbers the gate was asked about patients of whom nothing is new, as far
/// as anything of theirs was sealed before: a version of this program may have asked under fewer.
pub(super) fn asked(
    transaction: &Transaction<'_>,
    asked: &[(SubjectRef, Vec<NumberRef>)],
) -> Result<(), Failure> {
    for (subject, numbers) in asked {
        if is_known(transaction, subject)? {
            remember(transaction, subject, numbers)?;
        }
    }
    Ok(())
}

/// Remembers under which numbers the gate was asked about a patient.
pub(super) fn remember(
    transaction: &Transaction<'_>,
    subject: &SubjectRef,
    numbers: &[NumberRef],
) -> Result<(), Failure> {
    let mut insert = transaction.prepare_cached("INSERT OR IGNORE INTO number VALUES (?1, ?2)")?;
    for number in numbers {
        insert.execute(params![number.as_bytes(), subject.as_bytes()])?;
    }
    Ok(())
}

/// Notes who is in a batch that is being recorded.
pub(super) fn contain(
    transaction: &Transaction<'_>,
    numbers: &[(SubjectRef, Vec<NumberRef>)],
    sequence: u64,
) -> Result<(), Failure> {
    let mut insert = transaction.prepare_cached("INSERT OR IGNORE INTO content VALUES (?1, ?2)")?;
    for (subject, numbers) in numbers {
        insert.execute(params![subject.as_bytes(), sequence])?;
        remember(transaction, subject, numbers)?;
    }
    Ok(())
}

/// Notes that a batch tells of erasures. What was known of these persons is forgotten, so that
/// everything is sealed anew should they come back; undoing the batch brings it back.
pub(super) fn erase(
    transaction: &Transaction<'_>,
    subjects: &[SubjectRef],
    sequence: u64,
) -> Result<(), Failure> {
    for subject in subjects {
        for step in [
            "UPDATE erasure SET sequence = ?2 WHERE subject = ?1 AND sequence IS NULL",
            "INSERT INTO replaced
             SELECT ?2, subject, document, digest, kind, version, withdrawn, sequence
             FROM document WHERE subject = ?1",
        ] {
            transaction
                .prepare_cached(step)?
                .execute(params![subject.as_bytes(), sequence])?;
        }
        for step in [
            "DELETE FROM document WHERE subject = ?1",
            "DELETE FROM patient WHERE subject = ?1",
        ] {
            transaction
                .prepare_cached(step)?
                .execute([subject.as_bytes()])?;
        }
    }
    Ok(())
}

#[cfg(test)]
impl State {
    /// The state as an earlier version of this program left it.
    pub(crate) fn forget_numbers(&self) {
        self.connection.execute("DELETE FROM number", []).unwrap();
    }
}
