//! The closed network that a batch may leave by, as the device can check it.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

use crate::SettingsError;
use crate::error::range;
use crate::gateway::Transport;

/// The interface of the closed network and what else the device may call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// The interface that leads into the closed network; connections to the centre are bound to it.
    pub interface: String,
    /// That this is a laboratory: only then may the transport be `wireguard`.
    #[serde(default)]
    pub laboratory: bool,
    /// What the device may call besides the centre, for the firewall: storage, index database,
    /// time server; each `tcp ADDRESS:PORT` or `udp ADDRESS:PORT`, at most 64.
    #[serde(default)]
    pub local: Vec<Local>,
    /// The tunnel, for `ipsec`.
    #[serde(default)]
    pub ipsec: Option<Ipsec>,
}

/// An IPsec tunnel with IKEv2, kept by strongSwan.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ipsec {
    /// The VPN gateway of the centre, outside the tunnel.
    pub remote_address: IpAddr,
    /// Identity in its certificate.
    pub remote_id: Identity,
    /// Identity in the device's certificate.
    pub local_id: Identity,
    /// The address of the device inside the tunnel.
    pub local_inner: IpAddr,
}

/// Something that the device may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Local {
    /// By which protocol.
    pub protocol: Protocol,
    /// Where.
    pub address: SocketAddr,
}

/// The protocols of [`Local`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `tcp`
    Tcp,
    /// `udp`
    Udp,
}

impl Protocol {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// An IKE identity: 1 to 128 ASCII letters, digits, `.`, `-`, `_`, `@` and `:`. Nothing in it can
/// end the line of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Identity(String);

impl Identity {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Identity {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_@:".contains(&byte);
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(allowed);
        fits.then_some(Self(text))
            .ok_or("an identity is 1 to 128 of A-Z a-z 0-9 . - _ @ :")
    }
}

impl TryFrom<String> for Local {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let parsed = text.split_once(' ').and_then(|(protocol, address)| {
            let known = [Protocol::Tcp, Protocol::Udp];
            let protocol = known.into_iter().find(|known| known.as_str() == protocol)?;
            let address = address.parse().ok()?;
            Some(Self { protocol, address })
        });
        parsed.ok_or("must be `tcp ADDRESS:PORT` or `udp ADDRESS:PORT`")
    }
}

impl Network {
    /// Whether a kernel can have an interface of that name.
    fn check(&self) -> Result<(), SettingsError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let name = &self.interface;
        let fits = (1..=15).contains(&name.len()) && name.bytes().all(allowed);
        if !fits || name == "lo" {
            return Err(SettingsError::Range {
                key: "network.interface",
                value: name.clone(),
                expected: "1 to 15 of A-Z a-z 0-9 . - _, and not lo".to_owned(),
            });
        }
        range("network.local", self.local.len() as u64, 0, 64)
    }
}

/// A closed network has to be named, and WireGuard is for the laboratory.
pub(crate) fn check(network: Option<&Network>, transport: Transport) -> Result<(), SettingsError> {
    let refused = |key, value: &str, expected: &str| {
        Err(SettingsError::Range {
            key,
            value: value.to_owned(),
            expected: expected.to_owned(),
        })
    };
    let Some(network) = network else {
        return match transport {
            Transport::Laboratory => Ok(()),
            _ => refused(
                "network.interface",
                "",
                "given, unless the transport is laboratory",
            ),
        };
    };
    network.check()?;
    match transport {
        Transport::Wireguard if !network.laboratory => {
            let expected = "given together with network.laboratory = true";
            refused("front.transport", "wireguard", expected)
        }
        Transport::Ipsec if network.ipsec.is_none() => {
            refused("network.ipsec", "", "given where the transport is ipsec")
        }
        _ => Ok(()),
    }
}
