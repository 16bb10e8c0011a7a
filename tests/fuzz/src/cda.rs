//! Documents of CDA R2, and the recognition of files by their bytes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use formats::extended::cda::{self, MAX_RECORDS};
use formats::extended::{Content, Document, Folder, Folders, Identified, Reader, Row, Table};
use formats::extended::{disagrees, identify, sniff};
use memchr::memmem;
use record::{ChartNumber, Domain};

use crate::message::{content_holds_no_identifier, is_bounded, says_nothing_of_the_patient};
use crate::seeds::CHART;

static TABLE: LazyLock<Table> = LazyLock::new(table);

/// A table that names one document type for each reader.
fn table() -> Table {
    let row = |standard: &str, reader| Row {
        local: None,
        local_system: None,
        standard: Some(standard.to_owned()),
        reader,
        domain: Domain::Medical,
    };
    let own = "99ABC".parse().ok();
    Table {
        rows: vec![
            row("18842-5", Reader::Cda),
            row("8716-3", Reader::OruR30),
            row("74465-6", Reader::Leave),
        ],
        systems: own
            .map(|own| ("1.2.392.200250.9.10111234567".to_owned(), own))
            .into_iter()
            .collect::<BTreeMap<_, _>>(),
    }
}

/// Any bytes, as a document of the patient [`CHART`].
pub(crate) fn run(data: &[u8]) {
    let content = sniff(data);
    for name in [&b"a.pdf"[..], b"main_document.hl7", b"a.xml", b"noname"] {
        let _ = disagrees(name, content);
    }
    let Some(chart) = ChartNumber::new(CHART) else {
        return;
    };
    let told = cda::read(&chart, &TABLE.systems, data);
    if let Ok(contents) = &told {
        // The reader looks past a text before the root; the recognition need not, and such a file
        // stays on site.
        assert!(
            content == Content::Cda || !begins_with_markup(data),
            "a document would not be recognised"
        );
        assert!(contents.records.len() <= MAX_RECORDS, "records");
        assert!(!contents.claimed.is_empty(), "nobody's document is read");
        assert!(contents.claimed.iter().all(|claimed| *claimed == chart));
        let _ = cda::claims(data);
    }
    document("18842-5", data, told.is_ok());
    if content == Content::Hl7 {
        document("8716-3", data, false);
    }
}

/// Whether nothing but declarations and comments stands before the root.
fn begins_with_markup(data: &[u8]) -> bool {
    let mut rest = data;
    loop {
        rest = rest.trim_ascii_start();
        let end: &[u8] = match rest {
            [b'<', b'?', ..] => b"?>",
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            [b'<', b'!', ..] => b">",
            _ => return rest.starts_with(b"<"),
        };
        let after = memmem::find(rest, end).and_then(|at| rest.get(at + end.len()..));
        match after {
            Some(after) => rest = after,
            None => return false,
        }
    }
}

/// The document of a type with one file.
fn document(standard: &str, file: &[u8], must_read: bool) {
    let Some(folder) = folder(standard) else {
        panic!("a fixed folder is not identified");
    };
    let mut document = Document::new(&folder, None);
    let read = document.read(&TABLE, file);
    assert!(read.is_ok() || !must_read, "a document is refused");
    if read.is_err() {
        return;
    }
    let Some(reading) = document.finish() else {
        panic!("a document has no key");
    };
    is_bounded(&reading, file.len());
    says_nothing_of_the_patient(&reading);
    content_holds_no_identifier(reading);
}

fn folder(standard: &str) -> Option<Box<Folder>> {
    let kind = format!("^サマリー^^{standard}^x^LN");
    let content = format!("{CHART}_20160101_{kind}_k1_20160115003210012_01_1");
    let folders = Folders {
        level1: CHART.get(..3)?,
        level2: CHART.get(3..6)?,
        level3: CHART,
        care_date: b"20160101",
        kind: kind.as_bytes(),
        content: content.as_bytes(),
    };
    match identify(&folders, &TABLE) {
        Ok(Identified::Read(folder)) => Some(folder),
        _ => None,
    }
}

/// Folder names of the extended storage: the first line names a document type, every other one a
/// content folder in it.
pub(crate) fn folders(data: &[u8]) {
    let mut lines = data.split(|&b| b == b'\n');
    let kind = lines.next().unwrap_or_default();
    let mut names = Vec::new();
    for content in lines.take(100) {
        let end = content.iter().position(|&b| b == b'_');
        let chart = content.get(..end.unwrap_or(0)).unwrap_or_default();
        let Ok(chart) = std::str::from_utf8(chart) else {
            continue;
        };
        let date = content.split(|&b| b == b'_').nth(1).unwrap_or_default();
        let three = |from: usize| chart.chars().skip(from).take(3).collect::<String>();
        let (level1, level2) = (three(0), three(3));
        let folders = Folders {
            level1: &level1,
            level2: &level2,
            level3: chart,
            care_date: date,
            kind,
            content,
        };
        let Ok(Identified::Read(folder)) = identify(&folders, &TABLE) else {
            continue;
        };
        assert!(folder.name.chart.expose() == chart, "patient");
        let elsewhere = Folders {
            level3: "0",
            ..folders
        };
        assert!(chart == "0" || identify(&elsewhere, &TABLE).is_err());
        let other = ChartNumber::new("A1").map(|other| {
            let mut name = folder.name.clone();
            name.chart = other;
            format!("{name:?}")
        });
        assert_eq!(Some(format!("{:?}", folder.name)), other, "shown");
        names.push(folder.name);
    }
    crate::names::resolves(&names);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fuzzing that starts from refused documents would learn little.
    #[test]
    fn every_seed_is_read() {
        let chart = ChartNumber::new(CHART).unwrap();
        for (name, seed) in crate::seeds::of("cda") {
            let read = match sniff(&seed) {
                Content::Cda => {
                    cda::read(&chart, &TABLE.systems, &seed).map(|read| read.records.len())
                }
                _ => Document::new(&folder("8716-3").unwrap(), None)
                    .read(&TABLE, &seed)
                    .map(|()| 1),
            };
            assert!(read.is_ok(), "{name} {read:?}");
        }
        for (name, seed) in crate::seeds::of("folders") {
            let kind = seed.split(|&b| b == b'\n').next().unwrap();
            assert!(
                formats::extended::folder::KindFolder::parse(kind).is_ok(),
                "{name}"
            );
        }
    }
}
