//! The site dictionary: what a house calls its own codes. It is no part of any document.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::code::{Code, PatternError, System};
use crate::identity::Sensitive;

/// A local code with the name beside it, as one file says it. The name may hold anything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said {
    /// The house's code system.
    pub system: System,
    /// The code.
    pub code: Code,
    /// The name as written.
    pub name: Sensitive,
}

/// The name of a code: 1 to 60 visible characters with no five digits in a row. That it names
/// nobody is not its form but a matter of how many patients have it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TermName(String);

impl TermName {
    const LONGEST: usize = 60;
    const DIGITS: usize = 5;

    /// Takes a name.
    ///
    /// # Errors
    /// It is empty, too long, has control characters, or a number in it.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let length = text.chars().take(Self::LONGEST + 1).count();
        let mut digits = 0;
        let number = text.chars().any(|c| {
            digits = if c.is_numeric() { digits + 1 } else { 0 };
            digits >= Self::DIGITS
        });
        let fits = (1..=Self::LONGEST).contains(&length)
            && !text.chars().any(char::is_control)
            && text.trim() == text
            && !number;
        fits.then(|| Self(text.to_owned())).ok_or(PatternError)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TermName {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        Self::new(&text)
    }
}

impl From<TermName> for String {
    fn from(name: TermName) -> Self {
        name.0
    }
}

impl fmt::Display for TermName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One line of the dictionary.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// The house's code system.
    #[serde(rename = "s")]
    pub system: System,
    /// The code.
    #[serde(rename = "c")]
    pub code: Code,
    /// What the house calls it.
    #[serde(rename = "n")]
    pub name: TermName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_codes_are_short_lines_without_numbers() {
        for (text, fits) in [
            ("常食（1800kcal）", true),
            ("CRP定量", true),
            ("電話03-1234", true),
            ("03-12345", false),
            ("１２３４５", false),
            ("", false),
            (" 常食", false),
            ("常\n食", false),
        ] {
            assert_eq!(TermName::new(text).is_ok(), fits, "{text:?}");
        }
        assert!(TermName::new(&"食".repeat(61)).is_err());
        let bytes = serde_cbor::to_vec(&"1234567").unwrap();
        assert!(serde_cbor::from_slice::<TermName>(&bytes).is_err());
    }
}
