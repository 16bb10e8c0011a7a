//! Plain walks over a tree by several threads: the least that any program has to do.

use std::fs::{self, DirEntry};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

/// What both walks take.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder.
    folder: PathBuf,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

/// What was met.
#[derive(Default)]
struct Met {
    files: u64,
    folders: u64,
    bytes: u64,
}

/// Reads every file.
///
/// # Errors
/// Something cannot be listed or read.
pub(crate) fn read(arguments: &Arguments) -> Result<Value> {
    walk(arguments, |entry, met| {
        met.bytes += black_box(fs::read(entry.path())?).len() as u64;
        Ok(())
    })
}

/// Asks for the metadata of every file.
///
/// # Errors
/// Something cannot be listed or looked at.
pub(crate) fn stat(arguments: &Arguments) -> Result<Value> {
    walk(arguments, |entry, met| {
        met.bytes += black_box(entry.metadata()?).len();
        Ok(())
    })
}

fn walk(
    arguments: &Arguments,
    visit: impl Fn(&DirEntry, &mut Met) -> std::io::Result<()> + Sync,
) -> Result<Value> {
    let started = Instant::now();
    let work = Work::of(&arguments.folder);
    let met: Vec<std::io::Result<Met>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..arguments.threads.max(1))
            .map(|_| scope.spawn(|| serve(&work, &visit)))
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                let failed = |_| Err(std::io::Error::other("a thread failed"));
                thread.join().unwrap_or_else(failed)
            })
            .collect()
    });
    let mut total = Met::default();
    for met in met {
        let met = met?;
        total.files += met.files;
        total.folders += met.folders;
        total.bytes += met.bytes;
    }
    ensure!(total.files > 0, "there is no file");
    Ok(json!({
        "files": total.files,
        "folders": total.folders,
        "bytes": total.bytes,
        "seconds": started.elapsed().as_secs_f64(),
    }))
}

fn serve(
    work: &Work,
    visit: &impl Fn(&DirEntry, &mut Met) -> std::io::Result<()>,
) -> std::io::Result<Met> {
    let mut met = Met::default();
    let mut found = Vec::new();
    while let Some(folder) = work.take() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                found.push(entry.path());
            } else {
                visit(&entry, &mut met)?;
                met.files += 1;
            }
        }
        met.folders += 1;
        work.done(&mut found);
    }
    Ok(met)
}

/// The folders that are still to be visited.
struct Work {
    state: Mutex<(Vec<PathBuf>, usize)>,
    changed: Condvar,
}

impl Work {
    fn of(folder: &Path) -> Self {
        Self {
            state: Mutex::new((vec![folder.to_owned()], 0)),
            changed: Condvar::new(),
        }
    }

    /// The next folder, when there is one or when somebody else may still find one.
    fn take(&self) -> Option<PathBuf> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(folder) = state.0.pop() {
                state.1 += 1;
                return Some(folder);
            }
            if state.1 == 0 {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A folder was visited and gave others.
    fn done(&self, found: &mut Vec<PathBuf>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0.append(found);
        state.1 -= 1;
        drop(state);
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_met_once_whatever_the_threads() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("a/b/c")).unwrap();
        for path in ["x", "a/x", "a/b/c/x", "a/b/c/y"] {
            fs::write(root.join(path), "12345").unwrap();
        }
        for threads in [1, 4] {
            let arguments = Arguments {
                folder: root.to_owned(),
                threads,
            };
            for met in [read(&arguments).unwrap(), stat(&arguments).unwrap()] {
                assert_eq!(met["files"], 4);
                assert_eq!(met["folders"], 4);
                assert_eq!(met["bytes"], 20);
            }
        }
    }
}
