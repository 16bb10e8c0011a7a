//! A disk, a line and a front in memory, which fail as real ones do, and what the queue and the
//! sender make of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "tests fail by panicking, and tell figures"
)]

mod disk;
mod front;
mod network;

mod queue;
mod sender;
mod storm;
mod years;
