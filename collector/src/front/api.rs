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
use envelope::sha256;
use record::{BatchId, SiteId};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::front::letters::Letters;
use crate::front::refusal::Refusal;
use crate::front::settings::Limits;
use crate::front::store::{Chunk, State, Store};

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// The site that the client certificate names.
    pub(crate) site: Option<SiteId>,
    /// Whether the connection is one above the limit, which is only told to come back.
    pub(crate) surplus: bool,
}

/// What all requests share.
pub(crate) struct Front {
    store: Store,
    letters: Option<Letters>,
    chunk_bytes: usize,
    request_time: Duration,
    chunks: Semaphore,
    turns: AtomicU64,
}

impl Front {
    pub(crate) fn new(store: Store, letters: Option<Letters>, limits: &Limits) -> Self {
        Self {
            store,
            letters,
            chunk_bytes: limits.chunk_bytes,
            request_time: limits.idle(),
            chunks: Semaphore::new(limits.chunks_in_flight),
            turns: AtomicU64::new(0),
        }
    }

    fn refuse(&self, refusal: Refusal) -> Response {
        refusal.answer(self.turns.fetch_add(1, Ordering::Relaxed))
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
        .route("/v1/health", get(health))
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
    let (site, id) = match admit(peer, &id) {
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
        front.request_time,
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

async fn upload(
    Shared(front): Shared<Arc<Front>>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let (site, id) = match admit(peer, &id) {
        Ok(admitted) => admitted,
        Err(refusal) => return front.refuse(refusal),
    };
    let (told, bytes) = (site.clone(), size(&request));
    let (refusal, offset) = match take(&front, site, id, request).await {
        Ok(state) => return answer(state),
        Err(refused) => refused,
    };
    tracing::warn!(site = %told, batch = %id, bytes, code = refusal.code(), "refused");
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
    let digest: BatchId = text(&head.headers, "sekisho-chunk-sha256")
        .and_then(|digest| digest.parse().ok())
        .ok_or(plain(Refusal::BadRequest))?;
    if number("content-length")? > front.chunk_bytes as u64 {
        return Err(plain(Refusal::ChunkTooLarge));
    }
    let permit = front
        .chunks
        .try_acquire()
        .map_err(|_| plain(Refusal::Busy))?;
    let bytes = receive(front, body).await.map_err(plain)?;
    let shared = Arc::clone(front);
    // Once begun, the disk work runs to its end even if the connection breaks.
    let done = spawn_blocking(move || {
        if sha256(&bytes) != *digest.as_bytes() {
            return Err(plain(Refusal::ChunkDigest));
        }
        let appended = shared.store.append(
            &site,
            id,
            &Chunk {
                offset,
                length,
                bytes: &bytes,
            },
        );
        if appended.is_ok() {
            tracing::info!(%site, batch = %id, offset, bytes = bytes.len(), "chunk taken");
        }
        appended
    })
    .await;
    drop(permit);
    done.unwrap_or(Err(plain(Refusal::Storage)))
}

async fn receive(front: &Front, body: Body) -> Result<Bytes, Refusal> {
    let received = timeout(front.request_time, to_bytes(body, front.chunk_bytes)).await;
    received
        .map_err(|_| Refusal::Slow)?
        .map_err(|_| Refusal::BadRequest)
}

fn admit(peer: Peer, id: &str) -> Result<(SiteId, BatchId), Refusal> {
    if peer.surplus {
        return Err(Refusal::Busy);
    }
    let site = peer.site.ok_or(Refusal::NoSite)?;
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
