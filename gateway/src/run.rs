//! One run: read everything that changed, seal what may leave, deliver what waits.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use config::gateway::Settings;
use formats::Municipality;
use nix::fcntl::{Flock, FlockArg};
use privacy::gate::Gate;
use privacy::order::SharedCards;
use record::{BatchId, FindingCode};

use crate::agreed::Agreed;
use crate::batch::{Book, Gathered, Sealer};
use crate::certificate;
use crate::clock::{self, Look, Trusted};
use crate::collect::{Collected, Intake, Reading, collect};
use crate::error::{Failure, Problem};
use crate::evaluation::Service;
use crate::examples::Gathering;
use crate::feed::{self, Desk, Planned};
use crate::keys::Keys;
use crate::last_run::LastRun;
use crate::ledger::{self, Ledger, LedgerKey, Met, Sharing, StopsMet};
use crate::letters::{self, LettersReport};
use crate::quality::Reports;
use crate::recall::{Recalled, recall};
use crate::report::{LedgerReport, Report, peak_memory_bytes};
use crate::send::{self, Moment as SendMoment, Sent, send_all};
use crate::source::budget::Budget;
use crate::source::disk::{Disk, LocalDisk};
use crate::source::pace::{Pace, Pacer};
use crate::source::turns::Turns;
use crate::source::{Beside, Plan, Roots, Shared};
use crate::spool::{Spool, private_folder, write_durably};
use crate::standing;
use crate::state::{Scan, State};
use crate::status;
use transfer::Full;

/// The state file, in the state folder.
pub(crate) const STATE_FILE: &str = "state.sqlite";

/// Whether a run delivers what it sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Deliver.
    Send,
    /// Deliver in the site's slot of the night (O-12).
    AtSlot,
    /// Leave everything in the queue.
    Hold,
}

/// Runs once. The report is filled as far as the run came, also when it fails.
///
/// # Errors
/// What stopped the run. What was sealed is safe in the queue and goes out at a later run.
pub(crate) fn run(
    settings: &Settings,
    delivery: Delivery,
    report: &mut Report,
) -> Result<(), Failure> {
    private_folder(&settings.state.folder)?;
    let _lock = lock(&settings.state.folder)?;
    own(settings)?;
    standing::check(settings)?;
    let keys = Arc::new(Keys::load(settings)?);
    let mut state = State::open(&settings.state.folder.join(STATE_FILE))?;
    let Look { now, trusted } = clock::look(&settings.clock, &state)?;
    let spool = Spool::open(settings.state.folder.join("spool"), &state)?;
    let result = match trusted {
        Ok(time) => {
            let moment = Moment { now, time };
            collect_and_send(
                settings, &keys, &mut state, &spool, moment, delivery, report,
            )
        }
        Err(doubt) => {
            only_collect(settings, &keys, &mut state, &spool, now, report).and_then(|()| Err(doubt))
        }
    };
    report.batches.waiting = state.waiting()?.len() as u64;
    report.peak_memory_bytes = peak_memory_bytes();
    result
}

/// After a run that could not reach the centre, the next that nobody waits for begins a random
/// while later: after an outage a whole fleet comes back (O-11).
pub(crate) fn come_back(settings: &Settings) {
    let last = LastRun::read(&settings.state.folder).and_then(|run| run.problem);
    let away = [
        Problem::FrontUnreachable,
        Problem::NetworkDown,
        Problem::NetworkRoute,
        Problem::SpoolFull,
    ];
    if away
        .iter()
        .any(|problem| last.as_deref() == Some(problem.code()))
    {
        let pause = transfer::return_after(send::random());
        tracing::info!(seconds = pause.as_secs(), "waits before it calls again");
        std::thread::sleep(pause);
    }
}

/// When a run goes on, and that this is confirmed.
#[derive(Clone, Copy)]
struct Moment {
    now: clock::Now,
    time: Trusted,
}

/// Without a confirmed time the source is read and everything is counted, stops of the lists take
/// effect on what waits, and nothing is sealed or sent (P-19). A run that is tried again within
/// some hours leaves the source alone.
fn only_collect(
    settings: &Settings,
    keys: &Arc<Keys>,
    state: &mut State,
    spool: &Spool,
    now: clock::Now,
    report: &mut Report,
) -> Result<(), Failure> {
    let (mut watch, stops) = Watch::start(settings, None, now, &mut report.ledger)?;
    let reports = Reports::of(&settings.state.folder, &settings.limits);
    recall(&watch.gate, keys, state, spool, &reports, report)?;
    let since = |at: i64| (now.seconds - at).unsigned_abs();
    if state
        .only_collected()?
        .map(since)
        .is_some_and(|it| it < COLLECTED_SECONDS)
    {
        return Ok(());
    }
    let started = clock::stopwatch();
    let everything = Planned::everything();
    collect_once(
        settings,
        keys,
        &mut watch,
        stops,
        state,
        spool,
        now,
        None,
        &everything,
        report,
    )?;
    report.seconds.collect += started.elapsed().as_secs_f64();
    recall(&watch.gate, keys, state, spool, &reports, report)?;
    state.collected_only(Some(now.seconds))
}

fn collect_and_send(
    settings: &Settings,
    keys: &Arc<Keys>,
    state: &mut State,
    spool: &Spool,
    Moment { now, time }: Moment,
    delivery: Delivery,
    report: &mut Report,
) -> Result<(), Failure> {
    state.collected_only(None)?;
    let ask = (delivery != Delivery::Hold).then_some(keys.as_ref());
    let ask = ask.inspect(|_| certificate::keep_up(settings, now.seconds));
    take_orders(settings, ask, now, report)?;
    let reports = Reports::of(&settings.state.folder, &settings.limits);
    // The feed is asked once: what it tells later is for the next run.
    let mut planned: Option<Planned> = None;
    loop {
        let (mut watch, stops) = Watch::start(settings, ask, now, &mut report.ledger)?;
        recall(&watch.gate, keys, state, spool, &reports, report)?;
        let started = clock::stopwatch();
        let mut today = match planned.take() {
            Some(planned) => planned,
            None => plan(settings, keys, &watch.gate, state, now, report)?,
        };
        let (collected, waits) = collect_once(
            settings,
            keys,
            &mut watch,
            stops,
            state,
            spool,
            now,
            Some(time),
            &today,
            report,
        )?;
        report.letters.add(std::mem::take(&mut watch.letters));
        report.seconds.collect += started.elapsed().as_secs_f64();
        // Visits may have told under which other numbers somebody is stopped.
        let recalled = recall(&watch.gate, keys, state, spool, &reports, report)?;
        if collected == Collected::Overtaken || recalled != Recalled::default() {
            report.start_next_pass();
            continue;
        }
        somebody_was_there(&today, collected, report)?;
        let done =
            collected == Collected::Everything && report.documents_deferred == 0 && waits.is_none();
        if done && whole(report) {
            today.settle(state)?;
        }
        let moment = Moment { now, time };
        let end = (collected, delivery);
        if !hand_over(
            settings, keys, &mut watch, moment, end, state, spool, report,
        )? {
            report.start_next_pass();
            continue;
        }
        // What was sealed is on its way; who waits is visited again by the next run.
        if let Some(failure) = waits {
            return Err(failure);
        } else if done {
            return today.end();
        }
        // Visit the storage again, which passes quickly over what is done.
        report.start_next_pass();
        planned = Some(today);
    }
}

/// Delivers what waits after a pass, unless it is to be held. `false` when the ledger moved
/// meanwhile and what waits is not as it was.
///
/// # Errors
/// Also that the queue is full and that nothing of it can be sent now: reading has paused until it
/// can, and that is what people have to know.
#[expect(
    clippy::too_many_arguments,
    reason = "each is another thing, and one call hands them over"
)]
fn hand_over(
    settings: &Settings,
    keys: &Keys,
    watch: &mut Watch<'_>,
    Moment { now, time }: Moment,
    (collected, delivery): (Collected, Delivery),
    state: &mut State,
    spool: &Spool,
    report: &mut Report,
) -> Result<bool, Failure> {
    let paused = collected == Collected::UntilSpoolFull;
    if delivery == Delivery::Hold {
        return match paused {
            true => Err(full(settings, state, spool, now)?),
            false => Ok(true),
        };
    }
    let sent = send(settings, keys, watch, time, delivery, state, spool, report);
    match sent {
        // The queue is empty, and yet there is no room: the disk is full of other things.
        Ok(true) if paused && !has_room(settings, state, spool, now)? => {
            Err(full(settings, state, spool, now)?)
        }
        Err(failure) if paused && failure.problem().exit_status() == 75 => {
            Err(failure.renamed(Problem::SpoolFull))
        }
        sent => sent,
    }
}

fn has_room(
    settings: &Settings,
    state: &State,
    spool: &Spool,
    now: clock::Now,
) -> Result<bool, Failure> {
    let room = spool.room(&settings.limits, &state.waiting()?, now.seconds)?;
    Ok(room.is_ok())
}

/// A whole scan that met nobody was of the wrong folder, or could not look into the right one.
fn somebody_was_there(
    today: &Planned,
    collected: Collected,
    report: &Report,
) -> Result<(), Failure> {
    let all = matches!(today.plan, Plan::Everything) && collected == Collected::Everything;
    let refused = report
        .findings
        .contains_key(FindingCode::FolderUnreadable.as_str());
    match (all && report.patients.seen == 0, refused) {
        (true, true) => Err(Failure::new(Problem::SourceMissing, "")),
        (true, false) => Err(Failure::new(Problem::SourceEmpty, "")),
        (false, _) => Ok(()),
    }
}

/// Applies what the centre ordered: what a run that was killed had not done yet, and what is new.
/// Not being able to ask keeps what is sealed from being sent, in [`send()`].
fn take_orders(
    settings: &Settings,
    ask: Option<&Keys>,
    now: clock::Now,
    report: &mut Report,
) -> Result<(), Failure> {
    ledger::open(settings)?.apply_orders(now)?;
    let Some(keys) = ask else { return Ok(()) };
    letters::exchange(settings, keys, now, &mut report.letters).or_else(passing)
}

/// Whom this run visits.
fn plan(
    settings: &Settings,
    keys: &Keys,
    gate: &Gate,
    state: &State,
    now: clock::Now,
    report: &mut Report,
) -> Result<Planned, Failure> {
    let desk = Desk {
        settings,
        keys,
        gate,
        state,
        now,
    };
    feed::plan(&desk, &mut report.changes)
}

/// Delivers what waits. `false` when the ledger moved meanwhile and what waits is not as it was.
#[expect(
    clippy::too_many_arguments,
    reason = "each is another thing, and one call hands them over"
)]
fn send(
    settings: &Settings,
    keys: &Keys,
    watch: &mut Watch<'_>,
    time: Trusted,
    delivery: Delivery,
    state: &mut State,
    spool: &Spool,
    report: &mut Report,
) -> Result<bool, Failure> {
    let started = clock::stopwatch();
    let mut sent = Sent::default();
    // An order that was made meanwhile takes effect on what waits.
    if let Err(failure) = letters::exchange(settings, keys, watch.now, &mut report.letters) {
        match state.waiting()?.first() {
            Some(oldest) => {
                // A damaged queue needs a person, whether the line is up or not.
                spool.get(oldest)?;
                return Err(failure);
            }
            None => passing(failure)?,
        }
    }
    let reports = Reports::of(&settings.state.folder, &settings.limits);
    let mut stands = |state: &mut State| match watch.newer()? {
        None => Ok(true),
        Some(gate) => {
            let recalled = recall(&gate, keys, state, spool, &reports, report)?;
            Ok(recalled == Recalled::default())
        }
    };
    if !stands(state)? {
        return Ok(false);
    }
    let moment = match delivery {
        Delivery::AtSlot => SendMoment::Slot,
        Delivery::Send | Delivery::Hold => SendMoment::Now,
    };
    let delivered = send_all(
        settings,
        time,
        moment,
        keys,
        state,
        spool,
        &mut sent,
        &mut stands,
    );
    report.seconds.send += started.elapsed().as_secs_f64();
    report.batches.sent += sent.batches;
    report.batches.sent_bytes += sent.bytes;
    delivered
}

/// Lets a run go on after a failure that mends itself.
fn passing(failure: Failure) -> Result<(), Failure> {
    match failure.problem() {
        Problem::FrontUnreachable | Problem::NetworkDown | Problem::NetworkRoute => {
            tracing::warn!(code = failure.problem().code(), "letters not fetched");
            Ok(())
        }
        _ => Err(failure),
    }
}

/// Fetches, applies and answers letters of the centre without a run. What was sealed and is taken
/// back by an order is taken back by the next run, before anything is sent.
///
/// # Errors
/// The settings name no letters, the front cannot be asked, or the ledger cannot be written.
pub(crate) fn orders(settings: &Settings, tell: &dyn Fn(&str)) -> Result<(), Failure> {
    if settings.letters.is_none() {
        return Err(Failure::new(Problem::Settings, "letters"));
    }
    private_folder(&settings.state.folder)?;
    let _lock = lock(&settings.state.folder)?;
    own(settings)?;
    let keys = Keys::load(settings)?;
    let state = State::open(&settings.state.folder.join(STATE_FILE))?;
    let Look { now, trusted } = clock::look(&settings.clock, &state)?;
    trusted?;
    certificate::keep_up(settings, now.seconds);
    ledger::open(settings)?.apply_orders(now)?;
    let mut report = LettersReport::default();
    let done = letters::exchange(settings, &keys, now, &mut report);
    for [ja, en, value] in report.for_people() {
        tell(&format!("{ja} ({en}): {value}"));
    }
    done
}

/// Looks whether the front is reached with these settings, and leaves that it was. A run may be at
/// work meanwhile, with settings that it has read before. `asked` is the number of the order that
/// wants to know, read before the settings were.
///
/// # Errors
/// The closed network is not as the settings say, or the front does not answer.
pub(crate) fn reach(settings: &Settings, asked: Option<u64>) -> Result<(), Failure> {
    certificate::reach(settings)?;
    status::reached(settings, asked, clock::unchecked())
}

/// Checks the transfer ledger, and tells how far it goes.
///
/// # Errors
/// It is not as it was written.
pub(crate) fn transfers(settings: &Settings, tell: &dyn Fn(&str)) -> Result<(), Failure> {
    let folder = &settings.state.folder;
    private_folder(folder)?;
    let _lock = lock(folder)?;
    let state = State::open(&folder.join(STATE_FILE))?;
    let end = send::log::verify(folder, &state)?;
    let (lines, digest) = (end.entries, BatchId::new(end.digest));
    tell(&format!(
        "送信記録は書かれたままです（{lines} 行、末尾 {digest}）。\n\
         The transfer ledger is as it was written ({lines} lines, end {digest})."
    ));
    Ok(())
}

/// The ledger as this run last saw it.
struct Watch<'a> {
    settings: &'a Settings,
    now: clock::Now,
    ledger: Ledger,
    edition: Edition,
    gate: Arc<Gate>,
    /// With these keys the centre's letters are asked for; `None` in a run that does not send.
    ask: Option<&'a Keys>,
    asked: Instant,
    letters: LettersReport,
}

/// While a run seals, letters are asked for again after this time.
const ASK_EVERY: Duration = Duration::from_secs(300);

impl<'a> Watch<'a> {
    fn start(
        settings: &'a Settings,
        ask: Option<&'a Keys>,
        now: clock::Now,
        report: &mut LedgerReport,
    ) -> Result<(Self, StopsMet), Failure> {
        let ledger = ledger::open(settings)?;
        // Taken before the reading: what changes meanwhile is seen at the next look.
        let lists = ledger::lists_now(settings);
        let (gate, stops) = ledger::gate(settings, now, report)?;
        let edition = Edition {
            lists,
            entries: gate.entries(),
        };
        let gate = Arc::new(gate);
        let watch = Self {
            settings,
            now,
            ledger,
            edition,
            gate,
            ask,
            asked: clock::stopwatch(),
            letters: LettersReport::default(),
        };
        Ok((watch, stops))
    }
}

impl Book for Watch<'_> {
    fn meet(&mut self, people: &[Met]) -> Result<Sharing, Failure> {
        self.ledger.meet(people, self.now)
    }

    /// The gate as the ledger is now, if that or one of the lists has moved. Nothing more is sealed
    /// or sent where the centre has ordered so meanwhile.
    fn newer(&mut self) -> Result<Option<Arc<Gate>>, Failure> {
        standing::check(self.settings)?;
        if let Some(keys) = self.ask
            && self.asked.elapsed() >= ASK_EVERY
        {
            self.asked = clock::stopwatch();
            let mut again = LettersReport::default();
            let asked = letters::exchange(self.settings, keys, self.now, &mut again);
            asked.or_else(passing)?;
            self.letters.add(again);
        }
        let now = Edition {
            lists: ledger::lists_now(self.settings),
            entries: self.ledger.entries_now()?,
        };
        if now == self.edition {
            return Ok(None);
        }
        // What the lists bring is counted by the runs that begin with them.
        let (asked, letters) = (self.asked, std::mem::take(&mut self.letters));
        let mut report = LedgerReport::default();
        (*self, _) = Self::start(self.settings, self.ask, self.now, &mut report)?;
        (self.asked, self.letters) = (asked, letters);
        Ok(Some(Arc::clone(&self.gate)))
    }
}

/// Which state of the ledger and of the lists that are taken into it there is.
#[derive(Debug, PartialEq, Eq)]
struct Edition {
    lists: [Option<[i128; 5]>; 2],
    entries: u64,
}

/// One pass over the source. What it seals lies in the queue afterwards. Gives also why persons
/// wait for their tokens, if any do.
#[expect(
    clippy::too_many_arguments,
    reason = "each is another thing, and one call hands them over"
)]
fn collect_once(
    settings: &Settings,
    keys: &Arc<Keys>,
    watch: &mut Watch<'_>,
    stops: StopsMet,
    state: &mut State,
    spool: &Spool,
    now: clock::Now,
    time: Option<Trusted>,
    today: &Planned,
    report: &mut Report,
) -> Result<(Collected, Option<Failure>), Failure> {
    let room = spool.room(&settings.limits, &state.waiting()?, now.seconds)?;
    let Ok(room) = room else {
        return Ok((Collected::UntilSpoolFull, None));
    };
    let room = room.saturating_add(report.batches.sealed_bytes);
    let gate = Arc::clone(&watch.gate);
    let cards = watch.ledger.shared_cards()?;
    let reading = reading(
        settings,
        keys,
        &gate,
        cards,
        state,
        &today.plan,
        now,
        time.is_some(),
    )?;
    let gathered = Gathered::default();
    let sealer = Sealer {
        settings,
        keys,
        gate,
        book: watch,
        time,
        spool,
        state,
        gathered,
        overtaken: false,
    };
    let mut intake = Intake {
        sealer,
        stops,
        report,
        room,
        visited: Vec::new(),
    };
    let collected = collect(&reading, &mut intake)?;
    // Examples show what leaves; without a confirmed time nothing does.
    if time.is_some() {
        reading.shared.examples.keep(&settings.state.folder)?;
    }
    let idle = reading.pacer.idle();
    let waits = reading.shared.service.failure();
    drop(reading);
    state.idles(&idle)?;
    Ok((collected, waits))
}

/// Whether every folder on the way to the patients could be listed. Somebody may lie below one that
/// could not, and then nothing may be taken for dealt with.
fn whole(report: &Report) -> bool {
    let unreadable = |(name, _): (&str, u64)| name.starts_with("walk:unreadable");
    let hung = report
        .findings
        .contains_key(FindingCode::FolderHung.as_str());
    !hung && !report.drops.iter().any(unreadable)
}

/// That the queue is full, and by which bound.
fn full(
    settings: &Settings,
    state: &State,
    spool: &Spool,
    now: clock::Now,
) -> Result<Failure, Failure> {
    let room = spool.room(&settings.limits, &state.waiting()?, now.seconds)?;
    let bound = match room {
        Err(Full::Age) => "limits.spool_days",
        Err(Full::Disk) => "limits.reserve_bytes",
        Ok(_) | Err(Full::Bytes) => "limits.spool_bytes",
    };
    Ok(Failure::new(Problem::SpoolFull, bound))
}

/// A source that was read without a confirmed time is not read again within this.
const COLLECTED_SECONDS: u64 = 20 * 3600;
/// Bytes of source files that may be on their way at once, as read and as encoded.
const ON_THEIR_WAY: u64 = 16 << 20;
/// This many patients may always lose documents that vanished, however few there are.
const MAY_VANISH: u64 = 10;

/// Opens the source and gets everything ready to read it.
#[expect(
    clippy::too_many_arguments,
    reason = "each is another thing, and one call hands them over"
)]
fn reading<'p>(
    settings: &'p Settings,
    keys: &Arc<Keys>,
    gate: &Arc<Gate>,
    cards: SharedCards,
    state: &State,
    plan: &'p Plan,
    now: clock::Now,
    seals: bool,
) -> Result<Reading<'p, LocalDisk>, Failure> {
    let (source, changes) = (&settings.source, &settings.source.changes);
    let patience = Duration::from_secs(u64::from(source.pace.hung_after_seconds));
    let roots = Roots::open(LocalDisk::default(), &source.roots(), patience)?;
    let last = state.scan()?;
    let mut idle = vec![None; roots.folders.len()];
    for (volume, known) in state.idle()? {
        if let Some(idle) = idle.get_mut(volume) {
            *idle = Some(known);
        }
    }
    let floor = Duration::from_micros(u64::from(source.pace.latency_floor_microseconds));
    let pace = Pace::new(source.pace.files_per_second, floor, idle);
    let shared = Shared {
        may_vanish: AtomicU64::new(may_vanish(&roots, last.as_ref(), changes.vanished_percent)),
        roots: Arc::new(roots),
        beside: Beside::of(&source.extended, source.storages.len()),
        limits: settings.limits.clone(),
        changes: changes.clone(),
        gate: Arc::clone(gate),
        keys: Arc::clone(keys),
        identities: LedgerKey::of(settings)?.identities().clone(),
        cards,
        agreed: Agreed::of(settings, gate),
        service: Service::of(settings, &keys.tokens, seals)?,
        tokens: keys.tokens.clone(),
        settled_before: match changes.margin_seconds {
            0 => i64::MAX,
            margin => now
                .seconds
                .saturating_sub(i64::from(margin))
                .saturating_mul(1_000_000_000),
        },
        budget: Budget::new(ON_THEIR_WAY),
        turns: Turns::new(settings.limits.workers),
        examples: Gathering::default(),
        dictionary: settings.dictionary.send,
        municipality: municipality(source),
    };
    Ok(Reading {
        shared: Arc::new(shared),
        pacer: Arc::new(Pacer::new(pace)),
        state: settings.state.folder.join(STATE_FILE),
        settings,
        plan,
        last,
    })
}

/// Who gives the numbers of residents that the source knows.
pub(crate) fn municipality(source: &config::gateway::Source) -> Option<Municipality> {
    Municipality::new(&source.municipality.as_ref()?.authority)
}

/// How many patients may lose documents whose files vanished. None may while a root is empty or is
/// not the folder of the last complete scan: a share that is not mounted looks like that.
pub(crate) fn may_vanish<D: Disk>(roots: &Roots<D>, last: Option<&Scan>, percent: u8) -> u64 {
    let same = |last: &&Scan| !roots.empty && last.roots == roots.digest();
    match last.filter(same) {
        Some(last) if percent > 0 => {
            MAY_VANISH.max(last.patients.saturating_mul(u64::from(percent)) / 100)
        }
        _ => 0,
    }
}

/// Binds the state folder to its site at the first run. Later, settings that name another site are
/// a mistake: its batches would continue the chain and the references of the first.
pub(crate) fn own(settings: &Settings) -> Result<(), Failure> {
    let path = settings.state.folder.join("site");
    let storing = |error| Failure::storing(path.display().to_string(), error);
    match fs::read_to_string(&path) {
        Ok(site) if site == settings.site.as_str() => Ok(()),
        Ok(site) => Err(Failure::new(
            Problem::StateOfOther,
            format!("{site}, {}", settings.site),
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write_durably(&path, settings.site.as_str().as_bytes()).map_err(storing)
        }
        Err(error) => Err(storing(error)),
    }
}

/// Holds the state folder for this process. The lock ends with the process, however it ends.
pub(crate) fn lock(folder: &Path) -> Result<Flock<File>, Failure> {
    let path = folder.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path);
    let file = file.map_err(|error| Failure::storing(path.display().to_string(), error))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock)
        .map_err(|_| Failure::new(Problem::AlreadyRunning, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_folder_serves_the_site_that_it_served_first() {
        let folder = tempfile::tempdir().unwrap();
        let example = include_str!("../../config/examples/gateway.toml");
        let mut settings = Settings::parse(example).unwrap();
        settings.state.folder = folder.path().to_owned();
        for (site, problem) in [
            ("HOSP-A", None),
            ("HOSP-A", None),
            ("HOSP-B", Some(Problem::StateOfOther)),
            ("HOSP-A", None),
        ] {
            settings.site = site.parse().unwrap();
            let outcome = own(&settings).err().map(|failure| failure.problem());
            assert_eq!(outcome, problem, "{site}");
        }
    }
}
