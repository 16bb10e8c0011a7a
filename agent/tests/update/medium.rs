//! Updating from a medium, and everything that does not depend on a line.

use std::fs;
use std::process::Command;

use crate::device::{World, refused, said, version, well};

/// C-14: from a medium to a version that stays, with one line for the clinic to see.
#[test]
fn a_version_is_installed_tried_and_stays() {
    let world = World::new();
    let medium = world.medium();
    well(&world.import(&medium));
    assert!(world.slot_b_is(&version(1)));
    assert_eq!(
        world.entries(),
        ["sekisho_1.0.0.efi", "sekisho_1.1.0+3.efi"]
    );
    let placed = fs::read(world.at("esp/sekisho_1.1.0+3.efi")).unwrap();
    assert!(placed == version(1).kernel);
    assert_eq!(world.stage()["at"], "staged");
    assert!(world.at("run/restart").exists());
    // Nothing further is begun before it is known whether it stays.
    refused(&world.import(&medium), "AG55", 1);
    // Until the start, nobody should switch the device off (C-01).
    assert_eq!(world.notices(), ["updating"]);

    world.try_new("1.1.0");
    well(&world.update(&["health-gate"]));
    assert_eq!(world.stage()["at"], "good");
    assert!(world.notices().is_empty());
    assert_eq!(
        world.json("state/update.json")["least"],
        serde_json::json!([1, 1, 0])
    );
    let status = well(&world.update(&["status"]));
    assert!(status.contains("1.1.0"), "{status}");
    // The slot that ran is as it was.
    let old = version(0);
    assert!(fs::read(world.at("root-a")).unwrap().starts_with(&old.root));
}

/// C-14: a medium and the line give the same device.
#[test]
fn what_is_there_already_is_not_installed_again_and_older_ones_never() {
    let world = World::new();
    let medium = world.medium();
    world.boots("1.1.0", "a");
    fs::rename(
        world.at("esp/sekisho_1.0.0.efi"),
        world.at("esp/sekisho_1.1.0.efi"),
    )
    .unwrap();
    let told = well(&world.import(&medium));
    assert!(told.contains("the newest version runs"), "{told}");
    world.boots("1.2.0", "a");
    fs::rename(
        world.at("esp/sekisho_1.1.0.efi"),
        world.at("esp/sekisho_1.2.0.efi"),
    )
    .unwrap();
    refused(&world.import(&medium), "AG53", 1);
    assert!(!world.slot_b_is(&version(1)));
}

/// C-06: of the copies of sticks the newest alone counts, and one without an update is nothing.
#[test]
fn of_several_sticks_the_newest_is_looked_at() {
    let world = World::new();
    let inbox = world.at("inbox");
    let import = || {
        let mut command = world.command();
        well(
            &command
                .args(["import", "--newest"])
                .arg(&inbox)
                .output()
                .unwrap(),
        )
    };
    fs::create_dir(&inbox).unwrap();
    assert_eq!(import(), "");
    fs::rename(world.medium(), inbox.join("1764500000-aa")).unwrap();
    fs::create_dir(inbox.join("1764500001-bb")).unwrap();
    assert_eq!(import(), "");
    assert_eq!(world.entries(), ["sekisho_1.0.0.efi"]);
    fs::remove_dir(inbox.join("1764500001-bb")).unwrap();
    import();
    assert!(world.slot_b_is(&version(1)));
}

/// A medium that is inserted while the night's installation runs.
#[test]
fn two_installations_do_not_run_at_once() {
    let world = World::new();
    let medium = world.medium();
    let lock = fs::File::create(world.at("state/lock")).unwrap();
    lock.lock().unwrap();
    refused(&world.import(&medium), "AG55", 1);
    assert_eq!(world.entries(), ["sekisho_1.0.0.efi"]);
    drop(lock);
    well(&world.import(&medium));
}

/// A version whose own entry still counts tries keeps what it would fall back to.
#[test]
fn nothing_is_overwritten_before_what_runs_has_proven_itself() {
    let world = World::new();
    let medium = world.medium();
    fs::rename(
        world.at("esp/sekisho_1.0.0.efi"),
        world.at("esp/sekisho_1.0.0+1-2.efi"),
    )
    .unwrap();
    refused(&world.import(&medium), "AG55", 1);
    assert_eq!(world.entries(), ["sekisho_1.0.0+1-2.efi"]);
}

#[test]
fn a_medium_that_was_changed_or_is_incomplete_changes_nothing() {
    let world = World::new();
    let medium = world.medium();
    let before = fs::read(world.at("root-b")).unwrap();
    let files: Vec<_> = fs::read_dir(medium.join("files"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(files.len(), 3);
    for file in files {
        let whole = fs::read(&file).unwrap();
        let mut changed = whole.clone();
        // In a part that the slot that runs does not have.
        let at = match changed.len() > 500 << 10 {
            true => (256 << 10) + 1_000,
            false => 10,
        };
        changed[at] ^= 1;
        fs::write(&file, changed).unwrap();
        refused(&world.import(&medium), "AG46", 1);
        fs::write(&file, &whole[..at]).unwrap();
        refused(&world.import(&medium), "AG57", 1);
        fs::write(&file, whole).unwrap();
    }
    assert!(fs::read(world.at("root-b")).unwrap() == before);
    assert_eq!(world.entries(), ["sekisho_1.0.0.efi"]);
    assert_eq!(world.json("state/report.json")["code"], 57);
    well(&world.import(&medium));
}

#[test]
fn a_slot_that_is_too_small_and_one_that_is_missing_change_nothing() {
    let world = World::new();
    let medium = world.medium();
    fs::write(world.at("root-b"), vec![0; 100 << 10]).unwrap();
    refused(&world.import(&medium), "AG48", 1);
    fs::remove_file(world.at("root-b")).unwrap();
    refused(&world.import(&medium), "AG49", 1);
    assert!(!world.at("root-b").exists(), "a partition is never made");
    assert_eq!(world.entries(), ["sekisho_1.0.0.efi"]);
}

/// Runs a command with a small file system in the place of a folder of the device.
fn with_small(world: &World, folder: &str, size: &str, arguments: &[&str]) -> std::process::Output {
    let path = world.at(folder);
    let program = world.command();
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--mount", "sh", "-c"])
        // What was in the folder is laid over, so it is copied.
        .arg(
            "set -e; cp -r \"$1\" \"$1.kept\"; mount -t tmpfs -o size=$2 tmpfs \"$1\"; \
             cp -r \"$1.kept/.\" \"$1\"; shift 2; exec \"$@\"",
        )
        .arg("sh")
        .arg(path)
        .arg(size)
        .arg(program.get_program())
        .args(program.get_args())
        .args(arguments);
    command
        .output()
        .expect("unshare: apt-get install util-linux")
}

/// A full folder of boot entries is no reason to boot half of one.
#[test]
fn a_full_esp_gives_the_version_up_and_says_so() {
    let world = World::new();
    let medium = world.medium();
    let medium = medium.to_str().unwrap();
    let output = with_small(&world, "esp", "400k", &["import", medium]);
    refused(&output, "AG48", 1);
    assert_eq!(world.stage()["at"], "returned");
    assert_eq!(world.stage()["why"], "no-room");
    assert_eq!(world.notices(), ["update-returned"]);
    // What was given up is tried again when a person asks for it.
    well(&world.import(medium.as_ref()));
    assert_eq!(world.notices(), ["updating"]);
}

#[test]
fn a_full_state_folder_is_told_and_nothing_is_booted() {
    let world = World::new();
    let medium = world.medium();
    let output = with_small(&world, "state", "4k", &["import", medium.to_str().unwrap()]);
    refused(&output, "AG50", 1);
    assert!(said(&output).contains("os error 28"), "{}", said(&output));
    assert_eq!(world.entries(), ["sekisho_1.0.0.efi"]);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let mut world = World::new();
    for lines in [
        "from = \"25:00\"",
        "from = \"3:00\"",
        "unknown = 1",
        "pin = \"1.x\"",
    ] {
        world.when(lines);
        refused(&world.update(&["status"]), "AG40", 1);
    }
    refused(&World::new().update(&["fetch"]), "AG59", 1);
}
