//! HL7 v2.5 segments and the character set of the standard.

use encoding_rs::ISO_2022_JP;
use jiff::civil::{Date, DateTime};

use crate::kanji;
use crate::model::Name;

/// One segment; fields are set by their number in the standard. Not for MSH.
pub(crate) struct Segment {
    fields: Vec<String>,
}

impl Segment {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            fields: vec![name.to_owned()],
        }
    }

    /// Sets field `number` (1, 2, …), already composed of its components.
    pub(crate) fn set(mut self, number: usize, value: impl Into<String>) -> Self {
        if self.fields.len() <= number {
            self.fields.resize(number + 1, String::new());
        }
        self.fields[number] = value.into();
        self
    }

    /// Sets field `number` where there is a value.
    pub(crate) fn maybe(self, number: usize, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.set(number, value),
            None => self,
        }
    }

    /// Adds the segment and its CR to the message.
    pub(crate) fn end(self, message: &mut String) {
        let used = self
            .fields
            .iter()
            .rposition(|field| !field.is_empty())
            .map_or(0, |at| at + 1);
        message.push_str(&self.fields[..used].join("|"));
        message.push('\r');
    }
}

/// Free text with HL7's delimiters escaped.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => safe.push_str("\\E\\"),
            '|' => safe.push_str("\\F\\"),
            '^' => safe.push_str("\\S\\"),
            '&' => safe.push_str("\\T\\"),
            '~' => safe.push_str("\\R\\"),
            other => safe.push(other),
        }
    }
    safe
}

/// XPN with the kanji name and, where there is one, the kana name as its second repetition.
pub(crate) fn person_name(kanji: &Name, kana: Option<&Name>) -> String {
    let mut field = format!("{}^{}^^^^^L^I", kanji.family, kanji.given);
    if let Some(kana) = kana {
        field.push_str(&format!("~{}^{}^^^^^L^P", kana.family, kana.given));
    }
    field
}

/// YYYYMMDD.
pub(crate) fn date(date: Date) -> String {
    format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
}

/// YYYYMMDDHHMMSS.
pub(crate) fn second(at: DateTime) -> String {
    format!(
        "{}{:02}{:02}{:02}",
        date(at.date()),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// YYYYMMDDHHMMSSFFF with `point` before the milliseconds.
pub(crate) fn millisecond(at: DateTime, point: &str) -> String {
    format!("{}{point}{:03}", second(at), at.millisecond())
}

/// Digits and hyphens in full width.
pub(crate) fn full_width(text: &str) -> String {
    let wide = |c: char| match c {
        '0'..='9' => char::from_u32(u32::from(c) - u32::from('0') + u32::from('０')).unwrap_or(c),
        '-' => '－',
        other => other,
    };
    text.chars().map(wide).collect()
}

/// The message in ISO-2022-JP: ASCII is in force before every CR and at the end, and what has no
/// code is written as ■.
pub(crate) fn encoded(message: &str) -> Vec<u8> {
    let (bytes, _, unmappable) = ISO_2022_JP.encode(message);
    if unmappable {
        return ISO_2022_JP.encode(&kanji::storable(message)).0.into_owned();
    }
    bytes.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_at_their_number_and_trailing_ones_are_left_out() {
        let mut message = String::new();
        Segment::new("PV1")
            .set(2, "O")
            .set(44, "2025")
            .set(50, "")
            .end(&mut message);
        let fields: Vec<_> = message.trim_end().split('|').collect();
        assert_eq!((fields[2], fields[44], fields.len()), ("O", "2025", 45));
        assert!(message.ends_with('\r'));
    }

    #[test]
    fn encoding_returns_to_ascii_before_cr_and_never_writes_references() {
        let bytes = encoded("NTE|1||髙橋𠮷子\rOBX|1\r終");
        let shown: Vec<_> = bytes
            .windows(4)
            .filter(|window| window.ends_with(b"\r"))
            .collect();
        assert_eq!(shown[0], b"\x1b(B\r");
        assert!(bytes.ends_with(b"\x1b(B"));
        assert!(!bytes.contains(&b'&'));
        let (text, _, broken) = ISO_2022_JP.decode(&bytes);
        assert!(!broken);
        assert_eq!(text, "NTE|1||髙橋■子\rOBX|1\r終");
    }

    #[test]
    fn delimiters_in_free_text_are_escaped() {
        assert_eq!(escaped("a&b|c^d~e\\"), "a\\T\\b\\F\\c\\S\\d\\R\\e\\E\\");
    }
}
