//! An extended storage beside the standardized one, from the folders to the core.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};

use e2e::{Search, leftovers};
use envelope::{CoreSecretKey, VerifyingKey};
use harness::job::Job;
use harness::process::Programs;
use harness::scene::{today, town_with_deployment};
use serde_json::Value;
use town::{Town, TownPlan};

const SEED: u64 = 11;
const PERSONS: u32 = 300;

fn number(report: &Value, pointer: &str) -> u64 {
    report.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

/// One run of hospital A and of the core: the gateway's report and what the core then holds.
fn run(job: &Job, release: &str) -> (Value, u64) {
    let mut front = job.start_front().unwrap();
    let report = job.run_gateway(0, &[]).unwrap().well().unwrap();
    front.kill().unwrap();
    let core = job
        .run_core(&["run", "--release", release])
        .unwrap()
        .well()
        .unwrap();
    (report, number(&core, "/status/records/Observation"))
}

fn key<K: std::str::FromStr>(path: &Path) -> K {
    let text = fs::read_to_string(path).unwrap();
    text.trim().parse().ok().unwrap()
}

/// The content folders of discharge summaries that stand, of patients in this order.
fn summaries(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap();
        match name.contains("18842-5") && name.ends_with("_1") {
            true => found.push(path),
            false => summaries(&path, found),
        }
    }
}

/// B-133.
#[test]
fn coded_entries_of_an_extended_storage_arrive_and_everything_else_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (truth, deployment) = town_with_deployment(folder.path(), SEED, PERSONS).unwrap();
    let plan = TownPlan {
        seed: SEED,
        persons: PERSONS,
        as_of: today(),
    };
    let root = folder.path().join("town");
    let written = town::write_extended(&Town::generate(&plan), &root).unwrap();
    assert!(written.leaving >= 3, "{written:?}");
    let job = Job::new(deployment, Programs::beside_test().unwrap());
    let (before, standardized) = run(&job, "before");

    // From now on the site reads its extended storage as well.
    let storage = root.join("hospital-a/extended");
    let site = &job.deployment.sites[0];
    let settings = fs::read_to_string(&site.config).unwrap();
    let more = format!(
        "{settings}\n[source.extended]\nstorages = [{storage:?}]\n\
         [[source.extended.systems]]\noid = \"1.2.392.200250.2.2.99.10111234567\"\n\
         name = \"99TOWN\"\n"
    );
    fs::write(&site.config, more).unwrap();
    let (report, both) = run(&job, "both");
    assert_eq!(both - standardized, written.leaving * written.observations);
    let seen = number(&report, "/files/seen") - number(&before, "/files/seen");
    assert_eq!(seen, written.stays * written.files);
    for left in ["extended:pdf", "extended:jpeg"] {
        let counted = report
            .pointer("/drops")
            .unwrap()
            .get(left)
            .and_then(Value::as_u64);
        assert_eq!(counted, Some(written.stays), "{left}");
    }
    assert_eq!(number(&report, "/findings/F075"), written.stays);
    assert_eq!(
        number(&report, "/drops/cda:person-observation"),
        written.stays
    );

    let keys = job.deployment.root.join("keys");
    let core: CoreSecretKey = key(&keys.join("core.key"));
    let signing: VerifyingKey = key(&keys.join("HOSPITAL-A/signing.pub"));
    let mut identifiers = truth.identifiers;
    identifiers.extend(["10111234567", "機嫌よい"].map(str::to_owned));
    let search = Search::new(&identifiers).unwrap();
    for file in leftovers(&job.deployment.root, &core, &[signing]).unwrap() {
        // The settings hold the OID, which is why they name it.
        let is_settings = file.path == job.deployment.sites[0].config;
        for content in file.contents.iter().filter(|_| !is_settings) {
            assert_eq!(search.hits(content), 0, "{}", file.path.display());
        }
    }

    // Nothing changed: nothing is sent. A summary is deleted: it is taken back.
    let (again, held) = run(&job, "again");
    assert_eq!((number(&again, "/documents_sealed"), held), (0, both));
    let mut standing = Vec::new();
    summaries(&storage, &mut standing);
    for path in &standing {
        let name = path.to_str().unwrap();
        fs::rename(path, format!("{}0", name.strip_suffix('1').unwrap())).unwrap();
    }
    let (_, left) = run(&job, "left");
    assert_eq!(both - left, written.leaving * 2);
}
