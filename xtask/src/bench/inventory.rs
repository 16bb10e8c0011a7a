//! The inventory of a storage of ten million files, which exists only as numbers at the place where
//! the gateway asks its file system (C-16, P-17). No disk takes part: what is measured is what the
//! gateway itself spends per file, and its memory.

use anyhow::{Context as _, Result, ensure};

use crate::bench::{Bench, Figure, median};

/// The test that walks the imagined storage. It is told how large, and says what it measured.
const TEST: &str = "source::patient::tests::an_imagined_inventory";
/// Files per first-level folder of the imagined storage.
const FILES_PER_FIRST: u64 = 20_000;
const LARGE: u64 = 10_000_000;
const SMALL: u64 = 100_000;
/// The share of the small storage's speed that is asked for.
const SAME: f64 = 0.8;
const LIMIT_BYTES: u64 = 150 << 20;

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let (mut small, mut large, mut peak) = (Vec::new(), Vec::new(), 0);
    for run in 0..=bench.runs.min(3) {
        let (few, _) = walk(bench, SMALL)?;
        let (many, used) = walk(bench, LARGE)?;
        peak = peak.max(used);
        // The first round is not counted.
        if run > 0 {
            small.push(SMALL as f64 / few);
            large.push(LARGE as f64 / many);
        }
    }
    let (value, reference) = (median(&large), median(&small));
    Ok(vec![
        Figure {
            work: format!("inventory of {LARGE} imagined files"),
            value,
            unit: "files/s",
            reference: format!("{SMALL} imagined files: {reference:.0} files/s"),
            ratio: value / reference,
            at_least: Some(SAME),
            peak_memory_bytes: peak,
            runs: large,
        },
        Figure {
            work: format!("peak memory, {LARGE} imagined files"),
            value: peak as f64 / f64::from(1 << 20),
            unit: "MiB",
            reference: "limit 150 MiB; the ratio is limit / peak".to_owned(),
            ratio: LIMIT_BYTES as f64 / peak as f64,
            at_least: Some(1.0),
            peak_memory_bytes: peak,
            runs: Vec::new(),
        },
    ])
}

/// Seconds and peak memory of one walk in a process of its own.
fn walk(bench: &Bench<'_>, files: u64) -> Result<(f64, u64)> {
    let output = bench
        .workspace
        .cargo()
        .args(["test", "--release", "--quiet", "--locked"])
        .args(["--package", "gateway", "--bins"])
        .args(["--", "--exact", "--ignored", "--nocapture", TEST])
        .env("SEKISHO_IMAGINED", (files / FILES_PER_FIRST).to_string())
        .output()
        .context("cargo test")?;
    let told = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let after = |word: &str| {
        let rest = told.split_once(word).map(|(_, rest)| rest)?;
        rest.split_whitespace().next()
    };
    let peak = after("peak ").context("no peak")?.parse()?;
    let seconds = after("bytes in ").context("no seconds")?.parse()?;
    Ok((seconds, peak))
}
