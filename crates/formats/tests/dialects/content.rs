//! Rows 11, 14, 20, 24 to 26 and 30: what the message says, and what of it stays.

use record::FindingCode::{DateImpossible, MessageTypeDeviates, MessageTypeUnknown, ValueInvalid};
use record::ResourceKind::{
    AllergyIntolerance, Condition, Encounter, MedicationRequest, Observation,
};

use crate::case::{Case, PATIENT, header, jis, message};

pub(crate) fn cases() -> Vec<Case> {
    [
        shifted(),
        staff(),
        times(),
        events(),
        foreign(),
        words(),
        types(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn shifted() -> Vec<Case> {
    vec![
        Case::lines(
            11,
            "department in PV1-8",
            "ADT-12",
            &["PV1|0001|O|||||||88^内科^99X"],
        )
        .records(&[Encounter])
        .shows(&["01"])
        .hides(&["88", "内科"])
        .named("0001112223_20111220_ADT-12_000000011000354_20111220103059000_01_1"),
    ]
}

const STAFF: &str = "110233^佐藤^花子^^^^^^^L^^^^^I~^サトウ^ハナコ^^^^^^^L^^^^^P";
const STAFF_WHOLE: &str = "110233^佐藤　花子^^^^^^^^^^";
const STAFF_BARE: &str = "佐藤^花子^110233";
const HIDDEN: &[&str] = &["110233", "佐藤", "花子", "サトウ", "ハナコ", "6789"];

fn staff() -> Vec<Case> {
    let mut cases = Vec::new();
    for (what, person) in [
        ("standard", STAFF),
        ("whole name in one component", STAFF_WHOLE),
        ("three components", STAFF_BARE),
        ("number alone", "110233"),
        ("licence", "110233^佐藤^花子^^^^^^^L^^^麻第6789号"),
    ] {
        let visit = format!("PV1|0001|O|||||{person}|{person}|{person}||||||||{person}|");
        let event = format!("EVN||20111220|||{person}");
        let order = format!("ORC|SC|1|||||||20111220|{person}|{person}|{person}");
        let group = format!("OBR|1|1||E001^生化学^L|||20111220|||{person}||||||{person}|||||");
        let value = "OBX|1|NM|3C015000002326101^CRP^JC10||0.3|mg/dL|||||F";
        let by = format!("OBX|2|XCN|X01^記録者^L||{person}||||||F");
        cases.extend([
            Case::lines(14, what, "ADT-12", &[&event, &visit]).records(&[Encounter]),
            Case::lines(14, what, "OML-11", &["SPM|1", &group, &order, value, &by])
                .records(&[Observation, Observation])
                .left(&["field:OBR-16", "field:OBX-5"]),
        ]);
    }
    cases.into_iter().map(|case| case.hides(HIDDEN)).collect()
}

fn times() -> Vec<Case> {
    let allergy = |what, onset: &str| {
        let line = format!("IAM|1|DA^薬剤^HL70127|620000001^薬^HOT9|SV||A|||||{onset}");
        Case::lines(20, what, "ADT-61", &[&line]).records(&[AllergyIntolerance])
    };
    let visit = |what, time: &str| {
        let line = format!("PV1|0001|O|01{}{time}", "|".repeat(41));
        Case::lines(20, what, "ADT-12", &[&line]).records(&[Encounter])
    };
    vec![
        visit("hour 25", "201112202530")
            .found(&[DateImpossible])
            .hides(&["2530", "25:30"]),
        visit("hour 47", "20111220475959").found(&[DateImpossible]),
        visit("hour 24", "201112202400").found(&[DateImpossible]),
        visit("second 60", "20111220235960").found(&[DateImpossible]),
        visit("a day that does not exist", "20110230").found(&[DateImpossible]),
        visit("zeros", "00000000").found(&[DateImpossible]),
        visit("13 digits", "2011122010305").found(&[DateImpossible]),
        allergy("words", "小学校低学年の頃")
            .left(&["field:IAM-11"])
            .hides(&["小学校"]),
        allergy("words and digits", "昭和50年頃")
            .left(&["field:IAM-11"])
            .hides(&["昭和"]),
        allergy("full width", "２０１１年頃")
            .left(&["field:IAM-11"])
            .hides(&["２０１１"]),
        allergy("a month", "201104").shows(&["2011-04"]),
    ]
}

fn events() -> Vec<Case> {
    let event = |to: &'static str| move |text: &str| jis(&text.replace("ADT^A04^ADT_A01", to));
    vec![
        Case::visit(24, "A01", event("ADT^A01^ADT_A01")).found(&[MessageTypeDeviates]),
        Case::visit(24, "A08", event("ADT^A08")).found(&[MessageTypeDeviates]),
        Case::visit(24, "no structure", event("ADT^A04")),
        Case::visit(24, "another kind", event("ADT^A60^ADT_A60")).set_aside(MessageTypeUnknown),
        Case::visit(24, "another message", event("OUL^R22^OUL_R22")).set_aside(MessageTypeUnknown),
        Case::visit(24, "no event", event("ADT")).set_aside(MessageTypeUnknown),
        Case::visit(24, "nothing", event("")).set_aside(MessageTypeUnknown),
    ]
}

fn foreign() -> Vec<Case> {
    let result = |line: &str| {
        let lines = ["SPM|1", "OBR|1|||E001", line];
        jis(&message("OML-11", PATIENT, &lines))
    };
    let hidden = &["JVBERi0", "秘密", "花子"][..];
    let mut cases = vec![
        Case::lines(
            25,
            "segments of a site",
            "ADT-12",
            &["PV1|0001|O", "ZXX|1|秘密^花子", "ZPV|JVBERi0", "ABC|秘密"],
        )
        .records(&[Encounter])
        .left(&["segment:ZXX", "segment:ZPV", "segment:unknown"])
        .hides(&["ABC"]),
        Case::lines(
            25,
            "documents",
            "ADT-12",
            &["PV1|0001|O", "TXA|1|CN|TX|20111220|秘密^花子"],
        )
        .records(&[Encounter])
        .left(&["segment:TXA"]),
    ];
    for (what, value) in [
        (
            "PDF",
            "ED|11506-3^経過^LN||^application^pdf^Base64^JVBERi0xLjc=",
        ),
        ("image", "ED|18748-4^画像^LN||^image^jpeg^Base64^JVBERi0"),
        (
            "pointer",
            "RP|18748-4^画像^LN||//server/秘密/0001112223.jpg^^image^jpeg",
        ),
        ("name", "XPN|X01^氏名^L||秘密^花子"),
        ("address", "XAD|X01^住所^L||^^^^184-0014^JPN^H^秘密"),
        ("telephone", "XTN|X01^電話^L||^^^^^^^^^^^秘密"),
        ("number of a person", "CX|X01^番号^L||0001112223^^^^PI"),
        ("organisation", "XON|X01^施設^L||秘密"),
    ] {
        let case = Case::of(25, what, "OML-11", result(&format!("OBX|1|{value}")));
        cases.push(
            case.records(&[Observation])
                .left(&["field:OBX-5"])
                .hides(&["0001112223"]),
        );
    }
    for (what, message) in [("ORM", "ORM^O01"), ("ORU", "ORU^R01"), ("MDM", "MDM^T02")] {
        let header = header("OML-11").replace("OUL^R22^OUL_R22", message);
        let text = format!("{header}\r{PATIENT}\rTXA|1|秘密\r");
        cases.push(Case::of(25, what, "OML-11", jis(&text)).set_aside(MessageTypeUnknown));
    }
    cases.into_iter().map(|case| case.hides(hidden)).collect()
}

fn words() -> Vec<Case> {
    const TOLD: &str = "昨年12月3日に転倒し花子が救急要請";
    let hidden = &["転倒", "花子", "12月"][..];
    let lab = |line: &str| format!("SPM|1||||{0}\rOBR|1|||E001^{0}^L\r{line}", "");
    let note = lab(&format!(
        "OBX|1|NM|3C015^CRP^JC10||0.3||||||F\rNTE|1||{TOLD}"
    ));
    let obx = |kind: &str| lab(&format!("OBX|1|{kind}|3C015^CRP^JC10||{TOLD}||||||F"));
    let iam = format!("IAM|1|DA^薬剤^HL70127|620000001^薬^HOT9|SV|{TOLD}|A||{TOLD}||||{TOLD}");
    let prb = format!(
        "PRB|AD|20111220|8843087^肺炎^MDCDX2||||20111201{}{TOLD}{}{TOLD}||{TOLD}|{TOLD}",
        "|".repeat(10),
        "|".repeat(4),
    );
    let rxe =
        format!("ORC|NW|1\rRXE||620000001^薬^HOT9|1||TAB^錠^MR9P||{TOLD}||||||||||||||{TOLD}");
    let tq1 = format!("{rxe}\rTQ1|1||{}|{TOLD}", "|".repeat(7));
    [
        ("NTE", "OML-11", note, Observation, "segment:NTE"),
        ("TX", "OML-11", obx("TX"), Observation, "field:OBX-5"),
        ("FT", "OML-11", obx("FT"), Observation, "field:OBX-5"),
        ("ST", "OML-11", obx("ST"), Observation, "field:OBX-5"),
        (
            "IAM-5, -8, -12",
            "ADT-61",
            iam,
            AllergyIntolerance,
            "field:IAM-5",
        ),
        (
            "PRB-17, -21, -23, -24",
            "PPR-01",
            prb,
            Condition,
            "field:PRB-17",
        ),
        (
            "RXE-7, -21",
            "OMP-01",
            rxe,
            MedicationRequest,
            "field:RXE-21",
        ),
        ("TQ1-11", "OMP-01", tq1, MedicationRequest, "field:TQ1-11"),
    ]
    .into_iter()
    .map(|(what, kind, text, record, left)| {
        let lines: Vec<_> = text.split('\r').collect();
        Case::lines(26, what, kind, &lines)
            .records(&[record])
            .left(&[left])
            .hides(hidden)
    })
    .collect()
}

fn types() -> Vec<Case> {
    let told = Some("");
    [
        ("words for a number", "NM", "測定不能", told),
        ("two numbers", "NM", "1.2^3", told),
        ("words for a time", "TS", "昨日", None),
        ("a number for a time", "TS", "99999999", Some("time")),
        ("a number for a structure", "SN", "5.6", told),
        ("words for a structure", "SN", "^約5^", told),
        ("words for a code", "CWE", "測定 不能^^", told),
        ("a code of words only", "CWE", "^測定不能^", None),
        ("no type", "", "5.6", told),
        ("an unknown type", "QQ", "5.6", told),
    ]
    .into_iter()
    .map(|(what, kind, value, told)| {
        let line = format!("OBX|1|{kind}|3C015000002326101^CRP^JC10||{value}|mg/dL|||||F");
        let case = Case::lines(30, what, "OML-11", &["SPM|1", "OBR|1|||E001", &line])
            .records(&[Observation])
            .hides(&["測定", "昨日", "約", "5.6", "99999"]);
        match told {
            Some("") => case.found(&[ValueInvalid]).left(&["field:OBX-5"]),
            Some(_) => case.found(&[DateImpossible]),
            None => case.left(&["field:OBX-5"]),
        }
    })
    .collect()
}
