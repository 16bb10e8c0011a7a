//! The two files of a released table: CSV for reading by eye, Parquet for computing.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use serde::Serialize;

use super::buckets::Buckets;
use super::recipe::{Action, Output, Plan};
use crate::core::durable;
use crate::core::failure::{Failure, Problem, Result};
use crate::core::tables::{Cell, Column, Kind, Writer, digest};

/// A file of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Written {
    /// Its name.
    pub(crate) name: String,
    /// Bytes.
    pub(crate) bytes: u64,
    /// SHA-256.
    pub(crate) sha256: String,
}

/// Columns of the Parquet file of a table.
pub(crate) fn columns(plan: &Plan) -> Vec<Column> {
    let kind = |output: &Output| match output.action {
        Action::Decimal => Kind::Double,
        Action::Flag => Kind::Flag,
        _ => Kind::Text,
    };
    plan.outputs
        .iter()
        .map(|output| Column {
            name: output.name.clone(),
            kind: kind(output),
        })
        .collect()
}

/// The cell of a released text.
pub(crate) fn cell(kind: Kind, text: &str) -> Cell {
    match kind {
        _ if text.is_empty() => Cell::Empty,
        Kind::Double => text.parse().map_or(Cell::Empty, Cell::Double),
        Kind::Flag => text.parse().map_or(Cell::Empty, Cell::Flag),
        Kind::Whole => text.parse().map_or(Cell::Empty, Cell::Whole),
        Kind::Text => Cell::Text(text.to_owned()),
    }
}

/// Names of the two files of a table.
pub(crate) fn file_names(plan: &Plan) -> [String; 2] {
    ["csv", "parquet"].map(|extension| format!("{}.{extension}", plan.release))
}

/// Writes both files of a table and returns its number of rows.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn write(folder: &Path, plan: &Plan, rows: Buckets) -> Result<u64> {
    let [csv_path, parquet_path] = file_names(plan).map(|name| folder.join(name));
    let columns = columns(plan);
    let mut number = 0;
    let file = durable::new_file(&csv_path).map_err(storing)?;
    let mut csv = csv::Writer::from_writer(BufWriter::new(file));
    csv.write_record(columns.iter().map(|column| &column.name))
        .map_err(writing)?;
    let mut file = durable::new_file(&parquet_path).map_err(storing)?;
    let mut parquet = Writer::new(&plan.release, &mut file, &columns)?;
    rows.drain(|row| {
        csv.write_record(row).map_err(writing)?;
        let cells: Vec<Cell> = columns
            .iter()
            .zip(row)
            .map(|(column, text)| cell(column.kind, text))
            .collect();
        number += 1;
        parquet.push(&cells)
    })?;
    parquet.finish()?;
    file.sync_all().map_err(storing)?;
    let buffered = csv
        .into_inner()
        .map_err(|error| storing(error.into_error()))?;
    let file: File = buffered
        .into_inner()
        .map_err(|error| storing(error.into_error()))?;
    file.sync_all().map_err(storing)?;
    Ok(number)
}

/// Name, size and digest of both files of a table.
pub(crate) fn describe(folder: &Path, plan: &Plan) -> Result<Vec<Written>> {
    let describe = |name: String| {
        let (sha256, bytes) = digest(&folder.join(&name)).map_err(storing)?;
        Ok(Written {
            name,
            bytes,
            sha256: record::BatchId::new(sha256).to_string(),
        })
    };
    file_names(plan).into_iter().map(describe).collect()
}

fn storing(error: std::io::Error) -> Failure {
    Failure::storing("release", error)
}

fn writing(error: csv::Error) -> Failure {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => storing(error),
        _ => Failure::new(Problem::State, "release csv"),
    }
}
