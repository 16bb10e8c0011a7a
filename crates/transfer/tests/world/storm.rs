//! O-11: a hundred thousand devices return after an outage of the carrier, all started again in
//! the same minute, and the line breaks once more while they do. All are through half an hour
//! after it is there for good.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use envelope::{FrontId, Receipt, SigningKey, VerifyingKey, sha256};
use rand_chacha::{ChaCha8Rng, ChaCha20Rng};
use rand_core::{Rng, SeedableRng};
use record::{BatchId, SiteId};
use transfer::{Answer, Backoff, Batch, Pace, Plan, Request, Step, Trouble, begin, return_after};

const DEVICES: u32 = 100_000;
/// Connections that the front serves at once; further ones are told to come back.
const PLACES: u32 = 240;
/// The line is gone again from then to then.
const FLAP: std::ops::Range<u64> = 120..180;
/// The service manager starts a run that failed again after this.
const RESTART: Duration = Duration::from_secs(600);
/// What a run asks on lines of its own before it sends: letters, at its beginning and its end.
const LETTERS: u32 = 2;
const HALF_HOUR: u64 = 1_800;

enum Doing {
    Letters { line: u32, tries: Backoff },
    Sending(Box<Step<()>>, Duration),
    Over,
}

struct Device {
    doing: Doing,
    connected: bool,
    delivered: bool,
}

struct Storm {
    dice: ChaCha8Rng,
    receipts: VerifyingKey,
    receipt: Vec<u8>,
    open: u32,
    handshakes: Vec<u32>,
    shed: u64,
    stored: Vec<bool>,
    /// Connections of one exchange only, by when they close.
    short: BinaryHeap<Reverse<Duration>>,
}

/// Every device is of one site here and sends the same: the front tells them apart by number.
fn site() -> SiteId {
    "CLINIC-1".parse().unwrap()
}

fn batch() -> Batch {
    Batch {
        sequence: 1,
        id: BatchId::new(sha256(b"a batch")),
        bytes: 300_000,
    }
}

fn receipt(key: &SigningKey) -> Vec<u8> {
    let (front, batch): (FrontId, _) = ("front-1".parse().unwrap(), batch());
    let receipt = Receipt {
        site: site(),
        sequence: batch.sequence,
        batch: batch.id,
        received_at: 0,
        front,
    };
    receipt.sign(key).unwrap()
}

impl Storm {
    fn new() -> Self {
        let key = SigningKey::generate(&mut ChaCha20Rng::seed_from_u64(1)).unwrap();
        Self {
            dice: ChaCha8Rng::seed_from_u64(11),
            receipts: key.public(),
            receipt: receipt(&key),
            open: 0,
            handshakes: vec![0; 4 * HALF_HOUR as usize],
            shed: 0,
            stored: vec![false; DEVICES as usize],
            short: BinaryHeap::new(),
        }
    }

    /// A handshake with the front: whether it came about, and whether there is a place.
    fn connect(&mut self, now: Duration) -> Option<bool> {
        if FLAP.contains(&now.as_secs()) {
            return None;
        }
        while self.short.peek().is_some_and(|Reverse(ends)| *ends <= now) {
            self.short.pop();
            self.open -= 1;
        }
        self.handshakes[now.as_secs() as usize] += 1;
        let place = self.open < PLACES;
        self.shed += u64::from(!place);
        Some(place)
    }

    fn busy(&mut self) -> Answer {
        Answer {
            status: 503,
            retry_after: Some(Duration::from_secs(5 + self.dice.next_u64() % 55)),
            ..Answer::default()
        }
    }

    fn answer(&mut self, number: u32, request: Request) -> Answer {
        let reached = match request {
            Request::Question => 0,
            Request::Chunk { offset, size } => offset + size,
        };
        let whole = reached == batch().bytes;
        self.stored[number as usize] |= whole;
        Answer {
            status: 200,
            offset: (!whole).then_some(reached),
            stored: whole,
            body: if whole {
                self.receipt.clone()
            } else {
                Vec::new()
            },
            ..Answer::default()
        }
    }

    /// Goes on with a device; gives when it goes on next.
    fn turn(&mut self, number: u32, device: &mut Device, now: Duration) -> Option<Duration> {
        match std::mem::replace(&mut device.doing, Doing::Over) {
            Doing::Over => {
                // Started again: a device that could not reach the centre comes back spread.
                let tries = Backoff::new(3);
                device.doing = Doing::Letters { line: 0, tries };
                Some(now + return_after(self.dice.next_u64()))
            }
            Doing::Letters { line, tries } => Some(self.letters(device, now, line, tries)),
            Doing::Sending(step, start) => self.send(number, device, now, *step, start),
        }
    }

    fn letters(
        &mut self,
        device: &mut Device,
        now: Duration,
        line: u32,
        mut tries: Backoff,
    ) -> Duration {
        let place = self.connect(now);
        if place == Some(true) {
            self.open += 1;
            let ends = now + self.takes();
            self.short.push(Reverse(ends));
            device.doing = match line + 1 {
                LETTERS => Doing::Sending(Box::new(self.plan()), ends),
                line => Doing::Letters {
                    line,
                    tries: Backoff::new(3),
                },
            };
            return ends;
        }
        let asked = place.and_then(|_| self.busy().retry_after);
        match tries.pause(self.dice.next_u64(), asked) {
            Some(pause) => {
                device.doing = Doing::Letters { line, tries };
                now + pause
            }
            None => now + RESTART,
        }
    }

    fn plan(&self) -> Step<()> {
        begin(Plan {
            site: site(),
            receipts: vec![self.receipts],
            batches: vec![batch()],
            attempts: 6,
            chunk: 1 << 20,
            pace: Pace::new(None, Duration::ZERO),
            after: Duration::ZERO,
        })
    }

    fn takes(&mut self) -> Duration {
        Duration::from_millis(50 + self.dice.next_u64() % 900)
    }

    fn send(
        &mut self,
        number: u32,
        device: &mut Device,
        now: Duration,
        step: Step<()>,
        start: Duration,
    ) -> Option<Duration> {
        let (since, random) = (now - start, self.dice.next_u64());
        let mut at = now;
        let next = match step {
            Step::Wait(wait) => {
                at = start + wait.until();
                wait.handle_timeout(wait_until(at, start))
            }
            Step::Admit(admit) => admit.handle_admitted(since),
            Step::Connect(connect) => match self.connect(now) {
                None => {
                    at = start + connect.deadline();
                    connect.handle_trouble(at - start, Trouble::Passing(()), random)
                }
                Some(place) => {
                    device.connected = place;
                    self.open += u32::from(place);
                    connect.handle_connected(since)
                }
            },
            Step::Commit(commit) => commit.handle_committed(since, random),
            Step::Ask(ask) if FLAP.contains(&now.as_secs()) => {
                at = start + ask.deadline();
                self.close(device);
                ask.handle_trouble(at - start, Trouble::Passing(()), random)
            }
            Step::Ask(ask) => {
                at = now + self.takes();
                let answer = match device.connected {
                    true => self.answer(number, ask.request()),
                    false => self.busy(),
                };
                ask.handle_answer(at - start, &answer, random)
            }
            Step::Settle(settle) => {
                assert!(self.stored[number as usize]);
                device.delivered = true;
                settle.handle_settled()
            }
            Step::Done(_) => {
                self.close(device);
                return None;
            }
            Step::Failed(..) => {
                self.close(device);
                return Some(now + RESTART);
            }
        };
        device.doing = Doing::Sending(Box::new(next), start);
        Some(at)
    }

    fn close(&mut self, device: &mut Device) {
        self.open -= u32::from(std::mem::take(&mut device.connected));
    }
}

fn wait_until(at: Duration, start: Duration) -> Duration {
    at.saturating_sub(start)
}

#[test]
fn a_hundred_thousand_devices_return_within_half_an_hour_without_a_storm() {
    let mut storm = Storm::new();
    let mut devices: Vec<Device> = Vec::new();
    let mut turns = BinaryHeap::new();
    for number in 0..DEVICES {
        devices.push(Device {
            doing: Doing::Over,
            connected: false,
            delivered: false,
        });
        let starts = Duration::from_millis(storm.dice.next_u64() % 60_000);
        turns.push(Reverse((starts, number)));
    }
    let mut last = Duration::ZERO;
    while let Some(Reverse((now, number))) = turns.pop() {
        assert!(now.as_secs() < 3 * HALF_HOUR, "devices are left");
        last = now;
        let device = &mut devices[number as usize];
        if let Some(next) = storm.turn(number, device, now) {
            turns.push(Reverse((next.max(now), number)));
        }
    }
    let peak = storm.handshakes.iter().copied().max().unwrap();
    let total: u32 = storm.handshakes.iter().sum();
    let in_time = devices.iter().filter(|device| device.delivered).count();
    eprintln!(
        "{DEVICES} devices: peak {peak} handshakes/s, {total} in all, {} shed, last at {last:?}",
        storm.shed
    );
    assert_eq!(in_time, DEVICES as usize);
    assert!(storm.stored.iter().all(|stored| *stored));
    assert!(peak < 500, "{peak}");
    assert!(last.as_secs() <= FLAP.end + HALF_HOUR, "{last:?}");
}
