//! Two chart numbers of one person: a stop under either is a stop under both.

use axum::extract::Path;
use axum::response::Response;
use privacy::gate::Event;
use record::ChartNumber;

use super::account::Role;
use super::answer::Refusal;
use super::book::{self, Entry};
use super::log::{Act, Line};
use super::person::{self, Person};
use super::reception;
use super::texts::T;
use super::visit::{Posted, work};

/// Enters that two numbers are one person, at every department that shares its stops: they use the
/// same numbers.
pub(crate) async fn enter(Path(site): Path<String>, posted: Posted) -> Result<Response, Refusal> {
    let Posted { visit, fields } = posted;
    let site = visit.site(&site, &[Role::Reception])?;
    let read = |field| person::chart(fields.one(field)).ok_or(Refusal::Form(T.chart_wrong));
    let (chart, other) = (read("chart")?, read("other")?);
    if book::same_number(&chart, &other) {
        return Err(Refusal::Form(T.merge_same));
    }
    let (from, into) = match fields.one("used") {
        "this" => (other, chart.clone()),
        "other" => (chart.clone(), other),
        _ => return Err(Refusal::Form(T.choice_wrong)),
    };
    work(|| {
        let now = visit.page.now()?;
        let place = visit.page.institution(&site).ok_or(Refusal::NotHere)?;
        let about = book::reference(&visit.page.store, &site, &chart);
        for place in book::sharing(&visit.page, place) {
            let line = Line::about(Act::Merged, visit.name(), &about).at(place.site.as_str());
            visit.page.store.note(&line, visit.at)?;
            let mut ledger = book::open(place)?;
            let mut known = ledger.of_chart(&from)?.into_iter();
            if !known.any(|entry| joins(&entry, &from, &into)) {
                let event = Event::Merged {
                    from: from.clone(),
                    into: into.clone(),
                };
                book::append(&mut ledger, visit.name(), now, vec![event])?;
            }
        }
        let person = Person::read(place, &book::open(place)?, chart, now)?;
        reception::show(&visit, place, &person, Some(("good", T.merge_entered)))
    })
}

/// Whether an entry that stands says the same of the two numbers, in whatever order and spelling.
fn joins(entry: &Entry, one: &ChartNumber, other: &ChartNumber) -> bool {
    let Event::Merged { from, into } = &entry.event else {
        return false;
    };
    let pair = |a, b| book::same_number(from, a) && book::same_number(into, b);
    !entry.revoked && (pair(one, other) || pair(other, one))
}
