//! The tokenizer: separators, line ends, escapes, bounds.

use proptest::prelude::*;

use super::*;

fn segments(text: &str) -> Vec<Segment<'_>> {
    lines(text)
        .unwrap()
        .filter_map(|line| match line.unwrap() {
            Line::Segment(segment) => Some(segment),
            Line::Unreadable { .. } => None,
        })
        .collect()
}

#[test]
fn fields_are_numbered_as_the_standard_counts_them() {
    let all = segments("MSH|^~\\&|HIS|SEND||RCV|2011\rPID|0001||77^^^^PI~88\rAL1");
    let [header, patient, bare] = all.as_slice() else {
        panic!("{all:?}")
    };
    let header = header.fields().unwrap();
    assert_eq!(header.field(1).value().text(), "|");
    assert_eq!(header.field(3).value().text(), "HIS");
    assert_eq!(header.field(7).value().text(), "2011");
    let patient = patient.fields().unwrap();
    assert_eq!(patient.filled(), 1 << 1 | 1 << 3);
    assert!(patient.field(3).is_compound() && patient.field(3).is_repeated());
    assert!(!patient.field(1).is_compound() && !patient.field(1).is_repeated());
    let numbers = patient
        .field(3)
        .repetitions()
        .map(|r| r.component(1).text().into_owned());
    assert_eq!(numbers.collect::<Vec<_>>(), ["77", "88"]);
    assert_eq!(patient.field(3).first().component(5).text(), "PI");
    assert!(patient.field(0).is_empty() && patient.field(200).is_empty());
    assert_eq!(bare.fields().unwrap().filled(), 0);
    assert_eq!((&bare.name, bare.line), (b"AL1", 3));
}

#[test]
fn parts_that_are_hidden_read_as_empty() {
    let all = segments("MSH|^~\\&\rPV1|32^302^1~x^y|TAB&錠&MR9P^a&b");
    let fields = all[1].fields().unwrap();
    let ward = fields.field(1).limited(Parts::of(&[1, 3]), Parts::ALL);
    let read = |n| ward.first().component(n).text().into_owned();
    assert_eq!([1, 2, 3, 4].map(read), ["32", "", "1", ""]);
    assert_eq!(
        ward.first().components().map(|v| v.text().into_owned())[1],
        ""
    );
    assert_eq!(ward.repetitions().nth(1).unwrap().component(2).text(), "");
    assert_eq!(ward.first().filled().collect::<Vec<_>>(), [1, 2, 3]);
    let unit = fields.field(2).limited(Parts::ALL, Parts::of(&[1, 3]));
    let read = |n| unit.value().subcomponent(n).text().into_owned();
    assert_eq!([1, 2, 3].map(read), ["TAB", "", "MR9P"]);
    assert_eq!(
        unit.value().text(),
        "TAB",
        "a hidden name is no part of the text"
    );
    let none = fields.field(2).limited(Parts::NONE, Parts::ALL);
    assert!(none.value().is_empty());
}

#[test]
fn fields_above_the_kept_ones_are_known_to_say_something() {
    let text = format!("MSH|^~\\&\rPV1{}x", "|".repeat(70));
    let fields = segments(&text)[1].fields().unwrap();
    assert_eq!(fields.filled(), 1 << 63);
}

#[test]
fn segments_end_at_cr_lf_or_both_with_or_without_the_last() {
    for text in [
        "MSH|^~\\&\rPID|1\rPV1|",
        "MSH|^~\\&\nPID|1\nPV1|\n",
        "MSH|^~\\&\r\nPID|1\r\n\r\nPV1|",
    ] {
        let names: Vec<_> = segments(text).iter().map(|s| s.name).collect();
        assert_eq!(names, [*b"MSH", *b"PID", *b"PV1"], "{text:?}");
    }
}

#[test]
fn separators_are_those_of_the_message_and_usual_where_missing() {
    let all = segments("MSH#!%?*#A\rPID##1!2%3\rMSH|^\rPID||1^2~3");
    for patient in [all[1], all[3]] {
        let fields = patient.fields().unwrap();
        assert_eq!(fields.field(2).first().component(2).text(), "2");
        assert_eq!(fields.field(2).repetitions().count(), 2);
    }
    for header in [
        "",
        "PID|1",
        "MSH",
        "MSHA^~\\&",
        "MSH|^^\\&",
        "MSH|a~\\&",
        "msh|^~\\&",
    ] {
        assert_eq!(lines(header).err(), Some(FindingCode::NotHl7), "{header}");
    }
}

#[test]
fn a_line_that_is_no_segment_is_told_and_stops_nothing() {
    let text = "MSH|^~\\&\rPID|1\r続き\rob|1\rOBXX|\rMSH\rPV1|\r";
    let unreadable: Vec<_> = lines(text)
        .unwrap()
        .filter_map(|line| match line.unwrap() {
            Line::Unreadable { line, .. } => Some(line),
            Line::Segment(_) => None,
        })
        .collect();
    assert_eq!(unreadable, [3, 4, 5, 6]);
    assert_eq!(segments(text).len(), 3);
}

#[test]
fn escapes_are_resolved_last_and_the_delete_value_is_nothing() {
    for (written, read) in [
        ("a\\F\\b", "a|b"),
        ("\\S\\\\T\\\\R\\\\E\\", "^&~\\"),
        ("a\\H\\b\\N\\c\\.br\\d", "a b c d"),
        ("a\\.sp+3\\b\\.in-4\\", "a b "),
        ("1\\.Tel 03-1234\\2", "1\\.Tel 03-1234\\2"),
        ("\\X41\\", "\u{FFFD}"),
        ("a\\b", "a\\b"),
        ("a\\Q\\b", "a\\Q\\b"),
        ("\\", "\\"),
        ("  x ", "x"),
        ("\"\"", ""),
    ] {
        let text = format!("MSH|^~\\&\rPID|{written}");
        let all = segments(&text);
        assert_eq!(
            all[1].fields().unwrap().field(1).value().text(),
            read,
            "{written}"
        );
    }
}

#[test]
fn lines_fields_and_repetitions_have_limits() {
    let many = format!("MSH|^~\\&\r{}", "NTE|\r".repeat(MAX_SEGMENTS as usize));
    assert_eq!(
        lines(&many).unwrap().last().unwrap().err(),
        Some(FindingCode::LimitReached)
    );
    let wide = format!("MSH|^~\\&\rNTE{}", "|1".repeat(MAX_FIELDS + 1));
    assert!(segments(&wide)[1].fields().is_none());
    let repeated = format!("MSH|^~\\&\rPID|{}", "1~".repeat(MAX_REPETITIONS));
    let field = segments(&repeated)[1].fields().unwrap().field(1);
    assert!(field.is_over_limit());
    assert_eq!(field.repetitions().count(), MAX_REPETITIONS);
}

proptest! {
    #[test]
    fn separators_are_found_where_they_stand(bytes in "[|a\u{7D}-\u{83}あ]{0,40}") {
        let expected: Vec<u32> = (0..)
            .zip(bytes.bytes())
            .filter_map(|(at, byte)| (byte == b'|').then_some(at))
            .collect();
        let found: Vec<u32> = positions(b'|', bytes.as_bytes()).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn blanks_are_trimmed_as_the_library_trims_them(text in "[ \u{3000}\t\"a山\u{85}]{0,4}") {
        prop_assert_eq!(trimmed(&text), text.trim());
    }

    #[test]
    fn fields_are_those_between_separators(written in "[|^~ab\"]{0,90}") {
        let text = format!("MSH|^~\\&\rPID|{written}");
        let all = segments(&text);
        let fields = all[1].fields().unwrap();
        for (number, expected) in (1u8..56).zip(written.split('|')) {
            prop_assert_eq!(fields.field(number).text, expected);
        }
        let filled = (1u8..56).filter(|&number| !fields.field(number).is_empty());
        let filled = filled.fold(0u64, |set, number| set | 1 << number);
        prop_assert_eq!(fields.filled() & !(1 << 63), filled);
        let after = 1 + u8::try_from(written.split('|').count()).unwrap();
        prop_assert!(fields.field(after).is_empty());
    }

    #[test]
    fn no_text_makes_it_panic(rest in "(MSH|PID|[A-Z]{0,4}|[|^~\\\\&\r\n\"]|\\PC){0,40}") {
        let text = format!("MSH|^~\\&|{rest}");
        for segment in segments(&text) {
            let Some(fields) = segment.fields() else { continue };
            for number in (1..56).filter(|n| fields.filled() >> n & 1 == 1) {
                for repetition in fields.field(number).repetitions() {
                    let _ = repetition.component(1).subcomponent(2).text();
                }
            }
        }
    }

    #[test]
    fn an_escaped_value_comes_back(value in "[ -~あ山]{1,20}") {
        let written: String = value.chars().map(|c| match c {
            '|' => "\\F\\".to_owned(),
            '^' => "\\S\\".to_owned(),
            '&' => "\\T\\".to_owned(),
            '~' => "\\R\\".to_owned(),
            '\\' => "\\E\\".to_owned(),
            other => other.to_string(),
        }).collect();
        prop_assume!(value != "\"\"");
        let text = format!("MSH|^~\\&\rPID||x^{written}");
        let all = segments(&text);
        let fields = all[1].fields().unwrap();
        prop_assert_eq!(fields.field(2).first().component(2).text(), value.trim());
    }
}
