//! Whole handshakes: each connection is opened, asked whether the server is well, and closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::front::Server;
use crate::front::fleet::Device;
use crate::front::line::{health, secure};

/// What the command takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    server: Server,
    /// How many connections.
    #[arg(long, default_value_t = 6_000)]
    connections: u32,
    /// Under way at once.
    #[arg(long, default_value_t = 16)]
    at_once: u32,
}

/// Sites that take turns.
const SITES: usize = 64;

/// Opens them and gives how many a second.
pub(super) async fn open(arguments: Arguments) -> Result<Value> {
    let fleet = arguments.server.fleet()?;
    let device = |number| fleet.device(&format!("HANDSHAKE-{number}").parse()?);
    let devices: Arc<[Device]> = (0..SITES).map(device).collect::<Result<_>>()?;
    let (address, left) = (arguments.server.address, arguments.connections);
    let left = Arc::new(AtomicU32::new(left));
    let mut lanes = JoinSet::new();
    let started = Instant::now();
    for _ in 0..arguments.at_once {
        let (devices, left) = (Arc::clone(&devices), Arc::clone(&left));
        lanes.spawn(async move {
            let next = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
            while let Ok(number) = next() {
                let device = devices.get(number as usize % SITES).context("a device")?;
                health(&mut secure(address, device).await?).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(lane) = lanes.join_next().await {
        lane??;
    }
    let rate = f64::from(arguments.connections) / started.elapsed().as_secs_f64();
    Ok(json!({ "handshakes_per_second": rate }))
}

fn less(left: u32) -> Option<u32> {
    left.checked_sub(1)
}
