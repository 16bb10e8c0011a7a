//! Every kind of 3.2: what its messages become, what its cancels do, what never passes.

use record::content::Record;
use serde_cbor::Value;

use super::fixtures::FIXTURES;
use super::*;
use crate::ssmix2::table::{SEGMENTS, Treatment};

/// A record in one line: its kind, then each field that says something, in order.
fn line(record: &Record) -> String {
    let mut shown = vec![];
    let Ok(Value::Map(tagged)) = serde_cbor::value::to_value(record) else {
        panic!("a record is a tagged map")
    };
    for fields in tagged.into_values() {
        flatten("", &fields, &mut shown);
    }
    shown.sort();
    format!("{} {}", record.kind(), shown.join(" "))
}

fn flatten(path: &str, value: &Value, shown: &mut Vec<String>) {
    if let Some(place) = text(value, "place") {
        let code = get(value, "code").and_then(concept).unwrap_or_default();
        return shown.push(format!("{path}.{place}={code}"));
    }
    if let Some(concept) = concept(value).or_else(|| coding(value)) {
        return shown.push(format!("{path}={concept}"));
    }
    match value {
        Value::Map(map) => {
            for (key, inner) in map {
                let Value::Text(key) = key else { continue };
                match path {
                    "" => flatten(key, inner, shown),
                    _ => flatten(&format!("{path}.{key}"), inner, shown),
                }
            }
        }
        Value::Array(values) if path == "range" => {
            let bounds = values.iter().map(|bound| match bound {
                Value::Text(text) => text.as_str(),
                _ => "",
            });
            shown.push(format!("{path}={}", bounds.collect::<Vec<_>>().join(",")));
        }
        Value::Array(values) => values.iter().for_each(|it| flatten(path, it, shown)),
        Value::Bool(true) => shown.push(path.to_owned()),
        Value::Text(text) => shown.push(format!("{path}={text}")),
        Value::Integer(number) => shown.push(format!("{path}={number}")),
        _ => {}
    }
}

/// `code[system]`, and the second coding behind a stroke.
fn concept(value: &Value) -> Option<String> {
    let first = get(value, "first").and_then(coding)?;
    match get(value, "second").and_then(coding) {
        Some(second) => Some(format!("{first}/{second}")),
        None => Some(first),
    }
}

fn coding(value: &Value) -> Option<String> {
    let Value::Map(map) = value else { return None };
    let parts = ["code", "system"].map(|key| text(value, key));
    match parts {
        [Some(code), Some(system)] if map.len() == 2 => Some(format!("{code}[{system}]")),
        [Some(code), None] if map.len() == 1 => Some(code.to_owned()),
        _ => None,
    }
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    match get(value, key) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn get<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Map(map) => map.get(&Value::Text(key.to_owned())),
        _ => None,
    }
}

/// A-020, A-041, A-042, A-043: what every kind of the standardized storage becomes.
#[test]
fn every_kind_becomes_its_records() {
    let mut seen = std::collections::BTreeSet::new();
    for fixture in FIXTURES {
        seen.insert(fixture.kind);
        let reading = of_lines(fixture.kind, fixture.lines);
        let lines: Vec<_> = reading.records.iter().map(line).collect();
        assert_eq!(
            lines,
            fixture.records,
            "{}: {:?}",
            fixture.kind,
            drops(&reading)
        );
    }
    let kinds = DataKind::ALL.iter().filter(|kind| !kind.is_extended());
    assert!(kinds.clone().all(|kind| seen.contains(kind.as_str())));
    assert!(kinds.into_iter().all(|kind| supported(*kind)));
}

/// The cancel of every kind that has one takes the document back, whatever the flag of its file.
#[test]
fn a_cancel_takes_the_document_back_though_its_file_is_valid() {
    for (kind, event) in [
        ("ADT-00", "ADT^A23"),
        ("ADT-01", "ADT^A55"),
        ("ADT-12", "ADT^A11"),
        ("ADT-21", "ADT^A27"),
        ("ADT-22", "ADT^A11"),
        ("ADT-31", "ADT^A52"),
        ("ADT-32", "ADT^A53"),
        ("ADT-41", "ADT^A26"),
        ("ADT-42", "ADT^A12"),
        ("ADT-51", "ADT^A25"),
        ("ADT-52", "ADT^A13"),
        ("PPR-01", "PPR^PC3"),
    ] {
        let head = header(kind).replace(message_of(kind), event);
        let text = format!("{head}\r{PATIENT}\rEVN||2011\rPV1|0001|I\rPRB|AD");
        let reading = read(&name(kind), &jis(&text)).unwrap();
        let found = (reading.state, reading.records.len(), codes(&reading));
        let told = vec![FindingCode::CancelledByMessage];
        assert_eq!(found, (DocumentState::Withdrawn, 0, told), "{kind}");
        assert_eq!(drops(&reading)["segment:PV1"], 1, "{kind}");
    }
}

#[test]
fn an_event_of_another_kind_is_told_or_refused() {
    for (kind, event, told) in [
        ("ADT-21", "ADT^A05", Some(FindingCode::MessageTypeDeviates)),
        ("ADT-42", "ADT^A08", Some(FindingCode::MessageTypeDeviates)),
        ("PPR-01", "PPR^PC1", Some(FindingCode::MessageTypeDeviates)),
        ("OMG-13", "OMI^Z23", Some(FindingCode::MessageTypeDeviates)),
        ("ADT-42", "ADT^A03", None),
        ("OMD", "RDE^O11", None),
        ("OML-01", "OUL^R22", None),
        ("OMG-01", "ORM^O01", None),
        ("OMG-11", "MDM^T02", None),
    ] {
        let head = header(kind).replace(message_of(kind), event);
        let read = read(&name(kind), &jis(&format!("{head}\r{PATIENT}")));
        match (told, read) {
            (Some(code), Ok(reading)) => assert_eq!(codes(&reading), [code], "{kind} {event}"),
            (None, Err(finding)) => {
                assert_eq!(
                    finding.code,
                    FindingCode::MessageTypeUnknown,
                    "{kind} {event}"
                );
            }
            (_, other) => panic!("{kind} {event}: {other:?}"),
        }
    }
}

/// Row 22: the day of the message and of the folder are compared by the rule of the kind; the
/// record leaves as it is.
#[test]
fn a_care_date_that_differs_is_told_once_and_changes_nothing() {
    for fixture in FIXTURES {
        let shifted: Vec<_> = fixture
            .lines
            .iter()
            .map(|line| line.replace("201112", "201211"))
            .collect();
        let shifted: Vec<_> = shifted.iter().map(String::as_str).collect();
        let same = of_lines(fixture.kind, fixture.lines);
        let other = of_lines(fixture.kind, &shifted);
        let told = |reading: &Reading| {
            let codes = codes(reading).into_iter();
            codes
                .filter(|code| *code == FindingCode::CareDateDiffers)
                .count()
        };
        let dated = name(fixture.kind).care_date.is_some() && fixture.kind != "ADT-01";
        assert_eq!(
            [told(&same), told(&other)],
            [0, usize::from(dated)],
            "{}",
            fixture.kind
        );
        assert_eq!(same.records.len(), other.records.len(), "{}", fixture.kind);
    }
}

/// Earlier results that an order repeats are of the same patient, or the file is set aside.
#[test]
fn an_earlier_result_of_somebody_else_sets_the_file_aside() {
    for (kind, second, code) in [
        (
            "OML-01",
            "PID|1||0001112224",
            Some(FindingCode::PatientMismatch),
        ),
        (
            "OMG-01",
            "PID|1||0001112224",
            Some(FindingCode::PatientMismatch),
        ),
        ("OML-01", "PID|1||", Some(FindingCode::PatientMissing)),
        ("OML-01", "PID|1||0001112223", None),
    ] {
        let text = [
            &header(kind),
            PATIENT,
            "ORC|NW|000000011000354",
            "OBR|1|000000011000354||E2^x^99O",
            second,
            "OBR|1|000000011000001||E1^x^99O|||20111001",
            "OBX|1|NM|2A010000001930901^x^JC10||8207",
        ];
        let read = read(&name(kind), &jis(&text.join("\r")));
        assert_eq!(
            read.err().map(|finding| finding.code),
            code,
            "{kind} {second}"
        );
    }
}

/// A marker in every field and component of every segment, all at once: only what a row of the
/// table keeps or makes coarser may be seen in what leaves.
#[test]
fn no_marker_leaves_but_where_the_table_says_keep() {
    for kind in DataKind::ALL.iter().filter(|kind| !kind.is_extended()) {
        for group in ["NW", "PR"] {
            let lines = marked_lines(group);
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            let reading = of_lines(kind.as_str(), &lines);
            let bytes = serde_cbor::to_vec(&reading.records).unwrap();
            for found in markers(&bytes) {
                assert!(keeps(*kind, &found), "{kind}: {found}");
            }
        }
    }
}

/// Lines of all segments, twice, in an order in which groups are complete; a value says where it
/// stands: segment, field, component.
fn marked_lines(control: &str) -> Vec<String> {
    let order = [
        "EVN", "PV1", "PV2", "DB1", "NK1", "AL1", "IN1", "IAM", "PRB", "ZPR", "ZPD", "ZI1", "SPM",
        "ORC", "TQ1", "RXE", "RXR", "RXC", "RXA", "ODS", "OBR", "OBX", "IPC", "ZE1", "ZE2", "NTE",
        "GT1", "ROL", "ZZZ",
    ];
    let mut lines = vec![];
    for round in 0..3 {
        for segment in order {
            let fields: Vec<_> = (1..=60u8)
                .map(|field| match (segment, field) {
                    ("ORC", 1) => control.to_owned(),
                    ("OBX", 2) => ["CWE", "ST", "ZRD"][round].to_owned(),
                    ("PRB", 25) | ("IAM", 6) | ("RXA", 21) | ("PRB", 1) => String::new(),
                    // Short codes take no more than five characters.
                    _ => components(segment, field, round),
                })
                .collect();
            lines.push(format!("{segment}|{}", fields.join("|")));
        }
    }
    lines
}

fn components(segment: &str, field: u8, round: usize) -> String {
    let parts: Vec<_> = (1..=9u8)
        .map(|part| match round {
            0 => format!("M{segment}{field:02}{part}"),
            1 => {
                let at = SEGMENTS.iter().position(|it| it.name == segment.as_bytes());
                format!("{}{}", short(at.unwrap_or(99), field), part)
            }
            _ => format!("M{segment}{field:02}{part}&M{segment}{field:02}{part}S"),
        })
        .collect();
    parts.join("^")
}

/// Four letters for a segment and a field.
fn short(segment: usize, field: u8) -> String {
    let letter = |number: usize| char::from(b'a' + (number % 26) as u8);
    let field = usize::from(field);
    [segment / 26, segment, field / 26, field]
        .map(letter)
        .iter()
        .collect()
}

fn markers(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut found = vec![];
    for segment in SEGMENTS {
        let name = String::from_utf8_lossy(&segment.name).into_owned();
        for field in 1..=60u8 {
            for part in 1..=9u8 {
                let at = SEGMENTS
                    .iter()
                    .position(|it| it.name == segment.name)
                    .unwrap();
                let long = format!("M{name}{field:02}{part}");
                let short = format!("{}{part}", short(at, field));
                if text.contains(&long) || text.contains(&short) {
                    found.push(format!("{name} {field} {part}"));
                }
                let hidden = format!("{long}S");
                if text.contains(&hidden) {
                    found.push(format!("{name} {field} 99"));
                }
            }
        }
    }
    found
}

fn keeps(kind: DataKind, found: &str) -> bool {
    let mut parts = found.split(' ');
    let segment = parts.next().unwrap();
    let [field, part] = [(); 2].map(|()| parts.next().unwrap().parse::<u8>().unwrap());
    // 99 stands for a second subcomponent.
    let suffix = part == 99;
    let rows = SEGMENTS
        .iter()
        .find(|it| it.name == segment.as_bytes())
        .unwrap()
        .rows;
    rows.iter().any(|row| {
        row.field == field
            && row.passes(kind)
            && matches!(row.treatment, Treatment::Keep)
            && (row.components.holds(part) || (suffix && row.subcomponents.holds(2)))
    })
}

/// Every row that lets something through is exercised by a fixture: the field stands in a message
/// of a kind for which it passes.
#[test]
fn every_row_that_passes_is_exercised_by_a_fixture() {
    for segment in SEGMENTS {
        for row in segment.rows {
            let passing = row.treatment.passes();
            let exercised = FIXTURES.iter().any(|fixture| {
                let kind = fixture.kind.parse().unwrap();
                row.passes(kind) && stands_in(fixture.kind, fixture.lines, segment.name, row.field)
            });
            let name = String::from_utf8_lossy(&segment.name).into_owned();
            assert!(exercised || !passing, "{name}-{}", row.field);
        }
    }
}

fn stands_in(kind: &str, lines: &[&str], segment: [u8; 3], field: u8) -> bool {
    let head = header(kind);
    let all = [&[&*head, PATIENT_WITH_ALL], lines].concat();
    all.iter().any(|line| {
        let shift = usize::from(segment == *b"MSH");
        line.as_bytes().starts_with(&segment)
            && line
                .split('|')
                .nth(usize::from(field) - shift)
                .is_some_and(|text| !text.is_empty() || field == 1)
    })
}

/// A-042: every category of care that the standardized storage can tell has at least one record.
/// Surgery, anaesthesia, transfusion, transplantation and rehabilitation are in no kind of it.
#[test]
fn every_category_of_care_that_the_storage_can_tell_has_a_record() {
    use ResourceKind as R;
    for (category, kinds, record) in [
        ("傷病名", &["PPR-01"][..], R::Condition),
        ("アレルギー", &["ADT-61", "ADT-00"], R::AllergyIntolerance),
        ("外来受診", &["ADT-12"], R::Encounter),
        (
            "入退院・転棟・外泊",
            &[
                "ADT-21", "ADT-22", "ADT-31", "ADT-32", "ADT-41", "ADT-42", "ADT-51", "ADT-52",
            ],
            R::Encounter,
        ),
        ("処方の指示", &["OMP-01"], R::MedicationRequest),
        ("調剤・与薬", &["OMP-11"], R::MedicationAdministration),
        ("注射の指示", &["OMP-02"], R::MedicationRequest),
        ("注射の実施", &["OMP-12"], R::MedicationAdministration),
        ("検体検査の指示", &["OML-01"], R::ServiceRequest),
        ("検体検査の結果", &["OML-11"], R::Observation),
        (
            "画像・内視鏡・生理検査の指示",
            &["OMG-01", "OMG-02", "OMG-03"],
            R::ServiceRequest,
        ),
        (
            "画像・内視鏡・生理検査の実施",
            &["OMG-11", "OMG-12", "OMG-13"],
            R::Procedure,
        ),
        (
            "使用された薬剤・機材",
            &["OMG-11", "OMG-12"],
            R::Observation,
        ),
        ("食事", &["OMD"], R::NutritionOrder),
    ] {
        for kind in kinds {
            let fixture = FIXTURES.iter().find(|it| it.kind == *kind).unwrap();
            let reading = of_lines(kind, fixture.lines);
            assert!(
                record_kinds(&reading).contains(&record),
                "{category}: {kind}"
            );
        }
    }
}
