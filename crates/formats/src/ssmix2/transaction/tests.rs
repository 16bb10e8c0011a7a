use encoding_rs::{ISO_2022_JP, SHIFT_JIS};
use proptest::prelude::*;
use record::{DataKind, Date, Moment};

use super::*;
use crate::ssmix2::change::Action;

const HEADER: &str =
    "#SSMIX,2.00,1234567890,0001112223,20111220,OML-11,000000011000354,INS,01,20111220224447339";

/// What a file says, and where to read on; in pieces of `piece` bytes.
fn scanned(bytes: &[u8], piece: usize) -> (Vec<Event>, u64, bool) {
    let mut events = Vec::new();
    let mut places = Vec::new();
    let mut scanner = Scanner::at(0);
    for piece in bytes.chunks(piece.max(1)) {
        scanner.push(piece, &mut |at, event| places.push((at, event)));
    }
    let resume = scanner.resume();
    let ended = scanner.finish(&mut |at, event| places.push((at, event)));
    for (at, event) in places {
        assert!(bytes[at as usize..].starts_with(MARK));
        events.push(event);
    }
    (events, resume, ended)
}

fn changes(bytes: &[u8]) -> Vec<Change> {
    let events = scanned(bytes, 7).0.into_iter();
    events
        .map(|event| match event {
            Event::Change(change) => change,
            Event::Unreadable => panic!("unreadable"),
        })
        .collect()
}

#[test]
fn a_record_says_whose_and_which_document() {
    for end in ["\r", "\n", "\r\n", "", "\u{1c}\r"] {
        let found = changes(format!("{HEADER}{end}").as_bytes());
        assert_eq!(found.len(), 1, "{end:?}");
        let document = found[0].document.as_ref().unwrap();
        assert_eq!(found[0].chart.expose(), "0001112223");
        assert!(!found[0].deviates);
        assert_eq!(document.key.kind, DataKind::Oml11);
        let day = Date::new(2011, 12, 20).unwrap();
        assert_eq!(document.key.care_date, Some(Moment::of_day(day)));
        assert_eq!(document.key.order.expose(), "000000011000354");
        assert_eq!(document.action, Action::Insert);
        assert_eq!(document.version, Version(20_111_220_224_447_339));
    }
}

/// A message is skipped whatever it holds; only the header counts.
#[test]
fn messages_between_records_are_skipped() {
    let second = HEADER
        .replace("0001112223", "0009998887")
        .replace("INS", "DEL");
    for end in ["\r", "\n", "\r\n"] {
        let message = [
            "MSH|^~\\&|HIS",
            "PID|1||5554443332^^^^PI",
            "NTE|1|a #SSMIX b",
        ]
        .join(end);
        let file = format!("{HEADER}{end}{message}{end}{end}{second}{end}{message}");
        let found = changes(file.as_bytes());
        let charts: Vec<_> = found.iter().map(|change| change.chart.expose()).collect();
        assert_eq!(charts, ["0001112223", "0009998887"], "{end:?}");
        let action = |at: usize| found[at].document.as_ref().unwrap().action;
        assert_eq!([action(0), action(1)], [Action::Insert, Action::Delete]);
    }
}

#[test]
fn commas_and_quotes_in_the_name_of_an_extended_kind_are_no_separators() {
    let undated = HEADER.replace(
        "20111220,OML-11,000000011000354",
        "-,ADT-00,999999999999999",
    );
    for (header, known) in [
        (
            HEADER.replace("OML-11", "1^検査,所見^L^11506-3^note^LN"),
            false,
        ),
        (
            HEADER.replace("OML-11", "\"1^a, b \"\"c\"\",d^L^^^\""),
            false,
        ),
        (
            HEADER.replace(',', "\",\"").replace("#SSMIX", "\"#SSMIX") + "\"",
            true,
        ),
        (undated.replace(",01,", ",-,"), true),
        (HEADER.replace(",01,", ",,"), true),
    ] {
        let found = changes(header.as_bytes());
        assert_eq!(found.len(), 1, "{header}");
        assert_eq!(found[0].chart.expose(), "0001112223", "{header}");
        assert_eq!(found[0].document.is_some(), known, "{header}");
        assert!(!found[0].deviates, "{header}");
    }
}

#[test]
fn headers_are_read_in_every_encoding_that_sites_write() {
    let header = HEADER.replace("OML-11", "1^能表ソ所見，経過^L^^^");
    let encoded = [
        header.as_bytes().to_vec(),
        SHIFT_JIS.encode(&header).0.into_owned(),
        ISO_2022_JP.encode(&header).0.into_owned(),
        ["\u{feff}", &header].concat().into_bytes(),
    ];
    for (at, bytes) in encoded.iter().enumerate() {
        let found = changes(bytes);
        assert_eq!(found.len(), 1, "{at}");
        assert_eq!(found[0].chart.expose(), "0001112223", "{at}");
        assert!(!found[0].deviates, "{at}");
    }
}

/// Whose record it is suffices: the rest is only told as a deviation.
#[test]
fn a_record_with_an_unreadable_item_still_names_its_patient() {
    for (from, to) in [
        ("INS", "UPD"),
        ("20111220224447339", "yesterday"),
        ("20111220,", "20111301,"),
        ("339", "339,extra"),
    ] {
        let found = changes(HEADER.replace(from, to).as_bytes());
        assert_eq!(found[0].chart.expose(), "0001112223", "{to}");
        assert!(found[0].deviates, "{to}");
    }
}

/// Never silence: the caller answers with a full scan.
#[test]
fn a_header_that_names_no_patient_is_told() {
    let long = HEADER.replace("OML-11", &"x".repeat(HEADER_BYTES_MAX));
    for header in [
        "#SSMIX",
        "#SSMIX,2.00,1234567890",
        &HEADER.replace("0001112223", ""),
        &HEADER.replace("0001112223", "../../.."),
        &long,
        &format!("x#SSMIX,{}", "y".repeat(HEADER_BYTES_MAX)),
    ] {
        for piece in [1, 100, 1 << 20] {
            let (events, ..) = scanned(format!("{header}\r{HEADER}\r").as_bytes(), piece);
            let unreadable = events.iter().filter(|e| **e == Event::Unreadable).count();
            assert_eq!((events.len(), unreadable), (2, 1), "{header:.40}");
        }
    }
}

/// End marks are not known: a record may begin where the line of the one before has not ended.
#[test]
fn a_record_that_does_not_begin_a_line_is_read_and_told_as_a_deviation() {
    let file = format!("{HEADER}\rMSH|x|{HEADER}\r#SSMIX,torn{HEADER}\r");
    let (events, ..) = scanned(file.as_bytes(), 11);
    let deviating = |event: &Event| matches!(event, Event::Change(change) if change.deviates);
    assert_eq!(events.iter().filter(|event| deviating(event)).count(), 2);
    assert!(events.contains(&Event::Unreadable));
    let framed = format!("{HEADER}\rMSH|x\r\u{1c}{HEADER}\r");
    assert!(
        changes(framed.as_bytes())
            .iter()
            .all(|change| !change.deviates)
    );
}

#[test]
fn a_file_that_grows_is_read_on_from_the_line_that_had_not_ended() {
    let file = format!("{HEADER}\r\nMSH|^~\\&|x\rPID|1\r{HEADER}\r\n");
    for cut in 0..file.len() {
        let (first, second) = file.as_bytes().split_at(cut);
        let (seen, resume, ended) = scanned(first, 5);
        assert!(resume <= cut as u64);
        let mut later = Vec::new();
        let mut scanner = Scanner::at(resume);
        scanner.push(&file.as_bytes()[resume as usize..cut], &mut |_, _| {});
        scanner.push(second, &mut |_, event| later.push(event));
        let all = [seen, later].concat();
        // Told once or, when the line had not ended, perhaps twice; never not at all.
        assert!((2..=3).contains(&all.len()), "{cut}: {}", all.len());
        assert!(!all.contains(&Event::Unreadable), "{cut}");
        let torn = !ended;
        let line = cut - resume as usize;
        assert!(!torn || (1..HEADER.len()).contains(&line), "{cut}");
    }
}

#[test]
fn names_of_transaction_files_are_ordered_by_time() {
    let file = |name: &str| TransactionFile::parse(name);
    let [first, second] = [
        "TR_20111220224447339_00009.DAT",
        "TR_20111220224447339_00010.dat",
    ]
    .map(file);
    assert!(first.is_some() && first < second);
    assert!(file("TR_20111221000000000_00001.DAT") > second);
    for name in [
        "TR_2011_1.DAT",
        "TR_20111220224447339_1.TMP",
        "DAT",
        "TR_é_1.DAT",
        "",
    ] {
        assert_eq!(file(name), None, "{name}");
    }
}

/// P-17: what is kept is one header line, whatever the size of the file.
#[test]
fn memory_does_not_grow_with_the_file() {
    let mut scanner = Scanner::at(0);
    let line = [b'x'; 1 << 16];
    scanner.push(b"#SSMIX", &mut |_, _| {});
    for _ in 0..256 {
        scanner.push(&line, &mut |_, _| {});
        let kept = scanner.header.as_ref().map_or(0, |h| h.bytes.capacity());
        assert!(kept <= 2 * HEADER_BYTES_MAX, "{kept}");
    }
}

fn item() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9A-Za-z]{1,15}",
        "[ぁ-んァ-ヶ一-龠a-z,\"^ ]{0,30}",
        Just(String::new())
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_and_pieces_change_nothing(
        bytes in prop::collection::vec(
            prop_oneof![
                Just(b"#SSMIX".to_vec()), Just(b"#SS".to_vec()), Just(b",".to_vec()),
                Just(b"\r".to_vec()), Just(HEADER.as_bytes().to_vec()), Just(b"\x1b$B".to_vec()),
                prop::collection::vec(any::<u8>(), 0..20),
            ],
            0..30,
        ),
        piece in 1usize..40,
    ) {
        let bytes = bytes.concat();
        prop_assert_eq!(scanned(&bytes, piece), scanned(&bytes, bytes.len()));
    }

    #[test]
    fn any_record_round_trips(
        chart in "[0-9A-Za-z]{1,15}", kind in 0..DataKind::ALL.len(), order in "[0-9]{1,22}",
        day in prop::option::of((2000i16..2100, 1i8..=12, 1i8..=28)), insert in any::<bool>(),
        department in "(-|[0-9]{2,3})",
        version in 20_000_101_000_000_000u64..=21_001_231_235_959_999,
    ) {
        let kind = DataKind::ALL[kind];
        prop_assume!(!kind.is_extended());
        let date = day.map(|(year, month, day)| Date::new(year, month, day).unwrap());
        let care = date.map_or("-".to_owned(), |date| date.strftime("%Y%m%d").to_string());
        let action = if insert { "INS" } else { "DEL" };
        let line = format!(
            "#SSMIX,2.00,1234567890,{chart},{care},{kind},{order},{action},{department},{version}\r",
        );
        let found = changes(line.as_bytes());
        prop_assert_eq!(found.len(), 1);
        let document = found[0].document.clone().unwrap();
        prop_assert_eq!(found[0].chart.expose(), chart);
        prop_assert_eq!(document.key.kind, kind);
        prop_assert_eq!(document.key.care_date, date.map(Moment::of_day));
        prop_assert_eq!(document.key.order.expose(), order);
        prop_assert_eq!(document.action == Action::Insert, insert);
        prop_assert_eq!(document.version, Version(version));
        prop_assert!(!found[0].deviates);
    }

    #[test]
    fn no_items_make_it_panic_or_name_another_patient(
        items in prop::collection::vec(item(), 0..14),
    ) {
        let line = format!("#SSMIX,{}\r", items.join(","));
        for event in scanned(line.as_bytes(), 64).0 {
            if let Event::Change(change) = event {
                let third = line.split(',').nth(3).unwrap();
                prop_assert_eq!(change.chart.expose(), plain(third));
            }
        }
    }
}

/// B-133: a record never shows the numbers that it holds.
#[test]
fn debug_output_hides_the_numbers_of_a_record() {
    let shown = format!("{:?}", scanned(HEADER.as_bytes(), 9));
    assert!(
        !shown.contains("0001112223") && !shown.contains("11000354"),
        "{shown}"
    );
}
