//! Staff and institutions by number: what a reading holds of them, and what it never does.

use std::collections::BTreeSet;

use record::Role;

use super::*;
use crate::ssmix2::table;

/// One member of staff, in kanji and again in kana, with everything that XCN holds beside.
fn person(id: &str) -> String {
    format!("{id}^医師^一郎^^^先生^MD^^病院&1.2&ISO^L~{id}^イシ^イチロウ^^^^^^^L^^^^^P")
}

/// A kind, its segment, field, role, and what it is as written.
fn rows() -> Vec<(&'static str, &'static str, usize, Role, String)> {
    use Role as R;
    let code = "中央病院^D^^^^JPN^XX^^^1311234567".to_owned();
    vec![
        ("ADT-22", "PV1", 7, R::Attending, person("D07")),
        ("ADT-12", "PV1", 8, R::Referring, person("D08")),
        ("ADT-22", "PV1", 9, R::Consulting, person("D09")),
        ("ADT-22", "PV1", 17, R::Admitting, person("D17")),
        ("OMP-01", "ORC", 12, R::Ordering, person("D12")),
        ("OML-11", "OBR", 16, R::Ordering, person("D16")),
        ("OMG-11", "OBR", 32, R::Interpreting, person("D32")),
        ("OMP-01", "RXE", 13, R::NarcoticsLicence, person("13-4567")),
        ("OMP-01", "RXE", 14, R::Pharmacist, person("P14")),
        ("OMP-12", "RXA", 10, R::Administering, person("N10")),
        ("OMD", "ORC", 21, R::OrderingInstitution, code.clone()),
        ("OML-11", "OBX", 23, R::PerformingInstitution, code),
    ]
}

fn line(segment: &str, field: usize, text: &str) -> String {
    let before = match segment {
        "OBX" => "|1|NM|1^a^JC10||1".to_owned(),
        _ => "|1".to_owned(),
    };
    let bars = "|".repeat(field - before.matches('|').count());
    format!("{segment}{before}{bars}{text}")
}

/// A-038: the number of each is known, once, in its role; no part of a name is.
#[test]
fn staff_and_institutions_are_known_by_number_and_never_by_name() {
    for (kind, segment, field, role, text) in rows() {
        let line = line(segment, field, &text);
        let reading = of_lines(kind, &[&line]);
        let [one] = &*reading.named else {
            panic!("{kind} {line}: {:?}", reading.named)
        };
        assert_eq!(one.role, role, "{line}");
        let number = one.number.expose();
        assert!(text.split(['^', '~']).any(|part| part == number), "{line}");
        assert!(number.is_ascii(), "{line}");
        // It counts as left behind, because the name beside it is.
        let name = format!("field:{segment}-{field}");
        assert_eq!(drops(&reading)[&*name], 1, "{line}");
        let records = format!("{:?}", reading.records);
        assert!(!records.contains(number), "{line}");
    }
}

#[test]
fn every_row_that_names_staff_or_institutions_is_tried() {
    let tried: BTreeSet<_> = rows()
        .iter()
        .map(|(_, segment, field, role, _)| ((*segment).to_owned(), *field, *role))
        .collect();
    let all: BTreeSet<_> = table::SEGMENTS
        .iter()
        .flat_map(|segment| segment.rows.iter().map(move |row| (segment.name, row)))
        .filter_map(|(name, row)| match row.treatment {
            table::Treatment::Named(role) => {
                let name = String::from_utf8_lossy(&name).into_owned();
                Some((name, usize::from(row.field), role))
            }
            _ => None,
        })
        .collect();
    assert_eq!(tried, all);
}

#[test]
fn nobody_is_named_elsewhere_than_the_table_says() {
    for (kind, line) in [
        // Who entered, confirmed, took specimens and assisted stays, whatever the contract says.
        ("OMP-01", line("ORC", 10, &person("D1"))),
        ("OMP-01", line("ORC", 11, &person("D1"))),
        ("OML-11", line("OBR", 10, &person("D1"))),
        ("OML-11", line("OBR", 34, &person("D1"))),
        ("ADT-22", line("PV1", 52, &person("D1"))),
        // A kind in which the segment says nothing about the record.
        ("OMP-01", line("PV1", 7, &person("D1"))),
        // No number, or none that is a code of an institution.
        ("ADT-22", line("PV1", 7, "^医師^一郎")),
        ("OMD", line("ORC", 21, "中央病院")),
        ("OMD", line("ORC", 21, "中央病院^D^123456")),
        ("OMD", line("ORC", 21, "中央病院^D^^^^^^^^0312345678X")),
    ] {
        assert_eq!(of_lines(kind, &[&line]).named, [], "{line}");
    }
}

#[test]
fn those_of_earlier_results_and_of_documents_taken_back_are_not_known() {
    let order = "ORC|NW|1||||||||||D1^医師";
    let prior = ["OBR|1|||1^a^JC10", PATIENT, order, "OBX|1|NM|1^a^JC10||1"];
    let reading = of_lines("OML-01", &prior);
    assert_eq!(reading.named, []);
    let deleted =
        FileName::parse("0001112223_20111220_OMP-01_000000011000354_20111220103059000_01_0")
            .unwrap();
    let text = [&*header("OMP-01"), PATIENT, order].join("\r");
    let reading = read(&deleted, &jis(&text)).unwrap();
    assert_eq!(reading.named, []);
}

#[test]
fn a_file_names_no_more_people_than_the_limit() {
    let people: Vec<_> = (0..200).map(|who| format!("D{who}^a^b")).collect();
    let line = format!("ORC|NW|1||||||||||{}", people.join("~"));
    let reading = of_lines("OMP-01", &[&line]);
    assert!(reading.named.len() <= 64);
}
