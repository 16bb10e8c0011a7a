//! `update.toml`: read once, checked once.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use update::{Name, Slot, Version, Window};

use crate::error::UpdateError;

const FILE_MAX: u64 = 64 << 10;

/// Everything that can be set. Paths stand in it, so that nothing is taken for granted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The name by which the centre knows the device: it decides whose turn it is.
    pub(crate) device: String,
    /// The board for which versions are made.
    pub(crate) board: Name,
    /// Where the record of updates is kept.
    pub(crate) state: PathBuf,
    /// Where downloads are kept until they are installed.
    pub(crate) incoming: PathBuf,
    /// The root of trust that came with the image.
    pub(crate) root: PathBuf,
    /// The file that the time service touches.
    pub(crate) synchronized: PathBuf,
    /// Where the front panel reads what is going on; none where there is no panel.
    pub(crate) notices: Option<PathBuf>,
    /// The server; none at a site without a network.
    pub(crate) source: Option<Source>,
    /// When the device may update.
    #[serde(default)]
    pub(crate) when: When,
    /// What runs, and where the other version is written.
    pub(crate) boot: BootPlaces,
    /// What the health gate looks at.
    #[serde(default)]
    pub(crate) gate: Gate,
}

/// The update server, inside the closed network.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    pub(crate) address: SocketAddr,
    pub(crate) server_name: String,
    pub(crate) authority: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) private_key: PathBuf,
    /// The socket of the service that uses a key in the TPM.
    #[serde(default = "key_service")]
    pub(crate) key_service: PathBuf,
    /// The interface of the closed network, by which alone connections leave.
    pub(crate) interface: Option<String>,
    /// Most bytes per second of a download.
    pub(crate) bytes_per_second: Option<u64>,
    /// Seconds without a byte after which the server counts as silent.
    #[serde(default = "stall_seconds")]
    pub(crate) stall_seconds: u16,
}

fn key_service() -> PathBuf {
    PathBuf::from(tpm::KEY_SERVICE)
}

/// When, and what the site has decided.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct When {
    /// Time of the day in Japan, `HH:MM`.
    from: Clock,
    /// Before `from`, it is on the next day.
    until: Clock,
    /// Nothing above this version.
    pin: Option<Text>,
    /// These versions not.
    skip: Vec<Text>,
}

/// Where versions are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BootPlaces {
    /// The name before the version in boot entries.
    pub(crate) name: Name,
    /// The folder of boot entries (`EFI/Linux` of the ESP).
    pub(crate) entries: PathBuf,
    /// A file with `IMAGE_VERSION=` of what runs.
    pub(crate) version: PathBuf,
    /// A file that holds the letter of the slot that runs.
    pub(crate) slot: PathBuf,
    /// The file whose appearance starts the device again.
    pub(crate) restart: PathBuf,
    pub(crate) a: SlotPlaces,
    pub(crate) b: SlotPlaces,
}

/// The two partitions of a slot.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SlotPlaces {
    pub(crate) root: PathBuf,
    pub(crate) verity: PathBuf,
}

/// What the health gate looks at. What is not set is not looked at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Gate {
    /// `health.json` of the agent.
    pub(crate) health: Option<PathBuf>,
    /// A file that is there once the queue of batches was read after this start.
    pub(crate) spool: Option<PathBuf>,
    /// A command that has the gateway check its settings.
    pub(crate) settings: Vec<String>,
    /// Where the local page answers.
    pub(crate) page: Option<SocketAddr>,
    /// Seconds that each check has, from the start of the gate.
    pub(crate) seconds: u16,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            health: None,
            spool: None,
            settings: Vec::new(),
            page: None,
            seconds: 120,
        }
    }
}

/// A time of the day.
#[derive(Debug, Clone, Copy)]
struct Clock(u32);

impl<'de> Deserialize<'de> for Clock {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let part = |text: &str, most: u32| {
            let number = text.parse::<u32>().ok();
            number.filter(|number| text.len() == 2 && *number <= most)
        };
        text.split_once(':')
            .and_then(|(hours, minutes)| {
                Some(Self(part(hours, 23)? * 3_600 + part(minutes, 59)? * 60))
            })
            .ok_or_else(|| serde::de::Error::custom("expected HH:MM"))
    }
}

/// A version as people write it.
#[derive(Debug, Clone, Copy)]
struct Text(Version);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let version = String::deserialize(from)?.parse();
        version.map(Self).map_err(serde::de::Error::custom)
    }
}

impl Default for When {
    /// After the nightly run of the gateway, before anybody comes.
    fn default() -> Self {
        Self {
            from: Clock(3 * 3_600),
            until: Clock(5 * 3_600),
            pin: None,
            skip: Vec::new(),
        }
    }
}

impl When {
    /// Whether the site does not want a version.
    pub(crate) fn holds(&self, version: Version) -> bool {
        let above = self.pin.is_some_and(|Text(pin)| version > pin);
        above || self.skip.iter().any(|Text(skip)| *skip == version)
    }

    pub(crate) fn window(&self) -> Window {
        Window {
            from: self.from.0,
            until: self.until.0,
        }
    }
}

impl BootPlaces {
    pub(crate) fn of(&self, slot: Slot) -> &SlotPlaces {
        match slot {
            Slot::A => &self.a,
            Slot::B => &self.b,
        }
    }
}

fn stall_seconds() -> u16 {
    30
}

impl Settings {
    /// Reads them.
    pub(crate) fn read(path: &Path) -> Result<Self, UpdateError> {
        let unusable = |error| UpdateError::Settings(error);
        let size = fs::metadata(path).map_err(|it| unusable(it.into()))?.len();
        if size > FILE_MAX {
            return Err(unusable("too large".into()));
        }
        let text = fs::read_to_string(path).map_err(|it| unusable(it.into()))?;
        let settings: Self = toml::from_str(&text).map_err(|it| unusable(it.into()))?;
        let gate = settings.gate.seconds;
        if !(1..=300).contains(&gate) {
            return Err(unusable("gate.seconds: 1 to 300".into()));
        }
        if settings.device.is_empty() || settings.device.len() > 64 {
            return Err(unusable("device: 1 to 64 bytes".into()));
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_example_can_be_read() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd/examples/update.toml");
        let settings = Settings::read(&path).unwrap();
        let window = settings.when.window();
        assert_eq!((window.from, window.until), (3 * 3_600, 5 * 3_600));
        assert!(settings.source.is_some() && settings.gate.page.is_some());
        assert!(settings.notices.is_some());
    }
}
