//! The catalogue of what the centre can have a device do (O-06). It is closed: there is no job that
//! runs a command, reads a file by its name or opens a connection.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Most bytes of settings.
pub const SETTINGS_MAX: usize = 32 << 10;
/// Longest pause, in hours.
const PAUSE_MAX: u16 = 14 * 24;
/// Longest blinking, in minutes.
const BLINK_MAX: u8 = 60;
/// Longest trial of settings, in minutes.
const TRIAL_MAX: u8 = 120;

/// One job with its parameters. Doing one twice is doing it once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Job {
    /// Runs the self-test and tells its code.
    SelfTest,
    /// Tells how the device stands, in numbers and fixed words.
    Support,
    /// Asks for a new certificate now, with a new key.
    RotateKey,
    /// Reads the source and sends what waits, now.
    SendNow,
    /// Collects and sends nothing for a while. What is there stays.
    Pause {
        /// For how many hours: 1 to 336.
        hours: u16,
    },
    /// Ends a pause.
    Resume,
    /// Collects and sends nothing until it is released.
    Quarantine,
    /// Ends a quarantine.
    Release,
    /// The lights of the panel blink, so that the box is found.
    Blink {
        /// For how many minutes: 1 to 60.
        minutes: u8,
    },
    /// New settings of the data path. They stay only if the centre is reached with them in time.
    Settings {
        /// The whole file, TOML, at most [`SETTINGS_MAX`] bytes.
        text: String,
        /// Within so many minutes the centre has to be reached: 1 to 120.
        minutes: u8,
    },
    /// Looks for an update now.
    Update,
    /// Destroys the keys of everything on the device, so that nothing on it can be read again
    /// (B-029). Nothing brings it back.
    Decommission,
}

/// A parameter is out of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a parameter of the job is out of its range")]
pub struct JobError;

impl Job {
    /// Whether the parameters are in range.
    ///
    /// # Errors
    /// One is not.
    pub fn check(&self) -> Result<(), JobError> {
        let fits = match self {
            Self::Pause { hours } => (1..=PAUSE_MAX).contains(hours),
            Self::Blink { minutes } => (1..=BLINK_MAX).contains(minutes),
            Self::Settings { text, minutes } => {
                let length = (1..=SETTINGS_MAX).contains(&text.len());
                length && (1..=TRIAL_MAX).contains(minutes) && text.chars().all(is_plain)
            }
            _ => true,
        };
        fits.then_some(()).ok_or(JobError)
    }

    /// What kind it is.
    pub const fn kind(&self) -> JobKind {
        match self {
            Self::SelfTest => JobKind::SelfTest,
            Self::Support => JobKind::Support,
            Self::RotateKey => JobKind::RotateKey,
            Self::SendNow => JobKind::SendNow,
            Self::Pause { .. } => JobKind::Pause,
            Self::Resume => JobKind::Resume,
            Self::Quarantine => JobKind::Quarantine,
            Self::Release => JobKind::Release,
            Self::Blink { .. } => JobKind::Blink,
            Self::Settings { .. } => JobKind::Settings,
            Self::Update => JobKind::Update,
            Self::Decommission => JobKind::Decommission,
        }
    }
}

/// Whether a character shows itself as it is: who signs settings has to see all of them, so nothing
/// may move, hide or turn round what stands beside it.
fn is_plain(letter: char) -> bool {
    let hidden = matches!(letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    letter == '\n' || letter == '\t' || !(letter.is_control() || hidden)
}

/// Settings may name people and hosts of the site; they are no matter for a log.
impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().word())
    }
}

/// A job without its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is the job of the same name")]
pub enum JobKind {
    SelfTest,
    Support,
    RotateKey,
    SendNow,
    Pause,
    Resume,
    Quarantine,
    Release,
    Blink,
    Settings,
    Update,
    Decommission,
}

impl JobKind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::SelfTest,
        Self::Support,
        Self::RotateKey,
        Self::SendNow,
        Self::Pause,
        Self::Resume,
        Self::Quarantine,
        Self::Release,
        Self::Blink,
        Self::Settings,
        Self::Update,
        Self::Decommission,
    ];

    /// The word by which it is written.
    pub const fn word(self) -> &'static str {
        match self {
            Self::SelfTest => "self-test",
            Self::Support => "support",
            Self::RotateKey => "rotate-key",
            Self::SendNow => "send-now",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Quarantine => "quarantine",
            Self::Release => "release",
            Self::Blink => "blink",
            Self::Settings => "settings",
            Self::Update => "update",
            Self::Decommission => "decommission",
        }
    }

    /// How it is called on the local page.
    pub const fn japanese(self) -> &'static str {
        match self {
            Self::SelfTest => "自己点検",
            Self::Support => "状態の報告",
            Self::RotateKey => "証明書の更新",
            Self::SendNow => "今すぐ送信",
            Self::Pause => "一時停止",
            Self::Resume => "再開",
            Self::Quarantine => "隔離",
            Self::Release => "隔離の解除",
            Self::Blink => "ランプの点滅",
            Self::Settings => "設定の変更",
            Self::Update => "更新の確認",
            Self::Decommission => "廃棄のための消去",
        }
    }

    /// Orders of one line follow each other: a device takes none with a lower number than the last
    /// of its line. Those that take each other back share one.
    pub const fn line(self) -> Self {
        match self {
            Self::Release => Self::Quarantine,
            Self::Resume => Self::Pause,
            other => other,
        }
    }

    /// Whether two persons have to sign it: it changes where data go, lifts a protection, or cannot
    /// be taken back. Stopping is never slowed down.
    pub const fn two_persons(self) -> bool {
        matches!(self, Self::Release | Self::Settings | Self::Decommission)
    }
}
