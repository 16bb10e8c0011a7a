//! A stop that arrives at any moment takes effect everywhere: on the appliance before the
//! sealing, in its queue, at the front and at the core, after linking and after a release.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use harness::job::Job;
use harness::process::Programs;
use harness::scene::town_with_deployment;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;
use serde_json::Value;

const PERSONS: u32 = 120;
const SITE: usize = 0;

/// A deployment with small batches, with the keys of another if any: then references are the same.
fn job(root: &Path, seed: u64, keys: Option<&Job>) -> Job {
    if let Some(other) = keys {
        copy(&other.deployment.root.join("keys"), &root.join("run/keys"));
    }
    let (_, deployment) = town_with_deployment(root, seed, PERSONS).unwrap();
    for site in &deployment.sites {
        let mut settings = fs::read_to_string(&site.config).unwrap();
        settings += "\n[limits]\nbatch_documents = 40\n";
        fs::write(&site.config, settings).unwrap();
    }
    Job::new(deployment, Programs::beside_test().unwrap())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// The numbers of those whose provision is not stopped yet and of whom something left.
fn candidates(job: &Job, subjects: &[String]) -> Vec<String> {
    let notices = fs::read_to_string(&job.deployment.sites[SITE].source.notices).unwrap();
    let numbers = notices
        .lines()
        .skip(1)
        .filter_map(|line| line.split(',').next());
    let mut found: Vec<_> = numbers
        .filter(|number| {
            let subject = job.deployment.subject(SITE, number).unwrap();
            subjects.contains(&subject.to_string())
        })
        .map(str::to_owned)
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Adds a line to the stop list, which is put in place in one step.
fn stop(job: &Job, number: &str) {
    let path = &job.deployment.sites[SITE].source.stops;
    let mut text = fs::read_to_string(path).unwrap();
    text += &format!("{number},2026-01-05,self\n");
    let new = path.with_extension("new");
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(&new)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
    fs::rename(new, path).unwrap();
}

/// Subjects of the site in every table of the core, as often as there are rows.
fn subjects(job: &Job) -> Vec<String> {
    let site = &job.deployment.sites[SITE].source.site;
    let mut found = Vec::new();
    let tables = job.deployment.core_state.join("tables");
    for table in fs::read_dir(&tables).into_iter().flatten() {
        for file in fs::read_dir(table.unwrap().path()).unwrap() {
            let reader =
                SerializedFileReader::new(File::open(file.unwrap().path()).unwrap()).unwrap();
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
                if row.get_string(place("site")).unwrap() == site {
                    found.push(row.get_string(place("subject")).unwrap().clone());
                }
            }
        }
    }
    found
}

fn gateways(job: &Job) -> Value {
    let mut front = job.start_front().unwrap();
    let report = job.run_gateway(SITE, &[]).unwrap().well().unwrap();
    front.kill().unwrap();
    report
}

fn core(job: &Job, steps: &[&str]) {
    job.run_core(steps).unwrap().well().unwrap();
}

/// How far everything is when the stop is listed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Moment {
    BeforeReading,
    Sealed,
    Sent,
    Pulled,
    Linked,
    Released,
}

/// The moments between reading and release, each with the person searched for at the end.
#[test]
fn whoever_is_stopped_at_any_moment_is_nowhere_at_the_centre_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let calm = job(&folder.path().join("calm"), 31, None);
    gateways(&calm);
    core(&calm, &["run"]);
    let all = subjects(&calm);
    let number = candidates(&calm, &all).swap_remove(3);

    for moment in [
        Moment::BeforeReading,
        Moment::Sealed,
        Moment::Sent,
        Moment::Pulled,
        Moment::Linked,
        Moment::Released,
    ] {
        let job = job(&folder.path().join(format!("{moment:?}")), 31, Some(&calm));
        let person = job.deployment.subject(SITE, &number).unwrap().to_string();
        match moment {
            Moment::BeforeReading => {}
            Moment::Sealed => {
                job.run_gateway(SITE, &["--hold"]).unwrap().well().unwrap();
            }
            _ => drop(gateways(&job)),
        }
        match moment {
            Moment::Pulled => core(&job, &["pull"]),
            Moment::Linked => {
                core(&job, &["pull"]);
                core(&job, &["link"]);
            }
            Moment::Released => core(&job, &["run", "--release", "early"]),
            _ => {}
        }
        let late = matches!(moment, Moment::Pulled | Moment::Linked | Moment::Released);
        assert_eq!(subjects(&job).contains(&person), late, "{moment:?}");

        stop(&job, &number);
        let report = gateways(&job);
        let sealed = moment == Moment::Sealed;
        assert_eq!(
            report["batches"]["undone"].as_u64() > Some(0),
            sealed,
            "{moment:?}"
        );
        let sent = late || moment == Moment::Sent;
        assert_eq!(
            report["erasures_sealed"].as_u64(),
            Some(u64::from(sent)),
            "{moment:?}"
        );
        core(&job, &["run", "--release", "late"]);
        let left = subjects(&job);
        assert!(!left.contains(&person), "{moment:?}");
        let linked = job.links().unwrap();
        assert!(
            !linked.keys().any(|(_, subject)| *subject == person),
            "{moment:?}"
        );
        // Nobody else is missing.
        let expected = all.iter().filter(|subject| **subject != person).count();
        assert_eq!(left.len(), expected, "{moment:?}");
    }
}

/// The appliance is killed at many moments of the run that brings the stop; in the end the person
/// is nowhere and nobody else is missing.
#[test]
fn kills_while_a_stop_takes_effect_leave_nothing_of_the_person() {
    let folder = tempfile::tempdir().unwrap();
    let calm = job(&folder.path().join("calm"), 32, None);
    gateways(&calm);
    core(&calm, &["run"]);
    let all = subjects(&calm);
    let numbers = candidates(&calm, &all);

    for (round, wait) in [0, 3, 6, 10, 15, 22, 30, 45].into_iter().enumerate() {
        let job = job(
            &folder.path().join(format!("rough-{round}")),
            32,
            Some(&calm),
        );
        let number = &numbers[round % numbers.len()];
        let person = job.deployment.subject(SITE, number).unwrap().to_string();
        let mut front = job.start_front().unwrap();
        // Killed at work, with part of it sealed and part of it sent.
        let mut gateway = job.start_gateway(SITE, &[]).unwrap();
        sleep(Duration::from_millis(wait * 8));
        gateway.kill().unwrap();
        stop(&job, number);
        for again in 0..3 {
            let mut gateway = job.start_gateway(SITE, &[]).unwrap();
            sleep(Duration::from_millis(wait + again * 7));
            gateway.kill().unwrap();
        }
        front.kill().unwrap();
        gateways(&job);
        core(&job, &["run"]);
        let left = subjects(&job);
        assert!(!left.contains(&person), "round {round}");
        let expected: std::collections::BTreeSet<_> =
            all.iter().filter(|subject| **subject != person).collect();
        let found: std::collections::BTreeSet<_> = left.iter().collect();
        assert!(found == expected, "round {round}");
    }
}

/// A person under whose number a stop is listed and who does not exist changes nothing.
#[test]
fn a_stop_for_nobody_changes_nothing_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(folder.path(), 33, None);
    gateways(&job);
    core(&job, &["run"]);
    let before = subjects(&job);
    stop(&job, "9999999999");
    let report = gateways(&job);
    assert_eq!(report["erasures_sealed"].as_u64(), Some(0));
    assert!(report["stops_without_patient"].as_u64() > Some(0));
    core(&job, &["run", "--release", "late"]);
    assert_eq!(subjects(&job), before);
}
