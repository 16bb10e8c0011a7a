//! Runs of the gateway on a tree, and of the references that it is held against.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use harness::deployment::{Deployment, SiteSource};
use harness::job::Job;
use harness::scene::today;
use serde_json::Value;

use crate::bench::Bench;
use crate::bench::tree::Tree;
use crate::demo::source;

/// Threads of both sides.
pub(crate) const THREADS: &str = "2";

/// The gateway of one site with a state of its own.
pub(crate) struct Gateway {
    job: Job,
}

/// One run of the gateway.
pub(crate) struct Ran {
    /// From walk to sealed batches, as the gateway says.
    pub(crate) collecting: f64,
    /// The whole process.
    pub(crate) whole: f64,
    pub(crate) peak_memory_bytes: u64,
    pub(crate) report: Value,
}

impl Gateway {
    /// A gateway that has seen nothing yet. Every patient of the tree may leave.
    pub(crate) fn fresh(bench: &Bench<'_>, tree: &Tree) -> Result<Self> {
        Self::with_settings(bench, tree, "", "inventory")
    }

    /// The same, with lines added to its settings and a mode of finding changes.
    pub(crate) fn with_settings(
        bench: &Bench<'_>,
        tree: &Tree,
        more: &str,
        mode: &str,
    ) -> Result<Self> {
        let programs = bench.workspace.release_programs()?;
        let root = bench.folder.join("site");
        if root.exists() {
            fs::remove_dir_all(&root)?;
        }
        let deployment = Deployment::prepare(&root, &[site(tree)?], today())?;
        for site in &deployment.sites {
            let text = fs::read_to_string(&site.config)?;
            let table = "[source.changes]\n";
            ensure!(text.contains(table), "settings without {table}");
            let text = text.replace(table, &format!("{table}mode = \"{mode}\"\n"));
            fs::write(&site.config, format!("{text}\n{more}"))?;
        }
        Ok(Self {
            job: Job::new(deployment, programs),
        })
    }

    /// Collects and seals, delivers nothing.
    pub(crate) fn run(&self) -> Result<Ran> {
        let started = Instant::now();
        let report = self.job.run_gateway(0, &["--hold"])?.well()?;
        let whole = started.elapsed().as_secs_f64();
        let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_f64);
        let collecting = number("/seconds/collect").context("seconds")?;
        let peak = report.pointer("/peak_memory_bytes").and_then(Value::as_u64);
        let peak_memory_bytes = peak.context("peak memory")?;
        Ok(Ran {
            collecting,
            whole,
            peak_memory_bytes,
            report,
        })
    }
}

impl Ran {
    /// A count of the report.
    pub(crate) fn count(&self, pointer: &str) -> Result<u64> {
        let count = self.report.pointer(pointer).and_then(Value::as_u64);
        count.with_context(|| format!("the report has no {pointer}"))
    }
}

/// The tree as a site; its ledger is made once.
fn site(tree: &Tree) -> Result<SiteSource> {
    let day = tree.ledger.join(today().to_string());
    let (notices, stops) = (day.join("notices.csv"), day.join("stops.csv"));
    if !stops.exists() {
        return source::of_storage(&tree.storage, &day, "BENCH");
    }
    Ok(SiteSource {
        site: "BENCH".to_owned(),
        storage: tree.storage.clone(),
        notices,
        stops,
    })
}

/// Runs one command of the references and gives what it measured.
pub(crate) fn reference(bench: &Bench<'_>, command: &str, folder: &Path) -> Result<Value> {
    let program = bench.workspace.measure_program()?;
    let output = Command::new(&program)
        .arg(command)
        .arg(folder)
        .args(["--threads", THREADS])
        .output()
        .with_context(|| program.display().to_string())?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The seconds of a reference that met so many files.
pub(crate) fn reference_seconds(
    bench: &Bench<'_>,
    command: &str,
    folder: &Path,
    files: u64,
) -> Result<f64> {
    let met = reference(bench, command, folder)?;
    let seen = met.get("files").and_then(Value::as_u64);
    ensure!(seen == Some(files), "{seen:?} files instead of {files}");
    met.get("seconds")
        .and_then(Value::as_f64)
        .context("seconds")
}

/// Everything below a folder, as paths.
pub(crate) fn sample_of(tree: &Tree, most: u64) -> Result<Vec<PathBuf>> {
    let mut chosen = Vec::new();
    let mut number = 0_u64;
    crate::bench::tree::visit(&tree.storage, &mut |path| {
        number += 1;
        // The same files at every run; which ones is as good as drawn.
        let drawn = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31) % tree.files.max(1);
        if drawn < most + most / 8 {
            chosen.push(path.to_owned());
        }
    })?;
    chosen.truncate(usize::try_from(most)?);
    Ok(chosen)
}
