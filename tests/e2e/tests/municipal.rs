//! Numbers that a municipality gives its residents, through the real programs: they join records
//! that no name joins, within the municipality alone, and never leave.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::path::Path;

use e2e::{Search, leftovers};
use encoding_rs::ISO_2022_JP;
use envelope::{CoreSecretKey, VerifyingKey};
use harness::deployment::{Deployment, SiteSource};
use harness::job::Job;
use harness::process::Programs;
use harness::scene::today;
use serde_json::Value;

/// The site, its patient, and the key of which municipality it was given.
const SITES: [(&str, &str, u8); 3] = [
    ("CITY-HOSPITAL", "0000000001", 1),
    ("CITY-CLINIC", "0000000002", 1),
    ("OTHER-TOWN", "0000000003", 2),
];
const RESIDENT: &str = "0048151623";

/// One woman before and after she married and moved, and another of her given name and birthday in
/// a town that numbers its residents alike.
fn write_patient(storage: &Path, (site, chart, _): (&str, &str, u8)) {
    let (kanji, kana, postal) = match site {
        "CITY-HOSPITAL" => ("津軽^花子", "ツガル^ハナコ", "0360001"),
        "CITY-CLINIC" => ("南部^花子", "ナンブ^ハナコ", "0300001"),
        _ => ("最上^花子", "モガミ^ハナコ", "9900001"),
    };
    let text = format!(
        "MSH|^~\\&|HIS|S|C|D|20260105101112||ADT^A08^ADT_A01|1|P|2.5||||||~ISO IR87||ISO 2022-1994\r\
         EVN||20260105\r\
         PID|1||{chart}^^^HOUSE~{RESIDENT}^^^CITY||{kanji}^^^^^L^I~{kana}^^^^^L^P||19800405|F|\
         ||^^^^{postal}^JPN^H\r"
    );
    let [first, second] = [chart.get(0..3), chart.get(3..6)].map(Option::unwrap);
    let folder = [first, second, chart, "-", "ADT-00"]
        .iter()
        .fold(storage.to_owned(), |path, part| path.join(part));
    fs::create_dir_all(&folder).unwrap();
    let name = format!("{chart}_-_ADT-00_999999999999999_20260105101112000_-_1");
    fs::write(folder.join(name), ISO_2022_JP.encode(&text).0).unwrap();
}

fn source(root: &Path, at: (&str, &str, u8)) -> SiteSource {
    let (site, chart, _) = at;
    let root = root.join(site);
    let storage = root.join("storage");
    write_patient(&storage, at);
    let [notices, stops] = ["notices.csv", "stops.csv"].map(|name| root.join(name));
    let header = "patient_id,notified_on,document_version,method\n";
    fs::write(
        &notices,
        format!("{header}{chart},2025-01-01,2024-12,posted\n"),
    )
    .unwrap();
    fs::write(&stops, "patient_id,requested_on,requester\n").unwrap();
    SiteSource {
        site: site.to_owned(),
        storage,
        notices,
        stops,
    }
}

fn number(report: &Value, pointer: &str) -> u64 {
    let number = report.pointer(pointer).and_then(Value::as_u64);
    number.unwrap_or_else(|| panic!("{pointer}: {report}"))
}

/// Tells a site which numbers are the municipality's, and gives it the key.
fn name_municipality(deployment: &Deployment, at: usize) {
    let key = deployment.root.join(format!("municipality-{at}.key"));
    let byte = SITES[at].2;
    let text = format!("sekisho-mac-v1:{}", format!("{byte:02x}").repeat(32));
    fs::write(&key, text).unwrap();
    let config = &deployment.sites[at].config;
    let settings = fs::read_to_string(config).unwrap();
    let section = format!(
        "\n[source.municipality]\nauthority = \"CITY\"\nkey = \"{}\"\n",
        key.display()
    );
    fs::write(config, settings + &section).unwrap();
}

/// A-071 within one municipality: without the setting such a file is set aside, because it could be
/// somebody else's.
#[test]
fn residents_are_joined_by_the_number_of_their_municipality_and_of_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let sources = SITES.map(|at| source(folder.path(), at));
    let deployment = Deployment::prepare(&folder.path().join("run"), &sources, today()).unwrap();
    let job = Job::new(deployment, Programs::beside_test().unwrap());
    let mut front = job.start_front().unwrap();

    let refused = job.run_gateway(0, &[]).unwrap().well().unwrap();
    assert_eq!(number(&refused, "/files/quarantined"), 1);
    assert_eq!(number(&refused, "/documents_sealed"), 0);
    for at in 0..SITES.len() {
        name_municipality(&job.deployment, at);
        let report = job.run_gateway(at, &[]).unwrap().well().unwrap();
        assert_eq!(number(&report, "/documents_sealed"), 1, "{report}");
    }
    front.kill().unwrap();
    job.run_core(&["pull"]).unwrap().well().unwrap();
    let linked = job.run_core(&["link"]).unwrap().well().unwrap();
    assert_eq!(number(&linked, "/link/subjects"), 3, "{linked}");
    assert_eq!(number(&linked, "/link/persons"), 2, "{linked}");

    let keys = job.deployment.root.join("keys");
    let read = |path: &Path| fs::read_to_string(path).unwrap().trim().to_owned();
    let core: CoreSecretKey = read(&keys.join("core.key")).parse().ok().unwrap();
    let sites = SITES.map(|(site, ..)| -> VerifyingKey {
        let text = read(&keys.join(site).join("signing.pub"));
        text.parse().ok().unwrap()
    });
    let search = Search::new(&[RESIDENT.to_owned(), "48151623".to_owned()]).unwrap();
    let left = leftovers(&job.deployment.root, &core, &sites).unwrap();
    assert!(left.len() > 20, "{}", left.len());
    for file in left {
        for content in &file.contents {
            assert_eq!(search.hits(content), 0, "{}", file.path.display());
        }
    }
}
