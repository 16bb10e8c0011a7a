//! The collector: the programs of the centre. Each role is a process of its own, with its own keys
//! and its own folders; they share this binary and nothing at run time.
//!
//! - `front` takes sealed batches from sites and cannot open or read back any of them.
//! - `evaluate` keys linkage tokens for devices that have no key, without seeing of whom.
//! - `vault` makes the key of identity envelopes, and opens one for two of its holders.
//! - `ca` issues, renews and revokes certificates.
//! - `orders` makes and signs what devices are ordered to do.
//! - `commission` seals what a device is told before it goes to its site.
//! - `keys` makes the keys of a centre and its sites.
//! - `core` opens, catalogues, links and makes data sets. It never listens on a network.

mod allowance;
mod ca;
mod commission;
mod core;
mod evaluate;
mod front;
mod keys;
mod orders;
mod problem;
mod vault;
mod x509;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use nix::sys::resource::{Resource, setrlimit};
use tracing_subscriber::EnvFilter;

/// The collector of Sekisho (関所): takes sealed batches and makes anonymized data sets.
#[derive(Parser)]
#[command(name = "sekisho-collector", version)]
struct Arguments {
    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    /// 受付: takes sealed batches from sites over TLS.
    Front(front::Command),
    /// 受付: takes in a bundle that came on a sealed medium.
    ImportBundle(front::ImportBundle),
    /// 計算サービス: keys linkage tokens without seeing of whom.
    Evaluate(evaluate::Command),
    /// 保管庫: opens identity envelopes for two holders together.
    Vault(vault::Command),
    /// 認証局: issues, renews and revokes certificates.
    Ca(ca::Command),
    /// 鍵の作成: makes the keys of a centre and its sites.
    Keys(keys::Command),
    /// 指示: makes, signs and reads orders for devices.
    Orders(orders::Command),
    /// 初期設定: seals settings and secrets for a device that goes to its site.
    Commission(crate::commission::Command),
    /// 中核: opens, catalogues, links, makes.
    Core(crate::core::Command),
}

fn main() -> ExitCode {
    log_to_stderr();
    quiet_panics();
    let role = Arguments::parse().role;
    let done = no_core_dumps().and_then(|()| match role {
        Role::Front(command) => command.run(),
        Role::ImportBundle(command) => command.run(),
        Role::Evaluate(command) => command.run(),
        Role::Vault(command) => command.run(),
        Role::Ca(command) => command.run(),
        Role::Keys(command) => command.run(),
        Role::Orders(command) => command.run(),
        Role::Commission(command) => command.run(),
        Role::Core(command) => command.run(),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to tell when even standard error is gone.
            let _ = writeln!(io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A core dump would hold keys and records, and so would the memory that other processes of the
/// same user can read.
fn no_core_dumps() -> anyhow::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)
        .and_then(|()| nix::sys::prctl::set_dumpable(false))
        .context("core dumps")
}

/// The message of a panic may quote the data at hand; only its place is told.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(|place| format!("{}:{}", place.file(), place.line()));
        tracing::error!(
            place = place.as_deref().unwrap_or("unknown"),
            "internal error"
        );
    }));
}

/// One JSON object per event on standard error, which the service manager keeps.
fn log_to_stderr() {
    let level = EnvFilter::try_from_env("SEKISHO_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(level)
        .with_writer(io::stderr)
        .init();
}
