//! Allergies and diseases.

use serde::{Deserialize, Serialize};

use crate::code::{Coding, Concept};
use crate::moment::Moment;

/// An allergy or intolerance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AllergyIntolerance {
    /// Kind of allergen (IAM-2, AL1-2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Concept>,
    /// The allergen (IAM-3, AL1-3), when coded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Concept>,
    /// Severity (IAM-4, AL1-4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Coding>,
    /// Allergy, intolerance or adverse reaction (IAM-9).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<Coding>,
    /// Whether it is confirmed (IAM-17).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Coding>,
    /// Onset (IAM-11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onset: Option<Moment>,
    /// When it was reported (IAM-13) or found (AL1-6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Moment>,
}

/// Where a modifier stands to the name of a disease.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ModifierPlace {
    /// 接頭語 (ZPR-1, ZPR-4)
    #[default]
    #[serde(rename = "prefix")]
    Prefix,
    /// 接尾語 (ZPR-3, ZPR-6)
    #[serde(rename = "suffix")]
    Suffix,
    /// 歯式 (ZPD-2)
    #[serde(rename = "tooth")]
    Tooth,
}

impl ModifierPlace {
    /// The word in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prefix => "prefix",
            Self::Suffix => "suffix",
            Self::Tooth => "tooth",
        }
    }
}

/// A coded modifier of a disease (修飾語).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Modifier {
    /// Where it stands.
    pub place: ModifierPlace,
    /// Which.
    pub code: Concept,
}

/// A disease entry (傷病名).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Condition {
    /// The disease (PRB-3, else ZPR-2), when coded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Concept>,
    /// The disease as an exchange code (病名交換用コード, ZPR-5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Concept>,
    /// ICD-10 (PRB-10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icd10: Option<Concept>,
    /// Modifiers of the disease, in the order written (ZPR, ZPD).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modifiers: Vec<Modifier>,
    /// Start (PRB-7 or PRB-16).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onset: Option<Moment>,
    /// End (PRB-9).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abated: Option<Moment>,
    /// Outcome (PRB-14).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Concept>,
    /// When the outcome was stated (PRB-15).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome_at: Option<Moment>,
    /// Main diagnosis or other (PRB-18, JHSD0007).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<Concept>,
    /// Suspected and not confirmed (疑い, PRB-13).
    #[serde(default)]
    pub provisional: bool,
    /// Set when the source names the disease in words only.
    #[serde(default)]
    pub free_text: bool,
}
