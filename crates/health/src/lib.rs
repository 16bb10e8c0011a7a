//! The health of a device over seven days, in memory that never grows, and reports of it for the
//! centre (B-024, O-04).
//!
//! Everything is a number or a fixed word: there is no type here that could hold a text, so nothing
//! about a person gets in. The crate has no heap: what it takes is the size of [`History`].

#![no_std]

mod gateway;
mod history;
mod report;
mod sample;

pub use gateway::{GATEWAY_MAX, Gateway};
pub use history::{History, SLOT_SECONDS, SLOTS};
pub use report::{MOST_SAMPLES, REPORT_MAX, Report, ReportError};
pub use sample::{Amount, Sample};
