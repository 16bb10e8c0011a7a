//! What other programs are asked for. Each request is a file; a path unit of systemd sees it
//! replaced and starts the unit that does it, with that unit's rights and not with ours.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use agent::files::replace;

use crate::error::ControlError;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// The self-test.
    SelfTest,
    /// A run of the gateway.
    SendNow,
    /// That the gateway asks the front for letters: whether it is reached.
    Reach,
    /// Blinking lights, until the second since 1970 in the file.
    Blink,
    /// A look for updates.
    Update,
    /// The end of all keys.
    Decommission,
}

impl Request {
    /// The name of its file, which the path unit names.
    pub(crate) const fn file(self) -> &'static str {
        match self {
            Self::SelfTest => "self-test",
            Self::SendNow => "send-now",
            Self::Reach => "reach",
            Self::Blink => "blink",
            Self::Update => "update",
            Self::Decommission => "decommission",
        }
    }
}

/// The folder of the requests.
#[derive(Debug, Clone)]
pub(crate) struct Requests(PathBuf);

impl Requests {
    /// In that folder, which has to be there.
    pub(crate) fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Asks. What the file says is for the one that does it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn ask(&self, request: Request, says: impl Display) -> Result<(), ControlError> {
        let text = format!("{says}\n");
        replace(&self.0, request.file(), text.as_bytes()).map_err(ControlError::Write)
    }
}
