//! One session: every batch that waits, oldest first, over one connection at a time.
//!
//! ```text
//! Admit ─► Connect ─► Ask (question) ─► Commit ─► Ask (chunk)… ─► Settle ─► Admit (next) … Done
//!   ▲  └─(connected)────►┘                                             
//!   └── Wait ◄── trouble that may pass, while tries are left; otherwise Failed
//! ```
//!
//! It ends: tries are renewed only when more of a batch is at the front than ever before, and one
//! connection may answer only [`IDLE_MOST`] times without moving on.

use std::collections::VecDeque;
use std::time::Duration;

use envelope::{Receipt, VerifyingKey};
use record::{BatchId, SiteId};

use crate::answer::{Answer, Meaning, Standing};
use crate::backoff::Backoff;
use crate::pace::Pace;

/// Connecting and proving both sides takes no longer.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
/// An answer takes no longer, besides the time of the bytes.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// A line that is slower than this counts as stalled, in bytes per second.
const LEAST_RATE: u64 = 4 << 10;
/// Chunks are not made smaller than this on a line that breaks.
const LEAST_CHUNK: u64 = 16 << 10;
/// Answers in a row on one connection by which nothing moves on.
const IDLE_MOST: u32 = 8;

/// A sealed batch that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its place in the site's chain.
    pub sequence: u64,
    /// Its content id.
    pub id: BatchId,
    /// Its size.
    pub bytes: u64,
}

/// What a session is to do.
#[derive(Debug)]
pub struct Plan {
    /// The site that sends.
    pub site: SiteId,
    /// The keys by which the front signs receipts: more than one while it changes its key, because
    /// the receipt of a batch that was stored before it changed is still of the old one.
    pub receipts: Vec<VerifyingKey>,
    /// What waits, oldest first.
    pub batches: Vec<Batch>,
    /// Tries without progress after which the session ends.
    pub attempts: u32,
    /// Most bytes of one chunk.
    pub chunk: u64,
    /// How fast it may go.
    pub pace: Pace,
    /// How long to wait before anything, for the site's slot.
    pub after: Duration,
}

/// What a session did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Batches that got a receipt.
    pub batches: u64,
    /// Bytes of batches in chunks that the front took.
    pub bytes: u64,
}

/// Something that stopped one try, with the program's own word for it.
#[derive(Debug)]
pub enum Trouble<E> {
    /// May be over at the next try.
    Passing(E),
    /// Another try would end the same way.
    Lasting(E),
}

/// Why a session ended before everything was sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Ending<E> {
    /// What the program met last.
    Met(E),
    /// The front was busy, or could not take it, as often as is tried: status and code.
    Busy(u16, String),
    /// The front refuses the batch: status and code.
    Refused(u16, String),
    /// The receipt is forged or about something else: of this batch.
    Receipt(u64),
    /// What the front answers is not the protocol.
    Protocol(&'static str),
}

/// What the program does next.
#[derive(Debug)]
pub enum Step<E> {
    /// Nothing, until a moment.
    Wait(Wait),
    /// Look whether the oldest batch may go out now, and have its bytes at hand.
    Admit(Admit),
    /// Open a connection.
    Connect(Connect),
    /// Note durably that bytes of the batch are about to leave.
    Commit(Commit),
    /// Send a request and read its answer.
    Ask(Ask),
    /// Note durably that the batch is delivered.
    Settle(Settle),
    /// Everything was sent.
    Done(Sent),
    /// Not everything was sent; what was not stays queued.
    Failed(Sent, Ending<E>),
}

/// What one exchange asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// How the front stands to the batch.
    Question,
    /// To take bytes of the batch.
    Chunk {
        /// From here.
        offset: u64,
        /// So many; none makes the front look at what it has.
        size: u64,
    },
}

#[derive(Debug)]
struct Session {
    site: SiteId,
    receipts: Vec<VerifyingKey>,
    queue: VecDeque<Batch>,
    /// The batch in hand.
    batch: Batch,
    backoff: Backoff,
    chunk_most: u64,
    chunk: u64,
    pace: Pace,
    connected: bool,
    /// Most of the batch in hand that was ever at the front.
    best: u64,
    /// The furthest that this connection came, and how often it has not moved on since.
    reached: Option<u64>,
    idle: u32,
    sent: Sent,
}

/// Begins a session.
pub fn begin<E>(plan: Plan) -> Step<E> {
    let mut queue = VecDeque::from(plan.batches);
    let Some(batch) = queue.pop_front() else {
        return Step::Done(Sent::default());
    };
    let session = Box::new(Session {
        site: plan.site,
        receipts: plan.receipts,
        queue,
        batch,
        backoff: Backoff::new(plan.attempts),
        chunk_most: plan.chunk.max(1),
        chunk: plan.chunk.max(1),
        pace: plan.pace,
        connected: false,
        best: 0,
        reached: None,
        idle: 0,
        sent: Sent::default(),
    });
    match plan.after.is_zero() {
        true => Step::Admit(Admit(session)),
        false => Step::Wait(Wait {
            session,
            until: plan.after,
            then: Then::Admit,
        }),
    }
}

/// A pause.
#[derive(Debug)]
pub struct Wait {
    session: Box<Session>,
    until: Duration,
    then: Then,
}

#[derive(Debug, Clone, Copy)]
enum Then {
    Admit,
    Send(u64),
}

impl Wait {
    /// When it is over.
    pub fn until(&self) -> Duration {
        self.until
    }

    /// Whether a connection is kept open meanwhile.
    pub fn connected(&self) -> bool {
        self.session.connected
    }

    /// The pause is over, or not yet.
    pub fn handle_timeout<E>(self, now: Duration) -> Step<E> {
        match self.then {
            _ if now < self.until => Step::Wait(self),
            Then::Admit => Step::Admit(Admit(self.session)),
            Then::Send(offset) => self.session.send(now, offset),
        }
    }
}

/// The question whether the batch in hand may go out.
#[derive(Debug)]
pub struct Admit(Box<Session>);

impl Admit {
    /// The batch.
    pub fn batch(&self) -> &Batch {
        &self.0.batch
    }

    /// What was sent so far, for a program that ends the session here.
    pub fn sent(&self) -> Sent {
        self.0.sent
    }

    /// It may.
    pub fn handle_admitted<E>(self, now: Duration) -> Step<E> {
        match self.0.connected {
            true => self.0.question(now),
            false => Step::Connect(Connect {
                session: self.0,
                deadline: now + CONNECT_WITHIN,
            }),
        }
    }

    /// It may not.
    pub fn handle_trouble<E>(self, now: Duration, trouble: Trouble<E>, random: u64) -> Step<E> {
        self.0.trouble(now, trouble, random)
    }
}

/// The wish for a connection.
#[derive(Debug)]
pub struct Connect {
    session: Box<Session>,
    deadline: Duration,
}

impl Connect {
    /// When to give it up, which is trouble that passes.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// It is open and both sides have proven who they are.
    pub fn handle_connected<E>(mut self, now: Duration) -> Step<E> {
        self.session.connected = true;
        self.session.question(now)
    }

    /// There is none.
    pub fn handle_trouble<E>(self, now: Duration, trouble: Trouble<E>, random: u64) -> Step<E> {
        self.session.trouble(now, trouble, random)
    }
}

/// The wish to send bytes of a batch.
#[derive(Debug)]
pub struct Commit {
    session: Box<Session>,
    standing: Standing,
}

impl Commit {
    /// The batch.
    pub fn batch(&self) -> &Batch {
        &self.session.batch
    }

    /// It is noted that they leave.
    pub fn handle_committed<E>(self, now: Duration, random: u64) -> Step<E> {
        self.session.go_on(now, self.standing, random)
    }
}

/// One exchange.
#[derive(Debug)]
pub struct Ask {
    session: Box<Session>,
    request: Request,
    deadline: Duration,
}

impl Ask {
    /// Of which batch.
    pub fn batch(&self) -> &Batch {
        &self.session.batch
    }

    /// What to send.
    pub fn request(&self) -> Request {
        self.request
    }

    /// When to give up the connection, which is trouble that passes.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// The front answered.
    pub fn handle_answer<E>(self, now: Duration, answer: &Answer, random: u64) -> Step<E> {
        let (mut session, status) = (self.session, answer.status);
        let standing = match answer.meaning() {
            Meaning::Stands(standing) => standing,
            Meaning::Later => {
                let ending = Ending::Busy(status, answer.code.clone());
                return session.pause(now, ending, random, answer.retry_after);
            }
            Meaning::Refused => {
                let ending = Ending::Refused(status, answer.code.clone());
                return Step::Failed(session.sent, ending);
            }
            Meaning::Strange => {
                return Step::Failed(session.sent, Ending::Protocol("no offset"));
            }
        };
        match self.request {
            Request::Question => Step::Commit(Commit { session, standing }),
            Request::Chunk { offset, size } => {
                session.took(offset, size, &standing);
                session.go_on(now, standing, random)
            }
        }
    }

    /// There was no answer.
    pub fn handle_trouble<E>(mut self, now: Duration, trouble: Trouble<E>, random: u64) -> Step<E> {
        if let Request::Chunk { .. } = self.request {
            let least = LEAST_CHUNK.min(self.session.chunk_most);
            self.session.chunk = (self.session.chunk / 2).max(least);
        }
        self.session.trouble(now, trouble, random)
    }
}

/// A batch that the front has stored, by its verified word.
#[derive(Debug)]
pub struct Settle {
    session: Box<Session>,
    receipt: Receipt,
    bytes: Vec<u8>,
}

impl Settle {
    /// The batch.
    pub fn batch(&self) -> &Batch {
        &self.session.batch
    }

    /// The front's word.
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// The signed bytes of it.
    pub fn receipt_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// It is noted and the batch has left the queue.
    pub fn handle_settled<E>(self) -> Step<E> {
        let mut session = self.session;
        session.sent.batches += 1;
        match session.queue.pop_front() {
            None => Step::Done(session.sent),
            Some(next) => {
                session.batch = next;
                session.best = 0;
                session.backoff.renew();
                Step::Admit(Admit(session))
            }
        }
    }
}

impl Session {
    fn question<E>(mut self: Box<Self>, now: Duration) -> Step<E> {
        (self.reached, self.idle) = (None, 0);
        Step::Ask(Ask {
            session: self,
            request: Request::Question,
            deadline: now + ANSWER_WITHIN,
        })
    }

    /// Goes on from where the front stands.
    fn go_on<E>(mut self: Box<Self>, now: Duration, standing: Standing, random: u64) -> Step<E> {
        let offset = match standing {
            Standing::Reached(offset) => offset,
            Standing::Stored(bytes) => return self.settle(bytes),
        };
        match self.reached {
            Some(before) if offset <= before => self.idle += 1,
            _ => (self.reached, self.idle) = (Some(offset), 0),
        }
        if self.idle > IDLE_MOST {
            // The front may have begun anew: then the next question tells.
            return self.pause(now, Ending::Protocol("no progress"), random, None);
        }
        if offset > self.best && offset <= self.batch.bytes {
            self.best = offset;
            self.backoff.renew();
        }
        self.send(now, offset)
    }

    /// Sends the next chunk, or waits for leave to do so. A front that has all of a batch and has
    /// not stored it holds something else, after a power cut perhaps: an empty chunk at the end
    /// makes it look and drop that.
    fn send<E>(mut self: Box<Self>, now: Duration, offset: u64) -> Step<E> {
        let rest = self.batch.bytes.saturating_sub(offset);
        match self.pace.take(now, rest.min(self.chunk)) {
            Ok(size) => Step::Ask(Ask {
                session: self,
                request: Request::Chunk { offset, size },
                deadline: now + ANSWER_WITHIN + Duration::from_secs(size / LEAST_RATE),
            }),
            Err(wait) => Step::Wait(Wait {
                session: self,
                until: now + wait,
                then: Then::Send(offset),
            }),
        }
    }

    /// Counts a chunk that arrived.
    fn took(&mut self, offset: u64, size: u64, standing: &Standing) {
        let arrived = match standing {
            Standing::Stored(_) => true,
            Standing::Reached(reached) => *reached == offset.saturating_add(size),
        };
        if arrived {
            self.sent.bytes += size;
            self.chunk = (self.chunk * 2).min(self.chunk_most);
        }
    }

    /// Takes the front's word that the batch is stored.
    fn settle<E>(self: Box<Self>, bytes: Vec<u8>) -> Step<E> {
        let batch = &self.batch;
        let about_this = |receipt: &Receipt| {
            receipt.batch == batch.id
                && receipt.site == self.site
                && receipt.sequence == batch.sequence
        };
        let mut keys = self.receipts.iter();
        let receipt = keys.find_map(|key| Receipt::verify(&bytes, key).ok());
        match receipt.filter(about_this) {
            Some(receipt) => Step::Settle(Settle {
                session: self,
                receipt,
                bytes,
            }),
            None => Step::Failed(self.sent, Ending::Receipt(batch.sequence)),
        }
    }

    fn trouble<E>(self: Box<Self>, now: Duration, trouble: Trouble<E>, random: u64) -> Step<E> {
        match trouble {
            Trouble::Passing(met) => self.pause(now, Ending::Met(met), random, None),
            Trouble::Lasting(met) => Step::Failed(self.sent, Ending::Met(met)),
        }
    }

    /// Gives the connection up and tries again later, if tries are left.
    fn pause<E>(
        mut self: Box<Self>,
        now: Duration,
        ending: Ending<E>,
        random: u64,
        asked: Option<Duration>,
    ) -> Step<E> {
        self.connected = false;
        match self.backoff.pause(random, asked) {
            None => Step::Failed(self.sent, ending),
            Some(pause) => Step::Wait(Wait {
                session: self,
                until: now + pause,
                then: Then::Admit,
            }),
        }
    }
}
