//! A fleet whose devices have no key of linkage tokens, with the real programs (B-116, B-117).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::TcpListener;
use std::path::Path;

use harness::job::{Ended, Job};
use harness::process::Programs;
use harness::scene::town_with_deployment;
use serde_json::Value;
use tempfile::TempDir;

fn town(persons: u32) -> (TempDir, Job) {
    let folder = tempfile::tempdir().unwrap();
    let (_, deployment) = town_with_deployment(folder.path(), 11, persons).unwrap();
    (
        folder,
        Job::new(deployment, Programs::beside_test().unwrap()),
    )
}

fn number(report: &Value, pointer: &str) -> u64 {
    let number = report.pointer(pointer).and_then(Value::as_u64);
    number.unwrap_or_else(|| panic!("{pointer}: {report}"))
}

/// Runs both sites and the core, and gives what linkage found.
fn linked(job: &Job) -> Value {
    let mut front = job.start_front().unwrap();
    for site in 0..job.deployment.sites.len() {
        job.run_gateway(site, &[]).unwrap().well().unwrap();
    }
    front.kill().unwrap();
    job.run_core(&["pull"]).unwrap().well().unwrap();
    let report = job.run_core(&["link"]).unwrap().well().unwrap();
    report.pointer("/link").unwrap().clone()
}

/// B-117: two sites without a key link as two sites with one: the same persons by the same rules,
/// near names and wrong days among them.
#[test]
fn sites_without_a_key_link_the_same_persons_as_sites_with_one() {
    let (_held, held) = town(400);
    let expected = linked(&held);
    assert!(number(&expected, "/persons_at_several_sites") > 10);
    assert!(expected.pointer("/links/near_name").is_some(), "{expected}");
    let (_oblivious, job) = town(400);
    job.deployment.go_oblivious().unwrap();
    let mut service = job.start_evaluate().unwrap();
    assert_eq!(linked(&job), expected);
    service.kill().unwrap();
    let log = fs::read_to_string(job.deployment.root.join("evaluate.log")).unwrap();
    assert!(log.contains("\"points\""), "{log}");
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(fs::read(path).unwrap()),
            }
        }
    }
    found
}

/// The memory of a process, as far as it may be written.
fn memory(process: u32) -> Vec<Vec<u8>> {
    let folder = Path::new("/proc").join(process.to_string());
    let maps = fs::read_to_string(folder.join("maps")).unwrap();
    let mut memory = fs::File::open(folder.join("mem")).unwrap();
    let mut found = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, rest) = line.split_once('-').unwrap();
        let (end, _) = rest.split_once(' ').unwrap();
        let [start, end] = [start, end].map(|it| u64::from_str_radix(it, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        let read = memory.seek(SeekFrom::Start(start));
        if read.and_then(|_| memory.read_exact(&mut bytes)).is_ok() {
            found.push(bytes);
        }
    }
    found
}

/// A key as its file has it, and as bytes.
fn forms_of_key(file: &Path) -> [Vec<u8>; 2] {
    let text = fs::read_to_string(file).unwrap();
    let (_, digits) = text.trim().split_once(':').unwrap();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let bytes = digits.as_bytes().chunks(2).map(byte).collect();
    [digits.as_bytes().to_vec(), bytes]
}

fn holds(contents: &[Vec<u8>], key: &[Vec<u8>; 2]) -> bool {
    let finder = aho_corasick::AhoCorasick::new(key).unwrap();
    contents.iter().any(|content| finder.is_match(content))
}

/// The memory of one site's gateway while it waits for a front that does not answer.
fn memory_of_gateway(job: &Job) -> Vec<Vec<u8>> {
    let silent = TcpListener::bind(job.deployment.address).unwrap();
    let mut running = job.start_gateway(0, &[]).unwrap();
    let sealed = |job: &Job| {
        let log = fs::read_to_string(job.gateway_log(0).unwrap()).unwrap_or_default();
        log.contains("\"message\":\"sealed\"")
    };
    for _ in 0..600 {
        if sealed(job) || running.ended().unwrap().is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(sealed(job), "the gateway sealed nothing");
    let memory = memory(running.id());
    running.kill().unwrap();
    drop(silent);
    memory
}

/// B-116, B-117: nothing on a device's disk, and nothing in the memory of its running gateway, is a
/// key of the nation. With a key at hand the same search finds it.
#[test]
fn neither_the_disk_nor_the_memory_of_a_device_holds_the_national_key() {
    let (_held, held) = town(40);
    let key = forms_of_key(&held.deployment.root.join("keys/token.key"));
    assert!(holds(&memory_of_gateway(&held), &key));

    let (_oblivious, job) = town(40);
    let root = &job.deployment.root;
    let shared = forms_of_key(&root.join("keys/token.key"));
    job.deployment.go_oblivious().unwrap();
    let served = forms_of_key(&root.join("evaluate/epoch-1.key"));
    let _service = job.start_evaluate().unwrap();
    let memory = memory_of_gateway(&job);
    // The search sees what the process has: its own site key.
    let own = root.join("keys").join(&job.deployment.sites[0].source.site);
    assert!(holds(&memory, &forms_of_key(&own.join("site.key"))));
    let disk = [files(&root.join("sites")), files(&root.join("keys"))].concat();
    for key in [&shared, &served] {
        assert!(!holds(&memory, key) && !holds(&disk, key));
    }
}

fn report(ended: &Ended) -> &Value {
    ended
        .report
        .as_ref()
        .unwrap_or_else(|| panic!("{}", ended.told))
}

/// Says that a run ended by a problem with its new records waiting.
fn waits(ended: &Ended, code: &str, status: i32) {
    assert_eq!(ended.status.code(), Some(status), "{}", ended.told);
    assert!(ended.told.contains(code), "{}", ended.told);
    assert!(
        number(report(ended), "/patients/unkeyed") > 0,
        "{}",
        ended.told
    );
}

fn last_run(job: &Job) -> Value {
    let kept = job.deployment.sites[0].state.join("last-run.json");
    serde_json::from_slice(&fs::read(kept).unwrap()).unwrap()
}

/// B-117: without the service nothing new leaves and nothing is lost; what was sealed before goes
/// out; whoever waited is sent by the next run.
#[test]
fn without_the_service_new_records_wait_and_what_was_sealed_is_sent() {
    let (_folder, job) = town(30);
    job.deployment.go_oblivious().unwrap();
    let mut front = job.start_front().unwrap();
    let ended = job.run_gateway(0, &[]).unwrap();
    waits(&ended, "G070", 75);
    assert_eq!(number(report(&ended), "/batches/sealed"), 0);
    assert_eq!(number(report(&ended), "/patients/passed"), 0);
    // The page shows it by its code.
    assert_eq!(last_run(&job)["problem"], "G070");

    let mut service = job.start_evaluate().unwrap();
    let held = job.run_gateway(0, &["--hold"]).unwrap().well().unwrap();
    let sealed = number(&held, "/batches/sealed");
    assert!(sealed > 0 && number(&held, "/batches/sent") == 0);
    service.kill().unwrap();
    // A change of the epoch has everybody keyed anew, and the service is gone.
    let next = job.deployment.root.join("keys/evaluation-2.pub");
    let next = next.to_str().unwrap();
    job.deployment
        .change_sites(|settings| {
            let keys = settings["keys"].as_table_mut().unwrap();
            keys.insert("token".to_owned(), next.into());
            keys.insert("token_epoch".to_owned(), toml::Value::Integer(2));
        })
        .unwrap();
    let ended = job.run_gateway(0, &[]).unwrap();
    waits(&ended, "G070", 75);
    assert_eq!(number(report(&ended), "/batches/sent"), sealed);
    assert_eq!(number(report(&ended), "/batches/waiting"), 0);

    let mut service = job.start_evaluate().unwrap();
    let after = job.run_gateway(0, &[]).unwrap().well().unwrap();
    assert!(number(&after, "/batches/sent") > 0);
    assert_eq!(number(&after, "/patients/unkeyed"), 0);
    assert_eq!(last_run(&job)["problem"], Value::Null);
    service.kill().unwrap();
    front.kill().unwrap();
}

/// B-117: a service with another key than the settings pin is found out, and needs a person.
#[test]
fn a_service_with_another_key_is_refused_and_nothing_is_sealed() {
    let (_folder, job) = town(30);
    job.deployment.go_oblivious().unwrap();
    let root = &job.deployment.root;
    fs::copy(
        root.join("keys/evaluation-2.pub"),
        root.join("keys/evaluation-1.pub"),
    )
    .unwrap();
    let mut front = job.start_front().unwrap();
    let mut service = job.start_evaluate().unwrap();
    let ended = job.run_gateway(0, &[]).unwrap();
    waits(&ended, "G074", 1);
    assert_eq!(number(report(&ended), "/batches/sealed"), 0);
    service.kill().unwrap();
    front.kill().unwrap();
}

/// B-116: a site gets as many evaluations as it may, over a restart of the service too; the rest
/// waits.
#[test]
fn a_site_that_asks_too_much_gets_no_more() {
    let (_folder, job) = town(400);
    job.deployment.go_oblivious().unwrap();
    let config = &job.deployment.evaluate.config;
    let settings = fs::read_to_string(config).unwrap();
    fs::write(config, settings + "[limits]\nevaluations_per_day = 1000\n").unwrap();
    let mut front = job.start_front().unwrap();
    // What is left after a question that is too large serves smaller ones; restarts give nothing.
    let mut sealed = Vec::new();
    while sealed.last() != Some(&0) {
        let mut service = job.start_evaluate().unwrap();
        let ended = job.run_gateway(0, &[]).unwrap();
        waits(&ended, "G071", 75);
        sealed.push(number(report(&ended), "/documents_sealed"));
        service.kill().unwrap();
        assert!(sealed.len() < 6, "it never ends: {sealed:?}");
    }
    assert!(sealed[0] > 0, "{sealed:?}");
    front.kill().unwrap();
}

/// A service that takes a question and never answers is left within its time.
#[test]
fn a_service_that_does_not_answer_is_given_up_in_time() {
    let (_folder, job) = town(30);
    job.deployment.go_oblivious().unwrap();
    job.deployment
        .change_sites(|settings| {
            let service = settings["evaluation"].as_table_mut().unwrap();
            service.insert("timeout_seconds".to_owned(), toml::Value::Integer(1));
        })
        .unwrap();
    let silent = TcpListener::bind(job.deployment.evaluate.address).unwrap();
    let mut front = job.start_front().unwrap();
    let ended = job.run_gateway(0, &[]).unwrap();
    waits(&ended, "G070", 75);
    front.kill().unwrap();
    drop(silent);
}
