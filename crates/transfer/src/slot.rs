//! When a site sends: every site has its own moment in the window of the night, derived from its
//! id, so that the centre's load is even without anybody arranging it (O-12).

use std::time::Duration;

use envelope::sha256;
use record::SiteId;

use crate::backoff::{part, share};

const DAY: u32 = 86_400;
const DOMAIN: &[u8] = b"sekisho upload slot v1\0";
/// Who is ready this long before the window waits for it.
const LEAD: u32 = 3_600;
/// Over this time devices spread that come back after they could not reach the centre.
const RETURN_SPREAD: Duration = Duration::from_secs(900);

/// The part of a day in which the sites of a fleet send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Second of the day at which it begins.
    pub starts: u32,
    /// Seconds that it lasts: 1 to 86,400.
    pub length: u32,
}

impl Window {
    /// Seconds after the beginning of the window at which this site begins to send.
    pub fn slot(&self, site: &SiteId) -> u32 {
        let digest = sha256(&[DOMAIN, site.as_str().as_bytes()].concat());
        let random = u64::from_be_bytes(std::array::from_fn(|index| digest[index]));
        share(u64::from(self.length.min(DAY)), random) as u32
    }

    /// How long a site that is ready at a second of the day waits for its slot. Nothing, once the
    /// slot is over or while the window is far: then something went wrong before, or somebody is
    /// standing beside the device.
    pub fn wait(&self, site: &SiteId, second: u32) -> Duration {
        let slot = self.slot(site);
        let since = (second % DAY + DAY - self.starts % DAY) % DAY;
        let wait = match since < self.length {
            true => slot.saturating_sub(since),
            false if DAY - since <= LEAD => DAY - since + slot,
            false => 0,
        };
        Duration::from_secs(u64::from(wait))
    }
}

/// How long a device waits that could not reach the centre the last time: after an outage of the
/// network a whole fleet is in that state at once (O-11).
pub fn return_after(random: u64) -> Duration {
    part(RETURN_SPREAD, random)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NIGHT: Window = Window {
        starts: 22 * 3600,
        length: 8 * 3600,
    };

    #[test]
    fn a_site_waits_for_its_slot_and_goes_at_once_when_it_is_over() {
        for number in 0..200 {
            let site: SiteId = format!("CLINIC-{number}").parse().unwrap();
            let slot = NIGHT.slot(&site);
            assert!(slot < NIGHT.length);
            for second in (0..DAY).step_by(601) {
                let waits = NIGHT.wait(&site, second).as_secs() as u32;
                let begins = (second + waits) % DAY;
                let at_slot = begins == (NIGHT.starts + slot) % DAY;
                assert!(at_slot || waits == 0, "{second} {slot}");
                assert!(waits <= NIGHT.length + LEAD);
            }
            let just_before = NIGHT.starts - 60;
            assert_eq!(NIGHT.wait(&site, just_before).as_secs() as u32, slot + 60);
            assert_eq!(NIGHT.wait(&site, 12 * 3600), Duration::ZERO);
        }
    }

    /// O-12: the peak is at most twice the mean, in sites that begin within a minute and in sites
    /// that send at once when each needs its own time, 1 to 20 minutes.
    #[test]
    fn a_hundred_thousand_sites_begin_evenly() {
        const SITES: usize = 100_000;
        let minutes = (NIGHT.length / 60) as usize;
        let (mut begin, mut busy) = (vec![0_u32; minutes], vec![0_u32; minutes + 20]);
        for number in 0..SITES {
            let site: SiteId = format!("13{number:08}").parse().unwrap();
            let minute = (NIGHT.slot(&site) / 60) as usize;
            begin[minute] += 1;
            let takes = 1 + (number * 7) % 20;
            busy[minute..minute + takes]
                .iter_mut()
                .for_each(|count| *count += 1);
        }
        for counts in [&begin[..], &busy[20..minutes]] {
            let mean = counts.iter().sum::<u32>() / counts.len() as u32;
            let peak = counts.iter().copied().max().unwrap();
            assert!(mean > 100 && peak <= 2 * mean, "peak {peak}, mean {mean}");
        }
    }

    /// A change of the derivation moves a whole fleet: this slot is fixed.
    #[test]
    fn slots_stay_where_they_are() {
        let site: SiteId = "HOSPITAL-1".parse().unwrap();
        assert_eq!(NIGHT.slot(&site), 2_431);
    }
}
