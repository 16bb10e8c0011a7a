//! Updates in a machine in software (C-14, P-09): a good version stays, a bad one returns to the
//! one before with its reason kept, and a power cut anywhere leaves a version that starts.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use updates::Server;

use super::Image;
use super::device::{Device, START, Service};
use super::machine::WRITE_LOG;
use super::releases::{Releases, damage, later};
use super::update_cuts::{Cuts, Versions};
use super::write_log::WriteLog;
use crate::Workspace;

/// Three tries and the way back, under emulation; how long it takes is told, not asserted.
const RETURN: Duration = Duration::from_secs(2_400);
/// How many states are started, unless this variable says another number.
const STARTED: usize = 8;
const CUTS: &str = "SEKISHO_POWER_CUTS";
/// How many random parts of what was on its way are looked at, for each flush.
const PARTS: u64 = 16;

/// A version that is not to stay: its folder in `image/test/broken`, and why it is given up.
struct Bad {
    broken: Option<&'static str>,
    why: &'static str,
}

/// Where it goes wrong: the root, the first process, the first check, the line.
const BAD: [Bad; 4] = [
    // Its root is another one than the boot entry was signed for.
    Bad {
        broken: None,
        why: "not-started",
    },
    Bad {
        broken: Some("init"),
        why: "not-started",
    },
    Bad {
        broken: Some("agent"),
        why: "agent-silent",
    },
    Bad {
        broken: Some("line"),
        why: "centre-unreachable",
    },
];

/// A device that was updated from `first` to a version that stays.
struct Updated<'a> {
    first: &'a Image,
    device: Device,
    /// The version that stays, and its image.
    next: String,
    second: Image,
    /// Entries of the log of writes before the update began and after it had ended.
    log: [usize; 2],
    remark: String,
    /// It hands out updates while it is there.
    _server: Server,
}

impl<'a> Updated<'a> {
    fn new(
        workspace: &Workspace,
        releases: &'a Releases<'a>,
        first: &'a Image,
    ) -> anyhow::Result<Self> {
        let authority = updates::authority()?;
        updates::enrol(&authority, releases.folder())?;
        let server = Server::start(&authority, releases.repository())?;
        let service = Service {
            workspace,
            address: server.address,
            keys: releases.folder(),
        };
        let machines = workspace.scratch("image/machines")?;
        releases.publish(super::VERSION, first)?;
        let mut device = Device::first(&machines.join("update"), &first.disk, &service)?;
        let log = device.folder.join(WRITE_LOG);
        let begun = WriteLog::count(&log)?;
        let (next, second, remark) = good_version_stays(releases, &mut device)?;
        Ok(Self {
            first,
            device,
            next,
            second,
            log: [begun, WriteLog::count(&log)?],
            remark,
            _server: server,
        })
    }
}

/// Updates a device that runs `first`, to a version that stays and to each that does not.
///
/// # Errors
/// One of it is not as it should be.
pub(crate) fn returns(
    workspace: &Workspace,
    releases: &Releases<'_>,
    first: &Image,
) -> anyhow::Result<String> {
    let mut updated = Updated::new(workspace, releases, first)?;
    let mut remarks = vec![updated.remark.clone()];
    for (number, bad) in (2..).zip(&BAD) {
        let told = bad_version_returns(releases, &mut updated.device, number, bad, &updated.next)?;
        remarks.push(told);
    }
    Ok(remarks.join(", "))
}

/// Updates a device that runs `first`, and cuts the power within the update.
///
/// # Errors
/// A state of its disk does not start, or starts what is not whole.
pub(crate) fn cuts(
    workspace: &Workspace,
    releases: &Releases<'_>,
    first: &Image,
) -> anyhow::Result<String> {
    let mut updated = Updated::new(workspace, releases, first)?;
    updated.device.machine.cut()?;
    let [begun, ended] = updated.log;
    let log = WriteLog::open(&updated.device.folder.join(WRITE_LOG))?.first(ended);
    let cuts = Cuts {
        log: &log,
        begun,
        versions: Versions {
            before: (super::VERSION, updated.first),
            after: (&updated.next, &updated.second),
        },
        machine: &updated.device.folder,
    };
    let folder = workspace.scratch("image/machines")?.join("cut");
    let all = cuts.check_all(&folder, PARTS)?;
    let some = cuts.boot_some(&folder, number_of_cuts()?)?;
    Ok([updated.remark, all, some].join(", "))
}

fn number_of_cuts() -> anyhow::Result<usize> {
    match std::env::var(CUTS) {
        Ok(number) => number.parse().context(CUTS),
        Err(_) => Ok(STARTED),
    }
}

/// C-14: the device finds the next version, installs it to the other slot, starts it, and keeps it.
fn good_version_stays(
    releases: &Releases<'_>,
    device: &mut Device,
) -> anyhow::Result<(String, Image, String)> {
    let next = later(1)?;
    let image = releases.image(&next, None)?;
    let told = releases.publish(&next, &image)?;
    let begin = Instant::now();
    device.look_for_updates()?;
    let began = device.ready().with_context(|| device.journal())?;
    let took = begin.elapsed();
    device.settle()?;
    stays(device, &next, &began)?;
    let remark = format!("{next} stays after {:.0} s ({told})", took.as_secs_f64());
    Ok((next, image, remark))
}

/// That a version runs in slot B, is good, and is what the next start takes.
///
/// # Errors
/// Something of it is otherwise; the error has the journal.
pub(crate) fn stays(
    device: &mut Device,
    version: &str,
    began: &(String, String),
) -> anyhow::Result<()> {
    ensure!(
        (began.0.as_str(), began.1.as_str()) == (version, "b"),
        "{} runs in slot {}",
        began.0,
        began.1
    );
    let (stage, entries) = (device.stage()?, device.entries()?);
    let expected = [super::VERSION, version].map(|it| format!("sekisho_{it}.efi"));
    if stage["at"] != "good" || entries != expected {
        anyhow::bail!("{stage}, {entries:?}: {}", device.journal());
    }
    Ok(())
}

/// C-14: a bad version is tried, given up with its reason, said, and not taken again.
fn bad_version_returns(
    releases: &Releases<'_>,
    device: &mut Device,
    number: u64,
    bad: &Bad,
    good: &str,
) -> anyhow::Result<String> {
    let version = later(number)?;
    let image = releases.image(&version, bad.broken)?;
    if bad.broken.is_none() {
        damage(&image.root)?;
    }
    releases.publish(&version, &image)?;
    device.look_for_updates()?;
    device.machine.next_line("Restarting system", START)?;
    let begin = Instant::now();
    // A version that comes up and does not pass its checks says that it is ready as well.
    let back = loop {
        let began = device.ready_within(RETURN)?;
        if began.0 == good {
            break began;
        }
        ensure!(began.0 == version, "{} runs", began.0);
    };
    let took = begin.elapsed();
    device.settle()?;
    ensure!(back.1 == "b", "back in slot {}", back.1);
    is_told(device, &version, bad)?;
    is_not_taken_again(device, good)?;
    let what = bad.broken.unwrap_or("root");
    Ok(format!(
        "{version} (broken {what}) back after {:.0} s: {}",
        took.as_secs_f64(),
        bad.why
    ))
}

/// The reason stands in the record, in what people are shown, and on the panel.
fn is_told(device: &mut Device, version: &str, bad: &Bad) -> anyhow::Result<()> {
    let stage = device.stage()?;
    let numbers: Vec<u64> = version
        .split('.')
        .filter_map(|it| it.parse().ok())
        .collect();
    let expected = serde_json::json!({
        "at": "returned", "version": numbers, "why": bad.why,
    });
    if stage != expected {
        anyhow::bail!("{stage}: {}", device.journal());
    }
    let status = device.machine.ask("sekisho-update status")?;
    let said = format!("given up: {version}");
    ensure!(status.contains(&said), "status says: {status}");
    let notices = device.machine.ask("busybox ls /run/sekisho/notices")?;
    ensure!(
        notices.lines().any(|it| it == "update-returned"),
        "notices: {notices}"
    );
    Ok(())
}

/// The device looks again, and leaves what it has given up.
fn is_not_taken_again(device: &mut Device, good: &str) -> anyhow::Result<()> {
    let before = device.entries()?;
    device
        .machine
        .ask("systemctl start sekisho-update.service")?;
    let ends = "while [ \"$(systemctl is-active sekisho-update-install.service)\" = activating ]; \
                do busybox sleep 1; done";
    device.machine.ask(ends)?;
    let report = device
        .machine
        .ask("busybox cat /var/lib/sekisho/fetch/report.json")?;
    ensure!(report.contains("\"given-up\""), "report: {report}");
    ensure!(device.entries()? == before, "entries were changed");
    let running = device
        .machine
        .ask("busybox grep IMAGE_VERSION /usr/lib/os-release")?;
    ensure!(running.trim().ends_with(good), "{running} runs");
    Ok(())
}

/// A folder for a file of a test, emptied.
///
/// # Errors
/// It cannot be made.
pub(crate) fn emptied(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).context("files of an earlier run")?;
    }
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())
}
