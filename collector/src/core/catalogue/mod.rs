//! The catalogue: which batches were taken, who is who, what was released. One SQLite file.

mod batches;
mod erasures;
mod forks;
mod ledger;
mod letters;
mod persons;
mod quality;
mod records;
mod releases;
mod terms;
mod transfers;

use std::path::Path;

use rusqlite::Connection;

pub(crate) use batches::{Accepted, Chain, Decided, Outcome, Stored};
pub(crate) use erasures::Erasure;
pub(crate) use ledger::Event;
pub(crate) use letters::{Letter, NewCode, NewOrder};
pub(crate) use persons::{Change, Link, Member};
pub(crate) use quality::FILES;
pub(crate) use records::Receipt;
pub(crate) use releases::Released;
pub(crate) use transfers::Told;

use super::failure::{Failure, Problem, Result};

/// Each entry brings the catalogue from its index to the next version. Entries are never changed.
const MIGRATIONS: &[&str] = &[
    include_str!("001.sql"),
    include_str!("002.sql"),
    include_str!("003.sql"),
    include_str!("004.sql"),
    include_str!("005.sql"),
    include_str!("006.sql"),
    include_str!("007.sql"),
    include_str!("008.sql"),
];

/// The open catalogue.
pub(crate) struct Catalogue {
    connection: Connection,
}

impl Catalogue {
    /// Opens the catalogue, makes it where needed and brings it to the present version.
    ///
    /// # Errors
    /// The file cannot be opened, is damaged, or was written by a newer program.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        let mut catalogue = Self { connection };
        catalogue.migrate()?;
        Ok(catalogue)
    }

    fn migrate(&mut self) -> Result<()> {
        let version: usize = self
            .connection
            .pragma_query_value(None, "user_version", |row| row.get(0))?;
        let Some(missing) = MIGRATIONS.get(version..) else {
            return Err(Failure::new(
                Problem::CatalogueNewer,
                format!("version {version}"),
            ));
        };
        for (step, migration) in missing.iter().enumerate() {
            let transaction = self.connection.transaction()?;
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "user_version", version + step + 1)?;
            transaction.commit()?;
        }
        Ok(())
    }
}

fn damaged(what: &str) -> Failure {
    Failure::new(Problem::Damaged, format!("catalogue.sqlite: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalogue_of_a_newer_program_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalogue.sqlite");
        drop(Catalogue::open(&path).unwrap());
        drop(Catalogue::open(&path).unwrap());
        Connection::open(&path)
            .unwrap()
            .pragma_update(None, "user_version", 99)
            .unwrap();
        let refused = Catalogue::open(&path)
            .err()
            .map(|failure| failure.problem());
        assert_eq!(refused, Some(Problem::CatalogueNewer));
    }

    #[test]
    fn a_file_that_is_no_database_is_named_as_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalogue.sqlite");
        std::fs::write(&path, "x".repeat(4096)).unwrap();
        let refused = Catalogue::open(&path)
            .err()
            .map(|failure| failure.problem());
        assert_eq!(refused, Some(Problem::Damaged));
    }
}
