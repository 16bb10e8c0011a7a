//! New settings for the real gateway, with and without a way back.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use control::Outcome;
use harness::job::Job;
use harness::process::{Programs, free_address};
use harness::scene::town_with_deployment;

use crate::broker::PATIENCE;
use crate::desk::Scene;

/// Does what the path unit does: asks the front whenever the request is made anew.
fn reach_when_asked(request: &Path, gateway: &Path, config: &Path) {
    let (request, gateway, config) = (request.to_owned(), gateway.to_owned(), config.to_owned());
    spawn(move || {
        let mut last = None;
        let deadline = Instant::now() + Duration::from_secs(3_000);
        while Instant::now() < deadline {
            let now = fs::metadata(&request).and_then(|it| it.modified()).ok();
            if now.is_some() && now != last {
                last = now;
                let mut reach = Command::new(&gateway);
                reach.args(["reach", "--config"]).arg(&config);
                let _ = reach.arg("--asked").arg(&request).output();
            }
            sleep(Duration::from_millis(100));
        }
    });
}

/// O-05: settings that cannot be read are not taken; those with which the centre is reached stay;
/// those with which it is not go back by themselves, also when the device is switched off in the
/// middle.
#[test]
fn settings_stay_only_if_the_centre_is_reached_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let (_, deployment) = town_with_deployment(&folder.path().join("town"), 3, 20).unwrap();
    let job = Job::new(deployment, Programs::beside_test().unwrap());
    let _front = job.start_front().unwrap();
    let scene = Scene::new(folder.path());
    let in_use = scene.path("settings/gateway.toml");
    let mut first: toml::Table = fs::read_to_string(&job.deployment.sites[0].config)
        .unwrap()
        .parse()
        .unwrap();
    let state = first["state"].as_table_mut().unwrap();
    for name in ["status", "standing"] {
        state.insert(name.to_owned(), scene.path(name).to_str().unwrap().into());
    }
    let written = |table: &toml::Table| toml::to_string(table).unwrap();
    fs::write(&in_use, written(&first)).unwrap();
    let gateway = job.programs.gateway();
    let program = Path::new(gateway.get_program());
    reach_when_asked(&scene.path("requests/reach"), program, &in_use);

    let order = |text: &str| {
        let file = scene.path("new.toml");
        fs::write(&file, text).unwrap();
        let job = ["settings", "--minutes", "1", file.to_str().unwrap()];
        scene.order(&job, &["one", "two"]);
    };
    let mut control = scene.start_and_greet();
    let mut deaf = first.clone();
    deaf["state"].as_table_mut().unwrap().remove("standing");
    order(&written(&deaf));
    assert_eq!(scene.answers(1), [Outcome::Unreadable]);
    let nonsense = format!("nonsense = true\n{}", written(&first));
    order(&nonsense);
    assert_eq!(scene.answers(2)[1], Outcome::Unreadable);
    assert_eq!(fs::read_to_string(&in_use).unwrap(), written(&first));

    let mut second = first.clone();
    let limits = second.entry("limits").or_insert(toml::Table::new().into());
    let limits = limits.as_table_mut().unwrap();
    limits.insert("send_attempts".to_owned(), 3.into());
    order(&written(&second));
    assert_eq!(scene.answers(3)[2], Outcome::Done);
    assert_eq!(fs::read_to_string(&in_use).unwrap(), written(&second));

    let mut third = second.clone();
    let nowhere = free_address().unwrap().to_string();
    third["front"]["address"] = nowhere.into();
    order(&written(&third));
    let tried = |text: &str| {
        let deadline = Instant::now() + PATIENCE;
        while fs::read_to_string(&in_use).unwrap() != text {
            assert!(Instant::now() < deadline);
            sleep(Duration::from_millis(20));
        }
    };
    tried(&written(&third));
    assert_eq!(scene.answers(4)[3], Outcome::Returned);
    assert_eq!(fs::read_to_string(&in_use).unwrap(), written(&second));

    // The breaker goes off while settings are on trial.
    let mut fourth = third.clone();
    let limits = fourth["limits"].as_table_mut().unwrap();
    limits.insert("send_attempts".to_owned(), 4.into());
    order(&written(&fourth));
    tried(&written(&fourth));
    control.kill().unwrap();
    let _control = scene.start();
    assert_eq!(scene.answers(5)[4], Outcome::Returned);
    assert_eq!(fs::read_to_string(&in_use).unwrap(), written(&second));
}
