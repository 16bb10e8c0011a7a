//! The centre's side of the transfer ledger, and what devices told of theirs (A-126, B-084).

use record::{BatchId, SiteId};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Deserialize;
use transfer::ledger::{End, Entry, Event};

use super::batches::{signed, unsigned};
use super::{Catalogue, Decided, Outcome, damaged};
use crate::core::failure::Result;

/// Most bytes of a result in a line.
const RESULT_MAX: usize = 40;

/// An accepted batch, and what it tells of its device's ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// Its place in the site's chain.
    pub(crate) sequence: u64,
    /// The batch.
    pub(crate) batch: BatchId,
    /// Its size; `None` once its receipt record was disposed of.
    pub(crate) bytes: Option<u64>,
    /// How far the device told its ledger, and the lines since the batch before.
    pub(crate) ledger: Option<(End, String)>,
}

/// What is read of a manifest here.
#[derive(Deserialize)]
struct Stated {
    #[serde(default)]
    transfers: Option<StatedEnd>,
}

/// [`envelope::LedgerEnd`] as JSON has it.
#[derive(Deserialize)]
struct StatedEnd {
    entries: u64,
    digest: [u8; 32],
    #[serde(default)]
    lines: String,
}

impl From<StatedEnd> for (End, String) {
    fn from(stated: StatedEnd) -> Self {
        let StatedEnd {
            entries,
            digest,
            lines,
        } = stated;
        (End { entries, digest }, lines)
    }
}

/// Writes down that a batch was taken or refused, in the transaction that decides it. Of a file
/// that is no batch nothing is known that could stand in a line.
pub(super) fn append(connection: &Connection, decided: &Decided, at: i64) -> Result<()> {
    let event = match decided.outcome {
        Outcome::Accepted => Event::Received,
        Outcome::Refused => Event::Refused,
        Outcome::Waiting | Outcome::Duplicate => return Ok(()),
    };
    let (Some(site), Some(sequence), Some(batch)) =
        (&decided.site, decided.sequence, decided.batch)
    else {
        return Ok(());
    };
    let entry = Entry {
        at,
        event,
        sequence,
        batch,
        bytes: decided.size,
        result: result(&decided.reason),
        peer: None,
    };
    let (line, end) = end(connection, site)?.append(&entry);
    connection
        .prepare_cached("INSERT INTO transfer (site, number, line) VALUES (?1, ?2, ?3)")?
        .execute(params![site.as_str(), signed(end.entries), line])?;
    Ok(())
}

/// A reason in the letters of a line.
fn result(reason: &str) -> String {
    let plain = |letter: char| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => letter,
        _ => '-',
    };
    match reason {
        "" => "-".to_owned(),
        reason => reason.chars().take(RESULT_MAX).map(plain).collect(),
    }
}

fn end(connection: &Connection, site: &SiteId) -> Result<End> {
    let mut query = connection.prepare_cached(
        "SELECT number, line FROM transfer WHERE site = ?1 ORDER BY number DESC LIMIT 1",
    )?;
    let last = query.query_row([site.as_str()], |row| {
        Ok((unsigned(row.get(0)?), row.get::<_, String>(1)?))
    });
    let Some((entries, line)) = last.optional()? else {
        return Ok(End::default());
    };
    let digest = line.trim_end().rsplit('\t').next();
    let digest = digest.and_then(|digest| digest.parse::<BatchId>().ok());
    let digest = *digest.ok_or_else(|| damaged("transfer ledger"))?.as_bytes();
    Ok(End { entries, digest })
}

impl Catalogue {
    /// Sites of which the centre has a transfer ledger.
    pub(crate) fn transfer_sites(&self) -> Result<Vec<SiteId>> {
        let mut query = self
            .connection
            .prepare_cached("SELECT DISTINCT site FROM transfer ORDER BY site")?;
        let names = query.query_map([], |row| row.get::<_, String>(0))?;
        names
            .map(|name| name?.parse().map_err(|_| damaged("site")))
            .collect()
    }

    /// The centre's transfer ledger of a site, whole.
    pub(crate) fn transfer_ledger(&self, site: &SiteId) -> Result<String> {
        let mut query = self
            .connection
            .prepare_cached("SELECT line FROM transfer WHERE site = ?1 ORDER BY number")?;
        let lines = query.query_map([site.as_str()], |row| row.get::<_, String>(0))?;
        Ok(lines.collect::<std::result::Result<_, _>>()?)
    }

    /// What every accepted batch of a site tells of its device's ledger, in order.
    pub(crate) fn told(&self, site: &SiteId) -> Result<Vec<Told>> {
        let mut query = self.connection.prepare_cached(
            "SELECT batch.sequence, batch.id, receipt.bytes, batch.manifest
             FROM batch LEFT JOIN receipt ON receipt.batch = batch.id
             WHERE batch.site = ?1 ORDER BY batch.sequence",
        )?;
        let rows = query.query_map([site.as_str()], |row| {
            let manifest: String = row.get(3)?;
            Ok((
                unsigned(row.get(0)?),
                BatchId::new(row.get(1)?),
                row.get::<_, Option<i64>>(2)?.map(unsigned),
                manifest,
            ))
        })?;
        rows.map(|row| {
            let (sequence, batch, bytes, manifest) = row?;
            let stated: Stated =
                serde_json::from_str(&manifest).map_err(|_| damaged("manifest"))?;
            Ok(Told {
                sequence,
                batch,
                bytes,
                ledger: stated.transfers.map(Into::into),
            })
        })
        .collect()
    }
}
