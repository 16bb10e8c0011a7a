//! The sender against a model of the front over a line with every fault, from seeds (A-117, C-10,
//! P-03, O-12): each batch arrives once in effect and in order, nothing counts as delivered that
//! is not stored, office hours hold, and every session ends.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use envelope::{SigningKey, sha256};
use rand_chacha::{ChaCha8Rng, ChaCha20Rng};
use rand_core::{Rng, SeedableRng};
use record::{BatchId, SiteId};
use transfer::{Batch, Ending, OfficeHours, Pace, Plan, Step, Trouble, begin};

use crate::front::Front;
use crate::network::{Fault, Network};

const SEEDS: u64 = 4_000;
/// No session takes more steps than this.
const STEPS_MOST: u64 = 20_000;

/// What the device has on its disk.
struct Device {
    site: SiteId,
    waiting: Vec<Batch>,
    bytes: BTreeMap<BatchId, Vec<u8>>,
    /// Of which batches it is noted that they may be under way.
    attempted: BTreeSet<u64>,
    delivered: Vec<u64>,
    office: Option<OfficeHours>,
}

/// How a session ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Done,
    Failed(Ending<()>),
    PowerCut,
}

fn key() -> SigningKey {
    SigningKey::generate(&mut ChaCha20Rng::seed_from_u64(1)).unwrap()
}

fn world(seed: u64) -> (Device, Network) {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let site: SiteId = "CLINIC-1".parse().unwrap();
    let mut front = Front::new(key(), site.clone());
    let mut device = Device {
        site,
        waiting: Vec::new(),
        bytes: BTreeMap::new(),
        attempted: BTreeSet::new(),
        delivered: Vec::new(),
        office: None,
    };
    let faults = [0, 5, 20, 45][(dice.next_u64() % 4) as usize];
    if dice.next_u64().is_multiple_of(2) {
        device.office = Some(OfficeHours {
            from: 8 * 3600,
            until: 19 * 3600,
            bytes_per_second: 20 + dice.next_u64() % 200,
        });
    }
    for sequence in 1..=1 + dice.next_u64() % 6 {
        let mut bytes = vec![0; 1 + (dice.next_u64() % 700) as usize];
        dice.fill_bytes(&mut bytes);
        let id = BatchId::new(sha256(&bytes));
        let batch = Batch {
            sequence,
            id,
            bytes: bytes.len() as u64,
        };
        front.sequences.insert(id, sequence);
        device.bytes.insert(id, bytes);
        device.waiting.push(batch);
    }
    (device, Network::new(dice, front, faults))
}

/// One session from start to end; `cuts` of a thousand steps end it without a word.
fn session(device: &mut Device, network: &mut Network, cuts: u64) -> End {
    let start = network.now;
    let mut step = begin::<()>(Plan {
        site: device.site.clone(),
        receipts: vec![network.front.key.public()],
        batches: device.waiting.clone(),
        attempts: 5,
        chunk: 64,
        pace: Pace::new(device.office, Duration::from_secs(8 * 3600) + start),
        after: Duration::ZERO,
    });
    for _ in 0..STEPS_MOST {
        if network.below(1_000) < cuts {
            return End::PowerCut;
        }
        let random = network.dice.next_u64();
        step = match step {
            Step::Wait(wait) => {
                network.until(start + wait.until());
                wait.handle_timeout(network.now - start)
            }
            Step::Admit(admit) if network.below(100) * 4 < network.faults => {
                admit.handle_trouble(network.now - start, Trouble::Passing(()), random)
            }
            Step::Admit(admit) => admit.handle_admitted(network.now - start),
            Step::Connect(connect) => match network.connect(start + connect.deadline()) {
                true => connect.handle_connected(network.now - start),
                false => connect.handle_trouble(network.now - start, Trouble::Passing(()), random),
            },
            Step::Commit(commit) => {
                device.attempted.insert(commit.batch().sequence);
                commit.handle_committed(network.now - start, random)
            }
            Step::Ask(ask) => {
                let (batch, request) = (ask.batch().clone(), ask.request());
                let chunk = matches!(request, transfer::Request::Chunk { .. });
                assert!(!chunk || device.attempted.contains(&batch.sequence));
                let whole = &device.bytes[&batch.id];
                let deadline = start + ask.deadline();
                let answer = network.exchange(batch.id, request, whole, deadline);
                let now = network.now - start;
                match answer {
                    Some(answer) => ask.handle_answer(now, &answer, random),
                    None => ask.handle_trouble(now, Trouble::Passing(()), random),
                }
            }
            Step::Settle(settle) => {
                let batch = settle.batch().clone();
                let mut inbox = network.front.inbox.iter();
                let stored = inbox
                    .any(|(_, id, bytes)| *id == batch.id && *bytes == device.bytes[&batch.id]);
                assert!(stored, "a batch counts as delivered that is not stored");
                if network.below(1_000) < cuts {
                    return End::PowerCut;
                }
                device.waiting.retain(|waiting| waiting.id != batch.id);
                device.delivered.push(batch.sequence);
                settle.handle_settled()
            }
            Step::Done(_) => return End::Done,
            Step::Failed(_, ending) => return End::Failed(ending),
        };
    }
    panic!("the session does not end");
}

/// An ending has to have a reason in what the line did.
fn is_explained(end: &End, met: &[Fault]) -> bool {
    let any = |faults: &[Fault]| met.iter().any(|fault| faults.contains(fault));
    match end {
        End::Done | End::PowerCut => true,
        End::Failed(Ending::Met(()) | Ending::Busy(..)) => !met.is_empty(),
        End::Failed(Ending::Refused(..)) => any(&[Fault::Refusing]),
        End::Failed(Ending::Receipt(_)) => any(&[Fault::ForeignReceipt, Fault::NoReceipt]),
        End::Failed(Ending::Protocol(_)) => any(&[Fault::FalseOffset]),
    }
}

/// The bytes that left within office hours never exceed the rate by more than one second's worth.
fn keeps_office_hours(device: &Device, network: &Network) {
    let Some(office) = device.office else { return };
    let mut level = 0.0_f64;
    let mut last = Duration::ZERO;
    for (at, bytes) in &network.left {
        let second = (8 * 3600 + at.as_secs()) % 86_400;
        if !(8 * 3600..19 * 3600).contains(&second) {
            level = 0.0;
            continue;
        }
        let rate = office.bytes_per_second as f64;
        level = (level - rate * (*at - last).as_secs_f64()).max(0.0) + *bytes as f64;
        last = *at;
        assert!(level <= rate + 0.5, "{level} at {at:?} of {rate}");
    }
}

#[test]
fn every_batch_arrives_once_and_in_order_over_a_line_with_every_fault() {
    let (mut faults, mut cuts) = (0, 0);
    for seed in 0..SEEDS {
        let (mut device, mut network) = world(seed);
        let batches = device.waiting.len() as u64;
        for run in 0.. {
            if run == 12 {
                network.faults = 0;
            }
            let cut = if network.faults == 0 { 0 } else { 15 };
            network.met.clear();
            let end = session(&mut device, &mut network, cut);
            assert!(
                is_explained(&end, &network.met),
                "seed {seed}: {end:?} {:?}",
                network.met
            );
            faults += network.met.len();
            cuts += u64::from(end == End::PowerCut);
            if end == End::Done {
                break;
            }
            assert!(run < 20, "seed {seed}: {end:?} on a line without faults");
            let pause = Duration::from_secs(network.below(1_800));
            network.until(network.now + pause);
        }
        // What was stalled on the way arrives at last, and changes nothing.
        network.until(network.now + Duration::from_secs(100_000));
        let stored: Vec<_> = network
            .front
            .inbox
            .iter()
            .map(|(sequence, ..)| *sequence)
            .collect();
        let all: Vec<_> = (1..=batches).collect();
        assert_eq!(stored, all, "seed {seed}");
        assert_eq!(device.delivered, all, "seed {seed}");
        keeps_office_hours(&device, &network);
    }
    assert!(
        faults > 10_000 && cuts > 500,
        "{faults} faults, {cuts} power cuts"
    );
}

/// A front that only lies is given up within the bounds, whatever it says.
#[test]
fn a_front_that_never_moves_on_is_given_up() {
    for seed in 0..200 {
        let (mut device, mut network) = world(seed);
        network.faults = 0;
        let start = network.now;
        let mut step = begin::<()>(Plan {
            site: device.site.clone(),
            receipts: vec![network.front.key.public()],
            batches: std::mem::take(&mut device.waiting),
            attempts: 5,
            chunk: 64,
            pace: Pace::new(None, Duration::ZERO),
            after: Duration::ZERO,
        });
        let mut asked = 0;
        let ending = loop {
            step = match step {
                Step::Wait(wait) => {
                    network.until(start + wait.until());
                    wait.handle_timeout(network.now)
                }
                Step::Admit(admit) => admit.handle_admitted(network.now),
                Step::Connect(connect) => connect.handle_connected(network.now),
                Step::Commit(commit) => commit.handle_committed(network.now, 7),
                Step::Ask(ask) => {
                    asked += 1;
                    let offset = seed % 3 * network.below(300);
                    ask.handle_answer(network.now, &crate::front::reached(200, offset), 7)
                }
                Step::Settle(_) => panic!("nothing was stored"),
                Step::Done(_) => panic!("nothing was delivered"),
                Step::Failed(_, ending) => break ending,
            };
            assert!(asked < 5_000, "seed {seed}");
        };
        assert_eq!(ending, Ending::Protocol("no progress"), "seed {seed}");
    }
}
