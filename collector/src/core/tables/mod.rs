//! Tables: one Parquet dataset per kind of record, one file per batch.
//!
//! `tables/<name>/<site>-<sequence>.parquet`. A file counts only when the catalogue lists it.
//! Rows are never changed: a later version of a document is a later row, and [`Current`] says
//! which rows stand.

mod cells;
mod columns;
mod current;
mod history;
mod linkage;
mod rows;
mod sheet;

pub(crate) use columns::{Column, Kind, Table};
pub(crate) use current::{Current, position};
pub(crate) use history::{Stated, history};
pub(crate) use linkage::{FilterField, FilterPlace, Rekey};
pub(crate) use rows::Batch;
pub(crate) use sheet::{Cell, Columns, Reader, Writer, digest};

use std::path::{Path, PathBuf};

use record::SiteId;

/// Where the table file of a batch stands.
pub(crate) fn file(tables: &Path, table: &str, site: &SiteId, sequence: u64) -> PathBuf {
    tables
        .join(table)
        .join(format!("{site}-{sequence:010}.parquet"))
}
