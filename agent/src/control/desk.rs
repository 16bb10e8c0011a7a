//! What becomes of orders: each is kept on the disk, then done, then answered.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use control::{
    Absence, Absent, Answer, Arrival, Docket, Job, Outcome, SignedOrder, Support, Verdict,
};
use panel::shown::Notice;
use serde::Deserialize;

use crate::error::ControlError;
use crate::reports::Reports;
use crate::requests::{Request, Requests};
use crate::settings::{Lost, Settings};
use crate::signers::Keys;
use crate::standing;
use crate::store::{Store, replaced_at};
use crate::trial::SettingsFiles;

const SELF_TEST: &str = "selftest.json";
/// How long others may take over what they were asked for.
const SELF_TEST_SECONDS: i64 = 900;
const SEND_SECONDS: i64 = 6 * 3_600;
const ROTATE_SECONDS: i64 = 26 * 3_600;
/// An authority dates its certificates back by an hour, and clocks differ a little.
const DATED_BACK: i64 = 3_600 + 300;
/// While settings are on trial, the front is asked for anew so often.
const REACH_AGAIN: Duration = Duration::from_secs(60);

/// The orders of this device and everything that doing them takes.
pub(crate) struct Desk {
    store: Store,
    docket: Docket,
    keys: Keys,
    requests: Requests,
    files: SettingsFiles,
    folders: crate::settings::Folders,
    /// Since the program started: what was asked for, and when.
    asked: BTreeMap<u64, Duration>,
    trial: Option<OnTrial>,
    lost: Option<Lost>,
    absence: Absence,
    /// Whether the end of all keys was asked for because of it.
    given_up: bool,
    strange: u32,
    troubled: bool,
}

/// Settings that are on trial in this run of the program.
struct OnTrial {
    since: Duration,
    /// When the front was asked for last.
    asked: Duration,
}

/// What the clocks of the device say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Seconds since 1970, right or wrong.
    pub(crate) clock: i64,
    /// Since the program started.
    pub(crate) elapsed: Duration,
}

#[derive(Deserialize)]
struct SelfTest {
    code: u16,
}

impl Desk {
    /// Opens what was kept, ends what was interrupted, and makes what holds hold again.
    ///
    /// # Errors
    /// A file is damaged, or cannot be read or written.
    pub(crate) fn open(
        settings: &Settings,
        gateway: PathBuf,
        clock: i64,
    ) -> Result<Self, ControlError> {
        let store = Store::new(&settings.folders.state);
        let traces = standing::any(&settings.folders.standing);
        let docket = store.docket(&settings.device, traces)?;
        let keys = Keys::read(&settings.orders.signers)?;
        let open = docket.open();
        let tried: Vec<u64> = open
            .filter(|(_, job)| matches!(job, Job::Settings { .. }))
            .map(|(task, _)| task.number)
            .collect();
        let interrupted = store.trial()?.trying();
        let files = SettingsFiles::open(&settings.folders, &gateway, &store)?;
        let kept = store.contact();
        let mut desk = Self {
            lost: settings.lost.clone(),
            // One that never was in contact begins to be missed now.
            absence: Absence::since(kept, clock),
            given_up: false,
            docket,
            keys,
            requests: Requests::new(&settings.folders.requests),
            folders: settings.folders.clone(),
            asked: BTreeMap::new(),
            trial: None,
            strange: 0,
            troubled: false,
            files,
            store,
        };
        for number in tried {
            if Some(number) == interrupted {
                desk.docket.finish(number, clock, Outcome::Returned);
            } else if desk.files.state.settled() == number {
                desk.docket.finish(number, clock, Outcome::Done);
            }
        }
        desk.store.keep(&desk.docket)?;
        desk.keep_contact(kept != Some(desk.absence.contact()));
        let elapsed = Duration::ZERO;
        desk.hold(Now { clock, elapsed })?;
        Ok(desk)
    }

    /// Takes a message of the broker. After the return it may be acknowledged. Gives whether there
    /// is something to do.
    ///
    /// # Errors
    /// It cannot be kept; then it must not be acknowledged.
    pub(crate) fn message(&mut self, bytes: &[u8], now: Now) -> Result<bool, ControlError> {
        let verified = SignedOrder::read(bytes).and_then(|order| order.verify(&self.keys));
        let arrival = match verified {
            Ok(verified) => self.docket.arrive(&verified, now.clock),
            Err(_) => Arrival::Ignored,
        };
        match arrival {
            Arrival::Begun | Arrival::Refused => self.store.keep(&self.docket)?,
            Arrival::Known => {}
            // Nobody is told: whoever sends such bytes would be answered without end.
            Arrival::Ignored => self.strange = self.strange.saturating_add(1),
        }
        Ok(arrival == Arrival::Begun)
    }

    /// Goes on with every open order, and with what holds. What cannot be done for the moment is
    /// tried again in the next round, and keeps no other order from being done.
    ///
    /// # Errors
    /// The docket cannot be kept.
    pub(crate) fn work(&mut self, now: Now, reports: &Reports) -> Result<(), ControlError> {
        let open = self.docket.open();
        let open: Vec<_> = open
            .map(|(task, job)| (task.number, task.came, job.clone()))
            .collect();
        let (mut ended, mut well) = (false, true);
        for (number, came, job) in open {
            match self.step(number, came, &job, now, reports) {
                Ok(Some(outcome)) => {
                    self.docket.finish(number, now.clock, outcome);
                    self.asked.remove(&number);
                    ended = true;
                }
                Ok(None) => {}
                Err(error) => {
                    well = false;
                    self.trouble(&error);
                }
            }
        }
        if ended {
            self.store.keep(&self.docket)?;
        }
        match self.hold(now) {
            Ok(()) => self.troubled &= !well,
            Err(error) => self.trouble(&error),
        }
        Ok(())
    }

    /// Told once per trouble, not once per round.
    fn trouble(&mut self, error: &ControlError) {
        if !std::mem::replace(&mut self.troubled, true) {
            error.print();
        }
    }

    fn step(
        &mut self,
        number: u64,
        came: i64,
        job: &Job,
        now: Now,
        reports: &Reports,
    ) -> Result<Option<Outcome>, ControlError> {
        // A clock that was put back holds nothing up.
        let asked = self.asked.get(&number).copied().unwrap_or(now.elapsed);
        let here = i64::try_from((now.elapsed - asked).as_secs()).unwrap_or(i64::MAX);
        let waited = now.clock.saturating_sub(came).max(here);
        let gateways = || agent::gateways::joined(&self.folders.gateways);
        match job {
            // That it is done is true only of a gateway that looks.
            Job::Pause { .. } | Job::Quarantine if !self.files.in_use_heeds() => {
                Ok(Some(Outcome::Failed))
            }
            Job::Pause { .. } | Job::Resume | Job::Quarantine | Job::Release => {
                Ok(Some(Outcome::Done))
            }
            Job::Decommission => Ok(Some(Outcome::Asked)),
            Job::Support => Ok(Some(Outcome::Support(self.support(reports, now)))),
            Job::Blink { minutes } => {
                let until = now.clock.saturating_add(i64::from(*minutes) * 60);
                self.requests.ask(Request::Blink, until)?;
                Ok(Some(Outcome::Asked))
            }
            Job::Update => {
                self.requests.ask(Request::Update, number)?;
                Ok(Some(Outcome::Asked))
            }
            Job::SelfTest => {
                self.ask_once(number, Request::SelfTest, now)?;
                let code = self.self_test().filter(|(_, at)| *at >= came);
                let outcome = code.map(|(code, _)| Outcome::SelfTest(code));
                Ok(outcome.or_else(|| late(waited, SELF_TEST_SECONDS)))
            }
            Job::SendNow => {
                let ran = gateways().filter(|it| it.at > came);
                let outcome = ran.map(|it| match it.problem {
                    0 => Outcome::Done,
                    problem => Outcome::Stopped(problem),
                });
                self.ask_once(number, Request::SendNow, now)?;
                Ok(outcome.or_else(|| late(waited, SEND_SECONDS)))
            }
            Job::RotateKey => {
                let since = gateways().and_then(|it| it.certificate);
                let renewed = since.is_some_and(|since| since + DATED_BACK >= came);
                // The gateway renews at the beginning of a run.
                self.ask_once(number, Request::SendNow, now)?;
                let done = renewed.then_some(Outcome::Done);
                Ok(done.or_else(|| late(waited, ROTATE_SECONDS)))
            }
            Job::Settings { text, minutes } => {
                self.try_settings(number, text, u64::from(*minutes) * 60, now)
            }
        }
    }

    /// Once in a run of the program: whoever was asked may have been started in the meantime.
    fn ask_once(&mut self, number: u64, request: Request, now: Now) -> Result<(), ControlError> {
        if self.asked.contains_key(&number) {
            return Ok(());
        }
        self.requests.ask(request, number)?;
        self.asked.insert(number, now.elapsed);
        Ok(())
    }

    fn try_settings(
        &mut self,
        number: u64,
        text: &str,
        patience: u64,
        now: Now,
    ) -> Result<Option<Outcome>, ControlError> {
        let Some(trial) = &mut self.trial else {
            match self.files.readable(text) {
                Ok(true) if self.files.heeds(text) => {}
                Ok(_) => return Ok(Some(Outcome::Unreadable)),
                // Nothing was changed yet, and nobody waits for ever.
                Err(_) => return Ok(Some(Outcome::Failed)),
            }
            let begun = self.files.begin(number, text, &self.store);
            if !matches!(begun, Ok(true)) {
                // A part of it may have been done.
                self.files.end(Verdict::Return, &self.store)?;
                return Ok(Some(Outcome::Failed));
            }
            self.trial = Some(OnTrial {
                since: now.elapsed,
                asked: now.elapsed,
            });
            self.requests.ask(Request::Reach, number)?;
            return Ok(None);
        };
        let told = agent::gateways::all(&self.folders.gateways);
        let reached = told.iter().any(|it| it.asked == Some(number));
        let waited = now.elapsed.saturating_sub(trial.since).as_secs();
        let verdict = self.files.state.verdict(waited, patience, reached);
        let again = now.elapsed.saturating_sub(trial.asked) >= REACH_AGAIN;
        if verdict == Verdict::Waiting && again {
            trial.asked = now.elapsed;
            self.requests.ask(Request::Reach, number)?;
        }
        self.files.end(verdict, &self.store)?;
        let outcome = match verdict {
            Verdict::Waiting => return Ok(None),
            Verdict::Keep => Outcome::Done,
            Verdict::Return => Outcome::Returned,
        };
        self.trial = None;
        Ok(Some(outcome))
    }

    fn self_test(&self) -> Option<(u16, i64)> {
        let path = self.folders.self_test.join(SELF_TEST);
        let text = std::fs::read(&path).ok()?;
        let told: SelfTest = serde_json::from_slice(&text).ok()?;
        Some((told.code, replaced_at(&path)?))
    }

    fn support(&self, reports: &Reports, now: Now) -> Support {
        Support {
            now: reports.now(),
            self_test: self.self_test().map(|(code, _)| code),
            settings: self.files.state.settled(),
            paused: self.docket.paused(now.clock),
            quarantined: self.docket.quarantined(),
            open: u32::try_from(self.docket.open().count()).unwrap_or(u32::MAX),
            strange: self.strange,
        }
    }

    /// The next answer that the centre does not have.
    pub(crate) fn answer(&self) -> Option<Answer> {
        self.docket.untold()
    }

    /// Notes that the centre has an answer.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn told(&mut self, number: u64) -> Result<(), ControlError> {
        match self.docket.told(number) {
            true => self.store.keep(&self.docket),
            false => Ok(()),
        }
    }

    /// Makes what holds by the docket hold. The end of all keys begins here, after the last word; a
    /// device that is started again before they are gone asks for it again.
    fn hold(&mut self, now: Now) -> Result<(), ControlError> {
        standing::assert(&self.folders.standing, &self.docket, now.clock)?;
        if let Some(number) = self.docket.decommissioned(now.clock) {
            self.ask_once(number, Request::Decommission, now)?;
        }
        self.miss_the_centre(now)
    }
}

impl Desk {
    /// Notes that the centre is there, by the broker.
    pub(crate) fn met(&mut self, now: Now) {
        let passed = self.absence.passed(now.clock, now.elapsed.as_secs());
        let met = self.absence.met(now.clock);
        self.keep_contact(passed || met);
    }

    /// That it cannot be kept is told, and keeps no order from being done.
    fn keep_contact(&mut self, is_new: bool) {
        if is_new && let Err(error) = self.store.keep_contact(self.absence.contact()) {
            self.trouble(&error);
        }
    }

    /// B-024: a device that counts as lost destroys its keys, where that is set.
    fn miss_the_centre(&mut self, now: Now) -> Result<(), ControlError> {
        let passed = self.absence.passed(now.clock, now.elapsed.as_secs());
        self.keep_contact(passed);
        let Some(Lost { days, notices }) = self.lost.clone() else {
            return Ok(());
        };
        // Whoever stops the broker stops nothing while the front takes what is sent.
        if self.absence.absent(days) != Absent::No
            && let Some(at) = self.front_was_there(now.clock)
        {
            let met = self.absence.met(at);
            self.keep_contact(met);
        }
        let absent = self.absence.absent(days);
        agent::notices::put(&notices, Notice::AbsenceEnds, absent != Absent::No);
        if absent == Absent::Lost && !self.given_up {
            self.requests.ask(Request::Decommission, "lost")?;
            self.given_up = true;
        }
        Ok(())
    }

    /// When a front was there last, if that is newer than the broker's last word.
    fn front_was_there(&self, clock: i64) -> Option<i64> {
        let told = agent::gateways::all(&self.folders.gateways).into_iter();
        let at = told.flat_map(|it| [it.front, it.receipt]).flatten();
        at.filter(|at| *at <= clock && *at > self.absence.contact().since())
            .max()
    }
}

fn late(waited: i64, patience: i64) -> Option<Outcome> {
    (waited > patience).then_some(Outcome::Late)
}
