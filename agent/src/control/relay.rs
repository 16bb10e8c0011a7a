//! Our own TLS under the MQTT client (decision 0004): the client speaks to a socket in a private
//! folder, and what it says goes over a mutually authenticated TLS 1.3 connection to the broker.

use std::fs;
use std::io::{self, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use keys::DeviceKey;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpSocket, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::error::ControlError;
use crate::settings::Broker;

const CONNECT_PATIENCE: Duration = Duration::from_secs(20);

/// Where the broker is and how it is known.
#[derive(Clone)]
pub(crate) struct Line {
    address: SocketAddr,
    interface: Option<String>,
    name: ServerName<'static>,
    connector: TlsConnector,
}

impl Line {
    /// With the device's own certificate and key, PEM, and the service that uses a key in the TPM.
    ///
    /// # Errors
    /// A file cannot be used.
    pub(crate) fn new(
        broker: &Broker,
        certificate: &Path,
        key: &Path,
        service: &Path,
    ) -> Result<Self, ControlError> {
        let chain = certificates(certificate, "certificate")?;
        let text = fs::read(key).map_err(|error| ControlError::Key(Some(error.into()), "key"))?;
        let own = DeviceKey::from_pem(&text, service).and_then(|key| key.with(chain));
        let own = own.map_err(|_| ControlError::Key(None, "key"))?;
        let mut roots = RootCertStore::empty();
        for authority in certificates(&broker.authority, "broker.authority")? {
            let added = roots.add(authority);
            added.map_err(|_| ControlError::Key(None, "broker.authority"))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = |error: rustls::Error| ControlError::Key(Some(error.into()), "certificate");
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(tls)?
            .with_root_certificates(roots)
            .with_client_cert_resolver(own);
        let name = ServerName::try_from(broker.server_name.clone())
            .map_err(|_| ControlError::Settings(None, "broker.server_name".to_owned()))?;
        Ok(Self {
            address: broker.address,
            interface: broker.interface.clone(),
            name,
            connector: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Opens a connection that the kernel lets out by the closed network only, and proves both
    /// ends.
    async fn open(&self) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let socket = match self.address.is_ipv4() {
            true => TcpSocket::new_v4()?,
            false => TcpSocket::new_v6()?,
        };
        if let Some(interface) = &self.interface {
            socket.bind_device(Some(interface.as_bytes()))?;
        }
        let stream = socket.connect(self.address).await?;
        stream.set_nodelay(true)?;
        self.connector.connect(self.name.clone(), stream).await
    }

    async fn carry(&self, mut client: UnixStream) -> io::Result<()> {
        let opened = timeout(CONNECT_PATIENCE, self.open()).await;
        let mut broker = opened.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        copy_bidirectional(&mut client, &mut broker).await?;
        Ok(())
    }
}

fn certificates(
    path: &Path,
    name: &'static str,
) -> Result<Vec<CertificateDer<'static>>, ControlError> {
    let unusable = || ControlError::Key(None, name);
    let file = fs::File::open(path).map_err(|error| ControlError::Key(Some(error.into()), name))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_reader_iter(BufReader::new(file)).collect();
    let read = read.map_err(|_| unusable())?;
    (!read.is_empty()).then_some(read).ok_or_else(unusable)
}

/// One call to the broker: a socket that the MQTT client connects to once.
pub(crate) struct Call {
    pub(crate) socket: PathBuf,
    carrying: JoinHandle<io::Result<()>>,
}

impl Call {
    /// Begins to listen. The folder is readable for this program only.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub(crate) fn begin(line: Line, folder: &Path) -> io::Result<Self> {
        let socket = folder.join("mqtt");
        match fs::remove_file(&socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&socket)?;
        let carrying = tokio::spawn(async move {
            let (client, _) = listener.accept().await?;
            line.carry(client).await
        });
        Ok(Self { socket, carrying })
    }

    /// Why the line broke, if it did so by itself.
    pub(crate) async fn end(self) -> Option<io::Error> {
        if !self.carrying.is_finished() {
            self.carrying.abort();
        }
        self.carrying.await.ok()?.err()
    }
}
