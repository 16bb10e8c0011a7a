//! Connections: TLS handshakes, limits, the end of the process.

use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::front::api::Peer;
use crate::front::shares::Shares;
use crate::front::start::{Problem, StartError};
use crate::front::tls::{Gate, Revoked};
use crate::x509::{Facts, hex};

/// Connections above a limit that are still told when to come back. Beyond them, connections are
/// closed at once.
const SURPLUS_CONNECTIONS: usize = 32;
/// So long one of those is waited for: whoever says nothing takes the place of who would.
const SURPLUS_PATIENCE: Duration = Duration::from_secs(5);
/// No connection lasts longer, nor than its certificate: what is not on the revocation list any
/// more because it is over is not heard on an old connection either.
const LONGEST: Duration = Duration::from_secs(86_400);
/// Bytes of one request's head.
const HEAD_BYTES: usize = 16 << 10;
const HEADERS_MAX: usize = 32;
/// How often files are looked at by which the centre tells something. A revoked certificate has to
/// be without effect within 60 seconds.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Pause after a failed accept, which is nearly always a lack of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Bounds of connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connections {
    /// Open at once; as many more may be at their handshake.
    pub(crate) most: usize,
    /// Of one site.
    pub(crate) of_site: usize,
    /// For a TLS handshake.
    pub(crate) handshake: Duration,
    /// For the head of a request, and between two on a connection.
    pub(crate) idle: Duration,
    /// For requests under way when the process is told to end.
    pub(crate) drain: Duration,
}

/// Connections at once of those who have no certificate.
const NEWCOMERS: usize = 16;

impl Connections {
    /// The same for those who have no certificate.
    pub(crate) fn for_newcomers(self) -> Self {
        Self {
            most: self.most.min(NEWCOMERS),
            ..self
        }
    }
}

/// What every connection shares.
#[derive(Clone)]
struct Shared {
    tls: TlsAcceptor,
    router: Router,
    limits: Connections,
    places: Arc<Semaphore>,
    surplus: Arc<Semaphore>,
    sites: Arc<Shares>,
    revoked: watch::Receiver<Revoked>,
    stopping: watch::Receiver<bool>,
}

/// Looks at files of the centre, again and again until the process ends.
pub(crate) async fn look_on(look: impl Fn() + Send + Sync + 'static) {
    let look = Arc::new(look);
    loop {
        sleep(LOOK_EVERY).await;
        let once = Arc::clone(&look);
        // What it could not do it told; the next look may do.
        let _ = tokio::task::spawn_blocking(move || once()).await;
    }
}

/// Serves until SIGTERM or SIGINT, then lets requests under way end.
///
/// # Errors
/// The listener or the signal handlers cannot be set up.
pub(crate) async fn serve(
    listener: StdListener,
    gate: &Gate,
    router: Router,
    limits: Connections,
) -> Result<(), StartError> {
    let failed = |error| StartError::because(Problem::Runtime, "listener", error);
    let listener = TcpListener::from_std(listener).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let (stop, stopping) = watch::channel(false);
    let shared = Shared {
        tls: gate.acceptor.clone(),
        router,
        limits,
        places: Arc::new(Semaphore::new(limits.most)),
        surplus: Arc::new(Semaphore::new(SURPLUS_CONNECTIONS)),
        sites: Arc::new(Shares::new(limits.of_site)),
        revoked: gate.revoked(),
        stopping,
    };
    // Who has not said who it is yet takes no place of those who have.
    let handshakes = Arc::new(Semaphore::new(limits.most));
    let mut connections = JoinSet::new();
    tracing::info!(address = %listener.local_addr().map_err(failed)?, "ready");
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            // Ended connections are taken off the list, so that it does not grow.
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    if let Ok(begun) = Arc::clone(&handshakes).try_acquire_owned() {
                        connections.spawn(connection(stream, begun, shared.clone()));
                    }
                }
                Err(error) => {
                    tracing::warn!(kind = ?error.kind(), "accept");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    tracing::info!(connections = connections.len(), "stopping");
    // Nobody listens when every connection has ended already.
    let _ = stop.send(true);
    let drained = timeout(limits.drain, async {
        while connections.join_next().await.is_some() {}
    });
    if drained.await.is_err() {
        tracing::warn!(connections = connections.len(), "connections cut");
    }
    Ok(())
}

/// The right to one connection.
struct Place {
    surplus: bool,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    fn take(places: &Arc<Semaphore>, surplus: &Arc<Semaphore>) -> Option<Self> {
        if let Ok(permit) = Arc::clone(places).try_acquire_owned() {
            return Some(Self {
                surplus: false,
                _permit: permit,
            });
        }
        Self::beyond(surplus)
    }

    /// One of those above a limit.
    fn beyond(surplus: &Arc<Semaphore>) -> Option<Self> {
        let permit = Arc::clone(surplus).try_acquire_owned().ok()?;
        Some(Self {
            surplus: true,
            _permit: permit,
        })
    }
}

async fn connection(stream: TcpStream, begun: OwnedSemaphorePermit, mut shared: Shared) {
    let limits = shared.limits;
    let secured = match timeout(limits.handshake, shared.tls.accept(stream)).await {
        Ok(Ok(secured)) => secured,
        Ok(Err(error)) => return tracing::info!(%error, "handshake refused"),
        Err(_) => return tracing::info!("handshake too slow"),
    };
    let certificates = secured.get_ref().1.peer_certificates();
    let facts = certificates.and_then(|chain| Facts::of(chain.first()?));
    let lasts = lasts(facts.as_ref().map(|facts| facts.not_after));
    let (site, serial) = facts.map_or((None, Vec::new()), |facts| (facts.site, facts.serial));
    let share = site.as_ref().map(|site| shared.sites.take(site));
    drop(begun);
    // One site alone does not take the places of the others.
    let place = match share {
        Some(None) => Place::beyond(&shared.surplus),
        _ => Place::take(&shared.places, &shared.surplus),
    };
    let Some(place) = place else {
        return tracing::info!("too many connections");
    };
    let surplus = place.surplus;
    let patience = match surplus {
        true => limits.idle.min(SURPLUS_PATIENCE),
        false => limits.idle,
    };
    let certificate: Arc<str> = hex(&serial).into();
    let name = site.clone();
    let name = name.as_ref().map_or("-", |site| site.as_str());
    tracing::info!(site = name, %certificate, surplus, "session");
    let service = shared.router.layer(Extension(Peer {
        site,
        certificate: Arc::clone(&certificate),
        surplus,
    }));
    let mut serving = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience)
            .max_buf_size(HEAD_BYTES)
            .max_headers(HEADERS_MAX)
            .keep_alive(!surplus)
            .serve_connection(TokioIo::new(secured), TowerToHyperService::new(service))
    );
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = revoked(&mut shared.revoked, &serial) => {
            return tracing::warn!(site = name, %certificate, "certificate revoked, connection cut");
        }
        () = stopped(&mut shared.stopping) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
        () = sleep(lasts) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    match ended {
        Ok(()) => tracing::debug!(site = name, "connection closed"),
        Err(error) => tracing::info!(site = name, %error, "connection broken"),
    }
}

/// How long a connection may last whose certificate ends at this moment.
fn lasts(not_after: Option<i64>) -> Duration {
    let left = not_after.map(|end| end.saturating_sub(Timestamp::now().as_second()));
    let left = left.map(|seconds| Duration::from_secs(seconds.try_into().unwrap_or_default()));
    left.map_or(LONGEST, |left| left.min(LONGEST))
}

/// Ends when the certificate is revoked, and never where nothing tells so.
async fn revoked(list: &mut watch::Receiver<Revoked>, serial: &[u8]) {
    if list.wait_for(|list| list.contains(serial)).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // The sender is gone only when the process ends, which is a stop too.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
