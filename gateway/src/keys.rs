//! Keys: read once from the files that the settings name (systemd credentials), held in types that
//! do not print and are wiped when dropped.

use std::fs;
use std::path::Path;

use envelope::{CorePublicKey, MacKey, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use crate::error::{Failure, Problem};

/// The keys of this gateway.
pub(crate) struct Keys {
    /// Makes linkage tokens; all sites share it.
    pub(crate) token: MacKey,
    /// Makes this site's references.
    pub(crate) site: MacKey,
    /// Signs manifests.
    pub(crate) signing: SigningKey,
    /// Seals batches for the core.
    pub(crate) core: CorePublicKey,
    /// Verifies receipts.
    pub(crate) receipt: VerifyingKey,
}

impl Keys {
    /// Reads every key.
    ///
    /// # Errors
    /// A file is missing, or is not a key of its kind.
    pub(crate) fn load(settings: &config::gateway::Settings) -> Result<Self, Failure> {
        let files = &settings.keys;
        Ok(Self {
            token: key(&files.token)?,
            site: key(&files.site)?,
            signing: key(&files.signing)?,
            core: key(&files.core)?,
            receipt: key(&settings.front.receipt_key)?,
        })
    }
}

/// Reads one key.
///
/// # Errors
/// The file is missing, or is not a key of its kind.
pub(crate) fn key<K: std::str::FromStr>(path: &Path) -> Result<K, Failure> {
    let name = || path.display().to_string();
    let text = fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| Failure::because(Problem::Key, name(), error))?;
    // What is wrong with the text is not told: the text is a secret.
    text.trim()
        .parse()
        .map_err(|_| Failure::new(Problem::Key, name()))
}
