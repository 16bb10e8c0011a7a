//! Rows 7, 8, 19, 21, 22, 28 and 29: whose file it is, what it is called, where it lies.

use formats::ssmix2::place::{Folders, check};
use formats::ssmix2::{FileName, versions};
use record::FindingCode::{
    FileEmpty, KindUnknown, NameDeviates, NameUnreadable, PatientMismatch, PatientMissing,
    PlaceMismatch,
};
use record::ResourceKind::Observation;

use crate::case::{CHART, Case, PATIENT, jis, message, name};

pub(crate) fn cases() -> Vec<Case> {
    [patients(), names(), numbers()]
        .into_iter()
        .flatten()
        .collect()
}

fn patients() -> Vec<Case> {
    let claims = |what, numbers: &str| {
        let patient = PATIENT.replace("0001112223^^^^PI", numbers);
        Case::of(
            7,
            what,
            "ADT-12",
            jis(&message("ADT-12", &patient, &["PV1|0001|O"])),
        )
    };
    let prior = message(
        "ADT-12",
        PATIENT,
        &["PV1|0001|O", "PID|2||9^^^^PI||佐藤^花子", "PV1|1|O"],
    );
    vec![
        claims("another number", "9998887776^^^^PI").set_aside(PatientMismatch),
        claims("without zeros", "1112223^^^^PI").set_aside(PatientMismatch),
        claims("with more zeros", "00001112223").set_aside(PatientMismatch),
        claims("full width", "０００１１１２２２３").set_aside(PatientMismatch),
        claims("another first", "9998887776~0001112223").set_aside(PatientMismatch),
        claims("another last", "0001112223^^^^PI~9998887776^^^^MR").set_aside(PatientMismatch),
        claims("in a prior result", "0001112223")
            .set_aside(PatientMismatch)
            .bytes(jis(&prior)),
        claims("none", "").set_aside(PatientMissing),
        claims("deleted", "\"\"").set_aside(PatientMissing),
        Case::visit(8, "kind of the name, content of another", jis)
            .named(&name("ADT-61"))
            .set_aside(record::FindingCode::MessageTypeUnknown),
    ]
}

fn names() -> Vec<Case> {
    let timed = |what, time: &str| {
        Case::visit(19, what, jis).named(&name("ADT-12").replace("20111220103059000", time))
    };
    vec![
        timed("14 digits", "20111220103059"),
        timed("15 digits", "201112201030590"),
        timed("16 digits", "2011122010305900"),
        Case::visit(19, "six parts", jis).named(&name("ADT-12").replace("_01_1", "_1")),
        Case::visit(19, "eight parts", jis)
            .named(&name("ADT-12").replace("_01_1", "_01_1_1"))
            .set_aside(NameUnreadable),
        Case::visit(19, "13 digits", jis)
            .named(&name("ADT-12").replace("20111220103059000", "2011122010305"))
            .set_aside(NameUnreadable),
        Case::visit(21, "superseded", jis).named(&name("ADT-12").replace("_01_1", "_01_2")),
        Case::of(29, "empty", "ADT-12", Vec::new()).set_aside(FileEmpty),
        Case::of(29, "zeros", "ADT-12", vec![0; 512]).set_aside(FileEmpty),
        Case::of(29, "blank lines", "ADT-12", b"\r\n \r\n".to_vec()).set_aside(FileEmpty),
        Case::visit(29, "temporary", jis)
            .named(&(name("ADT-12") + ".tmp"))
            .set_aside(NameUnreadable),
        Case::visit(29, "unknown kind", jis)
            .named(&name("ADT-99"))
            .set_aside(KindUnknown),
    ]
}

fn numbers() -> Vec<Case> {
    const REVERSED: &str = "322211100000001";
    let lines = [
        "SPM|1|322211100000001&HIS^322211100000001||020^静脈血^JC10|||||||||||||20111220",
        "ORC|SC|322211100000001|0001112223|322211100000001^0001112223",
        "OBR|1|322211100000001|0001112223-7|E001^生化学^L|||20111220|||||||||||112223103059",
        "OBX|1|NM|3C015000002326101^CRP^JC10||0.3|mg/dL|||||F",
    ];
    let result = message("OML-11", PATIENT, &lines).replace("20111220131032", REVERSED);
    vec![
        Case::of(
            28,
            "reversed, whole, last digits and time",
            "OML-11",
            jis(&result),
        )
        .named(&name("OML-11").replace("000000011000354", REVERSED))
        .records(&[Observation])
        .hides(&[REVERSED, CHART, "112223103059"]),
        Case::visit(22, "visit of another day", |text| {
            jis(&text.replace("|01^^^^^C", &format!("|01^^^^^C{}20111231", "|".repeat(41))))
        })
        .shows(&["2011-12-31"]),
    ]
}

/// Row 8: the folders above a file must say what its name says.
#[test]
fn a_file_in_the_folder_of_another_patient_day_or_kind_is_told() {
    let right = ["000", "111", CHART, "20111220", "ADT-12"];
    for (level, wrong) in [
        (0, "999"),
        (1, "999"),
        (2, "9998887776"),
        (2, "1112223"),
        (3, "20111221"),
        (3, "-"),
        (4, "ADT-31"),
        (4, "OMP-11"),
    ] {
        let mut folders = right;
        folders[level] = wrong;
        let [level1, level2, level3, care_date, kind] = folders;
        let folders = Folders {
            level1,
            level2,
            level3,
            care_date,
            kind,
        };
        let name = FileName::parse(&name("ADT-12")).unwrap();
        assert_eq!(check(&folders, &name), Some(PlaceMismatch), "{wrong}");
    }
}

/// Row 19: such names are read and told.
#[test]
fn a_name_with_another_number_of_parts_or_digits_is_told() {
    let usual = name("ADT-12");
    for (name, told) in [
        (usual.clone(), false),
        (usual.replace("20111220103059000", "20111220103059"), true),
        (usual.replace("20111220103059000", "201112201030590"), true),
        (usual.replace("_01_1", "_1"), true),
        (usual.replace("_000000011000354", ""), true),
    ] {
        let file = FileName::parse(&name).unwrap();
        let resolved = versions::resolve(vec![(file, 1)], Ord::cmp);
        let findings = resolved.findings.iter().map(|finding| finding.code);
        assert_eq!(findings.eq([NameDeviates]), told, "{name}");
        assert_eq!(resolved.current.len(), 1, "{name}");
    }
}

/// Row 21: which of several files counts does not depend on how the others are marked.
#[test]
fn the_newest_valid_file_counts_however_older_ones_are_marked() {
    for (what, flags, current, withdrawn) in [
        ("update marked 2", [2, 1], 1, 0),
        ("update marked 0", [0, 1], 1, 0),
        ("update not marked", [1, 1], 1, 0),
        ("deleted", [0, 0], 0, 1),
        ("deleted after an update", [2, 0], 0, 1),
    ] {
        let files = [(1, flags[0]), (2, flags[1])].map(|(minute, flag)| {
            let time = format!("2011122010{minute:02}59000");
            let name = name("ADT-12").replace("20111220103059000", &time);
            (
                FileName::parse(&name.replace("_01_1", &format!("_01_{flag}"))).unwrap(),
                minute,
            )
        });
        let resolved = versions::resolve(files.to_vec(), Ord::cmp);
        let newest = [&resolved.current, &resolved.withdrawn]
            .map(|files| files.iter().filter(|(_, minute)| *minute == 2).count());
        assert_eq!(newest, [current, withdrawn], "{what}");
        assert_eq!(resolved.superseded, 1, "{what}");
    }
}

/// Row 28: no part of a name is ever shown.
#[test]
fn a_file_name_hides_its_numbers() {
    let name = FileName::parse(&name("ADT-12").replace("000000011000354", "322211100000001"));
    let shown = format!("{:?}", name.unwrap());
    assert!(
        !shown.contains(CHART) && !shown.contains("3222111"),
        "{shown}"
    );
}
