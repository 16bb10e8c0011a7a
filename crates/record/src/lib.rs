//! The vocabulary of Sekisho: what a record can say once it may leave a site.
//!
//! This crate is the allow-list. There is no free-text type and no name type in [`content`], so a
//! parser cannot emit what is not understood; it drops and counts it. Terms follow FHIR resource
//! names. What identifies a person lives in [`identity`] only, in types that neither print nor
//! serialise and that are wiped when dropped.
//!
//! The crate does no I/O, reads no clock and makes no random numbers.

pub mod code;
pub mod content;
pub mod dictionary;
pub mod finding;
pub mod identity;
pub mod ids;
pub mod kind;
pub mod moment;
pub mod number;
pub mod quality;
pub mod reading;

pub use code::{Code, Coding, Concept, System, Unit};
pub use content::{Document, DocumentState, Record};
pub use finding::{Finding, FindingCode, Place, Severity};
pub use identity::{ChartNumber, Identity, Insurance, Sensitive};
pub use ids::{BatchId, DocumentRef, OrderRef, ResearchId, SiteId, StaffRef, SubjectRef};
pub use kind::{DataKind, Domain, ResourceKind, Role};
pub use moment::{Date, Moment, YearMonth};
pub use number::{Comparator, Decimal, Quantity};
pub use quality::{Measure, Quality, Rate};
pub use reading::{DocumentKey, DropName, Drops, Named, Reading, Version};
