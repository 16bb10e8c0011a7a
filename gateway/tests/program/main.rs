//! The gateway as a program: what comes out for folders and files that go in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

mod appliance;
mod institutions;
mod ledger;
mod withdrawals;
