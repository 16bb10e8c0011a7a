//! Japanese text: lenient decoding of ISO-2022-JP and its deviations, era dates, and the folding
//! that makes equal names equal.
//!
//! [`jis`] turns the bytes of a whole file into text, tells what it repaired, and writes such text
//! back. [`fold`] makes the normal forms from which linkage keys are computed and by which values
//! are compared; it is versioned, because keys of different versions never match. [`era`] reads
//! dates of the Japanese calendar. [`romaji`] finds names in Latin letters, [`individual`] the
//! number that the law keeps out of medical records.
//!
//! The crate does no I/O, reads no clock and makes no random numbers.

pub mod era;
pub mod fold;
pub mod individual;
pub mod jis;
pub mod romaji;

mod detect;
mod encode;
mod iso2022;
mod legacy;
mod private;
mod tables;
mod variants;
