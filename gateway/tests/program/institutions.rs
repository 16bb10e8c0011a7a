//! several institutions on one appliance, with the real program. Chart numbers are the same
//! everywhere and the persons are not; nothing of one institution may show up at another.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use envelope::CoreSecretKey;
use privacy::separate::subject_ref;
use record::ChartNumber;

use crate::appliance::{Appliance, Institution, PATIENTS, chart, stopped};

/// How many institutions take part; the environment may ask for more.
fn institutions() -> usize {
    let asked = std::env::var("SEKISHO_TEST_INSTITUTIONS").ok();
    asked.and_then(|number| number.parse().ok()).unwrap_or(5)
}

/// What an institution's queue holds: references and tokens.
#[derive(Default)]
struct Sealed {
    subjects: BTreeSet<String>,
    secrets: BTreeSet<Vec<u8>>,
}

impl Institution {
    fn sealed(&self, core: &CoreSecretKey) -> Sealed {
        let mut sealed = Sealed::default();
        for bytes in batches(&self.state) {
            let opened = envelope::open(&bytes, &self.signing.public(), core).unwrap();
            for subject in opened.subjects {
                sealed.subjects.insert(subject.subject.to_string());
                sealed.secrets.insert(subject.subject.as_bytes().to_vec());
                for document in &subject.documents {
                    sealed.secrets.insert(document.document.as_bytes().to_vec());
                }
                for token in subject.tokens.exact.values().flatten() {
                    sealed.secrets.insert(token.as_bytes().to_vec());
                }
            }
        }
        sealed
    }

    fn reference(&self, patient: u32) -> String {
        let chart = ChartNumber::new(&chart(patient)).unwrap();
        subject_ref(&chart, &self.site_key).to_string()
    }
}

fn batches(state: &Path) -> Vec<Vec<u8>> {
    let spool = fs::read_dir(state.join("spool")).unwrap();
    spool
        .map(|entry| fs::read(entry.unwrap().path()).unwrap())
        .collect()
}

/// Every run of sixteen bytes in the files below a folder.
fn sixteens(folder: &Path, into: &mut BTreeSet<[u8; 16]>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sixteens(&path, into);
        } else {
            let bytes = fs::read(&path).unwrap();
            into.extend(
                bytes
                    .windows(16)
                    .map(|run| <[u8; 16]>::try_from(run).unwrap()),
            );
        }
    }
}

#[test]
fn nothing_of_one_institution_shows_up_at_another() {
    let number = institutions();
    let (appliance, institutions) = Appliance::new(number);
    let (status, told) = appliance.run();
    assert_eq!(status, 0, "{told}");
    let sealed: Vec<Sealed> = institutions
        .iter()
        .map(|it| it.sealed(&appliance.core))
        .collect();
    for (index, (institution, own)) in institutions.iter().zip(&sealed).enumerate() {
        // A stop at one institution withholds there and nowhere else.
        let expected: BTreeSet<String> = (0..PATIENTS)
            .filter(|patient| *patient != stopped(index))
            .map(|patient| institution.reference(patient))
            .collect();
        assert_eq!(own.subjects, expected, "institution {index}");
        let report = appliance.report(&format!("HOSP-{index:04}.json"));
        assert_eq!(report["withheld"]["stopped"]["persons"], 1);
    }
    // No reference or token stands in two institutions' batches, nor anywhere in another's folder.
    let mut owners: BTreeMap<&[u8], usize> = BTreeMap::new();
    for (index, own) in sealed.iter().enumerate() {
        for secret in &own.secrets {
            let other = owners.insert(secret, index);
            assert_eq!(other, None, "institutions {index} and {other:?}");
        }
    }
    for (index, institution) in institutions.iter().enumerate().take(20) {
        let mut runs = BTreeSet::new();
        sixteens(&institution.state, &mut runs);
        for (secret, owner) in &owners {
            let start = secret.first_chunk::<16>().unwrap();
            assert!(
                *owner == index || !runs.contains(start),
                "{owner} at {index}"
            );
        }
    }
    // Each batch is signed by its own institution and by no other.
    let other = institutions.get(1).unwrap().signing.public();
    for bytes in batches(&institutions[0].state) {
        assert!(envelope::open(&bytes, &other, &appliance.core).is_err());
    }
    for patient in 0..PATIENTS {
        assert!(!told.contains(&chart(patient)), "a number was told");
    }
}

/// What one institution runs into is told by the exit status and does not stop the others.
#[test]
fn an_institution_that_fails_or_is_refused_does_not_stop_the_others() {
    let (appliance, institutions) = Appliance::new(5);
    fs::write(appliance.path("1/stops.csv"), "not a list\n").unwrap();
    fs::write(appliance.path("settings/0002.toml"), "site = 1\n").unwrap();
    let shared = appliance.settings(4).replace("/4/state", "/3/state");
    fs::write(appliance.path("settings/0004.toml"), shared).unwrap();
    let (status, told) = appliance.run();
    assert_eq!(status, 1, "{told}");
    assert!(
        told.contains("G030") && told.contains("0001, 0002, 0003, 0004"),
        "{told}"
    );
    let own = institutions[0].sealed(&appliance.core);
    assert_eq!(own.subjects.len() as u32, PATIENTS - 1);
    let summary = appliance.report("summary.json");
    let told: Vec<_> = summary
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["status"].as_u64().unwrap(), it["problem"].as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (0, None),
            (1, None),
            (1, Some("G001")),
            (1, Some("G032")),
            (1, Some("G032")),
        ]
    );
    let report = appliance.report("HOSP-0001.json");
    assert_eq!(report["problem"], "G006");
    for number in [2, 3, 4] {
        assert!(!appliance.path(&format!("{number}/state")).exists());
    }
}

/// A place holds a patient number: it is never given to a pipe.
#[test]
fn a_place_is_shown_on_a_screen_only() {
    let (appliance, _) = Appliance::new(1);
    let output = Command::new(env!("CARGO_BIN_EXE_sekisho-gateway"))
        .args(["find", "p-00000000000000000000000000000000", "--config"])
        .arg(appliance.path("settings/0000.toml"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("G036"));
}
