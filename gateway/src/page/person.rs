//! One person of an institution as the ledger knows them, by chart number alone.

use privacy::gate::{Event, Gate, LedgerHead, Scope, Standing, Stop, Withheld};
use record::{ChartNumber, Date};

use super::Place;
use super::book::{self, Entry, Ledger};
use super::texts::{Filled, T, Text};
use crate::clock::Now;
use crate::error::Failure;

/// Numbers that are followed from merge to merge. A person with more is an error of the source.
const MERGES_MAX: usize = 8;

/// A chart number as somebody types it: full width becomes half width, blanks go. `None` when
/// something is left that no chart number has.
pub(super) fn chart(text: &str) -> Option<ChartNumber> {
    let half = |letter: char| match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(letter as u32 - 0xfee0).unwrap_or(letter),
        'ー' | '‐' | '−' => '-',
        letter => letter,
    };
    let plain: String = text
        .chars()
        .filter(|it| !it.is_whitespace())
        .map(half)
        .collect();
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    let fit = plain.chars().all(fits) && plain.chars().any(|it| it.is_ascii_alphanumeric());
    fit.then(|| ChartNumber::new(&plain)).flatten()
}

/// What the ledger says of one person.
pub(super) struct Person {
    /// The number as it was asked for.
    pub(super) chart: ChartNumber,
    /// Every entry under any spelling of the number, and of numbers merged with it, by number.
    pub(super) entries: Vec<Entry>,
    /// What the gate says today.
    pub(super) decision: Result<(), Withheld>,
    /// The first day of provision, while the hold runs.
    pub(super) from: Option<Date>,
}

impl Person {
    /// Reads a person.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub(super) fn read(
        place: &Place,
        ledger: &Ledger,
        chart: ChartNumber,
        now: Now,
    ) -> Result<Self, Failure> {
        let entries = entries(ledger, &chart)?;
        let terms = book::terms(place)?;
        let decide = |today: Date| {
            let mut standing = Standing::default();
            for entry in entries.iter().filter(|entry| !entry.revoked) {
                standing.push(entry.number, entry.event.clone());
            }
            let head = LedgerHead {
                digest: [0; 32],
                entries: 0,
            };
            let gate = Gate::new(terms.clone(), standing, head, today);
            gate.decide(std::slice::from_ref(&chart)).map(drop)
        };
        let decision = decide(now.today);
        let from = match decision {
            Err(Withheld::HoldRunning) => first_day(now.today, &decide),
            _ => None,
        };
        Ok(Self {
            chart,
            decision,
            from,
            entries,
        })
    }

    /// The stops that stand, the latest first.
    pub(super) fn stops(&self) -> impl Iterator<Item = (&Entry, &Stop)> {
        let stand = self.entries.iter().rev().filter(|entry| !entry.revoked);
        stand.filter_map(|entry| match &entry.event {
            Event::Stopped(stop) => Some((entry, stop)),
            _ => None,
        })
    }

    /// Whether a stop of everything stands.
    pub(super) fn is_stopped(&self) -> bool {
        self.stops().any(|(_, stop)| stop.scope == Scope::ALL)
    }

    /// How the person stands, in one sentence: class of the sign, and the text.
    pub(super) fn state(&self) -> (&'static str, Filled) {
        let plain = |class, text: Text| (class, text.plain());
        match (self.decision, self.from) {
            (Ok(()), _) if self.stops().next().is_some() => plain("good", T.person_passes_in_part),
            (Ok(()), _) => plain("good", T.person_passes),
            (Err(Withheld::HoldRunning), Some(from)) => ("wait", T.person_hold.of(from)),
            (Err(Withheld::HoldRunning), None) => plain("wait", T.withheld_hold),
            (Err(Withheld::Stopped), _) => plain("bad", T.person_stopped),
            (Err(Withheld::NotNotified), _) => plain("wait", T.person_not_notified),
            (Err(Withheld::DecisionPending), _) => plain("wait", T.person_pending),
            (Err(other), _) => plain("wait", super::director::withheld_text(other)),
        }
    }
}

/// The day on which the hold is over: looked for with the gate itself, so that no second count of
/// days can disagree with it.
fn first_day(today: Date, decide: &impl Fn(Date) -> Result<(), Withheld>) -> Option<Date> {
    use jiff::ToSpan as _;
    let day = |days: i64| today.checked_add(days.days()).ok();
    let runs = |days: i64| day(days).map(decide) == Some(Err(Withheld::HoldRunning));
    // Holds last up to ten years; halving the way takes a dozen questions.
    let (mut runs_still, mut over) = (0, 3_700);
    if runs(over) {
        return None;
    }
    while over - runs_still > 1 {
        let middle = (over + runs_still) / 2;
        match runs(middle) {
            true => runs_still = middle,
            false => over = middle,
        }
    }
    day(over)
}

fn entries(ledger: &Ledger, chart: &ChartNumber) -> Result<Vec<Entry>, Failure> {
    let mut numbers = vec![chart.clone()];
    let mut entries: Vec<Entry> = Vec::new();
    let mut at = 0;
    while let Some(number) = numbers.get(at).filter(|_| at < MERGES_MAX) {
        for entry in ledger.of_chart(number)? {
            if let Event::Merged { from, into } = &entry.event
                && !entry.revoked
            {
                let new: Vec<_> = [from, into]
                    .into_iter()
                    .filter(|other| !numbers.contains(other))
                    .cloned()
                    .collect();
                numbers.extend(new);
            }
            if !entries.iter().any(|known| known.number == entry.number) {
                entries.push(entry);
            }
        }
        at += 1;
    }
    entries.sort_by_key(|entry| entry.number);
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chart_numbers_are_read_as_people_type_them() {
        for (typed, read) in [
            ("0012345", Some("0012345")),
            (" 0012345 ", Some("0012345")),
            ("００１２３４５", Some("0012345")),
            ("A－12", Some("A-12")),
            ("", None),
            ("   ", None),
            ("山田", None),
            ("---", None),
            ("1' OR '1'='1", None),
            ("<b>", None),
            ("1\t2", Some("12")),
        ] {
            assert_eq!(
                chart(typed).as_ref().map(ChartNumber::expose),
                read,
                "{typed}"
            );
        }
        assert!(chart(&"1".repeat(65)).is_none());
    }
}
