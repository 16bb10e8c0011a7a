//! Exact numbers: what a laboratory wrote is what arrives.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::code::{PatternError, Unit};

/// An exact decimal: up to 15 digits, at most 9 of them after the point. `7.20` keeps its zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Decimal {
    negative: bool,
    digits: u64,
    scale: u8,
}

impl Decimal {
    /// The nearest binary number, for computing.
    pub fn to_f64(self) -> f64 {
        let value = self.digits as f64 / 10f64.powi(i32::from(self.scale));
        if self.negative { -value } else { value }
    }
}

impl FromStr for Decimal {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let (negative, rest) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let mut digits = 0u64;
        let mut count = 0u8;
        let mut scale = None;
        for &byte in rest {
            match (byte, scale) {
                (b'.', None) if count > 0 => scale = Some(0),
                (b'0'..=b'9', _) if count < 15 => {
                    digits = digits * 10 + u64::from(byte - b'0');
                    count += 1;
                    scale = scale.map(|s| s + 1);
                }
                _ => return Err(PatternError),
            }
        }
        match (count, scale) {
            (0, _) | (_, Some(0)) | (_, Some(10..)) => Err(PatternError),
            _ => Ok(Self {
                negative,
                digits,
                scale: scale.unwrap_or(0),
            }),
        }
    }
}

impl TryFrom<String> for Decimal {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl From<Decimal> for String {
    fn from(value: Decimal) -> Self {
        value.to_string()
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        let power = 10u64.pow(u32::from(self.scale));
        let (whole, part) = (self.digits / power, self.digits % power);
        match self.scale {
            0 => write!(f, "{sign}{whole}"),
            scale => write!(
                f,
                "{sign}{whole}.{part:0width$}",
                width = usize::from(scale)
            ),
        }
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// How a measured value stands to the number that was written (`<0.5`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Comparator {
    /// `<`
    #[serde(rename = "<")]
    Less,
    /// `<=`
    #[serde(rename = "<=")]
    AtMost,
    /// `>=`
    #[serde(rename = ">=")]
    AtLeast,
    /// `>`
    #[serde(rename = ">")]
    Greater,
}

impl Comparator {
    /// The sign as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::AtLeast => ">=",
            Self::Greater => ">",
        }
    }
}

/// A number with its unit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Quantity {
    /// The number.
    pub value: Decimal,
    /// The unit, as the message wrote it. No conversion takes place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Present when the value is a bound and not a measurement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparator: Option<Comparator>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_keep_their_digits_or_are_refused() {
        for (text, printed) in [
            ("5.6", Some("5.6")),
            ("7.20", Some("7.20")),
            ("+3", Some("3")),
            ("-0.5", Some("-0.5")),
            ("0.05", Some("0.05")),
            ("123456789012345", Some("123456789012345")),
            ("1234567890123456", None),
            (".5", None),
            ("5.", None),
            ("1.2.3", None),
            ("1e3", None),
            ("", None),
            ("-", None),
            ("１", None),
        ] {
            let parsed = text.parse::<Decimal>().ok().map(|d| d.to_string());
            assert_eq!(parsed.as_deref(), printed, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_decimal_text_round_trips(text in "-?(0|[1-9][0-9]{0,5})(\\.[0-9]{1,9})?") {
            let parsed: Decimal = text.parse().unwrap();
            prop_assert_eq!(parsed.to_string(), text);
        }
    }
}
