//! What much too much of everything does to an order.

use std::io::Write as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use control::Outcome;

use crate::desk::{DEVICE, Scene};
use crate::rights::client;

/// P-03's bound for a stop.
const BOUND: Duration = Duration::from_secs(60);
/// Of each kind; the broker hands out all of them unless it closes on a sender.
const MESSAGES: usize = 50_000;

/// P-03: a device that was broken into floods the broker, and a broker floods the device with what
/// it has done already; a stop is done within the minute all the same. Stops of persons do not come
/// this way at all: they are letters at the front, on a connection of their own (`orders.rs`).
#[test]
fn a_stop_is_done_within_a_minute_while_everybody_floods() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::new(folder.path());
    let pair = [scene.path("other.pem"), scene.path("other.key")];
    scene
        .authority
        .issue_device("HOSP-B", &pair[0], &pair[1])
        .unwrap();
    let _control = scene.start_and_greet();
    let pause = scene.order(&["pause", "2"], &["one"]);
    assert_eq!(scene.answers(1), [Outcome::Done]);

    let line = format!("{}\n", "x".repeat(1_000));
    let mut other = client(&scene, "mosquitto_pub", "other");
    other.args(["-t", "sekisho/1/HOSP-B:box-1/health", "-l"]);
    let mut stranger = flood(other.stdin(Stdio::piped()).spawn().unwrap(), line);
    // Of a signed order only one line of it comes at a time; that is noise to whoever decodes it.
    let mut centre = scene.broker.to(DEVICE);
    let mut broker = flood(
        centre.arg("-l").stdin(Stdio::piped()).spawn().unwrap(),
        format!("{}\n", "y".repeat(400)),
    );
    let begun = Instant::now();
    for _ in 0..5 {
        scene.broker.order(DEVICE, &pause, false);
    }
    scene.order(&["quarantine"], &["two"]);
    while !scene.standing("quarantined") {
        assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
        std::thread::sleep(Duration::from_millis(20));
    }
    for (child, writer) in [&mut stranger, &mut broker] {
        // It may have been put out by the broker.
        let _ = child.kill();
        child.wait().unwrap();
        writer.take().unwrap().join().unwrap();
    }
    assert_eq!(scene.answers(2), [Outcome::Done, Outcome::Done]);
}

type Flood = (Child, Option<std::thread::JoinHandle<()>>);

/// Has a client send a line again and again.
fn flood(mut client: Child, line: String) -> Flood {
    let mut input = client.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        for _ in 0..MESSAGES {
            // It ends with the client.
            if input.write_all(line.as_bytes()).is_err() {
                break;
            }
        }
    });
    (client, Some(writer))
}
