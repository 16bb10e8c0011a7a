//! A device that nobody hears of any more (B-024).

use std::collections::BTreeMap;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

use crate::desk::Scene;

/// So long: at 600 times the speed more than an hour.
const HOURS: Duration = Duration::from_secs(8);

/// What the device has asked for, and whether it warns, some hours into a day without a broker.
fn after(scene: &Scene, days: u32) -> [bool; 2] {
    let mut control = scene.start_at(&format!("+{days}d x600"));
    sleep(HOURS);
    assert!(control.ended().unwrap().is_none(), "it has ended");
    control.kill().unwrap();
    ["requests/decommission", "notices/absence-ends"].map(|name| scene.path(name).exists())
}

/// As if the device had been on and had tried for so many seconds since its last contact.
fn tried_for(scene: &Scene, seconds: u64) {
    let file = scene.path("state/contact.cbor");
    let mut kept: BTreeMap<String, i64> =
        serde_cbor::from_slice(&fs::read(&file).unwrap()).unwrap();
    let before = kept.insert("tried".to_owned(), i64::try_from(seconds).unwrap());
    assert!(before.is_some());
    fs::write(file, serde_cbor::to_vec(&kept).unwrap()).unwrap();
}

#[test]
fn a_device_without_the_centre_warns_and_then_destroys_its_keys_where_that_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::new(folder.path());
    scene.start_and_greet().kill().unwrap();
    scene.broker.stop();
    // By default nothing of it.
    assert_eq!(after(&scene, 400), [false, false]);
    scene.lost_after(30);
    assert_eq!(after(&scene, 10), [false, false]);
    assert_eq!(after(&scene, 20), [false, true]);
    // Found again in time: the days begin anew.
    scene.broker.start();
    let mut control = scene.start_at("+25d x600");
    sleep(HOURS);
    control.kill().unwrap();
    assert!(!scene.path("notices/absence-ends").exists());
    scene.broker.stop();
    assert_eq!(after(&scene, 33), [false, false]);
    // It was on for too short a time to tell.
    assert_eq!(after(&scene, 60), [false, true]);
    tried_for(&scene, 47 * 3_600 + 1_800);
    assert_eq!(after(&scene, 60), [true, true]);
}
