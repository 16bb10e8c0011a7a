//! What a site deletes is gone at the centre and from the next data set, and its history stays.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::fs::{self, File};
use std::path::Path;

use harness::job::Job;
use harness::process::Programs;
use harness::scene::town_with_deployment;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;
use serde_json::Value;

const PERSONS: u32 = 400;
/// Kinds of which prescriptions and injections as ordered are made.
const ORDERED: [&str; 2] = ["OMP-01", "OMP-02"];

/// Renames every valid file of some kinds below a folder from one flag to another.
fn rename(folder: &Path, from: char, to: char) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rename(&path, from, to);
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap();
        let ordered = ORDERED
            .iter()
            .any(|kind| name.contains(&format!("_{kind}_")));
        if let Some(rest) = name.strip_suffix(from).filter(|_| ordered) {
            fs::rename(&path, path.with_file_name(format!("{rest}{to}"))).unwrap();
        }
    }
}

/// Runs both gateways and the core. Gives the documents that were withdrawn now and the report.
fn run(job: &Job, release: &str) -> (u64, Value) {
    let mut front = job.start_front().unwrap();
    let mut withdrawn = 0;
    for site in 0..job.deployment.sites.len() {
        let report = job.run_gateway(site, &[]).unwrap().well().unwrap();
        withdrawn += report["documents_withdrawn"].as_u64().unwrap();
    }
    front.kill().unwrap();
    let report = job.run_core(&["run", "--release", release]).unwrap();
    (withdrawn, report.well().unwrap())
}

fn released(job: &Job, release: &str) -> u64 {
    let manifest = fs::read(job.release_folder(release).join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let rows = &manifest["tables"]["medication_requests"]["rows"];
    rows.as_u64().unwrap_or_default()
}

/// `SITE:REFERENCE` of some document of a prescription.
fn document(state: &Path) -> String {
    for entry in fs::read_dir(state.join("tables/Document")).unwrap() {
        let reader = SerializedFileReader::new(File::open(entry.unwrap().path()).unwrap()).unwrap();
        let columns = reader.metadata().file_metadata().schema_descr_ptr();
        let place = |name: &str| {
            columns
                .columns()
                .iter()
                .position(|c| c.name() == name)
                .unwrap()
        };
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            let text = |name: &str| row.get_string(place(name)).unwrap().clone();
            if text("source_kind") == ORDERED[0] && text("state") == "current" {
                return format!("{}:{}", text("site"), text("document"));
            }
        }
    }
    panic!("no prescription");
}

#[test]
fn what_a_site_deletes_is_in_no_later_data_set_and_comes_back_when_it_is_filed_again() {
    let folder = tempfile::tempdir().unwrap();
    let (_, deployment) = town_with_deployment(folder.path(), 11, PERSONS).unwrap();
    let job = Job::new(deployment, Programs::beside_test().unwrap());
    let kept = |report: &Value| report["status"]["records"]["MedicationRequest"].as_u64();
    let (_, first) = run(&job, "first");
    let all = kept(&first).unwrap();
    assert!(all > 0 && released(&job, "first") > 0);

    let prescription = document(&job.deployment.core_state);
    let storages: Vec<_> = job
        .deployment
        .sites
        .iter()
        .map(|it| it.source.storage.clone())
        .collect();
    storages
        .iter()
        .for_each(|storage| rename(storage, '1', '0'));
    let (withdrawn, second) = run(&job, "second");
    assert!(withdrawn > 0);
    assert_eq!(kept(&second), Some(0));
    assert_eq!(released(&job, "second"), 0);
    let ended = job.run_core(&["history", &prescription, "--json"]).unwrap();
    assert!(ended.status.success(), "{}", ended.told);
    for (text, stands) in [
        (r#""state": "current""#, true),
        (r#""state": "withdrawn""#, true),
        (r#""stands": true"#, false),
    ] {
        assert_eq!(ended.told.contains(text), stands, "{}", ended.told);
    }

    // A site may have marked older files with 0 too; only the newest of a document comes back.
    storages
        .iter()
        .for_each(|storage| rename(storage, '0', '1'));
    let (_, third) = run(&job, "third");
    assert!(kept(&third).unwrap() >= all);
    assert!(released(&job, "third") > 0);
}
