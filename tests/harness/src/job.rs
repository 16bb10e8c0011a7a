//! The main job on a deployment: gateways, front and core as processes.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::deployment::Deployment;
use crate::process::{Programs, Running, free_address, wait_for};

/// A deployment and the programs that run on it.
pub struct Job {
    /// The deployment.
    pub deployment: Deployment,
    /// The programs.
    pub programs: Programs,
    /// The user id that gateways run as; the caller's when absent.
    pub gateway_user: Option<u32>,
    /// A system call that gateways are refused, and the error that they get (by `strace`).
    pub refused_call: Option<(&'static str, &'static str)>,
}

/// How one run of a program ended.
pub struct Ended {
    /// Exit status.
    pub status: ExitStatus,
    /// Its report, when it wrote one.
    pub report: Option<Value>,
    /// What it told on standard output and standard error.
    pub told: String,
}

impl Ended {
    /// The report of a run that went well.
    ///
    /// # Errors
    /// It did not; the error holds what the program told.
    pub fn well(self) -> Result<Value> {
        ensure!(self.status.success(), "{}: {}", self.status, self.told);
        self.report.context("the program wrote no report")
    }
}

impl Job {
    /// A job whose programs run as the caller.
    pub fn new(deployment: Deployment, programs: Programs) -> Self {
        Self {
            deployment,
            programs,
            gateway_user: None,
            refused_call: None,
        }
    }

    /// Starts the front and waits until it listens.
    pub fn start_front(&self) -> Result<Running> {
        let mut command = self.programs.collector();
        command
            .arg("front")
            .arg("--config")
            .arg(&self.deployment.front_config);
        let mut front = Running::start(&mut command, &self.log("front"))?;
        wait_for(self.deployment.address, &mut front)?;
        Ok(front)
    }

    /// Starts one site's gateway, which runs once and ends.
    pub fn start_gateway(&self, site: usize, arguments: &[&str]) -> Result<Running> {
        let (mut command, name) = self.gateway(site, arguments)?;
        Running::start(&mut command, &self.log(&name))
    }

    /// Runs one site's gateway to its end.
    pub fn run_gateway(&self, site: usize, arguments: &[&str]) -> Result<Ended> {
        let (mut command, name) = self.gateway(site, arguments)?;
        self.run(&mut command, &name)
    }

    /// What the last run of one site's gateway reported.
    pub fn gateway_report(&self, site: usize) -> Result<Value> {
        let site = self.deployment.sites.get(site).context("no such site")?;
        read_json(&self.report(&site.source.site))
    }

    /// Runs one command of the core to its end.
    pub fn run_core(&self, arguments: &[&str]) -> Result<Ended> {
        let name = format!("core-{}", arguments.first().copied().unwrap_or_default());
        let mut command = self.programs.collector();
        command
            .arg("core")
            .arg("--config")
            .arg(&self.deployment.core_config);
        if let Some(seed) = self.deployment.seed {
            command.arg("--danger-fixed-seed").arg(seed.to_string());
        }
        command
            .args(arguments)
            .arg("--report")
            .arg(self.report(&name));
        self.run(&mut command, &name)
    }

    /// Opens the address for devices without a valid certificate, at the front and for one site.
    ///
    /// # Errors
    /// Their settings cannot be written.
    pub fn open_for_newcomers(&self, site: usize) -> Result<()> {
        let address = free_address()?.to_string();
        let site = self.deployment.sites.get(site).context("no such site")?;
        for (file, section) in [
            (&self.deployment.front_config, "certificates"),
            (&site.config, "front"),
        ] {
            change(file, section, |section| {
                section.insert("newcomers".to_owned(), address.clone().into());
            })?;
        }
        Ok(())
    }

    /// Runs one command of the authority, and gives what it printed.
    ///
    /// # Errors
    /// It did not go well; the error holds what it told.
    pub fn authority(&self, arguments: &[&str]) -> Result<String> {
        self.authority_before(0, arguments)
    }

    /// The same, as if it had been so many days ago (`faketime`).
    ///
    /// # Errors
    /// As for [`Job::authority`].
    pub fn authority_before(&self, days: u32, arguments: &[&str]) -> Result<String> {
        let program = self.programs.collector();
        let mut command = Command::new("faketime");
        command.arg(format!("{days} days ago"));
        if days == 0 {
            command = Command::new("env");
        }
        command.arg(program.get_program()).arg("ca").args(arguments);
        command.args(["--config", "ca.toml"]);
        command.current_dir(self.deployment.root.join("ca"));
        let output = command.output();
        let output = output.context("faketime (Debian package)")?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: {told}", output.status);
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Fetches, applies and answers letters at one site, without a run.
    pub fn run_orders(&self, site: usize) -> Result<Ended> {
        let site = self.deployment.sites.get(site).context("no such site")?;
        let mut command = self.programs.gateway();
        command.arg("orders").arg("--config").arg(&site.config);
        self.run(&mut command, &format!("{}-orders", site.source.site))
    }

    /// Makes a stop order at the core of what was entered, and gives its name.
    ///
    /// # Errors
    /// The core did not make it; the error holds what it told.
    pub fn order_stop(&self, site: usize, entered: &str, more: &[&str]) -> Result<String> {
        let site = self.deployment.sites.get(site).context("no such site")?;
        let mut command = self.programs.collector();
        command
            .arg("core")
            .arg("--config")
            .arg(&self.deployment.core_config);
        if let Some(seed) = self.deployment.seed {
            command.arg("--danger-fixed-seed").arg(seed.to_string());
        }
        command
            .args(["order-stop", "--site", &site.source.site])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let mut input = child.stdin.take().context("standard input")?;
        input.write_all(entered.as_bytes())?;
        drop(input);
        let output = child.wait_with_output()?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: {told}", output.status);
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Makes an emergency code at the core for an account of a site's page, and gives it.
    ///
    /// # Errors
    /// The core did not make it; the error holds what it told.
    pub fn emergency_code(&self, site: usize, account: &str) -> Result<String> {
        let site = self.deployment.sites.get(site).context("no such site")?;
        let mut command = self.programs.collector();
        command
            .arg("core")
            .arg("--config")
            .arg(&self.deployment.core_config);
        if let Some(seed) = self.deployment.seed {
            command.arg("--danger-fixed-seed").arg(seed.to_string());
        }
        command
            .args(["emergency-code", "--site", &site.source.site])
            .args(["--account", account, "--operator", "tanaka"]);
        let output = command.output()?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: {told}", output.status);
        let told = String::from_utf8(output.stdout)?;
        Ok(told.lines().last().context("no code")?.to_owned())
    }

    /// The stop orders of the core.
    pub fn orders(&self) -> Result<Value> {
        let ended = self.run_core(&["orders", "--json"])?;
        ensure!(ended.status.success(), "{}", ended.told);
        let begin = ended.told.find('[').context("no list")?;
        let end = ended.told.rfind(']').context("no list")?;
        Ok(serde_json::from_str(
            ended.told.get(begin..=end).context("no list")?,
        )?)
    }

    /// The log of the last run of one site's gateway.
    pub fn gateway_log(&self, site: usize) -> Result<PathBuf> {
        let site = self.deployment.sites.get(site).context("no such site")?;
        Ok(self.log(&site.source.site))
    }

    /// The folder of a release.
    pub fn release_folder(&self, release: &str) -> PathBuf {
        self.deployment.core_state.join("releases").join(release)
    }

    /// The person (research ID) of every (site, subject) at the core.
    pub fn links(&self) -> Result<BTreeMap<(String, String), String>> {
        let file = self.deployment.root.join("links.csv");
        let path = file.to_str().context("path")?;
        let ended = self.run_core(&["export-links", "--out", path])?;
        ensure!(ended.status.success(), "{}", ended.told);
        let text = fs::read_to_string(&file)?;
        let rows = text.lines().skip(1).map(|line| {
            let mut cells = line.split(',').map(str::to_owned);
            let mut cell = || cells.next().context("links.csv");
            Ok(((cell()?, cell()?), cell()?))
        });
        rows.collect()
    }

    fn gateway(&self, site: usize, arguments: &[&str]) -> Result<(Command, String)> {
        let site = self.deployment.sites.get(site).context("no such site")?;
        let name = site.source.site.clone();
        let mut command = match &self.refused_call {
            None => self.programs.gateway(),
            Some((call, error)) => {
                let mut strace = Command::new("strace");
                strace.args(["-f", "-qq", "-o", "/dev/null", "-e"]);
                strace.arg(format!("trace={call}"));
                strace.args(["-e", &format!("inject={call}:error={error}")]);
                strace.arg(self.programs.gateway().get_program());
                strace
            }
        };
        command.arg("run").arg("--config").arg(&site.config);
        command
            .arg("--report")
            .arg(self.report(&name))
            .args(arguments);
        command.env("RUST_LOG", "info");
        if let Some(user) = self.gateway_user {
            command.uid(user);
        }
        Ok((command, name))
    }

    fn run(&self, command: &mut Command, name: &str) -> Result<Ended> {
        let report = self.report(name);
        if report.exists() {
            fs::remove_file(&report)?;
        }
        let output = command
            .output()
            .with_context(|| format!("{:?}", command.get_program()))?;
        let told = [output.stdout, output.stderr].concat();
        fs::write(self.log(name), &told)?;
        let report = report.exists().then(|| read_json(&report)).transpose()?;
        let told = String::from_utf8_lossy(&told).into_owned();
        Ok(Ended {
            status: output.status,
            report,
            told,
        })
    }

    fn report(&self, name: &str) -> PathBuf {
        self.deployment.root.join(format!("{name}.json"))
    }

    fn log(&self, name: &str) -> PathBuf {
        self.deployment.root.join(format!("{name}.log"))
    }
}

fn read_json(path: &Path) -> Result<Value> {
    let text = fs::read(path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
}

/// Changes a section of a settings file.
///
/// # Errors
/// The file cannot be read or written, or has no such section.
pub fn change(file: &Path, section: &str, change: impl FnOnce(&mut toml::Table)) -> Result<()> {
    let mut settings: toml::Table = fs::read_to_string(file)?.parse()?;
    let found = settings
        .get_mut(section)
        .and_then(toml::Value::as_table_mut);
    change(found.context("no such section")?);
    fs::write(file, toml::to_string(&settings)?).context("settings")
}
