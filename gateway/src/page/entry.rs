//! The way in: signing in, the first sign-in with a one-time code, signing out.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use qrcodegen::{QrCode, QrCodeEcc};

use super::Page;
use super::account::{First, Name, Refused, Role};
use super::answer::{Refusal, begin_session, end_session, html, see_other, with_status};
use super::frame::Frame;
use super::me::SIGN_IN;
use super::passkey::Challenge;
use super::password::{SHORTEST, Weak};
use super::secret::{base32, hex, unhex};
use super::session::SignIn;
use super::texts::{Filled, T, Text};
use super::totp;
use super::visit::{Fields, From, Urgent, Visit, work};
use crate::error::{Failure, Problem};

/// How long the pages of the first sign-in stay good.
const FIRST_SECONDS: i64 = 30 * 60;

#[derive(Template)]
#[template(path = "login.html")]
struct SignInPage {
    frame: Frame,
    wrong: Option<Filled>,
    name: String,
    challenge: Challenge,
}

#[derive(Template)]
#[template(path = "first.html")]
struct FirstPage {
    frame: Frame,
    wrong: Option<Text>,
    name: String,
}

#[derive(Template)]
#[template(path = "first_done.html")]
struct FirstDonePage {
    frame: Frame,
    wrong: Option<Text>,
    name: String,
    code: String,
    sealed: String,
    secret: String,
    picture: Picture,
    shortest: usize,
}

/// A QR code as the squares of an SVG path.
struct Picture {
    size: i32,
    path: String,
}

/// `/`: to the first page of the account, or to signing in.
pub(crate) async fn home(visit: Visit) -> Result<Response, Refusal> {
    let places = visit.page.places();
    let account = &visit.session.account;
    let first = places
        .iter()
        .find(|(site, _)| account.may(site, &Role::ALL));
    let (site, _) = first.ok_or(Refusal::NotHere)?;
    let page = Frame::first_page(&visit.session, site).ok_or(Refusal::NotHere)?;
    Ok(see_other(&page))
}

/// `/{site}`: to the first page of the account there.
pub(crate) async fn site_home(visit: Visit, Path(site): Path<String>) -> Result<Response, Refusal> {
    let site = visit.site(&site, &Role::ALL)?;
    let page = Frame::first_page(&visit.session, &site).ok_or(Refusal::NotHere)?;
    Ok(see_other(&page))
}

/// The form for signing in.
pub(crate) async fn sign_in_page(State(page): State<Arc<Page>>) -> Result<Response, Refusal> {
    let at = page.now()?.seconds;
    show_sign_in(&page, at, "", None)
}

/// Shows the form for signing in, with what went wrong before.
pub(super) fn show_sign_in(
    page: &Page,
    at: i64,
    name: &str,
    wrong: Option<Filled>,
) -> Result<Response, Refusal> {
    let status = match wrong {
        None => StatusCode::OK,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = SignInPage {
        frame: Frame::outside(T.title_sign_in),
        wrong,
        name: name.chars().take(40).collect(),
        challenge: Challenge::new(&page.store.key, SIGN_IN, at)?,
    };
    Ok(with_status(status, html(&page)))
}

/// Signs in with password and app.
pub(crate) async fn sign_in(
    State(page): State<Arc<Page>>,
    from: From,
    fields: Fields,
) -> Result<Response, Refusal> {
    let at = page.now()?.seconds;
    let busy = |_| Failure::new(Problem::Internal, "passwords");
    let place = page.passwords.acquire().await.map_err(busy)?;
    let [name, password, code] = ["name", "password", "code"].map(|field| fields.one(field));
    let signed = work(|| page.store.sign_in(name, password, code, &from.digest, at))?;
    drop(place);
    match signed {
        SignIn::In(token) => Ok(begin_session("/", &token)),
        SignIn::Wrong => show_sign_in(&page, at, name, Some(T.sign_in_wrong.plain())),
        SignIn::Wait(seconds) => {
            let minutes = (seconds + 59) / 60;
            show_sign_in(&page, at, name, Some(T.sign_in_wait.of(minutes)))
        }
    }
}

/// Signs out.
pub(crate) async fn sign_out(posted: Urgent) -> Result<Response, Refusal> {
    let Urgent { visit, .. } = posted;
    work(|| {
        visit
            .page
            .store
            .sign_out(&visit.token, &visit.session, visit.at)
    })?;
    Ok(end_session("/login"))
}

/// The first sign-in: asks for the one-time code.
pub(crate) async fn first_page() -> Response {
    show_first("", None)
}

fn show_first(name: &str, wrong: Option<Text>) -> Response {
    let status = match wrong {
        None => StatusCode::OK,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = FirstPage {
        frame: Frame::outside(T.title_first),
        wrong,
        name: name.chars().take(40).collect(),
    };
    with_status(status, html(&page))
}

/// The first sign-in: the code is right, so the app's secret is shown and a password asked for.
pub(crate) async fn first_code(
    State(page): State<Arc<Page>>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let at = page.now()?.seconds;
    let (name, code) = (fields.one("name"), fields.one("code"));
    // Guessing a one-time code costs the same waiting as guessing a password.
    if let Some(_seconds) = work(|| page.store.reserve(name, at))? {
        return Ok(show_first(name, Some(T.first_wait)));
    }
    let Ok(known) = name.parse::<Name>() else {
        return Ok(show_first(name, Some(T.first_wrong)));
    };
    if !work(|| page.store.code_is_right(&known, code, at))? {
        work(|| page.store.refuse(Some(&known), at))?;
        return Ok(show_first(name, Some(T.first_wrong)));
    }
    let secret = totp::new_secret();
    show_first_done(&page, &known, code, &secret, at, None)
}

fn show_first_done(
    page: &Page,
    name: &Name,
    code: &str,
    secret: &[u8],
    at: i64,
    wrong: Option<Text>,
) -> Result<Response, Refusal> {
    let until = (at + FIRST_SECONDS).to_be_bytes();
    let sealed = page
        .store
        .key
        .seal(&first_purpose(name), &[&until, secret].concat())?;
    let host = page.hosts.first().map_or("", String::as_str);
    let host = host.split(':').next().unwrap_or_default();
    let status = match wrong {
        None => StatusCode::OK,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let shown = FirstDonePage {
        frame: Frame::outside(T.title_first),
        wrong,
        name: name.as_str().to_owned(),
        code: code.to_owned(),
        sealed: hex(&sealed),
        secret: in_groups(&base32(secret)),
        picture: picture(&totp::address(secret, host, name.as_str()))?,
        shortest: SHORTEST,
    };
    Ok(with_status(status, html(&shown)))
}

/// The first sign-in: password and app are taken.
pub(crate) async fn first_done(
    State(page): State<Arc<Page>>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let at = page.now()?.seconds;
    let name: Name = fields.read_as("name", T.first_wrong)?;
    let [code, password, again, shown] =
        ["code", "password", "again", "shown"].map(|field| fields.one(field));
    let opened = unhex(fields.one("sealed"))
        .and_then(|sealed| page.store.key.open_sealed(&first_purpose(&name), &sealed));
    let secret = opened.as_ref().and_then(|opened| {
        let (until, secret) = opened.split_at_checked(8)?;
        let until = i64::from_be_bytes(until.try_into().ok()?);
        (until > at).then_some(secret)
    });
    let Some(secret) = secret else {
        return Ok(show_first(name.as_str(), Some(T.first_late)));
    };
    let wrong = |wrong| show_first_done(&page, &name, code, secret, at, Some(wrong));
    if password != again {
        return wrong(T.first_differ);
    }
    let first = First {
        name: &name,
        code,
        password,
        secret,
        shown,
    };
    let busy = |_| Failure::new(Problem::Internal, "passwords");
    let place = page.passwords.acquire().await.map_err(busy)?;
    let done = work(|| page.store.first(&first, at))?;
    drop(place);
    match done {
        Ok(()) => show_sign_in_after(&page, at, &name),
        Err(Refused::Code) => Ok(show_first(name.as_str(), Some(T.first_wrong))),
        Err(Refused::Totp) => wrong(T.first_totp),
        Err(Refused::Password(Weak::Length)) => wrong(T.first_short),
        Err(Refused::Password(Weak::Guessable)) => wrong(T.first_guessable),
    }
}

/// The app's next code is asked for at once, so that the person has done it once with help beside.
fn show_sign_in_after(page: &Page, at: i64, name: &Name) -> Result<Response, Refusal> {
    Ok(html(&SignInPage {
        frame: Frame::outside(T.title_sign_in),
        wrong: Some(T.first_ready.plain()),
        name: name.as_str().to_owned(),
        challenge: Challenge::new(&page.store.key, SIGN_IN, at)?,
    }))
}

fn first_purpose(name: &Name) -> String {
    format!("first {}", name.as_str())
}

fn in_groups(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let groups = letters
        .chunks(4)
        .map(|four| four.iter().collect::<String>());
    groups.collect::<Vec<_>>().join(" ")
}

fn picture(text: &str) -> Result<Picture, Refusal> {
    use std::fmt::Write as _;
    let code = QrCode::encode_text(text, QrCodeEcc::Medium)
        .map_err(|_| Failure::new(Problem::Internal, "QR code"))?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in 0..code.size() {
            if code.get_module(x, y) {
                // Writing to a string cannot fail. Four modules stay white around it.
                let _ = write!(path, "M{} {}h1v1h-1z", x + 4, y + 4);
            }
        }
    }
    Ok(Picture {
        size: code.size() + 8,
        path,
    })
}
