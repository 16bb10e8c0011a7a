//! The decoder of whole files: `text::jis` with what recognises other encodings.

use record::FindingCode;
use text::jis::{Encoding, Origin, Repair, decode, encode, origin};

/// What the decoder promises of its memory.
const GROWTH: usize = 4;
const ENCODINGS: [Encoding; 4] = [
    Encoding::Iso2022Jp,
    Encoding::Utf8,
    Encoding::Cp932,
    Encoding::EucJp,
];

/// Any bytes, as a file.
pub(crate) fn run(data: &[u8]) {
    let decoded = decode(data, Encoding::Iso2022Jp);
    let (text, repairs) = (decoded.text.as_str(), &decoded.repairs);
    assert!(text.len() <= data.len() * GROWTH, "too long");
    for declared in ENCODINGS {
        let other = decode(data, declared);
        assert!(other.text == text, "a declaration changes the text");
    }
    let framed = data.iter().filter(|b| matches!(b, 0x0B | 0x1C)).count();
    assert_eq!(framed, repairs.count(Repair::Framing) as usize, "framing");
    line_ends_stay(data, text);
    let lines = text.split(['\r', '\n']).count() + 1;
    for (repair, count) in repairs.iter() {
        assert!(count as usize <= data.len() + 1, "{repair:?}");
        assert!(repairs.first_line(repair) as usize <= lines, "{repair:?}");
    }
    lost_is_counted(text, repairs.count(Repair::Undecodable));
    let codes: Vec<FindingCode> = repairs.findings().map(|finding| finding.code).collect();
    assert!(codes.is_sorted_by(|one, other| one < other), "told twice");
    if repairs.is_clean() {
        assert!(encode(text).as_deref() == Ok(data), "a clean file changes");
    }
    let switches = [0x0B, 0x0E, 0x0F, 0x1B, 0x1C];
    if data.is_ascii() && !data.iter().any(|b| switches.contains(b)) {
        assert!(text.as_bytes() == data && repairs.is_clean(), "ASCII");
    }
    text_returns(text);
}

/// Nothing swallows the end of a line, or a damaged line would hide the next one.
fn line_ends_stay(data: &[u8], text: &str) {
    for end in [b'\r', b'\n'] {
        let before = data.iter().filter(|&&b| b == end).count();
        let after = text.bytes().filter(|&b| b == end).count();
        assert_eq!(before, after, "line ends {end}");
    }
}

/// What has no character is kept as a private code point, and each is counted.
fn lost_is_counted(text: &str, counted: u32) {
    let lost = |c: char| {
        c == char::REPLACEMENT_CHARACTER
            || matches!(origin(c), Some(Origin::Cell(..) | Origin::Byte(_)))
    };
    let lost = text.chars().filter(|&c| lost(c)).count();
    assert_eq!(counted as usize, lost, "what is lost");
}

/// What can be written in the encoding of the standard is read back as it was.
fn text_returns(text: &str) {
    let switches = |c: char| {
        matches!(c, '\u{0B}' | '\u{0E}' | '\u{0F}' | '\u{1B}' | '\u{1C}')
            || matches!(origin(c), Some(Origin::Byte(_)))
    };
    if text.contains(switches) {
        return;
    }
    if let Ok(bytes) = encode(text) {
        let again = decode(&bytes, Encoding::Iso2022Jp);
        // Two signs of one cell come back as one of them, from then on always.
        assert!(encode(&again.text) == Ok(bytes), "a text does not return");
        let same = again.text.chars().count() == text.chars().count();
        assert!(same, "a text comes back longer or shorter");
    }
}
