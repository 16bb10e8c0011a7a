//! The authority and the keys of tests and of the demo: made by the program that makes them in
//! operation, `sekisho-collector ca` and `keys`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::Programs;

/// The name by which gateways know the front.
pub const FRONT_NAME: &str = "front.sekisho.internal";

/// The name by which gateways know the evaluation service.
pub const EVALUATE_NAME: &str = "evaluate.sekisho.internal";

/// An authority in a folder of its own.
pub struct Authority {
    programs: Programs,
    /// Its root, its issuing authority and its settings.
    folder: PathBuf,
}

impl Authority {
    /// Makes an authority, or opens the one that is there.
    ///
    /// # Errors
    /// The program is not built, or cannot make it.
    pub fn open(folder: &Path) -> Result<Self> {
        let authority = Self {
            programs: Programs::nearby()?,
            folder: folder.to_owned(),
        };
        if folder.join("ca.toml").exists() {
            return Ok(authority);
        }
        for name in ["requests", "answers", "told"] {
            fs::create_dir_all(folder.join(name))?;
        }
        authority.run(&["make-root", "--out", "root"])?;
        authority.run(&["make-issuing", "--root", "root", "--out", "issuing"])?;
        fs::write(
            folder.join("ca.toml"),
            "folder = \"issuing\"\nrequests = \"requests\"\nanswers = \"answers\"\n\
             revocations = \"told/devices.crl\"\n",
        )?;
        authority.run(&["sign", "--config", "ca.toml"])?;
        Ok(authority)
    }

    /// Where it tells which certificates it takes back.
    pub fn revocations(&self) -> PathBuf {
        self.folder.join("told/devices.crl")
    }

    /// Writes the root's certificate.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        fs::copy(self.folder.join("root/root.pem"), path)
            .with_context(|| path.display().to_string())?;
        Ok(())
    }

    /// Issues the certificate of a service of the centre.
    ///
    /// # Errors
    /// The program cannot make it.
    pub fn issue_server(&self, name: &str, certificate: &Path, key: &Path) -> Result<()> {
        self.issue(&["issue-server", "--name", name], certificate, key)
    }

    /// Issues a device's certificate; the site stands in it as `urn:sekisho:site:<id>`.
    ///
    /// # Errors
    /// The program cannot make it.
    pub fn issue_device(&self, site: &str, certificate: &Path, key: &Path) -> Result<()> {
        let whose = ["issue-device", "--site", site, "--device", "box-1"];
        self.issue(&whose, certificate, key)
    }

    fn issue(&self, what: &[&str], certificate: &Path, key: &Path) -> Result<()> {
        for old in [certificate, key] {
            match fs::remove_file(old) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        let [certificate, key] = [certificate, key].map(|path| path.to_str().context("path"));
        let files = ["--certificate", certificate?, "--key", key?];
        self.run(&[what, &["--config", "ca.toml"], &files].concat())
    }

    /// Runs a step of the authority in its folder.
    ///
    /// # Errors
    /// It fails.
    pub fn run(&self, arguments: &[&str]) -> Result<()> {
        let mut command = self.programs.collector();
        command.current_dir(&self.folder).arg("ca").args(arguments);
        well(&mut command)
    }
}

/// Makes the keys of a centre and of its sites that are not there yet.
///
/// # Errors
/// The program is not built, or cannot make them.
pub(crate) fn make_keys(out: &Path, sites: &[&str]) -> Result<()> {
    let mut command = Programs::nearby()?.collector();
    command.args(["keys", "make", "--out"]).arg(out);
    for site in sites {
        command.args(["--site", site]);
    }
    well(&mut command)
}

fn well(command: &mut Command) -> Result<()> {
    let output = command.env("SEKISHO_LOG", "warn").output()?;
    ensure!(
        output.status.success(),
        "{:?}: {}",
        command.get_args().collect::<Vec<_>>(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
