//! Stop orders of the centre, with the real programs: made at the core, served by the front,
//! applied by the gateway, confirmed, and followed by erasure and its confirmation (B-011, O-13).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod stops;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use harness::job::Job;
use harness::scene::truth;
use rusqlite::Connection;
use serde_json::Value;
use stops::{SITE, candidates, core, gateways, job, subjects};

fn by_number(number: &str) -> String {
    format!("requester = \"self\"\nverification = \"known\"\nchart = \"{number}\"\n")
}

/// Where the letter of a number lies for the front.
fn letter(job: &Job, number: u64) -> PathBuf {
    let site = &job.deployment.sites[SITE].source.site;
    let name = format!("outbox/{site}/{number:012}.letter");
    job.deployment.root.join(name)
}

/// Fetches and answers letters without a run.
fn orders_at_site(job: &Job) -> String {
    let mut front = job.start_front().unwrap();
    let ended = job.run_orders(SITE).unwrap();
    front.kill().unwrap();
    assert!(ended.status.success(), "{}", ended.told);
    ended.told
}

/// The states of the core's orders after it took what devices answered.
fn states(job: &Job) -> Vec<String> {
    core(job, &["letters"]);
    let orders = job.orders().unwrap();
    let states = orders.as_array().unwrap().iter();
    states
        .map(|order| order["state"].as_str().unwrap().to_owned())
        .collect()
}

/// Makes every letter older than it is, as if the device had been away for so long.
fn age(job: &Job, hours: i64) {
    let catalogue = Connection::open(job.deployment.core_state.join("catalogue.sqlite")).unwrap();
    let older = "UPDATE letter SET made_at = made_at - ?1";
    catalogue.execute(older, [hours * 3600]).unwrap();
}

fn persons(subjects: &[String]) -> BTreeSet<&String> {
    subjects.iter().collect()
}

/// B-011, B-004: from the desk at the centre to the last word about the erasure.
#[test]
fn an_order_stops_a_person_everywhere_and_both_sides_learn_that_it_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(folder.path(), 41, None);
    gateways(&job);
    core(&job, &["run", "--release", "early"]);
    let all = subjects(&job);
    let number = candidates(&job, &all).swap_remove(2);
    let person = job.deployment.subject(SITE, &number).unwrap().to_string();
    assert!(all.contains(&person));

    let name = job.order_stop(SITE, &by_number(&number), &[]).unwrap();
    assert_eq!(states(&job), ["waiting"]);
    assert!(letter(&job, 1).exists());
    let report = gateways(&job);
    assert_eq!(report["letters"]["orders"], 1);
    assert_eq!(report["letters"]["answers"], 1);
    assert_eq!(report["erasures_sealed"], 1);
    core(&job, &["run", "--release", "late"]);
    let left = subjects(&job);
    assert!(!left.contains(&person));
    assert_eq!(persons(&left).len() + 1, persons(&all).len());
    assert_eq!(states(&job), ["stopped"]);
    assert!(!letter(&job, 1).exists());
    // The centre's word on the erasure is letter 2.
    assert!(letter(&job, 2).exists());
    let report = gateways(&job);
    assert_eq!(report["letters"]["erasures_confirmed"], 1);
    core(&job, &["letters"]);
    assert!(!letter(&job, 2).exists());
    let quiet = gateways(&job);
    assert_eq!(quiet["letters"]["answers"], 0);
    assert_eq!(quiet["letters"]["missing"], 0);

    // Neither name nor number of the person is in any log or report.
    for entry in fs::read_dir(&job.deployment.root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let text = fs::read(&path).unwrap();
            let found = text.windows(number.len()).any(|it| it == number.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
    assert!(name.starts_with("S-"));
}

/// A stop for a person unknown at the device: reported back, and in force when they come.
#[test]
fn an_order_for_somebody_unknown_is_reported_and_takes_effect_when_they_appear() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(folder.path(), 42, None);
    let notices = fs::read_to_string(&job.deployment.sites[SITE].source.notices).unwrap();
    let storage = job.deployment.sites[SITE].source.storage.clone();
    let of = |number: &str| {
        let part = |from: usize, to: usize| number.get(from..to).unwrap().to_owned();
        storage.join(part(0, 3)).join(part(3, 6)).join(number)
    };
    let mut told = notices
        .lines()
        .skip(1)
        .filter_map(|it| it.split(',').next());
    let number = told.find(|number| of(number).exists()).unwrap().to_owned();
    let away = folder.path().join("away");
    fs::rename(of(&number), &away).unwrap();
    let person = job.deployment.subject(SITE, &number).unwrap().to_string();

    gateways(&job);
    job.order_stop(SITE, &by_number(&number), &[]).unwrap();
    orders_at_site(&job);
    assert_eq!(states(&job), ["no_match"]);
    fs::rename(&away, of(&number)).unwrap();
    let report = gateways(&job);
    assert_eq!(report["erasures_sealed"], 0);
    core(&job, &["run"]);
    assert!(!subjects(&job).contains(&person));
    orders_at_site(&job);
    assert_eq!(states(&job), ["stopped"]);
}

/// One order twice, and letters that nobody may take: each refused by its name, nothing applied.
#[test]
fn orders_that_come_twice_or_from_strangers_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(folder.path(), 43, None);
    gateways(&job);
    core(&job, &["run"]);
    let all = subjects(&job);
    let numbers = candidates(&job, &all);
    job.order_stop(SITE, &by_number(&numbers[0]), &[]).unwrap();
    let first = fs::read(letter(&job, 1)).unwrap();
    orders_at_site(&job);
    // The same once more before the core has taken the answer.
    orders_at_site(&job);
    assert_eq!(states(&job), ["stopped"]);
    // The same request made anew is an order of its own.
    job.order_stop(SITE, &by_number(&numbers[0]), &[]).unwrap();
    orders_at_site(&job);
    assert_eq!(states(&job), ["stopped", "stopped"]);

    // An order for another site, one that is changed, one under a number that was used.
    job.order_stop(1, &by_number(&numbers[1]), &[]).unwrap();
    let other = &job.deployment.sites[1].source.site;
    let other = job
        .deployment
        .root
        .join(format!("outbox/{other}/000000000001.letter"));
    let foreign = fs::read(other).unwrap();
    let mut forged = first.clone();
    *forged.last_mut().unwrap() ^= 1;
    for (number, bytes, code) in [
        (1, &foreign, "L012"),
        (7, &foreign, "L004"),
        (7, &forged, "L005"),
        (7, &first, "L012"),
        (7, &b"SEKISHL\x01".to_vec(), "L001"),
    ] {
        fs::write(letter(&job, number), bytes).unwrap();
        let report = gateways(&job);
        fs::remove_file(letter(&job, number)).unwrap();
        assert_eq!(
            report["letters"]["refused"][code], 1,
            "{number} {code}: {report}"
        );
        assert_eq!(report["letters"]["orders"], 0, "{code}");
    }
    core(&job, &["run", "--release", "late"]);
    let left = subjects(&job);
    assert_eq!(persons(&left).len() + 1, persons(&all).len());
}

/// O-13: the device is away for 25 hours. Nothing more is taken from the site, no data set is made
/// with it, and everything goes on when the confirmation is there.
#[test]
fn an_order_without_confirmation_for_25_hours_holds_the_site_back() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(folder.path(), 44, None);
    let mut front = job.start_front().unwrap();
    for site in [0, 1] {
        job.run_gateway(site, &[]).unwrap().well().unwrap();
    }
    front.kill().unwrap();
    core(&job, &["pull"]);
    core(&job, &["link"]);
    let all = subjects(&job);
    let number = candidates(&job, &all).swap_remove(1);
    let person = job.deployment.subject(SITE, &number).unwrap().to_string();
    // What another version of the program, which knows no letters, would send.
    job.order_stop(SITE, &by_number(&number), &[]).unwrap();
    let config = &job.deployment.sites[SITE].config;
    let settings = fs::read_to_string(config).unwrap();
    let (start, rest) = settings.split_once("[letters]").unwrap();
    let rest = rest.find("\n[").map_or("", |at| rest.get(at..).unwrap());
    fs::write(config, format!("{start}{rest}")).unwrap();
    remove_a_document(&job);
    gateways(&job);
    age(&job, 25);
    let report = job.run_core(&["run", "--release", "without"]).unwrap();
    let report = report.well().unwrap();
    assert_eq!(report["pull"]["accepted"], 0);
    assert!(report["pull"]["waiting"]["stop_order_unconfirmed"].as_u64() > Some(0));
    let site = job.deployment.sites[SITE].source.site.clone();
    assert_eq!(report["status"]["sites_held_back"][0], site);
    assert_eq!(job.orders().unwrap()[0]["state"], "overdue");
    let without = report["make"]["persons_in"].as_u64().unwrap();

    // The device comes back, with the order in force before anything else is sent.
    fs::write(config, settings).unwrap();
    gateways(&job);
    let report = job.run_core(&["run", "--release", "with"]).unwrap();
    let report = report.well().unwrap();
    assert!(report["pull"]["accepted"].as_u64() > Some(0), "{report}");
    assert_eq!(
        report["status"]["sites_held_back"],
        Value::Array(Vec::new())
    );
    assert!(report["make"]["persons_in"].as_u64() > Some(without));
    assert!(!subjects(&job).contains(&person));
    assert_eq!(states(&job), ["stopped"]);
}

/// Takes back one document at the source, so that the next run has something to send.
fn remove_a_document(job: &Job) {
    let mut folders = vec![job.deployment.sites[SITE].source.storage.clone()];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        entries.sort();
        for path in entries {
            let name = path.file_name().unwrap().to_str().unwrap();
            let document = name.contains("_OML-11_") || name.contains("_OMP-");
            if path.is_dir() {
                folders.push(path);
            } else if let Some(rest) = name.strip_suffix("_1").filter(|_| document) {
                fs::rename(&path, path.with_file_name(format!("{rest}_0"))).unwrap();
            }
        }
    }
}

/// B-011: an order that could mean two persons holds both, and tells the centre so.
#[test]
fn an_order_that_could_mean_two_persons_holds_both() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(folder.path(), 45, None);
    gateways(&job);
    core(&job, &["run"]);
    let all = subjects(&job);
    let numbers = candidates(&job, &all);
    let truth = truth(&folder.path().join("town")).unwrap();
    let other = truth
        .persons
        .iter()
        .flat_map(|person| person.registrations.iter().map(move |it| (person, it)))
        .find(|(_, it)| {
            it.hospital == 0
                && !it.kana.is_empty()
                && it.chart_number != numbers[0]
                && numbers.contains(&it.chart_number)
        })
        .map(|(_, it)| it)
        .unwrap();
    // The number of one person, the name and birthday of another.
    let kana = other.kana.last().unwrap();
    let entered = format!(
        "{}kana = \"{} {}\"\nbirth = \"{}\"\n",
        by_number(&numbers[0]),
        kana.family,
        kana.given,
        other.birth_date
    );
    job.order_stop(SITE, &entered, &[]).unwrap();
    let report = gateways(&job);
    assert_eq!(report["letters"]["orders"], 1);
    assert_eq!(report["erasures_sealed"], 0);
    assert!(report["withheld"]["decision_pending"]["persons"].as_u64() >= Some(2));
    assert_eq!(states(&job), ["held"]);
    assert!(job.orders().unwrap()[0]["held"].as_u64() >= Some(2));
}

/// The gateway and the core are killed at many moments of the way of an order; in the end the
/// person is nowhere and nobody else is missing.
#[test]
fn kills_on_the_way_of_an_order_lose_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let calm = job(&folder.path().join("calm"), 46, None);
    gateways(&calm);
    core(&calm, &["run"]);
    let all = subjects(&calm);
    let numbers = candidates(&calm, &all);
    for (round, wait) in [0, 4, 9, 15, 24, 40].into_iter().enumerate() {
        let job = job(
            &folder.path().join(format!("rough-{round}")),
            46,
            Some(&calm),
        );
        let number = &numbers[round % numbers.len()];
        let person = job.deployment.subject(SITE, number).unwrap().to_string();
        if round % 2 == 0 {
            gateways(&job);
            core(&job, &["run"]);
        }
        job.order_stop(SITE, &by_number(number), &[]).unwrap();
        // A core that was killed after its catalogue and before its outbox.
        fs::remove_file(letter(&job, 1)).unwrap();
        core(&job, &["letters"]);
        let mut front = job.start_front().unwrap();
        for again in 0..4 {
            let mut gateway = job.start_gateway(SITE, &[]).unwrap();
            sleep(Duration::from_millis(wait + again * 11));
            gateway.kill().unwrap();
        }
        front.kill().unwrap();
        gateways(&job);
        core(&job, &["run", "--release", "late"]);
        let left = subjects(&job);
        assert!(!left.contains(&person), "round {round}");
        let expected: BTreeSet<_> = all.iter().filter(|it| **it != person).collect();
        assert!(persons(&left) == expected, "round {round}");
        gateways(&job);
        assert_eq!(states(&job), ["stopped"], "round {round}");
    }
}
