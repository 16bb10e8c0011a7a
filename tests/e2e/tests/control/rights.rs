//! Who may speak and listen where.

use std::fs;
use std::process::Command;

use crate::desk::{DEVICE, Scene};

/// A client with a device's certificate, as somebody who has opened a box would write one.
pub(crate) fn client(scene: &Scene, program: &str, pair: &str) -> Command {
    let mut command = Command::new(program);
    let port = scene.broker.address.port().to_string();
    command.args(["-h", "127.0.0.1", "-p", &port, "--insecure", "-q", "1"]);
    for (name, file) in [
        ("--cafile", "root.pem".to_owned()),
        ("--cert", format!("{pair}.pem")),
        ("--key", format!("{pair}.key")),
    ] {
        command.arg(name).arg(scene.path(&file));
    }
    command
}

/// P-02: a certificate lets a device use its own topics and no others.
#[test]
fn a_device_speaks_and_listens_under_its_own_name_only() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::new(folder.path());
    let pair = [scene.path("other.pem"), scene.path("other.key")];
    scene
        .authority
        .issue_device("HOSP-B", &pair[0], &pair[1])
        .unwrap();
    let publish = |topic: &str| {
        let mut command = client(&scene, "mosquitto_pub", "other");
        command.args(["-t", topic, "-m", "forged"]);
        command.output().unwrap()
    };
    publish("sekisho/1/HOSP-B:box-1/health");
    for topic in [
        "sekisho/1/HOSP-A:box-1/health",
        "sekisho/1/HOSP-A:box-1/answers",
        "sekisho/1/HOSP-A:box-1/orders",
        "sekisho/1/HOSP-B:box-1/orders",
        "sekisho/1/HOSP-B:box-1/other",
        "sekisho/1/HOSP-B:box-1",
        "elsewhere",
    ] {
        publish(topic);
    }
    publish("sekisho/1/HOSP-B:box-1/answers");
    scene.broker.wait_for("/answers", |told| !told.is_empty());
    let heard: Vec<_> = scene
        .broker
        .heard()
        .into_iter()
        .map(|it| it.topic)
        .collect();
    assert_eq!(
        heard,
        [
            "sekisho/1/HOSP-B:box-1/health",
            "sekisho/1/HOSP-B:box-1/answers"
        ]
    );

    let order = scene.make(DEVICE, &["support"], &["one"]);
    scene.broker.order(DEVICE, &order, true);
    let mut listen = client(&scene, "mosquitto_sub", "other");
    listen.args(["-t", "sekisho/1/+/orders", "-t", "#", "-W", "3"]);
    let listened = listen.output().unwrap();
    assert!(listened.stdout.is_empty(), "{listened:?}");
    // The device itself does hear it.
    let mut own = client(&scene, "mosquitto_sub", "device");
    own.args([
        "-t",
        "sekisho/1/HOSP-A:box-1/orders",
        "-C",
        "1",
        "-N",
        "-W",
        "10",
    ]);
    assert_eq!(own.output().unwrap().stdout, fs::read(&order).unwrap());
}

/// A device that takes the name of another one at the broker gets nothing of its messages, and what
/// is kept for that one stays.
#[test]
fn nobody_takes_what_is_kept_for_another() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::new(folder.path());
    let pair = [scene.path("other.pem"), scene.path("other.key")];
    scene
        .authority
        .issue_device("HOSP-B", &pair[0], &pair[1])
        .unwrap();
    scene.start_and_greet().kill().unwrap();
    scene.order(&["quarantine"], &["one"]);
    for more in [&["-c"][..], &[]] {
        let mut thief = client(&scene, "mosquitto_sub", "other");
        thief.args([
            "-i",
            DEVICE,
            "-t",
            "sekisho/1/HOSP-B:box-1/orders",
            "-W",
            "2",
        ]);
        let taken = thief.args(more).output().unwrap();
        assert!(taken.stdout.is_empty());
    }
    let _control = scene.start();
    assert_eq!(scene.answers(1), [control::Outcome::Done]);
}

/// without a certificate, or with one that was taken back, nobody gets as far as MQTT.
#[test]
fn strangers_and_stolen_certificates_are_not_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::new(folder.path());
    let publish = |scene: &Scene| {
        let mut command = client(scene, "mosquitto_pub", "device");
        command.args(["-t", "sekisho/1/HOSP-A:box-1/health", "-m", "x"]);
        command.output().unwrap().status.success()
    };
    assert!(publish(&scene));
    let port = scene.broker.address.port().to_string();
    let mut bare = Command::new("mosquitto_pub");
    bare.args([
        "-h",
        "127.0.0.1",
        "-p",
        &port,
        "--insecure",
        "-t",
        "x",
        "-m",
        "x",
    ]);
    bare.arg("--cafile").arg(scene.path("root.pem"));
    assert!(!bare.output().unwrap().status.success());

    let stolen = ["revoke", "--config", "ca.toml", "--site", "HOSP-A"];
    let stolen = [&stolen[..], &["--reason", "stolen"]].concat();
    scene.authority.run(&stolen).unwrap();
    scene.broker.stop();
    scene.broker.start();
    assert!(!publish(&scene));
}
