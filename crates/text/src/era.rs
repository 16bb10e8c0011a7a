//! Dates of the Japanese calendar.
//!
//! Reading is strict: a date must exist in its era. Meiji counts from 1873, when Japan took the
//! Gregorian calendar; earlier dates belong to a lunar calendar and are refused.

use record::Date;

use crate::fold;

/// An era (元号).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Era {
    /// 明治
    Meiji,
    /// 大正
    Taisho,
    /// 昭和
    Showa,
    /// 平成
    Heisei,
    /// 令和
    Reiwa,
}

impl Era {
    /// Every era, oldest first.
    pub const ALL: &[Self] = &[
        Self::Meiji,
        Self::Taisho,
        Self::Showa,
        Self::Heisei,
        Self::Reiwa,
    ];

    /// The year before the first year of the era.
    const fn base(self) -> i16 {
        match self {
            Self::Meiji => 1867,
            Self::Taisho => 1911,
            Self::Showa => 1925,
            Self::Heisei => 1988,
            Self::Reiwa => 2018,
        }
    }

    /// The first and the last day. 1912-07-30 and 1926-12-25 belong to both of their eras, since
    /// each is written either way and means the same day.
    fn days(self) -> (Date, Date) {
        const fn day(year: i16, month: i8, day: i8) -> Date {
            Date::constant(year, month, day)
        }
        match self {
            Self::Meiji => (day(1873, 1, 1), day(1912, 7, 30)),
            Self::Taisho => (day(1912, 7, 30), day(1926, 12, 25)),
            Self::Showa => (day(1926, 12, 25), day(1989, 1, 7)),
            Self::Heisei => (day(1989, 1, 8), day(2019, 4, 30)),
            Self::Reiwa => (day(2019, 5, 1), day(2200, 12, 31)),
        }
    }

    /// The names of an era in dates: in full, as a letter, as the digit of claim files.
    const fn names(self) -> [&'static str; 3] {
        match self {
            Self::Meiji => ["明治", "M", "1"],
            Self::Taisho => ["大正", "T", "2"],
            Self::Showa => ["昭和", "S", "3"],
            Self::Heisei => ["平成", "H", "4"],
            Self::Reiwa => ["令和", "R", "5"],
        }
    }
}

/// The civil day of an era date; `None` when the day does not exist in that era.
pub fn date(era: Era, year: u8, month: u8, day: u8) -> Option<Date> {
    let civil = era
        .base()
        .checked_add(i16::from(year))
        .filter(|_| year > 0)?;
    let date = Date::new(civil, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let (first, last) = era.days();
    (first..=last).contains(&date).then_some(date)
}

/// Reads `昭和22年5月9日`, `令和元年5月1日`, `S22.5.9`, `S22/05/09`, `S220509` and the seven digits of
/// claim files (`3220509`), in any width.
pub fn parse(text: &str) -> Option<Date> {
    let folded = fold::width(text.trim());
    let seven_digits = folded.len() == 7 && folded.bytes().all(|b| b.is_ascii_digit());
    let (era, rest) = Era::ALL.iter().find_map(|era| {
        let [full, letter, digit] = era.names();
        let rest = if seven_digits {
            folded.strip_prefix(digit)
        } else {
            folded
                .strip_prefix(full)
                .or_else(|| folded.strip_prefix(letter))
                .or_else(|| folded.strip_prefix(letter.to_ascii_lowercase().as_str()))
        };
        rest.map(|rest| (*era, rest))
    })?;
    let [year, month, day] = parts(rest)?;
    date(era, year, month, day)
}

/// Year, month and day: six digits, or three numbers of one or two digits with something between.
fn parts(rest: &str) -> Option<[u8; 3]> {
    if rest.len() == 6 && rest.bytes().all(|b| b.is_ascii_digit()) {
        let number: u32 = rest.parse().ok()?;
        let part = |divisor: u32| u8::try_from(number / divisor % 100).ok();
        return Some([part(10_000)?, part(100)?, part(1)?]);
    }
    let rest = rest
        .strip_suffix('日')
        .unwrap_or(rest)
        .replacen('元', "1", 1);
    let mut found = rest.split(['.', '/', '-', '年', '月']).map(|part| {
        let part = part.trim();
        (part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok())?
    });
    let parts = [found.next()??, found.next()??, found.next()??];
    found.next().is_none().then_some(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn era_dates_are_read_strictly_at_their_boundaries() {
        for (text, civil) in [
            ("昭和22年5月9日", Some("1947-05-09")),
            ("S22.5.9", Some("1947-05-09")),
            ("Ｓ２２／０５／０９", Some("1947-05-09")),
            ("s220509", Some("1947-05-09")),
            ("3220509", Some("1947-05-09")),
            ("㍼64年1月7日", Some("1989-01-07")),
            ("S64.1.8", None),
            ("H1.1.7", None),
            ("平成元年1月8日", Some("1989-01-08")),
            ("H31.4.30", Some("2019-04-30")),
            ("H31.5.1", None),
            ("令和元年5月1日", Some("2019-05-01")),
            ("R1.4.30", None),
            ("M45.7.30", Some("1912-07-30")),
            ("T1.7.30", Some("1912-07-30")),
            ("T1.7.29", None),
            ("M5.12.2", None),
            ("M6.1.1", Some("1873-01-01")),
            ("T15.12.25", Some("1926-12-25")),
            ("S1.12.25", Some("1926-12-25")),
            ("S1.12.24", None),
            ("S50.2.29", None),
            ("S0.1.1", None),
            ("19470509", None),
            ("S22.5", None),
            ("S22.5.9.1", None),
            ("", None),
        ] {
            assert_eq!(
                parse(text).map(|d| d.to_string()).as_deref(),
                civil,
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn every_form_of_an_era_date_reads_as_the_same_day(
            era in 0usize..5, year in 1u8..=64, month in 1u8..=12, day in 1u8..=31,
        ) {
            let era = Era::ALL[era];
            let [full, letter, digit] = era.names();
            let civil = date(era, year, month, day);
            prop_assert_eq!(parse(&format!("{full}{year}年{month}月{day}日")), civil);
            prop_assert_eq!(parse(&format!("{letter}{year}.{month}.{day}")), civil);
            prop_assert_eq!(parse(&format!("{digit}{year:02}{month:02}{day:02}")), civil);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,12}") {
            let _ = parse(&text);
        }
    }
}
