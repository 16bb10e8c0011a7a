//! The history of one document: every version that a site stated, taken back or not. Nothing is
//! ever removed from the tables, so what stood when can always be told.

use std::path::Path;

use record::{DocumentRef, SiteId};
use serde::Serialize;

use super::columns::Table;
use super::current::{position, reference};
use super::sheet::Reader;
use crate::core::catalogue::Catalogue;
use crate::core::failure::Result;

/// One version of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Stated {
    /// The batch that brought it, by its place in the site's chain.
    pub(crate) sequence: u64,
    /// That batch.
    pub(crate) batch: String,
    /// When it was taken, in seconds since 1970.
    pub(crate) accepted_at: i64,
    /// The site's time of the version, `YYYYMMDDHHMMSSFFF`.
    pub(crate) version: i64,
    /// `current` or `withdrawn`, as the site stated it then.
    pub(crate) state: String,
    /// How many records it holds.
    pub(crate) records: i64,
    /// Whether it is what stands now: the last that was stated, and not withdrawn.
    pub(crate) stands: bool,
}

/// Every version of a document, in the order in which the site stated them; none when the document
/// is unknown or of a person who is to be erased.
///
/// # Errors
/// A table file is missing or damaged.
pub(crate) fn history(
    catalogue: &Catalogue,
    tables: &Path,
    site: &SiteId,
    document: DocumentRef,
) -> Result<Vec<Stated>> {
    let columns = Table::Document.columns();
    let [key, subject, version, state, records] =
        ["document", "subject", "version", "state", "records"].map(|name| position(&columns, name));
    let mut erased = catalogue.erasures_to_do()?;
    erased.retain(|erasure| erasure.site == *site);
    let is_erased = |subject: &str, sequence: u64| {
        let mut of_site = erased.iter();
        of_site.any(|it| sequence < it.sequence && it.subject.to_string() == subject)
    };
    let mut found = Vec::new();
    for (sequence, _) in catalogue.parts(site, Table::Document.name())? {
        let path = super::file(tables, Table::Document.name(), site, sequence);
        let mut reader = Reader::open(&path, &columns)?;
        while let Some(rows) = reader.next()? {
            for row in 0..rows.rows() {
                if reference(&rows, key, row)? != document {
                    continue;
                }
                if is_erased(rows.text(subject, row).unwrap_or_default(), sequence) {
                    continue;
                }
                let (batch, accepted_at) = catalogue.taken(site, sequence)?;
                found.push(Stated {
                    sequence,
                    batch: batch.to_string(),
                    accepted_at,
                    version: rows.whole(version, row).unwrap_or_default(),
                    state: rows.text(state, row).unwrap_or_default().to_owned(),
                    records: rows.whole(records, row).unwrap_or_default(),
                    stands: false,
                });
            }
        }
    }
    if let Some(last) = found.last_mut() {
        last.stands = last.state == "current";
    }
    Ok(found)
}
