//! Settings of the extended storage: where it lies, and which document types are read and how.

use std::path::PathBuf;

use record::{Domain, System};
use serde::Deserialize;

use crate::SettingsError;
use crate::error::range;

/// The extended storage. Without roots nothing of it is read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Extended {
    /// Root folders, one per volume.
    pub storages: Vec<PathBuf>,
    /// Document types; the first row that matches counts. Types in no row are counted and stay.
    pub kinds: Vec<ExtendedKind>,
    /// The site's own code systems in documents. Codes of other systems stay.
    pub systems: Vec<CodeSystem>,
}

/// One row of the table of document types: it matches when every code that it names does.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtendedKind {
    /// The site's own code; with a `*` at its end, a beginning.
    pub local: Option<String>,
    /// The system of the site's own code.
    pub local_system: Option<String>,
    /// The standard code; with a `*` at its end, a beginning.
    pub standard: Option<String>,
    /// How its documents are read.
    pub reader: ExtendedReader,
    /// Which domain of life they tell of.
    #[serde(default = "medical")]
    pub domain: Domain,
}

fn medical() -> Domain {
    Domain::Medical
}

/// How documents of a type are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExtendedReader {
    /// Observations as HL7 v2 (ORU^R30).
    OruR30,
    /// The coded entries of a CDA R2 document.
    Cda,
    /// Not at all: files are counted and stay.
    Leave,
}

/// A code system of the site.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeSystem {
    /// Its OID as documents write it. It never leaves: it may hold the facility's number.
    pub oid: String,
    /// The name under which its codes leave, such as `99ABC`.
    pub name: System,
}

impl Default for Extended {
    fn default() -> Self {
        Self {
            storages: Vec::new(),
            kinds: shipped(),
            systems: Vec::new(),
        }
    }
}

/// The table of document types that is used unless the settings have their own.
fn shipped() -> Vec<ExtendedKind> {
    use ExtendedReader::{Cda, Leave, OruR30};
    /// Site's code, its system, standard code.
    type Match = (
        Option<&'static str>,
        Option<&'static str>,
        Option<&'static str>,
    );
    const ROWS: &[(Match, ExtendedReader)] = &[
        // 災害時 J-SPEED 記録: a line with telephone, address and place of whoever reports.
        ((None, None, Some("74465-6")), Leave),
        // バイタル
        ((Some("L-OBSERVATIONS"), Some("99ZL01"), None), OruR30),
        // 経過記録、外来診療録、入院診療録、退院時サマリー、紹介状
        ((None, None, Some("11506-3")), Cda),
        ((None, None, Some("34108-1")), Cda),
        ((None, None, Some("34112-3")), Cda),
        ((None, None, Some("18842-5")), Cda),
        ((None, None, Some("57133-1")), Cda),
        // SEAMAT
        ((Some("LJCS-*"), None, None), Cda),
    ];
    let owned = |code: Option<&str>| code.map(str::to_owned);
    ROWS.iter()
        .map(|((local, local_system, standard), reader)| ExtendedKind {
            local: owned(*local),
            local_system: owned(*local_system),
            standard: owned(*standard),
            reader: *reader,
            domain: Domain::Medical,
        })
        .collect()
}

impl Extended {
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        let count = |items: usize| items as u64;
        range(
            "source.extended.storages",
            count(self.storages.len()),
            0,
            32,
        )?;
        range("source.extended.kinds", count(self.kinds.len()), 0, 500)?;
        range("source.extended.systems", count(self.systems.len()), 0, 500)?;
        for kind in &self.kinds {
            let patterns = [&kind.local, &kind.standard];
            let mut named = patterns.into_iter().flatten().peekable();
            let fits = |code: &String| {
                let bare = code.strip_suffix('*').unwrap_or(code);
                !bare.is_empty() && bare.len() <= 64 && !bare.contains(['*', '^'])
            };
            if named.peek().is_none() || !named.all(fits) {
                return Err(SettingsError::Range {
                    key: "source.extended.kinds",
                    value: patterns
                        .map(|code| code.as_deref().unwrap_or_default())
                        .join(" "),
                    expected: "`local` or `standard`: a code, perhaps with a `*` at its end".into(),
                });
            }
        }
        for system in &self.systems {
            let oid = &system.oid;
            let fits = oid.len() <= 64 && oid.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            if oid.is_empty() || !fits {
                return Err(SettingsError::Range {
                    key: "source.extended.systems",
                    value: oid.clone(),
                    expected: "an OID of digits and dots".to_owned(),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Settings;

    const EXAMPLE: &str = include_str!("../examples/gateway.toml");

    /// Whoever changes the table of the example begins with the one that is in force.
    #[test]
    fn the_example_lists_the_document_types_that_are_shipped() {
        let kinds: String = EXAMPLE
            .lines()
            .skip_while(|line| !line.starts_with("# [[source.extended.kinds]]"))
            .take_while(|line| line.starts_with('#'))
            .map(|line| format!("{}\n", line.trim_start_matches("# ")))
            .collect();
        let kinds = kinds.replace("source.extended.", "");
        let read: Extended = toml::from_str(&kinds).unwrap();
        assert_eq!(read.kinds, shipped());
    }

    #[test]
    fn rows_that_match_everything_or_are_no_codes_are_refused() {
        for (more, named) in [
            ("[[source.extended.kinds]]\nreader = \"cda\"", "kinds"),
            (
                "[[source.extended.kinds]]\nreader = \"cda\"\nlocal = \"*\"",
                "kinds",
            ),
            (
                "[[source.extended.kinds]]\nreader = \"cda\"\nlocal = \"A*B\"",
                "kinds",
            ),
            (
                "[[source.extended.kinds]]\nreader = \"all\"\nlocal = \"A\"",
                "all",
            ),
            ("[[source.extended.kinds]]\nlocal = \"A\"", "reader"),
            (
                "[[source.extended.systems]]\noid = \"1.2 3\"\nname = \"99A\"",
                "systems",
            ),
            (
                "[[source.extended.systems]]\noid = \"1.2\"\nname = \"山田\"",
                "pattern",
            ),
            ("[source.extended]\nread_pdf = true", "read_pdf"),
        ] {
            let error = Settings::parse(&format!("{EXAMPLE}\n{more}\n")).unwrap_err();
            assert!(error.to_string().contains(named), "{named}: {error}");
        }
    }

    #[test]
    fn without_the_section_no_extended_storage_is_read() {
        let settings = Settings::parse(EXAMPLE).unwrap();
        assert!(settings.source.extended.storages.is_empty());
        assert_eq!(settings.source.extended.kinds, shipped());
    }
}
