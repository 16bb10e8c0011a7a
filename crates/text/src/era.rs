//! Dates as Japanese systems write them: of the Japanese calendar and of the western one, whole or
//! in part, and fiscal years.
//!
//! Reading is strict: a date must exist, in its era, or it is [`Fault::Impossible`]; nothing is
//! guessed and no date is moved to one that exists. Meiji counts from 1873, when Japan took the
//! Gregorian calendar; earlier dates belong to a lunar calendar and are [`Fault::Lunar`].

use record::{Date, Moment, YearMonth};

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
            // Years have two digits at most.
            Self::Reiwa => (day(2019, 5, 1), day(2117, 12, 31)),
        }
    }

    /// The names of an era in dates: in full, as one character, as a letter, as the digit of claim
    /// files.
    const fn names(self) -> [&'static str; 4] {
        match self {
            Self::Meiji => ["明治", "明", "M", "1"],
            Self::Taisho => ["大正", "大", "T", "2"],
            Self::Showa => ["昭和", "昭", "S", "3"],
            Self::Heisei => ["平成", "平", "H", "4"],
            Self::Reiwa => ["令和", "令", "R", "5"],
        }
    }
}

/// Eras before the Gregorian calendar that a person of today's registers could name.
const LUNAR: &[&str] = &["慶応", "元治", "文久", "万延", "安政", "嘉永"];

/// What a text says of a day, at the precision that it gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// A day.
    Day(Date),
    /// A month; the day is not known.
    Month(YearMonth),
    /// A calendar year; neither month nor day is known.
    Year(i16),
    /// A fiscal year (年度), April to March, by the year in which it begins.
    FiscalYear(i16),
}

impl Said {
    /// The moment that it names; a fiscal year names none.
    pub fn moment(self) -> Option<Moment> {
        let text = match self {
            Self::Day(date) => return Some(Moment::of_day(date)),
            Self::Month(YearMonth { year, month }) => format!("{year:04}{month:02}"),
            Self::Year(year) => format!("{year:04}"),
            Self::FiscalYear(_) => return None,
        };
        Moment::from_hl7(&text).ok()
    }
}

/// Why a text says no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not written like a date.
    #[error("not written like a date")]
    NoDate,
    /// It is written like a date that does not exist, or not in that era.
    #[error("this date does not exist")]
    Impossible,
    /// It belongs to the lunar calendar that was in use until 1872.
    #[error("a date of the lunar calendar")]
    Lunar,
}

/// The first and the last day that are read.
const DAYS: (Date, Date) = (Date::constant(1873, 1, 1), Date::constant(2200, 12, 31));

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

/// The era of a day and its year there, by the younger era where two meet; `None` before 1873 and
/// after the 99th year of Reiwa.
pub fn of(date: Date) -> Option<(Era, u8)> {
    let within = |era: &&Era| {
        let (first, last) = era.days();
        (first..=last).contains(&date)
    };
    let era = *Era::ALL.iter().rev().find(within)?;
    Some((era, u8::try_from(date.year() - era.base()).ok()?))
}

/// A day as it is written in full: `昭和22年5月9日`, `令和元年5月1日`.
pub fn write(date: Date) -> Option<String> {
    let (era, year) = of(date)?;
    let [name, ..] = era.names();
    let (month, day) = (date.month(), date.day());
    Some(match year {
        1 => format!("{name}元年{month}月{day}日"),
        _ => format!("{name}{year}年{month}月{day}日"),
    })
}

/// The day that a text names; `None` when it names none, or not to the day.
pub fn parse(text: &str) -> Option<Date> {
    match read(text) {
        Ok(Said::Day(date)) => Some(date),
        _ => None,
    }
}

/// Reads a date in any width:
/// - `昭和22年5月9日`, `令和元年5月1日`, `昭22.5.9`, `S22/05/09`, `S220509`, and the seven digits of
///   claim files (`3220509`);
/// - `1947年5月9日`, `西暦1947年5月9日`, `1947-5-9`, `1947/05/09`, `19470509`;
/// - parts that are left out, `00`, `?`, `不明` or `不詳`, from the right: `昭和22年5月`, `S22.00.00`;
/// - `平成30年度`, `2018年度`.
///
/// # Errors
/// Why it is no date.
pub fn read(text: &str) -> Result<Said, Fault> {
    let folded = fold::signs(text.trim());
    let written = folded.trim();
    if LUNAR.iter().any(|era| written.starts_with(era)) {
        return Err(Fault::Lunar);
    }
    let (era, rest) = era_of(written);
    if let Some(year) = rest.strip_suffix("年度") {
        let year = number(&year.replacen('元', "1", 1)).ok_or(Fault::NoDate)?;
        return fiscal(era, year);
    }
    let [year, month, day] = parts(era.is_some(), rest).ok_or(Fault::NoDate)?;
    let year = year.ok_or(Fault::NoDate)?;
    match (month, day) {
        (Some(month), Some(day)) => whole(era, year, month, day),
        (Some(month), None) => {
            let month = i8::try_from(month).map_err(|_| Fault::Impossible)?;
            let span = |year| {
                let first = Date::new(year, month, 1).ok()?;
                Some((first, first.last_of_month()))
            };
            let year = checked(era, year, span)?;
            Ok(Said::Month(YearMonth { year, month }))
        }
        (None, None) => {
            let span = |year| Some((Date::new(year, 1, 1).ok()?, Date::new(year, 12, 31).ok()?));
            checked(era, year, span).map(Said::Year)
        }
        (None, Some(_)) => Err(Fault::Impossible),
    }
}

fn whole(era: Option<Era>, year: u16, month: u16, day: u16) -> Result<Said, Fault> {
    let [month, day] = [month, day].map(i8::try_from);
    let (Ok(month), Ok(day)) = (month, day) else {
        return Err(Fault::Impossible);
    };
    let mut found = None;
    checked(era, year, |year| {
        found = Date::new(year, month, day).ok();
        found.map(|date| (date, date))
    })?;
    found.map(Said::Day).ok_or(Fault::Impossible)
}

fn fiscal(era: Option<Era>, year: u16) -> Result<Said, Fault> {
    let span = |year: i16| {
        let first = Date::new(year, 4, 1).ok()?;
        Some((first, Date::new(year + 1, 3, 31).ok()?))
    };
    checked(era, year, span).map(Said::FiscalYear)
}

/// The civil year, when its span exists and meets the era.
fn checked(
    era: Option<Era>,
    year: u16,
    span: impl FnOnce(i16) -> Option<(Date, Date)>,
) -> Result<i16, Fault> {
    const FIRST_GREGORIAN: i16 = 1873;
    let (base, (first, last)) = era.map_or((0, DAYS), |era| (era.base(), era.days()));
    let civil = i16::try_from(year)
        .ok()
        .and_then(|year| base.checked_add(year));
    let civil = civil.filter(|_| year > 0).ok_or(Fault::Impossible)?;
    if civil < FIRST_GREGORIAN {
        return Err(match civil >= 1800 {
            true => Fault::Lunar,
            false => Fault::Impossible,
        });
    }
    let (from, to) = span(civil).ok_or(Fault::Impossible)?;
    (from <= last && to >= first)
        .then_some(civil)
        .ok_or(Fault::Impossible)
}

/// The era that a date begins with, and the rest.
fn era_of(written: &str) -> (Option<Era>, &str) {
    let seven_digits = written.len() == 7 && written.bytes().all(|b| b.is_ascii_digit());
    for era in Era::ALL {
        let [full, short, letter, digit] = era.names();
        let lower = letter.to_ascii_lowercase();
        let names = [full, short, letter, &lower];
        let rest = match seven_digits {
            true => written.strip_prefix(digit),
            false => names
                .into_iter()
                .find_map(|name| written.strip_prefix(name)),
        };
        if let Some(rest) = rest {
            return (Some(*era), rest.trim_start());
        }
    }
    (None, written.strip_prefix("西暦").unwrap_or(written))
}

/// Year, month and day, each if it is known: eight digits, six after an era, or numbers with
/// something between. `None` when it is not written so.
fn parts(in_era: bool, rest: &str) -> Option<[Option<u16>; 3]> {
    let digits = rest.bytes().all(|b| b.is_ascii_digit());
    let run = match (in_era, rest.len()) {
        (true, 6) | (false, 8) if digits => Some(rest.len() - 4),
        _ => None,
    };
    if let Some(at) = run {
        let parts = [rest.get(..at), rest.get(at..at + 2), rest.get(at + 2..)];
        let [year, month, day] = parts.map(|part| part.and_then(number));
        return Some([year, known(month?), known(day?)]);
    }
    let rest = rest
        .strip_suffix('日')
        .or_else(|| rest.strip_suffix('月'))
        .or_else(|| rest.strip_suffix('年'))
        .unwrap_or(rest);
    let longest = if in_era { 2 } else { 4 };
    let mut written = rest.split(['.', '/', '-', '年', '月']).map(str::trim);
    let year = written.next()?.replacen('元', "1", 1);
    let year = number(&year).filter(|_| year.len() <= longest && (in_era || year.len() == 4))?;
    let mut part = || match written.next() {
        None | Some("不明" | "不詳" | "?" | "??") => Some(None),
        Some(part) => number(part).filter(|_| part.len() <= 2).map(known),
    };
    let parts = [Some(year), part()?, part()?];
    written.next().is_none().then_some(parts)
}

/// Zero stands for a part that is not known.
fn known(part: u16) -> Option<u16> {
    (part != 0).then_some(part)
}

fn number(digits: &str) -> Option<u16> {
    let numeric = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    numeric.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests;
