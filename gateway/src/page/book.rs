//! The page's way to the ledger of an institution.

use std::ops::RangeInclusive;

use envelope::sha256;
use privacy::gate::{DocumentVersion, Event, Terms};
use record::{ChartNumber, Date, Sensitive, SiteId};

use super::secret::hex;
use super::store::Store;
use super::{Page, Place};
use crate::clock::Now;
use crate::error::Failure;
use crate::ledger;

pub(super) use crate::ledger::{Actor, Entry, Ledger};

/// Opens the ledger of an institution.
///
/// # Errors
/// It cannot be read, or is not as it was written.
pub(super) fn open(place: &Place) -> Result<Ledger, Failure> {
    ledger::open(&place.settings)
}

/// What the settings of an institution say to the gate.
///
/// # Errors
/// A section of them is malformed.
pub(super) fn terms(place: &Place) -> Result<Terms, Failure> {
    ledger::terms(&place.settings)
}

/// The notice texts that are out on a day, the newest first.
///
/// # Errors
/// A section of the settings is malformed.
pub(super) fn documents(place: &Place, day: Date) -> Result<Vec<DocumentVersion>, Failure> {
    let mut out = terms(place)?.documents;
    out.retain(|it| it.published_on <= day);
    out.sort_by_key(|it| std::cmp::Reverse((it.published_on, it.version.clone())));
    Ok(out.into_iter().map(|it| it.version).collect())
}

/// Appends what an account did.
///
/// # Errors
/// The ledger cannot be written; then nothing of it is.
pub(super) fn append(
    ledger: &mut Ledger,
    account: &str,
    now: Now,
    events: Vec<Event>,
) -> Result<RangeInclusive<u64>, Failure> {
    ledger.append(&Actor::Account(account.to_owned()), now, events)
}

/// Who did something, as pages show it.
pub(super) fn actor(actor: &Actor) -> String {
    match actor {
        Actor::Operator => "console".to_owned(),
        Actor::Import(_) => "CSV".to_owned(),
        Actor::Order(order) => order.to_string(),
        Actor::Account(name) => name.clone(),
        Actor::Settings => "settings".to_owned(),
    }
}

/// The institutions whose stops are shared with one: itself first.
pub(super) fn sharing<'p>(page: &'p Page, place: &'p Place) -> Vec<&'p Place> {
    let group = place.told.stops_shared_in.as_ref();
    let shares = |other: &&Place| {
        other.site != place.site && group.is_some() && other.told.stops_shared_in.as_ref() == group
    };
    let others = page.institutions.iter().filter(shares);
    std::iter::once(place).chain(others).collect()
}

/// Whether two numbers are one in different spellings.
pub(super) fn same_number(one: &ChartNumber, other: &ChartNumber) -> bool {
    any_spelling(one).expose() == any_spelling(other).expose()
}

fn any_spelling(chart: &ChartNumber) -> Sensitive {
    ledger::any_spelling(chart)
}

/// How a person stands in the access log: the same for every spelling of the number, and nothing
/// that anybody without the page's key could trace back.
pub(super) fn reference(store: &Store, site: &SiteId, chart: &ChartNumber) -> String {
    let folded = any_spelling(chart);
    let folded = sha256(folded.expose().as_bytes());
    let message = [site.as_str().as_bytes(), b"\0", &folded].concat();
    let digest = store.key.mac("sekisho page person v1", &message);
    let (short, _) = digest.split_at(6);
    format!("p-{}", hex(short))
}
