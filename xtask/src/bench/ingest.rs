//! From the walk over an SS-MIX2 storage to sealed batches, beside a plain "walk and read" of the
//! same tree. The tree is the one of `tests/samples`; both sides find it in the page cache.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use harness::deployment::Deployment;
use harness::job::Job;
use harness::scene::today;
use serde_json::Value;

use crate::bench::{Bench, Figure, median};
use crate::demo::source;

/// The share of the plain reading's speed that is asked for.
const RATIO_AT_LEAST: f64 = 0.35;
const MEMORY_LIMIT_BYTES: u64 = 150 << 20;

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let programs = bench.workspace.release_programs()?;
    let storage = source::unpacked_sample(&bench.workspace.root, &bench.folder)?;
    let (mut plain, mut sealed, mut peak) = (Vec::new(), Vec::new(), 0);
    let mut files = 0;
    for run in 0..=bench.runs {
        let started = Instant::now();
        files = walk_and_read(&storage)?;
        let plain_rate = files as f64 / started.elapsed().as_secs_f64();
        let root = bench.folder.join("site");
        if root.exists() {
            fs::remove_dir_all(&root)?;
        }
        let site = source::of_storage(&storage, &root.join("ledger"), "BENCH")?;
        let deployment = Deployment::prepare(&root, &[site], today())?;
        let job = Job::new(deployment, programs.clone());
        let report = job.run_gateway(0, &["--hold"])?.well()?;
        let seen = report.pointer("/files/seen").and_then(Value::as_u64);
        ensure!(
            seen == Some(files),
            "the gateway saw {seen:?} files of {files}"
        );
        let seconds = report.pointer("/seconds/collect").and_then(Value::as_f64);
        peak = peak.max(
            report
                .pointer("/peak_memory_bytes")
                .and_then(Value::as_u64)
                .unwrap_or(0),
        );
        // The first round warms the cache.
        if run > 0 {
            plain.push(plain_rate);
            sealed.push(files as f64 / seconds.context("seconds")?);
        }
    }
    ensure!(peak > 0, "the gateway reported no peak memory");
    let (value, reference) = (median(&sealed), median(&plain));
    Ok(vec![
        Figure {
            work: format!("walk to sealed batch, {files} files"),
            value,
            unit: "files/s",
            reference: format!("walk and read, one thread: {reference:.0} files/s"),
            ratio: value / reference,
            at_least: Some(RATIO_AT_LEAST),
            peak_memory_bytes: peak,
            runs: sealed,
        },
        Figure {
            work: "peak memory of the gateway".to_owned(),
            value: peak as f64 / f64::from(1 << 20),
            unit: "MiB",
            reference: "limit 150 MiB; the ratio is limit / peak".to_owned(),
            ratio: MEMORY_LIMIT_BYTES as f64 / peak as f64,
            at_least: Some(1.0),
            peak_memory_bytes: peak,
            runs: Vec::new(),
        },
    ])
}

/// Reads every file below a folder and does nothing with it.
fn walk_and_read(folder: &Path) -> Result<u64> {
    let (mut files, mut folders) = (0, vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                std::hint::black_box(fs::read(entry.path())?);
                files += 1;
            }
        }
    }
    Ok(files)
}
