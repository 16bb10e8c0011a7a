//! A box that was copied: two gateways with one state, one site, real front and core.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use harness::deployment::Site;
use harness::job::{Ended, Job};
use harness::process::Programs;
use harness::scene::town_with_deployment;
use serde_json::Value;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

/// Renames every valid prescription below a folder from one flag to another.
fn rename(folder: &Path, from: char, to: char) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rename(&path, from, to);
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap();
        if let Some(rest) = name
            .strip_suffix(from)
            .filter(|_| name.contains("_OMP-01_"))
        {
            fs::rename(&path, path.with_file_name(format!("{rest}{to}"))).unwrap();
        }
    }
}

/// Runs a site's gateway by other settings than its own.
fn run_by(job: &Job, config: &Path) -> bool {
    let mut command = job.programs.gateway();
    command.arg("run").arg("--config").arg(config);
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!told.contains("panicked"), "{told}");
    output.status.success()
}

/// Copies the state of a site's box. Gives the settings of the copy.
fn copied_box(site: &Site) -> PathBuf {
    let state = site.state.with_file_name("state-of-the-copy");
    copy(&site.state, &state);
    let settings = fs::read_to_string(&site.config).unwrap();
    let own = site.state.to_str().unwrap();
    assert!(settings.contains(own));
    let copied = site.config.with_file_name("copy.toml");
    fs::write(&copied, settings.replace(own, state.to_str().unwrap())).unwrap();
    copied
}

fn batches(job: &Job) -> BTreeSet<String> {
    let names = fs::read_dir(&job.deployment.inbox).unwrap();
    let name = |it: std::io::Result<fs::DirEntry>| it.unwrap().file_name().into_string().unwrap();
    names.map(name).collect()
}

fn id(name: &str) -> String {
    let stem = name.strip_suffix(".batch").unwrap();
    stem.rsplit_once('-').unwrap().1.to_owned()
}

fn pull(job: &Job) -> Value {
    job.run_core(&["pull"]).unwrap().well().unwrap()
}

fn refused(ended: &Ended) -> bool {
    !ended.status.success() && ended.told.contains("R021")
}

#[test]
fn a_copied_box_stops_the_site_until_an_operator_chooses() {
    let folder = tempfile::tempdir().unwrap();
    let (_, deployment) = town_with_deployment(folder.path(), 11, 60).unwrap();
    let job = Job::new(deployment, Programs::beside_test().unwrap());
    let mut front = job.start_front().unwrap();
    for site in 0..2 {
        job.run_gateway(site, &[]).unwrap().well().unwrap();
    }
    assert!(
        pull(&job)["pull"]["refused"]
            .as_object()
            .unwrap()
            .is_empty()
    );

    let site = &job.deployment.sites[0];
    let name = site.source.site.as_str();
    let copied = copied_box(site);

    // Both see the same change and seal it, each for itself.
    rename(&site.source.storage, '1', '0');
    let before = batches(&job);
    job.run_gateway(0, &[]).unwrap().well().unwrap();
    let kept: Vec<_> = batches(&job).difference(&before).cloned().collect();
    let between = batches(&job);
    assert!(run_by(&job, &copied));
    let others: Vec<_> = batches(&job).difference(&between).cloned().collect();
    assert!(!kept.is_empty() && kept.len() == others.len());
    let report = pull(&job);
    assert_eq!(report["pull"]["accepted"], 0);
    let told: BTreeSet<_> = report["status"]["sites_stopped"][name]
        .as_array()
        .unwrap()
        .iter()
        .map(|batch| batch.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(told, BTreeSet::from([id(&kept[0]), id(&others[0])]));

    // The front takes nothing from either any more, and goes on with other sites.
    front.kill().unwrap();
    let mut front = job.start_front().unwrap();
    rename(&site.source.storage, '0', '1');
    assert!(refused(&job.run_gateway(0, &[]).unwrap()));
    assert!(!run_by(&job, &copied));
    job.run_gateway(1, &[]).unwrap().well().unwrap();

    let keep = ["--keep", &id(&kept[0]), "--operator", "op"];
    let resume = [&["resume", "--site", name], &keep[..]].concat();
    job.run_core(&resume).unwrap().well().unwrap();
    let report = pull(&job);
    assert_eq!(report["pull"]["accepted"], kept.len());
    assert_eq!(report["pull"]["refused"]["forked"], 1);
    front.kill().unwrap();
    let mut front = job.start_front().unwrap();
    job.run_gateway(0, &[]).unwrap().well().unwrap();
    // The copy still has its keys: what it sends is stored, and taken by nobody.
    assert!(run_by(&job, &copied));
    front.kill().unwrap();
    let report = pull(&job);
    assert!(report["pull"]["accepted"].as_u64().unwrap() > 0);
    assert!(report["pull"]["refused"]["broken_chain"].as_u64().unwrap() > 0);
    assert!(
        report["status"]["sites_stopped"]
            .as_object()
            .unwrap()
            .is_empty()
    );
}
