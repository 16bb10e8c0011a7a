//! Keys, certificates and settings of one centre and its sites, written into one folder.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use envelope::MacKey;
use jiff::civil::Date;
use privacy::separate::subject_ref;
use record::{ChartNumber, SubjectRef};

use crate::oblivious::Evaluate;
use crate::pki::{Authority, FRONT_NAME, make_keys};
use crate::process::free_address;

/// What a site of the deployment reads.
#[derive(Debug, Clone)]
pub struct SiteSource {
    /// Identifier of the site, as in certificates and manifests.
    pub site: String,
    /// Root folder of its storage.
    pub storage: PathBuf,
    /// Its notice ledger.
    pub notices: PathBuf,
    /// Its stop list.
    pub stops: PathBuf,
}

/// One site as deployed.
pub struct Site {
    /// What it reads.
    pub source: SiteSource,
    /// Its settings file.
    pub config: PathBuf,
    /// Its state folder.
    pub state: PathBuf,
    key: MacKey,
}

/// One centre with its sites.
pub struct Deployment {
    /// The folder that holds everything.
    pub root: PathBuf,
    /// The sites.
    pub sites: Vec<Site>,
    /// Settings of the front.
    pub front_config: PathBuf,
    /// Settings of the core.
    pub core_config: PathBuf,
    /// Where the core keeps its state.
    pub core_state: PathBuf,
    /// The inbox between front and core.
    pub inbox: PathBuf,
    /// Where the front listens.
    pub address: SocketAddr,
    /// The evaluation service.
    pub evaluate: Evaluate,
    /// See [`Deployment::fix_seed`].
    pub(crate) seed: Option<u64>,
}

/// What is the same for all sites of a deployment.
struct Shared<'a> {
    root: &'a Path,
    authority: &'a Authority,
    address: SocketAddr,
    effective_from: Date,
}

const EFFECTIVE_DAYS: i32 = 400;

/// The notice texts of the town, of the demonstration and of the tests.
const NOTICE_TEXTS: [&str; 5] = ["2024-04", "2024-12", "2025-01", "2025-10", "demo-1"];

impl Deployment {
    /// Makes a deployment under `root`, or opens the one that is there.
    ///
    /// Contracts have been in force for 400 days before `today`.
    ///
    /// # Errors
    /// A file cannot be written or a key cannot be made.
    pub fn prepare(root: &Path, sources: &[SiteSource], today: Date) -> Result<Self> {
        fs::create_dir_all(root)?;
        let root = &root.canonicalize()?;
        let address = free_address()?;
        let authority = Authority::open(&root.join("ca"))?;
        let effective_from = today.checked_sub(jiff::Span::new().days(EFFECTIVE_DAYS))?;
        let shared = Shared {
            root,
            authority: &authority,
            address,
            effective_from,
        };
        let names: Vec<_> = sources.iter().map(|source| source.site.as_str()).collect();
        make_keys(&root.join("keys"), &names)?;
        let sites = sources
            .iter()
            .map(|source| shared.site(source))
            .collect::<Result<Vec<_>>>()?;
        let (core_state, inbox) = (root.join("core/state"), root.join("inbox"));
        for folder in [
            &core_state,
            &inbox,
            &root.join("front/staging"),
            &root.join("front/receipts"),
            &root.join("outbox"),
            &root.join("answers"),
            &root.join("told"),
        ] {
            fs::create_dir_all(folder)?;
        }
        let blocked = root.join("told/blocked");
        if !blocked.exists() {
            fs::write(blocked, "")?;
        }
        let front_config = shared.front(&inbox)?;
        let core_config = shared.core(sources, &inbox, &core_state)?;
        let evaluate = Evaluate::prepare(root, &authority)?;
        let root = root.clone();
        let seed = None;
        Ok(Self {
            root,
            sites,
            front_config,
            core_config,
            core_state,
            inbox,
            address,
            evaluate,
            seed,
        })
    }

    /// Makes research IDs, offsets and release IDs repeatable: tests compare data sets by bytes.
    ///
    /// # Errors
    /// The core's settings cannot be written.
    pub fn fix_seed(&mut self, seed: u64) -> Result<()> {
        let settings = fs::read_to_string(&self.core_config)?;
        fs::write(
            &self.core_config,
            format!("danger_fixed_seed = {seed}\n{settings}"),
        )?;
        self.seed = Some(seed);
        Ok(())
    }

    /// The reference under which a site's patient is known at the core.
    ///
    /// # Errors
    /// There is no such site, its key cannot be read, or the text is no chart number.
    pub fn subject(&self, site: usize, chart: &str) -> Result<SubjectRef> {
        let site = self.sites.get(site).context("no such site")?;
        let chart = ChartNumber::new(chart).context("chart number")?;
        Ok(subject_ref(&chart, &site.key))
    }
}

fn read_key<K: std::str::FromStr>(path: &Path) -> Result<K> {
    let text = fs::read_to_string(path)?;
    text.trim()
        .parse()
        .ok()
        .with_context(|| format!("{} is no such key", path.display()))
}

impl Shared<'_> {
    fn site(&self, source: &SiteSource) -> Result<Site> {
        let folder = self.root.join("sites").join(&source.site);
        let state = folder.join("state");
        fs::create_dir_all(&folder)?;
        let keys = self.root.join("keys");
        let own = keys.join(&source.site);
        let (certificate, key) = (folder.join("device.pem"), folder.join("device.key"));
        self.authority
            .issue_device(&source.site, &certificate, &key)?;
        let settings = table([
            ("site", text(&source.site)),
            ("clock", confirmed(&folder)?),
            (
                "source",
                table([
                    ("storages", toml::Value::Array(vec![path(&source.storage)?])),
                    // What a test has just written is old enough.
                    (
                        "changes",
                        table([("margin_seconds", toml::Value::Integer(0))]),
                    ),
                ]),
            ),
            (
                "ledger",
                table([
                    ("notices", path(&source.notices)?),
                    ("stops", path(&source.stops)?),
                ]),
            ),
            (
                "contracts",
                toml::Value::Array(vec![self.contract(&source.site)]),
            ),
            ("notice", self.notice()),
            ("state", table([("folder", path(&state)?)])),
            (
                "keys",
                table([
                    ("token", path(&keys.join("token.key"))?),
                    ("site", path(&own.join("site.key"))?),
                    ("signing", path(&own.join("signing.key"))?),
                    ("core", path(&keys.join("core.pub"))?),
                ]),
            ),
            (
                "front",
                table([
                    ("address", text(&self.address.to_string())),
                    ("server_name", text(FRONT_NAME)),
                    ("authority", path(&self.root.join("front/authority.pem"))?),
                    ("certificate", path(&certificate)?),
                    ("private_key", path(&key)?),
                    ("receipt_key", path(&keys.join("receipt.pub"))?),
                    ("transport", text("laboratory")),
                ]),
            ),
            ("letters", letters_of(&keys, &own)?),
        ]);
        let config = folder.join("gateway.toml");
        write_settings(&config, settings)?;
        let key = read_key(&own.join("site.key"))?;
        Ok(Site {
            source: source.clone(),
            config,
            state,
            key,
        })
    }

    fn front(&self, inbox: &Path) -> Result<PathBuf> {
        let folder = self.root.join("front");
        let (certificate, key) = (folder.join("front.pem"), folder.join("front.key"));
        self.authority.write(&folder.join("authority.pem"))?;
        self.authority
            .issue_server(FRONT_NAME, &certificate, &key)?;
        let settings = table([
            ("name", text("front-1")),
            ("listen", text(&self.address.to_string())),
            // Kernels before Linux 6.2 cannot guard the inbox whole; the demo runs on them too.
            ("inbox_guard", text("best-effort")),
            (
                "folders",
                table([
                    ("inbox", path(inbox)?),
                    ("staging", path(&folder.join("staging"))?),
                    ("receipts", path(&folder.join("receipts"))?),
                ]),
            ),
            ("blocked", self.blocked()?),
            ("letters", self.letters()?),
            ("certificates", self.certificates()?),
            (
                "tls",
                table([
                    ("certificate", path(&certificate)?),
                    ("private_key", path(&key)?),
                    ("client_authority", path(&folder.join("authority.pem"))?),
                    ("revocations", path(&self.authority.revocations())?),
                ]),
            ),
            (
                "keys",
                table([("receipt", path(&self.root.join("keys/receipt.key"))?)]),
            ),
        ]);
        let config = folder.join("front.toml");
        write_settings(&config, settings)?;
        Ok(config)
    }

    fn core(&self, sources: &[SiteSource], inbox: &Path, state: &Path) -> Result<PathBuf> {
        let keys = self.root.join("keys");
        let mut sites = Vec::new();
        for source in sources {
            let key = fs::read_to_string(keys.join(&source.site).join("signing.pub"))?;
            let device = fs::read_to_string(keys.join(&source.site).join("device.pub"))?;
            sites.push(table([
                ("site", text(&source.site)),
                ("verifying_key", text(key.trim())),
                ("device_key", text(device.trim())),
                ("contract", text(&format!("C-{}", source.site))),
                ("filing_reference", text(&format!("F-{}", source.site))),
                ("effective_from", text(&self.effective_from.to_string())),
            ]));
        }
        let key_files = table([
            ("core", path(&keys.join("core.key"))?),
            ("rekey", path(&keys.join("rekey.key"))?),
            ("letters", path(&keys.join("letters.key"))?),
        ]);
        let settings = table([
            ("inbox", path(inbox)?),
            ("state", path(state)?),
            ("keys", key_files),
            ("blocked", self.blocked()?),
            ("letters", self.letters()?),
            ("transports", toml::Value::Array(vec![text("laboratory")])),
            ("site", toml::Value::Array(sites)),
        ]);
        let config = self.root.join("core/core.toml");
        write_settings(&config, settings)?;
        Ok(config)
    }

    /// Where core and front hand letters over to each other.
    fn letters(&self) -> Result<toml::Value> {
        Ok(table([
            ("outbox", path(&self.root.join("outbox"))?),
            ("answers", path(&self.root.join("answers"))?),
        ]))
    }

    /// Where the core tells the front which sites are stopped.
    fn blocked(&self) -> Result<toml::Value> {
        path(&self.root.join("told/blocked"))
    }

    /// Where devices ask for certificates.
    fn certificates(&self) -> Result<toml::Value> {
        Ok(table([
            ("requests", path(&self.root.join("ca/requests"))?),
            ("answers", path(&self.root.join("ca/answers"))?),
        ]))
    }

    /// Every text that the town and the tests hand out.
    fn notice(&self) -> toml::Value {
        let document = |version: &&str| {
            table([
                ("version", text(version)),
                ("published_on", text("2020-01-01")),
            ])
        };
        let documents = NOTICE_TEXTS.iter().map(document).collect();
        table([("documents", toml::Value::Array(documents))])
    }

    fn contract(&self, site: &str) -> toml::Value {
        table([
            ("id", text(&format!("C-{site}"))),
            ("filing_reference", text(&format!("F-{site}"))),
            ("filed_on", text(&self.effective_from.to_string())),
            ("effective_from", text(&self.effective_from.to_string())),
        ])
    }
}

/// In the place of the time service: the clock of a machine that tests is right.
fn confirmed(folder: &Path) -> Result<toml::Value> {
    let synchronized = folder.join("synchronized");
    fs::write(&synchronized, "")?;
    Ok(table([("synchronized", path(&synchronized)?)]))
}

/// What a site knows of letters.
fn letters_of(keys: &Path, own: &Path) -> Result<toml::Value> {
    Ok(table([
        ("device_key", path(&own.join("device.key"))?),
        ("core_key", path(&keys.join("letters.pub"))?),
    ]))
}

fn text(value: &str) -> toml::Value {
    toml::Value::String(value.to_owned())
}

fn path(value: &Path) -> Result<toml::Value> {
    value
        .to_str()
        .map(text)
        .with_context(|| format!("{} is not text", value.display()))
}

fn table<const N: usize>(entries: [(&str, toml::Value); N]) -> toml::Value {
    let entries: BTreeMap<_, _> = entries.into_iter().collect();
    toml::Value::Table(
        entries
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    )
}

fn write_settings(path: &Path, settings: toml::Value) -> Result<()> {
    fs::write(path, toml::to_string(&settings)?).with_context(|| path.display().to_string())
}
