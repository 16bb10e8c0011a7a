//! Rows 1 to 6 and 23: bytes, ends of lines, encodings, headers.

use encoding_rs::{EUC_JP, SHIFT_JIS};
use record::FindingCode::{
    EncodingDeviates, FramingRemoved, MessageTypeUnknown, PatientMismatch, PatientMissing,
    SegmentUnreadable,
};
use record::ResourceKind::Encounter;

use crate::case::{Case, PATIENT, header, jis, message, visit};

pub(crate) fn cases() -> Vec<Case> {
    [ends(), encodings(), headers(), several()]
        .into_iter()
        .flatten()
        .collect()
}

fn ends() -> Vec<Case> {
    let framed = |text: &str| [b"\x0B", &*jis(text), b"\x1C\r"].concat();
    vec![
        Case::visit(1, "LF", |text| jis(&text.replace('\r', "\n"))),
        Case::visit(1, "LF, no last end", |text| {
            jis(text.replace('\r', "\n").trim_end())
        }),
        Case::visit(1, "CR, no last end", |text| jis(text.trim_end())),
        Case::visit(2, "CRLF", |text| jis(&text.replace('\r', "\r\n"))),
        Case::visit(2, "CRLF and LF", |text| {
            jis(&text.replacen('\r', "\r\n", 1).replace('\r', "\n"))
        }),
        Case::visit(3, "0x1C at the end", |text| [&*jis(text), b"\x1C"].concat())
            .found(&[FramingRemoved]),
        Case::visit(3, "0x1C and CR at the end", |text| {
            [&*jis(text), b"\x1C\r"].concat()
        })
        .found(&[FramingRemoved]),
        Case::visit(3, "whole frame", framed).found(&[FramingRemoved]),
        Case::visit(3, "two frames", |text| {
            [framed(text), framed(text)].concat()
        })
        .found(&[FramingRemoved]),
    ]
}

fn encodings() -> Vec<Case> {
    let variant = |text: &str| text.replace("山田", "髙﨑");
    let kanji = [("kanji", "高崎/太郎"), ("kana", "ヤマダ/タロウ")];
    vec![
        Case::visit(4, "CP932", |text| SHIFT_JIS.encode(text).0.into_owned())
            .found(&[EncodingDeviates]),
        Case::visit(4, "CP932 with letters of one maker", |text| {
            SHIFT_JIS.encode(&variant(text)).0.into_owned()
        })
        .found(&[EncodingDeviates])
        .identity(&kanji),
        Case::visit(4, "UTF-8", |text| text.as_bytes().to_vec()).found(&[EncodingDeviates]),
        Case::visit(4, "UTF-8 under ISOIR87", |text| {
            variant(text).replace("ISO IR87", "ISOIR87").into_bytes()
        })
        .found(&[EncodingDeviates])
        .identity(&kanji),
        Case::visit(4, "UTF-8, declared", |text| {
            text.replace("~ISO IR87", "UNICODE UTF-8").into_bytes()
        }),
        Case::visit(4, "EUC-JP", |text| EUC_JP.encode(text).0.into_owned())
            .found(&[EncodingDeviates]),
    ]
}

fn headers() -> Vec<Case> {
    let profile = "SS-MIX2_1.20^SS-MIX2^1.2.392.200250.2.1.100.1.2.120^ISO";
    let with = |profile_of: &'static str| {
        move |text: &str| {
            assert!(text.contains(profile));
            jis(&text.replace(profile, profile_of))
        }
    };
    vec![
        Case::visit(5, "~ISOIR87", |text| {
            jis(&text.replace("ISO IR87", "ISOIR87"))
        }),
        Case::visit(5, "ISO2022-1994", |text| {
            jis(&text.replace("ISO 2022-1994", "ISO2022-1994"))
        }),
        Case::visit(5, "both empty", |text| {
            jis(&text.replace("~ISO IR87", "").replace("ISO 2022-1994", ""))
        }),
        Case::visit(6, "absent", with("")),
        Case::visit(
            6,
            "1.2h",
            with("SS-MIX2_1.20_h^SS-MIX2^1.2.392.200250.2.1.100.1.2.120^ISO"),
        ),
        Case::visit(
            6,
            "blanks",
            with("SS-MIX2_1.20 ^ SS-MIX2^1.2.392.200250.2.1.100.1.2.120 ^ISO"),
        ),
    ]
}

fn several() -> Vec<Case> {
    let second = |patient: &str| visit() + &message("ADT-12", patient, &["PV1|0001|O"]);
    let other = PATIENT.replace("0001112223", "0001112224");
    let unsaid = PATIENT.replace("0001112223^^^^PI", "");
    vec![
        Case::lines(
            23,
            "bare segments",
            "ADT-12",
            &["AL1", "PV1|0001|O", "AL1", "NK1"],
        )
        .records(&[Encounter]),
        Case::visit(23, "bare second MSH", |text| {
            jis(&format!("{text}MSH\rPV2|1\r"))
        })
        .found(&[SegmentUnreadable])
        .left(&["line:unreadable", "segment:PV2"]),
        Case::of(23, "two messages", "ADT-12", jis(&second(PATIENT)))
            .records(&[Encounter])
            .left(&["segment:PV1"])
            .hides(&["山田", "ヤマダ", "0001112223"]),
        Case::of(
            23,
            "second of another patient",
            "ADT-12",
            jis(&second(&other)),
        )
        .set_aside(PatientMismatch),
        Case::of(23, "second of nobody", "ADT-12", jis(&second(&unsaid))).set_aside(PatientMissing),
        Case::of(
            23,
            "second of another type",
            "ADT-12",
            jis(&(visit() + &header("OMP-01"))),
        )
        .set_aside(MessageTypeUnknown),
    ]
}
