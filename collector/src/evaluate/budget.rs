//! How much each site may still ask: an allowance that fills up over a day. What is written down is
//! always less than what is left, so that a restart, or a crash at any moment, gives nothing back.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use record::SiteId;
use serde::{Deserialize, Serialize};

use crate::core::durable;
use crate::front::refusal::Refusal;

const DAY: u64 = 86_400;
/// Evaluations that are written down ahead at once.
const AHEAD: u64 = 10_000;

/// The allowances of all sites.
pub(crate) struct Budgets {
    folder: PathBuf,
    sites: Mutex<BTreeMap<SiteId, Allowance>>,
}

/// What a site may ask.
struct Allowance {
    now: Level,
    /// As it stands on disk.
    written: Level,
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
        match seconds.saturating_mul(per_day) / DAY {
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

impl Budgets {
    /// The allowances as they are written down in a folder.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            sites: Mutex::default(),
        }
    }

    /// Takes from a site's allowance.
    ///
    /// # Errors
    /// There is not so much left, or it cannot be written down.
    pub(crate) fn take(
        &self,
        site: &SiteId,
        count: u64,
        per_day: u64,
        at: i64,
    ) -> Result<(), Refusal> {
        let mut sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        if !sites.contains_key(site) {
            let level = self.read(site, per_day, at)?;
            let allowance = Allowance {
                now: level,
                written: level,
            };
            sites.insert(site.clone(), allowance);
        }
        let allowance = sites.get_mut(site).ok_or(Refusal::Storage)?;
        let now = allowance.now.filled(at, per_day);
        let left = now
            .left
            .checked_sub(count)
            .ok_or(Refusal::EvaluationLimit)?;
        let now = Level { left, ..now };
        let written = allowance.written.filled(at, per_day);
        if left < written.left {
            let ahead = Level {
                left: left.saturating_sub(AHEAD),
                at: now.at,
            };
            self.write(site, ahead)?;
            allowance.written = ahead;
        }
        allowance.now = now;
        Ok(())
    }

    fn path(&self, site: &SiteId) -> PathBuf {
        self.folder.join(format!("{site}.json"))
    }

    fn read(&self, site: &SiteId, per_day: u64, at: i64) -> Result<Level, Refusal> {
        match fs::read(self.path(site)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| storage("damaged")),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Level { left: per_day, at }),
            Err(error) => Err(storage(&error.to_string())),
        }
    }

    fn write(&self, site: &SiteId, level: Level) -> Result<(), Refusal> {
        let text = serde_json::to_vec(&level).map_err(|error| storage(&error.to_string()))?;
        durable::write(&self.path(site), &text).map_err(|error| storage(&error.to_string()))
    }
}

fn storage(error: &str) -> Refusal {
    tracing::error!(error, "allowance");
    Refusal::Storage
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
        let budgets = Budgets::new(folder.path().to_owned());
        let take = |count, at| budgets.take(&site(), count, PER_DAY, at);
        assert_eq!(take(PER_DAY, 0), Ok(()));
        assert_eq!(take(1, 0), Err(Refusal::EvaluationLimit));
        assert_eq!(take(100, 100), Ok(()));
        assert_eq!(take(1, 100), Err(Refusal::EvaluationLimit));
        // A clock that goes back and forth fills nothing up twice.
        assert_eq!(take(1, 50), Err(Refusal::EvaluationLimit));
        assert_eq!(take(1, 100), Err(Refusal::EvaluationLimit));
        assert_eq!(take(PER_DAY, 100 + 86_400), Ok(()));
        let never_more = take(PER_DAY + 1, 100 + 10 * 86_400);
        assert_eq!(never_more, Err(Refusal::EvaluationLimit));
        let other = "HOSP-B".parse().unwrap();
        assert_eq!(budgets.take(&other, PER_DAY, PER_DAY, 100), Ok(()));
    }

    /// A restart gives nothing back, whenever it comes.
    #[test]
    fn a_site_never_gets_more_by_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let mut taken = 0;
        for _ in 0..1_000 {
            let budgets = Budgets::new(folder.path().to_owned());
            for _ in 0..30 {
                let allowed = budgets.take(&site(), 12, PER_DAY, 0).is_ok();
                taken += if allowed { 12 } else { 0 };
            }
        }
        assert!(taken <= PER_DAY, "{taken}");
        assert!(taken > 0);
    }

    #[test]
    fn an_allowance_that_cannot_be_read_is_no_allowance() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("HOSP-A.json"), "{").unwrap();
        let budgets = Budgets::new(folder.path().to_owned());
        assert_eq!(budgets.take(&site(), 1, PER_DAY, 0), Err(Refusal::Storage));
    }
}
