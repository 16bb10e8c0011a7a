//! Taking an import back as a whole, while nothing that it opened can have left.

use config::gateway::Settings;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};
use privacy::gate::{Event, Ground};

use crate::clock::Now;
use crate::error::{Failure, Problem};
use crate::ledger::entry::{Actor, ImportId};

/// What was taken back.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Undone {
    /// Entries.
    pub(crate) taken_back: u64,
    /// Stops and merged numbers that still hold, because nobody asked to take them back.
    pub(crate) kept: u64,
}

/// Takes back every entry of an import that still counts; stops and merged numbers only with
/// `stops_too`, since that lets persons pass.
///
/// # Errors
/// There is no such import, or the hold after it is over.
pub(crate) fn undo(
    settings: &Settings,
    id: &ImportId,
    stops_too: bool,
    actor: &Actor,
    now: Now,
) -> Result<Undone, Failure> {
    let mut ledger = crate::ledger::open(settings)?;
    let voided = ledger.voided()?;
    let import = Actor::Import(id.clone());
    let (mut events, mut undone, mut began) = (Vec::new(), Undone::default(), None);
    let mut in_parts = false;
    // Of an import in parts the entry that makes it whole stands for all.
    let mut whole = None;
    ledger.fold(None, |entry| {
        if entry.actor != import {
            return;
        }
        began.get_or_insert(entry.recorded_at);
        if voided.contains(entry.number) {
            return;
        }
        match entry.event {
            Event::Part { .. } => {
                in_parts = true;
                return;
            }
            Event::Whole { .. } => {
                whole = Some(entry.number);
                return;
            }
            _ => {}
        }
        if !stops_too && withholds(&entry.event) {
            undone.kept += 1;
            return;
        }
        undone.taken_back += 1;
        // One by one only where one cannot stand for all.
        if !in_parts {
            events.push(back(entry.number));
        }
    })?;
    let began = began.ok_or_else(|| Failure::new(Problem::LedgerEntry, id.to_string()))?;
    if !within_hold(settings, began, now) {
        return Err(Failure::new(Problem::UndoTooLate, id.to_string()));
    }
    if undone.taken_back > 0 {
        events.extend(whole.map(back));
    }
    ledger.append(actor, now, events)?;
    Ok(undone)
}

fn back(entry: u64) -> Event {
    Event::Revoked {
        entry,
        ground: Ground::Mistake,
    }
}

fn withholds(event: &Event) -> bool {
    matches!(
        event,
        Event::Stopped(_) | Event::Held { .. } | Event::Merged { .. }
    )
}

/// Calendar days in Japan, as the hold itself.
fn within_hold(settings: &Settings, began: i64, now: Now) -> bool {
    let hold = settings.contracts.iter().map(|it| it.hold_days).min();
    let day = Timestamp::from_second(began).map(|it| Offset::constant(9).to_datetime(it).date());
    let over = day.and_then(|day| day.checked_add(i64::from(hold.unwrap_or(30)).days()));
    over.is_ok_and(|over| now.today < over)
}
