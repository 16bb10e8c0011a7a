//! A search for a town's identifiers in bytes, in every encoding in which they could lie there.

use aho_corasick::AhoCorasick;
use anyhow::Result;
use encoding_rs::{EUC_JP, Encoding, ISO_2022_JP, SHIFT_JIS};

/// Finds any of a list of strings.
pub struct Search {
    automaton: AhoCorasick,
    /// For each pattern, whether it is the identifier itself and not a transfer encoding of it.
    plain: Vec<bool>,
}

/// Encoded patterns below this length stand in random bytes by chance: two kanji are four bytes in
/// the older encodings. As UTF-8, which everything of ours writes, they are searched for anyway.
const ENCODED_BYTES_LEAST: usize = 8;
/// A run of hexadecimal digits from this length on is a reference or a digest. Ten decimal digits
/// in a row stand in one of millions of them by chance.
const REFERENCE_DIGITS: usize = 32;

impl Search {
    /// Prepares the search for strings as UTF-8, UTF-16, Shift_JIS, EUC-JP and ISO-2022-JP, and for
    /// their UTF-8 in hexadecimal and base64.
    ///
    /// # Errors
    /// Too many strings for the automaton.
    pub fn new(identifiers: &[String]) -> Result<Self> {
        let mut patterns: Vec<Vec<u8>> = Vec::new();
        let mut plain = Vec::new();
        for identifier in identifiers {
            let utf16: Vec<u8> = identifier
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect();
            let mut encoded = vec![utf16];
            if !identifier.is_ascii() {
                encoded.extend(
                    [SHIFT_JIS, EUC_JP]
                        .iter()
                        .filter_map(|e| encode(e, identifier)),
                );
                encoded.extend(encode(ISO_2022_JP, identifier).map(without_escapes));
            }
            encoded.retain(|pattern| pattern.len() >= ENCODED_BYTES_LEAST);
            patterns.push(identifier.as_bytes().to_vec());
            patterns.append(&mut encoded);
            plain.resize(patterns.len(), true);
            patterns.extend(transferred(identifier.as_bytes()));
            plain.resize(patterns.len(), false);
        }
        Ok(Self {
            automaton: AhoCorasick::new(patterns)?,
            plain,
        })
    }

    /// How many places hold one of the strings.
    pub fn hits(&self, bytes: &[u8]) -> usize {
        let found = self.automaton.find_iter(bytes);
        found
            .filter(|found| {
                let plain = self.plain.get(found.pattern().as_usize()) == Some(&true);
                !plain || !is_inside_reference(bytes, found.start(), found.end())
            })
            .count()
    }
}

/// Whether a match of decimal digits is a part of a longer hexadecimal reference.
fn is_inside_reference(bytes: &[u8], start: usize, end: usize) -> bool {
    let (before, rest) = bytes.split_at(start);
    let (matched, after) = rest.split_at(end - start);
    let hexadecimal = |b: &&u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    let around = before.iter().rev().take_while(hexadecimal).count()
        + after.iter().take_while(hexadecimal).count();
    let digits = matched.iter().all(u8::is_ascii_digit);
    digits && around > 0 && around + matched.len() >= REFERENCE_DIGITS
}

/// Bytes in hexadecimal, and in base64 wherever in a longer text they begin. Short ones stand in
/// random text by chance and are left out.
fn transferred(bytes: &[u8]) -> Vec<Vec<u8>> {
    let hexadecimal: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let upper = hexadecimal.to_ascii_uppercase();
    let mut patterns = vec![hexadecimal.into_bytes(), upper.into_bytes()];
    patterns.extend((0..3).map(|before| base64(bytes, before)));
    patterns.retain(|pattern| pattern.len() >= ENCODED_BYTES_LEAST);
    patterns
}

/// The digits of base64 that bytes alone decide when `before` other bytes stand in front of them.
fn base64(bytes: &[u8], before: usize) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (first, end) = (8 * before, 8 * (before + bytes.len()));
    let bit = |at: usize| {
        let byte = bytes.get((at - first) / 8).copied().unwrap_or_default();
        byte >> (7 - at % 8) & 1
    };
    let digits = (first.div_ceil(6)..end / 6).map(|digit| {
        let value = (6 * digit..6 * digit + 6).fold(0, |value, at| value << 1 | bit(at));
        DIGITS.get(usize::from(value)).copied().unwrap_or_default()
    });
    digits.collect()
}

fn encode(encoding: &'static Encoding, text: &str) -> Option<Vec<u8>> {
    let (bytes, _, unmappable) = encoding.encode(text);
    (!unmappable).then(|| bytes.into_owned())
}

/// The bytes between the first and the last escape, as they stand in the middle of a text.
fn without_escapes(bytes: Vec<u8>) -> Vec<u8> {
    let inner = bytes.strip_prefix(b"\x1b$B").unwrap_or(&bytes);
    inner.strip_suffix(b"\x1b(B").unwrap_or(inner).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_every_encoding() {
        let search = Search::new(&["山田太郎".to_owned(), "0001112223".to_owned()]).unwrap();
        for encoding in [encoding_rs::UTF_8, SHIFT_JIS, EUC_JP, ISO_2022_JP] {
            let bytes = encode(encoding, "患者は山田太郎です").unwrap();
            assert_eq!(search.hits(&bytes), 1, "{}", encoding.name());
        }
        for text in [
            "30303031313132323233",
            "eDAwMDExMTIyMjN4",
            "eHgwMDAxMTEyMjIzeA==",
            "5bGx55Sw5aSq6YOO",
        ] {
            assert!(search.hits(text.as_bytes()) > 0, "{text}");
        }
        assert_eq!(search.hits(b"MSH|0001112223|"), 1);
        assert_eq!(search.hits(b"nothing to see"), 0);
        assert_eq!(search.hits(b"x0001112223x"), 1);
        assert_eq!(
            search.hits(b"aa0001112223bbccddeeff00112233445566778899"),
            0
        );
    }
}
