//! Dialects of bytes, one row each, and properties over all bytes.

use encoding_rs::{EUC_JP, ISO_2022_JP, SHIFT_JIS};
use proptest::prelude::*;

use super::*;
use crate::fold;

fn codes(bytes: &[u8]) -> (String, Vec<FindingCode>) {
    let decoded = decode(bytes, Encoding::Iso2022Jp);
    (decoded.text, decoded.repairs.findings().collect())
}

#[test]
fn clean_files_decode_without_a_finding() {
    for (bytes, text) in [
        (&b"MSH|^~\\&|A\rPID|1\r"[..], "MSH|^~\\&|A\rPID|1\r"),
        (b"PID|\x1B$B;3ED\x1B(B^\x1B$BB@O:\x1B(B|", "PID|山田^太郎|"),
        (b"\x1B$@;3\x1B(J\\~\x1B(B|", "山\\~|"),
        (b"\x1B(Babc\x1B(B\x1B(B", "abc"),
        (b"\x1B$B\x2D\x21\x7C\x62\x1B(B", "①髙"),
        (b"\x1B$(D\x22\x6F\x1B(B", "™"),
        (b"", ""),
    ] {
        assert_eq!(codes(bytes), (text.to_owned(), vec![]), "{bytes:?}");
    }
}

/// One deviation: its name, the bytes, the text, what is reported.
type Deviation = (
    &'static str,
    &'static [u8],
    &'static str,
    &'static [FindingCode],
);

const ESCAPE: FindingCode = FindingCode::EscapeRepaired;
const ENCODING: FindingCode = FindingCode::EncodingDeviates;
const LOST: FindingCode = FindingCode::CharacterUndecodable;
const FRAMING: FindingCode = FindingCode::FramingRemoved;

const DEVIATIONS: &[Deviation] = &[
    ("set open at CR", b"\x1B$B;3\rPID|1", "山\rPID|1", &[ESCAPE]),
    ("set open at LF", b"\x1B$B;3\nPID|1", "山\nPID|1", &[ESCAPE]),
    ("set open at the end", b"A\x1B$B;3", "A山", &[ESCAPE]),
    (
        "half a pair",
        b"\x1B$B;3E\rPID",
        "山\u{FFFD}\rPID",
        &[ESCAPE, LOST],
    ),
    (
        "half a pair before an escape",
        b"\x1B$B;3E\x1B(B|",
        "山\u{FFFD}|",
        &[LOST],
    ),
    ("four-byte escape", b"\x1B$(B;3\x1B(B|", "山|", &[ESCAPE]),
    ("kana by escape", b"\x1B(I12\x1B(B|", "ｱｲ|", &[ESCAPE]),
    ("kana by shift", b"A\x0E12\x0F|", "Aｱｲ|", &[ESCAPE]),
    ("kana by shift open at CR", b"\x0E1\rA|", "ｱ\rA|", &[ESCAPE]),
    ("kana in eight bits", b"\x1B(B\xB1\xB2|", "ｱｲ|", &[ESCAPE]),
    (
        "pairs in eight bits",
        b"\x1B$B\xBB\xB3\x1B(B",
        "山",
        &[ESCAPE],
    ),
    ("blank inside pairs", b"\x1B$B;3 ED\x1B(B", "山 田", &[]),
    (
        "cell without a character",
        b"\x1B$B\x2A\x21\x1B(B|",
        "\u{FFFD}|",
        &[LOST],
    ),
    ("unknown escape", b"A\x1BZ|", "A\u{FFFD}Z|", &[ESCAPE, LOST]),
    (
        "escape at the very end",
        b"A\x1B",
        "A\u{FFFD}",
        &[ESCAPE, LOST],
    ),
    ("framing", b"\x0BMSH|\r\x1C\r", "MSH|\r\r", &[FRAMING]),
    ("UTF-8", "PID|山田".as_bytes(), "PID|山田", &[ENCODING]),
    (
        "UTF-8 with a mark",
        b"\xEF\xBB\xBFA\xE5\xB1\xB1",
        "A山",
        &[ENCODING],
    ),
    (
        "CP932",
        b"PID|\x8ER\x93c|\xFB\xFC",
        "PID|山田|髙",
        &[ENCODING],
    ),
    (
        "CP932 half-width kana",
        b"\xD4\xCF\xC0\xDE \xC0\xDB\xB3|",
        "ﾔﾏﾀﾞ ﾀﾛｳ|",
        &[ENCODING],
    ),
    (
        "EUC-JP",
        b"\xBB\xB3\xC5\xC4^\xA5\xE4\xA5\xDE\xA5\xC0",
        "山田^ヤマダ",
        &[ENCODING],
    ),
    (
        "CP932 private use",
        b"\x8ER\xF0\x40",
        "山\u{E000}",
        &[ENCODING, LOST],
    ),
    (
        "UTF-8 line in a JIS file",
        b"\x1B$B;3\x1B(B\r\xE5\xB1\xB1",
        "山\r山",
        &[ENCODING],
    ),
    (
        "lines of two encodings and one of none",
        b"\x8ER\n\xE5\xB1\xB1\xE5\xB1\xB1\n\xFF\n",
        "山\n山山\n\u{FFFD}\n",
        &[ENCODING, LOST],
    ),
];

#[test]
fn every_deviation_is_repaired_and_reported() {
    for &(name, bytes, text, found) in DEVIATIONS {
        assert_eq!(codes(bytes), (text.to_owned(), found.to_vec()), "{name}");
    }
}

#[test]
fn a_declared_encoding_is_no_deviation() {
    let decoded = decode("山".as_bytes(), Encoding::Utf8);
    assert_eq!(decoded.repairs, Repairs::default());
    let decoded = decode(b"\x8ER", Encoding::Utf8);
    assert_eq!(decoded.repairs.encoding, Some(Encoding::Cp932));
}

/// One person read from every encoding gives the same keys (ssmix2.md 6.5).
#[test]
fn a_name_folds_equal_whichever_encoding_it_came_in() {
    for (kanji, kana) in [
        ("髙﨑　一郎", "タカサキ　イチロウ"),
        ("山田 太郎", "ヤマダ タロウ"),
    ] {
        let line = format!("PID|{kanji}|{kana}|渋谷区神南１－２－３");
        let files = [
            ISO_2022_JP.encode(&line).0.into_owned(),
            SHIFT_JIS.encode(&line).0.into_owned(),
            EUC_JP.encode(&line).0.into_owned(),
            line.clone().into_bytes(),
        ];
        for bytes in files {
            let text = decode(&bytes, Encoding::Iso2022Jp).text;
            let fields: Vec<_> = text.split('|').collect();
            assert_eq!(fold::kanji(fields[1]), fold::kanji(kanji));
            assert_eq!(fold::kana(fields[2]), fold::kana(kana));
            assert_eq!(fold::digits(fields[3]), Some("123".to_owned()));
        }
    }
    let half = decode(b"\x1B(I@6;7\x1B(B", Encoding::Iso2022Jp).text;
    assert_eq!(fold::kana(&half), fold::kana("タカサキ"));
}

/// Pieces that make the interesting states likely.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..6),
        proptest::sample::select(vec![
            &b"\x1B$B"[..],
            b"\x1B$@",
            b"\x1B(B",
            b"\x1B(J",
            b"\x1B(I",
            b"\x1B$(D",
            b"\x1B$(B",
            b"\x1B",
            b"\x1B$",
            b"\x1B$(",
            b"\x0E",
            b"\x0F",
            b"\r",
            b"\n",
            b"\x1C",
            b";3ED",
            b"\xE5\xB1\xB1",
            b"\x8ER",
            b"|^~\\&",
        ])
        .prop_map(<[u8]>::to_vec),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_decode_to_one_text_and_keep_their_lines(bytes in pieces()) {
        let first = decode(&bytes, Encoding::Iso2022Jp);
        prop_assert_eq!(&first, &decode(&bytes, Encoding::Iso2022Jp));
        let ends = |b: &[u8]| b.iter().filter(|&&b| b == b'\r' || b == b'\n').count();
        prop_assert_eq!(ends(first.text.as_bytes()), ends(&bytes));
        let lost = first.text.chars().filter(|&c| c == '\u{FFFD}').count();
        prop_assert!(lost <= first.repairs.undecodable as usize);
    }

    #[test]
    fn clean_text_decodes_to_itself(text in "[ -\\[\\]-}一二三山田太郎髙﨑ァ-ヴぁ-んー、。Ａ-Ｚ０-９\r\n]{0,40}") {
        let (bytes, _, unmappable) = ISO_2022_JP.encode(&text);
        prop_assume!(!unmappable);
        let decoded = decode(&bytes, Encoding::Iso2022Jp);
        prop_assert_eq!(decoded.text, text);
        prop_assert_eq!(decoded.repairs, Repairs::default());
    }

    #[test]
    fn clean_bytes_decode_as_encoding_rs_decodes_them(
        text in "[ -\\[\\]-}\\p{Han}\\p{Hiragana}]{0,40}",
    ) {
        let bytes = ISO_2022_JP.encode(&text).0;
        let reference = ISO_2022_JP.decode_without_bom_handling(&bytes).0;
        prop_assert_eq!(decode(&bytes, Encoding::Iso2022Jp).text, reference);
    }
}
