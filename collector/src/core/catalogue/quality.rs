//! The quality that sites state with their batches.

use record::{DataKind, Quality, SiteId};
use rusqlite::{Transaction, params};

use super::Catalogue;
use super::batches::{signed, unsigned};
use crate::core::failure::Result;

/// The name of the row that counts all files, and among them those set aside.
pub(crate) const FILES: &str = "files";
/// How the absence of a data kind is written.
const NO_KIND: &str = "-";

/// A sum over batches and data kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stated {
    /// A measure, a finding code, or [`FILES`].
    pub(crate) name: String,
    /// How many were looked at; 0 for findings.
    pub(crate) looked_at: u64,
    /// How many of them were at fault.
    pub(crate) faulty: u64,
}

/// Writes the quality of a batch that is being accepted.
pub(super) fn state(
    transaction: &Transaction<'_>,
    site: &SiteId,
    sequence: u64,
    quality: &Quality,
) -> Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO quality (site, sequence, kind, name, looked_at, faulty)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let mut row = |kind: &str, name: &str, looked_at: u64, faulty: u64| {
        insert.execute(params![
            site.as_str(),
            signed(sequence),
            kind,
            name,
            signed(looked_at),
            signed(faulty),
        ])
    };
    let files = quality.read().saturating_add(quality.set_aside());
    row(NO_KIND, FILES, files, quality.set_aside())?;
    for (kind, measure, rate) in quality.rates() {
        row(kind.as_str(), measure.as_str(), rate.of, rate.bad)?;
    }
    for (kind, code, count) in quality.findings() {
        let kind = kind.map_or(NO_KIND, DataKind::as_str);
        row(kind, code.as_str(), 0, count)?;
    }
    Ok(())
}

impl Catalogue {
    /// What a site stated with its newest batches, summed up by name, and how many batches those
    /// are.
    pub(crate) fn quality(&self, site: &SiteId, batches: u64) -> Result<(u64, Vec<Stated>)> {
        let newest = "SELECT sequence FROM batch WHERE site = ?1 ORDER BY sequence DESC LIMIT ?2";
        let bounds = params![site.as_str(), signed(batches)];
        let count = format!("SELECT count(*) FROM ({newest})");
        let count = self
            .connection
            .prepare_cached(&count)?
            .query_row(bounds, |row| row.get(0))?;
        // Sums of hostile numbers may be larger than SQLite's integers: it sums them as numbers
        // with a point then.
        let sums = format!(
            "SELECT name, total(looked_at), total(faulty) FROM quality
             WHERE site = ?1 AND sequence IN ({newest}) GROUP BY name ORDER BY name"
        );
        let mut query = self.connection.prepare_cached(&sums)?;
        let rows = query.query_map(bounds, |row| {
            Ok(Stated {
                name: row.get(0)?,
                looked_at: row.get::<_, f64>(1)? as u64,
                faulty: row.get::<_, f64>(2)? as u64,
            })
        })?;
        Ok((
            unsigned(count),
            rows.collect::<std::result::Result<_, _>>()?,
        ))
    }
}
