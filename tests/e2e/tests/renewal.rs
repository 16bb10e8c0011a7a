//! A device's certificate comes of age (B-118): renewed by itself through the real front and the
//! real authority, and after its end with somebody's word. Only its first issue is in the past.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::path::PathBuf;

use harness::job::{Ended, Job};
use harness::process::Programs;
use harness::scene::town_with_deployment;
use serde_json::Value;

struct Scene {
    job: Job,
    _folder: tempfile::TempDir,
}

impl Scene {
    /// A site whose certificate was issued so many days ago.
    fn issued_before(days: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (_, deployment) = town_with_deployment(folder.path(), 12, 40).unwrap();
        let scene = Self {
            job: Job::new(deployment, Programs::beside_test().unwrap()),
            _folder: folder,
        };
        scene.job.open_for_newcomers(0).unwrap();
        let front = scene.settings()["front"].clone();
        let [certificate, key] =
            ["certificate", "private_key"].map(|name| front[name].as_str().unwrap().to_owned());
        for old in [&certificate, &key] {
            fs::remove_file(old).unwrap();
        }
        let site = scene.job.deployment.sites[0].source.site.clone();
        let given = ["--certificate", &certificate, "--key", &key];
        let whose = ["issue-device", "--site", &site, "--device", "box-1"];
        let asked = [&whose[..], &given[..]].concat();
        scene.job.authority_before(days, &asked).unwrap();
        // The list of that day is over.
        scene.job.authority(&["sign"]).unwrap();
        scene
    }

    fn settings(&self) -> toml::Table {
        let text = fs::read_to_string(&self.job.deployment.sites[0].config).unwrap();
        text.parse().unwrap()
    }

    /// The serial numbers and states of the site's certificates.
    fn certificates(&self) -> Vec<(String, String)> {
        let site = &self.job.deployment.sites[0].source.site;
        let listed = self.job.authority(&["list"]).unwrap();
        let rows = listed
            .lines()
            .map(|line| line.split(',').collect::<Vec<_>>());
        let own = rows.filter(|row| row[1] == *site);
        own.map(|row| (row[0].to_owned(), row[5].to_owned()))
            .collect()
    }

    fn state(&self, index: usize) -> String {
        self.certificates()[index].1.clone()
    }

    fn current(&self) -> PathBuf {
        let state = &self.job.deployment.sites[0].state;
        state.join("certificate/current.pem")
    }

    fn run(&self) -> Ended {
        self.job.run_gateway(0, &[]).unwrap()
    }
}

fn sent(report: &Value) -> u64 {
    report
        .pointer("/batches/sent")
        .and_then(Value::as_u64)
        .unwrap()
}

#[test]
fn a_device_renews_its_certificate_and_goes_on_with_the_new_one() {
    let scene = Scene::issued_before(75);
    let mut front = scene.job.start_front().unwrap();
    // The authority has not answered yet: the run does its work with what it has.
    assert!(sent(&scene.run().well().unwrap()) > 0);
    assert!(!scene.current().exists());
    scene.job.authority(&["sign"]).unwrap();
    scene.run().well().unwrap();
    assert!(scene.current().exists());
    let known = scene.certificates();
    // The one of 75 days ago, the one that the scene began with, and the new one.
    assert_eq!(known.len(), 3);
    // What is made now travels with the new one, which alone stays good.
    scene
        .job
        .authority(&["revoke", "--reason", "superseded", "--serial", &known[0].0])
        .unwrap();
    front.kill().unwrap();
    let _front = scene.job.start_front().unwrap();
    scene.run().well().unwrap();
    let left: Vec<_> = fs::read_dir(scene.current().parent().unwrap())
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    assert_eq!(left, ["current.pem"]);
}

#[test]
fn a_device_that_was_off_for_months_waits_for_somebody_and_goes_on() {
    let scene = Scene::issued_before(120);
    let _front = scene.job.start_front().unwrap();
    let refused = scene.run();
    assert!(!refused.status.success());
    scene.job.authority(&["sign"]).unwrap();
    assert_eq!(scene.state(0), "waits");
    assert!(!scene.run().status.success());
    let (serial, _) = scene.certificates().swap_remove(0);
    scene
        .job
        .authority(&["approve", "--operator", "op", "--serial", &serial])
        .unwrap();
    scene.job.authority(&["sign"]).unwrap();
    // Nothing that was sealed meanwhile is lost.
    let report = scene.run().well().unwrap();
    assert!(sent(&report) > 0, "{report}");
    assert!(scene.current().exists());
}
