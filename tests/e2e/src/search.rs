//! A search for a town's identifiers in bytes, in every encoding in which they could lie there.

use aho_corasick::AhoCorasick;
use anyhow::Result;
use encoding_rs::{EUC_JP, Encoding, ISO_2022_JP, SHIFT_JIS};

/// Finds any of a list of strings.
pub struct Search {
    automaton: AhoCorasick,
}

impl Search {
    /// Prepares the search for strings as UTF-8, UTF-16, Shift_JIS, EUC-JP and ISO-2022-JP.
    ///
    /// # Errors
    /// Too many strings for the automaton.
    pub fn new(identifiers: &[String]) -> Result<Self> {
        let mut patterns: Vec<Vec<u8>> = Vec::new();
        for identifier in identifiers {
            patterns.push(identifier.as_bytes().to_vec());
            patterns.push(
                identifier
                    .encode_utf16()
                    .flat_map(u16::to_le_bytes)
                    .collect(),
            );
            if !identifier.is_ascii() {
                patterns.extend(
                    [SHIFT_JIS, EUC_JP]
                        .iter()
                        .filter_map(|e| encode(e, identifier)),
                );
                patterns.extend(encode(ISO_2022_JP, identifier).map(without_escapes));
            }
        }
        Ok(Self {
            automaton: AhoCorasick::new(patterns)?,
        })
    }

    /// How many places hold one of the strings.
    pub fn hits(&self, bytes: &[u8]) -> usize {
        self.automaton.find_iter(bytes).count()
    }
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
        assert_eq!(search.hits(b"MSH|0001112223|"), 1);
        assert_eq!(search.hits(b"nothing to see"), 0);
    }
}
