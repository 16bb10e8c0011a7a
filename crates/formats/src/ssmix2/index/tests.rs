use encoding_rs::SHIFT_JIS;
use proptest::prelude::*;
use record::{DataKind, Version};

use super::*;
use crate::ssmix2::change::Action;

const NAMES: &str = "VolumeLabel,FacilityID,PatientID,OrderDate,DataKind,OrderNo,ProcessingType,\
    EnterOrgCD,TransactionDatetime,OutRelDirectory,FileName,UpdateDatetime";
const ROW: &str = "STD01,1234567890,0001112223,20111220,OML-11,000000011000354,INS,01,\
    20111220224447339,\\000\\111\\0001112223,0001112223_20111220_OML-11_1_1,\
    2011-12-20 22:44:47.339";

fn rows(bytes: &[u8], piece: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut scanner = Scanner::with_header(|column| column.name().to_owned());
    for piece in bytes.chunks(piece.max(1)) {
        scanner.push(piece, &mut |row| rows.push(row));
    }
    scanner.finish(&mut |row| rows.push(row));
    rows
}

fn the_one(rows: &[Row]) -> (&Change, Option<DateTime>) {
    match rows {
        [Row::Change { change, updated }] => (change, *updated),
        _ => panic!("{} rows", rows.len()),
    }
}

#[test]
fn a_row_says_whose_which_document_and_when_it_was_touched() {
    for end in ["\r\n", "\n", "\r"] {
        let found = rows(format!("{NAMES}{end}{ROW}{end}{end}").as_bytes(), 13);
        let (change, updated) = the_one(&found);
        let document = change.document.as_ref().unwrap();
        assert_eq!(change.chart.expose(), "0001112223");
        assert_eq!(document.key.kind, DataKind::Oml11);
        assert_eq!(document.action, Action::Insert);
        assert_eq!(document.version, Version(20_111_220_224_447_339));
        assert_eq!(updated, moment("20111220224447339"));
        assert!(updated.is_some() && !change.deviates);
    }
}

#[test]
fn columns_are_found_in_any_order_among_others_and_under_other_names() {
    let shuffled =
        "更新日時,UniqueID,患者番号,datakind\n2011/12/20 22:44:47,7,\"0001112223\",ADT-00\n";
    let names = |column: Column| match column {
        Column::PatientId => "患者番号".to_owned(),
        Column::UpdateDatetime => "更新日時".to_owned(),
        other => other.name().to_owned(),
    };
    for bytes in [
        shuffled.as_bytes().to_vec(),
        SHIFT_JIS.encode(shuffled).0.into_owned(),
    ] {
        let mut found = Vec::new();
        let mut scanner = Scanner::with_header(names);
        scanner.push(&bytes, &mut |row| found.push(row));
        scanner.finish(&mut |row| found.push(row));
        let (change, updated) = the_one(&found);
        assert_eq!(change.chart.expose(), "0001112223");
        assert_eq!(updated, moment("20111220224447"));
        // The kind stands there, but not which document.
        assert!(change.deviates && change.document.is_none());
    }
}

#[test]
fn columns_can_be_given_by_place() {
    let columns = Columns::at(|column| match column {
        Column::PatientId => Some(1),
        Column::UpdateDatetime => Some(0),
        _ => None,
    });
    let mut found = Vec::new();
    let mut scanner = Scanner::<fn(Column) -> String>::with_columns(columns.unwrap());
    scanner.push(b"2011-12-20 22:44:47,0001112223,x", &mut |row| {
        found.push(row)
    });
    scanner.finish(&mut |row| found.push(row));
    let (change, updated) = the_one(&found);
    assert_eq!(change.chart.expose(), "0001112223");
    assert!(updated.is_some() && change.document.is_none() && !change.deviates);
    assert_eq!(Columns::at(|_| None), None);
}

/// Never silence: the caller answers with a full scan.
#[test]
fn what_names_no_patient_is_told() {
    for (file, told) in [
        (String::new(), Row::ColumnsUnknown),
        ("a,b\nc,d\n".to_owned(), Row::ColumnsUnknown),
        (format!("{NAMES},PatientID\n{ROW}\n"), Row::ColumnsUnknown),
        (
            format!("{NAMES}\n{}\n", ROW.replace("0001112223,2", ",2")),
            Row::Unreadable,
        ),
        (format!("{NAMES}\nSTD01,\"123\n"), Row::Unreadable),
        (
            format!("{NAMES}\n{}\n", "x".repeat(ROW_BYTES_MAX + 1)),
            Row::Unreadable,
        ),
        (
            format!("{NAMES}\n{}\n", ",".repeat(COLUMNS_MAX)),
            Row::Unreadable,
        ),
        (format!("{NAMES}\nSTD01\n"), Row::Unreadable),
        // B-132.
        (
            format!("{NAMES},個人番号\n{ROW},1\n"),
            Row::IndividualNumber,
        ),
        (
            format!("{NAMES},memo\n{ROW},1234-5678-9018\n"),
            Row::IndividualNumber,
        ),
    ] {
        for piece in [1, 1000, 1 << 20] {
            assert_eq!(
                rows(file.as_bytes(), piece),
                std::slice::from_ref(&told),
                "{file:.40}"
            );
        }
    }
}

/// A row whose age cannot be told may be new.
#[test]
fn a_row_without_a_readable_time_still_names_its_patient() {
    let file = format!(
        "{NAMES}\n{}\n",
        ROW.replace("2011-12-20 22:44:47.339", "yesterday")
    );
    let found = rows(file.as_bytes(), 100);
    let (change, updated) = the_one(&found);
    assert!(updated.is_none() && change.deviates);
}

#[test]
fn times_are_read_as_tools_write_them() {
    let expected = moment("2011-12-20 22:44:47.339").unwrap();
    for text in [
        "20111220224447339",
        "2011/12/20 22:44:47.339",
        "2011-12-20T22:44:47.339Z",
        "2011-12-20T22:44:47.339+09:00",
        "2011-12-20 22:44:47.339000-03",
        "20111220224447339000",
    ] {
        assert_eq!(moment(text), Some(expected), "{text}");
    }
    assert_eq!(moment("2011/1/2 3:04:05"), moment("20110102030405"));
    assert_eq!(moment("2011-12-20"), moment("20111220000000"));
    for text in [
        "",
        "2011",
        "2011-02-30 00:00:00",
        "11/12/20 1:2:3",
        "2011-12-20 10:00:00 PM",
    ] {
        assert_eq!(moment(text), None, "{text}");
    }
}

fn quoted_cell(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_and_pieces_change_nothing(
        bytes in prop::collection::vec(
            prop_oneof![
                Just(format!("{NAMES}\n").into_bytes()), Just(format!("{ROW}\n").into_bytes()),
                Just(b"\"".to_vec()), Just(b",".to_vec()), Just(b"\r\n".to_vec()),
                prop::collection::vec(any::<u8>(), 0..20),
            ],
            0..20,
        ),
        piece in 1usize..50,
    ) {
        let bytes = bytes.concat();
        prop_assert_eq!(rows(&bytes, piece), rows(&bytes, bytes.len()));
    }

    #[test]
    fn no_time_makes_it_panic(text in "[-0-9/:. TZ+]{0,30}|.{0,30}") {
        let _ = moment(&text);
    }

    #[test]
    fn any_cells_round_trip(row in prop::collection::vec("[^\r\n\u{FEFF}]{0,20}", 1..12)) {
        let line = row.iter().map(|cell| quoted_cell(cell)).collect::<Vec<_>>().join(",");
        let trimmed: Vec<_> = row.iter().map(|cell| cell.trim().to_owned()).collect();
        prop_assert_eq!(cells(&line).unwrap(), trimmed);
    }

    #[test]
    fn any_row_round_trips(
        chart in "[0-9A-Za-z]{1,15}", kind in 0..DataKind::ALL.len(), order in "[0-9]{1,22}",
        insert in any::<bool>(), version in 20_000_101_000_000_000u64..=21_001_231_235_959_999,
        minute in 0i8..60, micros in 0i32..1_000_000,
    ) {
        let kind = DataKind::ALL[kind];
        prop_assume!(!kind.is_extended());
        let action = if insert { "INS" } else { "DEL" };
        let file = format!(
            "{NAMES}\nSTD01,1,{chart},-,{kind},{order},{action},-,{version},x,y,\
             2020-01-02 03:{minute:02}:05.{micros:06}\n",
        );
        let found = rows(file.as_bytes(), 50);
        let (change, updated) = the_one(&found);
        let document = change.document.clone().unwrap();
        prop_assert_eq!(change.chart.expose(), chart);
        prop_assert_eq!(document.key.order.expose(), order);
        prop_assert_eq!((document.key.kind, document.version), (kind, Version(version)));
        prop_assert_eq!(document.action == Action::Insert, insert);
        let time = jiff::civil::date(2020, 1, 2).at(3, minute, 5, micros * 1000);
        prop_assert_eq!(updated, Some(time));
        prop_assert!(!change.deviates);
    }
}
