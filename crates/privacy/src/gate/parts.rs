//! Imports that are written part by part, so that others can write in between: nothing of one
//! counts before the entry that says it is whole, and nothing when that entry was taken back.

use super::history::Event;

/// The parts of imports in a history, and which imports came to their end.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    parts: Vec<Part>,
    /// The entries that say so, each with the import.
    whole: Vec<(u64, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    first: u64,
    last: u64,
    import: u64,
}

impl Parts {
    /// Takes an entry, in the order of the history. Most say nothing here.
    pub fn note(&mut self, number: u64, event: &Event) {
        match event {
            Event::Part { import, entries } => self.parts.push(Part {
                first: number,
                last: number.saturating_add(*entries),
                import: *import,
            }),
            Event::Whole { import } => self.whole.push((number, *import)),
            _ => {}
        }
    }

    /// Whether an entry stands in the part that began last.
    pub(super) fn in_last(&self, number: u64) -> bool {
        self.parts.last().is_some_and(|part| number <= part.last)
    }

    /// Leaves out an import, as if it were an ordinary part of the history.
    pub fn forget(&mut self, import: u64) {
        self.parts.retain(|part| part.import != import);
    }

    /// Which parts do not count when some entries were taken back.
    pub fn open(self, revoked: impl Fn(u64) -> bool) -> OpenParts {
        let mut open = OpenParts::default();
        for part in self.parts {
            let mut ends = self.whole.iter().filter(|(_, of)| *of == part.import);
            match ends.next() {
                None => open.unfinished.push((part.first, part.last)),
                Some((end, _)) if revoked(*end) => open.taken_back.push((part.first, part.last)),
                Some(_) => {}
            }
        }
        open
    }
}

/// Parts of imports that do not count.
#[derive(Debug, Clone, Default)]
pub struct OpenParts {
    /// First and last entry of each, in order.
    unfinished: Vec<(u64, u64)>,
    taken_back: Vec<(u64, u64)>,
}

impl OpenParts {
    /// Whether an entry is of an import that never became whole: it is as if it were not there.
    pub fn unfinished(&self, number: u64) -> bool {
        within(&self.unfinished, number)
    }

    /// Whether an entry is of an import that was taken back as a whole.
    pub fn taken_back(&self, number: u64) -> bool {
        within(&self.taken_back, number)
    }
}

fn within(parts: &[(u64, u64)], number: u64) -> bool {
    let behind = parts.partition_point(|(first, _)| *first <= number);
    let before = behind.checked_sub(1).and_then(|place| parts.get(place));
    before.is_some_and(|(_, last)| number <= *last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(events: &[(u64, Event)]) -> Parts {
        let mut parts = Parts::default();
        for (number, event) in events {
            parts.note(*number, event);
        }
        parts
    }

    #[test]
    fn an_import_counts_from_its_end_on_and_not_when_that_is_taken_back() {
        let begun = vec![
            (
                3,
                Event::Part {
                    import: 3,
                    entries: 2,
                },
            ),
            (
                9,
                Event::Part {
                    import: 3,
                    entries: 1,
                },
            ),
        ];
        let whole = (11, Event::Whole { import: 3 });
        let other = (12, Event::Whole { import: 9 });
        for (ends, revoked, unfinished, taken_back) in [
            (vec![], false, true, false),
            (vec![other.clone()], false, true, false),
            (vec![whole.clone()], false, false, false),
            (vec![other, whole], true, false, true),
        ] {
            let all: Vec<_> = begun.iter().cloned().chain(ends).collect();
            let open = parts(&all).open(|number| revoked && number == 11);
            for number in 1..13 {
                let inside = matches!(number, 3..=5 | 9..=10);
                assert_eq!(open.unfinished(number), unfinished && inside, "{number}");
                assert_eq!(open.taken_back(number), taken_back && inside, "{number}");
            }
        }
        let mut own = parts(&begun);
        assert!(own.in_last(10) && !own.in_last(11));
        own.forget(4);
        assert!(own.clone().open(|_| false).unfinished(4));
        own.forget(3);
        assert!(!own.open(|_| false).unfinished(4));
    }
}
