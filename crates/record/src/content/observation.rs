//! Observations: what was measured or found, by whatever message.

use serde::{Deserialize, Serialize};

use super::{Dose, is_zero};
use crate::code::{Code, Concept};
use crate::moment::Moment;
use crate::number::{Decimal, Quantity};

/// The value of an observation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// A medicine or a thing used in an examination, with its amount (ZRD).
    #[serde(rename = "u")]
    Used(Dose),
}

/// A laboratory result, a body measurement or a finding: one OBX line, or one
/// value of ZE1 or ZE2.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// Method (OBX-17).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Concept>,
    /// Which of several values that belong together (OBX-4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Code>,
    /// The test or examination that it is a part of (OBR-4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panel: Option<Concept>,
    /// Specimen (SPM-4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub specimen: Option<Concept>,
    /// When the specimen was collected (SPM-17).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collected: Option<Moment>,
    /// When the laboratory received the specimen (SPM-18).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<Moment>,
    /// Collected at, else observed at (OBX-14, OBR-7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Moment>,
    /// When it was analysed (OBX-19).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysed: Option<Moment>,
    /// When it was reported (OBR-22).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<Moment>,
    /// Which order group of the document, from 1; 0 when the message has none. Lines of one group
    /// belong together: the components of a mixture, the observations of an order.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub group: u16,
    /// An earlier result that an order repeats: it has its own times and no specimen.
    #[serde(default)]
    pub prior: bool,
}
