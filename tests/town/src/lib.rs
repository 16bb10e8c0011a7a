//! The synthetic town (P-11): a seeded generator of persons who are patients of two hospitals,
//! the hospitals' SS-MIX2 standardized storages written exactly as the standard says, their notice
//! ledgers and stop lists, and the truth. Everything derives from the plan; nobody is real.

mod chart;
mod clinical_message;
mod codes;
mod dice;
mod entry;
mod extended;
mod further_message;
mod hl7;
mod households;
mod identifiers;
mod insurances;
mod kana;
mod kanji;
pub mod markers;
mod message;
mod model;
mod names;
mod places;
pub mod rates;
mod registering;
mod staff;
mod standing;
mod storage;
mod town;
mod tree;
mod truth;

pub use extended::{WrittenExtended, write_extended};
pub use model::{Difference, Name, Sex, Standing};
pub use names::of_people;
pub use storage::{HOSPITAL_FOLDERS, Written, write};
pub use town::{Town, TownPlan, TownSummary};
pub use tree::{TreePlan, TreeWritten, write_tree};
pub use truth::{Chart, Insured, TruePerson, TrueRegistration, Truth};
