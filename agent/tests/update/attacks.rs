//! What an attacker can do who holds the repository, the medium or the line, but not the keys.

use std::fs;
use std::path::Path;

use crate::device::{World, refused, version, well};

fn latest(folder: &Path, role: &str) -> std::path::PathBuf {
    let files = fs::read_dir(folder.join("metadata")).unwrap();
    let number = |path: &std::path::PathBuf| -> u64 {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.split('.').next().unwrap().parse().unwrap()
    };
    files
        .map(|file| file.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(&format!(".{role}.json")))
        .max_by_key(number)
        .unwrap()
}

/// That nothing of the device was changed.
fn untouched(world: &World) {
    assert_eq!(world.entries(), ["sekisho_1.0.0.efi"]);
    assert!(!world.slot_b_is(&version(1)));
    assert!(!world.at("run/restart").exists());
}

#[test]
fn metadata_and_targets_that_were_changed_are_refused() {
    let world = World::new();
    let medium = world.medium();
    let mut changed = vec![
        medium.join("metadata/timestamp.json"),
        latest(&medium, "snapshot"),
        latest(&medium, "targets"),
    ];
    changed.extend(
        fs::read_dir(medium.join("targets"))
            .unwrap()
            .map(|it| it.unwrap().path()),
    );
    assert_eq!(changed.len(), 5);
    for path in changed {
        let whole = fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
        refused(&world.import(&medium), "AG41", 1);
        fs::write(&path, whole).unwrap();
    }
    untouched(&world);
    well(&world.import(&medium));
}

/// Signed by the keys of somebody else, in all roles.
#[test]
fn another_makers_repository_is_refused() {
    let world = World::new();
    let other = World::new();
    refused(&world.import(&other.medium()), "AG41", 1);
    untouched(&world);
}

#[test]
fn expired_metadata_is_refused_also_under_a_clock_that_was_set_back() {
    let world = World::new();
    let refresh = [
        "refresh",
        "--repository",
        "repository",
        "--keys",
        "keys",
        "--fresh-days",
    ];
    world.release(&[&refresh[..], &["0"]].concat());
    refused(&world.import(&world.medium()), "AG42", 1);
    // Good for thirty days by the clock, but it has been known to be later than that.
    world.release(&[&refresh[..], &["30"]].concat());
    let medium = world.medium();
    let now = jiff::Timestamp::now().as_second();
    fs::write(world.at("state/floor.json"), (now + 500).to_string()).unwrap();
    well(&world.update(&["status"]));
    fs::write(
        world.at("state/floor.json"),
        (now + 40 * 86_400).to_string(),
    )
    .unwrap();
    refused(&world.import(&medium), "AG43", 1);
    untouched(&world);
    fs::remove_file(world.at("state/floor.json")).unwrap();
    well(&world.import(&medium));
}

/// Within what a clock may be off, the later of clock and floor counts.
#[test]
fn a_signature_that_ends_between_clock_and_floor_has_ended() {
    let world = World::new();
    let began = jiff::Timestamp::now().as_second();
    world.release(&[
        "refresh",
        "--repository",
        "repository",
        "--keys",
        "keys",
        "--fresh-days",
        "1",
    ]);
    let medium = world.medium();
    let import = |floor: i64| {
        fs::write(
            world.at("state/floor.json"),
            (began + 86_400 + floor).to_string(),
        )
        .unwrap();
        let program = world.command();
        std::process::Command::new("faketime")
            .args(["-f", "+86100s"])
            .arg(program.get_program())
            .args(program.get_args())
            .arg("import")
            .arg(&medium)
            .output()
            .expect("faketime: apt-get install faketime")
    };
    refused(&import(200), "AG42", 1);
    untouched(&world);
    well(&import(-300));
}

/// Roll-back: what was once seen is not unseen, by either process.
#[test]
fn older_metadata_than_was_seen_is_refused() {
    let world = World::new();
    let old = world.medium();
    let kept = world.at("old");
    fs::rename(&old, &kept).unwrap();
    world.publish(
        "1.2.0",
        &version(2),
        &["--stage", "2100-01-01T00:00:00Z=10000"],
    );
    // The newer one is only looked at.
    refused(&world.import(&kept.join("absent")), "AG57", 1);
    let newer = world.medium();
    fs::remove_dir_all(newer.join("files")).unwrap();
    refused(&world.import(&newer), "AG57", 1);
    refused(&world.import(&kept), "AG51", 1);
    untouched(&world);
}

/// Mix and match: parts of two states that were both signed.
#[test]
fn parts_of_different_states_do_not_go_together() {
    let world = World::new();
    let old = world.medium();
    let (targets, snapshot) = (
        fs::read(latest(&old, "targets")).unwrap(),
        fs::read(latest(&old, "snapshot")).unwrap(),
    );
    world.publish("1.2.0", &version(2), &[]);
    let medium = world.medium();
    for (role, older) in [("targets", targets), ("snapshot", snapshot)] {
        let path = latest(&medium, role);
        let newer = fs::read(&path).unwrap();
        fs::write(&path, older).unwrap();
        refused(&world.import(&medium), "AG41", 1);
        fs::write(&path, newer).unwrap();
    }
    untouched(&world);
}

#[test]
fn a_version_for_another_board_is_refused() {
    let world = World::new();
    let settings = fs::read_to_string(world.at("update.toml")).unwrap();
    let settings = settings.replace("board = \"qemu-x86\"", "board = \"arm-box\"");
    fs::write(world.at("update.toml"), settings).unwrap();
    let medium = world.medium();
    refused(&world.import(&medium), "AG52", 1);
    // One that is handed out under the name of this board.
    world.publish("1.2.0", &version(2), &["--board", "arm-box"]);
    let targets = fs::read_dir(world.at("repository/targets")).unwrap();
    let names: Vec<_> = targets.map(|it| it.unwrap().file_name()).collect();
    assert!(
        names
            .iter()
            .any(|it| it.to_str().unwrap().ends_with("release-arm-box.json"))
    );
    untouched(&world);
}

/// The root changes by two of three holders of the root before; one alone changes nothing.
#[test]
fn a_root_is_followed_by_what_its_holders_sign_and_never_goes_back() {
    let world = World::new();
    let next = [
        "root",
        "--keys",
        "keys",
        "--out",
        "2.json",
        "--previous",
        "root.json",
    ];
    // One holder alone; the others have left their public halves.
    fs::create_dir(world.at("away")).unwrap();
    for name in ["root-2.pk8", "root-3.pk8"] {
        fs::rename(world.at("keys").join(name), world.at("away").join(name)).unwrap();
    }
    world.release(&next);
    let path = world.at("repository/metadata/2.root.json");
    fs::copy(world.at("2.json"), &path).unwrap();
    refused(&world.import(&world.medium()), "AG41", 1);
    untouched(&world);

    // The holders hand the other roles to new keys; what the old keys sign is void from then on.
    let old = world.medium();
    fs::remove_file(old.join("metadata/2.root.json")).unwrap();
    let kept = world.at("old");
    fs::rename(&old, &kept).unwrap();
    for name in ["targets", "snapshot", "timestamp"] {
        fs::remove_file(world.at(&format!("keys/{name}.pk8"))).unwrap();
    }
    let fresh = World::new();
    for name in ["targets", "snapshot", "timestamp"] {
        let key = format!("keys/{name}.pk8");
        fs::copy(fresh.at(&key), world.at(&key)).unwrap();
    }
    world.release(&next);
    world.release(&["sign-root", "--keys", "away", "--root", "2.json"]);
    fs::copy(world.at("2.json"), &path).unwrap();
    refused(&world.import(&world.medium()), "AG41", 1);
    world.publish("1.2.0", &version(2), &[]);
    let medium = world.medium();
    fs::remove_dir_all(medium.join("files")).unwrap();
    refused(&world.import(&medium), "AG57", 1);
    // The new root was seen, so the state before it is not taken any more.
    refused(&world.import(&kept), "AG41", 1);
    untouched(&world);
}
