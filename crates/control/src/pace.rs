//! How long a device waits before it calls the broker again.

use std::time::Duration;

/// Never longer than this, in milliseconds.
const LONGEST: u64 = 300_000;

/// The wait before the next call, after so many that failed in a row: anything between 1 s and a
/// bound that doubles from 2 s to five minutes, so that a fleet that lost its broker does not come
/// back at one moment. `random` is drawn anew for each.
pub fn reconnect_after(failed: u32, random: u64) -> Duration {
    let bound = 1_000_u64 << failed.clamp(1, 9);
    let bound = bound.min(LONGEST);
    Duration::from_millis(1_000 + random % (bound - 999))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_five_minutes_and_spread() {
        for (failed, longest) in [(0, 2), (1, 2), (2, 4), (8, 256), (9, 300), (u32::MAX, 300)] {
            let waits: Vec<Duration> = (0..10_000)
                .map(|seed: u64| reconnect_after(failed, seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
                .collect();
            let longest = Duration::from_secs(longest);
            assert!(
                waits
                    .iter()
                    .all(|wait| *wait >= Duration::from_secs(1) && *wait <= longest)
            );
            let late = waits.iter().filter(|wait| **wait > longest / 2).count();
            assert!(late > 3_000, "{failed}: {late} of 10,000 in the later half");
        }
    }
}
