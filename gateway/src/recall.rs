//! What a stop takes back of what was sealed before it (A-053, B-011).
//!
//! - What waits and was never attempted is undone: the chain ends before the first batch that holds
//!   the person, and everybody in the undone batches is read and sealed again without them.
//! - Of what was attempted or sent, the next batch tells the centre to erase everything.
//! - A decision that is pending undoes what waits, and erases nothing.
//!
//! Each step is one transaction of the state file, and each is found again from the ledger and the
//! state alone: a run that is killed in between does the rest the next time.

use std::collections::BTreeSet;

use privacy::gate::{Gate, Withheld};
use record::SubjectRef;

use crate::error::Failure;
use crate::keys::Keys;
use crate::quality::Reports;
use crate::report::Report;
use crate::spool::Spool;
use crate::state::State;

/// What the gate's no did to what had been sealed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recalled {
    /// Batches that were undone.
    pub(crate) undone: u64,
    /// Erasures that the next batch will tell of and that were not demanded before.
    pub(crate) demanded: u64,
}

/// Brings the queue and the list of erasures to where the gate stands now.
///
/// # Errors
/// Our own state cannot be read or written.
pub(crate) fn recall(
    gate: &Gate,
    keys: &Keys,
    state: &mut State,
    spool: &Spool,
    reports: &Reports,
    report: &mut Report,
) -> Result<Recalled, Failure> {
    let mut recalled = Recalled::default();
    if !state.knows_numbers()? {
        return Ok(recalled);
    }
    let (mut stopped, mut withheld) = (BTreeSet::new(), BTreeSet::new());
    for (number, reason) in gate.withdrawn(&keys.site) {
        let subjects = state.subjects_of(&number)?;
        if reason == Withheld::Stopped {
            stopped.extend(subjects.iter().copied());
        }
        withheld.extend(subjects);
    }
    let withheld: Vec<SubjectRef> = withheld.into_iter().collect();
    if let Some(first) = state.first_with(&withheld)? {
        let undone = state.undo_from(first)?;
        // A file that is left by a crash here is removed when the queue is opened.
        for batch in &undone {
            spool.take_out(batch, || Ok(()))?;
            report.undo(batch.sequence);
        }
        recalled.undone = undone.len() as u64;
        tracing::info!(first, batches = recalled.undone, "undone for a stop");
    }
    // Those of undone batches go, also of ones that a run undid which was killed before this.
    reports.keep_until(state.chain_end()?.sequence)?;
    let stopped: Vec<SubjectRef> = stopped.into_iter().collect();
    recalled.demanded = state.demand_erasures(&stopped)?;
    Ok(recalled)
}

#[cfg(test)]
mod tests;
