//! The emergency way in (B-088): with a code of the centre, for whom every other way is lost.
//!
//! It lasts half an hour, opens one institution with the roles that the account has there, and may
//! look and enter stops, which is all that cannot wait. It changes nothing else.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use record::SiteId;

use super::Page;
use super::account::{Account, Name, Role};
use super::answer::{Refusal, begin_session, html, with_status};
use super::book;
use super::frame::Frame;
use super::texts::{Filled, T};
use super::visit::{Fields, From, work};

#[derive(Template)]
#[template(path = "emergency.html")]
struct EmergencyPage {
    frame: Frame,
    wrong: Option<Filled>,
    name: String,
}

/// The form.
pub(crate) async fn page() -> Response {
    show("", None)
}

fn show(name: &str, wrong: Option<Filled>) -> Response {
    let status = match wrong {
        None => StatusCode::OK,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = EmergencyPage {
        frame: Frame::outside(T.title_emergency),
        wrong,
        name: name.chars().take(40).collect(),
    };
    with_status(status, html(&page))
}

/// Lets in whoever brings the right code of their account.
pub(crate) async fn enter(
    State(page): State<Arc<Page>>,
    from: From,
    fields: Fields,
) -> Result<Response, Refusal> {
    let at = page.now()?.seconds;
    let (name, code) = (fields.one("name"), fields.one("code"));
    work(|| {
        // A count of its own: whom strangers keep from signing in gets in here all the same.
        if let Some(seconds) = page.store.reserve(&format!("{name}/emergency"), at)? {
            return Ok(show(name, Some(T.sign_in_wait.of((seconds + 59) / 60))));
        }
        let known: Option<Name> = name.parse().ok();
        let account = known.as_ref().map(|name| page.store.account(name));
        let account = account.transpose()?.flatten();
        let open = account.as_ref().filter(|account| !account.closed);
        let site = open.map(|account| spent_at(&page, account, code, at));
        match (open, site.transpose()?.flatten()) {
            (Some(account), Some(site)) => {
                let begun = page
                    .store
                    .begin_emergency(account, &site, &from.digest, at)?;
                Ok(begin_session(&format!("/{site}"), &begun))
            }
            _ => {
                page.store.refuse(known.as_ref(), at)?;
                Ok(show(name, Some(T.emergency_wrong.plain())))
            }
        }
    })
}

/// The institution whose code it was; it is used up then.
fn spent_at(
    page: &Page,
    account: &Account,
    code: &str,
    at: i64,
) -> Result<Option<SiteId>, Refusal> {
    for place in &page.institutions {
        let may = account.may(&place.site, &Role::ALL);
        if may && book::open(place)?.use_code(account.name.as_str(), code, at)? {
            return Ok(Some(place.site.clone()));
        }
    }
    Ok(None)
}
