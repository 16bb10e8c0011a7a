//! The serial line of the front panel, at both of its ends: anything may hang on a plug.

use panel::frame::{Decoder, Frame, WIRE_MAX};
use panel::message::{FromPanel, Press, Refusal, ToPanel};
use panel::{Colour, Device, Display, Face, Light, Line, Rhythm, Showing};

/// The bytes of the line in pieces: each piece begins with the half seconds that go by before it
/// and its length.
pub(crate) fn run(data: &[u8]) {
    frames(data);
    let (mut device, mut display) = (Device::new(0), Display::new([1, 0, 0]));
    device.show(face("ONE"), 0);
    let (mut rest, mut now) = (data, 0);
    while let [wait, length, behind @ ..] = rest {
        now += u64::from(*wait) * 500;
        let (piece, behind) = behind.split_at(behind.len().min(usize::from(*length)));
        rest = behind;
        device.handle_timeout(now);
        for byte in piece {
            device.handle_byte(*byte, now);
            display.handle_byte(*byte, now);
        }
        let sent = std::iter::from_fn(|| device.poll_transmit(now)).count();
        assert!(sent <= 2, "more than a face and an answer");
        let sent = std::iter::from_fn(|| display.poll_transmit(now)).count();
        assert!(sent <= 6, "more than the answers that may wait");
        let events = std::iter::from_fn(|| device.poll_event()).count();
        assert!(events <= 8, "more than may wait");
    }
    recovers(device, display, now);
}

/// What is read says the same when it is written again, byte for byte.
fn frames(data: &[u8]) {
    let mut decoder = Decoder::new();
    for (place, byte) in data.iter().enumerate() {
        let Some(Ok(frame)) = decoder.push(*byte) else {
            continue;
        };
        let wire = frame.to_wire();
        assert!(wire.len() <= WIRE_MAX, "a frame that is too large");
        // Its first mark may be the last of the frame before, or the begin of the line.
        let inner = wire.get(1..).unwrap_or_default();
        let read = data.get(..=place).unwrap_or_default();
        assert!(read.ends_with(inner), "read otherwise than written");
        if let Ok(message) = ToPanel::read(&frame) {
            assert_eq!(message.to_frame(), frame, "says otherwise");
        }
        if let Ok(message) = FromPanel::read(&frame) {
            assert_eq!(message.to_frame(), frame, "says otherwise");
        }
    }
}

/// Whatever came before, once the line is good the newest face is shown within six seconds.
fn recovers(mut device: Device, mut display: Display, mut now: u64) {
    let newest = face("NEWEST");
    device.show(newest, now);
    for _ in 0..60 {
        while let Some(wire) = device.poll_transmit(now) {
            wire.iter().for_each(|byte| display.handle_byte(*byte, now));
        }
        while let Some(wire) = display.poll_transmit(now) {
            wire.iter().for_each(|byte| device.handle_byte(*byte, now));
        }
        now += 100;
    }
    assert_eq!(display.showing(now), Showing::Face(newest), "not recovered");
    assert!(device.is_showing(), "not confirmed");
}

fn face(text: &str) -> Face {
    Face {
        lights: [
            Light::Off,
            Light::Lit(Colour::Amber, Rhythm::Slow),
            Light::Lit(Colour::Red, Rhythm::Fast),
        ],
        lines: [Line::new(text), Line::new("ｾｲｼﾞｮｳ")],
    }
}

/// Each message as a piece, one that nobody knows, and all of them behind each other.
pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let frames = [
        (
            "face",
            ToPanel::Face {
                sequence: 1,
                face: face("ONE"),
            }
            .to_frame(),
        ),
        ("heard", ToPanel::Heard { sequence: 7 }.to_frame()),
        ("taken", FromPanel::Taken { sequence: 1 }.to_frame()),
        (
            "refused",
            FromPanel::Refused {
                sequence: 1,
                reason: Refusal::Content,
            }
            .to_frame(),
        ),
        (
            "pressed",
            FromPanel::Pressed {
                sequence: 7,
                press: Press::Long,
                at: 9,
            }
            .to_frame(),
        ),
        (
            "alive",
            FromPanel::Alive {
                shown: 1,
                firmware: [1, 0, 0],
            }
            .to_frame(),
        ),
        ("unknown", Frame::with(0x7F, 1, b"?")),
    ];
    let piece = |frame: &Frame| {
        let wire = frame.to_wire();
        let length = u8::try_from(wire.len()).unwrap_or(u8::MAX);
        [&[1, length], wire.as_slice()].concat()
    };
    let all: Vec<u8> = frames.iter().flat_map(|(_, frame)| piece(frame)).collect();
    let each = frames
        .iter()
        .map(|(name, frame)| ((*name).to_owned(), piece(frame)));
    each.chain([("all".to_owned(), all)]).collect()
}
