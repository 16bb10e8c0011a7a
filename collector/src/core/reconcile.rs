//! Reconciliation of transfers: what fronts stored, what the core decided, and, where it is
//! given, what a device sent. Every difference has a name; those that nothing explains are told
//! apart and end the command with an error.
//!
//! The end of each ledger is written into the core's own chained ledger, so that one that is cut or
//! written anew later shows: the core's ledger is out of the fronts' reach.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use record::{BatchId, SiteId};
use serde::Serialize;
use transfer::ledger::{End, Entry, Event, read};

use super::catalogue::{Catalogue, Outcome};
use super::failure::{Failure, Problem, Result};

/// What a reconciliation found, in counts of batches by name.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Reconciled {
    /// Batches that a front stored.
    pub(crate) stored: u64,
    /// Lines of all ledgers.
    pub(crate) lines: u64,
    /// Differences with their reason.
    pub(crate) explained: BTreeMap<&'static str, u64>,
    /// Differences without one, each with its batches.
    pub(crate) unexplained: BTreeMap<&'static str, Vec<String>>,
}

impl Reconciled {
    fn explain(&mut self, name: &'static str) {
        *self.explained.entry(name).or_default() += 1;
    }

    fn miss(&mut self, name: &'static str, batch: &BatchId) {
        let batches = self.unexplained.entry(name).or_default();
        batches.push(batch.to_string());
    }
}

/// Batches by id, as one end knows them.
type Known = BTreeMap<BatchId, u64>;

/// One ledger of a front.
struct Ledger {
    /// The folder of the front, and the site.
    name: String,
    site: SiteId,
    entries: Vec<Entry>,
    end: End,
}

/// Compares the ledgers of fronts with the catalogue, and with a device's ledger where it is given.
///
/// # Errors
/// A ledger was edited, cut or written anew, or cannot be read.
pub(crate) fn reconcile(
    catalogue: &mut Catalogue,
    fronts: &[PathBuf],
    device: Option<(&SiteId, &Path)>,
    at: i64,
) -> Result<Reconciled> {
    let mut found = Reconciled::default();
    let mut stored = Known::new();
    let mut of_device_site = Known::new();
    for ledger in ledgers(catalogue, fronts)? {
        found.lines += ledger.entries.len() as u64;
        for entry in ledger.entries.iter().filter(|it| it.event == Event::Delivered) {
            stored.insert(entry.batch, entry.bytes);
            if device.is_some_and(|(site, _)| *site == ledger.site) {
                of_device_site.insert(entry.batch, entry.bytes);
            }
        }
        catalogue.anchor(&ledger.name, ledger.end, at)?;
    }
    found.stored = stored.len() as u64;
    with_catalogue(catalogue, &stored, &mut found)?;
    if let Some((_, path)) = device {
        let text = fs::read(path).map_err(|error| unreadable(path, error))?;
        let sent = read(&text, &End::default()).map_err(|fault| broken(path, fault))?;
        with_device(&of_device_site, &sent.entries, &mut found);
    }
    Ok(found)
}

fn ledgers(catalogue: &Catalogue, fronts: &[PathBuf]) -> Result<Vec<Ledger>> {
    let mut ledgers = Vec::new();
    for folder in fronts {
        let front = folder.file_name().unwrap_or_default().to_string_lossy();
        for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
            let path = entry.map_err(|error| unreadable(folder, error))?.path();
            let site = path.file_stem().and_then(|stem| stem.to_str());
            let site = site.and_then(|site| site.parse::<SiteId>().ok());
            let (Some(site), true) = (site, path.extension().is_some_and(|it| it == "transfers"))
            else {
                continue;
            };
            let name = format!("{front}/{site}");
            let text = fs::read(&path).map_err(|error| unreadable(&path, error))?;
            let known = catalogue.anchored(&name)?.unwrap_or_default();
            let read = read(&text, &known).map_err(|fault| broken(&path, fault))?;
            ledgers.push(Ledger {
                name,
                site,
                entries: read.entries,
                end: read.end,
            });
        }
        // A whole ledger that is gone is a ledger that was cut.
        for name in catalogue.anchors(&format!("{front}/"))? {
            if !ledgers.iter().any(|ledger| ledger.name == name) {
                return Err(Failure::new(Problem::TransferLedger, name));
            }
        }
    }
    ledgers.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(ledgers)
}

fn with_catalogue(catalogue: &Catalogue, stored: &Known, found: &mut Reconciled) -> Result<()> {
    let mut decided = catalogue.transfers()?;
    for (batch, bytes) in stored {
        match decided.remove(batch) {
            // The core has not looked yet, or the file never came: its inbox tells at the next pull.
            None => found.miss("stored_and_not_at_the_core", batch),
            Some((size, _)) if size != *bytes => found.miss("bytes_differ", batch),
            Some((_, Outcome::Accepted | Outcome::Duplicate)) => {}
            Some((_, Outcome::Refused)) => found.explain("refused_by_the_core"),
            Some((_, Outcome::Waiting)) => found.explain("waits_at_the_core"),
        }
    }
    for batch in decided.keys() {
        found.miss("at_the_core_without_a_transfer", batch);
    }
    Ok(())
}

fn with_device(stored: &Known, sent: &[Entry], found: &mut Reconciled) {
    let mut delivered = Known::new();
    let mut begun = Known::new();
    for entry in sent {
        match entry.event {
            Event::Delivered => delivered.insert(entry.batch, entry.bytes),
            Event::Sending | Event::Failed | Event::Exported => {
                begun.insert(entry.batch, entry.bytes)
            }
        };
    }
    for (batch, bytes) in &delivered {
        match stored.get(batch) {
            None => found.miss("acknowledged_and_not_stored", batch),
            Some(size) if size != bytes => found.miss("bytes_differ", batch),
            Some(_) => {}
        }
    }
    for batch in stored.keys().filter(|batch| !delivered.contains_key(batch)) {
        match begun.contains_key(batch) {
            // The receipt was lost on the way; the device asks again.
            true => found.explain("receipt_still_on_its_way"),
            false => found.miss("stored_and_never_sent", batch),
        }
    }
    for batch in begun.keys() {
        if !delivered.contains_key(batch) && !stored.contains_key(batch) {
            found.explain("not_delivered_yet");
        }
    }
}

fn unreadable(path: &Path, error: std::io::Error) -> Failure {
    let problem = match error.kind() {
        ErrorKind::NotFound | ErrorKind::PermissionDenied => Problem::TransferFolder,
        _ => Problem::State,
    };
    Failure::because(problem, path.display().to_string(), error)
}

fn broken(path: &Path, fault: transfer::ledger::LedgerFault) -> Failure {
    Failure::because(Problem::TransferLedger, path.display().to_string(), fault)
}
