//! The tunnel of `ipsec` (A-124, B-020), with the files that the gateway writes in the hands of the
//! real strongSwan and of the kernel's firewall.

use std::fs;

use crate::lines::{Hosts, Packet, can_run};
use crate::scene::{Outcome, Scene};
use crate::vpn::{self, End};
use harness::tunnel::Certifier;

/// The front stands behind the centre's end of the tunnel.
const FRONT: &str = "10.4.0.2:8443";
const NETWORK: &str = "\
[network]
interface = \"ipsec0\"
[network.ipsec]
remote_address = \"10.2.0.2\"
remote_id = \"vpn\"
local_id = \"device\"
local_inner = \"10.9.0.2\"
";

/// Packets of the gateway on its line and on the institution's network that are not of the tunnel.
fn in_clear(outcome: &Outcome) -> Vec<&Packet> {
    let tunnel = |packet: &Packet| packet.protocol == 17 && [500, 4500].contains(&packet.to_port);
    let ours =
        |packet: &Packet| [[10, 1, 0, 2], [192, 168, 77, 2], [10, 9, 0, 2]].contains(&packet.from);
    let packets = outcome.packets.iter();
    packets
        .filter(|packet| packet.interface != "ipsec0" && ours(packet) && !tunnel(packet))
        .collect()
}

fn waits(scene: &Scene, codes: &[&str], waiting: usize) {
    let outcome = scene.gateway(&[]);
    assert_eq!(outcome.status, Some(75), "{}", outcome.told);
    assert!(
        codes.iter().any(|code| outcome.told.contains(code)),
        "{}",
        outcome.told
    );
    assert_eq!(in_clear(&outcome), Vec::<&Packet>::new());
    assert_eq!((scene.waiting(), scene.stored()), (waiting, 0));
}

/// Everything that could stand in the place of the tunnel stands there: a default route by the
/// institution's network, and a router that would bring clear packets to the front.
fn hosts_with_temptations(hosts: &Hosts) {
    hosts.ip("fr", &["addr", "add", "10.4.0.2/32", "dev", "lo"]);
    hosts.ip("gw", &["route", "add", "default", "via", "192.168.77.1"]);
    // The data plane in user space wants the inner address before the tunnel.
    hosts.ip("gw", &["addr", "add", "10.9.0.2/32", "dev", "lo"]);
    hosts.ip("rt", &["route", "add", "10.4.0.2/32", "via", "10.2.0.2"]);
}

#[test]
fn nothing_leaves_but_by_the_tunnel_that_the_settings_describe() {
    if !can_run(vpn::available()) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // The data plane in user space makes a TUN interface, which the profile `ipsec` refuses.
    let scene = Scene::new(folder.path(), FRONT, "laboratory", NETWORK);
    let hosts = &scene.hosts;
    hosts_with_temptations(hosts);
    let rendered = scene.render();
    scene.load_firewall(&rendered);
    let sealed = scene.gateway(&["--hold"]);
    assert_eq!(sealed.status, Some(0), "{}", sealed.told);
    let waiting = scene.waiting();
    let _front = scene.front(&scene.job.deployment.front_config);
    scene.wait_for_front();

    // There is no tunnel yet.
    waits(&scene, &["G080"], waiting);

    let (ours, foreign) = (Certifier::new().unwrap(), Certifier::new().unwrap());
    let mut device = End::device(hosts, folder.path(), &rendered, &ours);
    let mut centre = End::centre(hosts, folder.path(), &ours);

    // Somebody else's end has the right name; then ours, with a certificate that was taken back.
    centre.certified_by(hosts, &foreign);
    centre.start(hosts);
    device.start(hosts);
    assert!(!device.stands_within(hosts, 5), "{}", device.log());
    waits(&scene, &["G080", "G081"], waiting);
    device.stop();
    centre.stop();
    centre.certified_by(hosts, &ours);
    device.learns(hosts, &ours, true);
    centre.start(hosts);
    device.start(hosts);
    assert!(!device.stands_within(hosts, 5), "{}", device.log());
    waits(&scene, &["G080", "G081"], waiting);
    device.stop();
    device.learns(hosts, &ours, false);

    // The device is first: it goes on calling until the centre answers.
    centre.stop();
    device.start(hosts);
    centre.start(hosts);
    assert!(device.stands_within(hosts, 60), "{}", device.log());

    // The tunnel is lost: the interface goes down with it.
    centre.stop();
    device.ask(hosts, &["--terminate", "--ike", "sekisho", "--force"]);
    waits(&scene, &["G080"], waiting);

    // What ended the tunnel for good, the timer begins again.
    // The data plane in user space sets its own route, for which the interface has to be up.
    hosts.ip("gw", &["link", "set", "ipsec0", "up"]);
    waits(&scene, &["G081"], waiting);
    centre.start(hosts);
    let begun = device.ask(hosts, &["--initiate", "--child", "front"]);
    assert!(begun.status.success(), "{}", device.log());
    assert!(device.stands_within(hosts, 60), "{}", device.log());
    let outcome = scene.gateway(&[]);
    assert_eq!(outcome.status, Some(0), "{}", outcome.told);
    assert_eq!((scene.waiting(), scene.stored()), (0, waiting));
    assert_eq!(in_clear(&outcome), Vec::<&Packet>::new());
    let sealed: usize = fs::read_dir(&scene.job.deployment.inbox)
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len() as usize)
        .sum();
    let wrapped = outcome
        .packets
        .iter()
        .filter(|packet| packet.interface == "wan0" && packet.to_port == 4500);
    assert!(wrapped.map(|packet| packet.payload).sum::<usize>() > sealed);
}
