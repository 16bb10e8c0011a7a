//! Dialects of messages (ssmix2.md section 5), one row each, and properties over all bytes.

use std::collections::BTreeMap;

use encoding_rs::{ISO_2022_JP, SHIFT_JIS};
use proptest::prelude::*;
use record::{FindingCode, Record, ResourceKind};

use super::*;

mod fixtures;
mod identity;
mod kinds;
mod participants;
mod records;

const PATIENT: &str = "PID|0001||0001112223^^^^PI||山田^太郎^^^^^L^I~ヤマダ^タロウ^^^^^L^P||19650415|M\
    |||^^^^184-0014^JPN^H^東京都小金井市貫井南町１－２－３||^PRN^PH^^^^^^^^^099-385-6880";

fn name(kind: &str) -> FileName {
    let dated = !matches!(kind, "ADT-00" | "ADT-01" | "ADT-61" | "PPR-01");
    let date = if dated { "20111220" } else { "-" };
    let name = format!("0001112223_{date}_{kind}_000000011000354_20111220103059000_01_1");
    FileName::parse(&name).unwrap()
}

/// A patient with every field of PID that the table lets through.
const PATIENT_WITH_ALL: &str = "PID|0001|0009998887|0001112223^^^^PI|0009998886|\
    山田^太郎^^^^^L^I||19650415|M|||\
    ^^^^184-0014^JPN^H^東京都||099-385-6880|099-385-6881|||||||||||||||201112|Y";

/// The message type that the kind should carry.
fn message_of(kind: &str) -> &'static str {
    match kind {
        "ADT-00" => "ADT^A08",
        "ADT-01" => "ADT^A54",
        "ADT-12" => "ADT^A04",
        "ADT-21" => "ADT^A14",
        "ADT-22" => "ADT^A01",
        "ADT-31" => "ADT^A21",
        "ADT-32" => "ADT^A22",
        "ADT-41" => "ADT^A15",
        "ADT-42" => "ADT^A02",
        "ADT-51" => "ADT^A16",
        "ADT-52" => "ADT^A03",
        "ADT-61" => "ADT^A60",
        "PPR-01" => "PPR^ZD1",
        "OMD" => "OMD^O03",
        "OMP-01" | "OMP-02" => "RDE^O11",
        "OMP-11" | "OMP-12" => "RAS^O17",
        "OML-01" => "OML^O33",
        "OMG-01" | "OMG-02" | "OMG-03" => "OMG^O19",
        "OMG-11" | "OMG-12" => "OMI^Z23",
        "OMG-13" => "ORU^R01",
        _ => "OUL^R22",
    }
}

/// A header of the type that the kind should carry.
fn header(kind: &str) -> String {
    let message = message_of(kind);
    let structure = message.replace('^', "_");
    format!(
        "MSH|^~\\&|HIS123|SEND|GW|RCV|20111220103059.0000||{message}^{structure}|20111220131032|P|2.5\
         ||||||~ISO IR87||ISO 2022-1994|SS-MIX2_1.20^SS-MIX2^1.2.392.200250.2.1.100.1.2.120^ISO"
    )
}

fn jis(text: &str) -> Vec<u8> {
    ISO_2022_JP.encode(text).0.into_owned()
}

/// Reads a message of the given lines behind the usual header and patient.
fn of_lines(kind: &str, lines: &[&str]) -> Reading {
    let text = [&[&*header(kind), PATIENT], lines].concat().join("\r");
    read(&name(kind), &jis(&text)).unwrap()
}

fn codes(reading: &Reading) -> Vec<FindingCode> {
    reading.findings.iter().map(|f| f.code).collect()
}

fn drops(reading: &Reading) -> BTreeMap<&str, u64> {
    reading.drops.iter().collect()
}

fn record_kinds(reading: &Reading) -> Vec<ResourceKind> {
    reading.records.iter().map(Record::kind).collect()
}

/// A visit as the standard says, and as every row below deviates from it.
fn visit() -> String {
    format!("{}\r{PATIENT}\rPV1|0001|O|01^^^^^C\r", header("ADT-12"))
}

/// Reads one row; whatever it deviates in, the visit and the patient must come out.
fn check_visit(row: u8, dialect: &str, bytes: &[u8], found: &[FindingCode]) {
    let reading = read(&name("ADT-12"), bytes).unwrap_or_else(|e| panic!("{row} {e:?}"));
    assert_eq!(codes(&reading), found, "row {row}: {dialect}");
    assert_eq!(
        record_kinds(&reading),
        [ResourceKind::Encounter],
        "row {row}: {dialect}"
    );
    let kana = reading.identity.kana.as_ref().map(|n| n.family.expose());
    assert_eq!(kana, Some("ヤマダ"), "row {row}: {dialect}");
}

#[test]
fn every_dialect_of_bytes_is_read_and_reported() {
    use FindingCode::{CharacterUndecodable, EncodingDeviates, EscapeRepaired, FramingRemoved};
    let plain = visit();
    let cp932 = SHIFT_JIS.encode(&plain).0.into_owned();
    let declared = plain.replace("~ISO IR87", "UNICODE UTF-8");
    for (row, dialect, bytes, found) in [
        (0, "as the standard says", jis(&plain), vec![]),
        (
            1,
            "LF, no last end",
            jis(plain.replace('\r', "\n").trim_end()),
            vec![],
        ),
        (2, "CRLF", jis(&plain.replace('\r', "\r\n")), vec![]),
        (
            3,
            "trailing 0x1C",
            [jis(&plain), vec![0x1C, b'\r']].concat(),
            vec![FramingRemoved],
        ),
        (4, "CP932", cp932, vec![EncodingDeviates]),
        (
            4,
            "UTF-8",
            plain.clone().into_bytes(),
            vec![EncodingDeviates],
        ),
        (4, "UTF-8, declared", declared.into_bytes(), vec![]),
        (
            27,
            "set left open",
            with_note(&plain, b"\x1B$B;3"),
            vec![EscapeRepaired],
        ),
        (
            27,
            "undecodable",
            with_note(&plain, b"\x1B$B\x2A\x21\x1B(B"),
            vec![CharacterUndecodable],
        ),
    ] {
        check_visit(row, dialect, &bytes, &found);
    }
}

#[test]
fn every_dialect_of_the_envelope_is_read_and_reported() {
    use FindingCode::{MessageTypeDeviates, SegmentUnreadable};
    let plain = visit();
    for (row, dialect, text, found) in [
        (
            5,
            "blanks missing",
            plain.replace("ISO IR87", "ISOIR87"),
            vec![],
        ),
        (
            6,
            "no MSH-21",
            plain.replace("|SS-MIX2_1.20^SS-MIX2^1.2", ""),
            vec![],
        ),
        (9, "PID-3 alone", plain.replace("^^^^PI|", "|"), vec![]),
        (
            9,
            "PID-3 with a hospital",
            plain.replace("^^^^PI|", "^^^hospital^PI|"),
            vec![],
        ),
        (
            23,
            "bare segments",
            plain.replace("PV1|0001", "AL1\rPV1|0001"),
            vec![],
        ),
        (
            23,
            "bare second MSH",
            format!("{plain}MSH\r"),
            vec![SegmentUnreadable],
        ),
        (23, "two messages", format!("{plain}{plain}"), vec![]),
        (
            24,
            "A01 for a visit",
            plain.replace("^A04^", "^A01^"),
            vec![MessageTypeDeviates],
        ),
    ] {
        check_visit(row, dialect, &jis(&text), &found);
    }
}

/// The message with a note of raw bytes, a segment that is left behind.
fn with_note(text: &str, bytes: &[u8]) -> Vec<u8> {
    [&jis(text), b"NTE|1||".as_slice(), bytes, b"\rNTE|2\r"].concat()
}

#[test]
fn a_file_that_is_not_surely_the_patients_is_set_aside() {
    use FindingCode::{
        FileEmpty, KindUnknown, LimitReached, MessageTypeUnknown, NotHl7, PatientMismatch,
        PatientMissing,
    };
    let head = header("ADT-12");
    let other = PATIENT.replace("0001112223", "0001112224");
    let many = format!("{head}\r{PATIENT}\r{}", "NTE|\r".repeat(20_000));
    for (kind, text, code) in [
        ("ADT-12", String::new(), FileEmpty),
        ("ADT-12", "\r\n \0".to_owned(), FileEmpty),
        ("ADT-12", "BHS|^~\\&".to_owned(), NotHl7),
        ("ADT-12", format!("{head}\r"), PatientMissing),
        ("ADT-12", format!("{head}\rPID|1||\"\"||"), PatientMissing),
        (
            "ADT-12",
            format!("{head}\r{PATIENT}\r{head}\rPID|1||||佐藤^花子\rPV1|"),
            PatientMissing,
        ),
        ("ADT-12", format!("{head}\r{other}"), PatientMismatch),
        (
            "ADT-12",
            format!("{head}\r{PATIENT}\rPV1|\r{other}"),
            PatientMismatch,
        ),
        (
            "ADT-12",
            format!("{head}\rPID|1||0001112223~9"),
            PatientMismatch,
        ),
        ("ADT-12", format!("{head}\rPID|1||1112223"), PatientMismatch),
        (
            "ADT-12",
            format!("{head}\rPID|1||{}", "1".repeat(99)),
            PatientMismatch,
        ),
        (
            "ADT-12",
            format!("{}\r{PATIENT}", header("OML-11")),
            MessageTypeUnknown,
        ),
        (
            "ADT-12",
            format!("{head}\r{PATIENT}\r{}", header("OMP-01")),
            MessageTypeUnknown,
        ),
        ("ADT-12", many, LimitReached),
        ("OMX-77", format!("{head}\r{PATIENT}"), KindUnknown),
    ] {
        let found = read(&name(kind), &jis(&text)).map_err(|finding| finding.code);
        assert_eq!(found.err(), Some(code), "{code}");
    }
}

#[test]
fn what_was_taken_back_needs_no_file() {
    let taken_back = withdrawal(&name("ADT-22")).unwrap();
    assert_eq!(taken_back.state, DocumentState::Withdrawn);
    assert!(withdrawal(&name("OMX-77")).is_none());
}

/// What is not named stays behind: identifiers of every kind, in every segment that a kind may
/// carry, never reach a record (B-133).
#[test]
fn no_identifier_reaches_a_record_finding_or_count() {
    let secrets = "秘密^花子^^^^^L^I~ヒミツ^ハナコ&7777777";
    let names = [
        "EVN", "NK1", "PV1", "PV2", "DB1", "OBX", "AL1", "IN1", "IAM", "PRB", "ZPR", "ZI1", "ORC",
        "RXE", "TQ1", "RXR", "RXC", "RXA", "SPM", "OBR", "NTE", "GT1", "ROL", "ZZZ",
    ];
    for kind in DataKind::ALL
        .iter()
        .copied()
        .filter(|kind| supported(*kind))
    {
        let lines: Vec<_> = names
            .iter()
            .map(|name| format!("{name}{}", format!("|{secrets}").repeat(50)))
            .collect();
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let reading = of_lines(kind.as_str(), &lines);
        let shown = format!(
            "{:?} {:?} {:?}",
            reading.records, reading.findings, reading.drops
        );
        for secret in [
            "秘密",
            "花子",
            "ヒミツ",
            "7777777",
            "山田",
            "ヤマダ",
            "0001112223",
            "貫井",
        ] {
            assert!(!shown.contains(secret), "{kind}: {secret}");
        }
    }
}

fn any_line() -> impl Strategy<Value = String> {
    let name = proptest::sample::select(vec![
        "MSH", "PID", "EVN", "PV1", "OBX", "IN1", "IAM", "PRB", "ORC", "RXE", "RXC", "RXA", "RXR",
        "TQ1", "SPM", "OBR", "ODS", "ZPR", "ZPD", "IPC", "ZE1", "ZE2", "PV2", "ZZ1", "", "あ",
    ]);
    let value = proptest::sample::select(vec![
        "",
        "\"\"",
        "1",
        "A^B^C",
        "^山田",
        "20111231",
        "20111331",
        "NM",
        "ST",
        "CWE",
        "SN",
        "<^5",
        "a~b~c",
        "\\S\\",
        "-",
        "1.2-3",
        "0001112223",
        "x&y&z",
        "^^^^^^^B^東京都",
        "２＋",
    ]);
    (name, proptest::collection::vec(value, 0..20))
        .prop_map(|(name, values)| format!("{name}|{}", values.join("|")))
}

/// Whether every line of the kind that becomes records becomes one, and no other line does.
fn one_record_each(kind: DataKind) -> bool {
    supported(kind)
        && !["OMD", "OML-01", "OMG"]
            .iter()
            .any(|it| kind.as_str().starts_with(it))
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        kind in proptest::sample::select(
            DataKind::ALL.iter().copied().filter(|k| supported(*k)).collect::<Vec<_>>(),
        ),
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let kind = kind.as_str();
        let file = [jis(&header(kind)), b"\r".to_vec(), jis(PATIENT), b"\r".to_vec(), bytes];
        let _ = read(&name(kind), &file.concat());
        let _ = read(&name(kind), &file[4]);
    }

    #[test]
    fn no_lines_make_it_panic_and_the_same_lines_give_the_same(
        kind in proptest::sample::select(
            DataKind::ALL.iter().copied().filter(|k| supported(*k)).collect::<Vec<_>>(),
        ),
        lines in proptest::collection::vec(any_line(), 0..20),
    ) {
        let text = [&[header(kind.as_str()), PATIENT.to_owned()], lines.as_slice()].concat();
        let bytes = jis(&text.join("\r"));
        let once = read(&name(kind.as_str()), &bytes).map(|it| (it.records, it.drops));
        let again = read(&name(kind.as_str()), &bytes).map(|it| (it.records, it.drops));
        prop_assert_eq!(once, again);
    }

    #[test]
    fn every_line_of_a_record_becomes_one_record_or_one_drop(
        kind in proptest::sample::select(
            DataKind::ALL.iter().copied().filter(|k| one_record_each(*k)).collect::<Vec<_>>(),
        ),
        lines in proptest::collection::vec(any_line(), 0..12),
    ) {
        let text = [&[header(kind.as_str()), PATIENT.to_owned()], lines.as_slice()].concat();
        let Ok(reading) = read(&name(kind.as_str()), &jis(&text.join("\r"))) else {
            return Ok(());
        };
        let again = read(&name(kind.as_str()), &jis(&text.join("\r"))).unwrap();
        prop_assert_eq!(&again.records, &reading.records);
        prop_assert_eq!(&again.drops, &reading.drops);
        let of_records = ["OBX|", "PRB|", "RXE|", "RXC|", "RXA|", "IAM|", "IN1|"];
        let wanted = lines.iter().filter(|l| of_records.iter().any(|r| l.starts_with(r))).count();
        let own = kind.as_str().starts_with("ADT") && kind != DataKind::Adt61;
        let dropped: u64 = reading.drops.iter()
            .filter(|(name, _)| name.starts_with("line:") && *name != "line:unreadable")
            .map(|(_, number)| number)
            .sum();
        let read = reading.records.len() - usize::from(own);
        prop_assert_eq!(read as u64 + dropped, wanted as u64);
    }
}
