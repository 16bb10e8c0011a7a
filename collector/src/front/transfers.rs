//! The front's transfer ledger (A-126, B-084), one file for each site in the format of
//! `docs/transfer-ledger.md`, and what a site may store in a day.
//!
//! A line is durable before the receipt is given, so every batch that a device has a receipt of has
//! its line. A front that is killed in between writes it again.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use record::SiteId;
use transfer::ledger::{End, Entry, Event, read};

use crate::front::refusal::Refusal;

const DAY: i64 = 86_400;

/// The ledgers of all sites.
pub(crate) struct Transfers {
    /// Without one nothing is written, and the day's bytes are those since the start.
    folder: Option<PathBuf>,
    most_per_day: u64,
    sites: Mutex<BTreeMap<SiteId, Site>>,
}

/// One site's ledger, as far as it goes.
#[derive(Debug, Clone, Copy, Default)]
struct Site {
    end: End,
    day: i64,
    bytes: u64,
}

impl Site {
    fn count(&mut self, entry: &Entry) {
        let day = entry.at.div_euclid(DAY);
        if self.day != day {
            (self.day, self.bytes) = (day, 0);
        }
        if entry.event == Event::Delivered {
            self.bytes = self.bytes.saturating_add(entry.bytes);
        }
    }
}

impl Transfers {
    pub(crate) fn new(folder: Option<PathBuf>, most_per_day: u64) -> Self {
        Self {
            folder,
            most_per_day,
            sites: Mutex::default(),
        }
    }

    /// Whether a site may store so many bytes more today.
    ///
    /// # Errors
    /// It may not, or its ledger is not what was written.
    pub(crate) fn has_room(&self, site: &SiteId, bytes: u64, at: i64) -> Result<(), Refusal> {
        let mut sites = self.sites();
        let known = self.site(&mut sites, site)?;
        let today = match known.day == at.div_euclid(DAY) {
            true => known.bytes,
            false => 0,
        };
        match today.saturating_add(bytes) <= self.most_per_day {
            true => Ok(()),
            false => Err(Refusal::DayIsFull),
        }
    }

    /// Writes a line, durably.
    ///
    /// # Errors
    /// It cannot be written, or the ledger is not what was written.
    pub(crate) fn add(&self, site: &SiteId, entry: &Entry) -> Result<(), Refusal> {
        let mut sites = self.sites();
        let known = self.site(&mut sites, site)?;
        let (line, end) = known.end.append(entry);
        if let Some(path) = self.path(site) {
            append(&path, line.as_bytes()).map_err(storage)?;
        }
        known.end = end;
        known.count(entry);
        Ok(())
    }

    fn sites(&self) -> MutexGuard<'_, BTreeMap<SiteId, Site>> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, site: &SiteId) -> Option<PathBuf> {
        let folder = self.folder.as_ref()?;
        Some(folder.join(format!("{site}.transfers")))
    }

    /// A site's ledger, read once and checked. A line that a power cut broke off is taken away.
    fn site<'a>(
        &self,
        sites: &'a mut BTreeMap<SiteId, Site>,
        site: &SiteId,
    ) -> Result<&'a mut Site, Refusal> {
        if !sites.contains_key(site) {
            let found = match self.path(site) {
                None => Site::default(),
                Some(path) => open(&path)?,
            };
            sites.insert(site.clone(), found);
        }
        sites.get_mut(site).ok_or(Refusal::Storage)
    }
}

fn open(path: &std::path::Path) -> Result<Site, Refusal> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Site::default()),
        Err(error) => return Err(storage(error)),
    };
    let read = read(&text, &End::default()).map_err(|fault| {
        tracing::error!(%fault, file = ?path.file_name(), "transfer ledger");
        Refusal::Storage
    })?;
    if read.bytes < text.len() {
        let file = OpenOptions::new().write(true).open(path).map_err(storage)?;
        file.set_len(read.bytes as u64).map_err(storage)?;
        file.sync_all().map_err(storage)?;
    }
    let mut site = Site {
        end: read.end,
        ..Site::default()
    };
    for entry in &read.entries {
        site.count(entry);
    }
    Ok(site)
}

fn append(path: &std::path::Path, line: &[u8]) -> io::Result<()> {
    let new = !path.exists();
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        // The core reads it.
        .mode(0o640)
        .open(path)?;
    file.write_all(line)?;
    file.sync_data()?;
    if new {
        File::open(path.parent().ok_or(ErrorKind::InvalidInput)?)?.sync_all()?;
    }
    Ok(())
}

fn storage(error: io::Error) -> Refusal {
    tracing::error!(kind = ?error.kind(), "transfer ledger");
    Refusal::Storage
}

#[cfg(test)]
mod tests {
    use envelope::sha256;
    use record::BatchId;

    use super::*;

    fn entry(number: u64, at: i64, event: Event) -> Entry {
        Entry {
            at,
            event,
            sequence: number,
            batch: BatchId::new(sha256(&number.to_be_bytes())),
            bytes: 1_000,
            result: "stored".to_owned(),
            peer: Some([7; 32]),
        }
    }

    /// lines go on after a restart and after a line that was broken off; one that was changed
    /// keeps the site's batches out.
    #[test]
    fn a_ledger_goes_on_after_a_cut_and_not_after_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let site: SiteId = "HOSP-A".parse().unwrap();
        let open = || Transfers::new(Some(folder.path().to_owned()), 1 << 20);
        let path = folder.path().join("HOSP-A.transfers");
        for number in 1..=3 {
            open().add(&site, &entry(number, 100, Event::Delivered)).unwrap();
        }
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole[..], b"4\t1700"].concat()).unwrap();
        open().add(&site, &entry(4, 100, Event::Failed)).unwrap();
        let text = fs::read(&path).unwrap();
        assert_eq!(read(&text, &End::default()).unwrap().entries.len(), 4);
        let changed = String::from_utf8(text).unwrap().replacen("1000", "1001", 1);
        fs::write(&path, changed).unwrap();
        let refused = open().add(&site, &entry(5, 100, Event::Delivered));
        assert_eq!(refused, Err(Refusal::Storage));
    }

    /// what a site may store in a day is bounded, also across a restart, and other sites are
    /// not touched by it.
    #[test]
    fn a_site_that_stored_its_share_of_the_day_waits_for_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let [site, other] = ["HOSP-A", "HOSP-B"].map(|it| it.parse::<SiteId>().unwrap());
        for folder in [Some(folder.path().to_owned()), None] {
            let restarts = folder.is_some();
            let mut transfers = Transfers::new(folder.clone(), 2_500);
            for number in 1..=2 {
                transfers.has_room(&site, 1_000, 50).unwrap();
                transfers.add(&site, &entry(number, 50, Event::Delivered)).unwrap();
                transfers.add(&site, &entry(number, 50, Event::Failed)).unwrap();
            }
            if restarts {
                transfers = Transfers::new(folder, 2_500);
            }
            assert_eq!(transfers.has_room(&site, 1_000, 60), Err(Refusal::DayIsFull));
            assert_eq!(transfers.has_room(&site, 500, 60), Ok(()));
            assert_eq!(transfers.has_room(&other, 2_500, 60), Ok(()));
            assert_eq!(transfers.has_room(&site, 2_500, DAY + 1), Ok(()));
        }
    }
}
