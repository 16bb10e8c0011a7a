//! The line of an instrument, the receiver's side: anything may hang on the plug.

use formats::astm::{MESSAGE_MAX, Receiver};

const ENQ: u8 = 0x05;
const ACK: u8 = 0x06;
const EOT: u8 = 0x04;
const NAK: u8 = 0x15;
const MESSAGE: &[u8] = b"H|\\^&\rR|1|^^^GLU|98\rL|1|N\r";

/// The first byte says whether the disk takes what is to be kept; the rest is the line.
pub(crate) fn run(data: &[u8]) {
    let Some((disk, line)) = data.split_first() else {
        return;
    };
    let mut receiver = Receiver::new();
    for byte in line {
        take(&mut receiver, *byte, disk % 2 == 0);
    }
    // Whatever came, a sender that begins anew is heard.
    let frame = frame(1, MESSAGE);
    let (mut answers, mut kept) = (Vec::new(), Vec::new());
    for byte in [&[ENQ], frame.as_slice()].concat() {
        let (answer, message) = take(&mut receiver, byte, true);
        answers.extend(answer);
        kept.extend(message);
    }
    assert_eq!(
        (answers, kept),
        (vec![ACK; 2], MESSAGE.to_vec()),
        "not recovered"
    );
}

/// One byte: what was answered, and what was kept.
fn take(receiver: &mut Receiver, byte: u8, disk: bool) -> (Option<u8>, Vec<u8>) {
    receiver.handle_byte(byte, 0);
    let message = receiver.message().map(<[u8]>::to_vec);
    if let Some(message) = &message {
        assert!(
            receiver.poll_transmit().is_none(),
            "acknowledged before it is kept"
        );
        assert!(
            message.starts_with(b"H") && message.ends_with(b"\r"),
            "no message"
        );
        assert!(message.len() <= MESSAGE_MAX, "a message without a bound");
        receiver.handle_kept(disk);
    }
    let answer = receiver.poll_transmit();
    assert!(
        matches!(answer, None | Some(ACK | NAK)),
        "no answer of the protocol"
    );
    assert!(
        receiver.poll_transmit().is_none(),
        "two answers to one byte"
    );
    if message.is_some() {
        assert_eq!(
            answer,
            Some(if disk { ACK } else { NAK }),
            "answered otherwise"
        );
    }
    (answer, message.unwrap_or_default())
}

fn frame(number: u8, text: &[u8]) -> Vec<u8> {
    let content = [&[b'0' + number % 8], text, &[0x03]].concat();
    let sum = content
        .iter()
        .fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    [
        &[0x02],
        content.as_slice(),
        format!("{sum:02X}\r\n").as_bytes(),
    ]
    .concat()
}

/// Sessions: one frame, a frame for each record, a repeated frame, one that is broken off.
pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let whole = frame(1, MESSAGE);
    let records = MESSAGE.split_inclusive(|byte| *byte == b'\r');
    let each: Vec<u8> = (1..)
        .zip(records)
        .flat_map(|(number, record)| frame(number, record))
        .collect();
    let half = whole.get(..20).unwrap_or_default();
    [
        ("whole", [&[0, ENQ], whole.as_slice(), &[EOT]].concat()),
        ("records", [&[0, ENQ], each.as_slice(), &[EOT]].concat()),
        (
            "twice",
            [&[0, ENQ], whole.as_slice(), &whole, &[EOT]].concat(),
        ),
        (
            "refused",
            [&[1, ENQ], whole.as_slice(), &whole, &[EOT]].concat(),
        ),
        ("half", [&[0, ENQ], half, &[ENQ], whole.as_slice()].concat()),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .into()
}
