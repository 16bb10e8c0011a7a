//! The source: SS-MIX2 storages, opened read-only. No link is followed, nothing is written.

pub(crate) mod budget;
#[cfg(test)]
mod dialects;
pub(crate) mod disk;
mod extended;
mod files;
mod news;
pub(crate) mod pace;
mod patient;
mod plan;
mod team;
#[cfg(test)]
pub(crate) mod troubled;
pub(crate) mod turns;
mod visited;
mod walk;
mod watch;

#[cfg(test)]
pub(crate) use patient::PatientReader;
#[cfg(test)]
pub(crate) use walk::PatientFolder;
#[cfg(test)]
pub(crate) use watch::Caller;

pub(crate) use extended::Beside;
pub(crate) use news::{Passed, Remember, TakenBack, gone};
pub(crate) use patient::{MAPPING_VERSION, Shared};
pub(crate) use plan::Plan;
pub(crate) use team::{IsPosition, Message, Team, position_digest};
pub(crate) use visited::{Outcome, Visited};
pub(crate) use walk::{Levels, Roots};
