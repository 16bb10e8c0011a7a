//! Nothing leaves but by the closed network (A-124, B-020, B-080, B-082, B-083): the real gateway
//! and the real front on hosts of their own, with every packet of every interface noted, while the
//! line is cut, the route is bent, forwarding is on, names are spoofed and the peer is another.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod firewall;
mod lines;
mod scene;
mod tunnel;
mod vpn;

use std::fs;

use harness::job::Job;
use harness::pki::{Authority, FRONT_NAME};

use crate::lines::{Hosts, Packet, can_run};
use crate::scene::{Outcome, Scene};

const FRONT: &str = "10.2.0.2:8443";
const FRONT_ADDRESS: [u8; 4] = [10, 2, 0, 2];
const GATEWAY: [u8; 4] = [10, 1, 0, 2];
const PORT: u16 = 8443;
/// A handshake that ends with "not you" takes no more than this; a batch takes far more.
const HANDSHAKE_BYTES: usize = 6_000;

impl Outcome {
    /// Bytes that the gateway sent to the front, by whether the interface is of the closed network.
    fn sent(&self, closed: bool) -> usize {
        let line = |name: &str| ["wan0", "wan1", "fr1"].contains(&name);
        let sent = self.packets.iter().filter(|packet| {
            packet.from == GATEWAY
                && packet.to == FRONT_ADDRESS
                && line(&packet.interface) == closed
        });
        sent.map(|packet| packet.payload).sum()
    }

    /// Packets to the front's port on any interface outside, with bytes or without, and questions
    /// for names anywhere.
    fn strays(&self) -> Vec<&Packet> {
        let line = |name: &str| ["wan0", "wan1", "fr1"].contains(&name);
        let stray = |packet: &&Packet| {
            packet.to_port == 53 || packet.to_port == PORT && !line(&packet.interface)
        };
        self.packets.iter().filter(stray).collect()
    }

    fn refused(&self, code: &str, status: i32) {
        assert!(self.told.contains(code), "{code}: {}", self.told);
        assert_eq!(self.status, Some(status), "{}", self.told);
        assert_eq!(self.strays(), Vec::<&Packet>::new(), "{code}");
        assert_eq!(self.sent(false), 0, "{code}");
    }
}

/// Somebody answers every question for a name with another address; nobody asks.
fn spoof_names(hosts: &Hosts) {
    let folder = hosts.etc("gw");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("resolv.conf"), "nameserver 192.168.77.1\n").unwrap();
}

/// A front of somebody else, whose certificate is valid for the name, by another authority.
fn foreign_front(job: &Job) -> std::path::PathBuf {
    let folder = job.deployment.root.join("foreign");
    fs::create_dir_all(&folder).unwrap();
    let (certificate, key) = (folder.join("front.pem"), folder.join("front.key"));
    let other = Authority::open(&folder).unwrap();
    other.issue_server(FRONT_NAME, &certificate, &key).unwrap();
    let text = fs::read_to_string(&job.deployment.front_config).unwrap();
    let mut settings: toml::Table = text.parse().unwrap();
    let tls = settings["tls"].as_table_mut().unwrap();
    for (name, path) in [("certificate", &certificate), ("private_key", &key)] {
        tls.insert(name.to_owned(), path.to_str().unwrap().into());
    }
    let config = folder.join("front.toml");
    fs::write(&config, toml::to_string(&settings).unwrap()).unwrap();
    config
}

#[test]
fn nothing_leaves_but_by_the_closed_network() {
    if !can_run(true) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let network = "[network]\ninterface = \"wan0\"\n";
    let scene = Scene::new(folder.path(), FRONT, "ip-vpn", network);
    let (hosts, job) = (&scene.hosts, &scene.job);
    spoof_names(hosts);

    let sealed = scene.gateway(&["--hold"]);
    assert_eq!(sealed.status, Some(0), "{}", sealed.told);
    assert!(sealed.packets.is_empty(), "sealing needs no line");
    let waiting = scene.waiting();
    assert!(waiting > 0);
    let front = scene.front(&job.deployment.front_config);
    scene.wait_for_front();

    // The line is cut, and a default route leads to the front by the institution's network.
    hosts.ip("gw", &["route", "add", "default", "via", "192.168.77.1"]);
    hosts.ip("gw", &["link", "set", "wan0", "down"]);
    scene.gateway(&[]).refused("G080", 75);

    // It is back, and the route to the front still leads by the institution's network.
    hosts.ip("gw", &["link", "set", "wan0", "up"]);
    scene.gateway(&[]).refused("G081", 75);

    // The other end of the line has lost its carrier.
    hosts.ip("gw", &["route", "add", "10.2.0.0/24", "via", "10.1.0.1"]);
    hosts.ip("rt", &["link", "set", "wan1", "down"]);
    scene.gateway(&[]).refused("G080", 75);
    hosts.ip("rt", &["link", "set", "wan1", "up"]);

    // A more specific route, and a rule with a table of its own: both bend the way.
    hosts.ip(
        "gw",
        &["route", "add", "10.2.0.2/32", "via", "192.168.77.1"],
    );
    scene.gateway(&[]).refused("G081", 75);
    hosts.ip("gw", &["route", "del", "10.2.0.2/32"]);
    hosts.ip(
        "gw",
        &[
            "route",
            "add",
            "default",
            "via",
            "192.168.77.1",
            "table",
            "99",
        ],
    );
    hosts.ip(
        "gw",
        &[
            "rule", "add", "to", "10.2.0.2", "lookup", "99", "priority", "50",
        ],
    );
    scene.gateway(&[]).refused("G081", 75);
    hosts.ip("gw", &["rule", "del", "priority", "50"]);

    // The appliance would forward between the institution and the closed network.
    hosts.shell("gw", "echo 1 > /proc/sys/net/ipv4/ip_forward");
    scene.gateway(&[]).refused("G083", 1);
    hosts.shell("gw", "echo 0 > /proc/sys/net/ipv4/ip_forward");

    // Somebody else answers in the closed network.
    drop(front);
    let foreign = scene.front(&foreign_front(job));
    scene.wait_for_front();
    let outcome = scene.gateway(&[]);
    outcome.refused("G013", 1);
    let shaken = outcome.sent(true);
    // Each packet is noted at four places of the way.
    assert!(shaken > 0 && shaken < 4 * HANDSHAKE_BYTES, "{shaken}");
    drop(foreign);
    assert_eq!((scene.waiting(), scene.stored()), (waiting, 0));

    // As it should be: everything arrives, and still nothing passes outside.
    let _front = scene.front(&job.deployment.front_config);
    scene.wait_for_front();
    let outcome = scene.gateway(&[]);
    assert_eq!(outcome.status, Some(0), "{}", outcome.told);
    assert_eq!(outcome.strays(), Vec::<&Packet>::new());
    assert_eq!(outcome.sent(false), 0);
    assert!(outcome.sent(true) > 4 * HANDSHAKE_BYTES);
    assert_eq!((scene.waiting(), scene.stored()), (0, waiting));
}
