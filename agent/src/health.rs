//! What the device can say about itself.

use std::fmt::Write as _;
use std::path::Path;

use ::health::{Gateway, Sample};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::AgentError;
use crate::device::Device;

/// This version was built after this moment, so an earlier clock is wrong:
/// 2026-01-01T00:00:00Z in seconds since 1970.
const CLOCK_FLOOR_SECONDS: i64 = 1_767_225_600;

/// Below this share of free space the disk is reported as low.
const DISK_LOW_PERCENT: u64 = 10;

/// Health of the device at one moment. Numbers and fixed words only: there is no field that
/// could hold text from outside, so nothing about a person can get in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Health {
    /// Version of this program.
    version: Version,
    /// Seconds since 1970 by the clock of the device, right or wrong.
    measured_at_seconds: i64,
    /// Whether that clock can be right.
    clock: Clock,
    /// Seconds since the device was started.
    uptime_seconds: u64,
    /// Load over 1, 5 and 15 minutes, in hundredths.
    load_hundredths: [u64; 3],
    /// Working memory.
    memory: Amount,
    /// The disk under the data folder.
    disk: Amount,
    /// Whether that disk is filling up.
    disk_state: DiskState,
    /// The warmest part.
    temperature_celsius: Option<i8>,
    /// How much of the disk's life is used up.
    wear_percent: Option<u8>,
    /// Whether the closed network's interface has a carrier.
    line_up: Option<bool>,
    /// How the data path stood when its last run ended.
    gateway: Option<Gateway>,
}

/// Major, minor and patch number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Version([u16; 3]);

/// Whether the clock can be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Clock {
    /// Later than this version was built.
    Plausible,
    /// Earlier than this version was built: a dead battery or a wrong setting.
    BeforeFloor,
}

/// Whether there is room left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DiskState {
    /// Enough room.
    Ample,
    /// Less than a tenth is free.
    Low,
}

/// A size and what is free of it, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Amount {
    total_bytes: u64,
    free_bytes: u64,
}

impl Health {
    /// Asks the system. `now` is what the clock of the device says, `device` what `/sys` does.
    ///
    /// # Errors
    /// The data folder is missing, or the system does not answer.
    pub(crate) fn measure(
        data_dir: &Path,
        now: Timestamp,
        device: Device,
    ) -> Result<Self, AgentError> {
        let disk = nix::sys::statvfs::statvfs(data_dir).map_err(AgentError::DataFolder)?;
        let system = nix::sys::sysinfo::sysinfo().map_err(AgentError::System)?;
        let (one, five, fifteen) = system.load_average();
        let disk = Amount {
            total_bytes: disk.blocks().saturating_mul(disk.fragment_size()),
            // What services may use; the rest is kept back for root.
            free_bytes: disk.blocks_available().saturating_mul(disk.fragment_size()),
        };
        Ok(Self {
            version: Version::of_this_program(),
            measured_at_seconds: now.as_second(),
            clock: Clock::judge(now),
            uptime_seconds: system.uptime().as_secs(),
            load_hundredths: [one, five, fifteen].map(hundredths),
            memory: Amount {
                total_bytes: system.ram_total(),
                free_bytes: system.ram_unused(),
            },
            disk,
            disk_state: DiskState::judge(disk),
            temperature_celsius: device.temperature,
            wear_percent: device.wear,
            line_up: device.line,
            gateway: device.gateway,
        })
    }

    /// The same as a sample of the history, on a device that was started so often.
    pub(crate) fn sample(&self, starts: u32) -> Sample {
        let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let amount = |it: Amount| ::health::Amount {
            total: narrow(it.total_bytes >> 20),
            free: narrow(it.free_bytes >> 20),
        };
        let [_, five, _] = self.load_hundredths;
        Sample {
            at: self.measured_at_seconds,
            uptime: narrow(self.uptime_seconds),
            starts,
            version: self.version.0,
            load: u16::try_from(five).unwrap_or(u16::MAX),
            memory: amount(self.memory),
            disk: amount(self.disk),
            temperature: self.temperature_celsius,
            wear: self.wear_percent,
            line: self.line_up,
            gateway: self.gateway,
        }
    }

    /// The health on one line, with the keys in a fixed order.
    pub(crate) fn to_json(&self) -> String {
        // Numbers and fixed words cannot fail to be written; an empty object says nothing wrong.
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }

    /// What is told of the data path, once it has run.
    fn of_gateway(&self) -> Vec<(&'static str, String)> {
        let Some(gateway) = self.gateway else {
            return Vec::new();
        };
        let ago = |at: Option<i64>| {
            let hours = at.map(|at| (self.measured_at_seconds.saturating_sub(at) / 3_600).max(0));
            told(hours, " h 前 ago")
        };
        let code = match gateway.problem {
            0 => String::new(),
            number => format!("  G{number:03}"),
        };
        vec![
            ("送信待ち / waiting", gateway.waiting.to_string()),
            ("前回の実行 / last run", ago(Some(gateway.at)) + &code),
            ("前回の読み取り / source last read", ago(gateway.source)),
            ("前回の受領 / last receipt", ago(gateway.receipt)),
        ]
    }

    /// The health for a person, Japanese first.
    pub(crate) fn to_text(&self) -> String {
        let Version([major, minor, patch]) = self.version;
        let clock = match self.clock {
            Clock::Plausible => "正常 / plausible",
            Clock::BeforeFloor => {
                "異常。時刻を合わせるまで何も送りません / wrong: nothing is sent until it is set"
            }
        };
        let disk = match self.disk_state {
            DiskState::Ample => "十分 / ample",
            DiskState::Low => "残りわずか。保守窓口に連絡してください / low: call support",
        };
        let [one, five, fifteen] = self.load_hundredths.map(|load| {
            let (whole, part) = (load / 100, load % 100);
            format!("{whole}.{part:02}")
        });
        let minutes = self.uptime_seconds / 60;
        let time = Timestamp::from_second(self.measured_at_seconds)
            .map_or_else(|_| "-".to_owned(), |time| time.to_string());
        let mut text = String::new();
        let lines = [
            ("版 / version", format!("{major}.{minor}.{patch}")),
            ("時刻 / clock", format!("{time}  {clock}")),
            (
                "稼働時間 / uptime",
                format!("{} h {} min", minutes / 60, minutes % 60),
            ),
            ("負荷 / load", format!("{one} {five} {fifteen}")),
            ("メモリ空き / memory free", self.memory.to_text()),
            (
                "データ空き / data disk free",
                format!("{}  {disk}", self.disk.to_text()),
            ),
            ("温度 / temperature", told(self.temperature_celsius, " C")),
            ("ディスクの消耗 / disk wear", told(self.wear_percent, " %")),
            (
                "閉域網 / closed network",
                match self.line_up {
                    None => told(None::<u8>, ""),
                    Some(true) => "つながっています / up".to_owned(),
                    Some(false) => {
                        "切れています。回線を確認してください / down: check the line".to_owned()
                    }
                },
            ),
        ];
        for (name, value) in lines.into_iter().chain(self.of_gateway()) {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{name}: {value}");
        }
        text
    }
}

impl Version {
    fn of_this_program() -> Self {
        let number = |text: &str| text.parse().unwrap_or_default();
        Self([
            number(env!("CARGO_PKG_VERSION_MAJOR")),
            number(env!("CARGO_PKG_VERSION_MINOR")),
            number(env!("CARGO_PKG_VERSION_PATCH")),
        ])
    }
}

impl Clock {
    fn judge(now: Timestamp) -> Self {
        if now.as_second() < CLOCK_FLOOR_SECONDS {
            Self::BeforeFloor
        } else {
            Self::Plausible
        }
    }
}

impl DiskState {
    fn judge(disk: Amount) -> Self {
        let low = disk.free_bytes < disk.total_bytes / 100 * DISK_LOW_PERCENT;
        if low { Self::Low } else { Self::Ample }
    }
}

impl Amount {
    fn to_text(self) -> String {
        format!("{} / {} MiB", self.free_bytes >> 20, self.total_bytes >> 20)
    }
}

/// A number with its unit, or that it is not known.
fn told(value: Option<impl ToString>, unit: &str) -> String {
    value.map_or_else(
        || "不明 / not known".to_owned(),
        |value| value.to_string() + unit,
    )
}

/// A load as the kernel gives it, in hundredths; nonsense becomes zero.
fn hundredths(load: f64) -> u64 {
    // A cast from a float stops at the bounds of the integer and turns "not a number" to zero.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "see above"
    )]
    {
        (load * 100.0).round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health() -> Health {
        Health {
            version: Version([0, 1, 0]),
            measured_at_seconds: 1_790_000_000,
            clock: Clock::Plausible,
            uptime_seconds: 90_061,
            load_hundredths: [5, 120, 1_000],
            memory: Amount {
                total_bytes: 4 << 30,
                free_bytes: 1 << 30,
            },
            disk: Amount {
                total_bytes: 100 << 30,
                free_bytes: 5 << 30,
            },
            disk_state: DiskState::Low,
            temperature_celsius: Some(41),
            wear_percent: None,
            line_up: Some(true),
            gateway: Some(Gateway {
                at: 1_790_000_000 - 7_200,
                problem: 12,
                waiting: 3,
                oldest: Some(1_790_000_000 - 86_400),
                source: Some(1_790_000_000 - 7_200),
                receipt: None,
                front: None,
                asked: None,
                certificate: None,
            }),
        }
    }

    #[test]
    fn a_clock_before_the_build_is_named() {
        for (time, clock) in [
            ("2000-01-01T00:00:00Z", Clock::BeforeFloor),
            ("2025-12-31T23:59:59Z", Clock::BeforeFloor),
            ("2026-01-01T00:00:00Z", Clock::Plausible),
            ("2040-01-01T00:00:00Z", Clock::Plausible),
        ] {
            assert_eq!(Clock::judge(time.parse().unwrap()), clock, "{time}");
        }
    }

    #[test]
    fn a_disk_below_a_tenth_is_low() {
        for (free_bytes, state) in [
            (0, DiskState::Low),
            (99_999, DiskState::Low),
            (100_000, DiskState::Ample),
        ] {
            let disk = Amount {
                total_bytes: 1_000_000,
                free_bytes,
            };
            assert_eq!(DiskState::judge(disk), state, "{free_bytes}");
        }
    }

    #[test]
    fn json_is_read_back_as_the_same_health() {
        let read: Health = serde_json::from_str(&health().to_json()).unwrap();
        assert_eq!(read, health());
    }

    /// No patient data by type: every value is a number or one of the fixed words.
    #[test]
    fn json_holds_numbers_and_fixed_words_only() {
        fn words(value: &serde_json::Value, found: &mut Vec<String>) {
            match value {
                serde_json::Value::Object(map) => map.values().for_each(|it| words(it, found)),
                serde_json::Value::Array(list) => list.iter().for_each(|it| words(it, found)),
                serde_json::Value::String(word) => found.push(word.clone()),
                other => assert!(
                    other.is_number() || other.is_boolean() || other.is_null(),
                    "{other}"
                ),
            }
        }
        let mut found = Vec::new();
        words(
            &serde_json::from_str(&health().to_json()).unwrap(),
            &mut found,
        );
        assert_eq!(found, ["plausible", "low"]);
    }

    #[test]
    fn text_is_for_people() {
        assert_eq!(
            health().to_text(),
            "版 / version: 0.1.0\n\
             時刻 / clock: 2026-09-21T14:13:20Z  正常 / plausible\n\
             稼働時間 / uptime: 25 h 1 min\n\
             負荷 / load: 0.05 1.20 10.00\n\
             メモリ空き / memory free: 1024 / 4096 MiB\n\
             データ空き / data disk free: 5120 / 102400 MiB  \
             残りわずか。保守窓口に連絡してください / low: call support\n\
             温度 / temperature: 41 C\n\
             ディスクの消耗 / disk wear: 不明 / not known\n\
             閉域網 / closed network: つながっています / up\n\
             送信待ち / waiting: 3\n\
             前回の実行 / last run: 2 h 前 ago  G012\n\
             前回の読み取り / source last read: 2 h 前 ago\n\
             前回の受領 / last receipt: 不明 / not known\n"
        );
    }

    #[test]
    fn loads_that_are_no_loads_become_zero() {
        for (load, value) in [(0.0, 0), (1.5, 150), (-1.0, 0), (f64::NAN, 0)] {
            assert_eq!(hundredths(load), value, "{load}");
        }
    }

    #[test]
    fn a_missing_folder_is_an_error_with_a_code() {
        let error = Health::measure(
            Path::new("/nonexistent"),
            Timestamp::UNIX_EPOCH,
            Device::default(),
        )
        .unwrap_err();
        assert!(error.to_string().starts_with("AG01 "));
    }
}
