//! Settings of the evaluation service. Unknown keys are refused, every limit has a range, secrets
//! stand in files that the settings name.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use record::SiteId;
use serde::Deserialize;

use crate::front::server::Connections;
use crate::front::settings::{InboxGuard, Tls};
use crate::front::start::{Problem, StartError};

/// The settings file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Address and port inside the closed network.
    pub(crate) listen: SocketAddr,
    /// Its own folder: how much each site has asked.
    pub(crate) state: PathBuf,
    /// Certificates.
    pub(crate) tls: Tls,
    /// The core's list of stopped sites, read again when it changes. Its folder holds nothing
    /// secret.
    #[serde(default)]
    pub(crate) blocked: Option<PathBuf>,
    /// The keys, one for each epoch that devices may ask for.
    #[serde(rename = "key")]
    pub(crate) keys: Vec<Key>,
    /// Sites that may ask more or less than `limits.evaluations_per_day`.
    #[serde(default, rename = "site")]
    sites: Vec<Site>,
    /// Whether the service starts on a kernel that cannot keep it from other files (Landlock, Linux
    /// 6.2): `required` or `best-effort`.
    #[serde(default = "required")]
    pub(crate) file_guard: InboxGuard,
    /// Bounds.
    #[serde(default)]
    pub(crate) limits: Limits,
}

fn required() -> InboxGuard {
    InboxGuard::Required
}

/// A key of an epoch.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Key {
    /// The epoch.
    pub(crate) epoch: u16,
    /// One line `sekisho-evaluation-secret-v1:…`.
    pub(crate) file: PathBuf,
}

/// What one site may ask.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Site {
    site: SiteId,
    /// Instead of `limits.evaluations_per_day`; the same range.
    evaluations_per_day: u64,
}

/// Bounds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Evaluations that one site may ask for in a day: 1,000 to 10^10. A person takes about a
    /// dozen.
    pub(crate) evaluations_per_day: u64,
    /// Questions that are worked on at once, each by a thread: 1 to 256.
    pub(crate) threads: usize,
    /// Open connections: 1 to 10,000.
    pub(crate) connections: usize,
    /// Open connections of one site: 1 to 1,000.
    pub(crate) connections_per_site: usize,
    /// Seconds for a TLS handshake: 1 to 60.
    pub(crate) handshake_seconds: u64,
    /// Seconds for one request, and between two on a connection: 1 to 600.
    pub(crate) idle_seconds: u64,
    /// Seconds that requests may still take after SIGTERM: 1 to 600.
    pub(crate) drain_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            evaluations_per_day: 500_000,
            threads: 4,
            connections: 256,
            connections_per_site: 16,
            handshake_seconds: 10,
            idle_seconds: 60,
            drain_seconds: 20,
        }
    }
}

const PER_DAY: (u64, u64) = (1_000, 10_000_000_000);

impl Limits {
    /// Bounds of connections.
    pub(crate) fn connections(&self) -> Connections {
        Connections {
            most: self.connections,
            of_site: self.connections_per_site,
            handshake: Duration::from_secs(self.handshake_seconds),
            idle: Duration::from_secs(self.idle_seconds),
            drain: Duration::from_secs(self.drain_seconds),
        }
    }
}

impl Settings {
    /// Reads and checks the settings file. Paths in it are taken relative to it.
    ///
    /// # Errors
    /// The file cannot be read, or names something that is unknown or out of range.
    pub(crate) fn load(path: &Path) -> Result<Self, StartError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| StartError::because(Problem::Settings, path.display(), error))?;
        let mut settings = Self::parse(&text)?;
        let base = path.parent().unwrap_or(Path::new(""));
        let tls = &mut settings.tls;
        let files = settings.keys.iter_mut().map(|key| &mut key.file);
        let files = files.chain([
            &mut settings.state,
            &mut tls.certificate,
            &mut tls.private_key,
            &mut tls.client_authority,
            &mut tls.revocations,
        ]);
        for file in files.chain(&mut settings.blocked) {
            *file = base.join(&*file);
        }
        Ok(settings)
    }

    fn parse(text: &str) -> Result<Self, StartError> {
        let settings: Self = toml::from_str(text)
            .map_err(|error| StartError::new(Problem::Settings, error.to_string()))?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), StartError> {
        let limits = &self.limits;
        let per_day = self.sites.iter().map(|site| site.evaluations_per_day);
        let per_day = per_day
            .chain([limits.evaluations_per_day])
            .map(|value| ("evaluations_per_day", value, PER_DAY.0, PER_DAY.1));
        for (key, value, least, most) in per_day.chain([
            ("threads", limits.threads as u64, 1, 256),
            ("connections", limits.connections as u64, 1, 10_000),
            (
                "connections_per_site",
                limits.connections_per_site as u64,
                1,
                1_000,
            ),
            ("handshake_seconds", limits.handshake_seconds, 1, 60),
            ("idle_seconds", limits.idle_seconds, 1, 600),
            ("drain_seconds", limits.drain_seconds, 1, 600),
        ]) {
            if !(least..=most).contains(&value) {
                let detail = format!("{key} = {value}: must be {least} to {most}");
                return Err(StartError::new(Problem::Settings, detail));
            }
        }
        let mut epochs = BTreeMap::new();
        for key in &self.keys {
            if epochs.insert(key.epoch, ()).is_some() {
                let detail = format!("key of epoch {} twice", key.epoch);
                return Err(StartError::new(Problem::Settings, detail));
            }
        }
        match epochs.is_empty() {
            true => Err(StartError::new(Problem::Settings, "key: none")),
            false => Ok(()),
        }
    }

    /// The one folder that the service goes on using once it serves.
    pub(crate) fn allowances(&self) -> PathBuf {
        self.state.join("allowances")
    }

    /// What one site may ask for in a day.
    pub(crate) fn per_day(&self, site: &SiteId) -> u64 {
        let own = self.sites.iter().find(|own| own.site == *site);
        own.map_or(self.limits.evaluations_per_day, |own| {
            own.evaluations_per_day
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "listen = \"127.0.0.1:1\"\nstate = \"s\"\n\
         [tls]\ncertificate = \"c\"\nprivate_key = \"k\"\nclient_authority = \"a\"\n\
         revocations = \"r\"\n";
    const KEY: &str = "[[key]]\nepoch = 2\nfile = \"k\"\n";

    /// The commented example that is handed out with the unit.
    #[test]
    fn the_example_beside_the_unit_is_read() {
        let example = include_str!("../../../systemd/examples/evaluate.toml");
        let settings = Settings::parse(example).unwrap();
        assert_eq!(settings.keys.len(), 1);
        assert_eq!(settings.file_guard, InboxGuard::Required);
        let unit = include_str!("../../../systemd/sekisho-evaluate.service");
        let port = format!("SocketBindAllow=ipv4:tcp:{}\n", settings.listen.port());
        assert!(unit.contains(&port), "the unit has another port");
        let key = settings.keys[0].file.file_name().unwrap().to_str().unwrap();
        assert!(unit.contains(&format!("LoadCredentialEncrypted={key}:")));
        assert!(unit.contains("LimitCORE=0\n"));
    }

    #[test]
    fn settings_that_are_wrong_are_refused_by_name() {
        let settings = Settings::parse(&format!(
            "{BASE}{KEY}[[site]]\nsite = \"HOSP-A\"\nevaluations_per_day = 2000\n"
        ));
        let settings = settings.unwrap();
        assert_eq!(settings.per_day(&"HOSP-A".parse().unwrap()), 2_000);
        assert_eq!(settings.per_day(&"HOSP-B".parse().unwrap()), 500_000);
        for (text, named) in [
            (BASE.to_owned(), "key"),
            (
                format!("{BASE}{KEY}").replace("revocations", "revoked"),
                "revoked",
            ),
            (
                format!("{BASE}{KEY}").replace("revocations = \"r\"\n", ""),
                "revocations",
            ),
            (format!("{BASE}{KEY}{KEY}"), "epoch 2 twice"),
            (format!("unknown = 1\n{BASE}{KEY}"), "unknown"),
            (format!("{BASE}{KEY}[limits]\nthreads = 0\n"), "threads"),
            (
                format!("{BASE}{KEY}[limits]\nevaluations_per_day = 999\n"),
                "evaluations_per_day",
            ),
            (
                format!("{BASE}{KEY}[[site]]\nsite = \"HOSP-A\"\nevaluations_per_day = 0\n"),
                "evaluations_per_day",
            ),
        ] {
            let told = Settings::parse(&text).unwrap_err().to_string();
            assert!(told.starts_with("C101") && told.contains(named), "{told}");
        }
    }
}
