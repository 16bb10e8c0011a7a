//! `cargo xtask demo --image`: hospital A is read by the appliance itself, as it is shipped, in a
//! machine in software. It gets its settings as in the field, reads the storage from a second disk,
//! and sends through an IPsec tunnel to the front. Hospital B runs beside it as a process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use harness::appliance;
use harness::job::Job;
use harness::summary::Summary;
use toml::{Table, Value};

use super::line::{self, Line};
use super::{Arguments, Steps, run_gateways};
use crate::Workspace;
use crate::image::machine::{Machine, Setup};
use crate::image::tool::Tool;
use crate::image::{self, Recipe, boot, check, esp};

const READY: &str = " ready, slot ";
/// How long the appliance may take until its first batch is there.
const LONG: Duration = Duration::from_secs(900);
/// Batches of one run follow each other; after so long without one there is none to come.
const QUIET: Duration = Duration::from_secs(60);
/// Where the operator's letter goes, and what the device shows beside it.
const LETTER: &str = "sekisho/commission";
const SHOWN: &str = "sekisho/device.toml";
/// Room for a file system beside the files.
const SPARE: u64 = 64 << 20;

/// Builds what takes the network of this machine, and starts the command once more in a network of
/// its own, where nothing else is.
///
/// # Errors
/// Something is missing, or cannot be built.
pub(super) fn in_network_of_its_own(
    workspace: &Workspace,
    arguments: &Arguments,
    out: &Path,
) -> Result<ExitCode> {
    needed()?;
    let mut steps = Steps::default();
    steps.announce("イメージ", "building the disk image");
    let programs = workspace.dev_programs()?;
    let folder = workspace.scratch("demo")?;
    operator(&programs, &folder)?;
    image::build(&recipe(workspace, true)?)?;
    steps.done("イメージ image");
    let mut again = Command::new("unshare");
    again.args(["--net", "--mount", "--"]);
    again.arg(std::env::current_exe()?);
    again
        .args(["demo", "--image", "--within", "--out"])
        .arg(out);
    again.args(["--seed", &arguments.seed.to_string()]);
    again.args(["--persons", &arguments.persons().to_string()]);
    let status = again.status().context("unshare")?;
    Ok(match status.success() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn needed() -> Result<()> {
    ensure!(
        nix::unistd::geteuid().is_root(),
        "root で実行してください。専用のネットワークを作ります。\n\
         Run it as root: it makes a network of its own."
    );
    let path = std::env::var_os("PATH").unwrap_or_default();
    for (program, package) in line::NEEDED {
        let there = std::env::split_paths(&path)
            .chain([PathBuf::from("/usr/sbin")])
            .any(|folder| folder.join(program).exists());
        ensure!(there, "{program}: apt-get install {package}");
    }
    Ok(())
}

/// The key of the operator, whose settings the image takes.
fn operator(programs: &harness::process::Programs, folder: &Path) -> Result<()> {
    if folder.join("operator.key").exists() {
        return Ok(());
    }
    let mut make = programs.collector();
    make.args(["orders", "make-key", "--out"]);
    Tool(make.arg(folder.join("operator.key"))).run().map(drop)
}

fn recipe(workspace: &Workspace, told: bool) -> Result<Recipe<'_>> {
    Ok(Recipe {
        workspace,
        programs: check::development_programs(workspace)?,
        out: workspace.scratch("image/demo")?,
        version: image::VERSION,
        probe: false,
        signer: boot::Signer::for_tests(&workspace.scratch("image")?)?,
        update_root: None,
        operator: Some(workspace.scratch("demo")?.join("operator.key.pub")),
        broken: None,
        fresh_base: false,
        loud: told,
    })
}

/// Runs the appliance and the gateway of hospital B against the front; gives the front's peak
/// memory.
///
/// # Errors
/// The appliance does not come up or does not send.
pub(super) fn run_sites(
    workspace: &Workspace,
    job: &mut Job,
    summary: &mut Summary,
    steps: &mut Steps,
) -> Result<u64> {
    let folder = workspace.scratch("demo")?;
    let line = Line::open(&folder)?;
    move_front(job)?;
    let mut front = job.start_front()?;
    let disk = workspace.scratch("image/demo")?.join("sekisho.img");
    let machine = folder.join("machine");
    steps.announce("機器の準備", "appliance: first start, settings");
    commission(job, &disk, &machine, &folder, &line)?;
    steps.done("機器の準備 commissioning");
    steps.announce(
        "機器",
        "appliance: read, screen, separate, seal, send by the tunnel",
    );
    let ran = appliance_runs(job, &disk, &machine, &folder);
    ran.with_context(|| format!("the end of the tunnel at the centre said:\n{}", line.told()))?;
    steps.done("機器 appliance");
    let read = job.deployment.sites.first().context("no site")?;
    summary.by_appliance.push(read.source.site.clone());
    steps.announce("もう一つの病院", "hospital B as a process");
    run_gateways(job, 1..job.deployment.sites.len(), summary)?;
    steps.done("もう一つの病院 hospital B");
    let peak = front.peak_memory_bytes();
    front.kill()?;
    Ok(peak)
}

/// Has the front listen behind the tunnel, every gateway know it, and the core take what came by
/// one.
fn move_front(job: &mut Job) -> Result<()> {
    job.deployment.address = line::front();
    let address = Value::from(line::front().to_string());
    let change = |file: &Path, change: &dyn Fn(&mut Table)| -> Result<()> {
        let mut settings: Table = fs::read_to_string(file)?.parse()?;
        change(&mut settings);
        Ok(fs::write(file, toml::to_string(&settings)?)?)
    };
    change(&job.deployment.front_config, &|settings| {
        settings.insert("listen".to_owned(), address.clone());
    })?;
    let transports = ["laboratory", "ipsec"].map(Value::from).to_vec();
    change(&job.deployment.core_config, &|settings| {
        settings.insert("transports".to_owned(), transports.clone().into());
    })?;
    for site in &job.deployment.sites {
        change(&site.config, &|settings| {
            let front = settings.get_mut("front").and_then(Value::as_table_mut);
            if let Some(front) = front {
                front.insert("address".to_owned(), address.clone());
            }
        })?;
    }
    Ok(())
}

/// The first start, after which the device shows its key; then the operator's letter.
fn commission(job: &Job, disk: &Path, machine: &Path, folder: &Path, line: &Line) -> Result<()> {
    let setup = Setup::of(disk);
    let mut first = Machine::start(machine, &setup)?;
    first.wait_for(READY)?;
    first.cut()?;
    let own = machine.join("disk.img");
    let (told, shown) = (folder.join("told"), folder.join("device.toml"));
    let letter = folder.join("commission");
    for old in [&told, &letter] {
        match fs::symlink_metadata(old) {
            Ok(found) if found.is_dir() => fs::remove_dir_all(old)?,
            Ok(_) => fs::remove_file(old)?,
            Err(_) => {}
        }
    }
    esp::take(&own, SHOWN, &shown)?;
    appliance::write(&told, job, 0, &line::reach(), &line.certifier)?;
    let site = job.deployment.sites.first().context("no site")?;
    let mut seal = job.programs.collector();
    seal.args(["commission", "--site", &site.source.site]);
    for (name, path) in [
        ("--device", &shown),
        ("--folder", &told),
        ("--key", &folder.join("operator.key")),
        ("--out", &letter),
    ] {
        seal.arg(name).arg(path);
    }
    Tool(&mut seal).run()?;
    esp::put(&own, &letter, LETTER)
}

/// The second start: the appliance takes its settings, builds the tunnel, reads and sends.
fn appliance_runs(job: &Job, disk: &Path, machine: &Path, folder: &Path) -> Result<()> {
    let site = job.deployment.sites.first().context("no site")?;
    let source = folder.join("source.img");
    file_system(&site.source.storage, &source)?;
    let setup = Setup {
        reaches_host: true,
        more: second_disk(&source),
        ..Setup::of(disk)
    };
    let mut appliance = Machine::power_on(machine, &setup)?;
    appliance.wait_for(READY)?;
    everything_came(&job.deployment.inbox, &mut appliance)?;
    appliance.cut()?;
    let shown = folder.join("device-after.toml");
    esp::take(&machine.join("disk.img"), SHOWN, &shown)?;
    let told: Table = fs::read_to_string(&shown)?.parse()?;
    let taken = told.get("taken").and_then(Value::as_integer);
    ensure!(
        taken == Some(1),
        "the device did not take its settings: {told:?}"
    );
    Ok(())
}

/// Waits until batches have come and no more follow.
fn everything_came(inbox: &Path, appliance: &mut Machine) -> Result<()> {
    let begin = Instant::now();
    let (mut there, mut since) = (0, Instant::now());
    while there == 0 || since.elapsed() < QUIET {
        let console = appliance.still_runs()?;
        ensure!(
            there > 0 || begin.elapsed() < LONG,
            "the appliance sent nothing:\n{console}"
        );
        let now = files_below(inbox)?;
        if now != there {
            (there, since) = (now, Instant::now());
        }
        sleep(Duration::from_secs(1));
    }
    Ok(())
}

fn files_below(folder: &Path) -> Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files += match entry.file_type()?.is_dir() {
            true => files_below(&entry.path())?,
            false => 1,
        };
    }
    Ok(files)
}

/// A disk with the files of a folder, made without mounting it.
fn file_system(folder: &Path, disk: &Path) -> Result<()> {
    let mut size = Command::new("du");
    let size = Tool(size.args(["-s", "--block-size=1"]).arg(folder)).run()?;
    let bytes: u64 = size.split_whitespace().next().context("du")?.parse()?;
    fs::File::create(disk)?.set_len((bytes * 2 + SPARE).next_multiple_of(1 << 20))?;
    let mut make = Command::new("mkfs.ext4");
    make.args(["-q", "-F", "-O", "^has_journal", "-d"]);
    Tool(make.arg(folder).arg(disk)).run().map(drop)
}

/// The disk that the mount of the settings names.
fn second_disk(source: &Path) -> Vec<String> {
    let drive = format!(
        "file={},format=raw,readonly=on,if=none,id=source",
        source.display()
    );
    [
        "-drive",
        &drive,
        "-device",
        "virtio-blk-pci,drive=source,serial=source",
    ]
    .map(str::to_owned)
    .to_vec()
}
