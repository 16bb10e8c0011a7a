//! Medicines, as ordered and as given.

use serde::{Deserialize, Serialize};

use super::{EncounterClass, is_zero};
use crate::code::{Code, Concept};
use crate::moment::Moment;
use crate::number::{Decimal, Quantity};

/// What is taken or given in one line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// An amount with a coded unit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Amount {
    /// How much.
    pub value: Decimal,
    /// Of what unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Concept>,
}

/// A prescription or injection as ordered: one RXE (or RXC component) line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MedicationRequest {
    /// What and how much at a time.
    pub dose: Dose,
    /// The most at a time, where the order gives a span (RXE-4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<Decimal>,
    /// Dosage form (RXE-6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Concept>,
    /// Amount a day (RXE-19).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_day: Option<Amount>,
    /// Amount dispensed in all (RXE-10, RXE-11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispensed: Option<Amount>,
    /// Rate of an infusion (RXE-23, RXE-24).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Amount>,
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
    /// Times in all, for medicines taken when needed (TQ1-14).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrences: Option<Decimal>,
    /// Urgency (TQ1-9, table 0485).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Code>,
    /// When it was ordered (ORC-9).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<Moment>,
    /// Route (RXR-1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Concept>,
    /// Site of the body (RXR-2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Concept>,
    /// Device (RXR-3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Concept>,
    /// Method (RXR-4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Concept>,
    /// Kinds of prescription (RXE-21): outpatient, in-house, regular, as codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<Concept>,
    /// Outpatient or inpatient order (ORC-29).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<EncounterClass>,
    /// Which order group of the document, from 1; 0 when the message has none. Lines of one group
    /// belong together: the components of a mixture, the observations of an order.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub group: u16,
    /// Whether the line is a component of a mixture (RXC).
    #[serde(default)]
    pub component: bool,
}

/// A prescription or injection as administered: one RXA (or RXC component) line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MedicationAdministration {
    /// What and how much (RXA-5 to -7).
    pub dose: Dose,
    /// Dosage form (RXA-8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Concept>,
    /// Rate (RXA-12), when it is a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Quantity>,
    /// Lot of the product (RXA-15).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<Code>,
    /// Start (RXA-3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Moment>,
    /// End (RXA-4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Moment>,
    /// Route (RXR-1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Concept>,
    /// Site of the body (RXR-2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Concept>,
    /// Device (RXR-3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Concept>,
    /// Method (RXR-4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Concept>,
    /// Completion (RXA-20).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Code>,
    /// Outpatient or inpatient order (ORC-29).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<EncounterClass>,
    /// Which order group of the document, from 1; 0 when the message has none. Lines of one group
    /// belong together: the components of a mixture, the observations of an order.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub group: u16,
    /// Whether the line is a component of a mixture (RXC).
    #[serde(default)]
    pub component: bool,
}
