//! Who the patient is, in every writing of PID and IN1 (rows 10, 12, 13, 15 to 17, 27).

use record::content::Patient;

use super::*;

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
            shown(identity.kanji.clone()).as_deref(),
            kanji,
            "row {row}: {written}"
        );
        assert_eq!(
            shown(identity.kana.clone()).as_deref(),
            kana,
            "row {row}: {written}"
        );
    }
}

/// A-052: whoever said no may have done so under a number from before a merge.
#[test]
fn older_and_other_numbers_are_told_whatever_the_message_does() {
    let older = |event: &str, pid2: &str, pid4: &str, lines: &str| {
        let header = header("ADT-00").replace("ADT^A08^ADT_A01", event);
        let pid = format!("PID|1|{pid2}|0001112223|{pid4}|山田^太郎||19650415|M");
        let text = format!("{header}\r{pid}\r{lines}");
        let reading = read(&name("ADT-00"), text.as_bytes()).map_err(|finding| finding.code)?;
        let former = reading.identity.former.iter();
        Ok::<Vec<_>, _>(former.map(|number| number.expose().to_owned()).collect())
    };
    let many = "1~".repeat(2_000);
    let limit = Err(FindingCode::LimitReached);
    for (pid2, pid4, lines, expected) in [
        ("", "", "", Ok(&[][..])),
        ("77", "", "", Ok(&["77"])),
        ("77^^^^PI~78", "\"\"", "", Ok(&["77", "78"])),
        ("0001112223", "9^5^M11^H^MR", "", Ok(&["9"])),
        ("", "", "MRG|5~6^^^^PI|7|||||x^y\r", Ok(&["5", "6"])),
        ("5", "5", "MRG|5\rMRG|8\r", Ok(&["5", "8"])),
        ("5", "", "PID|2|6|0001112223|7\r", Ok(&["5", "6", "7"])),
        ("", &many, "", limit),
    ] {
        for event in ["ADT^A08^ADT_A01", "ADT^A23^ADT_A21"] {
            let found = older(event, pid2, pid4, lines);
            let expected = expected.map(|all| all.iter().map(|one| (*one).to_owned()).collect());
            assert_eq!(found, expected, "{event} {pid2} {pid4} {lines}");
        }
    }
}

/// What is read of the numbers of residents: the number, what is asked about at the gate beside the
/// chart number, or why the file is set aside.
fn of_residents(authority: &str, pid: [&str; 3]) -> Result<(String, Vec<String>), FindingCode> {
    let [pid2, pid3, pid4] = pid;
    let pid = format!("PID|1|{pid2}|{pid3}|{pid4}|山田^太郎||19650415|M");
    let text = format!("{}\r{pid}\r", header("ADT-00"));
    let mut reader = FileReader::new(crate::Municipality::new(authority));
    let reading = reader.read(&name("ADT-00"), text.as_bytes());
    let identity = reading.map_err(|finding| finding.code)?.identity;
    let former = identity.former.iter();
    let former = former.map(|number| number.expose().to_owned()).collect();
    Ok((identity.municipal.expose().to_owned(), former))
}

/// The number of the authority that the site names is the municipality's, wherever it stands. It is
/// asked about like every other number, and nothing else about whose file it is gets weaker.
#[test]
fn a_number_of_the_named_authority_is_the_residents() {
    let (number, former) = ("0001112223^^^HOSP", "77^^^HOSP");
    for (authority, pid, municipal, asked) in [
        (
            "CITY",
            ["", "0001112223~0055^^^CITY", ""],
            "0055",
            &["0055"][..],
        ),
        ("city", ["", "0001112223", "0055^^^CITY"], "", &["0055"]),
        (
            "ＣＩＴＹ",
            [former, number, "0055^^^CITY"],
            "0055",
            &["77", "0055"],
        ),
        (
            "1.2.9",
            ["0055^^^CITY&1.2.9&ISO", number, ""],
            "0055",
            &["0055"],
        ),
        ("", [former, number, "0055^^^CITY"], "", &["77", "0055"]),
        // The same number twice is one; two numbers are none.
        (
            "CITY",
            ["55^^^CITY", "0001112223~55^^^CITY", ""],
            "55",
            &["55"],
        ),
        (
            "CITY",
            ["56^^^CITY", "0001112223~55^^^CITY", ""],
            "",
            &["56", "55"],
        ),
        ("CITY", ["", "0001112223^^^CITY", ""], "0001112223", &[]),
        ("CITY", ["", number, "5●^^^CITY"], "", &["5●"]),
    ] {
        let asked = asked.iter().map(|&one| one.to_owned()).collect();
        let read = of_residents(authority, pid);
        assert_eq!(
            read,
            Ok((municipal.to_owned(), asked)),
            "{authority} {pid:?}"
        );
    }
    for (authority, pid3, why) in [
        (
            "CITY",
            "0001112223~0055^^^OTHER",
            FindingCode::PatientMismatch,
        ),
        ("", "0001112223~0055^^^CITY", FindingCode::PatientMismatch),
        // Whose file it is has to be said by a number of the house.
        ("CITY", "0055^^^CITY", FindingCode::PatientMissing),
    ] {
        assert_eq!(of_residents(authority, ["", pid3, ""]), Err(why), "{pid3}");
    }
    let many = format!("0001112223{}", "~1^^^CITY".repeat(2_000));
    let limit = Err(FindingCode::LimitReached);
    assert_eq!(of_residents("CITY", ["", &many, ""]), limit);
}

#[test]
fn births_that_miss_or_cannot_be_are_told() {
    for (written, read_as, found) in [
        ("19650415", Some("1965-04-15"), None),
        ("S40.4.15", Some("1965-04-15"), None),
        ("", None, Some(FindingCode::BirthMissing)),
        ("19650431", None, Some(FindingCode::DateImpossible)),
        ("00000000", None, Some(FindingCode::DateImpossible)),
        ("昭和40年4月15日", Some("1965-04-15"), None),
        ("昭和40年4月31日", None, Some(FindingCode::DateImpossible)),
        ("S64.1.8", None, Some(FindingCode::DateImpossible)),
        ("慶応3年1月1日", None, Some(FindingCode::DateImpossible)),
        ("1965", None, Some(FindingCode::DatePartial)),
        ("196504", None, Some(FindingCode::DatePartial)),
        ("19650400", None, Some(FindingCode::DatePartial)),
        ("S40.4", None, Some(FindingCode::DatePartial)),
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
            record_kinds(&reading),
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

/// A-043: what a file gives does not depend on the files of the patient that were read before it.
#[test]
fn files_of_one_patient_read_one_after_another_give_what_each_gives_alone() {
    let older = PATIENT.replace("PID|0001||", "PID|0001|0009998887|");
    let damaged = PATIENT
        .replace("カ", "\u{FFFD}")
        .replace("19650415", "19651315");
    let other = PATIENT.replace("0001112223", "0001112224");
    let with_message = |kind: &str, patients: &[&str]| {
        let visit = "PV1|0001|O|01^^^^^C";
        let text = [
            &[&*header(kind)],
            patients,
            &[visit, "IN1|1|06|06130012|||||||1~2~01"],
        ];
        (name(kind), text.concat().join("\r").into_bytes())
    };
    let usual_dash = header("ADT-12").replace("|^~\\&|", "|^~\\#|");
    let separated = [&*usual_dash, PATIENT, "PV1|0001|O|01"].join("\r");
    let late = [&*header("ADT-12"), "PV1|0001|O|01", PATIENT].join("\r");
    let merged = [&*header("ADT-00"), "MRG|0009998880", PATIENT].join("\r");
    let files = [
        with_message("ADT-12", &[PATIENT]),
        with_message("ADT-00", &[PATIENT]),
        with_message("ADT-12", &[&older]),
        with_message("ADT-12", &[&damaged]),
        with_message("ADT-12", &[&other]),
        with_message("ADT-12", &[PATIENT, &older]),
        with_message("ADT-12", &[PATIENT_WITH_ALL]),
        with_message("ADT-12", &[]),
        with_message("OML-11", &[PATIENT]),
        (name("ADT-12"), separated.into_bytes()),
        (name("ADT-12"), late.into_bytes()),
        (name("ADT-00"), merged.into_bytes()),
    ];
    let alone = files.each_ref().map(|(name, bytes)| read(name, bytes));
    assert!(alone.iter().filter(|read| read.is_ok()).count() >= 9);
    for before in 0..files.len() {
        for then in 0..files.len() {
            let mut reader = FileReader::default();
            for at in [before, then, before] {
                let (name, bytes) = &files[at];
                assert_eq!(reader.read(name, bytes), alone[at], "{before} {then} {at}");
            }
        }
    }
}

/// What cannot be true of a person is not used, and told: a name that fills its field, a birth
/// after the file was written, texts that no register holds.
#[test]
fn cut_names_future_births_and_endless_texts_are_not_used() {
    use FindingCode::{BirthInFuture, IdentityTooLong, NameCut};
    let kana = |count: usize| "ア".repeat(count);
    let long = "ア".repeat(100_000);
    let bomb = format!("山{}", "\u{301}".repeat(100_000));
    for (written, birth, used, found) in [
        (
            format!("{}^{}", kana(4), kana(4)),
            "19650415",
            Some((4, 4)),
            None,
        ),
        // 40 bytes with a blank of two bytes, of one, and with none.
        (
            format!("{}^{}", kana(4), kana(15)),
            "19650415",
            Some((4, 0)),
            Some(NameCut),
        ),
        (
            format!("{}^{}", kana(4), kana(16)),
            "19650415",
            Some((4, 0)),
            Some(NameCut),
        ),
        (
            format!("{} {}", kana(4), kana(15)),
            "19650415",
            Some((4, 0)),
            Some(NameCut),
        ),
        (format!("{}^", kana(20)), "19650415", None, Some(NameCut)),
        (
            format!("{}^{}", "ｱ".repeat(9), "ｱ".repeat(30)),
            "19650415",
            Some((9, 0)),
            Some(NameCut),
        ),
        // Longer than the field, so that no field cut it.
        (
            format!("{}^{}", kana(4), kana(20)),
            "19650415",
            Some((4, 20)),
            None,
        ),
        (
            format!("{}^{}", kana(4), kana(4)),
            "20111222",
            Some((4, 4)),
            Some(BirthInFuture),
        ),
        (
            format!("{}^{}", kana(4), kana(4)),
            "20111221",
            Some((4, 4)),
            None,
        ),
        (
            format!("{}^{}", kana(4), kana(4)),
            "20991231",
            Some((4, 4)),
            Some(BirthInFuture),
        ),
        (
            format!("{long}^{long}"),
            "19650415",
            None,
            Some(IdentityTooLong),
        ),
        (
            format!("{bomb}^{bomb}"),
            "19650415",
            None,
            Some(IdentityTooLong),
        ),
    ] {
        let text = format!(
            "{}\rPID|1||0001112223||{written}||{birth}|M",
            header("ADT-00").replace("~ISO IR87", "UNICODE UTF-8")
        );
        let reading = read(&name("ADT-00"), text.as_bytes()).unwrap();
        let count = |part: &record::Sensitive| part.expose().chars().count();
        let kana = reading.identity.kana.as_ref();
        let shown = kana.map(|name| (count(&name.family), count(&name.given)));
        let told = reading.findings.iter().map(|finding| finding.code);
        let told: Vec<_> = told.filter(|code| code.as_str() >= "F090").collect();
        let written: String = written.chars().take(30).collect();
        assert_eq!(shown, used, "{written}");
        assert_eq!(told.first().copied(), found, "{written} {birth}");
        let kept = found != Some(BirthInFuture);
        assert_eq!(reading.identity.birth.is_some(), kept, "{birth}");
        let Some(Record::Patient(patient)) = reading.records.first() else {
            panic!("{written}")
        };
        assert_eq!(patient.birth.is_some(), kept, "{birth}");
    }
}

/// B-132: the message is set aside before any of it is read.
#[test]
fn a_message_with_an_individual_number_is_set_aside() {
    let text = |line: &str| {
        format!(
            "{}\rPID|1||0001112223||山田^太郎\r{line}\r",
            header("ADT-00")
        )
    };
    for line in [
        "NTE|1||1234-5678-9018",
        "その他 １２３４５６７８９０１８",
        "ZZZ|123456789018",
    ] {
        let finding = read(&name("ADT-00"), text(line).as_bytes()).unwrap_err();
        assert_eq!(finding.code, FindingCode::IndividualNumber, "{line}");
        assert_eq!(finding.place.line, 3);
        assert!(!format!("{finding:?}").contains("5678"));
    }
    assert!(read(&name("ADT-00"), text("NTE|1||1234-5678-9017").as_bytes()).is_ok());
}
