//! Stop orders of the centre, applied to the patients that were read (B-011).
//!
//! An order stands for ever: whoever is read later and could be meant is stopped or held as well.
//! It is taken and applied in one transaction, and applied again at the beginning of every run,
//! which changes nothing where nothing is new. Of each person an order speaks once; what somebody
//! decided about them since stays.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use envelope::{Outcome, StopOrder};
use privacy::gate::{Channel, Event, Ground, OrderId, Requester, Scope, Stop, Verification};
use privacy::order::{KeyKind, KeyRef, Verdict, Wanted, compare, judge};
use record::{ChartNumber, Date, SubjectRef};
use rusqlite::{OptionalExtension as _, params};
use zeroize::Zeroizing;

use super::entry::Actor;
use super::people::damaged;
use super::store::{Ledger, Voided, Writer, database};
use crate::clock::Now;
use crate::error::{Failure, Problem};

/// Stands for the digest of a letter that never came: no letter has it.
const NO_DIGEST: [u8; 32] = [0; 32];

/// An order as it is kept: whom it names only by keyed references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StandingOrder {
    /// Its number among the letters of the centre.
    pub(crate) number: u64,
    /// Its name.
    pub(crate) id: OrderId,
    /// The day of the request.
    pub(crate) requested_on: Date,
    /// Who asked.
    pub(crate) requester: Requester,
    /// Whether it was checked who asked.
    pub(crate) verification: Verification,
    /// To what the stop extends.
    pub(crate) scope: Scope,
    wanted: Wanted,
}

impl StandingOrder {
    /// The stop of a person whom the order means.
    pub(crate) fn stop(&self, chart: ChartNumber) -> Event {
        Event::Stopped(Stop {
            chart,
            requested_on: self.requested_on,
            requester: self.requester,
            channel: Channel::Centre,
            verification: self.verification,
            scope: self.scope,
        })
    }
}

/// What the centre has still to be told of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Untold {
    /// The letter.
    pub(crate) number: u64,
    /// Which answer to it that will be.
    pub(crate) revision: u32,
    /// What became of it.
    pub(crate) outcome: Outcome,
}

impl Ledger {
    /// The digest of a letter that was dealt with.
    pub(crate) fn letter(&self, number: u64) -> Result<Option<[u8; 32]>, Failure> {
        let query = "SELECT digest FROM letter WHERE number = ?1";
        let digest = self.connection.query_row(query, [number], |row| row.get(0));
        digest.optional().map_err(database)
    }

    /// The numbers of letters that were dealt with.
    pub(crate) fn letter_numbers(&self) -> Result<BTreeSet<u64>, Failure> {
        let find = || -> rusqlite::Result<BTreeSet<u64>> {
            let query = "SELECT number FROM letter";
            let mut statement = self.connection.prepare_cached(query)?;
            statement.query_map([], |row| row.get(0))?.collect()
        };
        find().map_err(database)
    }

    /// Notes a letter that asks for nothing more than to be noted.
    pub(crate) fn note_letter(
        &mut self,
        number: u64,
        digest: &[u8; 32],
        outcome: Outcome,
    ) -> Result<(), Failure> {
        let outcome = text_of(outcome)?;
        let note = "INSERT OR IGNORE INTO letter (number, digest, outcome) VALUES (?1, ?2, ?3)";
        let done = self
            .connection
            .execute(note, params![number, digest, outcome]);
        done.map(drop).map_err(database)
    }

    /// Notes the centre's word on erasures. Gives how many were not confirmed before.
    pub(crate) fn confirm_erasures(
        &mut self,
        persons: &[(SubjectRef, u64)],
        at: Now,
    ) -> Result<u64, Failure> {
        self.state.confirm_erasures(persons, at.seconds)
    }

    /// Whether there is an order of this name.
    pub(crate) fn has_order(&self, id: &OrderId) -> Result<bool, Failure> {
        let query = "SELECT EXISTS (SELECT 1 FROM stop_order WHERE id = ?1)";
        let found = self
            .connection
            .query_row(query, [id.as_str()], |row| row.get(0));
        found.map_err(database)
    }

    /// Takes an order and applies it, in one transaction.
    ///
    /// # Errors
    /// The file cannot be read or written; then nothing of it is there.
    pub(crate) fn take_order(
        &mut self,
        order: &StopOrder,
        digest: &[u8; 32],
        at: Now,
    ) -> Result<(), Failure> {
        let wanted = Wanted::of(&order.keys, self.key.identities());
        let standing = StandingOrder {
            number: order.number,
            id: order.id.clone(),
            requested_on: order.requested_on,
            requester: order.requester,
            verification: order.verification,
            scope: order.scope,
            wanted,
        };
        let sealed = self
            .key
            .seal(&self.of_order(order.number), &written(&standing))?;
        let noted = text_of(Outcome::Noted)?;
        self.write(&Actor::Order(order.id.clone()), at, |writer| {
            let (number, connection) = (order.number, writer.transaction);
            let store = || -> rusqlite::Result<()> {
                connection.execute(
                    "INSERT INTO letter (number, digest) VALUES (?1, ?2)",
                    params![number, digest],
                )?;
                connection.execute(
                    "INSERT INTO stop_order VALUES (?1, ?2, ?3)",
                    params![number, order.id.as_str(), sealed],
                )?;
                // Of an order that never came and does not come any more nobody asks again, and it
                // is not applied should it come late.
                for replaced in &order.replaces {
                    connection.execute(
                        "INSERT OR IGNORE INTO letter (number, digest, outcome, told)
                         VALUES (?1, ?2, ?3, ?3)",
                        params![replaced, NO_DIGEST, noted],
                    )?;
                }
                for (_, key) in standing.wanted.keys().filter(|(kind, _)| kind.names()) {
                    connection.execute(
                        "INSERT INTO order_key VALUES (?1, ?2)",
                        params![key.as_bytes(), number],
                    )?;
                }
                Ok(())
            };
            store().map_err(database)?;
            writer.apply(&standing)
        })?;
        Ok(())
    }

    /// Applies every order that stands to whoever is known by now.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub(crate) fn apply_orders(&mut self, at: Now) -> Result<(), Failure> {
        let numbers = self.order_numbers()?;
        numbers
            .into_iter()
            .try_for_each(|number| self.apply_order(number, at))
    }

    /// See [`Ledger::apply_orders`].
    pub(super) fn apply_order(&mut self, number: u64, at: Now) -> Result<(), Failure> {
        let order = self.order_of("number", number)?.ok_or_else(damaged)?;
        let actor = Actor::Order(order.id.clone());
        self.write(&actor, at, |writer| writer.apply(&order))?;
        Ok(())
    }

    /// An order by its name.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn standing_order(&self, id: &OrderId) -> Result<Option<StandingOrder>, Failure> {
        self.order_of("id", id.as_str())
    }

    /// How what an order gives compares with a person whom it could mean.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn compared(
        &self,
        id: &OrderId,
        chart: &ChartNumber,
    ) -> Result<Vec<(KeyKind, Option<bool>)>, Failure> {
        let both = self.standing_order(id)?.zip(self.known(chart)?);
        Ok(both.map_or_else(Vec::new, |(order, known)| compare(&order.wanted, &known)))
    }

    /// What the centre has still to be told.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn untold(&self) -> Result<Vec<Untold>, Failure> {
        let rows = || -> rusqlite::Result<Vec<Noted>> {
            let query = "SELECT number, outcome, revision, told FROM letter ORDER BY number";
            let mut statement = self.connection.prepare_cached(query)?;
            let rows = statement.query_map([], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?;
            rows.collect()
        };
        let (grounds, voided) = (self.grounds()?, self.voided()?);
        let mut untold = Vec::new();
        for (number, outcome, revision, told) in rows().map_err(database)? {
            let outcome = match outcome {
                Some(text) => serde_json::from_str(&text).map_err(|_| damaged())?,
                None => self.outcome(number, &grounds, &voided)?,
            };
            if told != Some(text_of(outcome)?) {
                untold.push(Untold {
                    number,
                    revision: revision + 1,
                    outcome,
                });
            }
        }
        Ok(untold)
    }

    /// Notes that the centre was told.
    pub(crate) fn told(&mut self, told: &Untold) -> Result<(), Failure> {
        let text = text_of(told.outcome)?;
        let note = "UPDATE letter SET revision = ?2, told = ?3 WHERE number = ?1";
        let done = self
            .connection
            .execute(note, params![told.number, told.revision, text]);
        done.map(drop).map_err(database)
    }

    /// What became of an order by now, counted by persons.
    fn outcome(
        &self,
        number: u64,
        grounds: &BTreeMap<u64, Ground>,
        voided: &Voided,
    ) -> Result<Outcome, Failure> {
        let entries = || -> rusqlite::Result<Vec<u64>> {
            let query = "SELECT entry FROM order_entry WHERE number = ?1 ORDER BY entry";
            let mut statement = self.connection.prepare_cached(query)?;
            statement.query_map([number], |row| row.get(0))?.collect()
        };
        let mut persons: BTreeMap<[u8; 16], Fate> = BTreeMap::new();
        for entry in entries().map_err(database)? {
            for entry in self.entries(entry..=entry)? {
                let Some(chart) = entry.event.chart() else {
                    continue;
                };
                let stands = !voided.contains(entry.number);
                let fate = match (&entry.event, stands) {
                    (Event::Stopped(_), true) => Fate::Stopped,
                    (Event::Held { .. }, true) => Fate::Held,
                    (Event::Held { .. }, false)
                        if grounds.get(&entry.number) == Some(&Ground::Wish) =>
                    {
                        Fate::Stopped
                    }
                    _ => Fate::Other,
                };
                let known = persons.entry(self.key.person(chart)).or_insert(fate);
                *known = fate.max(*known);
            }
        }
        let count = |fate| persons.values().filter(|it| **it == fate).count();
        let count = |fate| u32::try_from(count(fate)).unwrap_or(u32::MAX);
        Ok(Outcome::Applied {
            stopped: count(Fate::Stopped),
            held: count(Fate::Held),
            others: count(Fate::Other),
        })
    }

    fn order_numbers(&self) -> Result<Vec<u64>, Failure> {
        let find = || -> rusqlite::Result<Vec<u64>> {
            let query = "SELECT number FROM stop_order ORDER BY number";
            let mut statement = self.connection.prepare_cached(query)?;
            statement.query_map([], |row| row.get(0))?.collect()
        };
        find().map_err(database)
    }

    fn order_of(
        &self,
        column: &'static str,
        value: impl rusqlite::ToSql,
    ) -> Result<Option<StandingOrder>, Failure> {
        let query = format!("SELECT number, id, sealed FROM stop_order WHERE {column} = ?1");
        let find = || -> rusqlite::Result<Option<(u64, String, Vec<u8>)>> {
            let mut statement = self.connection.prepare_cached(&query)?;
            statement
                .query_row([value], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()
        };
        let Some((number, id, sealed)) = find().map_err(database)? else {
            return Ok(None);
        };
        let opened = self.key.open(&self.of_order(number), &sealed);
        let order = opened.and_then(|text| read(number, &id, std::str::from_utf8(&text).ok()?));
        order.map(Some).ok_or_else(damaged)
    }

    fn of_order(&self, number: u64) -> Vec<u8> {
        let site = self.site.as_str().as_bytes();
        [b"order ", number.to_be_bytes().as_slice(), site].concat()
    }
}

/// A letter as it is kept: number, outcome, the last answer to it and what that told.
type Noted = (u64, Option<String>, u32, Option<String>);

/// What became of one person, the strongest last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Other,
    Held,
    Stopped,
}

impl Writer<'_> {
    /// Stops or holds whom an order means and of whom it has not spoken yet.
    fn apply(&mut self, order: &StandingOrder) -> Result<(), Failure> {
        match judge(&order.wanted, self.ledger.named_by(order.number)?) {
            Verdict::Nobody => Ok(()),
            Verdict::Stop(chart) => self.stop(order, chart),
            Verdict::Hold(charts) => charts
                .into_iter()
                .try_for_each(|chart| self.hold(order, chart)),
        }
    }

    fn stop(&mut self, order: &StandingOrder, chart: ChartNumber) -> Result<(), Failure> {
        let spoken = self.spoken(order, &chart)?;
        let held = match spoken.as_slice() {
            [] => None,
            // Somebody decided, or the stop is there.
            all if all
                .iter()
                .any(|(_, event, revoked)| *revoked || matches!(event, Event::Stopped(_))) =>
            {
                return Ok(());
            }
            [(number, ..), ..] => Some(*number),
        };
        self.push_of(order, &order.stop(chart))?;
        // The stop comes first: at no moment is the person neither held nor stopped.
        let ground = Ground::Wish;
        held.map_or(Ok(()), |entry| self.push(&Event::Revoked { entry, ground }))
    }

    fn hold(&mut self, order: &StandingOrder, chart: ChartNumber) -> Result<(), Failure> {
        if !self.spoken(order, &chart)?.is_empty() {
            return Ok(());
        }
        let order_id = order.id.clone();
        let held = Event::Held {
            order: order_id,
            chart,
        };
        self.push_of(order, &held)
    }

    fn push_of(&mut self, order: &StandingOrder, event: &Event) -> Result<(), Failure> {
        self.push(event)?;
        let note = "INSERT INTO order_entry VALUES (?1, ?2)";
        let done = self
            .transaction
            .execute(note, params![order.number, self.last()]);
        done.map(drop).map_err(database)
    }

    /// What the order said of a person before, and whether it no longer counts.
    fn spoken(
        &self,
        order: &StandingOrder,
        chart: &ChartNumber,
    ) -> Result<Vec<(u64, Event, bool)>, Failure> {
        let entries = self.ledger.of_chart(chart)?.into_iter();
        let own = entries.filter(|entry| {
            let said = matches!(entry.event, Event::Stopped(_) | Event::Held { .. });
            said && entry.actor == Actor::Order(order.id.clone())
        });
        Ok(own.map(|it| (it.number, it.event, it.revoked)).collect())
    }
}

/// An outcome as it is kept.
pub(super) fn text_of(outcome: Outcome) -> Result<String, Failure> {
    serde_json::to_string(&outcome)
        .map_err(|error| Failure::because(Problem::Internal, "outcome", error))
}

/// Terms and references between tabs.
fn written(order: &StandingOrder) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(String::with_capacity(512));
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "{}\t{}\t{}\t{}",
        order.requested_on, order.requester, order.verification, order.scope
    );
    for (kind, key) in order.wanted.keys() {
        let _ = write!(
            text,
            "\t{}:{}",
            kind.number(),
            SubjectRef::new(*key.as_bytes())
        );
    }
    Zeroizing::new(text.as_bytes().to_vec())
}

fn read(number: u64, id: &str, text: &str) -> Option<StandingOrder> {
    let mut fields = text.split('\t');
    let mut field = || fields.next();
    let requested_on = field()?.parse().ok()?;
    let requester = field()?.parse().ok()?;
    let verification = field()?.parse().ok()?;
    let scope = field()?.parse().ok()?;
    let keys = fields.map(|field| {
        let (kind, key) = field.split_once(':')?;
        let key: SubjectRef = key.parse().ok()?;
        let kind = KeyKind::of_number(kind.parse().ok()?)?;
        Some((kind, KeyRef::new(*key.as_bytes())))
    });
    Some(StandingOrder {
        number,
        id: id.parse().ok()?,
        requested_on,
        requester,
        verification,
        scope,
        wanted: Wanted::kept(keys.collect::<Option<Vec<_>>>()?),
    })
}

#[cfg(test)]
mod tests;
