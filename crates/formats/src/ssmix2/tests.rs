//! Dialects of messages (ssmix2.md section 5), one row each, and properties over all bytes.

use std::collections::BTreeMap;

use encoding_rs::{ISO_2022_JP, SHIFT_JIS};
use proptest::prelude::*;
use record::content::{Patient, Value};
use record::{FindingCode, Record, ResourceKind};

use super::*;

const PATIENT: &str = "PID|0001||0001112223^^^^PI||山田^太郎^^^^^L^I~ヤマダ^タロウ^^^^^L^P||19650415|M\
    |||^^^^184-0014^JPN^H^東京都小金井市貫井南町１－２－３||^PRN^PH^^^^^^^^^099-385-6880";

fn name(kind: &str) -> FileName {
    let dated = !matches!(kind, "ADT-00" | "ADT-61" | "PPR-01");
    let date = if dated { "20111220" } else { "-" };
    let name = format!("0001112223_{date}_{kind}_000000011000354_20111220103059000_01_1");
    FileName::parse(&name).unwrap()
}

/// A header of the type that the kind should carry.
fn header(kind: &str) -> String {
    let message = match kind {
        "ADT-00" => "ADT^A08^ADT_A01",
        "ADT-12" => "ADT^A04^ADT_A01",
        "ADT-22" => "ADT^A01^ADT_A01",
        "ADT-52" => "ADT^A03^ADT_A03",
        "ADT-61" => "ADT^A60^ADT_A60",
        "PPR-01" => "PPR^ZD1^PPR_ZD1",
        "OMP-01" | "OMP-02" => "RDE^O11^RDE_O11",
        "OMP-11" | "OMP-12" => "RAS^O17^RAS_O17",
        _ => "OUL^R22^OUL_R22",
    };
    format!(
        "MSH|^~\\&|HIS123|SEND|GW|RCV|20111220103059.0000||{message}|20111220131032|P|2.5\
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

fn kinds(reading: &Reading) -> Vec<ResourceKind> {
    reading.records.iter().map(Record::kind).collect()
}

#[test]
fn every_dialect_of_the_envelope_is_read_and_reported() {
    use FindingCode::{
        CharacterUndecodable as Lost, EncodingDeviates, EscapeRepaired, FramingRemoved,
        MessageTypeDeviates, SegmentUnreadable,
    };
    let head = header("ADT-12");
    let plain = format!("{head}\r{PATIENT}\rPV1|0001|O|01^^^^^C\r");
    let second = format!("{plain}{plain}");
    for (row, name_of_row, bytes, found) in [
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
        (
            4,
            "CP932",
            SHIFT_JIS.encode(&plain).0.into_owned(),
            vec![EncodingDeviates],
        ),
        (
            4,
            "UTF-8",
            plain.clone().into_bytes(),
            vec![EncodingDeviates],
        ),
        (
            4,
            "UTF-8, declared",
            plain.replace("~ISO IR87", "UNICODE UTF-8").into_bytes(),
            vec![],
        ),
        (
            5,
            "blanks missing",
            jis(&plain.replace("ISO IR87", "ISOIR87")),
            vec![],
        ),
        (
            6,
            "no MSH-21",
            jis(&plain.replace("|SS-MIX2_1.20^SS-MIX2^1.2", "")),
            vec![],
        ),
        (
            9,
            "PID-3 alone",
            jis(&plain.replace("^^^^PI|", "|")),
            vec![],
        ),
        (
            9,
            "PID-3 with a hospital",
            jis(&plain.replace("^^^^PI|", "^^^hospital^PI|")),
            vec![],
        ),
        (
            23,
            "bare segments",
            jis(&plain.replace("PV1|0001", "AL1\rPV1|0001")),
            vec![],
        ),
        (
            23,
            "bare second MSH",
            jis(&format!("{plain}MSH\r")),
            vec![SegmentUnreadable],
        ),
        (23, "two messages", jis(&second), vec![]),
        (
            24,
            "A01 for a visit",
            jis(&plain.replace("^A04^", "^A01^")),
            vec![MessageTypeDeviates],
        ),
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
            vec![Lost],
        ),
    ] {
        let reading = read(&name("ADT-12"), &bytes).unwrap_or_else(|e| panic!("{row} {e:?}"));
        assert_eq!(codes(&reading), found, "row {row}: {name_of_row}");
        assert_eq!(
            kinds(&reading),
            [ResourceKind::Encounter],
            "row {row}: {name_of_row}"
        );
        let kana = reading
            .identity
            .kana
            .as_ref()
            .map(|n| n.family.expose().to_owned());
        assert_eq!(kana.as_deref(), Some("ヤマダ"), "row {row}: {name_of_row}");
    }
}

/// The message with a note of raw bytes, a segment that is left behind.
fn with_note(text: &str, bytes: &[u8]) -> Vec<u8> {
    [&jis(text), b"NTE|1||".as_slice(), bytes, b"\rNTE|2\r"].concat()
}

#[test]
fn a_file_that_is_not_surely_the_patients_is_set_aside() {
    use FindingCode::{
        FileEmpty, KindUnknown, KindUnsupported, LimitReached, MessageTypeUnknown, NotHl7,
        PatientMismatch, PatientMissing,
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
        ("OMG-11", format!("{head}\r{PATIENT}"), KindUnsupported),
        ("OMX-77", format!("{head}\r{PATIENT}"), KindUnknown),
    ] {
        let found = read(&name(kind), &jis(&text)).map_err(|finding| finding.code);
        assert_eq!(found.err(), Some(code), "{code}");
    }
}

#[test]
fn names_are_found_by_code_and_by_script() {
    for (row, written, kanji, kana) in [
        (
            0,
            "山田^太郎^^^^^L^I~ヤマダ^タロウ^^^^^L^P",
            Some("山田/太郎"),
            Some("ヤマダ/タロウ"),
        ),
        (
            12,
            "山田^太郎^^^^L^I~ヤマダ^タロウ^^^^^L^P",
            Some("山田/太郎"),
            Some("ヤマダ/タロウ"),
        ),
        (
            12,
            "ヤマダ^タロウ^^^^^L^P~山田^太郎^^^^^L^I",
            Some("山田/太郎"),
            Some("ヤマダ/タロウ"),
        ),
        (
            13,
            "山田^太郎~ヤマダ^タロウ",
            Some("山田/太郎"),
            Some("ヤマダ/タロウ"),
        ),
        (13, "山田^太郎", Some("山田/太郎"), None),
        (13, "ヤマダ^タロウ", None, Some("ヤマダ/タロウ")),
        (13, "山田　太郎~ﾔﾏﾀﾞ ﾀﾛｳ", Some("山田/太郎"), Some("ﾔﾏﾀﾞ/ﾀﾛｳ")),
        (
            13,
            "サラ^リー^^^^^L^I",
            Some("サラ/リー"),
            Some("サラ/リー"),
        ),
        (
            13,
            "SMITH^JOHN^^^^^L^A~スミス^ジョン^^^^^L^P",
            None,
            Some("スミス/ジョン"),
        ),
        (
            27,
            "山\u{E000}^太郎~ヤマダ^タロウ",
            None,
            Some("ヤマダ/タロウ"),
        ),
        (0, "\"\"", None, None),
    ] {
        let text = format!(
            "{}\rPID|1||0001112223||{written}||19650415|M",
            header("ADT-00")
        );
        let identity = read(&name("ADT-00"), text.as_bytes()).unwrap().identity;
        let shown = |name: Option<record::identity::Name>| {
            name.map(|n| format!("{}/{}", n.family.expose(), n.given.expose()))
        };
        assert_eq!(
            shown(identity.kanji).as_deref(),
            kanji,
            "row {row}: {written}"
        );
        assert_eq!(
            shown(identity.kana).as_deref(),
            kana,
            "row {row}: {written}"
        );
    }
}

#[test]
fn births_that_miss_or_cannot_be_are_told() {
    for (written, read_as, found) in [
        ("19650415", Some("1965-04-15"), None),
        ("S40.4.15", Some("1965-04-15"), None),
        ("", None, Some(FindingCode::BirthMissing)),
        ("19650431", None, Some(FindingCode::DateImpossible)),
        ("00000000", None, Some(FindingCode::DateImpossible)),
        ("1965", None, Some(FindingCode::DateImpossible)),
    ] {
        let patient = PATIENT.replace("19650415", written);
        let text = format!("{}\r{patient}", header("ADT-00"));
        let reading = read(&name("ADT-00"), &jis(&text)).unwrap();
        let birth = reading
            .identity
            .birth
            .map(|birth| birth.expose().to_string());
        assert_eq!(birth.as_deref(), read_as, "{written}");
        assert_eq!(codes(&reading), Vec::from_iter(found), "{written}");
    }
    // Row 10: sex and birth one field late. PID-9 is not read.
    let shifted = PATIENT.replace("19650415|M", "|M|19650415");
    let reading = read(
        &name("ADT-00"),
        &jis(&format!("{}\r{shifted}", header("ADT-00"))),
    )
    .unwrap();
    assert_eq!(codes(&reading), [FindingCode::BirthMissing]);
    assert_eq!(drops(&reading).get("field:PID-9"), Some(&1));
}

#[test]
fn addresses_and_telephones_are_found_in_all_their_forms() {
    for (row, address, postal, prefecture) in [
        (
            16,
            "^^^^184-0014^JPN^H^東京都小金井市貫井南町",
            "184-0014",
            Some(13),
        ),
        (
            16,
            "^^^^4228033^JPN^H^静岡県静岡市登呂",
            "4228033",
            Some(22),
        ),
        (16, "登呂１^^静岡市^静岡県^422-8033", "422-8033", Some(22)),
        (
            16,
            "^^^^1050003^^B^東京都港区~^^^^422-8033^^H^静岡県",
            "422-8033",
            Some(22),
        ),
        (16, "", "", None),
    ] {
        let patient = PATIENT.replace(
            "^^^^184-0014^JPN^H^東京都小金井市貫井南町１－２－３",
            address,
        );
        let text = format!("{}\r{patient}", header("ADT-00"));
        let reading = read(&name("ADT-00"), &jis(&text)).unwrap();
        assert_eq!(
            reading.identity.postal.expose(),
            postal,
            "row {row}: {address}"
        );
        let Some(Record::Patient(patient)) = reading.records.first() else {
            panic!()
        };
        assert_eq!(
            patient.prefecture.map(|p| p.number()),
            prefecture,
            "row {row}: {address}"
        );
    }
    for (phone, number) in [
        ("^PRN^PH^^^^^^^^^099-385-6880", "099-385-6880"),
        ("099-385-6880", "099-385-6880"),
        ("^PRN^PH^^^099^3856880", "3856880"),
    ] {
        let patient = PATIENT.replace("^PRN^PH^^^^^^^^^099-385-6880", phone);
        let text = format!("{}\r{patient}", header("ADT-00"));
        let reading = read(&name("ADT-00"), &jis(&text)).unwrap();
        let phones: Vec<_> = reading.identity.phones.iter().map(|p| p.expose()).collect();
        assert_eq!(phones, [number], "row 15: {phone}");
    }
}

#[test]
fn insurance_numbers_are_found_in_all_their_forms() {
    for (row, fields, read_as) in [
        (17, "123~1234567~01|会社名", Some("138057/123/1234567/01")),
        (17, "123~1234567|会社名", Some("138057/123/1234567/")),
        (17, "１２３|４５６７", Some("138057/１２３/４５６７/")),
        (17, "川崎・4567|", Some("138057/川崎/4567/")),
        (17, "39123456|会社名１", Some("138057//39123456/")),
        (17, "|4567", Some("138057//4567/")),
        (17, "|", None),
    ] {
        let line = format!("IN1|1|06^組合管掌健康保険^JHSD0001|138057|保険者||||||{fields}||");
        let reading = of_lines("ADT-00", &[&line]);
        let read: Vec<_> = reading
            .identity
            .insurance
            .iter()
            .map(|i| {
                let [a, b, c, d] =
                    [&i.insurer, &i.symbol, &i.number, &i.branch].map(|s| s.expose());
                format!("{a}/{b}/{c}/{d}")
            })
            .collect();
        assert_eq!(read, Vec::from_iter(read_as), "row {row}: {fields}");
        assert_eq!(
            kinds(&reading),
            [ResourceKind::Patient, ResourceKind::Coverage]
        );
        assert_eq!(drops(&reading).get("field:IN1-4"), Some(&1));
    }
    let reading = of_lines("ADT-00", &["IN1|1|^自費||"]);
    assert_eq!(drops(&reading).get("line:IN1"), Some(&1));
}

#[test]
fn a_patient_says_no_more_than_content_may() {
    let line = PATIENT.replace(
        "099-385-6880",
        &format!("099-385-6880{}201106^|Y", "|".repeat(16)),
    );
    let text = format!("{}\r{line}", header("ADT-00"));
    let reading = read(&name("ADT-00"), &jis(&text)).unwrap();
    let expected = Patient {
        sex: Some(record::identity::Sex::Male),
        birth: Some(record::YearMonth {
            year: 1965,
            month: 4,
        }),
        prefecture: record::content::Prefecture::new(13),
        died: Some(record::YearMonth {
            year: 2011,
            month: 6,
        }),
        deceased: true,
    };
    assert_eq!(reading.records, [Record::Patient(expected)]);
}

#[test]
fn encounters_take_their_time_and_department() {
    let visit = format!(
        "PV1|0001|O|01^^^^^C||||110^医師^一郎|||02{}20111220|",
        "|".repeat(34)
    );
    let discharge = format!(
        "PV1|0001|I|4A^9^3{}01{}20111220101500",
        "|".repeat(33),
        "|".repeat(9)
    );
    for (kind, line, shown) in [
        ("ADT-12", &*visit, "AMB visit 2011-12-20 02 -"),
        ("ADT-22", "PV1|0001|I|4A", "IMP admission - 01 -"),
        (
            "ADT-52",
            &discharge,
            "IMP discharge 2011-12-20T10:15:00 01 01",
        ),
        // Row 11: the department two fields early is not read.
        ("ADT-12", "PV1|0001|E|||||02^内科", "EMER visit - 01 -"),
        ("ADT-12", "EVN|", "- visit - 01 -"),
    ] {
        let reading = of_lines(kind, &[line, "OBX|1|NM|1^x^JC10||1", "IN1|1|06^x^JHSD0001"]);
        let [Record::Encounter(encounter)] = reading.records.as_slice() else {
            panic!("{kind}")
        };
        let dash = |text: Option<String>| text.unwrap_or("-".to_owned());
        let read = [
            dash(encounter.class.map(|c| c.as_str().to_owned())),
            encounter.event.as_str().to_owned(),
            dash(encounter.at.map(|at| at.to_string())),
            dash(encounter.department.as_ref().map(ToString::to_string)),
            dash(encounter.disposition.as_ref().map(ToString::to_string)),
        ];
        assert_eq!(read.join(" "), shown, "{kind} {line}");
        let drops = drops(&reading);
        assert_eq!((drops["line:OBX"], drops["line:IN1"]), (1, 1));
    }
}

#[test]
fn allergies_and_problems_become_one_record_or_one_drop_per_line() {
    let reading = of_lines(
        "ADT-61",
        &[
            "IAM|1|LA^花粉^HL70127|5A1002216023023^スギ^JC10|MI^軽度^HL70128|かゆみ|A|||||199601",
            "IAM|2|FA^食物^HL70127|^ソバ|MO^中等度^HL70128|湿疹|A||||||小学校低学年の頃",
            "IAM|3|DA^薬剤^HL70127|106824501^アリナミン^HOT9||のどの渇き|D",
            "IAM|4||^何か|",
        ],
    );
    assert_eq!(kinds(&reading), [ResourceKind::AllergyIntolerance; 2]);
    let counted = drops(&reading);
    assert_eq!(
        (
            counted["line:IAM"],
            counted["field:IAM-3"],
            counted["field:IAM-12"]
        ),
        (2, 2, 1)
    );

    let reading = of_lines(
        "PPR-01",
        &[
            "PRB|AD|20110915|20054174^胃炎^MDCDX2|123|||20110831||20110915|K297^^I10^O^外来^JHSD0004\
             ||||N^回復せず^HL70241|20110915|20110831|胃炎",
            "PRB|AD|20110915|^手書きの病名|124|||20110231",
            "PRB|DE|20110915|20054174^胃炎^MDCDX2|125",
            "PRB|AD|",
            "ZI1|1|01^健康保険^JHSD0001|1130012||||||||||||||||19650415|^^^^1050001^^H^東京都",
        ],
    );
    let [Record::Condition(coded), Record::Condition(words)] = reading.records.as_slice() else {
        panic!()
    };
    assert!(!coded.free_text && words.free_text && words.code.is_none());
    assert_eq!(
        coded.outcome.as_ref().map(|c| c.first.code.as_str()),
        Some("N")
    );
    assert_eq!(
        coded.icd10.as_ref().map(|c| c.first.code.as_str()),
        Some("K297")
    );
    assert_eq!(codes(&reading), [FindingCode::DateImpossible]);
    let counted = drops(&reading);
    assert_eq!(
        (counted["line:PRB"], counted["segment:ZI1"]),
        (2, 1),
        "row 18"
    );
}

#[test]
fn medicines_take_time_and_route_of_their_order_group_only() {
    let reading = of_lines(
        "OMP-02",
        &[
            "ORC|NW|123456789012345||123_01_001",
            "RXE||00^一般^99I02|510||ML^ミリリットル^MR9P|INJ^注射剤^MR9P",
            "TQ1|1||1013044400000000&内服&JAMISDP01|||5^d|201107010800|201107011300",
            "RXR|IV^静脈内^HL70162||IVP^点滴ポンプ^HL70164",
            "RXC|B|620007329^ソリタ^HOT9|1|HON^本^MR9P",
            "RXC|A|^手書きの薬||",
            "ORC|NW|123456789012345||123_01_002",
            "RXE||^手書きの薬|2||^袋",
            "ORC|CA|123456789012345||123_01_003",
            "RXE||620007329^ソリタ^HOT9|1|HON^本^MR9P",
        ],
    );
    let shown: Vec<_> = reading
        .records
        .iter()
        .map(|record| {
            let Record::MedicationRequest(r) = record else {
                panic!()
            };
            let route = r.route.as_ref().map(|c| c.first.code.as_str());
            (
                r.component,
                r.dose.medication.is_some(),
                r.start.is_some(),
                route,
            )
        })
        .collect();
    let expected = [
        (false, true, true, Some("IV")),
        (true, true, true, Some("IV")),
        (false, false, false, None),
    ];
    assert_eq!(shown, expected);
    let counted = drops(&reading);
    assert_eq!(
        (
            counted["line:RXC"],
            counted["line:RXE"],
            counted["field:RXE-2"]
        ),
        (1, 1, 1)
    );

    let reading = of_lines(
        "OMP-12",
        &[
            "ORC|NW|1",
            "RXE||00^一般^99I02|510||ML^ミリリットル^MR9P",
            "RXC|B|620007329^ソリタ^HOT9|1|HON^本^MR9P",
            "RXA|0|1|20110701080521|20110701130543|620002559^アドナ^HOT9|1|AMP^アンプル^MR9P||^左手\
             ^99IC2|200^看護^花子||||||||||CP",
            "RXR|IV^静脈内^HL70162",
        ],
    );
    for record in &reading.records {
        let Record::MedicationAdministration(given) = record else {
            panic!()
        };
        let start = given.start.map(|start| start.to_string());
        assert_eq!(start.as_deref(), Some("2011-07-01T08:05:21"));
        assert_eq!(given.status.as_ref().map(|s| s.as_str()), Some("CP"));
        assert!(given.route.is_some());
    }
    assert_eq!(reading.records.len(), 2);
    assert_eq!(drops(&reading)["line:RXE"], 1);
}

#[test]
fn results_keep_what_the_vocabulary_can_say_and_count_the_rest() {
    let lines: Vec<String> = [
        "NM|1^総蛋白^JC10||7.2|g/dl^g/dl^99XYZ|6.70-8.3|N|||F",
        "NM|2^CRP^JC10||<0.5|mg/dL",
        "ST|3^尿蛋白^JC10||（２＋）",
        "ST|4^赤血球数^JC10||505×10^4|/μL",
        "CWE|5^血液型^JC10||A^A型^JSHR002",
        "SN|6^抗体価^JC10||>^128",
        "TX|7^所見^JC10||１２月に山田氏から聞いた話",
        "ED|8^報告書^JC10||^application^pdf^Base64^JVBERi0xLjc=",
        "XCN|9^担当^JC10||110^医師^一郎",
        "NM|10^何か^JC10||再検",
        "NM|11^時刻^JC10||1||||||F|||2011121925",
        "TX|^||所見だけ",
    ]
    .iter()
    .map(|rest| format!("OBX|1|{rest}"))
    .collect();
    let mut all = vec![
        "SPM|1|000000001219001||023^血清^JC10|||||||||||||201112191500",
        "ORC|SC|1",
    ];
    all.extend(lines.iter().map(String::as_str));
    all.push("NTE|1||自由記載");
    let reading = of_lines("OML-11", &all);
    let values: Vec<_> = reading
        .records
        .iter()
        .map(|record| {
            let Record::Observation(observation) = record else {
                panic!()
            };
            assert_eq!(
                observation.at.map(|at| at.to_string()).as_deref(),
                Some("2011-12-19T15:00")
            );
            match &observation.value {
                Some(Value::Quantity(q)) => {
                    let sign = q.comparator.map_or("", |c| c.as_str());
                    let unit = q.unit.as_ref().map_or("", |u| u.as_str());
                    format!("{sign}{}{unit}", q.value)
                }
                Some(Value::Concept(c)) => c.first.code.to_string(),
                Some(Value::Sign(sign)) => sign.to_string(),
                Some(Value::Moment(moment)) => moment.to_string(),
                None => String::new(),
            }
        })
        .collect();
    let expected = [
        "7.2g/dl",
        "<0.5mg/dL",
        "2+",
        "5050000/μL",
        "A",
        ">128",
        "",
        "",
        "",
        "",
        "1",
    ];
    assert_eq!(values, expected);
    assert_eq!(
        codes(&reading),
        [FindingCode::ValueInvalid, FindingCode::DateImpossible],
        "row 30"
    );
    let counted = drops(&reading);
    let left = (
        counted["line:OBX"],
        counted["field:OBX-5"],
        counted["segment:NTE"],
    );
    assert_eq!(left, (1, 5, 1));
}

#[test]
fn a_cancelled_document_is_withdrawn_and_empty() {
    for (kind, from, to) in [
        ("ADT-00", "A08", "A23"),
        ("ADT-22", "A01", "A11"),
        ("ADT-52", "A03", "A13"),
    ] {
        let text = format!("{}\r{PATIENT}\rPV1|0001|I", header(kind)).replace(from, to);
        let reading = read(&name(kind), &jis(&text)).unwrap();
        assert_eq!(
            (reading.state, reading.records.len()),
            (DocumentState::Withdrawn, 0)
        );
        assert_eq!(drops(&reading)["segment:PV1"], 1);
    }
    let taken_back = withdrawal(&name("ADT-22")).unwrap();
    assert_eq!(taken_back.state, DocumentState::Withdrawn);
    assert!(withdrawal(&name("OMG-11")).is_none());
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
        "TQ1", "SPM", "OBR", "ZZ1", "", "あ",
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

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let file = [jis(&header("OML-11")), b"\r".to_vec(), jis(PATIENT), b"\r".to_vec(), bytes];
        let _ = read(&name("OML-11"), &file.concat());
        let _ = read(&name("OML-11"), &file[4]);
    }

    #[test]
    fn every_line_of_a_record_becomes_one_record_or_one_drop(
        kind in proptest::sample::select(
            DataKind::ALL.iter().copied().filter(|k| supported(*k)).collect::<Vec<_>>(),
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
        let own = matches!(kind, DataKind::Adt00 | DataKind::Adt12 | DataKind::Adt22 | DataKind::Adt52);
        let dropped: u64 = reading.drops.iter()
            .filter(|(name, _)| name.starts_with("line:") && *name != "line:unreadable")
            .map(|(_, number)| number)
            .sum();
        let read = reading.records.len() - usize::from(own);
        prop_assert_eq!(read as u64 + dropped, wanted as u64);
    }
}
