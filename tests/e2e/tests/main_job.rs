//! The main job on a synthetic town, with the real programs (P-11, P-12).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use e2e::{Search, leftovers};
use envelope::{CoreSecretKey, VerifyingKey};
use harness::deployment::Deployment;
use harness::job::Job;
use harness::process::Programs;
use harness::scene::town_with_deployment;
use serde_json::Value;
use town::Truth;

const PERSONS: u32 = 400;

struct Scene {
    _folder: tempfile::TempDir,
    truth: Truth,
    job: Job,
}

fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let (truth, deployment) = town_with_deployment(folder.path(), 7, PERSONS).unwrap();
    let programs = Programs::beside_test().unwrap();
    Scene {
        _folder: folder,
        truth,
        job: Job::new(deployment, programs),
    }
}

fn run_sites(job: &Job) -> Vec<Value> {
    let mut front = job.start_front().unwrap();
    let reports: Vec<_> = (0..job.deployment.sites.len())
        .map(|site| job.run_gateway(site, &[]).unwrap().well().unwrap())
        .collect();
    front.kill().unwrap();
    reports
}

fn number(report: &Value, pointer: &str) -> u64 {
    report
        .pointer(pointer)
        .and_then(Value::as_u64)
        .unwrap_or_else(|| panic!("{pointer}: {report}"))
}

fn key<K: std::str::FromStr>(path: &Path) -> K {
    fs::read_to_string(path)
        .unwrap()
        .trim()
        .parse()
        .ok()
        .unwrap()
}

fn keys(deployment: &Deployment) -> (CoreSecretKey, Vec<VerifyingKey>) {
    let folder = deployment.root.join("keys");
    let sites = deployment.sites.iter();
    let sites = sites.map(|site| key(&folder.join(&site.source.site).join("signing.pub")));
    (key(&folder.join("core.key")), sites.collect())
}

/// P-12, A-037, A-038, A-050, A-051, B-133: who may not leave is nowhere, and nothing that a run
/// leaves on disk names anybody.
#[test]
fn nobody_is_named_and_nobody_withheld_is_found_in_anything_a_run_leaves() {
    let Scene {
        _folder,
        truth,
        job,
    } = scene();
    let reports = run_sites(&job);
    job.run_core(&["run"]).unwrap().well().unwrap();

    let withheld: BTreeSet<String> = truth
        .persons
        .iter()
        .flat_map(|person| &person.registrations)
        .filter(|registration| !registration.may_leave())
        .map(|registration| {
            let site = usize::from(registration.hospital);
            job.deployment
                .subject(site, &registration.chart_number)
                .unwrap()
                .to_string()
        })
        .collect();
    let counted: u64 = reports
        .iter()
        .map(|report| number(report, "/patients/withheld"))
        .sum();
    assert!(
        withheld.len() >= 6,
        "the town must withhold somebody for every reason"
    );
    assert_eq!(counted, withheld.len() as u64);

    let (core, sites) = keys(&job.deployment);
    let identifiers = Search::new(&truth.identifiers).unwrap();
    let strangers = Search::new(&withheld.into_iter().collect::<Vec<_>>()).unwrap();
    let left = leftovers(&job.deployment.root, &core, &sites).unwrap();
    for kind in [".batch", ".parquet"] {
        let opened = left
            .iter()
            .any(|file| file.path.to_string_lossy().ends_with(kind));
        assert!(opened, "no {kind} was searched");
    }
    for file in &left {
        for content in &file.contents {
            let path = file.path.display();
            assert_eq!(identifiers.hits(content), 0, "{path} names somebody");
            assert_eq!(
                strangers.hits(content),
                0,
                "{path} holds somebody who was withheld"
            );
        }
    }
}

/// The search above can fail: it finds the names where they are allowed to be, and finds every
/// subject that may leave in what was left.
#[test]
fn the_search_finds_names_in_the_source_and_subjects_in_the_batches() {
    let Scene {
        _folder,
        truth,
        job,
    } = scene();
    run_sites(&job);
    let identifiers = Search::new(&truth.identifiers).unwrap();
    let (core, sites) = keys(&job.deployment);
    for site in &job.deployment.sites {
        let source = leftovers(&site.source.storage, &core, &sites).unwrap();
        let named = source
            .iter()
            .filter(|file| identifiers.hits(&file.contents[1]) > 0)
            .count();
        assert_eq!(named, source.len(), "every message names its patient");
    }
    job.run_core(&["run"]).unwrap().well().unwrap();
    for folder in [
        &job.deployment.inbox,
        &job.deployment.core_state.join("tables"),
    ] {
        let left = leftovers(folder, &core, &sites).unwrap();
        for registration in truth
            .persons
            .iter()
            .flat_map(|person| &person.registrations)
        {
            let site = usize::from(registration.hospital);
            let subject = job
                .deployment
                .subject(site, &registration.chart_number)
                .unwrap();
            let search = Search::new(&[subject.to_string()]).unwrap();
            let found = left
                .iter()
                .flat_map(|file| &file.contents)
                .any(|c| search.hits(c) > 0);
            assert_eq!(found, registration.may_leave(), "{}", folder.display());
        }
    }
}

/// A-002, C-10: a second run sends nothing twice, and reads without writing to the source.
#[test]
fn a_second_run_sends_nothing_and_the_source_is_untouched() {
    let Scene {
        _folder,
        truth: _,
        job,
    } = scene();
    let before = snapshot(&job.deployment);
    let first = run_sites(&job);
    job.run_core(&["run"]).unwrap().well().unwrap();
    let second = run_sites(&job);
    job.run_core(&["run"]).unwrap().well().unwrap();
    for (first, second) in first.iter().zip(&second) {
        assert!(number(first, "/batches/sent") > 0);
        assert_eq!(
            number(first, "/batches/sent"),
            number(first, "/batches/sealed")
        );
        assert_eq!(number(second, "/batches/sealed"), 0);
        assert_eq!(number(second, "/batches/sent"), 0);
        assert_eq!(number(second, "/batches/waiting"), 0);
        let patients = number(second, "/patients/seen") - number(second, "/patients/withheld");
        assert_eq!(number(second, "/patients/unchanged"), patients);
    }
    assert_eq!(snapshot(&job.deployment), before);
}

/// Every file that was seen is accounted for, in numbers.
#[test]
fn every_file_is_read_superseded_withdrawn_or_set_aside_with_a_count() {
    let Scene {
        _folder,
        truth,
        job,
    } = scene();
    let reports = run_sites(&job);
    for (site, report) in reports.iter().enumerate() {
        let files = |name: &str| number(report, &format!("/files/{name}"));
        let truth: u64 = truth
            .persons
            .iter()
            .flat_map(|person| &person.registrations)
            .filter(|registration| usize::from(registration.hospital) == site)
            .map(|registration| u64::from(registration.files))
            .sum();
        let accounted = [
            "read",
            "superseded",
            "withdrawn",
            "unsupported",
            "quarantined",
            "unchanged",
        ];
        assert_eq!(files("seen"), truth);
        assert_eq!(accounted.iter().map(|name| files(name)).sum::<u64>(), truth);
        assert_eq!(files("quarantined"), 0, "{report}");
        assert!(files("superseded") > 0 && files("withdrawn") > 0);
    }
}

fn snapshot(deployment: &Deployment) -> Vec<(String, u64, std::time::SystemTime)> {
    let mut found = Vec::new();
    for site in &deployment.sites {
        let mut folders = vec![site.source.storage.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let data = entry.metadata().unwrap();
                let name = entry.path().display().to_string();
                found.push((name, data.len(), data.modified().unwrap()));
                if data.is_dir() {
                    folders.push(entry.path());
                }
            }
        }
    }
    found.sort();
    found
}
