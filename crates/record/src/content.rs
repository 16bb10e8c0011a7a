//! Content: what leaves a site once it is screened and separated. Codes, numbers, dates and enums.

use serde::{Deserialize, Serialize};

use crate::code::{Code, Concept};
use crate::identity::Sex;
use crate::ids::{DocumentRef, OrderRef, SubjectRef};
use crate::kind::{DataKind, Domain, ResourceKind};
use crate::moment::{Moment, YearMonth};
use crate::reading::Version;

mod encounter;
mod medication;
mod observation;
mod order;
mod participant;
mod problem;

pub use encounter::{Encounter, EncounterClass, EncounterEvent};
pub use medication::{Amount, Dose, MedicationAdministration, MedicationRequest};
pub use observation::{Observation, Value};
pub use order::{NutritionOrder, Procedure, ServiceCategory, ServiceRequest};
pub use participant::{InstitutionCode, Participant, Who};
pub use problem::{AllergyIntolerance, Condition, Modifier, ModifierPlace};

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
    /// Who took part in it, in order. Empty unless a contract says otherwise; a document without
    /// has the bytes that it had before there were any.
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<Participant>,
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
#[expect(
    clippy::large_enum_variant,
    reason = "records are made once and moved little; a box would allocate for each of them"
)]
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// See [`ServiceRequest`].
    #[serde(rename = "S")]
    ServiceRequest(ServiceRequest),
    /// See [`Procedure`].
    #[serde(rename = "U")]
    Procedure(Procedure),
    /// See [`NutritionOrder`].
    #[serde(rename = "N")]
    NutritionOrder(NutritionOrder),
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
            Self::ServiceRequest(_) => ResourceKind::ServiceRequest,
            Self::Procedure(_) => ResourceKind::Procedure,
            Self::NutritionOrder(_) => ResourceKind::NutritionOrder,
        }
    }
}

/// A prefecture by its JIS X 0401 number, 1 (北海道) to 47 (沖縄県).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// The kind of insurance (IN1-2, JHSD0001) and its time; no number of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Coverage {
    /// The plan code.
    pub plan: Concept,
    /// Valid from (IN1-12).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Moment>,
    /// Valid until (IN1-13).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Moment>,
    /// Whether the subject is the insured or a dependant (IN1-17, table 0063).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<Code>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(number: &u16) -> bool {
    *number == 0
}
