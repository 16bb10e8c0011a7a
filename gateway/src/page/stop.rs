//! "The patient says no" (C-07), and the confirmation to print (B-005).

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use privacy::gate::{Event, Scope, Stop};

use super::account::Role;
use super::answer::{Refusal, html, see_other};
use super::book;
use super::frame::Frame;
use super::log::{Act, Line};
use super::person::{self, Person};
use super::scope;
use super::terms::{channel_text, requester_text, verification_text};
use super::texts::{Filled, T, Text};
use super::visit::{Urgent, Visit, work};
use super::words::moment;

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
    channel: Text,
    scope: Filled,
    limited: bool,
    who: String,
    contact: String,
    shared: Vec<String>,
    revoked: bool,
}

/// The patient says no (C-07): a stop under this number, at once and everywhere that shares it.
pub(crate) async fn stop(Path(site): Path<String>, posted: Urgent) -> Result<Response, Refusal> {
    let Urgent { visit, fields } = posted;
    let site = visit.site(&site, &[Role::Reception])?;
    let chart = person::chart(fields.one("chart")).ok_or(Refusal::Form(T.chart_wrong))?;
    let stop = Stop {
        requested_on: fields.read_as("requested_on", T.day_wrong)?,
        requester: fields.read_as("requester", T.choice_wrong)?,
        channel: fields.read_as("channel", T.choice_wrong)?,
        verification: fields.read_as("verification", T.choice_wrong)?,
        scope: scope::read(&fields)?,
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
            let mut standing = person.stops();
            let number = match standing.find(|(_, known)| known.scope.covers(&stop.scope)) {
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
            channel: channel_text(stop.channel),
            scope: scope::words(&stop.scope),
            limited: stop.scope != Scope::ALL,
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
