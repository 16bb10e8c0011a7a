//! What is kept on the disk: the docket, and which settings are in use.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use agent::files::replace;
use control::{Contact, DeviceId, Docket, Trial};
use serde::de::DeserializeOwned;

use crate::error::ControlError;

/// In the state folder.
pub(crate) const DOCKET: &str = "docket.cbor";
const TRIAL: &str = "trial.cbor";
const CONTACT: &str = "contact.cbor";
/// More than 8 open orders with the largest settings take.
const MOST_BYTES: u64 = 1 << 20;

/// The files of the state folder.
pub(crate) struct Store {
    folder: PathBuf,
}

impl Store {
    /// In that folder, which has to be there.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// The docket; a new one on a device that never had one, which is one where nothing else that
    /// comes with it is there either.
    ///
    /// # Errors
    /// It is damaged, lost, or of another device: without it, old orders would count again, and a
    /// quarantine would end.
    pub(crate) fn docket(&self, device: &DeviceId, traces: bool) -> Result<Docket, ControlError> {
        match read::<Docket>(&self.folder.join(DOCKET)) {
            Ok(None) if traces || self.folder.join(TRIAL).exists() => Err(ControlError::Docket),
            Ok(None) => Ok(Docket::new(device.clone())),
            Ok(Some(docket)) if docket.device() == device => Ok(docket),
            _ => Err(ControlError::Docket),
        }
    }

    /// Which settings are in use.
    ///
    /// # Errors
    /// The file is damaged.
    pub(crate) fn trial(&self) -> Result<Trial, ControlError> {
        let kept = read(&self.folder.join(TRIAL)).map_err(|_| ControlError::Docket)?;
        Ok(kept.unwrap_or_default())
    }

    /// Keeps the docket. After the return it is on the disk.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn keep(&self, docket: &Docket) -> Result<(), ControlError> {
        self.write(DOCKET, docket)
    }

    /// Keeps which settings are in use.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn keep_trial(&self, trial: Trial) -> Result<(), ControlError> {
        self.write(TRIAL, &trial)
    }

    /// When the centre was there last, if that is known.
    pub(crate) fn contact(&self) -> Option<Contact> {
        read(&self.folder.join(CONTACT)).ok()?
    }

    /// Keeps when the centre was there last.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn keep_contact(&self, contact: Contact) -> Result<(), ControlError> {
        self.write(CONTACT, &contact)
    }

    fn write(&self, name: &str, value: &impl serde::Serialize) -> Result<(), ControlError> {
        let bytes = serde_cbor::to_vec(value)
            .map_err(|error| ControlError::Write(io::Error::other(error)))?;
        replace(&self.folder, name, &bytes).map_err(ControlError::Write)
    }
}

/// Reads a docket for showing it; `None` where there is none or it cannot be read.
pub(crate) fn shown(folder: &Path) -> Option<Docket> {
    read(&folder.join(DOCKET)).ok()?
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    serde_cbor::from_slice(&bytes)
        .map(Some)
        .map_err(io::Error::other)
}

/// When a file was last replaced, in seconds since 1970.
pub(crate) fn replaced_at(path: &Path) -> Option<i64> {
    let time = fs::metadata(path).ok()?.modified().ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}
