//! What the appliance asks of its board: memory of what is always there, memory while it reads, how
//! fast the agent is up and what it costs over a day, and the whole system as the image boots it.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use browser::Scene;
use harness::process::{Programs, Running};
use nix::unistd::{SysconfVar, sysconf};

use crate::bench::gateway::Gateway;
use crate::bench::tree::Tree;
use crate::bench::{Bench, Figure, median};
use crate::image::machine::{Machine, Setup};
use crate::image::{self, Recipe, boot, check};

const MIB: f64 = 1_048_576.0;
/// Idle memory that is asked for, and what is published of others: the agent of thin-edge.io with
/// what it starts, and the lite nucleus of Greengrass.
const IDLE_MIB: f64 = 15.0;
const OTHERS: &str =
    "15 MiB asked for; published: tedge-agent 34 MiB in all, Greengrass lite 14.8 MB";
const READING_MIB: f64 = 64.0;
const START_SECONDS: f64 = 1.0;
const BOOT_SECONDS: f64 = 25.0;
const SYSTEM_MIB: f64 = 80.0;
const ROOT_MB: f64 = 64.0;
/// Of one core.
const CPU_SHARE: f64 = 0.01;
/// Measurements of a day, one a minute.
const DAY: f64 = 1_440.0;
/// So many measurements, one a second, tell what one costs.
const MEASURED: u64 = 60;
const TOWN: u32 = 250;
const PATIENCE: Duration = Duration::from_secs(60);
const SETTLED: Duration = Duration::from_secs(3);
const READY: &str = " ready, slot ";

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let programs = bench.workspace.release_programs()?;
    let mut figures = vec![start(bench, &programs)?, day(bench, &programs)?];
    figures.push(idle(bench, &programs)?);
    figures.push(reading(bench, &programs)?);
    figures.extend(booted(bench)?);
    Ok(figures)
}

/// A figure that has to stay below a limit.
fn below(work: &str, found: &[f64], unit: &'static str, limit: f64, reference: &str) -> Figure {
    let value = median(found);
    Figure {
        work: work.to_owned(),
        value,
        unit,
        reference: format!("{reference}; the ratio is limit / value"),
        ratio: limit / value,
        at_least: Some(1.0),
        peak_memory_bytes: 0,
        runs: found.to_vec(),
    }
}

/// An agent with a folder of its own, from its first measurement on.
struct Agent {
    running: Running,
    /// From its start to its first measurement.
    seconds: f64,
}

impl Agent {
    fn start(bench: &Bench<'_>, programs: &Programs, interval: u64) -> Result<Self> {
        let folder = bench.folder.join("agent");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let mut command = programs.agent();
        command.args(["run", "--interval", &interval.to_string()]);
        command.arg("--data-dir").arg(&folder);
        let begin = Instant::now();
        let mut running = Running::start(&mut command, &bench.folder.join("agent.log"))?;
        while !folder.join("health.json").exists() {
            ensure!(running.ended()?.is_none(), "the agent has ended");
            ensure!(begin.elapsed() < PATIENCE, "the agent measures nothing");
            sleep(Duration::from_millis(1));
        }
        let seconds = begin.elapsed().as_secs_f64();
        Ok(Self { running, seconds })
    }
}

fn start(bench: &Bench<'_>, programs: &Programs) -> Result<Figure> {
    let runs = (0..bench.runs).map(|_| Ok(Agent::start(bench, programs, 60)?.seconds));
    let runs: Vec<f64> = runs.collect::<Result<_>>()?;
    let work = "agent: start to the first measurement";
    Ok(below(work, &runs, "s", START_SECONDS, "1 s asked for"))
}

/// O-09, P-06: what a day costs.
fn day(bench: &Bench<'_>, programs: &Programs) -> Result<Figure> {
    let agent = Agent::start(bench, programs, 1)?;
    let before = cpu_seconds(agent.running.id())?;
    sleep(Duration::from_secs(MEASURED));
    let spent = cpu_seconds(agent.running.id())? - before;
    let share = spent / MEASURED as f64 * DAY / 86_400.0 * 100.0;
    let work = "agent: one core over a day, one measurement a minute";
    let reference = "1 % asked for; from 60 measurements, one a second";
    Ok(below(work, &[share], "%", CPU_SHARE * 100.0, reference))
}

/// What is always there: the agent, and the gateway's page.
fn idle(bench: &Bench<'_>, programs: &Programs) -> Result<Figure> {
    let agent = Agent::start(bench, programs, 60)?;
    let scene = Scene::on(programs.clone(), TOWN)?;
    sleep(SETTLED);
    let both = pss(agent.running.id())? + pss(scene.page_process())?;
    let work = "idle: agent and the gateway's page, PSS";
    Ok(below(work, &[both / MIB], "MiB", IDLE_MIB, OTHERS))
}

/// the gateway at full work, and the agent beside it.
fn reading(bench: &Bench<'_>, programs: &Programs) -> Result<Figure> {
    let agent = Agent::start(bench, programs, 60)?;
    let tree = Tree::open(bench, bench.files)?;
    let gateway = Gateway::fresh(bench, &tree)?;
    let peak = gateway.run()?.peak_memory_bytes as f64;
    let both = (peak + pss(agent.running.id())?) / MIB;
    let work = format!("reading {} files: gateway's peak, agent", bench.files);
    Ok(below(
        &work,
        &[both],
        "MiB",
        READING_MIB,
        "64 MiB asked for",
    ))
}

/// The image with these programs, in a machine in software.
fn booted(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let workspace = bench.workspace;
    let image = image::build(&Recipe {
        workspace,
        programs: image::release_programs(workspace, false)?,
        out: workspace.scratch("image/bench")?,
        version: image::VERSION,
        probe: true,
        signer: boot::Signer::for_tests(&workspace.scratch("image")?)?,
        update_root: None,
        operator: None,
        broken: None,
        fresh_base: false,
        loud: false,
    })?;
    let root = fs::metadata(&image.root)?.len() as f64 / 1e6;
    let (mut seconds, mut used) = (Vec::new(), Vec::new());
    for _ in 0..bench.runs {
        let folder = bench.folder.join("machine");
        let mut machine = Machine::start(&folder, &Setup::of(&image.disk))?;
        seconds.push(machine.wait_for(READY)?.as_secs_f64());
        used.push(machine.ask(check::MEMORY)?.trim().parse()?);
    }
    let emulated =
        "asked for; QEMU without hardware, the first start, which makes the data partition";
    Ok(vec![
        below(
            "image: power to ready",
            &seconds,
            "s",
            BOOT_SECONDS,
            &format!("25 s {emulated}"),
        ),
        below(
            "image: memory used when ready",
            &used,
            "MiB",
            SYSTEM_MIB,
            "80 MiB asked for, of 512",
        ),
        below("image: root", &[root], "MB", ROOT_MB, "64 MB asked for"),
    ])
}

/// Proportional share of a process, in bytes: what it shares counts in part.
fn pss(process: u32) -> Result<f64> {
    let text = fs::read_to_string(
        Path::new("/proc")
            .join(process.to_string())
            .join("smaps_rollup"),
    )?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next());
    let kilobytes: f64 = kilobytes.context("no Pss")?.parse()?;
    Ok(kilobytes * 1_024.0)
}

/// What a process has spent of processors so far.
fn cpu_seconds(process: u32) -> Result<f64> {
    let text = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat"))?;
    // The name may hold blanks; it ends with a bracket.
    let rest = text.rsplit_once(')').context("stat")?.1;
    let field = |at: usize| -> Result<f64> {
        let field = rest.split_whitespace().nth(at).context("stat")?;
        Ok(field.parse()?)
    };
    let ticks = sysconf(SysconfVar::CLK_TCK)?.context("ticks")? as f64;
    Ok((field(11)? + field(12)?) / ticks)
}
