//! Rows 31 and on: deviations added since the collection was made.

use record::FindingCode::{
    BirthMissing, CharacterPrivate, CharacterReplaced, EncodingDeviates, KanaMissing, NotHl7,
    PatientMismatch, ValueInvalid,
};
use record::ResourceKind::{Encounter, Observation, Patient};

use crate::case::{Case, PATIENT, jis, message, name, visit};

pub(crate) fn cases() -> Vec<Case> {
    [ends(), signs(), values(), patients()]
        .into_iter()
        .flatten()
        .collect()
}

fn ends() -> Vec<Case> {
    let after = |end: &'static [u8]| move |text: &str| [&*jis(text), end].concat();
    vec![
        Case::visit(31, "UTF-8", |text| {
            [b"\xEF\xBB\xBF", text.as_bytes()].concat()
        })
        .found(&[EncodingDeviates]),
        Case::visit(31, "before ISO-2022-JP", |text| {
            [b"\xEF\xBB\xBF", &*jis(text)].concat()
        }),
        Case::visit(32, "zeros", after(&[0; 64])),
        Case::visit(32, "blanks", after(b"                ")),
        Case::visit(32, "Ctrl-Z", after(b"\x1A")),
        Case::visit(32, "Ctrl-Z and zeros", after(b"\x1A\0\0\0\0")),
        Case::visit(33, "before", |text| [b"\r\n\r\n", &*jis(text)].concat()),
        Case::visit(33, "between", |text| jis(&text.replace('\r', "\r\r\n\n"))),
        Case::visit(33, "of blanks", |text| jis(&text.replace('\r', "\r  \r"))),
    ]
}

fn signs() -> Vec<Case> {
    let with = |signs: &'static str| move |text: &str| jis(&text.replace("^~\\&", signs));
    vec![
        Case::visit(34, "yen sign", |text| text.replace('\\', "¥").into_bytes())
            .found(&[EncodingDeviates]),
        Case::visit(34, "wide yen sign", |text| {
            text.replace('\\', "￥").into_bytes()
        })
        .found(&[EncodingDeviates]),
        Case::visit(34, "yen sign in JIS X 0201", |text| {
            let text = text.replace('\\', "\u{1}");
            let bytes = jis(&text);
            let at = bytes.iter().position(|byte| *byte == 1).unwrap();
            [&bytes[..at], b"\x1B(J\\\x1B(B", &bytes[at + 1..]].concat()
        })
        .found(&[]),
        Case::visit(35, "empty", with("")),
        Case::visit(35, "one sign", with("^")),
        Case::visit(35, "five signs", with("^~\\&#")),
        Case::visit(35, "other signs", |text| {
            let [field, component, repetition] = ["!", "$", "%"];
            let text = text.replace('|', field).replace('^', component);
            jis(&text.replace('~', repetition))
        }),
        Case::visit(35, "letters", with("abcd")).set_aside(NotHl7),
    ]
}

fn values() -> Vec<Case> {
    let result = |value: &str, kind: &str| {
        let line = format!("OBX|1|{kind}|3C015000002326101^CRP^JC10||{value}|mg/dL|||||F");
        jis(&message(
            "OML-11",
            PATIENT,
            &["SPM|1", "OBR|1|||E001", &line],
        ))
    };
    let bare = |value: &str, kind: &str| {
        let line = format!("OBX|1|{kind}|X01^番号^L||{value}||||||F");
        jis(&message(
            "OML-11",
            PATIENT,
            &["SPM|1", "OBR|1|||E001", &line],
        ))
    };
    let mut cases = vec![
        Case::of(36, "a number", "OML-11", result("  0.3 ", "NM"))
            .records(&[Observation])
            .shows(&["0.3"]),
        Case::lines(36, "a code", "ADT-12", &["PV1| 0001 | O |"])
            .records(&[Encounter])
            .shows(&["Outpatient"]),
        Case::of(43, "a measurement", "OML-11", result("0.05", "ST"))
            .records(&[Observation])
            .shows(&["0.05"]),
        Case::of(
            43,
            "a large measurement",
            "OML-11",
            result("120000000", "NM"),
        )
        .records(&[Observation])
        .shows(&["120000000"]),
    ];
    for (number, kind) in [
        ("0048135790", "ST"),
        ("0048135790", "NM"),
        ("００４８１３５７９０", "ST"),
        ("48135790", "ST"),
        ("048135", "NM"),
    ] {
        let case = Case::of(43, "no measurement", "OML-11", bare(number, kind));
        cases.push(
            case.records(&[Observation])
                .found(&[ValueInvalid])
                .left(&["field:OBX-5"])
                .hides(&["48135", "４８１３"]),
        );
    }
    cases
}

fn patients() -> Vec<Case> {
    let changed = |row, what, from: &str, to: &str| {
        assert!(PATIENT.contains(from), "{from}");
        Case::patient(row, what, &PATIENT.replace(from, to))
    };
    let deleted = {
        let fields: Vec<_> = (1..=30)
            .map(|n| if n == 3 { "0001112223" } else { "\"\"" })
            .collect();
        format!("PID|{}", fields.join("|"))
    };
    let utf8 = |name: &str| message("ADT-00", &PATIENT.replace("山田", name), &[]).into_bytes();
    let both = [("kanji", "山田/太郎"), ("kana", "ヤマダ/タロウ")];
    vec![
        changed(36, "the patient's number", "0001112223^", "  0001112223 ^").identity(&both),
        changed(36, "a name", "山田^太郎^", " 山田　^　太郎 ^").identity(&both),
        changed(37, "S", "19650415", "S40.4.15").identity(&[("birth", "1965-04-15")]),
        changed(37, "昭和", "19650415", "昭和40年4月15日").identity(&[("birth", "1965-04-15")]),
        changed(37, "with hyphens", "19650415", "1965-04-15"),
        Case::of(38, "of a site", "ADT-00", utf8("山\u{E000}"))
            .records(&[Patient])
            .found(&[EncodingDeviates, CharacterPrivate])
            .identity(&[("kanji", "-"), ("kana", "ヤマダ/タロウ")]),
        changed(38, "sign for a lost one", "山田", "■田")
            .found(&[CharacterReplaced])
            .identity(&[("kanji", "-"), ("kana", "ヤマダ/タロウ")]),
        Case::visit(39, "lower case", |text| {
            jis(&text.replace("0001112223", "a-0012345"))
        })
        .named(&name("ADT-12").replace("0001112223", "a-0012345")),
        Case::visit(39, "other case", |text| {
            jis(&text.replace("0001112223", "a-0012345"))
        })
        .named(&name("ADT-12").replace("0001112223", "A-0012345"))
        .set_aside(PatientMismatch),
        Case::visit(40, "letters", jis)
            .named(&name("ADT-12").replace("000000011000354", "RAD-2011-12-20.0017")),
        Case::visit(40, "22 digits", jis)
            .named(&name("ADT-12").replace("000000011000354", "1234567890123456789012")),
        Case::patient(41, "patient", &deleted).found(&[BirthMissing, KanaMissing]),
        Case::lines(
            41,
            "visit",
            "ADT-12",
            &[&format!("PV1{}", "|\"\"".repeat(50))],
        )
        .records(&[Encounter]),
        Case::of(
            42,
            "behind others",
            "ADT-12",
            jis(&visit().replacen("PID|", "EVN||20111220\rPV2|1\rPID|", 1)),
        )
        .records(&[Encounter])
        .identity(&both),
        Case::visit(42, "twice", |text| {
            jis(&text.replace(PATIENT, &format!("{PATIENT}\r{PATIENT}")))
        }),
    ]
}
