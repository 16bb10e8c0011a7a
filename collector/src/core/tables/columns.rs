//! Which columns each table has. References stand as hexadecimal text, dates as ISO 8601 at the
//! precision given, exact decimals as text with the nearest binary number beside.

use record::ResourceKind;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// UTF-8.
    Text,
    /// A binary number.
    Double,
    /// A whole number.
    Whole,
    /// True or false.
    Flag,
}

/// A column. Every column may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: String,
    /// Its type.
    pub(crate) kind: Kind,
}

/// A table of the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    /// Documents with their states, withdrawn ones too.
    Document,
    /// Linkage tokens, keyed again.
    Linkage,
    /// Identity envelopes, as they came: the core cannot open them.
    Envelope,
    /// Who took part in what a document tells: staff by tokens, keyed again, and institutions. No
    /// recipe can name it, so nothing of it is released.
    Participant,
    /// Records of one kind.
    Records(ResourceKind),
}

impl Table {
    /// Every table.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let records = ResourceKind::ALL.iter().map(|kind| Self::Records(*kind));
        [
            Self::Document,
            Self::Linkage,
            Self::Envelope,
            Self::Participant,
        ]
        .into_iter()
        .chain(records)
    }

    /// Its name, also its folder's.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Document => "Document",
            Self::Linkage => "Linkage",
            Self::Envelope => "Envelope",
            Self::Participant => "Participant",
            Self::Records(kind) => kind.as_str(),
        }
    }

    /// Its columns, in order.
    pub(crate) fn columns(self) -> Vec<Column> {
        match self {
            Self::Document => parse(DOCUMENT),
            Self::Linkage => parse(LINKAGE),
            Self::Envelope => parse(ENVELOPE),
            Self::Participant => {
                let mut columns = parse(RECORD);
                columns.extend(parse(PARTICIPANT));
                columns
            }
            Self::Records(kind) => {
                let mut columns = parse(RECORD);
                columns.extend(parse(fields(kind)));
                columns
            }
        }
    }
}

// A line of a list below is `name type`. Lists of codes (modifiers, categories) stand as one text,
// `system:code` separated by blanks. `concept` stands for four text columns: code, system,
// alternate code, alternate system; `coding` for two; `decimal` for text and number.
const DOCUMENT: &str = "site text, subject text, document text, order text, source_kind text, \
    domain text, version whole, care_date text, state text, records whole";
const LINKAGE: &str = "site text, subject text, version whole, epoch whole, field text, value text";
const ENVELOPE: &str = "site text, subject text, vault_key text, value text";
const PARTICIPANT: &str = "role text, staff text, institution text";
const RECORD: &str = "site text, subject text, document text, order text, source_kind text, \
    domain text, version whole, care_date text, line whole";

const fn fields(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Patient => "sex text, birth text, prefecture whole, died text, deceased flag",
        ResourceKind::Coverage => "plan concept, start text, end text, relation text",
        ResourceKind::Encounter => {
            "class text, event text, at text, admitted text, returns text, department text, \
             ward text, ward_from text, disposition text"
        }
        ResourceKind::AllergyIntolerance => {
            "category concept, code concept, severity coding, sensitivity coding, \
             verification coding, onset text, recorded text"
        }
        ResourceKind::Condition => {
            "code concept, exchange concept, icd10 concept, modifiers text, onset text, \
             abated text, outcome concept, outcome_at text, rank concept, provisional flag, \
             free_text flag"
        }
        ResourceKind::MedicationRequest => {
            "medication concept, amount decimal, unit concept, most decimal, form concept, \
             per_day decimal, per_day_unit concept, dispensed decimal, dispensed_unit concept, \
             rate decimal, rate_unit concept, start text, end text, timing text, \
             duration decimal, duration_comparator text, duration_unit text, \
             occurrences decimal, priority text, requested text, route concept, body_site concept, \
             device concept, method concept, categories text, order_class text, \
             order_group whole, component flag"
        }
        ResourceKind::MedicationAdministration => {
            "medication concept, amount decimal, unit concept, form concept, rate decimal, \
             rate_comparator text, rate_unit text, lot text, start text, end text, \
             route concept, body_site concept, device concept, method concept, status text, \
             order_class text, order_group whole, component flag"
        }
        ResourceKind::Observation => {
            "code concept, value decimal, value_comparator text, value_unit text, \
             value_code concept, value_sign text, value_moment text, used concept, \
             used_amount decimal, used_unit concept, range_low decimal, range_high decimal, \
             flag text, status text, method concept, part text, panel concept, \
             specimen concept, collected text, received text, at text, analysed text, \
             reported text, order_group whole, prior flag"
        }
        ResourceKind::ServiceRequest => {
            "category text, code concept, specimen concept, body_site concept, \
             modality concept, priority text, requested text, scheduled text, status text, \
             order_class text, order_group whole, part flag"
        }
        ResourceKind::Procedure => {
            "category text, code concept, times decimal, addition concept, start text, end text, \
             reported text, status text, body_site concept, modality concept, \
             order_class text, order_group whole, part flag"
        }
        ResourceKind::NutritionOrder => {
            "code concept, action text, meal concept, start text, end text, timing text, \
             requested text, order_class text, order_group whole"
        }
    }
}

fn parse(list: &str) -> Vec<Column> {
    list.split(',')
        .filter_map(|entry| entry.trim().split_once(' '))
        .flat_map(expand)
        .collect()
}

fn expand((name, kind): (&str, &str)) -> Vec<Column> {
    let column = |suffix: &str, kind| Column {
        name: format!("{name}{suffix}"),
        kind,
    };
    match kind {
        "concept" => ["", "_system", "_alt", "_alt_system"]
            .iter()
            .map(|suffix| column(suffix, Kind::Text))
            .collect(),
        "coding" => vec![column("", Kind::Text), column("_system", Kind::Text)],
        "decimal" => vec![column("", Kind::Text), column("_number", Kind::Double)],
        "whole" => vec![column("", Kind::Whole)],
        "flag" => vec![column("", Kind::Flag)],
        _ => vec![column("", Kind::Text)],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn column_names_are_unique_in_each_table() {
        for table in Table::all() {
            let columns = table.columns();
            let names: BTreeSet<_> = columns.iter().map(|column| &column.name).collect();
            assert_eq!(names.len(), columns.len(), "{}", table.name());
            assert!(columns.len() >= 4);
        }
    }
}
