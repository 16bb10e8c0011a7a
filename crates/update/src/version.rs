//! Versions of the image, and names of boards.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

/// Major, minor and patch number; later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub [u16; 3]);

/// A text is no version, or no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected {0}")]
pub struct Unreadable(&'static str);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

impl FromStr for Version {
    type Err = Unreadable;

    /// Only the form that `Display` gives: `1.2.3`, no sign, no leading zero.
    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let wrong = Unreadable("three numbers up to 65535, as in 1.2.3");
        let mut parts = [0; 3];
        let mut texts = text.split('.');
        for part in &mut parts {
            *part = texts.next().and_then(|it| it.parse().ok()).ok_or(wrong)?;
        }
        let version = Self(parts);
        match version.to_string() == text {
            true => Ok(version),
            false => Err(wrong),
        }
    }
}

/// The name of a board or of a product: 1 to 32 lower-case letters, digits and `-`. Safe in the
/// name of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Name(String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        match (1..=32).contains(&text.len()) && text.bytes().all(plain) {
            true => Ok(Self(text.to_owned())),
            false => Err(Unreadable("1 to 32 of a-z, 0-9 and -")),
        }
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_one_way_of_writing_and_an_order() {
        for good in ["0.0.0", "1.10.3", "65535.0.1"] {
            assert_eq!(good.parse::<Version>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "1.2",
            "1.2.3.4",
            "01.2.3",
            "+1.2.3",
            "1.2.65536",
            " 1.2.3",
            "1.2.x",
        ] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
        assert!("1.10.0".parse::<Version>().unwrap() > "1.9.9".parse().unwrap());
    }

    #[test]
    fn a_name_is_safe_in_the_name_of_a_file() {
        assert!("x86-64-uefi".parse::<Name>().is_ok());
        let long = "a".repeat(33);
        for bad in ["", "../x", "a/b", "A", "a.b", "a b", &long] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }
}
