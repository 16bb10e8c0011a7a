//! Settings of the programs: read from TOML, checked once, and from then on right by type.
//!
//! Every section refuses unknown keys. Secrets never stand in a settings file: it names the files
//! (systemd credentials) that hold them. Every limit has a default and a range.

pub mod clock;
pub mod consent;
mod error;
pub mod extended;
pub mod feed;
pub mod gateway;
pub mod imports;
pub mod keys;
pub mod network;
pub mod page;
pub mod upload;

pub use error::SettingsError;

/// Reads a text file of settings.
///
/// # Errors
/// The file cannot be read.
pub fn read_text(path: &std::path::Path) -> Result<String, SettingsError> {
    std::fs::read_to_string(path).map_err(|source| SettingsError::Read {
        path: path.to_owned(),
        source,
    })
}
