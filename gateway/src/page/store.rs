//! The page's own database: accounts, sessions, the access log. No patient is named in it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use config::page::Sessions;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::secret::PageKey;
use crate::error::{Failure, Problem};
use crate::spool::{private_file, private_folder};

const FILE: &str = "page.sqlite";

/// Steps that bring the file to the present layout; `user_version` counts those done.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE account (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        shown TEXT NOT NULL,
        -- Salt and Argon2id hash; none until the first sign-in.
        password BLOB,
        -- The secret of the authenticator app, sealed, and the last step that was used.
        totp BLOB,
        totp_step INTEGER NOT NULL DEFAULT 0,
        -- The digest of the one-time code of the first sign-in.
        code BLOB,
        code_until INTEGER NOT NULL DEFAULT 0,
        closed INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE may (
        account INTEGER NOT NULL REFERENCES account,
        site TEXT NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('reception', 'it', 'director')),
        PRIMARY KEY (account, site, role)
    ) WITHOUT ROWID;
    CREATE TABLE passkey (
        id BLOB PRIMARY KEY,
        account INTEGER NOT NULL REFERENCES account,
        point BLOB NOT NULL,
        counter INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE session (
        digest BLOB PRIMARY KEY,
        account INTEGER NOT NULL REFERENCES account,
        origin BLOB NOT NULL,
        begun INTEGER NOT NULL,
        seen INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE attempt (
        who BLOB PRIMARY KEY,
        failures INTEGER NOT NULL,
        until INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE log (
        number INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        account TEXT NOT NULL,
        site TEXT NOT NULL,
        act TEXT NOT NULL,
        about TEXT NOT NULL,
        digest BLOB NOT NULL
    );
    CREATE TRIGGER log_stays_1 BEFORE UPDATE ON log
        BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
    CREATE TRIGGER log_stays_2 BEFORE DELETE ON log
        BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
    -- Entries of the ledger that one bulk entry made, so that it can be taken back whole.
    CREATE TABLE bulk (
        number INTEGER PRIMARY KEY,
        site TEXT NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        on_day TEXT NOT NULL,
        at INTEGER NOT NULL,
        undone INTEGER NOT NULL DEFAULT 0
    );
",
    "
    -- The institution of the emergency code with which a session began.
    ALTER TABLE session ADD COLUMN emergency TEXT;
    -- What is known of the clock: see `drift`.
    CREATE TABLE clock (one INTEGER PRIMARY KEY CHECK (one = 1), known TEXT NOT NULL);
",
];

/// The open database.
pub(crate) struct Store {
    connection: Mutex<Connection>,
    pub(super) key: PageKey,
    pub(super) folder: PathBuf,
    pub(super) sessions: Sessions,
}

impl Store {
    /// Opens or makes the database of a folder, and checks the whole log.
    ///
    /// # Errors
    /// The folder cannot be used, or the log was changed.
    pub(crate) fn open(folder: &Path, sessions: Sessions) -> Result<Self, Failure> {
        private_folder(folder)?;
        let key = PageKey::open(folder)?;
        let store = Self {
            connection: Mutex::new(connect(&folder.join(FILE))?),
            key,
            folder: folder.to_owned(),
            sessions,
        };
        store.check_log()?;
        Ok(store)
    }

    /// The connection, for one short piece of work.
    pub(super) fn connection(&self) -> Result<MutexGuard<'_, Connection>, Failure> {
        let held = self.connection.lock();
        held.map_err(|_| Failure::new(Problem::Internal, FILE))
    }

    /// Writes in one transaction, all or nothing; what it adds to the log is then the known end.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let connection = self.connection()?;
        let transaction = Transaction::new_unchecked(&connection, TransactionBehavior::Immediate)
            .map_err(database)?;
        let done = work(&transaction)?;
        transaction.commit().map_err(database)?;
        self.anchor(&connection)?;
        Ok(done)
    }
}

/// A failure of this database.
pub(super) fn database(error: rusqlite::Error) -> Failure {
    Failure::because(Problem::State, FILE, error)
}

fn connect(path: &Path) -> Result<Connection, Failure> {
    private_file(path)?;
    let mut connection = Connection::open(path).map_err(database)?;
    prepare(&mut connection).map_err(database)?;
    let done: usize = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(database)?;
    match done == MIGRATIONS.len() {
        true => Ok(connection),
        false => Err(Failure::new(Problem::State, "page.sqlite: a newer version")),
    }
}

fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // The console command may open the file at the same moment.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done: usize = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (index, step) in MIGRATIONS.iter().enumerate().skip(done) {
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", index + 1)?;
    }
    transaction.commit()
}

#[cfg(test)]
pub(super) fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("page"), Sessions::default()).unwrap();
    (folder, store)
}
