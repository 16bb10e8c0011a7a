//! The connection to the front: an address inside the closed network, TLS 1.3 with our own
//! certificate authority and our client certificate. Nothing else is accepted.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::gateway::Settings;
use envelope::sha256;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::client::WantsClientCert;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use selftest::connect::{self, Head};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::certificate::{Identity, certificates};
use crate::error::{Failure, Problem};
use crate::network::Line;

/// Something of the line that stopped one try.
pub(crate) type Trouble = transfer::Trouble<Failure>;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Largest answer of the front: a receipt is below 1 KiB.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// The front and how to trust it.
pub(crate) struct Peer {
    address: std::net::SocketAddr,
    proxy: Option<std::net::SocketAddr>,
    line: Line,
    name: ServerName<'static>,
    connector: TlsConnector,
}

/// One open connection.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    peer: [u8; 32],
}

/// What the front answered.
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// The `Upload-Offset` header, when present and a number.
    pub(crate) offset: Option<u64>,
    /// The `Sekisho-State` header.
    pub(crate) stored: bool,
    /// The `Retry-After` header, when present and a number of seconds.
    pub(crate) retry_after: Option<Duration>,
    /// The body.
    pub(crate) body: Bytes,
}

impl Peer {
    /// Reads certificates and fixes protocol, authority and name.
    ///
    /// # Errors
    /// A certificate or key file cannot be used.
    pub(crate) fn new(settings: &Settings) -> Result<Self, Failure> {
        Self::proven_by(&Identity::of(settings)?, settings)
    }

    /// The front, with a certificate that is not in use yet.
    ///
    /// # Errors
    /// See [`Peer::new`].
    pub(crate) fn proven_by(identity: &Identity, settings: &Settings) -> Result<Self, Failure> {
        let front = &settings.front;
        let name = ("front.server_name", front.server_name.as_str());
        Self::by(identity, front.address, name, settings)
    }

    /// Another service of the centre, with the same certificates; its name stands under that key of
    /// the settings.
    ///
    /// # Errors
    /// See [`Peer::new`].
    pub(crate) fn at(
        address: std::net::SocketAddr,
        name: (&'static str, &str),
        settings: &Settings,
    ) -> Result<Self, Failure> {
        Self::by(&Identity::of(settings)?, address, name, settings)
    }

    fn by(
        identity: &Identity,
        address: std::net::SocketAddr,
        name: (&'static str, &str),
        settings: &Settings,
    ) -> Result<Self, Failure> {
        let front = &settings.front;
        let proof = identity.proof(&front.key_service)?;
        let config = trusting(&front.authority)?.with_client_cert_resolver(proof);
        Self::with(address, name, config, settings)
    }

    /// The front, as it is asked by a device that has no certificate.
    ///
    /// # Errors
    /// See [`Peer::new`].
    pub(crate) fn without_certificate(
        address: std::net::SocketAddr,
        settings: &Settings,
    ) -> Result<Self, Failure> {
        let front = &settings.front;
        let config = trusting(&front.authority)?.with_no_client_auth();
        let name = ("front.server_name", front.server_name.as_str());
        Self::with(address, name, config, settings)
    }

    fn with(
        address: std::net::SocketAddr,
        (key, name): (&'static str, &str),
        config: ClientConfig,
        settings: &Settings,
    ) -> Result<Self, Failure> {
        let name = ServerName::try_from(name.to_owned())
            .map_err(|error| Failure::because(Problem::Settings, key, error))?;
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Self {
            address,
            proxy: settings.front.proxy,
            line: Line::of(settings),
            name,
            connector,
        })
    }

    /// Looks whether the closed network leads there.
    pub(crate) fn check_line(&self) -> Result<(), Trouble> {
        let first = self.proxy.unwrap_or(self.address);
        self.line
            .check(first.ip())
            .map_err(|failure| match failure.problem().exit_status() {
                75 => Trouble::Passing(failure),
                _ => Trouble::Lasting(failure),
            })
    }

    /// Opens a connection and proves both sides.
    pub(crate) async fn connect(&self) -> Result<Connection, Trouble> {
        self.check_line()?;
        let stream = timeout(CONNECT_TIMEOUT, self.open()).await;
        let stream = stream.map_err(|_| late("connect"))?.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let secured = self.connector.connect(self.name.clone(), stream);
        let secured = timeout(CONNECT_TIMEOUT, secured)
            .await
            .map_err(|_| late("TLS"))?;
        let secured = secured.map_err(untrusted_or_unreachable)?;
        let certificates = secured.get_ref().1.peer_certificates();
        let peer = certificates
            .and_then(<[_]>::first)
            .map_or([0; 32], |it| sha256(it));
        let (sender, driver) = handshake(TokioIo::new(secured)).await.map_err(broken)?;
        tokio::spawn(async move {
            // How the connection ended is seen by the request that it breaks.
            let _ = driver.await;
        });
        Ok(Connection { sender, peer })
    }

    /// A connection by a socket that the kernel lets out by the interface of the closed network
    /// only.
    async fn open(&self) -> std::io::Result<TcpStream> {
        let first = self.proxy.unwrap_or(self.address);
        let socket = match first.is_ipv4() {
            true => TcpSocket::new_v4()?,
            false => TcpSocket::new_v6()?,
        };
        if let Some(interface) = self.line.interface() {
            socket.bind_device(Some(interface.as_bytes()))?;
        }
        let mut stream = socket.connect(first).await?;
        if self.proxy.is_some() {
            pass_on(&mut stream, self.address).await?;
        }
        Ok(stream)
    }
}

impl Connection {
    /// SHA-256 of the certificate by which the other end proved who it is (B-084).
    pub(crate) fn peer(&self) -> [u8; 32] {
        self.peer
    }

    /// Sends one request and reads the whole answer.
    pub(crate) async fn ask(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Trouble> {
        self.ask_within(request, ANSWER_TIMEOUT).await
    }

    /// The same within a time of the caller's.
    pub(crate) async fn ask_within(
        &mut self,
        request: Request<Full<Bytes>>,
        patience: Duration,
    ) -> Result<Answer, Trouble> {
        let exchange = async {
            self.sender.ready().await.map_err(broken)?;
            let response = self.sender.send_request(request).await.map_err(broken)?;
            read(response).await
        };
        timeout(patience, exchange)
            .await
            .map_err(|_| late("answer"))?
    }
}

/// Has a proxy pass the connection on. Its answer is read byte by byte: what follows is the other
/// end's.
async fn pass_on(stream: &mut TcpStream, to: std::net::SocketAddr) -> std::io::Result<()> {
    stream.write_all(connect::request(to).as_bytes()).await?;
    let mut head = Vec::new();
    loop {
        head.push(stream.read_u8().await?);
        match connect::head(&head) {
            Head::Unfinished => {}
            Head::Status(200..=299) => return Ok(()),
            Head::Status(status) => {
                return Err(std::io::Error::other(format!("the proxy answers {status}")));
            }
            Head::Nonsense => return Err(std::io::Error::other("no answer of a proxy")),
        }
    }
}

async fn read<B>(response: Response<B>) -> Result<Answer, Trouble>
where
    B: hyper::body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let header = |name: &str| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let offset = header("upload-offset").and_then(|value| value.parse().ok());
    let stored = header("sekisho-state") == Some("stored");
    let retry_after = header("retry-after")
        .and_then(|value| value.parse().ok())
        .map(Duration::from_secs);
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
        .collect()
        .await;
    let body = body
        .map_err(|error| Trouble::Passing(Failure::because(Problem::FrontUnreachable, "", error)))?
        .to_bytes();
    Ok(Answer {
        status,
        offset,
        stored,
        retry_after,
        body,
    })
}

/// TLS 1.3 that trusts one authority.
fn trusting(authority: &Path) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, Failure> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(authority)? {
        roots
            .add(certificate)
            .map_err(|_| Failure::new(Problem::Key, authority.display().to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| Failure::because(Problem::Key, "TLS", error))?;
    Ok(builder.with_root_certificates(roots))
}

/// That something did not come in time.
pub(crate) fn late(step: &str) -> Trouble {
    Trouble::Passing(Failure::new(
        Problem::FrontUnreachable,
        format!("{step}: no answer in time"),
    ))
}

fn unreachable(error: std::io::Error) -> Trouble {
    Trouble::Passing(Failure::because(
        Problem::FrontUnreachable,
        "connect",
        error,
    ))
}

fn broken(error: hyper::Error) -> Trouble {
    Trouble::Passing(Failure::because(Problem::FrontUnreachable, "HTTP", error))
}

/// A peer that cannot prove who it is will not be able to at the next try either; a connection
/// that broke during the handshake may. What our own key service says is neither.
fn untrusted_or_unreachable(error: std::io::Error) -> Trouble {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(refused) = tls.and_then(keys::refusal_in) {
        let failure = Failure::of_key(refused);
        return match failure.problem().exit_status() {
            75 => Trouble::Passing(failure),
            _ => Trouble::Lasting(failure),
        };
    }
    match tls {
        Some(_) => Trouble::Lasting(Failure::because(Problem::FrontUntrusted, "TLS", error)),
        None => Trouble::Passing(Failure::because(Problem::FrontUnreachable, "TLS", error)),
    }
}
