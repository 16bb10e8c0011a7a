//! How much each site may still use of something that the centre bounds by the day: an allowance
//! that fills up over a day. A process leases some of it ahead and uses that up in memory; what is
//! written down is what nobody has leased. So a restart, or a crash at any moment, gives nothing
//! back, and processes that share the folder share the allowances (O-18).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use record::SiteId;
use serde::{Deserialize, Serialize};

use crate::core::durable;

const DAY: u64 = 86_400;
/// One process leases no more than this part of a day's allowance at once, unless one taking needs
/// more.
const LEASES_A_DAY: u64 = 16;

/// The allowances of all sites, of one thing.
pub(crate) struct Allowances {
    folder: PathBuf,
    leased: Mutex<BTreeMap<SiteId, u64>>,
    most_at_once: u64,
}

/// Why nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Untaken {
    /// There is not so much left.
    UsedUp,
    /// It cannot be read or written down; the log says why.
    Storage,
}

/// So much was left at a moment, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Level {
    left: u64,
    at: i64,
}

impl Level {
    /// The level at a later moment, of a day's allowance. A clock that goes back fills nothing up.
    fn filled(self, at: i64, per_day: u64) -> Self {
        let seconds = u64::try_from(at.saturating_sub(self.at))
            .unwrap_or(0)
            .min(DAY);
        let more = u128::from(seconds) * u128::from(per_day) / u128::from(DAY);
        match u64::try_from(more).unwrap_or(u64::MAX) {
            0 => Self {
                left: self.left.min(per_day),
                ..self
            },
            more => Self {
                left: self.left.saturating_add(more).min(per_day),
                at,
            },
        }
    }
}

impl Allowances {
    /// The allowances as they are written down in a folder, of which a process leases so much at
    /// once.
    pub(crate) fn new(folder: PathBuf, most_at_once: u64) -> Self {
        Self {
            folder,
            leased: Mutex::default(),
            most_at_once,
        }
    }

    /// Takes from a site's allowance.
    ///
    /// # Errors
    /// See [`Untaken`].
    pub(crate) fn take(
        &self,
        site: &SiteId,
        count: u64,
        per_day: u64,
        at: i64,
    ) -> Result<(), Untaken> {
        let mut leased = self.leased.lock().unwrap_or_else(PoisonError::into_inner);
        let has = leased.get(site).copied().unwrap_or(0);
        let left = match has.checked_sub(count) {
            Some(left) => left,
            None => {
                let more = self.lease(site, count - has, per_day, at)?;
                has + more - count
            }
        };
        leased.insert(site.clone(), left);
        Ok(())
    }

    /// Leases at least so much.
    fn lease(&self, site: &SiteId, least: u64, per_day: u64, at: i64) -> Result<u64, Untaken> {
        let leased = || -> io::Result<Option<u64>> {
            durable::make_folder(&self.folder)?;
            let alone = File::open(&self.folder)?;
            alone.lock()?;
            let level = self.read(site, per_day, at)?.filled(at, per_day);
            let wanted = self.most_at_once.min(per_day / LEASES_A_DAY).max(least);
            if level.left < least {
                return Ok(None);
            }
            let left = level.left.saturating_sub(wanted);
            self.write(site, Level { left, ..level })?;
            Ok(Some(level.left - left))
        };
        match leased() {
            Ok(Some(more)) => Ok(more),
            Ok(None) => Err(Untaken::UsedUp),
            Err(error) => {
                tracing::error!(%error, "allowance");
                Err(Untaken::Storage)
            }
        }
    }

    fn path(&self, site: &SiteId) -> PathBuf {
        self.folder.join(format!("{site}.json"))
    }

    fn read(&self, site: &SiteId, per_day: u64, at: i64) -> io::Result<Level> {
        match fs::read(self.path(site)) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Level { left: per_day, at }),
            Err(error) => Err(error),
        }
    }

    fn write(&self, site: &SiteId, level: Level) -> io::Result<()> {
        durable::write(&self.path(site), &serde_json::to_vec(&level)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PER_DAY: u64 = 86_400;

    fn site() -> SiteId {
        "HOSP-A".parse().unwrap()
    }

    #[test]
    fn an_allowance_is_used_up_and_fills_up_over_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let allowances = Allowances::new(folder.path().to_owned(), 1);
        let take = |count, at| allowances.take(&site(), count, PER_DAY, at);
        assert_eq!(take(PER_DAY, 0), Ok(()));
        assert_eq!(take(1, 0), Err(Untaken::UsedUp));
        assert_eq!(take(100, 100), Ok(()));
        assert_eq!(take(1, 100), Err(Untaken::UsedUp));
        // A clock that goes back and forth fills nothing up twice.
        assert_eq!(take(1, 50), Err(Untaken::UsedUp));
        assert_eq!(take(1, 100), Err(Untaken::UsedUp));
        assert_eq!(take(PER_DAY, 100 + 86_400), Ok(()));
        let never_more = take(PER_DAY + 1, 100 + 10 * 86_400);
        assert_eq!(never_more, Err(Untaken::UsedUp));
        let other = "HOSP-B".parse().unwrap();
        assert_eq!(allowances.take(&other, PER_DAY, PER_DAY, 100), Ok(()));
    }

    /// A restart gives nothing back, whenever it comes, and neither does a second process.
    #[test]
    fn a_site_never_gets_more_by_restarts_or_from_several_processes() {
        let folder = tempfile::tempdir().unwrap();
        let mut taken = 0;
        let second = Allowances::new(folder.path().to_owned(), 10_000);
        for _ in 0..1_000 {
            let first = Allowances::new(folder.path().to_owned(), 10_000);
            for _ in 0..30 {
                for allowances in [&first, &second] {
                    let allowed = allowances.take(&site(), 12, PER_DAY, 0).is_ok();
                    taken += if allowed { 12 } else { 0 };
                }
            }
        }
        assert!(taken <= PER_DAY, "{taken}");
        assert!(taken > 0);
    }

    /// Two that share an allowance both go on while there is some.
    #[test]
    fn one_process_does_not_lease_what_others_need() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = [0; 2].map(|_| Allowances::new(folder.path().to_owned(), u64::MAX));
        assert_eq!(one.take(&site(), 1, PER_DAY, 0), Ok(()));
        assert_eq!(other.take(&site(), PER_DAY / 2, PER_DAY, 0), Ok(()));
    }

    #[test]
    fn an_allowance_that_cannot_be_read_is_no_allowance() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("HOSP-A.json"), "{").unwrap();
        let allowances = Allowances::new(folder.path().to_owned(), 1);
        let taken = allowances.take(&site(), 1, PER_DAY, 0);
        assert_eq!(taken, Err(Untaken::Storage));
    }
}
