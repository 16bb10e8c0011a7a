//! Memory sticks that are put into the running device (C-06, A-122, B-085).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::json;

use super::check::READY;
use super::machine::{Machine, Setup};
use super::monitor::{self, Monitor};
use super::tool::Tool;
use super::write_log::Chance;

/// A start takes no longer, also when everything is slow.
const START: Duration = Duration::from_secs(900);
/// A port for sticks.
const PORT: [&str; 2] = ["-device", "qemu-xhci,id=port"];
const STICK_BYTES: u64 = 16 << 20;
/// What stands behind the first sectors of a FAT: its tables and the topmost folder.
const TABLES: std::ops::Range<usize> = 4 << 9..200 << 9;

const UNKNOWN: &str = "OTHER001";
const GOOD: &str = "GOOD0001";
const HOSTILE: &str = "HOSTILE1";

/// Two sticks of QEMU are registered.
fn list() -> String {
    let entry = |serial: &str| {
        format!(
            "[[media]]\\nvendor = \"46f4\"\\nproduct = \"0001\"\\nserial = \"{serial}\"\\n\
             filesystem = \"vfat\"\\n"
        )
    };
    format!("{}{}", entry(GOOD), entry(HOSTILE))
}

/// What would change if something took the stick.
const TAKEN: &str = "udevadm settle; busybox ls /sys/block; \
     busybox grep -E '^usb_storage ' /proc/modules; busybox cut -d' ' -f1,2 /proc/mounts";

/// A device with a port, and the line by which sticks are put in.
struct Port {
    machine: Machine,
    monitor: Monitor,
    folder: PathBuf,
}

/// As the image is, a stick is not even a disk. Once its module is let in, an unknown one is left
/// alone, a registered one is read and not written, a hostile one is refused, and the device goes
/// on.
///
/// # Errors
/// It is otherwise.
pub(super) fn sticks(folder: &Path, disk: &Path) -> anyhow::Result<String> {
    let setup = Setup {
        more: [monitor::ARGUMENTS, PORT]
            .concat()
            .iter()
            .map(|it| (*it).to_owned())
            .collect(),
        ..Setup::of(disk)
    };
    let mut machine = Machine::start(folder, &setup)?;
    let monitor = Monitor::open(folder)?;
    machine.next_line(READY, START)?;
    let mut port = Port {
        machine,
        monitor,
        folder: folder.to_owned(),
    };
    port.stick_is_no_disk()?;
    let ask = port.machine.ask(&format!(
        "printf '{}' >/etc/sekisho/media.toml && /usr/sbin/modprobe --ignore-install usb_storage",
        list()
    ));
    ask.context("a registered stick is let in")?;
    let cases = [
        (UNKNOWN, "ignored-unregistered", "media-ignored", false),
        (GOOD, "taken", "media-done", false),
        (HOSTILE, "refused-unreadable", "media-failed", true),
    ];
    for (number, (serial, word, notice, hostile)) in (1..).zip(cases) {
        let stick = port.stick(serial, hostile)?;
        let before = fs::read(&stick)?;
        port.plug(serial, &stick)?;
        let told = port.logged(number)?;
        ensure!(told == word, "{serial}: {told}, not {word}");
        let notices = port.machine.ask("busybox ls /run/sekisho/notices")?;
        ensure!(
            notices.trim() == notice,
            "{serial}: the panel is told {notices}"
        );
        port.unplug(serial)?;
        ensure!(fs::read(&stick)? == before, "{serial} was written to");
    }
    let kept = port
        .machine
        .ask("busybox cat /var/lib/sekisho/media/inbox/*/note.txt")?;
    ensure!(kept.trim() == GOOD, "of the registered stick came {kept}");
    let state = port.machine.ask("systemctl is-system-running")?;
    ensure!(state.trim() == "running", "after the sticks: {state}");
    Ok("sticks: no disk, left alone, read, refused".to_owned())
}

impl Port {
    fn stick_is_no_disk(&mut self) -> anyhow::Result<()> {
        const SERIAL: &str = "BLOCKED1";
        let before = self.machine.ask(&format!("{TAKEN}; true"))?;
        let stick = self.stick(SERIAL, false)?;
        self.plug(SERIAL, &stick)?;
        self.machine.ask(&format!(
            "until journalctl -b -k -o cat | busybox grep -q {SERIAL}; \
             do echo .; busybox sleep 1; done"
        ))?;
        let after = self.machine.ask(&format!("{TAKEN}; true"))?;
        ensure!(after == before, "with a stick: {after}\nbefore: {before}");
        self.unplug(SERIAL)
    }

    /// Makes a stick with one file, or one whose tables are noise.
    fn stick(&self, serial: &str, hostile: bool) -> anyhow::Result<PathBuf> {
        let stick = self.folder.join(format!("{serial}.img"));
        fs::File::create(&stick)?.set_len(STICK_BYTES)?;
        let mut format = Command::new("mkfs.vfat");
        Tool(format.arg(&stick)).run()?;
        let note = self.folder.join("note.txt");
        fs::write(&note, serial)?;
        let mut copy = Command::new("mcopy");
        Tool(copy.arg("-i").arg(&stick).arg(&note).arg("::note.txt")).run()?;
        if hostile {
            let mut bytes = fs::read(&stick)?;
            let mut chance = Chance(1);
            for byte in bytes.get_mut(TABLES).context("a stick")? {
                *byte = chance.next().to_le_bytes()[0];
            }
            fs::write(&stick, bytes)?;
        }
        Ok(stick)
    }

    fn plug(&mut self, serial: &str, stick: &Path) -> anyhow::Result<()> {
        let file = std::path::absolute(stick)?;
        let node = json!({ "driver": "file", "filename": file, "node-name": serial });
        self.monitor.tell("blockdev-add", node)?;
        let device = json!({
            "driver": "usb-storage", "bus": "port.0", "drive": serial, "id": serial,
            "serial": serial,
        });
        self.monitor.tell("device_add", device).map(drop)
    }

    fn unplug(&mut self, serial: &str) -> anyhow::Result<()> {
        self.monitor.tell("device_del", json!({ "id": serial }))?;
        self.monitor.wait_for("DEVICE_DELETED", Some(serial))?;
        self.monitor
            .tell("blockdev-del", json!({ "node-name": serial }))?;
        let gone = "until [ -z \"$(busybox ls /run/sekisho/notices)\" ]; \
             do echo .; busybox sleep 1; done";
        self.machine.ask(gone).map(drop)
    }

    /// The word of this line of the log, once it is there.
    fn logged(&mut self, line: u32) -> anyhow::Result<String> {
        let word = format!(
            "busybox sed -n '{line}s/^[0-9]* \\([a-z-]*\\) .*/\\1/p' \
             /var/lib/sekisho/media/media.log 2>/dev/null"
        );
        let said = self.machine.ask(&format!(
            "until [ -n \"$({word})\" ]; do echo .; busybox sleep 1; done; {word}"
        ))?;
        Ok(said.lines().last().unwrap_or_default().to_owned())
    }
}
