//! A machine in software (QEMU without hardware virtualisation) that boots an image.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use super::scan::Wire;
use super::tool::Tool;

/// A machine that has said nothing for so long will not say it any more.
const PATIENCE: Duration = Duration::from_secs(240);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The bytes of a machine's disk.
pub(crate) const DISK: u64 = 1 << 30;

/// The log of what was written to the disk, in the folder of the machine.
pub(crate) const WRITE_LOG: &str = "disk.log";

const FIRMWARE: &str = "/usr/share/OVMF/";

/// What a board tells of itself, at each start the same.
const BOARD_UUID: &str = "5e715401-0000-4000-8000-000000000001";

/// How a machine is put together.
pub(crate) struct Setup<'a> {
    /// The disk; the machine writes to a copy.
    pub(crate) disk: &'a Path,
    /// Whether the firmware starts only what is signed.
    pub(crate) secure_boot: bool,
    /// The wires of the cards `lan0` and `wan0`; without them both are in a network of their own
    /// that gives out addresses and leads nowhere.
    pub(crate) wires: Option<&'a [Wire; 2]>,
    /// Whether a restart ends the machine, so that a test sees it.
    pub(crate) once: bool,
    /// Whether the machine reaches what listens on this one's loopback, at the second address of
    /// either card's network (`10.0.3.2`, `10.0.4.2`).
    pub(crate) reaches_host: bool,
    /// Whether everything that is written to the disk is kept in `disk.log`
    /// ([`super::write_log`]).
    pub(crate) write_log: bool,
    /// What else QEMU is told.
    pub(crate) more: Vec<String>,
}

impl<'a> Setup<'a> {
    /// A machine with this disk: any loader starts, nothing is reached, a restart ends it.
    pub(crate) fn of(disk: &'a Path) -> Self {
        Self {
            disk,
            secure_boot: false,
            wires: None,
            once: true,
            reaches_host: false,
            write_log: false,
            more: Vec::new(),
        }
    }
}

/// A running machine. It ends when it is dropped.
pub(crate) struct Machine {
    qemu: Child,
    /// The TPM, a program of its own; its state is in the folder of the machine.
    tpm: Child,
    folder: PathBuf,
    /// The line to the probe of the image for tests.
    probe: UnixStream,
    /// Whether the probe of this start has answered.
    greeted: bool,
    /// How many bytes of the console [`Self::next_line`] has gone through.
    seen: usize,
}

impl Machine {
    /// Puts a machine together in `folder` and starts it.
    ///
    /// # Errors
    /// QEMU or the firmware is missing, or the disk cannot be copied.
    pub(crate) fn start(folder: &Path, setup: &Setup<'_>) -> anyhow::Result<Self> {
        Self::assemble(folder, setup)?;
        Self::power_on(folder, setup)
    }

    /// Puts a machine together in `folder`.
    ///
    /// # Errors
    /// The firmware is missing, or the disk cannot be copied.
    pub(crate) fn assemble(folder: &Path, setup: &Setup<'_>) -> anyhow::Result<()> {
        if folder.exists() {
            fs::remove_dir_all(folder).context("the machine of an earlier run")?;
        }
        fs::create_dir_all(folder).context("folder of the machine")?;
        let disk = folder.join("disk.img");
        let mut copy = Command::new("cp");
        copy.args(["--sparse=always", "--reflink=auto"])
            .arg(setup.disk);
        Tool(copy.arg(&disk)).run()?;
        // A device has a larger disk than the image.
        fs::OpenOptions::new()
            .write(true)
            .open(&disk)?
            .set_len(DISK)?;
        let kind = if setup.secure_boot { ".snakeoil" } else { "" };
        let variables = format!("{FIRMWARE}OVMF_VARS_4M{kind}.fd");
        fs::copy(&variables, folder.join("variables.fd"))
            .with_context(|| format!("{variables}: apt-get install ovmf"))?;
        Ok(())
    }

    /// Starts the machine that is in `folder`, with the disk as it is.
    ///
    /// # Errors
    /// QEMU is missing.
    pub(crate) fn power_on(folder: &Path, setup: &Setup<'_>) -> anyhow::Result<Self> {
        let console = folder.join("console.log");
        if console.exists() {
            fs::remove_file(&console).context("the console of an earlier start")?;
        }
        if setup.write_log {
            fs::File::create(folder.join(WRITE_LOG)).context("the log of writes")?;
        }
        let tpm = tpm(folder)?;
        let mut command = Command::new("qemu-system-x86_64");
        command
            .args(["-accel", "tcg", "-smp", "1", "-m", "512", "-nodefaults"])
            .args(["-uuid", BOARD_UUID])
            .args(["-display", "none", "-cpu"])
            .arg("qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+rdrand")
            .args(firmware(setup.secure_boot))
            .args(disk(setup))
            .args(["-device", "virtio-blk-pci,drive=disk,bootindex=1"])
            .args(["-chardev", "file,id=console,path=console.log"])
            .args(["-serial", "chardev:console"])
            .args(["-chardev", "socket,id=probe,path=probe,server=on,wait=off"])
            .args(["-serial", "chardev:probe"])
            .args(cards(setup))
            .args(["-device", "virtio-rng-pci"])
            .args(["-chardev", "socket,id=tpm,path=tpm"])
            .args(["-tpmdev", "emulator,id=tpm,chardev=tpm"])
            .args(["-device", "tpm-tis,tpmdev=tpm"])
            .args(["-device", "i6300esb", "-action", "watchdog=reset"])
            .args(setup.once.then_some("-no-reboot"))
            .args(&setup.more)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("qemu.log"))?);
        let qemu = command
            .spawn()
            .context("qemu-system-x86_64 cannot be started: apt-get install qemu-system-x86")?;
        let probe = connect(&folder.join("probe"))?;
        Ok(Self {
            qemu,
            tpm,
            folder: folder.to_owned(),
            probe,
            greeted: false,
            seen: 0,
        })
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the console has shown so far.
    pub(crate) fn console(&self) -> String {
        let bytes = fs::read(self.folder.join("console.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until the console shows `text`.
    ///
    /// # Errors
    /// The machine ends before, or says nothing of it for too long.
    pub(crate) fn wait_for(&mut self, text: &str) -> anyhow::Result<Duration> {
        self.wait_long_for(text, PATIENCE)
    }

    /// Waits so long until the console shows `text`.
    ///
    /// # Errors
    /// See [`Machine::wait_for`].
    pub(crate) fn wait_long_for(
        &mut self,
        text: &str,
        patience: Duration,
    ) -> anyhow::Result<Duration> {
        let begin = Instant::now();
        loop {
            if self.console().contains(text) {
                return Ok(begin.elapsed());
            }
            if let Some(status) = self.qemu.try_wait()? {
                bail!("ended ({status}) before `{text}`:\n{}", self.last_words());
            }
            ensure!(
                begin.elapsed() < patience,
                "no `{text}` on the console:\n{}",
                self.last_words()
            );
            sleep(LOOK_AGAIN);
        }
    }

    /// Waits for the next line of the console with `text` in it, also over restarts, and gives it.
    ///
    /// # Errors
    /// The machine ends before, or says nothing of it for as long as `patience`.
    pub(crate) fn next_line(&mut self, text: &str, patience: Duration) -> anyhow::Result<String> {
        let begin = Instant::now();
        loop {
            let console = fs::read(self.folder.join("console.log")).unwrap_or_default();
            let mut end = self.seen;
            for line in console
                .get(end..)
                .unwrap_or_default()
                .split_inclusive(|it| *it == b'\n')
            {
                end += line.len();
                let line = String::from_utf8_lossy(line);
                if line.ends_with('\n') && line.contains(text) {
                    self.seen = end;
                    // Whoever answered before may be gone with a restart.
                    self.greeted = false;
                    return Ok(line.trim().to_owned());
                }
            }
            if let Some(status) = self.qemu.try_wait()? {
                bail!("ended ({status}) before `{text}`:\n{}", self.last_words());
            }
            ensure!(
                begin.elapsed() < patience,
                "no `{text}` on the console:\n{}",
                self.last_words()
            );
            sleep(LOOK_AGAIN);
        }
    }

    /// The end of the console, while the machine runs.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn still_runs(&mut self) -> anyhow::Result<String> {
        match self.qemu.try_wait()? {
            None => Ok(self.last_words()),
            Some(status) => bail!("the machine ended ({status}):\n{}", self.last_words()),
        }
    }

    /// Waits until the machine ends by itself.
    ///
    /// # Errors
    /// It goes on for too long.
    pub(crate) fn wait_for_end(&mut self) -> anyhow::Result<ExitStatus> {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.qemu.try_wait()? {
                return Ok(status);
            }
            ensure!(
                begin.elapsed() < PATIENCE,
                "the machine goes on:\n{}",
                self.last_words()
            );
            sleep(LOOK_AGAIN);
        }
    }

    /// Asks the probe of the image for tests: runs `command` in the machine and gives its output.
    ///
    /// # Errors
    /// The probe does not answer, or the command ends with another status than 0.
    pub(crate) fn ask(&mut self, command: &str) -> anyhow::Result<String> {
        if !self.greeted {
            greet(&mut self.probe)?;
            self.greeted = true;
        }
        let (text, status) = exchange(&mut self.probe, command)?;
        ensure!(status == "0", "`{command}` ended with {status}: {text}");
        Ok(text)
    }

    /// Ends the machine as a power cut does.
    ///
    /// # Errors
    /// It cannot be ended.
    pub(crate) fn cut(&mut self) -> anyhow::Result<()> {
        self.qemu.kill().context("the machine cannot be ended")?;
        self.qemu.wait().map(drop).context("the machine")?;
        // It ends with the machine, or has not been asked anything.
        let _ = self.tpm.kill();
        self.tpm.wait().map(drop).context("the TPM")
    }

    /// The end of the console, for a message.
    fn last_words(&self) -> String {
        let console = self.console();
        let lines: Vec<&str> = console.lines().collect();
        let from = lines.len().saturating_sub(25);
        lines.get(from..).unwrap_or_default().join("\n")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.cut();
    }
}

/// The disk, called `disk`.
fn disk(setup: &Setup<'_>) -> Vec<String> {
    if !setup.write_log {
        let disk = "file=disk.img,format=raw,if=none,id=disk";
        return vec!["-drive".to_owned(), disk.to_owned()];
    }
    let files = [("disk.img", "plain-disk"), (WRITE_LOG, "log")]
        .map(|(file, name)| format!("driver=file,filename={file},node-name={name}"));
    let filter = "driver=blklogwrites,node-name=disk,file=plain-disk,log=log";
    let nodes = files.into_iter().chain([filter.to_owned()]);
    nodes
        .flat_map(|node| ["-blockdev".to_owned(), node])
        .collect()
}

/// The two network cards, at the places that the image names.
fn cards(setup: &Setup<'_>) -> Vec<String> {
    let mut arguments = Vec::new();
    let restrict = if setup.reaches_host { "off" } else { "on" };
    for (at, (name, place)) in [("lan", 3), ("wan", 4)].into_iter().enumerate() {
        let wire = setup.wires.and_then(|wires| wires.get(at));
        let (network, mac) = match wire {
            Some(wire) => (wire.netdev(), format!(",mac={}", wire.mac())),
            None => (
                format!("user,restrict={restrict},net=10.0.{place}.0/24"),
                String::new(),
            ),
        };
        let card = format!("virtio-net-pci,netdev={name},romfile=,addr={place}{mac}");
        let network = format!("{network},id={name}");
        arguments.extend(["-netdev".to_owned(), network, "-device".to_owned(), card]);
    }
    arguments
}

/// Starts the TPM of the machine in `folder`.
fn tpm(folder: &Path) -> anyhow::Result<Child> {
    let state = std::path::absolute(folder.join("tpm-state"))?;
    fs::create_dir_all(&state).context("state of the TPM")?;
    let socket = folder.join("tpm");
    if socket.exists() {
        fs::remove_file(&socket).context("socket of the TPM")?;
    }
    let tpm = Command::new("swtpm")
        .args(["socket", "--tpm2", "--tpmstate"])
        .arg(format!("dir={}", state.display()))
        .args(["--ctrl", "type=unixio,path=tpm"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("swtpm cannot be started: apt-get install swtpm")?;
    let begin = Instant::now();
    while !socket.exists() {
        ensure!(begin.elapsed() < PATIENCE, "swtpm makes no socket");
        sleep(LOOK_AGAIN);
    }
    Ok(tpm)
}

/// Firmware with or without Secure Boot; the variables are the machine's own copy.
fn firmware(secure_boot: bool) -> Vec<String> {
    let (machine, code) = if secure_boot {
        ("q35,smm=on", "OVMF_CODE_4M.secboot.fd")
    } else {
        ("q35,smm=off", "OVMF_CODE_4M.fd")
    };
    let mut arguments = vec![
        "-machine".to_owned(),
        machine.to_owned(),
        "-drive".to_owned(),
        format!("if=pflash,unit=0,readonly=on,format=raw,file={FIRMWARE}{code}"),
        "-drive".to_owned(),
        "if=pflash,unit=1,format=raw,file=variables.fd".to_owned(),
    ];
    if secure_boot {
        let secure = "driver=cfi.pflash01,property=secure,value=on";
        arguments.extend(["-global".to_owned(), secure.to_owned()]);
    }
    arguments
}

/// The line to the probe, from before the machine says anything on it.
fn connect(socket: &Path) -> anyhow::Result<UnixStream> {
    let begin = Instant::now();
    loop {
        match UnixStream::connect(socket) {
            Ok(line) => {
                line.set_read_timeout(Some(PATIENCE))?;
                return Ok(line);
            }
            Err(_) if begin.elapsed() < PATIENCE => sleep(LOOK_AGAIN),
            Err(error) => return Err(error).context("the machine has not started"),
        }
    }
}

/// Types a sum until the probe gives the right answer to the last one: before that, what is typed
/// may be lost or come back as an echo, and what is heard may be of an earlier start.
fn greet(line: &mut UnixStream) -> anyhow::Result<()> {
    const PAUSE: Duration = Duration::from_secs(2);
    let begin = Instant::now();
    line.set_read_timeout(Some(PAUSE))?;
    let mut heard = Vec::new();
    for number in 1.. {
        writeln!(line, "echo HELLO-$((1000000 + {number}))").context("probe")?;
        let answer = format!("HELLO-{}\n", 1_000_000 + number);
        let asked = Instant::now();
        let mut byte = [0];
        while asked.elapsed() < PAUSE && !heard.ends_with(answer.as_bytes()) {
            match line.read(&mut byte) {
                Ok(0) => bail!("the probe has ended"),
                Ok(_) => heard.push(byte[0]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error).context("the probe"),
            }
        }
        if heard.ends_with(answer.as_bytes()) {
            break;
        }
        ensure!(begin.elapsed() < PATIENCE, "the probe does not answer");
    }
    line.set_read_timeout(Some(PATIENCE))?;
    Ok(())
}

/// Types a command and reads until its end; output and status.
fn exchange(line: &mut UnixStream, command: &str) -> anyhow::Result<(String, String)> {
    const END: &str = "END-OF-ANSWER ";
    writeln!(line, "{command}; echo {END}$?").context("probe")?;
    let said = read_until(line, END)?;
    let status = read_until(line, "\n")?;
    Ok((said, status.trim().to_owned()))
}

/// Reads up to `end`; what stood before it.
fn read_until(line: &mut UnixStream, end: &str) -> anyhow::Result<String> {
    let mut said = Vec::new();
    let mut byte = [0];
    while !said.ends_with(end.as_bytes()) {
        let read = line.read(&mut byte).context("the probe does not answer")?;
        ensure!(read > 0, "the probe has ended");
        said.extend_from_slice(&byte);
    }
    said.truncate(said.len() - end.len());
    Ok(String::from_utf8_lossy(&said).into_owned())
}
