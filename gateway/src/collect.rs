//! Collecting: patients are visited by several threads and taken in the order of the walk, so that
//! batches do not depend on how threads were scheduled (P-24).

use std::collections::BTreeMap;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::batch::Sealer;
use crate::clock::stopwatch;
use crate::error::{Failure, Problem};
use crate::ledger::StopsMet;
use crate::report::Report;
use crate::source::{Outcome, PatientFolder, PatientReader, Plan, Visited, Walk};

/// Patients that may be on their way between the walk and the sealer: bounds memory.
const IN_FLIGHT: usize = 64;

/// Why collecting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collected {
    /// All of the plan was visited.
    Everything,
    /// The queue is full; the rest is for later.
    UntilSpoolFull,
}

/// Where visited patients end up.
pub(crate) struct Intake<'a, 's> {
    /// Seals them.
    pub(crate) sealer: Sealer<'s>,
    /// Finds stops that meet nobody.
    pub(crate) stops: StopsMet,
    /// Counts them.
    pub(crate) report: &'a mut Report,
    /// Bytes that the queue can still take.
    pub(crate) room: u64,
}

/// Visits the patients of the plan and seals what may leave.
///
/// # Errors
/// The source is missing, or our own state cannot be stored. What was sealed until then is safe.
pub(crate) fn collect(
    storages: &[PathBuf],
    plan: &Plan,
    readers: Vec<PatientReader<'_>>,
    intake: &mut Intake<'_, '_>,
) -> Result<Collected, Failure> {
    let mut walk = Walk::start(storages, plan)?;
    let (folders, work) = sync_channel::<(u64, PatientFolder)>(IN_FLIGHT);
    let (done, results) = sync_channel(IN_FLIGHT);
    let work = &Mutex::new(work);
    let collected = thread::scope(|scope| {
        for mut reader in readers {
            let done = done.clone();
            scope.spawn(move || serve(&mut reader, work, &done));
        }
        drop(done);
        // Both ends are given away, so that the threads end with it, however it ends.
        intake.take_in_order(&mut walk, folders, results)
    })?;
    intake.report.drops.merge(&walk.into_drops());
    intake.sealer.close(intake.report)?;
    if collected == Collected::Everything && matches!(plan, Plan::Everything) {
        intake.report.stops_without_patient = intake.stops.unmet();
    }
    if !intake.report.files.balanced() {
        return Err(Failure::new(
            Problem::Internal,
            "a file is not accounted for",
        ));
    }
    Ok(collected)
}

type Done = (u64, Result<Visited, Failure>);

fn serve(
    reader: &mut PatientReader<'_>,
    work: &Mutex<Receiver<(u64, PatientFolder)>>,
    done: &SyncSender<Done>,
) {
    loop {
        let next = match work.lock() {
            Ok(work) => work.recv(),
            Err(_) => return,
        };
        let Ok((index, folder)) = next else {
            return;
        };
        // A thread that ended silently would leave the others waiting for its patient.
        let visited = catch_unwind(AssertUnwindSafe(|| reader.visit(&folder)));
        let failed = |_| Err(Failure::new(Problem::Internal, "a reader thread failed"));
        if done.send((index, visited.unwrap_or_else(failed))).is_err() {
            return;
        }
    }
}

impl Intake<'_, '_> {
    fn take_in_order(
        &mut self,
        walk: &mut Walk,
        folders: SyncSender<(u64, PatientFolder)>,
        results: Receiver<Done>,
    ) -> Result<Collected, Failure> {
        let gone = || Failure::new(Problem::Internal, "reader threads ended");
        let mut progress = Progress::start();
        let mut early: BTreeMap<u64, Result<Visited, Failure>> = BTreeMap::new();
        let (mut issued, mut taken) = (0u64, 0u64);
        let mut more = true;
        loop {
            while more && issued - taken < IN_FLIGHT as u64 {
                match walk.next() {
                    Some(folder) => {
                        folders.send((issued, folder)).map_err(|_| gone())?;
                        issued += 1;
                    }
                    None => more = false,
                }
            }
            if taken == issued {
                progress.line(self.report);
                return Ok(Collected::Everything);
            }
            let visited = loop {
                match early.remove(&taken) {
                    Some(visited) => break visited?,
                    None => early.extend([results.recv().map_err(|_| gone())?]),
                }
            };
            self.take(visited)?;
            taken += 1;
            progress.show(self.report);
            if self.report.batches.sealed_bytes >= self.room {
                progress.line(self.report);
                return Ok(Collected::UntilSpoolFull);
            }
        }
    }

    fn take(&mut self, visited: Visited) -> Result<(), Failure> {
        let report = &mut *self.report;
        report.patients.seen += 1;
        report.files.add(&visited.files);
        report.count_findings(&visited.findings);
        report.drops.merge(&visited.drops);
        for (kind, count) in &visited.records {
            *report.records_read.entry(*kind).or_default() += count;
        }
        if let Some(chart) = &visited.chart {
            self.stops.met(chart);
        }
        if let Some(chart) = visited.chart.as_ref().filter(|_| visited.comes_again()) {
            self.sealer.revisit(chart)?;
        }
        report.quality.merge(&visited.quality);
        let withheld = matches!(visited.outcome, Outcome::Withheld(_));
        self.sealer.note(&visited.quality, visited.faults, withheld);
        match visited.outcome {
            Outcome::Unchanged => report.patients.unchanged += 1,
            Outcome::Quarantined => report.patients.quarantined += 1,
            Outcome::Withheld(reason) => {
                let records = visited.records.values().sum();
                report.count_withheld(reason, visited.files.read, records);
                self.sealer.withheld(reason);
            }
            Outcome::Passed {
                separated,
                pass,
                fingerprint,
            } => {
                report.patients.passed += 1;
                self.sealer.take(*separated, &pass, fingerprint, report)?;
            }
        }
        Ok(())
    }
}

/// A line on standard error that tells how far the run is.
struct Progress {
    started: Instant,
    shown: Instant,
}

const SHOW_EVERY: Duration = Duration::from_millis(1000);

impl Progress {
    fn start() -> Self {
        let now = stopwatch();
        Self {
            started: now,
            shown: now,
        }
    }

    fn show(&mut self, report: &Report) {
        if self.shown.elapsed() >= SHOW_EVERY {
            self.shown = stopwatch();
            self.line(report);
        }
    }

    fn line(&self, report: &Report) {
        let seconds = self.started.elapsed().as_secs_f64().max(0.001);
        let rate = report.files.seen as f64 / seconds;
        // A progress line that cannot be written is no reason to stop.
        let _ = writeln!(
            std::io::stderr(),
            "読取 reading: 患者 patients {} / ファイル files {} ({rate:.0}/s) / 封かん sealed {}",
            report.patients.seen,
            report.files.seen,
            report.batches.sealed,
        );
    }
}
