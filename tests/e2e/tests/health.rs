//! The agent tells how the data path stands, from what the real gateway leaves for it (B-024).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use harness::job::Job;
use harness::process::Programs;
use harness::scene::town_with_deployment;
use serde_json::Value;

/// Names a folder for the status in a site's settings.
fn leaves_status_in(job: &Job, site: usize, folder: &Path) {
    let config = &job.deployment.sites[site].config;
    let mut settings: toml::Table = fs::read_to_string(config).unwrap().parse().unwrap();
    let state = settings["state"].as_table_mut().unwrap();
    state.insert("status".to_owned(), folder.to_str().unwrap().into());
    fs::write(config, toml::to_string(&settings).unwrap()).unwrap();
}

/// What the agent says of the gateways.
fn told(job: &Job, data: &Path, status: &Path) -> Value {
    let gateway = job.programs.gateway();
    let agent = Path::new(gateway.get_program()).with_file_name("sekisho-agent");
    let output = Command::new(agent)
        .args(["status", "--format", "json", "--data-dir"])
        .arg(data)
        .arg("--gateways")
        .arg(status)
        .output()
        .unwrap();
    assert!(output.status.success());
    let mut health: Value = serde_json::from_slice(&output.stdout).unwrap();
    health["gateway"].take()
}

#[test]
fn the_agent_tells_what_waits_and_what_stopped_the_worse_of_two_sites() {
    let folder = tempfile::tempdir().unwrap();
    let (_, deployment) = town_with_deployment(folder.path(), 21, 40).unwrap();
    let job = Job::new(deployment, Programs::beside_test().unwrap());
    let [status, data] = ["status", "agent"].map(|name| folder.path().join(name));
    for made in [&status, &data] {
        fs::create_dir(made).unwrap();
    }
    for site in 0..2 {
        leaves_status_in(&job, site, &status);
    }
    assert_eq!(told(&job, &data, &status), Value::Null);

    let mut front = job.start_front().unwrap();
    job.run_gateway(0, &[]).unwrap().well().unwrap();
    let well = told(&job, &data, &status);
    assert_eq!((&well["waiting"], &well["problem"]), (&0.into(), &0.into()));
    assert!(well["receipt"].as_i64() > Some(1_700_000_000), "{well}");
    assert!(well["source"].is_i64() && well["oldest"].is_null());

    // The line of the other site is down.
    front.kill().unwrap();
    assert!(!job.run_gateway(1, &[]).unwrap().status.success());
    let behind = told(&job, &data, &status);
    assert_eq!(behind["problem"], 12, "{behind}");
    assert!(behind["waiting"].as_u64() > Some(0) && behind["oldest"].is_i64());
    assert_eq!(behind["receipt"], Value::Null);
}
