//! Orders and performances: examinations and meals.

use serde::{Deserialize, Serialize};

use super::{EncounterClass, is_zero};
use crate::code::{Code, Concept};
use crate::moment::Moment;
use crate::number::Decimal;

/// Which kind of examination.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ServiceCategory {
    /// 検体検査
    #[default]
    #[serde(rename = "laboratory")]
    Laboratory,
    /// 放射線
    #[serde(rename = "radiology")]
    Radiology,
    /// 内視鏡
    #[serde(rename = "endoscopy")]
    Endoscopy,
    /// 生理
    #[serde(rename = "physiology")]
    Physiology,
}

impl ServiceCategory {
    /// The word in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Laboratory => "laboratory",
            Self::Radiology => "radiology",
            Self::Endoscopy => "endoscopy",
            Self::Physiology => "physiology",
        }
    }
}

/// An examination as ordered: one OBR line, or one test of a laboratory order (OBX without a
/// value).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ServiceRequest {
    /// Which kind.
    pub category: ServiceCategory,
    /// What (OBR-4, OBX-3), when coded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Concept>,
    /// The specimen to take (SPM-4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub specimen: Option<Concept>,
    /// Site of the body (OBR-15), when coded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_site: Option<Concept>,
    /// Modality (IPC-5), when coded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modality: Option<Concept>,
    /// Urgency (TQ1-9, table 0485).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Code>,
    /// When it was ordered (ORC-9).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<Moment>,
    /// For when it was ordered (TQ1-7, OBR-36).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<Moment>,
    /// Order status (ORC-5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Code>,
    /// Outpatient or inpatient order (ORC-29).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<EncounterClass>,
    /// Which order group of the document, from 1; 0 when the message has none. Lines of one group
    /// belong together: the components of a mixture, the observations of an order.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub group: u16,
    /// Whether it is a part of another one of the document (ORC-1 `CH`, a test of a panel).
    #[serde(default)]
    pub part: bool,
}

/// An examination as performed: one OBR line, or one ZE1 line where they say more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Procedure {
    /// Which kind.
    pub category: ServiceCategory,
    /// What (ZE1-3, else OBR-4), when coded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Concept>,
    /// How many times (ZE1-4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<Decimal>,
    /// Addition to the fee (医事加算, ZE1-5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addition: Option<Concept>,
    /// Start (OBR-7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Moment>,
    /// End (OBR-8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Moment>,
    /// When it was reported (OBR-22).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<Moment>,
    /// Result status (OBR-25).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Code>,
    /// Site of the body (OBR-15), when coded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_site: Option<Concept>,
    /// Modality (IPC-5), when coded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modality: Option<Concept>,
    /// Outpatient or inpatient order (ORC-29).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<EncounterClass>,
    /// Which order group of the document, from 1; 0 when the message has none. Lines of one group
    /// belong together: the components of a mixture, the observations of an order.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub group: u16,
    /// Whether it is a part of another one of the document (ORC-1 `CH`).
    #[serde(default)]
    pub part: bool,
}

/// A meal order: one diet code (ODS-3) each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NutritionOrder {
    /// The diet (ODS-3), when coded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Concept>,
    /// Diet, supplement or preference (ODS-1, table 0159).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Code>,
    /// Which meal (ODS-2), when coded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meal: Option<Concept>,
    /// Start (TQ1-7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Moment>,
    /// End (TQ1-8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Moment>,
    /// Timing code (TQ1-3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing: Option<Code>,
    /// When it was ordered (ORC-9).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<Moment>,
    /// Outpatient or inpatient order (ORC-29).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<EncounterClass>,
    /// Which order group of the document, from 1; 0 when the message has none. Lines of one group
    /// belong together: the components of a mixture, the observations of an order.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub group: u16,
}
