//! What was observed of a device and its lines.

use std::net::IpAddr;

use crate::dhcp::Offer;
use crate::ntp;

/// One interface, as the kernel tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Switched on.
    pub up: bool,
    /// With a carrier; for a tunnel, that it stands.
    pub running: bool,
    /// What made it; none for a network card.
    pub kind: Option<String>,
    /// Whether packets are forwarded from it.
    pub forwards: bool,
}

/// One address of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// Which.
    pub ip: IpAddr,
    /// Whether the kernel found that somebody else has it (IPv6).
    pub duplicate: bool,
    /// Whether it is in use: no longer being examined.
    pub ready: bool,
    /// Whether it is for more than this one wire.
    pub global: bool,
}

/// What was seen of the address of one line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    /// What the interface has.
    pub own: Vec<Address>,
    /// Whether a route leads through the interface, beside that to its own wire.
    pub routed: bool,
    /// Whether somebody else answers for our IPv4 address.
    pub taken: bool,
    /// Whether the router answers; `None` where it was not asked.
    pub router_answers: Option<bool>,
    /// What DHCP servers would give.
    pub offers: Vec<Offer>,
}

/// What was seen of the time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Time {
    /// What the time server answered.
    pub answer: Option<ntp::Answer>,
    /// Whether the time service has confirmed the clock lately.
    pub confirmed: bool,
}

/// What was seen of the way to the centre.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Way {
    /// All interfaces.
    pub links: Vec<Link>,
    /// The interface by which the kernel would reach what the line leads to.
    pub route: Option<u32>,
    /// What the proxy said to CONNECT; `None` where there is none.
    pub proxy: Option<Proxy>,
}

/// What a proxy said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxy {
    /// Nothing that could be understood.
    Mute,
    /// This status of HTTP.
    Status(u16),
}

/// What was seen of the device's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificate {
    /// There is no file of it or of its key.
    Missing,
    /// It is none.
    Unreadable,
    /// The authority's certificate is none.
    AuthorityUnusable,
    /// It was read.
    Read(CertificateFacts),
}

/// What stands in a certificate. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// It holds from here.
    pub not_before: i64,
    /// It holds up to here.
    pub not_after: i64,
    /// The site that it names.
    pub site: Option<String>,
    /// Its private key.
    pub key: Key,
}

/// What was seen of the private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// It is the certificate's, and can be used.
    Fits,
    /// It is not the certificate's.
    OfOther,
    /// It is in the TPM, which cannot be asked.
    Away,
    /// It was in the TPM before that was cleared, or is in another's.
    Foreign,
}

/// What was seen of the centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Centre {
    /// No connection in time, or no way.
    Unreachable,
    /// The connection was refused.
    Refused,
    /// The proxy, which passed a connection on before, does not now.
    ProxyGone,
    /// What answers speaks no TLS.
    NotTls,
    /// What answers cannot prove to be the centre.
    Foreign,
    /// The centre does not take our certificate.
    DeviceRefused,
    /// The connection stood and nothing came.
    Stalled {
        /// Whether the same with small packets gets an answer.
        small_passes: bool,
    },
    /// The connection broke, or what came is no answer.
    Broken,
    /// An answer with this status of HTTP.
    Status {
        /// The status.
        code: u16,
        /// Whether it says that all is well.
        well: bool,
    },
}
