//! What a reader notes beside the records: findings with places, and counts of what it left.

use std::fmt::Write as _;

use record::{Drops, Finding, FindingCode, Place};

use crate::hl7::{Fields, SegmentName};

/// The most findings kept of one file; further ones are counted.
const MAX_FINDINGS: usize = 1_000;

/// Fields of a segment, as a set of their numbers from 1 to 63.
#[derive(Clone, Copy)]
pub(crate) struct FieldSet(u64);

impl FieldSet {
    pub(crate) const fn of(numbers: &[u8]) -> Self {
        let mut set = 0;
        let mut index = 0;
        while index < numbers.len() {
            set |= 1 << numbers[index];
            index += 1;
        }
        Self(set)
    }

    fn holds(self, number: u8) -> bool {
        self.0 & 1u64.checked_shl(u32::from(number)).unwrap_or(0) != 0
    }
}

/// Something left behind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    /// A whole segment that no reader of this kind reads.
    Segment(SegmentName),
    /// A line that would have been a record.
    Line(SegmentName),
    /// A field, or a value in it.
    Field(SegmentName, u8),
    /// A line that is no segment.
    Unreadable,
    /// A finding above the limit.
    Finding,
}

/// The notes of one file.
#[derive(Default)]
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
    pub(crate) fn found_at(&mut self, code: FindingCode, fields: &Fields<'_>, field: u8) {
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
            false => self.leave(Left::Finding),
        }
    }

    /// Counts every field that says something and is not among those read.
    pub(crate) fn leave_unread(&mut self, fields: &Fields<'_>, read: FieldSet) {
        for number in fields.filled().filter(|&number| !read.holds(number)) {
            self.leave(Left::Field(fields.name(), number));
        }
    }

    /// Counts a field whose value no record can say.
    pub(crate) fn leave_field(&mut self, fields: &Fields<'_>, number: u8) {
        self.leave(Left::Field(fields.name(), number));
    }

    /// Counts a line that did not become a record although its kind of segment does.
    pub(crate) fn leave_line(&mut self, name: SegmentName) {
        self.leave(Left::Line(name));
    }

    /// Counts a segment that is not read: as a line where others of its name become records.
    pub(crate) fn leave_segment(&mut self, name: SegmentName) {
        const RECORDS: &[&SegmentName] = &[b"IAM", b"IN1", b"OBX", b"PRB", b"RXA", b"RXC", b"RXE"];
        let is_record = RECORDS.contains(&&name);
        self.leave(if is_record {
            Left::Line(name)
        } else {
            Left::Segment(name)
        });
    }

    /// Counts a line that is no segment.
    pub(crate) fn leave_unreadable(&mut self, line: u32) {
        self.found_in_line(FindingCode::SegmentUnreadable, None, line);
        self.leave(Left::Unreadable);
    }

    /// The findings and the counts.
    pub(crate) fn finish(self) -> (Vec<Finding>, Drops) {
        let mut drops = Drops::default();
        let mut name = String::with_capacity(16);
        for (left, number) in self.left {
            name.clear();
            left.write(&mut name);
            drops.add(&name, number);
        }
        (self.findings, drops)
    }

    fn leave(&mut self, left: Left) {
        match self.left.iter_mut().find(|(known, _)| *known == left) {
            Some((_, number)) => *number += 1,
            None => self.left.push((left, 1)),
        }
    }
}

impl Left {
    /// Writes the name of the drop. Segment names that the format does not have could be data, so
    /// they share one name.
    fn write(self, to: &mut String) {
        let (prefix, name) = match self {
            Self::Segment(name) => ("segment:", name),
            Self::Line(name) => ("line:", name),
            Self::Field(name, _) => ("field:", name),
            Self::Unreadable => return to.push_str("line:unreadable"),
            Self::Finding => return to.push_str("finding:more"),
        };
        to.push_str(prefix);
        if !is_of_format(name) {
            return to.push_str("unknown");
        }
        to.extend(name.map(char::from));
        if let Self::Field(_, number) = self {
            // Writing to a string cannot fail.
            let _ = write!(to, "-{number}");
        }
    }
}

/// Whether a segment name is of HL7 v2.5, of the SS-MIX2 guideline, or a site's own (`Z..`).
fn is_of_format(name: SegmentName) -> bool {
    const NAMES: &[u8] =
        b"ABS ACC ADD AFF AIG AIL AIP AIS AL1 APR ARQ AUT BHS BLC BLG BPO BPX BTS \
        BTX CDM CER CM0 CM1 CM2 CNS CON CSP CSR CSS CTD CTI DB1 DG1 DRG DSC DSP ECD ECR EDU EQL \
        EQP EQU ERQ ERR EVN FAC FHS FT1 FTS GOL GP1 GP2 GT1 IAM IIM IN1 IN2 IN3 INV IPC ISD LAN \
        LCC LCH LDP LOC LRL MFA MFE MFI MRG MSA MSH NCK NDS NK1 NPU NSC NST NTE OBR OBX ODS ODT \
        OM1 OM2 OM3 OM4 OM5 OM6 OM7 ORC ORG OVR PCR PD1 PDA PDC PEO PES PID PR1 PRA PRB PRC PRD \
        PSH PTH PV1 PV2 QAK QID QPD QRD QRF QRI RCP RDF RDT RF1 RGS RMI ROL RQ1 RQD RXA RXC RXD \
        RXE RXG RXO RXR SAC SCH SFT SID SPM SPR STF TCC TCD TQ1 TQ2 TXA UB1 UB2 URD URS VAR VTQ";
    name[0] == b'Z' || NAMES.split(|&b| b == b' ').any(|known| known == name)
}
