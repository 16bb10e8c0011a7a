//! The front as a process on loopback: handshakes and bytes beside a bare server under the same
//! load, the memory of a connection on which nothing happens, and a fleet that returns after an
//! outage (O-11). Front, bare server and load share the machine.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use harness::deployment::Deployment;
use harness::job::Job;
use harness::pki::FRONT_NAME;
use harness::process::{Running, free_address, wait_for};
use harness::scene::today;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::Value;

use crate::bench::{Bench, Figure, median};

/// How much of the bare server's rate.
const OF_BARE: f64 = 0.7;
/// Connections on which nothing happens: below the most that the front's settings allow, and as
/// many as there are file handles.
const FEW: u64 = 100;
const MANY: u64 = 9_900;
/// File handles for everything else.
const HANDLES: u64 = 200;
const DEVICES: u32 = 20_000;
const HALF_HOUR: f64 = 1_800.0;
/// How long the fleet has been returning when the front is killed and started again.
const KILLED_AFTER: Duration = Duration::from_secs(15);

/// The front's settings where it holds as many connections as it can.
const WIDE: &str = "
[limits]
connections = 10000
connections_per_site = 1000
idle_seconds = 600
";

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let handles = raise_handles()?;
    let mut centre = Centre::prepare(bench)?;
    let mut figures = centre.compare(bench.runs)?;
    figures.push(centre.idle(bench.runs, handles)?);
    figures.extend(centre.outage()?);
    Ok(figures)
}

/// Lets this process and its children have as many file handles as the machine allows.
fn raise_handles() -> Result<u64> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    Ok(most)
}

/// A centre without sites: the load makes devices by its authority's key.
struct Centre {
    job: Job,
    measure: PathBuf,
    /// Where the bare server puts files.
    files: PathBuf,
    /// Counts rounds of uploads, for which no batch is sent twice.
    rounds: u32,
}

/// Rates of one server, run by run.
#[derive(Default)]
struct Rates {
    handshakes: Vec<f64>,
    megabytes: Vec<f64>,
    peak: u64,
}

impl Centre {
    fn prepare(bench: &Bench<'_>) -> Result<Self> {
        let programs = bench.workspace.release_programs()?;
        let measure = bench.workspace.measure_program()?;
        let (root, files) = (bench.folder.join("centre"), bench.folder.join("bare"));
        for folder in [&root, &files] {
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
            fs::create_dir_all(folder)?;
        }
        let deployment = Deployment::prepare(&root, &[], today())?;
        Ok(Self {
            job: Job::new(deployment, programs),
            measure,
            files,
            rounds: 0,
        })
    }

    /// The front beside the bare server, with and without the revocation list.
    fn compare(&mut self, runs: u32) -> Result<Vec<Figure>> {
        let front = self.job.start_front()?;
        let (listed, unlisted) = (self.bare(true)?, self.bare(false)?);
        let (mut ours, mut theirs) = (Rates::default(), Rates::default());
        let mut plain = Vec::new();
        for run in 0..=runs {
            let address = self.job.deployment.address;
            let handshakes =
                [address, listed.address, unlisted.address].map(|address| self.handshakes(address));
            let [front, bare, unlisted] = handshakes;
            let megabytes = (
                self.upload(address, true)?,
                self.upload(listed.address, false)?,
            );
            // The first round warms the cache.
            if run > 0 {
                ours.handshakes.push(front?);
                theirs.handshakes.push(bare?);
                plain.push(unlisted?);
                ours.megabytes.push(megabytes.0);
                theirs.megabytes.push(megabytes.1);
            }
        }
        ours.peak = front.peak_memory_bytes();
        Ok(beside(ours, &theirs, &plain))
    }

    /// The bare server, with the front's certificates.
    fn bare(&self, listed: bool) -> Result<Bare> {
        let root = &self.job.deployment.root;
        let address = free_address()?;
        let mut command = Command::new(&self.measure);
        command.args(["front", "serve", "--listen", &address.to_string()]);
        for (argument, file) in [
            ("--certificate", "front/front.pem"),
            ("--private-key", "front/front.key"),
            ("--client-authority", "front/authority.pem"),
        ] {
            command.arg(argument).arg(root.join(file));
        }
        if listed {
            command
                .arg("--revocations")
                .arg(root.join("ca/told/devices.crl"));
        }
        command.arg("--folder").arg(&self.files);
        let mut process = Running::start(&mut command, &root.join("bare.log"))?;
        wait_for(address, &mut process)?;
        Ok(Bare {
            address,
            _process: process,
        })
    }

    fn handshakes(&self, address: SocketAddr) -> Result<f64> {
        let told = told(&mut self.load("handshakes", address))?;
        number(&told, "handshakes_per_second")
    }

    /// Sends batches, and removes what came of them.
    fn upload(&mut self, address: SocketAddr, receipts: bool) -> Result<f64> {
        self.rounds += 1;
        let mut command = self.load("uploads", address);
        command.args(["--round", &self.rounds.to_string()]);
        if receipts {
            command.arg("--receipts");
        }
        let told = told(&mut command)?;
        for folder in [&self.files, &self.job.deployment.inbox] {
            empty(folder)?;
        }
        number(&told, "megabytes_per_second")
    }

    /// The memory of one connection.
    fn idle(&self, runs: u32, handles: u64) -> Result<Figure> {
        let config = &self.job.deployment.front_config;
        let narrow = fs::read_to_string(config)?;
        fs::write(config, format!("{narrow}{WIDE}"))?;
        let many = MANY.min(handles.saturating_sub(HANDLES));
        ensure!(many > 2 * FEW, "{handles} file handles are too few");
        let (mut each, mut peak) = (Vec::new(), 0);
        let mut resident = [Vec::new(), Vec::new()];
        for _ in 0..runs {
            let front = self.job.start_front()?;
            let mut command = self.load("idle", self.job.deployment.address);
            command.args(["--process", &front.id().to_string()]);
            command.args(["--few", &FEW.to_string(), "--many", &many.to_string()]);
            let told = told(&mut command)?;
            each.push(number(&told, "bytes")?);
            resident[0].push(number(&told, "resident_of_few")?);
            resident[1].push(number(&told, "resident_of_many")?);
            peak = peak.max(front.peak_memory_bytes());
        }
        fs::write(config, narrow)?;
        let [few, large] = resident.map(|bytes| median(&bytes) / f64::from(1 << 20));
        Ok(Figure {
            work: "memory of a connection, nothing under way".to_owned(),
            value: median(&each),
            unit: "bytes",
            reference: format!("{few:.1} MiB with {FEW}, {large:.1} MiB with {many}"),
            ratio: 1.0,
            at_least: None,
            peak_memory_bytes: peak,
            runs: each,
        })
    }

    /// A fleet that returns, while the front is killed once and started again.
    fn outage(&self) -> Result<Vec<Figure>> {
        let deployment = &self.job.deployment;
        let mut command = self.load("outage", deployment.address);
        command.args(["--devices", &DEVICES.to_string()]);
        command
            .arg("--receipt-key")
            .arg(deployment.root.join("keys/receipt.pub"));
        command.arg("--inbox").arg(&deployment.inbox);
        let mut front = self.job.start_front()?;
        let load = command.stdout(Stdio::piped()).spawn()?;
        sleep(KILLED_AFTER);
        let before = front.peak_memory_bytes();
        front.kill()?;
        let front = self.job.start_front()?;
        let output = load.wait_with_output()?;
        ensure!(output.status.success(), "the fleet: {}", output.status);
        let told: Value = serde_json::from_slice(&output.stdout)?;
        let peak = before.max(front.peak_memory_bytes());
        empty(&deployment.inbox)?;
        returned(&told, peak)
    }

    /// The load maker, against a server that has the front's certificate.
    fn load(&self, what: &str, address: SocketAddr) -> Command {
        let mut command = Command::new(&self.measure);
        command
            .args(["front", what, "--address", &address.to_string()])
            .args(["--name", FRONT_NAME])
            .arg("--authority")
            .arg(self.job.deployment.root.join("ca/issuing"));
        command
    }
}

/// A bare server, until it is dropped.
struct Bare {
    address: SocketAddr,
    _process: Running,
}

fn beside(ours: Rates, theirs: &Rates, plain: &[f64]) -> Vec<Figure> {
    let peak = ours.peak;
    let figure = |work: &str, unit, ours: &[f64], (name, theirs): (&str, &[f64]), least| Figure {
        work: work.to_owned(),
        value: median(ours),
        unit,
        reference: format!("{name}: {:.1} {unit}", median(theirs)),
        ratio: median(ours) / median(theirs),
        at_least: least,
        peak_memory_bytes: peak,
        runs: ours.to_vec(),
    };
    let handshakes = "handshakes with client certificates";
    let (rates, bytes) = (&ours.handshakes, &ours.megabytes);
    let same = (
        "bare rustls server, same certificates and list",
        &*theirs.handshakes,
    );
    let less = ("bare rustls server that reads no revocation list", plain);
    let files = ("bare rustls server, files and fsync", &*theirs.megabytes);
    vec![
        figure(handshakes, "/s", rates, same, Some(OF_BARE)),
        figure(handshakes, "/s", rates, less, None),
        figure(
            "sealed batches, with receipts",
            "MB/s",
            bytes,
            files,
            Some(OF_BARE),
        ),
    ]
}

fn returned(told: &Value, peak: u64) -> Result<Vec<Figure>> {
    let figure = |work: String, value, unit, reference, ratio| Figure {
        work,
        value,
        unit,
        reference,
        ratio,
        at_least: Some(1.0),
        peak_memory_bytes: peak,
        runs: vec![value],
    };
    let seconds = number(told, "seconds")?;
    let [receipts, connections, busy, broken, failed] = [
        "receipts",
        "connections",
        "told_to_come_back",
        "broken",
        "failed_runs",
    ]
    .map(|name| number(told, name));
    let met = format!(
        "{} connections, {} told to come back, {} broken, {} runs failed; front killed once",
        connections?, busy?, broken?, failed?
    );
    let wrong = number(told, "lost")? + number(told, "others")?;
    Ok(vec![
        figure(
            format!("{DEVICES} devices return"),
            seconds,
            "s",
            format!("30 minutes / time; {met}"),
            HALF_HOUR / seconds,
        ),
        figure(
            "batches lost, doubled or without a receipt".to_owned(),
            wrong,
            "",
            format!("{} receipts, each file read again", receipts?),
            f64::from(u8::from(wrong == 0.0)),
        ),
    ])
}

fn told(command: &mut Command) -> Result<Value> {
    let output = command.output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{told}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn number(told: &Value, name: &str) -> Result<f64> {
    told.get(name).and_then(Value::as_f64).context("a figure")
}

fn empty(folder: &Path) -> Result<()> {
    for file in fs::read_dir(folder)? {
        fs::remove_file(file?.path())?;
    }
    Ok(())
}
