//! `cargo xtask bench [NAME]`: claims about speed, as ratios against a reference measured in the
//! same run, with peak memory.

mod appliance;
mod delta;
mod feed;
mod front;
mod gate;
mod gateway;
mod identity;
mod import;
mod ingest;
mod instructions;
mod inventory;
mod memory;
mod oblivious;
mod python;
mod seal;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use crate::Workspace;

/// What `cargo xtask bench` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Which bench; all of them when absent.
    name: Option<String>,
    /// Files of the reference tree, or lines of the file that `import` takes in. Trees are kept
    /// under the target folder and used again.
    #[arg(long, default_value_t = 10_000)]
    files: u64,
    /// Counted runs of each work; the median is reported.
    #[arg(long, default_value_t = 5)]
    runs: u32,
    /// Where results go.
    #[arg(long, default_value = "out/bench")]
    out: PathBuf,
}

/// One measured figure.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    /// What was done.
    work: String,
    /// Median of the runs.
    value: f64,
    /// Unit of `value`.
    unit: &'static str,
    /// What it is held against, measured in the same run.
    reference: String,
    /// `value` divided by the reference's value.
    ratio: f64,
    /// The least ratio (or, for memory, the share of the limit left) that is asked for.
    at_least: Option<f64>,
    /// Largest resident memory of the measured process.
    peak_memory_bytes: u64,
    /// Every run, in order.
    runs: Vec<f64>,
}

impl Figure {
    fn met(&self) -> bool {
        self.at_least.is_none_or(|least| self.ratio >= least)
    }
}

/// What a bench gets.
pub(crate) struct Bench<'a> {
    workspace: &'a Workspace,
    folder: PathBuf,
    runs: u32,
    files: u64,
}

type Measure = fn(&Bench<'_>) -> Result<Vec<Figure>>;

const BENCHES: &[(&str, Measure)] = &[
    ("tree", tree::measure),
    ("ingest", ingest::measure),
    ("delta", delta::measure),
    ("feed", feed::measure),
    ("inventory", inventory::measure),
    ("memory", memory::measure),
    ("instructions", instructions::measure),
    ("front", front::measure),
    ("gate", gate::measure),
    ("import", import::measure),
    ("oblivious", oblivious::measure),
    ("identity", identity::measure),
    ("seal", seal::measure),
    ("appliance", appliance::measure),
];

/// Runs benches, prints a table each, writes `NAME.json`.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<ExitCode> {
    let chosen: Vec<_> = BENCHES
        .iter()
        .filter(|(name, _)| arguments.name.as_deref().is_none_or(|asked| asked == *name))
        .collect();
    if chosen.is_empty() {
        let names: Vec<_> = BENCHES.iter().map(|(name, _)| *name).collect();
        bail!("no such bench; there are: {}", names.join(", "));
    }
    let out = workspace.root.join(&arguments.out);
    fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    let mut all_met = true;
    for (name, measure) in chosen {
        let folder = workspace.scratch(&format!("bench-{name}"))?;
        let bench = Bench {
            workspace,
            folder,
            runs: arguments.runs.max(1),
            files: arguments.files,
        };
        let figures = measure(&bench)?;
        show(name, &figures);
        write(&out.join(format!("{name}.json")), &figures)?;
        all_met &= figures.iter().all(Figure::met);
    }
    Ok(if all_met {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn write(path: &Path, figures: &[Figure]) -> Result<()> {
    fs::write(path, serde_json::to_vec_pretty(figures)?).with_context(|| path.display().to_string())
}

#[expect(
    clippy::print_stdout,
    reason = "the purpose of the command is to print its result"
)]
fn show(name: &str, figures: &[Figure]) {
    println!("{name}");
    println!(
        "  {:<44} {:>14} {:>8} {:>9} {:>9}  peak MiB",
        "work", "value", "ratio", "at least", ""
    );
    for figure in figures {
        let least = figure
            .at_least
            .map_or("-".to_owned(), |least| format!("{least:.2}"));
        let verdict = if figure.met() { "ok" } else { "MISSED" };
        println!(
            "  {:<44} {:>10.1} {:<8} {:>5.2} {least:>9} {verdict:>9}  {:.1}",
            figure.work,
            figure.value,
            figure.unit,
            figure.ratio,
            figure.peak_memory_bytes as f64 / f64::from(1 << 20),
        );
        println!("      against: {}", figure.reference);
    }
}

/// The middle value.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
