//! The notice leaflet to print and hand out (B-013), in plain words and large print.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;

use super::account::Role;
use super::answer::{Refusal, html};
use super::book;
use super::frame::Frame;
use super::texts::T;
use super::visit::{Visit, work};

#[derive(Template)]
#[template(path = "leaflet.html")]
struct LeafletPage {
    frame: Frame,
    place: String,
    contact: String,
    version: String,
    days: u16,
}

/// `/{site}/leaflet`: the text that is out today.
pub(crate) async fn page(visit: Visit, Path(site): Path<String>) -> Result<Response, Refusal> {
    let site = visit.site(&site, &[Role::Reception])?;
    work(|| {
        let place = visit.page.institution(&site).ok_or(Refusal::NotHere)?;
        let (terms, today) = (book::terms(place)?, visit.page.now()?.today);
        let out = terms.documents.iter().filter(|it| it.published_on <= today);
        let newest = out.max_by_key(|it| (it.published_on, it.version.clone()));
        let hold = terms
            .contracts
            .iter()
            .map(|contract| contract.hold_days)
            .max();
        Ok(html(&LeafletPage {
            frame: visit.frame(T.title_leaflet, &site, "visitors"),
            place: place.told.name.clone(),
            contact: place.told.contact.clone(),
            version: newest.map(|it| it.version.to_string()).unwrap_or_default(),
            days: hold.unwrap_or_default().get(),
        }))
    })
}
