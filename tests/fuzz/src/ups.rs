//! The serial line of a supply with a battery: its protocol has no checksum, and anything may hang
//! on the plug.

use ups::{Limits, Power, Reader, Watch};

const LIMITS: Limits = Limits {
    battery_ms: 300_000,
};
const MAINS: &[u8] = b"(100.4 100.0 101.0 034 50.0 2.05 35.0 00000000\r";
const LOW: &[u8] = b"(000.0 000.0 101.0 034 50.0 1.75 35.0 11000000\r";

/// The bytes of the line, in pieces that a line feed ends; a question comes before each.
pub(crate) fn run(data: &[u8]) {
    let mut watch = Watch::new(LIMITS, 0);
    // The same bytes without the questions: an answer may span pieces.
    let (mut reader, mut on_battery) = (Reader::new(), 0);
    for piece in data.split(|byte| *byte == b'\n') {
        let now = watch.poll_timeout();
        let sent = std::iter::from_fn(|| watch.poll_transmit(now)).count();
        assert_eq!(sent, 1, "one line at a time");
        for byte in piece {
            watch.handle_byte(*byte, now);
            let read = reader.push(*byte);
            on_battery += usize::from(matches!(read, Some(Ok(it)) if it.on_battery));
        }
        watch.handle_timeout(now);
    }
    // Whatever came, one answer of a battery never stops the device.
    assert!(
        !watch.standing().stop || on_battery >= 2,
        "stopped by one answer"
    );
    recovers(watch);
}

/// Once the line is good, the mains are told; a stop that was decided stays.
fn recovers(mut watch: Watch) {
    let stopping = watch.standing().stop;
    for _ in 0..8 {
        let now = watch.poll_timeout();
        watch.poll_transmit(now);
        for byte in [b"\r", MAINS].concat() {
            watch.handle_byte(byte, now);
        }
        watch.handle_timeout(now);
    }
    let standing = watch.standing();
    assert_eq!(standing.power, Some(Power::Mains), "not recovered");
    assert!(!standing.silent && standing.stop >= stopping);
}

/// A supply on the mains, one whose battery gets low, noise, and half an answer.
pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let (half, _) = LOW.split_at(30);
    [
        ("mains", [MAINS, b"\n", MAINS].concat()),
        ("low", [MAINS, b"\n", LOW, b"\n", LOW, b"\n", LOW].concat()),
        ("noise", b"\0\xff((#NAK\r\n(ACK\r".to_vec()),
        ("half", [half, MAINS, b"\n", half].concat()),
        (
            "hyphens",
            b"(---.- ---.- 101.1 000 50.1 26.9 --.- 10001010\r".to_vec(),
        ),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .into()
}
