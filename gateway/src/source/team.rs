//! The threads that touch the source: one walks, several read patients, one asks how the source is.
//!
//! None of them is waited for. A thread whose call hangs is given up and replaced; the folder it
//! was in counts as unread, and everybody else goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use record::FindingCode;

use super::budget::AHEAD;
use super::disk::Disk;
use super::pace::{PROBE_EVERY, Pacer};
use super::patient::{PatientReader, Shared};
use super::visited::Visited;
use super::walk::{Counted, Levels, PatientFolder, Place, Position, Roots, Route, Walk};
use super::watch::{Caller, GivenUp, Watch};
use crate::error::{Failure, Problem};
use crate::state::Fingerprint;

/// What the threads tell.
pub(crate) enum Message {
    /// A patient was visited, the one of this number in the order of the walk.
    Visited(u64, Levels, Result<Box<Visited>, Failure>),
    /// So many patients came up in all.
    WalkEnded(u64),
}

/// Finds the folder of level 2 whose keyed digest a run left behind.
pub(crate) type IsPosition = Arc<dyn Fn(&[u8], &[u8]) -> bool + Send + Sync>;

/// Where the walk stands, for whoever has to go on in its place.
#[derive(Default)]
struct WalkAt {
    position: Position,
    issued: u64,
    counted: Counted,
}

/// The threads at work.
pub(crate) struct Team<D: Disk> {
    shared: Arc<Shared<D>>,
    pacer: Arc<Pacer>,
    state: PathBuf,
    route: Route,
    begin: Option<IsPosition>,
    work: Arc<Mutex<Receiver<(u64, PatientFolder)>>>,
    folders: SyncSender<(u64, PatientFolder)>,
    done: SyncSender<Message>,
    walk_at: Arc<Mutex<WalkAt>>,
    asked: Arc<Mutex<Option<Place>>>,
    hung: Vec<Place>,
    walker: Option<Watch>,
    readers: Vec<(Watch, Arc<AtomicU64>, Arc<Mutex<Levels>>)>,
    given_up: Vec<Watch>,
    hung_after: Duration,
    hung_calls: usize,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Most readers, together with those that wait for the evaluation service: what the unit allows.
const MOST_READERS: usize = 16;

/// No patient is at hand.
const NOBODY: u64 = u64::MAX;

impl<D: Disk> Team<D> {
    /// Starts the threads. What they do comes out of the receiver.
    ///
    /// # Errors
    /// The state cannot be opened, or the system has no more threads.
    pub(crate) fn start(
        shared: Arc<Shared<D>>,
        pacer: Arc<Pacer>,
        state: PathBuf,
        settings: &config::gateway::Settings,
        route: Route,
        begin: Option<IsPosition>,
    ) -> Result<(Self, Receiver<Message>), Failure> {
        let ahead = usize::try_from(AHEAD).unwrap_or(usize::MAX);
        let (folders, work) = sync_channel(ahead);
        let (done, results) = sync_channel(ahead);
        let pace = &settings.source.pace;
        let mut team = Self {
            shared,
            pacer,
            state,
            route,
            begin,
            work: Arc::new(Mutex::new(work)),
            folders,
            done,
            walk_at: Arc::default(),
            asked: Arc::default(),
            hung: Vec::new(),
            walker: None,
            readers: Vec::new(),
            given_up: Vec::new(),
            hung_after: Duration::from_secs(u64::from(pace.hung_after_seconds)),
            hung_calls: usize::try_from(pace.hung_calls).unwrap_or(usize::MAX),
        };
        team.probe()?;
        let volumes = team.shared.roots.folders.len();
        let waiting = settings.limits.workers * team.shared.threads_for_each_turn();
        let threads = waiting.min(MOST_READERS);
        for _ in 0..readers(threads, pace.open_files, volumes) {
            team.add_reader()?;
        }
        team.walk()?;
        Ok((team, results))
    }

    /// How far the walk came, as far as folder names tell: 0 to 1.
    pub(crate) fn share(&self) -> f64 {
        locked(&self.walk_at).position.share()
    }

    /// What the walk met besides patients.
    pub(crate) fn counted(&self) -> Counted {
        locked(&self.walk_at).counted.clone()
    }

    /// Gives up threads whose calls hang, and puts others in their place. Gives the patients
    /// whose readers were given up.
    ///
    /// # Errors
    /// Too many calls hang at once.
    pub(crate) fn watch(&mut self) -> Result<Vec<(u64, Levels)>, Failure> {
        let now = self.pacer.now();
        let after = self.hung_after;
        if self
            .walker
            .as_mut()
            .is_some_and(|watch| watch.gave_up(now, after))
        {
            self.given_up.extend(self.walker.take());
            self.hung.extend(locked(&self.asked).take());
            let finding = FindingCode::FolderHung;
            locked(&self.walk_at).counted.findings.push(finding);
            self.walk()?;
        }
        let mut lost = Vec::new();
        for at in (0..self.readers.len()).rev() {
            let gave_up = |(watch, ..): &mut (Watch, _, _)| watch.gave_up(now, after);
            if self.readers.get_mut(at).is_some_and(gave_up) {
                lost.push(self.readers.swap_remove(at));
            }
        }
        let mut patients = Vec::new();
        for (watch, number, levels) in lost {
            self.given_up.push(watch);
            self.shared.turns.give();
            patients.push((number.load(Ordering::Acquire), locked(&levels).clone()));
            self.add_reader()?;
        }
        self.given_up.retain(Watch::is_stuck);
        match self.given_up.len() > self.hung_calls {
            true => Err(Failure::new(Problem::SourceHangs, "")),
            false => Ok(patients),
        }
    }

    fn probe(&self) -> Result<(), Failure> {
        let (pacer, roots) = (Arc::clone(&self.pacer), Arc::clone(&self.shared.roots));
        spawn(move || {
            let mut asked = 0u32;
            while !pacer.ended() {
                for (volume, root) in roots.folders.iter().enumerate() {
                    if let Ok(latency) = roots.disk.probe(root) {
                        pacer.answered(volume, latency);
                    }
                }
                asked = asked.saturating_add(1);
                // The first answers come before the source has much to do for this run.
                thread::sleep(match asked {
                    0..3 => Duration::from_millis(5),
                    _ => PROBE_EVERY,
                });
            }
        })
    }

    fn add_reader(&mut self) -> Result<(), Failure> {
        let caller = Caller::new(Arc::clone(&self.pacer));
        let watch = Watch::new(caller.beat(), self.pacer.now());
        let number = Arc::new(AtomicU64::new(NOBODY));
        let levels = Arc::<Mutex<Levels>>::default();
        let mut reader = PatientReader::new(Arc::clone(&self.shared), caller, &self.state)?;
        self.readers
            .push((watch, Arc::clone(&number), Arc::clone(&levels)));
        let (work, done) = (Arc::clone(&self.work), self.done.clone());
        let shared = Arc::clone(&self.shared);
        spawn(move || {
            loop {
                let Ok((next, folder)) = locked(&work).recv() else {
                    return;
                };
                if !shared.budget.may_begin(next) {
                    return;
                }
                locked(&levels).clone_from(&folder.levels);
                number.store(next, Ordering::Release);
                shared.turns.take();
                // A thread that ended silently would leave the others waiting for its patient.
                let visit = catch_unwind(AssertUnwindSafe(|| reader.visit(next, &folder)));
                let visited = match visit {
                    Ok(Ok(visited)) => visited.map(Box::new),
                    Ok(Err(GivenUp)) => return,
                    Err(_) => Err(Failure::new(Problem::Internal, "a reader thread failed")),
                };
                shared.turns.give();
                number.store(NOBODY, Ordering::Release);
                let message = Message::Visited(next, folder.levels, visited);
                if done.send(message).is_err() {
                    return;
                }
            }
        })
    }

    fn walk(&mut self) -> Result<(), Failure> {
        let caller = Caller::new(Arc::clone(&self.pacer));
        self.walker = Some(Watch::new(caller.beat(), self.pacer.now()));
        let start = Start {
            roots: Arc::clone(&self.shared.roots),
            caller,
            route: self.route.clone(),
            asked: Arc::clone(&self.asked),
            begin: self.begin.clone(),
            hung: self.hung.clone(),
        };
        let at = Arc::clone(&self.walk_at);
        let (folders, done) = (self.folders.clone(), self.done.clone());
        let shared = Arc::clone(&self.shared);
        spawn(move || {
            let walked = catch_unwind(AssertUnwindSafe(|| {
                start.walk(&at, |number, folder| {
                    shared.budget.may_begin(number) && folders.send((number, folder)).is_ok()
                })
            }));
            let message = match walked {
                Ok(Ok(issued)) => Message::WalkEnded(issued),
                Ok(Err(GivenUp)) => return,
                Err(_) => {
                    let failure = Failure::new(Problem::Internal, "the walk failed");
                    Message::Visited(locked(&at).issued, Levels::default(), Err(failure))
                }
            };
            // The receiver is gone only when the run has ended.
            let _ = done.send(message);
        })
    }
}

/// What a walk starts with.
struct Start<D: Disk> {
    roots: Arc<Roots<D>>,
    caller: Caller,
    route: Route,
    asked: Arc<Mutex<Option<Place>>>,
    begin: Option<IsPosition>,
    hung: Vec<Place>,
}

impl<D: Disk> Start<D> {
    /// Walks from where the walk before it was given up, if any was.
    fn walk(
        self,
        at: &Mutex<WalkAt>,
        mut hand_out: impl FnMut(u64, PatientFolder) -> bool,
    ) -> Result<u64, GivenUp> {
        let mut route = self.route;
        if let Some(is_position) = &self.begin {
            let search = Walk::new(
                Arc::clone(&self.roots),
                self.caller.clone(),
                route.clone(),
                &self.asked,
                &self.hung,
            );
            route.begin = search.find(&**is_position)?;
        }
        let mut walk = Walk::new(self.roots, self.caller, route, &self.asked, &self.hung);
        let mut issued = {
            let mut at = locked(at);
            let counted = std::mem::take(&mut at.counted);
            walk.resume(at.position.clone(), counted);
            at.issued
        };
        walk.begin()?;
        while let Some(folder) = walk.next()? {
            {
                let mut at = locked(at);
                at.position.clone_from(walk.position());
                at.issued = issued + 1;
                if let Some(counted) = walk.counted_more() {
                    at.counted = counted;
                }
            }
            if !hand_out(issued, folder) {
                return Err(GivenUp);
            }
            issued += 1;
        }
        locked(at).counted = walk.counted().clone();
        Ok(issued)
    }
}

/// How many threads may read: a reader holds up to eight folders and files, every volume one.
fn readers(workers: usize, open_files: u32, volumes: usize) -> usize {
    let open_files = usize::try_from(open_files).unwrap_or(usize::MAX);
    workers
        .min(open_files.saturating_sub(volumes + 8) / 8)
        .max(1)
}

/// Starts a thread that nobody waits for.
pub(super) fn spawn(work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let spawned = thread::Builder::new().spawn(work);
    spawned
        .map(drop)
        .map_err(|error| Failure::because(Problem::Internal, "no more threads", error))
}

/// A position as it is kept: a keyed digest, because folder names are part of chart numbers.
pub(crate) fn position_digest(key: &dyn privacy::Prf, first: &[u8], second: &[u8]) -> Fingerprint {
    let mut message = b"sekisho position v1".to_vec();
    message.extend_from_slice(first);
    message.push(b'/');
    message.extend_from_slice(second);
    key.prf(&message)
}
