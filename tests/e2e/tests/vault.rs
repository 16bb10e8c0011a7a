//! Identity envelopes and the vault, with the real programs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use e2e::{Search, leftovers};
use envelope::{CoreSecretKey, VerifyingKey};
use harness::job::Job;
use harness::process::Programs;
use harness::scene::town_with_deployment;
use serde_json::Value;
use tempfile::TempDir;
use town::Truth;

struct Scene {
    _folder: TempDir,
    truth: Truth,
    job: Job,
    vault: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (truth, deployment) = town_with_deployment(folder.path(), 5, 30).unwrap();
        let job = Job::new(deployment, Programs::beside_test().unwrap());
        let vault = folder.path().join("vault");
        let made = job
            .programs
            .collector()
            .args(["vault", "make", "--holders", "3"])
            .arg("--out")
            .arg(&vault)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", told(&made));
        Self {
            _folder: folder,
            truth,
            job,
            vault,
        }
    }

    /// The contract of every site has identities sealed for the vault, as the sites see it.
    fn sites_agree(&self) {
        let public = self.vault.join("vault.pub");
        self.job
            .deployment
            .change_sites(|settings| {
                let keys = settings["keys"].as_table_mut().unwrap();
                keys.insert("vault".to_owned(), public.to_str().unwrap().into());
                for contract in settings["contracts"].as_array_mut().unwrap() {
                    let contract = contract.as_table_mut().unwrap();
                    contract.insert("identity_envelope".to_owned(), true.into());
                }
            })
            .unwrap();
    }

    /// And as the core sees it.
    fn core_agrees(&self) {
        let file = &self.job.deployment.core_config;
        let mut settings: toml::Table = fs::read_to_string(file).unwrap().parse().unwrap();
        for site in settings["site"].as_array_mut().unwrap() {
            let site = site.as_table_mut().unwrap();
            site.insert("identity_envelope".to_owned(), true.into());
        }
        fs::write(file, toml::to_string(&settings).unwrap()).unwrap();
    }

    fn run_sites(&self) {
        let mut front = self.job.start_front().unwrap();
        for site in 0..self.job.deployment.sites.len() {
            self.job.run_gateway(site, &[]).unwrap().well().unwrap();
        }
        front.kill().unwrap();
    }

    fn pull(&self) -> Value {
        self.job.run_core(&["pull"]).unwrap().well().unwrap()
    }

    /// Everything that the run left, opened as far as all keys but the vault's open it.
    fn left(&self) -> Vec<e2e::Leftover> {
        let keys = self.job.deployment.root.join("keys");
        let sites = self.job.deployment.sites.iter();
        let sites: Vec<VerifyingKey> = sites
            .map(|site| key(&keys.join(&site.source.site).join("signing.pub")))
            .collect();
        let core: CoreSecretKey = key(&keys.join("core.key"));
        leftovers(&self.job.deployment.root, &core, &sites).unwrap()
    }

    fn open(&self, subject: &str, envelope: &Path, shares: [u8; 2], purpose: &str) -> Output {
        let share = |number: u8| self.vault.join(format!("share-{number}.key"));
        self.job
            .programs
            .collector()
            .args(["vault", "open", "--vault"])
            .arg(self.vault.join("vault.json"))
            .arg("--share")
            .arg(share(shares[0]))
            .arg("--share")
            .arg(share(shares[1]))
            .args(["--subject", subject, "--purpose", purpose])
            .arg("--envelope")
            .arg(envelope)
            .arg("--log")
            .arg(self.vault.join("vault.log"))
            .output()
            .unwrap()
    }
}

fn key<K: std::str::FromStr>(path: &Path) -> K {
    let text = fs::read_to_string(path).unwrap();
    text.trim().parse().ok().unwrap()
}

fn told(output: &Output) -> String {
    let both = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(both).unwrap()
}

fn envelopes(left: &[e2e::Leftover]) -> usize {
    let named = |file: &&e2e::Leftover| {
        let path = file.path.to_string_lossy();
        path.contains("/tables/Envelope/")
    };
    left.iter().filter(named).count()
}

/// Without the word of a contract there is no envelope, at the site, on the way or at the core.
#[test]
fn without_a_contract_that_says_so_there_is_no_envelope_anywhere() {
    let scene = Scene::new();
    scene.run_sites();
    scene.pull();
    let left = scene.left();
    assert_eq!(envelopes(&left), 0);
    let search = Search::new(&["SealedIdentity".to_owned()]).unwrap();
    let hits = left
        .iter()
        .flat_map(|file| &file.contents)
        .map(|it| search.hits(it));
    assert_eq!(hits.sum::<usize>(), 0);
}

/// A site that seals identities without the core's knowing of such a contract is refused.
#[test]
fn envelopes_that_the_core_s_contract_does_not_know_are_refused() {
    let scene = Scene::new();
    scene.sites_agree();
    scene.run_sites();
    let report = scene.pull();
    let refused = report.pointer("/pull/refused/identity_envelope_not_agreed");
    assert!(refused.and_then(Value::as_u64) > Some(0), "{report}");
    assert_eq!(envelopes(&scene.left()), 0);
}

/// Two holders open what one cannot; nothing else that a run leaves names anybody; each opening is
/// in the log.
#[test]
fn two_holders_open_one_envelope_and_nobody_else_learns_a_name() {
    let scene = Scene::new();
    scene.sites_agree();
    scene.core_agrees();
    scene.run_sites();
    scene.pull();
    let left = scene.left();
    assert!(envelopes(&left) > 0);
    let identifiers = Search::new(&scene.truth.identifiers).unwrap();
    for file in &left {
        for content in &file.contents {
            assert_eq!(identifiers.hits(content), 0, "{}", file.path.display());
        }
    }
    let registrations = scene.truth.persons.iter().flat_map(|it| &it.registrations);
    let patient = registrations
        .clone()
        .find(|it| it.hospital == 0 && it.may_leave())
        .unwrap();
    let deployment = &scene.job.deployment;
    let reference = deployment.subject(0, &patient.chart_number).unwrap();
    let subject = format!("{}:{reference}", deployment.sites[0].source.site);
    let envelope = scene.vault.join("one.envelope");
    let exported = scene.job.run_core(&[
        "export-envelope",
        "--subject",
        &subject,
        "--out",
        envelope.to_str().unwrap(),
    ]);
    let exported = exported.unwrap();
    assert!(exported.status.success(), "{}", exported.told);
    for (shares, purpose, code) in [([1, 1], "audit", "V002"), ([1, 2], " ", "V006")] {
        let refused = scene.open(&subject, &envelope, shares, purpose);
        assert!(
            !refused.status.success() && told(&refused).contains(code),
            "{}",
            told(&refused)
        );
    }
    let opened = scene.open(&subject, &envelope, [3, 1], "audit 2026-3");
    assert!(opened.status.success(), "{}", told(&opened));
    let shown = told(&opened);
    assert!(shown.contains(&patient.chart_number), "{shown}");
    let mut names = patient.names.iter().chain(&patient.kana);
    assert!(names.any(|name| shown.contains(&name.family)), "{shown}");
    // Somebody else's envelope does not open under this name.
    let other = registrations
        .clone()
        .find(|it| it.hospital == 0 && it.may_leave() && it.chart_number != patient.chart_number)
        .unwrap();
    let other = deployment.subject(0, &other.chart_number).unwrap();
    let other = format!("{}:{other}", deployment.sites[0].source.site);
    let refused = scene.open(&other, &envelope, [1, 2], "audit");
    assert!(told(&refused).contains("V005"), "{}", told(&refused));
    let log = fs::read_to_string(scene.vault.join("vault.log")).unwrap();
    for (outcome, count) in [("\"opening\"", 2), ("\"opened\"", 1), ("\"refused\"", 1)] {
        assert_eq!(log.matches(outcome).count(), count, "{log}");
    }
    assert_eq!(identifiers.hits(log.as_bytes()), 0);
    // A second run finds everybody as sealed before.
    scene.run_sites();
    assert_eq!(
        scene
            .pull()
            .pointer("/pull/accepted")
            .and_then(Value::as_u64),
        Some(0)
    );
}
