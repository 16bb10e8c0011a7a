//! Visits, stays and movements.

use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::moment::Moment;

/// The class of an encounter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EncounterClass {
    /// 外来
    #[default]
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EncounterEvent {
    /// 外来受付 (ADT-12)
    #[default]
    #[serde(rename = "visit")]
    Visit,
    /// 担当医の変更 (ADT-01); who it is stays on site
    #[serde(rename = "attending")]
    Attending,
    /// 入院予定 (ADT-21)
    #[serde(rename = "admission-planned")]
    AdmissionPlanned,
    /// 入院 (ADT-22)
    #[serde(rename = "admission")]
    Admission,
    /// 外出泊 (ADT-31)
    #[serde(rename = "leave")]
    Leave,
    /// 外出泊からの帰院 (ADT-32)
    #[serde(rename = "return")]
    Return,
    /// 転科・転棟予定 (ADT-41)
    #[serde(rename = "transfer-planned")]
    TransferPlanned,
    /// 転科・転棟 (ADT-42)
    #[serde(rename = "transfer")]
    Transfer,
    /// 退院予定 (ADT-51)
    #[serde(rename = "discharge-planned")]
    DischargePlanned,
    /// 退院 (ADT-52)
    #[serde(rename = "discharge")]
    Discharge,
}

impl EncounterEvent {
    /// The word in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Visit => "visit",
            Self::Attending => "attending",
            Self::AdmissionPlanned => "admission-planned",
            Self::Admission => "admission",
            Self::Leave => "leave",
            Self::Return => "return",
            Self::TransferPlanned => "transfer-planned",
            Self::Transfer => "transfer",
            Self::DischargePlanned => "discharge-planned",
            Self::Discharge => "discharge",
        }
    }
}

/// A visit, or one event of a stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Encounter {
    /// Outpatient, inpatient, emergency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<EncounterClass>,
    /// What happened or is planned.
    pub event: EncounterEvent,
    /// When it happens: PV1-44, PV1-45, PV2-8, PV2-9 or EVN-6, by event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Moment>,
    /// When the stay began (PV1-44), where the event is a later one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admitted: Option<Moment>,
    /// When a patient on leave is expected back or came back (PV2-47).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<Moment>,
    /// Department (table 0069).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<Code>,
    /// Ward after the event, the short code alone: room and bed stay on site (PV1-3, PV1-42).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ward: Option<Code>,
    /// Ward before a transfer (PV1-6, PV1-3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ward_from: Option<Code>,
    /// Discharge outcome (PV1-36).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Code>,
}
