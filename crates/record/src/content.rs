//! Content: what leaves a site once it is screened and separated. Codes, numbers, dates and enums.

use serde::{Deserialize, Serialize};

use crate::code::{Code, Coding, Concept};
use crate::identity::Sex;
use crate::ids::{DocumentRef, OrderRef, SubjectRef};
use crate::kind::{DataKind, Domain, ResourceKind};
use crate::moment::{Moment, YearMonth};
use crate::number::{Decimal, Quantity};
use crate::reading::Version;

/// One document of a site in its newest version: what one current source file says.
///
/// A later version of the same [`DocumentRef`] replaces it whole at the centre.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Which document.
    #[serde(rename = "d")]
    pub document: DocumentRef,
    /// Whose.
    #[serde(rename = "s")]
    pub subject: SubjectRef,
    /// The order it belongs to; equal inside a site for order, performance and result.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderRef>,
    /// What kind of source file it was.
    #[serde(rename = "k")]
    pub kind: DataKind,
    /// The domain tag of all its records (A-001).
    #[serde(rename = "m")]
    pub domain: Domain,
    /// Orders versions of the same document.
    #[serde(rename = "v")]
    pub version: Version,
    /// Whether it stands or was taken back.
    #[serde(rename = "t")]
    pub state: DocumentState,
    /// The care date, when the kind has one.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub care_date: Option<Moment>,
    /// What it says. Empty when withdrawn.
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<Record>,
}

/// Whether a document stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DocumentState {
    /// It is the site's present statement.
    #[serde(rename = "c")]
    Current,
    /// The site deleted or cancelled it.
    #[serde(rename = "w")]
    Withdrawn,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// See [`Patient`].
    #[serde(rename = "P")]
    Patient(Patient),
    /// See [`Coverage`].
    #[serde(rename = "V")]
    Coverage(Coverage),
    /// See [`Encounter`].
    #[serde(rename = "E")]
    Encounter(Encounter),
    /// See [`AllergyIntolerance`].
    #[serde(rename = "A")]
    AllergyIntolerance(AllergyIntolerance),
    /// See [`Condition`].
    #[serde(rename = "C")]
    Condition(Condition),
    /// See [`MedicationRequest`].
    #[serde(rename = "R")]
    MedicationRequest(MedicationRequest),
    /// See [`MedicationAdministration`].
    #[serde(rename = "D")]
    MedicationAdministration(MedicationAdministration),
    /// See [`Observation`].
    #[serde(rename = "O")]
    Observation(Observation),
}

impl Record {
    /// The table the record belongs to.
    pub fn kind(&self) -> ResourceKind {
        match self {
            Self::Patient(_) => ResourceKind::Patient,
            Self::Coverage(_) => ResourceKind::Coverage,
            Self::Encounter(_) => ResourceKind::Encounter,
            Self::AllergyIntolerance(_) => ResourceKind::AllergyIntolerance,
            Self::Condition(_) => ResourceKind::Condition,
            Self::MedicationRequest(_) => ResourceKind::MedicationRequest,
            Self::MedicationAdministration(_) => ResourceKind::MedicationAdministration,
            Self::Observation(_) => ResourceKind::Observation,
        }
    }
}

/// A prefecture by its JIS X 0401 number, 1 (北海道) to 47 (沖縄県).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Prefecture(u8);

impl Prefecture {
    /// `None` outside 1 to 47.
    pub fn new(number: u8) -> Option<Self> {
        (1..=47).contains(&number).then_some(Self(number))
    }

    /// The JIS number.
    pub fn number(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Prefecture {
    type Error = crate::code::PatternError;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        Self::new(number).ok_or(crate::code::PatternError)
    }
}

impl From<Prefecture> for u8 {
    fn from(prefecture: Prefecture) -> Self {
        prefecture.0
    }
}

/// Who the subject is, as far as content may say: no name, no day of birth, no address below the
/// prefecture.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patient {
    /// Sex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sex: Option<Sex>,
    /// Month of birth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth: Option<YearMonth>,
    /// Prefecture of the home address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefecture: Option<Prefecture>,
    /// Month of death, when the source says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub died: Option<YearMonth>,
    /// Whether the source marks the patient as dead.
    #[serde(default)]
    pub deceased: bool,
}

/// The kind of insurance (IN1-2, JHSD0001); no number of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The plan code.
    pub plan: Concept,
}

/// The class of an encounter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EncounterClass {
    /// 外来
    #[serde(rename = "AMB")]
    Outpatient,
    /// 入院
    #[serde(rename = "IMP")]
    Inpatient,
    /// 救急
    #[serde(rename = "EMER")]
    Emergency,
}

impl EncounterClass {
    /// The HL7 v3 ActCode.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outpatient => "AMB",
            Self::Inpatient => "IMP",
            Self::Emergency => "EMER",
        }
    }
}

/// What the message tells of the encounter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EncounterEvent {
    /// 外来受付 (ADT-12)
    #[serde(rename = "visit")]
    Visit,
    /// 入院 (ADT-22)
    #[serde(rename = "admission")]
    Admission,
    /// 退院 (ADT-52)
    #[serde(rename = "discharge")]
    Discharge,
}

impl EncounterEvent {
    /// The word in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Visit => "visit",
            Self::Admission => "admission",
            Self::Discharge => "discharge",
        }
    }
}

/// A visit, an admission or a discharge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encounter {
    /// Outpatient, inpatient, emergency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<EncounterClass>,
    /// What happened.
    pub event: EncounterEvent,
    /// When it happened (PV1-44 or PV1-45).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Moment>,
    /// Department (table 0069).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<Code>,
    /// Discharge outcome (PV1-36).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Code>,
}

/// An allergy or intolerance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllergyIntolerance {
    /// Kind of allergen (IAM-2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Concept>,
    /// The allergen (IAM-3), when coded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Concept>,
    /// Severity (IAM-4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Coding>,
    /// Onset (IAM-11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onset: Option<Moment>,
}

/// A disease entry (傷病名).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// The disease (PRB-3), when coded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Concept>,
    /// ICD-10 (PRB-10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icd10: Option<Concept>,
    /// Start (PRB-7 or PRB-16).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onset: Option<Moment>,
    /// End (PRB-9).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abated: Option<Moment>,
    /// Outcome (PRB-13, PRB-14).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Concept>,
    /// Suspected and not confirmed (疑い, PRB-13).
    #[serde(default)]
    pub provisional: bool,
    /// Set when the source names the disease in words only (A-041).
    #[serde(default)]
    pub free_text: bool,
}

/// What is taken or given in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dose {
    /// The medicine, when coded (HOT).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medication: Option<Concept>,
    /// The amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Decimal>,
    /// The unit of the amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Concept>,
}

/// A prescription or injection as ordered: one RXE (or RXC component) line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MedicationRequest {
    /// What and how much.
    pub dose: Dose,
    /// Start (TQ1-7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Moment>,
    /// End (TQ1-8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Moment>,
    /// Timing code (TQ1-3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing: Option<Code>,
    /// Days or times of supply (TQ1-6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Quantity>,
    /// Route (RXR-1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Concept>,
    /// Whether the line is a component of a mixture (RXC).
    #[serde(default)]
    pub component: bool,
}

/// A prescription or injection as administered: one RXA (or RXC component) line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MedicationAdministration {
    /// What and how much (RXA-5 to -7).
    pub dose: Dose,
    /// Start (RXA-3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Moment>,
    /// End (RXA-4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Moment>,
    /// Route (RXR-1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Concept>,
    /// Completion (RXA-20).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Code>,
    /// Whether the line is a component of a mixture (RXC).
    #[serde(default)]
    pub component: bool,
}

/// The value of an observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// A number with its unit.
    #[serde(rename = "q")]
    Quantity(Quantity),
    /// A coded value.
    #[serde(rename = "c")]
    Concept(Concept),
    /// A result of a closed list of signs: `-`, `+-`, `+`, `1+` … `5+`.
    #[serde(rename = "s")]
    Sign(Code),
    /// A moment.
    #[serde(rename = "t")]
    Moment(Moment),
}

/// A laboratory result or a body measurement: one OBX line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// What was measured (OBX-3), when coded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Concept>,
    /// The value (OBX-5), when it is more than words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Reference range (OBX-7): lower and upper bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<(Option<Decimal>, Option<Decimal>)>,
    /// Abnormal flag (OBX-8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<Code>,
    /// Result status (OBX-11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Code>,
    /// Specimen (SPM-4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub specimen: Option<Concept>,
    /// Collected at (SPM-17) or observed at (OBX-14).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Moment>,
}
