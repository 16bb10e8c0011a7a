//! `sekisho-panel` with an emulated panel on a pseudo-terminal, and with everything that goes wrong
//! on such a line (C-01, C-06, P-07).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use emulator::Emulator;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use panel::message::Press;
use panel::shown::{Facts, Page, code, face};
use panel::{Colour, Face, Light, Line, Rhythm, Showing};
use tempfile::TempDir;

const AMBER: Light = Light::Lit(Colour::Amber, Rhythm::Slow);

struct World {
    folder: TempDir,
    program: Option<Child>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["agent", "notices", "requests"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self {
            folder,
            program: None,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho-panel"));
        command.args(["run", "--lan", "lo"]);
        for (option, name) in [
            ("--device", "panel"),
            ("--health", "agent/health.json"),
            ("--notices", "notices"),
            ("--requests", "requests"),
            ("--blink", "blink"),
        ] {
            command.arg(option).arg(self.path(name));
        }
        self.program = Some(command.stderr(Stdio::piped()).spawn().unwrap());
    }

    fn plug(&self) -> Emulator {
        Emulator::plug(&self.path("panel")).unwrap()
    }

    /// Ends the program and gives what it said.
    fn stop(&mut self, signal: Signal) -> Output {
        let program = self.program.take().unwrap();
        kill(Pid::from_raw(program.id().cast_signed()), signal).unwrap();
        program.wait_with_output().unwrap()
    }

    fn notice(&self, name: &str) {
        fs::write(self.path("notices").join(name), "").unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(program) = &mut self.program {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

/// Goes on until the panel shows such a face.
fn until(emulator: &mut Emulator, wanted: impl Fn(&Face) -> bool) {
    loop {
        emulator.turn();
        if let Showing::Face(face) = emulator.showing()
            && wanted(&face)
        {
            return;
        }
    }
}

fn until_line(emulator: &mut Emulator, text: &str) {
    until(emulator, |face| face.lines[0] == Line::new(text));
}

const NOBODY_MEASURES: &str = "ｷｷ ｼﾞｮｳﾀｲ ﾌﾒｲ";
const STICK: &str = "USB ﾐﾄｳﾛｸ";

/// C-01: what the real agent measures is on the panel, and its silence too.
#[test]
fn the_health_of_the_agent_is_shown() {
    let mut world = World::new();
    let mut emulator = world.plug();
    world.start();
    until_line(&mut emulator, NOBODY_MEASURES);
    let mut agent = Command::new(env!("CARGO_BIN_EXE_sekisho-agent"))
        .args(["run", "--interval", "1", "--data-dir"])
        .arg(world.path("agent"))
        .spawn()
        .unwrap();
    // The loopback is no local network, so that is the worst that is left.
    until_line(&mut emulator, "LAN ｱﾄﾞﾚｽ ﾅｼ");
    agent.kill().unwrap();
    agent.wait().unwrap();
    let [_, network, _] = face_of(&emulator).lights;
    assert_eq!(network, Light::Lit(Colour::Red, Rhythm::Fast));
}

fn face_of(emulator: &Emulator) -> Face {
    emulator.showing().face()
}

/// C-06: an unregistered stick is an amber light for as long as it is in the port.
#[test]
fn a_stick_is_shown_while_it_is_in_the_port() {
    let mut world = World::new();
    let mut emulator = world.plug();
    world.start();
    world.notice("media-ignored");
    until_line(&mut emulator, STICK);
    assert_eq!(face_of(&emulator).lights[2], AMBER);
    fs::remove_file(world.path("notices/media-ignored")).unwrap();
    until_line(&mut emulator, NOBODY_MEASURES);
}

/// The order of the centre by which a device is found among others.
#[test]
fn all_lights_blink_while_the_centre_wants_it() {
    let mut world = World::new();
    let mut emulator = world.plug();
    world.start();
    let until = jiff::Timestamp::now().as_second() + 600;
    fs::write(world.path("blink"), format!("{until}\n")).unwrap();
    self::until(&mut emulator, |face| face.lights == [AMBER; 3]);
    assert_eq!(face_of(&emulator).lines[0], Line::new("ｺﾉ ｷｶｲ ﾃﾞｽ"));
    fs::write(world.path("blink"), "0\n").unwrap();
    until_line(&mut emulator, NOBODY_MEASURES);
}

#[test]
fn the_button_turns_pages_and_asks_for_a_self_test() {
    let mut world = World::new();
    let mut emulator = world.plug();
    world.start();
    until_line(&mut emulator, NOBODY_MEASURES);
    let facts = Facts::default();
    for page in [Page::Code, Page::Address, Page::State] {
        emulator.press(Press::Short);
        until(&mut emulator, |shown| *shown == face(&facts, page));
    }
    let request = world.path("requests/self-test");
    assert!(!request.exists());
    emulator.press(Press::Long);
    while !request.exists() {
        emulator.turn();
    }
}

/// P-07: a panel that is absent, comes, is pulled out and comes again. Each absence is told once.
#[test]
fn a_panel_may_come_and_go() {
    let mut world = World::new();
    world.start();
    world.notice("media-ignored");
    let program = world.program.as_mut().unwrap();
    let mut said = BufReader::new(program.stderr.take().unwrap()).lines();
    for _ in 0..3 {
        let told = said.by_ref().map_while(Result::ok);
        let code = told.filter_map(|line| Some(line.split_once(' ')?.0.to_owned()));
        assert_eq!(
            code.into_iter().find(|it| it.starts_with("AG")).unwrap(),
            "AG61"
        );
        let mut emulator = world.plug();
        until_line(&mut emulator, STICK);
    }
    assert!(world.stop(Signal::SIGTERM).status.success());
    let rest = said.map_while(Result::ok).filter(|it| it.starts_with("AG"));
    assert!(rest.count() <= 1);
}

/// P-07: noise, half frames and a flood of bytes; the panel shows what is new all the same.
#[test]
fn noise_and_floods_are_survived() {
    let mut world = World::new();
    let mut emulator = world.plug();
    world.start();
    until_line(&mut emulator, NOBODY_MEASURES);
    let half = &panel::message::FromPanel::Taken { sequence: 1 }
        .to_frame()
        .to_wire()[..4];
    let noise: [&[u8]; 5] = [
        &[0; 2_000],
        &[0xFF; 2_000],
        b"\x01\x02\x03",
        half,
        b"AT+RESET\r\n",
    ];
    for round in 0..6 {
        for bytes in noise {
            emulator.noise(bytes);
        }
        let (name, line) = match round % 2 {
            0 => ("media-ignored", STICK),
            _ => ("media-done", "USB ﾖﾐﾄﾘ ｶﾝﾘｮｳ"),
        };
        let notices = world.path("notices");
        fs::remove_dir_all(&notices).unwrap();
        fs::create_dir(&notices).unwrap();
        world.notice(name);
        until_line(&mut emulator, line);
    }
    // A panel that answers nothing while it speaks without end.
    for _ in 0..2_000 {
        emulator.noise(&[0x55; 64]);
    }
    assert!(world.stop(Signal::SIGTERM).status.success());
}

#[test]
fn a_restarted_program_shows_again() {
    let mut world = World::new();
    let mut emulator = world.plug();
    world.notice("media-ignored");
    world.start();
    until_line(&mut emulator, STICK);
    world.stop(Signal::SIGKILL);
    fs::remove_file(world.path("notices/media-ignored")).unwrap();
    world.start();
    until_line(&mut emulator, NOBODY_MEASURES);
}

/// What the panel shows is what the help desk finds.
#[test]
fn the_help_desk_finds_a_code_and_hears_of_a_misread_one() {
    let ask = |code: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho-panel"));
        command.args(["code", code]).output().unwrap()
    };
    let right = code(&Facts::default()).to_string();
    let said = ask(&right.to_lowercase());
    assert!(said.status.success());
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(
        said.starts_with(&format!("{right}  {NOBODY_MEASURES}")),
        "{said}"
    );
    for (code, answer) in [("D0010X", "AG65 "), ("D001", "AG65 ")] {
        let said = ask(code);
        assert_eq!(said.status.code(), Some(1));
        assert!(
            String::from_utf8(said.stderr).unwrap().starts_with(answer),
            "{code}"
        );
    }
    let unknown = panel::code::Code::new(panel::code::Layer::Network, 77).to_string();
    let said = String::from_utf8(ask(&unknown).stderr).unwrap();
    assert!(said.starts_with("AG66 "), "{said}");
}
