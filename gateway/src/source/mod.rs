//! The source: SS-MIX2 storages, opened read-only. No link is followed, nothing is written.

#[cfg(test)]
mod dialects;
mod files;
mod patient;
mod plan;
mod walk;

pub(crate) use patient::{MAPPING_VERSION, Outcome, PatientReader, Visited};
pub(crate) use plan::Plan;
pub(crate) use walk::{PatientFolder, Walk};
