//! A fleet that returns after an outage: every device with a certificate, a site and a batch of its
//! own goes through what a run of the gateway asks of the front, with the gateway's own rules of
//! when to try again. Afterwards the inbox is held against the receipts.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use envelope::{VerifyingKey, sha256};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use record::{BatchId, SiteId};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use transfer::{Answer, Ask, Backoff, Batch, Beginning, Pace, Plan, Request, Step, Trouble, begin};

use crate::front::Server;
use crate::front::batch::Sealer;
use crate::front::fleet::{Device, Fleet};
use crate::front::line::{Line, chunk, get, question};

/// What the command takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    server: Server,
    /// The key of receipts.
    #[arg(long)]
    receipt_key: PathBuf,
    /// Where the front puts batches.
    #[arg(long)]
    inbox: PathBuf,
    /// How many devices.
    #[arg(long, default_value_t = 20_000)]
    devices: u32,
    /// Bytes of the batch of each.
    #[arg(long, default_value_t = 300_000)]
    bytes: usize,
    /// Devices that are at it at once; who was told to come back later is not at it.
    #[arg(long, default_value_t = 24)]
    at_once: usize,
}

/// Tries for what a run asks on lines of its own, and for the batch: as gateways are set up.
const TRIES_OF_LETTERS: u32 = 3;
const TRIES: u32 = 6;
/// What gateways send at once, as they are set up.
const CHUNK: u64 = 1 << 20;
/// For the opening of a connection and one answer to a small question.
const PATIENCE: Duration = Duration::from_secs(60);
/// The service manager starts a run that failed again after this.
const RESTART: Duration = Duration::from_secs(600);

/// What all devices share.
struct Storm {
    address: SocketAddr,
    fleet: Fleet,
    sealer: Sealer,
    receipts: VerifyingKey,
    bytes: usize,
    places: Semaphore,
    connections: AtomicU64,
    busy: AtomicU64,
    broken: AtomicU64,
    failed: AtomicU64,
}

/// A batch that waits at its device.
struct Ready {
    id: BatchId,
    bytes: Bytes,
}

/// What a device was given a receipt for: the name in the inbox, and the digest.
type Acknowledged = (String, [u8; 32]);

/// Lets them return, then looks into the inbox.
pub(super) async fn endure(arguments: Arguments) -> Result<Value> {
    let receipts = fs::read_to_string(&arguments.receipt_key)?;
    let storm = Arc::new(Storm {
        address: arguments.server.address,
        fleet: arguments.server.fleet()?,
        sealer: Sealer::new()?,
        receipts: receipts.trim().parse()?,
        bytes: arguments.bytes,
        places: Semaphore::new(arguments.at_once),
        connections: AtomicU64::new(0),
        busy: AtomicU64::new(0),
        broken: AtomicU64::new(0),
        failed: AtomicU64::new(0),
    });
    let mut devices = JoinSet::new();
    let started = Instant::now();
    for number in 0..arguments.devices {
        devices.spawn(Arc::clone(&storm).device(number));
    }
    let mut acknowledged = BTreeMap::new();
    while let Some(device) = devices.join_next().await {
        let (name, digest) = device??;
        ensure!(acknowledged.insert(name, digest).is_none(), "two of a name");
    }
    let seconds = started.elapsed().as_secs_f64();
    let receipts = acknowledged.len();
    let found = look(&arguments.inbox, acknowledged)?;
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Ok(json!({
        "seconds": seconds,
        "receipts": receipts,
        "lost": found.lost,
        "others": found.others,
        "connections": count(&storm.connections),
        "told_to_come_back": count(&storm.busy),
        "broken": count(&storm.broken),
        "failed_runs": count(&storm.failed),
    }))
}

/// A right to be at it.
type Place<'s> = SemaphorePermit<'s>;

impl Storm {
    /// One device until it has a receipt and its run is over.
    async fn device(self: Arc<Self>, number: u32) -> Result<Acknowledged> {
        let site: SiteId = format!("CLINIC-{number}").parse()?;
        let mut random = ChaCha20Rng::seed_from_u64(number.into());
        let place = self.places.acquire().await?;
        let device = self.fleet.device(&site)?;
        let sealed = self.sealer.seal(&site, 1, self.bytes, &mut random)?;
        let ready = Ready {
            id: sealed.id,
            bytes: sealed.bytes.into(),
        };
        drop(place);
        while !self.run(&site, &device, &ready, &mut random).await? {
            self.failed.fetch_add(1, Ordering::Relaxed);
            sleep(RESTART).await;
        }
        let id = ready.id;
        Ok((format!("{site}-{:012}-{id}.batch", 1), *id.as_bytes()))
    }

    /// Whether a run went well: letters, the batch, letters.
    async fn run(
        &self,
        site: &SiteId,
        device: &Device,
        ready: &Ready,
        random: &mut ChaCha20Rng,
    ) -> Result<bool> {
        Ok(self.letters(device, random).await?
            && self.send(site, device, ready, random).await?
            && self.letters(device, random).await?)
    }

    /// Asks for letters on a line of its own.
    async fn letters(&self, device: &Device, random: &mut ChaCha20Rng) -> Result<bool> {
        let mut tries = Backoff::new(TRIES_OF_LETTERS);
        loop {
            let place = self.places.acquire().await?;
            let asked = async {
                let mut line = self.open(device).await?;
                line.ask(get("/v1/letters?after=0")?).await
            };
            let answer = self.noted(timeout(PATIENCE, asked).await.map_err(Into::into).flatten());
            drop(place);
            if answer.as_ref().is_some_and(|answer| answer.status == 200) {
                return Ok(true);
            }
            let asked = answer.and_then(|answer| answer.retry_after);
            match tries.pause(random.next_u64(), asked) {
                Some(pause) => sleep(pause).await,
                None => return Ok(false),
            }
        }
    }

    /// Sends the batch by the rules of the gateway's sender.
    async fn send(
        &self,
        site: &SiteId,
        device: &Device,
        ready: &Ready,
        random: &mut ChaCha20Rng,
    ) -> Result<bool> {
        let began = Instant::now();
        let (mut step, mut line) = (begin(self.plan(site, ready)), None);
        let mut place: Option<Place<'_>> = None;
        loop {
            if place.is_none() {
                place = Some(self.places.acquire().await?);
            }
            step = match step {
                Step::Wait(wait) => {
                    (line, place) = (None, None);
                    sleep(wait.until().saturating_sub(began.elapsed())).await;
                    wait.handle_timeout(began.elapsed())
                }
                Step::Admit(admit) => admit.handle_admitted(began.elapsed()),
                Step::Connect(connect) => {
                    let patience = connect.deadline().saturating_sub(began.elapsed());
                    let opened = timeout(patience, self.open(device)).await;
                    line = self.noted(opened.map_err(Into::into).flatten());
                    match line {
                        Some(_) => connect.handle_connected(began.elapsed()),
                        None => {
                            connect.handle_trouble(began.elapsed(), passing(), random.next_u64())
                        }
                    }
                }
                Step::Commit(commit) => commit.handle_committed(began.elapsed(), random.next_u64()),
                Step::Ask(ask) => {
                    let asked = exchange(line.as_mut(), &ask, ready);
                    let patience = ask.deadline().saturating_sub(began.elapsed());
                    let answer = timeout(patience, asked).await.map_err(Into::into).flatten();
                    let (now, random) = (began.elapsed(), random.next_u64());
                    match self.noted(answer) {
                        Some(answer) => ask.handle_answer(now, &answer, random),
                        None => ask.handle_trouble(now, passing(), random),
                    }
                }
                Step::Settle(settle) => settle.handle_settled(),
                Step::Done(_) => return Ok(true),
                Step::Failed(..) => return Ok(false),
            };
        }
    }

    fn plan(&self, site: &SiteId, ready: &Ready) -> Plan {
        Plan {
            site: site.clone(),
            receipts: vec![self.receipts],
            batches: vec![Batch {
                sequence: 1,
                id: ready.id,
                bytes: ready.bytes.len() as u64,
            }],
            attempts: TRIES,
            chunk: CHUNK,
            pace: Pace::new(None, Duration::ZERO),
            after: Duration::ZERO,
        }
    }

    async fn open(&self, device: &Device) -> Result<Line> {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Line::open(self.address, device).await
    }

    /// Counts what did not come about.
    fn noted<T: Noted>(&self, outcome: Result<T>) -> Option<T> {
        match &outcome {
            Ok(it) if it.busy() => self.busy.fetch_add(1, Ordering::Relaxed),
            Ok(_) => 0,
            Err(_) => self.broken.fetch_add(1, Ordering::Relaxed),
        };
        outcome.ok()
    }
}

/// What may say that the front is busy.
trait Noted {
    fn busy(&self) -> bool;
}

impl Noted for Line {
    fn busy(&self) -> bool {
        false
    }
}

impl Noted for Answer {
    fn busy(&self) -> bool {
        self.status == 503
    }
}

fn passing() -> Trouble<()> {
    Trouble::Passing(())
}

async fn exchange(line: Option<&mut Line>, ask: &Ask, ready: &Ready) -> Result<Answer> {
    let Ready { id, bytes } = ready;
    let request = match ask.request() {
        Request::Question => question(*id)?,
        Request::Chunk { offset, size } => {
            let (start, size) = (usize::try_from(offset)?, usize::try_from(size)?);
            let part = bytes.slice(start..start + size);
            let digest = Beginning::default().until(bytes, start, start + size);
            chunk(*id, offset, bytes.len(), part, digest)?
        }
    };
    line.context("a line")?.ask(request).await
}

/// What the inbox holds beside what was acknowledged.
struct Found {
    /// Acknowledged, and absent or not whole.
    lost: usize,
    /// Files that nobody has a receipt for, or a second one of a batch.
    others: usize,
}

fn look(inbox: &Path, mut acknowledged: BTreeMap<String, [u8; 32]>) -> Result<Found> {
    let (mut broken, mut others) = (0, 0);
    for file in fs::read_dir(inbox)? {
        let file = file?;
        let name = file.file_name();
        match name.to_str().and_then(|name| acknowledged.remove(name)) {
            Some(digest) => broken += usize::from(sha256(&fs::read(file.path())?) != digest),
            None => others += 1,
        }
    }
    Ok(Found {
        lost: acknowledged.len() + broken,
        others,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_cut_short_is_lost_and_what_nobody_knows_is_another() {
        let inbox = tempfile::tempdir().unwrap();
        for (name, bytes) in [("whole", "abc"), ("cut", "ab"), ("stranger", "abc")] {
            fs::write(inbox.path().join(name), bytes).unwrap();
        }
        let names = ["whole", "cut", "missing"].map(|name| (name.to_owned(), sha256(b"abc")));
        let found = look(inbox.path(), BTreeMap::from(names)).unwrap();
        assert_eq!((found.lost, found.others), (2, 1));
    }
}
