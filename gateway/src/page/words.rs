//! Days and moments as pages write them: `2026-04-01` for machines and sorting is also what the
//! Japanese reader reads without doubt.

use jiff::Timestamp;
use jiff::tz::Offset;

/// A moment in Japan, to the minute: `2026-04-01 09:05`.
pub(crate) fn moment(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(stamp) => {
            let civil = Offset::constant(9).to_datetime(stamp);
            let (hour, minute) = (civil.hour(), civil.minute());
            format!("{} {hour:02}:{minute:02}", civil.date())
        }
        Err(_) => "-".to_owned(),
    }
}

/// The time of day of a moment in Japan: `09:05`.
pub(crate) fn clock(seconds: i64) -> String {
    let moment = moment(seconds);
    moment.split(' ').next_back().unwrap_or_default().to_owned()
}

/// Bytes for people: `3.4 MB`.
pub(crate) fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let shown = bytes as f64;
    match bytes {
        0..1_000_000 => format!("{:.0} kB", (shown / 1e3).ceil()),
        1_000_000..1_000_000_000 => format!("{:.1} MB", shown / 1e6),
        _ => format!("{:.1} GB", shown / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_japan() {
        assert_eq!(moment(1_774_969_200), "2026-04-01 00:00");
        assert_eq!(moment(i64::MAX), "-");
        assert_eq!(size(999), "1 kB");
        assert_eq!(size(3_400_000), "3.4 MB");
        assert_eq!(size(5_000_000_000), "5.0 GB");
    }
}
