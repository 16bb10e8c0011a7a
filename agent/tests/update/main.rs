//! Updates of a device, with the real programs: partitions are files, the ESP is a folder, and the
//! server is a real one that asks for a certificate.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod attacks;
mod delta;
mod device;
mod gate;
mod kill;
mod medium;
mod network;
