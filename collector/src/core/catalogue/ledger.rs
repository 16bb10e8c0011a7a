//! 来歴台帳: append-only and hash-chained. It tells how every research ID came to be what it is.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;

use super::batches::{signed, unsigned};
use super::{Catalogue, damaged};
use crate::core::failure::Result;

/// An entry of the ledger. Subjects stand as `SITE:reference`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// A research ID was made for subjects that had none.
    Minted {
        /// The new ID.
        person: String,
        /// Its first subjects.
        subjects: Vec<String>,
    },
    /// A subject joined a person.
    Attached {
        /// The person.
        person: String,
        /// The subject.
        subject: String,
        /// By which rule, and with which score.
        because: Vec<String>,
    },
    /// Two research IDs turned out to be one person; the older stays.
    Merged {
        /// The ID that ends.
        from: String,
        /// The ID that stays.
        into: String,
        /// The subjects that moved.
        subjects: Vec<String>,
        /// By which links.
        because: Vec<String>,
    },
    /// Subjects of one research ID turned out to be another person.
    Split {
        /// The ID that stays with the rest.
        from: String,
        /// The ID that the subjects now have.
        to: String,
        /// The subjects that left.
        subjects: Vec<String>,
    },
    /// An operator ruled that two subjects are different persons.
    Apart {
        /// One subject.
        a: String,
        /// The other.
        b: String,
    },
    /// A site said that provision about a person is stopped: everything that it sent before goes.
    Erased {
        /// The subject.
        subject: String,
        /// The place in the site's chain before which everything goes.
        sequence: u64,
    },
    /// A stop order was made for a site. Whom it is about is not known here.
    Ordered {
        /// The site.
        site: String,
        /// The order.
        order: String,
        /// Its number among the letters to the site.
        number: u64,
    },
    /// An emergency code was made for an account of a site's page.
    EmergencyCode {
        /// The site.
        site: String,
        /// The name of the code.
        code: String,
        /// Its number among the letters to the site.
        number: u64,
        /// The account that it lets in.
        account: String,
        /// Who at the centre made it.
        operator: String,
    },
    /// A site's device told what became of a letter.
    Answered {
        /// The site.
        site: String,
        /// The letter.
        number: u64,
        /// Which answer to it.
        revision: u32,
        /// What became of it.
        outcome: String,
    },
    /// Several batches of a site contend for one place of its chain: the site is stopped.
    Stopped {
        /// The site.
        site: String,
        /// The place.
        sequence: u64,
        /// The batches.
        batches: Vec<String>,
    },
    /// An operator released a site that was stopped.
    Resumed {
        /// The site.
        site: String,
        /// The place of its chain.
        sequence: u64,
        /// The batch that is kept there.
        kept: String,
        /// Who at the centre decided.
        operator: String,
    },
    /// Nothing of a person is left in the tables before a place of the site's chain.
    ErasureDone {
        /// The subject.
        subject: String,
        /// The place.
        sequence: u64,
        /// Table files that were looked through.
        files: u64,
        /// Rows that went from them in the run that finished it.
        rows: u64,
    },
    /// A hold on the records of a site began or ended.
    Held {
        /// The site.
        site: String,
        /// Whether it began.
        holds: bool,
        /// Who at the centre decided.
        operator: String,
    },
    /// Records were disposed of.
    Disposed {
        /// Their class.
        class: String,
        /// Those of before this moment, in seconds since 1970.
        before: i64,
        /// How many.
        records: u64,
        /// SHA-256 over their batches and manifests.
        digest: String,
        /// Who at the centre did it.
        operator: String,
    },
    /// A data set was made.
    Released {
        /// Its name.
        release: String,
        /// SHA-256 of its manifest.
        manifest: String,
        /// SHA-256 of the recipe.
        recipe: String,
        /// Persons in it.
        persons: u64,
    },
}

/// The end of the ledger: its height and the digest of its last entry.
pub(crate) type Head = (u64, [u8; 32]);

/// Appends an entry and returns its height.
pub(super) fn append(connection: &Connection, event: &Event, at: i64) -> Result<u64> {
    let (height, previous) = head(connection)?;
    let text = serde_json::to_string(event).map_err(|_| damaged("ledger event"))?;
    let height = height + 1;
    let digest = digest(height, at, &text, &previous);
    connection
        .prepare_cached(
            "INSERT INTO ledger (height, at, event, previous, digest) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![signed(height), at, text, previous, digest])?;
    Ok(height)
}

fn head(connection: &Connection) -> Result<Head> {
    let mut query = connection
        .prepare_cached("SELECT height, digest FROM ledger ORDER BY height DESC LIMIT 1")?;
    let head = query
        .query_row([], |row| Ok((unsigned(row.get(0)?), row.get(1)?)))
        .optional()?;
    Ok(head.unwrap_or((0, [0; 32])))
}

fn digest(height: u64, at: i64, event: &str, previous: &[u8; 32]) -> [u8; 32] {
    let mut message = b"sekisho ledger 1".to_vec();
    message.extend(previous);
    message.extend(height.to_be_bytes());
    message.extend(at.to_be_bytes());
    message.extend(event.as_bytes());
    envelope::sha256(&message)
}

impl Catalogue {
    /// The end of the ledger; height 0 when it is empty.
    pub(crate) fn ledger_head(&self) -> Result<Head> {
        head(&self.connection)
    }

    /// Checks the whole chain and returns its height.
    ///
    /// # Errors
    /// An entry was changed, removed or put in.
    pub(crate) fn check_ledger(&self) -> Result<u64> {
        let mut query = self
            .connection
            .prepare("SELECT height, at, event, previous, digest FROM ledger ORDER BY height")?;
        let mut rows = query.query([])?;
        let mut last: Head = (0, [0; 32]);
        while let Some(row) = rows.next()? {
            let (height, at) = (unsigned(row.get(0)?), row.get(1)?);
            let event: String = row.get(2)?;
            let (previous, stored): ([u8; 32], [u8; 32]) = (row.get(3)?, row.get(4)?);
            let right = digest(height, at, &event, &previous);
            if height != last.0 + 1 || previous != last.1 || stored != right {
                return Err(damaged("ledger chain"));
            }
            last = (height, stored);
        }
        Ok(last.0)
    }

    /// Disposals and erasures, each with its place and text, oldest first.
    pub(crate) fn certifiable(&self) -> Result<Vec<String>> {
        let mut query = self.connection.prepare_cached(
            "SELECT height, event FROM ledger
             WHERE event LIKE '{\"event\":\"disposed\"%'
                OR event LIKE '{\"event\":\"erasure_done\"%'
             ORDER BY height",
        )?;
        let lines = query.query_map([], |row| {
            let (height, event): (i64, String) = (row.get(0)?, row.get(1)?);
            Ok(format!("{height} {event}"))
        })?;
        Ok(lines.collect::<std::result::Result<_, _>>()?)
    }

    /// One entry: when, its text, its digest.
    pub(crate) fn entry(&self, height: u64) -> Result<Option<(i64, String, [u8; 32])>> {
        let mut query = self
            .connection
            .prepare_cached("SELECT at, event, digest FROM ledger WHERE height = ?1")?;
        let entry = query.query_row([signed(height)], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        });
        Ok(entry.optional()?)
    }

    /// The text of every entry, oldest first.
    #[cfg(test)]
    pub(crate) fn ledger(&self) -> Result<Vec<String>> {
        let mut query = self
            .connection
            .prepare("SELECT event FROM ledger ORDER BY height")?;
        let events = query.query_map([], |row| row.get(0))?;
        Ok(events.collect::<std::result::Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::failure::Problem;

    fn event(number: u8) -> Event {
        Event::Minted {
            person: number.to_string(),
            subjects: vec![],
        }
    }

    #[test]
    fn the_ledger_cannot_be_rewritten_and_a_forged_entry_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(&folder.path().join("c")).unwrap();
        let connection = &catalogue.connection;
        for number in 1..=3 {
            assert_eq!(
                append(connection, &event(number), 5).unwrap(),
                u64::from(number)
            );
        }
        assert_eq!(catalogue.check_ledger().unwrap(), 3);
        for attack in [
            "DELETE FROM ledger WHERE height = 2",
            "UPDATE ledger SET event = ''",
        ] {
            assert!(connection.execute(attack, []).is_err(), "{attack}");
        }
        connection
            .execute_batch(
                "DROP TRIGGER ledger_is_not_changed;
                 UPDATE ledger SET event = replace(event, '2', '9') WHERE height = 2",
            )
            .unwrap();
        assert_eq!(
            catalogue.check_ledger().unwrap_err().problem(),
            Problem::Damaged
        );
    }
}
