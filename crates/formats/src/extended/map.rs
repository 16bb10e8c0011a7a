//! Which document types are read, and how: the site's table, row by row.

use std::collections::BTreeMap;

use record::{DataKind, Domain, System};

use super::folder::KindFolder;

/// How documents of a type are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Observations as HL7 v2 (ORU^R30).
    OruR30,
    /// The coded entries of a CDA R2 document.
    Cda,
    /// Not at all: files are counted and stay on site.
    Leave,
}

impl Reader {
    /// The kind of what the reader gives; `None` when it gives nothing.
    pub fn kind(self) -> Option<DataKind> {
        match self {
            Self::OruR30 => Some(DataKind::ExtHl7),
            Self::Cda => Some(DataKind::ExtCda),
            Self::Leave => None,
        }
    }
}

/// One row: a row matches a folder when every part that it names does.
#[derive(Debug, Clone)]
pub struct Row {
    /// The site's own code, exactly or, with a `*` at its end, as a beginning.
    pub local: Option<String>,
    /// The system of the site's own code.
    pub local_system: Option<String>,
    /// The standard code, like `local`.
    pub standard: Option<String>,
    /// How documents are read.
    pub reader: Reader,
    /// Which domain of life they tell of.
    pub domain: Domain,
}

impl Row {
    fn matches(&self, kind: &KindFolder) -> bool {
        let fits = |pattern: &Option<String>, code: &str| match pattern.as_deref() {
            None => true,
            Some(pattern) => match pattern.strip_suffix('*') {
                Some(beginning) => code.starts_with(beginning),
                None => code == pattern,
            },
        };
        fits(&self.local, kind.local_code())
            && fits(&self.local_system, kind.local_system())
            && fits(&self.standard, kind.standard_code())
    }
}

/// The table of a site.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Document types; the first row that matches counts.
    pub rows: Vec<Row>,
    /// The site's own code systems in documents, by OID.
    pub systems: BTreeMap<String, System>,
}

impl Table {
    /// The row of a document type; `None` for types that the site does not name.
    pub fn row(&self, kind: &KindFolder) -> Option<&Row> {
        self.rows.iter().find(|row| row.matches(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_that_matches_in_all_it_names_counts() {
        let row = |local: Option<&str>, system: Option<&str>, standard: Option<&str>, reader| Row {
            local: local.map(str::to_owned),
            local_system: system.map(str::to_owned),
            standard: standard.map(str::to_owned),
            reader,
            domain: Domain::Medical,
        };
        let table = Table {
            rows: vec![
                row(Some("L9"), None, None, Reader::Leave),
                row(None, None, Some("18842-5"), Reader::Cda),
                row(Some("L-OBS"), Some("99ZL01"), None, Reader::OruR30),
                row(Some("LJCS-*"), None, None, Reader::Cda),
            ],
            systems: BTreeMap::new(),
        };
        for (kind, reader) in [
            ("^x^^18842-5^y^LN", Some(Reader::Cda)),
            ("L9^x^99ZZZ^18842-5^y^LN", Some(Reader::Leave)),
            ("L-OBS^x^99ZL01", Some(Reader::OruR30)),
            ("L-OBS^x^99ZZZ", None),
            ("LJCS-300R", Some(Reader::Cda)),
            ("LJCS", None),
            ("L1^x^99ZZZ^11506-3^y^LN", None),
        ] {
            let kind = KindFolder::parse(kind.as_bytes()).unwrap();
            assert_eq!(table.row(&kind).map(|row| row.reader), reader);
        }
    }
}
