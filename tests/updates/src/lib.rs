//! The update server of tests: plain files over TLS 1.3, for those who have a certificate. It can
//! misbehave.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The name by which devices know the server.
pub const NAME: &str = "updates.test";

/// What the server does wrong. Each is a number of bytes of files, 0 for never.
#[derive(Default)]
pub struct Faults {
    /// After so many bytes of an answer the connection breaks.
    pub breaks_after: AtomicU64,
    /// After so many bytes of an answer nothing more comes.
    pub stalls_after: AtomicU64,
    /// The byte at this place of an answer is another one.
    pub flips_at: AtomicU64,
    /// Answers with the whole file, whatever part was asked for.
    pub whole: AtomicU64,
}

/// A server that runs until it is dropped.
pub struct Server {
    /// Where it listens, on the loopback.
    pub address: SocketAddr,
    /// What it does wrong.
    pub faults: Arc<Faults>,
    /// Bytes of `files/` that went out.
    pub served: Arc<AtomicU64>,
    _runtime: tokio::runtime::Runtime,
}

/// Who vouches for server and devices.
pub type Authority = CertifiedIssuer<'static, KeyPair>;

/// Makes an authority.
///
/// # Errors
/// No key can be made.
pub fn authority() -> Result<Authority> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

/// Writes what a device needs into a folder: `authority.pem`, `device.pem`, `device.key`.
///
/// # Errors
/// No key can be made, or the folder cannot be written.
pub fn enrol(authority: &Authority, folder: &Path) -> Result<()> {
    let key = KeyPair::generate()?;
    let params = CertificateParams::new(vec!["box-1".to_owned()])?;
    let certificate = params.signed_by(&key, authority)?;
    fs::write(folder.join("authority.pem"), authority.pem())?;
    fs::write(folder.join("device.pem"), certificate.pem())?;
    fs::write(folder.join("device.key"), key.serialize_pem())?;
    Ok(())
}

/// Asks for certificates of the authority, and shows one.
fn tls(authority: &Authority) -> Result<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone())?;
    let clients =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let key = KeyPair::generate()?;
    let params = CertificateParams::new(vec![NAME.to_owned()])?;
    let certificate = params.signed_by(&key, authority)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(clients.build()?)
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok(config)
}

impl Server {
    /// Hands out the files of a folder to those who have a certificate of the authority.
    ///
    /// # Errors
    /// No key can be made, or no port is free.
    pub fn start(authority: &Authority, root: PathBuf) -> Result<Self> {
        let acceptor = TlsAcceptor::from(Arc::new(tls(authority)?));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
        let listener = listener.context("the update server")?;
        let address = listener.local_addr()?;
        let (faults, served) = (Arc::new(Faults::default()), Arc::new(AtomicU64::new(0)));
        let files = Files {
            root,
            faults: Arc::clone(&faults),
            served: Arc::clone(&served),
        };
        let files = Arc::new(files);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), stream, Arc::clone(&files)));
            }
        });
        Ok(Self {
            address,
            faults,
            served,
            _runtime: runtime,
        })
    }
}

/// Answers on one connection until it ends; how it ends is the client's matter.
async fn serve(acceptor: TlsAcceptor, stream: TcpStream, files: Arc<Files>) {
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let service = service_fn(|request| {
        let files = Arc::clone(&files);
        async move { files.answer(&request) }
    });
    let connection = hyper::server::conn::http1::Builder::new();
    let _ = connection
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

struct Files {
    root: PathBuf,
    faults: Arc<Faults>,
    served: Arc<AtomicU64>,
}

type Answer = Result<Frame<Bytes>, std::io::Error>;
type Body = StreamBody<std::pin::Pin<Box<dyn futures_util::Stream<Item = Answer> + Send>>>;

impl Files {
    fn answer(&self, request: &Request<Incoming>) -> hyper::http::Result<Response<Body>> {
        let path = request.uri().path().trim_start_matches('/');
        let inside = !path.contains("..");
        let whole = inside
            .then(|| fs::read(self.root.join(path)).ok())
            .flatten();
        let Some(whole) = whole else {
            let body = StreamBody::new(Box::pin(futures_util::stream::empty()) as _);
            return Response::builder().status(404).body(body);
        };
        let range = request.headers().get("range").and_then(|range| {
            let (begin, last) = range
                .to_str()
                .ok()?
                .strip_prefix("bytes=")?
                .split_once('-')?;
            whole.get(begin.parse::<usize>().ok()?..=last.parse::<usize>().ok()?)
        });
        let file = path.starts_with("files/");
        let (status, bytes) = match range {
            Some(range) if self.faults.whole.load(SeqCst) == 0 => (206, range.to_vec()),
            _ => (200, whole),
        };
        Response::builder()
            .status(status)
            .body(self.body(bytes, file))
    }

    /// The bytes in small pieces, as a line brings them, with what goes wrong.
    fn body(&self, mut bytes: Vec<u8>, file: bool) -> Body {
        let fault = |number: &AtomicU64| match file {
            true => usize::try_from(number.load(SeqCst)).unwrap_or(usize::MAX),
            false => 0,
        };
        let flips = fault(&self.faults.flips_at);
        if flips > 0
            && let Some(byte) = bytes.get_mut(flips)
        {
            *byte ^= 1;
        }
        let (breaks, stalls) = (
            fault(&self.faults.breaks_after),
            fault(&self.faults.stalls_after),
        );
        let served = Arc::clone(&self.served);
        let pieces: Vec<Bytes> = bytes.chunks(16 << 10).map(Bytes::copy_from_slice).collect();
        let state = (pieces.into_iter(), 0_usize);
        let stream = futures_util::stream::unfold(state, move |(mut pieces, sent)| {
            let served = Arc::clone(&served);
            async move {
                if breaks > 0 && sent >= breaks {
                    let broken = Err(std::io::Error::other("the line broke"));
                    return Some((broken, (Vec::new().into_iter(), 0)));
                }
                if stalls > 0 && sent >= stalls {
                    tokio::time::sleep(Duration::from_secs(3_600)).await;
                }
                let piece = pieces.next()?;
                if file {
                    served.fetch_add(piece.len() as u64, SeqCst);
                }
                let sent = sent + piece.len();
                Some((Ok(Frame::data(piece)), (pieces, sent)))
            }
        });
        StreamBody::new(Box::pin(stream))
    }
}
