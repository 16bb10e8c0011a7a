//! A stop that arrives at any moment takes effect everywhere: on the appliance before the
//! sealing, in its queue, at the front and at the core, after linking and after a release.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod stops;

use std::thread::sleep;
use std::time::Duration;

use stops::{SITE, candidates, core, gateways, job, stop, subjects};

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
