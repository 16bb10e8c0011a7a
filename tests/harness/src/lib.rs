//! A whole site and centre on one machine, for the demo and the end-to-end tests: keys,
//! certificates and settings made on the spot, and the real programs as processes.

pub mod appliance;
pub mod deployment;
pub mod job;
pub mod oblivious;
mod participants;
pub mod pki;
pub mod process;
pub mod scene;
pub mod summary;
pub mod tpm;
pub mod tunnel;

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};

/// Writes a file that only this user can read.
pub(crate) fn write_secret(path: &Path, text: &str) -> Result<()> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| path.display().to_string())
}
