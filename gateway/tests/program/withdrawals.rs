//! Withdrawals, from renamed files to sealed batches.

use std::fs;
use std::path::PathBuf;

use record::{DocumentRef, DocumentState};

use crate::appliance::{Appliance, Institution, PATIENTS, chart};

const VISIT: &str = "20260105101112000";

/// One institution with one visit of a patient whom nobody stops.
struct Bench {
    appliance: Appliance,
    institution: Institution,
    folder: PathBuf,
}

/// What a batch says of the patient's visits.
type Said = Vec<(DocumentRef, DocumentState)>;

impl Bench {
    fn new() -> Self {
        let (appliance, mut institutions) = Appliance::new(1);
        let chart = chart(1);
        let folder = appliance
            .path("0/storage")
            .join(&chart[..3])
            .join(&chart[3..6])
            .join(&chart)
            .join("20260105/ADT-12");
        fs::create_dir_all(&folder).unwrap();
        Self {
            appliance,
            institution: institutions.remove(0),
            folder,
        }
    }

    fn file(&self, time: &str, flag: u8) -> PathBuf {
        let name = format!("{}_20260105_ADT-12_7_{time}_01_{flag}", chart(1));
        self.folder.join(name)
    }

    fn write(&self, time: &str, flag: u8, event: &str) {
        let text = format!(
            "MSH|^~\\&|HIS|H|GW|H|20260105101112||ADT^{event}^ADT_A01|1|P|2.5\r\
             PID|||{}^^^^PI||^^^^^^L^I||19500101|M\r\
             PV1||O|01|||||||||||||||||||||||||||||||||||||||||20260105101112\r",
            chart(1)
        );
        fs::write(self.file(time, flag), text).unwrap();
    }

    fn rename(&self, from: u8, to: u8) {
        fs::rename(self.file(VISIT, from), self.file(VISIT, to)).unwrap();
    }

    fn stop(&self, lines: &str) {
        let stops = format!("patient_id,requested_on,requester\n{lines}");
        fs::write(self.appliance.path("0/stops.csv"), stops).unwrap();
    }

    fn revoke(&self, entry: u64) {
        let settings = self.appliance.path("settings/0000.toml");
        let entry = entry.to_string();
        let (status, told) = self.appliance.gateway(&[
            "ledger".as_ref(),
            "revoke".as_ref(),
            "--config".as_ref(),
            settings.as_os_str(),
            "--entry".as_ref(),
            entry.as_ref(),
            "--ground".as_ref(),
            "wish".as_ref(),
        ]);
        assert_eq!(status, 0, "{told}");
    }

    /// Runs once and gives what the batches of this run say of visits.
    fn run(&self) -> Said {
        let spool = self.institution.state.join("spool");
        let before = fs::read_dir(&spool).map_or(0, Iterator::count);
        let (status, told) = self.appliance.run();
        assert_eq!(status, 0, "{told}");
        let mut batches: Vec<_> = fs::read_dir(&spool)
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        batches.sort();
        let mut said = Vec::new();
        for path in batches.iter().skip(before) {
            let bytes = fs::read(path).unwrap();
            let key = self.institution.signing.public();
            let opened = envelope::open(&bytes, &key, &self.appliance.core).unwrap();
            let documents = opened
                .subjects
                .iter()
                .flat_map(|subject| &subject.documents);
            let visits = documents.filter(|it| it.kind == record::DataKind::Adt12);
            said.extend(visits.map(|it| (it.document, it.state)));
        }
        said
    }
}

/// A-020: a deletion by renaming is told once, and a file that is filed again is told again.
#[test]
fn a_deleted_document_is_withdrawn_once_and_comes_back_when_it_is_filed_again() {
    let bench = Bench::new();
    bench.write(VISIT, 1, "A04");
    let first = bench.run();
    let [(visit, DocumentState::Current)] = first[..] else {
        panic!("{first:?}");
    };
    assert_eq!(bench.run(), []);
    bench.rename(1, 0);
    assert_eq!(bench.run(), [(visit, DocumentState::Withdrawn)]);
    assert_eq!(bench.run(), []);
    bench.rename(0, 1);
    assert_eq!(bench.run(), [(visit, DocumentState::Current)]);
}

#[test]
fn a_cancel_withdraws_whatever_its_flag_says_and_an_older_one_does_not() {
    for (time, flag, withdrawn) in [
        ("20260105111112000", 1, true),
        ("20260105111112000", 0, true),
        ("20260105091112000", 1, false),
        ("20260105091112000", 0, false),
    ] {
        let bench = Bench::new();
        bench.write(VISIT, 1, "A04");
        let first = bench.run();
        bench.write(time, flag, "A11");
        let expected: Said = first
            .iter()
            .filter(|_| withdrawn)
            .map(|(visit, _)| (*visit, DocumentState::Withdrawn))
            .collect();
        assert_eq!(bench.run(), expected, "{time} {flag}");
    }
}

#[test]
fn a_document_that_was_never_sent_is_not_withdrawn() {
    let bench = Bench::new();
    bench.write(VISIT, 0, "A04");
    assert_eq!(bench.run(), []);
}

/// While a person is stopped no document of theirs leaves, not even a withdrawal: everything is
/// erased instead. Should the person come back, what stands by then is sealed anew.
#[test]
fn a_stop_has_everything_erased_and_no_withdrawal_leaves_then_or_later() {
    let bench = Bench::new();
    bench.write(VISIT, 1, "A04");
    let first = bench.run();
    bench.rename(1, 0);
    bench.stop(&format!("{},2020-02-01,self\n", chart(1)));
    assert_eq!(bench.run(), []);
    // A stop that left the list still holds.
    bench.stop("");
    assert_eq!(bench.run(), []);
    // The notices of everybody, the stop that the list began with, what held then, this one.
    bench.revoke(u64::from(PATIENTS) + 3);
    assert_eq!(bench.run(), []);
    bench.rename(0, 1);
    assert_eq!(bench.run(), first);
}

/// The report of a batch names the file at fault by a keyed reference, with segment and field, and
/// holds no number of a patient.
#[test]
fn the_quality_report_of_a_batch_stays_at_the_site_without_any_number() {
    let bench = Bench::new();
    bench.write(VISIT, 1, "A04");
    let other = bench
        .folder
        .join("0000000000_20260105_ADT-12_8_20260105101112000_01_1");
    fs::write(other, "MSH|").unwrap();
    bench.run();
    let folder = bench.institution.state.join("quality");
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        text += &fs::read_to_string(entry.unwrap().path()).unwrap();
    }
    assert!(text.contains(r#""code":"F002""#), "{text}");
    assert!(text.contains(r#""ref":"f-"#), "{text}");
    assert!(
        !text.contains(&chart(1)) && !text.contains("0000000000_"),
        "{text}"
    );
    assert!(!text.contains("ADT-12_"), "{text}");
}
