//! An extended storage beside a standardized one.

use std::fs;
use std::path::{Path, PathBuf};

use config::extended::ExtendedReader;
use record::DataKind;

use crate::collect::Collected;
use crate::fixture::{Site, patient_folder, write_visit};
use crate::report::Report;
use crate::source::Plan;
use crate::source::disk::LocalDisk;

const CHART: &str = "0001112223";
const STRANGER: &str = "0009991111";
const SUMMARY: &str = "L1^退院時サマリー^99ZZZ^18842-5^退院時サマリー^LN";
const VITALS: &str = "L-OBSERVATIONS^OBSERVATIONS^99ZL01";

struct Storages {
    _root: tempfile::TempDir,
    extended: PathBuf,
    site: Site,
}

fn storages() -> Storages {
    let root = tempfile::tempdir().unwrap();
    let [standardized, extended] = ["std", "ext"].map(|name| root.path().join(name));
    write_visit(&standardized, CHART, 1, 1, 1, 1);
    fs::create_dir_all(patient_folder(&extended, CHART)).unwrap();
    let mut site = Site::new(&[standardized], &[CHART]);
    site.settings.source.extended.storages = vec![extended.clone()];
    Storages {
        _root: root,
        extended,
        site,
    }
}

impl Storages {
    fn run(&mut self) -> Report {
        let (report, collected) = self.site.run(LocalDisk::default(), &Plan::Everything);
        assert_eq!(collected.unwrap(), Collected::Everything);
        assert!(report.files.balanced());
        report
    }

    /// A content folder with one file.
    fn write(&self, kind: &str, version: u32, flag: u8, file: &str, bytes: &[u8]) -> PathBuf {
        let name = format!("{CHART}_20260105_{kind}_7_20260105101112{version:03}_01_{flag}");
        let place = patient_folder(&self.extended, CHART)
            .join("20260105")
            .join(kind);
        let folder = place.join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(file), bytes).unwrap();
        folder
    }

    fn standing(&self, kind: DataKind) -> usize {
        let documents = self.site.standing().values();
        documents
            .filter(|(_, document)| document.kind == kind)
            .count()
    }
}

fn drops(report: &Report, name: &str) -> u64 {
    let found = report.drops.iter().find(|(known, _)| *known == name);
    found.map_or(0, |(_, number)| number)
}

fn cda(number: &str, value: u32) -> Vec<u8> {
    format!(
        "<ClinicalDocument xmlns=\"urn:hl7-org:v3\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><recordTarget><patientRole>\
         <id root=\"1.2.392.200250.3.3.1.10111234567\" extension=\"{number}\"/></patientRole>\
         </recordTarget><component><structuredBody><component><section><entry><observation>\
         <code code=\"8480-6\" codeSystem=\"2.16.840.1.113883.6.1\"/>\
         <value xsi:type=\"INT\" value=\"{value}\"/></observation></entry></section></component>\
         </structuredBody></component></ClinicalDocument>"
    )
    .into_bytes()
}

fn vitals(number: &str) -> Vec<u8> {
    format!(
        "MSH|^~\\&|HIS|H|GW|C|20260105101112||ORU^R30^ORU_R30|1|P|2.5\r\
         PID|1||{number}^^^^PI||^L~^P||19500102|M\rOBR|1|||1^V^99ZL01\r\
         OBX|1|NM|1^T^99ZL01||36.5|Cel|||||F\r"
    )
    .into_bytes()
}

/// A-021.
#[test]
fn both_storages_of_a_patient_come_up_together_and_what_stays_is_counted() {
    let mut storages = storages();
    storages.write(VITALS, 1, 1, "main_document.hl7", &vitals(CHART));
    storages.write(SUMMARY, 1, 2, "summary.xml", &cda(CHART, 1));
    let folder = storages.write(SUMMARY, 2, 1, "summary.xml", &cda(CHART, 2));
    fs::write(folder.join("ecg.mwf"), "%PDF-1.7\n").unwrap();
    fs::create_dir(folder.join("attachments")).unwrap();
    fs::write(folder.join("attachments/a.jpg"), b"\xFF\xD8\xFF\xE0").unwrap();
    storages.write("L9^x^99ZZZ", 1, 1, "x.xml", &cda(CHART, 3));
    storages.write(
        "L8^x^99ZZZ^74465-6^x^LN",
        1,
        1,
        "x.csv",
        b"\"a\",1,\"JPN+1.00\"\r\n",
    );
    let report = storages.run();
    assert_eq!((report.patients.seen, report.documents_sealed), (1, 3));
    let files = &report.files;
    assert_eq!((files.seen, files.read, files.superseded), (8, 3, 1));
    assert_eq!(files.unsupported, 4);
    for left in [
        "extended:pdf",
        "extended:jpeg",
        "extended:cda",
        "extended:jspeed",
    ] {
        assert_eq!(drops(&report, left), 1, "{left}");
    }
    assert_eq!(report.findings.get("F075"), Some(&1));
    assert_eq!(report.findings.get("F076"), Some(&1));
    let again = storages.run();
    assert_eq!((again.documents_sealed, again.patients.unchanged), (0, 1));
}

#[test]
fn updates_replace_and_a_folder_renamed_to_deleted_is_taken_back() {
    let mut storages = storages();
    let first = storages.write(SUMMARY, 1, 1, "summary.xml", &cda(CHART, 1));
    storages.run();
    let flagged = |folder: &Path, flag: u8| {
        let name = folder.to_str().unwrap();
        folder.with_file_name(Path::new(&format!(
            "{}{flag}",
            name.trim_end_matches(['0', '1', '2'])
        )))
    };
    fs::rename(&first, flagged(&first, 2)).unwrap();
    let second = storages.write(SUMMARY, 2, 1, "summary.xml", &cda(CHART, 2));
    let report = storages.run();
    assert_eq!(
        (report.documents_sealed, storages.standing(DataKind::ExtCda)),
        (1, 1)
    );
    fs::rename(&second, flagged(&second, 0)).unwrap();
    let report = storages.run();
    assert_eq!(report.documents_withdrawn, 1);
    assert_eq!(storages.standing(DataKind::ExtCda), 0);
    assert_eq!(storages.standing(DataKind::Adt12), 1);
}

#[test]
fn another_table_reads_the_same_folders_anew_and_takes_back_what_is_left_by_it() {
    let mut storages = storages();
    storages.write(SUMMARY, 1, 1, "summary.xml", &cda(CHART, 1));
    storages.run();
    storages.run();
    assert_eq!(storages.standing(DataKind::ExtCda), 1);
    let kinds = &mut storages.site.settings.source.extended.kinds;
    kinds
        .iter_mut()
        .for_each(|kind| kind.reader = ExtendedReader::Leave);
    let report = storages.run();
    assert_eq!(drops(&report, "extended:cda"), 1);
    assert_eq!(storages.standing(DataKind::ExtCda), 0);
}

#[test]
fn a_document_of_somebody_else_or_in_a_wrong_folder_is_set_aside_and_the_others_stand() {
    let mut storages = storages();
    storages.write(SUMMARY, 1, 1, "summary.xml", &cda(STRANGER, 1));
    storages.write(VITALS, 1, 1, "main_document.hl7", &vitals(CHART));
    let place = patient_folder(&storages.extended, CHART)
        .join("20260105")
        .join(SUMMARY);
    let wrong = format!("{STRANGER}_20260105_L1_8_20260105101112001_01_1");
    fs::create_dir_all(place.join(&wrong)).unwrap();
    fs::write(place.join(&wrong).join("summary.xml"), cda(STRANGER, 1)).unwrap();
    fs::write(place.join("Thumbs.db"), "x").unwrap();
    let report = storages.run();
    assert_eq!(report.files.quarantined, 3);
    assert_eq!(report.findings.get("F003"), Some(&1));
    assert_eq!(report.findings.get("F002"), Some(&2));
    let shown = serde_json::to_string(&report).unwrap();
    assert!(!shown.contains(STRANGER) && !shown.contains(CHART));
}

/// P-17: what stays is never read whole.
#[test]
fn a_file_that_stays_may_be_of_any_size_and_one_that_is_read_may_not() {
    let mut storages = storages();
    storages.site.settings.limits.file_bytes = 1 << 10;
    let picture = [b"%PDF-1.7\n".as_slice(), &vec![0; 200_000]].concat();
    storages.write(VITALS, 1, 1, "scan.pdf", &picture);
    let long = [cda(CHART, 1), vec![b' '; 200_000]].concat();
    storages.write(SUMMARY, 1, 1, "summary.xml", &long);
    let report = storages.run();
    assert_eq!(drops(&report, "extended:pdf"), 1);
    assert_eq!(report.findings.get("F008"), Some(&1));
    assert_eq!(report.files.quarantined, 1);
}
