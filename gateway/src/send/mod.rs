//! Delivery of queued batches to the front, oldest first, over one mutually authenticated TLS 1.3
//! connection. A batch leaves the queue only with a receipt that the front signed.
//!
//! What happens next is decided by [`transfer`]; this is the program around it, which has the
//! clock, the connection and the disk.

pub(crate) mod connection;
pub(crate) mod delivery;
pub(crate) mod log;

use std::time::{Duration, Instant};

use config::gateway::Settings;
use record::SiteId;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};
use transfer::ledger::Event;
use transfer::{
    Admit, Ask, Beginning, Commit, Connect, Ending, OfficeHours, Pace, Plan, Settle, Step, Wait,
    Window, begin,
};

use crate::clock::{self, Trusted};
use crate::error::{Failure, Problem};
use crate::keys::Keys;
use crate::send::connection::{Connection, Peer, Trouble};
use crate::send::log::TransferLog;
use crate::spool::Spool;
use crate::state::{State, Waiting};

/// The front's code for a chunk that changed on the way.
const CHUNK_DAMAGED: &str = "R006";

/// What a run of the sender did.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Sent {
    /// Batches that got a receipt.
    pub(crate) batches: u64,
    /// Bytes of batches that went over the line, without what an earlier run had sent.
    pub(crate) bytes: u64,
}

/// Asked before each batch and before each further try; when it says no, what waits is not as it
/// was, and nothing more is sent.
pub(crate) type Stands<'a> = &'a mut dyn FnMut(&mut State) -> Result<bool, Failure>;

/// Whether a run sends as soon as it can or waits for the site's slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// As soon as it can.
    Now,
    /// In the site's slot of the night.
    Slot,
}

/// Delivers everything that waits, at a confirmed time only (P-19). Gives whether everything was
/// sent.
///
/// # Errors
/// The first batch that cannot be delivered after the tries that the settings allow. It and the
/// batches behind it stay queued: the chain is sent in order.
#[expect(
    clippy::too_many_arguments,
    reason = "each is another thing, and one call hands them over"
)]
pub(crate) fn send_all(
    settings: &Settings,
    _: Trusted,
    moment: Moment,
    keys: &Keys,
    state: &mut State,
    spool: &Spool,
    total: &mut Sent,
    stands: Stands<'_>,
) -> Result<bool, Failure> {
    let waiting = state.waiting()?;
    if waiting.is_empty() {
        return Ok(true);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::because(Problem::Internal, "runtime", error))?;
    let mut step = begin(plan(settings, moment, keys, &waiting));
    let log = TransferLog::open(&settings.state.folder, state)?;
    let mut sender = Sender {
        log,
        runtime,
        peer: Peer::new(settings)?,
        state,
        spool,
        stands,
        waiting,
        began: clock::stopwatch(),
        connection: None,
        batch: None,
        bytes: Vec::new(),
        beginning: Beginning::default(),
    };
    loop {
        step = match step {
            Step::Wait(wait) => sender.wait(wait),
            Step::Admit(admit) => {
                let sent = admit.sent();
                match sender.admit(admit)? {
                    Some(next) => next,
                    None => {
                        total.add(sent);
                        return Ok(false);
                    }
                }
            }
            Step::Connect(connect) => sender.connect(connect),
            Step::Commit(commit) => sender.commit(commit)?,
            Step::Ask(ask) => sender.ask(ask),
            Step::Settle(settle) => sender.settle(settle)?,
            Step::Done(sent) => {
                total.add(sent);
                return Ok(true);
            }
            Step::Failed(sent, ending) => {
                total.add(sent);
                return Err(sender.failed(ending)?);
            }
        };
    }
}

impl Sent {
    fn add(&mut self, sent: transfer::Sent) {
        self.batches += sent.batches;
        self.bytes += sent.bytes;
    }
}

fn plan(settings: &Settings, moment: Moment, keys: &Keys, waiting: &[Waiting]) -> Plan {
    let day = clock::time_of_day();
    let second = u32::try_from(day.as_secs()).unwrap_or(0);
    let after = match moment {
        Moment::Now => Duration::ZERO,
        Moment::Slot => slot(settings, &settings.site, second),
    };
    let upload = &settings.upload;
    let office = (upload.office_bytes_per_second > 0).then_some(OfficeHours {
        from: upload.office_starts.seconds(),
        until: upload.office_ends.seconds(),
        bytes_per_second: upload.office_bytes_per_second,
    });
    Plan {
        site: settings.site.clone(),
        receipts: keys.receipts.clone(),
        batches: waiting.iter().map(Waiting::batch).collect(),
        attempts: settings.limits.send_attempts,
        chunk: settings.limits.chunk_bytes as u64,
        pace: Pace::new(office, day),
        after,
    }
}

fn slot(settings: &Settings, site: &SiteId, second: u32) -> Duration {
    let upload = &settings.upload;
    let window = Window {
        starts: upload.window_starts.seconds(),
        length: upload.window_minutes * 60,
    };
    match window.length {
        0 => Duration::ZERO,
        _ => window.wait(site, second),
    }
}

struct Sender<'a> {
    log: TransferLog,
    runtime: Runtime,
    peer: Peer,
    state: &'a mut State,
    spool: &'a Spool,
    stands: Stands<'a>,
    waiting: Vec<Waiting>,
    began: Instant,
    connection: Option<Connection>,
    /// The batch in hand.
    batch: Option<transfer::Batch>,
    bytes: Vec<u8>,
    beginning: Beginning,
}

impl Sender<'_> {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn wait(&mut self, wait: Wait) -> Step<Failure> {
        if !wait.connected() {
            self.connection = None;
        }
        let pause = wait.until().saturating_sub(self.now());
        // Made inside, because a timer asks for the runtime that it is made in.
        self.runtime.block_on(async { sleep(pause).await });
        wait.handle_timeout(self.now())
    }

    /// Looks whether the batch may go out; `None` when what waits is not as it was.
    fn admit(&mut self, admit: Admit) -> Result<Option<Step<Failure>>, Failure> {
        if !(self.stands)(self.state)? {
            return Ok(None);
        }
        // Also where a connection is open: the way may have changed under it.
        if let Err(trouble) = self.peer.check_line() {
            warn(&trouble);
            self.connection = None;
            return Ok(Some(admit.handle_trouble(self.now(), trouble, random())));
        }
        self.bytes = self.spool.get(self.known(admit.batch())?)?;
        self.beginning = Beginning::default();
        self.batch = Some(admit.batch().clone());
        Ok(Some(admit.handle_admitted(self.now())))
    }

    fn connect(&mut self, connect: Connect) -> Step<Failure> {
        let patience = connect.deadline().saturating_sub(self.now());
        let opened = self
            .runtime
            .block_on(async { timeout(patience, self.peer.connect()).await });
        match opened.unwrap_or_else(|_| Err(connection::late("connect"))) {
            Ok(connection) => {
                self.connection = Some(connection);
                connect.handle_connected(self.now())
            }
            Err(trouble) => {
                warn(&trouble);
                connect.handle_trouble(self.now(), trouble, random())
            }
        }
    }

    /// Notes that bytes of the batch leave, from when on it cannot be undone.
    fn commit(&mut self, commit: Commit) -> Result<Step<Failure>, Failure> {
        let batch = commit.batch();
        self.state.attempt(batch.sequence)?;
        let peer = self.connection.as_ref().map(Connection::peer);
        self.log
            .note(self.state, Event::Sending, batch, "-", peer)?;
        Ok(commit.handle_committed(self.now(), random()))
    }

    fn ask(&mut self, ask: Ask) -> Step<Failure> {
        let patience = ask.deadline().saturating_sub(self.now());
        let answered = match &mut self.connection {
            Some(open) => {
                let (batch, request) = (ask.batch(), ask.request());
                let (bytes, beginning) = (&self.bytes, &mut self.beginning);
                let exchange = delivery::exchange(open, batch, request, bytes, beginning, patience);
                self.runtime.block_on(exchange)
            }
            None => Err(connection::late("connection")),
        };
        match answered {
            Ok(answer) => ask.handle_answer(self.now(), &answer, random()),
            Err(trouble) => {
                warn(&trouble);
                ask.handle_trouble(self.now(), trouble, random())
            }
        }
    }

    fn settle(&mut self, settle: Settle) -> Result<Step<Failure>, Failure> {
        let batch = self.known(settle.batch())?.clone();
        let peer = self.connection.as_ref().map(Connection::peer);
        self.log
            .note(self.state, Event::Delivered, settle.batch(), "stored", peer)?;
        let (state, receipt) = (&*self.state, settle.receipt_bytes());
        self.spool
            .take_out(&batch, || state.received(batch.sequence, receipt))?;
        tracing::info!(sequence = batch.sequence, batch = %batch.id, bytes = batch.bytes, "sent");
        clock::told_by_centre(self.state, batch.sealed_at, settle.receipt().received_at)?;
        Ok(settle.handle_settled())
    }

    /// Notes that the batch in hand did not get through, and gives what that tells people.
    fn failed(&mut self, ending: Ending<Failure>) -> Result<Failure, Failure> {
        let failure = failure(ending);
        if let Some(batch) = &self.batch {
            let peer = self.connection.as_ref().map(Connection::peer);
            let code = failure.problem().code();
            self.log
                .note(self.state, Event::Failed, batch, code, peer)?;
        }
        Ok(failure)
    }

    /// What is known here of a batch of the session.
    fn known(&self, batch: &transfer::Batch) -> Result<&Waiting, Failure> {
        let found = self
            .waiting
            .iter()
            .find(|waiting| waiting.sequence == batch.sequence);
        found.ok_or_else(|| Failure::new(Problem::Internal, "a batch that does not wait"))
    }
}

fn warn(trouble: &Trouble) {
    if let Trouble::Passing(failure) = trouble {
        tracing::warn!(code = failure.problem().code(), "retry");
    }
}

/// What a session that ended early tells people.
fn failure(ending: Ending<Failure>) -> Failure {
    let told = |status: u16, code: &str| format!("HTTP {status} {code}");
    match ending {
        Ending::Met(failure) => failure,
        // What the front dropped again and again needs a person; a bad line does not.
        Ending::Busy(422, code) if code != CHUNK_DAMAGED => {
            Failure::new(Problem::FrontRefused, told(422, &code))
        }
        Ending::Busy(status, code) => Failure::new(Problem::FrontUnreachable, told(status, &code)),
        Ending::Refused(status, code) => Failure::new(Problem::FrontRefused, told(status, &code)),
        Ending::Receipt(sequence) => {
            Failure::new(Problem::ReceiptInvalid, format!("batch {sequence}"))
        }
        Ending::Protocol(what) => Failure::new(Problem::FrontRefused, format!("protocol: {what}")),
    }
}

/// A number for the length of a pause. Without randomness the pause is the whole bound, which is
/// only less spread out.
pub(crate) fn random() -> u64 {
    let mut random = [0; 8];
    match SystemRandom::new().fill(&mut random) {
        Ok(()) => u64::from_le_bytes(random),
        Err(_) => u64::MAX,
    }
}
