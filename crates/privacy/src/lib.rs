//! What may leave a site, and in which form.
//!
//! Steps, each with a type that only it can make:
//! - [`gate`] asks whether anything of a person may leave: notice, hold, stop, contract, filing.
//!   It gives [`gate::Screened`].
//! - [`separate`] takes screened readings apart into content and keyed references. It gives
//!   [`separate::Separated`], the only thing that can be sealed.
//! - [`order`] finds whom a stop order of the centre could mean.
//! - [`dictionary`] says which names of a house's own codes may leave.
//! - [`tokens`] turns who a person is into keyed tokens by which the centre links persons.
//!
//! The crate names no algorithm: whoever owns the keys passes a [`Prf`]. It does no I/O, reads no
//! clock and makes no random numbers.

pub mod dictionary;
#[cfg(test)]
mod fixtures;
pub mod gate;
mod message;
pub mod order;
pub mod separate;
pub mod tokens;
mod wire;

/// A keyed pseudo-random function: the same message gives the same 32 bytes, and without the key
/// nobody can tell them from random ones.
pub trait Prf: Send + Sync {
    /// The function's value for a message.
    fn prf(&self, message: &[u8]) -> [u8; 32];
}
