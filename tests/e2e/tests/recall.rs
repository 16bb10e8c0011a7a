//! A stop that arrives at any moment takes effect everywhere: on the appliance before the
//! sealing, in its queue, at the front and at the core, after linking and after a release.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod stops;

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use harness::job::Job;
use harness::process::Running;
use serde_json::Value;

use stops::line::Line;
use stops::{SITE, candidates, core, gateways, job, set, stop, subjects};

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
        assert_only_missing(&job, &person, &all, &format!("{moment:?}"));
    }
}

/// Searches the final data at the centre for the person, who is nowhere, and nobody else is
/// missing.
fn assert_only_missing(job: &Job, person: &str, all: &[String], moment: &str) {
    let left = subjects(job);
    assert!(!left.iter().any(|subject| subject == person), "{moment}");
    let linked = job.links().unwrap();
    let is_linked = linked.keys().any(|(_, subject)| subject == person);
    assert!(!is_linked, "{moment}");
    let expected = all.iter().filter(|subject| *subject != person).count();
    assert_eq!(left.len(), expected, "{moment}");
}

/// Waits, for two minutes at most.
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(120), "never: {what}");
        sleep(Duration::from_millis(20));
    }
}

/// The report of a run that was started and has to end well.
fn ended(job: &Job, mut gateway: Running) -> Value {
    assert!(gateway.wait().unwrap().success());
    job.gateway_report(SITE).unwrap()
}

/// What has happened to the batch that holds the person when the stop is listed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Underway {
    /// Patients are being read, and some batches are sealed.
    Reading,
    /// It could not be sent yet and is tried again.
    Retried,
    /// The front has a part of it.
    HalfSent,
    /// The front has stored it, and its receipt was lost.
    WithoutReceipt,
}

/// a stop that comes while the appliance is at work, at each step between read and receipt.
#[test]
fn whoever_is_stopped_while_a_batch_is_under_way_is_nowhere_at_the_centre_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let calm = job(&folder.path().join("calm"), 31, None);
    gateways(&calm);
    core(&calm, &["run"]);
    let all = subjects(&calm);
    // Of the first in the order of the walk something is in the first batch.
    let number = candidates(&calm, &all).swap_remove(0);

    for moment in [
        Underway::Reading,
        Underway::Retried,
        Underway::HalfSent,
        Underway::WithoutReceipt,
    ] {
        let job = job(&folder.path().join(format!("{moment:?}")), 31, Some(&calm));
        let person = job.deployment.subject(SITE, &number).unwrap().to_string();
        let report = stopped_at(&job, moment, &number);
        let undone = report["batches"]["undone"].as_u64() > Some(0);
        let erased = report["erasures_sealed"].as_u64();
        match moment {
            Underway::Reading => {}
            Underway::Retried => assert_eq!((undone, erased), (true, Some(0))),
            // The front may have what an appliance began to send.
            _ => assert_eq!((undone, erased), (false, Some(1)), "{moment:?}"),
        }
        core(&job, &["run", "--release", "late"]);
        assert_only_missing(&job, &person, &all, &format!("{moment:?}"));
    }
}

/// Brings the appliance to a moment, lists the stop, lets it go on, and gives its last report.
fn stopped_at(job: &Job, moment: Underway, number: &str) -> Value {
    let front = job.deployment.address;
    let inbox = job.deployment.inbox.clone();
    let line = match moment {
        Underway::Reading => Line::to(front, |_, _| false),
        // Letters are asked for twice; the third connection is for batches.
        Underway::Retried => Line::to(front, |connection, _| connection == 3),
        Underway::HalfSent => Line::to(front, |connection, up| connection == 3 && up > 12_000),
        Underway::WithoutReceipt => {
            let stored = move || fs::read_dir(&inbox).unwrap().next().is_some();
            Line::to(front, move |_, _| stored())
        }
    };
    let tries = if moment == Underway::Retried { 50 } else { 1 };
    set(job, |settings| {
        let limits = format!("[limits]\nsend_attempts = {tries}\nchunk_bytes = 4096\n");
        let settings = settings.replace(&front.to_string(), &line.address.to_string());
        let settings = settings.replace("[limits]\n", &limits);
        match moment {
            Underway::Reading => settings + "\n[source.pace]\nfiles_per_second = 150\n",
            _ => settings,
        }
    });
    let mut running = job.start_front().unwrap();
    let mut gateway = job.start_gateway(SITE, &[]).unwrap();
    match moment {
        Underway::Reading => until("sealed", || {
            let log = fs::read_to_string(job.gateway_log(SITE).unwrap()).unwrap();
            log.contains("\"sequence\":2,")
        }),
        Underway::Retried => until("a further try", || line.refused() > 0),
        _ => {
            assert!(!gateway.wait().unwrap().success());
            assert!(line.broken());
        }
    }
    assert_eq!(
        gateway.ended().unwrap().is_none(),
        moment != Underway::HalfSent && moment != Underway::WithoutReceipt
    );
    stop(job, number);
    line.mend();
    if gateway.ended().unwrap().is_some() {
        gateway = job.start_gateway(SITE, &[]).unwrap();
    }
    let report = ended(job, gateway);
    running.kill().unwrap();
    report
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
