//! The way to the front: a connection by the interface of the closed network, through the proxy
//! where there is one, TLS 1.3 with our certificate, and the question after its health.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::socket::sockopt::{BindToDevice, SendTimeout, TcpMaxSeg};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, connect, setsockopt, socket,
};
use nix::sys::time::TimeVal;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, ClientConfig, ClientConnection, Stream};
use selftest::connect::{HEAD_MAX, Head};
use selftest::seen::{Centre, Proxy};
use selftest::settings::Site;
use selftest::{connect as http_connect, health};

use crate::certificate::Identity;

const CONNECT_SECONDS: i64 = 5;
const EXCHANGE: Duration = Duration::from_secs(8);
/// Largest segment that passes on any line.
const SMALL_SEGMENT: u32 = 536;

/// Where a connection goes.
#[derive(Clone, Copy)]
struct Target<'a> {
    front: SocketAddr,
    proxy: Option<SocketAddr>,
    interface: Option<&'a str>,
    small: bool,
}

impl<'a> Target<'a> {
    fn of(site: &'a Site) -> Self {
        Self {
            front: site.front.address,
            proxy: site.front.proxy,
            interface: site
                .network
                .as_ref()
                .map(|network| network.interface.as_str()),
            small: false,
        }
    }

    /// Opens the connection, up to the proxy where there is one.
    fn open(self) -> io::Result<Timed> {
        let to = self.proxy.unwrap_or(self.front);
        let family = match to {
            SocketAddr::V4(_) => AddressFamily::Inet,
            SocketAddr::V6(_) => AddressFamily::Inet6,
        };
        let socket = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        if let Some(interface) = self.interface {
            setsockopt(&socket, BindToDevice, &OsString::from(interface))?;
        }
        if self.small {
            setsockopt(&socket, TcpMaxSeg, &SMALL_SEGMENT)?;
        }
        // On Linux this bounds the connecting as well.
        setsockopt(&socket, SendTimeout, &TimeVal::new(CONNECT_SECONDS, 0))?;
        connect(socket.as_raw_fd(), &SockaddrStorage::from(to))?;
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        Ok(Timed {
            stream,
            until: Instant::now() + EXCHANGE,
        })
    }
}

/// A connection on which nothing is waited for beyond a moment, however slowly it drips.
struct Timed {
    stream: TcpStream,
    until: Instant,
}

impl Timed {
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        match left.is_zero() {
            true => Err(ErrorKind::TimedOut.into()),
            false => Ok(left),
        }
    }
}

fn late(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
        _ => error,
    }
}

impl Read for Timed {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(bytes).map_err(late)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes).map_err(late)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Asks the proxy, where there is one, to pass a connection on to the front.
pub(crate) fn proxy(site: &Site) -> Option<Proxy> {
    let target = Target::of(site);
    target.proxy?;
    let asked = target
        .open()
        .and_then(|mut way| ask_proxy(&mut way, target.front));
    Some(asked.map_or(Proxy::Mute, Proxy::Status))
}

fn ask_proxy(way: &mut Timed, front: SocketAddr) -> io::Result<u16> {
    way.write_all(http_connect::request(front).as_bytes())?;
    let mut head = Vec::new();
    while head.len() < HEAD_MAX {
        let mut byte = [0];
        way.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
        match http_connect::head(&head) {
            Head::Unfinished => {}
            Head::Status(status) => return Ok(status),
            Head::Nonsense => break,
        }
    }
    Err(io::Error::other("no answer of a proxy"))
}

/// Asks the front how it is. Where the connection stands and nothing comes, once more with small
/// packets.
pub(crate) fn look(site: &Site, identity: Identity) -> Centre {
    let name = ServerName::try_from(site.front.server_name.clone());
    let (Ok(tls), Ok(name)) = (identity.tls(), name) else {
        return Centre::Broken;
    };
    let tls = Arc::new(tls);
    let target = Target::of(site);
    match ask(target, &tls, &name) {
        Centre::Stalled { .. } => {
            let small = Target {
                small: true,
                ..target
            };
            let small = ask(small, &tls, &name);
            let small_passes = matches!(small, Centre::Status { .. });
            Centre::Stalled { small_passes }
        }
        seen => seen,
    }
}

fn ask(target: Target<'_>, tls: &Arc<ClientConfig>, name: &ServerName<'static>) -> Centre {
    let mut way = match target.open() {
        Ok(way) => way,
        Err(_) if target.proxy.is_some() => return Centre::ProxyGone,
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => return Centre::Refused,
        Err(_) => return Centre::Unreachable,
    };
    if target.proxy.is_some() && !matches!(ask_proxy(&mut way, target.front), Ok(200..=299)) {
        return Centre::ProxyGone;
    }
    match exchange(way, tls, name) {
        Ok(answer) => health::answer(&answer)
            .map_or(Centre::Broken, |(code, well)| Centre::Status { code, well }),
        Err(error) => failed(&error),
    }
}

fn exchange(
    mut way: Timed,
    tls: &Arc<ClientConfig>,
    name: &ServerName<'static>,
) -> io::Result<Vec<u8>> {
    let opened = ClientConnection::new(Arc::clone(tls), name.clone());
    let mut connection = opened.map_err(io::Error::other)?;
    let mut stream = Stream::new(&mut connection, &mut way);
    let host = name.to_str();
    stream.write_all(health::request(&host).as_bytes())?;
    let mut answer = Vec::new();
    let read = stream
        .take(health::ANSWER_MAX as u64)
        .read_to_end(&mut answer);
    match read {
        // The end may come without a farewell; what was read says whether it was whole.
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(answer),
    }
}

fn failed(error: &io::Error) -> Centre {
    use rustls::Error::{
        AlertReceived, InvalidCertificate, InvalidMessage, NoCertificatesPresented,
        PeerIncompatible,
    };
    let tls = error.get_ref();
    match tls.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(InvalidCertificate(_) | NoCertificatesPresented | PeerIncompatible(_)) => {
            Centre::Foreign
        }
        Some(InvalidMessage(_)) => Centre::NotTls,
        Some(AlertReceived(alert)) if of_our_certificate(*alert) => Centre::DeviceRefused,
        Some(AlertReceived(AlertDescription::ProtocolVersion)) => Centre::Foreign,
        Some(_) => Centre::Broken,
        None if error.kind() == ErrorKind::TimedOut => Centre::Stalled {
            small_passes: false,
        },
        None => Centre::Broken,
    }
}

/// The words by which a server says that it does not take a client's certificate.
fn of_our_certificate(alert: AlertDescription) -> bool {
    use AlertDescription as Alert;
    matches!(
        alert,
        Alert::AccessDenied
            | Alert::BadCertificate
            | Alert::CertificateExpired
            | Alert::CertificateRequired
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::UnsupportedCertificate
    )
}
