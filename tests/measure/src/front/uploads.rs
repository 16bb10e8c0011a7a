//! Whole batches, each sent in chunks one after another as gateways do, over several connections
//! at once.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use bytes::Bytes;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use record::{BatchId, SiteId};
use serde_json::{Value, json};
use tokio::task::{JoinSet, spawn_blocking};
use transfer::Beginning;

use crate::front::Server;
use crate::front::batch::Sealer;
use crate::front::line::{Line, chunk};

/// What the command takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    server: Server,
    /// Connections, each of a site of its own.
    #[arg(long, default_value_t = 8)]
    lines: u32,
    /// Batches of each.
    #[arg(long, default_value_t = 16)]
    batches: u32,
    /// Bytes of each.
    #[arg(long, default_value_t = 3_200_000)]
    bytes: usize,
    /// Another number gives other batches of other sites.
    #[arg(long, default_value_t = 0)]
    round: u32,
    /// The server gives receipts.
    #[arg(long)]
    receipts: bool,
}

/// What gateways send at once, as they are set up.
const CHUNK: usize = 1 << 20;

/// A sealed batch: its name and its bytes.
type Batch = (BatchId, Bytes);

/// Sends them and gives how much a second.
pub(super) async fn send(arguments: Arguments) -> Result<Value> {
    let (fleet, sealer) = (arguments.server.fleet()?, Arc::new(Sealer::new()?));
    let mut sealing = JoinSet::new();
    for line in 0..arguments.lines {
        let site: SiteId = format!("UPLOAD-{}-{line}", arguments.round).parse()?;
        let device = fleet.device(&site)?;
        let (sealer, batches, bytes) = (Arc::clone(&sealer), arguments.batches, arguments.bytes);
        let seed = u64::from(arguments.round) << 32 | u64::from(line);
        sealing.spawn(async move {
            let sealed = spawn_blocking(move || seal(&sealer, &site, batches, bytes, seed));
            anyhow::Ok((device, sealed.await??))
        });
    }
    let mut ready = Vec::new();
    while let Some(sealed) = sealing.join_next().await {
        ready.push(sealed??);
    }
    let all = ready.iter().flat_map(|(_, batches)| batches);
    let megabytes = all.map(|(_, bytes)| bytes.len()).sum::<usize>() as f64 / 1e6;
    let (address, receipts) = (arguments.server.address, arguments.receipts);
    let mut lines = JoinSet::new();
    let started = Instant::now();
    for (device, batches) in ready {
        lines.spawn(async move {
            let mut line = Line::open(address, &device).await?;
            for batch in &batches {
                let stored = send_one(&mut line, batch).await?;
                ensure!(stored == receipts, "whether there is a receipt: {stored}");
            }
            Ok(())
        });
    }
    while let Some(line) = lines.join_next().await {
        line??;
    }
    let rate = megabytes / started.elapsed().as_secs_f64();
    Ok(json!({ "megabytes_per_second": rate, "megabytes": megabytes }))
}

fn seal(
    sealer: &Sealer,
    site: &SiteId,
    batches: u32,
    bytes: usize,
    seed: u64,
) -> Result<Vec<Batch>> {
    let mut random = ChaCha20Rng::seed_from_u64(seed);
    let batches = (1..=batches).map(|sequence| {
        let sealed = sealer.seal(site, sequence.into(), bytes, &mut random)?;
        Ok((sealed.id, Bytes::from(sealed.bytes)))
    });
    batches.collect()
}

/// Whether the answer to the last chunk was that the batch is stored.
async fn send_one(line: &mut Line, (id, bytes): &Batch) -> Result<bool> {
    let (mut offset, mut stored) = (0, false);
    let mut beginning = Beginning::default();
    while offset < bytes.len() {
        let end = bytes.len().min(offset + CHUNK);
        let digest = beginning.until(bytes, offset, end);
        let part = bytes.slice(offset..end);
        let request = chunk(*id, offset as u64, bytes.len(), part, digest)?;
        let answer = line.ask(request).await?;
        ensure!(answer.status == 200, "{} {}", answer.status, answer.code);
        (offset, stored) = (end, answer.stored);
    }
    Ok(stored)
}
