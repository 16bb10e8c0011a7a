//! Rows of a release on their way to the file, in buckets by the beginning of the person's random
//! ID: sorting one bucket at a time puts all rows into an order that tells nothing of where they
//! came from, and memory holds one bucket.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use crate::core::durable;
use crate::core::failure::{Failure, Problem, Result};

/// Rows of one table in buckets.
pub(crate) struct Buckets {
    folder: PathBuf,
    buckets: BTreeMap<String, csv::Writer<BufWriter<File>>>,
}

impl Buckets {
    /// Starts in an empty folder, which is made.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        durable::make_folder(folder).map_err(storing)?;
        Ok(Self {
            folder: folder.to_owned(),
            buckets: BTreeMap::new(),
        })
    }

    /// Adds a row. Its first cell is the person.
    pub(crate) fn push(&mut self, cells: &[String]) -> Result<()> {
        let key: String = cells
            .first()
            .into_iter()
            .flat_map(|person| person.chars())
            .take(2)
            .collect();
        if !self.buckets.contains_key(&key) {
            let file = durable::new_file(&self.folder.join(&key)).map_err(storing)?;
            let writer = csv::Writer::from_writer(BufWriter::new(file));
            self.buckets.insert(key.clone(), writer);
        }
        match self.buckets.get_mut(&key) {
            Some(bucket) => bucket.write_record(cells).map_err(writing),
            None => Ok(()),
        }
    }

    /// Hands all rows over, sorted, and removes the buckets.
    pub(crate) fn drain(
        self,
        mut take: impl FnMut(&csv::StringRecord) -> Result<()>,
    ) -> Result<()> {
        let mut keys = Vec::new();
        for (key, mut bucket) in self.buckets {
            bucket.flush().map_err(storing)?;
            keys.push(key);
        }
        for key in keys {
            let path = self.folder.join(key);
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .from_path(&path)
                .map_err(writing)?;
            let rows: std::result::Result<Vec<_>, _> = reader.records().collect();
            let mut rows = rows.map_err(writing)?;
            rows.sort_unstable_by(|a, b| a.iter().cmp(b.iter()));
            rows.iter().try_for_each(&mut take)?;
            fs::remove_file(&path).map_err(storing)?;
        }
        fs::remove_dir(&self.folder).map_err(storing)
    }
}

fn storing(error: std::io::Error) -> Failure {
    Failure::storing("release rows", error)
}

fn writing(error: csv::Error) -> Failure {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => storing(error),
        other => Failure::new(Problem::State, format!("release rows: {other:?}")),
    }
}
