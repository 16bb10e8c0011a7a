//! Settings of the gateway program.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use record::SiteId;
use serde::Deserialize;

use crate::SettingsError;
use crate::clock::Clock;
use crate::consent::{Contract, Notice};
use crate::error::range;
use crate::extended::Extended;
use crate::feed::Feed;
use crate::imports::Import;
use crate::keys::refuse_renamed;
use crate::network::{self, Network};
use crate::upload::Upload;

/// Everything that the gateway can be told. `config/examples/gateway.toml` is a commented file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The site (医療情報取扱事業者) this appliance stands at.
    pub site: SiteId,
    /// Where records are read.
    pub source: Source,
    /// Who was notified and who said no.
    pub ledger: Ledger,
    /// On which ground records may leave: individual and collective contracts. Without one that
    /// is in force and filed nothing does.
    #[serde(default)]
    pub contracts: Vec<Contract>,
    /// How persons are told.
    #[serde(default)]
    pub notice: Notice,
    /// Where the gateway keeps its state and its queue.
    pub state: State,
    /// Files that hold keys.
    pub keys: Keys,
    /// Where sealed batches go.
    pub front: Front,
    /// The closed network that leads there. Needed for every transport but `laboratory`.
    #[serde(default)]
    pub network: Option<Network>,
    /// When and how fast batches go out.
    #[serde(default)]
    pub upload: Upload,
    /// Media for batches that do not go by the line.
    #[serde(default)]
    pub bundle: Bundle,
    /// By what the clock is known to be right.
    #[serde(default)]
    pub clock: Clock,
    /// The evaluation service of the centre. Needed where a key of linkage tokens is there.
    #[serde(default)]
    pub evaluation: Option<Evaluation>,
    /// Letters of the centre: stop orders, and words of whom it has erased. Without it, none are
    /// fetched.
    #[serde(default)]
    pub letters: Option<Letters>,
    /// Names of the house's own codes.
    #[serde(default)]
    pub dictionary: Dictionary,
    /// Bounds.
    #[serde(default)]
    pub limits: Limits,
}

/// Media for batches that do not go by the line.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Numbers of the registered media, at most 100.
    #[serde(default)]
    pub media: Vec<String>,
}

/// Names of the house's own codes (B-111).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dictionary {
    /// Whether those that ten patients have, and that name nobody, are told to the centre.
    #[serde(default)]
    pub send: bool,
}

/// The SS-MIX2 storages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Root folders of the standardized storage: one, or one per volume.
    pub storages: Vec<PathBuf>,
    /// The extended storage.
    #[serde(default)]
    pub extended: Extended,
    /// How changes are found.
    #[serde(default)]
    pub changes: Changes,
    /// What the site's exporter tells of its changes.
    #[serde(default)]
    pub feed: Feed,
    /// How gently the source is read.
    #[serde(default)]
    pub pace: Pace,
    /// The municipality whose own numbers of persons (宛名番号) the source knows.
    #[serde(default)]
    pub municipality: Option<Municipality>,
}

/// Which of a patient's numbers is the municipality's, and the key of its token.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Municipality {
    /// The assigning authority that stands beside such a number: 1 to 200 characters.
    pub authority: String,
    /// Key of the municipality, the same at all sites that know its numbers.
    pub key: PathBuf,
}

impl Source {
    /// The root folders of all storages, those of the standardized storage first.
    pub fn roots(&self) -> Vec<PathBuf> {
        let roots = self.storages.iter().chain(&self.extended.storages);
        roots.cloned().collect()
    }
}

/// How changes since the last run are found.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Changes {
    /// By which means.
    pub mode: ChangeMode,
    /// A patient with something younger than this is visited again at the next run, because the
    /// source's clock may be coarse or wrong: 0 to 86,400 seconds.
    pub margin_seconds: u32,
    /// Documents whose files vanished without a deletion mark are taken back, unless this share of
    /// the known patients lost something in one run: 0 to 100 percent. 0 never takes back.
    pub vanished_percent: u8,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            mode: ChangeMode::Inventory,
            margin_seconds: 60,
            vanished_percent: 5,
        }
    }
}

/// The means by which changes are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeMode {
    /// Names, sizes, times and inodes of all files are compared with those of the last run.
    Inventory,
    /// Only the newest inode change and the number of entries of each patient are compared.
    Ctime,
    /// The transaction storage names the patients.
    Transactions,
    /// The index database, exported as CSV, names the patients.
    IndexCsv,
    /// The index database itself names the patients.
    IndexPostgres,
}

/// How gently the source is read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pace {
    /// Most files looked at or opened per second: 0 for no bound, up to 1,000,000.
    pub files_per_second: u32,
    /// Most files and folders held open on the source: 16 to 4,096.
    pub open_files: u32,
    /// Reading pauses while the source answers slower than twice its idle time. Below this many
    /// microseconds it never counts as slow: 1 to 10,000,000.
    pub latency_floor_microseconds: u32,
    /// A file-system call that takes longer counts as hung; its folder is left out: 1 to 3,600.
    pub hung_after_seconds: u32,
    /// With more calls hung at once than this, the run ends: 1 to 64.
    pub hung_calls: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            files_per_second: 0,
            open_files: 128,
            latency_floor_microseconds: 1_000,
            hung_after_seconds: 30,
            hung_calls: 8,
        }
    }
}

/// Two CSV files kept by the site.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// 通知台帳: `patient_id,notified_on,document_version,method`.
    pub notices: PathBuf,
    /// 提供停止一覧: `patient_id,requested_on,requester`.
    pub stops: PathBuf,
    /// Files of the hospital's own systems, taken in at the command line: at most 50 kinds.
    #[serde(default)]
    pub imports: Vec<Import>,
}

/// Where the gateway keeps its state.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// A folder of its own on the encrypted data partition.
    pub folder: PathBuf,
    /// A folder for a few numbers about how it stands, which the agent reads.
    #[serde(default)]
    pub status: Option<PathBuf>,
    /// A folder in which the control channel leaves what the centre has ordered of the device. The
    /// gateway only reads it, and does nothing while it cannot.
    #[serde(default)]
    pub standing: Option<PathBuf>,
}

/// Files that hold keys, normally systemd credentials.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Key of the linkage tokens, shared by all sites; or the public key of the evaluation service
    /// that has it.
    pub token: PathBuf,
    /// Key of this site's references.
    pub site: PathBuf,
    /// Key that signs this site's manifests.
    pub signing: PathBuf,
    /// Public key of the core.
    pub core: PathBuf,
    /// The core's next public key, while it changes: batches are then sealed for both.
    pub core_next: Option<PathBuf>,
    /// Key that encrypts the ledger. Without one, the appliance draws its own and keeps it in the
    /// state folder.
    pub ledger: Option<PathBuf>,
    /// Public key of the vault, for contracts that have identities sealed for it.
    pub vault: Option<PathBuf>,
    /// Key of staff tokens, for contracts that have them.
    pub staff: Option<PathBuf>,
    /// Epoch of the token key.
    #[serde(default = "one")]
    pub token_epoch: u16,
    /// The key of the next epoch, while the fleet changes to it: every person then has the tokens
    /// of both.
    pub next: Option<NextKey>,
}

/// The key of linkage tokens to which the fleet is changing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextKey {
    /// Like `keys.token`.
    pub token: PathBuf,
    /// Epoch of that key; above the one in use.
    pub token_epoch: u16,
}

impl Keys {
    fn check(&self) -> Result<(), SettingsError> {
        // There is always room for a next one.
        range("keys.token_epoch", u64::from(self.token_epoch), 0, 65_534)?;
        let Some(next) = &self.next else {
            return Ok(());
        };
        let epoch = u64::from(next.token_epoch);
        range("keys.next.token_epoch", epoch, 2, 65_535)?;
        match next.token_epoch > self.token_epoch {
            true => Ok(()),
            false => Err(SettingsError::Range {
                key: "keys.next.token_epoch",
                value: next.token_epoch.to_string(),
                expected: "above keys.token_epoch".to_owned(),
            }),
        }
    }
}

fn one() -> u16 {
    1
}

/// The collector's front, as seen from here.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Front {
    /// Address and port inside the closed network. No name service takes part.
    pub address: SocketAddr,
    /// The name that the front's certificate must carry.
    pub server_name: String,
    /// Our own certificate authority (PEM). No public authority is trusted.
    pub authority: PathBuf,
    /// This device's certificate (PEM), where its key is a file. With a key in the TPM there is
    /// none but the one that the device was given when it was enrolled.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// Where keys of this device's certificate are made.
    #[serde(default)]
    pub private_key: PrivateKey,
    /// The socket of the key service, which uses the TPM.
    #[serde(default = "key_service")]
    pub key_service: PathBuf,
    /// Public key that signs receipts.
    pub receipt_key: PathBuf,
    /// Where the front hears devices without a valid certificate, for their first one.
    #[serde(default)]
    pub newcomers: Option<SocketAddr>,
    /// An HTTP proxy of the institution through which all connections to the centre go, as TLS
    /// between the two ends (CONNECT).
    #[serde(default)]
    pub proxy: Option<SocketAddr>,
    /// By which closed network batches travel.
    pub transport: Transport,
}

/// Where the private key of this device's certificate is (B-115).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "PathBuf")]
pub enum PrivateKey {
    /// In the TPM, which made it: `"tpm"`.
    #[default]
    Tpm,
    /// In this file (PEM): for machines without a TPM. A file of that name is `"./tpm"`.
    File(PathBuf),
}

impl From<PathBuf> for PrivateKey {
    fn from(text: PathBuf) -> Self {
        match text.as_os_str() == "tpm" {
            true => Self::Tpm,
            false => Self::File(text),
        }
    }
}

fn key_service() -> PathBuf {
    PathBuf::from(tpm::KEY_SERVICE)
}

impl Front {
    fn check(&self) -> Result<(), SettingsError> {
        self.check_key()?;
        self.check_proxy()
    }

    /// A certificate that is given belongs to a key that is given.
    fn check_key(&self) -> Result<(), SettingsError> {
        let expected = match (&self.private_key, &self.certificate) {
            (PrivateKey::Tpm, Some(_)) => "left out where front.private_key is \"tpm\"",
            (PrivateKey::File(_), None) => "given where front.private_key is a file",
            _ => return Ok(()),
        };
        let given = self.certificate.as_deref().unwrap_or(Path::new(""));
        Err(SettingsError::Range {
            key: "front.certificate",
            value: given.display().to_string(),
            expected: expected.to_owned(),
        })
    }

    /// A proxy stands on the line; behind the institution's end of a tunnel there is none.
    fn check_proxy(&self) -> Result<(), SettingsError> {
        match (self.proxy, self.transport) {
            (Some(proxy), Transport::Ipsec | Transport::Wireguard) => Err(SettingsError::Range {
                key: "front.proxy",
                value: proxy.to_string(),
                expected: "left out where the transport is a tunnel".to_owned(),
            }),
            _ => Ok(()),
        }
    }
}

/// Letters of the centre to this device.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Letters {
    /// The secret key of this device, for which they are sealed.
    pub device_key: PathBuf,
    /// The public key of the core that signs them.
    pub core_key: PathBuf,
}

/// The evaluation service of the centre, which keys linkage tokens without seeing of whom. It is
/// asked for epochs whose key file holds the service's public key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// Address and port inside the closed network. No name service takes part.
    pub address: SocketAddr,
    /// The name that the service's certificate must carry, of the authority under `front`.
    pub server_name: String,
    /// Seconds within which an answer has to be there: 1 to 60.
    #[serde(default = "ten")]
    pub timeout_seconds: u32,
}

fn ten() -> u32 {
    10
}

/// The closed networks that the ministry's guideline names, and the laboratory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// 専用線
    LeasedLine,
    /// 閉域 IP-VPN
    IpVpn,
    /// IPsec-VPN with IKEv2
    Ipsec,
    /// WireGuard, in a laboratory only: batches say `laboratory`.
    Wireguard,
    /// A test on loopback or a laboratory network: the core takes it only if told so.
    Laboratory,
}

/// Bounds of one run.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Threads that read files: 1 to 16.
    pub workers: usize,
    /// Largest source file in bytes: 1 KiB to 64 MiB. A larger one is quarantined.
    pub file_bytes: u64,
    /// Most files of one patient: 1 to 1,000,000. With more, the patient is quarantined.
    pub patient_files: usize,
    /// Documents after which a batch is closed: 1 to 100,000.
    pub batch_documents: usize,
    /// Content bytes after which a batch is closed: 64 KiB to 32 MiB.
    pub batch_bytes: usize,
    /// Most bytes waiting in the queue: 1 MiB to 1 TiB. When reached, collecting stops.
    pub spool_bytes: u64,
    /// Most days that a batch waits in the queue: 1 to 3,650. When the oldest has waited longer,
    /// collecting stops.
    pub spool_days: u32,
    /// Bytes of the disk that stay free: 0 to 1 TiB. Below it, collecting stops.
    pub reserve_bytes: u64,
    /// Bytes per upload request: 4 KiB to 4 MiB.
    pub chunk_bytes: usize,
    /// Tries per batch and run: 1 to 100.
    pub send_attempts: u32,
    /// Most quality reports that are kept: 1 to 10,000. The oldest go first.
    pub quality_files: usize,
    /// Most bytes of the quality reports that are kept: 1 MiB to 1 GiB.
    pub quality_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            workers: 2,
            file_bytes: 16 << 20,
            patient_files: 200_000,
            batch_documents: 5_000,
            batch_bytes: 8 << 20,
            spool_bytes: 8 << 30,
            spool_days: 90,
            reserve_bytes: 256 << 20,
            chunk_bytes: 1 << 20,
            send_attempts: 6,
            quality_files: 400,
            quality_bytes: 64 << 20,
        }
    }
}

impl Limits {
    fn check(&self) -> Result<(), SettingsError> {
        let (wide, size) = (u64::from, |it: usize| it as u64);
        for (key, value, least, most) in [
            ("limits.workers", size(self.workers), 1, 16),
            ("limits.file_bytes", self.file_bytes, 1 << 10, 64 << 20),
            (
                "limits.patient_files",
                size(self.patient_files),
                1,
                1_000_000,
            ),
            (
                "limits.batch_documents",
                size(self.batch_documents),
                1,
                100_000,
            ),
            (
                "limits.batch_bytes",
                size(self.batch_bytes),
                64 << 10,
                32 << 20,
            ),
            ("limits.spool_bytes", self.spool_bytes, 1 << 20, 1 << 40),
            ("limits.spool_days", wide(self.spool_days), 1, 3_650),
            ("limits.reserve_bytes", self.reserve_bytes, 0, 1 << 40),
            (
                "limits.chunk_bytes",
                size(self.chunk_bytes),
                4 << 10,
                4 << 20,
            ),
            ("limits.send_attempts", wide(self.send_attempts), 1, 100),
            ("limits.quality_files", size(self.quality_files), 1, 10_000),
            ("limits.quality_bytes", self.quality_bytes, 1 << 20, 1 << 30),
        ] {
            range(key, value, least, most)?;
        }
        Ok(())
    }
}

impl Source {
    fn check(&self) -> Result<(), SettingsError> {
        self.feed.check()?;
        if let Some(municipality) = &self.municipality {
            let characters = municipality.authority.trim().chars().count() as u64;
            range("source.municipality.authority", characters, 1, 200)?;
        }
        let (feed, mode) = (&self.feed, self.changes.mode);
        let section = match mode {
            ChangeMode::Inventory | ChangeMode::Ctime => None,
            ChangeMode::Transactions => Some(feed.transactions.is_some()),
            ChangeMode::IndexCsv => Some(feed.index_csv.is_some()),
            ChangeMode::IndexPostgres => Some(feed.index_postgres.is_some()),
        };
        if section == Some(false) {
            return Err(SettingsError::Range {
                key: "source.changes.mode",
                value: format!("{mode:?}"),
                expected: "given together with its section under source.feed".to_owned(),
            });
        }
        let (changes, pace) = (&self.changes, &self.pace);
        let wide = u64::from;
        for (key, value, least, most) in [
            ("source.storages", self.storages.len() as u64, 1, 64),
            (
                "source.changes.margin_seconds",
                wide(changes.margin_seconds),
                0,
                86_400,
            ),
            (
                "source.changes.vanished_percent",
                u64::from(changes.vanished_percent),
                0,
                100,
            ),
            (
                "source.pace.files_per_second",
                wide(pace.files_per_second),
                0,
                1_000_000,
            ),
            // Every volume is held open, and one reader holds up to eight more.
            (
                "source.pace.open_files",
                wide(pace.open_files),
                16 + self.storages.len() as u64,
                4_096,
            ),
            (
                "source.pace.latency_floor_microseconds",
                wide(pace.latency_floor_microseconds),
                1,
                10_000_000,
            ),
            (
                "source.pace.hung_after_seconds",
                wide(pace.hung_after_seconds),
                1,
                3_600,
            ),
            ("source.pace.hung_calls", wide(pace.hung_calls), 1, 64),
        ] {
            range(key, value, least, most)?;
        }
        Ok(())
    }
}

impl Settings {
    /// Parses and checks a settings text.
    ///
    /// # Errors
    /// Not TOML, an unknown key, a value out of range.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        refuse_renamed(&toml::from_str(text)?)?;
        let settings: Self = toml::from_str(text)?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsError> {
        self.source.check()?;
        self.source.extended.check()?;
        self.keys.check()?;
        if let Some(evaluation) = &self.evaluation {
            let seconds = u64::from(evaluation.timeout_seconds);
            range("evaluation.timeout_seconds", seconds, 1, 60)?;
        }
        let roots = self.source.roots().len() as u64;
        range("source.extended.storages", roots, 1, 64)?;
        self.limits.check()?;
        let contracts = self.contracts.len() as u64;
        range("contracts", contracts, 0, 100)?;
        self.contracts.iter().try_for_each(Contract::check)?;
        self.check_agreed()?;
        self.notice.check()?;
        self.upload.check()?;
        range("bundle.media", self.bundle.media.len() as u64, 0, 100)?;
        network::check(self.network.as_ref(), self.front.transport)?;
        self.front.check()?;
        let imports = &self.ledger.imports;
        range("ledger.imports", imports.len() as u64, 0, 50)?;
        imports.iter().try_for_each(Import::check)?;
        self.clock.check()
    }

    /// What a contract lets leave needs its key.
    fn check_agreed(&self) -> Result<(), SettingsError> {
        let any = |says: fn(&Contract) -> bool| self.contracts.iter().any(says);
        let lacking = |key, file: &str| SettingsError::Range {
            key,
            value: "true".to_owned(),
            expected: format!("given together with {file}"),
        };
        if any(|it| it.identity_envelope) && self.keys.vault.is_none() {
            return Err(lacking("contracts.identity_envelope", "keys.vault"));
        }
        if any(|it| it.staff_tokens) && self.keys.staff.is_none() {
            return Err(lacking("contracts.staff_tokens", "keys.staff"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../examples/gateway.toml");

    #[test]
    fn the_shipped_example_parses() {
        let settings = Settings::parse(EXAMPLE).unwrap();
        assert_eq!(settings.limits.workers, Limits::default().workers);
    }

    #[test]
    fn unknown_keys_and_values_out_of_range_are_refused_by_name() {
        for (from, to, named) in [
            ("[ledger]", "[ledger]\nextra = 1", "extra"),
            ("hold_days = 30", "hold_days = 29", "contracts.hold_days"),
            (
                "effective_from = \"2026-04-01\"",
                "effective_from = \"2026-02-30\"",
                "effective_from",
            ),
            ("site = \"HOSPITAL-1\"", "site = \"../etc\"", "identifier"),
            ("workers = 2", "workers = 0", "limits.workers"),
            ("mode = \"inventory\"", "mode = \"guess\"", "guess"),
            (
                "open_files = 128",
                "open_files = 16",
                "source.pace.open_files",
            ),
            (
                "transport = \"ip-vpn\"",
                "transport = \"internet\"",
                "internet",
            ),
            (
                "synchronized = \"/run",
                "synchronized = \"run",
                "clock.synchronized",
            ),
        ] {
            assert!(EXAMPLE.contains(from), "{from}");
            let error = Settings::parse(&EXAMPLE.replace(from, to))
                .unwrap_err()
                .to_string();
            assert!(error.contains(named), "{named}: {error}");
        }
    }

    /// B-115: without a word the key is in the TPM; a file is a file only with its certificate.
    #[test]
    fn where_the_key_is_and_whether_a_certificate_is_given_go_together() {
        let given = "certificate = \"/c\"\n";
        let file = PrivateKey::File(PathBuf::from("/k"));
        let named = PrivateKey::File(PathBuf::from("./tpm"));
        for (key, certificate, expected) in [
            ("", "", Some(PrivateKey::Tpm)),
            ("private_key = \"tpm\"\n", "", Some(PrivateKey::Tpm)),
            ("private_key = \"/k\"\n", given, Some(file)),
            ("private_key = \"./tpm\"\n", given, Some(named)),
            ("private_key = \"/k\"\n", "", None),
            ("private_key = \"tpm\"\n", given, None),
            ("", given, None),
        ] {
            let text = EXAMPLE.replace("private_key = \"tpm\"\n", &[key, certificate].concat());
            let read = Settings::parse(&text).map(|it| it.front.private_key);
            match (read, expected) {
                (Ok(read), Some(expected)) => assert_eq!(read, expected),
                (Err(error), None) => assert!(error.to_string().contains("front.certificate")),
                (read, expected) => panic!("{key}{certificate}: {read:?} {expected:?}"),
            }
        }
    }

    /// Examples that stand behind a `#` without a blank are settings too.
    #[test]
    fn the_feeds_of_the_shipped_example_parse() {
        let shown = |line: &str| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with([' ', '#']) => setting.to_owned(),
            _ => line.to_owned(),
        };
        let example: Vec<_> = EXAMPLE.lines().map(shown).collect();
        let example = example.join("\n");
        for mode in ["transactions", "index-csv", "index-postgres"] {
            let chosen = format!("mode = \"{mode}\"");
            let with = |text: &str| text.replace("mode = \"inventory\"", &chosen);
            let settings = Settings::parse(&with(&example)).unwrap();
            let feed = &settings.source.feed;
            assert!(feed.transactions.is_some() && feed.index_csv.is_some());
            assert!(feed.index_postgres.is_some());
            // Without its section, a mode would have nothing to read.
            assert!(Settings::parse(&with(EXAMPLE)).is_err(), "{mode}");
        }
        for (from, to, named) in [
            (
                "full_scan_every_days = 7",
                "full_scan_every_days = 32",
                "full_scan_every_days",
            ),
            ("fetch_rows = 500", "fetch_rows = 0", "fetch_rows"),
            (
                "server_name = \"index",
                "#",
                "source.feed.index_postgres.authority",
            ),
            // In clear only to this machine itself.
            (
                "authority = \"/etc/sekisho/index-authority.pem\"\nserver_name = \"index",
                "#",
                "the address is not of this machine",
            ),
            ("header = true", "header = false", "places.PatientID"),
            ("table = \"SSMIXIDX\"", "table = \"\"", "table"),
        ] {
            assert!(example.contains(from), "{from}");
            let error = Settings::parse(&example.replace(from, to)).unwrap_err();
            assert!(error.to_string().contains(named), "{named}: {error}");
        }
    }

    /// no key of the settings can switch the stop check off.
    #[test]
    fn no_setting_switches_the_gate_off() {
        for key in ["gate = false", "skip_gate = true", "ignore_stops = true"] {
            assert!(
                Settings::parse(&format!("{key}\n{EXAMPLE}")).is_err(),
                "{key}"
            );
        }
    }
}
