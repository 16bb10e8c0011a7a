//! Rows 9, 10, 12, 13 and 15 to 18, 27: who the patient is, in every writing.

use record::FindingCode::{BirthMissing, EncodingDeviates, KanaMissing};
use record::ResourceKind::{Condition, Coverage, Patient};

use crate::case::{Case, PATIENT, jis, message};

pub(crate) fn cases() -> Vec<Case> {
    [lines(), names(), contacts(), insured(), relatives()]
        .into_iter()
        .flatten()
        .collect()
}

fn lines() -> Vec<Case> {
    let numbered =
        |what, number: &str| Case::patient(9, what, &PATIENT.replace("0001112223^^^^PI", number));
    vec![
        numbered("alone", "0001112223"),
        numbered("with an authority", "0001112223^^^hospital^PI"),
        numbered("with a check digit", "0001112223^5^M10^^PI"),
        numbered("twice", "0001112223^^^^PI~0001112223^^^^MR"),
        Case::patient(
            10,
            "sex in 8, birth in 9",
            &PATIENT.replace("19650415|M|", "|M|19650415"),
        )
        .found(&[BirthMissing])
        .left(&["field:PID-9"])
        .identity(&[("birth", "-")])
        .hides(&["1965"]),
    ]
}

/// Writings of one name.
const NAMES: &[(u8, &str, &str)] = &[
    (
        12,
        "code shifted in the kanji",
        "山田^太郎^^^^L^I~ヤマダ^タロウ^^^^^L^P",
    ),
    (
        12,
        "code shifted in both",
        "山田^太郎^^^^L^I~ヤマダ^タロウ^^^^L^P",
    ),
    (
        12,
        "codes swapped",
        "山田^太郎^^^^^L^P~ヤマダ^タロウ^^^^^L^I",
    ),
    (
        12,
        "both coded as kanji",
        "山田^太郎^^^^^L^I~ヤマダ^タロウ^^^^^L^I",
    ),
    (
        12,
        "both coded as kana",
        "山田^太郎^^^^^L^P~ヤマダ^タロウ^^^^^L^P",
    ),
    (12, "kana first", "ヤマダ^タロウ^^^^^L^P~山田^太郎^^^^^L^I"),
    (12, "kana first, no codes", "ヤマダ^タロウ~山田^太郎"),
    (13, "no codes", "山田^太郎~ヤマダ^タロウ"),
    (
        13,
        "whole names",
        "山田　太郎^^^^^^L^I~ヤマダ　タロウ^^^^^^L^P",
    ),
    (
        13,
        "letters before",
        "YAMADA^TARO^^^^^L^A~山田^太郎^^^^^L^I~ヤマダ^タロウ^^^^^L^P",
    ),
    (
        13,
        "letters without a code",
        "山田^太郎~ヤマダ^タロウ~YAMADA^TARO",
    ),
    (
        13,
        "letters first, no code",
        "YAMADA^TARO~山田^太郎~ヤマダ^タロウ",
    ),
    (27, "hiragana", "山田^太郎^^^^^L^I~やまだ^たろう^^^^^L^P"),
    (27, "half width", "山田^太郎^^^^^L^I~ﾔﾏﾀﾞ^ﾀﾛｳ^^^^^L^P"),
    (
        27,
        "voicing mark apart",
        "山田^太郎^^^^^L^I~ヤマタ゛^タロウ^^^^^L^P",
    ),
];

fn named(row: u8, what: &'static str, written: &str) -> Case {
    let standard = "山田^太郎^^^^^L^I~ヤマダ^タロウ^^^^^L^P";
    assert!(PATIENT.contains(standard));
    Case::patient(row, what, &PATIENT.replace(standard, written))
}

fn names() -> Vec<Case> {
    let both = [("kanji", "山田/太郎"), ("kana", "ヤマダ/タロウ")];
    let kana_only = [("kana", "ヤマダ/タロウ")];
    let writings = NAMES.iter();
    let mut cases: Vec<_> = writings
        .map(|(row, what, written)| named(*row, what, written).identity(&both))
        .collect();
    // Not what ISO-2022-JP can say; such bytes lie in files all the same.
    let half = message("ADT-00", &PATIENT.replace("ヤマダ^タロウ", "ﾔﾏﾀﾞ^ﾀﾛｳ"), &[]);
    cases.extend([
        Case::of(27, "half width in UTF-8", "ADT-00", half.into_bytes())
            .records(&[Patient])
            .found(&[EncodingDeviates])
            .identity(&both),
        named(13, "kanji alone", "山田^太郎^^^^^L^I")
            .found(&[KanaMissing])
            .identity(&[("kanji", "山田/太郎"), ("kana", "-")]),
        named(13, "kana alone, coded", "ヤマダ^タロウ^^^^^L^P").identity(&kana_only),
        named(13, "kana alone, no code", "ヤマダ^タロウ").identity(&kana_only),
        named(13, "kana in the place of kanji", "サラ^リー^^^^^L^I")
            .identity(&[("kana", "サラ/リ")]),
        named(
            13,
            "kana in both places",
            "サラ^リー^^^^^L^I~サラ^リイ^^^^^L^P",
        )
        .identity(&[("kana", "サラ/リイ")]),
        named(
            12,
            "kana given name",
            "山田^サクラ^^^^^L^I~ヤマダ^サクラ^^^^^L^P",
        )
        .identity(&[("kanji", "山田/サクラ"), ("kana", "ヤマダ/サクラ")]),
        named(12, "kana given name, no codes", "山田^さくら~ヤマダ^サクラ")
            .identity(&[("kanji", "山田/さくら"), ("kana", "ヤマダ/サクラ")]),
    ]);
    let hidden = &["山田", "ヤマダ", "サラ", "YAMADA"];
    cases.into_iter().map(|case| case.hides(hidden)).collect()
}

fn contacts() -> Vec<Case> {
    let phone = |what, written: &str| {
        let standard = "^PRN^PH^^^^^^^^^099-385-6880";
        assert!(PATIENT.contains(standard));
        Case::patient(15, what, &PATIENT.replace(standard, written))
            .identity(&[("phones", "0993856880")])
            .hides(&["099", "385", "6880"])
    };
    let address = |what, written: &str| {
        let standard = "^^^^184-0014^JPN^H^東京都小金井市貫井南町１－２－３";
        assert!(PATIENT.contains(standard));
        Case::patient(16, what, &PATIENT.replace(standard, written))
            .identity(&[("postal", "4228033")])
            .shows(&["Prefecture(22)"])
            .hides(&["422", "8033", "静岡", "登呂"])
    };
    vec![
        phone("component 12", "^PRN^PH^^^^^^^^^099-385-6880"),
        phone("plain text", "099-385-6880"),
        phone("full width", "０９９－３８５－６８８０"),
        phone("brackets", "(099)385-6880^PRN^PH"),
        phone("component 7", "^PRN^PH^^^^0993856880"),
        address(
            "hyphen, component 8",
            "^^^^422-8033^JPN^H^静岡県静岡市駿河区登呂５－１０",
        ),
        address(
            "no hyphen, component 8",
            "^^^^4228033^JPN^H^静岡県静岡市駿河区登呂５－１０",
        ),
        address(
            "components 1, 3, 4",
            "登呂５－１０^^静岡市駿河区^静岡県^4228033^JPN^H",
        ),
        address(
            "whole in component 1",
            "静岡県静岡市駿河区登呂５－１０^^^^422-8033^JPN^H",
        ),
        address(
            "full width",
            "^^^^４２２－８０３３^JPN^H^静岡県静岡市駿河区登呂５－１０",
        ),
        address(
            "postal mark",
            "^^^^〒422-8033^JPN^H^静岡県静岡市駿河区登呂５－１０",
        ),
        address(
            "work before home",
            "^^^^1000001^JPN^B^東京都千代田区~^^^^4228033^JPN^H^静岡県静岡市駿河区登呂",
        )
        .hides(&["1000001", "千代田"]),
    ]
}

/// IN1-10, IN1-11, and insurer, symbol, number and branch as folded for linkage.
const CARDS: &[(&str, &str, &str, &str)] = &[
    (
        "symbol, number",
        "１２３",
        "４５６７８９０",
        "00138057/123/4567890/",
    ),
    (
        "symbol~number",
        "１２３~４５６７８９０",
        "",
        "00138057/123/4567890/",
    ),
    (
        "symbol~number~branch",
        "１２３~４５６７８９０~０１",
        "",
        "00138057/123/4567890/01",
    ),
    (
        "number twice",
        "123~4567890",
        "4567890",
        "00138057/123/4567890/",
    ),
    (
        "with an employer",
        "123~4567890~01",
        "株式会社四五",
        "00138057/123/4567890/01",
    ),
    (
        "symbol・number",
        "１２３・４５６７８９０",
        "",
        "00138057/123/4567890/",
    ),
    ("number alone", "4567890", "", "00138057//4567890/"),
    (
        "number beside, no symbol",
        "",
        "4567890",
        "00138057//4567890/",
    ),
    ("no symbol, ~number", "~4567890", "", "00138057//4567890/"),
    (
        "no symbol, ~number~branch",
        "~4567890~02",
        "",
        "00138057//4567890/02",
    ),
    (
        "symbol with characters",
        "文京・い",
        "４５６７８９０",
        "00138057/文京い/4567890/",
    ),
    (
        "number~branch beside",
        "123",
        "4567890~01",
        "00138057/123/4567890/01",
    ),
    (
        "more repetitions",
        "123~4567890~01~4567891",
        "",
        "00138057/123/4567890/01",
    ),
];

fn insured() -> Vec<Case> {
    let cards = CARDS.iter().map(|(what, symbol, beside, known)| {
        let line = format!("IN1|1|C0^国保^JHSD0001|00138057|||||||{symbol}|{beside}");
        let case = Case::lines(17, what, "ADT-00", &[&line])
            .records(&[Patient, Coverage])
            .identity(&[("insured", known)])
            .hides(&["138057", "4567890", "１２３", "4567891", "株式会社"]);
        match *what {
            "more repetitions" => case.left(&["field:IN1-10"]),
            "number twice" | "with an employer" => case.left(&["field:IN1-11"]),
            _ => case,
        }
    });
    cards.collect()
}

fn relatives() -> Vec<Case> {
    let problem = "PRB|AD|20111220|8843087^肺炎^MDCDX2||||20111201";
    let insurance = "ZI1|1|C0^国保^JHSD0001|00138057|国保組合||||||１２３|４５６７８９０|||||山田^花子|\
        SPO|19670102|^^^^184-0014^JPN^H^東京都小金井市";
    let text = message("PPR-01", PATIENT, &[insurance, problem]);
    vec![
        Case::of(18, "birth and address", "PPR-01", jis(&text))
            .records(&[Coverage, Condition])
            .left(&["field:ZI1-18", "field:ZI1-19"])
            .hides(&[
                "19670102",
                "1967",
                "184",
                "小金井",
                "花子",
                "１２３",
                "138057",
                "組合",
            ]),
        Case::lines(
            15,
            "relatives",
            "ADT-00",
            &["NK1|1|山田^花子|SPO|^^^^184-0014^JPN^H^東京都小金井市|099-385-6880|09012345678"],
        )
        .records(&[Patient])
        .left(&["segment:NK1"])
        .hides(&["花子", "6880", "0901234", "小金井"]),
    ]
}
