//! `sekisho-instrument` with an instrument on a pseudo-terminal, and with everything that goes
//! wrong on such a line (C-17, P-07).
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

const ENQ: u8 = 0x05;
const EOT: u8 = 0x04;
const ACK: u8 = 0x06;
const NAK: u8 = 0x15;

/// A result of an invented sample.
fn message(sample: u32) -> String {
    format!("H|\\^&|||ANALYSER\rP|1\rO|1|S-{sample}\rR|1|^^^GLU|98|mg/dL\rL|1|N\r")
}

/// The message in one frame.
fn frame(text: &str) -> Vec<u8> {
    let content = format!("1{text}\x03");
    let sum = content.bytes().fold(0_u8, u8::wrapping_add);
    format!("\x02{content}{sum:02X}\r\n").into_bytes()
}

struct World {
    folder: TempDir,
    program: Child,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let messages = folder.path().join("messages");
        fs::create_dir(&messages).unwrap();
        let program = Self::start(&folder);
        Self { folder, program }
    }

    fn start(folder: &TempDir) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho-instrument"));
        command.arg("--device").arg(folder.path().join("line"));
        command
            .arg("--messages")
            .arg(folder.path().join("messages"));
        command.stderr(Stdio::null()).spawn().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn plug(&self) -> Peer {
        Peer::plug(&self.path("line")).unwrap()
    }

    fn kept(&self) -> Vec<String> {
        let files = fs::read_dir(self.path("messages")).unwrap();
        let mut kept: Vec<String> = files
            .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
            .collect();
        kept.sort();
        kept
    }

    fn end(&mut self, signal: Signal) {
        kill(Pid::from_raw(self.program.id().cast_signed()), signal).unwrap();
        self.program.wait().unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Sends bytes again and again until they are answered so.
fn until(peer: &mut Peer, bytes: &[u8], answer: u8) {
    loop {
        peer.write(bytes);
        for _ in 0..20 {
            if peer.read().contains(&answer) {
                return;
            }
        }
    }
}

fn send(peer: &mut Peer, text: &str) {
    until(peer, &[ENQ], ACK);
    // It may have asked twice: the second yes is not for what it sends next.
    for _ in 0..20 {
        peer.read();
    }
    until(peer, &frame(text), ACK);
    peer.write(&[EOT]);
}

/// C-17: what was acknowledged is on the disk, whatever noise is between it, and what comes twice
/// is there once.
#[test]
fn messages_are_kept_through_noise_and_repetition() {
    let mut world = World::new();
    let mut peer = world.plug();
    for sample in [1, 2, 2, 3] {
        peer.write(b"\0\xff\x02garbage\r\n\x15\x04");
        send(&mut peer, &message(sample));
    }
    assert_eq!(world.kept(), [1, 2, 3].map(message));
    world.end(Signal::SIGTERM);
}

/// P-07: pulled out in the middle of a message, and killed; the sender begins anew.
#[test]
fn a_cut_in_the_middle_of_a_message_costs_nothing() {
    let mut world = World::new();
    for sample in 1..=3 {
        let mut peer = world.plug();
        until(&mut peer, &[ENQ], ACK);
        peer.write(&frame(&message(sample))[..30]);
        if sample == 2 {
            world.end(Signal::SIGKILL);
            world.program = World::start(&world.folder);
        }
        drop(peer);
        let mut peer = world.plug();
        send(&mut peer, &message(sample));
        assert_eq!(world.kept(), (1..=sample).map(message).collect::<Vec<_>>());
    }
}

/// What cannot be written is refused, so the instrument keeps it.
#[test]
fn a_message_that_cannot_be_written_is_not_acknowledged() {
    let world = World::new();
    let mut peer = world.plug();
    let messages = world.path("messages");
    fs::remove_dir(&messages).unwrap();
    until(&mut peer, &[ENQ], ACK);
    until(&mut peer, &frame(&message(1)), NAK);
    fs::create_dir(&messages).unwrap();
    until(&mut peer, &frame(&message(1)), ACK);
    assert_eq!(world.kept(), [message(1)]);
}
