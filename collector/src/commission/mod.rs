//! Commissioning (初期設定): what an operator gives a device before it goes to its site, sealed for
//! the key that the device has made and shows on its boot partition.

mod failure;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use commission::Plan;
use envelope::{Commission, DevicePublicKey, SigningKey};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use record::SiteId;
use serde::Deserialize;
use zeroize::Zeroizing;

use self::failure::{Failure, Problem};
use crate::ca::add;

/// The folder of secrets among those of a letter.
const SECRETS: &str = "credentials/";
/// Rendered beside the firewall; the image has it already.
const IN_THE_IMAGE: &str = "sysctl.d/60-sekisho.conf";
/// Deeper folders than a letter has.
const DEPTH_MAX: usize = 3;

/// Seals settings, certificates and secrets for one device.
#[derive(Debug, Args)]
pub(crate) struct Command {
    /// The site.
    #[arg(long)]
    site: SiteId,
    /// `device.toml`, as it stands on the device's boot partition.
    #[arg(long)]
    device: PathBuf,
    /// Folder of what the device is told: `sekisho/`, `units/`, `systemd/`, `nftables.d/`,
    /// `swanctl/`, `ledger/`, and secrets in `credentials/`.
    #[arg(long)]
    folder: PathBuf,
    /// Key file of the operator; the image names its public half.
    #[arg(long)]
    key: PathBuf,
    /// A new file, to be put on the boot partition as `sekisho/commission`.
    #[arg(long)]
    out: PathBuf,
}

/// What a device shows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    serial: String,
    device_key: String,
    taken: u64,
    problem: Option<String>,
}

impl Command {
    /// Seals the letter.
    ///
    /// # Errors
    /// See [`Problem`].
    pub(crate) fn run(self) -> anyhow::Result<()> {
        Ok(self.seal()?)
    }

    fn seal(&self) -> Result<(), Failure> {
        let shown = shown(&self.device)?;
        let recipient: DevicePublicKey = shown
            .device_key
            .parse()
            .map_err(|error| Failure::because(Problem::Device, self.device.display(), error))?;
        let mut files = BTreeMap::new();
        collect(&self.folder, "", &mut files)?;
        let secrets = take_secrets(&mut files);
        // The device judges by the same list; here somebody can still mend it.
        Plan::of(&files, &secrets)
            .map_err(|fault| Failure::because(Problem::Place, self.folder.display(), fault))?;
        let letter = Commission {
            site: self.site.clone(),
            number: shown.taken.saturating_add(1),
            files,
            secrets,
        };
        let sealed = letter
            .seal(&recipient, &key(&self.key)?, &mut UnwrapErr(SysRng))
            .map_err(|error| Failure::because(Problem::Letter, self.folder.display(), error))?;
        add(&self.out, &sealed)
            .map_err(|error| Failure::because(Problem::Files, self.out.display(), error))?;
        tell(&shown, &letter);
        Ok(())
    }
}

fn shown(file: &Path) -> Result<Shown, Failure> {
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::because(Problem::Files, file.display(), error))?;
    toml::from_str(&text).map_err(|error| Failure::because(Problem::Device, file.display(), error))
}

/// Every file below a folder, by its path in it.
fn collect(
    folder: &Path,
    below: &str,
    files: &mut BTreeMap<String, String>,
) -> Result<(), Failure> {
    let failed = |error| Failure::because(Problem::Files, folder.display(), error);
    if below.split('/').count() > DEPTH_MAX {
        return Err(Failure::new(Problem::Place, below));
    }
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let (path, place) = (entry.path(), format!("{below}{name}"));
        if entry.file_type().map_err(failed)?.is_dir() {
            collect(&path, &format!("{place}/"), files)?;
            continue;
        }
        if place == IN_THE_IMAGE {
            continue;
        }
        let text = fs::read_to_string(&path)
            .map_err(|error| Failure::because(Problem::Files, path.display(), error))?;
        files.insert(place, text);
    }
    Ok(())
}

/// Takes the secrets out of the files, by their names.
fn take_secrets(files: &mut BTreeMap<String, String>) -> BTreeMap<String, String> {
    let taken = files.extract_if(.., |name, _| name.starts_with(SECRETS));
    let named = |(name, text): (String, String)| {
        let name = name.strip_prefix(SECRETS).unwrap_or(&name).to_owned();
        (name, text)
    };
    taken.map(named).collect()
}

fn key(file: &Path) -> Result<SigningKey, Failure> {
    let unusable = || Failure::new(Problem::Key, file.display());
    let text = fs::read_to_string(file).map(Zeroizing::new);
    // What is wrong with the text is not told: the text is a secret.
    let text = text.map_err(|_| unusable())?;
    text.trim().parse().map_err(|_| unusable())
}

#[expect(
    clippy::print_stdout,
    reason = "the operator reads what was sealed for whom"
)]
fn tell(shown: &Shown, letter: &Commission) {
    println!("製造番号 / serial: {}", shown.serial);
    println!("施設 / site: {}", letter.site);
    println!("番号 / number: {}", letter.number);
    if let Some(problem) = &shown.problem {
        println!("前回の結果 / last result: {problem}");
    }
    for name in letter.files.keys() {
        println!("  {name}");
    }
    for name in letter.secrets.keys() {
        println!("  {SECRETS}{name} (暗号化 / encrypted)");
    }
}
