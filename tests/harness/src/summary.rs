//! The figures of one run of the main job, for people and machines.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One run from the storages to the anonymized data set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Source files seen at all sites.
    pub files: u64,
    /// Sites that an appliance read, whose own figures stay with it.
    #[serde(default)]
    pub by_appliance: Vec<String>,
    /// Bytes of the source files.
    pub source_bytes: u64,
    /// Records read at all sites.
    pub records: u64,
    /// Records read, by kind.
    pub records_by_kind: BTreeMap<String, u64>,
    /// What the gates withheld, by reason.
    pub withheld: BTreeMap<String, Withheld>,
    /// Files set aside with a finding.
    pub quarantined_files: u64,
    /// Files in folders where nothing had changed since the last run.
    pub unchanged_files: u64,
    /// Older versions of documents, and documents that the site deleted.
    pub superseded_files: u64,
    /// Files of documents that the site deleted.
    pub withdrawn_files: u64,
    /// Records sealed in this run.
    pub sealed_records: u64,
    /// Batches sealed in this run.
    pub batches: u64,
    /// Bytes of those batches.
    pub sealed_bytes: u64,
    /// Batches that got a signed receipt in this run.
    pub sent: u64,
    /// Bytes that went over the line in this run.
    pub sent_bytes: u64,
    /// Batches that the core has accepted, over all runs.
    pub accepted: u64,
    /// Batches that the core refused, over all runs.
    pub refused: u64,
    /// Records in the core's tables in their present version.
    pub stored_records: u64,
    /// Site-patients at the core.
    pub subjects: u64,
    /// Persons after linkage.
    pub persons: u64,
    /// Share of linked pairs that are right; absent without a truth to compare with.
    pub precision: Option<f64>,
    /// Share of right pairs that are linked; absent without a truth to compare with.
    pub recall: Option<f64>,
    /// The k that the released persons reach.
    pub k: u64,
    /// The k that was asked for.
    pub k_asked: u64,
    /// Width of the released age bands in years; 0 when no age is released.
    pub age_years: u64,
    /// How the home is released: `prefecture`, `region` or `none`.
    pub area: String,
    /// Cells of the release that the linter looked at.
    pub cells_searched: u64,
    /// Identifiers that it searched for.
    pub identifiers_searched: u64,
    /// Values that the release leaves empty, by reason.
    pub cells_emptied: BTreeMap<String, u64>,
    /// Persons suppressed to reach it.
    pub suppressed: u64,
    /// Persons in the release.
    pub persons_released: u64,
    /// Rows in the release, all tables.
    pub rows_released: u64,
    /// Rows by table.
    pub rows_by_table: BTreeMap<String, u64>,
    /// Rows that the release leaves out, by reason.
    pub rows_left: BTreeMap<String, u64>,
    /// Findings by code, all sites.
    pub findings: BTreeMap<String, u64>,
    /// How good the data of each site is, as the core judges it.
    pub quality: BTreeMap<String, SiteQuality>,
    /// Things left behind by name, all sites.
    pub dropped: BTreeMap<String, u64>,
    /// Wall-clock seconds by step, in order of the steps.
    pub steps: Vec<(String, f64)>,
    /// Wall-clock seconds of all steps.
    pub seconds: f64,
    /// Largest resident memory of any of the product's processes.
    pub peak_memory_bytes: u64,
}

/// The quality of one site's data, over all runs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SiteQuality {
    /// Whether some share is above what is allowed.
    pub red: bool,
    /// Files that were read or set aside.
    pub files: u64,
    /// Every share, by the name of its measure or finding.
    pub shares: BTreeMap<String, Share>,
}

/// One share of a site's data.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Share {
    /// How many were looked at.
    pub looked_at: u64,
    /// How many of them were at fault.
    pub faulty: u64,
    /// The share.
    pub per_cent: f64,
    /// Whether it is above what is allowed.
    pub red: bool,
}

/// What one reason withheld.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Withheld {
    /// Persons.
    pub persons: u64,
    /// Their current files.
    pub files: u64,
    /// Their records.
    pub records: u64,
}

/// A number with thousands separators.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
