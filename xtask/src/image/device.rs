//! A device that takes updates from a server on this machine, driven as its timer and its people
//! would, and looked into by the probe.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::machine::{Machine, Setup};
use crate::Workspace;

/// Where the machine reaches this one's loopback.
const HOST: &str = "10.0.4.2";
/// Where the gateway keeps what it is known by on the line.
const CERTIFICATE: &str = "/var/lib/sekisho/gateway/certificate";
/// A start under emulation, on a machine that does something else as well.
pub(crate) const START: Duration = Duration::from_secs(600);
/// Most bytes of a file that are written at once: a line of a terminal has 4095, and each byte
/// takes five of them.
const PART: usize = 700;

/// Where the server is, and what the device needs to be taken by it.
pub(crate) struct Service<'a> {
    pub(crate) workspace: &'a Workspace,
    /// On the loopback of this machine.
    pub(crate) address: SocketAddr,
    /// The folder with `authority.pem`, `device.pem` and `device.key`.
    pub(crate) keys: &'a Path,
}

/// A device.
pub(crate) struct Device {
    pub(crate) machine: Machine,
    pub(crate) folder: PathBuf,
}

/// A machine that starts again by itself and reaches the server.
pub(crate) fn setup(disk: &Path, write_log: bool) -> Setup<'_> {
    Setup {
        once: false,
        reaches_host: true,
        write_log,
        ..Setup::of(disk)
    }
}

impl Device {
    /// Starts a device for the first time and gives it the settings of a site.
    ///
    /// # Errors
    /// It does not start, or does not take them.
    pub(crate) fn first(folder: &Path, disk: &Path, service: &Service<'_>) -> anyhow::Result<Self> {
        let machine = Machine::start(folder, &setup(disk, true))?;
        let mut device = Self {
            machine,
            folder: folder.to_owned(),
        };
        device.ready()?;
        device.settle()?;
        device.settings(service)?;
        Ok(device)
    }

    /// Waits for the next start to come to its end; version and slot.
    ///
    /// # Errors
    /// It does not.
    pub(crate) fn ready(&mut self) -> anyhow::Result<(String, String)> {
        self.ready_within(START)
    }

    /// The same, over several starts.
    ///
    /// # Errors
    /// It does not.
    pub(crate) fn ready_within(&mut self, patience: Duration) -> anyhow::Result<(String, String)> {
        let line = self.machine.next_line(" ready, slot ", patience)?;
        let said = line.rsplit_once("Sekisho ").map_or("", |(_, said)| said);
        let (version, slot) = said.split_once(" ready, slot ").context("ready")?;
        Ok((version.to_owned(), slot.trim().to_owned()))
    }

    /// Waits until everything has started, the health gate and what blesses the entry included.
    ///
    /// # Errors
    /// The probe does not answer.
    pub(crate) fn settle(&mut self) -> anyhow::Result<()> {
        let wait = "systemctl is-system-running --wait >/dev/null; true";
        self.machine.ask(wait).map(drop)
    }

    /// Looks for an update, as the timer of the night does.
    ///
    /// # Errors
    /// The probe does not answer.
    pub(crate) fn look_for_updates(&mut self) -> anyhow::Result<()> {
        let look = self.machine.ask("systemctl start sekisho-update.service");
        look.map(drop).with_context(|| self.journal())
    }

    /// The stage of the record of updates.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn stage(&mut self) -> anyhow::Result<Value> {
        let text = self
            .machine
            .ask("busybox cat /var/lib/sekisho/update/update.json")?;
        let mut record: Value = serde_json::from_str(&text).context("update.json")?;
        Ok(record.get_mut("stage").context("stage")?.take())
    }

    /// The names of its boot entries, sorted.
    ///
    /// # Errors
    /// The probe does not answer.
    pub(crate) fn entries(&mut self) -> anyhow::Result<Vec<String>> {
        let text = self.machine.ask("busybox ls -1 /efi/EFI/Linux")?;
        let mut names: Vec<String> = text.lines().map(|it| it.trim().to_owned()).collect();
        names.sort();
        Ok(names)
    }

    /// What the journal says of updates in this start, for a message.
    pub(crate) fn journal(&mut self) -> String {
        let units = "-u 'sekisho-update*' -u sekisho-health-gate -u systemd-bless-boot";
        let command = format!("journalctl --no-pager -b -o cat {units} | busybox tail -n 60");
        self.machine
            .ask(&command)
            .unwrap_or_else(|error| error.to_string())
    }

    /// Writes a file on the device.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn put(&mut self, path: &str, text: &str) -> anyhow::Result<()> {
        self.machine.ask(&format!("busybox rm -f {path}"))?;
        let bytes: Vec<u8> = text.bytes().collect();
        for part in bytes.chunks(PART) {
            let mut written = String::new();
            for byte in part {
                // Writing to a text does not fail.
                let _ = write!(written, "\\0{byte:03o}");
            }
            self.machine
                .ask(&format!("busybox printf '%b' '{written}' >>{path}"))?;
        }
        Ok(())
    }

    /// Settings of updates, the key of the device, what its units may reach, and the firewall as
    /// the gateway writes it.
    fn settings(&mut self, service: &Service<'_>) -> anyhow::Result<()> {
        let example = |name: &str| {
            let path = service.workspace.root.join(name);
            fs::read_to_string(&path).with_context(|| path.display().to_string())
        };
        let server = format!("{HOST}:{}", service.address.port());
        let update = adapted(
            &example("systemd/examples/update.toml")?,
            &[
                ("10.0.0.12:8443", &server),
                ("updates.sekisho.internal", updates::NAME),
                ("bytes_per_second = 500000\n", ""),
                (
                    "from = \"03:00\"\nuntil = \"05:00\"",
                    "from = \"00:00\"\nuntil = \"00:00\"",
                ),
                ("spool = \"/run/sekisho/spool-check/well\"\n", ""),
                (
                    "settings = [\"/usr/bin/sekisho-gateway\", \"check\", \"--config\", \
              \"/etc/sekisho/gateway.toml\"]\n",
                    "",
                ),
                ("page = \"192.168.10.5:8443\"\n", ""),
                ("seconds = 120", &format!("seconds = {GATE_SECONDS}")),
            ],
        )?;
        self.put("/etc/sekisho/update.toml", &update)?;
        let read = |name: &str| fs::read_to_string(service.keys.join(name)).context("keys");
        self.put("/etc/sekisho/authority.pem", &read("authority.pem")?)?;
        self.machine
            .ask(&format!("busybox mkdir -p -m 0700 {CERTIFICATE}"))?;
        // Chain and key of the line stand together, as after an enrolment without a TPM.
        let line = read("device.pem")? + &read("device.key")?;
        self.put(&format!("{CERTIFICATE}/current.pem"), &line)?;
        let host = format!("{HOST}/32");
        for (example_name, unit) in [
            ("source.conf", "sekisho-update.service.d"),
            ("gate.conf", "sekisho-health-gate.service.d"),
        ] {
            let text = example(&format!("systemd/examples/{example_name}"))?;
            let text = adapted(&text, &[("10.0.0.12/32", &host)])?;
            self.machine
                .ask(&format!("busybox mkdir -p /etc/sekisho/units/{unit}"))?;
            self.put(&format!("/etc/sekisho/units/{unit}/{example_name}"), &text)?;
        }
        let gateway = adapted(
            &without_remarks(&example("config/examples/gateway.toml")?),
            &[("\"tcp 192.168.10.20:445\"", &format!("\"tcp {server}\""))],
        )?;
        self.put("/tmp/gateway.toml", &gateway)?;
        self.machine.ask(
            "sekisho-gateway network --config /tmp/gateway.toml --write /tmp/network >/dev/null && \
             busybox cp /tmp/network/nftables.d/sekisho.nft /etc/nftables.d/ && \
             systemctl daemon-reload && systemctl restart sekisho-firewall.service && busybox sync",
        )?;
        Ok(())
    }
}

/// Seconds of the health gate: fewer than on a device, whose three tries would be most of the test.
pub(crate) const GATE_SECONDS: u16 = 40;

/// An example with the values of this test; each place has to be there.
fn adapted(text: &str, places: &[(&str, &str)]) -> anyhow::Result<String> {
    let mut text = text.to_owned();
    for (from, to) in places {
        ensure!(text.contains(from), "an example without `{from}`");
        text = text.replace(from, to);
    }
    Ok(text)
}

/// Settings without their remarks, which are most of them.
fn without_remarks(text: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.flat_map(|line| [line, "\n"]).collect()
}
