//! `cargo xtask test power`: the power is cut at any moment, and nothing is lost (C-09).
//!
//! A machine with the image reads, seals and sends, on a disk of which every write and every flush
//! is kept. Each crash state is that disk at some moment, with a random part of what was not
//! flushed. Its file system has to come back by its journal alone; the gateway goes on from it,
//! against a front that has what had arrived by then; and in the end the core has every document
//! once, as without a power cut.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use harness::process::Programs;
use harness::scene::today;
use town::TownPlan;

use super::check;
use super::write_log::Chance;
use crate::Workspace;
use crate::test::Outcome;

mod capture;
mod contents;
mod line;
mod resumed;

use capture::{Capture, capture};
use contents::Contents;
use resumed::{Bench, Given};

/// Crash states on every change, and with `--full`.
const FEW: u64 = 100;
const MANY: u64 = 1_000;
/// How many to try instead, and what they follow from.
const NUMBER: &str = "SEKISHO_DATA_CUTS";
const SEED: &str = "SEKISHO_DATA_CUTS_SEED";
const FIRST_SEED: u64 = 1;
const PERSONS: u32 = 60;

/// Crash states for every change.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<Outcome> {
    cuts(workspace, FEW)
}

/// Crash states for `--full`.
pub(crate) fn full(workspace: &Workspace) -> anyhow::Result<Outcome> {
    cuts(workspace, MANY)
}

fn cuts(workspace: &Workspace, number: u64) -> anyhow::Result<Outcome> {
    let number = setting(NUMBER, number)?;
    let seed = setting(SEED, FIRST_SEED)?;
    let folder = super::emptied(workspace, "image/power")?;
    let image = check::probed(workspace)?;
    let begin = Instant::now();
    let plan = TownPlan {
        seed,
        persons: PERSONS,
        as_of: today(),
    };
    // Built with the image.
    let programs = Programs::in_folder(&workspace.target.join("debug"))?;
    let captured = capture(&folder, &image.disk, &programs, &plan)?;
    let capturing = begin.elapsed();
    let whole = undisturbed(&folder, &captured)?;
    let begin = Instant::now();
    let seen = all_states(&folder, &captured, &whole, seed, number)?;
    let each = begin.elapsed().as_secs_f64() / number.max(1) as f64;
    Ok(Outcome::Passed(format!(
        "{number} power cuts (seed {seed}) in {} writes with {} flushes, {} journals played back, \
         {} documents each time, in {} batches; writing took {:.0} s, a cut {each:.2} s",
        captured.log.entries().len(),
        captured.log.flushes().len(),
        seen.recovered.load(Ordering::Relaxed),
        whole.documents.len(),
        captured.arrivals.len(),
        capturing.as_secs_f64(),
    )))
}

/// A number from the environment.
fn setting(name: &str, otherwise: u64) -> anyhow::Result<u64> {
    let Some(text) = env::var_os(name) else {
        return Ok(otherwise);
    };
    let number = text.to_str().and_then(|text| u64::from_str(text).ok());
    number.with_context(|| format!("{name} is no number"))
}

/// What the core has of a site that was never cut off.
fn undisturbed(folder: &Path, captured: &Capture) -> anyhow::Result<Contents> {
    let bench = Bench::new(&folder.join("whole"), captured)?;
    let given = Given {
        arrived: &[],
        disk: None,
    };
    let whole = bench.go_on(captured, &given)?;
    whole.same_as(&whole).context("without a power cut")?;
    // The machine itself has sent all of it, too, and the core takes it.
    let names: Vec<&str> = captured.arrivals.keys().map(String::as_str).collect();
    let machine = Given {
        arrived: &names,
        disk: None,
    };
    let sent = bench.has(captured, &machine)?;
    sent.same_as(&whole).context("the machine")?;
    nothing_is_left_to_do(&bench, folder, captured, &names)?;
    a_disk_that_lies_is_noticed(&bench, captured, &names, &whole)?;
    Ok(whole)
}

/// From the disk as the machine left it, a run sends nothing more: the log tells all of it.
fn nothing_is_left_to_do(
    bench: &Bench,
    folder: &Path,
    captured: &Capture,
    names: &[&str],
) -> anyhow::Result<()> {
    let end = folder.join("end.img");
    sparse(&captured.before, &end)?;
    let log = &captured.log;
    log.state(&end, log.entries().len(), 0)?;
    ensure!(!recover(&end)?, "the machine has not let go of its disk");
    let given = Given {
        arrived: names,
        disk: Some(&end),
    };
    let after = bench.go_on(captured, &given)?.batches;
    ensure!(
        usize::try_from(after)? == names.len(),
        "of {} batches came {after}",
        names.len()
    );
    Ok(())
}

/// Without this the test could not fail: a disk that keeps nothing of what was flushed loses the
/// record of what was sent, and that has to show.
fn a_disk_that_lies_is_noticed(
    bench: &Bench,
    captured: &Capture,
    names: &[&str],
    whole: &Contents,
) -> anyhow::Result<()> {
    let given = Given {
        arrived: names,
        disk: Some(&captured.before),
    };
    let outcome = bench.go_on(captured, &given);
    let good = outcome.and_then(|it| it.same_as(whole)).is_ok();
    ensure!(!good, "a disk that keeps nothing is not noticed");
    Ok(())
}

/// One crash state.
#[derive(Debug, Clone, Copy)]
struct Cut {
    /// How many entries of the log had been told to the disk.
    upto: usize,
    seed: u64,
}

/// What was seen in all states.
#[derive(Default)]
struct Seen {
    /// File systems whose journal had to be played back.
    recovered: AtomicU64,
}

fn all_states(
    folder: &Path,
    captured: &Capture,
    whole: &Contents,
    seed: u64,
    number: u64,
) -> anyhow::Result<Seen> {
    let mut chance = Chance(seed);
    let entries = captured.log.entries().len() as u64;
    let mut cuts: Vec<Cut> = (0..number)
        .map(|_| Cut {
            upto: usize::try_from(chance.next() % (entries + 1)).unwrap_or(0),
            seed: chance.next(),
        })
        .collect();
    // In the order of the log, so that each state begins where the one before it was.
    cuts.sort_by_key(|cut| cut.upto);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let seen = Seen::default();
    thread::scope(|scope| {
        let parts = cuts.chunks(cuts.len().div_ceil(workers).max(1));
        let workers: Vec<_> = (0..)
            .zip(parts)
            .map(|(at, part)| {
                let folder = folder.join(format!("worker-{at}"));
                let seen = &seen;
                scope.spawn(move || Worker::new(folder, captured)?.run(part, whole, seen))
            })
            .collect();
        for worker in workers {
            let ended = worker.join();
            ended.map_err(|_| anyhow::anyhow!("a worker has ended early"))??;
        }
        Ok::<_, anyhow::Error>(())
    })?;
    Ok(seen)
}

/// Builds states one after the other, and goes on from each.
struct Worker<'a> {
    captured: &'a Capture,
    bench: Bench,
    /// What was flushed so far, and how many entries that is.
    flushed: PathBuf,
    reached: usize,
    state: PathBuf,
}

impl<'a> Worker<'a> {
    fn new(folder: PathBuf, captured: &'a Capture) -> anyhow::Result<Self> {
        let bench = Bench::new(&folder, captured)?;
        let flushed = folder.join("flushed.img");
        sparse(&captured.before, &flushed)?;
        Ok(Self {
            captured,
            bench,
            flushed,
            reached: 0,
            state: folder.join("state.img"),
        })
    }

    fn run(mut self, cuts: &[Cut], whole: &Contents, seen: &Seen) -> anyhow::Result<()> {
        for cut in cuts {
            let outcome = self.cut(*cut, whole, seen);
            outcome.with_context(|| {
                format!(
                    "power cut after entry {} with seed {}, see {}",
                    cut.upto,
                    cut.seed,
                    self.state.display()
                )
            })?;
        }
        Ok(())
    }

    fn cut(&mut self, cut: Cut, whole: &Contents, seen: &Seen) -> anyhow::Result<()> {
        let log = &self.captured.log;
        let told = log.entries().get(..cut.upto).context("no such entries")?;
        let flushed = told.iter().rposition(|entry| entry.flushes());
        let flushed = flushed.map_or(0, |at| at + 1);
        let write = |path: &Path| fs::OpenOptions::new().write(true).open(path);
        log.apply(&write(&self.flushed)?, self.reached..flushed)?;
        self.reached = flushed;
        sparse(&self.flushed, &self.state)?;
        log.keep_some(&write(&self.state)?, flushed..cut.upto, cut.seed)?;
        let recovered = recover(&self.state)?;
        seen.recovered
            .fetch_add(recovered.into(), Ordering::Relaxed);
        let arrived = arrived(self.captured, cut);
        let given = Given {
            arrived: &arrived,
            disk: Some(&self.state),
        };
        self.bench.go_on(self.captured, &given)?.same_as(whole)
    }
}

/// The batches that the front has when the power is cut. Of one that is under way it may have been
/// either.
fn arrived(captured: &Capture, cut: Cut) -> Vec<&str> {
    let length = captured.log.length(cut.upto);
    let mut chance = Chance(!cut.seed);
    let arrivals = captured.arrivals.iter();
    // In the order of their numbers, which is that of their names.
    let there = arrivals.take_while(|(_, arrival)| {
        length > arrival.told_after
            || (length >= arrival.not_before && chance.next().is_multiple_of(2))
    });
    there.map(|(name, _)| name.as_str()).collect()
}

/// Brings a file system back as every start of the device does. It must not need more than its
/// journal, and must be whole afterwards. Whether the journal was played back.
fn recover(disk: &Path) -> anyhow::Result<bool> {
    let mut check = Command::new("e2fsck");
    let ended = check.arg("-p").arg(disk).output().context("e2fsck")?;
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    ensure!(
        matches!(ended.status.code(), Some(0 | 1)),
        "e2fsck -p ended with {}: {said}",
        ended.status
    );
    let mut whole = Command::new("e2fsck");
    let whole = whole.args(["-f", "-n"]).arg(disk).output()?;
    ensure!(
        whole.status.success(),
        "not whole after its journal: {}",
        String::from_utf8_lossy(&whole.stdout)
    );
    Ok(said.contains("recovering journal"))
}

fn sparse(from: &Path, to: &Path) -> anyhow::Result<()> {
    let mut copy = Command::new("cp");
    copy.arg("--sparse=always").arg(from).arg(to);
    super::tool::Tool(&mut copy).run().map(drop)
}
