//! The update server: an address inside the closed network, TLS 1.3 with our own certificate
//! authority and our client certificate. It hands out plain files, whole or in part.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use keys::DeviceKey;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use update::Pace;
use url::Url;

use crate::error::UpdateError;
use crate::settings::Source;

/// The server and how to trust it.
pub(crate) struct Server {
    address: SocketAddr,
    interface: Option<String>,
    name: ServerName<'static>,
    connector: TlsConnector,
    base: Url,
    /// Without a byte for so long, the server is silent.
    stall: Duration,
    rate: Option<u64>,
}

/// One open connection.
pub(crate) struct Line {
    sender: SendRequest<Empty<Bytes>>,
    stall: Duration,
    pace: Pace,
    began: Instant,
}

impl Server {
    /// Reads certificates and fixes protocol, authority and name.
    pub(crate) fn new(source: &Source) -> Result<Self, UpdateError> {
        let unusable =
            |error: Box<dyn std::error::Error + Send + Sync>| UpdateError::Settings(error);
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&source.authority)? {
            roots.add(certificate).map_err(|it| unusable(it.into()))?;
        }
        let text = fs::read(&source.private_key).map_err(|it| unusable(it.into()))?;
        let chain = certificates(&source.certificate)?;
        let own = DeviceKey::from_pem(&text, &source.key_service).and_then(|key| key.with(chain));
        let own = own.map_err(|it| unusable(it.into()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|it| unusable(it.into()))?
            .with_root_certificates(roots)
            .with_client_cert_resolver(own);
        let name = source.server_name.clone();
        let base = Url::parse(&format!("https://{name}/")).map_err(|it| unusable(it.into()))?;
        Ok(Self {
            address: source.address,
            interface: source.interface.clone(),
            name: ServerName::try_from(name).map_err(|it| unusable(it.into()))?,
            connector: TlsConnector::from(Arc::new(config)),
            base,
            stall: Duration::from_secs(u64::from(source.stall_seconds.max(1))),
            rate: source.bytes_per_second,
        })
    }

    /// Below which its files stand.
    pub(crate) fn base(&self) -> Url {
        self.base.clone()
    }

    /// Opens a connection and proves both sides.
    pub(crate) async fn connect(&self) -> Result<Line, UpdateError> {
        let opened = open(self.address, self.interface.as_deref());
        let stream = timeout(self.stall, opened).await.map_err(silent)?;
        let stream = stream.map_err(unreachable)?;
        let secured = self.connector.connect(self.name.clone(), stream);
        let secured = timeout(self.stall, secured).await.map_err(silent)?;
        let secured = secured.map_err(untrusted)?;
        let shaken = handshake(TokioIo::new(secured)).await;
        let (sender, driver) = shaken.map_err(unreachable)?;
        tokio::spawn(async move {
            // How the connection ended is seen by the request that it breaks.
            let _ = driver.await;
        });
        Ok(Line {
            sender,
            stall: self.stall,
            pace: Pace::new(self.rate),
            began: Instant::now(),
        })
    }
}

/// A connection that the kernel lets out by the interface of the closed network only.
pub(crate) async fn open(address: SocketAddr, interface: Option<&str>) -> io::Result<TcpStream> {
    let socket = match address.is_ipv4() {
        true => TcpSocket::new_v4()?,
        false => TcpSocket::new_v6()?,
    };
    if let Some(interface) = interface {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    socket.connect(address).await
}

impl Line {
    /// Asks for a file, or for a part of it, and hands over its bytes as they come.
    pub(crate) async fn get(
        &mut self,
        path: &str,
        part: Option<Range<u64>>,
        mut take: impl FnMut(&[u8]) -> Result<(), UpdateError>,
    ) -> Result<(), UpdateError> {
        let expected = match part {
            Some(_) => StatusCode::PARTIAL_CONTENT,
            None => StatusCode::OK,
        };
        let answer = timeout(self.stall, self.ask(path, part)).await;
        let answer = answer.map_err(silent)??;
        match answer.status() {
            status if status == expected => {}
            StatusCode::NOT_FOUND => return Err(UpdateError::Incomplete),
            status => return Err(UpdateError::Unreachable(format!("HTTP {status}").into())),
        }
        let mut body = answer.into_body();
        while let Some(frame) = timeout(self.stall, body.frame()).await.map_err(silent)? {
            let Ok(bytes) = frame.map_err(unreachable)?.into_data() else {
                continue;
            };
            take(&bytes)?;
            let pause = self.pace.came(bytes.len() as u64, self.began.elapsed());
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    async fn ask(
        &mut self,
        path: &str,
        part: Option<Range<u64>>,
    ) -> Result<Response<Incoming>, UpdateError> {
        let request = Request::get(path).header("host", "updates");
        let request = match part {
            Some(part) => {
                let last = part.end.saturating_sub(1);
                request.header("range", format!("bytes={}-{last}", part.start))
            }
            None => request,
        };
        let request = request.body(Empty::new()).map_err(unreachable)?;
        self.sender.ready().await.map_err(unreachable)?;
        self.sender.send_request(request).await.map_err(unreachable)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, UpdateError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let read: Vec<_> = read.map_err(|error| UpdateError::Settings(error.into()))?;
    match read.is_empty() {
        false => Ok(read),
        true => Err(UpdateError::Settings("a file without a certificate".into())),
    }
}

fn unreachable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> UpdateError {
    UpdateError::Unreachable(error.into())
}

fn silent(_: tokio::time::error::Elapsed) -> UpdateError {
    UpdateError::Unreachable("no answer in time".into())
}

/// A server that cannot prove who it is will not be able to at the next try either; a connection
/// that broke may.
fn untrusted(error: io::Error) -> UpdateError {
    let inner = error.get_ref();
    match inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
        true => UpdateError::Untrusted(error.into()),
        false => unreachable(error),
    }
}
