//! Two years of one site (A-117, C-09, C-10): the queue and the sender on a disk that loses its
//! power every night, over a line that is gone for two weeks twice and bad for the rest, to a front
//! that changes its key three times, with a second device made of a copy of the first. Nothing is
//! lost and nothing arrives twice in effect.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use envelope::{SigningKey, VerifyingKey, sha256};
use rand_chacha::{ChaCha8Rng, ChaCha20Rng};
use rand_core::{Rng, SeedableRng};
use record::{BatchId, SiteId};
use transfer::{
    Admit, Ask, Batch, Ending, Pace, Plan, Queue, QueueError, Settle, Step, Trouble, begin,
};

use crate::disk::Disk;
use crate::front::Front;
use crate::network::{Fault, Network};

const DAYS: u64 = 730;
const OUTAGES: [std::ops::Range<u64>; 2] = [100..114, 400..414];
const NEW_KEYS: [u64; 3] = [180, 362, 545];
/// From this day on a copy of the device is at work as well.
const CLONED: u64 = 250;
/// Days from the finding of a second chain to the word of the operator.
const DECIDED_AFTER: u64 = 3;

/// What a device remembers durably, beside its disk.
#[derive(Default, Clone)]
struct Rows {
    waiting: Vec<Batch>,
    documents: u64,
    sequence: u64,
    previous: [u8; 32],
}

struct Device {
    disk: Disk,
    rows: Rows,
    receipts: Vec<VerifyingKey>,
    /// Every batch that it ever sealed.
    sealed: BTreeMap<BatchId, u64>,
}

#[derive(Debug)]
enum Stop {
    PowerCut,
    Failed(Ending<()>),
}

impl From<QueueError> for Stop {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Disk(_) => Self::PowerCut,
            QueueError::Damaged(sequence) => panic!("batch {sequence} is damaged"),
        }
    }
}

fn key(number: u64) -> SigningKey {
    SigningKey::generate(&mut ChaCha20Rng::seed_from_u64(number)).unwrap()
}

fn site() -> SiteId {
    "CLINIC-1".parse().unwrap()
}

/// First document, number of documents, place in the chain, digest of the batch before, noise.
fn payload(first: u64, count: u64, rows: &Rows, dice: &mut ChaCha8Rng) -> Vec<u8> {
    let mut noise = vec![0; 40 + (dice.next_u64() % 600) as usize];
    dice.fill_bytes(&mut noise);
    let numbers = [first, count, rows.sequence + 1]
        .map(u64::to_be_bytes)
        .concat();
    [numbers.as_slice(), &rows.previous, &noise].concat()
}

fn number(bytes: &[u8], place: usize) -> u64 {
    u64::from_be_bytes(bytes[place * 8..place * 8 + 8].try_into().unwrap())
}

impl Device {
    /// One run: whatever is new in the source is sealed, whatever waits is sent.
    fn run(&mut self, source: u64, network: &mut Network) -> Result<(), Stop> {
        let queue = Queue::open(
            PathBuf::from("spool"),
            self.disk.clone(),
            &self.rows.waiting,
        )?;
        while self.rows.documents < source {
            let count = (source - self.rows.documents).min(12);
            let bytes = payload(self.rows.documents, count, &self.rows, &mut network.dice);
            let batch = Batch {
                sequence: self.rows.sequence + 1,
                id: BatchId::new(sha256(&bytes)),
                bytes: bytes.len() as u64,
            };
            let (disk, rows, sealed) = (&self.disk, &mut self.rows, &mut self.sealed);
            let sequences = &mut network.front.sequences;
            queue.put(&batch, &bytes, || {
                let step = || {
                    rows.waiting.push(batch.clone());
                    rows.documents += count;
                    rows.sequence += 1;
                    rows.previous = *batch.id.as_bytes();
                    sealed.insert(batch.id, batch.sequence);
                    sequences.insert(batch.id, batch.sequence);
                };
                disk.atomic(step)
                    .map_err(|error| Stop::from(QueueError::Disk(error)))
            })?;
        }
        self.send(&queue, network)
    }

    fn send(&mut self, queue: &Queue<Disk>, network: &mut Network) -> Result<(), Stop> {
        let start = network.now;
        let mut bytes = Vec::new();
        let mut step = begin::<()>(Plan {
            site: site(),
            receipts: self.receipts.clone(),
            batches: self.rows.waiting.clone(),
            attempts: 6,
            chunk: 128,
            pace: Pace::new(None, Duration::ZERO),
            after: Duration::ZERO,
        });
        loop {
            let random = network.dice.next_u64();
            step = match step {
                Step::Wait(wait) => {
                    network.until(start + wait.until());
                    wait.handle_timeout(network.now - start)
                }
                Step::Admit(admit) => admitted(admit, queue, &mut bytes, network.now - start)?,
                Step::Connect(connect) => match network.connect(start + connect.deadline()) {
                    true => connect.handle_connected(network.now - start),
                    false => {
                        let now = network.now - start;
                        connect.handle_trouble(now, Trouble::Passing(()), random)
                    }
                },
                Step::Commit(commit) => {
                    let noted = self.disk.atomic(|| {});
                    noted.map_err(QueueError::Disk)?;
                    commit.handle_committed(network.now - start, random)
                }
                Step::Ask(ask) => asked(ask, &bytes, network, start, random),
                Step::Settle(settle) => self.settled(settle, queue)?,
                Step::Done(_) => return Ok(()),
                Step::Failed(_, ending) => return Err(Stop::Failed(ending)),
            };
        }
    }

    fn settled(&mut self, settle: Settle, queue: &Queue<Disk>) -> Result<Step<()>, Stop> {
        let batch = settle.batch().clone();
        let (disk, rows) = (&self.disk, &mut self.rows);
        queue.take_out(&batch, || {
            let step = || rows.waiting.retain(|waiting| waiting.id != batch.id);
            disk.atomic(step)
                .map_err(|error| Stop::from(QueueError::Disk(error)))
        })?;
        Ok(settle.handle_settled())
    }

    /// A night: the power goes once, anywhere, and the run is started again.
    fn night(&mut self, source: u64, network: &mut Network) -> Option<Stop> {
        self.disk.cut_after(1 + network.below(40));
        let mut ended = self.run(source, network).err();
        if matches!(ended, Some(Stop::PowerCut)) {
            self.disk.power_on();
            self.disk.mend();
            ended = self.run(source, network).err();
        }
        self.disk.mend();
        ended
    }
}

fn admitted(
    admit: Admit,
    queue: &Queue<Disk>,
    bytes: &mut Vec<u8>,
    now: Duration,
) -> Result<Step<()>, Stop> {
    *bytes = queue.get(admit.batch())?;
    Ok(admit.handle_admitted(now))
}

fn asked(ask: Ask, bytes: &[u8], network: &mut Network, start: Duration, random: u64) -> Step<()> {
    let (id, deadline) = (ask.batch().id, start + ask.deadline());
    let answer = network.exchange(id, ask.request(), bytes, deadline);
    let now = network.now - start;
    match answer {
        Some(answer) => ask.handle_answer(now, &answer, random),
        None => ask.handle_trouble(now, Trouble::Passing(()), random),
    }
}

/// Whether two batches of different bytes stand at one place of the site's chain.
fn two_chains(front: &Front) -> bool {
    let mut places = BTreeMap::new();
    let mut stored = front.inbox.iter();
    stored.any(|(sequence, id, _)| *places.entry(*sequence).or_insert(*id) != *id)
}

/// The batches of one device as the core takes them: an unbroken chain, and each document once.
fn chain_of(device: &Device, front: &Front) -> u64 {
    let own = |stored: &&(u64, BatchId, Vec<u8>)| device.sealed.contains_key(&stored.1);
    let (mut previous, mut documents) = ([0; 32], 0);
    for (place, (sequence, id, bytes)) in front.inbox.iter().filter(own).enumerate() {
        assert_eq!(*sequence, place as u64 + 1, "the chain is in order");
        assert_eq!(number(bytes, 2), *sequence);
        assert_eq!(
            bytes[24..56],
            previous,
            "batch {sequence} continues the one before"
        );
        assert_eq!(number(bytes, 0), documents, "each document once");
        documents += number(bytes, 1);
        previous = *id.as_bytes();
    }
    documents
}

#[test]
fn two_years_of_cuts_outages_new_keys_and_a_clone_lose_and_double_nothing() {
    for seed in 0..8 {
        let mut key_number = 1;
        let front = Front::new(key(key_number), site());
        let mut network = Network::new(ChaCha8Rng::seed_from_u64(seed), front, 10);
        let mut device = Device {
            disk: Disk::new(seed, BTreeMap::new()),
            rows: Rows::default(),
            receipts: vec![network.front.key.public()],
            sealed: BTreeMap::new(),
        };
        let mut copy: Option<Device> = None;
        let (mut source, mut found, mut longest) = (0, None, 0);
        for day in 0..DAYS {
            source += network.below(40);
            network.down = OUTAGES.iter().any(|outage| outage.contains(&day));
            if NEW_KEYS.contains(&day) {
                // The device is told in time, and keeps the key before.
                key_number += 1;
                device.receipts.insert(0, key(key_number).public());
                device.receipts.truncate(2);
                network.front.key = key(key_number);
            }
            if day == CLONED {
                copy = Some(Device {
                    disk: device.disk.copied(),
                    rows: device.rows.clone(),
                    receipts: device.receipts.clone(),
                    sealed: device.sealed.clone(),
                });
            }
            network.met.clear();
            let ended = device.night(source, &mut network);
            // A new key is no reason for a receipt that does not hold.
            if let Some(Stop::Failed(Ending::Receipt(_))) = &ended {
                let bad = |fault: &Fault| [Fault::ForeignReceipt, Fault::NoReceipt].contains(fault);
                assert!(
                    network.met.iter().any(bad),
                    "seed {seed}, day {day}: {ended:?}"
                );
            }
            assert!(
                !matches!(ended, Some(Stop::PowerCut)),
                "seed {seed}, day {day}"
            );
            if let Some(copy) = &mut copy {
                copy.night(source, &mut network);
            }
            longest = longest.max(device.rows.waiting.len());
            if found.is_none() && two_chains(&network.front) {
                // Both are stopped and shown.
                (found, network.stopped) = (Some(day), true);
            }
            if found.is_some_and(|at| day == at + DECIDED_AFTER) {
                // The copy's certificate is revoked; the device goes on.
                (copy, network.stopped) = (None, false);
            }
            let evening = Duration::from_secs(86_400 * (day + 1));
            network.until(evening);
        }
        (network.faults, network.down) = (0, false);
        let last = device.night(source, &mut network);
        assert!(last.is_none(), "seed {seed}: {last:?}");
        let found = found.unwrap();
        assert!(
            (CLONED..CLONED + 3).contains(&found),
            "found on day {found}"
        );
        assert!(
            longest > 14,
            "{longest} batches waited in the longest outage"
        );
        assert_eq!(chain_of(&device, &network.front), source, "seed {seed}");
        assert!(device.rows.waiting.is_empty());
    }
}
