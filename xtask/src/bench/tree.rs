//! The reference tree: a storage written once, kept between runs, and left as it was found.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use town::{TreePlan, write_tree};

use crate::bench::{Bench, Figure};

/// Everything is drawn from it. Another seed or day is another tree.
const SEED: u64 = 20_260_901;
const AS_OF: jiff::civil::Date = jiff::civil::date(2026, 9, 1);

/// A tree on disk.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Tree {
    /// The root of the storage.
    pub(crate) storage: PathBuf,
    /// Where its ledger is.
    pub(crate) ledger: PathBuf,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) folders: u64,
    pub(crate) patients: u64,
    /// How long writing took.
    pub(crate) seconds: f64,
}

/// One file that was updated.
pub(crate) struct Update {
    /// Its new version.
    pub(crate) new: PathBuf,
}

impl Tree {
    /// The tree of so many files: that of an earlier run, or a new one.
    pub(crate) fn open(bench: &Bench<'_>, files: u64) -> Result<Self> {
        let folder = bench.workspace.scratch("bench-tree")?;
        let folder = folder.join(files.to_string());
        let facts = folder.join("tree.json");
        if facts.exists() {
            let tree: Self = serde_json::from_slice(&fs::read(&facts)?)?;
            Journal::of(&folder).undo()?;
            return Ok(tree);
        }
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let storage = folder.join("storage");
        fs::create_dir_all(&storage)?;
        let started = Instant::now();
        let plan = TreePlan {
            seed: SEED,
            as_of: AS_OF,
            files,
            threads: 2,
        };
        let written = write_tree(&plan, &storage)?;
        let tree = Self {
            storage,
            ledger: folder.join("ledger"),
            files: written.files,
            bytes: written.bytes,
            folders: written.folders,
            patients: written.patients,
            seconds: started.elapsed().as_secs_f64(),
        };
        fs::write(&facts, serde_json::to_vec_pretty(&tree)?)?;
        Ok(tree)
    }

    /// Updates one of so many files as a hospital does: the old version is renamed, a new one is
    /// written beside it. `turn` chooses which, so that every run changes others.
    pub(crate) fn change(&self, one_in: u64, turn: u64) -> Result<Vec<Update>> {
        let journal = Journal::of(self.storage.parent().context("tree")?);
        let mut changes = Vec::new();
        let mut number = 0;
        visit(&self.storage, &mut |path| {
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some(base) = name.and_then(|name| name.strip_suffix("_1")) {
                number += 1;
                if number % one_in == turn % one_in {
                    changes.push((path.to_owned(), base.to_owned()));
                }
            }
        })?;
        journal.begin(&changes)?;
        let mut updates = Vec::with_capacity(changes.len());
        for (path, base) in &changes {
            let bytes = fs::read(path)?;
            let new = path.with_file_name(later(base)?);
            fs::rename(path, path.with_file_name(format!("{base}_2")))?;
            fs::write(&new, bytes)?;
            updates.push(Update { new });
        }
        Ok(updates)
    }

    /// Takes every change back.
    pub(crate) fn restore(&self) -> Result<()> {
        Journal::of(self.storage.parent().context("tree")?).undo()
    }
}

/// The name of the next version: a second later.
fn later(base: &str) -> Result<String> {
    let mut parts: Vec<&str> = base.split('_').collect();
    let time = parts.get(4).context("a name without a time")?;
    let time = format!("{:017}", time.parse::<u64>()? + 1000);
    if let Some(place) = parts.get_mut(4) {
        *place = &time;
    }
    Ok(format!("{}_1", parts.join("_")))
}

/// What was changed, written down before it is, so that a tree survives a killed bench.
struct Journal(PathBuf);

impl Journal {
    fn of(folder: &Path) -> Self {
        Self(folder.join("changes.json"))
    }

    fn begin(&self, changes: &[(PathBuf, String)]) -> Result<()> {
        let mut all = self.read()?;
        all.extend(changes.iter().cloned());
        Ok(fs::write(&self.0, serde_json::to_vec(&all)?)?)
    }

    fn read(&self) -> Result<Vec<(PathBuf, String)>> {
        if !self.0.exists() {
            return Ok(Vec::new());
        }
        Ok(serde_json::from_slice(&fs::read(&self.0)?)?)
    }

    fn undo(&self) -> Result<()> {
        for (path, base) in self.read()?.iter().rev() {
            let old = path.with_file_name(format!("{base}_2"));
            if old.exists() {
                fs::rename(old, path)?;
            }
            let new = path.with_file_name(later(base)?);
            if new.exists() {
                fs::remove_file(new)?;
            }
        }
        if self.0.exists() {
            fs::remove_file(&self.0)?;
        }
        Ok(())
    }
}

/// Calls for every file below a folder, in the order of names.
pub(crate) fn visit(folder: &Path, found: &mut dyn FnMut(&Path)) -> Result<()> {
    let entries: std::io::Result<Vec<_>> = fs::read_dir(folder)?.collect();
    let mut entries = entries?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        match entry.file_type()?.is_dir() {
            true => visit(&path, found)?,
            false => found(&path),
        }
    }
    Ok(())
}

/// Writes the tree and says what it is.
pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let tree = Tree::open(bench, bench.files)?;
    ensure!(
        tree.files == bench.files,
        "the tree is not the one asked for"
    );
    let rate = tree.files as f64 / tree.seconds;
    Ok(vec![Figure {
        work: format!("{} files, {} patients", tree.files, tree.patients),
        value: rate,
        unit: "files/s",
        reference: format!("{} bytes in {} folders", tree.bytes, tree.folders),
        ratio: 1.0,
        at_least: None,
        peak_memory_bytes: 0,
        runs: vec![rate],
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_version_of_a_file_is_a_second_later() {
        let base = "0012345678_20260101_OML-11_000000000000001_20260101101500123_01";
        let next = "0012345678_20260101_OML-11_000000000000001_20260101101501123_01_1";
        assert_eq!(later(base).unwrap(), next);
        assert!(later("x_1").is_err());
    }
}
