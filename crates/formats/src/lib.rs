//! Readers of the formats that sites keep their records in.
//!
//! A reader takes bytes and gives typed records of the vocabulary with findings and counts of what
//! it left behind. It emits only what it names, so a field that no reader knows cannot leave. A bad
//! value never aborts a file, and no bytes make a reader panic.
//!
//! [`hl7`] splits HL7 v2.5 messages; [`ssmix2`] reads the standardized storage of SS-MIX2,
//! [`extended`] its extended storage; [`astm`] receives messages of instruments on a serial line.
//!
//! The crate does no I/O, reads no clock and makes no random numbers.

pub mod astm;
pub mod extended;
pub mod hl7;
pub mod ssmix2;

mod municipality;
mod persons;

pub use municipality::Municipality;
