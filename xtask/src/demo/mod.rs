//! `cargo xtask demo`: the whole way of a record on this machine, from storages to an anonymized
//! data set, with the real programs as processes of their own.

mod accuracy;
mod appliance;
pub(crate) mod check;
mod line;
mod page;
pub(crate) mod source;
mod summing;

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use harness::deployment::{Deployment, SiteSource};
use harness::job::Job;
use harness::scene::{today, town_sources, truth, write_town};
use harness::summary::{Summary, grouped};
use town::{TownPlan, Truth};

use crate::Workspace;

/// What `cargo xtask demo` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Persons of the synthetic town; 2,000 unless said otherwise.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    persons: Option<u32>,
    /// Seed of the synthetic town.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Read this SS-MIX2 standardized storage (a folder or a tar archive) instead of a town. Its
    /// patients count as notified 60 days ago.
    #[arg(long, value_name = "DIR")]
    storage: Option<PathBuf>,
    /// Where everything goes. A second run with the same folder continues where the first ended.
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// Have hospital A read by the disk image in a machine in software, which sends through a
    /// tunnel. Takes root; 100 persons unless said otherwise.
    #[arg(long, conflicts_with = "storage")]
    image: bool,
    /// The command itself, within a network of its own.
    #[arg(long, hide = true, requires = "image")]
    within: bool,
}

impl Arguments {
    /// A machine in software reads slowly.
    fn persons(&self) -> u32 {
        match self.persons {
            Some(persons) => persons,
            None if self.image => 100,
            None => 2_000,
        }
    }
}

/// What there is to read, and what is true about it.
struct Material {
    /// Its own folder: state of one material never mixes with another's.
    folder: PathBuf,
    sites: Vec<SiteSource>,
    truth: Option<Truth>,
    /// Strings that must not be found in a release, one a line.
    lint_list: Option<PathBuf>,
}

/// Runs the demo.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<ExitCode> {
    let out = std::path::absolute(&arguments.out)?;
    if let Some(storage) = arguments
        .storage
        .as_deref()
        .filter(|storage| !storage.exists())
    {
        bail!(
            "ストレージ {0} がありません。--storage の場所を確認してください。\n\
             There is no storage at {0}. Check --storage.",
            storage.display()
        );
    }
    // What an earlier run left must not be taken for the result of this one.
    for name in ["report.html", "summary.json"] {
        let path = out.join(name);
        if path.exists() {
            fs::remove_file(&path)?;
        }
    }
    let mut steps = Steps::default();
    if arguments.image && !arguments.within {
        return appliance::in_network_of_its_own(workspace, arguments, &out);
    }
    steps.announce("組み立て", "building the programs");
    let programs = workspace.dev_programs()?;
    let begin = Instant::now();
    let material = material(arguments, &out, &mut steps)?;
    let root = material.folder.join("run");
    let deployment = Deployment::prepare(&root, &material.sites, today())?;
    let mut job = Job::new(deployment, programs);

    let mut summary = Summary::default();
    let front_peak = match arguments.image {
        true => appliance::run_sites(workspace, &mut job, &mut summary, &mut steps)?,
        false => {
            steps.announce("送り出し", "gateways: read, screen, separate, seal, send");
            run_sites(&job, &mut summary)?
        }
    };
    steps.done("送り出し gateways");
    steps.announce("受け入れ・名寄せ・匿名加工", "core: open, link, make");
    let release = summing::core(&job, material.lint_list.as_deref(), &mut summary)?;
    steps.done("センター core");
    if let Some(truth) = &material.truth {
        accuracy::compare(&job, truth, &mut summary)?;
    }
    summary.peak_memory_bytes = summary.peak_memory_bytes.max(front_peak);
    summary.steps = steps.taken;
    summary.seconds = begin.elapsed().as_secs_f64();
    finish(&out, &release, &summary)?;
    Ok(ExitCode::SUCCESS)
}

fn material(arguments: &Arguments, out: &Path, steps: &mut Steps) -> Result<Material> {
    if let Some(storage) = &arguments.storage {
        let folder = out.join(format!("storage-{}", source::label(storage)?));
        steps.announce("見本の準備", "preparing the storage");
        let storage = match storage.is_file() {
            true => source::unpacked(storage, &folder.join("unpacked"))?,
            false => storage.clone(),
        };
        let site = source::of_storage(&storage, &folder.join("ledger"), "HOSPITAL-A")?;
        steps.done("見本の準備 storage");
        return Ok(Material {
            folder,
            sites: vec![site],
            truth: None,
            lint_list: None,
        });
    }
    steps.announce("町づくり", "making the synthetic town");
    let folder = out.join(format!("town-{}-{}", arguments.seed, arguments.persons()));
    let root = folder.join("town");
    let stamp = format!("seed {} persons {}\n", arguments.seed, arguments.persons());
    let done = root.join("complete.txt");
    if fs::read_to_string(&done).ok().as_deref() != Some(&stamp) {
        if root.exists() {
            fs::remove_dir_all(&root)?;
        }
        let plan = TownPlan {
            seed: arguments.seed,
            persons: arguments.persons(),
            as_of: today(),
        };
        write_town(&root, &plan, &mut |done, total| steps.progress(done, total))?;
        fs::write(&done, &stamp)?;
    }
    steps.done("町づくり town");
    let truth = truth(&root)?;
    let lint_list = root.join("identifiers.txt");
    fs::write(&lint_list, truth.identifiers.join("\n"))?;
    let sites = town_sources(&root);
    Ok(Material {
        folder,
        sites,
        truth: Some(truth),
        lint_list: Some(lint_list),
    })
}

/// Runs the front and all gateways at once; gives the front's peak memory.
fn run_sites(job: &Job, summary: &mut Summary) -> Result<u64> {
    let mut front = job.start_front()?;
    run_gateways(job, 0..job.deployment.sites.len(), summary)?;
    let peak = front.peak_memory_bytes();
    front.kill()?;
    Ok(peak)
}

/// Runs the gateways of some sites at once.
fn run_gateways(job: &Job, sites: Range<usize>, summary: &mut Summary) -> Result<()> {
    let gateways: Vec<_> = sites
        .map(|site| Ok((site, job.start_gateway(site, &[])?)))
        .collect::<Result<_>>()?;
    for (site, mut gateway) in gateways {
        let status = gateway.wait()?;
        if !status.success() {
            let log = fs::read_to_string(job.gateway_log(site)?).unwrap_or_default();
            let told: Vec<_> = log.lines().filter(|line| !line.starts_with('{')).collect();
            bail!(
                "{status}\n{}",
                told[told.len().saturating_sub(8)..].join("\n")
            );
        }
        summing::gateway(&job.gateway_report(site)?, summary)?;
    }
    Ok(())
}

fn finish(out: &Path, made: &Path, summary: &Summary) -> Result<()> {
    let release = out.join("release");
    if release.exists() {
        fs::remove_dir_all(&release)?;
    }
    copy_folder(made, &release)?;
    fs::write(
        out.join("summary.json"),
        serde_json::to_vec_pretty(summary)?,
    )?;
    fs::write(out.join("report.html"), page::page(summary))?;
    screen(out, summary);
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "the purpose of the command is to print its result"
)]
fn screen(out: &Path, summary: &Summary) {
    let rate = |value: Option<f64>| value.map_or("—".to_owned(), |v| format!("{v:.5}"));
    let withheld = withheld(summary);
    println!();
    if summary.batches == 0 && summary.sent == 0 {
        println!("前回から変わったものがないため、何も送りませんでした。二重送信はありません。");
        println!(
            "Nothing has changed since the last run: nothing was sent, nothing was sent twice."
        );
    }
    for (ja, en, value) in [
        ("ファイル", "files", grouped(summary.files)),
        ("  変更なし", "unchanged", grouped(summary.unchanged_files)),
        ("読んだ記録", "records read", grouped(summary.records)),
        (
            "提供しない患者（施設ごと）",
            "site-patients withheld",
            withheld,
        ),
        (
            "封かんした記録",
            "records sealed",
            grouped(summary.sealed_records),
        ),
        (
            "束: 封かん/送信/受領(累計)",
            "batches sealed/sent/accepted in all",
            format!(
                "{} / {} / {}",
                summary.batches, summary.sent, summary.accepted
            ),
        ),
        ("人", "persons linked", grouped(summary.persons)),
        (
            "適合率 / 再現率",
            "precision / recall",
            format!("{} / {}", rate(summary.precision), rate(summary.recall)),
        ),
        (
            "k / 除いた人",
            "k reached / persons suppressed",
            format!("{} / {}", summary.k, grouped(summary.suppressed)),
        ),
        (
            "提供した行",
            "rows released",
            grouped(summary.rows_released),
        ),
        ("時間", "seconds", format!("{:.1}", summary.seconds)),
        (
            "最大メモリ",
            "largest process, MiB",
            format!(
                "{:.1}",
                summary.peak_memory_bytes as f64 / f64::from(1 << 20)
            ),
        ),
    ] {
        println!("  {ja} ({en}): {value}");
    }
    if let Some((ja, en)) = page::elsewhere(summary) {
        println!("  {ja}\n  {en}");
    }
    println!("\n  {}", out.join("report.html").display());
    println!("  {}", out.join("summary.json").display());
    println!("  {}", out.join("release").display());
}

/// Who was withheld, by reason in words.
fn withheld(summary: &Summary) -> String {
    let reasons: Vec<_> = summary
        .withheld
        .iter()
        .map(|(reason, count)| format!("{} {}", page::reason_name(reason), grouped(count.persons)))
        .collect();
    match reasons.is_empty() {
        true => "なし none".to_owned(),
        false => reasons.join(", "),
    }
}

/// Announces steps and remembers how long each took.
struct Steps {
    started: Instant,
    taken: Vec<(String, f64)>,
}

impl Default for Steps {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            taken: Vec::new(),
        }
    }
}

impl Steps {
    #[expect(clippy::print_stdout, reason = "progress of a long command")]
    fn announce(&mut self, ja: &str, en: &str) {
        self.started = Instant::now();
        println!("▶ {ja} / {en}");
    }

    /// Shows how far the step is, at every tenth part.
    #[expect(clippy::print_stdout, reason = "progress of a long command")]
    fn progress(&self, done: u64, total: u64) {
        let tenths = |part: u64| part * 10 / total.max(1);
        if done > 0 && tenths(done) > tenths(done - 1) {
            println!("  {} / {}", grouped(done), grouped(total));
        }
    }

    fn done(&mut self, name: &str) {
        self.taken
            .push((name.to_owned(), self.started.elapsed().as_secs_f64()));
    }
}
