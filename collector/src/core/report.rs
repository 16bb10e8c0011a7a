//! The JSON report of a command: what happened, in figures. No person and no value stands in it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use privacy::gate::{RateAlarm, StopRate};
use record::{ResourceKind, SiteId};
use serde::Serialize;

use super::catalogue::Catalogue;
use super::epochs::Epochs;
use super::failure::{Failure, Problem, Result};
use super::folder::Folder;
use super::quality::{self, SiteQuality};
use super::settings::Settings;
use super::tables::{Current, Table};
use super::{durable, letters, link, make, pull, transfers};

/// Report of one command.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Report {
    /// What was taken, in a run that pulled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pull: Option<pull::Summary>,
    /// Who was linked, in a run that linked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) link: Option<link::Summary>,
    /// What was released, in a run that made a release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) make: Option<make::Summary>,
    /// A release of this name stood already, made from the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) release_stands: Option<String>,
    /// What was done with letters to devices, where they are set up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) letters: Option<letters::Summary>,
    /// What came of comparing the transfer ledgers, in a run that did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reconcile: Option<transfers::Summary>,
    /// What the core holds afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<Status>,
    /// Seconds by step.
    pub(crate) seconds: BTreeMap<&'static str, f64>,
    /// Most memory that the process ever held.
    pub(crate) peak_memory_bytes: u64,
}

impl Report {
    /// Runs a step and notes how long it took.
    ///
    /// # Errors
    /// Whatever the step says.
    pub(crate) fn timed<T>(
        &mut self,
        step: &'static str,
        run: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let start = Instant::now();
        let done = run()?;
        self.seconds.insert(step, start.elapsed().as_secs_f64());
        Ok(done)
    }

    /// The report as text, ended by a line break.
    ///
    /// # Errors
    /// None that can be met: all names in it are text.
    pub(crate) fn to_json(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Failure::because(Problem::Output, "report", error))?;
        Ok(text + "\n")
    }

    /// Writes the report, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        durable::write(path, self.to_json()?.as_bytes())
            .map_err(|error| Failure::because(Problem::Output, path.display().to_string(), error))
    }
}

/// What the core holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Status {
    /// Inbox files by outcome and reason; the reason of an accepted one is empty.
    pub(crate) files: BTreeMap<String, BTreeMap<String, u64>>,
    /// Accepted batches.
    pub(crate) batches: u64,
    /// Sites with an accepted batch.
    pub(crate) sites: u64,
    /// Documents that stand.
    pub(crate) documents: u64,
    /// Documents that were taken back.
    pub(crate) documents_withdrawn: u64,
    /// Versions of documents that a later one has replaced, kept as history. With the two above
    /// they are all that was ever stored and not erased (C-31).
    pub(crate) documents_replaced: u64,
    /// Persons whose site had everything erased that came before, and with whom it is done.
    pub(crate) erased: u64,
    /// The same with whom it is still to be done.
    pub(crate) to_erase: u64,
    /// Stop orders by state; see `core orders`.
    pub(crate) orders: BTreeMap<String, u64>,
    /// Requests to stop by the legal entity to which they were addressed, and by state.
    pub(crate) requests: BTreeMap<String, BTreeMap<String, u64>>,
    /// How many of those who were told said no, by site, as its last batch states it.
    pub(crate) stop_rates: BTreeMap<String, SiteRate>,
    /// Sites of which an order is unconfirmed for too long: their batches wait, and new data sets
    /// leave them out.
    pub(crate) sites_held_back: Vec<String>,
    /// Sites whose chain has forked, and the batches that contend. The fronts take nothing from
    /// them, until an operator releases them.
    pub(crate) sites_stopped: BTreeMap<String, Vec<String>>,
    /// Sites of which a table is missing or damaged: their documents and rows are not counted.
    pub(crate) sites_damaged: Vec<String>,
    /// Subjects of each site by the newest epoch of which they have tokens.
    pub(crate) token_epochs: Epochs,
    /// Sites with subjects who lack the newest of these epochs, and how many.
    pub(crate) token_epochs_behind: BTreeMap<String, u64>,
    /// Rows that stand, by table.
    pub(crate) records: BTreeMap<String, u64>,
    /// Rows stored, by table, replaced and withdrawn ones too.
    pub(crate) rows_stored: BTreeMap<String, u64>,
    /// Subjects of all sites that were linked.
    pub(crate) subjects: u64,
    /// Persons that stand.
    pub(crate) persons: u64,
    /// Links by rule.
    pub(crate) links: BTreeMap<String, u64>,
    /// Lines of the dictionaries of all sites.
    pub(crate) terms: u64,
    /// Releases and their persons.
    pub(crate) releases: BTreeMap<String, u64>,
    /// Height of the ledger; its chain was checked.
    pub(crate) ledger_height: u64,
    /// How good the data of each site is.
    pub(crate) quality: BTreeMap<String, SiteQuality>,
}

/// How many of a site's persons were told and how many said no.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct SiteRate {
    /// Persons with a notice.
    pub(crate) notified: u64,
    /// Persons with a stop.
    pub(crate) stopped: u64,
    /// Why the share is suspicious, if it is.
    pub(crate) alarm: Option<RateAlarm>,
}

impl SiteRate {
    fn of(rate: StopRate) -> Self {
        Self {
            notified: rate.notified,
            stopped: rate.stopped,
            alarm: rate.alarm(),
        }
    }

    /// The line for people.
    pub(crate) fn for_people(&self, site: &str) -> String {
        let (ja, en) = match self.alarm {
            None => ("停止の割合", "share of stops"),
            Some(RateAlarm::Nobody) => (
                "停止が1人もない施設（受付の手順を施設に確認してください）",
                "nobody said no, ask the site how stops are taken down",
            ),
            Some(RateAlarm::Many) => (
                "停止が1%を超えた施設（ご案内と取り込みを施設に確認してください）",
                "more than 1% said no, ask the site about leaflet and imports",
            ),
        };
        let Self {
            notified, stopped, ..
        } = self;
        format!("{ja} / {en}: {site} {stopped} / {notified}")
    }
}

impl Status {
    /// Counts what the core holds.
    ///
    /// # Errors
    /// The catalogue or its ledger is damaged.
    pub(crate) fn of(
        catalogue: &Catalogue,
        folder: &Folder,
        settings: &Settings,
        at: i64,
    ) -> Result<Self> {
        let mut status = Self {
            batches: catalogue.batches()?.len() as u64,
            rows_stored: catalogue.rows()?.into_iter().collect(),
            subjects: catalogue.members()?.len() as u64,
            persons: catalogue.persons()?.len() as u64,
            links: catalogue.links_by_rule()?.into_iter().collect(),
            terms: catalogue.terms()?,
            releases: catalogue.releases()?.into_iter().collect(),
            ledger_height: catalogue.check_ledger()?,
            ..Self::default()
        };
        (status.erased, status.to_erase) = catalogue.erasures()?;
        for order in letters::orders(catalogue, at)? {
            *status.orders.entry(order.state.to_owned()).or_default() += 1;
        }
        status.requests = letters::requests(catalogue, at)?;
        let held_back = letters::overdue(catalogue, at)?;
        status.sites_held_back = held_back.iter().map(ToString::to_string).collect();
        status.sites_stopped = stopped(catalogue)?;
        status.token_epochs = Epochs::of(catalogue, &folder.tables())?;
        let behind = status.token_epochs.behind().into_iter();
        status.token_epochs_behind = behind
            .map(|(site, count)| (site.to_owned(), count))
            .collect();
        for (outcome, reason, count) in catalogue.outcomes()? {
            status
                .files
                .entry(outcome)
                .or_default()
                .insert(reason, count);
        }
        for site in catalogue.sites()? {
            // A site that is no longer in the settings is judged by what holds for all.
            let own = settings.site(&site).map(|site| site.quality.clone());
            let own = own.unwrap_or_default();
            let judged = quality::judge(catalogue, &site, &settings.quality, &own)?;
            status.quality.insert(site.to_string(), judged);
            if let Some(rate) = catalogue.stop_rate(&site)? {
                status
                    .stop_rates
                    .insert(site.to_string(), SiteRate::of(rate));
            }
            status.sites += 1;
            match standing(catalogue, folder, &site) {
                Ok(Standing {
                    documents,
                    withdrawn,
                    replaced,
                    records,
                }) => {
                    status.documents += documents;
                    status.documents_withdrawn += withdrawn;
                    status.documents_replaced += replaced;
                    for (kind, rows) in records {
                        *status.records.entry(kind.to_string()).or_default() += rows;
                    }
                }
                // What can be told is told: who has to mend it needs it.
                Err(_) => status.sites_damaged.push(site.to_string()),
            }
        }
        Ok(status)
    }
}

/// Sites whose chain has forked, with the batches that contend.
fn stopped(catalogue: &Catalogue) -> Result<BTreeMap<String, Vec<String>>> {
    let stopped = catalogue.stopped()?.into_iter();
    let named = stopped.map(|it| {
        let batches = it.batches.iter().map(ToString::to_string).collect();
        (it.site.to_string(), batches)
    });
    Ok(named.collect())
}

/// What stands of a site.
struct Standing {
    documents: u64,
    withdrawn: u64,
    replaced: u64,
    /// Rows by kind.
    records: Vec<(ResourceKind, u64)>,
}

fn standing(catalogue: &Catalogue, folder: &Folder, site: &SiteId) -> Result<Standing> {
    let current = Current::load(catalogue, &folder.tables(), site)?;
    let (documents, withdrawn) = current.counts();
    let mut records = Vec::new();
    for kind in ResourceKind::ALL {
        let (table, mut rows) = (Table::Records(*kind), 0);
        current.rows(catalogue, &folder.tables(), table, |_, _| {
            rows += 1;
            Ok(())
        })?;
        records.push((*kind, rows));
    }
    Ok(Standing {
        documents,
        withdrawn,
        replaced: current.replaced(),
        records,
    })
}

/// Most memory that this process ever held (`VmHWM`); 0 where the system does not tell.
pub(crate) fn peak_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    kibibytes.map_or(0, |number: u64| number * 1024)
}
