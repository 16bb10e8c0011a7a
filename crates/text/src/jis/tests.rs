//! Dialects of bytes, one row each, and properties over all bytes.

use encoding_rs::{EUC_JP, ISO_2022_JP, SHIFT_JIS};
use proptest::prelude::*;

use super::*;
use crate::encode::counterpart;
use crate::fold;

fn codes(bytes: &[u8]) -> (String, Vec<FindingCode>) {
    let decoded = decode(bytes, Encoding::Iso2022Jp);
    let codes = decoded.repairs.findings().map(|finding| finding.code);
    (decoded.text, codes.collect())
}

#[test]
fn clean_files_decode_without_a_repair_and_encode_to_the_same_bytes() {
    for (bytes, text) in [
        (&b"MSH|^~\\&|A\rPID|1\r"[..], "MSH|^~\\&|A\rPID|1\r"),
        (b"PID|\x1B$B;3ED\x1B(B^\x1B$BB@O:\x1B(B|", "PID|山田^太郎|"),
        (b"\x1B$B\x2D\x21\x7C\x62\x1B(B", "①髙"),
        (b"\x1B$(D\x22\x6F\x1B(B", "™"),
        (b"\x1B$B;3\x1B$(D\x22\x6F\x1B(B\r", "山™\r"),
        (b"", ""),
    ] {
        let decoded = decode(bytes, Encoding::Iso2022Jp);
        assert_eq!(decoded.text, text);
        assert!(decoded.repairs.is_clean(), "{text}");
        assert_eq!(encode(text).as_deref(), Ok(bytes), "{text}");
    }
}

/// Another writer would say the same with other bytes: counted, but nobody's mistake.
#[test]
fn lawful_variants_are_counted_and_not_reported() {
    for (bytes, text, count) in [
        (&b"\x1B$@;3\x1B(J\\~\x1B(B|"[..], "山\\~|", 3),
        (b"\x1B(Babc\x1B(B\x1B(B", "abc", 3),
        (b"\x1B$B\x1B(B|", "|", 1),
        (b"\x1B$B;3\x1B(B\x1B$BED\x1B(B|", "山田|", 1),
        (b"\x1B$B;3\x1B$BED\x1B(B|", "山田|", 1),
        (b"\x1B&@\x1B$B;3\x1B(B|", "山|", 3),
        (b"\x1B$B;3 ED\x1B(B", "山 田", 1),
        (b"\x1B$B\x2D\x7C\x1B(B", "∪", 1),
        (b"\x1B$(D\x30\x21\x1B(B", "丂", 0),
        (b"A\x0F|", "A|", 1),
    ] {
        let decoded = decode(bytes, Encoding::Iso2022Jp);
        assert_eq!(decoded.text, text);
        let repairs: Vec<_> = decoded.repairs.iter().collect();
        let variants = (count > 0).then_some((Repair::Variant, count));
        assert_eq!(repairs, Vec::from_iter(variants), "{bytes:?}");
        assert_eq!(decoded.repairs.findings().count(), 0);
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
const PRIVATE: FindingCode = FindingCode::CharacterPrivate;
const MIXED: FindingCode = FindingCode::EncodingMixed;
const GUESSED: FindingCode = FindingCode::EncodingGuessed;

const SETS: &[Deviation] = &[
    ("set open at CR", b"\x1B$B;3\rPID|1", "山\rPID|1", &[ESCAPE]),
    ("set open at LF", b"\x1B$B;3\nPID|1", "山\nPID|1", &[ESCAPE]),
    ("set open at the end", b"A\x1B$B;3", "A山", &[ESCAPE]),
    (
        "line end inside a pair",
        b"\x1B$B;3E\rPID",
        "山\u{10FE45}\rPID",
        &[ESCAPE, LOST],
    ),
    (
        "escape inside a pair",
        b"\x1B$B;3E\x1B(B|",
        "山\u{10FE45}|",
        &[LOST],
    ),
    ("four bytes, B", b"\x1B$(B;3\x1B(B|", "山|", &[ESCAPE]),
    ("four bytes, @", b"\x1B$(@;3\x1B(B|", "山|", &[ESCAPE]),
    (
        "another Latin set",
        b"\x1B(HA\\~\x1B(B|",
        "A\\~|",
        &[ESCAPE],
    ),
    ("kana by escape", b"\x1B(I12\x1B(B|", "ｱｲ|", &[ESCAPE]),
    (
        "kana open at a separator",
        b"\x1B(I12|AB",
        "ｱｲ|AB",
        &[ESCAPE],
    ),
    ("kana by shift", b"A\x0E12\x0F|", "Aｱｲ|", &[ESCAPE]),
    (
        "kana by shift in kanji",
        b"\x1B$B;3\x0E1\x0FED\x1B(B|",
        "山ｱ田|",
        &[ESCAPE],
    ),
    (
        "kana by shift, designated",
        b"\x1B)I\x0E1\x0F|",
        "ｱ|",
        &[ESCAPE],
    ),
    ("kanji by shift", b"\x1B$)B\x0E;3\x0F|", "山|", &[ESCAPE]),
    ("kana by shift open at CR", b"\x0E1\rA|", "ｱ\rA|", &[ESCAPE]),
    ("kana by shift open at the end", b"\x0E1", "ｱ", &[ESCAPE]),
    ("kana in eight bits", b"\x1B(B\xB1\xB2|", "ｱｲ|", &[ESCAPE]),
    (
        "kana of eight bits after an escape",
        b"\x1B(I\xB1\x1B(B|",
        "ｱ|",
        &[ESCAPE],
    ),
    (
        "pairs in eight bits",
        b"\x1B$B\xBB\xB3\x1B(B",
        "山",
        &[ESCAPE],
    ),
    (
        "JIS X 0212 open at CR",
        b"\x1B$(D\x22\x6F\r|",
        "™\r|",
        &[ESCAPE],
    ),
    (
        "JIS X 0213 plane 1",
        b"\x1B$(Q\x2E\x22;3\x1B(B|",
        "𠀋山|",
        &[ESCAPE],
    ),
    (
        "JIS X 0213 of 2000",
        b"\x1B$(O\x24\x77\x1B(B|",
        "か\u{309A}|",
        &[ESCAPE],
    ),
    (
        "JIS X 0213 plane 2",
        b"\x1B$(P\x21\x21\x1B(B|",
        "𠂉|",
        &[ESCAPE],
    ),
    (
        "JIS X 0213 without a character",
        b"\x1B$(P\x22\x21\x1B(B|",
        "\u{F67EA}|",
        &[ESCAPE, LOST],
    ),
    (
        "a set of another country",
        b"\x1B$(C0!||\x1B(B|",
        "\u{10FE30}\u{10FE21}\u{10FE7C}\u{10FE7C}|",
        &[ESCAPE, LOST],
    ),
    ("IBM rows", b"\x1B$B\x93\x21\x1B(B|", "ⅰ|", &[ESCAPE]),
    (
        "IBM rows without a character",
        b"\x1B$B\x98\x7E\x1B(B|",
        "\u{10FE98}\u{10FE7E}|",
        &[ESCAPE, LOST],
    ),
    (
        "unknown escape",
        b"A\x1BZ|",
        "A\u{10FE1B}Z|",
        &[ESCAPE, LOST],
    ),
    (
        "unknown escape among pairs",
        b"\x1B$B;3\x1BZED\x1B(B|",
        "山\u{10FE1B}\u{10FE5A}田|",
        &[ESCAPE, LOST],
    ),
    (
        "escape at the very end",
        b"A\x1B",
        "A\u{10FE1B}",
        &[ESCAPE, LOST],
    ),
    (
        "escape cut at a line end",
        b"A\x1B$\rB",
        "A\u{10FE1B}$\rB",
        &[ESCAPE, LOST],
    ),
    ("framing", b"\x0BMSH|\r\x1C\r", "MSH|\r\r", &[FRAMING]),
];

const CHARACTERS: &[Deviation] = &[
    ("NEC row 13", b"\x1B$B\x2D\x6A\x1B(B", "㈱", &[]),
    (
        "NEC-selected IBM rows",
        b"\x1B$B\x79\x21\x7C\x7E\x1B(B",
        "纊＂",
        &[],
    ),
    (
        "empty cell",
        b"\x1B$B\x2A\x21\x1B(B|",
        "\u{F034E}|",
        &[LOST],
    ),
    (
        "user-defined row 85",
        b"\x1B$B\x75\x21\x1B(B|",
        "\u{E000}|",
        &[PRIVATE],
    ),
    (
        "user-defined row 94",
        b"\x1B$B\x7E\x7E\x1B(B|",
        "\u{E3AB}|",
        &[PRIVATE],
    ),
    (
        "user-defined rows of JIS X 0212",
        b"\x1B$(D\x75\x21\x1B(B|",
        "\u{E3AC}|",
        &[PRIVATE],
    ),
    (
        "user-defined rows 95 to 114",
        b"\x1B$B\x7F\x21\x92\x7E\x1B(B|",
        "\u{E000}\u{E757}|",
        &[ESCAPE, PRIVATE],
    ),
    (
        "user-defined in CP932",
        b"\x8ER\xF0\x40",
        "山\u{E000}",
        &[ENCODING, PRIVATE],
    ),
    (
        "user-defined in UTF-8",
        "山\u{E001}".as_bytes(),
        "山\u{E001}",
        &[ENCODING, PRIVATE],
    ),
    (
        "lost before",
        "山\u{FFFD}".as_bytes(),
        "山\u{FFFD}",
        &[ENCODING, LOST],
    ),
];

const ENCODINGS: &[Deviation] = &[
    ("UTF-8", "PID|山田".as_bytes(), "PID|山田", &[ENCODING]),
    (
        "UTF-8 with a mark",
        b"\xEF\xBB\xBFA\xE5\xB1\xB1",
        "A山",
        &[ENCODING],
    ),
    ("a mark before ASCII", b"\xEF\xBB\xBFMSH|", "MSH|", &[]),
    (
        "a mark before escapes",
        b"\xEF\xBB\xBF\x1B$B;3\x1B(B",
        "山",
        &[],
    ),
    (
        "CP932",
        b"PID|\x8ER\x93c|\xFB\xFC",
        "PID|山田|髙",
        &[ENCODING],
    ),
    (
        "CP932 ending in separators",
        b"\x83\x7C|\x94\x5C^",
        "ポ|能^",
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
        "EUC-JP with JIS X 0212 and kana",
        b"\xA4\xA2\x8F\xA2\xEF\x8E\xB1|",
        "あ™ｱ|",
        &[ENCODING],
    ),
    (
        "kanji of EUC-JP or kana of CP932",
        b"\xBB\xB2\xC4\xB3|",
        "ｻｲﾄｳ|",
        &[ENCODING, GUESSED],
    ),
    (
        "rare kanji of EUC-JP or kana of CP932",
        b"PID|\xA3\xC1\xA3\xB1\xD8\xC3\xD6\xAC\r",
        "PID|｣ﾁ｣ｱﾘﾃﾖｬ\r",
        &[ENCODING, GUESSED],
    ),
    (
        "a sign of UTF-8 or kana of CP932",
        b"5\xC2\xB11|",
        "5±1|",
        &[ENCODING, GUESSED],
    ),
    (
        "UTF-8 line in a JIS file",
        b"\x1B$B;3\x1B(B\r\xE5\xB1\xB1",
        "山\r山",
        &[MIXED],
    ),
    (
        "CP932 line in a JIS file",
        b"\x1B$B;3\x1B(B\rNTE|\x8ER\x93c|\rOBX|",
        "山\rNTE|山田|\rOBX|",
        &[MIXED],
    ),
    (
        "EUC-JP line in a JIS file",
        b"\x1B$B;3\x1B(B\r\xA4\xA2\xA4\xA4\r",
        "山\rあい\r",
        &[MIXED],
    ),
    (
        "CP932 line in a UTF-8 file",
        b"\xE5\xB1\xB1\xE5\xB1\xB1\n\x8ER\x93c\n",
        "山山\n山田\n",
        &[ENCODING, MIXED],
    ),
    (
        "lines of two encodings and one of none",
        b"\x8ER\n\xE5\xB1\xB1\xE5\xB1\xB1\n\xFF\n",
        "山\n山山\n\u{10FEFF}\n",
        &[ENCODING, LOST, MIXED],
    ),
    (
        "UTF-8 cut inside a character",
        b"\xE5\xB1\xB1\n\xE5\xB1",
        "山\n\u{10FEE5}\u{10FEB1}",
        &[ENCODING, LOST],
    ),
    (
        "CP932 cut inside a character",
        b"\x8ER\x93c\n\x8E",
        "山田\n\u{10FE8E}",
        &[ENCODING, LOST],
    ),
    (
        "a stray byte before a separator",
        b"\x8ER\x93c\x83|",
        "山田ポ",
        &[ENCODING],
    ),
    (
        "a byte of none",
        b"A\x80|",
        "A\u{10FE80}|",
        &[ENCODING, LOST],
    ),
];

#[test]
fn every_deviation_is_repaired_and_reported() {
    for &(name, bytes, text, found) in SETS.iter().chain(CHARACTERS).chain(ENCODINGS) {
        let mut found = found.to_vec();
        found.sort_unstable();
        assert_eq!(codes(bytes), (text.to_owned(), found), "{name}");
    }
}

#[test]
fn a_repair_is_reported_once_at_its_first_line() {
    let bytes = b"MSH|\r\n\r\nA\x0E1\r\n\x1B$B;3\r\n\x1B$B\x75\x21\x1B(B\r\n";
    let repairs = decode(bytes, Encoding::Iso2022Jp).repairs;
    let found: Vec<_> = repairs.findings().map(|f| (f.code, f.place.line)).collect();
    assert_eq!(found, [(ESCAPE, 2), (PRIVATE, 4)]);
    assert_eq!(repairs.count(Repair::LeftOpen), 2);
    assert_eq!(repairs.first_line(Repair::LeftOpen), 2);
    assert_eq!(repairs.first_line(Repair::Undecodable), 0);
    assert!(
        Repair::ALL
            .into_iter()
            .enumerate()
            .all(|(n, repair)| repair as usize == n)
    );
}

#[test]
fn replacement_signs_are_counted_and_left_to_the_reader_of_the_field() {
    for bytes in [
        &b"\x1B$B;3\x22\x23\x21\x7C\x22\x2E\x1B(B"[..],
        "山■●〓".as_bytes(),
        b"\x8ER\x81\xA1\x81\x9C\x81\xAC",
    ] {
        let decoded = decode(bytes, Encoding::Iso2022Jp);
        assert_eq!(decoded.text, "山■●〓");
        assert_eq!(decoded.repairs.count(Repair::Replaced), 3);
        assert!(
            !decoded
                .repairs
                .findings()
                .any(|f| f.code == FindingCode::CharacterReplaced)
        );
    }
}

#[test]
fn a_declared_encoding_is_no_deviation() {
    let decoded = decode("山".as_bytes(), Encoding::Utf8);
    assert_eq!(decoded.repairs, Repairs::default());
    let decoded = decode(b"\x8ER", Encoding::Utf8);
    assert_eq!(decoded.repairs.encoding(), Some(Encoding::Cp932));
}

#[test]
fn the_memory_of_a_text_is_used_again() {
    let mut text = String::from("before");
    decode_into(b"\x1B$B;3\x1B(B", Encoding::Iso2022Jp, &mut text);
    assert_eq!(text, "山");
    decode_into(b"A", Encoding::Iso2022Jp, &mut text);
    assert_eq!(text, "A");
}

/// Work that grew faster than the bytes would not end here.
#[test]
fn a_million_escapes_and_lines_of_megabytes_are_read_to_their_end() {
    const MILLION: usize = 1_000_000;
    let of = |piece: &[u8], repair| {
        let decoded = decode(&piece.repeat(MILLION), Encoding::Iso2022Jp);
        (decoded.text.len(), decoded.repairs.count(repair) as usize)
    };
    assert_eq!(of(b"\x1B", Repair::Undecodable), (4 * MILLION, MILLION));
    assert_eq!(of(b"\x1B(B", Repair::Variant), (0, MILLION));
    assert_eq!(of(b"\x0E1", Repair::HalfWidth), (3 * MILLION, MILLION));
    assert_eq!(of(b"\x1B$B;3\r", Repair::LeftOpen), (4 * MILLION, MILLION));
    assert_eq!(of(b"\x1B(B\x8ER", Repair::Mixed), (3 * MILLION, MILLION));
    assert_eq!(of(b"\x8ER", Repair::Undecodable), (3 * MILLION, 0));
    assert_eq!(of(b"\xFF\n", Repair::Undecodable), (5 * MILLION, MILLION));
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

/// Undecodable characters and signs for them, as the text itself shows them.
fn kept(text: &str) -> [usize; 2] {
    let undecoded = |c: &char| private::is_undecoded(*c) || *c == char::REPLACEMENT_CHARACTER;
    let private = |c: &char| private::is_private(*c) && !private::is_undecoded(*c);
    [
        text.chars().filter(undecoded).count(),
        text.chars().filter(private).count(),
    ]
}

proptest! {
    #[test]
    fn any_bytes_decode_to_one_text_within_its_bounds_and_keep_their_lines(bytes in pieces()) {
        let first = decode(&bytes, Encoding::Iso2022Jp);
        prop_assert_eq!(&first, &decode(&bytes, Encoding::Iso2022Jp));
        prop_assert!(first.text.len() <= 4 * bytes.len());
        let ends = |b: &[u8]| b.iter().filter(|&&b| b == b'\r' || b == b'\n').count();
        prop_assert_eq!(ends(first.text.as_bytes()), ends(&bytes));
    }

    /// C-25: what has no character is kept and counted, one by one.
    #[test]
    fn nothing_undecodable_goes_uncounted(bytes in pieces()) {
        let decoded = decode(&bytes, Encoding::Iso2022Jp);
        let counts = [Repair::Undecodable, Repair::Private].map(|r| decoded.repairs.count(r));
        prop_assert_eq!(kept(&decoded.text), counts.map(|count| count as usize));
    }

    #[test]
    fn whatever_decodes_without_a_repair_encodes_to_the_same_bytes(bytes in pieces()) {
        let decoded = decode(&bytes, Encoding::Iso2022Jp);
        if decoded.repairs.is_clean() {
            prop_assert_eq!(encode(&decoded.text), Ok(bytes));
        }
    }

    /// What was read once, repaired or not, is written so that it reads the same.
    #[test]
    fn encoded_text_decodes_to_itself(bytes in pieces()) {
        let text = decode(&bytes, Encoding::Iso2022Jp).text;
        // A private code point for a byte is written as that byte, which then may fit.
        let bytes_kept = text.chars().any(|c| matches!(origin(c), Some(Origin::Byte(_))));
        if let (Ok(again), false) = (encode(&text), bytes_kept) {
            let text: String = text.chars().map(counterpart).collect();
            prop_assert_eq!(decode(&again, Encoding::Iso2022Jp).text, text);
        }
    }

    #[test]
    fn clean_text_decodes_to_itself(text in "[ -\\[\\]-}一二三山田太郎髙﨑ァ-ヴぁ-んー、。Ａ-Ｚ０-９\r\n]{0,40}") {
        let bytes = encode(&text).unwrap();
        let decoded = decode(&bytes, Encoding::Iso2022Jp);
        prop_assert_eq!(decoded.text, text);
        prop_assert!(decoded.repairs.is_clean());
    }

    #[test]
    fn clean_bytes_decode_as_encoding_rs_decodes_them(
        text in "[ -\\[\\]-}\\p{Han}\\p{Hiragana}]{0,40}",
    ) {
        let bytes = ISO_2022_JP.encode(&text).0;
        let reference = ISO_2022_JP.decode_without_bom_handling(&bytes).0;
        prop_assert_eq!(decode(&bytes, Encoding::Iso2022Jp).text, reference);
    }

    /// Short lines of rare kanji may as well be kana of half width: such a guess is reported.
    #[test]
    fn other_encodings_decode_as_encoding_rs_decodes_them_or_say_that_they_guess(
        text in "(PID\\|[あ-んァ-ヴ一-龠、。（）Ａ-Ｚａ-ｚ０-９]{4,30}\r){1,4}",
    ) {
        for encoding in [SHIFT_JIS, EUC_JP] {
            let (bytes, _, unmappable) = encoding.encode(&text);
            let decoded = decode(&bytes, Encoding::Iso2022Jp);
            if !unmappable && decoded.repairs.count(Repair::Guessed) == 0 {
                prop_assert_eq!(&decoded.text, &text);
            }
        }
        prop_assert_eq!(&decode(text.as_bytes(), Encoding::Iso2022Jp).text, &text);
    }
}
