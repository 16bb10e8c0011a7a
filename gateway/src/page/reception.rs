//! The reception's page (C-07): search by chart number, what the ledger says of a person, taking
//! back.
//!
//! Chart numbers travel in the body of forms only, never in an address. A page that shows one is
//! the answer to a form, or is named by the number of a ledger entry.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use privacy::gate::{Channel, Event, Ground, Requester, Stop, Verification};
use record::{ChartNumber, SiteId};

use super::Place;
use super::account::Role;
use super::answer::{Refusal, html};
use super::book::{self, Entry};
use super::consent;
use super::frame::Frame;
use super::log::{Act, Line};
use super::person::{self, Person};
use super::scope::{self, Choices};
use super::terms::{channel_text, ground_text, requester_text, verification_text};
use super::texts::{Filled, T, Text};
use super::visit::{Posted, Urgent, Visit, work};
use super::words::moment;
use crate::last_run::LastRun;
use crate::ledger;

#[derive(Template)]
#[template(path = "reception.html")]
struct ReceptionPage {
    frame: Frame,
    wrong: Option<Text>,
    /// Persons who turned 16 and are to be told again, by the last run.
    sixteen: u64,
}

#[derive(Template)]
#[template(path = "person.html")]
struct PersonPage {
    frame: Frame,
    chart: String,
    class: &'static str,
    state: Filled,
    known: bool,
    filed: (&'static str, Text),
    told: Option<(&'static str, Text)>,
    stops: Vec<(u64, Filled)>,
    stopped: bool,
    choices: Choices,
    /// The texts that can have been explained, where consent is asked for.
    consent: Option<Vec<String>>,
    rows: Vec<Row>,
    today: String,
    requesters: Vec<(&'static str, Text)>,
    verifications: Vec<(&'static str, Text)>,
    channels: Vec<(&'static str, Text)>,
    grounds: Vec<(&'static str, Text)>,
    shared: Vec<String>,
}

/// One entry of the ledger about the person.
struct Row {
    number: u64,
    at: String,
    what: Text,
    detail: String,
    scope: Option<Filled>,
    who: String,
    revoked: bool,
    revocable: bool,
}

/// `/{site}/reception`.
pub(crate) async fn page(visit: Visit, Path(site): Path<String>) -> Result<Response, Refusal> {
    let site = visit.site(&site, &[Role::Reception])?;
    Ok(search(&visit, &site, None))
}

fn search(visit: &Visit, site: &SiteId, wrong: Option<Text>) -> Response {
    let place = visit.page.institution(site);
    let last = place.and_then(|place| LastRun::read(&place.settings.state.folder));
    html(&ReceptionPage {
        frame: visit.frame(T.title_reception, site, "reception"),
        wrong,
        sixteen: last.map_or(0, |last| last.to_tell_again),
    })
}

/// Shows a person by chart number. Every search is written down.
pub(crate) async fn person(Path(site): Path<String>, posted: Urgent) -> Result<Response, Refusal> {
    let Urgent { visit, fields } = posted;
    let site = visit.site(&site, &[Role::Reception])?;
    let Some(chart) = person::chart(fields.one("chart")) else {
        return Ok(search(&visit, &site, Some(T.chart_wrong)));
    };
    work(|| {
        let about = book::reference(&visit.page.store, &site, &chart);
        let line = Line::about(Act::Searched, visit.name(), &about).at(site.as_str());
        visit.page.store.note(&line, visit.at)?;
        let place = visit.page.institution(&site).ok_or(Refusal::NotHere)?;
        let person = Person::read(place, &book::open(place)?, chart, visit.page.now()?)?;
        show(&visit, place, &person, None)
    })
}

/// Shows a person, with what came of a form before.
pub(super) fn show(
    visit: &Visit,
    place: &Place,
    person: &Person,
    told: Option<(&'static str, Text)>,
) -> Result<Response, Refusal> {
    let (class, state) = person.state();
    let today = visit.page.now()?.today;
    let consent = consent::offered(place, today)?;
    let stop = |(entry, stop): (&Entry, &Stop)| (entry.number, scope::words(&stop.scope));
    let shared = book::sharing(&visit.page, place);
    let page = PersonPage {
        frame: visit.frame(T.title_person, &place.site, "reception"),
        chart: person.chart.expose().to_owned(),
        class,
        state,
        known: !person.entries.is_empty(),
        filed: {
            let roots = place.settings.source.storages.clone();
            visit.page.looks.look(roots, &person.chart).text()
        },
        told,
        stops: person.stops().map(stop).collect(),
        stopped: person.is_stopped(),
        choices: Choices::all(),
        consent: consent.map(|texts| texts.iter().map(ToString::to_string).collect()),
        rows: person.entries.iter().rev().map(row).collect(),
        today: today.to_string(),
        requesters: words(Requester::ALL, |it| (it.as_str(), requester_text(it))),
        verifications: [
            Verification::Known,
            Verification::Document,
            Verification::Unverified,
        ]
        .map(|it| (it.as_str(), verification_text(it)))
        .into(),
        channels: [Channel::Desk, Channel::Phone, Channel::Paper]
            .map(|it| (it.as_str(), channel_text(it)))
            .into(),
        grounds: words(Ground::ALL, |it| (it.as_str(), ground_text(it))),
        shared: shared
            .iter()
            .skip(1)
            .map(|place| place.told.name.clone())
            .collect(),
    };
    Ok(html(&page))
}

fn words<W: Copy>(
    all: &[W],
    word: impl Fn(W) -> (&'static str, Text),
) -> Vec<(&'static str, Text)> {
    all.iter().map(|it| word(*it)).collect()
}

/// Takes an entry of the ledger back.
pub(crate) async fn revoke(Path(site): Path<String>, posted: Posted) -> Result<Response, Refusal> {
    let Posted { visit, fields } = posted;
    let site = visit.site(&site, &[Role::Reception])?;
    let number: u64 = fields.read_as("entry", T.choice_wrong)?;
    let ground: Ground = fields.read_as("ground", T.choice_wrong)?;
    work(|| {
        let place = visit.page.institution(&site).ok_or(Refusal::NotHere)?;
        let mut ledger = book::open(place)?;
        let mut found = ledger.entries(number..=number)?;
        let entry = found
            .pop()
            .filter(is_revocable)
            .ok_or(Refusal::Form(T.entry_wrong))?;
        let chart = entry
            .event
            .chart()
            .cloned()
            .ok_or(Refusal::Form(T.entry_wrong))?;
        let about = book::reference(&visit.page.store, &site, &chart);
        let line = Line::about(Act::Revoked, visit.name(), &about).at(site.as_str());
        visit.page.store.note(&line, visit.at)?;
        let now = visit.page.now()?;
        let event = Event::Revoked {
            entry: number,
            ground,
        };
        book::append(&mut ledger, visit.name(), now, vec![event])?;
        let told = match entry.event {
            Event::Stopped(_) => listed_still(place, &chart),
            _ => None,
        };
        let person = Person::read(place, &ledger, chart, now)?;
        show(&visit, place, &person, told)
    })
}

/// Of two sources that conflict the one that stops wins: a stop that is taken back here holds again
/// in the next run while the hospital's own list has the person.
fn listed_still(place: &Place, chart: &ChartNumber) -> Option<(&'static str, Text)> {
    match ledger::lists_stop(&place.settings, chart) {
        Ok(false) => None,
        Ok(true) => Some(("bad", T.listed_still)),
        Err(_) => Some(("wait", T.listed_unknown)),
    }
}

/// Only what this page enters is taken back here; a case that was held is decided on its own page.
fn is_revocable(entry: &Entry) -> bool {
    let enters = matches!(
        entry.event,
        Event::Stopped(_)
            | Event::Notified(_)
            | Event::Visited { .. }
            | Event::Consented(_)
            | Event::Merged { .. }
    );
    enters && !entry.revoked
}

fn row(entry: &Entry) -> Row {
    let (what, detail, scope) = match &entry.event {
        Event::Notified(notice) => {
            let detail = format!("{} {}", notice.notified_on, notice.document);
            (T.event_notified, detail, None)
        }
        Event::Visited { on, .. } => (T.event_visited, on.to_string(), None),
        Event::Stopped(stop) => {
            let requester = requester_text(stop.requester).ja;
            let detail = format!("{} {requester}", stop.requested_on);
            (T.event_stopped, detail, Some(&stop.scope))
        }
        Event::Consented(consent) => {
            let detail = format!("{} {}", consent.given_on, consent.document);
            (T.event_consented, detail, Some(&consent.scope))
        }
        Event::Held { order, .. } => (T.event_held, order.to_string(), None),
        Event::Merged { from, into } => {
            let detail = format!("{} → {}", from.expose(), into.expose());
            (T.event_merged, detail, None)
        }
        Event::Revoked { entry, .. } => (T.event_revoked, entry.to_string(), None),
        Event::Provided(_) => (T.event_provided, String::new(), None),
        Event::Part { .. } | Event::Whole { .. } => (T.event_import, String::new(), None),
    };
    Row {
        number: entry.number,
        at: moment(entry.recorded_at),
        what,
        detail,
        scope: scope.map(scope::words),
        who: book::actor(&entry.actor),
        revoked: entry.revoked,
        revocable: is_revocable(entry),
    }
}
