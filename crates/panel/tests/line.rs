//! Both ends of the line with a bad line between them, and the vectors of the specification.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use panel::Showing;
use panel::frame::{Decoder, Frame};
use panel::message::{FromPanel, Press, Refusal, ToPanel};
use panel::{Colour, Device, Display, Event, Face, Light, Line, NO_ANSWER_MS, Rhythm, SILENT_MS};
use proptest::collection::vec;
use proptest::prelude::*;

const SPECIFICATION: &str = include_str!("../../../docs/panel.md");

fn face(text: &str) -> Face {
    Face {
        lights: [
            Light::Lit(Colour::Green, Rhythm::On),
            Light::Lit(Colour::Amber, Rhythm::Slow),
            Light::Lit(Colour::Red, Rhythm::Fast),
        ],
        lines: [Line::new(text), Line::new("192.168.1.20")],
    }
}

/// Two ends, and what happened at the device's.
struct World {
    device: Device,
    display: Display,
    now: u64,
    events: Vec<Event>,
}

impl World {
    fn new() -> Self {
        Self {
            device: Device::new(0),
            display: Display::new([1, 0, 0]),
            now: 0,
            events: Vec::new(),
        }
    }

    /// Goes on for so many steps of 100 ms. `line` says what arrives of what was sent.
    fn run(&mut self, steps: u32, mut line: impl FnMut(&[u8]) -> Vec<u8>) {
        for _ in 0..steps {
            self.now += 100;
            self.device.handle_timeout(self.now);
            while let Some(wire) = self.device.poll_transmit(self.now) {
                for byte in line(&wire) {
                    self.display.handle_byte(byte, self.now);
                }
            }
            while let Some(wire) = self.display.poll_transmit(self.now) {
                for byte in line(&wire) {
                    self.device.handle_byte(byte, self.now);
                }
            }
            self.events
                .extend(std::iter::from_fn(|| self.device.poll_event()));
        }
    }

    fn shows(&self, face: Face) -> bool {
        self.display.showing(self.now) == Showing::Face(face)
    }
}

fn clean(wire: &[u8]) -> Vec<u8> {
    wire.to_vec()
}

#[test]
fn the_newest_face_is_shown_and_kept_fresh() {
    let mut world = World::new();
    assert_eq!(world.display.showing(0), Showing::Starting);
    for text in ["ONE", "TWO", "TWO"] {
        world.device.show(face(text), world.now);
        world.run(1, clean);
        assert!(world.shows(face(text)) && world.device.is_showing());
        // The device has nothing new to say for longer than the panel waits.
        world.run(900, clean);
        assert!(world.shows(face(text)) && world.device.is_showing());
    }
    assert_eq!(world.events, []);
}

#[test]
fn a_silent_panel_is_noticed_once_and_its_return_too() {
    let mut world = World::new();
    world.device.show(face("ONE"), 0);
    let mut sent = 0;
    let steps = u32::try_from(SILENT_MS / 100).unwrap();
    world.run(steps + 900, |_| {
        sent += 1;
        Vec::new()
    });
    assert_eq!(world.events, [Event::Silent]);
    assert!(!world.device.is_showing());
    assert!(sent < 90, "an absent panel is not flooded: {sent}");
    world.run(60, clean);
    assert_eq!(world.events, [Event::Silent, Event::Back]);
    assert!(world.shows(face("ONE")));
}

#[test]
fn a_device_that_says_nothing_is_shown_as_that() {
    let mut world = World::new();
    world.device.show(face("ONE"), 0);
    world.run(1, clean);
    let steps = u32::try_from(NO_ANSWER_MS / 100).unwrap();
    world.run(steps, |_| Vec::new());
    assert_eq!(world.display.showing(world.now), Showing::NoAnswer);
    assert_eq!(
        Display::new([1, 0, 0]).showing(NO_ANSWER_MS),
        Showing::NoAnswer
    );
}

#[test]
fn a_panel_that_was_restarted_gets_the_face_again() {
    let mut world = World::new();
    world.device.show(face("ONE"), 0);
    world.run(1, clean);
    world.display = Display::new([1, 0, 0]);
    world.run(60, clean);
    assert!(world.shows(face("ONE")));
}

#[test]
fn a_press_arrives_once_though_its_answer_is_lost() {
    let mut world = World::new();
    world.display.press(Press::Short, world.now);
    // Only the panel's own frames get through.
    world.run(20, |wire| {
        let mut decoder = Decoder::new();
        let read = wire.iter().find_map(|byte| decoder.push(*byte));
        match read {
            Some(Ok(frame)) if frame.kind & 0x80 != 0 => wire.to_vec(),
            _ => Vec::new(),
        }
    });
    assert_eq!(world.events, [Event::Pressed(Press::Short)]);
    // After a restart of the panel its numbers begin anew, and the press is another.
    world.display = Display::new([1, 0, 0]);
    world.display.press(Press::Short, 50);
    world.run(5, clean);
    assert_eq!(world.events, [Event::Pressed(Press::Short); 2]);
}

#[test]
fn a_press_that_nobody_hears_is_given_up() {
    let mut world = World::new();
    world.display.press(Press::Long, world.now);
    world.run(40, |_| Vec::new());
    world.run(100, clean);
    assert_eq!(world.events, []);
}

#[test]
fn presses_that_nobody_takes_are_bounded_and_come_again() {
    let mut device = Device::new(0);
    let press = |sequence: u8| FromPanel::Pressed {
        sequence,
        press: Press::Short,
        at: u32::from(sequence),
    };
    let mut answered = 0;
    for sequence in 1..=20 {
        for byte in press(sequence).to_frame().to_wire() {
            device.handle_byte(byte, 0);
        }
        answered += i32::from(device.poll_transmit(0).is_some());
    }
    assert_eq!(answered, 8);
    assert_eq!(std::iter::from_fn(|| device.poll_event()).count(), 8);
}

#[test]
fn another_version_is_refused_and_told_once() {
    let mut world = World::new();
    world.device.show(face("ONE"), 0);
    let newer = {
        let crc = crc::Crc::<u16>::new(&crc::CRC_16_IBM_3740);
        let content = [2, 1, 1, 0];
        let body = [content.as_slice(), &crc.checksum(&content).to_be_bytes()].concat();
        let mut wire = [0; 16];
        let size = cobs::encode_including_sentinels(&body, &mut wire);
        wire[..size].to_vec()
    };
    world.run(30, |_| newer.clone());
    assert_eq!(world.events, [Event::Incompatible(Refusal::Version)]);
    let wire = world.display.poll_transmit(world.now + 10_000).unwrap();
    let mut decoder = Decoder::new();
    let frame = wire.iter().find_map(|byte| decoder.push(*byte)).unwrap();
    assert_ne!(FromPanel::read(&frame.unwrap()), Err(Refusal::Type));
}

/// A line whose receiver is tied to its sender makes neither end speak for ever.
#[test]
fn a_line_that_echoes_is_silent_and_not_flooded() {
    let (mut device, mut display) = (Device::new(0), Display::new([1, 0, 0]));
    device.show(face("ONE"), 0);
    let (mut sent, mut events) = (0, Vec::new());
    for now in (0..60_000).step_by(100) {
        device.handle_timeout(now);
        // More than this at once would never end.
        for _ in 0..20 {
            let (one, other) = (device.poll_transmit(now), display.poll_transmit(now));
            for byte in one.iter().flatten() {
                device.handle_byte(*byte, now);
            }
            for byte in other.iter().flatten() {
                display.handle_byte(*byte, now);
            }
            sent += i32::from(one.is_some()) + i32::from(other.is_some());
        }
        events.extend(device.poll_event());
    }
    assert_eq!(events, [Event::Silent]);
    assert!(sent < 100, "{sent}");
}

/// The bytes of the specification are those of the program.
#[test]
fn the_vectors_of_the_specification_hold() {
    let vectors: Vec<(&str, Vec<u8>)> = SPECIFICATION
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split_once("` | `"))
        .map(|(name, rest)| {
            let hex = rest.split_once('`').unwrap().0;
            let bytes = hex.split(' ').map(|it| u8::from_str_radix(it, 16).unwrap());
            (name, bytes.collect())
        })
        .collect();
    let shown = Face {
        lights: [
            Light::Lit(Colour::Green, Rhythm::On),
            Light::Lit(Colour::Red, Rhythm::Fast),
            Light::Off,
        ],
        lines: [Line::new("ｶｲｾﾝ ｶﾞ ｷﾚﾃｲﾙ"), Line::new("192.168.1.20")],
    };
    let to = |it: ToPanel| it.to_frame();
    let from = |it: FromPanel| it.to_frame();
    let expected = [
        (
            "face",
            to(ToPanel::Face {
                sequence: 1,
                face: shown,
            }),
        ),
        ("heard", to(ToPanel::Heard { sequence: 7 })),
        ("taken", from(FromPanel::Taken { sequence: 1 })),
        (
            "refused",
            from(FromPanel::Refused {
                sequence: 1,
                reason: Refusal::Version,
            }),
        ),
        (
            "pressed",
            from(FromPanel::Pressed {
                sequence: 7,
                press: Press::Long,
                at: 61_000,
            }),
        ),
        (
            "alive",
            from(FromPanel::Alive {
                shown: 1,
                firmware: [1, 0, 3],
            }),
        ),
    ];
    let written = expected.map(|(name, frame)| (name, frame.to_wire().to_vec()));
    let hex =
        |bytes: &[u8]| -> Vec<String> { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let readable: Vec<String> = written
        .iter()
        .map(|(name, bytes)| format!("| `{name}` | `{}` |", hex(bytes).join(" ")))
        .collect();
    assert_eq!(vectors, written, "\n{}", readable.join("\n"));
}

fn any_frame() -> impl Strategy<Value = Frame> {
    (any::<[u8; 2]>(), vec(any::<u8>(), 0..48))
        .prop_map(|([kind, sequence], payload)| Frame::with(kind, sequence, &payload))
}

proptest! {
    /// P-07: whatever the line does to frames for a while, once it is good again the panel shows
    /// the newest face and every later press arrives once.
    #[test]
    fn a_bad_line_delays_and_never_confuses(
        faults in vec((0_u8..6, any::<u16>(), any::<u8>()), 1..60),
        texts in vec("[A-Z]{1,16}", 1..6),
    ) {
        let mut world = World::new();
        let mut faults = faults.into_iter().cycle().take(400);
        let mut bad = |wire: &[u8]| {
            let mut bytes = wire.to_vec();
            let (kind, place, value) = faults.next().unwrap_or((5, 0, 0));
            let place = usize::from(place) % bytes.len();
            match kind {
                0 => bytes.clear(),
                1 => bytes[place] = value,
                2 => { bytes.remove(place); }
                3 => bytes.insert(place, value),
                4 => bytes.truncate(place),
                _ => {}
            }
            bytes
        };
        for text in &texts {
            world.device.show(face(text), world.now);
            world.run(7, &mut bad);
        }
        world.run(60, clean);
        prop_assert!(world.shows(face(texts.last().unwrap())));
        prop_assert!(world.device.is_showing());
        world.events.clear();
        world.display.press(Press::Long, world.now);
        world.run(30, clean);
        prop_assert_eq!(&world.events, &[Event::Pressed(Press::Long)]);
    }

    /// Frames of anything, in any order, break neither end, and each is answered at most once.
    #[test]
    fn any_frames_are_survived(frames in vec(any_frame(), 0..60)) {
        let mut world = World::new();
        world.device.show(face("ONE"), 0);
        for frame in frames {
            for byte in frame.to_wire() {
                world.device.handle_byte(byte, world.now);
                world.display.handle_byte(byte, world.now);
            }
            let answers = std::iter::from_fn(|| world.display.poll_transmit(world.now));
            prop_assert!(answers.count() <= 2);
            while world.device.poll_event().is_some() {}
        }
        world.run(60, clean);
        prop_assert!(world.shows(face("ONE")));
    }

    #[test]
    fn what_is_read_is_written_alike(frame in any_frame()) {
        if let Ok(message) = ToPanel::read(&frame) {
            prop_assert_eq!(message.to_frame(), frame.clone());
        }
        if let Ok(message) = FromPanel::read(&frame) {
            prop_assert_eq!(message.to_frame(), frame);
        }
    }
}
