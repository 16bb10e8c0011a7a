//! Keys (鍵の作成): makes the keys of a centre and of its sites, each once and none written over.
//!
//! | file | holds it |
//! |---|---|
//! | `core.key`, `rekey.key`, `letters.key` | the core alone |
//! | `receipt.key` | the fronts |
//! | `token.key` | every device, unless the evaluation service has the key (`evaluate make-key`) |
//! | `SITE/site.key`, `SITE/signing.key`, `SITE/device.key` | the device of that site alone |
//! | `*.pub` | whoever is told below: nothing secret |

use std::fs::{DirBuilder, read_to_string};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use envelope::{CoreSecretKey, DeviceSecretKey, KeyError, MacKey, SigningKey};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use record::SiteId;
use zeroize::Zeroizing;

use crate::ca::{Failure, Problem, add, add_secret};

type Random = UnwrapErr<SysRng>;
/// A secret line, and its public half where it has one.
type Made = Result<(Zeroizing<String>, Option<String>), KeyError>;

/// Makes keys.
#[derive(Debug, Args)]
pub(crate) struct Command {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Make the keys that are not there yet, for the centre and for the sites that are named.
    Make {
        /// The folder, on the machine where keys are made; from there each is carried to who holds
        /// it.
        #[arg(long)]
        out: PathBuf,
        /// A site; once for each.
        #[arg(long)]
        site: Vec<SiteId>,
    },
}

impl Command {
    /// Runs the step.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let Step::Make { out, site } = self.step;
        Ok(make(&out, &site)?)
    }
}

fn make(out: &Path, sites: &[SiteId]) -> Result<(), Failure> {
    folder(out)?;
    key(out, "token", mac)?;
    key(out, "rekey", mac)?;
    key(out, "core", core)?;
    key(out, "receipt", signing)?;
    key(out, "letters", signing)?;
    for site in sites {
        let own = out.join(site.as_str());
        folder(&own)?;
        key(&own, "site", mac)?;
        key(&own, "signing", signing)?;
        key(&own, "device", device)?;
    }
    Ok(())
}

fn folder(path: &Path) -> Result<(), Failure> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(Failure::because(Problem::Files, path.display(), error))
        }
        _ => Ok(()),
    }
}

/// Makes one key unless it is there. The public half stands first: a secret key whose public half
/// is missing after a power cut would never get it.
fn key(folder: &Path, name: &str, make: fn(&mut Random) -> Made) -> Result<(), Failure> {
    let secret = folder.join(format!("{name}.key"));
    if read_to_string(&secret).is_ok() {
        return Ok(());
    }
    let (line, public) = make(&mut UnwrapErr(SysRng))
        .map_err(|error| Failure::because(Problem::Internal, name, error))?;
    if let Some(public) = public {
        let path = folder.join(format!("{name}.pub"));
        // Without its secret half it belongs to nothing.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Failure::because(Problem::Files, path.display(), error));
            }
            _ => add(&path, public.as_bytes())?,
        }
    }
    add_secret(&secret, &line)
}

#[expect(clippy::unnecessary_wraps, reason = "the others can fail")]
fn mac(random: &mut Random) -> Made {
    Ok((MacKey::generate(random).to_text(), None))
}

fn core(random: &mut Random) -> Made {
    let key = CoreSecretKey::generate(random)?;
    Ok((key.to_text(), Some(key.public().to_string())))
}

fn signing(random: &mut Random) -> Made {
    let key = SigningKey::generate(random)?;
    Ok((key.to_text(), Some(key.public().to_string())))
}

fn device(random: &mut Random) -> Made {
    let key = DeviceSecretKey::generate(random)?;
    Ok((key.to_text(), Some(key.public().to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second run adds what is missing and leaves what is there.
    #[test]
    fn keys_are_made_once_and_a_site_can_come_later() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("keys");
        make(&out, &["HOSP-A".parse().unwrap()]).unwrap();
        let read = |name: &str| read_to_string(out.join(name)).unwrap();
        let (core, site) = (read("core.key"), read("HOSP-A/site.key"));
        std::fs::remove_file(out.join("letters.key")).unwrap();
        make(
            &out,
            &["HOSP-A", "HOSP-B"].map(|site| site.parse().unwrap()),
        )
        .unwrap();
        assert_eq!((read("core.key"), read("HOSP-A/site.key")), (core, site));
        assert_ne!(read("HOSP-A/site.key"), read("HOSP-B/site.key"));
        let letters: SigningKey = read("letters.key").parse().unwrap();
        assert_eq!(letters.public().to_string(), read("letters.pub"));
        let device: DeviceSecretKey = read("HOSP-B/device.key").parse().unwrap();
        assert_eq!(device.public().to_string(), read("HOSP-B/device.pub"));
    }
}
