//! The product's programs as child processes: started, watched, killed.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// Where the built programs are.
#[derive(Debug, Clone)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// The programs in a folder of build results.
    ///
    /// # Errors
    /// A program is not there; the error says how to build it.
    pub fn in_folder(folder: &Path) -> Result<Self> {
        for name in ["sekisho-gateway", "sekisho-collector"] {
            let path = folder.join(name);
            ensure!(
                path.is_file(),
                "{} is missing: cargo build --workspace --bins",
                path.display()
            );
        }
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// The programs beside the running test, which cargo put one folder deeper.
    ///
    /// # Errors
    /// See [`Programs::in_folder`].
    pub fn beside_test() -> Result<Self> {
        let test = std::env::current_exe()?;
        let folder = test
            .parent()
            .and_then(Path::parent)
            .context("folder of the test")?;
        Self::in_folder(folder)
    }

    /// The programs of any build near the running program: they make keys and certificates, for
    /// which every build will do.
    ///
    /// # Errors
    /// None is built.
    pub fn nearby() -> Result<Self> {
        let own = std::env::current_exe()?;
        let folders = own.ancestors().skip(1).take(2);
        let candidates = folders.flat_map(|folder| {
            let beside = |name| folder.parent().map(|target| target.join(name));
            [Some(folder.to_owned()), beside("debug"), beside("release")]
        });
        candidates
            .flatten()
            .find_map(|folder| Self::in_folder(&folder).ok())
            .context("no built programs: cargo build --workspace --bins")
    }

    /// The same programs copied to a folder where any user can run them.
    ///
    /// # Errors
    /// They cannot be copied.
    pub fn copied_to(&self, folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        for name in ["sekisho-gateway", "sekisho-collector"] {
            std::fs::copy(self.folder.join(name), folder.join(name))?;
        }
        Self::in_folder(folder)
    }

    /// A command that runs the gateway.
    pub fn gateway(&self) -> Command {
        Command::new(self.folder.join("sekisho-gateway"))
    }

    /// A command that runs the agent.
    pub fn agent(&self) -> Command {
        Command::new(self.folder.join("sekisho-agent"))
    }

    /// A command that runs the self-test.
    pub fn selftest(&self) -> Command {
        Command::new(self.folder.join("sekisho-selftest"))
    }

    /// Where the program of the key service is.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.folder.join("sekisho-keys")
    }

    /// A command that runs the collector.
    pub fn collector(&self) -> Command {
        Command::new(self.folder.join("sekisho-collector"))
    }
}

/// A running process that ends with this value.
pub struct Running {
    child: Child,
}

impl Running {
    /// Starts a command with its output in a log file.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let log = File::options().create(true).append(true).open(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("{:?}", command.get_program()))?;
        Ok(Self { child })
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills the process as a power cut would, if it still runs.
    pub fn kill(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_none() {
            self.child.kill()?;
        }
        self.child.wait()?;
        Ok(())
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        Ok(self.child.wait()?)
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Its largest resident memory so far, in bytes; 0 when it has ended.
    pub fn peak_memory_bytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|l| l.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        kilobytes.map_or(0, |kilobytes| kilobytes * 1024)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing is left to tell that it could not be killed.
        let _ = self.kill();
    }
}

/// A loopback address that nobody uses at the moment.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Waits until somebody listens.
///
/// # Errors
/// Nobody does within 20 seconds, or the process has ended.
pub fn wait_for(address: SocketAddr, process: &mut Running) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() {
        if let Some(status) = process.ended()? {
            bail!("the process ended: {status}");
        }
        ensure!(Instant::now() < deadline, "nobody listens on {address}");
        sleep(Duration::from_millis(20));
    }
    Ok(())
}
