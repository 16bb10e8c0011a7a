//! The storage of an independent generator: what an independent count over its files gives is
//! what the gateway reads.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::deployment::{Deployment, SiteSource};
use harness::job::Job;
use harness::process::Programs;
use harness::scene::today;
use serde_json::{Value, json};

/// Segments that make one record each, by data kind: the whole of the independent count.
const RECORDS: &[(&str, &[(&str, &str)])] = &[
    (
        "ADT-00",
        &[
            ("PID|", "Patient"),
            ("OBX|", "Observation"),
            ("IN1|", "Coverage"),
            ("AL1|", "AllergyIntolerance"),
        ],
    ),
    ("ADT-12", &[("PV1|", "Encounter")]),
    ("ADT-22", &[("PV1|", "Encounter")]),
    ("ADT-52", &[("PV1|", "Encounter")]),
    ("PPR-01", &[("PRB|", "Condition")]),
    ("OMP-01", &[("RXE|", "MedicationRequest")]),
    (
        "OMP-02",
        &[("RXE|", "MedicationRequest"), ("RXC|", "MedicationRequest")],
    ),
    ("OML-11", &[("OBX|", "Observation")]),
];

fn unpacked(folder: &Path) -> PathBuf {
    let archive =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/storage-200-patients.tar.xz");
    let status = Command::new("tar")
        .arg("-xf")
        .arg(archive)
        .arg("-C")
        .arg(folder)
        .status();
    assert!(status.unwrap().success(), "Debian packages: tar, xz-utils");
    folder.join("ssmixtwins")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Counts line starts in raw bytes: segment names are ASCII, whatever the text around them is.
fn counted(files: &[PathBuf]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for path in files {
        let kind = path
            .parent()
            .unwrap()
            .file_name()
            .unwrap()
            .to_str()
            .unwrap();
        let (_, segments) = RECORDS.iter().find(|(name, _)| *name == kind).unwrap();
        let bytes = fs::read(path).unwrap();
        for line in bytes.split(|byte| *byte == b'\n') {
            for (start, record) in *segments {
                if line.starts_with(start.as_bytes()) {
                    *counts.entry((*record).to_owned()).or_default() += 1;
                }
            }
        }
    }
    counts
}

fn all_notified(storage: &Path, folder: &Path) -> SiteSource {
    let mut patients: Vec<_> = Vec::new();
    for first in fs::read_dir(storage).unwrap() {
        for second in fs::read_dir(first.unwrap().path()).unwrap() {
            for patient in fs::read_dir(second.unwrap().path()).unwrap() {
                patients.push(patient.unwrap().file_name().into_string().unwrap());
            }
        }
    }
    assert_eq!(patients.len(), 200);
    let rows: String = patients
        .iter()
        .map(|p| format!("{p},2025-01-01,2024-12,posted\n"))
        .collect();
    let (notices, stops) = (folder.join("notices.csv"), folder.join("stops.csv"));
    fs::write(
        &notices,
        format!("patient_id,notified_on,document_version,method\n{rows}"),
    )
    .unwrap();
    fs::write(&stops, "patient_id,requested_on,requester\n").unwrap();
    SiteSource {
        site: "SAMPLE".to_owned(),
        storage: storage.to_owned(),
        notices,
        stops,
    }
}

#[test]
fn records_by_kind_equal_an_independent_count_with_no_unexplained_drop() {
    let folder = tempfile::tempdir().unwrap();
    let storage = unpacked(folder.path());
    let mut all = Vec::new();
    files(&storage, &mut all);
    let expected = counted(&all);
    let source = all_notified(&storage, folder.path());
    let deployment = Deployment::prepare(&folder.path().join("run"), &[source], today()).unwrap();
    let job = Job::new(deployment, Programs::beside_test().unwrap());
    let mut front = job.start_front().unwrap();
    let ended = job.run_gateway(0, &[]).unwrap();
    assert!(!ended.told.contains("panicked"), "{}", ended.told);
    let report = ended.well().unwrap();
    front.kill().unwrap();

    let at = |pointer: &str| report.pointer(pointer).cloned().unwrap_or(Value::Null);
    assert_eq!(at("/files/seen"), json!(11_656));
    assert_eq!(at("/files/read"), json!(11_656));
    assert_eq!(at("/patients/passed"), json!(200));
    // A line that became no record is counted by name; nothing is missing without a name.
    let found: BTreeMap<String, u64> = serde_json::from_value(at("/records_read")).unwrap();
    let drops: BTreeMap<String, u64> = serde_json::from_value(at("/drops")).unwrap();
    let lines: Vec<_> = drops
        .keys()
        .filter(|name| name.starts_with("line:"))
        .collect();
    assert!(lines.is_empty(), "lines without a record: {lines:?}");
    assert_eq!(found, expected);
    assert_eq!(at("/records_sealed"), at("/records_read"));

    // What was sealed is what the core stores.
    let core = job.run_core(&["run"]).unwrap().well().unwrap();
    let mut stored: BTreeMap<String, u64> =
        serde_json::from_value(core.pointer("/status/records").cloned().unwrap()).unwrap();
    stored.retain(|_, count| *count > 0);
    assert_eq!(stored, found);
}
