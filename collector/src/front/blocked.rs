//! Sites that the core has stopped: their batches are refused until an operator releases
//! them there. The core writes the list, one site a line; the front reads it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use record::SiteId;

use crate::front::start::{Problem, StartError};
use crate::front::told::Told;

/// Some 500,000 sites.
const BYTES_MAX: u64 = 10 << 20;

/// The list in use.
pub(crate) struct Blocked {
    told: Told,
    sites: RwLock<BTreeSet<SiteId>>,
}

impl Blocked {
    /// Reads the list.
    ///
    /// # Errors
    /// It is not there or not readable: the core writes an empty one.
    pub(crate) fn open(path: &Path) -> Result<Self, StartError> {
        let told = Told::new(path, BYTES_MAX);
        let read = told.first().and_then(|bytes| read(&bytes));
        let sites = read.ok_or_else(|| StartError::new(Problem::Blocked, path.display()))?;
        Ok(Self {
            told,
            sites: RwLock::new(sites),
        })
    }

    /// Reads the list again if it changed. One that cannot be read changes nothing.
    pub(crate) fn look(&self) {
        let Some(bytes) = self.told.changed() else {
            return;
        };
        match read(&bytes) {
            None => tracing::error!("the list of stopped sites cannot be read"),
            Some(sites) => {
                tracing::info!(sites = sites.len(), "list of stopped sites taken");
                *self.sites.write().unwrap_or_else(PoisonError::into_inner) = sites;
            }
        }
    }

    /// Whether a site is stopped.
    pub(crate) fn holds(&self, site: &SiteId) -> bool {
        let sites = self.sites.read().unwrap_or_else(PoisonError::into_inner);
        sites.contains(site)
    }
}

fn read(bytes: &[u8]) -> Option<BTreeSet<SiteId>> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.lines().map(|line| line.parse().ok()).collect()
}
