//! A machine at work on a disk of which every write is kept.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use harness::deployment::Deployment;
use harness::job::Job;
use harness::process::Programs;
use harness::scene::{TOWN_SITES, today, town_sources, write_town};
use town::TownPlan;

use super::super::check::READY;
use super::super::machine::{Machine, Setup};
use super::super::tool::Tool;
use super::super::write_log::WriteLog;
use super::line::{Arrival, Line};

/// The size of the disk whose power is cut.
const DISK: &str = "48M";
/// Where the machine has it, and what it reads.
const MOUNTED: &str = "/run/power";
/// A start takes no longer, also where much else is going on.
const START: Duration = Duration::from_secs(900);
/// So that there are many batches.
const LIMITS: &str = "\n[limits]\nbatch_documents = 12\nchunk_bytes = 8192\nreserve_bytes = 0\n";

/// What a machine did, and what it did it with.
pub(super) struct Capture {
    /// The town, which is the source.
    pub(super) town: PathBuf,
    /// Keys, certificates, and the inbox as it was in the end.
    pub(super) job: Job,
    /// The disk as it was before.
    pub(super) before: PathBuf,
    /// What was written to it.
    pub(super) log: WriteLog,
    /// When which batch arrived.
    pub(super) arrivals: BTreeMap<String, Arrival>,
}

/// Boots `image` and has it read a town, seal, and send to a front on this machine, twice: the
/// second time the rest of the town is there as well.
///
/// # Errors
/// The machine does not do its work.
pub(super) fn capture(
    folder: &Path,
    image: &Path,
    programs: &Programs,
    plan: &TownPlan,
) -> anyhow::Result<Capture> {
    let town = folder.join("town");
    write_town(&town, plan, &mut |_, _| {})?;
    let job = deployed(&folder.join("run"), &town, programs)?;
    let front = job.start_front()?;
    let files = ["power.img", "power.log", "source.img"].map(|name| folder.join(name));
    let [disk, log, source] = &files;
    fs::File::create(log)?;
    let inbox = job.deployment.inbox.clone();
    let line = Line::open(job.deployment.address, inbox, log.clone())?;
    carried(folder, &job, &town, line.port(), source)?;
    let mut format = Command::new("mkfs.ext4");
    Tool(format.arg("-q").arg(disk).arg(DISK)).run()?;
    let before = folder.join("before.img");
    fs::copy(disk, &before)?;
    let setup = Setup {
        reaches_host: true,
        more: disks(disk, log, source),
        ..Setup::of(image)
    };
    let mut machine = Machine::start(&folder.join("machine"), &setup)?;
    machine.next_line(READY, START)?;
    for &(command, what) in WORK {
        machine.ask(&command.replace('@', MOUNTED)).context(what)?;
    }
    machine.cut()?;
    let arrivals = line.arrivals()?;
    drop((line, front));
    ensure!(arrivals.len() > 1, "only {} batches", arrivals.len());
    let log = WriteLog::open(log)?;
    Ok(Capture {
        town,
        job,
        before,
        log,
        arrivals,
    })
}

/// What the machine does, and what it is. It says that it is still there while it works.
const WORK: &[(&str, &str)] = &[
    (
        "busybox mkdir -p @/source @/disk @/storage && \
         busybox mount -t ext4 -o ro /dev/disk/by-id/virtio-source @/source && \
         busybox mount -t ext4 -o noatime,nodev,nosuid,noexec \
         /dev/disk/by-id/virtio-power @/disk",
        "both disks, one mounted as /var is",
    ),
    (
        "nft flush ruleset; \
         until ip -4 -o address show dev wan0 | busybox grep -q inet; do busybox sleep 1; done",
        "the way to the front, which no setting of this machine names",
    ),
    (
        "work() { sekisho-gateway run --config @/source/run/gateway.toml >@/told 2>&1 & \
         while busybox kill -0 $!; do echo .; busybox sleep 2; done 2>/dev/null; \
         wait $! || { busybox tail -n 5 @/told; false; }; }",
        "a run of the gateway",
    ),
    (
        "cd @/source/town/storage && \
         for it in $(busybox ls | busybox awk 'NR % 2'); do busybox cp -a $it @/storage; done; \
         work",
        "half of the town",
    ),
    ("busybox cp -a . @/storage && work", "all of it"),
    ("cd / && busybox umount @/disk", "the end"),
];

/// The front and the first site of a town.
///
/// # Errors
/// Something cannot be made or written.
pub(super) fn deployed(root: &Path, town: &Path, programs: &Programs) -> anyhow::Result<Job> {
    let mut deployment = Deployment::prepare(root, &town_sources(town), today())?;
    for site in &deployment.sites {
        let settings = fs::read_to_string(&site.config)?;
        fs::write(&site.config, settings + LIMITS)?;
    }
    deployment.fix_seed(SEED_OF_CORE)?;
    Ok(Job::new(deployment, programs.clone()))
}

/// Research IDs are of no matter here.
const SEED_OF_CORE: u64 = 1;

/// A disk with everything that the machine reads: the source, the settings, the keys.
///
/// # Errors
/// Something cannot be copied.
fn carried(folder: &Path, job: &Job, town: &Path, port: u16, disk: &Path) -> anyhow::Result<()> {
    let content = folder.join("source");
    let run = content.join("run");
    fs::create_dir_all(&run)?;
    let root = &job.deployment.root;
    for (from, to) in [
        (town.join(town::HOSPITAL_FOLDERS[0]), content.join("town")),
        (root.join("keys"), run.join("keys")),
        (root.join("sites"), run.join("sites")),
        (root.join("front"), run.join("front")),
    ] {
        copy(&from, &to)?;
    }
    let site = job.deployment.sites.first().context("no site")?;
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let settings = fs::read_to_string(&site.config)?
        .replace(&text(&site.state), &format!("{MOUNTED}/disk/state"))
        .replace(&text(&site.source.storage), &format!("{MOUNTED}/storage"))
        .replace(
            &text(&town.join(town::HOSPITAL_FOLDERS[0])),
            &format!("{MOUNTED}/source/town"),
        )
        .replace(&text(root), &format!("{MOUNTED}/source/run"))
        .replace(
            &job.deployment.address.to_string(),
            &format!("{HOST}:{port}"),
        );
    fs::write(run.join("gateway.toml"), settings)?;
    let mut format = Command::new("mkfs.ext4");
    format.args(["-q", "-d"]).arg(&content).arg(disk);
    Tool(format.arg(SOURCE)).run().map(drop)
}

/// This machine, as the one in software reaches it.
const HOST: &str = "10.0.4.2";
const SOURCE: &str = "64M";

/// Copies a folder with owners and times.
///
/// # Errors
/// It cannot be copied.
pub(super) fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let mut copy = Command::new("cp");
    Tool(copy.arg("-a").arg(from).arg(to)).run().map(drop)
}

/// The disk whose writes are kept, and the source.
fn disks(disk: &Path, log: &Path, source: &Path) -> Vec<String> {
    let nodes = [
        file("power-plain", disk),
        file("power-log", log),
        "driver=blklogwrites,node-name=power,file=power-plain,log=power-log".to_owned(),
    ];
    let nodes = nodes.into_iter();
    let mut arguments: Vec<String> = nodes
        .flat_map(|node| ["-blockdev".to_owned(), node])
        .collect();
    arguments.extend(device("power"));
    arguments.extend(source_disk(source));
    arguments
}

/// The disk of [`carried`], for reading.
fn source_disk(source: &Path) -> Vec<String> {
    let node = file("source", source) + ",read-only=on";
    let [flag, device] = device("source");
    vec!["-blockdev".to_owned(), node, flag, device]
}

fn file(name: &str, path: &Path) -> String {
    format!("driver=file,filename={},node-name={name}", path.display())
}

/// A disk that the machine knows by its name.
fn device(name: &str) -> [String; 2] {
    let device = format!("virtio-blk-pci,drive={name},serial={name}");
    ["-device".to_owned(), device]
}

/// The site that the machine is.
pub(super) const SITE: &str = TOWN_SITES[0];
