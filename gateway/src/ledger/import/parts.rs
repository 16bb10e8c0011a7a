//! Large files: written part by part, each in a transaction of its own, so that nobody waits for
//! the whole. Nothing of the file counts before the entry that ends it; an import that was broken
//! off never counts, and the file is simply taken in again.

use std::collections::HashSet;
use std::path::Path;

use config::gateway::Settings;
use config::imports::Import;
use privacy::gate::Event;

use super::lines::Lines;
use super::{Preview, Sorting, unreadable};
use crate::clock::Now;
use crate::error::Failure;
use crate::ledger::entry::Actor;
use crate::ledger::store::Ledger;

/// Lines that are written together: about a second during which others wait.
pub(super) const LINES: usize = 20_000;
/// Stands for an entry of the part that is not written yet.
const IN_THIS_PART: u64 = u64::MAX;

/// Takes a file in.
///
/// # Errors
/// As [`super::apply`]. What was written before counts for nothing.
pub(super) fn apply(
    settings: &Settings,
    import: &Import,
    file: &Path,
    actor: &Actor,
    now: Now,
    together: usize,
) -> Result<Preview, Failure> {
    let reader = crate::ledger::open(settings)?;
    let mut sorting = Sorting::new(&reader, settings, import, now)?;
    sorting.own = Some(actor.clone());
    let mut parts = Parts {
        ledger: crate::ledger::open(settings)?,
        actor,
        now,
        import: None,
        entries: reader.entries_now()?,
        events: Vec::new(),
        marks: HashSet::new(),
    };
    let mut lines = 0;
    Lines::open(file, import)?.each(|line, fields| {
        sorting.progress(line);
        let event = sorting.lines.event(fields).map_err(|_| unreadable(line))?;
        let mut same = reader.same_as(&event)?;
        let mark = reader.mark(&event);
        same.extend(parts.marks.contains(&mark).then_some(IN_THIS_PART));
        if sorting.sort(&reader, &event, &same)? {
            parts.marks.insert(mark);
            parts.events.push(event);
        }
        lines += 1;
        match lines % together {
            0 => parts.write(&reader, &mut sorting),
            _ => Ok(()),
        }
    })?;
    parts.write(&reader, &mut sorting)?;
    parts.end()?;
    let repeated = sorting.finish();
    sorting.preview.known = sorting.preview.known.saturating_sub(repeated);
    Ok(sorting.preview)
}

struct Parts<'a> {
    ledger: Ledger,
    actor: &'a Actor,
    now: Now,
    /// The number of the first part, by which the import is known.
    import: Option<u64>,
    /// How many entries there were after the last part.
    entries: u64,
    events: Vec<Event>,
    marks: HashSet<u64>,
}

impl Parts<'_> {
    /// Writes what was gathered.
    fn write(&mut self, reader: &Ledger, sorting: &mut Sorting<'_>) -> Result<(), Failure> {
        let events = std::mem::take(&mut self.events);
        self.marks.clear();
        let before = self.entries;
        if !events.is_empty() {
            let known = self.import;
            let (written, import) = self.ledger.write(self.actor, self.now, |writer| {
                let import = known.unwrap_or(writer.last() + 1);
                let entries = events.len() as u64;
                writer.push(&Event::Part { import, entries })?;
                events.iter().try_for_each(|event| writer.push(event))?;
                Ok(import)
            })?;
            self.import = Some(import);
            self.entries = *written.end();
            if *written.start() == before + 1 {
                return Ok(());
            }
        }
        // Somebody else wrote in between, and may have taken something back.
        let now = reader.entries_now()?;
        if now != before {
            sorting.voided = match self.import {
                Some(import) => reader.voided_but(import)?,
                None => reader.voided()?,
            };
            self.entries = now;
        }
        Ok(())
    }

    /// From here on all of it counts.
    fn end(mut self) -> Result<(), Failure> {
        match self.import {
            Some(import) => {
                let whole = vec![Event::Whole { import }];
                self.ledger.append(self.actor, self.now, whole).map(drop)
            }
            None => Ok(()),
        }
    }
}
