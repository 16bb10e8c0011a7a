//! A server of plain files over TLS 1.3 that asks for a certificate, and that can misbehave.

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

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
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What the server does wrong. Each is a number of bytes of files, 0 for never.
#[derive(Default)]
pub(crate) struct Faults {
    /// After so many bytes of an answer the connection breaks.
    pub(crate) breaks_after: AtomicU64,
    /// After so many bytes of an answer nothing more comes.
    pub(crate) stalls_after: AtomicU64,
    /// The byte at this place of an answer is another one.
    pub(crate) flips_at: AtomicU64,
    /// Answers with the whole file, whatever part was asked for.
    pub(crate) whole: AtomicU64,
}

/// A server that runs until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) faults: Arc<Faults>,
    /// Bytes of `files/` that went out.
    pub(crate) served: Arc<AtomicU64>,
    _runtime: tokio::runtime::Runtime,
}

type Authority = CertifiedIssuer<'static, KeyPair>;

/// Makes an authority.
pub(crate) fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Writes what a device needs into its folder.
pub(crate) fn enrol(authority: &Authority, folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["box-1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    fs::write(folder.join("authority.pem"), authority.pem()).unwrap();
    fs::write(folder.join("device.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("device.key"), key.serialize_pem()).unwrap();
}

impl Server {
    /// Hands out the files of a folder to those who have a certificate of the authority.
    pub(crate) fn start(authority: &Authority, root: PathBuf) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).unwrap();
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["updates.test".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, authority).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_client_cert_verifier(clients.build().unwrap())
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (faults, served) = (Arc::new(Faults::default()), Arc::new(AtomicU64::new(0)));
        let files = Files {
            root,
            faults: Arc::clone(&faults),
            served: Arc::clone(&served),
        };
        let files = Arc::new(files);
        runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, files) = (acceptor.clone(), Arc::clone(&files));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let service = service_fn(|request| {
                        let files = Arc::clone(&files);
                        async move { Ok::<_, Infallible>(files.answer(&request)) }
                    });
                    let connection = hyper::server::conn::http1::Builder::new();
                    let _ = connection
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            address,
            faults,
            served,
            _runtime: runtime,
        }
    }
}

struct Files {
    root: PathBuf,
    faults: Arc<Faults>,
    served: Arc<AtomicU64>,
}

type Answer = Result<Frame<Bytes>, std::io::Error>;
type Body = StreamBody<std::pin::Pin<Box<dyn futures_util::Stream<Item = Answer> + Send>>>;

impl Files {
    fn answer(&self, request: &Request<Incoming>) -> Response<Body> {
        let path = request.uri().path().trim_start_matches('/');
        assert!(!path.contains(".."), "{path}");
        let Ok(whole) = fs::read(self.root.join(path)) else {
            let body = StreamBody::new(Box::pin(futures_util::stream::empty()) as _);
            return Response::builder().status(404).body(body).unwrap();
        };
        let range = request.headers().get("range").and_then(|range| {
            let (begin, last) = range
                .to_str()
                .ok()?
                .strip_prefix("bytes=")?
                .split_once('-')?;
            Some(begin.parse::<usize>().ok()?..last.parse::<usize>().ok()? + 1)
        });
        let file = path.starts_with("files/");
        let (status, bytes) = match range {
            Some(range) if self.faults.whole.load(SeqCst) == 0 => (206, whole[range].to_vec()),
            _ => (200, whole),
        };
        let body = self.body(bytes, file);
        Response::builder().status(status).body(body).unwrap()
    }

    /// The bytes in small pieces, as a line brings them, with what goes wrong.
    fn body(&self, mut bytes: Vec<u8>, file: bool) -> Body {
        let fault = |number: &AtomicU64| match file {
            true => number.load(SeqCst) as usize,
            false => 0,
        };
        let flips = fault(&self.faults.flips_at);
        if (1..bytes.len()).contains(&flips) {
            bytes[flips] ^= 1;
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
