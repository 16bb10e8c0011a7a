//! A large file of the hospital's systems, taken into the ledger (C-07): how fast, in how much
//! memory, and how long somebody else waits meanwhile who writes down one line. `--files` tells how
//! many lines it has.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use harness::deployment::{Deployment, SiteSource};
use harness::process::{Programs, Running};
use harness::scene::today;

use crate::bench::{Bench, Figure};

/// What the appliance's programs may take together.
const MEMORY: u64 = 256 << 20;
/// How long a writer waits before it fails.
const PATIENCE: f64 = 30.0;
/// How often somebody else writes one line.
const BESIDE: Duration = Duration::from_millis(500);

const IMPORTS: &str = r#"
[[ledger.imports]]
name = "notices"
what = "notices"
columns = { chart = "chart", date = "date" }
constants = { document = "2025-10", method = "handed" }
[[ledger.imports]]
name = "stops"
what = "stops"
columns = { chart = "chart", date = "date" }
constants = { requester = "self" }
"#;

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let desk = Desk::new(bench)?;
    let lines = bench.files;
    let file = desk.folder.join("notices-export.csv");
    export(&file, lines)?;
    let begun = Instant::now();
    let looked = desk.take_in("notices", &file, false)?;
    let look = begun.elapsed().as_secs_f64();
    ensure!(looked.waits.is_empty(), "nobody wrote beside a preview");
    let begun = Instant::now();
    let taken = desk.take_in("notices", &file, true)?;
    let seconds = begun.elapsed().as_secs_f64();
    let longest = taken.waits.iter().copied().fold(0.0, f64::max);
    let rate = |seconds: f64| lines as f64 / seconds;
    Ok(vec![
        Figure {
            work: format!("{lines} lines taken in"),
            value: rate(seconds),
            unit: "lines/s",
            reference: format!("the same file looked at only: {:.0} lines/s", rate(look)),
            ratio: look / seconds,
            at_least: None,
            peak_memory_bytes: taken.peak,
            runs: vec![seconds],
        },
        Figure {
            work: format!("peak memory, {lines} lines taken in"),
            value: taken.peak as f64 / f64::from(1 << 20),
            unit: "MiB",
            reference: "256 MiB; the ratio is limit / peak".to_owned(),
            ratio: MEMORY as f64 / taken.peak as f64,
            at_least: Some(1.0),
            peak_memory_bytes: taken.peak,
            runs: Vec::new(),
        },
        Figure {
            work: "one line by somebody else meanwhile, the longest".to_owned(),
            value: longest,
            unit: "s",
            reference: "30 s, after which it fails; the ratio is limit / longest".to_owned(),
            ratio: PATIENCE / longest,
            at_least: Some(1.0),
            peak_memory_bytes: 0,
            runs: taken.waits,
        },
    ])
}

/// How an import went.
struct Taken {
    peak: u64,
    /// Seconds that each line of somebody else took.
    waits: Vec<f64>,
}

/// A site whose storage is empty.
struct Desk {
    folder: PathBuf,
    config: PathBuf,
    programs: Programs,
}

impl Desk {
    fn new(bench: &Bench<'_>) -> Result<Self> {
        let programs = bench.workspace.release_programs()?;
        let folder = bench.folder.join("site");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let storage = folder.join("storage");
        fs::create_dir_all(&storage)?;
        let (notices, stops) = (folder.join("notices.csv"), folder.join("stops.csv"));
        fs::write(&notices, "patient_id,notified_on,document_version,method\n")?;
        fs::write(&stops, "patient_id,requested_on,requester\n")?;
        let source = SiteSource {
            site: "BENCH".to_owned(),
            storage,
            notices,
            stops,
        };
        let deployment = Deployment::prepare(&folder.join("run"), &[source], today())?;
        let site = deployment.sites.first().context("site")?;
        let settings = fs::read_to_string(&site.config)?;
        fs::write(&site.config, settings + IMPORTS)?;
        Ok(Self {
            config: site.config.clone(),
            folder,
            programs,
        })
    }

    fn import(&self, name: &str, file: &Path, apply: bool) -> Command {
        let mut command = self.programs.gateway();
        command.args(["ledger", "import", "--config"]);
        command.arg(&self.config).args(["--name", name, "--file"]);
        command.arg(file).args(apply.then_some("--apply"));
        command
    }

    /// Takes a file in, or looks at it; while it is taken in, somebody else writes a line now and
    /// then.
    fn take_in(&self, name: &str, file: &Path, apply: bool) -> Result<Taken> {
        let log = self.folder.join("import.log");
        let mut running = Running::start(&mut self.import(name, file, apply), &log)?;
        let mut taken = Taken {
            peak: 0,
            waits: Vec::new(),
        };
        let mut number = 0;
        let ended = loop {
            if let Some(ended) = running.ended()? {
                break ended;
            }
            taken.peak = taken.peak.max(running.peak_memory_bytes());
            sleep(BESIDE);
            if apply {
                number += 1;
                taken.waits.push(self.one_line(number)?);
            }
        };
        ensure!(ended.success(), "{}", fs::read_to_string(&log)?);
        Ok(taken)
    }

    fn one_line(&self, number: u32) -> Result<f64> {
        let file = self.folder.join("one.csv");
        fs::write(&file, format!("chart,date\nS{number:07},2026-01-05\n"))?;
        let begun = Instant::now();
        let output = self.import("stops", &file, true).output()?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{told}");
        Ok(begun.elapsed().as_secs_f64())
    }
}

fn export(path: &Path, lines: u64) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "chart,date")?;
    for line in 0..lines {
        // Not one beside the other.
        let chart = line.wrapping_mul(7_919) % lines.max(1);
        writeln!(file, "{chart:010},2026-01-05")?;
    }
    Ok(file.flush()?)
}
