use std::collections::BTreeMap;

use proptest::prelude::*;
use record::content::Value;
use record::{DataKind, Drops};

use super::*;
use crate::extended::map::Row;
use crate::ssmix2::Flag;

const VITALS: &str = "L-OBSERVATIONS^OBSERVATIONS^99ZL01";
const SUMMARY: &str = "L1^サマリー^99ZZZ^18842-5^退院時サマリー^LN";

fn table() -> Table {
    let row = |local: Option<&str>, standard: Option<&str>, reader, domain| Row {
        local: local.map(str::to_owned),
        local_system: None,
        standard: standard.map(str::to_owned),
        reader,
        domain,
    };
    Table {
        rows: vec![
            row(
                Some("L-OBSERVATIONS"),
                None,
                Reader::OruR30,
                Domain::Lifestyle,
            ),
            row(None, Some("18842-5"), Reader::Cda, Domain::Medical),
            row(None, Some("74465-6"), Reader::Leave, Domain::Medical),
        ],
        systems: BTreeMap::new(),
    }
}

fn identified(kind: &str, key: &str, flag: u8) -> Result<Identified, FindingCode> {
    let content = format!("0123456789_20160101_{kind}_{key}_20160115003210012_01_{flag}");
    let folders = Folders {
        level1: "012",
        level2: "345",
        level3: "0123456789",
        care_date: b"20160101",
        kind: kind.as_bytes(),
        content: content.as_bytes(),
    };
    identify(&folders, &table())
}

fn folder(kind: &str, key: &str) -> Folder {
    match identified(kind, key, 1) {
        Ok(Identified::Read(folder)) => *folder,
        other => panic!("{other:?}"),
    }
}

fn vitals(number: &str, lines: &str) -> String {
    format!(
        "MSH|^~\\&|A|B|GW|C|20160115003210||ORU^R30^ORU_R30|1|P|2.5||||||~ISO IR87\r\
         PID|0001||{number}^^^^PI||山田^太郎^^^^^L^I~ヤマダ^タロウ^^^^^L^P||19580309|M\r\
         PV1|0001|I\rORC|SC|7\rOBR|1|7||1^バイタル^99ZL01|||20160101\r{lines}"
    )
}

fn jis(text: &str) -> Vec<u8> {
    encoding_rs::ISO_2022_JP.encode(text).0.into_owned()
}

fn cda(number: &str, entries: &str) -> String {
    format!(
        "<ClinicalDocument xmlns=\"urn:hl7-org:v3\" xmlns:xsi=\"x\"><recordTarget><patientRole>\
         <id root=\"1.2.392.200250.3.3.1.10111234567\" extension=\"{number}\"/></patientRole>\
         </recordTarget><component><structuredBody><component><section>{entries}</section>\
         </component></structuredBody></component></ClinicalDocument>"
    )
}

#[test]
fn vitals_become_observations_by_the_rules_of_laboratory_results() {
    let folder = folder(VITALS, "7");
    let mut document = Document::new(&folder, None);
    let lines = "OBX|1|NM|1^体温^99ZL01||36.5|Cel^℃^UCUM|||||F|||20160101063000\r\
                 OBX|2|TX|9^所見^99ZL01||機嫌よい\r\
                 OBX|3|NM|2^脈拍^99ZL01||72|/min\r";
    document
        .read(&table(), &jis(&vitals("0123456789", lines)))
        .unwrap();
    let reading = document.finish().unwrap();
    assert_eq!(reading.key.kind, DataKind::ExtHl7);
    assert_eq!(reading.domain, Domain::Lifestyle);
    assert_eq!(
        (reading.chart.expose(), reading.claimed.len()),
        ("0123456789", 1)
    );
    let values: Vec<_> = reading
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Observation(observation) => observation.value.clone(),
            other => panic!("{other:?}"),
        })
        .filter_map(|value| match value {
            Value::Quantity(quantity) => Some(quantity.value.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(values, ["36.5", "72"]);
    assert!(reading.drops.iter().any(|(name, _)| name == "field:OBX-5"));
    let shown = format!("{reading:?}");
    for hidden in ["山田", "ヤマダ", "機嫌", "0123456789", "OBSERVATIONS"] {
        assert!(!shown.contains(hidden), "{hidden}");
    }
}

#[test]
fn a_document_with_a_file_of_somebody_else_is_set_aside_whole() {
    use FindingCode::{MessageTypeUnknown, NotHl7, PatientMismatch, XmlUnreadable};
    let (observations, summary) = (folder(VITALS, "7"), folder(SUMMARY, "7"));
    let laboratory = vitals("0123456789", "").replace("ORU^R30", "OUL^R22");
    for (folder, bytes, code) in [
        (
            &observations,
            vitals("9999999999", "").into_bytes(),
            PatientMismatch,
        ),
        (&observations, laboratory.into_bytes(), MessageTypeUnknown),
        (&observations, b"%PDF-1.7".to_vec(), NotHl7),
        (
            &summary,
            cda("9999999999", "").into_bytes(),
            PatientMismatch,
        ),
        (&summary, b"<html/>".to_vec(), XmlUnreadable),
    ] {
        let read = Document::new(folder, None).read(&table(), &bytes);
        assert_eq!(read.unwrap_err().code, code);
    }
}

#[test]
fn folders_of_unknown_types_and_types_to_leave_are_told_apart() {
    assert!(matches!(
        identified("L9^x^99ZZZ", "1", 1),
        Ok(Identified::Unknown)
    ));
    assert!(matches!(
        identified("L-JSPEED^x^99ZL01^74465-6^x^LN", "1", 1),
        Ok(Identified::Left)
    ));
    assert!(matches!(
        identified("a^b^c^d^e^f^g", "1", 1),
        Err(FindingCode::NameUnreadable)
    ));
}

#[test]
fn only_files_of_the_readers_own_format_are_wanted() {
    for (kind, wanted) in [(VITALS, Content::Hl7), (SUMMARY, Content::Cda)] {
        let folder = folder(kind, "7");
        for content in Content::ALL {
            assert_eq!(folder.wants(*content), *content == wanted, "{content:?}");
        }
    }
}

#[test]
fn versions_of_extended_documents_are_resolved_like_the_others() {
    let named = |kind: &str, key: &str, flag| match identified(kind, key, flag) {
        Ok(Identified::Read(folder)) => (folder.name.clone(), folder),
        other => panic!("{other:?}"),
    };
    let other_kind = "L2^サマリー^99ZZZ^18842-5^退院時サマリー^LN";
    let files = vec![
        named(SUMMARY, "7", 2),
        named(SUMMARY, "7", 1),
        named(other_kind, "7", 0),
        named(SUMMARY, "8", 0),
    ];
    let resolved = ssmix2::versions::resolve(files, |_, _| std::cmp::Ordering::Equal);
    assert_eq!(resolved.current.len(), 1);
    assert_eq!(resolved.current[0].0.flag, Flag::Valid);
    assert_eq!(resolved.withdrawn.len(), 2);
    let taken_back: Vec<_> = resolved
        .withdrawn
        .iter()
        .map(|(_, folder)| withdrawal(folder).unwrap())
        .collect();
    assert!(
        taken_back
            .iter()
            .all(|reading| reading.state == DocumentState::Withdrawn)
    );
    assert_ne!(taken_back[0].key, taken_back[1].key);
}

/// A version without a file that can be read says nothing any more.
#[test]
fn a_document_of_pictures_only_takes_its_earlier_version_back() {
    let folder = folder(SUMMARY, "7");
    let reading = Document::new(&folder, None).finish().unwrap();
    assert_eq!(reading.state, DocumentState::Withdrawn);
    assert_eq!(reading.drops, Drops::default());
}

proptest! {
    /// P-15.
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for kind in [VITALS, SUMMARY] {
            let folder = folder(kind, "7");
            let mut document = Document::new(&folder, None);
            let _ = document.read(&table(), &bytes);
            let _ = document.finish();
        }
        for content in [Content::Cda, Content::Hl7] {
            let _ = Document::claims(content, &bytes);
        }
    }
}
