//! Answers: pages, refusals that say what to do next, and the headers that every answer carries.

use askama::Template;
use axum::body::Body;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::frame::Frame;
use super::session::Token;
use super::texts::{T, Text};
use crate::error::{Failure, Problem};

/// The cookie of a session. The prefix makes browsers insist on TLS, path `/` and no domain.
pub(crate) const COOKIE: &str = "__Host-sekisho";

/// Nothing of a page may come from anywhere else, and nothing inside it may be script or style:
/// both are files of their own.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const ALWAYS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // `no-referrer` would make browsers hide the origin of our own forms too.
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), publickey-credentials-get=(self)",
    ),
];

/// Puts the headers that every answer carries. `Strict-Transport-Security` is not among them: once
/// the page's own certificate is renewed, it would keep everybody out who has not installed the new
/// one. Nothing answers without TLS, and the cookie goes by TLS only.
pub(crate) fn guard_headers(headers: &mut HeaderMap) {
    for (name, value) in ALWAYS {
        let kept = name == header::CACHE_CONTROL && headers.contains_key(&name);
        if !kept {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

/// Why a request was not done.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Nobody is signed in.
    SignIn,
    /// There is no such page, or not for this account.
    NotHere,
    /// The request does not come from a form of this page.
    Foreign,
    /// A field of the form is missing or cannot be read.
    Form(Text),
    /// An emergency session may only look and enter stops.
    Emergency,
    /// More bytes than a form can have.
    TooLarge,
    /// The request is for a name that is not ours.
    Host,
    /// Something of ours failed.
    Trouble(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Trouble(failure)
    }
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::SignIn => StatusCode::SEE_OTHER,
            Self::NotHere => StatusCode::NOT_FOUND,
            Self::Foreign | Self::Emergency => StatusCode::FORBIDDEN,
            Self::Form(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Trouble(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn texts(&self) -> (&'static str, Text, Text) {
        match self {
            Self::SignIn => ("P001", T.refused_sign_in, T.refused_sign_in_next),
            Self::NotHere => ("P002", T.refused_not_here, T.refused_not_here_next),
            Self::Foreign => ("P003", T.refused_foreign, T.refused_foreign_next),
            Self::Form(text) => ("P004", *text, T.refused_form_next),
            Self::TooLarge => ("P005", T.refused_large, T.refused_large_next),
            Self::Host => ("P006", T.refused_host, T.refused_host_next),
            Self::Emergency => ("P007", T.refused_emergency, T.refused_emergency_next),
            Self::Trouble(failure) => {
                let [ja, en, do_ja, do_en] = failure.problem().texts();
                let (what, next) = (
                    Text { ja, en },
                    Text {
                        ja: do_ja,
                        en: do_en,
                    },
                );
                (failure.problem().code(), what, next)
            }
        }
    }
}

#[derive(Template)]
#[template(path = "refused.html")]
struct RefusedPage {
    frame: Frame,
    code: &'static str,
    what: Text,
    next: Text,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        if let Self::SignIn = self {
            return see_other("/login");
        }
        if let Self::Trouble(failure) = &self {
            tracing::warn!(code = failure.problem().code(), "page");
        }
        let (code, what, next) = self.texts();
        let page = RefusedPage {
            frame: Frame::outside(T.title_refused),
            code,
            what,
            next,
        };
        with_status(self.status(), html(&page))
    }
}

/// Shows a page.
pub(crate) fn html(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => typed("text/html; charset=utf-8", text),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Shows a page with another status.
pub(crate) fn with_status(status: StatusCode, mut response: Response) -> Response {
    *response.status_mut() = status;
    response
}

/// Bytes of a kind.
pub(crate) fn typed(kind: &'static str, body: impl Into<Body>) -> Response {
    (
        [(header::CONTENT_TYPE, HeaderValue::from_static(kind))],
        body.into(),
    )
        .into_response()
}

/// A file to be saved. `name` is a word of ours.
///
/// # Errors
/// The name is no header value.
pub(crate) fn download(
    kind: &'static str,
    name: &str,
    body: impl Into<Body>,
) -> Result<Response, Refusal> {
    let mut response = typed(kind, body);
    let value = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""))
        .map_err(|_| Failure::new(Problem::Internal, "file name"))?;
    response
        .headers_mut()
        .insert(header::CONTENT_DISPOSITION, value);
    Ok(response)
}

/// On to another page of ours, so that a reload does not repeat what was done.
pub(crate) fn see_other(place: &str) -> Response {
    let place = HeaderValue::from_str(place).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

/// On to a page with the cookie of a new session.
///
/// # Errors
/// Never: the token is hexadecimal.
pub(crate) fn begin_session(place: &str, token: &Token) -> Response {
    let cookie = format!(
        "{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Strict",
        token.as_str()
    );
    with_cookie(see_other(place), &cookie)
}

/// On to a page without the cookie.
pub(crate) fn end_session(place: &str) -> Response {
    let cookie = format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    with_cookie(see_other(place), &cookie)
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}
