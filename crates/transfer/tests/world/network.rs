//! A line that does to requests and answers whatever lines do, from a seed.

use std::time::Duration;

use envelope::sha256;
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;
use record::BatchId;
use transfer::{Answer, Request};

use crate::front::{Arrived, Front, busy, reached, stored};

/// What may happen to one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    LostRequest,
    LostAnswer,
    Reset,
    ResetAfter,
    Stalled,
    Twice,
    HalfOpen,
    Slow,
    Damaged,
    FalseOffset,
    Busy,
    Forgotten,
    Rotten,
    ForeignReceipt,
    NoReceipt,
    Refusing,
}

const FAULTS: [Fault; 16] = [
    Fault::LostRequest,
    Fault::LostAnswer,
    Fault::Reset,
    Fault::ResetAfter,
    Fault::Stalled,
    Fault::Twice,
    Fault::HalfOpen,
    Fault::Slow,
    Fault::Damaged,
    Fault::FalseOffset,
    Fault::Busy,
    Fault::Forgotten,
    Fault::Rotten,
    Fault::ForeignReceipt,
    Fault::NoReceipt,
    Fault::Refusing,
];

pub(crate) struct Network {
    pub(crate) dice: ChaCha8Rng,
    /// Since the beginning of the world.
    pub(crate) now: Duration,
    pub(crate) front: Front,
    /// Of a hundred exchanges so many meet a fault.
    pub(crate) faults: u64,
    /// The line is gone.
    pub(crate) down: bool,
    /// The centre has stopped the site.
    pub(crate) stopped: bool,
    open: bool,
    half_open: bool,
    late: Vec<(Duration, Arrived)>,
    /// When how many bytes of batches left the device.
    pub(crate) left: Vec<(Duration, u64)>,
    /// Which faults there were.
    pub(crate) met: Vec<Fault>,
}

impl Network {
    pub(crate) fn new(dice: ChaCha8Rng, front: Front, faults: u64) -> Self {
        Self {
            dice,
            now: Duration::ZERO,
            front,
            faults,
            down: false,
            stopped: false,
            open: false,
            half_open: false,
            late: Vec::new(),
            left: Vec::new(),
            met: Vec::new(),
        }
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.dice.next_u64() % bound.max(1)
    }

    fn fault(&mut self) -> Option<Fault> {
        if self.below(100) >= self.faults {
            return None;
        }
        let fault = FAULTS[self.below(FAULTS.len() as u64) as usize];
        self.met.push(fault);
        Some(fault)
    }

    /// Time goes on, and what was under way arrives.
    pub(crate) fn until(&mut self, moment: Duration) {
        self.now = self.now.max(moment);
        let (due, later): (Vec<_>, Vec<_>) =
            self.late.drain(..).partition(|(at, _)| *at <= self.now);
        self.late = later;
        for (_, arrived) in due {
            self.front.serve(&arrived);
        }
    }

    /// A connection, or none within the deadline.
    pub(crate) fn connect(&mut self, deadline: Duration) -> bool {
        (self.open, self.half_open) = (true, false);
        if self.down {
            self.until(deadline);
            return false;
        }
        match self.fault() {
            Some(Fault::LostRequest | Fault::Stalled | Fault::HalfOpen) => {
                self.until(deadline);
                false
            }
            Some(Fault::Reset | Fault::ResetAfter) => false,
            _ => {
                let takes = Duration::from_millis(self.below(300));
                self.until((self.now + takes).min(deadline));
                true
            }
        }
    }

    /// One exchange. No answer: the connection broke, or the deadline has come.
    pub(crate) fn exchange(
        &mut self,
        id: BatchId,
        request: Request,
        whole: &[u8],
        deadline: Duration,
    ) -> Option<Answer> {
        assert!(self.open, "asked on a connection that is gone");
        let answer = self.carry(id, request, whole, deadline);
        self.open = answer.is_some();
        answer
    }

    fn carry(
        &mut self,
        id: BatchId,
        request: Request,
        whole: &[u8],
        deadline: Duration,
    ) -> Option<Answer> {
        let mut arrived = arrives(id, request, whole);
        if let Request::Chunk { size, .. } = request {
            self.left.push((self.now, size));
        }
        self.until(self.now + Duration::from_millis(20));
        if self.stopped {
            return Some(crate::front::refused(403, "R010"));
        }
        if self.half_open {
            self.until(deadline);
            return None;
        }
        match self.fault() {
            None => Some(self.front.serve(&arrived)),
            Some(Fault::LostRequest) => self.silence(deadline),
            Some(Fault::LostAnswer) => {
                self.front.serve(&arrived);
                self.silence(deadline)
            }
            Some(Fault::Reset) => None,
            Some(Fault::ResetAfter) => {
                self.front.serve(&arrived);
                None
            }
            Some(Fault::Stalled) => {
                let at = deadline + Duration::from_secs(self.below(900));
                self.late.push((at, arrived));
                self.silence(deadline)
            }
            Some(Fault::Twice) => {
                self.front.serve(&arrived);
                Some(self.front.serve(&arrived))
            }
            Some(Fault::HalfOpen) => {
                self.half_open = true;
                self.silence(deadline)
            }
            Some(Fault::Slow) => {
                let most = (deadline - self.now).as_millis() as u64;
                let takes = Duration::from_millis(self.below(most));
                self.until(self.now + takes);
                Some(self.front.serve(&arrived))
            }
            Some(Fault::Damaged) => {
                if let Arrived::Chunk { bytes, .. } = &mut arrived
                    && let Some(byte) = bytes.first_mut()
                {
                    *byte ^= 0x80;
                }
                Some(self.front.serve(&arrived))
            }
            Some(fault) => Some(self.front_does(fault, id, whole, &arrived)),
        }
    }

    fn silence(&mut self, deadline: Duration) -> Option<Answer> {
        self.until(deadline);
        None
    }

    /// Faults of the other end.
    fn front_does(&mut self, fault: Fault, id: BatchId, whole: &[u8], arrived: &Arrived) -> Answer {
        match fault {
            Fault::FalseOffset => {
                let offset = self.below(2 * whole.len() as u64 + 2);
                reached(200, offset)
            }
            Fault::Busy => busy(self.below(60)),
            Fault::Forgotten => {
                self.front.forget(id);
                self.front.serve(arrived)
            }
            Fault::Rotten => {
                let place = self.below(1 << 20) as usize;
                self.front.rot(id, place);
                self.front.serve(arrived)
            }
            Fault::ForeignReceipt => {
                let (other, sequence) =
                    (BatchId::new(sha256(b"another")), self.front.sequences[&id]);
                let site = self.front.site.clone();
                stored(match self.below(3) {
                    0 => self.front.receipt(site, sequence, other),
                    1 => self.front.receipt(site, sequence + 1, id),
                    _ => self
                        .front
                        .receipt("CLINIC-2".parse().unwrap(), sequence, id),
                })
            }
            Fault::NoReceipt => stored(b"a receipt that is none".to_vec()),
            _ => crate::front::refused(422, "R008"),
        }
    }
}

fn arrives(id: BatchId, request: Request, whole: &[u8]) -> Arrived {
    match request {
        Request::Question => Arrived::Question(id),
        Request::Chunk { offset, size } => {
            let start = (offset as usize).min(whole.len());
            let bytes = whole[start..start + size as usize].to_vec();
            Arrived::Chunk {
                id,
                offset,
                length: whole.len() as u64,
                digest: sha256(&bytes),
                bytes,
            }
        }
    }
}
