//! Which patients a file names: beside the number that it is filed under, and in a file that was
//! set aside, which is not read.

use std::collections::BTreeSet;

use record::ChartNumber;
use text::jis;

use super::read::declared;
use crate::hl7::{self, Field, Line, SegmentName};

/// The most older numbers that are taken of one file.
pub(crate) const MOST_OLDER: usize = 1_000;

/// The fields of a segment that hold older or other numbers of the patient.
pub(crate) fn older(segment: SegmentName) -> &'static [u8] {
    match &segment {
        b"PID" => &[2, 4],
        b"MRG" => &[1],
        _ => &[],
    }
}

/// The numbers in the repetitions of a field.
pub(crate) fn numbers<'t>(field: Field<'t>) -> impl Iterator<Item = ChartNumber> + use<'t> {
    let repetitions = field.repetitions();
    repetitions.filter_map(|number| ChartNumber::new(&number.component(1).text()))
}

/// Every patient number that a file claims: all repetitions of every PID-3, and older numbers.
/// Whoever asks whether a person may leave asks about these too, because a file in the wrong place
/// may be that person's under another number. Empty for what is no message; never more than the
/// file has room for.
pub fn claims(bytes: &[u8]) -> BTreeSet<ChartNumber> {
    let decoded = jis::decode(bytes, declared(bytes));
    let mut claimed = BTreeSet::new();
    let Ok(lines) = hl7::lines(&decoded.text) else {
        return claimed;
    };
    for line in lines {
        let Ok(Line::Segment(segment)) = line else {
            continue;
        };
        let older = older(segment.name);
        if older.is_empty() {
            continue;
        }
        let Some(fields) = segment.fields() else {
            continue;
        };
        let present = (&segment.name == b"PID").then_some(3);
        for number in present.iter().chain(older) {
            claimed.extend(numbers(fields.field(*number)));
        }
    }
    claimed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_repetition_of_every_patient_line_is_a_claim() {
        for (text, claimed) in [
            (
                "MSH|^~\\&|\rPID|1||1~2^^^^PI\rPV1|\rPID|2||003\r",
                &["003", "1", "2"][..],
            ),
            ("MSH|^~\\&|\rPID|1||\"\"||\rPID\rAL1|1|2|3", &[]),
            ("MSH|^~\\&|\rMSH|^~\\&|\nPID|||9\n", &["9"]),
            ("PID|1||1", &[]),
            (
                "MSH|^~\\&|\rPID|1|7~8|9|6^^^A\rMRG|5~4|3",
                &["4", "5", "6", "7", "8", "9"],
            ),
            ("", &[]),
        ] {
            let found = claims(text.as_bytes());
            let found: Vec<_> = found.iter().map(ChartNumber::expose).collect();
            assert_eq!(found, claimed, "{text:?}");
        }
    }
}
