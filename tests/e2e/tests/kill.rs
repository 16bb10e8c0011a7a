//! A power cut at any moment (C-09, P-18): programs are killed at random points and started again;
//! the final data set is the same, byte for byte.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use harness::deployment::Deployment;
use harness::job::Job;
use harness::process::Programs;
use harness::scene::{today, town_sources, write_town};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use town::TownPlan;

const KILLS: usize = 50;
const PERSONS: u32 = 250;

fn small_batches(deployment: &Deployment) {
    for site in &deployment.sites {
        let mut settings = fs::read_to_string(&site.config).unwrap();
        settings += "\n[limits]\nbatch_documents = 60\nchunk_bytes = 8192\n";
        fs::write(&site.config, settings).unwrap();
    }
}

fn prepared(root: &Path, town: &Path, keys: Option<&Path>) -> Job {
    if let Some(keys) = keys {
        copy(keys, &root.join("keys"));
    }
    let mut deployment = Deployment::prepare(root, &town_sources(town), today()).unwrap();
    small_batches(&deployment);
    deployment.seed = Some(42);
    Job {
        deployment,
        programs: Programs::beside_test().unwrap(),
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

fn finish(job: &Job) -> (BTreeMap<String, Vec<u8>>, u64) {
    let mut front = job.start_front().unwrap();
    let mut sealed = 0;
    for site in 0..job.deployment.sites.len() {
        let report = job.run_gateway(site, &[]).unwrap().well().unwrap();
        sealed += report.pointer("/batches/sealed").unwrap().as_u64().unwrap();
    }
    front.kill().unwrap();
    job.run_core(&["run"]).unwrap().well().unwrap();
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(job.release_folder("release")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        files.insert(name, fs::read(entry.path()).unwrap());
    }
    (files, sealed)
}

#[test]
fn fifty_kills_of_gateway_and_front_change_nothing_in_the_final_data_set() {
    let folder = tempfile::tempdir().unwrap();
    let town = folder.path().join("town");
    let plan = TownPlan {
        seed: 11,
        persons: PERSONS,
        as_of: today(),
    };
    write_town(&town, &plan, &mut |_, _| {}).unwrap();

    let calm = prepared(&folder.path().join("calm"), &town, None);
    let started = Instant::now();
    let (expected, sealed) = finish(&calm);
    let whole = started.elapsed();
    assert!(
        expected.len() > 10 && sealed >= 20,
        "{} files, {sealed} batches",
        expected.len()
    );

    let keys = folder.path().join("calm/keys");
    let rough = prepared(&folder.path().join("rough"), &town, Some(&keys));
    let mut dice = ChaCha8Rng::seed_from_u64(5);
    let mut front = rough.start_front().unwrap();
    let mut cut_short = 0;
    for kill in 0..KILLS {
        let site = kill % rough.deployment.sites.len();
        let mut gateway = rough.start_gateway(site, &[]).unwrap();
        // Within the time that a whole undisturbed run takes, most of all at its beginning.
        let longest = whole.as_micros() as u64 / if kill % 2 == 0 { 2 } else { 8 };
        sleep(Duration::from_micros(dice.next_u64() % longest.max(1)));
        if kill % 3 == 2 {
            front.kill().unwrap();
            sleep(Duration::from_micros(dice.next_u64() % 50_000));
            cut_short += u64::from(gateway.ended().unwrap().is_none());
            gateway.kill().unwrap();
            front = rough.start_front().unwrap();
        } else {
            cut_short += u64::from(gateway.ended().unwrap().is_none());
            gateway.kill().unwrap();
        }
    }
    front.kill().unwrap();
    assert!(
        cut_short >= 10,
        "only {cut_short} kills met a running gateway"
    );
    let (found, _) = finish(&rough);
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected));
    for (name, bytes) in &expected {
        assert!(
            found[name] == *bytes,
            "{name} differs after {cut_short} kills"
        );
    }
}
