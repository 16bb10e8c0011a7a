//! The front panel (C-01, C-06): three lights, a display of two lines and a button on a
//! microcontroller behind a serial line.
//!
//! [`frame`] and [`message`] are the protocol, specified in `docs/panel.md`; [`Device`] and
//! [`Display`] are its two ends, without a line and without a clock. [`shown`] says what the panel
//! shows of a device, and [`code`] is the status code that somebody reads to the help desk.
//!
//! The crate has no heap, so that the microcontroller can be built from it as well.

#![no_std]

pub mod code;
mod device;
mod display;
mod face;
pub mod frame;
pub mod message;
pub mod shown;

pub use device::{Device, Event, SILENT_MS};
pub use display::{Display, NO_ANSWER_MS, Showing};
pub use face::{COLUMNS, Colour, Face, Light, Line, Rhythm};
