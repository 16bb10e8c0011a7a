//! Requests as the pages take them: who is signed in, and forms that prove to be ours.
//!
//! A handler that changes something takes a [`Posted`] or an [`Urgent`], which exist only after the
//! session, the origin and the form's token were checked.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use record::SiteId;

use super::Page;
use super::account::Role;
use super::answer::{COOKIE, Refusal, guard_headers};
use super::drift;
use super::frame::Frame;
use super::secret::same;
use super::server::Peer;
use super::session::{Session, Token};
use super::texts::{T, Text};

/// Bytes of a form. A list of visitors has about 20 bytes each: this is a day of a large hospital.
const FORM_BYTES: usize = 256 << 10;
const FIELDS_MAX: usize = 600;
/// Characters of an address.
const ADDRESS_MAX: usize = 200;

/// What every request passes first: the name that it calls, its size, and whence it comes.
pub(crate) async fn guard(State(page): State<Arc<Page>>, request: Request, next: Next) -> Response {
    let mut response = match pass(&page, &request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    guard_headers(response.headers_mut());
    response
}

fn pass(page: &Page, request: &Request) -> Result<(), Refusal> {
    let headers = request.headers();
    // One host, and one of ours: names that point here from outside reach nothing (DNS rebinding).
    let host = only(headers, header::HOST).ok_or(Refusal::Host)?;
    if !page.hosts.iter().any(|ours| ours == host) {
        return Err(Refusal::Host);
    }
    let uri = request.uri();
    if uri.to_string().len() > ADDRESS_MAX || uri.authority().is_some_and(|it| it.as_str() != host)
    {
        return Err(Refusal::NotHere);
    }
    if *request.method() == Method::GET || *request.method() == Method::HEAD {
        return Ok(());
    }
    let origin = only(headers, header::ORIGIN).unwrap_or_default();
    let site = headers.get("sec-fetch-site").map(|it| it.as_bytes());
    // Browsers before 2023 do not say `sec-fetch-site`; all say the origin of a form.
    let ours = origin.strip_prefix("https://") == Some(host);
    match ours && site.is_none_or(|site| site == b"same-origin") {
        true => Ok(()),
        false => Err(Refusal::Foreign),
    }
}

fn only(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Somebody who is signed in looks at a page.
pub(crate) struct Visit {
    /// The page's own state.
    pub(crate) page: Arc<Page>,
    /// Who it is.
    pub(crate) session: Session,
    /// The secret of the session.
    pub(crate) token: Token,
    /// The moment of the request, in seconds since 1970.
    pub(crate) at: i64,
}

impl Visit {
    /// The institution of an address, if the account has one of these roles there.
    ///
    /// # Errors
    /// It has not: the page does not tell whether there is such an institution.
    pub(crate) fn site(&self, site: &str, roles: &[Role]) -> Result<SiteId, Refusal> {
        let site: SiteId = site.parse().map_err(|_| Refusal::NotHere)?;
        let known = self.page.institution(&site).is_some();
        let may = self.session.account.may(&site, roles);
        (known && may).then_some(site).ok_or(Refusal::NotHere)
    }

    /// The name of the account.
    pub(crate) fn name(&self) -> &str {
        self.session.account.name.as_str()
    }

    /// The frame of a page of an institution.
    pub(crate) fn frame(&self, title: Text, site: &SiteId, here: &str) -> Frame {
        let mut frame = Frame::inside(title, &self.session, site, &self.page.places(), here);
        let alarm = self.page.alarm.lock().ok().and_then(|alarm| *alarm);
        frame.signs.extend(alarm.map(drift::Alarm::sign));
        frame
    }
}

impl FromRequestParts<Arc<Page>> for Visit {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, page: &Arc<Page>) -> Result<Self, Refusal> {
        let token = cookie(&parts.headers).ok_or(Refusal::SignIn)?;
        let from = page.from(peer(parts)?, &parts.headers);
        let at = page.now()?.seconds;
        let session = work(|| page.store.session(&token, &from, at))?;
        Ok(Self {
            page: Arc::clone(page),
            session: session.ok_or(Refusal::SignIn)?,
            token,
            at,
        })
    }
}

/// The digest of address and browser of a request.
pub(crate) struct From {
    /// The digest.
    pub(crate) digest: [u8; 32],
}

impl FromRequestParts<Arc<Page>> for From {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, page: &Arc<Page>) -> Result<Self, Refusal> {
        let digest = page.from(peer(parts)?, &parts.headers);
        Ok(Self { digest })
    }
}

fn peer(parts: &Parts) -> Result<IpAddr, Refusal> {
    let peer = parts.extensions.get::<Peer>();
    peer.map(|peer| peer.0).ok_or(Refusal::SignIn)
}

/// The fields of a form.
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    fn read(bytes: &Bytes) -> Result<Self, Refusal> {
        let pairs = form_urlencoded::parse(bytes).take(FIELDS_MAX + 1);
        let pairs: Vec<_> = pairs
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        match pairs.len() > FIELDS_MAX {
            true => Err(Refusal::TooLarge),
            false => Ok(Self(pairs)),
        }
    }

    /// The value of a field that stands once; empty when it is missing or stands twice.
    pub(crate) fn one(&self, name: &str) -> &str {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (Some(value), None) => value,
            _ => "",
        }
    }

    /// Every value of a field.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(key, _)| key == name);
        named.map(|(_, value)| value.as_str())
    }

    /// A field that reads as a value.
    ///
    /// # Errors
    /// It does not.
    pub(crate) fn read_as<V: std::str::FromStr>(
        &self,
        name: &str,
        wrong: Text,
    ) -> Result<V, Refusal> {
        self.one(name).parse().map_err(|_| Refusal::Form(wrong))
    }
}

impl FromRequest<Arc<Page>> for Fields {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &Arc<Page>) -> Result<Self, Refusal> {
        let kind = only(request.headers(), header::CONTENT_TYPE).unwrap_or_default();
        if kind.split(';').next() != Some("application/x-www-form-urlencoded") {
            return Err(Refusal::Form(T.wrong_form));
        }
        let bytes = to_bytes(request.into_body(), FORM_BYTES);
        Self::read(&bytes.await.map_err(|_| Refusal::TooLarge)?)
    }
}

/// A form of somebody who is signed in, proven to come from a page of this very session, which an
/// emergency session may send as well (B-088).
pub(crate) struct Urgent {
    /// Who sent it.
    pub(crate) visit: Visit,
    /// What it says.
    pub(crate) fields: Fields,
}

/// A form of somebody who is signed in by their own two factors, proven to come from a page of this
/// very session.
pub(crate) struct Posted {
    /// Who sent it.
    pub(crate) visit: Visit,
    /// What it says.
    pub(crate) fields: Fields,
}

impl FromRequest<Arc<Page>> for Urgent {
    type Rejection = Refusal;

    async fn from_request(request: Request, page: &Arc<Page>) -> Result<Self, Refusal> {
        let (mut parts, body) = request.into_parts();
        let visit = Visit::from_request_parts(&mut parts, page).await?;
        let fields = Fields::from_request(Request::from_parts(parts, body), page).await?;
        let given = fields.one("csrf").as_bytes();
        match same(given, visit.session.csrf.as_bytes()) {
            true => Ok(Self { visit, fields }),
            false => Err(Refusal::Foreign),
        }
    }
}

impl FromRequest<Arc<Page>> for Posted {
    type Rejection = Refusal;

    async fn from_request(request: Request, page: &Arc<Page>) -> Result<Self, Refusal> {
        let Urgent { visit, fields } = Urgent::from_request(request, page).await?;
        match visit.session.emergency {
            false => Ok(Self { visit, fields }),
            true => Err(Refusal::Emergency),
        }
    }
}

fn cookie(headers: &HeaderMap) -> Option<Token> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='));
    let token = found.next()?;
    // Two would mean that somebody planted one.
    found.next().is_none().then(|| Token::of_cookie(token))?
}

/// Work that blocks, without holding up other connections.
pub(crate) fn work<T>(work: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(work)
}
