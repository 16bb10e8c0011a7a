//! How sealed batches wait at a site and get to the front, without disk, socket, clock or
//! randomness (decision 0044): the queue, its file system an argument ([`Queue`]), and one session
//! of the sender as a machine of states.
//!
//! [`begin`] gives the first [`Step`]. Each step says what the program has to do next and is used
//! up by telling how that went, which gives the next one. What must not happen out of order does
//! not compile: there is no chunk before [`Commit`], and no receipt that was not verified.
//!
//! Time is the span since the session began, by a clock that never goes back. Random numbers are
//! arguments of the calls that may need one.

mod answer;
mod backoff;
mod beginning;
pub mod ledger;
mod pace;
mod queue;
mod session;
mod slot;

pub use answer::Answer;
pub use backoff::Backoff;
pub use beginning::Beginning;
pub use pace::{OfficeHours, Pace};
pub use queue::{Bounds, Files, Full, Queue, QueueError, write_durably};
pub use session::{
    Admit, Ask, Batch, Commit, Connect, Ending, Plan, Request, Sent, Settle, Step, Trouble, Wait,
    begin,
};
pub use slot::{Window, return_after};
