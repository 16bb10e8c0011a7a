//! What the board does to the device: a system that hangs, a clock without a battery.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::check::READY;
use super::machine::{Machine, Setup};
use super::snapshot::Snapshot;

/// The watchdog's minute, the shutdown that it does not get, and a start.
const RESET: Duration = Duration::from_secs(900);
/// What a board without a battery believes.
const NO_BATTERY: [&str; 2] = ["-rtc", "base=2000-01-01T00:00:00"];

/// P-08: the first process hangs, nobody feeds the watchdog, and the board starts again by itself.
///
/// # Errors
/// It goes on hanging.
pub(super) fn a_hanging_system_is_started_again(
    snapshot: &Snapshot,
    folder: &Path,
    setup: &Setup<'_>,
) -> anyhow::Result<String> {
    let mut machine = snapshot.go_on(folder, setup)?;
    let fed = machine.ask("systemctl show --property=RuntimeWatchdogUSec --value")?;
    ensure!(!matches!(fed.trim(), "" | "0"), "nobody feeds the watchdog");
    // It hangs as after a fault of the kernel: no signal reaches it, nothing is cleared up.
    machine.ask("(busybox sleep 1; echo 1 >/sys/fs/cgroup/init.scope/cgroup.freeze) &")?;
    let begin = Instant::now();
    machine
        .next_line(READY, RESET)
        .context("after the first process was stopped")?;
    Ok(format!(
        "started again {:.0} s after it hung",
        begin.elapsed().as_secs_f64()
    ))
}

/// P-19: a clock that has no battery does not take the device back behind what it knew already, and
/// is not taken for confirmed.
///
/// # Errors
/// The device believes it.
pub(super) fn a_dead_battery_takes_no_time_back(
    folder: &Path,
    disk: &Path,
) -> anyhow::Result<String> {
    const NOW: &str = "busybox date +%s";
    let mut machine = Machine::start(folder, &Setup::of(disk))?;
    machine.wait_for(READY)?;
    let before: i64 = machine.ask(NOW)?.trim().parse()?;
    machine.ask("systemctl is-system-running --wait >/dev/null; busybox sync")?;
    machine.cut()?;
    let setup = Setup {
        more: NO_BATTERY.map(str::to_owned).to_vec(),
        ..Setup::of(disk)
    };
    let mut machine = Machine::power_on(folder, &setup)?;
    machine.wait_for(READY)?;
    let after: i64 = machine.ask(NOW)?.trim().parse()?;
    ensure!(
        after >= before - SAVED,
        "{before} before the cut, {after} after it"
    );
    let confirmed = "busybox test -e /run/systemd/timesync/synchronized && echo yes; true";
    ensure!(
        machine.ask(confirmed)?.trim().is_empty(),
        "taken for confirmed"
    );
    Ok("a clock without a battery takes no time back".to_owned())
}

/// How old the time that was written down last may be.
const SAVED: i64 = 120;
