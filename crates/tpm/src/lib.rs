//! The device's key in the TPM (B-115): the five commands that make it and sign with it, the form
//! in which it lies on the disk, and what may be signed. No device and no randomness in here.
//!
//! Commands and structures are those of the TPM 2.0 Library, Part 2 and Part 3 (TCG). The key is an
//! ordinary child of the owner's storage key; it is made inside, and its attributes forbid that it
//! ever leaves.

mod answer;
mod command;
mod der;
mod key;
mod purpose;
mod wire;

pub use answer::{Answer, Malformed, is_about_a_parameter, is_busy, size_of};
pub use command::{Handle, create, create_primary, flush, load, sign};
pub use key::{KeyError, WrappedKey};
pub use purpose::{RENEWAL_DOMAIN, may_sign, names_successor, trial};

/// Where the key service is reached, unless settings say otherwise (`sekisho-keys.socket`).
pub const KEY_SERVICE: &str = "/run/sekisho/keys";

/// Most bytes of an answer that these commands have.
pub const ANSWER_MAX: usize = 4096;

#[cfg(test)]
mod tests;
