//! Questions and answers. The protocol stands at the head of [`crate::evaluate`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Extension, Request, State as Shared};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use envelope::{EVALUATION_BYTES_MAX, EvaluationKey, question_of};
use getrandom::SysRng;
use jiff::Timestamp;
use rand_core::UnwrapErr;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::allowance::{Allowances, Untaken};
use crate::core::durable;
use crate::evaluate::settings::{Key, Settings};
use crate::front::api::Peer;
use crate::front::blocked::Blocked;
use crate::front::refusal::Refusal;
use crate::front::start::{Problem, StartError};

/// Evaluations that are leased of a site's allowance at once.
const LEASED: u64 = 10_000;

/// What all requests share.
pub(crate) struct Service {
    settings: Settings,
    keys: BTreeMap<u16, EvaluationKey>,
    blocked: Option<Blocked>,
    allowances: Allowances,
    request_time: Duration,
    places: Semaphore,
    turns: AtomicU64,
}

impl Service {
    /// Reads the keys and opens the state folder.
    ///
    /// # Errors
    /// A key or the folder cannot be used.
    pub(crate) fn open(settings: &Settings) -> Result<Self, StartError> {
        let keys = settings.keys.iter().map(|key| Ok((key.epoch, load(key)?)));
        let keys = keys.collect::<Result<_, StartError>>()?;
        let folder = settings.allowances();
        durable::make_folder(&folder)
            .map_err(|error| StartError::because(Problem::Folder, folder.display(), error))?;
        let blocked = settings.blocked.as_deref().map(Blocked::open).transpose()?;
        Ok(Self {
            keys,
            blocked,
            allowances: Allowances::new(folder, LEASED),
            request_time: settings.limits.connections().idle,
            places: Semaphore::new(settings.limits.threads),
            turns: AtomicU64::new(0),
            settings: settings.clone(),
        })
    }

    /// Reads the list of stopped sites again if it changed.
    pub(crate) fn look(&self) {
        if let Some(blocked) = &self.blocked {
            blocked.look();
        }
    }

    fn refuse(&self, refusal: Refusal) -> Response {
        refusal.answer(self.turns.fetch_add(1, Ordering::Relaxed))
    }
}

fn load(key: &Key) -> Result<EvaluationKey, StartError> {
    let unusable = || StartError::new(Problem::EvaluationKey, key.file.display());
    let text = std::fs::read_to_string(&key.file).map(Zeroizing::new);
    // What is wrong with the text is not told: the text is a secret.
    text.map_err(|_| unusable())?
        .trim()
        .parse()
        .map_err(|_| unusable())
}

/// The routes.
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/v1/evaluations", post(evaluate))
        .route("/v1/health", get(health))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .with_state(service)
}

async fn health(
    Shared(service): Shared<Arc<Service>>,
    Extension(peer): Extension<Peer>,
) -> Response {
    if peer.surplus {
        return service.refuse(Refusal::Busy);
    }
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, r#"{"status": "ok"}"#).into_response()
}

async fn not_found(Shared(service): Shared<Arc<Service>>) -> Response {
    service.refuse(Refusal::NotFound)
}

async fn evaluate(
    Shared(service): Shared<Arc<Service>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    match answer(&service, peer, request).await {
        Ok(answer) => {
            let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
            (kind, answer).into_response()
        }
        Err(refusal) => service.refuse(refusal),
    }
}

/// First what is cheap to refuse, then the body, then the site's allowance, then the arithmetic.
async fn answer(service: &Arc<Service>, peer: Peer, request: Request) -> Result<Vec<u8>, Refusal> {
    if peer.surplus {
        return Err(Refusal::Busy);
    }
    let site = peer.site.ok_or(Refusal::NoSite)?;
    if service.blocked.as_ref().is_some_and(|it| it.holds(&site)) {
        return Err(Refusal::Stopped);
    }
    let body = to_bytes(request.into_body(), EVALUATION_BYTES_MAX);
    let question = timeout(service.request_time, body)
        .await
        .map_err(|_| Refusal::Slow)?
        .map_err(|_| Refusal::BadRequest)?;
    let (epoch, points) = question_of(&question).map_err(|_| Refusal::BadRequest)?;
    if !service.keys.contains_key(&epoch) {
        return Err(Refusal::UnknownEpoch);
    }
    let place = service.places.try_acquire().map_err(|_| Refusal::Busy)?;
    let shared = Arc::clone(service);
    let done = spawn_blocking(move || {
        let per_day = shared.settings.per_day(&site);
        let now = Timestamp::now().as_second();
        let taken = shared.allowances.take(&site, points as u64, per_day, now);
        let taken = taken.map_err(|untaken| match untaken {
            Untaken::UsedUp => Refusal::EvaluationLimit,
            Untaken::Storage => Refusal::Storage,
        });
        if let Err(refusal) = taken {
            tracing::warn!(%site, points, code = refusal.code(), "refused");
            return Err(refusal);
        }
        tracing::debug!(%site, epoch, points, "evaluated");
        let key = shared.keys.get(&epoch).ok_or(Refusal::UnknownEpoch)?;
        key.evaluate(epoch, &question, &mut UnwrapErr(SysRng))
            .map_err(|_| Refusal::BadRequest)
    })
    .await;
    drop(place);
    done.unwrap_or(Err(Refusal::Storage))
}
