//! A machine that is kept as it stands, so that many checks begin where one start has ended.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::machine::{Machine, Setup};
use super::monitor::{self, Monitor};
use super::tool::Tool;

/// Memory and devices of a kept machine, beside its disk.
const STATE: &str = "state";
const PATIENCE: Duration = Duration::from_secs(300);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A kept machine.
pub(crate) struct Snapshot {
    folder: PathBuf,
}

impl Snapshot {
    /// Stops a machine that has a monitor, and keeps it where it is.
    ///
    /// # Errors
    /// QEMU does not write it.
    pub(crate) fn of(mut machine: Machine) -> anyhow::Result<Self> {
        let folder = machine.folder().to_owned();
        let mut monitor = Monitor::open(&folder)?;
        monitor.tell("stop", json!({}))?;
        monitor.tell("migrate", json!({ "uri": format!("exec:cat >{STATE}") }))?;
        let begin = Instant::now();
        loop {
            let told = monitor.tell("query-migrate", json!({}))?;
            match told.get("status").and_then(Value::as_str) {
                Some("completed") => break,
                Some("failed" | "cancelled") => anyhow::bail!("not kept: {told}"),
                _ => {}
            }
            ensure!(begin.elapsed() < PATIENCE, "not kept: {told}");
            sleep(LOOK_AGAIN);
        }
        machine.cut()?;
        Ok(Self { folder })
    }

    /// A copy of the kept machine, which goes on in `folder`. It has to be put together as the kept
    /// one was.
    ///
    /// # Errors
    /// It cannot be copied, or QEMU does not take it up.
    pub(crate) fn go_on(&self, folder: &Path, setup: &Setup<'_>) -> anyhow::Result<Machine> {
        if folder.exists() {
            fs::remove_dir_all(folder).context("the machine of an earlier run")?;
        }
        fs::create_dir_all(folder)?;
        for name in ["disk.img", "variables.fd", "tpm-state", STATE] {
            let mut copy = Command::new("cp");
            copy.args(["--recursive", "--sparse=always", "--reflink=auto"]);
            Tool(copy.arg(self.folder.join(name)).arg(folder)).run()?;
        }
        let incoming = ["-incoming".to_owned(), format!("exec:cat {STATE}")];
        let setup = Setup {
            more: [&setup.more[..], &incoming].concat(),
            ..*setup
        };
        let machine = Machine::power_on(folder, &setup)?;
        let mut monitor = Monitor::open(folder)?;
        let begin = Instant::now();
        loop {
            let told = monitor.tell("query-status", json!({}))?;
            match told.get("status").and_then(Value::as_str) {
                Some("running") => return Ok(machine),
                // All of it is there, stopped as it was.
                Some("paused") => monitor.tell("cont", json!({})).map(drop)?,
                _ => {}
            }
            ensure!(begin.elapsed() < PATIENCE, "not taken up: {told}");
            sleep(LOOK_AGAIN);
        }
    }
}

/// What a machine that is to be kept needs besides.
pub(crate) fn arguments() -> Vec<String> {
    monitor::ARGUMENTS.map(str::to_owned).to_vec()
}
