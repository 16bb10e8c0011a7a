//! The queue on a disk that fails at every call and forgets at every power cut (P-18, C-10): no
//! document is lost, none arrives twice in effect, and no state is left that the next start cannot
//! read.
//!
//! The rows of the program (SQLite) are in it as one atomic durable step, which may fail or be cut
//! before or after; that SQLite is that is tested with the real file by the kills of `tests/e2e`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use envelope::sha256;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use record::BatchId;
use transfer::{Batch, Queue, QueueError};

use crate::disk::{Disk, FAULTS, Fault};

const BATCHES: u64 = 4;
const DOCUMENTS: u64 = 8;
const RANDOM: u64 = 12_000;

/// What the program remembers, durably.
#[derive(Default)]
struct Rows {
    waiting: Vec<Batch>,
    sealed: u64,
    sequence: u64,
}

/// The other end: every batch by its id, and how often each document came.
#[derive(Default)]
struct Front {
    batches: BTreeMap<BatchId, Vec<u8>>,
}

fn folder() -> PathBuf {
    PathBuf::from("spool")
}

/// A batch of the next documents. Sealing is random: the same content never has the same bytes.
fn sealed(first: u64, count: u64, dice: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = vec![0; 150 + (dice.next_u64() % 200) as usize];
    dice.fill_bytes(&mut bytes);
    bytes[..8].copy_from_slice(&first.to_be_bytes());
    bytes[8..16].copy_from_slice(&count.to_be_bytes());
    bytes
}

/// One run of the program: opens, seals what is left, sends what waits.
fn run(
    disk: &Disk,
    rows: &mut Rows,
    front: &mut Front,
    dice: &mut ChaCha8Rng,
) -> Result<(), QueueError> {
    let queue = Queue::open(folder(), disk.clone(), &rows.waiting)?;
    while rows.sealed < DOCUMENTS {
        let count = DOCUMENTS / BATCHES;
        let bytes = sealed(rows.sealed, count, dice);
        let batch = Batch {
            sequence: rows.sequence + 1,
            id: BatchId::new(sha256(&bytes)),
            bytes: bytes.len() as u64,
        };
        queue.put(&batch, &bytes, || {
            disk.atomic(|| {
                rows.waiting.push(batch.clone());
                rows.sealed += count;
                rows.sequence += 1;
            })
            .map_err(QueueError::from)
        })?;
        // Now and then it sends between two batches.
        if dice.next_u64().is_multiple_of(3) {
            send(&queue, disk, rows, front)?;
        }
    }
    send(&queue, disk, rows, front)
}

fn send(
    queue: &Queue<Disk>,
    disk: &Disk,
    rows: &mut Rows,
    front: &mut Front,
) -> Result<(), QueueError> {
    for batch in rows.waiting.clone() {
        let bytes = queue.get(&batch)?;
        assert_eq!(sha256(&bytes), *batch.id.as_bytes());
        front.batches.insert(batch.id, bytes);
        queue.take_out(&batch, || {
            disk.atomic(|| rows.waiting.retain(|it| it.id != batch.id))
                .map_err(QueueError::from)
        })?;
    }
    Ok(())
}

/// Runs until everything was sent, through the given faults. Gives how many calls that took.
fn live_through(seed: u64, faults: BTreeMap<u64, Fault>) -> u64 {
    let told = format!("seed {seed}, {faults:?}");
    let most = faults.len() + 1;
    let disk = Disk::new(seed, faults);
    let (mut rows, mut front) = (Rows::default(), Front::default());
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    for runs in 0.. {
        match run(&disk, &mut rows, &mut front, &mut dice) {
            Ok(()) => break,
            Err(QueueError::Damaged(sequence)) => panic!("{told}: batch {sequence} is damaged"),
            Err(QueueError::Disk(_)) => assert!(runs < most, "{told}: does not mend itself"),
        }
        // Half of the programs that met an error are started again, the others by a power cut.
        if disk.is_off() || dice.next_u64().is_multiple_of(2) {
            disk.power_on();
        }
    }
    let mut arrived = BTreeMap::<u64, u32>::new();
    for bytes in front.batches.values() {
        let number = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap());
        for document in number(0)..number(0) + number(8) {
            *arrived.entry(document).or_default() += 1;
        }
    }
    let once: BTreeMap<_, _> = (0..DOCUMENTS).map(|document| (document, 1)).collect();
    assert_eq!(arrived, once, "{told}");
    assert!(rows.waiting.is_empty());
    let calls = disk.calls();
    // Leftovers go at the next start.
    disk.mend();
    Queue::open(folder(), disk.clone(), &[]).unwrap_or_else(|error| panic!("{told}: {error}"));
    assert_eq!(disk.names_left(), 0, "{told}");
    calls
}

/// Every call of an undisturbed run, with every fault.
#[test]
fn every_call_of_the_disk_may_fail_or_be_the_last() {
    let mut points = 0;
    for seed in 0..8 {
        for call in 1..=live_through(seed, BTreeMap::new()) {
            for fault in FAULTS {
                live_through(seed, BTreeMap::from([(call, fault)]));
                points += 1;
            }
        }
    }
    assert!(points > 2_000, "{points}");
}

/// Several faults one after the other, also in the run that mends the one before.
#[test]
fn twelve_thousand_seeds_of_faults_lose_and_double_nothing() {
    let mut points = 0;
    for seed in 0..RANDOM {
        let mut dice = ChaCha8Rng::seed_from_u64(!seed);
        let mut faults = BTreeMap::new();
        for _ in 0..1 + dice.next_u64() % 6 {
            let fault = FAULTS[(dice.next_u64() % FAULTS.len() as u64) as usize];
            faults.insert(1 + dice.next_u64() % 90, fault);
        }
        points += faults.len();
        live_through(seed, faults);
    }
    assert!(points > 10_000, "{points}");
}

/// A bit that flips while a batch waits is found at the next start and before sending.
#[test]
fn a_batch_that_rots_is_found_at_the_start_and_before_sending() {
    let disk = Disk::new(1, BTreeMap::new());
    let bytes = sealed(0, 1, &mut ChaCha8Rng::seed_from_u64(1));
    let batch = Batch {
        sequence: 7,
        id: BatchId::new(sha256(&bytes)),
        bytes: bytes.len() as u64,
    };
    let waiting = [batch.clone()];
    let queue = Queue::open(folder(), disk.clone(), &[]).unwrap();
    queue
        .put(&batch, &bytes, || Ok::<(), QueueError>(()))
        .unwrap();
    assert!(queue.get(&batch).is_ok());
    disk.rot(&Path::new("spool").join(format!("000000000007-{}.batch", batch.id)));
    assert!(matches!(queue.get(&batch), Err(QueueError::Damaged(7))));
    let again = Queue::open(folder(), disk, &waiting);
    assert!(matches!(again, Err(QueueError::Damaged(7))));
}
