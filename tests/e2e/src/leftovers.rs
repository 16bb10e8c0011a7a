//! Everything that a run leaves on disk, opened as far as the owner of all keys can open it: a
//! search in compressed or sealed bytes would find nothing and prove nothing.

use std::fmt::Write;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use envelope::{CoreSecretKey, VerifyingKey, open};
use parquet::file::reader::{FileReader, SerializedFileReader};

/// One file that a run left behind.
pub struct Leftover {
    /// Where.
    pub path: PathBuf,
    /// Its bytes, its name, and everything that could be opened in it.
    pub contents: Vec<Vec<u8>>,
}

/// Reads every file below `root`. Sealed batches are opened with the core's key and the keys of
/// the sites, Parquet files are read row by row.
///
/// # Errors
/// A file cannot be read, or a batch or table cannot be opened.
pub fn leftovers(
    root: &Path,
    core: &CoreSecretKey,
    sites: &[VerifyingKey],
) -> Result<Vec<Leftover>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(leftover(path, core, sites)?);
            }
        }
    }
    Ok(found)
}

fn leftover(path: PathBuf, core: &CoreSecretKey, sites: &[VerifyingKey]) -> Result<Leftover> {
    let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
    let name = path.as_os_str().as_encoded_bytes().to_vec();
    let opened = match path.extension().and_then(|extension| extension.to_str()) {
        Some("batch") => vec![opened_batch(&bytes, core, sites)?],
        Some("parquet") => vec![table_text(&path)?],
        _ => Vec::new(),
    };
    let contents = [vec![name, bytes], opened].concat();
    Ok(Leftover { path, contents })
}

fn opened_batch(bytes: &[u8], core: &CoreSecretKey, sites: &[VerifyingKey]) -> Result<Vec<u8>> {
    let opened = sites.iter().find_map(|site| open(bytes, site, core).ok());
    let opened = opened.context("no key opens the batch")?;
    // JSON shows every text; references are bytes and show as hexadecimal in the second form.
    let mut text = serde_json::to_vec(&(&opened.manifest, &opened.subjects, &opened.terms))?;
    text.extend(format!("{:?} {:?}", opened.subjects, opened.terms).into_bytes());
    Ok(text)
}

fn table_text(path: &Path) -> Result<Vec<u8>> {
    let reader = SerializedFileReader::new(File::open(path)?)?;
    let mut text = String::new();
    for row in reader.get_row_iter(None)? {
        writeln!(text, "{}", row?)?;
    }
    Ok(text.into_bytes())
}

/// The first text in a column of a table.
///
/// # Errors
/// The table cannot be read, or has no such text.
pub fn first_text(path: &Path, column: &str) -> Result<String> {
    let reader = SerializedFileReader::new(File::open(path)?)?;
    let mut rows = reader.get_row_iter(None)?;
    let row = rows.next().context("no row")??;
    let cell = row.get_column_iter().find(|(name, _)| *name == column);
    match cell.context("no such column")?.1 {
        parquet::record::Field::Str(text) => Ok(text.clone()),
        _ => anyhow::bail!("no text"),
    }
}
