//! Erasing: the rows of persons of whom a site said that provision is stopped go from every table
//! file that was written before.
//!
//! The word of the site is in the catalogue as soon as its batch is taken. Each file is then
//! written anew without the rows and takes the old one's place in one step; then the catalogue
//! notes it. A run that is killed in between does the same again: a file without such rows stays as
//! it is. Every step of the core begins with what is left, so nothing is linked or made of erased
//! rows.
//!
//! No file is removed, not even one of which no row is left: a file that is missing was lost, and
//! with it perhaps rows of others.

use std::collections::BTreeMap;
use std::path::Path;

use record::{SiteId, SubjectRef};

use super::catalogue::{Catalogue, Erasure, Member, Stored};
use super::durable;
use super::failure::{Failure, Problem, Result};
use super::tables::{self, Cell, Reader, Table, Writer, digest, position};

/// Does what is left to do. Gives how many persons were erased.
///
/// # Errors
/// A table file is missing, damaged or not the one that was stored, or the state cannot be written.
pub(crate) fn finish(catalogue: &mut Catalogue, tables: &Path, at: i64) -> Result<u64> {
    let erasures = catalogue.erasures_to_do()?;
    let (mut files, mut rows) = (BTreeMap::new(), BTreeMap::new());
    let mut by_site: BTreeMap<&SiteId, Vec<&Erasure>> = BTreeMap::new();
    for erasure in &erasures {
        by_site.entry(&erasure.site).or_default().push(erasure);
    }
    for (site, erasures) in by_site {
        for table in Table::all() {
            for (sequence, known) in catalogue.parts(site, table.name())? {
                let leave: BTreeMap<String, SubjectRef> = erasures
                    .iter()
                    .filter(|erasure| sequence < erasure.sequence)
                    .map(|erasure| (erasure.subject.to_string(), erasure.subject))
                    .collect();
                let member = |subject: SubjectRef| Member {
                    site: site.clone(),
                    subject,
                };
                for subject in leave.values() {
                    *files.entry(member(*subject)).or_default() += 1;
                }
                if !leave.is_empty() {
                    let part = Part {
                        site,
                        sequence,
                        known,
                    };
                    for (subject, held) in rewrite(catalogue, tables, table, &part, &leave)? {
                        *rows.entry(member(subject)).or_default() += held;
                    }
                }
            }
        }
    }
    catalogue.erased(&erasures, (&files, &rows), at)?;
    Ok(erasures.len() as u64)
}

/// A table file of a batch, as the catalogue knows it.
struct Part<'s> {
    site: &'s SiteId,
    sequence: u64,
    known: [u8; 32],
}

/// Writes a table file anew without the rows of some persons, if it holds any. Gives how many it
/// held of each.
fn rewrite(
    catalogue: &mut Catalogue,
    tables: &Path,
    table: Table,
    part: &Part<'_>,
    leave: &BTreeMap<String, SubjectRef>,
) -> Result<BTreeMap<SubjectRef, u64>> {
    let path = tables::file(tables, table.name(), part.site, part.sequence);
    let columns = table.columns();
    let subject = position(&columns, "subject");
    let storing = |error| Failure::storing(table.name(), error);
    let (mut held, mut kept) = (BTreeMap::new(), 0);
    {
        let mut reader = Reader::open(&path, &columns)?;
        while let Some(rows) = reader.next()? {
            for row in 0..rows.rows() {
                match rows.text(subject, row).and_then(|it| leave.get(it)) {
                    Some(subject) => *held.entry(*subject).or_default() += 1,
                    None => kept += 1,
                }
            }
        }
    }
    match digest(&path).map_err(storing)?.0 == part.known {
        true if held.is_empty() => return Ok(held),
        // What somebody else changed must not become what the catalogue stands for.
        false if !held.is_empty() => {
            let detail = format!("{}: not the file that was stored", table.name());
            return Err(Failure::new(Problem::Damaged, detail));
        }
        _ => {}
    }
    if !held.is_empty() {
        durable::write_with(&path, |file| -> Result<()> {
            let mut writer = Writer::new(table.name(), file, &columns)?;
            let mut reader = Reader::open(&path, &columns)?;
            while let Some(rows) = reader.next()? {
                for row in 0..rows.rows() {
                    if rows
                        .text(subject, row)
                        .is_some_and(|it| leave.contains_key(it))
                    {
                        continue;
                    }
                    let cells: Vec<Cell> =
                        (0..columns.len()).map(|at| rows.cell(at, row)).collect();
                    writer.push(&cells)?;
                }
            }
            writer.finish()?;
            Ok(())
        })?;
    }
    // A run that was killed after the file and before the catalogue left an old digest behind.
    let (digest, _) = digest(&path).map_err(storing)?;
    let stored = Stored {
        name: table.name().to_owned(),
        rows: kept,
        digest,
    };
    catalogue.restate(part.site, part.sequence, &stored)?;
    Ok(held)
}

#[cfg(test)]
mod tests;
