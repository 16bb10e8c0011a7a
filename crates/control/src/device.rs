//! Which device, as its certificate names it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::words::WordError;

/// A site and one of its devices, `HOSP-A:box-1`: the common name in the device's certificate, by
/// which the broker lets it speak and listen.
///
/// Before the colon 3 to 20 of `A-Z`, `0-9`, `-`; after it 1 to 32 of letters, digits, `.`, `-`. So
/// it never holds a character that means something in a topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceId(String);

impl DeviceId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeviceId {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        let (site, device) = text.split_once(':').ok_or(WordError)?;
        let of_site = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
        let of_device = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
        let fits = (3..=20).contains(&site.len())
            && site.bytes().all(of_site)
            && (1..=32).contains(&device.len())
            && device.bytes().all(of_device);
        fits.then(|| Self(text.to_owned())).ok_or(WordError)
    }
}

impl TryFrom<String> for DeviceId {
    type Error = WordError;

    fn try_from(text: String) -> Result<Self, WordError> {
        text.parse()
    }
}

impl From<DeviceId> for String {
    fn from(id: DeviceId) -> Self {
        id.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_never_holds_what_means_something_in_a_topic() {
        for (text, valid) in [
            ("HOSP-A:box-1", true),
            ("ABC:x", true),
            (
                "12345678901234567890:abcdefghijklmnopqrstuvwxyz.12345",
                true,
            ),
            ("123456789012345678901:x", false),
            ("HOSP-A:abcdefghijklmnopqrstuvwxyz.123456", false),
            ("HOSP-A", false),
            ("HOSP-A:", false),
            (":box-1", false),
            ("HOSP-A:box-1:x", false),
            ("HOSP-A:box/1", false),
            ("HOSP-A:#", false),
            ("HOSP-A:+", false),
            ("hosp-a:box-1", false),
            ("HOSP-A:b\0x", false),
        ] {
            assert_eq!(text.parse::<DeviceId>().is_ok(), valid, "{text}");
        }
    }
}
