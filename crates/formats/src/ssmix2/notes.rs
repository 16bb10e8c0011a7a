//! What a reader notes beside the records: findings with places, and counts of what it left.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use record::{DropName, Drops, Finding, FindingCode, Place};

use super::table::Allowed;
use crate::hl7::SegmentName;

/// The most findings kept of one file; further ones are counted.
const MAX_FINDINGS: usize = 1_000;
/// The number that stands for all fields above the greatest one that is kept.
const BEYOND: u8 = 63;

/// Something left behind, packed: what, the segment name, the field, the component.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Left(u64);

/// What kind of thing was left behind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// A whole segment that no reader of this kind reads.
    Segment = 1,
    /// A line that would have been a record.
    Line = 2,
    /// A field, or a value in it.
    Field = 3,
    /// A component of a field.
    Component = 4,
    /// A line that is no segment.
    Unreadable = 5,
    /// A finding above the limit.
    Finding = 6,
    /// A line that says who somebody is.
    Person = 7,
}

/// The notes of one file.
#[derive(Clone, Default)]
pub(crate) struct Notes {
    findings: Vec<Finding>,
    left: Vec<(Left, u64)>,
}

impl Notes {
    /// Notes a finding about a whole line.
    pub(crate) fn found_in_line(
        &mut self,
        code: FindingCode,
        name: Option<SegmentName>,
        line: u32,
    ) {
        self.found(Finding {
            code,
            place: Place {
                segment: name,
                line,
                field: 0,
            },
        });
    }

    /// Notes a finding about a field.
    pub(crate) fn found_at(&mut self, code: FindingCode, fields: &Allowed<'_, '_>, field: u8) {
        let place = Place {
            segment: Some(fields.name()),
            line: fields.line(),
            field,
        };
        self.found(Finding { code, place });
    }

    /// Notes any finding.
    pub(crate) fn found(&mut self, finding: Finding) {
        match self.findings.len() < MAX_FINDINGS {
            true => self.findings.push(finding),
            false => self.leave(Left::new(What::Finding, [0; 3], 0, 0), 1),
        }
    }

    /// Counts a field whose value no record can say.
    pub(crate) fn leave_field(&mut self, fields: &Allowed<'_, '_>, number: u8) {
        self.leave_field_of(fields.name(), number);
    }

    /// Counts a field that does not pass.
    pub(crate) fn leave_field_of(&mut self, name: SegmentName, number: u8) {
        self.leave(Left::new(What::Field, name, number, 0), 1);
    }

    /// Counts a component that does not pass.
    pub(crate) fn leave_component_of(&mut self, name: SegmentName, number: u8, component: u8) {
        self.leave(Left::new(What::Component, name, number, component), 1);
    }

    /// Counts a line that did not become a record although its kind of segment does.
    pub(crate) fn leave_line(&mut self, name: SegmentName) {
        self.leave(Left::new(What::Line, name, 0, 0), 1);
    }

    /// Counts a line that says who somebody is instead of how.
    pub(crate) fn leave_person(&mut self, name: SegmentName) {
        self.leave(Left::new(What::Person, name, 0, 0), 1);
    }

    /// Counts a segment that is not read: as a line where others of its name become records.
    pub(crate) fn leave_segment(&mut self, name: SegmentName) {
        const RECORDS: &[&SegmentName] = &[b"IAM", b"IN1", b"OBX", b"PRB", b"RXA", b"RXC", b"RXE"];
        let is_record = RECORDS.contains(&&name);
        let what = if is_record { What::Line } else { What::Segment };
        self.leave(Left::new(what, name, 0, 0), 1);
    }

    /// Counts a line that is no segment.
    pub(crate) fn leave_unreadable(&mut self, line: u32) {
        self.found_in_line(FindingCode::SegmentUnreadable, None, line);
        self.leave(Left::new(What::Unreadable, [0; 3], 0, 0), 1);
    }

    /// Whether something of this kind was found.
    pub(crate) fn holds(&self, code: FindingCode) -> bool {
        self.findings.iter().any(|finding| finding.code == code)
    }

    /// Adds the notes of another part of the file.
    pub(crate) fn add(&mut self, other: &Self) {
        for finding in &other.findings {
            self.found(*finding);
        }
        for (left, number) in &other.left {
            self.leave(*left, *number);
        }
    }

    /// The findings and the counts.
    pub(crate) fn finish(self, names: &mut Names) -> (Vec<Finding>, Drops) {
        let named = self.left.iter();
        let drops = named.map(|(left, number)| (names.of(*left), *number));
        (self.findings, drops.collect())
    }

    fn leave(&mut self, left: Left, times: u64) {
        match self.left.iter_mut().find(|(known, _)| *known == left) {
            Some((_, number)) => *number += times,
            None => self.left.push((left, times)),
        }
    }
}

/// Names of what was left behind, each written once: every file leaves much the same.
#[derive(Default)]
pub(crate) struct Names(BTreeMap<Left, DropName>);

impl Names {
    /// More are not kept: a hostile file could make up segment names of its own.
    const MOST: usize = 4_096;

    fn of(&mut self, left: Left) -> DropName {
        if let Some(name) = self.0.get(&left) {
            return *name;
        }
        let mut text = String::with_capacity(16);
        left.write(&mut text);
        let name = DropName::of(&text);
        if self.0.len() < Self::MOST {
            self.0.insert(left, name);
        }
        name
    }
}

impl Left {
    fn new(what: What, name: SegmentName, field: u8, component: u8) -> Self {
        let [a, b, c] = name;
        Self(u64::from_be_bytes([
            0, what as u8, a, b, c, field, component, 0,
        ]))
    }

    /// Writes the name of the drop. Segment names that the format does not have could be data, so
    /// they share one name.
    fn write(self, to: &mut String) {
        let [_, what, a, b, c, field, component, _] = self.0.to_be_bytes();
        let name = [a, b, c];
        to.push_str(match what {
            1 => "segment:",
            2 => "line:",
            3 => "field:",
            4 => "component:",
            5 => return to.push_str("line:unreadable"),
            7 => "person:",
            _ => return to.push_str("finding:more"),
        });
        if !is_of_format(name) {
            return to.push_str("unknown");
        }
        to.extend(name.map(char::from));
        // Writing to a string cannot fail.
        let _ = match (field, component) {
            (0, _) => Ok(()),
            (BEYOND.., _) => write!(to, "-more"),
            (field, 0) => write!(to, "-{field}"),
            (field, component) => write!(to, "-{field}.{component}"),
        };
    }
}

/// Whether a segment name is of HL7 v2.5, of the SS-MIX2 guideline, or a site's own (`Z..`).
fn is_of_format(name: SegmentName) -> bool {
    name[0] == b'Z' || SEGMENTS.binary_search(&name).is_ok()
}

/// In order, for the search.
#[rustfmt::skip]
const SEGMENTS: &[SegmentName] = &[
    *b"ABS", *b"ACC", *b"ADD", *b"AFF", *b"AIG", *b"AIL", *b"AIP", *b"AIS", *b"AL1", *b"APR",
    *b"ARQ", *b"AUT", *b"BHS", *b"BLC", *b"BLG", *b"BPO", *b"BPX", *b"BTS", *b"BTX", *b"CDM",
    *b"CER", *b"CM0", *b"CM1", *b"CM2", *b"CNS", *b"CON", *b"CSP", *b"CSR", *b"CSS", *b"CTD",
    *b"CTI", *b"DB1", *b"DG1", *b"DRG", *b"DSC", *b"DSP", *b"ECD", *b"ECR", *b"EDU", *b"EQL",
    *b"EQP", *b"EQU", *b"ERQ", *b"ERR", *b"EVN", *b"FAC", *b"FHS", *b"FT1", *b"FTS", *b"GOL",
    *b"GP1", *b"GP2", *b"GT1", *b"IAM", *b"IIM", *b"IN1", *b"IN2", *b"IN3", *b"INV", *b"IPC",
    *b"ISD", *b"LAN", *b"LCC", *b"LCH", *b"LDP", *b"LOC", *b"LRL", *b"MFA", *b"MFE", *b"MFI",
    *b"MRG", *b"MSA", *b"MSH", *b"NCK", *b"NDS", *b"NK1", *b"NPU", *b"NSC", *b"NST", *b"NTE",
    *b"OBR", *b"OBX", *b"ODS", *b"ODT", *b"OM1", *b"OM2", *b"OM3", *b"OM4", *b"OM5", *b"OM6",
    *b"OM7", *b"ORC", *b"ORG", *b"OVR", *b"PCR", *b"PD1", *b"PDA", *b"PDC", *b"PEO", *b"PES",
    *b"PID", *b"PR1", *b"PRA", *b"PRB", *b"PRC", *b"PRD", *b"PSH", *b"PTH", *b"PV1", *b"PV2",
    *b"QAK", *b"QID", *b"QPD", *b"QRD", *b"QRF", *b"QRI", *b"RCP", *b"RDF", *b"RDT", *b"RF1",
    *b"RGS", *b"RMI", *b"ROL", *b"RQ1", *b"RQD", *b"RXA", *b"RXC", *b"RXD", *b"RXE", *b"RXG",
    *b"RXO", *b"RXR", *b"SAC", *b"SCH", *b"SFT", *b"SID", *b"SPM", *b"SPR", *b"STF", *b"TCC",
    *b"TCD", *b"TQ1", *b"TQ2", *b"TXA", *b"UB1", *b"UB2", *b"URD", *b"URS", *b"VAR", *b"VTQ",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_segment_name_of_the_list_is_found() {
        assert!(SEGMENTS.is_sorted());
        assert!(SEGMENTS.iter().all(|name| is_of_format(*name)) && is_of_format(*b"ZI1"));
        assert!(!is_of_format(*b"ABC") && !is_of_format(*b"123"));
    }
}
