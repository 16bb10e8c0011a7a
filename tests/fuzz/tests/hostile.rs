//! P-15: what a hostile or broken source can hold, through every target and its oracles.

use formats::extended::cda;
use formats::ssmix2::{FileName, read};
use fuzz::seeds::{CHART, jis, messages, of};
use record::{ChartNumber, FindingCode};

/// What a byte is damaged to.
const WRONG: [u8; 5] = [0, 0x1B, b'\r', b'|', 0xFF];
/// The largest file that settings allow.
const LARGEST: usize = 64 << 20;

#[expect(clippy::unwrap_used, reason = "a fixed value of these tests")]
fn name(kind: impl std::fmt::Display) -> FileName {
    let name = format!("{CHART}_20111220_{kind}_1_20111220103059000_01_1");
    FileName::parse(&name).unwrap()
}

#[expect(clippy::unwrap_used, reason = "a fixed value of these tests")]
fn laboratory() -> String {
    let mut all = messages();
    all.find(|(kind, _)| kind.as_str() == "OML-11").unwrap().1
}

/// Every seed of every target, cut off at every length.
#[test]
fn files_cut_off_anywhere_keep_every_oracle() {
    for target in fuzz::TARGETS {
        for (_, seed) in of(target.name) {
            for end in 0..seed.len() {
                (target.run)(&seed[..end]);
            }
        }
    }
}

/// Every seed of every target with one byte wrong, each in turn: no character, an escape, the end
/// of a line, a separator, or a byte of another encoding. At every seventh place all of them.
#[test]
fn files_with_one_wrong_byte_keep_every_oracle() {
    for target in fuzz::TARGETS {
        for (_, mut seed) in of(target.name) {
            for at in 0..seed.len() {
                for (turn, wrong) in WRONG.into_iter().enumerate() {
                    if at % 7 != 0 && at % WRONG.len() != turn {
                        continue;
                    }
                    let right = std::mem::replace(&mut seed[at], wrong);
                    (target.run)(&seed);
                    seed[at] = right;
                }
            }
        }
    }
}

#[test]
fn bytes_that_look_like_other_encodings_keep_every_oracle() {
    let wrong: [&[u8]; 6] = [
        b"\xED\xA0\x80\xED\xB0\x80",          // lone surrogates as UTF-8
        b"\xFF\xFEM\0S\0H\0|\0",              // UTF-16
        b"\xFE\xFF\0M\0S\0H\0|\xD8\0",        // UTF-16 with a lone surrogate
        b"\xC0\x80\xF4\x90\x80\x80",          // overlong, beyond Unicode
        b"\0\0\0\0\0\0\0\0",                  // nothing but zeros
        b"\x1B$B\x1B(B\x1B$(D\x1B(I\x0E\x0F", // nothing but switches
    ];
    for target in fuzz::TARGETS {
        for bytes in wrong {
            (target.run)(bytes);
            (target.run)(&bytes.repeat(500));
            for (_, seed) in of(target.name) {
                (target.run)(&[seed.as_slice(), bytes].concat());
            }
        }
    }
}

#[test]
fn one_line_as_large_as_a_file_may_be_is_read_or_refused() {
    for filler in ["x", "~", "山"] {
        let mut file = laboratory();
        file.push_str("OBX|9|ST|1^x^L||");
        let count = (LARGEST - file.len()) / filler.len() - 8;
        file.push_str(&filler.repeat(count));
        match read(&name("OML-11"), file.as_bytes()) {
            Ok(reading) => assert!(reading.records.len() < 100, "{filler}"),
            Err(finding) => assert_eq!(finding.code, FindingCode::LimitReached, "{filler}"),
        }
    }
}

#[test]
fn a_million_of_anything_ends_at_a_limit_or_in_counts() {
    const MILLION: usize = 1_000_000;
    for (what, refused) in [
        ("\r", false),
        ("OBX\r", true),
        ("OBX|\r", true),
        ("MSH|^~\\&|\r", true),
        ("|", false),
    ] {
        let file = [laboratory(), what.repeat(MILLION)].concat();
        let read = read(&name("OML-11"), &jis(&file));
        let refusals = [FindingCode::LimitReached, FindingCode::MessageTypeUnknown];
        match read {
            Ok(_) => assert!(!refused, "{what:?}"),
            Err(finding) => assert!(refusals.contains(&finding.code), "{what:?} {finding:?}"),
        }
    }
    let repeated = laboratory().replace("^^^^PI", &"~7741902358".repeat(MILLION));
    let finding = read(&name("OML-11"), &jis(&repeated)).unwrap_err();
    assert_eq!(finding.code, FindingCode::LimitReached);
}

#[test]
fn deep_nesting_and_a_million_elements_of_a_document_are_refused_or_read() {
    let chart = ChartNumber::new(CHART).unwrap();
    for (open, close, count) in [
        ("<a>", "</a>", 100_000),
        ("<a>", "", 1_000_000),
        ("<a/>", "", 1_000_000),
        ("&lt;", "", 1_000_000),
        ("<!--", "-->", 100_000),
    ] {
        let document = format!(
            "<ClinicalDocument xmlns=\"urn:hl7-org:v3\">{}{}</ClinicalDocument>",
            open.repeat(count),
            close.repeat(count)
        );
        let read = cda::read(&chart, &Default::default(), document.as_bytes());
        assert!(read.is_err(), "nobody's document is read");
        assert!(cda::claims(document.as_bytes()).is_empty());
    }
}
