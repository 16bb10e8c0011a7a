//! Code systems: from OIDs to the names that messages use.
//!
//! The facility's number is the tail of many OIDs, so an OID itself never leaves: one that is in no
//! table has no name, and what it codes stays behind.

use std::collections::BTreeMap;

use record::System;

/// National and international code systems, in order for the search.
const SYSTEMS: &[(&str, &str)] = &[
    ("1.2.392.100495.20.1.73", "YJ"),
    ("1.2.392.200119.4.101.2", "MEDIS-KEY"),
    ("1.2.392.200119.4.101.6", "MEDIS-EX"),
    ("1.2.392.200119.4.402.1", "HOT13"),
    ("1.2.392.200119.4.403.1", "HOT9"),
    ("1.2.392.200119.4.403.2", "HOT7"),
    ("1.2.392.200119.4.504", "JC10"),
    ("2.16.840.1.113883.5.112", "ROUTE"),
    ("2.16.840.1.113883.5.4", "ACTCODE"),
    ("2.16.840.1.113883.5.83", "OBSINT"),
    ("2.16.840.1.113883.6.1", "LN"),
    ("2.16.840.1.113883.6.3", "I10"),
    ("2.16.840.1.113883.6.8", "UCUM"),
    ("2.16.840.1.113883.6.96", "SCT"),
];

/// The OIDs under which numbers of patients stand, the facility's number behind them: the one of
/// SS-MIX2 documents and the national one.
const PATIENTS: [&str; 2] = ["1.2.392.200250.3.3.1.", "1.2.392.100495.20.3.51."];

/// The name of a code system: of the closed table, else of the site's own.
pub(super) fn name(oid: &str, own: &BTreeMap<String, System>) -> Option<System> {
    match SYSTEMS.binary_search_by(|(known, _)| (*known).cmp(oid)) {
        Ok(at) => SYSTEMS.get(at).and_then(|(_, name)| name.parse().ok()),
        Err(_) => own.get(oid).cloned(),
    }
}

/// Whether numbers under an OID are numbers of patients.
pub(super) fn is_of_patients(oid: &str) -> bool {
    PATIENTS.iter().any(|root| oid.starts_with(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_systems_of_a_table_have_names() {
        assert!(SYSTEMS.is_sorted_by(|(a, _), (b, _)| a < b));
        let own = BTreeMap::from([("1.2.3.10111234567".to_owned(), "99ABC".parse().unwrap())]);
        for (oid, named) in SYSTEMS {
            assert_eq!(name(oid, &own).unwrap().as_str(), *named);
        }
        assert_eq!(name("1.2.3.10111234567", &own).unwrap().as_str(), "99ABC");
        for unknown in [
            "1.2.392.200250.3.3.2.10111234567",
            "",
            "2.16.840.1.113883.6.10",
        ] {
            assert_eq!(name(unknown, &own), None);
        }
    }
}
