//! What houses write that must not leave, through the real programs: individual numbers, a filler
//! for every insurance card, patients in the names of tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::path::Path;

use e2e::{Search, leftovers};
use encoding_rs::ISO_2022_JP;
use envelope::{CoreSecretKey, Opened, VerifyingKey, open};
use harness::deployment::{Deployment, SiteSource};
use harness::job::Job;
use harness::process::Programs;
use harness::scene::today;
use privacy::tokens::TokenKind;
use serde_json::Value;

const SITE: &str = "HOUSE";
/// More than a household has, and more than a name of a code needs.
const PATIENTS: u32 = 24;
/// Individual numbers, with their check digits.
const NUMBERS: [&str; 3] = ["123456789018", "234567890121", "987654321093"];

fn chart(patient: u32) -> String {
    format!("{:010}", 4_000_001 + patient)
}

fn header(event: &str) -> String {
    format!(
        "MSH|^~\\&|HIS|SEND|GW|RCV|20260105101112||{event}|1|P|2.5||||||~ISO IR87||ISO 2022-1994\r"
    )
}

fn person(patient: u32) -> String {
    const GIVEN: [&str; 12] = [
        "愛", "恵", "桂", "幸", "咲", "沙", "静", "澄", "千", "菜", "波", "春",
    ];
    // Half of them are of one family.
    let family = [("山田", "ヤマダ"), ("鷺沼", "サギヌマ")][patient as usize % 2];
    format!(
        "PID|1||{}^^^^PI||{}^{}子^^^^^L^I~{}^{}コ^^^^^L^P||1950{:02}{:02}|F\r",
        chart(patient),
        family.0,
        GIVEN[patient as usize % 12],
        family.1,
        char::from_u32(0x30A2 + 2 * (patient % 12)).unwrap(),
        1 + patient % 12,
        1 + patient,
    )
}

fn write(storage: &Path, patient: u32, kind: &str, day: &str, order: u32, text: &str) {
    let chart = chart(patient);
    let part = |places| chart.get(places).unwrap();
    let folder = [part(0..3), part(3..6), &chart, day, kind]
        .iter()
        .fold(storage.to_owned(), |path, part| path.join(part));
    fs::create_dir_all(&folder).unwrap();
    let order = match day {
        "-" => "999999999999999".to_owned(),
        _ => format!("{order:015}"),
    };
    let name = format!("{chart}_{day}_{kind}_{order}_20260105101112000_01_1");
    fs::write(folder.join(name), ISO_2022_JP.encode(text).0).unwrap();
}

fn write_storage(storage: &Path) {
    for patient in 0..PATIENTS {
        let register = format!(
            "{}EVN||20260105\r{}IN1|1|C0^国保^JHSD0001|00138057|||||||12~1234567~01\r",
            header("ADT^A08^ADT_A01"),
            person(patient)
        );
        write(storage, patient, "ADT-00", "-", 0, &register);
        let own = person(patient);
        let own = own.split('|').nth(5).unwrap().replace('^', "");
        let own = own.split(['L', '~']).next().unwrap();
        let results = format!(
            "{}{}SPM|1|||023^血清^JC10\rOBR|1|||X01^生化学^99LAB|||20260105|||||||||D7^佐藤^一郎\r\
             OBX|1|NM|5C070^CRP^JC10^A01^CRP定量^99LAB||5.6|mg/dL|||||F\r\
             OBX|2|NM|5C070^CRP^JC10^A02^{own}様検査^99LAB||5.6|mg/dL|||||F\r\
             OBX|3|NM|5C070^CRP^JC10^A03^山田様セット^99LAB||5.6|mg/dL|||||F\r\
             OBX|4|NM|5C070^CRP^JC10^A04^佐藤医師指示^99LAB||5.6|mg/dL|||||F\r",
            header("OUL^R22^OUL_R22"),
            person(patient)
        );
        write(storage, patient, "OML-11", "20260105", patient, &results);
    }
    let note = |number: &str| {
        format!(
            "{}{}OBX|1|ST|5C070^備考^JC10||{number}\r",
            header("OUL^R22^OUL_R22"),
            person(0)
        )
    };
    let [first, second, third] = NUMBERS;
    let four = |from: usize| second.get(from..from + 4).unwrap();
    let grouped = format!("{}-{}-{}", four(0), four(4), four(8));
    for (order, text) in [(901, first), (902, &grouped), (903, third)] {
        write(storage, 0, "OML-11", "20260105", order, &note(text));
    }
}

fn source(root: &Path) -> SiteSource {
    let rows: String = (0..PATIENTS)
        .map(|patient| format!("{},2025-01-01,2024-12,posted\n", chart(patient)))
        .collect();
    let header = "patient_id,notified_on,document_version,method\n";
    let [notices, stops] = ["notices.csv", "stops.csv"].map(|name| root.join(name));
    fs::write(&notices, [header, &rows].concat()).unwrap();
    fs::write(&stops, "patient_id,requested_on,requester\n").unwrap();
    SiteSource {
        site: SITE.to_owned(),
        storage: root.join("storage"),
        notices,
        stops,
    }
}

fn key<K: std::str::FromStr>(path: &Path) -> K {
    fs::read_to_string(path)
        .unwrap()
        .trim()
        .parse()
        .ok()
        .unwrap()
}

fn batches(job: &Job, core: &CoreSecretKey, site: &VerifyingKey) -> Vec<Opened> {
    let mut found = Vec::new();
    let mut folders = vec![job.deployment.inbox.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(open(&fs::read(path).unwrap(), site, core).unwrap()),
            }
        }
    }
    found
}

/// B-132, B-111, B-074.
#[test]
fn numbers_fillers_and_names_in_codes_stay_at_the_house() {
    let folder = tempfile::tempdir().unwrap();
    write_storage(&folder.path().join("storage"));
    let source = source(folder.path());
    let deployment = Deployment::prepare(&folder.path().join("run"), &[source], today()).unwrap();
    let config = &deployment.sites[0].config;
    let settings = fs::read_to_string(config).unwrap();
    fs::write(config, format!("{settings}\n[dictionary]\nsend = true\n")).unwrap();
    let job = Job::new(deployment, Programs::beside_test().unwrap());
    let root = job.deployment.root.clone();

    let mut front = job.start_front().unwrap();
    let report = job.run_gateway(0, &[]).unwrap().well().unwrap();
    front.kill().unwrap();
    let pulled = job.run_core(&["pull"]).unwrap().well().unwrap();
    let number = |report: &Value, pointer: &str| {
        let number = report.pointer(pointer).and_then(Value::as_u64);
        number.unwrap_or_else(|| panic!("{pointer}: {report}"))
    };
    assert_eq!(number(&report, "/findings/F090"), NUMBERS.len() as u64);
    assert_eq!(number(&report, "/files/quarantined"), NUMBERS.len() as u64);
    assert_eq!(number(&report, "/findings/F094"), u64::from(PATIENTS));

    let keys = root.join("keys");
    let core: CoreSecretKey = key(&keys.join("core.key"));
    let site: VerifyingKey = key(&keys.join(SITE).join("signing.pub"));
    let opened = batches(&job, &core, &site);
    let subjects: Vec<_> = opened.iter().flat_map(|batch| &batch.subjects).collect();
    assert_eq!(subjects.len(), PATIENTS as usize);
    for subject in subjects {
        let exact = &subject.tokens.exact;
        assert!(exact.contains_key(&TokenKind::KanaBirthSex));
        let cards = [
            TokenKind::Insured,
            TokenKind::InsuredHousehold,
            TokenKind::InsuredNumber,
        ];
        assert!(cards.iter().all(|kind| !exact.contains_key(kind)));
    }
    let terms: Vec<_> = opened.iter().flat_map(|batch| &batch.terms).collect();
    let mut names: Vec<_> = terms.iter().map(|term| term.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["CRP定量", "生化学"]);
    assert_eq!(number(&pulled, "/pull/terms"), 2);

    let hidden: Vec<String> = NUMBERS
        .iter()
        .map(|number| (*number).to_owned())
        .chain(["様検査", "様セット", "佐藤医師", "鷺沼"].map(str::to_owned))
        .collect();
    let search = Search::new(&hidden).unwrap();
    let kept = Search::new(&["CRP定量".to_owned()]).unwrap();
    let left = leftovers(&root, &core, &[site]).unwrap();
    let mut told = 0;
    for file in &left {
        for content in &file.contents {
            assert_eq!(search.hits(content), 0, "{}", file.path.display());
            told += usize::from(kept.hits(content) > 0);
        }
    }
    assert!(told >= 2, "in the batch and in the catalogue of the core");
}
