//! What the board keeps secret: `systemd-creds`, by its TPM.

use std::io::Write as _;
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use crate::error::{Failure, Problem};

/// Keeps secrets so that only this board opens them.
pub(crate) trait Board {
    /// Encrypts a secret under a name, for `LoadCredentialEncrypted=` of that name.
    ///
    /// # Errors
    /// The board refuses (G123).
    fn keep(&self, name: &str, secret: &str) -> Result<Vec<u8>, Failure>;

    /// Opens what was kept under the name.
    ///
    /// # Errors
    /// The board refuses (G123): another board, another system, or another name.
    fn open(&self, name: &str, sealed: &[u8]) -> Result<Zeroizing<String>, Failure>;
}

/// The service manager's tool.
pub(crate) struct Credentials;

impl Board for Credentials {
    fn keep(&self, name: &str, secret: &str) -> Result<Vec<u8>, Failure> {
        // By the TPM alone: a key beside it on the disk would be bound to the name of the machine,
        // which not every board keeps.
        let how = ["encrypt", "--with-key=tpm2"];
        ask(&how, name, secret.as_bytes()).map(|out| out.to_vec())
    }

    fn open(&self, name: &str, sealed: &[u8]) -> Result<Zeroizing<String>, Failure> {
        let out = ask(&["decrypt"], name, sealed)?;
        let text = std::str::from_utf8(&out).map(|text| Zeroizing::new(text.to_owned()));
        text.map_err(|error| Failure::because(Problem::CommissionBoard, name, error))
    }
}

/// Secrets go in and out by pipes, never by a file.
fn ask(what: &[&str], name: &str, input: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error| Failure::because(Problem::CommissionBoard, name, error);
    let mut child = Command::new("systemd-creds")
        .args(what)
        .arg(format!("--name={name}"))
        .args(["-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    // What it says comes when it has read everything, and is short.
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(input).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(Zeroizing::new(output.stdout));
    }
    let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failure::because(Problem::CommissionBoard, name, told))
}
