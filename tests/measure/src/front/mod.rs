//! Load for the front over TLS with client certificates, and a bare server under the same load.

mod bare;
mod batch;
mod fleet;
mod handshakes;
mod idle;
mod line;
mod outage;
mod uploads;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use serde_json::Value;

use self::fleet::Fleet;

/// Threads that serve connections, of the load and of the bare server: as many as the front has.
const WORKERS: usize = 2;
/// Threads that write files, of the bare server: as many as the front has.
const FILE_WORKERS: usize = 8;

/// What is done.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Serve as the least that any server has to do, until the process is killed.
    Serve(bare::Arguments),
    /// Open connections one after another, each for one request.
    Handshakes(handshakes::Arguments),
    /// Send whole batches.
    Uploads(uploads::Arguments),
    /// Hold connections on which nothing happens.
    Idle(idle::Arguments),
    /// Be a fleet that returns after an outage.
    Outage(outage::Arguments),
}

/// Whom the load goes to.
#[derive(clap::Args)]
pub(crate) struct Server {
    /// Where it listens.
    #[arg(long)]
    address: SocketAddr,
    /// The name in its certificate.
    #[arg(long)]
    name: String,
    /// Folder of the authority that issues: `root.pem`, `issuing.pem`, `issuing.key`.
    #[arg(long)]
    authority: PathBuf,
}

impl Server {
    fn fleet(&self) -> Result<Fleet> {
        Fleet::open(&self.authority, &self.name)
    }
}

/// Does it.
///
/// # Errors
/// The server does not answer as it has to.
pub(crate) fn run(command: Command) -> Result<Value> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(FILE_WORKERS)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match command {
            Command::Serve(arguments) => bare::serve(arguments).await,
            Command::Handshakes(arguments) => handshakes::open(arguments).await,
            Command::Uploads(arguments) => uploads::send(arguments).await,
            Command::Idle(arguments) => idle::hold(arguments).await,
            Command::Outage(arguments) => outage::endure(arguments).await,
        }
    })
}
