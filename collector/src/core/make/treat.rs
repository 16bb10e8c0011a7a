//! From a row of a table to a row of a release.

use record::Moment;

use super::people::Person;
use super::recipe::{Action, Outside, Plan};
use super::window::Window;
use super::{systems, units};
use crate::core::tables::Columns;

/// Digits before and after the point of a released number. A longer number may be an identifier.
const MOST_DIGITS: (usize, usize) = (7, 6);

/// What becomes of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Treated {
    /// One text for each released column, empty for no value; and why cells were emptied.
    Row(Vec<String>, Vec<&'static str>),
    /// The row is left out.
    Left(&'static str),
}

/// What treating a row depends on.
pub(crate) struct Treatment<'a> {
    /// The table.
    pub(crate) plan: &'a Plan,
    /// The time covered; `None` when no table has dates.
    pub(crate) window: Option<Window>,
}

impl Treatment<'_> {
    /// Treats one row of a person who is released.
    pub(crate) fn row(&self, rows: &Columns, row: usize, person: &Person) -> Treated {
        let mut cells = Vec::with_capacity(self.plan.outputs.len());
        let mut emptied = Vec::new();
        for output in &self.plan.outputs {
            let source = output.source;
            let text = rows.text(source, row);
            let cell = match &output.action {
                Action::Person => Ok(person.release_id.clone()),
                // The recipe's check allows these in the table of persons only.
                Action::Sex | Action::Age | Action::Area => Ok(String::new()),
                Action::Flag => Ok(flag(rows.flag(source, row))),
                Action::Date(outside) => match self.date(text, person) {
                    Err("outside_window") if *outside == Outside::Row => {
                        return Treated::Left("outside_window");
                    }
                    other => other,
                },
                Action::Concept(systems, _) => concept(rows, source, row, systems).map(|it| it.0),
                // Why it is empty was said at the code before.
                Action::System(systems) => Ok(concept(rows, source, row, systems)
                    .map(|it| it.1)
                    .unwrap_or_default()),
                Action::Code(system) => code(text, system),
                Action::Words(words) => word(text, words),
                Action::Decimal => decimal(text),
                Action::Unit => text.map_or(Ok(String::new()), units::released),
            };
            cells.push(cell.unwrap_or_else(|reason| {
                emptied.push(reason);
                String::new()
            }));
        }
        match lacks_all(self.plan, &cells) {
            true => Treated::Left("nothing_released"),
            false => Treated::Row(cells, emptied),
        }
    }

    fn date(&self, text: Option<&str>, person: &Person) -> Result<String, &'static str> {
        let Some(text) = text else {
            return Ok(String::new());
        };
        let moment: Moment = text.parse().map_err(|_| "date_unreadable")?;
        // A month or a year cannot be moved by weeks.
        let date = moment.date().ok_or("date_imprecise")?;
        let moved = person.moved(date).ok_or("outside_window")?;
        match self.window {
            Some(window) if window.contains(moved) => Ok(moved.to_string()),
            _ => Err("outside_window"),
        }
    }
}

/// Whether a row has nothing of what it needs.
pub(crate) fn lacks_all(plan: &Plan, cells: &[String]) -> bool {
    let present = |place: &usize| cells.get(*place).is_some_and(|cell| !cell.is_empty());
    !plan.needs.is_empty() && !plan.needs.iter().any(present)
}

/// A flag as text.
pub(crate) fn flag(value: Option<bool>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

/// The first of a concept's two codings that is in one of the systems and has its form.
fn concept(
    rows: &Columns,
    first: usize,
    row: usize,
    systems: &[String],
) -> Result<(String, String), &'static str> {
    let mut seen = false;
    for place in [first, first + 2] {
        let (code, system) = (rows.text(place, row), rows.text(place + 1, row));
        let Some(code) = code else {
            continue;
        };
        seen = true;
        if let Some(system) = system.filter(|it| systems.iter().any(|allowed| allowed == it))
            && systems::fits(system, code)
        {
            return Ok((code.to_owned(), system.to_owned()));
        }
    }
    match seen {
        true => Err("code_not_standard"),
        false => Ok((String::new(), String::new())),
    }
}

fn code(text: Option<&str>, system: &str) -> Result<String, &'static str> {
    match text {
        None => Ok(String::new()),
        Some(code) if systems::fits(system, code) => Ok(code.to_owned()),
        Some(_) => Err("code_not_standard"),
    }
}

fn word(text: Option<&str>, words: &[String]) -> Result<String, &'static str> {
    match text {
        None => Ok(String::new()),
        Some(text) if words.iter().any(|word| word == text) => Ok(text.to_owned()),
        Some(_) => Err("word_not_listed"),
    }
}

fn decimal(text: Option<&str>) -> Result<String, &'static str> {
    match text {
        None => Ok(String::new()),
        Some(text) if is_decimal(text) => Ok(text.to_owned()),
        Some(_) => Err("number_too_long"),
    }
}

/// Whether a text is a number that may be released.
pub(crate) fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let fits = |text: &str, most| {
        (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
    };
    fits(whole, MOST_DIGITS.0) && fits(part, MOST_DIGITS.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_could_be_identifiers_are_not_released() {
        for (text, released) in [
            ("7.20", true),
            ("-0.5", true),
            ("1234567", true),
            ("12345678", false),
            ("0.1234567", false),
            ("1e5", false),
            ("", false),
        ] {
            assert_eq!(decimal(Some(text)).is_ok(), released, "{text}");
        }
    }
}
