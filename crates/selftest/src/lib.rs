//! The first start of a device: what its lines are meant to be, what was seen of them, and which
//! layer is at fault (C-03).
//!
//! Seven [`Layer`]s stand on each other: link, address, time, carrier, tunnel, certificate, centre.
//! The program observes one after the other and has each judged here; the first that fails is named
//! by a [`Fault`], whose four digits begin with the number of its layer. Nothing here asks the
//! world: observations come in as values.
//!
//! | module | holds |
//! |---|---|
//! | [`settings`] | `device.toml`: lines, addresses, time server; and the part of `gateway.toml` that leads to the centre |
//! | [`seen`] | what was observed |
//! | [`judge`] | observation to fault, layer by layer |
//! | [`fault`] | the catalogue of codes, and its page |
//! | [`report`] | the result as text and as JSON, numbers and fixed words only |
//! | [`arp`], [`dhcp`], [`ntp`], [`connect`], [`health`] | the few packets that are sent and read |
//! | [`networkd`] | the files by which the machine takes its addresses |

pub mod arp;
pub mod connect;
pub mod dhcp;
pub mod fault;
pub mod health;
pub mod judge;
mod layer;
pub mod networkd;
pub mod ntp;
pub mod report;
pub mod seen;
pub mod settings;

pub use fault::Fault;
pub use layer::Layer;
