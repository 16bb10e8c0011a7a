//! The tokenizer of HL7: lines, fields, repetitions, components, escapes.

use formats::hl7::{self, Field, Fields, Line, MAX_FIELDS, MAX_REPETITIONS, MAX_SEGMENTS, Segment};
use text::jis;

/// Any bytes, decoded, as the text of a file.
pub(crate) fn run(data: &[u8]) {
    let decoded = jis::decode(data, jis::Encoding::Iso2022Jp);
    let text = decoded.text.as_str();
    splits(text);
    value_returns(text);
}

/// Splits a text and holds the pieces against the plain splitting of the standard library.
fn splits(text: &str) {
    let Ok(lines) = hl7::lines(text) else {
        assert!(!usual_header(text), "a usual header is refused");
        return;
    };
    assert!(text.trim_start().starts_with("MSH"));
    // What fills the file up at its end is no line, nor is one of blanks.
    let filled = |c| matches!(c, '\0' | '\u{1A}' | ' ' | '\r' | '\n');
    let expected = text.trim_start().trim_end_matches(filled);
    let mut expected = expected
        .split(['\r', '\n'])
        .filter(|line| !line.trim().is_empty());
    let mut number = 0;
    for line in lines {
        number += 1;
        if number > MAX_SEGMENTS {
            assert!(line.is_err(), "no limit of segments");
            return;
        }
        let Some(written) = expected.next() else {
            panic!("more lines than there are");
        };
        match line {
            Ok(Line::Segment(segment)) => {
                assert_eq!(segment.line, number, "number of a segment");
                assert!(written.as_bytes().starts_with(&segment.name), "name");
                check_segment(&segment, written);
            }
            Ok(Line::Unreadable { line, .. }) => assert_eq!(line, number, "number of a line"),
            Err(code) => panic!("{code} below the limit"),
        }
    }
    assert_eq!(expected.next(), None, "lines are missing");
}

fn usual_header(text: &str) -> bool {
    text.trim_start().starts_with("MSH|^~\\&|")
}

fn check_segment(segment: &Segment<'_>, written: &str) {
    let Some(fields) = segment.fields() else {
        let separators = written.bytes().filter(u8::is_ascii_punctuation).count();
        assert!(separators >= MAX_FIELDS, "refused below the limit");
        return;
    };
    assert_eq!(fields.name(), segment.name);
    assert_eq!(fields.line(), segment.line);
    let filled = fields.filled();
    for number in (1u8..56).filter(|number| filled & 1 << number != 0) {
        let field = fields.field(number);
        assert!(!field.is_empty());
        check_field(field, written.len());
    }
    if &segment.name != b"MSH" {
        check_usual_fields(&fields, written);
    }
}

/// Where the separator is a bar, the fields are what lies between the bars.
fn check_usual_fields(fields: &Fields<'_>, written: &str) {
    if written.as_bytes().get(3) != Some(&b'|') {
        return;
    }
    for (number, expected) in written.split('|').enumerate().take(56).skip(1) {
        let Ok(number) = u8::try_from(number) else {
            return;
        };
        let field = fields.field(number);
        let says = !matches!(expected, "" | "\"\"");
        assert_eq!(says, !field.is_empty(), "field {number}");
        let plain = !expected.contains(|c: char| c.is_ascii_punctuation());
        if plain && says {
            assert!(field.value().text() == expected.trim(), "field {number}");
        }
    }
    assert!(fields.field(200).is_empty(), "a field that is not there");
}

fn check_field(field: Field<'_>, length: usize) {
    let repetitions = field.repetitions().count();
    assert!((1..=MAX_REPETITIONS).contains(&repetitions), "repetitions");
    assert!(repetitions == MAX_REPETITIONS || !field.is_over_limit());
    let mut total = 0;
    for (at, repetition) in field.repetitions().take(8).enumerate() {
        for number in 1..=8 {
            let component = repetition.component(number);
            let text = component.text();
            total += text.len();
            assert!(component.is_empty() == text.is_empty() || text.trim().is_empty());
            let part = component.subcomponent(1).text();
            // A formatting escape that a strange separator divides is one blank in the whole.
            assert!(
                part.len() <= text.len() + 16,
                "a part larger than the whole"
            );
            if at == 0 {
                assert!(field.first().component(number).text() == text, "first");
            }
        }
        assert!(repetition.component(u8::MAX).text().len() <= length);
    }
    // An escape is never shorter than what it stands for.
    assert!(total <= length, "values longer than their line");
}

/// A value written with its separators escaped comes back as it was.
fn value_returns(text: &str) {
    let value: String = text
        .chars()
        .filter(|c| !matches!(c, '\r' | '\n'))
        .take(500)
        .collect();
    let mut message = "MSH|^~\\&|\rZZZ|1|".to_owned();
    for letter in value.chars() {
        match letter {
            '|' => message.push_str("\\F\\"),
            '^' => message.push_str("\\S\\"),
            '&' => message.push_str("\\T\\"),
            '~' => message.push_str("\\R\\"),
            '\\' => message.push_str("\\E\\"),
            other => message.push(other),
        }
    }
    message.push_str("|end");
    let Some(Ok(Line::Segment(segment))) = hl7::lines(&message).ok().and_then(|mut l| l.nth(1))
    else {
        panic!("the segment is lost");
    };
    let Some(fields) = segment.fields() else {
        panic!("the fields are lost");
    };
    let expected = if value.trim() == "\"\"" {
        ""
    } else {
        value.trim()
    };
    assert!(
        fields.field(2).value().text() == expected,
        "a value changes"
    );
    assert!(fields.field(3).value().text() == "end", "the next field");
}
