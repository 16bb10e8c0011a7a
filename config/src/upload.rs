//! When and how fast batches go out.

use serde::Deserialize;

use crate::SettingsError;
use crate::error::range;

/// When and how fast batches go out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Upload {
    /// Beginning of the window of the night in which the sites of the fleet send, each in its own
    /// slot (`run --at-slot`).
    pub window_starts: TimeOfDay,
    /// Minutes that the window lasts: 0 to 1,440. 0: no window, everybody sends when ready.
    pub window_minutes: u32,
    /// Beginning of the office hours.
    pub office_starts: TimeOfDay,
    /// Their end.
    pub office_ends: TimeOfDay,
    /// Most bytes of batches per second within office hours: 4,096 to 1,073,741,824, or 0 for no
    /// bound.
    pub office_bytes_per_second: u64,
}

impl Default for Upload {
    fn default() -> Self {
        Self {
            window_starts: TimeOfDay(2 * 3600),
            window_minutes: 240,
            office_starts: TimeOfDay(8 * 3600),
            office_ends: TimeOfDay(19 * 3600),
            office_bytes_per_second: 0,
        }
    }
}

impl Upload {
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        let minutes = u64::from(self.window_minutes);
        range("upload.window_minutes", minutes, 0, 1_440)?;
        let key = "upload.office_bytes_per_second";
        let rate = self.office_bytes_per_second;
        match rate {
            0 => Ok(()),
            // Below this a chunk takes longer than the front waits for it.
            1..4_096 => range(key, rate, 4_096, 1 << 30),
            _ => range(key, rate, 0, 1 << 30),
        }
    }
}

/// A time of the day in Japan, `HH:MM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TimeOfDay(u32);

impl TimeOfDay {
    /// Seconds since midnight.
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let number = |digits: &str, below: u32| {
            let plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            let number: Option<u32> = plain.then(|| digits.parse().ok()).flatten();
            number.filter(|number| *number < below)
        };
        let parts = text.split_once(':');
        let seconds = parts
            .and_then(|(hour, minute)| Some(number(hour, 24)? * 3600 + number(minute, 60)? * 60));
        seconds
            .map(Self)
            .ok_or("a time of the day must be HH:MM, 00:00 to 23:59")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_the_day_is_four_digits_within_the_day() {
        let read = |text: &str| TimeOfDay::try_from(text.to_owned()).map(TimeOfDay::seconds);
        assert_eq!(read("00:00"), Ok(0));
        assert_eq!(read("23:59"), Ok(86_340));
        for wrong in [
            "24:00", "8:00", "08:60", "0800", "08:0", "+8:00", "08:00:00", "",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_rate_that_no_line_could_use_is_refused() {
        let with = |rate| Upload {
            office_bytes_per_second: rate,
            ..Upload::default()
        };
        for (rate, taken) in [(0, true), (1, false), (4_095, false), (4_096, true)] {
            assert_eq!(with(rate).check().is_ok(), taken, "{rate}");
        }
    }
}
