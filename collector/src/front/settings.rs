//! Settings of the front. Unknown keys are refused, every limit has a range, secrets stand in
//! files that the settings name.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use envelope::FrontId;
use jiff::SignedDuration;
use serde::Deserialize;

use crate::front::server::Connections;
use crate::front::start::{Problem, StartError};

/// The settings file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The name of this front in receipts: letters, digits, `.` and `-`.
    pub(crate) name: FrontId,
    /// Address and port inside the closed network.
    pub(crate) listen: SocketAddr,
    /// Whether to start when the kernel cannot make the inbox unreadable.
    #[serde(default)]
    pub(crate) inbox_guard: InboxGuard,
    /// Where files go.
    pub(crate) folders: Folders,
    /// Letters of the core to devices. Without it, none are handed out.
    #[serde(default)]
    pub(crate) letters: Option<Letters>,
    /// Requests of devices for certificates. Without it, none are taken.
    #[serde(default)]
    pub(crate) certificates: Option<Certificates>,
    /// The core's list of sites that are stopped.
    #[serde(default)]
    pub(crate) blocked: Option<PathBuf>,
    /// Certificates.
    pub(crate) tls: Tls,
    /// Keys.
    pub(crate) keys: Keys,
    /// Bounds.
    #[serde(default)]
    pub(crate) limits: Limits,
}

/// What to do when the kernel has no Landlock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum InboxGuard {
    /// Do not start.
    #[default]
    Required,
    /// Start, and say so in the log. For trials on old kernels only.
    BestEffort,
}

/// Three folders on one file system, none inside another. They must exist.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Folders {
    /// Whole batches, for the core. The front only adds to it.
    pub(crate) inbox: PathBuf,
    /// Batches on their way in.
    pub(crate) staging: PathBuf,
    /// Receipts that were given.
    pub(crate) receipts: PathBuf,
}

/// Two folders, none of them inside another.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Letters {
    /// Letters to devices, one folder for each site. The front only reads.
    pub(crate) outbox: PathBuf,
    /// What devices answered, for the core.
    pub(crate) answers: PathBuf,
}

/// Two folders, none of them inside another, and where newcomers ask.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Certificates {
    /// Requests, for the authority. The front only adds to it.
    pub(crate) requests: PathBuf,
    /// The authority's answers. The front only reads.
    pub(crate) answers: PathBuf,
    /// Address and port for devices without a valid certificate. Nothing but requests for one is
    /// heard there.
    #[serde(default)]
    pub(crate) newcomers: Option<SocketAddr>,
}

/// PEM files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// The front's certificate, with intermediates.
    pub(crate) certificate: PathBuf,
    /// Its private key.
    pub(crate) private_key: PathBuf,
    /// The authority that issues device certificates. No public authority is trusted.
    pub(crate) client_authority: PathBuf,
    /// The revocation list of whoever issues them, read again when it changes. Its folder holds
    /// nothing secret.
    pub(crate) revocations: PathBuf,
}

/// Files that hold keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keys {
    /// Signs receipts: one line `sekisho-signing-v1:…`.
    pub(crate) receipt: PathBuf,
}

/// Bounds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Largest batch in bytes: 64 KiB to 1 GiB.
    pub(crate) batch_bytes: u64,
    /// Largest chunk in bytes: 4 KiB to 16 MiB. Each chunk in flight takes as much memory.
    pub(crate) chunk_bytes: usize,
    /// Chunks in flight over all sites: 1 to 1024.
    pub(crate) chunks_in_flight: usize,
    /// Chunks in flight of one site: 1 to 64. What is left of `chunks_in_flight` is for the others.
    pub(crate) chunks_per_site: usize,
    /// Batches of one site on their way in: 1 to 64.
    pub(crate) uploads_per_site: usize,
    /// Bytes that one site may send in a day, a batch counting for 1 MiB at least: 64 MiB to 16
    /// TiB. No less than `batch_bytes`, or the largest batch would never pass.
    pub(crate) bytes_per_site_and_day: u64,
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
    /// Hours after which an upload that does not go on is given up: 1 to 8760.
    pub(crate) stale_upload_hours: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_bytes: 64 << 20,
            chunk_bytes: 4 << 20,
            chunks_in_flight: 16,
            chunks_per_site: 2,
            uploads_per_site: 4,
            bytes_per_site_and_day: 64 << 30,
            connections: 256,
            connections_per_site: 8,
            handshake_seconds: 10,
            idle_seconds: 60,
            drain_seconds: 20,
            stale_upload_hours: 168,
        }
    }
}

impl Limits {
    /// Bounds of connections.
    pub(crate) fn connections(&self) -> Connections {
        Connections {
            most: self.connections,
            of_site: self.connections_per_site,
            handshake: Duration::from_secs(self.handshake_seconds),
            idle: self.idle(),
            drain: Duration::from_secs(self.drain_seconds),
        }
    }

    pub(crate) fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_seconds)
    }

    pub(crate) fn stale_upload(&self) -> SignedDuration {
        SignedDuration::from_hours(self.stale_upload_hours)
    }

    fn check(&self) -> Result<(), StartError> {
        for (key, value, least, most) in [
            ("batch_bytes", self.batch_bytes, 64 << 10, 1 << 30),
            ("chunk_bytes", self.chunk_bytes as u64, 4 << 10, 16 << 20),
            ("chunks_in_flight", self.chunks_in_flight as u64, 1, 1024),
            ("chunks_per_site", self.chunks_per_site as u64, 1, 64),
            ("uploads_per_site", self.uploads_per_site as u64, 1, 64),
            (
                "bytes_per_site_and_day",
                self.bytes_per_site_and_day,
                self.batch_bytes.max(64 << 20),
                16 << 40,
            ),
            (
                "connections_per_site",
                self.connections_per_site as u64,
                1,
                1_000,
            ),
            ("connections", self.connections as u64, 1, 10_000),
            ("handshake_seconds", self.handshake_seconds, 1, 60),
            ("idle_seconds", self.idle_seconds, 1, 600),
            ("drain_seconds", self.drain_seconds, 1, 600),
            (
                "stale_upload_hours",
                self.stale_upload_hours.cast_unsigned(),
                1,
                8760,
            ),
        ] {
            if !(least..=most).contains(&value) {
                let detail = format!("limits.{key} = {value}: must be {least} to {most}");
                return Err(StartError::new(Problem::Settings, detail));
            }
        }
        Ok(())
    }
}

impl Settings {
    /// Reads and checks a settings file.
    ///
    /// # Errors
    /// The file is missing, is not TOML, has an unknown key or a value outside its range.
    pub(crate) fn load(path: &Path) -> Result<Self, StartError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| StartError::because(Problem::Settings, path.display(), error))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, StartError> {
        let settings: Self =
            toml::from_str(text).map_err(|error| StartError::new(Problem::Settings, error))?;
        settings.limits.check()?;
        settings.check_folders()?;
        Ok(settings)
    }
}

impl Settings {
    /// Folders that are written and read while the front serves, by their keys.
    fn named(&self) -> Vec<(&'static str, &Path)> {
        let Folders {
            inbox,
            staging,
            receipts,
        } = &self.folders;
        let mut named = vec![
            ("folders.inbox", inbox.as_path()),
            ("folders.staging", staging),
            ("folders.receipts", receipts),
        ];
        if let Some(letters) = &self.letters {
            named.push(("letters.outbox", &letters.outbox));
            named.push(("letters.answers", &letters.answers));
        }
        if let Some(certificates) = &self.certificates {
            named.push(("certificates.requests", &certificates.requests));
            named.push(("certificates.answers", &certificates.answers));
        }
        named
    }

    /// Files that are read while the front serves, by their keys.
    fn told(&self) -> Vec<(&'static str, &Path)> {
        let blocked = self.blocked.as_deref();
        let blocked = blocked.map(|path| ("blocked", path));
        let revocations = ("tls.revocations", self.tls.revocations.as_path());
        [revocations].into_iter().chain(blocked).collect()
    }

    /// Folders of which the front may read what stands directly in them: those of files that are
    /// replaced while it serves.
    pub(crate) fn told_folders(&self) -> Vec<&Path> {
        let told = self.told().into_iter();
        told.filter_map(|(_, path)| path.parent()).collect()
    }

    /// A folder inside another would inherit what the front may do there.
    fn check_folders(&self) -> Result<(), StartError> {
        let named = self.named();
        let refused = |key: &str| {
            let detail = format!("{key}: must be absolute and not inside another folder");
            Err(StartError::new(Problem::Settings, detail))
        };
        for (key, folder) in &named {
            let nested = |(other, outer): &(&str, &Path)| other != key && folder.starts_with(outer);
            if !folder.is_absolute() || named.iter().any(nested) {
                return refused(key);
            }
        }
        for (key, file) in self.told() {
            // Its folder becomes readable, so none of the others may lie in it, nor it in them.
            let folder = file.parent().unwrap_or(file);
            let apart = |(_, other): &(&str, &Path)| {
                !folder.starts_with(other) && !other.starts_with(folder)
            };
            if !file.is_absolute() || !named.iter().all(apart) {
                return refused(key);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"
        name = "front-1"
        listen = "127.0.0.1:8443"
        [folders]
        inbox = "/srv/inbox"
        staging = "/srv/staging"
        receipts = "/srv/receipts"
        [tls]
        certificate = "/etc/front.pem"
        private_key = "/etc/front.key"
        client_authority = "/etc/devices.pem"
        revocations = "/srv/told/devices.crl"
        [keys]
        receipt = "/etc/receipt.key"
    "#;

    #[test]
    fn limits_have_defaults_inside_their_ranges() {
        let settings = Settings::parse(SAMPLE).unwrap();
        assert_eq!(settings.inbox_guard, InboxGuard::Required);
        assert_eq!(settings.limits.batch_bytes, 64 << 20);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        for (from, to, named) in [
            ("name = \"front-1\"", "name = \"front 1\"", "name"),
            ("name = \"front-1\"", "nom = \"front-1\"", "nom"),
            (
                "[keys]",
                "[limits]\nbatch_bytes = 1\n[keys]",
                "limits.batch_bytes",
            ),
            (
                "[keys]",
                "[limits]\nbatch_bytes = 100_000_000\nbytes_per_site_and_day = 99_000_000\n[keys]",
                "limits.bytes_per_site_and_day",
            ),
            (
                "[keys]",
                "[limits]\nconnections = 0\n[keys]",
                "limits.connections",
            ),
            ("/srv/staging", "/srv/inbox/staging", "folders.staging"),
            ("/srv/receipts", "/srv/inbox", "folders.inbox"),
            ("/srv/inbox", "inbox", "folders.inbox"),
            (
                "[folders]",
                "blocked = \"/srv/blocked\"\n[folders]",
                "blocked",
            ),
            (
                "/srv/told/devices.crl",
                "/srv/staging/crl",
                "tls.revocations",
            ),
        ] {
            let text = SAMPLE.replace(from, to);
            let error = Settings::parse(&text).unwrap_err().to_string();
            assert!(error.contains("C101") && error.contains(named), "{error}");
        }
    }
}
