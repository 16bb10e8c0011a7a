//! From the walk over the reference tree to sealed batches, beside a plain parallel "walk and read"
//! of the same tree with as many threads, and beside `python-hl7` that only parses.
//! Both sides find the tree in the page cache.

use anyhow::{Result, ensure};

use crate::bench::gateway::{Gateway, THREADS, reference_seconds, sample_of};
use crate::bench::tree::Tree;
use crate::bench::{Bench, Figure, median, python};

/// The share of the plain reading's speed that is asked for.
const READING: f64 = 0.5;
/// How many times as fast as `python-hl7`, per file.
const PARSING: f64 = 20.0;
/// Files that `python-hl7` parses.
const SAMPLE: u64 = 5_000;

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let tree = Tree::open(bench, bench.files)?;
    let files = tree.files as f64;
    let sample = sample_of(&tree, SAMPLE)?;
    ensure!(
        sample.len() as u64 >= SAMPLE.min(tree.files / 2),
        "a sample of {} files",
        sample.len()
    );
    let (mut plain, mut sealed, mut parsed, mut peak) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for run in 0..=bench.runs {
        let reading = reference_seconds(bench, "read", &tree.storage, tree.files)?;
        let ran = Gateway::fresh(bench, &tree)?.run()?;
        let seen = ran.count("/files/seen")?;
        ensure!(seen == tree.files, "the gateway saw {seen} files");
        peak = peak.max(ran.peak_memory_bytes);
        let parsing = python::seconds(&bench.folder, &sample)?;
        // The first round warms the cache.
        if run > 0 {
            plain.push(files / reading);
            sealed.push(files / ran.collecting);
            parsed.push(sample.len() as f64 / parsing);
        }
    }
    let value = median(&sealed);
    let figure = |reference: String, against: f64, least: f64| Figure {
        work: format!("walk to sealed batch, {} files", tree.files),
        value,
        unit: "files/s",
        reference,
        ratio: value / against,
        at_least: Some(least),
        peak_memory_bytes: peak,
        runs: sealed.clone(),
    };
    let (reading, parsing) = (median(&plain), median(&parsed));
    Ok(vec![
        figure(
            format!("walk and read, {THREADS} threads: {reading:.0} files/s"),
            reading,
            READING,
        ),
        figure(
            format!(
                "python-hl7 parsing {} of the files: {parsing:.0} files/s",
                sample.len()
            ),
            parsing,
            PARSING,
        ),
    ])
}
