//! Who took part in what a document tells: staff by keyed tokens, institutions by their codes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::code::PatternError;
use crate::ids::StaffRef;
use crate::kind::Role;

/// Somebody who took part. It leaves only where a contract says so, and has no place for a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Participant {
    /// As what.
    #[serde(rename = "r")]
    pub role: Role,
    /// Who.
    #[serde(rename = "w")]
    pub who: Who,
}

/// A member of staff or an institution.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Who {
    /// The keyed token of a staff number or of a licence.
    #[serde(rename = "s")]
    Staff(StaffRef),
    /// The code of an institution, as it is.
    #[serde(rename = "i")]
    Institution(InstitutionCode),
}

/// The code of a medical institution in ten digits (医療機関コード): prefecture, 点数表 (medical 1,
/// dental 3, pharmacy 4, visiting nurses 6) and the seven digits within it. Seven digits alone do
/// not say which prefecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstitutionCode([u8; 10]);

impl InstitutionCode {
    /// `None` for anything but such a code: a name, a telephone number, a number of the house.
    pub fn new(text: &str) -> Option<Self> {
        let digits: [u8; 10] = text.as_bytes().try_into().ok()?;
        let [tens, ones, table, ..] = digits;
        let is_digit = digits.iter().all(u8::is_ascii_digit);
        let prefecture = || (tens - b'0') * 10 + (ones - b'0');
        let fits = is_digit && (1..=47).contains(&prefecture()) && b"1346".contains(&table);
        fits.then_some(Self(digits))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        // Only ASCII goes in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for InstitutionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for InstitutionCode {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        Self::new(&text).ok_or(PatternError)
    }
}

impl From<InstitutionCode> for String {
    fn from(code: InstitutionCode) -> Self {
        code.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_code_of_ten_digits_in_a_prefecture_names_an_institution() {
        for (text, valid) in [
            ("1311234567", true),
            ("4741234567", true),
            ("1361234567", true),
            ("4811234567", false),
            ("0011234567", false),
            // The second digit after the prefecture tells the kind of table.
            ("1321234567", false),
            ("0901234567", false),
            ("1234567", false),
            ("13112345678", false),
            ("131123456X", false),
            ("中央病院", false),
            ("", false),
        ] {
            assert_eq!(InstitutionCode::new(text).is_some(), valid, "{text}");
            let read = serde_cbor::to_vec(&text).unwrap();
            let read = serde_cbor::from_slice::<InstitutionCode>(&read);
            assert_eq!(read.is_ok(), valid, "{text}");
        }
    }
}
