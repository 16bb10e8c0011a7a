//! The first start of a box in networks of every kind (C-01, C-03, C-04): the real systemd-networkd
//! with the files that the product writes, real servers for addresses and time, a real proxy, the
//! real front, and `sekisho-selftest`, which has to name the layer that is at fault.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod lan;
mod quiet;
mod scenes;

use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::lan::{Centre, Lan};
use crate::scenes::{SCENES, Scene};

const LEFT_OUT: &str = "SEKISHO_WITHOUT_NETWORK_NAMESPACES";

/// Networks that are there at the same time.
const AT_ONCE: usize = 8;

/// Whether these tests can run here. Where they cannot, somebody has to have said that they may be
/// left out.
fn can_run() -> bool {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let asked = ASKED.fetch_add(1, Ordering::Relaxed);
    let probe = format!("sf-probe-{}-{asked}", std::process::id());
    let quiet = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output();
        output.is_ok_and(|output| output.status.success())
    };
    let permitted = quiet("ip", &["netns", "add", &probe]);
    quiet("ip", &["netns", "del", &probe]);
    let there = |name: &&str| quiet("sh", &["-c", &format!("command -v {name}")]);
    let needed = [
        "nft",
        "ss",
        "dnsmasq",
        "chronyd",
        "tinyproxy",
        "faketime",
        "tcpdump",
        "python3",
        "/usr/lib/systemd/systemd-networkd",
    ];
    let missing: Vec<_> = needed.iter().filter(|name| !there(name)).collect();
    if permitted && missing.is_empty() {
        return true;
    }
    assert!(
        std::env::var_os(LEFT_OUT).is_some(),
        "this test makes network namespaces (root, iproute2) and needs {missing:?} of nftables, \
         dnsmasq-base, chrony, tinyproxy-bin, faketime, tcpdump, python3, systemd; \
         {LEFT_OUT}=1 leaves it out"
    );
    false
}

/// What is wrong with the answer in a scene, if anything.
fn play(scene: &Scene, centre: &Centre, number: usize) -> Option<String> {
    let folder = centre.deployment.root.join(format!("scene-{number}"));
    let mut lan = Lan::new(centre, &folder);
    let device = scene.device();
    (scene.world)(&mut lan);
    let written = match scene.code {
        // What networkd was given is not what stands in the settings.
        2004 => device.replace(".50/24", ".51/24"),
        1002 => device.replace("off0", "lan0"),
        _ => device.clone(),
    };
    lan.plug_in(&written);
    std::fs::write(folder.join("device.toml"), &device).unwrap();
    if scene.code != 1001 {
        lan.is_on();
    }
    if let Some(beginning) = scene.address {
        lan.has_address(beginning.strip_suffix(".50").unwrap_or(beginning));
    }
    // A box that is well is waited for by the self-test itself.
    let patience = if scene.code == 0 { 90 } else { 0 };
    let (status, json, told) = lan.test(patience);
    let expected = if scene.code == 0 { 0 } else { 3 };
    let shown = format!("{:04} ", scene.code);
    let fits = status == Some(expected) && json["code"] == scene.code && told.contains(&shown);
    (!fits).then(|| format!("{}: {} expected\n{told}", scene.name, scene.code))
}

/// C-03: in each of the networks the self-test names the layer and the code, or that all is well.
#[test]
fn the_failing_layer_is_named_in_every_network() {
    if !can_run() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let only = std::env::var("SEKISHO_SCENE").ok();
    let chosen: Vec<&Scene> = SCENES
        .iter()
        .filter(|scene| {
            only.as_ref()
                .is_none_or(|it| scene.name.contains(it.as_str()))
        })
        .collect();
    std::thread::scope(|scope| {
        for worker in 0..AT_ONCE {
            let (root, next, wrong) = (folder.path().join(worker.to_string()), &next, &wrong);
            let chosen = &chosen;
            scope.spawn(move || {
                let centre = Centre::new(&root);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(scene) = chosen.get(number) else {
                        return;
                    };
                    let said = play(scene, &centre, number);
                    wrong.lock().unwrap().extend(said);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// C-03: twelve kinds of networks are the least, and every layer fails in one of them.
#[test]
fn every_layer_fails_in_one_of_the_networks() {
    let codes: std::collections::BTreeSet<u16> = SCENES.iter().map(|scene| scene.code).collect();
    assert!(codes.len() >= 12);
    for digit in 1..=7 {
        assert!(codes.iter().any(|code| code / 1_000 == digit), "{digit}");
    }
}

/// C-03: where only a proxy leads to the centre, the gateway goes through it as well, and what
/// passes the proxy is TLS between the two ends.
#[test]
fn the_gateway_reaches_the_centre_through_a_proxy() {
    if !can_run() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let centre = Centre::new(folder.path());
    let mut lan = Lan::new(&centre, &folder.path().join("lan"));
    scenes::behind_proxy(&mut lan, "ConnectPort 8443\nLogLevel Connect");
    lan.plug_in(&format!("{}{}", scenes::DHCP, scenes::TIME));
    lan.has_address("192.168.10.");
    let (status, told) = lan.gateway(&["orders"]);
    assert_eq!(status, Some(0), "{told}");
    let log = std::fs::read_to_string(lan.folder.join("rt.log")).unwrap();
    assert!(log.contains("CONNECT 10.2.0.2:8443"), "{log}");

    // The proxy passes nothing on to that port: it mends itself when the proxy is put right.
    let mut lan = Lan::new(&centre, &folder.path().join("refused"));
    scenes::behind_proxy(&mut lan, "ConnectPort 443");
    lan.plug_in(&format!("{}{}", scenes::DHCP, scenes::TIME));
    lan.has_address("192.168.10.");
    let (status, told) = lan.gateway(&["orders"]);
    assert_eq!(status, Some(75), "{told}");
    assert!(told.contains("the proxy answers 403"), "{told}");
}

/// C-01: a walk through the sheet by somebody who forgot the cable: the panel shows four digits that
/// stand on the sheet, what stands beside them helps, and then all is well.
#[test]
fn a_walk_through_the_sheet_ends_well_also_for_who_forgets_the_cable() {
    if !can_run() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let centre = Centre::new(folder.path());
    let mut lan = Lan::new(&centre, &folder.path().join("lan"));
    scenes::well(&mut lan);
    let shown = |lan: &Lan<'_>| {
        let names = std::fs::read_dir(lan.notices()).unwrap().flatten();
        let names = names.map(|file| file.file_name().into_string().unwrap());
        names.collect::<Vec<_>>()
    };
    // Steps 1 to 5, without step 2.
    lan.ip("sw", &["link", "set", "p0", "down"]);
    lan.plug_in(&format!("{}{}", scenes::DHCP, scenes::TIME));
    lan.is_on();
    // Step 6: the button. Step 8: four digits, and what to do.
    lan.test(0);
    assert_eq!(shown(&lan), ["self-test-1003"]);
    let explained = lan.explain("1003");
    assert!(explained.contains("ケーブルの両端"), "{explained}");
    // What stands there is done, and the button is pressed again.
    lan.ip("sw", &["link", "set", "p0", "up"]);
    let (status, _, told) = lan.test(90);
    assert_eq!(status, Some(0), "{told}");
    assert_eq!(shown(&lan), ["self-test-0000"]);
}
