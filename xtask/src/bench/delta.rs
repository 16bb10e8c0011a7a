//! What a nightly run costs when one file in a thousand was updated since the last one, beside one
//! bare walk that lists every folder and looks at every file's metadata (C-16).

use anyhow::{Result, ensure};

use crate::bench::gateway::{Gateway, THREADS, reference_seconds};
use crate::bench::tree::Tree;
use crate::bench::{Bench, Figure, median};

/// One in so many files is updated between two runs.
const ONE_IN: u64 = 1_000;
/// A nightly run may take 1.3 times as long as the bare walk.
const SHARE: f64 = 1.0 / 1.3;

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let tree = Tree::open(bench, bench.files)?;
    let outcome = nightly(bench, &tree);
    tree.restore()?;
    outcome
}

fn nightly(bench: &Bench<'_>, tree: &Tree) -> Result<Vec<Figure>> {
    let gateway = Gateway::fresh(bench, tree)?;
    gateway.run()?;
    let (mut bare, mut nightly, mut changed, mut peak) = (Vec::new(), Vec::new(), 0, 0);
    let mut files = tree.files;
    for run in 0..=bench.runs {
        let updated = tree.change(ONE_IN, u64::from(run))?.len() as u64;
        // An update leaves the old version where it was.
        files += updated;
        let walk = reference_seconds(bench, "stat", &tree.storage, files)?;
        let ran = gateway.run()?;
        let sealed = ran.count("/documents_sealed")?;
        ensure!(
            sealed >= updated / 2,
            "{updated} updates gave {sealed} documents"
        );
        peak = peak.max(ran.peak_memory_bytes);
        changed += updated;
        // The first run also visits again what was young when the tree was first read.
        if run > 0 {
            bare.push(files as f64 / walk);
            nightly.push(files as f64 / ran.whole);
        }
    }
    let (value, reference) = (median(&nightly), median(&bare));
    Ok(vec![Figure {
        work: format!(
            "nightly run, {} updates, {} files",
            changed / u64::from(bench.runs + 1),
            tree.files
        ),
        value,
        unit: "files/s",
        reference: format!("list and look, {THREADS} threads: {reference:.0} files/s"),
        ratio: value / reference,
        at_least: Some(SHARE),
        peak_memory_bytes: peak,
        runs: nightly,
    }])
}
