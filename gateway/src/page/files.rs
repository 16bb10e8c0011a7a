//! The few files beside the pages. All of them are in the program.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{self, HeaderValue};
use axum::response::Response;

use super::Page;
use super::answer::{Refusal, download, typed};

/// The style of every page.
pub(crate) async fn style() -> Response {
    lasting(typed(
        "text/css; charset=utf-8",
        include_str!("../../templates/style.css"),
    ))
}

/// The script that passkeys need.
pub(crate) async fn script() -> Response {
    let script = include_str!("../../templates/passkey.js");
    lasting(typed("text/javascript; charset=utf-8", script))
}

/// The sign in the browser's tab.
pub(crate) async fn icon() -> Response {
    lasting(typed(
        "image/svg+xml",
        include_str!("../../templates/icon.svg"),
    ))
}

/// The page's certificate, to be installed on the institution's computers.
pub(crate) async fn certificate(State(page): State<Arc<Page>>) -> Result<Response, Refusal> {
    let pem = page.certificate.pem().to_owned();
    download("application/x-pem-file", "sekisho.pem", pem)
}

/// These say nothing about anybody, and every page asks for them.
fn lasting(mut response: Response) -> Response {
    let value = HeaderValue::from_static("private, max-age=3600");
    response.headers_mut().insert(header::CACHE_CONTROL, value);
    response
}
