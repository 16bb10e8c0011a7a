//! Updating over the line.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::atomic::Ordering::SeqCst;

use updates::{Server, authority, enrol};

use crate::device::{World, refused, said, version, well};

/// A device and a server that knows it.
pub(crate) fn connected() -> (World, Server) {
    let mut world = World::new();
    let authority = authority().unwrap();
    enrol(&authority, world.folder.path()).unwrap();
    let server = Server::start(&authority, world.at("repository")).unwrap();
    world.source(server.address, "");
    (world, server)
}

fn total() -> u64 {
    let files = version(1);
    (files.root.len() + files.verity.len() + files.kernel.len()) as u64
}

/// C-14: from the line to a version that stays; only what changed comes over it.
#[test]
fn a_version_is_looked_for_downloaded_and_installed_and_only_its_changes_are_sent() {
    let (world, server) = connected();
    let told = well(&world.update(&["check"]));
    assert!(told.contains("waits") && told.contains("1.1.0"), "{told}");
    assert_eq!(server.served.load(SeqCst), 0);

    well(&world.update(&["fetch"]));
    let report = world.json("incoming/report.json");
    assert_eq!(report["outcome"], "loaded");
    assert_eq!(report["total"], total());
    let served = server.served.load(SeqCst);
    assert_eq!(report["received"], served);
    // 80 KiB of another agent, the verity tree, the beginning of the kernel, and what chunks add.
    assert!(served <= total() * 35 / 100, "{served} of {}", total());

    well(&world.update(&["install"]));
    assert!(world.slot_b_is(&version(1)));
    world.try_new("1.1.0");
    well(&world.update(&["health-gate"]));
    assert_eq!(world.stage()["at"], "good");
    // What was downloaded is not kept for ever.
    let told = well(&world.update(&["fetch"]));
    assert!(told.contains("the newest version runs"), "{told}");
    assert_eq!(fs::read_dir(world.at("incoming/files")).unwrap().count(), 0);
}

/// The part with the disks is another user than the part with the network.
#[test]
fn what_was_downloaded_can_be_read_by_the_user_that_installs() {
    let (world, _server) = connected();
    well(&world.update(&["fetch"]));
    let mut files = 0;
    for folder in ["metadata", "targets", "files"] {
        for file in fs::read_dir(world.at("incoming").join(folder)).unwrap() {
            let file = file.unwrap();
            let mode = file.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o044, 0o044, "{:?}", file.path());
            files += 1;
        }
    }
    // Root, timestamp, snapshot, targets; a release and two manifests; three files.
    assert!(files >= 10, "{files}");
}

/// C-06: a medium gives the same device as the line.
#[test]
fn a_medium_gives_the_same_as_the_line() {
    let (world, _server) = connected();
    well(&world.update(&["fetch"]));
    well(&world.update(&["install"]));
    let (other, _) = connected();
    well(&other.import(&world.medium_of(&other)));
    for name in [
        "root-b",
        "verity-b",
        "esp/sekisho_1.1.0+3.efi",
        "state/update.json",
    ] {
        let [one, two] = [&world, &other].map(|world| fs::read(world.at(name)).unwrap());
        match name {
            // A medium does not know whether the centre can be reached.
            "state/update.json" => {
                let [one, two] = [one, two].map(|it| String::from_utf8(it).unwrap());
                assert_eq!(one.replace("true", "false"), two);
            }
            _ => assert!(one == two, "{name}"),
        }
    }
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_was() {
    let (world, server) = connected();
    // Without the old manifest everything has to come.
    world.forget_old();
    server.faults.breaks_after.store(300 << 10, SeqCst);
    let mut tries = 0;
    loop {
        let output = world.update(&["fetch"]);
        if output.status.success() {
            break;
        }
        refused(&output, "AG44", 75);
        tries += 1;
        assert!(tries < 20, "it does not get on: {}", said(&output));
    }
    assert!(tries >= 3, "{tries}");
    // What is lost at each break is less than the longest chunk and a piece on its way.
    let most = total() + tries * ((256 << 10) + (32 << 10));
    assert!(server.served.load(SeqCst) <= most);
    server.faults.breaks_after.store(0, SeqCst);
    well(&world.update(&["install"]));
    assert!(world.slot_b_is(&version(1)));
}

#[test]
fn a_server_that_stalls_or_knows_no_parts_is_left_and_tried_again() {
    let (world, server) = connected();
    server.faults.stalls_after.store(16 << 10, SeqCst);
    refused(&world.update(&["fetch"]), "AG44", 75);
    assert_eq!(world.json("incoming/report.json")["code"], 44);
    server.faults.stalls_after.store(0, SeqCst);
    server.faults.whole.store(1, SeqCst);
    refused(&world.update(&["fetch"]), "AG44", 75);
    server.faults.whole.store(0, SeqCst);
    well(&world.update(&["fetch"]));
}

#[test]
fn a_chunk_that_was_changed_on_the_way_is_never_kept() {
    let (world, server) = connected();
    server.faults.flips_at.store(5_000, SeqCst);
    refused(&world.update(&["fetch"]), "AG46", 1);
    refused(&world.update(&["install"]), "AG57", 1);
    assert_eq!(world.entries(), ["sekisho_1.0.0.efi"]);
    server.faults.flips_at.store(0, SeqCst);
    well(&world.update(&["fetch"]));
    well(&world.update(&["install"]));
}

/// The part with the disks trusts nothing of the part with the network.
#[test]
fn what_was_changed_after_the_download_is_found_before_anything_is_written() {
    let (world, _server) = connected();
    well(&world.update(&["fetch"]));
    let before = fs::read(world.at("root-b")).unwrap();
    for file in fs::read_dir(world.at("incoming/files")).unwrap() {
        let path = file.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        for at in (0..bytes.len()).step_by(1_000) {
            bytes[at] ^= 0x55;
        }
        fs::write(path, bytes).unwrap();
    }
    refused(&world.update(&["install"]), "AG46", 1);
    assert!(fs::read(world.at("root-b")).unwrap() == before);
    assert_eq!(world.entries(), ["sekisho_1.0.0.efi"]);
}

/// A slot that runs and is not what its manifest says costs a further download, not the device.
#[test]
fn a_part_that_the_running_slot_has_lost_is_missed_before_anything_is_written() {
    let (world, _server) = connected();
    well(&world.update(&["fetch"]));
    let mut root = fs::read(world.at("root-a")).unwrap();
    root[900 << 10] ^= 1;
    fs::write(world.at("root-a"), root).unwrap();
    refused(&world.update(&["install"]), "AG46", 1);
    assert_eq!(world.entries(), ["sekisho_1.0.0.efi"]);
}

#[test]
fn a_server_or_a_device_without_the_right_certificate_gets_nowhere() {
    let (world, server) = connected();
    let stranger = authority().unwrap();
    // The device trusts another authority.
    fs::write(world.at("authority.pem"), stranger.pem()).unwrap();
    refused(&world.update(&["check"]), "AG45", 1);
    // The server does.
    let folder = world.at("strange");
    fs::create_dir(&folder).unwrap();
    enrol(&stranger, &folder).unwrap();
    let (other, _server) = connected();
    for name in ["device.pem", "device.key"] {
        fs::copy(folder.join(name), other.at(name)).unwrap();
    }
    assert!(!other.update(&["check"]).status.success());
    assert_eq!(server.served.load(SeqCst), 0);
    drop(server);
}

/// O-04, C-14: the plan, the hours and the site's own word are kept by both processes.
#[test]
fn a_version_waits_for_its_turn_its_hour_and_the_site() {
    let (mut world, _server) = connected();
    let all_day = "from = \"00:00\"\nuntil = \"00:00\"";
    let hour = |from: i64| {
        let now = jiff::Timestamp::now().as_second() + 9 * 3_600;
        format!("{:02}:00", (now / 3_600 + from).rem_euclid(24))
    };
    let closed = format!("from = \"{}\"\nuntil = \"{}\"", hour(2), hour(4));
    let open = format!("from = \"{}\"\nuntil = \"{}\"", hour(-1), hour(2));
    well(&world.update(&["fetch"]));
    for (lines, outcome) in [
        (closed.as_str(), "closed"),
        (&format!("{all_day}\npin = \"1.0.9\""), "held"),
        (&format!("{all_day}\nskip = [\"1.1.0\"]"), "held"),
    ] {
        world.when(lines);
        for (command, folder) in [("fetch", "incoming"), ("install", "state")] {
            well(&world.update(&[command]));
            assert_eq!(
                world.json(&format!("{folder}/report.json"))["outcome"],
                outcome
            );
        }
    }
    world.when(&open);
    let plan = [
        "plan",
        "--repository",
        "repository",
        "--keys",
        "keys",
        "--board",
        "qemu-x86",
    ];
    for more in [&["--halt"][..], &["--stage", "2100-01-01T00:00:00Z=10000"]] {
        world.release(&[&plan[..], more].concat());
        well(&world.update(&["fetch"]));
        assert_eq!(
            world.json("incoming/report.json")["outcome"],
            "waits",
            "{more:?}"
        );
    }
    world.release(&plan);
    well(&world.update(&["fetch"]));
    well(&world.update(&["install"]));
    assert_eq!(world.stage()["at"], "staged");
    // A version that was given up is not taken again by itself.
    for _ in 0..3 {
        world.try_new("1.1.0");
    }
    world.boots("1.0.0", "a");
    well(&world.update(&["health-gate"]));
    well(&world.update(&["fetch"]));
    assert_eq!(world.json("incoming/report.json")["outcome"], "given-up");
}

/// O-04: what devices tell halts a version by itself, and none begins any more.
#[test]
fn a_version_that_fails_in_the_fleet_is_halted() {
    let (world, _server) = connected();
    let fleet = world.at("fleet");
    fs::create_dir(&fleet).unwrap();
    let record = |at: &str, why: &str| {
        format!(
            "{{\"format\":1,\"least\":[0,0,0],\"stage\":{{\"at\":\"{at}\",\
             \"version\":[1,1,0]{why}}}}}\n"
        )
    };
    let good = record("good", "");
    let returned = record("returned", ",\"why\":\"page-silent\"");
    for device in 0..1_000 {
        let text = if device < 5 { &returned } else { &good };
        fs::write(fleet.join(format!("box-{device}.json")), text).unwrap();
    }
    fs::write(fleet.join("box-x.json"), "a device that says nonsense").unwrap();
    let watch = [
        "watch",
        "--repository",
        "repository",
        "--keys",
        "keys",
        "--board",
        "qemu-x86",
        "--records",
        "fleet",
    ];
    world.release(&watch);
    well(&world.update(&["check"]));
    well(&world.update(&["fetch"]));
    assert_eq!(world.json("incoming/report.json")["outcome"], "loaded");
    fs::write(fleet.join("box-5.json"), &returned).unwrap();
    world.release(&watch);
    well(&world.update(&["fetch"]));
    assert_eq!(world.json("incoming/report.json")["outcome"], "waits");
    // Also what was downloaded before is not installed any more, once the device has heard of it.
    well(&world.update(&["install"]));
    assert_eq!(world.entries(), ["sekisho_1.0.0.efi"]);
}

/// The bound is kept over the whole download: it takes at least as long as it has to.
#[test]
fn the_bandwidth_is_bounded() {
    let (mut world, server) = connected();
    world.source(server.address, "bytes_per_second = 50000");
    let began = std::time::Instant::now();
    well(&world.update(&["fetch"]));
    let least = server.served.load(SeqCst) / 50_000;
    assert!(least >= 1 && began.elapsed().as_secs() >= least);
}

/// A full data partition is told before anything is downloaded.
#[test]
fn a_full_data_partition_stops_the_download() {
    let (world, server) = connected();
    let program = world.command();
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c"])
        .arg("mount -t tmpfs -o size=8m tmpfs \"$1\"; shift; exec \"$@\"")
        .arg("sh")
        .arg(world.at("incoming"))
        .arg(program.get_program())
        .args(program.get_args())
        .arg("fetch")
        .output()
        .expect("unshare: apt-get install util-linux");
    refused(&output, "AG47", 75);
    assert_eq!(server.served.load(SeqCst), 0);
}
