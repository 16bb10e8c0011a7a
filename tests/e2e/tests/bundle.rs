//! The sealed offline bundle (A-125, B-094): from the queue to the inbox and back without any
//! network, with the real programs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use harness::deployment::Deployment;
use harness::job::Job;
use harness::process::Programs;
use harness::scene::{today, town_sources, write_town};
use town::TownPlan;

struct Scene {
    job: Job,
    medium: PathBuf,
}

impl Scene {
    fn new(root: &Path) -> Self {
        let town = root.join("town");
        let plan = TownPlan {
            seed: 41,
            persons: 120,
            as_of: today(),
        };
        write_town(&town, &plan, &mut |_, _| {}).unwrap();
        let deployment =
            Deployment::prepare(&root.join("centre"), &town_sources(&town), today()).unwrap();
        let site = &deployment.sites[0].config;
        let more = "\n[bundle]\nmedia = [\"M-0001\"]\n[limits]\nbatch_documents = 200\n";
        fs::write(site, fs::read_to_string(site).unwrap() + more).unwrap();
        let medium = root.join("medium");
        fs::create_dir(&medium).unwrap();
        Self {
            job: Job::new(deployment, Programs::beside_test().unwrap()),
            medium,
        }
    }

    fn bundle(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = self.job.programs.gateway();
        command.arg("bundle").args(arguments);
        command
            .arg("--config")
            .arg(&self.job.deployment.sites[0].config);
        let way = if arguments[0] == "receipts" {
            "--from"
        } else {
            "--to"
        };
        told(&command.arg(way).arg(&self.medium).output().unwrap())
    }

    fn import(&self, from: &Path) -> (Option<i32>, String) {
        let deployment = &self.job.deployment;
        let site = &deployment.sites[0].source.site;
        let key = deployment.root.join("keys").join(site).join("signing.pub");
        let mut command = self.job.programs.collector();
        command
            .arg("import-bundle")
            .arg("--config")
            .arg(&deployment.front_config);
        command.arg("--site-key").arg(key).arg("--from").arg(from);
        told(&command.output().unwrap())
    }

    fn waiting(&self) -> usize {
        count(&self.job.deployment.sites[0].state.join("spool"))
    }

    fn bundles(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.medium)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut folders: Vec<_> = entries.filter(|path| path.is_dir()).collect();
        folders.sort();
        folders
    }
}

fn told(output: &Output) -> (Option<i32>, String) {
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), told)
}

fn count(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn batches_travel_on_a_sealed_medium_once_and_their_receipts_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::new(folder.path());
    let inbox = scene.job.deployment.inbox.clone();
    scene
        .job
        .run_gateway(0, &["--hold"])
        .unwrap()
        .well()
        .unwrap();
    let waiting = scene.waiting();
    assert!(waiting > 2);

    // A medium that nobody registered, or of a number that the settings do not have.
    let (status, text) = scene.bundle(&["write"]);
    assert!(status == Some(1) && text.contains("G085"), "{text}");
    let (_, text) = scene.bundle(&["register", "--medium", "M-0002"]);
    assert!(text.contains("G085"), "{text}");
    assert_eq!(scene.bundle(&["register", "--medium", "M-0001"]).0, Some(0));

    let (status, text) = scene.bundle(&["write"]);
    assert_eq!(status, Some(0), "{text}");
    let bundle = scene.bundles().remove(0);
    let seal = bundle.to_str().unwrap().rsplit_once("bundle-").unwrap().1;
    assert!(text.contains(seal), "{text}");
    assert_eq!(
        scene.waiting(),
        waiting,
        "they stay until receipts are there"
    );

    // What was changed on the way is refused: the index, and a batch.
    let batch = fs::read_dir(&bundle)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let batch = batch
        .filter(|path| path.extension().is_some_and(|it| it == "batch"))
        .min();
    for path in [bundle.join("index"), batch.unwrap()] {
        let whole = fs::read(&path).unwrap();
        let mut changed = whole.clone();
        changed[whole.len() / 2] ^= 1;
        fs::write(&path, changed).unwrap();
        assert_eq!(scene.import(&bundle).0, Some(1));
        assert_eq!(count(&inbox), 0);
        fs::write(&path, whole).unwrap();
    }

    let (status, text) = scene.import(&bundle);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains(&format!("{waiting} of them new")), "{text}");
    assert_eq!(count(&inbox), waiting);
    let (status, text) = scene.import(&bundle);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("0 of them new (imported before)"), "{text}");
    assert_eq!(count(&inbox), waiting);

    // A receipt that is none takes nothing out.
    let receipts = bundle.join("receipts");
    let first = fs::read_dir(&receipts)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .min();
    let first = first.unwrap();
    let whole = fs::read(&first).unwrap();
    fs::write(&first, [&whole[..], b"x"].concat()).unwrap();
    let (status, text) = scene.bundle(&["receipts"]);
    assert!(status == Some(1) && text.contains("G015"), "{text}");
    fs::write(&first, whole).unwrap();
    let (status, text) = scene.bundle(&["receipts"]);
    assert_eq!(status, Some(0), "{text}");
    assert_eq!(scene.waiting(), 0);

    // The ledger of transfers has each batch as written and as delivered, and is whole.
    let log =
        fs::read_to_string(scene.job.deployment.sites[0].state.join("transfers.log")).unwrap();
    assert_eq!(log.matches("\texported\t").count(), waiting);
    assert_eq!(log.matches("\tdelivered\t").count(), waiting);
    let mut verify = scene.job.programs.gateway();
    verify
        .arg("transfers")
        .arg("--config")
        .arg(&scene.job.deployment.sites[0].config);
    assert_eq!(told(&verify.output().unwrap()).0, Some(0));
    let (front, core) = (
        scene.job.start_front().unwrap(),
        scene.job.run_core(&["run"]).unwrap(),
    );
    core.well().unwrap();
    drop(front);
}
