//! One large storage of the first hospital, for measuring: exactly as many files as asked for, the
//! same bytes at the same places for the same plan, written by several threads.
//!
//! Only the people are held in memory. A chart is drawn when its turn comes and forgotten.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context as _, ensure};
use jiff::civil::Date;

use crate::model::Registration;
use crate::storage::{Written, chart};
use crate::town::{Town, TownPlan};

/// What a tree is made from.
#[derive(Clone, Copy, Debug)]
pub struct TreePlan {
    /// Everything is drawn from it.
    pub seed: u64,
    /// "Today" in Japan. Nothing happens after the day before.
    pub as_of: Date,
    /// How many files.
    pub files: u64,
    /// How many threads write. It changes nothing about what is written.
    pub threads: usize,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeWritten {
    /// Patients.
    pub patients: u64,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Folders below the root.
    pub folders: u64,
}

/// Of every person of the town the first hospital holds more files than this, on average.
const FILES_PER_PERSON: u64 = 5;

/// Writes the storage into an empty folder.
///
/// # Errors
/// Something cannot be written.
pub fn write_tree(plan: &TreePlan, root: &Path) -> anyhow::Result<TreeWritten> {
    let town = Town::generate(&TownPlan {
        seed: plan.seed,
        persons: u32::try_from(plan.files / FILES_PER_PERSON + 50).context("too many files")?,
        as_of: plan.as_of,
    });
    let charts = charts(&town, plan.files);
    let next = AtomicUsize::new(0);
    let work = || -> anyhow::Result<Written> {
        let mut written = Written::default();
        while let Some((registration, files)) = charts.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut entries = town.entries(registration);
            entries.truncate(*files);
            chart(&town, root, registration, &entries, &mut written)?;
        }
        Ok(written)
    };
    let parts: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..plan.threads.max(1))
            .map(|_| scope.spawn(work))
            .collect();
        threads.into_iter().map(|thread| thread.join()).collect()
    });
    let mut tree = TreeWritten {
        patients: charts.len() as u64,
        ..TreeWritten::default()
    };
    for part in parts {
        let part = part.map_err(|_| anyhow::anyhow!("a writing thread failed"))??;
        tree.files += part.files;
        tree.bytes += part.bytes;
        tree.folders += part.folders;
    }
    ensure!(
        tree.files == plan.files,
        "{} files instead of {}",
        tree.files,
        plan.files
    );
    Ok(tree)
}

/// The charts of the first hospital in the order of their numbers, each with how many of its files
/// are written: all but for the last.
fn charts(town: &Town, files: u64) -> Vec<(&Registration, usize)> {
    let mut left = usize::try_from(files).unwrap_or(usize::MAX);
    let mut charts = Vec::new();
    for registration in &town.registrations {
        if registration.hospital != 0 {
            continue;
        }
        let all = town.entries(registration).len();
        charts.push((registration, all.min(left)));
        left = left.saturating_sub(all);
        if left == 0 {
            break;
        }
    }
    charts.sort_by(|(one, _), (other, _)| one.chart_number.cmp(&other.chart_number));
    charts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
        let (mut found, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let bytes = fs::read(&path).unwrap();
                    found.insert(path.strip_prefix(root).unwrap().to_owned(), bytes);
                }
            }
        }
        found
    }

    #[test]
    fn a_tree_has_exactly_the_files_asked_for_whatever_the_threads() {
        let mut trees = Vec::new();
        for threads in [1, 3] {
            let root = tempfile::tempdir().unwrap();
            let plan = TreePlan {
                seed: 1,
                as_of: jiff::civil::date(2026, 9, 1),
                files: 150,
                threads,
            };
            let written = write_tree(&plan, root.path()).unwrap();
            let files = files(root.path());
            assert_eq!(files.len() as u64, plan.files);
            let bytes: usize = files.values().map(Vec::len).sum();
            assert_eq!(written.bytes, bytes as u64);
            trees.push((written, files));
        }
        assert!(trees[0] == trees[1]);
    }
}
