//! Codes and units: the only strings that content can hold, each of a closed pattern.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a text is not a code, a system or a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatternError;

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outside the closed pattern")
    }
}

impl std::error::Error for PatternError {}

macro_rules! patterned {
    ($(#[$doc:meta])* $name:ident, $longest:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = PatternError;

            fn from_str(text: &str) -> Result<Self, PatternError> {
                let allowed: fn(char) -> bool = $allowed;
                let count = text.chars().take($longest + 1).count();
                let fits = (1..=$longest).contains(&count) && text.chars().all(allowed);
                fits.then(|| Self(text.into())).ok_or(PatternError)
            }
        }

        impl TryFrom<String> for $name {
            type Error = PatternError;

            fn try_from(text: String) -> Result<Self, PatternError> {
                text.parse()
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

patterned!(
    /// A code of a code system: 1 to 32 characters of ASCII letters, digits and `.+-_/&`. The last
    /// joins a code to its suffix (`9A100&IMP`).
    Code,
    32,
    |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-' | '_' | '/' | '&')
);
patterned!(
    /// The name of a code system as messages write it (`JC10`, `HOT13`, `99XYZ`, `ISO+`):
    /// 1 to 20 characters of ASCII letters, digits and `.+-_`.
    System,
    20,
    |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-' | '_')
);
patterned!(
    /// A unit: 1 to 16 characters of ASCII letters, digits, `%./*^()[]{}_+-`, `μ`, `µ`, `℃`, `°`.
    Unit,
    16,
    |c| c.is_ascii_alphanumeric()
        || "%./*^()[]{}_+-μµ℃°".contains(c)
);

/// A code in its system. `system` is absent where a message names none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Coding {
    /// The code.
    pub code: Code,
    /// The system the code is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<System>,
}

/// A concept: a standard code, a site's own code, or both (HL7 CWE, two triplets).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Concept {
    /// The first triplet of the message.
    pub first: Coding,
    /// The alternate triplet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<Coding>,
}

impl Concept {
    /// A concept of one coding.
    pub fn of(code: Code, system: Option<System>) -> Self {
        Self {
            first: Coding { code, system },
            second: None,
        }
    }

    /// Every coding, first to last.
    pub fn codings(&self) -> impl Iterator<Item = &Coding> {
        std::iter::once(&self.first).chain(&self.second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_units_and_systems_refuse_what_could_be_prose() {
        let codes = [
            ("2A010000001930901", true),
            ("Rh+", true),
            ("9A100&IMP", true),
            ("a b", false),
            ("", false),
        ];
        for (text, valid) in codes {
            assert_eq!(text.parse::<Code>().is_ok(), valid, "{text}");
        }
        assert!("山田".parse::<Code>().is_err());
        assert!("x".repeat(33).parse::<Code>().is_err());
        assert!("μL".parse::<Unit>().is_ok());
        assert!("錠".parse::<Unit>().is_err());
        assert!("JC10".parse::<System>().is_ok());
        assert!("J C".parse::<System>().is_err());
    }

    #[test]
    fn a_decoded_code_is_checked_like_a_parsed_one() {
        let bytes = serde_cbor::to_vec(&"山田 太郎").unwrap();
        assert!(serde_cbor::from_slice::<Code>(&bytes).is_err());
    }
}
