//! The networks that a box may be plugged into, and what its self-test has to say.

use std::fs;
use std::path::{Path, PathBuf};

use harness::pki::{Authority, FRONT_NAME};

use crate::lan::{FRONT, Lan, SITE};

/// One network.
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    /// What the self-test has to say; 0 when all is well.
    pub(crate) code: u16,
    /// The lines of `device.toml`.
    pub(crate) lines: &'static str,
    /// The beginning of the address that the box has to have before it is tested.
    pub(crate) address: Option<&'static str>,
    /// What is in the network.
    pub(crate) world: fn(&mut Lan<'_>),
}

pub(crate) const DHCP: &str = "[[lines]]\ninterface = \"lan0\"\naddressing = \"dhcp\"\n";
const IPV6: &str = "[[lines]]\ninterface = \"lan0\"\naddressing = \"ipv6\"\n";
const FIXED: &str = "[[lines]]\ninterface = \"lan0\"\naddressing = \"fixed\"\n\
    address = \"192.168.10.50/24\"\ngateway = \"192.168.10.1\"\n";
pub(crate) const TIME: &str = "[time]\nserver = \"192.168.10.1\"\n";
const RANGE: &str = "--dhcp-range=192.168.10.100,192.168.10.120,1h";

impl Scene {
    pub(crate) fn device(&self) -> String {
        format!("{}{TIME}", self.lines)
    }
}

const fn scene(
    name: &'static str,
    code: u16,
    lines: &'static str,
    address: Option<&'static str>,
    world: fn(&mut Lan<'_>),
) -> Scene {
    Scene {
        name,
        code,
        lines,
        address,
        world,
    }
}

/// A clinic as it should be.
pub(crate) fn well(lan: &mut Lan<'_>) {
    lan.dhcp("rt", "up0", RANGE);
    lan.real_front();
}

/// The same, and no time service has confirmed the clock.
fn unconfirmed(lan: &mut Lan<'_>) {
    well(lan);
    let nowhere = lan.folder.join("never").display().to_string();
    lan.set("clock.synchronized", &format!("\"{nowhere}\""));
}

/// A proxy on the router, which passes nothing on itself.
pub(crate) fn behind_proxy(lan: &mut Lan<'_>, settings: &str) {
    well(lan);
    lan.shell("rt", "echo 0 > /proc/sys/net/ipv4/ip_forward");
    lan.set("front.proxy", "\"192.168.10.1:3128\"");
    let file = lan.folder.join("proxy.conf");
    let text = format!("Port 3128\nListen 192.168.10.1\nTimeout 60\nMaxClients 10\n{settings}\n");
    fs::write(&file, text).unwrap();
    lan.start("rt", &format!("tinyproxy -d -c {}", file.display()));
    lan.shell(
        "rt",
        "for i in $(seq 100); do ss -ltn | grep -q :3128 && exit; sleep 0.1; done; exit 1",
    );
}

/// Whatever goes to the front's port arrives at the router itself.
fn intercept(lan: &mut Lan<'_>, port: u16) {
    lan.rules("rt", &format!(
        "table ip catch {{ chain in {{ type nat hook prerouting priority -100; iifname \"up0\" tcp dport 8443 redirect to :{port}; }} }}"
    ));
}

/// A front with a certificate of another authority for the same name.
fn foreign_front(lan: &Lan<'_>) -> PathBuf {
    let folder = lan.folder.join("foreign");
    fs::create_dir_all(&folder).unwrap();
    let (certificate, key) = (folder.join("front.pem"), folder.join("front.key"));
    let other = Authority::open(&folder).unwrap();
    other.issue_server(FRONT_NAME, &certificate, &key).unwrap();
    let text = fs::read_to_string(&lan.centre.deployment.front_config).unwrap();
    let mut settings: toml::Table = text.parse().unwrap();
    let tls = settings["tls"].as_table_mut().unwrap();
    for (name, path) in [("certificate", &certificate), ("private_key", &key)] {
        tls.insert(name.to_owned(), path.to_str().unwrap().into());
    }
    let config = folder.join("front.toml");
    fs::write(&config, toml::to_string(&settings).unwrap()).unwrap();
    config
}

/// The box has these files for certificate and key.
fn certified(lan: &mut Lan<'_>, certificate: &Path, key: &Path) {
    for (name, path) in [("certificate", certificate), ("private_key", key)] {
        lan.set(&format!("front.{name}"), &format!("\"{}\"", path.display()));
    }
}

/// A certificate that names a site and ends on the first day of a year.
fn self_made(lan: &Lan<'_>, site: &str, ends: i32) -> (PathBuf, PathBuf) {
    let mut asked = rcgen::CertificateParams::default();
    let name = format!("urn:sekisho:site:{site}");
    asked.subject_alt_names = vec![rcgen::SanType::URI(name.try_into().unwrap())];
    asked.not_before = rcgen::date_time_ymd(2026, 1, 1);
    asked.not_after = rcgen::date_time_ymd(ends, 2, 1);
    let pair = rcgen::KeyPair::generate().unwrap();
    let certificate = asked.self_signed(&pair).unwrap();
    let (at, key) = (lan.folder.join("own.pem"), lan.folder.join("own.key"));
    fs::write(&at, certificate.pem()).unwrap();
    fs::write(&key, pair.serialize_pem()).unwrap();
    (at, key)
}

/// An interface in the place of the tunnel's.
fn tunnel(lan: &mut Lan<'_>) {
    well(lan);
    lan.set("front.transport", "\"laboratory\"");
    lan.set("network.interface", "\"ipsec0\"");
    lan.set("network.ipsec.remote_address", "\"100.64.0.1\"");
}

/// C-03: the networks that were thought of, by the code that their fault has to have.
pub(crate) const SCENES: &[Scene] = &[
    scene("a clinic with DHCP, behind two NATs", 0, DHCP, None, well),
    scene("a fixed address", 0, FIXED, None, |lan| lan.real_front()),
    scene("a line with IPv6 alone", 0, IPV6, None, |lan| {
        lan.v6();
        lan.dhcp("rt", "up0", "--enable-ra --dhcp-range=2001:db8:1::,ra-only");
        lan.real_front();
    }),
    scene("a proxy is the only way out", 0, DHCP, None, |lan| {
        behind_proxy(lan, "ConnectPort 8443");
    }),
    scene("DHCP names a dead name server", 0, DHCP, None, |lan| {
        lan.dhcp("rt", "up0", &format!("{RANGE} --dhcp-option=6,192.0.2.53"));
        lan.real_front();
    }),
    scene(
        "there is no such port",
        1001,
        "[[lines]]\ninterface = \"lan7\"\naddressing = \"dhcp\"\n",
        None,
        |_| {},
    ),
    scene(
        "nobody has switched the port on",
        1002,
        "[[lines]]\ninterface = \"off0\"\naddressing = \"dhcp\"\n",
        None,
        |lan| {
            // Not an interface of the files that networkd was given.
            lan.ip(
                "box",
                &[
                    "link", "add", "off0", "type", "veth", "peer", "name", "off1",
                ],
            );
        },
    ),
    scene("no cable", 1003, DHCP, None, |lan| {
        lan.ip("sw", &["link", "set", "p0", "down"]);
    }),
    scene("the DHCP server is silent", 2001, DHCP, None, |_| {}),
    scene(
        "the fixed address is somebody else's",
        2003,
        FIXED,
        None,
        |lan| {
            lan.ip("nb", &["addr", "add", "192.168.10.50/24", "dev", "nb0"]);
        },
    ),
    scene(
        "the fixed address was changed and not written",
        2004,
        FIXED,
        Some("192.168.10.50"),
        |_| {},
    ),
    scene(
        "the fixed gateway is nobody's",
        2005,
        "[[lines]]\ninterface = \"lan0\"\naddressing = \"fixed\"\naddress = \"192.168.10.50/24\"\ngateway = \"192.168.10.254\"\n",
        Some("192.168.10.50"),
        |_| {},
    ),
    scene(
        "the fixed address is of another network",
        2005,
        "[[lines]]\ninterface = \"lan0\"\naddressing = \"fixed\"\naddress = \"192.168.1.50/24\"\ngateway = \"192.168.1.1\"\n",
        Some("192.168.1.50"),
        |_| {},
    ),
    scene("no router announces IPv6", 2006, IPV6, None, |_| {}),
    scene(
        "two DHCP servers contradict each other",
        2007,
        DHCP,
        Some("192.168.10."),
        |lan| {
            lan.dhcp("rt", "up0", RANGE);
            lan.dhcp("nb", "nb0", "--dhcp-range=192.168.10.200,192.168.10.210,1h");
        },
    ),
    scene(
        "DHCP gives no router",
        2008,
        DHCP,
        Some("192.168.10."),
        |lan| {
            lan.dhcp("rt", "up0", &format!("{RANGE} --dhcp-option=3"));
        },
    ),
    scene(
        "the time server is blocked",
        3001,
        DHCP,
        Some("192.168.10."),
        |lan| {
            unconfirmed(lan);
            lan.chrony("", "'local stratum 8'");
            lan.rules("rt", "table ip t { chain in { type filter hook input priority 0; udp dport 123 drop; } }");
        },
    ),
    scene(
        "the time server does not know the time",
        3002,
        DHCP,
        Some("192.168.10."),
        |lan| {
            unconfirmed(lan);
            lan.chrony("", "");
        },
    ),
    scene(
        "the clock is an hour off",
        3003,
        DHCP,
        Some("192.168.10."),
        |lan| {
            unconfirmed(lan);
            lan.chrony("faketime -f +1h", "'local stratum 8'");
        },
    ),
    scene(
        "the time service has not confirmed the clock",
        3004,
        DHCP,
        Some("192.168.10."),
        |lan| {
            unconfirmed(lan);
            lan.chrony("", "'local stratum 8'");
        },
    ),
    scene(
        "the line's own port is not there",
        4001,
        DHCP,
        Some("192.168.10."),
        |lan| {
            well(lan);
            lan.set("network.interface", "\"wan0\"");
        },
    ),
    scene(
        "the line's own port has no carrier",
        4002,
        DHCP,
        Some("192.168.10."),
        |lan| {
            well(lan);
            lan.ip(
                "box",
                &[
                    "link", "add", "wan0", "type", "veth", "peer", "name", "wan1",
                ],
            );
            lan.ip("box", &["link", "set", "wan0", "up"]);
            lan.set("network.interface", "\"wan0\"");
        },
    ),
    scene(
        "there is no way to the centre",
        4003,
        "[[lines]]\ninterface = \"lan0\"\naddressing = \"fixed\"\naddress = \"192.168.10.50/24\"\n",
        Some("192.168.10.50"),
        |_| {},
    ),
    scene(
        "the way leads by another port than the line's",
        4004,
        DHCP,
        Some("192.168.10."),
        |lan| {
            well(lan);
            for (port, other) in [("wan0", "wan1")] {
                lan.ip(
                    "box",
                    &["link", "add", port, "type", "veth", "peer", "name", other],
                );
                lan.ip("box", &["link", "set", port, "up"]);
                lan.ip("box", &["link", "set", other, "up"]);
            }
            lan.set("network.interface", "\"wan0\"");
        },
    ),
    scene(
        "the port is of another kind than the contract",
        4005,
        DHCP,
        Some("192.168.10."),
        |lan| {
            well(lan);
            lan.ip("box", &["tuntap", "add", "dev", "wan0", "mode", "tun"]);
            lan.set("network.interface", "\"wan0\"");
        },
    ),
    scene(
        "the box would forward",
        4006,
        DHCP,
        Some("192.168.10."),
        |lan| {
            well(lan);
            lan.ip(
                "box",
                &[
                    "link", "add", "wan0", "type", "veth", "peer", "name", "wan1",
                ],
            );
            lan.shell("box", "echo 1 > /proc/sys/net/ipv4/conf/wan0/forwarding");
        },
    ),
    scene(
        "the proxy is gone",
        4007,
        DHCP,
        Some("192.168.10."),
        |lan| {
            well(lan);
            lan.set("front.proxy", "\"192.168.10.1:3128\"");
        },
    ),
    scene(
        "the proxy refuses",
        4008,
        DHCP,
        Some("192.168.10."),
        |lan| {
            behind_proxy(lan, "ConnectPort 443");
        },
    ),
    scene(
        "the proxy asks for a password",
        4009,
        DHCP,
        Some("192.168.10."),
        |lan| {
            behind_proxy(lan, "ConnectPort 8443\nBasicAuth user secret");
        },
    ),
    scene(
        "large packets vanish",
        4011,
        DHCP,
        Some("192.168.10."),
        |lan| {
            well(lan);
            lan.rules("nw", "table ip hole { chain f { type filter hook forward priority 0; ip length > 1300 drop; } }");
        },
    ),
    scene(
        "there is no tunnel",
        5001,
        DHCP,
        Some("192.168.10."),
        tunnel,
    ),
    scene(
        "the tunnel is down",
        5002,
        DHCP,
        Some("192.168.10."),
        |lan| {
            tunnel(lan);
            lan.ip("box", &["tuntap", "add", "dev", "ipsec0", "mode", "tun"]);
        },
    ),
    scene(
        "the way leads beside the tunnel",
        5003,
        DHCP,
        Some("192.168.10."),
        |lan| {
            tunnel(lan);
            lan.ip(
                "box",
                &[
                    "link", "add", "ipsec0", "type", "veth", "peer", "name", "ipsec1",
                ],
            );
            for end in ["ipsec0", "ipsec1"] {
                lan.ip("box", &["link", "set", end, "up"]);
            }
        },
    ),
    scene(
        "the box is not enrolled",
        6001,
        DHCP,
        Some("192.168.10."),
        |lan| {
            well(lan);
            let none = lan.folder.join("none");
            certified(lan, &none, &none);
        },
    ),
    scene(
        "the certificate is damaged",
        6002,
        DHCP,
        Some("192.168.10."),
        |lan| {
            well(lan);
            let (_, key) = self_made(lan, SITE, 2040);
            let damaged = lan.folder.join("damaged.pem");
            fs::write(
                &damaged,
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            )
            .unwrap();
            certified(lan, &damaged, &key);
        },
    ),
    scene(
        "the certificate has expired",
        6004,
        DHCP,
        Some("192.168.10."),
        |lan| {
            well(lan);
            let (certificate, key) = self_made(lan, SITE, 2026);
            certified(lan, &certificate, &key);
        },
    ),
    scene(
        "the certificate is another site's",
        6005,
        DHCP,
        Some("192.168.10."),
        |lan| {
            well(lan);
            let (certificate, key) = self_made(lan, "CLINIC-2", 2040);
            certified(lan, &certificate, &key);
        },
    ),
    scene(
        "the key is another's",
        6006,
        DHCP,
        Some("192.168.10."),
        |lan| {
            well(lan);
            let (certificate, _) = self_made(lan, SITE, 2040);
            let key = lan.folder.join("other.key");
            fs::write(&key, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
            certified(lan, &certificate, &key);
        },
    ),
    scene(
        "nothing answers behind the line",
        7001,
        DHCP,
        Some("192.168.10."),
        |lan| {
            well(lan);
            lan.rules("nw", "table ip hole { chain f { type filter hook forward priority 0; tcp dport 8443 drop; } }");
        },
    ),
    scene(
        "the front is not running",
        7002,
        DHCP,
        Some("192.168.10."),
        |lan| {
            lan.dhcp("rt", "up0", RANGE);
        },
    ),
    scene(
        "a sign-in page answers",
        7003,
        DHCP,
        Some("192.168.10."),
        |lan| {
            well(lan);
            lan.start("rt", "python3 -m http.server --bind 192.168.10.1 8080");
            lan.shell(
                "rt",
                "for i in $(seq 100); do ss -ltn | grep -q :8080 && exit; sleep 0.1; done; exit 1",
            );
            intercept(lan, 8080);
        },
    ),
    scene(
        "a box in between breaks TLS open",
        7004,
        DHCP,
        Some("192.168.10."),
        |lan| {
            well(lan);
            let foreign = foreign_front(lan);
            lan.front("rt", &foreign, "192.168.10.1:9443");
            intercept(lan, 9443);
        },
    ),
    scene(
        "the centre does not take the certificate",
        7005,
        DHCP,
        Some("192.168.10."),
        |lan| {
            well(lan);
            let (certificate, key) = self_made(lan, SITE, 2040);
            certified(lan, &certificate, &key);
        },
    ),
];

/// Where the front of every scene stands.
pub(crate) const CENTRE: &str = FRONT;
