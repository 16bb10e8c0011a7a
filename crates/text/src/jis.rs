//! Decoding a whole file: ISO-2022-JP as sites really write it, and what they write instead.
//!
//! The standard wants ISO-2022-JP (JIS X 0208 and ASCII). Sites leave character sets open at line
//! ends, use half-width kana, other escape sequences, transport framing, or another encoding
//! altogether. [`decode`] reads all of these, never fails, and tells what it met in [`Repairs`].
//! A file of which [`Repairs::is_clean`] says so comes back byte for byte from [`encode`].

use std::borrow::Cow;

use memchr::{memchr2_iter, memchr3};
use record::{Finding, FindingCode, Place};

pub use crate::encode::{NotInSet, encode};
use crate::private;
pub use crate::private::{Origin, Plane, origin};
use crate::{detect, iso2022, tables};

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

/// One kind of what was repaired or met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Repair {
    /// A line or the file ended while another character set than ASCII was still open.
    LeftOpen,
    /// An escape sequence, a shift or a byte in a place that the standard does not have.
    Escape,
    /// A stretch of half-width kana, in whichever of its three ways of writing.
    HalfWidth,
    /// Bytes without a character, kept as private code points.
    Undecodable,
    /// A private-use character (外字).
    Private,
    /// A sign that systems print for characters they do not have (●, ■, 〓).
    Replaced,
    /// A framing byte 0x0B or 0x1C taken out.
    Framing,
    /// A line, or a part of one, in another encoding than the rest of the file.
    Mixed,
    /// Bytes that two encodings can hold about equally well.
    Guessed,
    /// A byte order mark taken out.
    Mark,
    /// A lawful way of writing that another system would not choose: an escape sequence that
    /// changes nothing, JIS C 6226 or JIS-Roman for the sets of today, the second place of a
    /// character, a blank between two bytes of kanji.
    Variant,
}

impl Repair {
    /// Every kind, in the order of reports.
    pub const ALL: [Self; 11] = [
        Self::LeftOpen,
        Self::Escape,
        Self::HalfWidth,
        Self::Undecodable,
        Self::Private,
        Self::Replaced,
        Self::Framing,
        Self::Mixed,
        Self::Guessed,
        Self::Mark,
        Self::Variant,
    ];

    /// The name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LeftOpen => "left_open",
            Self::Escape => "escape",
            Self::HalfWidth => "half_width",
            Self::Undecodable => "undecodable",
            Self::Private => "private",
            Self::Replaced => "replaced",
            Self::Framing => "framing",
            Self::Mixed => "mixed",
            Self::Guessed => "guessed",
            Self::Mark => "mark",
            Self::Variant => "variant",
        }
    }

    /// What to report; nothing for what is lawful, and for signs that are usual in prose.
    const fn code(self) -> Option<FindingCode> {
        match self {
            Self::LeftOpen | Self::Escape | Self::HalfWidth => Some(FindingCode::EscapeRepaired),
            Self::Undecodable => Some(FindingCode::CharacterUndecodable),
            Self::Private => Some(FindingCode::CharacterPrivate),
            Self::Framing => Some(FindingCode::FramingRemoved),
            Self::Mixed => Some(FindingCode::EncodingMixed),
            Self::Guessed => Some(FindingCode::EncodingGuessed),
            Self::Replaced | Self::Mark | Self::Variant => None,
        }
    }
}

/// How often a kind of repair was made, and where first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Met {
    count: u32,
    line: u32,
}

/// What was repaired, as counts and first places; all zero for a clean file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Repairs {
    met: [Met; Repair::ALL.len()],
    encoding: Option<Encoding>,
}

impl Repairs {
    /// How often a repair was made.
    pub fn count(&self, repair: Repair) -> u32 {
        self.of(repair).count
    }

    /// The first line with a repair, counted from 1 without empty lines; 0 where there is none.
    pub fn first_line(&self, repair: Repair) -> u32 {
        self.of(repair).line
    }

    /// The encoding that was recognised, when it is not the declared one.
    pub fn encoding(&self) -> Option<Encoding> {
        self.encoding
    }

    /// Whether the file is as the standard wants it: [`encode`] gives back its very bytes.
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }

    /// Every repair that was made, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (Repair, u32)> {
        let met = Repair::ALL
            .into_iter()
            .map(|repair| (repair, self.count(repair)));
        met.filter(|(_, count)| *count > 0)
    }

    /// What to report about the file: each code once, at its first line.
    pub fn findings(&self) -> impl Iterator<Item = Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        let encoding = self.encoding.map(|_| (FindingCode::EncodingDeviates, 0));
        let met = self.iter().filter_map(|(repair, _)| {
            let code = repair.code()?;
            Some((code, self.first_line(repair)))
        });
        for (code, line) in met.chain(encoding) {
            match findings.iter_mut().find(|finding| finding.code == code) {
                Some(known) => known.place.line = known.place.line.min(line),
                None => findings.push(Finding {
                    code,
                    place: Place {
                        line,
                        ..Place::default()
                    },
                }),
            }
        }
        findings.sort_unstable_by_key(|finding| finding.code);
        findings.into_iter()
    }

    /// Notes a repair at the end of the text so far.
    pub(crate) fn note(&mut self, repair: Repair, text: &str) {
        let met = self.of_mut(repair);
        met.count = met.count.saturating_add(1);
        if met.line == 0 {
            met.line = line_at_end(text);
        }
    }

    /// Notes a repair of what follows the first `length` bytes of the text.
    pub(crate) fn note_before(&mut self, repair: Repair, text: &str, length: usize) {
        self.note(repair, text.get(..length).unwrap_or(text));
    }

    /// Notes which encoding the file is in.
    pub(crate) fn recognise(&mut self, encoding: Encoding) {
        self.encoding = Some(encoding);
    }

    /// Appends a character and notes it when it is private, lost or a replacement.
    pub(crate) fn push(&mut self, character: char, text: &mut String) {
        if private::is_undecoded(character) || character == char::REPLACEMENT_CHARACTER {
            self.note(Repair::Undecodable, text);
        } else if private::is_private(character) {
            self.note(Repair::Private, text);
        } else if tables::is_replacement(character) {
            self.note(Repair::Replaced, text);
        }
        text.push(character);
    }

    fn of(&self, repair: Repair) -> Met {
        self.met.get(repair as usize).copied().unwrap_or_default()
    }

    fn of_mut(&mut self, repair: Repair) -> &mut Met {
        &mut self.met[repair as usize]
    }
}

/// The number of the line that comes next, or goes on, at the end of a text. Empty lines do not
/// count.
fn line_at_end(text: &str) -> u32 {
    let full = text.split(['\r', '\n']).filter(|line| !line.is_empty());
    let next = usize::from(text.is_empty() || text.ends_with(['\r', '\n']));
    u32::try_from(full.count() + next).unwrap_or(u32::MAX)
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
/// Never fails: what cannot be decoded becomes private code points ([`origin`]) and is counted.
pub fn decode(bytes: &[u8], declared: Encoding) -> Decoded {
    let mut text = String::new();
    let repairs = decode_into(bytes, declared, &mut text);
    Decoded { text, repairs }
}

/// Decodes a whole file as [`decode`] does, into a text whose memory is used again. The time is
/// linear in the number of bytes, and the text has at most four times as many.
pub fn decode_into(bytes: &[u8], declared: Encoding, text: &mut String) -> Repairs {
    text.clear();
    let mut repairs = Repairs::default();
    let bytes = unframed(bytes, &mut repairs);
    let bytes = unmarked(&bytes, &mut repairs);
    let plain = bytes.is_ascii();
    let ascii = if plain {
        std::str::from_utf8(bytes).ok()
    } else {
        None
    };
    if memchr3(iso2022::ESC, iso2022::SO, iso2022::SI, bytes).is_some() {
        iso2022::decode(bytes, ascii, text, &mut repairs);
    } else if let Some(ascii) = ascii {
        text.push_str(ascii);
    } else {
        detect::whole(bytes, text, &mut repairs);
    }
    if repairs.encoding == Some(declared) {
        repairs.encoding = None;
    }
    repairs
}

/// Takes the framing bytes of the transport (MLLP) out; they occur in no encoding as anything else.
fn unframed<'b>(bytes: &'b [u8], repairs: &mut Repairs) -> Cow<'b, [u8]> {
    const START: u8 = 0x0B;
    const END: u8 = 0x1C;
    let count = memchr2_iter(START, END, bytes).count();
    if count == 0 {
        return Cow::Borrowed(bytes);
    }
    repairs.of_mut(Repair::Framing).count = u32::try_from(count).unwrap_or(u32::MAX);
    let kept = bytes.iter().copied().filter(|&b| b != START && b != END);
    Cow::Owned(kept.collect())
}

/// Takes the byte order mark of UTF-8 out.
fn unmarked<'b>(bytes: &'b [u8], repairs: &mut Repairs) -> &'b [u8] {
    const MARK: &[u8] = b"\xEF\xBB\xBF";
    match bytes.strip_prefix(MARK) {
        Some(rest) => {
            repairs.of_mut(Repair::Mark).count = 1;
            rest
        }
        None => bytes,
    }
}

#[cfg(test)]
mod tests;
