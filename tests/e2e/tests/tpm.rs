//! A device whose key is in its TPM (B-115): enrolled, heard, renewed, cut off at every step, and
//! after its TPM was cleared or changed, with the real front, authority and key service, and a TPM
//! in software.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use harness::job::{Ended, Job, change};
use harness::process::{Programs, Running};
use harness::scene::town_with_deployment;
use harness::tpm::{KeyService, Tpm};

const WRAPPED: &str = "-----BEGIN TSS2 PRIVATE KEY-----";

struct Scene {
    job: Job,
    tpm: Tpm,
    service: Option<KeyService>,
    folder: tempfile::TempDir,
}

/// Certificates younger than a day are not renewed; a list of revocations is good for ten.
const DAYS_AGO: u32 = 5;

type Files = BTreeMap<String, Vec<u8>>;

impl Scene {
    /// A device as it comes: settings without a key, a TPM, and no certificate.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (_, deployment) = town_with_deployment(folder.path(), 12, 40).unwrap();
        let job = Job::new(deployment, Programs::beside_test().unwrap());
        job.open_for_newcomers(0).unwrap();
        let config = &job.deployment.sites[0].config;
        let socket = folder.path().join("keys");
        change(config, "front", |front| {
            front.remove("certificate");
            front.remove("private_key");
            let socket = socket.display().to_string();
            front.insert("key_service".to_owned(), socket.into());
        })
        .unwrap();
        let standing = folder.path().join("standing");
        fs::create_dir(&standing).unwrap();
        change(config, "state", |state| {
            state.insert("standing".to_owned(), standing.display().to_string().into());
        })
        .unwrap();
        job.authority(&["sign"]).unwrap();
        let tpm = Tpm::new(&folder.path().join("chip")).unwrap();
        let mut scene = Self {
            job,
            tpm,
            service: None,
            folder,
        };
        scene.serve(&scene.tpm.socket());
        scene
    }

    /// Has the key service speak with a TPM.
    fn serve(&mut self, tpm: &std::path::Path) {
        self.service = None;
        let socket = self.folder.path().join("keys");
        let program = self.job.programs.keys();
        self.service = Some(KeyService::start(&program, tpm, &socket).unwrap());
    }

    /// An enrolled device, and the front that hears it.
    fn enrolled() -> (Self, Running) {
        let scene = Self::new();
        let front = scene.job.start_front().unwrap();
        scene.enrol();
        (scene, front)
    }

    fn enrol(&self) {
        let site = &self.job.deployment.sites[0];
        let whose = ["--site", &site.source.site, "--device", "box-1"];
        let asked = [&["enrol", "--operator", "op"], &whose[..]].concat();
        let code = self.job.authority_before(DAYS_AGO, &asked).unwrap();
        let mut command = self.job.programs.gateway();
        command.args(["enrol", "--device", "box-1", "--config"]);
        command.arg(&site.config).stdin(Stdio::piped());
        let mut enrolling = command.stderr(Stdio::null()).spawn().unwrap();
        let mut typed = enrolling.stdin.take().unwrap();
        typed.write_all(code.as_bytes()).unwrap();
        drop(typed);
        let status = loop {
            if let Some(status) = enrolling.try_wait().unwrap() {
                break status;
            }
            self.job.authority_before(DAYS_AGO, &["sign"]).unwrap();
            sleep(Duration::from_millis(200));
        };
        assert!(status.success(), "{status}");
    }

    fn run(&self) -> Ended {
        self.job.run_gateway(0, &[]).unwrap()
    }

    fn runs_well(&self, what: &str) -> u64 {
        let report = self.run().well();
        let report = report.unwrap_or_else(|told| panic!("{what}: {told}"));
        report.pointer("/batches/sent").unwrap().as_u64().unwrap()
    }

    fn fails_with(&self, code: &str, status: i32) {
        let ended = self.run();
        assert!(ended.told.contains(code), "{code}: {}", ended.told);
        assert_eq!(ended.status.code(), Some(status), "{}", ended.told);
    }

    /// Has the centre order another certificate, or takes the order back.
    fn rotate(&self, ordered: bool) {
        let file = self.folder.path().join("standing/rotate");
        let now = jiff::Timestamp::now().as_second();
        match ordered {
            true => fs::write(file, format!("{}\n", now + 100_000)),
            false => fs::remove_file(file),
        }
        .unwrap();
    }

    fn certificates(&self) -> PathBuf {
        self.job.deployment.sites[0].state.join("certificate")
    }

    fn files(&self) -> Files {
        let entries = fs::read_dir(self.certificates()).unwrap();
        let entries = entries.map(|entry| entry.unwrap().path());
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        entries
            .map(|path| (name(&path), fs::read(&path).unwrap()))
            .collect()
    }

    fn put(&self, files: &Files) {
        for name in self.files().into_keys() {
            fs::remove_file(self.certificates().join(name)).unwrap();
        }
        for (name, text) in files {
            fs::write(self.certificates().join(name), text).unwrap();
        }
    }

    /// The serial numbers of the site's certificates.
    fn serials(&self) -> Vec<String> {
        let site = &self.job.deployment.sites[0].source.site;
        let listed = self.job.authority(&["list"]).unwrap();
        let rows = listed.lines().map(|row| row.split(',').collect::<Vec<_>>());
        let own = rows.filter(|row| row[1] == *site);
        own.map(|row| row[0].to_owned()).collect()
    }
}

/// B-115, A-120: from the code to the first batch and the next certificate no key is on the disk.
#[test]
fn a_device_is_enrolled_sends_and_renews_with_keys_that_stay_in_its_tpm() {
    let scene = Scene::new();
    let front = scene.job.start_front().unwrap();
    scene.fails_with("G113", 1);
    scene.enrol();
    assert!(scene.runs_well("enrolled") > 0);
    let first = scene.files();
    scene.rotate(true);
    scene.runs_well("asking");
    let asking = scene.files();
    assert!(asking["next.key"].starts_with(WRAPPED.as_bytes()));
    scene.job.authority(&["sign"]).unwrap();
    scene.runs_well("renewed");
    scene.rotate(false);
    let second = scene.files();
    let names: Vec<_> = second.keys().collect();
    let renewed = first["current.pem"] != second["current.pem"];
    assert!(renewed, "{names:?} {:?}", second.get("refused"));
    for (name, bytes) in [first, asking, second].into_iter().flatten() {
        let text = String::from_utf8_lossy(&bytes).replace("TSS2 PRIVATE", "");
        assert!(!text.contains("PRIVATE KEY"), "{name}: {text}");
    }
    // The new one alone is good from now on.
    let serials = scene.serials();
    let old = &serials[serials.len() - 2];
    let revoke = ["revoke", "--reason", "superseded", "--serial", old];
    scene.job.authority(&revoke).unwrap();
    drop(front);
    let _front = scene.job.start_front().unwrap();
    scene.runs_well("with the new one alone");
}

/// B-115, B-118: whatever files a cut leaves, and whether or not the TPM is there at the next
/// start, the device ends with one certificate, and the authority has given no other.
#[test]
fn a_renewal_that_is_cut_anywhere_is_completed() {
    let (mut scene, _front) = Scene::enrolled();
    scene.runs_well("enrolled");
    let before = scene.serials().len();
    scene.rotate(true);
    scene.runs_well("asking");
    let asking = scene.files();
    // The key is there, and the request is not yet.
    let mut begun = asking;
    begun.remove("next.request");
    scene.put(&begun);
    scene.runs_well("asking again");
    let asking = scene.files();
    assert!(asking["next.key"] == begun["next.key"]);
    scene.job.authority(&["sign"]).unwrap();
    scene.runs_well("renewed");
    scene.rotate(false);
    let renewed = scene.files()["current.pem"].clone();
    let mut given = asking.clone();
    given.insert("next.pem".to_owned(), renewed.clone());
    let mut used = asking.clone();
    used.insert("current.pem".to_owned(), renewed.clone());
    let mut forgotten = used.clone();
    forgotten.remove("next.request");
    for (name, state) in [
        ("asking", &asking),
        ("given", &given),
        ("used", &used),
        ("forgotten", &forgotten),
    ] {
        scene.put(state);
        scene.tpm.turn_off().unwrap();
        scene.fails_with("G110", 75);
        scene.tpm.turn_on().unwrap();
        scene.runs_well(name);
        assert!(scene.files()["current.pem"] == renewed, "{name}");
        assert!(!scene.files().contains_key("next.pem"), "{name}");
    }
    assert_eq!(scene.serials().len(), before + 1);
}

/// B-115: the same with processes that are killed, at moments that nobody chose.
#[test]
fn a_gateway_that_is_killed_while_it_renews_goes_on() {
    let (scene, _front) = Scene::enrolled();
    scene.runs_well("enrolled");
    let old = scene.files()["current.pem"].clone();
    let before = scene.serials().len();
    scene.rotate(true);
    for moment in 0..16 {
        let mut run = scene.job.start_gateway(0, &[]).unwrap();
        sleep(Duration::from_millis(moment * 25));
        run.kill().unwrap();
        if moment % 4 == 3 {
            scene.job.authority(&["sign"]).unwrap();
        }
        // Once is enough: the order stands until it is taken back.
        if scene.files()["current.pem"] != old {
            break;
        }
    }
    scene.runs_well("after the kills");
    scene.job.authority(&["sign"]).unwrap();
    if scene.files()["current.pem"] == old {
        scene.runs_well("signed");
    }
    scene.rotate(false);
    scene.runs_well("the end");
    assert!(scene.files()["current.pem"] != old);
    assert!(scene.serials().len() > before);
}

/// B-115: a TPM that its owner has cleared, and another board: nothing is sent and nothing is lost;
/// the message says to enrol again, and that mends it.
#[test]
fn a_device_with_a_cleared_or_another_tpm_says_so_and_is_enrolled_again() {
    let (mut scene, _front) = Scene::enrolled();
    scene.tpm.clear().unwrap();
    scene.fails_with("G111", 1);
    scene.enrol();
    assert!(scene.runs_well("after the clearing") > 0);
    let other = Tpm::new(&scene.folder.path().join("other")).unwrap();
    scene.serve(&other.socket());
    scene.fails_with("G111", 1);
    scene.enrol();
    scene.runs_well("on the other board");
    scene.service = None;
    scene.fails_with("G110", 75);
}
