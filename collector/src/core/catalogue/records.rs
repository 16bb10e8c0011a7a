//! Receipt records, holds on them, and their disposal (B-006, A-142).

use envelope::sha256;
use record::{BatchId, SiteId};
use rusqlite::params;

use super::batches::{signed, unsigned};
use super::ledger::{Event, append};
use super::{Accepted, Catalogue};
use crate::core::failure::{Failure, Problem, Result};

/// A receipt record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// The batch.
    pub(crate) batch: BatchId,
    /// The site that provided it.
    pub(crate) site: String,
    /// Its place in the site's chain.
    pub(crate) sequence: u64,
    /// When it was taken, in seconds since 1970.
    pub(crate) received_at: i64,
    /// Its size.
    pub(crate) bytes: u64,
    /// Its manifest, JSON.
    pub(crate) manifest: String,
}

/// Writes the record of a batch that is taken, in the transaction that takes it.
pub(super) fn keep(
    connection: &rusqlite::Connection,
    batch: &Accepted,
    bytes: u64,
    at: i64,
) -> Result<()> {
    connection.execute(
        "INSERT INTO receipt (batch, site, sequence, received_at, bytes, manifest)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            batch.id.as_bytes(),
            batch.site.as_str(),
            signed(batch.sequence),
            at,
            signed(bytes),
            batch.manifest,
        ],
    )?;
    Ok(())
}

impl Catalogue {
    /// Receipt records of before a moment, oldest first.
    pub(crate) fn receipts(&self, before: i64) -> Result<Vec<Receipt>> {
        let mut query = self.connection.prepare_cached(
            "SELECT batch, site, sequence, received_at, bytes, manifest FROM receipt
             WHERE received_at < ?1 ORDER BY received_at, site, sequence",
        )?;
        let rows = query.query_map([before], |row| {
            Ok(Receipt {
                batch: BatchId::new(row.get(0)?),
                site: row.get(1)?,
                sequence: unsigned(row.get(2)?),
                received_at: row.get(3)?,
                bytes: unsigned(row.get(4)?),
                manifest: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }

    /// Puts a hold on the records of a site, or takes it off. Gives whether that changed anything.
    pub(crate) fn hold(
        &mut self,
        site: &SiteId,
        holds: bool,
        operator: &str,
        at: i64,
    ) -> Result<bool> {
        let transaction = self.connection.transaction()?;
        let changed = match holds {
            true => transaction.execute(
                "INSERT OR IGNORE INTO hold (site, since, operator) VALUES (?1, ?2, ?3)",
                params![site.as_str(), at, operator],
            )?,
            false => transaction.execute("DELETE FROM hold WHERE site = ?1", [site.as_str()])?,
        };
        if changed > 0 {
            let event = Event::Held {
                site: site.to_string(),
                holds,
                operator: operator.to_owned(),
            };
            append(&transaction, &event, at)?;
        }
        transaction.commit()?;
        Ok(changed > 0)
    }

    /// Disposes of receipt records of before a moment. Gives the place of the ledger that tells so,
    /// and their number. How old they have to be is the caller's to know.
    ///
    /// # Errors
    /// One of them is of a site on which there is a hold; then none is touched.
    pub(crate) fn dispose(&mut self, before: i64, operator: &str, at: i64) -> Result<(u64, u64)> {
        let receipts = self.receipts(before)?;
        let transaction = self.connection.transaction()?;
        for receipt in &receipts {
            let held = transaction
                .prepare_cached("SELECT 1 FROM hold WHERE site = ?1")?
                .exists([&receipt.site])?;
            if held {
                return Err(Failure::new(Problem::OnHold, receipt.site.clone()));
            }
        }
        let mut whole = Vec::new();
        for receipt in &receipts {
            whole.extend(receipt.batch.as_bytes());
            whole.extend(sha256(receipt.manifest.as_bytes()));
        }
        transaction.execute("DELETE FROM receipt WHERE received_at < ?1", [before])?;
        let event = Event::Disposed {
            class: "receipts".to_owned(),
            before,
            records: receipts.len() as u64,
            digest: BatchId::new(sha256(&whole)).to_string(),
            operator: operator.to_owned(),
        };
        let height = append(&transaction, &event, at)?;
        transaction.commit()?;
        Ok((height, receipts.len() as u64))
    }
}
