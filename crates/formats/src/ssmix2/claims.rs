//! Which patients a file names that is not read: one that was set aside.

use std::collections::BTreeSet;

use record::ChartNumber;
use text::jis;

use super::read::declared;
use crate::hl7::{self, Line};

/// Every patient number that a file claims: all repetitions of every PID-3. Whoever asks whether a
/// person may leave asks about these too, because a file in the wrong place may be that person's
/// under another number. Empty for what is no message; never more than the file has room for.
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
        if &segment.name != b"PID" {
            continue;
        }
        let Some(fields) = segment.fields() else {
            continue;
        };
        let numbers = fields.field(3).repetitions();
        claimed.extend(numbers.filter_map(|n| ChartNumber::new(&n.component(1).text())));
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
            ("", &[]),
        ] {
            let found = claims(text.as_bytes());
            let found: Vec<_> = found.iter().map(ChartNumber::expose).collect();
            assert_eq!(found, claimed, "{text:?}");
        }
    }
}
