//! Reading and writing rows of Parquet files. Memory is bounded by a number of rows.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_array::{
    Array as _, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::columns::{Column, Kind};
use crate::core::failure::{Failure, Problem, Result};

/// Rows held before they are handed to the file.
const ROWS_HELD: usize = 8192;

/// Rows of one row group.
const ROWS_OF_GROUP: usize = 65_536;

/// One value.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Cell {
    /// No value.
    #[default]
    Empty,
    /// Text.
    Text(String),
    /// A binary number.
    Double(f64),
    /// A whole number.
    Whole(i64),
    /// True or false.
    Flag(bool),
}

impl Cell {
    /// Text, or empty.
    pub(crate) fn text(value: Option<impl ToString>) -> Self {
        value.map_or(Self::Empty, |value| Self::Text(value.to_string()))
    }

    /// The text of a text cell.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number of a whole cell.
    pub(crate) fn as_whole(&self) -> Option<i64> {
        match self {
            Self::Whole(number) => Some(*number),
            _ => None,
        }
    }

    /// The value of a flag.
    pub(crate) fn as_flag(&self) -> Option<bool> {
        match self {
            Self::Flag(value) => Some(*value),
            _ => None,
        }
    }
}

enum Builder {
    Text(StringBuilder),
    Double(Float64Builder),
    Whole(Int64Builder),
    Flag(BooleanBuilder),
}

impl Builder {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Double => Self::Double(Float64Builder::new()),
            Kind::Whole => Self::Whole(Int64Builder::new()),
            Kind::Flag => Self::Flag(BooleanBuilder::new()),
        }
    }

    /// A cell of another type is stored as empty; a test holds rows and columns together.
    fn push(&mut self, cell: &Cell) {
        match self {
            Self::Text(column) => column.append_option(cell.as_text()),
            Self::Double(column) => column.append_option(match cell {
                Cell::Double(number) => Some(*number),
                _ => None,
            }),
            Self::Whole(column) => column.append_option(cell.as_whole()),
            Self::Flag(column) => column.append_option(cell.as_flag()),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(column) => Arc::new(column.finish()),
            Self::Double(column) => Arc::new(column.finish()),
            Self::Whole(column) => Arc::new(column.finish()),
            Self::Flag(column) => Arc::new(column.finish()),
        }
    }
}

/// Writes one Parquet file row by row. The same rows give the same bytes.
pub(crate) struct Writer<'a> {
    name: String,
    schema: SchemaRef,
    builders: Vec<Builder>,
    held: usize,
    rows: u64,
    writer: ArrowWriter<&'a mut File>,
}

impl<'a> Writer<'a> {
    /// Begins a file.
    pub(crate) fn new(name: &str, file: &'a mut File, columns: &[Column]) -> Result<Self> {
        let fields: Vec<Field> = columns
            .iter()
            .map(|column| Field::new(&column.name, data_type(column.kind), true))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let level = ZstdLevel::try_new(3).map_err(|error| writing(name, error))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_created_by("sekisho".to_owned())
            .set_max_row_group_row_count(Some(ROWS_OF_GROUP))
            .build();
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties))
            .map_err(|error| writing(name, error))?;
        let builders = columns
            .iter()
            .map(|column| Builder::new(column.kind))
            .collect();
        Ok(Self {
            name: name.to_owned(),
            schema,
            builders,
            held: 0,
            rows: 0,
            writer,
        })
    }

    /// Adds a row: one cell for each column.
    pub(crate) fn push(&mut self, cells: &[Cell]) -> Result<()> {
        debug_assert_eq!(cells.len(), self.builders.len(), "{}", self.name);
        let mut cells = cells.iter();
        for builder in &mut self.builders {
            builder.push(cells.next().unwrap_or(&Cell::Empty));
        }
        self.held += 1;
        self.rows += 1;
        if self.held == ROWS_HELD {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Ends the file and returns how many rows it has.
    pub(crate) fn finish(mut self) -> Result<u64> {
        self.flush()?;
        self.writer
            .close()
            .map_err(|error| writing(&self.name, error))?;
        Ok(self.rows)
    }

    fn flush(&mut self) -> Result<()> {
        if self.held == 0 {
            return Ok(());
        }
        let arrays = self.builders.iter_mut().map(Builder::finish).collect();
        self.held = 0;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map_err(|error| Failure::because(Problem::State, &self.name, error))?;
        self.writer
            .write(&batch)
            .map_err(|error| writing(&self.name, error))
    }
}

/// Rows of one Parquet file, some thousands at a time.
pub(crate) struct Reader {
    name: String,
    batches: ParquetRecordBatchReader,
}

impl Reader {
    /// Opens a table file. The file must have exactly the columns of the table.
    pub(crate) fn open(path: &Path, columns: &[Column]) -> Result<Self> {
        let name = file_name(path);
        let file =
            File::open(path).map_err(|error| Failure::because(Problem::Damaged, &name, error))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)
            .map_err(|error| Failure::because(Problem::Damaged, &name, error))?;
        let schema = builder.schema();
        let same = schema.fields().len() == columns.len()
            && schema.fields().iter().zip(columns).all(|(field, column)| {
                *field.name() == column.name && *field.data_type() == data_type(column.kind)
            });
        if !same {
            return Err(Failure::new(Problem::Damaged, format!("{name}: columns")));
        }
        let batches = builder
            .with_batch_size(ROWS_HELD)
            .build()
            .map_err(|error| Failure::because(Problem::Damaged, &name, error))?;
        Ok(Self { name, batches })
    }

    /// The next rows; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Columns>> {
        let next = self.batches.next().transpose();
        let batch = next.map_err(|error| Failure::because(Problem::Damaged, &self.name, error))?;
        Ok(batch.map(|batch| Columns {
            rows: batch.num_rows(),
            arrays: arrays(&batch),
        }))
    }
}

enum Values {
    Text(StringArray),
    Double(Float64Array),
    Whole(Int64Array),
    Flag(BooleanArray),
    Other,
}

/// Some rows, by column.
pub(crate) struct Columns {
    rows: usize,
    arrays: Vec<Values>,
}

impl Columns {
    /// How many rows.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The text at a place, without copying.
    pub(crate) fn text(&self, column: usize, row: usize) -> Option<&str> {
        match self.arrays.get(column) {
            Some(Values::Text(array)) => array.is_valid(row).then(|| array.value(row)),
            _ => None,
        }
    }

    /// The whole number at a place.
    pub(crate) fn whole(&self, column: usize, row: usize) -> Option<i64> {
        match self.arrays.get(column) {
            Some(Values::Whole(array)) => array.is_valid(row).then(|| array.value(row)),
            _ => None,
        }
    }

    /// The flag at a place.
    pub(crate) fn flag(&self, column: usize, row: usize) -> Option<bool> {
        match self.arrays.get(column) {
            Some(Values::Flag(array)) => array.is_valid(row).then(|| array.value(row)),
            _ => None,
        }
    }

    /// The binary number at a place.
    pub(crate) fn double(&self, column: usize, row: usize) -> Option<f64> {
        match self.arrays.get(column) {
            Some(Values::Double(array)) => array.is_valid(row).then(|| array.value(row)),
            _ => None,
        }
    }

    /// The cell at a place.
    pub(crate) fn cell(&self, column: usize, row: usize) -> Cell {
        match self.arrays.get(column) {
            Some(Values::Text(_)) => Cell::text(self.text(column, row)),
            Some(Values::Double(_)) => self.double(column, row).map_or(Cell::Empty, Cell::Double),
            Some(Values::Whole(_)) => self.whole(column, row).map_or(Cell::Empty, Cell::Whole),
            Some(Values::Flag(_)) => self.flag(column, row).map_or(Cell::Empty, Cell::Flag),
            Some(Values::Other) | None => Cell::Empty,
        }
    }
}

/// SHA-256 and size of a file.
///
/// # Errors
/// As the file system says.
pub(crate) fn digest(path: &Path) -> std::io::Result<([u8; 32], u64)> {
    let mut file = File::open(path)?;
    let mut sha256 = envelope::Sha256::new();
    let (mut buffer, mut size) = (vec![0; 1 << 16], 0);
    loop {
        let read = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok((sha256.finish(), size));
        };
        sha256.update(bytes);
        size += read as u64;
    }
}

fn arrays(batch: &RecordBatch) -> Vec<Values> {
    let values = |array: &ArrayRef| {
        let any = array.as_any();
        if let Some(array) = any.downcast_ref::<StringArray>() {
            Values::Text(array.clone())
        } else if let Some(array) = any.downcast_ref::<Float64Array>() {
            Values::Double(array.clone())
        } else if let Some(array) = any.downcast_ref::<Int64Array>() {
            Values::Whole(array.clone())
        } else if let Some(array) = any.downcast_ref::<BooleanArray>() {
            Values::Flag(array.clone())
        } else {
            Values::Other
        }
    };
    batch.columns().iter().map(values).collect()
}

const fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8,
        Kind::Double => DataType::Float64,
        Kind::Whole => DataType::Int64,
        Kind::Flag => DataType::Boolean,
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// A full disk is told apart where the library passes the cause on.
fn writing(name: &str, error: ParquetError) -> Failure {
    match error {
        ParquetError::External(cause) => match cause.downcast::<std::io::Error>() {
            Ok(cause) => Failure::storing(name, *cause),
            Err(cause) => Failure::because(Problem::State, name, cause),
        },
        other => Failure::because(Problem::State, name, other),
    }
}
