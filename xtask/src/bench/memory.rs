//! Peak memory of the gateway on trees of growing size (P-17, A-009).

use anyhow::Result;

use crate::bench::gateway::Gateway;
use crate::bench::tree::Tree;
use crate::bench::{Bench, Figure};

const LIMIT_BYTES: u64 = 150 << 20;
const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for files in SIZES.into_iter().filter(|files| *files <= bench.files) {
        let tree = Tree::open(bench, files)?;
        let gateway = Gateway::fresh(bench, &tree)?;
        for run in ["first", "unchanged"] {
            let peak = gateway.run()?.peak_memory_bytes;
            figures.push(Figure {
                work: format!("peak memory, {run} run, {files} files"),
                value: peak as f64 / f64::from(1 << 20),
                unit: "MiB",
                reference: "limit 150 MiB; the ratio is limit / peak".to_owned(),
                ratio: LIMIT_BYTES as f64 / peak as f64,
                at_least: Some(1.0),
                peak_memory_bytes: peak,
                runs: Vec::new(),
            });
        }
    }
    Ok(figures)
}
