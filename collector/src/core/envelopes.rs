//! Identity envelopes, as the sites sent them. The core carries them and has no key for any.

use std::path::Path;

use super::catalogue::{Catalogue, Member};
use super::failure::{Failure, Problem, Result};
use super::tables::{self, Reader, Table, position};

/// The newest envelope of a subject, sealed as it came.
///
/// # Errors
/// A table file is missing or damaged.
pub(crate) fn newest(
    catalogue: &Catalogue,
    tables: &Path,
    member: &Member,
) -> Result<Option<Vec<u8>>> {
    let columns = Table::Envelope.columns();
    let [subject, value] = ["subject", "value"].map(|name| position(&columns, name));
    let wanted = member.subject.to_string();
    let mut parts = catalogue.parts(&member.site, Table::Envelope.name())?;
    parts.reverse();
    for (sequence, _) in parts {
        let path = tables::file(tables, Table::Envelope.name(), &member.site, sequence);
        let mut reader = Reader::open(&path, &columns)?;
        while let Some(rows) = reader.next()? {
            for row in 0..rows.rows() {
                if rows.text(subject, row) == Some(wanted.as_str()) {
                    let bytes = rows.text(value, row).and_then(unhex);
                    let damaged = || Failure::new(Problem::Damaged, "envelope row");
                    return bytes.ok_or_else(damaged).map(Some);
                }
            }
        }
    }
    Ok(None)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs.iter().map(|pair| byte(pair)).collect();
    bytes.filter(|_| rest.is_empty())
}
