//! Reports of health, over a line that breaks.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use health::Report;

use crate::desk::{Scene, sample};

fn reports(scene: &Scene, enough: impl Fn(&[Report]) -> bool) -> Vec<Report> {
    let read = |told: &[Vec<u8>]| -> Vec<Report> {
        told.iter()
            .map(|bytes| Report::read(bytes).unwrap())
            .collect()
    };
    let told = scene.broker.wait_for("/health", |told| enough(&read(told)));
    read(&told)
}

fn slots(reports: &[Report]) -> Vec<i64> {
    let all = reports.iter().flat_map(|report| report.past().to_vec());
    let mut seen = BTreeSet::new();
    all.filter(|sample| seen.insert(sample.at))
        .map(|it| it.at)
        .collect()
}

/// O-09, O-10: what was measured while the line was down is told afterwards, in order; after a kill
/// the telling goes on where it was; what was pushed out meanwhile is counted.
#[test]
fn an_outage_is_told_when_the_line_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::new(folder.path());
    scene.measured(0..3);
    let mut control = scene.start();
    reports(&scene, |told| slots(told).len() == 2);

    scene.broker.stop();
    scene.measured(0..40);
    sleep(Duration::from_secs(2));
    scene.broker.start();
    let told = reports(&scene, |told| slots(told).len() == 39);
    let expected: Vec<i64> = (0..39).map(|slot| sample(slot).at).collect();
    assert_eq!(slots(&told), expected);
    let many = told.iter().flat_map(Report::past).count();
    assert!(
        many <= 39 + 5,
        "{many}: only what was under way is told twice"
    );

    control.kill().unwrap();
    // The agent's ring has turned over: 50 to 60 are all that is left.
    scene.measured(50..60);
    let before = scene.broker.heard().len();
    let _control = scene.start();
    let told = reports(&scene, |told| slots(told).len() == 48);
    assert!(told.len() < before + 20);
    let lost: u32 = told.iter().map(|report| report.lost).max().unwrap();
    assert_eq!(lost, 11, "39 to 49");
    assert_eq!(
        slots(&told)[39..],
        (50..59).map(|slot| sample(slot).at).collect::<Vec<_>>()
    );
}

/// The broker tells for a device that it is gone.
#[test]
fn a_device_that_is_cut_off_is_known_to_be_gone() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::new(folder.path());
    let mut control = scene.start();
    let presence = |count: usize| {
        scene
            .broker
            .wait_for("/presence", |told| told.len() >= count)
    };
    assert_eq!(presence(1), [b"1"]);
    control.kill().unwrap();
    assert_eq!(presence(2), [b"1", b"0"]);
    let _control = scene.start();
    assert_eq!(presence(3), [b"1", b"0", b"1"]);
}
