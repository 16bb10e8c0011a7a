//! The reception's page (C-07): search by chart number, "the patient says no", the confirmation to
//! print, taking back.
//!
//! Chart numbers travel in the body of forms only, never in an address. A page that shows one is
//! the answer to a form, or is named by the number of a ledger entry.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use privacy::gate::{Channel, Event, Ground, Requester, Scope, Stop, Verification};
use record::SiteId;

use super::Place;
use super::account::Role;
use super::answer::{Refusal, html, see_other};
use super::book::{self, Entry};
use super::frame::Frame;
use super::log::{Act, Line};
use super::person::{self, Person};
use super::texts::{Filled, T, Text};
use super::visit::{Posted, Visit, work};
use super::words::moment;

#[derive(Template)]
#[template(path = "reception.html")]
struct ReceptionPage {
    frame: Frame,
    wrong: Option<Text>,
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
    stop: Option<u64>,
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
    who: String,
    revoked: bool,
    revocable: bool,
}

#[derive(Template)]
#[template(path = "confirmation.html")]
struct ConfirmationPage {
    frame: Frame,
    number: u64,
    chart: String,
    requested_on: String,
    recorded_at: String,
    requester: Text,
    verification: Text,
    who: String,
    contact: String,
    shared: Vec<String>,
    revoked: bool,
}

/// `/{site}/reception`.
pub(crate) async fn page(visit: Visit, Path(site): Path<String>) -> Result<Response, Refusal> {
    let site = visit.site(&site, &[Role::Reception])?;
    Ok(search(&visit, &site, None))
}

fn search(visit: &Visit, site: &SiteId, wrong: Option<Text>) -> Response {
    html(&ReceptionPage {
        frame: visit.frame(T.title_reception, site, "reception"),
        wrong,
    })
}

/// Shows a person by chart number. Every search is written down.
pub(crate) async fn person(Path(site): Path<String>, posted: Posted) -> Result<Response, Refusal> {
    let Posted { visit, fields } = posted;
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
        show(&visit, place, &person)
    })
}

fn show(visit: &Visit, place: &Place, person: &Person) -> Result<Response, Refusal> {
    let (class, state) = person.state();
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
        stop: person.stop().map(|(entry, _)| entry.number),
        rows: person.entries.iter().rev().map(row).collect(),
        today: visit.page.now()?.today.to_string(),
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

/// The patient says no (C-07): a stop under this number, at once and everywhere that shares it.
pub(crate) async fn stop(Path(site): Path<String>, posted: Posted) -> Result<Response, Refusal> {
    let Posted { visit, fields } = posted;
    let site = visit.site(&site, &[Role::Reception])?;
    let chart = person::chart(fields.one("chart")).ok_or(Refusal::Form(T.chart_wrong))?;
    let stop = Stop {
        requested_on: fields.read_as("requested_on", T.day_wrong)?,
        requester: fields.read_as("requester", T.choice_wrong)?,
        channel: fields.read_as("channel", T.choice_wrong)?,
        verification: fields.read_as("verification", T.choice_wrong)?,
        scope: Scope::ALL,
        chart,
    };
    work(|| {
        let now = visit.page.now()?;
        if stop.requested_on > now.today {
            return Err(Refusal::Form(T.day_in_future));
        }
        let place = visit.page.institution(&site).ok_or(Refusal::NotHere)?;
        let about = book::reference(&visit.page.store, &site, &stop.chart);
        let mut shown = None;
        for place in book::sharing(&visit.page, place) {
            let line = Line::about(Act::StopEntered, visit.name(), &about);
            visit
                .page
                .store
                .note(&line.at(place.site.as_str()), visit.at)?;
            let mut ledger = book::open(place)?;
            // A form that was sent twice, or a person who says no again, is one stop.
            let person = Person::read(place, &ledger, stop.chart.clone(), now)?;
            let standing = person.stop().filter(|(_, known)| known.scope == Scope::ALL);
            let number = match standing {
                Some((entry, _)) => entry.number,
                None => {
                    let events = vec![Event::Stopped(stop.clone())];
                    *book::append(&mut ledger, visit.name(), now, events)?.end()
                }
            };
            shown.get_or_insert(number);
        }
        let number = shown.ok_or(Refusal::NotHere)?;
        Ok(see_other(&format!("/{site}/confirmation/{number}")))
    })
}

/// `/{site}/confirmation/{number}`: the confirmation of a stop, to print (B-005).
pub(crate) async fn confirmation(
    visit: Visit,
    Path((site, number)): Path<(String, u64)>,
) -> Result<Response, Refusal> {
    let site = visit.site(&site, &[Role::Reception])?;
    work(|| {
        let place = visit.page.institution(&site).ok_or(Refusal::NotHere)?;
        let mut found = book::open(place)?.entries(number..=number)?;
        let entry = found.pop().ok_or(Refusal::NotHere)?;
        let Event::Stopped(stop) = &entry.event else {
            return Err(Refusal::NotHere);
        };
        let about = book::reference(&visit.page.store, &site, &stop.chart);
        let line = Line::about(Act::Printed, visit.name(), &about).at(site.as_str());
        visit.page.store.note(&line, visit.at)?;
        let shared = book::sharing(&visit.page, place);
        Ok(html(&ConfirmationPage {
            frame: visit.frame(T.title_confirmation, &site, "reception"),
            number,
            chart: stop.chart.expose().to_owned(),
            requested_on: stop.requested_on.to_string(),
            recorded_at: moment(entry.recorded_at),
            requester: requester_text(stop.requester),
            verification: verification_text(stop.verification),
            who: book::actor(&entry.actor),
            contact: place.told.contact.clone(),
            shared: shared
                .iter()
                .skip(1)
                .map(|place| place.told.name.clone())
                .collect(),
            revoked: entry.revoked,
        }))
    })
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
        show(&visit, place, &Person::read(place, &ledger, chart, now)?)
    })
}

/// Only what this page enters is taken back here; a case that was held is decided on its own page.
fn is_revocable(entry: &Entry) -> bool {
    let enters = matches!(
        entry.event,
        Event::Stopped(_) | Event::Notified(_) | Event::Visited { .. }
    );
    enters && !entry.revoked
}

fn row(entry: &Entry) -> Row {
    let (what, detail) = match &entry.event {
        Event::Notified(notice) => (
            T.event_notified,
            format!("{} {}", notice.notified_on, notice.document),
        ),
        Event::Visited { on, .. } => (T.event_visited, on.to_string()),
        Event::Stopped(stop) => (
            T.event_stopped,
            format!(
                "{} {}",
                stop.requested_on,
                requester_text(stop.requester).ja
            ),
        ),
        Event::Consented(consent) => (T.event_consented, consent.given_on.to_string()),
        Event::Held { order, .. } => (T.event_held, order.to_string()),
        Event::Merged { .. } => (T.event_merged, String::new()),
        Event::Revoked { entry, .. } => (T.event_revoked, entry.to_string()),
    };
    Row {
        number: entry.number,
        at: moment(entry.recorded_at),
        what,
        detail,
        who: book::actor(&entry.actor),
        revoked: entry.revoked,
        revocable: is_revocable(entry),
    }
}

/// What a requester is called.
pub(super) fn requester_text(requester: Requester) -> Text {
    match requester {
        Requester::Own => T.requester_own,
        Requester::Family => T.requester_family,
        Requester::Bereaved => T.requester_bereaved,
        Requester::Representative => T.requester_representative,
        Requester::Guardian => T.requester_guardian,
    }
}

fn verification_text(verification: Verification) -> Text {
    match verification {
        Verification::Unverified => T.verification_unverified,
        Verification::Document => T.verification_document,
        Verification::Known => T.verification_known,
    }
}

fn channel_text(channel: Channel) -> Text {
    match channel {
        Channel::Desk => T.channel_desk,
        Channel::Paper => T.channel_paper,
        Channel::Phone => T.channel_phone,
        Channel::Centre => T.channel_centre,
        Channel::Import => T.channel_import,
    }
}

fn ground_text(ground: Ground) -> Text {
    match ground {
        Ground::Mistake => T.ground_mistake,
        Ground::Wish => T.ground_wish,
        Ground::OtherPerson => T.ground_other_person,
    }
}
