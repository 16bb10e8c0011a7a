//! What can be wrong with a settings file.

use std::path::PathBuf;

use thiserror::Error;

/// A settings file that cannot be used. The message names the key and never shows a secret,
/// because secrets do not stand in settings files.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("settings file {path} cannot be read")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is not TOML, has an unknown key, or a value of the wrong type.
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    /// A key has another name since an earlier version.
    #[error("`{old}` は `{new}` に名前が変わりました / `{old}` is now called `{new}`")]
    Renamed {
        /// The name in the file.
        old: &'static str,
        /// Today's name.
        new: &'static str,
    },
    /// A value is outside its range.
    #[error("{key} = {value}: must be {expected}")]
    Range {
        /// Dotted key.
        key: &'static str,
        /// What was given.
        value: String,
        /// What is allowed.
        expected: String,
    },
}

/// Refuses a number outside its range.
pub(crate) fn range(
    key: &'static str,
    value: u64,
    least: u64,
    most: u64,
) -> Result<(), SettingsError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let expected = format!("{least} to {most}");
    Err(SettingsError::Range {
        key,
        value: value.to_string(),
        expected,
    })
}
