//! From an opened batch to table files.

use std::path::Path;

use envelope::{Subject, envelope_key};
use record::content::Who;
use record::{Document, DocumentState, ResourceKind, SiteId};

use super::cells::fields;
use super::columns::Table;
use super::linkage::{Rekey, hex};
use super::sheet::{Cell, Writer, digest};
use crate::core::catalogue::Stored;
use crate::core::durable;
use crate::core::failure::{Failure, Result};

/// The content of one batch of a site.
pub(crate) struct Batch<'a> {
    /// The site.
    pub(crate) site: &'a SiteId,
    /// Its place in the site's chain.
    pub(crate) sequence: u64,
    /// The subjects with their documents.
    pub(crate) subjects: &'a [Subject],
}

impl Batch<'_> {
    /// Writes the batch's table files, in place of those that a killed run may have left.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(crate) fn write(&self, tables: &Path, rekey: &Rekey) -> Result<Vec<Stored>> {
        let mut stored = Vec::new();
        for table in Table::all() {
            let path = super::file(tables, table.name(), self.site, self.sequence);
            let storing = |error| Failure::storing(table.name(), error);
            let folder = path.parent().unwrap_or(tables);
            durable::make_folder(folder).map_err(storing)?;
            durable::sync_parent(folder).map_err(storing)?;
            durable::sweep(folder).map_err(storing)?;
            if !self.has_rows(table) {
                match std::fs::remove_file(&path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(storing(error));
                    }
                    _ => continue,
                }
            }
            let mut rows = 0;
            durable::write_with(&path, |file| -> Result<()> {
                let mut writer = Writer::new(table.name(), file, &table.columns())?;
                self.push_rows(table, rekey, &mut writer)?;
                rows = writer.finish()?;
                Ok(())
            })?;
            let (digest, _) = digest(&path).map_err(storing)?;
            stored.push(Stored {
                name: table.name().to_owned(),
                rows,
                digest,
            });
        }
        Ok(stored)
    }

    fn has_rows(&self, table: Table) -> bool {
        let mut documents = self.subjects.iter().flat_map(|subject| &subject.documents);
        match table {
            Table::Linkage => self.subjects.iter().any(tells_tokens),
            Table::Envelope => self.subjects.iter().any(|it| it.envelope.is_some()),
            Table::Document => documents.next().is_some(),
            Table::Participant => documents.any(|document| !document.participants.is_empty()),
            Table::Records(kind) => documents
                .flat_map(|document| &document.records)
                .any(|r| r.kind() == kind),
        }
    }

    fn push_rows(&self, table: Table, rekey: &Rekey, writer: &mut Writer<'_>) -> Result<()> {
        for subject in self.subjects {
            if table == Table::Linkage && !tells_tokens(subject) {
                continue;
            }
            if table == Table::Linkage {
                for tokens in [&subject.tokens].into_iter().chain(&subject.next) {
                    for row in rekey.rows(self.site, &subject.subject, tokens) {
                        writer.push(&row)?;
                    }
                }
                continue;
            }
            if let (Table::Envelope, Some(envelope)) = (table, &subject.envelope) {
                writer.push(&envelope_row(self.site, subject, envelope.as_bytes()))?;
            }
            for document in &subject.documents {
                match table {
                    Table::Document => writer.push(&document_row(self.site, document))?,
                    Table::Participant => self.push_participants(document, rekey, writer)?,
                    Table::Records(kind) => self.push_records(document, kind, writer)?,
                    Table::Linkage | Table::Envelope => {}
                }
            }
        }
        Ok(())
    }

    fn push_participants(
        &self,
        document: &Document,
        rekey: &Rekey,
        writer: &mut Writer<'_>,
    ) -> Result<()> {
        for (line, participant) in document.participants.iter().enumerate() {
            let (staff, institution) = match &participant.who {
                Who::Staff(staff) => (Some(hex(&rekey.staff(staff))), None),
                Who::Institution(code) => (None, Some(code)),
            };
            let mut cells = common(self.site, document);
            cells.push(Cell::Whole(i64::try_from(line).unwrap_or(i64::MAX)));
            cells.push(Cell::text(Some(participant.role)));
            cells.push(Cell::text(staff));
            cells.push(Cell::text(institution));
            writer.push(&cells)?;
        }
        Ok(())
    }

    fn push_records(
        &self,
        document: &Document,
        kind: ResourceKind,
        writer: &mut Writer<'_>,
    ) -> Result<()> {
        for (line, record) in document.records.iter().enumerate() {
            if record.kind() == kind {
                let mut cells = common(self.site, document);
                cells.push(Cell::Whole(i64::try_from(line).unwrap_or(i64::MAX)));
                fields(record, &mut cells);
                writer.push(&cells)?;
            }
        }
        Ok(())
    }
}

/// Whether the batch says by what a person is linked. One that only takes documents back does not,
/// and what was known before stays.
fn tells_tokens(subject: &Subject) -> bool {
    let tokens = &subject.tokens;
    let filters = [tokens.family, tokens.given, tokens.birth];
    let current = |document: &Document| document.state == DocumentState::Current;
    let any = !tokens.exact.is_empty() || filters.iter().any(Option::is_some);
    any || subject.documents.iter().any(current)
}

fn common(site: &SiteId, document: &Document) -> Vec<Cell> {
    vec![
        Cell::text(Some(site)),
        Cell::text(Some(document.subject)),
        Cell::text(Some(document.document)),
        Cell::text(document.order),
        Cell::text(Some(document.kind)),
        Cell::text(Some(document.domain)),
        Cell::Whole(i64::try_from(document.version.0).unwrap_or(i64::MAX)),
        Cell::text(document.care_date),
    ]
}

/// An envelope with the key that it was sealed for; one that is none names no key.
fn envelope_row(site: &SiteId, subject: &Subject, envelope: &[u8]) -> Vec<Cell> {
    let key = envelope_key(envelope).ok().map(|id| hex(&id));
    vec![
        Cell::text(Some(site)),
        Cell::text(Some(subject.subject)),
        Cell::text(key),
        Cell::text(Some(hex(envelope))),
    ]
}

fn document_row(site: &SiteId, document: &Document) -> Vec<Cell> {
    let mut cells = common(site, document);
    cells.push(Cell::text(Some(match document.state {
        DocumentState::Current => "current",
        DocumentState::Withdrawn => "withdrawn",
    })));
    cells.push(Cell::Whole(
        i64::try_from(document.records.len()).unwrap_or(i64::MAX),
    ));
    cells
}
