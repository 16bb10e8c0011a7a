//! The line to QEMU itself (QMP): plugs things in and hears what happens to the machine.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

/// What QEMU is told so that there is such a line, in the folder of the machine.
pub(crate) const ARGUMENTS: [&str; 2] = ["-qmp", "unix:monitor,server=on,wait=off"];

/// No answer or event takes longer.
const PATIENCE: Duration = Duration::from_secs(600);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// An open line.
pub(crate) struct Monitor {
    line: BufReader<UnixStream>,
    /// Events that nobody has waited for yet.
    events: Vec<Value>,
}

impl Monitor {
    /// Opens the line to the machine in `folder`.
    ///
    /// # Errors
    /// QEMU does not answer.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let begin = Instant::now();
        let socket = loop {
            match UnixStream::connect(folder.join("monitor")) {
                Ok(socket) => break socket,
                Err(_) if begin.elapsed() < PATIENCE => sleep(LOOK_AGAIN),
                Err(error) => return Err(error).context("the monitor of QEMU"),
            }
        };
        socket.set_read_timeout(Some(PATIENCE))?;
        let mut monitor = Self {
            line: BufReader::new(socket),
            events: Vec::new(),
        };
        monitor.next()?;
        monitor.tell("qmp_capabilities", json!({}))?;
        Ok(monitor)
    }

    /// Has QEMU do something; what it answers.
    ///
    /// # Errors
    /// It does not do it.
    pub(crate) fn tell(&mut self, command: &str, arguments: Value) -> anyhow::Result<Value> {
        let line = json!({ "execute": command, "arguments": arguments });
        writeln!(self.line.get_mut(), "{line}").context("the monitor of QEMU")?;
        loop {
            let said = self.next()?;
            if let Some(error) = said.get("error") {
                bail!("QEMU refuses {command}: {error}");
            }
            if let Some(answer) = said.get("return") {
                return Ok(answer.clone());
            }
            self.note(&said);
        }
    }

    /// Waits until something of this name has happened, to this device where one is named, since
    /// it was last waited for.
    ///
    /// # Errors
    /// It does not happen for too long.
    pub(crate) fn wait_for(&mut self, event: &str, device: Option<&str>) -> anyhow::Result<()> {
        let named = |said: &Value, place: &str| {
            let name = said.pointer(place).and_then(Value::as_str);
            name.map(str::to_owned)
        };
        let meant = |said: &Value| {
            named(said, "/event").as_deref() == Some(event)
                && (device.is_none() || named(said, "/data/device").as_deref() == device)
        };
        loop {
            if let Some(at) = self.events.iter().position(meant) {
                self.events.remove(at);
                return Ok(());
            }
            let said = self.next().with_context(|| format!("no event {event}"))?;
            self.note(&said);
        }
    }

    fn note(&mut self, said: &Value) {
        if said.get("event").is_some() {
            self.events.push(said.clone());
        }
    }

    fn next(&mut self) -> anyhow::Result<Value> {
        let mut text = String::new();
        let read = self.line.read_line(&mut text);
        ensure!(read.context("the monitor of QEMU")? > 0, "QEMU has ended");
        Ok(serde_json::from_str(&text)?)
    }
}
