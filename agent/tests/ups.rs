//! `sekisho-ups` with a supply on a pseudo-terminal, and with everything that goes wrong on such a
//! line (C-17, P-07).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use emulator::Peer;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

const MAINS: &str = "(100.4 100.0 101.0 034 50.0 2.05 35.0 00000000\r";
const BATTERY: &str = "(000.0 000.0 101.0 034 50.0 2.05 35.0 10000000\r";
const LOW: &str = "(000.0 000.0 101.0 034 50.0 1.75 35.0 11000000\r";

struct World {
    folder: TempDir,
    program: Child,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho-ups"));
        for name in ["notices", "requests"] {
            fs::create_dir(folder.path().join(name)).unwrap();
            command
                .arg(format!("--{name}"))
                .arg(folder.path().join(name));
        }
        command.arg("--device").arg(folder.path().join("ups"));
        let program = command.stderr(Stdio::null()).spawn().unwrap();
        Self { folder, program }
    }

    fn plug(&self) -> Peer {
        Peer::plug(&self.path("ups")).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The notices that stand, and whether a stop was asked for.
    fn told(&self) -> (Vec<String>, bool) {
        let files = fs::read_dir(self.path("notices")).unwrap();
        let mut names: Vec<String> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        (names, self.path("requests/stop").exists())
    }

    /// Answers each question so until this is told. Gives the commands that came.
    fn answer_until(&self, peer: &mut Peer, answer: &str, notices: &[&str], stop: bool) -> String {
        let mut came = String::new();
        loop {
            let bytes = peer.read();
            came.push_str(&String::from_utf8_lossy(&bytes));
            while let Some((before, behind)) = came.split_once("Q1\r") {
                came = format!("{before}{behind}");
                peer.write(answer.as_bytes());
            }
            let (told, stopping) = self.told();
            if told == notices && stopping == stop {
                return came;
            }
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// C-17: a power cut is told, and a low battery stops the device.
#[test]
fn a_low_battery_asks_for_a_stop() {
    let mut world = World::new();
    let mut peer = world.plug();
    world.answer_until(&mut peer, BATTERY, &["on-battery"], false);
    world.answer_until(&mut peer, LOW, &["battery-low", "on-battery"], true);
    let mut commands = String::new();
    while !commands.contains("S02R0001\r") {
        commands.push_str(&String::from_utf8_lossy(&peer.read()));
    }
    kill(
        Pid::from_raw(world.program.id().cast_signed()),
        Signal::SIGTERM,
    )
    .unwrap();
    assert!(world.program.wait().unwrap().success());
}

/// P-07: noise, half answers, a flood, a supply that is pulled out; none of it stops the device.
#[test]
fn faults_of_the_line_stop_nothing() {
    let world = World::new();
    let mut peer = world.plug();
    world.answer_until(&mut peer, BATTERY, &["on-battery"], false);
    let half = "(000.0 000.0 101.0 034 50.0 1.75 35.0 110";
    for noise in [
        "\0\0\0",
        "((((((((",
        half,
        &half.repeat(50),
        &LOW.repeat(20),
    ] {
        peer.write(noise.as_bytes());
    }
    world.answer_until(&mut peer, &format!("\0{half}{MAINS}"), &[], false);
    drop(peer);
    while world.told().0 != ["ups-silent"] {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    world.answer_until(&mut world.plug(), MAINS, &[], false);
}

/// P-07: a supply that was on its battery and then says nothing has most likely given up.
#[test]
fn a_supply_that_is_lost_on_the_battery_asks_for_a_stop() {
    let world = World::new();
    let mut peer = world.plug();
    world.answer_until(&mut peer, BATTERY, &["on-battery"], false);
    world.answer_until(
        &mut peer,
        "",
        &["battery-low", "on-battery", "ups-silent"],
        true,
    );
}
