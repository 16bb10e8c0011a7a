//! What the PID of a patient's files says, read once as long as it is written alike.
//!
//! A hospital writes the same PID into every file of a patient, often thousands of times.

use std::sync::Arc;

use record::content::Patient;
use record::{ChartNumber, FindingCode, Identity, Version};
use zeroize::Zeroizing;

use super::identity::is_after;
use super::notes::Notes;
use super::table::Gate;
use crate::hl7::{Segment, Separators};

/// The most that are remembered of a patient. It stands on the second line of one kind and on the
/// third of another, and says more in some kinds.
pub(crate) const MOST: usize = 4;

/// A PID that came first in a file, and what reading it gave.
pub(crate) struct Said {
    text: Zeroizing<String>,
    separators: Separators,
    line: u32,
    gate: Gate,
    chart: ChartNumber,
    /// The numbers that it claims.
    pub(crate) claimed: Vec<ChartNumber>,
    /// The patient as identifiers.
    pub(crate) identity: Arc<Identity>,
    /// The patient as content.
    pub(crate) patient: Patient,
    /// What was noted on the way.
    pub(crate) notes: Notes,
}

/// A PID at hand, with everything that its reading depends on.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The segment.
    pub(crate) segment: &'a Segment<'a>,
    /// What of it passes for the kind of the file.
    pub(crate) gate: Gate,
    /// Whose storage folder the file lies in.
    pub(crate) chart: &'a ChartNumber,
}

impl Asked<'_> {
    /// Keeps what reading it gave; nothing where it depends on when the file was written.
    pub(crate) fn gave(
        self,
        claimed: &[ChartNumber],
        identity: &Arc<Identity>,
        patient: &Patient,
        notes: &Notes,
    ) -> Option<Said> {
        if notes.holds(FindingCode::BirthInFuture) {
            return None;
        }
        Some(Said {
            text: Zeroizing::new(self.segment.text().to_owned()),
            separators: self.segment.separators(),
            line: self.segment.line,
            gate: self.gate,
            chart: self.chart.clone(),
            claimed: claimed.to_vec(),
            identity: Arc::clone(identity),
            patient: patient.clone(),
            notes: notes.clone(),
        })
    }

    /// Whether reading it again, in a file of this version, would give the same.
    pub(crate) fn is_as(self, said: &Said, written: Version) -> bool {
        let birth = said.identity.birth;
        birth.is_none_or(|birth| !is_after(birth.expose(), written))
            && self.segment.text() == said.text.as_str()
            && self.segment.separators() == said.separators
            && self.segment.line == said.line
            && self.gate == said.gate
            && self.chart == &said.chart
    }
}
