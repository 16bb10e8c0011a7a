//! Settings of the control channel: TOML, read once and checked.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use control::{AbsentDays, DeviceId};
use serde::Deserialize;

use crate::error::ControlError;

/// Most bytes of a settings file.
const FILE_MAX: u64 = 64 << 10;

/// All settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The device, as its certificate names it: `HOSP-A:box-1`.
    pub(crate) device: DeviceId,
    pub(crate) broker: Broker,
    pub(crate) orders: Orders,
    pub(crate) folders: Folders,
    pub(crate) lost: Option<Lost>,
}

/// The broker at the centre.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Broker {
    /// Address and port. No name: nobody is asked who the centre is.
    pub(crate) address: SocketAddr,
    /// The name in its certificate.
    pub(crate) server_name: String,
    /// The certificate of the authority that it is believed by, PEM.
    pub(crate) authority: PathBuf,
    /// The interface of the closed network, out of which alone it is called. Needs to be named
    /// everywhere but in a laboratory.
    pub(crate) interface: Option<String>,
}

/// Whose orders count.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Orders {
    /// Public keys of the persons at the centre, `sekisho-verifying-v1:…`. At least two, or the
    /// jobs that ask for two persons can never be done.
    pub(crate) signers: Vec<String>,
}

/// What a device does that the centre has not heard of for very long (B-024). Without it: nothing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lost {
    /// After how many days the keys of the data are destroyed.
    pub(crate) days: AbsentDays,
    /// Where the panel is told beforehand.
    pub(crate) notices: PathBuf,
}

/// Where things lie on the device.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Folders {
    /// What the program keeps; nobody else writes there.
    pub(crate) state: PathBuf,
    /// What holds for the data path: whether it is paused or quarantined. The gateway reads it.
    pub(crate) standing: PathBuf,
    /// What others are asked for. Units of systemd watch it.
    pub(crate) requests: PathBuf,
    /// The agent's `history.cbor`.
    pub(crate) health: PathBuf,
    /// How gateways stand (`state.status` of their settings).
    pub(crate) gateways: PathBuf,
    /// `selftest.json`.
    pub(crate) self_test: PathBuf,
    /// `gateway.toml`, the settings that orders replace.
    pub(crate) settings: PathBuf,
}

impl Settings {
    /// Reads the file.
    ///
    /// # Errors
    /// It is not there, too large, no TOML, or a value is out of range.
    pub(crate) fn read(path: &Path) -> Result<Self, ControlError> {
        let unusable = |name: &str| ControlError::Settings(None, name.to_owned());
        let file = std::fs::File::open(path);
        let file = file.map_err(|error| ControlError::Settings(Some(error.into()), named(path)))?;
        let mut text = String::new();
        let read = std::io::Read::take(file, FILE_MAX + 1);
        std::io::Read::read_to_string(&mut { read }, &mut text)
            .map_err(|error| ControlError::Settings(Some(error.into()), named(path)))?;
        if text.len() as u64 > FILE_MAX {
            return Err(unusable(&named(path)));
        }
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, ControlError> {
        let settings: Self = toml::from_str(text)
            .map_err(|error| ControlError::Settings(None, error.to_string()))?;
        let fits = (2..=16).contains(&settings.orders.signers.len());
        let settings = fits.then_some(settings);
        settings.ok_or_else(|| ControlError::Settings(None, "orders.signers: 2-16".to_owned()))
    }
}

fn named(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../../config/examples/control.toml");

    #[test]
    fn the_example_is_read_and_every_missing_or_strange_line_is_refused() {
        let settings = Settings::parse(EXAMPLE).unwrap();
        assert_eq!(settings.device.as_str(), "HOSP-A:box-1");
        let lines: Vec<&str> = EXAMPLE.lines().collect();
        let mut tried = 0;
        for (at, line) in lines.iter().enumerate() {
            let optional = line.starts_with("interface");
            if !line.contains(" = ") || line.starts_with('#') || optional {
                continue;
            }
            let without = [&lines[..at], &lines[at + 1..]].concat().join("\n");
            assert!(Settings::parse(&without).is_err(), "{line}");
            let strange = [&lines[..at], &["strange = 1"], &lines[at..]].concat();
            assert!(Settings::parse(&strange.join("\n")).is_err(), "{line}");
            tried += 1;
        }
        assert!(tried >= 12, "{tried}");
    }

    #[test]
    fn a_lost_device_ends_itself_only_where_that_is_set_and_not_within_a_month() {
        assert!(Settings::parse(EXAMPLE).unwrap().lost.is_none());
        for (days, taken) in [(29, false), (30, true), (3_650, true), (3_651, false)] {
            let text = format!("{EXAMPLE}\n[lost]\ndays = {days}\nnotices = \"/run/n\"\n");
            assert_eq!(Settings::parse(&text).is_ok(), taken, "{days}");
        }
    }

    #[test]
    fn fewer_than_two_signers_are_refused() {
        let key = format!("sekisho-verifying-v1:{}", "0".repeat(64));
        for (count, taken) in [(0, false), (1, false), (2, true), (16, true), (17, false)] {
            let mut table: toml::Table = EXAMPLE.parse().unwrap();
            let signers = vec![toml::Value::from(key.clone()); count];
            table["orders"]["signers"] = toml::Value::Array(signers);
            let text = toml::to_string(&table).unwrap();
            assert_eq!(Settings::parse(&text).is_ok(), taken, "{count}");
        }
    }
}
