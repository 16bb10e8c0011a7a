//! Every dialect of the standardized storage that is known, one row each, as a table of cases: what
//! deviates, what the file is, and what must come of it (C-25, A-037, A-038).
//!
//! Rows 1 to 30 are the collection that the project began with, of deviations seen in storages and
//! tools; the rows from 31 on were added since. A row has its number for good. Rows about files on
//! disk have cases in `gateway/src/source/dialects.rs` too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod added;
mod bytes;
mod case;
mod content;
mod patient;
mod places;

use std::collections::BTreeSet;

use case::Case;

/// What deviates, and what must come of it.
const ROWS: &[(u8, &str, &str)] = &[
    (1, "segments end with LF, no last end", "read"),
    (2, "segments end with CRLF", "read"),
    (
        3,
        "frame bytes 0x0B, 0x1C left in the file",
        "strip, report",
    ),
    (
        4,
        "CP932, EUC-JP or UTF-8 under ~ISO IR87",
        "recognise, report, nothing undecoded",
    ),
    (5, "blanks missing in MSH-18 and MSH-20", "read"),
    (6, "MSH-21 absent, of another version, with blanks", "read"),
    (7, "PID-3 is not the folder's patient", "quarantine"),
    (
        8,
        "file in the folder of another patient, day or kind",
        "quarantine",
    ),
    (
        9,
        "PID-3 with and without its other components",
        "component 1 is the number",
    ),
    (
        10,
        "PID one field late",
        "PID-9 stays, missing birth is reported",
    ),
    (11, "PV1 one field early", "PV1-8 stays"),
    (
        12,
        "type code of a name shifted or wrong",
        "the script decides",
    ),
    (
        13,
        "one repetition of the name, or no code",
        "kana by script, else reported",
    ),
    (14, "staff in every form of XCN", "none of it leaves"),
    (
        15,
        "telephone as plain text",
        "read as identifier, the whole field stays",
    ),
    (
        16,
        "postal code and address in other components",
        "one form",
    ),
    (
        17,
        "symbol and number of the insured in IN1-10, IN1-11 or both",
        "identifiers",
    ),
    (18, "birth and address in ZI1", "stay"),
    (
        19,
        "time of 14 to 16 digits, name of six parts",
        "read, report",
    ),
    (
        20,
        "hours above 23, words for a date",
        "the value stays, counted",
    ),
    (
        21,
        "several valid files, update marked 0",
        "newest valid one",
    ),
    (22, "care date is not the message's", "report only"),
    (
        23,
        "bare segments, several messages in a file",
        "read on, each checked",
    ),
    (
        24,
        "event of another kind",
        "report if known, else quarantine",
    ),
    (
        25,
        "segments of a site, documents in OBX-5, other messages",
        "stay",
    ),
    (26, "free text in every place for it", "stays, counted"),
    (
        27,
        "voicing marks apart, half-width kana, dashes",
        "one key, text as it is",
    ),
    (28, "numbers that hold the patient's number", "stay"),
    (29, "empty or unfinished file", "set aside, again next time"),
    (30, "OBX-2 is not the type of OBX-5", "report"),
    (31, "byte order mark before MSH", "read"),
    (32, "filled up with zeros, blanks or Ctrl-Z", "read"),
    (33, "blank lines between and before segments", "read"),
    (34, "yen sign for the backslash in MSH-2", "read"),
    (35, "MSH-2 empty or with other signs", "read"),
    (36, "blanks around values", "trimmed"),
    (37, "birth in a Japanese era", "read"),
    (
        38,
        "characters that a site made itself, or signs for lost ones",
        "not used, reported",
    ),
    (
        39,
        "patient's number in upper and lower case, with a hyphen",
        "exactly as written",
    ),
    (40, "order numbers with letters, longer than 15", "read"),
    (41, "delete value in every field", "says nothing"),
    (42, "PID behind other segments, or twice alike", "read"),
    (
        43,
        "a number with leading zeros where a measurement stands",
        "stays, reported",
    ),
];

fn cases() -> Vec<Case> {
    [
        bytes::cases(),
        places::cases(),
        patient::cases(),
        content::cases(),
        added::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn every_dialect_gives_what_its_row_requires() {
    let cases = cases();
    let failed: Vec<_> = cases.iter().filter_map(|case| case.fault()).collect();
    assert!(
        failed.is_empty(),
        "{} of {} cases:\n{}",
        failed.len(),
        cases.len(),
        failed.join("\n")
    );
}

#[test]
fn every_row_of_the_table_has_a_case_and_every_case_a_row() {
    let numbers: Vec<_> = ROWS.iter().map(|(number, _, _)| *number).collect();
    let all: Vec<_> = (1u8..).take(ROWS.len()).collect();
    assert_eq!(numbers, all, "rows are numbered without a gap");
    assert!(ROWS.len() >= 30);
    let tested: BTreeSet<_> = cases().iter().map(|case| case.row).collect();
    assert_eq!(tested, numbers.into_iter().collect(), "rows with cases");
}
