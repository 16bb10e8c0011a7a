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

const ROUNDS: usize = 10;
const KILLS_PER_ROUND: usize = 5;
const ATTEMPTS_PER_ROUND: usize = 60;
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
    deployment.fix_seed(42).unwrap();
    Job::new(deployment, Programs::beside_test().unwrap())
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
        let bytes = fs::read(entry.path()).unwrap();
        // The manifest also names what went in by digest: sealed bytes differ from run to run,
        // because every batch has its own key.
        let bytes = if name == "manifest.json" {
            without_inputs(&bytes)
        } else {
            bytes
        };
        files.insert(name, bytes);
    }
    (files, sealed)
}

fn without_inputs(manifest: &[u8]) -> Vec<u8> {
    let mut manifest: serde_json::Value = serde_json::from_slice(manifest).unwrap();
    let inputs = manifest.as_object_mut().unwrap().remove("inputs").unwrap();
    assert!(inputs.get("sha256").is_some());
    serde_json::to_vec(&manifest).unwrap()
}

/// The time of one undisturbed gateway run.
fn gateway_time(job: &Job) -> Duration {
    let front = job.start_front().unwrap();
    let started = Instant::now();
    job.run_gateway(0, &[]).unwrap().well().unwrap();
    let time = started.elapsed();
    drop(front);
    time
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
    let whole = gateway_time(&calm);
    let (expected, sealed) = finish(&calm);
    assert!(
        expected.len() > 10 && sealed >= 10,
        "{} files, {sealed} batches",
        expected.len()
    );

    let keys = folder.path().join("calm/keys");
    let mut dice = ChaCha8Rng::seed_from_u64(5);
    let mut killed = 0;
    for round in 0..ROUNDS {
        let root = folder.path().join(format!("rough-{round}"));
        let rough = prepared(&root, &town, Some(&keys));
        killed += kill_repeatedly(&rough, whole, &mut dice);
        let (found, _) = finish(&rough);
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&found), names(&expected));
        for (name, bytes) in &expected {
            assert!(found[name] == *bytes, "{name} differs after round {round}");
        }
        fs::remove_dir_all(&root).unwrap();
    }
    assert_eq!(killed, ROUNDS * KILLS_PER_ROUND);
}

/// Kills the gateway at work, and now and then the front before it, until it met its kills. A
/// kill that comes too late does not count; the next comes earlier.
fn kill_repeatedly(job: &Job, whole: Duration, dice: &mut ChaCha8Rng) -> usize {
    let mut longest = whole.as_micros() as u64;
    let mut killed = 0;
    for attempt in 0..ATTEMPTS_PER_ROUND {
        if killed == KILLS_PER_ROUND {
            break;
        }
        let mut front = job.start_front().unwrap();
        let mut gateway = job.start_gateway(attempt % 2, &[]).unwrap();
        sleep(Duration::from_micros(dice.next_u64() % longest.max(1)));
        if attempt % 3 == 1 {
            front.kill().unwrap();
            sleep(Duration::from_micros(dice.next_u64() % longest.max(1) / 4));
        }
        match gateway.ended().unwrap() {
            None => killed += 1,
            Some(_) => longest = longest * 2 / 3,
        }
        gateway.kill().unwrap();
        front.kill().unwrap();
    }
    killed
}

/// Documents by kind and batches that wait in the queue of a site.
fn held(job: &Job) -> (BTreeMap<String, u64>, usize) {
    let spool = job.deployment.sites[0].state.join("spool");
    let mut documents: BTreeMap<String, u64> = BTreeMap::new();
    let mut batches = 0;
    for entry in fs::read_dir(spool).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        // A killed run may leave a file that never counted; the next one removes it.
        let Ok(batch) = envelope::inspect(&bytes) else {
            continue;
        };
        batches += 1;
        for (kind, count) in batch.manifest.documents {
            *documents.entry(kind.to_string()).or_default() += count;
        }
    }
    (documents, batches)
}

/// a backfill that is killed again and again goes on where it was; in the end everything
/// was sealed once.
#[test]
fn kills_during_a_backfill_lose_and_duplicate_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let town = folder.path().join("town");
    let plan = TownPlan {
        seed: 12,
        persons: PERSONS,
        as_of: today(),
    };
    write_town(&town, &plan, &mut |_, _| {}).unwrap();
    let calm = prepared(&folder.path().join("calm"), &town, None);
    let started = Instant::now();
    calm.run_gateway(0, &["--hold"]).unwrap().well().unwrap();
    let whole = started.elapsed();
    let (expected, batches) = held(&calm);
    assert!(batches >= 10, "{batches}");

    let mut dice = ChaCha8Rng::seed_from_u64(6);
    for round in 0..3 {
        let rough = prepared(&folder.path().join(format!("rough-{round}")), &town, None);
        let mut longest = whole.as_micros() as u64;
        let mut killed = 0;
        for _ in 0..ATTEMPTS_PER_ROUND {
            if killed == 2 * KILLS_PER_ROUND {
                break;
            }
            let mut gateway = rough.start_gateway(0, &["--hold"]).unwrap();
            sleep(Duration::from_micros(dice.next_u64() % longest.max(1)));
            match gateway.ended().unwrap() {
                None => killed += 1,
                Some(_) => longest = longest * 2 / 3,
            }
            gateway.kill().unwrap();
        }
        assert!(killed >= KILLS_PER_ROUND, "{killed}");
        rough.run_gateway(0, &["--hold"]).unwrap().well().unwrap();
        assert_eq!(held(&rough).0, expected, "round {round}");
    }
}
