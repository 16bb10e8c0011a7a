//! Two ledgers of what was sent (A-126, B-084): a device's and the centre's, compared by the real
//! programs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::path::PathBuf;

use harness::job::Job;
use harness::process::Programs;
use harness::scene::town_with_deployment;

/// The newest file of the inbox, by the number in its name.
fn newest(job: &Job) -> PathBuf {
    let entries = fs::read_dir(&job.deployment.inbox).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    let of_site = files.filter(|path| path.to_string_lossy().contains("HOSPITAL-A-"));
    of_site.max().unwrap()
}

/// Sends what a stop makes the device say: one batch more.
fn send_one(job: &Job, charts: &mut impl Iterator<Item = String>) {
    let before = fs::read_dir(&job.deployment.inbox).unwrap().count();
    let stops = &job.deployment.sites[0].source.stops;
    let line = format!("{},2026-01-05,self\n", charts.next().unwrap());
    fs::write(stops, fs::read_to_string(stops).unwrap() + &line).unwrap();
    job.run_gateway(0, &[]).unwrap().well().unwrap();
    let after = fs::read_dir(&job.deployment.inbox).unwrap().count();
    assert_eq!(after, before + 1);
}

#[test]
fn the_centre_explains_every_difference_or_says_that_it_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let (truth, deployment) = town_with_deployment(folder.path(), 17, 60).unwrap();
    let job = Job::new(deployment, Programs::beside_test().unwrap());
    let mut charts = truth
        .persons
        .iter()
        .flat_map(|person| &person.registrations)
        .filter(|it| it.hospital == 0 && it.may_leave() && it.files > 2)
        .map(|it| it.chart_number.clone());
    let mut front = job.start_front().unwrap();
    for site in 0..2 {
        job.run_gateway(site, &[]).unwrap().well().unwrap();
    }
    let pulled = job.run_core(&["pull"]).unwrap();
    assert!(
        pulled
            .told
            .contains("2 sites, 2 differences explained, 0 not"),
        "{}",
        pulled.told
    );
    let anchors = fs::read_dir(job.deployment.core_state.join("anchors"));
    assert_eq!(anchors.unwrap().count(), 1, "the day is anchored");

    send_one(&job, &mut charts);
    job.run_core(&["pull"]).unwrap().well().unwrap();
    let ended = job.run_core(&["reconcile", "--json"]).unwrap();
    assert!(ended.status.success(), "{}", ended.told);
    // The first batch, about which the second told, is not among the differences.
    assert!(
        ended
            .told
            .contains("\"site\":\"HOSPITAL-A\",\"centre_lines\":2,\"device_lines\":2")
    );

    // A batch with a receipt goes missing between front and core.
    send_one(&job, &mut charts);
    fs::remove_file(newest(&job)).unwrap();
    send_one(&job, &mut charts);
    job.run_core(&["pull"]).unwrap().well().unwrap();
    let ended = job.run_core(&["reconcile"]).unwrap();
    front.kill().unwrap();
    assert!(
        !ended.status.success() && ended.told.contains("K033"),
        "{}",
        ended.told
    );
    assert!(ended.told.contains("！HOSPITAL-A 3: "), "{}", ended.told);
    assert!(ended.told.contains("1 not"), "{}", ended.told);
}
