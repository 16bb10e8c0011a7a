//! What decides about updates of the device: what a version consists of, whose turn it is, when it
//! may happen, and in which order a slot is replaced (C-14, O-04).
//!
//! No file, line, clock or randomness: the program around it reads, writes and tells the time.
//! Signatures are not its matter either; what it parses has been verified before.

mod chunk;
mod digest;
mod entry;
mod floor;
mod gate;
mod install;
mod manifest;
mod pace;
mod plan;
mod record;
mod release;
mod rollout;
mod version;
mod window;

pub use chunk::{BLOCK, CHUNK_MAX, Chunk, cut};
pub use digest::Digest;
pub use entry::{Entry, TRIES};
pub use floor::{Floor, Time};
pub use gate::{Check, Passed, Verdict, judge};
pub use install::{Install, Offer, Running, Step, Unwanted};
pub use manifest::{Image, MANIFEST_MAX, Manifest, ManifestError};
pub use pace::Pace;
pub use plan::{Plan, SHARE_ALL, Stage as PlanStage, position};
pub use record::{Boot, Reason, Record, RecordError, Slot, Stage};
pub use release::{RELEASE_MAX, Release, ReleaseError};
pub use rollout::Tally;
pub use version::{Name, Version};
pub use window::Window;

#[cfg(test)]
mod tests;
