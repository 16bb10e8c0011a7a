//! The ledger on disk: append-only, encrypted, each entry chained to the one before.
//!
//! One row per entry in `ledger.sqlite`. Its chain digest is SHA-256 over the digest before, the
//! number, the sealed bytes and the references; the digest before the first is that of the site's
//! name. The sealed bytes are bound to site, number and digest before, so that no row can stand
//! elsewhere. How far the ledger is known to reach is kept in `state.sqlite`
//! ([`State::ledger_end`]), so that one from which the last entries were cut is noticed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use envelope::Sha256;
use privacy::gate::{Event, Ground, LedgerHead, OpenParts, Parts, Standing, Terms, revoked};
use record::{ChartNumber, SiteId};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::entry::{Actor, Entry, decode, encode};
use super::key::{HELD, LedgerKey, PARTS, PROVIDED, REVOKED, Reference};
use crate::clock::Now;
use crate::error::{Failure, Problem};
use crate::spool::{private_file, private_folder};
use crate::state::{State, plan_once, write_ahead};

/// The file in the state folder.
pub(super) const FILE: &str = "ledger.sqlite";
const STATE: &str = "state.sqlite";

/// Steps that bring the file to the present layout; `user_version` counts those done.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE entry (
        number INTEGER PRIMARY KEY,
        sealed BLOB NOT NULL,
        chain BLOB NOT NULL,
        -- A keyed digest of what happened, by which a line that is known is known again.
        event BLOB NOT NULL,
        -- Keyed digests of the persons it names, or of its kind.
        found_1 BLOB NOT NULL,
        found_2 BLOB NOT NULL
    );
    CREATE INDEX entry_event ON entry (event);
    CREATE INDEX entry_found_1 ON entry (found_1);
    CREATE INDEX entry_found_2 ON entry (found_2);
    CREATE TRIGGER entry_stays_1 BEFORE UPDATE ON entry
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
    CREATE TRIGGER entry_stays_2 BEFORE DELETE ON entry
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
",
    super::people::MIGRATION,
    super::emergency::MIGRATION,
];

/// The open ledger of one site. Several processes may hold it open at once.
pub(crate) struct Ledger {
    pub(super) connection: Connection,
    pub(super) state: State,
    pub(super) key: LedgerKey,
    /// The digest before the first entry.
    genesis: [u8; 32],
    pub(super) site: SiteId,
}

/// The end of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    entries: u64,
    chain: [u8; 32],
    recorded_at: i64,
}

/// A row as it stands.
struct Stored {
    number: u64,
    sealed: Vec<u8>,
    chain: [u8; 32],
    event: Reference,
    found: [Reference; 2],
}

impl Ledger {
    /// Opens or makes the ledger in a state folder.
    ///
    /// # Errors
    /// The file cannot be opened, or was written by a newer version.
    pub(crate) fn open(folder: &Path, key: LedgerKey, site: &SiteId) -> Result<Self, Failure> {
        private_folder(folder)?;
        let state = State::open(&folder.join(STATE))?;
        let mut genesis = Sha256::new();
        genesis.update(b"sekisho ledger v1\n");
        genesis.update(site.as_str().as_bytes());
        Ok(Self {
            connection: connect(&folder.join(FILE))?,
            state,
            key,
            genesis: genesis.finish(),
            site: site.clone(),
        })
    }

    /// Adds entries, all or none, and gives their numbers. Their time is `at`, or that of the entry
    /// before if the clock stepped back, so that the order of entries is the order of their times.
    ///
    /// # Errors
    /// The ledger is shorter than known, or cannot be written: then nothing was added.
    pub(crate) fn append(
        &mut self,
        actor: &Actor,
        at: Now,
        events: Vec<Event>,
    ) -> Result<RangeInclusive<u64>, Failure> {
        self.write(actor, at, |writer| {
            events.iter().try_for_each(|event| writer.push(event))
        })
        .map(|(range, ())| range)
    }

    /// Adds entries in one transaction while `work` looks into the ledger.
    pub(super) fn write<T>(
        &mut self,
        actor: &Actor,
        at: Now,
        work: impl FnOnce(&mut Writer<'_>) -> Result<T, Failure>,
    ) -> Result<(RangeInclusive<u64>, T), Failure> {
        if actor.to_string().parse().as_ref() != Ok(actor) {
            return Err(Failure::new(Problem::Internal, "ledger actor"));
        }
        let behavior = TransactionBehavior::Immediate;
        let transaction =
            Transaction::new_unchecked(&self.connection, behavior).map_err(database)?;
        let end = self.end(&transaction)?;
        let mut writer = Writer {
            ledger: self,
            transaction: &transaction,
            actor,
            first: end.entries + 1,
            end: End {
                recorded_at: end.recorded_at.max(at.seconds),
                ..end
            },
        };
        let done = work(&mut writer)?;
        let (first, end) = (writer.first, writer.end);
        transaction.commit().map_err(database)?;
        self.state.ledger_ends(end.entries, &end.chain)?;
        Ok((first..=end.entries, done))
    }

    /// The state of all persons, folded from the whole history or from what was written down up to
    /// and including `until` (seconds since 1970), and the end of the chain there.
    ///
    /// # Errors
    /// The ledger was changed, cut or rolled back: nothing may be decided on it.
    pub(crate) fn standing(&self, until: Option<i64>) -> Result<(Standing, LedgerHead), Failure> {
        let mut standing = Standing::default();
        let head = self.fold(until, |entry| standing.push(entry.number, entry.event))?;
        Ok((standing, head))
    }

    /// Hands every entry over in order, each checked against the chain, and gives the end. That an
    /// entry was taken back is not told.
    pub(super) fn fold(
        &self,
        until: Option<i64>,
        mut take: impl FnMut(Entry),
    ) -> Result<LedgerHead, Failure> {
        let known = self.state.ledger_end()?;
        let mut at_known = known.is_none_or(|(entries, _)| entries == 0);
        let mut head = LedgerHead {
            digest: self.genesis,
            entries: 0,
        };
        let (mut last, mut time) = (head, i64::MIN);
        let mut part: Option<(u64, Actor)> = None;
        let query = "SELECT * FROM entry ORDER BY number";
        let mut statement = self.connection.prepare_cached(query).map_err(database)?;
        let rows = statement.query_map([], stored).map_err(database)?;
        for row in rows {
            let row = row.map_err(|_| broken(last.entries + 1))?;
            let entry = self.checked(&row, &last)?;
            if entry.recorded_at < time {
                return Err(broken(row.number));
            }
            time = entry.recorded_at;
            if !fits_part(&mut part, &entry) {
                return Err(broken(row.number));
            }
            last = LedgerHead {
                digest: row.chain,
                entries: row.number,
            };
            if let Some((entries, digest)) = known
                && entries == row.number
            {
                at_known = digest == row.chain;
                if !at_known {
                    break;
                }
            }
            if until.is_none_or(|until| time <= until) {
                head = last;
                take(entry);
            }
        }
        // A part is written in one transaction together with what it announces.
        let whole = part.is_none_or(|(end, _)| end <= last.entries);
        match at_known && whole {
            true => Ok(head),
            false => Err(rolled_back(last.entries)),
        }
    }

    /// How many entries there are, without checking them: whether something was added.
    pub(crate) fn entries_now(&self) -> Result<u64, Failure> {
        let query = "SELECT coalesce(max(number), 0) FROM entry";
        let count = self.connection.query_row(query, [], |row| row.get(0));
        count.map_err(database)
    }

    /// Entries that name a person, in any spelling of the number.
    ///
    /// # Errors
    /// An entry cannot be opened.
    pub(crate) fn of_chart(&self, chart: &ChartNumber) -> Result<Vec<Entry>, Failure> {
        self.found_by(self.key.person(chart))
    }

    /// Entries by number.
    ///
    /// # Errors
    /// An entry cannot be opened.
    pub(crate) fn entries(&self, range: RangeInclusive<u64>) -> Result<Vec<Entry>, Failure> {
        let last = (*range.end()).min(i64::MAX as u64);
        let query = "SELECT * FROM entry WHERE number BETWEEN ?1 AND ?2 ORDER BY number";
        self.select(query, params![(*range.start()).min(last), last])
    }

    /// Persons whom a stop order could mean and of whom nobody has decided yet.
    ///
    /// # Errors
    /// An entry cannot be opened.
    pub(crate) fn pending(&self) -> Result<Vec<Entry>, Failure> {
        let mut held = self.found_by(self.key.kind(HELD))?;
        held.retain(|entry| !entry.revoked);
        Ok(held)
    }

    /// The terms by which the site provided when the ledger had so many entries, as far as they
    /// were written down by then.
    pub(super) fn provided_at(&self, entries: u64) -> Result<Option<Terms>, Failure> {
        let query = "SELECT * FROM entry WHERE found_2 = ?1 AND number <= ?2 \
            ORDER BY number DESC LIMIT 1";
        let last = entries.min(i64::MAX as u64);
        let found = self.rows(query, params![self.key.kind(PROVIDED), last])?;
        Ok(found.into_iter().find_map(|entry| match entry.event {
            Event::Provided(terms) => Some(*terms),
            _ => None,
        }))
    }

    /// Writes down by which terms the site provides from now on, if they are others than before.
    pub(super) fn provide(&mut self, terms: &Terms, at: Now) -> Result<(), Failure> {
        if self.provided_at(u64::MAX)?.as_ref() != Some(terms) {
            let event = Event::Provided(Box::new(terms.clone()));
            self.append(&Actor::Settings, at, vec![event])?;
        }
        Ok(())
    }

    /// Why entries no longer count, by their number; the latest reason of each.
    pub(super) fn grounds(&self) -> Result<BTreeMap<u64, Ground>, Failure> {
        let query = "SELECT * FROM entry WHERE found_2 = ?1 ORDER BY number";
        let entries = self.rows(query, params![self.key.kind(REVOKED)])?;
        let ground = |entry: Entry| match entry.event {
            Event::Revoked { entry, ground } => Some((entry, ground)),
            _ => None,
        };
        Ok(entries.into_iter().filter_map(ground).collect())
    }

    /// The entries that do not count.
    pub(super) fn voided(&self) -> Result<Voided, Failure> {
        self.voided_at(u64::MAX)
    }

    /// The entries that did not count when the ledger had so many entries.
    pub(super) fn voided_at(&self, entries: u64) -> Result<Voided, Failure> {
        Ok(Voided::of(
            self.revoked_at(entries)?,
            self.parts_at(entries)?,
        ))
    }

    /// The entries that do not count, but for an import that is being written, which is as if it
    /// were whole: by the number of its first part.
    pub(super) fn voided_but(&self, import: u64) -> Result<Voided, Failure> {
        let mut parts = self.parts_at(u64::MAX)?;
        parts.forget(import);
        Ok(Voided::of(self.revoked_at(u64::MAX)?, parts))
    }

    fn revoked_at(&self, entries: u64) -> Result<BTreeSet<u64>, Failure> {
        let pairs = self.revocations()?.into_iter();
        let pairs: Vec<_> = pairs
            .map(|(by, earlier, _)| (by, earlier))
            .filter(|(by, _)| u64::from(*by) <= entries)
            .collect();
        Ok(revoked(&pairs).into_iter().map(u64::from).collect())
    }

    fn parts_at(&self, entries: u64) -> Result<Parts, Failure> {
        let query = "SELECT * FROM entry WHERE found_2 = ?1 ORDER BY number";
        let mut parts = Parts::default();
        for entry in self.rows(query, params![self.key.kind(PARTS)])? {
            if entry.number <= entries {
                parts.note(entry.number, &entry.event);
            }
        }
        Ok(parts)
    }

    /// Entries that take back, each with the one that it takes back and who wrote it.
    pub(super) fn revocations(&self) -> Result<Vec<(u32, u32, Actor)>, Failure> {
        let query = "SELECT * FROM entry WHERE found_2 = ?1 ORDER BY number";
        let entries = self.rows(query, params![self.key.kind(REVOKED)])?;
        let pair = |entry: Entry| match entry.event {
            Event::Revoked { entry: earlier, .. } if earlier < entry.number => {
                let pair = u32::try_from(entry.number)
                    .ok()
                    .zip(u32::try_from(earlier).ok());
                pair.map(|(by, earlier)| (by, earlier, entry.actor))
            }
            _ => None,
        };
        Ok(entries.into_iter().filter_map(pair).collect())
    }

    fn found_by(&self, reference: Reference) -> Result<Vec<Entry>, Failure> {
        let query = "SELECT * FROM entry WHERE found_1 = ?1 OR found_2 = ?1 ORDER BY number";
        self.select(query, params![reference])
    }

    fn select(&self, query: &str, with: impl rusqlite::Params) -> Result<Vec<Entry>, Failure> {
        let mut entries = self.rows(query, with)?;
        let voided = self.voided()?;
        for entry in &mut entries {
            entry.revoked = voided.contains(entry.number);
        }
        Ok(entries)
    }

    fn rows(&self, query: &str, with: impl rusqlite::Params) -> Result<Vec<Entry>, Failure> {
        let mut statement = self.connection.prepare_cached(query).map_err(database)?;
        let rows = statement.query_map(with, stored).map_err(database)?;
        rows.map(|row| {
            let row = row.map_err(database)?;
            let before = LedgerHead {
                digest: self.chain_at(&self.connection, row.number - 1)?,
                entries: row.number - 1,
            };
            self.checked(&row, &before)
        })
        .collect()
    }

    /// Opens a row that has to follow `before`.
    fn checked(&self, row: &Stored, before: &LedgerHead) -> Result<Entry, Failure> {
        let follows = row.number == before.entries + 1 && row.chain == chain(&before.digest, row);
        let opened = || {
            let context = self.context(row.number, &before.digest);
            decode(row.number, &self.key.open(&context, &row.sealed)?)
        };
        let entry = if follows { opened() } else { None };
        entry.ok_or_else(|| broken(row.number))
    }

    /// What sealed bytes are bound to.
    fn context(&self, number: u64, before: &[u8; 32]) -> Vec<u8> {
        let site = self.site.as_str().as_bytes();
        [&number.to_be_bytes(), before.as_slice(), site].concat()
    }

    fn chain_at(&self, connection: &Connection, number: u64) -> Result<[u8; 32], Failure> {
        if number == 0 {
            return Ok(self.genesis);
        }
        let query = "SELECT chain FROM entry WHERE number = ?1";
        let mut statement = connection.prepare_cached(query).map_err(database)?;
        let chain = statement.query_row([number], |row| row.get(0)).optional();
        chain.map_err(database)?.ok_or_else(|| broken(number))
    }

    /// The end of the ledger, checked against the known end: nothing may be added to a ledger from
    /// which something was cut.
    fn end(&self, connection: &Connection) -> Result<End, Failure> {
        let query = "SELECT * FROM entry ORDER BY number DESC LIMIT 1";
        let last = connection.query_row(query, [], stored).optional();
        let Some(last) = last.map_err(database)? else {
            return match self.state.ledger_end()? {
                None | Some((0, _)) => Ok(End {
                    entries: 0,
                    chain: self.genesis,
                    recorded_at: i64::MIN,
                }),
                Some(_) => Err(rolled_back(0)),
            };
        };
        if let Some((entries, digest)) = self.state.ledger_end()? {
            let there = last.number >= entries && self.chain_at(connection, entries)? == digest;
            if entries > 0 && !there {
                return Err(rolled_back(last.number));
            }
        }
        let before = LedgerHead {
            digest: self.chain_at(connection, last.number - 1)?,
            entries: last.number - 1,
        };
        let entry = self.checked(&last, &before)?;
        Ok(End {
            entries: last.number,
            chain: last.chain,
            recorded_at: entry.recorded_at,
        })
    }
}

/// Whether an entry may stand where it does: among the entries that a part of an import announces,
/// only what the same import says of persons. Nobody else's word can be taken for part of it.
fn fits_part(part: &mut Option<(u64, Actor)>, entry: &Entry) -> bool {
    let inside = part.as_ref().filter(|(end, _)| entry.number <= *end);
    if let Some((_, actor)) = inside {
        return *actor == entry.actor && entry.event.chart().is_some();
    }
    if let Event::Part { entries, .. } = &entry.event {
        *part = Some((entry.number.saturating_add(*entries), entry.actor.clone()));
    }
    true
}

/// Entries that do not count.
#[derive(Debug, Default)]
pub(crate) struct Voided {
    revoked: BTreeSet<u64>,
    open: OpenParts,
}

impl Voided {
    fn of(revoked: BTreeSet<u64>, parts: Parts) -> Self {
        let open = parts.open(|entry| revoked.contains(&entry));
        Self { revoked, open }
    }

    /// Whether an entry does not count.
    pub(crate) fn contains(&self, number: u64) -> bool {
        self.revoked.contains(&number)
            || self.open.unfinished(number)
            || self.open.taken_back(number)
    }

    /// Whether an entry was taken back together with its import.
    pub(super) fn with_its_import(&self, number: u64) -> bool {
        self.open.taken_back(number)
    }

    /// Whether an entry is as if it were not there: its import was broken off.
    pub(super) fn broken_off(&self, number: u64) -> bool {
        self.open.unfinished(number)
    }
}

/// Adds entries within one transaction.
pub(super) struct Writer<'l> {
    pub(super) ledger: &'l Ledger,
    pub(super) transaction: &'l Transaction<'l>,
    actor: &'l Actor,
    first: u64,
    end: End,
}

impl Writer<'_> {
    /// Adds an entry.
    pub(super) fn push(&mut self, event: &Event) -> Result<(), Failure> {
        let (key, line) = (&self.ledger.key, event.encode());
        let number = self.end.entries + 1;
        let text = encode(self.end.recorded_at, self.actor, &line);
        let context = self.ledger.context(number, &self.end.chain);
        let mut row = Stored {
            number,
            sealed: key.seal(&context, text.as_bytes())?,
            chain: NOTHING,
            event: key.event(&line),
            found: key.found_by(event),
        };
        row.chain = chain(&self.end.chain, &row);
        let [found_1, found_2] = row.found;
        self.transaction
            .prepare_cached("INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
            .and_then(|mut insert| {
                insert.execute(params![
                    number, row.sealed, row.chain, row.event, found_1, found_2
                ])
            })
            .map_err(database)?;
        (self.end.entries, self.end.chain) = (number, row.chain);
        Ok(())
    }

    /// The number of the last entry, those of this transaction included.
    pub(super) const fn last(&self) -> u64 {
        self.end.entries
    }

    /// The entries that say exactly the same, those of this transaction included.
    pub(super) fn same_as(&self, event: &Event) -> Result<Vec<u64>, Failure> {
        same_as(self.transaction, self.ledger.key.event(&event.encode()))
    }

    /// What tells equal events apart from others, for counting.
    pub(super) fn mark(&self, event: &Event) -> u64 {
        mark(&self.ledger.key, event)
    }
}

fn same_as(connection: &Connection, event: Reference) -> Result<Vec<u64>, Failure> {
    let read = || -> rusqlite::Result<Vec<u64>> {
        let query = "SELECT number FROM entry WHERE event = ?1 ORDER BY number";
        let mut statement = connection.prepare_cached(query)?;
        statement.query_map([event], |row| row.get(0))?.collect()
    };
    read().map_err(database)
}

/// See [`Writer::mark`].
pub(super) fn mark(key: &LedgerKey, event: &Event) -> u64 {
    let reference = key.event(&event.encode());
    u64::from_be_bytes(std::array::from_fn(|place| reference[place]))
}

impl Ledger {
    /// See [`Writer::mark`].
    pub(super) fn mark(&self, event: &Event) -> u64 {
        mark(&self.key, event)
    }

    /// What tells persons apart, for counting.
    pub(super) fn person_mark(&self, chart: &ChartNumber) -> u64 {
        let reference = self.key.person(chart);
        u64::from_be_bytes(std::array::from_fn(|place| reference[place]))
    }

    /// The entries that say exactly the same.
    pub(super) fn same_as(&self, event: &Event) -> Result<Vec<u64>, Failure> {
        same_as(&self.connection, self.key.event(&event.encode()))
    }

    /// Entries that name a person and are not among those that do not count.
    pub(super) fn of_chart_among(
        &self,
        chart: &ChartNumber,
        voided: &Voided,
    ) -> Result<Vec<Entry>, Failure> {
        let person = self.key.person(chart);
        let query = "SELECT * FROM entry WHERE found_1 = ?1 OR found_2 = ?1 ORDER BY number";
        let mut entries = self.rows(query, params![person])?;
        entries.retain(|entry| !voided.contains(entry.number));
        Ok(entries)
    }
}

const NOTHING: [u8; 32] = [0; 32];

fn chain(before: &[u8; 32], row: &Stored) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(before);
    digest.update(&row.number.to_be_bytes());
    digest.update(&(row.sealed.len() as u64).to_be_bytes());
    digest.update(&row.sealed);
    digest.update(&row.event);
    row.found.iter().for_each(|found| digest.update(found));
    digest.finish()
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        number: row.get(0)?,
        sealed: row.get(1)?,
        chain: row.get(2)?,
        event: row.get(3)?,
        found: [row.get(4)?, row.get(5)?],
    })
}

fn broken(number: u64) -> Failure {
    Failure::new(Problem::LedgerBroken, format!("{FILE}: {number}"))
}

fn rolled_back(entries: u64) -> Failure {
    Failure::new(Problem::LedgerRolledBack, format!("{FILE}: {entries}"))
}

/// A failure of this database. One that is no longer a database is damage, not a matter of space
/// or permission.
pub(super) fn database(error: rusqlite::Error) -> Failure {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => {
            Failure::because(Problem::LedgerBroken, FILE, error)
        }
        _ => Failure::database(error),
    }
}

fn connect(path: &Path) -> Result<Connection, Failure> {
    private_file(path)?;
    let connection = Connection::open(path).map_err(database)?;
    let done = prepare(&connection).map_err(database)?;
    match done == MIGRATIONS.len() {
        true => Ok(connection),
        false => Err(Failure::new(
            Problem::State,
            "ledger.sqlite: a newer version",
        )),
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<usize> {
    connection.busy_timeout(Duration::from_secs(30))?;
    plan_once(connection)?;
    write_ahead(connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // The page and a run may open the file at the same moment.
    let behavior = TransactionBehavior::Immediate;
    let transaction = Transaction::new_unchecked(connection, behavior)?;
    let done: usize = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (index, step) in MIGRATIONS.iter().enumerate().skip(done) {
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", index + 1)?;
    }
    transaction.commit()?;
    Ok(done.max(MIGRATIONS.len()))
}

#[cfg(test)]
mod tests;
