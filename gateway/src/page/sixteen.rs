//! Whom to tell again because they turned 16 (B-003): before, their guardians decided.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use privacy::gate::Gate;

use super::account::Role;
use super::answer::{Refusal, html};
use super::book;
use super::frame::Frame;
use super::log::{Act, Line};
use super::texts::T;
use super::visit::{Visit, work};

/// Persons on one page.
const SHOWN: usize = 200;

#[derive(Template)]
#[template(path = "sixteen.html")]
struct SixteenPage {
    frame: Frame,
    charts: Vec<String>,
    more: usize,
}

/// `/{site}/sixteen`. Reads the whole ledger: whoever turned 16 since the last run is there.
pub(crate) async fn page(visit: Visit, Path(site): Path<String>) -> Result<Response, Refusal> {
    let site = visit.site(&site, &[Role::Reception])?;
    work(|| {
        let place = visit.page.institution(&site).ok_or(Refusal::NotHere)?;
        let (standing, head) = book::open(place)?.standing(None)?;
        let today = visit.page.now()?.today;
        let gate = Gate::new(book::terms(place)?, standing, head, today);
        let due = gate.to_tell_again();
        let about = due.len().to_string();
        let line = Line::about(Act::SixteenShown, visit.name(), &about).at(site.as_str());
        visit.page.store.note(&line, visit.at)?;
        let shown = due.iter().take(SHOWN);
        Ok(html(&SixteenPage {
            frame: visit.frame(T.title_sixteen, &site, "reception"),
            charts: shown.map(|chart| chart.expose().to_owned()).collect(),
            more: due.len().saturating_sub(SHOWN),
        }))
    })
}
