//! Calendar days and moments as records state them: Japanese local time, at the precision given.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::code::PatternError;

/// A calendar day in Japan.
pub type Date = jiff::civil::Date;

/// A month of a year, used for births: the day never leaves a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct YearMonth {
    /// 1850 to 2200.
    pub year: i16,
    /// 1 to 12.
    pub month: i8,
}

impl From<Date> for YearMonth {
    fn from(date: Date) -> Self {
        Self {
            year: date.year(),
            month: date.month(),
        }
    }
}

/// A moment with the precision that the source gave: year, month, day, minute or second.
///
/// Text form: `2018`, `2018-06`, `2018-06-17`, `2018-06-17T15:59`, `2018-06-17T15:59:00`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment {
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
    time: Option<(i8, i8, Option<i8>)>,
}

impl Moment {
    /// Reads an HL7 timestamp `YYYY[MM[DD[HHMM[SS[.S…]]]]][+ZZZZ]`. Fractions of a second and the
    /// zone are dropped; a lone hour counts as day precision.
    ///
    /// # Errors
    /// Anything else, an impossible day, an hour above 23.
    pub fn from_hl7(text: &str) -> Result<Self, PatternError> {
        let (rest, zone) = match text.split_once(['+', '-']) {
            Some((rest, zone)) => (rest, Some(zone)),
            None => (text, None),
        };
        let (digits, fraction) = rest.split_once('.').unwrap_or((rest, ""));
        let only_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let zoned = zone.is_none_or(|zone| zone.len() == 4 && only_digits(zone));
        // `2018-06-17` is no year with a zone.
        if !(only_digits(digits) && only_digits(fraction) && zoned) {
            return Err(PatternError);
        }
        let part = |from: usize, to: usize| -> Option<i16> { digits.get(from..to)?.parse().ok() };
        let year = part(0, 4).ok_or(PatternError)?;
        let small = |value: Option<i16>| value.and_then(|v| i8::try_from(v).ok());
        let (month, day) = (small(part(4, 6)), small(part(6, 8)));
        let time = match digits.len() {
            4 | 6 | 8 | 10 => None,
            12 => small(part(8, 10))
                .zip(small(part(10, 12)))
                .map(|(h, m)| (h, m, None)),
            14 => small(part(8, 10))
                .zip(small(part(10, 12)))
                .map(|(h, m)| (h, m, small(part(12, 14)))),
            _ => return Err(PatternError),
        };
        Self {
            year,
            month,
            day,
            time,
        }
        .checked()
    }

    /// A whole day.
    pub fn of_day(date: Date) -> Self {
        Self {
            year: date.year(),
            month: Some(date.month()),
            day: Some(date.day()),
            time: None,
        }
    }

    /// The calendar day, when known.
    pub fn date(self) -> Option<Date> {
        Date::new(self.year, self.month?, self.day?).ok()
    }

    /// The same moment to the month at most.
    pub fn to_month(self) -> Self {
        Self {
            day: None,
            time: None,
            ..self
        }
    }

    /// The year.
    pub fn year(self) -> i16 {
        self.year
    }

    fn checked(self) -> Result<Self, PatternError> {
        let day_exists = match (self.month, self.day) {
            (None, None) => true,
            (Some(month), None) => (1..=12).contains(&month),
            (Some(month), Some(day)) => Date::new(self.year, month, day).is_ok(),
            (None, Some(_)) => false,
        };
        let time_exists = self.time.is_none_or(|(hour, minute, second)| {
            self.day.is_some()
                && (0..24).contains(&hour)
                && (0..60).contains(&minute)
                && second.is_none_or(|s| (0..60).contains(&s))
        });
        let year_fits = (1850..=2200).contains(&self.year);
        (day_exists && time_exists && year_fits)
            .then_some(self)
            .ok_or(PatternError)
    }
}

impl FromStr for Moment {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let moment = Self::from_hl7(&text.replace(['-', ':', 'T'], ""))?;
        (moment.to_string() == text)
            .then_some(moment)
            .ok_or(PatternError)
    }
}

impl TryFrom<String> for Moment {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        let mut text = Self::with_capacity(19);
        let mut two = |mark: char, value: i8| {
            let tens_and_ones = [b'0' + value as u8 / 10, b'0' + value as u8 % 10];
            text.push(mark);
            text.extend(tens_and_ones.map(char::from));
        };
        // Every part was checked when the moment was made: it has one or two digits.
        moment.month.into_iter().for_each(|month| two('-', month));
        moment.day.into_iter().for_each(|day| two('-', day));
        if let Some((hour, minute, second)) = moment.time {
            two('T', hour);
            two(':', minute);
            second.into_iter().for_each(|second| two(':', second));
        }
        text.insert_str(0, &moment.year.to_string());
        text
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from(*self))
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hl7_timestamps_keep_their_precision() {
        for (text, read) in [
            ("2018", Some("2018")),
            ("201806", Some("2018-06")),
            ("20180617", Some("2018-06-17")),
            ("2018061715", Some("2018-06-17")),
            ("201806171559", Some("2018-06-17T15:59")),
            ("20180617155931.4423", Some("2018-06-17T15:59:31")),
            ("20180617155931+0900", Some("2018-06-17T15:59:31")),
            ("20180230", None),
            ("201806172559", None),
            ("18000101", None),
            ("小学校低学年の頃", None),
            ("", None),
            ("2018061", None),
        ] {
            let moment = Moment::from_hl7(text).ok().map(|m| m.to_string());
            assert_eq!(moment.as_deref(), read, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_moment_round_trips_as_text(
            year in 1850i16..=2200, month in 1i8..=12, day in 1i8..=28, hour in 0i8..24,
            minute in 0i8..60, second in 0i8..60, keep in 0usize..5,
        ) {
            let digits = [4, 6, 8, 12, 14][keep];
            let hl7 = format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}");
            let moment = Moment::from_hl7(hl7.get(..digits).unwrap()).unwrap();
            prop_assert_eq!(moment.to_string().parse::<Moment>().unwrap(), moment);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,24}") {
            let _ = Moment::from_hl7(&text);
            let _ = text.parse::<Moment>();
        }
    }
}
