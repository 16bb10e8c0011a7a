//! Connections: TLS handshakes, limits, the end of the process.

use std::net::{IpAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::error::{Failure, Problem};

/// Connections at once: every browser of a large reception has six.
const CONNECTIONS: usize = 128;
/// Connections at once from one address, so that one computer cannot take all places.
const CONNECTIONS_OF_ONE: usize = 24;
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long the head of a request may take, and how long a connection may rest between two.
const HEAD: Duration = Duration::from_secs(15);
/// After this a connection ends whatever it does.
const LIFE: Duration = Duration::from_secs(600);
const DRAIN: Duration = Duration::from_secs(5);
/// Bytes of one request's head.
const HEAD_BYTES: usize = 16 << 10;
const HEADERS_MAX: usize = 48;
/// Pause after a failed accept, which is nearly always a lack of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// From where a request comes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// The listener or the signal handlers cannot be set up.
pub(crate) async fn serve(
    listener: StdListener,
    tls: TlsAcceptor,
    router: Router,
) -> Result<(), Failure> {
    let failed = |error| Failure::because(Problem::PageListen, "listener", error);
    let listener = TcpListener::from_std(listener).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let held = Arc::new(std::sync::Mutex::new(Vec::<IpAddr>::new()));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            // Ended connections are taken off the list, so that it does not grow.
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let address = peer.ip().to_canonical();
                    let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
                    let Some(held) = Held::take(&held, address) else { continue };
                    let (tls, router) = (tls.clone(), router.clone());
                    connections.spawn(async move {
                        let _places = (place, held);
                        // A connection that outlives its time is cut.
                        let _ = timeout(LIFE, connection(stream, tls, router, address)).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(kind = ?error.kind(), "accept");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    // What is written is whole in any case: every write is one transaction.
    let _ = timeout(DRAIN, drained).await;
    Ok(())
}

/// One of the connections of an address.
struct Held {
    all: Arc<std::sync::Mutex<Vec<IpAddr>>>,
    address: IpAddr,
}

impl Held {
    fn take(all: &Arc<std::sync::Mutex<Vec<IpAddr>>>, address: IpAddr) -> Option<Self> {
        let mut list = all.lock().ok()?;
        let count = list.iter().filter(|other| **other == address).count();
        (count < CONNECTIONS_OF_ONE).then(|| list.push(address))?;
        let all = Arc::clone(all);
        Some(Self { all, address })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Ok(mut list) = self.all.lock()
            && let Some(place) = list.iter().position(|other| *other == self.address)
        {
            list.swap_remove(place);
        }
    }
}

async fn connection(stream: TcpStream, tls: TlsAcceptor, router: Router, address: IpAddr) {
    let secured = match timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(secured)) => secured,
        Ok(Err(error)) => return tracing::info!(%error, "handshake refused"),
        Err(_) => return tracing::info!("handshake too slow"),
    };
    let service = router.layer(Extension(Peer(address)));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(secured), TowerToHyperService::new(service))
        .await;
    if let Err(error) = served {
        // Kind only: nothing of a request belongs in a log.
        tracing::info!(
            timeout = error.is_timeout(),
            parse = error.is_parse(),
            "connection broken"
        );
    }
}
