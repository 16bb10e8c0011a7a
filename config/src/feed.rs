//! Settings of the change feeds: what the site's exporter writes down about its own changes.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::SettingsError;
use crate::error::range;

/// The change feeds, of which `source.changes.mode` chooses one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Feed {
    /// Days after which everything is examined all the same, because no feed sees what somebody
    /// does by hand: 1 to 31.
    pub full_scan_every_days: u16,
    /// Runs in which a document that the feed names is waited for: 1 to 100.
    pub retry_runs: u16,
    /// The transaction storage.
    pub transactions: Option<Transactions>,
    /// The index database as a CSV file.
    pub index_csv: Option<IndexCsv>,
    /// The index database itself.
    pub index_postgres: Option<IndexPostgres>,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            full_scan_every_days: 7,
            retry_runs: 7,
            transactions: None,
            index_csv: None,
            index_postgres: None,
        }
    }
}

/// The transaction storage.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transactions {
    /// Root folders, each with one folder per year: 1 to 64.
    pub folders: Vec<PathBuf>,
}

/// The index database as the site exports it: all rows, or at least those of the last days.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexCsv {
    /// The file, written anew by each export.
    pub file: PathBuf,
    /// Whether the first row names the columns.
    #[serde(default = "yes")]
    pub header: bool,
    /// How the header row calls the columns.
    #[serde(default)]
    pub columns: IndexNames,
    /// Without a header row: the place of each column, from 1.
    #[serde(default)]
    pub places: IndexPlaces,
    /// See [`IndexPostgres::overlap_seconds`].
    #[serde(default = "ten_minutes")]
    pub overlap_seconds: u32,
}

/// The index database behind PostgreSQL. It is read and never written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexPostgres {
    /// Address and port. No name service takes part.
    pub address: SocketAddr,
    /// Name of the database.
    pub database: String,
    /// A user of the database who may read the one table and nothing else.
    pub user: String,
    /// File (systemd credential) that holds the password.
    pub password: PathBuf,
    /// Certificate authority (PEM). With it the connection is encrypted, or there is none. Only a
    /// server on the appliance itself may be asked without: its rows and the password would go in
    /// clear.
    pub authority: Option<PathBuf>,
    /// The name that the server's certificate must carry. Needed with `authority`.
    pub server_name: Option<String>,
    /// Schema of the table.
    #[serde(default = "public")]
    pub schema: String,
    /// Name of the table.
    #[serde(default = "ssmixidx")]
    pub table: String,
    /// Names of the columns.
    #[serde(default)]
    pub columns: IndexNames,
    /// Rows are read again from this long before the last one: a row becomes visible only when its
    /// transaction ends, and the writers' clocks differ. 0 to 604,800 seconds.
    #[serde(default = "ten_minutes")]
    pub overlap_seconds: u32,
    /// Longest time of one statement: 1 to 3,600 seconds.
    #[serde(default = "one_minute")]
    pub statement_timeout_seconds: u32,
    /// Rows per question: 1 to 10,000.
    #[serde(default = "five_hundred")]
    pub fetch_rows: u32,
    /// Tries per run: 1 to 20.
    #[serde(default = "three")]
    pub attempts: u32,
}

/// What a site calls the columns that are needed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "named as the specification names them")]
pub struct IndexNames {
    #[serde(rename = "PatientID")]
    pub patient_id: String,
    #[serde(rename = "UpdateDatetime")]
    pub update_datetime: String,
    #[serde(rename = "OrderDate")]
    pub order_date: String,
    #[serde(rename = "DataKind")]
    pub data_kind: String,
    #[serde(rename = "OrderNo")]
    pub order_no: String,
    #[serde(rename = "ProcessingType")]
    pub processing_type: String,
    #[serde(rename = "TransactionDatetime")]
    pub transaction_datetime: String,
}

impl Default for IndexNames {
    fn default() -> Self {
        Self {
            patient_id: "PatientID".to_owned(),
            update_datetime: "UpdateDatetime".to_owned(),
            order_date: "OrderDate".to_owned(),
            data_kind: "DataKind".to_owned(),
            order_no: "OrderNo".to_owned(),
            processing_type: "ProcessingType".to_owned(),
            transaction_datetime: "TransactionDatetime".to_owned(),
        }
    }
}

/// Where the columns stand, from 1. The first two are needed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "named as the specification names them")]
pub struct IndexPlaces {
    #[serde(rename = "PatientID")]
    pub patient_id: Option<u8>,
    #[serde(rename = "UpdateDatetime")]
    pub update_datetime: Option<u8>,
    #[serde(rename = "OrderDate")]
    pub order_date: Option<u8>,
    #[serde(rename = "DataKind")]
    pub data_kind: Option<u8>,
    #[serde(rename = "OrderNo")]
    pub order_no: Option<u8>,
    #[serde(rename = "ProcessingType")]
    pub processing_type: Option<u8>,
    #[serde(rename = "TransactionDatetime")]
    pub transaction_datetime: Option<u8>,
}

fn yes() -> bool {
    true
}

fn ten_minutes() -> u32 {
    600
}

fn one_minute() -> u32 {
    60
}

fn five_hundred() -> u32 {
    500
}

fn three() -> u32 {
    3
}

fn public() -> String {
    "public".to_owned()
}

fn ssmixidx() -> String {
    "SSMIXIDX".to_owned()
}

const OVERLAP_MOST: u64 = 604_800;

impl Feed {
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        let days = u64::from(self.full_scan_every_days);
        range("source.feed.full_scan_every_days", days, 1, 31)?;
        range("source.feed.retry_runs", u64::from(self.retry_runs), 1, 100)?;
        if let Some(transactions) = &self.transactions {
            let folders = transactions.folders.len() as u64;
            range("source.feed.transactions.folders", folders, 1, 64)?;
        }
        if let Some(csv) = &self.index_csv {
            csv.check()?;
        }
        self.index_postgres
            .as_ref()
            .map_or(Ok(()), IndexPostgres::check)
    }
}

impl IndexCsv {
    fn check(&self) -> Result<(), SettingsError> {
        let overlap = u64::from(self.overlap_seconds);
        range(
            "source.feed.index_csv.overlap_seconds",
            overlap,
            0,
            OVERLAP_MOST,
        )?;
        if self.header {
            return Ok(());
        }
        for (key, place) in [
            (
                "source.feed.index_csv.places.PatientID",
                self.places.patient_id,
            ),
            (
                "source.feed.index_csv.places.UpdateDatetime",
                self.places.update_datetime,
            ),
        ] {
            range(key, u64::from(place.unwrap_or_default()), 1, 255)?;
        }
        Ok(())
    }
}

impl IndexPostgres {
    fn check(&self) -> Result<(), SettingsError> {
        let wide = u64::from;
        for (key, value, least, most) in [
            (
                "overlap_seconds",
                wide(self.overlap_seconds),
                0,
                OVERLAP_MOST,
            ),
            (
                "statement_timeout_seconds",
                wide(self.statement_timeout_seconds),
                1,
                3_600,
            ),
            ("fetch_rows", wide(self.fetch_rows), 1, 10_000),
            ("attempts", wide(self.attempts), 1, 20),
        ] {
            range(key, value, least, most)?;
        }
        let columns = &self.columns;
        for (key, name) in [
            ("database", &self.database),
            ("user", &self.user),
            ("schema", &self.schema),
            ("table", &self.table),
            ("columns.PatientID", &columns.patient_id),
            ("columns.UpdateDatetime", &columns.update_datetime),
            ("columns.OrderDate", &columns.order_date),
            ("columns.DataKind", &columns.data_kind),
            ("columns.OrderNo", &columns.order_no),
            ("columns.ProcessingType", &columns.processing_type),
            ("columns.TransactionDatetime", &columns.transaction_datetime),
        ] {
            let fits = (1..=63).contains(&name.len()) && !name.contains('\0');
            fits.then_some(()).ok_or_else(|| SettingsError::Range {
                key,
                value: name.clone(),
                expected: "a name of 1 to 63 bytes".to_owned(),
            })?;
        }
        if self.authority.is_some() != self.server_name.is_some() {
            return Err(SettingsError::Range {
                key: "source.feed.index_postgres.authority",
                value: "alone".to_owned(),
                expected: "given together with server_name, or neither".to_owned(),
            });
        }
        if self.authority.is_none() && !self.address.ip().is_loopback() {
            return Err(SettingsError::Range {
                key: "source.feed.index_postgres.authority",
                value: "absent".to_owned(),
                expected: "a certificate authority and server_name, because the address is not of \
                           this machine"
                    .to_owned(),
            });
        }
        Ok(())
    }
}
