//! A device that nobody hears of any more (B-024).

use std::thread::sleep;
use std::time::Duration;

use crate::desk::Scene;

/// So long, at 600 times the speed: more than the hour in which the centre is tried first.
const HOURS: Duration = Duration::from_secs(8);

/// What the device has asked for, and whether it warns, some hours into a day without a broker.
fn after(scene: &Scene, days: u32) -> [bool; 2] {
    let mut control = scene.start_at(&format!("+{days}d x600"));
    sleep(HOURS);
    assert!(control.ended().unwrap().is_none(), "it has ended");
    control.kill().unwrap();
    ["requests/decommission", "notices/absence-ends"].map(|name| scene.path(name).exists())
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
    assert_eq!(after(&scene, 35), [false, false]);
    assert_eq!(after(&scene, 60), [true, true]);
}
