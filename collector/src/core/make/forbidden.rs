//! A list of strings that must not occur in a release, such as the identifiers of a test town.

use std::collections::HashMap;
use std::path::Path;

use crate::core::failure::{Failure, Problem, Result};

/// Strings shorter than this are compared with whole cells only: inside a cell they would be
/// found by chance.
const SHORTEST_INSIDE: usize = 4;

/// The list, ordered so that a text is searched in one pass over its places.
#[derive(Default)]
pub(crate) struct Forbidden {
    by_start: HashMap<[u8; SHORTEST_INSIDE], Vec<Box<[u8]>>>,
    short: Vec<Box<[u8]>>,
    number: u64,
}

impl Forbidden {
    /// Reads a list, one string a line. Blank lines are passed over.
    ///
    /// # Errors
    /// The file cannot be read or is not UTF-8.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::because(Problem::LintList, path.display().to_string(), error)
        })?;
        Ok(Self::of(text.lines()))
    }

    /// A list from memory.
    pub(crate) fn of<'a>(strings: impl Iterator<Item = &'a str>) -> Self {
        let mut list = Self::default();
        for string in strings.map(str::trim).filter(|string| !string.is_empty()) {
            list.number += 1;
            let bytes = string.as_bytes();
            match bytes.first_chunk() {
                Some(start) => list.by_start.entry(*start).or_default().push(bytes.into()),
                None => list.short.push(bytes.into()),
            }
        }
        list
    }

    /// How many strings the list has.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whether a text holds a string of the list.
    pub(crate) fn found_in(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let inside = |place: usize| {
            let rest = bytes.get(place..).unwrap_or_default();
            rest.first_chunk()
                .and_then(|start| self.by_start.get(start))
                .is_some_and(|strings| strings.iter().any(|string| rest.starts_with(string)))
        };
        self.short.iter().any(|string| **string == *bytes) || (0..bytes.len()).any(inside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_found_anywhere_and_short_ones_as_whole_cells() {
        let list =
            Forbidden::of(["1942482414", "弘前太郎", " abc ", "", "0172-34-5678"].into_iter());
        assert_eq!(list.number(), 4);
        for (text, found) in [
            ("1942482414", true),
            ("x1942482414x", true),
            ("氏名:弘前太郎", true),
            ("abc", true),
            ("abcd", false),
            ("0172-34-567", false),
            ("", false),
        ] {
            assert_eq!(list.found_in(text), found, "{text}");
        }
    }
}
