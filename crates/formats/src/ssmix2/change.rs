//! What a change feed says: of whom something changed and, where it can be told, which document.
//!
//! A feed decides only which patients are looked at again. What is read and sent always comes from
//! the storage itself, so a feed that lies can cost a visit and nothing else.

use record::{ChartNumber, Code, DataKind, DocumentKey, Version};

use super::name::{care_date_of, order_of, version_of};

/// What was done to a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// `INS`: written, newly or again.
    Insert,
    /// `DEL`: taken back.
    Delete,
}

/// One change. It identifies a patient: `Debug` hides the numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whose.
    pub chart: ChartNumber,
    /// What of theirs; `None` for other storages, unknown kinds, and where it cannot be told.
    pub document: Option<Changed>,
    /// Whether something beside the patient number was not as it should be.
    pub deviates: bool,
}

/// The document of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Which one.
    pub key: DocumentKey,
    /// What was done.
    pub action: Action,
    /// When, as the name of the file says it too.
    pub version: Version,
}

/// The texts of one record, before anything is believed.
pub(super) struct Texts<'t> {
    pub(super) chart: &'t str,
    pub(super) care_date: &'t str,
    pub(super) kind: &'t str,
    pub(super) order: &'t str,
    pub(super) action: &'t str,
    pub(super) version: &'t str,
}

impl Change {
    /// `None` when the patient cannot be told.
    pub(super) fn of(texts: &Texts<'_>) -> Option<Self> {
        let chart = folder_name(texts.chart)?;
        let document = known(texts.kind).map(|kind| texts.document(kind));
        Some(Self {
            chart,
            deviates: matches!(document, Some(None)),
            document: document.flatten(),
        })
    }
}

impl Texts<'_> {
    fn document(&self, kind: DataKind) -> Option<Changed> {
        let action = match self.action {
            "INS" => Action::Insert,
            "DEL" => Action::Delete,
            _ => return None,
        };
        let key = DocumentKey {
            kind,
            care_date: care_date_of(self.care_date)?,
            order: order_of(self.order)?,
            local_kind: None,
        };
        let version = version_of(self.version)?;
        Some(Changed {
            key,
            action,
            version,
        })
    }
}

fn known(kind: &str) -> Option<DataKind> {
    let kind = kind.parse().ok();
    kind.filter(|kind: &DataKind| !kind.is_extended())
}

/// A patient number that can be the name of a folder. A feed must not lead out of the storage.
fn folder_name(text: &str) -> Option<ChartNumber> {
    let name = !text.contains(['/', '\\', '\u{FFFD}']) && !matches!(text, "." | "..");
    name.then(|| ChartNumber::new(text)).flatten()
}

/// Whether a text is a department as feeds write it: a code, `-` or nothing.
pub(super) fn is_department(text: &str) -> bool {
    text.is_empty() || text.parse::<Code>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_leads_out_of_the_storage_is_no_patient() {
        for text in ["", ".", "..", "../../etc", "a/b", "a\\b", "a\u{0}b", "a\nb"] {
            assert_eq!(folder_name(text), None, "{text:?}");
        }
        assert!(folder_name("0001112223").is_some());
    }
}
