//! A file beside the ledger: what only one of them says. Nothing is written.

use std::path::Path;

use config::gateway::Settings;
use config::imports::{Import, What};
use privacy::gate::Event;

use super::Sorting;
use super::lines::Lines;
use crate::clock::Now;
use crate::error::Failure;

/// What file and ledger say of one kind of event, in counts of lines and entries.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reconciled {
    /// What the file says by itself.
    pub(crate) file: super::Preview,
    /// Entries that stand and of whose person the file says nothing.
    pub(crate) vanished: u64,
    /// Entries that stand and of whose person the file says something else.
    pub(crate) differing: u64,
}

impl Reconciled {
    /// For people: Japanese first.
    pub(crate) fn for_people(&self) -> String {
        format!(
            "{}ファイルにない台帳の記載 (in the ledger only): {}\n\
             内容の異なる台帳の記載 (in both, but different): {}\n",
            self.file.for_people(),
            self.vanished,
            self.differing
        )
    }
}

/// Compares a file with what stands in the ledger of the same kind.
///
/// # Errors
/// As [`super::preview`]; the ledger was changed or cut.
pub(crate) fn reconcile(
    settings: &Settings,
    import: &Import,
    path: &Path,
    now: Now,
) -> Result<Reconciled, Failure> {
    let file = super::preview(settings, import, path, now)?;
    let ledger = crate::ledger::open(settings)?;
    let sorting = Sorting::new(&ledger, settings, import, now)?;
    let (mut events, mut persons) = (Vec::new(), Vec::new());
    Lines::open(path, import)?.each(|_, fields| {
        if let Ok(event) = sorting.lines.event(fields) {
            events.push(ledger.mark(&event));
            persons.extend(event.chart().map(|chart| ledger.person_mark(chart)));
        }
        Ok(())
    })?;
    events.sort_unstable();
    persons.sort_unstable();
    let (mut vanished, mut differing) = (0, 0);
    ledger.fold(None, |entry| {
        let stands = !sorting.voided.contains(entry.number);
        if !stands || !is_of(import.what, &entry.event) {
            return;
        }
        let known = events.binary_search(&ledger.mark(&entry.event)).is_ok();
        let chart = entry.event.chart().map(|chart| ledger.person_mark(chart));
        match chart.is_some_and(|chart| persons.binary_search(&chart).is_ok()) {
            _ if known => {}
            true => differing += 1,
            false => vanished += 1,
        }
    })?;
    Ok(Reconciled {
        file,
        vanished,
        differing,
    })
}

fn is_of(what: What, event: &Event) -> bool {
    match what {
        What::Notices => matches!(event, Event::Notified(_)),
        What::Visits => matches!(event, Event::Visited { .. }),
        What::Stops => matches!(event, Event::Stopped(_)),
        What::Consents => matches!(event, Event::Consented(_)),
        What::Merges => matches!(event, Event::Merged { .. }),
    }
}
