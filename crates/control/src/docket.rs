//! What a device was ordered to do: what is open, what was done, and what comes too late or twice.
//!
//! A docket is kept on the disk before anything is begun, so that a power cut neither forgets an
//! order nor lets one count twice. Two things stand against repeating an old order, each alone
//! enough: its number, and its end, which is held against the clock or, where the clock went back,
//! against the newest time that the centre has signed.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::answer::{Answer, Outcome, Refusal};
use crate::device::DeviceId;
use crate::job::{Job, JobKind};
use crate::order::{Order, Verified};
use crate::words::{PlanId, Reason};

/// So many finished orders are kept, for the local page.
pub const KEPT: usize = 64;
/// So many may be open at once.
const OPEN_MAX: usize = 8;
const DAY: i64 = 86_400;
const FORMAT: u8 = 1;

/// The orders of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Docket {
    #[serde(deserialize_with = "known")]
    format: u8,
    device: DeviceId,
    /// The highest number that was taken.
    last: u64,
    /// The newest second at which the centre signed something.
    floor: i64,
    /// Until when the device is paused.
    paused: Option<i64>,
    quarantined: bool,
    /// Oldest first.
    tasks: Vec<Task>,
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
    /// It is older than what is known. Nothing is said: whoever repeats it knows that.
    Old,
}

impl Docket {
    /// An empty one.
    pub const fn new(device: DeviceId) -> Self {
        Self {
            format: FORMAT,
            device,
            last: 0,
            floor: 0,
            paused: None,
            quarantined: false,
            tasks: Vec::new(),
        }
    }

    /// Whose it is.
    pub const fn device(&self) -> &DeviceId {
        &self.device
    }

    /// Takes an order. `clock` is what the device's clock says, in seconds since 1970.
    pub fn arrive(&mut self, verified: &Verified, clock: i64) -> Arrival {
        let order = verified.order();
        if order.number <= self.last {
            return self.repeated(order.number);
        }
        let now = clock.max(self.floor);
        if order.made().saturating_sub(now) > DAY {
            // Its number does not count: a signer whose clock is wrong must not lock out others.
            return self.refuse(order, clock, Refusal::Clock);
        }
        self.last = order.number;
        self.floor = self.floor.max(order.made());
        let open = self.open().count();
        let refused = match () {
            () if order.device != self.device => Some(Refusal::OtherDevice),
            () if now > order.expires => Some(Refusal::Expired),
            () if open >= OPEN_MAX => Some(Refusal::Busy),
            () => None,
        };
        match refused {
            Some(refusal) => self.refuse(order, clock, refusal),
            None => {
                self.keep(Task::new(order, clock));
                Arrival::Begun
            }
        }
    }

    fn repeated(&mut self, number: u64) -> Arrival {
        let known = self.tasks.iter_mut().find(|task| task.number == number);
        match known {
            Some(task) => {
                task.told = false;
                Arrival::Known
            }
            None => Arrival::Old,
        }
    }

    fn refuse(&mut self, order: &Order, clock: i64, refusal: Refusal) -> Arrival {
        let mut task = Task::new(order, clock);
        task.end(clock, Outcome::Refused(refusal));
        self.tasks.retain(|other| other.number != task.number);
        self.keep(task);
        Arrival::Refused
    }

    fn keep(&mut self, task: Task) {
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

    /// The oldest answer that the centre does not have.
    pub fn untold(&self) -> Option<Answer> {
        let mut untold = self.tasks.iter().filter(|task| !task.told);
        untold.find_map(|task| {
            let (at, outcome) = task.ended?;
            let Task { plan, kind, .. } = task.clone();
            let device = self.device.clone();
            Some(Answer::new(device, task.number, plan, kind, at, outcome))
        })
    }

    /// Notes that the centre has an answer.
    pub fn told(&mut self, number: u64) {
        let known = self.tasks.iter_mut().find(|task| task.number == number);
        if let Some(task) = known.filter(|task| task.ended.is_some()) {
            task.told = true;
        }
    }

    /// Until when the device is paused, if it is at that moment.
    pub fn paused(&self, clock: i64) -> Option<i64> {
        self.paused.filter(|until| clock.max(self.floor) < *until)
    }

    /// The number of the order to destroy all keys, once the centre knows that it is obeyed.
    pub fn decommissioned(&self) -> Option<u64> {
        let mut tasks = self.tasks.iter();
        let obeyed = |task: &&Task| {
            let done = matches!(task.ended, Some((_, Outcome::Done)));
            task.kind == JobKind::Decommission && done && task.told
        };
        tasks.find(obeyed).map(|task| task.number)
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
