//! The guard against the individual number (B-132): a message that holds one is set aside before
//! anything of it is read.
//!
//! One in ten of a house's own numbers of twelve digits passes the check digit, and order numbers
//! and times often have twelve. So what counts depends on the field, as decision 0034 says:
//! - where the line itself names the number, whatever passes;
//! - in fields of staff, of institutions and of order numbers, and in codes of a named system,
//!   nothing else, since their own numbers are expected there and none of them leaves as it is but
//!   codes of a system;
//! - in the patient's numbers, what is not the chart number, unless chart numbers have twelve
//!   digits themselves;
//! - everywhere else, whatever passes and is no time and no running number.

use record::{ChartNumber, Finding, FindingCode, Place};
use text::individual::{self, Evidence};

use super::table::{self, Class};
use crate::hl7::{Field, Fields, Segment, SegmentName, Words};

/// Looks at a segment as it stands in the file.
///
/// # Errors
/// [`FindingCode::IndividualNumber`] with the line and the field, never the number.
pub(crate) fn check(segment: &Segment<'_>, chart: &ChartNumber) -> Result<(), Finding> {
    let body = segment.text();
    let typed = is_patient(segment.name) && body.contains(NATIONAL);
    if !typed && individual::finds(body).next().is_none() {
        return Ok(());
    }
    let named = individual::is_named(body);
    let hit = match segment.fields() {
        // It is over a limit and refused for that.
        None => return Ok(()),
        Some(fields) => hit(&fields, named, chart),
    };
    let Some(field) = hit else {
        return Ok(());
    };
    let place = Place {
        segment: Some(segment.name),
        line: segment.line,
        field,
    };
    Err(Finding {
        code: FindingCode::IndividualNumber,
        place,
    })
}

/// Looks at a line that is no segment: often the rest of a text.
///
/// # Errors
/// As for [`check`].
pub(crate) fn check_words(line: u32, words: Words<'_>) -> Result<(), Finding> {
    let text = words.as_written();
    let mut finds = individual::finds(text).peekable();
    let hit = finds.peek().is_some() && individual::is_named(text)
        || finds.any(|find| find.evidence == Evidence::Strong);
    let place = Place {
        segment: None,
        line,
        field: 0,
    };
    match hit {
        true => Err(Finding {
            code: FindingCode::IndividualNumber,
            place,
        }),
        false => Ok(()),
    }
}

/// The type of an identifier that the state of Japan gives a person (HL7 table 0203).
const NATIONAL: &str = "NNJPN";

fn is_patient(segment: SegmentName) -> bool {
    matches!(&segment, b"PID" | b"MRG")
}

/// The first field that holds an individual number; 0 for one above the greatest that is kept.
fn hit(fields: &Fields<'_>, named: bool, chart: &ChartNumber) -> Option<u8> {
    let counts = |text: &str, lenient: &dyn Fn() -> bool| {
        individual::finds(text).any(|find| {
            let own = text.get(find.start..find.end) == Some(chart.expose());
            !own && (named || (find.evidence == Evidence::Strong && !lenient()))
        })
    };
    let mut numbers = 1..=table::GREATEST;
    let hit = numbers.find(|&number| {
        let field = fields.field(number);
        (is_patient(fields.name()) && is_national(field))
            || counts(field.as_written(), &|| lenient(fields, number, chart))
    });
    hit.or_else(|| counts(fields.beyond(), &|| false).then_some(0))
}

/// Whether an identifier of the field says that it is one of the state.
fn is_national(field: Field<'_>) -> bool {
    field.repetitions().any(|repetition| {
        repetition.component(5).text() == NATIONAL && !repetition.component(1).is_empty()
    })
}

/// Whether numbers of twelve digits are at home in a field.
fn lenient(fields: &Fields<'_>, number: u8, chart: &ChartNumber) -> bool {
    if matches!((&fields.name(), number), (b"PID", 2..=4) | (b"MRG", 1)) {
        return individual::alone(chart.expose()).is_some();
    }
    if (&fields.name(), number) == (b"OBX", 5) && !is_coded(fields.field(5)) {
        return false;
    }
    table::classes(fields.name(), number).any(|class| match class {
        Class::Staff | Class::Facility | Class::Linkable => true,
        Class::Content => is_coded(fields.field(number)),
        Class::Direct | Class::Quasi | Class::Text => false,
    })
}

/// Whether the codes of a field name their system.
fn is_coded(field: Field<'_>) -> bool {
    field.repetitions().all(|repetition| {
        [3, 6]
            .into_iter()
            .any(|system| !repetition.component(system).is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hl7::{Line, lines};

    const NUMBER: &str = "123456789018";

    fn field_of(line: &str, chart: &str) -> Option<(u32, u8)> {
        let text = format!("MSH|^~\\&|\r{line}\r");
        let chart = ChartNumber::new(chart).unwrap();
        let mut found = None;
        for line in lines(&text).unwrap() {
            let Ok(Line::Segment(segment)) = line else {
                panic!()
            };
            if let Err(finding) = check(&segment, &chart) {
                assert_eq!(finding.code, FindingCode::IndividualNumber);
                found = Some((finding.place.line, finding.place.field));
            }
        }
        found
    }

    /// B-132, C-26: where it counts, and where a house's own numbers are expected.
    #[test]
    fn what_counts_depends_on_the_field() {
        for (line, field) in [
            ("NTE|1||本人より#と連絡", Some(3)),
            ("NTE|1||本人より１２３４－５６７８－９０１８と連絡", Some(3)),
            ("OBX|1|ST|9N001^備考^JC10||#", Some(5)),
            ("OBX|1|NM|9N001^備考^JC10||#", Some(5)),
            ("OBX|1|CWE|9N001^備考^JC10||#", Some(5)),
            ("OBX|1|CWE|#^項目||1", Some(3)),
            ("PID|1||0001112223||山田^太郎||||||東京都#", Some(11)),
            ("PID|1||0001112223||||||||||||||||#", Some(19)),
            ("PID|1|#|0001112223", Some(2)),
            ("PID|1||0001112223~#^^^^NNJPN", Some(3)),
            ("PID|1||0001112223~999^^^^NNJPN", Some(3)),
            ("MRG|#", Some(1)),
            ("IN1|1|C0^国保^JHSD0001|00138057|||||||#", Some(10)),
            ("ZZ9|1|2|#", Some(3)),
            ("NK1|1|山田^花子|||#", Some(5)),
            // The house's own numbers.
            ("ORC|NW|#|#", None),
            ("OBR|1|#|#|9N001^検査^JC10", None),
            ("OBX|1|CWE|9N001^項目^JC10||#^所見^99XYZ", None),
            ("OBX|1|NM|#^項目^99XYZ||1", None),
            ("PV1|1|O|||||#^医師^一郎", None),
            ("SPM|1|#", None),
            // Times and running numbers.
            ("NTE|1||受付202601051038", None),
            ("OBX|1|ST|9N001^備考^JC10||000012345674", None),
            // The line names it.
            ("NTE|1||個人番号 202601051038", Some(3)),
            ("OBX|1|CWE|9N001^個人番号^JC10||202601051038", Some(5)),
            ("ORC|NW|#|||||||マイナンバー", Some(2)),
            // The card is not the number.
            ("NTE|1||マイナンバーカードで受付 202601051038", None),
        ] {
            let line = line.replace('#', NUMBER);
            let found = field_of(&line, "0001112223").map(|(_, field)| field);
            assert_eq!(found, field, "{line}");
        }
    }

    #[test]
    fn a_house_with_chart_numbers_of_twelve_digits_can_be_read() {
        let line = format!("PID|1||{NUMBER}^^^^PI||山田^太郎");
        assert_eq!(field_of(&line, NUMBER), None);
        assert_eq!(field_of(&line, "0001112223"), Some((2, 3)));
        let older = format!("PID|1|{NUMBER}|700000000001^^^^PI||山田^太郎");
        assert_eq!(field_of(&older, "700000000001"), None);
        let elsewhere = format!("NTE|1||{NUMBER}");
        assert_eq!(field_of(&elsewhere, "700000000001"), Some((2, 3)));
    }
}
