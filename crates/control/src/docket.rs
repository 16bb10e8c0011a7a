//! What a device was ordered to do: what is open, what was done, and what comes too late or twice.
//!
//! A docket is kept on the disk before anything is begun, so that a power cut neither forgets an
//! order nor lets one count twice. Two things stand against repeating an old order, each alone
//! enough: its number, and its end, which is held against the clock or, where the clock went back,
//! against the newest time that the centre has signed.
//!
//! Numbers count for each line of orders ([`JobKind::line`]), so that no order of another kind,
//! whoever signed it, keeps a stop from counting. A stop is taken whatever the clock says and
//! whatever else is open.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::answer::{Answer, Outcome, Refusal};
use crate::device::DeviceId;
use crate::job::{Job, JobKind};
use crate::order::{Order, Verified};
use crate::words::{PlanId, Reason};

/// So many finished orders are kept, for the local page.
pub const KEPT: usize = 64;
/// Clocks of the centre and of a device differ by no more seconds than this.
const AHEAD: i64 = 600;
/// Seconds after which an erasure is not held up any longer by a line that tells nothing.
const LAST_WORD: i64 = 600;
const FORMAT: u8 = 1;

/// The orders of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Docket {
    #[serde(deserialize_with = "known")]
    format: u8,
    device: DeviceId,
    /// The highest number that was taken, for each line.
    last: BTreeMap<JobKind, u64>,
    /// The newest second at which the centre signed something.
    floor: i64,
    /// Until when the device is paused.
    paused: Option<i64>,
    quarantined: bool,
    /// Oldest first.
    tasks: Vec<Task>,
    /// What was told before and is told again. Not kept: whoever repeats an order must not make the
    /// disk write.
    #[serde(skip)]
    again: BTreeSet<u64>,
}

/// One order that was taken, or refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Its number.
    pub number: u64,
    /// Its number in the maintenance plan.
    pub plan: PlanId,
    /// Why.
    pub reason: Reason,
    /// What.
    pub kind: JobKind,
    /// When it came, in seconds since 1970 by the clock of the device.
    pub came: i64,
    /// With its parameters, as long as it is open.
    pub job: Option<Job>,
    /// When and how it ended.
    pub ended: Option<(i64, Outcome)>,
    /// Whether the centre has the answer.
    told: bool,
}

/// What an order that arrives means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// It is to be done; [`Docket::open`] has it now.
    Begun,
    /// It was taken before. Where it is finished, its answer is told again.
    Known,
    /// It is not begun, and the answer says why.
    Refused,
    /// It is for another device, or older than what is known. Nothing is said: whoever repeats it
    /// knows that.
    Ignored,
}

impl Docket {
    /// An empty one.
    pub const fn new(device: DeviceId) -> Self {
        Self {
            format: FORMAT,
            device,
            last: BTreeMap::new(),
            floor: 0,
            paused: None,
            quarantined: false,
            tasks: Vec::new(),
            again: BTreeSet::new(),
        }
    }

    /// Whose it is.
    pub const fn device(&self) -> &DeviceId {
        &self.device
    }

    /// Takes an order. `clock` is what the device's clock says, in seconds since 1970.
    pub fn arrive(&mut self, verified: &Verified, clock: i64) -> Arrival {
        let order = verified.order();
        let kind = order.job.kind();
        // Two persons may have made orders in one millisecond: the second is sent again.
        let mut tasks = self.tasks.iter();
        let taken = tasks.any(|task| task.number == order.number && task.kind != kind);
        if taken || order.device != self.device {
            return Arrival::Ignored;
        }
        let last = self.last.get(&kind.line()).copied();
        if last.is_some_and(|last| order.number <= last) {
            return self.repeated(order.number);
        }
        let now = clock.max(self.floor);
        let stop = kind == JobKind::Quarantine;
        if !stop && order.made().saturating_sub(now) > AHEAD {
            // Its number does not count: a signer whose clock is wrong must not lock out others.
            return self.refuse(order, clock, Refusal::Clock);
        }
        self.last.insert(kind.line(), order.number);
        if !stop {
            self.floor = self.floor.max(order.made());
        }
        let open = self.open().any(|(task, _)| task.kind == kind);
        // A clock that runs ahead ends no stop: only what the centre has signed since does.
        let late = order.expires < if stop { self.floor } else { now };
        match (late, open) {
            (true, _) => self.refuse(order, clock, Refusal::Expired),
            (false, true) => self.refuse(order, clock, Refusal::Busy),
            (false, false) => {
                self.keep(Task::new(order, clock));
                Arrival::Begun
            }
        }
    }

    fn repeated(&mut self, number: u64) -> Arrival {
        let mut known = self.tasks.iter();
        match known.any(|task| task.number == number) {
            true => {
                self.again.insert(number);
                Arrival::Known
            }
            false => Arrival::Ignored,
        }
    }

    fn refuse(&mut self, order: &Order, clock: i64, refusal: Refusal) -> Arrival {
        let mut task = Task::new(order, clock);
        task.end(clock, Outcome::Refused(refusal));
        self.keep(task);
        Arrival::Refused
    }

    fn keep(&mut self, task: Task) {
        // It may have been refused before.
        self.tasks.retain(|other| other.number != task.number);
        self.tasks.push(task);
        self.trim();
    }

    fn trim(&mut self) {
        let finished = |task: &Task| task.ended.is_some();
        if self.tasks.iter().filter(|task| finished(task)).count() > KEPT {
            let oldest = self.tasks.iter().position(finished);
            oldest.map(|at| self.tasks.remove(at));
        }
    }

    /// What is to be done, oldest first.
    pub fn open(&self) -> impl Iterator<Item = (&Task, &Job)> {
        let open = self.tasks.iter().filter(|task| task.ended.is_none());
        open.filter_map(|task| Some((task, task.job.as_ref()?)))
    }

    /// Everything that is kept, oldest first.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// Notes how an open order ended, and what it changed that stays.
    pub fn finish(&mut self, number: u64, clock: i64, outcome: Outcome) {
        let open = self.tasks.iter_mut();
        let mut open = open.filter(|task| task.number == number && task.ended.is_none());
        let Some(task) = open.next() else { return };
        if outcome == Outcome::Done {
            match task.job {
                Some(Job::Pause { hours }) => {
                    let made = i64::try_from(number / 1_000).unwrap_or(i64::MAX);
                    self.paused = Some(made.saturating_add(i64::from(hours) * 3_600));
                }
                Some(Job::Resume) => self.paused = None,
                Some(Job::Quarantine) => self.quarantined = true,
                Some(Job::Release) => self.quarantined = false,
                _ => {}
            }
        }
        task.end(clock, outcome);
        self.trim();
    }

    /// The oldest answer that the centre does not have, or that it was asked for again.
    pub fn untold(&self) -> Option<Answer> {
        let told = |task: &&Task| task.told && !self.again.contains(&task.number);
        let mut untold = self.tasks.iter().filter(|task| !told(task));
        untold.find_map(|task| {
            let (at, outcome) = task.ended?;
            let Task { plan, kind, .. } = task.clone();
            let device = self.device.clone();
            Some(Answer::new(device, task.number, plan, kind, at, outcome))
        })
    }

    /// Notes that the centre has an answer. Gives whether that was new.
    pub fn told(&mut self, number: u64) -> bool {
        self.again.remove(&number);
        let mut known = self.tasks.iter_mut();
        let told = known.find(|task| task.number == number && task.ended.is_some() && !task.told);
        told.map(|task| task.told = true).is_some()
    }

    /// Until when the device is paused, if it is at that moment.
    pub fn paused(&self, clock: i64) -> Option<i64> {
        self.paused.filter(|until| clock.max(self.floor) < *until)
    }

    /// The number of the order to destroy all keys, once the centre knows that it is obeyed, or has
    /// had the time to.
    pub fn decommissioned(&self, clock: i64) -> Option<u64> {
        let mut tasks = self.tasks.iter();
        let obeyed = |task: &&Task| match task.ended {
            Some((at, Outcome::Asked)) if task.kind == JobKind::Decommission => {
                task.told || (clock - LAST_WORD) >= at || clock < at
            }
            _ => false,
        };
        tasks.find(obeyed).map(|task| task.number)
    }

    /// Certificates from before this second since 1970 are to be renewed.
    pub fn rotates(&self) -> Option<i64> {
        let mut open = self.open().filter(|(_, job)| **job == Job::RotateKey);
        let number = open.next().map(|(task, _)| task.number)?;
        Some(i64::try_from(number / 1_000).unwrap_or(i64::MAX))
    }

    /// Whether it is quarantined.
    pub const fn quarantined(&self) -> bool {
        self.quarantined
    }
}

impl Task {
    fn new(order: &Order, clock: i64) -> Self {
        Self {
            number: order.number,
            plan: order.plan.clone(),
            reason: order.reason,
            kind: order.job.kind(),
            came: clock,
            job: Some(order.job.clone()),
            ended: None,
            told: false,
        }
    }

    fn end(&mut self, clock: i64, outcome: Outcome) {
        self.ended = Some((clock, outcome));
        // Settings are as large as everything else together, and nobody needs them any more.
        self.job = None;
        self.told = false;
    }
}

fn known<'d, D: Deserializer<'d>>(deserializer: D) -> Result<u8, D::Error> {
    match u8::deserialize(deserializer)? {
        FORMAT => Ok(FORMAT),
        _ => Err(D::Error::custom("format")),
    }
}
