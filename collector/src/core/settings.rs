//! Settings of the role `core`: read from TOML, checked once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use envelope::{DevicePublicKey, TransportProfile, VerifyingKey};
use privacy::gate::{ConsentMode, ContractId, ContractKind, FilingReference, Product, Products};
use record::{Date, SiteId};
use serde::Deserialize;

use super::failure::{Failure, Problem, Result};
use super::quality;
use super::records::LEAST_YEARS;

/// Everything that the core can be told. Paths are taken relative to the settings file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The front's inbox. The core only reads it.
    pub(crate) inbox: PathBuf,
    /// The core's own folder: catalogue, tables, evidence, releases.
    pub(crate) state: PathBuf,
    /// Files that hold keys.
    pub(crate) keys: Keys,
    /// Where letters to devices and their answers are handed over to the front.
    #[serde(default)]
    pub(crate) letters: Option<Letters>,
    /// Years for which receipt records are kept: 3 to 100.
    #[serde(default = "ten")]
    pub(crate) receipt_years: u8,
    /// A folder on other storage for a second copy of the daily anchors, best one on which nothing
    /// can be changed. They are signed with `keys.letters`; without that key there are none.
    #[serde(default)]
    pub(crate) anchors: Option<PathBuf>,
    /// Where the fronts are told which sites are stopped: a file, one site a line.
    #[serde(default)]
    pub(crate) blocked: Option<PathBuf>,
    /// The sites whose batches are taken, each with its contract.
    #[serde(default, rename = "site")]
    sites: Vec<Site>,
    /// By which closed networks batches may have come. `laboratory` (a test on loopback) only if
    /// it is named here.
    #[serde(default = "closed_networks")]
    pub(crate) transports: Vec<TransportProfile>,
    /// The oldest epoch of the token key of which batches are taken. A batch that has only older
    /// tokens waits.
    #[serde(default)]
    least_token_epoch: u16,
    /// Bounds.
    #[serde(default)]
    pub(crate) limits: Limits,
    /// What is asked of the quality of the sites' data.
    #[serde(default)]
    pub(crate) quality: quality::Limits,
    /// Makes research IDs, offsets and release IDs repeatable. For tests and demonstrations with
    /// synthetic data only; refused unless the command line gives the same number.
    #[serde(default)]
    danger_fixed_seed: Option<u64>,
}

/// As the centre's rules ask; the law asks for three.
fn ten() -> u8 {
    10
}

/// Files that hold keys, normally systemd credentials.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keys {
    /// The secret key that opens batches.
    pub(crate) core: PathBuf,
    /// Further secret keys that open batches while the core's key changes: the next one, or the
    /// one before as long as batches for it may still come.
    #[serde(default)]
    pub(crate) core_others: Vec<PathBuf>,
    /// The key under which linkage tokens are keyed again before they are stored. It never
    /// reaches a device.
    pub(crate) rekey: PathBuf,
    /// The key that signs letters to devices. Needed for letters only.
    #[serde(default)]
    pub(crate) letters: Option<PathBuf>,
}

/// Folders between core and front.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Letters {
    /// Letters to devices: the core writes, the front reads.
    pub(crate) outbox: PathBuf,
    /// Answers of devices: the front writes, the core reads.
    pub(crate) answers: PathBuf,
    /// The legal entities to which people address requests to stop, where one desk answers for
    /// several: any short words, by which they are counted.
    #[serde(default)]
    pub(crate) addressees: Vec<String>,
}

/// A site (医療情報取扱事業者) and its contract.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Site {
    /// The site.
    pub(crate) site: SiteId,
    /// The public key that verifies its manifests.
    #[serde(deserialize_with = "verifying_key")]
    verifying_key: VerifyingKey,
    /// The key that follows it, while the site changes its key: either counts.
    #[serde(default, deserialize_with = "next_verifying_key")]
    next_verifying_key: Option<VerifyingKey>,
    /// By which closed network its contract has its batches come. Without it, by any of
    /// `transports`; with it, `transports` has to name it too.
    #[serde(default)]
    pub(crate) transport: Option<TransportProfile>,
    /// The public key of its device, for which letters are sealed. Without one, no stop order can
    /// be given to the site.
    #[serde(default, deserialize_with = "device_key")]
    pub(crate) device_key: Option<DevicePublicKey>,
    /// The contract.
    pub(crate) contract: ContractId,
    /// Whether that is the site's own contract or a collective one.
    #[serde(default = "individual")]
    pub(crate) contract_kind: ContractKind,
    /// What may be made of the site's records, joined by `+` (B-014).
    #[serde(default = "anonymized")]
    pub(crate) products: Products,
    /// On which ground the site provides.
    #[serde(default = "opt_out")]
    pub(crate) consent_mode: ConsentMode,
    /// Filing reference (届出番号).
    pub(crate) filing_reference: FilingReference,
    /// First day of provision.
    #[serde(deserialize_with = "day")]
    pub(crate) effective_from: Date,
    /// First day without provision.
    #[serde(default, deserialize_with = "some_day")]
    pub(crate) leaves_on: Option<Date>,
    /// The oldest epoch of the token key of which batches of this site are taken, instead of
    /// `least_token_epoch`: to let in what a site sealed before it changed its key.
    #[serde(default)]
    least_token_epoch: Option<u16>,
    /// Whether the contract has identities come along, sealed for the vault.
    #[serde(default)]
    pub(crate) identity_envelope: bool,
    /// Whether the contract has staff numbers come as tokens.
    #[serde(default)]
    pub(crate) staff_tokens: bool,
    /// Whether the contract has codes of institutions come along.
    #[serde(default)]
    pub(crate) institutions: Institutions,
    /// Shares in per cent that are asked of this site instead of those of `quality.most`.
    #[serde(default)]
    pub(crate) quality: quality::Shares,
}

impl Site {
    /// The keys that sign for the site.
    pub(crate) fn signers(&self) -> impl Iterator<Item = &VerifyingKey> {
        std::iter::once(&self.verifying_key).chain(&self.next_verifying_key)
    }
}

/// What becomes of codes of institutions that ordered or performed something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Institutions {
    /// None may come.
    #[default]
    Drop,
    /// They may come as they are.
    Keep,
}

/// Bounds. Each has a default and a range.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Largest batch file taken, bytes: 1 MiB to 4 GiB.
    pub(crate) batch_bytes: u64,
    /// Most bytes of one batch once decompressed: 1 MiB to 4 GiB.
    pub(crate) content_bytes: usize,
    /// Most files looked at in the inbox: 1 to 100,000,000.
    pub(crate) inbox_files: u64,
    /// Most subjects that one linkage block may hold: 2 to 10,000. A larger block is skipped and
    /// counted.
    pub(crate) block_subjects: usize,
    /// Largest release that the linter and writers handle, rows of one table: 1 to 10^12.
    pub(crate) release_rows: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_bytes: 256 << 20,
            content_bytes: 64 << 20,
            inbox_files: 10_000_000,
            block_subjects: 200,
            release_rows: 10_000_000_000,
        }
    }
}

impl Settings {
    /// Reads and checks the settings file.
    ///
    /// # Errors
    /// The file cannot be read or has an unknown key, a wrong type, a value outside its range, or
    /// a site twice.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::because(Problem::Settings, name, error))?;
        let mut settings = Self::parse(&text)?;
        let base = path.parent().unwrap_or(Path::new(""));
        for file in [
            &mut settings.inbox,
            &mut settings.state,
            &mut settings.keys.core,
            &mut settings.keys.rekey,
        ] {
            *file = base.join(&*file);
        }
        for key in &mut settings.keys.core_others {
            *key = base.join(&*key);
        }
        for path in [&mut settings.blocked, &mut settings.anchors]
            .into_iter()
            .flatten()
        {
            *path = base.join(&*path);
        }
        if let Some(letters) = &mut settings.letters {
            letters.outbox = base.join(&letters.outbox);
            letters.answers = base.join(&letters.answers);
        }
        if let Some(key) = &mut settings.keys.letters {
            *key = base.join(&*key);
        }
        Ok(settings)
    }

    fn parse(text: &str) -> Result<Self> {
        let settings: Self = toml::from_str(text)
            .map_err(|error| Failure::new(Problem::Settings, error.to_string()))?;
        settings.limits.check()?;
        settings.quality.check()?;
        if settings.letters.is_some() != settings.keys.letters.is_some() {
            let detail = "letters, keys.letters: both or neither";
            return Err(Failure::new(Problem::Settings, detail));
        }
        let mut seen = BTreeMap::new();
        if !(LEAST_YEARS..=100).contains(&settings.receipt_years) {
            let detail = format!("receipt_years: {LEAST_YEARS} to 100");
            return Err(Failure::new(Problem::Settings, detail));
        }
        for site in &settings.sites {
            quality::check_shares(&site.quality)?;
            if seen.insert(site.site.as_str(), ()).is_some() {
                return Err(Failure::new(
                    Problem::Settings,
                    format!("site {} twice", site.site),
                ));
            }
        }
        Ok(settings)
    }

    /// All trusted sites.
    pub(crate) fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// The trusted site of that name.
    pub(crate) fn site(&self, site: &SiteId) -> Option<&Site> {
        self.sites.iter().find(|trusted| trusted.site == *site)
    }

    /// The oldest epoch of the token key of which batches of a site are taken.
    pub(crate) fn least_token_epoch(&self, site: &Site) -> u16 {
        site.least_token_epoch.unwrap_or(self.least_token_epoch)
    }

    /// Ends the epochs before one, for all sites or for one.
    #[cfg(test)]
    pub(crate) fn end_epochs_before(&mut self, epoch: u16, of: Option<&str>) {
        match of {
            None => self.least_token_epoch = epoch,
            Some(of) => {
                let mut sites = self.sites.iter_mut();
                let site = sites.find(|known| known.site.as_str() == of).unwrap();
                site.least_token_epoch = Some(epoch);
            }
        }
    }

    /// The sites, to be changed.
    #[cfg(test)]
    pub(crate) fn sites_mut(&mut self) -> impl Iterator<Item = &mut Site> {
        self.sites.iter_mut()
    }

    /// Sets the share of one measure that is asked of one site.
    #[cfg(test)]
    pub(crate) fn ask_of_site(&mut self, site: &str, name: &str, per_cent: f64) {
        let mut sites = self.sites.iter_mut();
        let site = sites.find(|known| known.site.as_str() == site).unwrap();
        site.quality.insert(name.to_owned(), per_cent);
    }

    /// The fixed seed, if the command line and the settings agree on one.
    ///
    /// # Errors
    /// One of them names a seed and the other does not, or another one.
    pub(crate) fn fixed_seed(&self, asked: Option<u64>) -> Result<Option<u64>> {
        match (self.danger_fixed_seed, asked) {
            (None, None) => Ok(None),
            (Some(set), Some(asked)) if set == asked => Ok(Some(set)),
            _ => Err(Failure::new(Problem::FixedSeed, "danger_fixed_seed")),
        }
    }
}

impl Limits {
    fn check(&self) -> Result<()> {
        let range = |key: &str, value: u64, low: u64, high: u64| match value {
            _ if (low..=high).contains(&value) => Ok(()),
            _ => Err(Failure::new(
                Problem::Settings,
                format!("limits.{key} = {value}: {low} to {high}"),
            )),
        };
        range("batch_bytes", self.batch_bytes, 1 << 20, 4 << 30)?;
        range("content_bytes", self.content_bytes as u64, 1 << 20, 4 << 30)?;
        range("inbox_files", self.inbox_files, 1, 100_000_000)?;
        range("block_subjects", self.block_subjects as u64, 2, 10_000)?;
        range("release_rows", self.release_rows, 1, 1_000_000_000_000)
    }
}

fn individual() -> ContractKind {
    ContractKind::Individual
}

fn anonymized() -> Products {
    Products::of(&[Product::Anonymized])
}

fn opt_out() -> ConsentMode {
    ConsentMode::OptOut
}

fn closed_networks() -> Vec<TransportProfile> {
    vec![
        TransportProfile::LeasedLine,
        TransportProfile::IpVpn,
        TransportProfile::Ipsec,
    ]
}

fn verifying_key<'de, D: serde::Deserializer<'de>>(
    d: D,
) -> std::result::Result<VerifyingKey, D::Error> {
    let text = String::deserialize(d)?;
    text.parse()
        .map_err(|_| serde::de::Error::custom("not a verifying key"))
}

fn next_verifying_key<'de, D: serde::Deserializer<'de>>(
    d: D,
) -> std::result::Result<Option<VerifyingKey>, D::Error> {
    verifying_key(d).map(Some)
}

fn device_key<'de, D: serde::Deserializer<'de>>(
    d: D,
) -> std::result::Result<Option<DevicePublicKey>, D::Error> {
    let text = String::deserialize(d)?;
    let key = text.parse();
    key.map(Some)
        .map_err(|_| serde::de::Error::custom("not the key of a device"))
}

fn day<'de, D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Date, D::Error> {
    let text = String::deserialize(d)?;
    text.parse()
        .map_err(|_| serde::de::Error::custom("not a calendar day YYYY-MM-DD"))
}

fn some_day<'de, D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Option<Date>, D::Error> {
    day(d).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "inbox = \"i\"\nstate = \"s\"\n";
    const KEYS: &str = "[keys]\ncore = \"c\"\nrekey = \"r\"\n";

    fn site() -> String {
        let key = envelope::SigningKey::from_seed([1; 32]).unwrap().public();
        format!(
            "[[site]]\nsite = \"HOSP-A\"\nverifying_key = \"{key}\"\ncontract = \"C\"\n\
             filing_reference = \"F\"\neffective_from = \"2020-01-01\"\n"
        )
    }

    #[test]
    fn settings_that_are_wrong_are_refused_by_name() {
        let site = site();
        assert!(Settings::parse(&format!("{BASE}{KEYS}{site}")).is_ok());
        for (text, named) in [
            (BASE.to_owned(), "keys"),
            (format!("{BASE}unknown = 1\n{KEYS}"), "unknown"),
            (format!("{BASE}{KEYS}{site}{site}"), "HOSP-A twice"),
            (
                format!("{BASE}{KEYS}[limits]\nblock_subjects = 1\n"),
                "block_subjects",
            ),
            (
                format!("{BASE}{KEYS}{}", site.replace("2020-01-01", "2020-02-30")),
                "effective_from",
            ),
            (
                format!("{BASE}{KEYS}{}", site.replace("sekisho-", "x-")),
                "verifying_key",
            ),
            (format!("{BASE}{KEYS}[quality.most]\nF999 = 1\n"), "F999"),
            (
                format!("{BASE}{KEYS}{site}quality = {{ birth_missing = 101 }}\n"),
                "birth_missing",
            ),
            (format!("{BASE}receipt_years = 2\n{KEYS}"), "receipt_years"),
            (
                format!("{BASE}transports = [\"wireguard\"]\n{KEYS}"),
                "transports",
            ),
        ] {
            let failure = Settings::parse(&text).unwrap_err();
            assert_eq!(failure.problem(), Problem::Settings, "{text}");
            assert!(failure.to_string().contains(named), "{failure}");
        }
    }

    #[test]
    fn a_fixed_seed_must_be_asked_for_on_the_command_line() {
        let with = Settings::parse(&format!("danger_fixed_seed = 7\n{BASE}{KEYS}")).unwrap();
        let without = Settings::parse(&format!("{BASE}{KEYS}")).unwrap();
        for (settings, asked, seed) in [
            (&without, None, Some(None)),
            (&without, Some(7), None),
            (&with, Some(7), Some(Some(7))),
            (&with, Some(8), None),
            (&with, None, None),
        ] {
            assert_eq!(settings.fixed_seed(asked).ok(), seed, "{asked:?}");
        }
    }
}
