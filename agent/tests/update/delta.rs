//! What a change of one program costs, with images as they are really made.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering::SeqCst;

use updates::{Server, authority, enrol};

use crate::device::{Files, World, noise, well};

/// Text that compresses as programs do, from a seed.
fn text(seed: u64, length: usize) -> Vec<u8> {
    let noise = noise(seed, length);
    let words = noise
        .chunks(4)
        .flat_map(|word| [word[0], 0x48, 0x8b, word[1] & 7, 0, word[0]]);
    words.take(length).collect()
}

/// A root of 120 files with one program in their middle.
fn tree(folder: &Path, program: &[u8]) {
    fs::create_dir_all(folder.join("usr/bin")).unwrap();
    for number in 0..120_u64 {
        let length = 2_000 + (number as usize * 7_919) % 150_000;
        let path = folder.join(format!("usr/bin/{:03}", number * 7 % 120));
        fs::write(path, text(1_000 + number, length)).unwrap();
    }
    fs::write(folder.join("usr/bin/060-agent"), program).unwrap();
}

/// The image of a root, made as the image of the appliance is.
fn image(world: &World, name: &str, program: &[u8]) -> Vec<u8> {
    let folder = world.at(name);
    tree(&folder, program);
    let out = world.at(&format!("{name}.erofs"));
    let made = Command::new("mkfs.erofs")
        .args([
            "-zlz4hc,9",
            "-T0",
            "-U",
            "11111111-2222-3333-4444-555555555555",
        ])
        .args([&out, &folder])
        .output()
        .expect("mkfs.erofs: apt-get install erofs-utils");
    assert!(made.status.success());
    fs::read(out).unwrap()
}

/// An agent-only change: another program of another length, so that everything behind it moves.
#[test]
fn a_change_of_one_program_costs_less_than_a_third_of_the_image() {
    let mut world = World::new();
    let authority = authority().unwrap();
    enrol(&authority, world.folder.path()).unwrap();
    let server = Server::start(&authority, world.at("repository")).unwrap();
    world.source(server.address, "");
    let (old, new) = (text(1, 400_000), text(2, 430_000));
    let of = |root: Vec<u8>, seed: u64| {
        let verity = noise(seed, root.len() / 128);
        let mut kernel = noise(5, 1 << 20);
        kernel[..100].copy_from_slice(&noise(seed, 100));
        Files {
            root,
            verity,
            kernel,
        }
    };
    let old = of(image(&world, "old", &old), 7);
    let new = of(image(&world, "new", &new), 8);
    assert_ne!(old.root.len(), new.root.len());
    let size = 16 << 20;
    for (name, bytes) in [("root-a", &old.root), ("verity-a", &old.verity)] {
        let mut partition = bytes.clone();
        partition.resize(size, 0);
        fs::write(world.at(name), partition).unwrap();
    }
    for name in ["root-b", "verity-b"] {
        fs::write(world.at(name), vec![0; size]).unwrap();
    }
    fs::write(world.at("esp/sekisho_1.0.0.efi"), &old.kernel).unwrap();
    world.publish("1.0.0", &old, &[]);
    world.publish("1.1.0", &new, &[]);

    well(&world.update(&["fetch"]));
    let (total, served) = (
        (new.root.len() + new.verity.len() + new.kernel.len()) as u64,
        server.served.load(SeqCst),
    );
    assert!(served * 100 <= total * 30, "{served} of {total}");
    well(&world.update(&["install"]));
    assert!(world.slot_b_is(&new));
}
