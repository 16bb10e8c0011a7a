//! The site's ledger: who was told, who agreed, who said no.
//!
//! `store` keeps it on disk, `lists` reads the CSV files that the settings name into it, `import`
//! those of the hospital's own systems, `add` one entry that is told by hand, `terms` says what the
//! settings say to the gate, `met` finds stops that meet nobody, `people` knows the patients that
//! were read by keyed references, `orders` applies the stop orders of the centre to them,
//! `emergency` keeps its codes, `command` is the command line.

mod add;
pub(crate) mod command;
mod emergency;
mod entry;
mod import;
mod key;
mod lists;
mod met;
mod orders;
mod people;
mod spelling;
mod store;
mod terms;

use config::gateway::Settings;
use privacy::gate::{Event, Gate, Standing};
use record::ChartNumber;

use crate::clock::Now;
use crate::error::Failure;
use crate::report::LedgerReport;

pub(crate) use entry::{Actor, Entry, ImportId};
pub(crate) use key::LedgerKey;
pub(crate) use met::StopsMet;
pub(crate) use orders::Untold;
pub(crate) use people::{Met, Sharing};
pub(crate) use spelling::any_spelling;
pub(crate) use store::Ledger;
pub(crate) use terms::terms;

use lists::Listed;

/// Opens the ledger that the settings name.
///
/// # Errors
/// Key or file cannot be used.
pub(crate) fn open(settings: &Settings) -> Result<Ledger, Failure> {
    let key = LedgerKey::of(settings)?;
    Ledger::open(&settings.state.folder, key, &settings.site)
}

/// Takes what is new in the lists that the settings name into the ledger, and builds the gate from
/// the whole of it.
///
/// # Errors
/// A list is missing or has a line that cannot be read; the ledger was changed or cut; a section
/// of the settings is malformed.
pub(crate) fn gate(
    settings: &Settings,
    now: Now,
    report: &mut LedgerReport,
) -> Result<(Gate, StopsMet), Failure> {
    let terms = terms(settings)?;
    let mut ledger = open(settings)?;
    let mut folded = Folded::of(&ledger)?;
    let counts = lists::take_in(&mut ledger, settings, &folded.listed, now)?;
    ledger.provide(&terms, now)?;
    while ledger.entries_now()? != folded.head.entries {
        folded = Folded::of(&ledger)?;
    }
    report.take(folded.head.entries, counts);
    let gate = Gate::new(terms, folded.standing, folded.head, now.today);
    report.look(&gate);
    Ok((gate, folded.met))
}

/// Which state of the two lists that the settings name there is now, without reading them.
pub(crate) fn lists_now(settings: &Settings) -> [Option<[i128; 5]>; 2] {
    lists::now(settings)
}

/// Whether the list of stops that the settings name has a person now, in any spelling of the
/// number.
///
/// # Errors
/// The list is missing, changes while it is read, or has a line that cannot be read.
pub(crate) fn lists_stop(settings: &Settings, chart: &ChartNumber) -> Result<bool, Failure> {
    lists::has_stop(settings, chart)
}

/// The whole ledger, read once.
struct Folded {
    standing: Standing,
    head: privacy::gate::LedgerHead,
    met: StopsMet,
    listed: Listed,
}

impl Folded {
    fn of(ledger: &Ledger) -> Result<Self, Failure> {
        let mut standing = Standing::default();
        let voided = ledger.voided()?;
        let (mut met, mut listed) = (StopsMet::none(), Listed::default());
        let head = ledger.fold(None, |entry| {
            let stands = !voided.contains(entry.number);
            if let (true, Event::Stopped(stop)) = (stands, &entry.event) {
                met.expect(&stop.chart);
            }
            if stands {
                listed.note(ledger, &entry);
            }
            standing.push(entry.number, entry.event);
        })?;
        Ok(Self {
            standing,
            head,
            met,
            listed,
        })
    }
}

/// What tests of several modules start from.
#[cfg(test)]
pub(crate) mod fixture {
    use privacy::gate::{
        Channel, Contract, ContractKind, Filing, HoldDays, LedgerHead, Notice, NoticeDocument,
        NoticeMethod, Products, Requester, Scope, Stop, Terms, Verification,
    };
    use record::{ChartNumber, Date};

    use super::*;

    /// A gate that lets these persons pass unless one of these numbers, which are stopped, is
    /// theirs, or a decision is pending for them.
    pub(crate) fn gate(
        charts: &[ChartNumber],
        stopped: &[ChartNumber],
        held: &[ChartNumber],
        today: Date,
    ) -> Gate {
        let day = jiff::civil::date(2026, 1, 1);
        let contract = Contract {
            id: "C-1".parse().unwrap(),
            kind: ContractKind::Individual,
            filing: Some(Filing {
                reference: "F-1".parse().unwrap(),
                filed_on: day,
                revoked_on: None,
            }),
            products: Products::ALL,
            effective_from: day,
            leaves_on: None,
            hold_days: HoldDays::SHORTEST,
        };
        let text = NoticeDocument {
            version: "v1".parse().unwrap(),
            published_on: day,
            products: Products::ALL,
            reopens: false,
        };
        let told = charts.iter().map(|chart| {
            Event::Notified(Notice {
                chart: chart.clone(),
                notified_on: day,
                document: text.version.clone(),
                method: NoticeMethod::Handed,
                sixteen_on: None,
            })
        });
        let stops = stopped.iter().map(|chart| {
            Event::Stopped(Stop {
                chart: chart.clone(),
                requested_on: day,
                requester: Requester::Own,
                channel: Channel::Desk,
                verification: Verification::Known,
                scope: Scope::ALL,
            })
        });
        let held = held.iter().map(|chart| Event::Held {
            order: "1".parse().unwrap(),
            chart: chart.clone(),
        });
        let standing = told.chain(stops).chain(held).collect();
        let head = LedgerHead {
            digest: [0; 32],
            entries: 1,
        };
        Gate::new(Terms::of(contract, text), standing, head, today)
    }
}

#[cfg(test)]
pub(super) mod tests;
