//! The health gate, and how a version that does not pass it leaves its reason.

use std::fs;
use std::net::TcpListener;

use crate::device::{World, refused, well};

/// A device on which 1.1.0 is staged.
fn staged() -> World {
    let world = World::new();
    well(&world.import(&world.medium()));
    world
}

/// C-14: three tries without success, the version before runs again, and the reason is kept.
#[test]
fn each_check_that_fails_returns_the_device_with_its_own_reason() {
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for (lines, why) in [
        ("health = \"/absent\"".to_owned(), "agent-silent"),
        ("spool = \"/absent\"".to_owned(), "spool-unreadable"),
        ("settings = [\"/bin/false\"]".to_owned(), "settings-refused"),
        (
            "settings = [\"/bin/sleep\", \"60\"]".to_owned(),
            "settings-refused",
        ),
        (format!("page = \"{nobody}\""), "page-silent"),
    ] {
        let mut world = staged();
        world.gate(&lines);
        for tries in 1..=3 {
            world.try_new("1.1.0");
            fs::remove_file(world.at("run/restart")).unwrap();
            refused(&world.update(&["health-gate"]), "AG56", 1);
            assert_eq!(world.stage()["starts"], tries);
            assert!(world.at("run/restart").exists());
        }
        assert!(
            world
                .entries()
                .contains(&"sekisho_1.1.0+0-3.efi".to_owned())
        );
        world.boots("1.0.0", "a");
        well(&world.update(&["health-gate"]));
        assert_eq!(world.stage()["at"], "returned", "{lines}");
        assert_eq!(world.stage()["why"], why);
        assert_eq!(world.notices(), ["update-returned"]);
        let status = well(&world.update(&["status"]));
        assert!(status.contains("given up"), "{status}");
    }
}

#[test]
fn a_version_that_never_comes_to_its_gate_is_told_by_the_one_before() {
    let world = staged();
    for _ in 0..3 {
        world.try_new("1.1.0");
    }
    world.boots("1.0.0", "a");
    well(&world.update(&["health-gate"]));
    assert_eq!(world.stage()["why"], "not-started");
}

/// A file of the version before says nothing: it has to be written after the start.
#[test]
fn what_was_written_before_the_start_does_not_count() {
    let mut world = staged();
    let health = world.at("health.json");
    fs::write(&health, "{}").unwrap();
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    let file = fs::File::options().write(true).open(&health).unwrap();
    file.set_modified(old).unwrap();
    world.gate(&format!("health = {health:?}"));
    world.try_new("1.1.0");
    refused(&world.update(&["health-gate"]), "AG56", 1);
    fs::write(&health, "{}").unwrap();
    world.try_new("1.1.0");
    well(&world.update(&["health-gate"]));
}

#[test]
fn all_that_is_asked_for_is_there() {
    let mut world = staged();
    let page = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = page.local_addr().unwrap();
    let answering = std::thread::spawn(move || {
        use std::io::Write as _;
        let (mut stream, _) = page.accept().unwrap();
        stream.write_all(b"\x15\x03\x03\x00\x02\x02\x32").unwrap();
    });
    let spool = world.at("spool-checked");
    fs::write(&spool, "").unwrap();
    world.gate(&format!(
        "spool = {spool:?}\nsettings = [\"/bin/true\"]\npage = \"{address}\""
    ));
    world.try_new("1.1.0");
    well(&world.update(&["health-gate"]));
    answering.join().unwrap();
    assert_eq!(world.stage()["at"], "good");
    // A start of a version that has proven itself asks for nothing.
    world.gate("settings = [\"/bin/false\"]");
    well(&world.update(&["health-gate"]));
}

/// Balena's lesson: a new version must not cost the connection that the old one had.
#[test]
fn the_centre_has_to_be_reached_only_if_it_was_before() {
    for (reached, passes) in [(true, false), (false, true)] {
        let mut world = World::new();
        let report = format!(
            "{{\"format\":1,\"at\":{},\"outcome\":\"loaded\",\"version\":null,\"code\":{},\
             \"received\":0,\"total\":0}}",
            jiff::Timestamp::now().as_second(),
            if reached { 0 } else { 44 }
        );
        fs::write(world.at("incoming/report.json"), report).unwrap();
        well(&world.import(&world.medium()));
        assert_eq!(world.stage()["centre"], reached);
        let nobody = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        world.source(nobody, "");
        world.try_new("1.1.0");
        let output = world.update(&["health-gate"]);
        assert_eq!(output.status.success(), passes);
        let why = &world.stage()["why"];
        assert_eq!(*why == "centre-unreachable", reached);
    }
}

/// A device that nobody counts is not started again and again.
#[test]
fn a_version_that_has_proven_itself_is_never_started_again_by_the_gate() {
    let mut world = World::new();
    world.gate("settings = [\"/bin/false\"]");
    fs::write(world.at("state/update.json"), "damaged").unwrap();
    refused(&world.update(&["health-gate"]), "AG56", 1);
    fs::remove_dir_all(world.at("state")).unwrap();
    world.update(&["health-gate"]);
    assert!(!world.at("run/restart").exists());
}

/// A new version that cannot keep its record is counted by the boot loader alone, and returns.
#[test]
fn a_tried_version_without_a_record_returns_as_well() {
    let world = staged();
    world.try_new("1.1.0");
    fs::remove_file(world.at("run/restart")).unwrap();
    fs::remove_dir_all(world.at("state")).unwrap();
    fs::write(world.at("state"), "no folder").unwrap();
    assert!(!world.update(&["health-gate"]).status.success());
    assert!(world.at("run/restart").exists());
}

/// A record that cannot be read is no way past the gate.
#[test]
fn a_damaged_record_has_the_version_prove_itself() {
    let mut world = staged();
    world.try_new("1.1.0");
    world.gate("settings = [\"/bin/false\"]");
    fs::write(world.at("state/update.json"), "{\"format\":1").unwrap();
    refused(&world.update(&["health-gate"]), "AG56", 1);
    assert_eq!(world.stage()["why"], "settings-refused");
}
