//! The root as a container: its real first process starts every unit, in seconds.
//!
//! A container has no disk, so the units that open the data partition are left out; everything
//! else of the start is the device's own.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::check::READY;
use super::tool::Tool;

/// A container that has not come so far by then will not any more.
const PATIENCE: Duration = Duration::from_secs(240);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// What only a disk has.
const DISK: [&str; 5] = [
    "sekisho-data.service",
    "systemd-fsck@dev-mapper-data.service",
    "var.mount",
    "efi.mount",
    "efi.automount",
];

/// Starts a copy of `root` in `folder`.
///
/// # Errors
/// It does not come up, or a unit fails.
pub(super) fn starts_as_a_container(folder: &Path, root: &Path) -> anyhow::Result<String> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let copied = folder.join("root");
    let mut copy = Command::new("cp");
    Tool(copy.arg("-a").arg(root).arg(&copied)).run()?;
    let log = folder.join("console.log");
    let console = fs::File::create(&log)?;
    let mut command = Command::new("systemd-nspawn");
    // There is no systemd on this machine to register it with.
    command.args(["--quiet", "--register=no", "--keep-unit"]);
    command.args(["--private-network", "--boot", "--directory"]);
    command.arg(&copied);
    command.args(DISK.map(|unit| format!("systemd.mask={unit}")));
    let mut container = command
        .stdin(Stdio::null())
        .stdout(console.try_clone()?)
        .stderr(console)
        .spawn()
        .context("systemd-nspawn cannot be started: apt-get install systemd-container")?;
    let begin = Instant::now();
    let outcome = comes_up(&mut container, &log);
    let took = begin.elapsed();
    end(&mut container)?;
    outcome?;
    Ok(format!(
        "a container ready after {:.0} s",
        took.as_secs_f64()
    ))
}

fn comes_up(container: &mut Child, log: &Path) -> anyhow::Result<()> {
    let begin = Instant::now();
    loop {
        let console = String::from_utf8_lossy(&fs::read(log)?).into_owned();
        ensure!(!console.contains("FAILED"), "a unit fails:\n{console}");
        if console.contains(READY) {
            return Ok(());
        }
        if let Some(status) = container.try_wait()? {
            bail!("the container ended ({status}):\n{console}");
        }
        ensure!(begin.elapsed() < PATIENCE, "no{READY}:\n{console}");
        sleep(LOOK_AGAIN);
    }
}

/// Has the container stop in order: it would go on if only its keeper were killed.
fn end(container: &mut Child) -> anyhow::Result<()> {
    if container.try_wait()?.is_none() {
        let id = i32::try_from(container.id()).context("the container")?;
        kill(Pid::from_raw(id), Signal::SIGTERM).context("the container")?;
        container.wait().context("the container")?;
    }
    Ok(())
}
