//! A supply with a battery (UPS) on a serial line (C-17): what it answers, and when the device has
//! to stop.
//!
//! It speaks the Megatec protocol, which many makers use: the question `Q1`, answered by one line
//! of numbers and eight bits, at 2,400 bit/s. No line and no clock in here.

#![no_std]

mod answer;
mod watch;

pub use answer::{Answer, Malformed, Reader};
pub use watch::{Limits, Power, Standing, Watch};
