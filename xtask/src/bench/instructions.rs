//! Instructions per file of each stage, counted by callgrind: the same on a busy machine as on a
//! quiet one, so that changes can be compared. `docs/bench.md` holds the table.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::bench::tree::Tree;
use crate::bench::{Bench, Figure};

/// Files that go through each stage.
const FILES: &str = "400";
const SIZE: u64 = 10_000;
const STAGES: [&str; 5] = ["decode", "tokenize", "read", "separate", "seal"];

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let tree = Tree::open(bench, SIZE)?;
    let mut figures = Vec::new();
    let mut counts = Vec::new();
    for stage in STAGES {
        let (instructions, files) = count(bench, stage, &tree.storage)?;
        counts.push(instructions / files);
        figures.push(figure(stage, instructions / files));
    }
    if let [decode, tokenize, read, ..] = counts.as_slice() {
        figures.push(figure("map (read without both)", read - decode - tokenize));
    }
    Ok(figures)
}

fn figure(stage: &str, value: f64) -> Figure {
    Figure {
        work: stage.to_owned(),
        value,
        unit: "instr/file",
        reference: format!("callgrind, the first {FILES} files of the tree of {SIZE}"),
        ratio: 1.0,
        at_least: None,
        peak_memory_bytes: 0,
        runs: vec![value],
    }
}

/// Instructions of a stage and the number of files.
fn count(bench: &Bench<'_>, stage: &str, storage: &Path) -> Result<(f64, f64)> {
    let program = bench.workspace.measure_program()?;
    let out = bench.folder.join(format!("callgrind.{stage}"));
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--toggle-collect=*stage_{stage}*"))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program)
        .args(["stage", stage])
        .arg(storage)
        .args(["--files", FILES])
        .output()
        .context("valgrind is needed (Debian package: valgrind)")?;
    let told = String::from_utf8_lossy(&run.stderr);
    ensure!(run.status.success(), "callgrind of {stage}: {told}");
    let outcome: Value = serde_json::from_slice(&run.stdout)?;
    let files = outcome.get("files").and_then(Value::as_f64);
    let instructions = total(&fs::read_to_string(&out)?)?;
    Ok((instructions, files.context("files")?))
}

/// The total of a callgrind file.
fn total(text: &str) -> Result<f64> {
    let line = ["totals:", "summary:"]
        .iter()
        .find_map(|name| text.lines().find_map(|line| line.strip_prefix(name)));
    let total: f64 = line.context("callgrind gave no total")?.trim().parse()?;
    if total <= 0.0 {
        bail!("nothing was counted: is the function of the stage still there?");
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_of_a_callgrind_file_is_read() {
        let file = "# callgrind format\nevents: Ir\nsummary: 12\n\nfn=(1)\n1 12\ntotals: 12\n";
        assert_eq!(total(file).ok(), Some(12.0));
        assert!(total("events: Ir\n").is_err());
        assert!(total("totals: 0\n").is_err());
    }
}
