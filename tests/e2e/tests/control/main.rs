//! The control channel with the real programs and a real broker (Mosquitto): health, orders, and
//! everything that may go wrong between them (P-02, O-06, O-09, O-10).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod absence;
mod broker;
mod desk;
mod flood;
mod health;
mod liar;
mod orders;
mod rights;
mod settings;
