//! Orders: done once, answered, and nothing else obeyed.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use control::Outcome;

use crate::broker::PATIENCE;
use crate::desk::{DEVICE, Scene};

/// A-121, O-06: one person stops the device, two release it, and one is not enough for that.
#[test]
fn a_device_is_quarantined_by_one_person_and_released_by_two() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::new(folder.path());
    let _control = scene.start_and_greet();
    scene.order(&["quarantine"], &["one"]);
    assert_eq!(scene.answers(1), [Outcome::Done]);
    assert!(scene.standing("quarantined"));

    scene.order(&["release"], &["one"]);
    scene.order(&["release"], &["one", "stranger"]);
    scene.order(&["resume"], &["stranger"]);
    scene.order(&["support"], &["two"]);
    let answers = scene.answers(2);
    let Outcome::Support(support) = answers[1] else {
        panic!("{answers:?}");
    };
    assert!(support.quarantined && scene.standing("quarantined"));
    assert_eq!(support.strange, 3);

    scene.order(&["release"], &["two", "one"]);
    assert_eq!(scene.answers(3)[2], Outcome::Done);
    assert!(!scene.standing("quarantined"));
}

/// P-02: what the broker keeps and repeats counts once, also after a restart with a clock that was
/// put back, and an order for another device not at all.
#[test]
fn an_order_that_is_repeated_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::new(folder.path());
    let quarantine = scene.make(DEVICE, &["quarantine"], &["one"]);
    scene.broker.order(DEVICE, &quarantine, true);
    let mut control = scene.start();
    assert_eq!(scene.answers(1), [Outcome::Done]);
    scene.order(&["release"], &["one", "two"]);
    scene.answers(2);
    assert!(!scene.standing("quarantined"));

    // The broker gives the retained order again to whoever subscribes.
    control.kill().unwrap();
    scene.broker.stop();
    scene.broker.start();
    let _control = scene.start();
    for _ in 0..5 {
        scene.broker.order(DEVICE, &quarantine, false);
    }
    let other = scene.make("HOSP-B:box-1", &["quarantine"], &["one"]);
    scene.broker.order(DEVICE, &other, false);
    scene.order(&["pause", "2"], &["one"]);
    assert_eq!(scene.answers(3)[2], Outcome::Done);
    assert!(!scene.standing("quarantined") && scene.standing("paused"));
}

/// the device is killed again and again while orders come in; each is done and answered, and
/// what stands at the end is what the last one said.
#[test]
fn no_kill_loses_an_order_or_does_it_twice() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::new(folder.path());
    let begun = Instant::now();
    scene.start_and_greet().kill().unwrap();
    let mut wait = 13_u64;
    for round in 0..12 {
        let mut control = scene.start();
        scene.order(&["quarantine"], &["one"]);
        if round < 11 {
            scene.order(&["release"], &["two", "one"]);
        }
        wait = wait * 31 % 1_009;
        sleep(Duration::from_millis(wait));
        control.kill().unwrap();
    }
    let _control = scene.start();
    let answers = scene.answers(23);
    assert_eq!(answers, [Outcome::Done; 23], "{:?}", begun.elapsed());
    assert!(scene.standing("quarantined"));
}

#[test]
fn others_are_asked_and_their_results_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::new(folder.path());
    let _control = scene.start_and_greet();
    scene.order(&["self-test"], &["one"]);
    let request = scene.path("requests/self-test");
    wait_for(|| request.exists());
    let result = scene.path("selftest/selftest.json");
    sleep(Duration::from_millis(1_100));
    fs::write(&result, "{\"code\":4102}").unwrap();
    assert_eq!(scene.answers(1), [Outcome::SelfTest(4_102)]);

    scene.order(&["blink", "5"], &["one"]);
    scene.order(&["update"], &["one"]);
    assert_eq!(scene.answers(3)[1..], [Outcome::Asked; 2]);
    let until = fs::read_to_string(scene.path("requests/blink")).unwrap();
    assert!(until.trim().parse::<i64>().unwrap() > 1_790_000_000);
    assert!(scene.path("requests/update").exists());
}

/// A device whose docket is lost, or whose gateway looks elsewhere, does not say that it is
/// stopped.
#[test]
fn a_quarantine_ends_with_no_lost_file_and_is_not_claimed_where_nobody_looks() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::new(folder.path());
    let mut control = scene.start_and_greet();
    scene.order(&["quarantine"], &["one"]);
    assert_eq!(scene.answers(1), [Outcome::Done]);
    control.kill().unwrap();
    let docket = fs::read(scene.path("state/docket.cbor")).unwrap();
    fs::remove_file(scene.path("state/docket.cbor")).unwrap();
    assert!(!scene.start().wait().unwrap().success());
    assert!(scene.standing("quarantined"));

    fs::write(scene.path("state/docket.cbor"), docket).unwrap();
    fs::write(scene.path("settings/gateway.toml"), "[state]\n").unwrap();
    let _control = scene.start();
    scene.order(&["quarantine"], &["two"]);
    assert_eq!(scene.answers(2)[1], Outcome::Failed);
}

/// B-029: keys are destroyed by two persons' word only, and after the centre has the last word.
#[test]
fn the_end_of_all_keys_begins_after_the_last_word() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::new(folder.path());
    let mut control = scene.start_and_greet();
    let request = scene.path("requests/decommission");
    scene.order(&["decommission"], &["one"]);
    scene.order(&["support"], &["one"]);
    scene.answers(1);
    assert!(!request.exists());
    scene.order(&["decommission"], &["one", "two"]);
    assert_eq!(scene.answers(2)[1], Outcome::Asked);
    wait_for(|| request.exists());
    // The power went before it was done: it is asked for again.
    control.kill().unwrap();
    fs::remove_file(&request).unwrap();
    fs::write(&request, "before the start\n").unwrap();
    let _control = scene.start();
    wait_for(|| fs::read_to_string(&request).unwrap() != "before the start\n");
}

fn wait_for(done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline);
        sleep(Duration::from_millis(50));
    }
}
