//! The time that a release covers: shift and truncate (SANT).
//!
//! Were dates only shifted, the first and last dates of the data set would tell about offsets:
//! whoever has a date beyond the end of the real data was shifted at least so far. So dates are
//! released only inside the time that every offset can fill from both sides: the real time, cut by
//! the largest offset at both ends.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use record::Date;
use serde::Serialize;

use super::recipe::Dates;
use crate::core::failure::{Failure, Problem, Result};

/// One date in a thousand at each end may be an error of typing and says nothing about the time
/// covered.
const OUTLIERS: u64 = 1000;

/// The real dates of the rows, counted.
#[derive(Default)]
pub(crate) struct Seen(BTreeMap<Date, u64>);

impl Seen {
    /// Counts a date.
    pub(crate) fn add(&mut self, date: Date) {
        *self.0.entry(date).or_default() += 1;
    }

    /// The first and last date, outliers aside; `None` without dates.
    fn edges(&self) -> Option<(Date, Date)> {
        let beyond = self.0.values().sum::<u64>() / OUTLIERS;
        let first = edge(self.0.iter(), beyond)?;
        let last = edge(self.0.iter().rev(), beyond)?;
        Some((first, last))
    }

    /// The last date, outliers aside: the day on which ages are told.
    pub(crate) fn last(&self) -> Option<Date> {
        self.edges().map(|(_, last)| last)
    }
}

/// The time that a release covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Window {
    /// First date released.
    #[serde(serialize_with = "as_text")]
    pub(crate) first: Date,
    /// Last date released.
    #[serde(serialize_with = "as_text")]
    pub(crate) last: Date,
    /// Largest offset in days.
    pub(crate) shift_days: u16,
}

impl Window {
    /// The window of the dates seen. The offset is at most a quarter of the time covered, so that
    /// at least half of it is released.
    ///
    /// # Errors
    /// The time covered is too short for the least offset of the recipe.
    pub(crate) fn of(seen: &Seen, rule: &Dates) -> Result<Option<Self>> {
        let Some((first, last)) = seen.edges() else {
            return Ok(None);
        };
        let days = first.until(last).map_or(0, |span| span.get_days());
        let quarter = u16::try_from(days / 4).unwrap_or(u16::MAX);
        let shift_days = rule.shift_days.min(quarter) / 7 * 7;
        if shift_days < rule.least_shift_days / 7 * 7 || shift_days == 0 {
            return Err(Failure::new(
                Problem::WindowTooShort,
                format!("{days} days"),
            ));
        }
        let shift = i32::from(shift_days).days();
        Ok(Some(Self {
            first: first.saturating_add(shift),
            last: last.saturating_sub(shift),
            shift_days,
        }))
    }

    /// Whether a moved date may be released.
    pub(crate) fn contains(&self, date: Date) -> bool {
        (self.first..=self.last).contains(&date)
    }
}

fn as_text<S: serde::Serializer>(
    date: &Date,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(date)
}

fn edge<'a>(dates: impl Iterator<Item = (&'a Date, &'a u64)>, beyond: u64) -> Option<Date> {
    let mut passed = 0;
    for (date, count) in dates {
        passed += count;
        if passed > beyond {
            return Some(*date);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn rule() -> Dates {
        Dates {
            shift_days: 364,
            least_shift_days: 28,
        }
    }

    fn seen(dates: &[Date]) -> Seen {
        let mut seen = Seen::default();
        dates.iter().for_each(|date| seen.add(*date));
        seen
    }

    /// what is released can have come from any offset.
    #[test]
    fn the_window_is_cut_by_the_largest_offset_at_both_ends() {
        let window = Window::of(&seen(&[date(2015, 1, 1), date(2024, 12, 31)]), &rule());
        let window = window.unwrap().unwrap();
        assert_eq!(
            (window.first, window.last),
            (date(2015, 12, 31), date(2024, 1, 2))
        );
        assert_eq!(window.shift_days, 364);
    }

    #[test]
    fn short_data_gets_a_smaller_offset_and_very_short_data_none() {
        let window = Window::of(&seen(&[date(2024, 1, 1), date(2024, 12, 31)]), &rule());
        assert_eq!(window.unwrap().unwrap().shift_days, 91);
        let short = Window::of(&seen(&[date(2024, 1, 1), date(2024, 3, 1)]), &rule());
        assert_eq!(short.unwrap_err().problem(), Problem::WindowTooShort);
        assert_eq!(Window::of(&Seen::default(), &rule()).unwrap(), None);
    }

    #[test]
    fn one_mistyped_date_does_not_widen_the_window() {
        let mut dates = seen(&[date(1900, 1, 1), date(2190, 1, 1)]);
        for day in 0..3000 {
            dates.add(date(2015, 1, 1).saturating_add(day.days()));
        }
        let window = Window::of(&dates, &rule()).unwrap().unwrap();
        assert!(window.first >= date(2015, 12, 31) && window.last <= date(2022, 4, 1));
    }
}
