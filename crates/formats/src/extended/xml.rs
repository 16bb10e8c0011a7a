//! XML as bytes: its text whatever the encoding, and the name of its root.

use memchr::memmem;
use record::{Finding, FindingCode};
use text::jis::{self, Encoding};

/// A file as text, with what had to be said about its encoding.
pub(super) struct Decoded {
    /// The text without a byte order mark.
    pub(super) text: String,
    /// What was met.
    pub(super) findings: Vec<Finding>,
}

/// Decodes a whole file: UTF-16 by its mark or its zeros, else what the Japanese decoder makes of
/// it. What the file declares only decides whether that is a deviation.
pub(super) fn decode(bytes: &[u8]) -> Decoded {
    match bytes {
        [0xFF, 0xFE, rest @ ..] => return utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => return utf16(rest, u16::from_be_bytes),
        [b'<', 0, ..] => return utf16(bytes, u16::from_le_bytes),
        [0, b'<', ..] => return utf16(bytes, u16::from_be_bytes),
        _ => {}
    }
    let decoded = jis::decode(bytes, declared(bytes));
    let text = match decoded.text.strip_prefix('\u{FEFF}') {
        Some(rest) => rest.to_owned(),
        None => decoded.text,
    };
    Decoded {
        text,
        findings: decoded.repairs.findings().collect(),
    }
}

/// The local name of the first element; `None` when something else comes before it.
pub(super) fn root_name(text: &str) -> Option<&str> {
    let mut rest = text.trim_start();
    loop {
        rest = rest.strip_prefix('<')?;
        let end = if rest.starts_with("!--") {
            rest.find("-->")? + 3
        } else if rest.starts_with('?') {
            rest.find("?>")? + 2
        } else if rest.starts_with('!') {
            declaration_end(rest)?
        } else {
            break;
        };
        rest = rest.get(end..)?.trim_start();
    }
    let ends = |c: char| c.is_whitespace() || matches!(c, '>' | '/');
    let name = rest.get(..rest.find(ends)?)?;
    let first = name.chars().next()?;
    let local = name.rsplit(':').next().unwrap_or(name);
    (first.is_alphabetic() || first == '_').then_some(local)
}

/// Where a document type declaration ends, its inner part in brackets included.
fn declaration_end(text: &str) -> Option<usize> {
    let close = text.find('>')?;
    match text.find('[').filter(|open| *open < close) {
        Some(open) => {
            let after = text.get(open..)?.find(']')? + open;
            Some(text.get(after..)?.find('>')? + after + 1)
        }
        None => Some(close + 1),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Decoded {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut damaged = !rest.is_empty();
    let units = pairs.iter().map(|pair| unit(*pair));
    let text = char::decode_utf16(units)
        .map(|read| {
            damaged |= read.is_err();
            read.unwrap_or(char::REPLACEMENT_CHARACTER)
        })
        .collect();
    let findings = damaged.then_some(FindingCode::CharacterUndecodable);
    Decoded {
        text,
        findings: findings.into_iter().map(Finding::of_file).collect(),
    }
}

/// What the XML declaration says; without one it is UTF-8.
fn declared(bytes: &[u8]) -> Encoding {
    const HEADER: usize = 256;
    let header = bytes.get(..HEADER).unwrap_or(bytes).to_ascii_lowercase();
    let end = memmem::find(&header, b"?>").unwrap_or(0);
    let header = header.get(..end).unwrap_or_default();
    let says = |name: &str| memmem::find(header, name.as_bytes()).is_some();
    if says("shift_jis") || says("windows-31j") || says("cp932") || says("ms932") {
        Encoding::Cp932
    } else if says("euc-jp") {
        Encoding::EucJp
    } else if says("iso-2022-jp") {
        Encoding::Iso2022Jp
    } else {
        Encoding::Utf8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_found_behind_declarations_comments_and_styles() {
        for (text, name) in [
            ("<a/>", Some("a")),
            (
                "  <?xml version='1.0'?>\n<!-- <b> --><?s x?><n:a b='1'>",
                Some("a"),
            ),
            ("<!DOCTYPE a [<!ENTITY b \"c>\">]><a>", Some("a")),
            ("<!DOCTYPE a SYSTEM 'x'><a>", Some("a")),
            ("text <a>", None),
            ("<1>", None),
            ("<!-- never ends <a>", None),
            ("<", None),
            ("", None),
        ] {
            assert_eq!(root_name(text), name, "{text}");
        }
    }
}
