//! A site and a centre that go on from what a power cut left.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use harness::job::Job;
use serde_json::Value;

use super::super::tool::Tool;
use super::capture::{Capture, SITE, copy, deployed};
use super::contents::{Contents, Keys};

/// What the core counts in its tables.
const STORED: [&str; 5] = [
    "documents",
    "documents_withdrawn",
    "documents_replaced",
    "records",
    "rows_stored",
];

/// Where the states of one worker are taken up.
pub(super) struct Bench {
    job: Job,
    keys: Keys,
}

/// What is in the inbox when a site goes on.
pub(super) struct Given<'a> {
    /// Names of the batches that had arrived.
    pub(super) arrived: &'a [&'a str],
    /// The file system of the site, recovered; without one the site begins.
    pub(super) disk: Option<&'a Path>,
}

impl Bench {
    /// A site and a centre with the keys of `capture`, in `root`.
    ///
    /// # Errors
    /// Something cannot be made.
    pub(super) fn new(root: &Path, capture: &Capture) -> anyhow::Result<Self> {
        fs::create_dir_all(root)?;
        let from = &capture.job.deployment.root;
        for part in ["keys", "ca"] {
            copy(&from.join(part), &root.join(part))?;
        }
        let job = deployed(root, &capture.town, &capture.job.programs)?;
        let keys = Keys::of(&root.join("keys"), SITE)?;
        Ok(Self { job, keys })
    }

    /// Goes on to the end from what is given; what the core has then.
    ///
    /// # Errors
    /// A program fails, or the core does not accept every batch.
    pub(super) fn go_on(&self, capture: &Capture, given: &Given<'_>) -> anyhow::Result<Contents> {
        self.set_up(capture, given)?;
        let mut front = self.job.start_front()?;
        self.run_gateway()?;
        front.kill()?;
        self.taken()
    }

    /// What the core has of the inbox as it was, without anything further.
    ///
    /// # Errors
    /// The core does not accept every batch.
    pub(super) fn has(&self, capture: &Capture, given: &Given<'_>) -> anyhow::Result<Contents> {
        self.set_up(capture, given)?;
        self.taken()
    }

    /// Has the core take what is in the inbox.
    fn taken(&self) -> anyhow::Result<Contents> {
        let mut contents = Contents::of(&self.job.deployment.inbox, &self.keys)?;
        let report = self.job.run_core(&["pull"])?.well()?;
        let status = report.get("status").context("the core's report")?;
        let accepted = status.get("batches").and_then(Value::as_u64);
        ensure!(
            accepted == Some(contents.batches),
            "of {} batches the core accepted {accepted:?}",
            contents.batches
        );
        contents.stored = STORED.map(|what| status.get(what).cloned()).into();
        Ok(contents)
    }

    fn set_up(&self, capture: &Capture, given: &Given<'_>) -> anyhow::Result<()> {
        let deployment = &self.job.deployment;
        let root = &deployment.root;
        let state = self.state()?;
        let receipts = root.join("front/receipts");
        for folder in [
            &state,
            &deployment.core_state,
            &deployment.inbox,
            &receipts,
            &root.join("front/staging"),
        ] {
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
        }
        if let Some(disk) = given.disk {
            take_out(disk, state.parent().context("no folder")?)?;
        }
        let ours = receipts.join(SITE);
        for folder in [
            &deployment.core_state,
            &deployment.inbox,
            &ours,
            &root.join("front/staging"),
        ] {
            fs::create_dir_all(folder)?;
        }
        let was = &capture.job.deployment;
        for name in given.arrived {
            fs::copy(was.inbox.join(name), deployment.inbox.join(name))?;
            let receipt = receipt_of(name)?;
            let from = was.root.join("front/receipts").join(SITE).join(&receipt);
            fs::copy(from, ours.join(receipt))?;
        }
        Ok(())
    }

    fn state(&self) -> anyhow::Result<PathBuf> {
        let site = self.job.deployment.sites.first().context("no site")?;
        Ok(site.state.clone())
    }

    /// Runs the gateway as if this machine had just been started: its uptime is shorter than the
    /// one that the captured machine had come to.
    fn run_gateway(&self) -> anyhow::Result<()> {
        let site = self.job.deployment.sites.first().context("no site")?;
        let uptime = fs::read_to_string("/proc/uptime").context("the uptime")?;
        let uptime: u64 = uptime
            .split('.')
            .next()
            .and_then(|seconds| seconds.parse().ok())
            .context("the uptime")?;
        let gateway = self.job.programs.gateway();
        let mut command = Command::new("unshare");
        command
            .arg("--time")
            .arg(format!("--boottime=-{}", uptime.saturating_sub(1)))
            .arg(gateway.get_program())
            .args(["run", "--config"])
            .arg(&site.config);
        Tool(&mut command).run().map(drop)
    }
}

/// `SITE-NUMBER-DIGEST.batch` has its receipt in `DIGEST.receipt`.
fn receipt_of(batch: &str) -> anyhow::Result<String> {
    let digest = batch
        .strip_suffix(".batch")
        .and_then(|it| it.rsplit('-').next());
    let digest = digest.with_context(|| format!("{batch} in the inbox"))?;
    Ok(format!("{digest}.receipt"))
}

/// Copies the site's state out of a file system, which needs no mount.
fn take_out(disk: &Path, to: &Path) -> anyhow::Result<()> {
    let mut list = Command::new("debugfs");
    if !Tool(list.args(["-R", "ls -p /"]).arg(disk))
        .run()?
        .contains("/state/")
    {
        return Ok(());
    }
    let mut dump = Command::new("debugfs");
    let request = format!("rdump /state {}", to.display());
    Tool(dump.arg("-R").arg(request).arg(disk)).run().map(drop)
}
