//! File names, the folders above them, and which of several files counts.

use std::collections::{BTreeMap, BTreeSet};

use formats::ssmix2::name::{FileName, Flag, Kind};
use formats::ssmix2::place::{self, Folders};
use formats::ssmix2::versions::{self, Resolved};
use record::FindingCode;

/// Lines of text: each is a file name, all of one patient's where that can be.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut files = Vec::new();
    for line in text.split('\n').take(200) {
        let Ok(name) = FileName::parse(line) else {
            continue;
        };
        written_again(line, &name);
        hides_numbers(line, &name);
        lies_in_its_folders(line, &name);
        files.push(name);
    }
    resolves(&files);
}

/// Every part that was read stands in the name.
fn written_again(line: &str, name: &FileName) {
    let parts = seven(line);
    assert_eq!(parts.len(), 7, "parts of a name");
    assert!(parts[0] == name.chart.expose(), "patient");
    assert!(parts[3] == name.order.expose(), "order");
    assert_eq!(parts[1] == "-", name.care_date.is_none(), "care date");
    if let Kind::Known(kind) = name.kind {
        assert_eq!(parts[2], kind.as_str(), "kind");
    }
    let version = format!("{:017}{}", name.version.0, name.fourth_decimal);
    assert!(version.starts_with(parts[4]), "time");
    let flag = match name.flag {
        Flag::Deleted => "0",
        Flag::Valid => "1",
        Flag::Superseded => "2",
    };
    assert_eq!(parts[6], flag, "flag");
}

/// `Debug` says the same whatever the numbers of patient and order are.
fn hides_numbers(line: &str, name: &FileName) {
    let mut parts: Vec<&str> = line.split('_').collect();
    if parts.len() != 7 {
        return;
    }
    parts[0] = "A1";
    parts[3] = "B2";
    let other = FileName::parse(&parts.join("_"));
    assert_eq!(
        Ok(format!("{name:?}")),
        other.map(|other| format!("{other:?}")),
        "a name shows its numbers"
    );
}

/// The parts of a name, with what a name of six leaves out: the department, or the order number.
fn seven(line: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = line.split('_').collect();
    if parts.len() == 6 {
        let is_time = |text: &str| {
            (14..=18).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
        };
        match is_time(parts[4]) {
            true => parts.insert(5, "-"),
            false => parts.insert(3, "999999999999999"),
        }
    }
    parts
}

fn lies_in_its_folders(line: &str, name: &FileName) {
    let parts: Vec<&str> = line.split('_').collect();
    let chart = name.chart.expose();
    let three = |from: usize| chart.chars().skip(from).take(3).collect::<String>();
    let (level1, level2) = (three(0), three(3));
    let right = Folders {
        level1: &level1,
        level2: &level2,
        level3: chart,
        care_date: parts[1],
        kind: parts[2],
    };
    assert_eq!(place::check(&right, name), None, "the right folders");
    let other = format!("{chart}0");
    for wrong in [
        Folders {
            level3: &other,
            ..right
        },
        Folders {
            care_date: "18501231",
            ..right
        },
        Folders {
            kind: if parts[2] == "ADT-00" {
                "OMD"
            } else {
                "ADT-00"
            },
            ..right
        },
    ] {
        let same = wrong.care_date == parts[1] && wrong.kind == parts[2];
        if !same || wrong.level3 != chart {
            let found = place::check(&wrong, name);
            assert_eq!(found, Some(FindingCode::PlaceMismatch), "wrong folders");
        }
    }
}

type Resolution = Resolved<usize>;

/// Every file is counted once, one file per document stands, and the order of listing is nothing.
pub(crate) fn resolves(files: &[FileName]) {
    let numbered = |files: &[FileName]| -> Resolution {
        versions::resolve(files.iter().cloned().zip(0..).collect(), usize::cmp)
    };
    let resolved = numbered(files);
    let unknown = files.iter().filter(|name| name.key().is_none()).count();
    let counted = resolved.current.len() + resolved.withdrawn.len() + unknown;
    let superseded = usize::try_from(resolved.superseded).unwrap_or(usize::MAX);
    assert_eq!(counted + superseded, files.len(), "files");
    let document = |name: &FileName| name.key().map(|key| (name.chart.clone(), key));
    let standing: BTreeSet<_> = resolved.current.iter().map(|(n, _)| document(n)).collect();
    let taken_back: BTreeSet<_> = resolved
        .withdrawn
        .iter()
        .map(|(n, _)| document(n))
        .collect();
    assert_eq!(standing.len(), resolved.current.len(), "one stands");
    assert_eq!(taken_back.len(), resolved.withdrawn.len(), "one taken back");
    assert!(
        standing.is_disjoint(&taken_back),
        "stands and is taken back"
    );
    let mut newest: BTreeMap<_, _> = BTreeMap::new();
    for name in files.iter().filter(|name| name.flag == Flag::Valid) {
        let version = newest.entry(document(name)).or_insert(name.version);
        *version = (*version).max(name.version);
    }
    for (name, _) in &resolved.current {
        assert_eq!(name.flag, Flag::Valid, "what stands is valid");
        let version = newest.get(&document(name));
        assert_eq!(Some(&name.version), version, "the newest stands");
    }
    let turned: Vec<FileName> = files.iter().rev().cloned().collect();
    let other = numbered(&turned);
    let names = |files: &[(FileName, usize)]| -> Vec<FileName> {
        files.iter().map(|(name, _)| name.clone()).collect()
    };
    let codes = |resolved: &Resolution| {
        let mut codes: Vec<_> = resolved.findings.iter().map(|one| one.code).collect();
        codes.sort_unstable();
        codes
    };
    assert!(
        names(&resolved.current) == names(&other.current)
            && names(&resolved.withdrawn) == names(&other.withdrawn)
            && codes(&resolved) == codes(&other),
        "the order of listing matters"
    );
}
