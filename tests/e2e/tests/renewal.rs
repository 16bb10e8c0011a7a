//! A device's certificate comes of age (B-118): renewed by itself through the real front and the
//! real authority, and after its end with somebody's word. Only its first issue is in the past.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output};

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
        scene.newcomers();
        let front = scene.settings()["front"].clone();
        let [certificate, key] =
            ["certificate", "private_key"].map(|name| front[name].as_str().unwrap().to_owned());
        for old in [&certificate, &key] {
            fs::remove_file(old).unwrap();
        }
        let site = scene.job.deployment.sites[0].source.site.clone();
        let given = ["--certificate", &certificate, "--key", &key];
        let whose = ["issue-device", "--site", &site, "--device", "box-1"];
        let mut then = Command::new("faketime");
        then.arg(format!("{days} days ago"));
        let output = scene.ca(then, &[&whose[..], &given[..]].concat());
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "faketime (Debian package): {told}");
        // The list of that day is over.
        scene.ca_now(&["sign"]);
        scene
    }

    /// Opens the address for those without a valid certificate.
    fn newcomers(&self) {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let places = [
            (&self.job.deployment.front_config, "certificates"),
            (&self.job.deployment.sites[0].config, "front"),
        ];
        for (file, section) in places {
            let mut settings: toml::Table = fs::read_to_string(file).unwrap().parse().unwrap();
            let section = settings[section].as_table_mut().unwrap();
            section.insert("newcomers".to_owned(), address.clone().into());
            fs::write(file, toml::to_string(&settings).unwrap()).unwrap();
        }
    }

    fn settings(&self) -> toml::Table {
        let text = fs::read_to_string(&self.job.deployment.sites[0].config).unwrap();
        text.parse().unwrap()
    }

    fn ca(&self, mut before: Command, arguments: &[&str]) -> Output {
        let program = self.job.programs.collector();
        before.arg(program.get_program()).arg("ca").args(arguments);
        before.args(["--config", "ca.toml"]);
        before.current_dir(self.job.deployment.root.join("ca"));
        before.output().unwrap()
    }

    fn ca_now(&self, arguments: &[&str]) -> String {
        let output = self.ca(Command::new("env"), arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{told}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The serial numbers and states of the site's certificates.
    fn certificates(&self) -> Vec<(String, String)> {
        let site = &self.job.deployment.sites[0].source.site;
        let listed = self.ca_now(&["list"]);
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
    scene.ca_now(&["sign"]);
    scene.run().well().unwrap();
    assert!(scene.current().exists());
    let known = scene.certificates();
    // The one of 75 days ago, the one that the scene began with, and the new one.
    assert_eq!(known.len(), 3);
    // What is made now travels with the new one, which alone stays good.
    scene.ca_now(&["revoke", "--reason", "superseded", "--serial", &known[0].0]);
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
    scene.ca_now(&["sign"]);
    assert_eq!(scene.state(0), "waits");
    assert!(!scene.run().status.success());
    let (serial, _) = scene.certificates().swap_remove(0);
    scene.ca_now(&["approve", "--operator", "op", "--serial", &serial]);
    scene.ca_now(&["sign"]);
    // Nothing that was sealed meanwhile is lost.
    let report = scene.run().well().unwrap();
    assert!(sent(&report) > 0, "{report}");
    assert!(scene.current().exists());
}
