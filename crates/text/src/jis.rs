//! Decoding a whole file: ISO-2022-JP as sites really write it, and what they write instead.
//!
//! The standard wants ISO-2022-JP (JIS X 0208 and ASCII). Sites leave character sets open at line
//! ends, use half-width kana, other escape sequences, transport framing, or another encoding
//! altogether. [`decode`] reads all of these, never fails, and tells what it met in [`Repairs`].

use std::borrow::Cow;

use memchr::{memchr2, memchr2_iter};
use record::FindingCode;

use crate::{detect, iso2022};

/// A character encoding that a file can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Encoding {
    /// ISO-2022-JP, the one that the standard asks for (MSH-18 `~ISO IR87`); also pure ASCII.
    #[default]
    Iso2022Jp,
    /// UTF-8.
    Utf8,
    /// Shift_JIS with the extensions of Windows.
    Cp932,
    /// EUC-JP.
    EucJp,
}

/// What had to be repaired, as counts; all zero for a clean file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Repairs {
    /// Lines that ended (or files) while another character set than ASCII was still open.
    pub left_open: u32,
    /// Escape sequences and shifts that the standard does not have.
    pub escapes: u32,
    /// Stretches of half-width kana, in whichever of its three ways of writing.
    pub half_width: u32,
    /// Characters that became U+FFFD.
    pub undecodable: u32,
    /// Private-use characters (外字).
    pub private_use: u32,
    /// Framing bytes 0x0B and 0x1C taken out.
    pub framing: u32,
    /// The encoding that was recognised, when it is not the declared one.
    pub encoding: Option<Encoding>,
}

impl Repairs {
    /// What to report about the file.
    pub fn findings(self) -> impl Iterator<Item = FindingCode> {
        let escapes = self.left_open + self.escapes + self.half_width > 0;
        let lost = self.undecodable + self.private_use > 0;
        [
            (escapes, FindingCode::EscapeRepaired),
            (self.encoding.is_some(), FindingCode::EncodingDeviates),
            (lost, FindingCode::CharacterUndecodable),
            (self.framing > 0, FindingCode::FramingRemoved),
        ]
        .into_iter()
        .filter_map(|(met, code)| met.then_some(code))
    }
}

/// A file as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The text.
    pub text: String,
    /// What was repaired on the way.
    pub repairs: Repairs,
}

/// Decodes a whole file. `declared` is what the file says of itself; it decides nothing but
/// whether another encoding is a deviation, because declarations are often wrong.
///
/// Never fails: what cannot be decoded becomes U+FFFD and is counted.
pub fn decode(bytes: &[u8], declared: Encoding) -> Decoded {
    let mut repairs = Repairs::default();
    let bytes = unframed(bytes, &mut repairs);
    let switches = memchr2(iso2022::ESC, iso2022::SO, &bytes).is_some();
    let text = if switches {
        iso2022::decode(&bytes, &mut repairs)
    } else {
        match std::str::from_utf8(&bytes) {
            Ok(text) if text.is_ascii() => text.to_owned(),
            _ => detect::decode(&bytes, &mut repairs),
        }
    };
    if repairs.encoding == Some(declared) {
        repairs.encoding = None;
    }
    Decoded { text, repairs }
}

/// Takes the framing bytes of the transport (MLLP) out; they occur in no encoding as anything else.
fn unframed<'b>(bytes: &'b [u8], repairs: &mut Repairs) -> Cow<'b, [u8]> {
    const START: u8 = 0x0B;
    const END: u8 = 0x1C;
    let count = memchr2_iter(START, END, bytes).count();
    if count == 0 {
        return Cow::Borrowed(bytes);
    }
    repairs.framing = u32::try_from(count).unwrap_or(u32::MAX);
    Cow::Owned(
        bytes
            .iter()
            .copied()
            .filter(|&b| b != START && b != END)
            .collect(),
    )
}

#[cfg(test)]
mod tests;
