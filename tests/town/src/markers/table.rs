//! Which fields can name somebody, by segment: everything in them must stay on site.

/// Why a field must not leave as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Identifies the patient or a relative.
    Direct,
    /// Names staff.
    Staff,
    /// Names a facility or a place in it.
    Facility,
    /// Narrows down who it is.
    Quasi,
    /// A number by which other systems find the patient.
    Linkable,
    /// Text that may hold anything.
    Text,
}

use Class::{Direct, Facility, Linkable, Quasi, Staff, Text};

/// Segment, fields, class. Segments that are dropped whole stand with every field they have.
pub const FIELDS: &[(&str, &[u8], Class)] = &[
    ("MSH", &[3, 4, 5, 6], Facility),
    ("MSH", &[10], Linkable),
    ("PID", &[2, 4, 5, 6, 9, 11, 13, 14, 18, 19, 20, 21], Direct),
    (
        "PID",
        &[7, 8, 10, 12, 15, 16, 17, 22, 23, 24, 25, 26, 27, 28],
        Quasi,
    ),
    ("PID", &[29, 30, 31, 32, 33, 35, 36, 37, 38, 39], Quasi),
    ("PID", &[34], Facility),
    ("NK1", ALL, Direct),
    ("GT1", ALL, Direct),
    ("IN2", ALL, Direct),
    ("IN3", ALL, Direct),
    ("PD1", ALL, Direct),
    ("ACC", ALL, Direct),
    ("CTD", ALL, Direct),
    ("ROL", ALL, Direct),
    ("MRG", ALL, Direct),
    ("TXA", ALL, Direct),
    ("SFT", ALL, Facility),
    ("ZI1", ALL, Direct),
    ("ZXX", ALL, Direct),
    ("PV1", &[3, 6, 11, 42, 43], Quasi),
    ("PV1", &[7, 8, 9, 17, 52], Staff),
    ("PV1", &[5, 19, 50], Linkable),
    (
        "PV1",
        &[12, 16, 20, 21, 22, 24, 25, 37, 39, 46, 47, 51],
        Quasi,
    ),
    ("PV1", &[44, 45], Quasi),
    ("PV2", &[1, 2, 5, 6, 12, 23], Text),
    ("PV2", &[13], Staff),
    ("PV2", &[8, 9, 33, 47], Quasi),
    ("EVN", &[5], Staff),
    ("EVN", &[7], Facility),
    ("DB1", &[2, 3, 4, 5, 6, 7, 8], Direct),
    ("AL1", &[5], Text),
    ("IAM", &[5, 8, 12], Text),
    ("IAM", &[14], Direct),
    ("IAM", &[18], Staff),
    ("IAM", &[7], Linkable),
    ("IAM", &[19, 20], Facility),
    (
        "IN1",
        &[3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 16, 18, 19],
        Direct,
    ),
    (
        "IN1",
        &[20, 26, 28, 30, 36, 43, 44, 46, 49, 51, 52, 53],
        Direct,
    ),
    ("ORC", &[2, 3, 4, 8], Linkable),
    ("ORC", &[10, 11, 12, 19], Staff),
    ("ORC", &[13, 17, 18, 21, 22, 23, 24], Facility),
    ("ORC", &[14], Direct),
    ("OBR", &[2, 3, 29], Linkable),
    ("OBR", &[10, 16, 28, 32, 33, 34, 35], Staff),
    ("OBR", &[14, 17], Direct),
    ("OBR", &[13, 18, 19, 20, 21, 31, 39, 43], Text),
    ("RXE", &[13, 14], Staff),
    ("RXE", &[15], Linkable),
    ("RXE", &[7, 21, 41, 42, 43], Text),
    ("RXA", &[10], Staff),
    ("RXA", &[9, 11], Text),
    ("TQ1", &[10, 11], Text),
    ("ODS", &[4], Text),
    ("SPM", &[2, 3], Linkable),
    ("SPM", &[14], Text),
    ("OBX", &[16, 25], Staff),
    ("OBX", &[18, 23, 24], Facility),
    ("NTE", &[3, 4], Text),
    ("PRB", &[4, 5], Linkable),
    ("PRB", &[17, 21, 23, 24, 25], Text),
    ("ZPR", &[7], Text),
    ("IPC", &[1, 2, 3, 4, 7, 9], Linkable),
    ("ZE1", &[6, 7, 10, 11, 12], Staff),
    ("ZE2", &[7], Staff),
    ("CTI", &[1, 2, 3], Linkable),
];

/// Kinds of the standardized storage and the message that registers a document of each.
pub const EVENTS: &[(&str, &str)] = &[
    ("ADT-00", "ADT^A08^ADT_A01"),
    ("ADT-01", "ADT^A54^ADT_A54"),
    ("ADT-12", "ADT^A04^ADT_A01"),
    ("ADT-21", "ADT^A14^ADT_A05"),
    ("ADT-22", "ADT^A01^ADT_A01"),
    ("ADT-31", "ADT^A21^ADT_A21"),
    ("ADT-32", "ADT^A22^ADT_A21"),
    ("ADT-41", "ADT^A15^ADT_A15"),
    ("ADT-42", "ADT^A02^ADT_A02"),
    ("ADT-51", "ADT^A16^ADT_A16"),
    ("ADT-52", "ADT^A03^ADT_A03"),
    ("ADT-61", "ADT^A60^ADT_A60"),
    ("PPR-01", "PPR^ZD1^PPR_ZD1"),
    ("OMD", "OMD^O03^OMD_O03"),
    ("OMP-01", "RDE^O11^RDE_O11"),
    ("OMP-02", "RDE^O11^RDE_O11"),
    ("OMP-11", "RAS^O17^RAS_O17"),
    ("OMP-12", "RAS^O17^RAS_O17"),
    ("OML-01", "OML^O33^OML_O33"),
    ("OML-11", "OUL^R22^OUL_R22"),
    ("OMG-01", "OMG^O19^OMG_O19"),
    ("OMG-02", "OMG^O19^OMG_O19"),
    ("OMG-03", "OMG^O19^OMG_O19"),
    ("OMG-11", "OMI^Z23^OMI_Z23"),
    ("OMG-12", "OMI^Z23^OMI_Z23"),
    ("OMG-13", "ORU^R01^ORU_R01"),
];

/// Types of OBX-5 whose values are words, documents or somebody.
pub const VALUE_TYPES: &[&str] = &[
    "TX", "FT", "ST", "XCN", "XPN", "XAD", "XTN", "XON", "CX", "ED", "RP", "", "ZZZ",
];

/// Every field that a segment may have.
pub(super) const ALL: &[u8] = &[
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
    27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50,
    51, 52, 53,
];

/// One line of each segment as the standard fills it in, the separators as usual. A marker takes
/// the place of one field; all others stay as permissive as they are here.
pub const LINES: &[&str] = &[
    "EVN||20260105101112|||||20260105",
    "PV1|1|I||||||||01^内科^HL70069||||||||||||||||||||||||||01||||||||20260105|20260106",
    "PV2||||||||20260105|20260106||||||||||||||||||||||||||||||||||||||20260107",
    "OBX|1|NM|KEPT0001^検査^JC10||5.6|mg/dL|1-9|N|||F|||20260105",
    "AL1|1|DA^薬剤^HL70127|KEPT0002^薬^HOT9|SV||20260105",
    "IN1|1|C0^国保^JHSD0001|00138057|||||||123|4567890",
    "IAM|1|DA^薬剤^HL70127|KEPT0003^薬^HOT9|SV||A|||AL^^HL70204||20260105",
    "PRB|AD|20260105|KEPT0004^肺炎^MDCDX2||||20260101||20260109|KEPT0005^肺炎^I10",
    "ZPR|1",
    "ORC|NW|||||||||||||||||||||||||||O^外来",
    "RXE||KEPT0006^薬^HOT9|1||TAB^錠^MR9P",
    "TQ1|1||1013^朝夕^JAMI|||7^D|20260105|20260112",
    "RXR|PO^内服^HL70162",
    "RXC|A|KEPT0007^液^HOT9|100|ML^mL^MR9P",
    "RXA|0|1|20260105|20260105|KEPT0008^薬^HOT9|1|TAB^錠^MR9P|||||||||||||CP",
    "ODS|D|1^朝^99M|KEPT0009^常食^99M",
    "SPM|1|||KEPT0010^血清^JC10|||||||||||||20260105101112",
    "OBR|1|||KEPT0011^検査^JC10|||20260105101112",
    "IPC|||||CT^CT^DCM",
    "ZE1|1||KEPT0012^撮影^99M|1",
    "ZE2|1",
    "NTE|1||",
    "DB1|1|PT",
    "CTI|",
];
