//! How fast a download may be.

use std::time::Duration;

/// A bound in bytes per second over a whole download.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    rate: u64,
    bytes: u64,
}

impl Pace {
    /// `rate` in bytes per second, at least 1; `None` is no bound.
    pub fn new(rate: Option<u64>) -> Self {
        Self {
            rate: rate.map_or(u64::MAX, |rate| rate.max(1)),
            bytes: 0,
        }
    }

    /// Counts bytes that came, and says how long to wait before more are taken, when so much time
    /// has gone since the download began.
    pub fn came(&mut self, bytes: u64, since: Duration) -> Duration {
        self.bytes = self.bytes.saturating_add(bytes);
        let micros = u128::from(self.bytes) * 1_000_000 / u128::from(self.rate);
        let due = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        due.saturating_sub(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_takes_at_least_its_bytes_by_its_rate() {
        let (mut pace, mut now) = (Pace::new(Some(1_000)), Duration::ZERO);
        for _ in 0..100 {
            now += pace.came(300, now);
        }
        assert_eq!(now, Duration::from_secs(30));
        // A line that is slower waits for nothing, and what it lost may be made up for.
        assert_eq!(pace.came(300, Duration::from_secs(60)), Duration::ZERO);
        let mut free = Pace::new(None);
        assert_eq!(free.came(u64::MAX, Duration::ZERO).as_secs(), 1);
        assert_eq!(
            Pace::new(None).came(1 << 30, Duration::ZERO),
            Duration::ZERO
        );
    }
}
