//! The firewall that the gateway writes (B-083), in the hands of the kernel.

use std::collections::BTreeSet;
use std::process::Command;

use crate::lines::{Hosts, Packet, can_run};
use crate::scene::Scene;

const FRONT: &str = "10.2.0.2:8443";
const NETWORK: &str = "\
[network]
interface = \"wan0\"
local = [\"udp 192.168.77.1:123\", \"tcp 192.168.77.1:445\"]
";

/// What the gateway's host gets out when it calls everywhere: protocol and port by interface.
fn calls(hosts: &Hosts, targets: &[(&str, &str, u16)]) -> BTreeSet<(String, u8, u16)> {
    let capture = hosts.capture("rt");
    for (protocol, address, port) in targets {
        let line = format!("echo x >/dev/{protocol}/{address}/{port}");
        let mut command = Command::new("timeout");
        command.args(["0.3", "bash", "-c", &line]);
        hosts.at("gw", &command).output().unwrap();
    }
    let from_gateway = |packet: &Packet| [[10, 1, 0, 2], [192, 168, 77, 2]].contains(&packet.from);
    let packets = capture.end().into_iter().filter(from_gateway);
    let first = packets.filter(|packet| ["wan1", "lan1"].contains(&&*packet.interface));
    first
        .map(|packet| (packet.interface, packet.protocol, packet.to_port))
        .collect()
}

#[test]
fn the_kernel_lets_out_what_the_settings_name_and_nothing_else() {
    if !can_run(true) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::new(folder.path(), FRONT, "ip-vpn", NETWORK);
    let hosts = &scene.hosts;
    hosts.ip("gw", &["route", "add", "default", "via", "192.168.77.1"]);
    let targets = [
        ("tcp", "10.2.0.2", 8443),
        ("tcp", "10.2.0.2", 22),
        ("udp", "10.2.0.2", 53),
        ("udp", "10.1.0.1", 54),
        ("tcp", "192.168.77.1", 445),
        ("tcp", "192.168.77.1", 80),
        ("udp", "192.168.77.1", 53),
        ("udp", "192.168.77.1", 123),
        ("tcp", "203.0.113.9", 443),
        ("udp", "203.0.113.9", 124),
    ];
    let without = calls(hosts, &targets);
    assert_eq!(without.len(), targets.len(), "{without:?}");
    let rendered = scene.render();
    // Loading it again changes nothing.
    for _ in 0..2 {
        scene.load_firewall(&rendered);
    }
    let line = |interface: &str, protocol, port| (interface.to_owned(), protocol, port);
    let named = [
        line("lan1", 6, 445),
        line("lan1", 17, 123),
        line("wan1", 6, 8443),
    ];
    assert_eq!(calls(hosts, &targets), BTreeSet::from(named.clone()));
    // The front by another way is not the front.
    hosts.ip(
        "gw",
        &["route", "replace", "10.2.0.0/24", "via", "192.168.77.1"],
    );
    assert_eq!(
        calls(hosts, &targets),
        BTreeSet::from_iter(named.into_iter().take(2))
    );
    hosts.ip(
        "gw",
        &["route", "replace", "10.2.0.0/24", "via", "10.1.0.1"],
    );

    // With it, everything that has to leave does.
    let _front = scene.front(&scene.job.deployment.front_config);
    scene.wait_for_front();
    let outcome = scene.gateway(&[]);
    assert_eq!(outcome.status, Some(0), "{}", outcome.told);
    assert!(scene.stored() > 0);
}

/// Whether a packet that reaches the appliance on one side comes out on the other.
fn passes(hosts: &Hosts, to: &str, out: &str) -> bool {
    let capture = hosts.capture("rt");
    let line = format!("echo x >/dev/udp/{to}/9");
    let mut command = Command::new("bash");
    command.args(["-c", &line]);
    hosts.at("rt", &command).output().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    let packets = capture.end();
    // Otherwise the question was not asked.
    let sent = |packet: &&Packet| packet.protocol == 17 && packet.to_port == 9;
    assert!(packets.iter().any(|packet| sent(&packet)), "{to}");
    packets
        .iter()
        .filter(sent)
        .any(|packet| packet.interface == out)
}

/// A-124, B-083: between the institution's network and the line there is no way through the
/// appliance, in either direction; each of the two guards is enough.
#[test]
fn nothing_is_forwarded_in_either_direction() {
    if !can_run(true) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::new(folder.path(), FRONT, "ip-vpn", NETWORK);
    let hosts = &scene.hosts;
    let (outwards, inwards) = ("203.0.113.9", "203.0.113.10");
    hosts.ip("rt", &["route", "add", outwards, "via", "192.168.77.2"]);
    hosts.ip("gw", &["route", "add", outwards, "via", "10.1.0.1"]);
    hosts.ip("rt", &["route", "add", inwards, "via", "10.1.0.2"]);
    hosts.ip("gw", &["route", "add", inwards, "via", "192.168.77.1"]);
    let both = || {
        [
            passes(hosts, outwards, "wan1"),
            passes(hosts, inwards, "lan1"),
        ]
    };
    let forward = |on: u8| {
        hosts.shell("gw", &format!("echo {on} > /proc/sys/net/ipv4/ip_forward"));
    };
    forward(1);
    assert_eq!(both(), [true, true], "an appliance without guards forwards");
    let rendered = scene.render();
    scene.load_firewall(&rendered);
    assert_eq!(both(), [false, false], "the firewall alone");
    hosts.shell("gw", "nft flush ruleset");
    assert_eq!(both(), [true, true]);
    let settings = rendered.join("sysctl.d/60-sekisho.conf");
    hosts.shell("gw", &format!("sysctl -q -p {}", settings.display()));
    assert_eq!(both(), [false, false], "the setting of the kernel alone");
    scene.load_firewall(&rendered);
    assert_eq!(both(), [false, false], "both");
}
