//! The patients that were read, known by keyed references of what identifies them, so that a stop
//! order of the centre finds them (B-011).
//!
//! The file holds nothing of them in clear: a reference is a keyed digest, and what belongs to one
//! patient together is sealed. What was once known stays: an order may name somebody as they were
//! called before.

use privacy::order::{HOUSEHOLD_MOST, KeyKind, KeyRef, Known, SharedCards};
use record::ChartNumber;
use rusqlite::{OptionalExtension as _, Transaction, TransactionBehavior, params};
use zeroize::Zeroizing;

use super::key::Reference;
use super::store::{Ledger, database};
use crate::clock::Now;
use crate::error::{Failure, Problem};

/// Brings the file to where it holds patients, orders and letters.
pub(super) const MIGRATION: &str = "
    CREATE TABLE known_person (person BLOB PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE known_key (
        key BLOB NOT NULL,
        person BLOB NOT NULL,
        PRIMARY KEY (key, person)
    ) WITHOUT ROWID;
    -- Stop orders of the centre, and by which keys they name somebody.
    CREATE TABLE stop_order (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        sealed BLOB NOT NULL
    );
    CREATE TABLE order_key (
        key BLOB NOT NULL,
        number INTEGER NOT NULL,
        PRIMARY KEY (key, number)
    ) WITHOUT ROWID;
    -- Entries of the ledger that an order made.
    CREATE TABLE order_entry (
        number INTEGER NOT NULL,
        entry INTEGER NOT NULL,
        PRIMARY KEY (number, entry)
    ) WITHOUT ROWID;
    -- Letters that were dealt with, and what the centre was told of them.
    CREATE TABLE letter (
        number INTEGER PRIMARY KEY,
        digest BLOB NOT NULL,
        outcome TEXT,
        revision INTEGER NOT NULL DEFAULT 0,
        told TEXT
    );
";

/// Patients who have a card that came to be that of too many: tokens of it may have been made.
pub(crate) type Sharing = Vec<ChartNumber>;

/// A patient who was read.
pub(crate) struct Met {
    /// The number by which the storage files them.
    pub(crate) chart: ChartNumber,
    /// Everything by which an order could name them.
    pub(crate) known: Known,
}

impl Ledger {
    /// Notes patients who were read, and applies the orders that stand to those of whom something
    /// is new. To be called before anything of them is sealed.
    ///
    /// A stop of the program between both is made good by [`Ledger::apply_orders`], with which
    /// every run begins.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub(crate) fn meet(&mut self, people: &[Met], at: Now) -> Result<Sharing, Failure> {
        let (orders, sharing) = self.note(people)?;
        orders
            .into_iter()
            .try_for_each(|number| self.apply_order(number, at))?;
        Ok(sharing)
    }

    /// The cards that more patients have than a household can.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn shared_cards(&self) -> Result<SharedCards, Failure> {
        let find = || -> rusqlite::Result<Vec<Reference>> {
            let query = "SELECT key FROM known_key GROUP BY key HAVING COUNT(*) > ?1";
            let mut statement = self.connection.prepare_cached(query)?;
            statement
                .query_map([HOUSEHOLD_MOST as i64], |row| row.get(0))?
                .collect()
        };
        let references = find().map_err(database)?;
        Ok(SharedCards::of(references.into_iter().map(KeyRef::new)))
    }

    /// Notes patients and gives the orders that name one of whom something is new.
    pub(super) fn note(&self, people: &[Met]) -> Result<(Vec<u64>, Sharing), Failure> {
        let behavior = TransactionBehavior::Immediate;
        let transaction =
            Transaction::new_unchecked(&self.connection, behavior).map_err(database)?;
        let mut orders = Vec::new();
        // Mostly no order stands, and then nobody can be meant by one.
        let query = "SELECT EXISTS (SELECT 1 FROM order_key)";
        let any_order = transaction.query_row(query, [], |row| row.get(0));
        let any_order: bool = any_order.map_err(database)?;
        let mut shared = Vec::new();
        for met in people {
            let person = self.key.person(&met.chart);
            let before = self.person(&person)?;
            let (mut known, fresh) = match before {
                Some((_, known)) => (known, false),
                None => (Known::default(), true),
            };
            if !known.learn(&met.known) && !fresh {
                continue;
            }
            let sealed = self.seal_person(&person, &met.chart, &known)?;
            let mut store = || -> rusqlite::Result<()> {
                transaction
                    .prepare_cached("INSERT OR REPLACE INTO known_person VALUES (?1, ?2)")?
                    .execute(params![person, sealed])?;
                for (kind, key) in known.keys().filter(|(kind, _)| kind.names()) {
                    let added = transaction
                        .prepare_cached("INSERT OR IGNORE INTO known_key VALUES (?1, ?2)")?
                        .execute(params![key.as_bytes(), person])?;
                    // A municipal number stands among the numbers of the chart.
                    let may_fill = matches!(kind, KeyKind::Card | KeyKind::Chart);
                    if may_fill && added == 1 && came_to_be_shared(&transaction, key)? {
                        shared.push(key);
                    }
                    if !any_order {
                        continue;
                    }
                    let mut query = transaction
                        .prepare_cached("SELECT number FROM order_key WHERE key = ?1")?;
                    let numbers = query.query_map([key.as_bytes()], |row| row.get(0))?;
                    for number in numbers {
                        orders.push(number?);
                    }
                }
                Ok(())
            };
            store().map_err(database)?;
        }
        transaction.commit().map_err(database)?;
        orders.sort_unstable();
        orders.dedup();
        Ok((orders, self.sharing(&shared)?))
    }

    /// The patients who have one of these cards or numbers.
    fn sharing(&self, cards: &[KeyRef]) -> Result<Sharing, Failure> {
        let mut sharing = Vec::new();
        for card in cards {
            let find = || -> rusqlite::Result<Vec<Reference>> {
                let query = "SELECT person FROM known_key WHERE key = ?1";
                let mut statement = self.connection.prepare_cached(query)?;
                statement
                    .query_map([card.as_bytes()], |row| row.get(0))?
                    .collect()
            };
            for person in find().map_err(database)? {
                let (chart, _) = self.person(&person)?.ok_or_else(damaged)?;
                sharing.push(chart);
            }
        }
        Ok(sharing)
    }

    /// The patients that a key of an order fits.
    pub(super) fn named_by(&self, number: u64) -> Result<Vec<(ChartNumber, Known)>, Failure> {
        let find = || -> rusqlite::Result<Vec<Reference>> {
            let query = "SELECT DISTINCT person FROM order_key JOIN known_key USING (key)
                         WHERE number = ?1 ORDER BY person";
            let mut statement = self.connection.prepare_cached(query)?;
            statement.query_map([number], |row| row.get(0))?.collect()
        };
        let persons = find().map_err(database)?;
        persons
            .iter()
            .map(|person| self.person(person)?.ok_or_else(damaged))
            .collect()
    }

    /// What is known of a patient who was read.
    pub(super) fn known(&self, chart: &ChartNumber) -> Result<Option<Known>, Failure> {
        let known = self.person(&self.key.person(chart))?;
        Ok(known.map(|(_, known)| known))
    }

    fn person(&self, person: &Reference) -> Result<Option<(ChartNumber, Known)>, Failure> {
        let query = "SELECT sealed FROM known_person WHERE person = ?1";
        let find = || -> rusqlite::Result<Option<Vec<u8>>> {
            let mut statement = self.connection.prepare_cached(query)?;
            statement.query_row([person], |row| row.get(0)).optional()
        };
        let Some(sealed) = find().map_err(database)? else {
            return Ok(None);
        };
        let opened = self.key.open(&self.of_person(person), &sealed);
        let read = opened.and_then(|opened| read(&opened));
        read.map(Some).ok_or_else(damaged)
    }

    fn seal_person(
        &self,
        person: &Reference,
        chart: &ChartNumber,
        known: &Known,
    ) -> Result<Vec<u8>, Failure> {
        let mut text = Zeroizing::new(Vec::with_capacity(1024));
        for (kind, key) in known.keys() {
            text.push(kind.number());
            text.extend_from_slice(key.as_bytes());
        }
        text.push(0);
        text.extend_from_slice(chart.expose().as_bytes());
        self.key.seal(&self.of_person(person), &text)
    }

    fn of_person(&self, person: &Reference) -> Vec<u8> {
        [b"person ", person.as_slice(), self.site.as_str().as_bytes()].concat()
    }
}

/// Whether the person who was noted last is the first one too many for a household.
fn came_to_be_shared(transaction: &Transaction<'_>, key: KeyRef) -> rusqlite::Result<bool> {
    let most = HOUSEHOLD_MOST as i64;
    let query = "SELECT COUNT(*) FROM (SELECT 1 FROM known_key WHERE key = ?1 LIMIT ?2)";
    let mut statement = transaction.prepare_cached(query)?;
    let count: i64 = statement.query_row(params![key.as_bytes(), most + 2], |row| row.get(0))?;
    Ok(count == most + 1)
}

/// Reads references up to the mark behind them, and the number.
fn read(mut bytes: &[u8]) -> Option<(ChartNumber, Known)> {
    let mut keys = Vec::new();
    loop {
        let (mark, rest) = bytes.split_first()?;
        if *mark == 0 {
            let chart = ChartNumber::new(std::str::from_utf8(rest).ok()?)?;
            return Some((chart, Known::kept(keys)));
        }
        let (key, rest) = rest.split_first_chunk()?;
        keys.push((KeyKind::of_number(*mark)?, KeyRef::new(*key)));
        bytes = rest;
    }
}

pub(super) fn damaged() -> Failure {
    Failure::new(Problem::LedgerBroken, "ledger.sqlite: patients, orders")
}

#[cfg(test)]
mod tests;
