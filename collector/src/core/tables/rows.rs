//! From an opened batch to table files.

use std::path::Path;

use envelope::Subject;
use record::code::{Coding, Concept};
use record::content::{Dose, Value};
use record::identity::Sex;
use record::{Decimal, Document, DocumentState, Moment, Record, ResourceKind, SiteId};

use super::columns::Table;
use super::linkage::Rekey;
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
            Table::Linkage => !self.subjects.is_empty(),
            Table::Document => documents.next().is_some(),
            Table::Records(kind) => documents
                .flat_map(|document| &document.records)
                .any(|r| r.kind() == kind),
        }
    }

    fn push_rows(&self, table: Table, rekey: &Rekey, writer: &mut Writer<'_>) -> Result<()> {
        for subject in self.subjects {
            if table == Table::Linkage {
                for row in rekey.rows(self.site, &subject.subject, &subject.tokens) {
                    writer.push(&row)?;
                }
                continue;
            }
            for document in &subject.documents {
                match table {
                    Table::Document => writer.push(&document_row(self.site, document))?,
                    Table::Records(kind) => self.push_records(document, kind, writer)?,
                    Table::Linkage => {}
                }
            }
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

fn fields(record: &Record, cells: &mut Vec<Cell>) {
    match record {
        Record::Patient(it) => {
            let month = |month: record::YearMonth| format!("{:04}-{:02}", month.year, month.month);
            cells.push(Cell::text(it.sex.map(Sex::as_str)));
            cells.push(Cell::text(it.birth.map(month)));
            cells.push(
                it.prefecture
                    .map_or(Cell::Empty, |p| Cell::Whole(p.number().into())),
            );
            cells.push(Cell::text(it.died.map(month)));
            cells.push(Cell::Flag(it.deceased));
        }
        Record::Coverage(it) => concept(Some(&it.plan), cells),
        Record::Encounter(it) => {
            cells.push(Cell::text(it.class.map(|class| class.as_str())));
            cells.push(Cell::text(Some(it.event.as_str())));
            cells.push(moment(it.at));
            cells.push(Cell::text(it.department.as_ref()));
            cells.push(Cell::text(it.disposition.as_ref()));
        }
        Record::AllergyIntolerance(it) => {
            concept(it.category.as_ref(), cells);
            concept(it.code.as_ref(), cells);
            coding(it.severity.as_ref(), cells);
            cells.push(moment(it.onset));
        }
        Record::Condition(it) => {
            concept(it.code.as_ref(), cells);
            concept(it.icd10.as_ref(), cells);
            cells.extend([moment(it.onset), moment(it.abated)]);
            concept(it.outcome.as_ref(), cells);
            cells.push(Cell::Flag(it.provisional));
            cells.push(Cell::Flag(it.free_text));
        }
        Record::MedicationRequest(it) => {
            dose(&it.dose, cells);
            cells.extend([
                moment(it.start),
                moment(it.end),
                Cell::text(it.timing.as_ref()),
            ]);
            let duration = it.duration.as_ref();
            decimal(duration.map(|quantity| quantity.value), cells);
            let comparator = duration.and_then(|quantity| quantity.comparator);
            cells.push(Cell::text(comparator.map(|it| it.as_str())));
            cells.push(Cell::text(
                duration.and_then(|quantity| quantity.unit.as_ref()),
            ));
            concept(it.route.as_ref(), cells);
            cells.push(Cell::Flag(it.component));
        }
        Record::MedicationAdministration(it) => {
            dose(&it.dose, cells);
            cells.extend([moment(it.start), moment(it.end)]);
            concept(it.route.as_ref(), cells);
            cells.push(Cell::text(it.status.as_ref()));
            cells.push(Cell::Flag(it.component));
        }
        Record::Observation(it) => observation(it, cells),
    }
}

fn observation(it: &record::content::Observation, cells: &mut Vec<Cell>) {
    concept(it.code.as_ref(), cells);
    let quantity = match &it.value {
        Some(Value::Quantity(quantity)) => Some(quantity),
        _ => None,
    };
    decimal(quantity.map(|quantity| quantity.value), cells);
    cells.push(Cell::text(
        quantity.and_then(|it| it.comparator).map(|it| it.as_str()),
    ));
    cells.push(Cell::text(quantity.and_then(|it| it.unit.as_ref())));
    concept(
        match &it.value {
            Some(Value::Concept(value)) => Some(value),
            _ => None,
        },
        cells,
    );
    cells.push(match &it.value {
        Some(Value::Sign(sign)) => Cell::text(Some(sign)),
        _ => Cell::Empty,
    });
    cells.push(match &it.value {
        Some(Value::Moment(at)) => moment(Some(*at)),
        _ => Cell::Empty,
    });
    let (low, high) = it.range.unwrap_or_default();
    decimal(low, cells);
    decimal(high, cells);
    cells.extend([Cell::text(it.flag.as_ref()), Cell::text(it.status.as_ref())]);
    concept(it.specimen.as_ref(), cells);
    cells.push(moment(it.at));
}

fn dose(dose: &Dose, cells: &mut Vec<Cell>) {
    concept(dose.medication.as_ref(), cells);
    decimal(dose.amount, cells);
    concept(dose.unit.as_ref(), cells);
}

fn concept(concept: Option<&Concept>, cells: &mut Vec<Cell>) {
    coding(concept.map(|concept| &concept.first), cells);
    coding(concept.and_then(|concept| concept.second.as_ref()), cells);
}

fn coding(coding: Option<&Coding>, cells: &mut Vec<Cell>) {
    cells.push(Cell::text(coding.map(|coding| &coding.code)));
    cells.push(Cell::text(coding.and_then(|coding| coding.system.as_ref())));
}

fn decimal(value: Option<Decimal>, cells: &mut Vec<Cell>) {
    cells.push(Cell::text(value));
    cells.push(value.map_or(Cell::Empty, |value| Cell::Double(value.to_f64())));
}

fn moment(moment: Option<Moment>) -> Cell {
    Cell::text(moment)
}
