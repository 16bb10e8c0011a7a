//! How much each site has in use of what is there for all: a site that takes its time takes
//! its own places only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use record::SiteId;

/// Places in use, by site.
pub(crate) struct Shares {
    most: usize,
    in_use: Arc<Mutex<BTreeMap<SiteId, usize>>>,
}

/// One place of a site, free again when dropped.
pub(crate) struct Share {
    site: SiteId,
    in_use: Arc<Mutex<BTreeMap<SiteId, usize>>>,
}

impl Shares {
    /// So many places for each site.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            in_use: Arc::default(),
        }
    }

    /// A place, if the site has one left.
    pub(crate) fn take(&self, site: &SiteId) -> Option<Share> {
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        let count = in_use.get(site).copied().unwrap_or_default();
        if count >= self.most {
            return None;
        }
        in_use.insert(site.clone(), count + 1);
        Some(Share {
            site: site.clone(),
            in_use: Arc::clone(&self.in_use),
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        match in_use.get_mut(&self.site) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                in_use.remove(&self.site);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_site_and_come_back() {
        let shares = Shares::new(2);
        let [one, other] = ["HOSP-A", "HOSP-B"].map(|site| site.parse().unwrap());
        let (first, second) = (shares.take(&one), shares.take(&one));
        assert!(first.is_some() && second.is_some() && shares.take(&one).is_none());
        assert!(shares.take(&other).is_some());
        drop(first);
        let again = shares.take(&one);
        assert!(again.is_some() && shares.take(&one).is_none());
        drop((second, again));
        assert!(shares.in_use.lock().unwrap().is_empty());
    }
}
