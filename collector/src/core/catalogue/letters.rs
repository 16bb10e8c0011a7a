//! Letters to devices: which were made, and what the devices answered.

use envelope::{Answer, LetterKind, Outcome};
use record::{SiteId, SubjectRef};
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::batches::{signed, unsigned};
use super::ledger::{Event, append};
use super::{Catalogue, damaged};
use crate::core::failure::Result;

/// A letter as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    /// For which site.
    pub(crate) site: SiteId,
    /// Its number there.
    pub(crate) number: u64,
    /// What it says.
    pub(crate) kind: LetterKind,
    /// The name of an order.
    pub(crate) name: String,
    /// When it was made.
    pub(crate) made_at: i64,
    /// The last answer that was taken, from 1; 0 before the first.
    pub(crate) revision: u32,
    /// When the device says that it did so.
    pub(crate) answered_at: Option<i64>,
    /// What the device says.
    pub(crate) outcome: Option<Outcome>,
    /// Whether a later order stands in its place.
    pub(crate) replaced: bool,
    /// To which legal entity the request of an order was addressed; empty when nobody said.
    pub(crate) addressee: String,
}

impl Letter {
    /// Whether the device said that an order took effect.
    pub(crate) fn confirmed(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Applied { .. }))
    }

    /// Whether the device still has to say so.
    pub(crate) fn open(&self) -> bool {
        self.kind == LetterKind::StopOrder && !self.replaced && !self.confirmed()
    }
}

/// An order to be noted.
pub(crate) struct NewOrder<'a> {
    /// For which site.
    pub(crate) site: &'a SiteId,
    /// Its name.
    pub(crate) name: &'a str,
    /// The order in whose place it stands.
    pub(crate) instead_of: Option<&'a str>,
    /// To which legal entity the request was addressed; empty when nobody said.
    pub(crate) addressee: &'a str,
}

/// An emergency code to be noted.
pub(crate) struct NewCode<'a> {
    /// For which site.
    pub(crate) site: &'a SiteId,
    /// Its name. The code itself is kept nowhere.
    pub(crate) name: &'a str,
    /// The account that it lets in.
    pub(crate) account: &'a str,
    /// Who at the centre made it.
    pub(crate) operator: &'a str,
}

impl Catalogue {
    /// Notes an order. Its bytes are made for the number that is the next one of the site.
    pub(crate) fn order(
        &mut self,
        order: &NewOrder<'_>,
        at: i64,
        seal: impl FnOnce(u64) -> Result<Vec<u8>>,
    ) -> Result<u64> {
        let transaction = self.connection.transaction()?;
        let number = next(&transaction, order.site)?;
        let bytes = seal(number)?;
        insert(
            &transaction,
            order.site,
            number,
            "stop-order",
            order.name,
            &bytes,
            at,
        )?;
        transaction.execute(
            "UPDATE letter SET addressee = ?3 WHERE site = ?1 AND number = ?2",
            params![order.site.as_str(), signed(number), order.addressee],
        )?;
        if let Some(before) = order.instead_of {
            transaction.execute(
                "UPDATE letter SET replaced_by = ?3 WHERE site = ?1 AND name = ?2",
                params![order.site.as_str(), before, signed(number)],
            )?;
        }
        let event = Event::Ordered {
            site: order.site.to_string(),
            order: order.name.to_owned(),
            number,
        };
        append(&transaction, &event, at)?;
        transaction.commit()?;
        Ok(number)
    }

    /// Notes an emergency code. Its bytes are made for the number that is the next one of the site.
    pub(crate) fn emergency(
        &mut self,
        code: &NewCode<'_>,
        at: i64,
        seal: impl FnOnce(u64) -> Result<Vec<u8>>,
    ) -> Result<u64> {
        let transaction = self.connection.transaction()?;
        let number = next(&transaction, code.site)?;
        let bytes = seal(number)?;
        let kind = "emergency-code";
        insert(&transaction, code.site, number, kind, code.name, &bytes, at)?;
        let event = Event::EmergencyCode {
            site: code.site.to_string(),
            code: code.name.to_owned(),
            number,
            account: code.account.to_owned(),
            operator: code.operator.to_owned(),
        };
        append(&transaction, &event, at)?;
        transaction.commit()?;
        Ok(number)
    }

    /// Notes that a site is told of erasures that are done, so many at most. Gives whether there
    /// were any.
    pub(crate) fn tell_erased(
        &mut self,
        site: &SiteId,
        most: usize,
        at: i64,
        seal: impl FnOnce(u64, Vec<(SubjectRef, u64)>) -> Result<Vec<u8>>,
    ) -> Result<bool> {
        let transaction = self.connection.transaction()?;
        let mut persons = Vec::new();
        {
            let mut query = transaction.prepare_cached(
                "SELECT subject, sequence FROM erasure
                 WHERE site = ?1 AND done_at IS NOT NULL AND letter IS NULL
                 ORDER BY sequence, subject LIMIT ?2",
            )?;
            let rows = query.query_map(params![site.as_str(), signed(most as u64)], |row| {
                Ok((SubjectRef::new(row.get(0)?), unsigned(row.get(1)?)))
            })?;
            for row in rows {
                persons.push(row?);
            }
        }
        if persons.is_empty() {
            return Ok(false);
        }
        let number = next(&transaction, site)?;
        for (subject, sequence) in &persons {
            transaction
                .prepare_cached(
                    "UPDATE erasure SET letter = ?4
                     WHERE site = ?1 AND subject = ?2 AND sequence = ?3",
                )?
                .execute(params![
                    site.as_str(),
                    subject.as_bytes(),
                    signed(*sequence),
                    signed(number)
                ])?;
        }
        let bytes = seal(number, persons)?;
        insert(&transaction, site, number, "erased", "", &bytes, at)?;
        transaction.commit()?;
        Ok(true)
    }

    /// All letters, by site and number.
    pub(crate) fn letters(&self) -> Result<Vec<Letter>> {
        let mut query = self.connection.prepare_cached(
            "SELECT site, number, kind, name, made_at, revision, answered_at, outcome,
                    replaced_by IS NOT NULL, addressee
             FROM letter ORDER BY 1, 2",
        )?;
        let mut rows = query.query([])?;
        let mut letters = Vec::new();
        while let Some(row) = rows.next()? {
            let (site, kind): (String, String) = (row.get(0)?, row.get(2)?);
            let outcome: Option<String> = row.get(7)?;
            let outcome = outcome.map(|text| serde_json::from_str(&text)).transpose();
            letters.push(Letter {
                site: site.parse().map_err(|_| damaged("letter"))?,
                number: unsigned(row.get(1)?),
                kind: match kind.as_str() {
                    "stop-order" => LetterKind::StopOrder,
                    "emergency-code" => LetterKind::Emergency,
                    _ => LetterKind::Erased,
                },
                name: row.get(3)?,
                made_at: row.get(4)?,
                revision: row.get(5)?,
                answered_at: row.get(6)?,
                outcome: outcome.map_err(|_| damaged("letter outcome"))?,
                replaced: row.get(8)?,
                addressee: row.get(9)?,
            });
        }
        Ok(letters)
    }

    /// The bytes of a letter.
    pub(crate) fn letter_bytes(&self, site: &SiteId, number: u64) -> Result<Option<Vec<u8>>> {
        let query = "SELECT bytes FROM letter WHERE site = ?1 AND number = ?2";
        let mut statement = self.connection.prepare_cached(query)?;
        let place = params![site.as_str(), signed(number)];
        Ok(statement.query_row(place, |row| row.get(0)).optional()?)
    }

    /// Notes an answer of a device, if it is newer than what is known. Gives whether it was. A run
    /// of the device that was killed may have told one answer without noting that, and the next run
    /// another under the same number: the later one counts.
    pub(crate) fn answered(&mut self, answer: &Answer, at: i64) -> Result<bool> {
        let outcome = serde_json::to_string(&answer.outcome).map_err(|_| damaged("outcome"))?;
        let place = &answer.place;
        let transaction = self.connection.transaction()?;
        let newer = transaction.execute(
            "UPDATE letter SET revision = ?3, answered_at = ?4, outcome = ?5
             WHERE site = ?1 AND number = ?2 AND (revision < ?3
                 OR revision = ?3 AND answered_at < ?4 AND outcome <> ?5)",
            params![
                place.site.as_str(),
                signed(place.number),
                place.revision,
                answer.at,
                outcome
            ],
        )? > 0;
        if newer {
            let event = Event::Answered {
                site: place.site.to_string(),
                number: place.number,
                revision: place.revision,
                outcome,
            };
            append(&transaction, &event, at)?;
        }
        transaction.commit()?;
        Ok(newer)
    }
}

fn next(transaction: &Transaction<'_>, site: &SiteId) -> Result<u64> {
    let query = "SELECT coalesce(max(number), 0) + 1 FROM letter WHERE site = ?1";
    Ok(unsigned(transaction.query_row(
        query,
        [site.as_str()],
        |row| row.get(0),
    )?))
}

fn insert(
    transaction: &Transaction<'_>,
    site: &SiteId,
    number: u64,
    kind: &str,
    name: &str,
    bytes: &[u8],
    at: i64,
) -> Result<()> {
    transaction.execute(
        "INSERT INTO letter (site, number, kind, name, bytes, made_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![site.as_str(), signed(number), kind, name, bytes, at],
    )?;
    Ok(())
}
