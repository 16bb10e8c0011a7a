//! Connections: TLS handshakes, limits, the end of the process.

use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::front::api::Peer;
use crate::front::start::{Problem, StartError};
use crate::front::tls;

/// Connections above the limit that are still told when to come back. Beyond them, connections
/// are closed at once.
const SURPLUS_CONNECTIONS: usize = 32;
/// Bytes of one request's head.
const HEAD_BYTES: usize = 16 << 10;
const HEADERS_MAX: usize = 32;
/// Pause after a failed accept, which is nearly always a lack of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Bounds of connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connections {
    /// Open at once.
    pub(crate) most: usize,
    /// For a TLS handshake.
    pub(crate) handshake: Duration,
    /// For the head of a request, and between two on a connection.
    pub(crate) idle: Duration,
    /// For requests under way when the process is told to end.
    pub(crate) drain: Duration,
}

/// What every connection shares.
#[derive(Clone)]
struct Shared {
    tls: TlsAcceptor,
    router: Router,
    limits: Connections,
    stopping: watch::Receiver<bool>,
}

/// Serves until SIGTERM or SIGINT, then lets requests under way end.
///
/// # Errors
/// The listener or the signal handlers cannot be set up.
pub(crate) async fn serve(
    listener: StdListener,
    tls: TlsAcceptor,
    router: Router,
    limits: Connections,
) -> Result<(), StartError> {
    let failed = |error| StartError::because(Problem::Runtime, "listener", error);
    let listener = TcpListener::from_std(listener).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let (stop, stopping) = watch::channel(false);
    let shared = Shared {
        tls,
        router,
        limits,
        stopping,
    };
    let places = Arc::new(Semaphore::new(limits.most));
    let surplus = Arc::new(Semaphore::new(SURPLUS_CONNECTIONS));
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
                    if let Some(place) = Place::take(&places, &surplus) {
                        connections.spawn(connection(stream, place, shared.clone()));
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
        let permit = Arc::clone(surplus).try_acquire_owned().ok()?;
        Some(Self {
            surplus: true,
            _permit: permit,
        })
    }
}

async fn connection(stream: TcpStream, place: Place, mut shared: Shared) {
    let limits = shared.limits;
    let secured = match timeout(limits.handshake, shared.tls.accept(stream)).await {
        Ok(Ok(secured)) => secured,
        Ok(Err(error)) => return tracing::info!(%error, "handshake refused"),
        Err(_) => return tracing::info!("handshake too slow"),
    };
    let certificates = secured.get_ref().1.peer_certificates();
    let site = certificates.and_then(|chain| tls::site(chain.first()?));
    let surplus = place.surplus;
    let service = shared.router.layer(Extension(Peer {
        site: site.clone(),
        surplus,
    }));
    let mut serving = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.idle)
            .max_buf_size(HEAD_BYTES)
            .max_headers(HEADERS_MAX)
            .keep_alive(!surplus)
            .serve_connection(TokioIo::new(secured), TowerToHyperService::new(service))
    );
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stopped(&mut shared.stopping) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    let site = site.as_ref().map_or("-", |site| site.as_str());
    match ended {
        Ok(()) => tracing::debug!(site, "connection closed"),
        Err(error) => tracing::info!(site, %error, "connection broken"),
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // The sender is gone only when the process ends, which is a stop too.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
