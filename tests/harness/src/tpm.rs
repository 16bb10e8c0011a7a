//! A TPM in software (swtpm), and the key service in front of it, as systemd starts it: one process
//! for each connection.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// A board's TPM: what it keeps stands in its folder, and it can be turned off and on.
pub struct Tpm {
    folder: PathBuf,
    process: Option<Child>,
}

impl Tpm {
    /// A new one, turned on. Its folder may not be long: a socket stands in it.
    ///
    /// # Errors
    /// `swtpm` (Debian package) is missing, or does not start.
    pub fn new(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let mut tpm = Self {
            folder: folder.to_owned(),
            process: None,
        };
        tpm.turn_on()?;
        Ok(tpm)
    }

    /// Where it hears commands.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.join("tpm")
    }

    /// Starts it with what it kept.
    ///
    /// # Errors
    /// See [`Tpm::new`].
    pub fn turn_on(&mut self) -> Result<()> {
        self.turn_off()?;
        let state = format!("dir={}", self.folder.display());
        let server = format!("type=unixio,path={}", self.socket().display());
        let mut command = Command::new("swtpm");
        command.args(["socket", "--tpm2", "--tpmstate", &state]);
        command.args(["--server", &server]);
        command.args(["--flags", "not-need-init,startup-clear"]);
        // It tells of each call on its standard error.
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.process = Some(command.spawn().context("swtpm (Debian package)")?);
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.socket().exists() {
            ensure!(Instant::now() < deadline, "swtpm does not listen");
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Takes it away, as a board without power.
    ///
    /// # Errors
    /// The process cannot be ended.
    pub fn turn_off(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
            process.wait()?;
        }
        match fs::remove_file(self.socket()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Gives it one command as it is, and takes the answer.
    ///
    /// # Errors
    /// It does not answer.
    pub fn command(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let mut line = UnixStream::connect(self.socket())?;
        line.set_read_timeout(Some(Duration::from_secs(20)))?;
        line.write_all(bytes)?;
        let mut answer = vec![0; 10];
        line.read_exact(&mut answer)?;
        let size = tpm::size_of(&answer)?.context("no size")?;
        answer.resize(size, 0);
        line.read_exact(answer.get_mut(10..).context("no size")?)?;
        Ok(answer)
    }

    /// What its owner does in the firmware's menu: everything under the owner's keys is void.
    ///
    /// # Errors
    /// It refuses.
    pub fn clear(&self) -> Result<()> {
        // TPM2_Clear with the empty password of lockout (Part 3, section 24.6).
        let command = [
            0x80, 0x02, 0, 0, 0, 27, 0, 0, 0x01, 0x26, 0x40, 0, 0, 0x0a, 0, 0, 0, 9, 0x40, 0, 0, 9,
            0, 0, 0, 0, 0,
        ];
        let answer = self.command(&command)?;
        let code = tpm::Answer::read(&answer)?.code();
        ensure!(code == 0, "TPM2_Clear: 0x{code:03x}");
        Ok(())
    }
}

impl Drop for Tpm {
    fn drop(&mut self) {
        // Nothing is left to tell that it could not be ended.
        let _ = self.turn_off();
    }
}

/// The socket of the key service.
pub struct KeyService {
    socket: PathBuf,
    ends: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

impl KeyService {
    /// Listens at `socket`, and starts the program for whoever connects.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn start(program: &Path, tpm: &Path, socket: &Path) -> Result<Self> {
        let listener = UnixListener::bind(socket)?;
        let ends = Arc::new(AtomicBool::new(false));
        let (program, tpm, seen) = (program.to_owned(), tpm.to_owned(), Arc::clone(&ends));
        let listening = std::thread::spawn(move || {
            for caller in listener.incoming() {
                if seen.load(Ordering::SeqCst) {
                    return;
                }
                // Who is not answered sees that.
                let _ = caller.map(|caller| answer(&program, &tpm, caller));
            }
        });
        Ok(Self {
            socket: socket.to_owned(),
            ends,
            listening: Some(listening),
        })
    }

    /// Where callers connect.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

fn answer(program: &Path, tpm: &Path, caller: UnixStream) -> Result<()> {
    let mut command = Command::new(program);
    command.arg("answer").arg("--tpm").arg(tpm);
    command.stdin(Stdio::from(OwnedFd::from(caller)));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    // One after the other: a TPM in software has no resource manager.
    command.spawn()?.wait()?;
    Ok(())
}

impl Drop for KeyService {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        // Wakes the listener; what cannot be woken ends with the test.
        let woken = UnixStream::connect(&self.socket).is_ok();
        if let Some(listening) = self.listening.take().filter(|_| woken) {
            let _ = listening.join();
        }
        let _ = fs::remove_file(&self.socket);
    }
}
