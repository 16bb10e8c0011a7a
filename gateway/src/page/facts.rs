//! What the page knows of an institution's state: its batches and its last run. Read-only.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use config::gateway::Settings;
use envelope::{Receipt, VerifyingKey};
use privacy::gate::GateEvidence;
use record::{DataKind, ResourceKind};
use rusqlite::{Connection, OpenFlags, Row, params};
use serde::Deserialize;

use crate::error::Failure;
use crate::keys;
use crate::last_run::LastRun;

/// How the transfer of an institution stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Transfer {
    /// Batches that wait.
    pub(crate) waiting: u64,
    /// Their bytes.
    pub(crate) waiting_bytes: u64,
    /// When the oldest of them was sealed.
    pub(crate) oldest_waiting: Option<i64>,
    /// Batches that the centre has.
    pub(crate) sent: u64,
    /// When the centre stored the last one.
    pub(crate) last_received: Option<i64>,
}

/// What the page shows of a manifest. The state file keeps manifests as JSON.
#[derive(Debug, Deserialize)]
pub(crate) struct Told {
    /// Its place in the site's chain.
    pub(crate) sequence: u64,
    /// When it was sealed.
    pub(crate) sealed_at: i64,
    /// Why the content could leave.
    pub(crate) gate: GateEvidence,
    /// Number of subjects.
    pub(crate) subjects: u64,
    /// Number of documents by kind.
    pub(crate) documents: BTreeMap<DataKind, u64>,
    /// Number of records by kind.
    pub(crate) records: BTreeMap<ResourceKind, u64>,
}

/// One batch with what the centre says about it.
pub(crate) struct Batch {
    /// What it holds and why it could leave.
    pub(crate) manifest: Told,
    /// Its name.
    pub(crate) id: String,
    /// The centre's word, once it is there.
    pub(crate) receipt: Option<Receipt>,
}

/// The open state file of an institution.
pub(crate) struct Facts {
    connection: Option<Connection>,
    receipts: Vec<VerifyingKey>,
    /// How the last run ended.
    pub(crate) last_run: Option<LastRun>,
}

impl Facts {
    /// Opens what there is. Before the first run there is nothing.
    ///
    /// # Errors
    /// The state file is there and cannot be read.
    pub(crate) fn open(settings: &Settings) -> Result<Self, Failure> {
        let folder = &settings.state.folder;
        Ok(Self {
            connection: connect(&folder.join("state.sqlite"))?,
            receipts: keys::keys(&settings.front.receipt_key).unwrap_or_default(),
            last_run: LastRun::read(folder),
        })
    }

    /// How the transfer stands.
    ///
    /// # Errors
    /// The state file cannot be read.
    pub(crate) fn transfer(&self) -> Result<Transfer, Failure> {
        let Some(connection) = &self.connection else {
            return Ok(Transfer::default());
        };
        let mut transfer = connection.query_row(
            "SELECT count(*) FILTER (WHERE state = 'sealed'), \
             coalesce(sum(bytes) FILTER (WHERE state = 'sealed'), 0), \
             min(sealed_at) FILTER (WHERE state = 'sealed'), \
             count(*) FILTER (WHERE state = 'sent') FROM batch",
            [],
            |row| {
                Ok(Transfer {
                    waiting: row.get(0)?,
                    waiting_bytes: row.get(1)?,
                    oldest_waiting: row.get(2)?,
                    sent: row.get(3)?,
                    last_received: None,
                })
            },
        )?;
        let sent = "SELECT receipt FROM batch WHERE state = 'sent' ORDER BY sequence DESC LIMIT 1";
        let mut statement = connection.prepare(sent)?;
        let receipts = statement.query_map([], |row| row.get::<_, Option<Vec<u8>>>(0))?;
        for receipt in receipts {
            let receipt = self.verified(receipt?.as_deref());
            transfer.last_received = receipt.map(|receipt| receipt.received_at);
        }
        Ok(transfer)
    }

    /// When the source was last read to its end.
    pub(crate) fn source_read_at(&self) -> Option<i64> {
        let query = "SELECT completed_at FROM scan";
        let found = self
            .connection
            .as_ref()?
            .query_row(query, [], |row| row.get(0));
        found.ok()
    }

    /// Up to which moment the time was confirmed at the last look; `None` also where no run of this
    /// version has been yet.
    pub(crate) fn time_confirmed(&self) -> Option<i64> {
        let query = "SELECT at_least FROM time_proof";
        let found = self
            .connection
            .as_ref()?
            .query_row(query, [], |row| row.get(0));
        found.ok()
    }

    /// Of how many persons the centre was or will be told to erase everything, and of how many its
    /// word came that it is done.
    ///
    /// # Errors
    /// The state file cannot be read.
    pub(crate) fn erasures(&self) -> Result<(u64, u64), Failure> {
        let Some(connection) = &self.connection else {
            return Ok((0, 0));
        };
        let query = "SELECT count(*) - count(confirmed_at), count(confirmed_at) FROM erasure";
        Ok(connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// Hands out batches, the newest first, at most so many. Gives the number of those whose
    /// manifest cannot be read: an earlier version of this program wrote them.
    ///
    /// # Errors
    /// The state file cannot be read.
    pub(crate) fn batches(
        &self,
        most: u32,
        mut take: impl FnMut(Batch) -> Result<(), Failure>,
    ) -> Result<u64, Failure> {
        let Some(connection) = &self.connection else {
            return Ok(0);
        };
        let mut unreadable = 0;
        let mut statement = connection.prepare(
            "SELECT manifest, lower(hex(id)), receipt FROM batch ORDER BY sequence DESC LIMIT ?1",
        )?;
        let mut rows = statement.query(params![most])?;
        while let Some(row) = rows.next()? {
            match self.batch(row)? {
                Some(batch) => take(batch)?,
                None => unreadable += 1,
            }
        }
        Ok(unreadable)
    }

    fn batch(&self, row: &Row<'_>) -> Result<Option<Batch>, Failure> {
        let manifest: String = row.get(0)?;
        let receipt: Option<Vec<u8>> = row.get(2)?;
        let id = row.get(1)?;
        Ok(serde_json::from_str(&manifest).ok().map(|manifest| Batch {
            manifest,
            id,
            receipt: self.verified(receipt.as_deref()),
        }))
    }

    fn verified(&self, receipt: Option<&[u8]>) -> Option<Receipt> {
        let receipt = receipt?;
        let mut keys = self.receipts.iter();
        keys.find_map(|key| Receipt::verify(receipt, key).ok())
    }
}

fn connect(path: &Path) -> Result<Option<Connection>, Failure> {
    if !path.exists() {
        return Ok(None);
    }
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    // A run in progress commits often; a reader of a write-ahead log waits for none of it.
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(Some(connection))
}
