//! Updates that are killed at every call that changes the disk.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::process::Command;

use crate::device::{Files, NAME, World, said, version, well};
use crate::network::connected;

/// Calls after which a file or a folder is another one.
const CALLS: &str =
    "fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,pwrite64,openat,mkdir";

/// That whatever could boot is whole: the heart of it.
#[track_caller]
fn only_whole_versions_boot(world: &World, new: &Files) {
    for entry in world.entries() {
        let boots = entry.ends_with(".efi");
        if boots && entry.starts_with(&format!("{NAME}_1.1.0")) {
            assert!(world.slot_b_is(new), "{entry}");
            let kernel = fs::read(world.at("esp").join(&entry)).unwrap();
            assert!(kernel == new.kernel, "{entry}");
        }
    }
    assert!(world.entries().contains(&"sekisho_1.0.0.efi".to_owned()));
    let old = version(0);
    assert!(fs::read(world.at("root-a")).unwrap().starts_with(&old.root));
}

/// Runs a command and kills it when its main thread makes its `n`th call; whether it was killed.
fn killed_at(world: &World, arguments: &[&str], n: usize) -> bool {
    let program = world.command();
    let output = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e"])
        .arg(format!("trace={CALLS}"))
        .arg("-e")
        .arg(format!("inject={CALLS}:signal=SIGKILL:when={n}"))
        .arg(program.get_program())
        .args(program.get_args())
        .args(arguments)
        .output()
        .expect("strace: apt-get install strace");
    assert!(!said(&output).contains("ptrace"), "{}", said(&output));
    !output.status.success()
}

/// C-14: a kill at any call leaves a device that boots what is whole, and the next run finishes.
#[test]
fn an_installation_that_is_killed_anywhere_goes_on_and_never_boots_half_a_version() {
    let world = World::new();
    let medium = world.medium();
    let medium = medium.to_str().unwrap();
    let new = version(1);
    let (mut n, mut kills) = (1, 0);
    while killed_at(&world, &["import", medium], n) {
        assert!(n < 1_000, "{}", said(&world.update(&["import", medium])));
        kills += 1;
        only_whole_versions_boot(&world, &new);
        // It is there and was not tried: a start of the old one changes nothing, and every
        // second time the device begins anew.
        if world.entries().iter().any(|it| it.contains("1.1.0+3.efi")) || n % 2 == 0 {
            for name in ["root-b", "verity-b"] {
                fs::write(world.at(name), vec![0; 2 << 20]).unwrap();
            }
            let _ = fs::remove_file(world.at("esp/sekisho_1.1.0+3.efi"));
            let _ = fs::remove_file(world.at("state/update.json"));
        }
        n += 1;
    }
    assert!(kills > 60, "{kills}");
    assert!(world.slot_b_is(&new));
    assert_eq!(world.stage()["at"], "staged");
}

/// What a folder of downloads holds, by name.
fn downloaded(world: &World) -> BTreeMap<OsString, Vec<u8>> {
    let files = fs::read_dir(world.at("incoming/files")).unwrap();
    let files = files.map(|file| file.unwrap());
    files
        .map(|file| (file.file_name(), fs::read(file.path()).unwrap()))
        .collect()
}

/// C-14: a download that is killed anywhere is finished by the next run, byte for byte.
#[test]
fn a_download_that_is_killed_anywhere_goes_on() {
    let (world, _server) = connected();
    well(&world.update(&["fetch"]));
    let whole = downloaded(&world);
    let mut kills = 0;
    // Every fourth call: most of them are one chunk each.
    for n in (1..).step_by(4) {
        fs::remove_dir_all(world.at("incoming")).unwrap();
        fs::create_dir(world.at("incoming")).unwrap();
        if !killed_at(&world, &["fetch"], n) {
            break;
        }
        kills += 1;
        well(&world.update(&["fetch"]));
        assert!(downloaded(&world) == whole, "{n}");
    }
    assert!(kills > 10, "{kills}");
    well(&world.update(&["install"]));
    assert!(world.slot_b_is(&version(1)));
}

/// A gate that is killed anywhere neither blesses nor loses what it has found out.
#[test]
fn a_gate_that_is_killed_anywhere_is_asked_again() {
    let world = World::new();
    well(&world.import(&world.medium()));
    world.try_new("1.1.0");
    let mut n = 1;
    while killed_at(&world, &["health-gate"], n) {
        let at = world.stage()["at"].as_str().unwrap().to_owned();
        assert!(["staged", "trying", "good"].contains(&at.as_str()), "{at}");
        n += 1;
        assert!(n < 200);
    }
    assert_eq!(world.stage()["at"], "good");
}
