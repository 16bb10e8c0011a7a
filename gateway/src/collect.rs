//! Collecting: patients are visited by several threads and taken in the order of the walk, so that
//! batches do not depend on how threads were scheduled (P-24).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use config::gateway::Settings;
use privacy::gate::Withheld;
use privacy::separate::subject_ref;
use record::{Drops, FindingCode};

use crate::batch::Sealer;
use crate::clock::{Trusted, stopwatch};
use crate::error::{Failure, Problem};
use crate::ledger::StopsMet;
use crate::report::Report;
use crate::source;
use crate::source::disk::Disk;
use crate::source::pace::Pacer;
use crate::source::position_digest;
use crate::source::{IsPosition, Levels, Message, Outcome, Plan, Shared, Team, Visited};
use crate::state::{Scan, prefix};

/// How often threads are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Why collecting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collected {
    /// All of the plan was visited.
    Everything,
    /// The queue is full; the rest is for later.
    UntilSpoolFull,
    /// The ledger came to say otherwise about somebody who had been read and not yet sealed.
    Overtaken,
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
    /// Who was visited, by the first bytes of the reference.
    pub(crate) visited: Vec<u64>,
}

/// What is read, by whom and how.
pub(crate) struct Reading<'p, D: Disk> {
    /// What the threads share.
    pub(crate) shared: Arc<Shared<D>>,
    /// How fast.
    pub(crate) pacer: Arc<Pacer>,
    /// The state file.
    pub(crate) state: PathBuf,
    /// Settings.
    pub(crate) settings: &'p Settings,
    /// Whom to visit.
    pub(crate) plan: &'p Plan,
    /// The last scan that visited everybody.
    pub(crate) last: Option<Scan>,
}

/// Visits the patients of the plan and seals what may leave.
///
/// # Errors
/// The source hangs, or our own state cannot be stored. What was sealed until then is safe.
pub(crate) fn collect<D: Disk>(
    reading: &Reading<'_, D>,
    intake: &mut Intake<'_, '_>,
) -> Result<Collected, Failure> {
    let mut drops = Drops::default();
    let route = reading.plan.route(&mut drops);
    let everything = matches!(reading.plan, Plan::Everything);
    let position = match everything {
        true => intake.sealer.state.position()?,
        false => None,
    };
    let begin = position.map(|position| -> IsPosition {
        let keys = Arc::clone(&reading.shared.keys);
        Arc::new(move |first, second| position_digest(&keys.site, first, second) == position)
    });
    let (mut team, results) = Team::start(
        Arc::clone(&reading.shared),
        Arc::clone(&reading.pacer),
        reading.state.clone(),
        reading.settings,
        route,
        begin,
    )?;
    let collected = intake.take_in_order(reading, &mut team, &results);
    reading.pacer.end();
    reading.shared.budget.end();
    intake.report.drops.merge(&drops);
    let counted = team.counted();
    intake.report.drops.merge(&counted.drops);
    intake.report.count_codes(&counted.findings);
    let (pauses, paused) = reading.pacer.pauses();
    intake.report.source.pauses += pauses;
    intake.report.seconds.paused += paused.as_secs_f64();
    let collected = collected?;
    if collected == Collected::Everything && everything {
        intake.report.stops_without_patient = intake.stops.unmet();
        let all = !counted.incomplete && !intake.left_out();
        if all && intake.sealer.time.is_some() {
            intake.take_back_gone(&reading.shared)?;
        }
        intake.sealer.close(intake.report)?;
        if let (false, Some(time)) = (intake.sealer.overtaken, intake.sealer.time) {
            intake.scanned(&reading.shared, all, time)?;
        }
    }
    if !intake.sealer.overtaken {
        intake.sealer.close(intake.report)?;
    }
    if intake.sealer.overtaken {
        return Ok(Collected::Overtaken);
    }
    if !intake.report.files.balanced() {
        return Err(Failure::new(
            Problem::Internal,
            "a file is not accounted for",
        ));
    }
    Ok(collected)
}

impl Intake<'_, '_> {
    /// Whether somebody's folder was left out.
    fn left_out(&self) -> bool {
        let left_out = [FindingCode::FolderHung, FindingCode::FolderUnreadable];
        let found = |code: &FindingCode| self.report.findings.contains_key(code.as_str());
        left_out.iter().any(found)
    }

    /// Takes back what stands of patients of whom no folder came up in a whole scan. They are known
    /// by keyed references only, so their numbers are sought among those of the ledger, also of
    /// patients who are withheld now: they passed once, and the ledger forgets nobody.
    fn take_back_gone<D: Disk>(&mut self, shared: &Shared<D>) -> Result<(), Failure> {
        self.visited.sort_unstable();
        let mut gone: BTreeSet<_> = self.sealer.state.gone(&self.visited)?.into_iter().collect();
        if gone.is_empty() {
            return Ok(());
        }
        for chart in shared.gate.known() {
            let subject = subject_ref(&chart, &shared.keys.site);
            if gone.remove(&subject) {
                let known = self.sealer.state.known(&subject)?;
                let visited = source::gone(shared, chart, &known)?;
                self.take(visited)?;
            }
        }
        Ok(())
    }

    /// Remembers that the scan came to its end, and what it met if it was of `all`.
    fn scanned<D: Disk>(
        &mut self,
        shared: &Shared<D>,
        all: bool,
        time: Trusted,
    ) -> Result<(), Failure> {
        let scan = Scan {
            roots: shared.roots.digest(),
            completed_at: time.seconds(),
            patients: self.report.patients.seen,
            files: self.report.files.seen,
        };
        self.sealer.state.scanned(all.then_some(&scan))
    }

    fn take_in_order<D: Disk>(
        &mut self,
        reading: &Reading<'_, D>,
        team: &mut Team<D>,
        results: &Receiver<Message>,
    ) -> Result<Collected, Failure> {
        let mut progress = Progress::start(reading);
        let mut early: BTreeMap<u64, (Levels, Result<Box<Visited>, Failure>)> = BTreeMap::new();
        let mut last = Levels::default();
        let mut taken = 0u64;
        let mut all = None;
        let mut looked = stopwatch();
        loop {
            while let Some((levels, visited)) = early.remove(&taken) {
                self.report.patients.seen += 1;
                self.take(*visited?)?;
                reading.shared.budget.release(taken);
                taken += 1;
                if self.sealer.overtaken {
                    return Ok(Collected::Overtaken);
                }
                if progress.everything && levels[..2] != last[..2] {
                    let key = &reading.shared.keys.site;
                    let position = position_digest(key, &levels[0], &levels[1]);
                    self.sealer.reached(position);
                    last = levels;
                }
                if self.report.batches.sealed_bytes >= self.room {
                    progress.line(self.report, team.share());
                    return Ok(Collected::UntilSpoolFull);
                }
            }
            if all == Some(taken) {
                progress.line(self.report, 1.0);
                return Ok(Collected::Everything);
            }
            match results.recv_timeout(LOOK_EVERY) {
                Ok(Message::Visited(number, levels, visited)) => {
                    early.insert(number, (levels, visited));
                }
                Ok(Message::WalkEnded(issued)) => all = Some(issued),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::new(Problem::Internal, "reader threads ended"));
                }
            }
            if looked.elapsed() >= LOOK_EVERY {
                looked = stopwatch();
                for (number, levels) in team.watch()? {
                    early.insert(number, (levels, Ok(Box::new(Visited::hung()))));
                }
                progress.show(self.report, team.share());
            }
        }
    }

    fn take(&mut self, mut visited: Visited) -> Result<(), Failure> {
        let report = &mut *self.report;
        self.visited.extend(visited.subject.as_ref().map(prefix));
        report.files.add(&visited.files);
        report.count_findings(&visited.findings);
        report.drops.merge(&visited.drops);
        for (kind, count) in &visited.records {
            *report.records_read.entry(*kind).or_default() += count;
        }
        if let Some(chart) = &visited.chart {
            self.stops.met(chart);
        }
        if let Some(met) = visited.met.take() {
            self.sealer.meet(met)?;
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
            Outcome::Unkeyed => report.patients.unkeyed += 1,
            Outcome::Withheld(reason) => {
                let records = visited.records.values().sum();
                report.count_withheld(reason, visited.files.read, records);
                self.sealer.withheld(reason);
                if let Some(taken) = visited.taken_back.take() {
                    self.sealer.take_back(*taken, report)?;
                }
                let stops = matches!(reason, Withheld::Stopped | Withheld::DecisionPending);
                if let Some(subject) = visited.subject.filter(|_| stops) {
                    self.sealer.also_under(&subject, &visited.numbers)?;
                }
            }
            Outcome::Passed(passed) => {
                report.patients.passed += 1;
                self.sealer.take(*passed, report)?;
            }
        }
        Ok(())
    }
}

/// A line on standard error that tells how far the run is.
struct Progress {
    pacer: Arc<Pacer>,
    started: Instant,
    shown: Instant,
    /// Patients and files of the last scan, when this one visits everybody.
    last: Option<(u64, u64)>,
    everything: bool,
}

const SHOW_EVERY: Duration = Duration::from_millis(1000);
/// A share below this is too small to reckon the rest from.
const SHARE_AT_LEAST: f64 = 0.005;

impl Progress {
    fn start<D: Disk>(reading: &Reading<'_, D>) -> Self {
        let now = stopwatch();
        let everything = matches!(reading.plan, Plan::Everything);
        let last = reading.last.as_ref().filter(|_| everything);
        Self {
            pacer: Arc::clone(&reading.pacer),
            started: now,
            shown: now,
            last: last.map(|scan| (scan.patients, scan.files)),
            everything,
        }
    }

    fn show(&mut self, report: &Report, share: f64) {
        if self.shown.elapsed() >= SHOW_EVERY {
            self.shown = stopwatch();
            self.line(report, share);
        }
    }

    fn line(&self, report: &Report, share: f64) {
        let line = self.text(report, share, self.started.elapsed());
        // A progress line that cannot be written is no reason to stop.
        let _ = writeln!(std::io::stderr(), "{line}");
    }

    /// How far it is: done, of how many at the last run, how fast, how much longer.
    fn text(&self, report: &Report, share: f64, elapsed: Duration) -> String {
        let seconds = elapsed.as_secs_f64().max(0.001);
        let (patients, files) = (report.patients.seen, report.files.seen);
        let mut line = format!("読取 reading: 患者 patients {patients}");
        if let Some((last, _)) = self.last {
            line += &format!(" / 前回 last {last}");
        }
        line += &format!(" / ファイル files {files}");
        if let Some((_, last)) = self.last {
            line += &format!(" / 前回 last {last}");
        }
        let rate = files as f64 / seconds;
        line += &format!(" ({rate:.0}/s)");
        if self.everything {
            line += &format!(" / 位置 position {:.1} %", share * 100.0);
            if (SHARE_AT_LEAST..1.0).contains(&share) {
                let minutes = (seconds * (1.0 - share) / share / 60.0).ceil();
                line += &format!(" / 残り left {minutes:.0} 分 min");
            }
        }
        line += &format!(" / 封かん sealed {}", report.batches.sealed);
        if self.pacer.paused() {
            line += " / 休止中 paused（元の装置が混雑 the source is busy）";
        }
        line
    }
}

#[cfg(test)]
mod tests;
