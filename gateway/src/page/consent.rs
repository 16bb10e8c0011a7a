//! Consents at the desk: where a source provides only for those who agreed.

use axum::extract::Path;
use axum::response::Response;
use privacy::gate::{Consent, ConsentMode, DocumentVersion, Event};

use super::Place;
use super::account::Role;
use super::answer::Refusal;
use super::book;
use super::log::{Act, Line};
use super::person::{self, Person};
use super::reception;
use super::scope;
use super::texts::T;
use super::visit::{Posted, work};
use crate::clock;
use crate::error::Failure;

/// The texts that can have been explained, where an institution asks for consent at all.
///
/// # Errors
/// A section of the settings is malformed.
pub(super) fn offered(
    place: &Place,
    today: record::Date,
) -> Result<Option<Vec<DocumentVersion>>, Failure> {
    match book::terms(place)?.mode {
        ConsentMode::OptOut => Ok(None),
        ConsentMode::OptIn => book::documents(place, today).map(Some),
    }
}

/// The patient agrees.
pub(crate) async fn enter(Path(site): Path<String>, posted: Posted) -> Result<Response, Refusal> {
    let Posted { visit, fields } = posted;
    let site = visit.site(&site, &[Role::Reception])?;
    let consent = Consent {
        chart: person::chart(fields.one("chart")).ok_or(Refusal::Form(T.chart_wrong))?,
        given_on: fields.read_as("given_on", T.day_wrong)?,
        document: fields.read_as("document", T.choice_wrong)?,
        scope: scope::read(&fields)?,
    };
    work(|| {
        let now = visit.page.now()?;
        let place = visit.page.institution(&site).ok_or(Refusal::NotHere)?;
        let offered = offered(place, consent.given_on)?.ok_or(Refusal::Form(T.consent_not_here))?;
        if consent.given_on > now.today {
            return Err(Refusal::Form(T.day_in_future));
        }
        if !offered.contains(&consent.document) {
            return Err(Refusal::Form(T.document_wrong));
        }
        // As with notices: a consent opens the gate, so its day must be sure.
        if !clock::confirmed_now(&place.settings.clock) {
            return Err(Refusal::Form(T.consent_needs_time));
        }
        let about = book::reference(&visit.page.store, &site, &consent.chart);
        let line = Line::about(Act::ConsentEntered, visit.name(), &about).at(site.as_str());
        visit.page.store.note(&line, visit.at)?;
        let chart = consent.chart.clone();
        let event = Event::Consented(consent);
        let mut ledger = book::open(place)?;
        let stands = |entry: &book::Entry| !entry.revoked && entry.event == event;
        // A form that was sent twice is one consent.
        if !ledger.of_chart(&chart)?.iter().any(stands) {
            book::append(&mut ledger, visit.name(), now, vec![event])?;
        }
        let person = Person::read(place, &ledger, chart, now)?;
        reception::show(&visit, place, &person, Some(("good", T.consent_entered)))
    })
}
