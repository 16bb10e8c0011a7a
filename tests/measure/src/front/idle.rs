//! Connections on which nothing happens, and the resident memory of the server that holds them.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::front::Server;
use crate::front::line::{health, secure};

/// What the command takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    server: Server,
    /// The process whose memory is looked at.
    #[arg(long)]
    process: u32,
    /// Connections at the first look.
    #[arg(long, default_value_t = 100)]
    few: u32,
    /// Connections at the second.
    #[arg(long)]
    many: u32,
}

/// Sites among which the connections are spread.
const SITES: usize = 100;
/// Until what a handshake needed for itself is given back.
const REST: Duration = Duration::from_secs(2);

/// Holds them and gives the bytes that one takes.
pub(super) async fn hold(arguments: Arguments) -> Result<Value> {
    let Arguments {
        server,
        process,
        few,
        many,
    } = arguments;
    let fleet = server.fleet()?;
    let device = |number| fleet.device(&format!("IDLE-{number}").parse()?);
    let devices = (0..SITES).map(device).collect::<Result<Vec<_>>>()?;
    let mut open = Vec::new();
    let mut looks = Vec::new();
    for device in devices.iter().cycle().take(many as usize) {
        if open.len() == few as usize {
            sleep(REST).await;
            looks.push(resident_bytes(process)?);
        }
        let mut stream = secure(server.address, device).await?;
        health(&mut stream).await?;
        open.push(stream);
    }
    sleep(REST).await;
    let (least, most) = (looks.first().context("few")?, resident_bytes(process)?);
    let each = most.saturating_sub(*least) as f64 / f64::from(many - few);
    Ok(json!({ "bytes": each, "resident_of_few": least, "resident_of_many": most }))
}

fn resident_bytes(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    let kilobytes: u64 = kilobytes.context("VmRSS")?.parse()?;
    Ok(kilobytes << 10)
}
