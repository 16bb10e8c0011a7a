//! What the lines of a device are meant to be: `device.toml`, and the part of `gateway.toml` that
//! says where the centre is. No name service takes part: everything is an address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Most lines of one device.
pub const LINES_MAX: usize = 4;
/// Most networks that one line leads to.
pub const ROUTES_MAX: usize = 16;

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// It is no TOML, a key is unknown, missing or of another type.
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    /// A value that says nothing sensible.
    #[error("{key}: {expected}")]
    Value {
        /// Which.
        key: &'static str,
        /// What stands there instead.
        expected: &'static str,
    },
}

/// `device.toml`: the lines of the device and its time server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// The network ports, 1 to 4, in the order in which they are tested.
    pub lines: Vec<Line>,
    /// The time server.
    pub time: Time,
}

/// One network port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Its interface.
    pub interface: Interface,
    /// How it comes by its address.
    pub addressing: Addressing,
    /// The address, where it is fixed.
    #[serde(default)]
    pub address: Option<Cidr>,
    /// The router beside it, where the address is fixed.
    #[serde(default)]
    pub gateway: Option<IpAddr>,
    /// The networks that this line leads to, 16 at most. Without any it leads everywhere.
    #[serde(default)]
    pub routes: Vec<Cidr>,
}

/// How a port comes by its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Addressing {
    /// A DHCP server of the institution gives one (IPv4).
    Dhcp,
    /// It stands in the settings.
    Fixed,
    /// A router announces it (IPv6 without IPv4).
    Ipv6,
}

/// The time server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Time {
    /// Its address.
    pub server: IpAddr,
    /// Which network it stands in.
    #[serde(default)]
    pub network: Side,
}

/// Which network something stands in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The institution's.
    #[default]
    Institution,
    /// The closed one: it can be asked only when line and tunnel stand.
    Closed,
}

/// The name of an interface: 1 to 15 of `A-Z a-z 0-9 . - _`, and not `lo`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Interface(String);

/// An address with the length of its network's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Cidr {
    /// The address.
    pub ip: IpAddr,
    /// The length.
    pub bits: u8,
}

impl Interface {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Interface {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let fits = (1..=15).contains(&name.len()) && name.bytes().all(allowed);
        // Both name a folder of the kernel and no interface.
        let special = ["lo", ".", ".."].contains(&name.as_str());
        (fits && !special)
            .then_some(Self(name))
            .ok_or("an interface is 1 to 15 of A-Z a-z 0-9 . - _, and not lo")
    }
}

impl TryFrom<String> for Cidr {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let parsed = text.split_once('/').and_then(|(ip, bits)| {
            let ip: IpAddr = ip.parse().ok()?;
            let most = if ip.is_ipv4() { 32 } else { 128 };
            let digits = bits.len() <= 3 && bits.bytes().all(|byte| byte.is_ascii_digit());
            let bits = digits.then(|| bits.parse().ok()).flatten()?;
            (bits <= most).then_some(Self { ip, bits })
        });
        parsed.ok_or("must be ADDRESS/LENGTH, as 192.168.10.50/24")
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.bits)
    }
}

impl Device {
    /// Reads `device.toml`.
    ///
    /// # Errors
    /// It is no such file, or a value says nothing sensible.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let device: Self = toml::from_str(text)?;
        if !(1..=LINES_MAX).contains(&device.lines.len()) {
            return Err(refused("lines", "1 to 4 lines"));
        }
        for (at, line) in device.lines.iter().enumerate() {
            line.check()?;
            let earlier = device.lines.iter().take(at);
            if earlier.clone().any(|it| it.interface == line.interface) {
                return Err(refused("lines.interface", "each interface once"));
            }
        }
        Ok(device)
    }
}

impl Line {
    /// The IPv4 address that it is meant to have.
    pub fn fixed_v4(&self) -> Option<Ipv4Addr> {
        match self.address?.ip {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        }
    }

    fn check(&self) -> Result<(), SettingsError> {
        if self.routes.len() > ROUTES_MAX {
            return Err(refused("lines.routes", "16 at most"));
        }
        match (self.addressing, self.address, self.gateway) {
            (Addressing::Fixed, None, _) => Err(refused("lines.address", "given, where fixed")),
            (Addressing::Fixed, Some(address), gateway) => self.check_fixed(address, gateway),
            (_, None, None) => Ok(()),
            _ => Err(refused("lines.address", "left out, unless fixed")),
        }
    }

    fn check_fixed(&self, address: Cidr, gateway: Option<IpAddr>) -> Result<(), SettingsError> {
        let usable = !address.ip.is_unspecified() && !address.ip.is_multicast();
        if !usable || address.bits == 0 {
            return Err(refused("lines.address", "an address of a host"));
        }
        match gateway {
            None if !self.routes.is_empty() => {
                Err(refused("lines.gateway", "given, where there are routes"))
            }
            Some(it) if it == address.ip || !address.holds(it) => Err(refused(
                "lines.gateway",
                "another address of the same network",
            )),
            _ => Ok(()),
        }
    }
}

impl Cidr {
    /// Whether an address is of this network.
    pub fn holds(self, other: IpAddr) -> bool {
        match (self.ip, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let difference = u32::from(own) ^ u32::from(other);
                difference.leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let difference = u128::from(own) ^ u128::from(other);
                difference.leading_zeros() >= u32::from(self.bits)
            }
            _ => false,
        }
    }
}

fn refused(key: &'static str, expected: &'static str) -> SettingsError {
    SettingsError::Value { key, expected }
}

/// The part of `gateway.toml` that says where the centre is. The gateway checks the whole file;
/// what it holds besides is none of the self-test's business, and skipped.
#[derive(Debug, Clone, Deserialize)]
pub struct Site {
    /// The site that the certificate has to name.
    pub site: String,
    /// The front.
    pub front: Front,
    /// The closed network.
    pub network: Option<Network>,
    /// By what the clock is confirmed.
    #[serde(default)]
    pub clock: Clock,
}

/// The front, as `[front]` names it.
#[derive(Debug, Clone, Deserialize)]
pub struct Front {
    /// Its address.
    pub address: SocketAddr,
    /// The name that its certificate carries.
    pub server_name: String,
    /// The only authority that is trusted.
    pub authority: PathBuf,
    /// The certificate of the device, where its key is a file.
    pub certificate: Option<PathBuf>,
    /// Its private key: a file, or `tpm`, which is the same as none.
    pub private_key: Option<PathBuf>,
    /// The socket of the key service.
    #[serde(default = "key_service")]
    pub key_service: PathBuf,
    /// The kind of closed network.
    pub transport: Transport,
    /// The HTTP proxy that leads there.
    pub proxy: Option<SocketAddr>,
}

fn key_service() -> PathBuf {
    PathBuf::from(tpm::KEY_SERVICE)
}

impl Front {
    /// The files of certificate and key; `None` where the settings name none, because the key is in
    /// the TPM.
    pub fn files(&self) -> Option<[&Path; 2]> {
        let key = self.private_key.as_deref();
        let key = key.filter(|key| key.as_os_str() != "tpm")?;
        Some([self.certificate.as_deref()?, key])
    }
}

/// The closed network, as `[network]` names it.
#[derive(Debug, Clone, Deserialize)]
pub struct Network {
    /// The interface that leads into it.
    pub interface: Interface,
    /// The tunnel.
    pub ipsec: Option<Ipsec>,
}

/// The other end of the tunnel.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Ipsec {
    /// Its address, outside the tunnel.
    pub remote_address: IpAddr,
}

/// The file that the time service touches.
#[derive(Debug, Clone, Deserialize)]
pub struct Clock {
    /// Where it is.
    pub synchronized: PathBuf,
}

impl Default for Clock {
    /// What `systemd-timesyncd` touches.
    fn default() -> Self {
        Self {
            synchronized: PathBuf::from("/run/systemd/timesync/synchronized"),
        }
    }
}

/// The closed networks that the product knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// A leased line.
    LeasedLine,
    /// A closed network of a carrier.
    IpVpn,
    /// IPsec with IKEv2.
    Ipsec,
    /// For laboratories.
    Wireguard,
    /// For laboratories.
    Laboratory,
}

impl Site {
    /// Reads the part from the whole `gateway.toml`.
    ///
    /// # Errors
    /// The part is not there or not of its form.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        Ok(toml::from_str(text)?)
    }

    /// Whether a tunnel has to stand on the line.
    pub fn has_tunnel(&self) -> bool {
        let named = self.network.as_ref().is_some_and(|it| it.ipsec.is_some());
        named
            || matches!(
                self.front.transport,
                Transport::Ipsec | Transport::Wireguard
            )
    }

    /// What the line itself has to lead to: the other end of the tunnel, the proxy or the front.
    pub fn beyond_line(&self) -> IpAddr {
        let ipsec = self.network.as_ref().and_then(|network| network.ipsec);
        let proxy = self.front.proxy.map(|proxy| proxy.ip());
        ipsec
            .map(|ipsec| ipsec.remote_address)
            .or(proxy)
            .unwrap_or(self.front.address.ip())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../../config/examples/device.toml");
    const GATEWAY: &str = include_str!("../../../config/examples/gateway.toml");

    #[test]
    fn the_example_files_are_read() {
        let device = Device::parse(EXAMPLE).unwrap();
        assert_eq!(device.lines.len(), 1);
        assert_eq!(device.lines[0].addressing, Addressing::Dhcp);
        let site = Site::parse(GATEWAY).unwrap();
        assert_eq!(site.front.transport, Transport::IpVpn);
        assert!(!site.has_tunnel());
        assert_eq!(site.beyond_line(), site.front.address.ip());
    }

    /// B-115: with the key in the TPM there are no files; the line is given otherwise.
    #[test]
    fn files_of_the_line_are_those_of_a_key_in_a_file() {
        let mut front = Site::parse(GATEWAY).unwrap().front;
        assert_eq!(front.files(), None);
        front.certificate = Some(PathBuf::from("/c"));
        assert_eq!(front.files(), None);
        front.private_key = Some(PathBuf::from("/k"));
        assert_eq!(front.files(), Some([Path::new("/c"), Path::new("/k")]));
    }

    /// Every setting that the example shows behind `#` is read as well.
    #[test]
    fn what_the_example_leaves_out_is_read_where_it_is_taken_in() {
        let whole: String = EXAMPLE
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line).to_owned() + "\n")
            .collect();
        let device = Device::parse(&whole).unwrap();
        assert_eq!(device.lines.len(), 3);
        assert_eq!(device.lines[1].addressing, Addressing::Fixed);
        assert_eq!(device.lines[2].addressing, Addressing::Ipv6);
    }

    #[test]
    fn lines_that_cannot_be_are_refused_by_their_key() {
        let file = |line: &str| format!("[[lines]]\n{line}\n[time]\nserver = \"192.0.2.1\"\n");
        for (line, key) in [
            ("interface = \"lo\"\naddressing = \"dhcp\"", "interface"),
            ("interface = \"a/b\"\naddressing = \"dhcp\"", "interface"),
            ("interface = \"..\"\naddressing = \"dhcp\"", "interface"),
            ("interface = \"lan0\"\naddressing = \"bootp\"", "addressing"),
            (
                "interface = \"lan0\"\naddressing = \"fixed\"",
                "lines.address",
            ),
            (
                "interface = \"lan0\"\naddressing = \"dhcp\"\naddress = \"10.0.0.1/8\"",
                "lines.address",
            ),
            (
                "interface = \"lan0\"\naddressing = \"fixed\"\naddress = \"10.0.0.1/33\"",
                "address",
            ),
            (
                "interface = \"lan0\"\naddressing = \"fixed\"\naddress = \"10.0.0.1/24\"\n\
                 gateway = \"10.0.1.1\"",
                "lines.gateway",
            ),
            (
                "interface = \"lan0\"\naddressing = \"fixed\"\naddress = \"10.0.0.1/24\"\n\
                 gateway = \"10.0.0.1\"",
                "lines.gateway",
            ),
            (
                "interface = \"lan0\"\naddressing = \"fixed\"\naddress = \"10.0.0.1/24\"\n\
                 routes = [\"10.9.0.0/16\"]",
                "lines.gateway",
            ),
            (
                "interface = \"lan0\"\naddressing = \"dhcp\"\ndns = 1",
                "dns",
            ),
            (
                "interface = \"lan0\"\naddressing = \"dhcp\"\n[[lines]]\n\
                 interface = \"lan0\"\naddressing = \"dhcp\"",
                "lines.interface",
            ),
        ] {
            let error = Device::parse(&file(line)).unwrap_err().to_string();
            assert!(error.contains(key), "{line}: {error}");
        }
        let many: String = (0..5)
            .map(|at| format!("[[lines]]\ninterface = \"lan{at}\"\naddressing = \"dhcp\"\n"))
            .collect();
        let error = Device::parse(&(many + "[time]\nserver = \"192.0.2.1\"\n"));
        assert!(error.unwrap_err().to_string().contains("1 to 4"));
    }

    #[test]
    fn a_network_holds_its_own_addresses() {
        let cidr = |text: &str| Cidr::try_from(text.to_owned()).unwrap();
        for (network, address, holds) in [
            ("192.168.10.50/24", "192.168.10.1", true),
            ("192.168.10.50/24", "192.168.11.1", false),
            ("192.168.10.50/32", "192.168.10.51", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("2001:db8::1/64", "2001:db8::ffff", true),
            ("2001:db8::1/64", "2001:db8:0:1::1", false),
            ("2001:db8::1/64", "192.168.10.1", false),
        ] {
            let held = cidr(network).holds(address.parse().unwrap());
            assert_eq!(held, holds, "{network} {address}");
        }
    }
}
