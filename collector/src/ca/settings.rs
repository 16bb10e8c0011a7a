//! Settings of the authority. Unknown keys are refused.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::failure::{Failure, Problem, Result};
use super::files;

/// The settings file. Paths are taken relative to it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Key, certificates and register.
    pub(super) folder: PathBuf,
    /// Where the front puts requests.
    pub(super) requests: PathBuf,
    /// Where the front finds answers.
    pub(super) answers: PathBuf,
    /// The revocation list, where the front reads it.
    pub(super) revocations: PathBuf,
}

impl Settings {
    /// Reads the settings file.
    pub(super) fn load(path: &Path) -> Result<Self> {
        let mut settings: Self = toml::from_str(&files::text(path)?)
            .map_err(|error| Failure::because(Problem::Settings, path.display(), error))?;
        let base = path.parent().unwrap_or(Path::new(""));
        for file in [
            &mut settings.folder,
            &mut settings.requests,
            &mut settings.answers,
            &mut settings.revocations,
        ] {
            *file = base.join(&*file);
        }
        Ok(settings)
    }
}
