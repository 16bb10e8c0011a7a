//! The settings of the data path under orders: tried, and kept only if the centre is reached with
//! them. The order of the steps stands in [`control::Trial`].

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use agent::files::replace;
use control::{Trial, Verdict};

use crate::error::ControlError;
use crate::settings::Folders;
use crate::store::Store;

const IN_USE: &str = "gateway.toml";
const BEFORE: &str = "gateway.toml.before";
const CANDIDATE: &str = "gateway.toml.candidate";
/// So long the gateway may look at settings.
const CHECK_PATIENCE: Duration = Duration::from_secs(30);

/// The folder of the settings, and how they stand.
pub(crate) struct SettingsFiles {
    folder: PathBuf,
    /// `sekisho-gateway`.
    gateway: PathBuf,
    standing: PathBuf,
    gateways: PathBuf,
    pub(crate) state: Trial,
}

impl SettingsFiles {
    /// Opens the folder. A trial that was interrupted is ended: what was before comes back.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub(crate) fn open(
        folders: &Folders,
        gateway: &Path,
        store: &Store,
    ) -> Result<Self, ControlError> {
        let mut files = Self {
            folder: folders.settings.clone(),
            standing: folders.standing.clone(),
            gateways: folders.gateways.clone(),
            gateway: gateway.to_owned(),
            state: store.trial()?,
        };
        if files.state.after_start() == Verdict::Return {
            files.end(Verdict::Return, store)?;
        }
        Ok(files)
    }

    /// Whether settings have the gateway look where orders to stop are left, and tell how it stands
    /// where that is looked for. Others would take the device out of the centre's hands.
    pub(crate) fn heeds(&self, text: &str) -> bool {
        let folder = |name: &str| -> Option<PathBuf> {
            let table: toml::Table = text.parse().ok()?;
            Some(table.get("state")?.get(name)?.as_str()?.into())
        };
        folder("standing").as_ref() == Some(&self.standing)
            && folder("status").as_ref() == Some(&self.gateways)
    }

    /// The same of the settings in use.
    pub(crate) fn in_use_heeds(&self) -> bool {
        let text = fs::read_to_string(self.folder.join(IN_USE));
        text.is_ok_and(|text| self.heeds(&text))
    }

    /// Whether the gateway of this device can read these settings.
    ///
    /// # Errors
    /// The gateway cannot be asked.
    pub(crate) fn readable(&self, text: &str) -> Result<bool, ControlError> {
        let candidate = self.folder.join(CANDIDATE);
        replace(&self.folder, CANDIDATE, text.as_bytes()).map_err(ControlError::Write)?;
        let child = Command::new(&self.gateway)
            .args(["check", "--config"])
            .arg(&candidate)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut child = child.map_err(ControlError::System)?;
        let began = Instant::now();
        let mut ended = child.try_wait().map_err(ControlError::System)?;
        while ended.is_none() && began.elapsed() < CHECK_PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
            ended = child.try_wait().map_err(ControlError::System)?;
        }
        if ended.is_none() {
            let killed = child.kill().and_then(|()| child.wait());
            killed.map_err(ControlError::System)?;
        }
        remove(&candidate).map_err(ControlError::Write)?;
        Ok(ended.is_some_and(|status| status.success()))
    }

    /// Puts new settings in place, for the time being. Gives whether it did: it does not while
    /// others are on trial.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub(crate) fn begin(
        &mut self,
        number: u64,
        text: &str,
        store: &Store,
    ) -> Result<bool, ControlError> {
        let Some(trying) = self.state.begin(number) else {
            return Ok(false);
        };
        let before = fs::read(self.folder.join(IN_USE)).map_err(ControlError::Write)?;
        replace(&self.folder, BEFORE, &before).map_err(ControlError::Write)?;
        store.keep_trial(trying)?;
        self.state = trying;
        replace(&self.folder, IN_USE, text.as_bytes()).map_err(ControlError::Write)?;
        Ok(true)
    }

    /// Carries a verdict out.
    ///
    /// # Errors
    /// A file cannot be read or written; the next start does it again.
    pub(crate) fn end(&mut self, verdict: Verdict, store: &Store) -> Result<(), ControlError> {
        if verdict == Verdict::Waiting {
            return Ok(());
        }
        if verdict == Verdict::Return && self.state.trying().is_some() {
            let before = fs::read(self.folder.join(BEFORE)).map_err(ControlError::Write)?;
            replace(&self.folder, IN_USE, &before).map_err(ControlError::Write)?;
        }
        let after = self.state.after(verdict);
        store.keep_trial(after)?;
        self.state = after;
        remove(&self.folder.join(BEFORE)).map_err(ControlError::Write)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
