//! Requests and answers. The protocol stands at the head of [`crate::front`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Extension, Path, Request, State as Shared};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use bytes::Bytes;
use envelope::CERTIFICATE_MESSAGE_MAX;
use record::{BatchId, SiteId};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::front::blocked::Blocked;
use crate::front::certificates::{Asked, Certificates};
use crate::front::letters::Letters;
use crate::front::refusal::Refusal;
use crate::front::settings::Limits;
use crate::front::shares::Shares;
use crate::front::store::{Chunk, State, Store};

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// The site that the client certificate names.
    pub(crate) site: Option<SiteId>,
    /// The serial number of that certificate, in hexadecimal digits; empty without one (B-084).
    pub(crate) certificate: Arc<str>,
    /// Whether the connection is one above the limit, which is only told to come back.
    pub(crate) surplus: bool,
}

/// What all requests share.
pub(crate) struct Front {
    pub(crate) store: Store,
    pub(crate) letters: Option<Letters>,
    pub(crate) certificates: Option<Certificates>,
    pub(crate) blocked: Option<Blocked>,
    pub(crate) bounds: Bounds,
}

/// Bounds of requests, and what counts against them.
pub(crate) struct Bounds {
    chunk_bytes: usize,
    request_time: Duration,
    chunks: Semaphore,
    of_sites: Shares,
    turns: AtomicU64,
}

impl Bounds {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            chunk_bytes: limits.chunk_bytes,
            request_time: limits.idle(),
            chunks: Semaphore::new(limits.chunks_in_flight),
            of_sites: Shares::new(limits.chunks_per_site),
            turns: AtomicU64::new(0),
        }
    }
}

impl Front {
    /// Reads again what the centre tells, where it changed.
    pub(crate) fn look(&self) {
        if let Some(blocked) = &self.blocked {
            blocked.look();
        }
    }

    fn refuse(&self, refusal: Refusal) -> Response {
        refusal.answer(self.bounds.turns.fetch_add(1, Ordering::Relaxed))
    }
}

/// The routes.
pub(crate) fn router(front: Arc<Front>) -> Router {
    Router::new()
        .route("/v1/batches/{id}", get(question).patch(upload))
        .route("/v1/letters", get(letters))
        .route("/v1/letters/{number}", get(letter))
        .route(
            "/v1/letters/{number}/answers/{revision}",
            put(answer_letter),
        )
        .route(
            "/v1/certificates/{request}",
            get(certificate).put(ask_certificate),
        )
        .route("/v1/health", get(health))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .with_state(front)
}

/// The routes for those who have no certificate.
pub(crate) fn newcomers(front: Arc<Front>) -> Router {
    Router::new()
        .route(
            "/v1/certificates/{request}",
            get(certificate).put(ask_certificate),
        )
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .with_state(front)
}

async fn health(Shared(front): Shared<Arc<Front>>, Extension(peer): Extension<Peer>) -> Response {
    if peer.surplus {
        return front.refuse(Refusal::Busy);
    }
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, r#"{"status": "ok"}"#).into_response()
}

async fn not_found(Shared(front): Shared<Arc<Front>>) -> Response {
    front.refuse(Refusal::NotFound)
}

async fn question(
    Shared(front): Shared<Arc<Front>>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
) -> Response {
    let (site, id) = match admit(&front, peer, &id) {
        Ok(admitted) => admitted,
        Err(refusal) => return front.refuse(refusal),
    };
    let shared = Arc::clone(&front);
    let asked = spawn_blocking(move || shared.store.state(&site, id)).await;
    match asked.unwrap_or(Err(Refusal::Storage)) {
        Ok(state) => answer(state),
        Err(refusal) => front.refuse(refusal),
    }
}

async fn letters(
    Shared(front): Shared<Arc<Front>>,
    Extension(peer): Extension<Peer>,
    uri: Uri,
) -> Response {
    let after = match uri.query() {
        None => Some(0),
        Some(query) => query
            .strip_prefix("after=")
            .and_then(|text| text.parse().ok()),
    };
    let Some(after) = after else {
        return front.refuse(Refusal::BadRequest);
    };
    let list = move |letters: &Letters, site: &SiteId| letters.list(site, after);
    let listed = on_letters(&front, peer, list).await;
    match listed {
        Ok(list) => {
            let kind = [(header::CONTENT_TYPE, "application/json")];
            (kind, list).into_response()
        }
        Err(refusal) => front.refuse(refusal),
    }
}

async fn letter(
    Shared(front): Shared<Arc<Front>>,
    Extension(peer): Extension<Peer>,
    Path(number): Path<u64>,
) -> Response {
    let read = on_letters(&front, peer, move |letters, site| {
        letters.read(site, number)
    });
    match read.await {
        Ok(bytes) => {
            let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
            (kind, bytes).into_response()
        }
        Err(refusal) => front.refuse(refusal),
    }
}

async fn answer_letter(
    Shared(front): Shared<Arc<Front>>,
    Extension(peer): Extension<Peer>,
    Path((number, revision)): Path<(u64, u32)>,
    request: Request,
) -> Response {
    let body = timeout(
        front.bounds.request_time,
        to_bytes(request.into_body(), envelope::LETTER_MAX),
    );
    let stored = match body.await {
        Err(_) => Err(Refusal::Slow),
        Ok(Err(_)) => Err(Refusal::BadRequest),
        Ok(Ok(bytes)) => {
            on_letters(&front, peer, move |letters, site| {
                letters.answer(site, number, revision, &bytes)
            })
            .await
        }
    };
    match stored {
        Ok(()) => (StatusCode::OK, [("sekisho-state", "stored")]).into_response(),
        Err(refusal) => front.refuse(refusal),
    }
}

/// Does file work on letters of the peer's own site.
async fn on_letters<T: Send + 'static>(
    front: &Arc<Front>,
    peer: Peer,
    work: impl FnOnce(&Letters, &SiteId) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    if peer.surplus {
        return Err(Refusal::Busy);
    }
    let site = peer.site.ok_or(Refusal::NoSite)?;
    let shared = Arc::clone(front);
    let done = spawn_blocking(move || match &shared.letters {
        Some(letters) => work(letters, &site),
        None => Err(Refusal::NoLetters),
    });
    done.await.unwrap_or(Err(Refusal::Storage))
}

async fn certificate(
    Shared(front): Shared<Arc<Front>>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
) -> Response {
    let look = move |it: &Certificates, site: Option<&SiteId>, id: &BatchId| it.look(site, id);
    about_certificates(&front, peer, &id, look).await
}

async fn ask_certificate(
    Shared(front): Shared<Arc<Front>>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let body = timeout(
        front.bounds.request_time,
        to_bytes(request.into_body(), CERTIFICATE_MESSAGE_MAX),
    );
    match body.await {
        Err(_) => front.refuse(Refusal::Slow),
        Ok(Err(_)) => front.refuse(Refusal::BadRequest),
        Ok(Ok(bytes)) => {
            let keep = move |it: &Certificates, site: Option<&SiteId>, id: &BatchId| {
                it.keep(site, id, &bytes)
            };
            about_certificates(&front, peer, &id, keep).await
        }
    }
}

/// Does file work on requests for certificates, of the peer's site or of a newcomer.
async fn about_certificates(
    front: &Arc<Front>,
    peer: Peer,
    id: &str,
    work: impl FnOnce(&Certificates, Option<&SiteId>, &BatchId) -> Result<Asked, Refusal>
    + Send
    + 'static,
) -> Response {
    if peer.surplus {
        return front.refuse(Refusal::Busy);
    }
    let Ok(id) = id.parse::<BatchId>() else {
        return front.refuse(Refusal::NotFound);
    };
    let shared = Arc::clone(front);
    let done = spawn_blocking(move || match &shared.certificates {
        Some(certificates) => work(certificates, peer.site.as_ref(), &id),
        None => Err(Refusal::NoCertificates),
    });
    match done.await.unwrap_or(Err(Refusal::Storage)) {
        Ok(Asked::Answered(answer)) => {
            let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
            (kind, answer).into_response()
        }
        Ok(Asked::Waiting) => {
            (StatusCode::ACCEPTED, [("sekisho-state", "waiting")]).into_response()
        }
        Ok(Asked::Unknown) => front.refuse(Refusal::NoRequest),
        Err(refusal) => front.refuse(refusal),
    }
}

async fn upload(
    Shared(front): Shared<Arc<Front>>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let certificate = Arc::clone(&peer.certificate);
    let (site, id) = match admit(&front, peer, &id) {
        Ok(admitted) => admitted,
        Err(refusal) => return front.refuse(refusal),
    };
    let (told, bytes) = (site.clone(), size(&request));
    let (refusal, offset) = match take(&front, site, id, request).await {
        Ok(state) => {
            tracing::info!(site = %told, batch = %id, bytes, %certificate, "chunk taken");
            return answer(state);
        }
        Err(refused) => refused,
    };
    let code = refusal.code();
    tracing::warn!(site = %told, batch = %id, bytes, %certificate, code, "refused");
    let mut response = front.refuse(refusal);
    if let Some(offset) = offset {
        response
            .headers_mut()
            .insert("upload-offset", offset.into());
    }
    response
}

/// Takes one chunk: first what is cheap to refuse, then the body, then the disk.
async fn take(
    front: &Arc<Front>,
    site: SiteId,
    id: BatchId,
    request: Request,
) -> Result<State, (Refusal, Option<u64>)> {
    let plain = |refusal| (refusal, None);
    let (head, body) = request.into_parts();
    let number = |name: &str| number(&head.headers, name).ok_or(plain(Refusal::BadRequest));
    let (offset, length) = (number("upload-offset")?, number("upload-length")?);
    let digest: BatchId = text(&head.headers, "sekisho-upload-sha256")
        .and_then(|digest| digest.parse().ok())
        .ok_or(plain(Refusal::BadRequest))?;
    if number("content-length")? > front.bounds.chunk_bytes as u64 {
        return Err(plain(Refusal::ChunkTooLarge));
    }
    // The share of the site first: what others are left with does not depend on it.
    let share = front.bounds.of_sites.take(&site);
    let share = share.ok_or(plain(Refusal::Busy))?;
    let permit = front.bounds.chunks.try_acquire();
    let permit = permit.map_err(|_| plain(Refusal::Busy))?;
    let bytes = receive(front, body).await.map_err(plain)?;
    let shared = Arc::clone(front);
    // Once begun, the disk work runs to its end even if the connection breaks.
    let done = spawn_blocking(move || {
        let chunk = Chunk {
            offset,
            length,
            bytes: &bytes,
            digest,
        };
        shared.store.append(&site, id, &chunk)
    })
    .await;
    drop((permit, share));
    done.unwrap_or(Err(plain(Refusal::Storage)))
}

async fn receive(front: &Front, body: Body) -> Result<Bytes, Refusal> {
    let received = timeout(
        front.bounds.request_time,
        to_bytes(body, front.bounds.chunk_bytes),
    )
    .await;
    received
        .map_err(|_| Refusal::Slow)?
        .map_err(|_| Refusal::BadRequest)
}

fn admit(front: &Front, peer: Peer, id: &str) -> Result<(SiteId, BatchId), Refusal> {
    if peer.surplus {
        return Err(Refusal::Busy);
    }
    let site = peer.site.ok_or(Refusal::NoSite)?;
    if front.blocked.as_ref().is_some_and(|it| it.holds(&site)) {
        return Err(Refusal::Stopped);
    }
    let id = id.parse().map_err(|_| Refusal::NotFound)?;
    Ok((site, id))
}

fn answer(state: State) -> Response {
    let (name, offset) = match state {
        State::Stored(receipt) => {
            let headers = [
                ("sekisho-state", "stored"),
                ("content-type", "application/octet-stream"),
            ];
            return (StatusCode::OK, headers, receipt).into_response();
        }
        State::Partial(offset) => ("partial", offset),
        State::Absent => ("absent", 0),
    };
    let headers = [
        ("sekisho-state", name),
        ("content-type", "application/json"),
    ];
    let body = serde_json::json!({ "offset": offset }).to_string();
    let mut response = (StatusCode::OK, headers, body).into_response();
    response
        .headers_mut()
        .insert("upload-offset", offset.into());
    response
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    let digits = text(headers, name)?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

fn size(request: &Request) -> u64 {
    number(request.headers(), "content-length").unwrap_or(0)
}
