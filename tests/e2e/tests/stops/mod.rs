//! What tests of stops share: a town with small batches, and who is in the core's tables.
#![allow(dead_code, reason = "each test program uses a part")]

pub(crate) mod line;

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use harness::job::Job;
use harness::process::Programs;
use harness::scene::town_with_deployment;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;
use serde_json::Value;

/// Persons of the town.
pub(crate) const PERSONS: u32 = 120;
/// The site whose patients are stopped.
pub(crate) const SITE: usize = 0;

/// A deployment with small batches, with the keys of another if any: then references are the same.
pub(crate) fn job(root: &Path, seed: u64, keys: Option<&Job>) -> Job {
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
pub(crate) fn candidates(job: &Job, subjects: &[String]) -> Vec<String> {
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

/// Changes the settings of the site's appliance.
pub(crate) fn set(job: &Job, change: impl FnOnce(String) -> String) {
    let config = &job.deployment.sites[SITE].config;
    let settings = fs::read_to_string(config).unwrap();
    fs::write(config, change(settings)).unwrap();
}

/// Adds a line to the stop list, which is put in place in one step.
pub(crate) fn stop(job: &Job, number: &str) {
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
pub(crate) fn subjects(job: &Job) -> Vec<String> {
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

/// Runs front and gateway once.
pub(crate) fn gateways(job: &Job) -> Value {
    let mut front = job.start_front().unwrap();
    let report = job.run_gateway(SITE, &[]).unwrap().well().unwrap();
    front.kill().unwrap();
    report
}

/// Runs a step of the core.
pub(crate) fn core(job: &Job, steps: &[&str]) {
    job.run_core(steps).unwrap().well().unwrap();
}
