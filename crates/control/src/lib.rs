//! What travels between the centre and a device beside batches: signed orders of a closed
//! catalogue, and what became of them (O-06, B-090, B-091, P-02).
//!
//! An order is read in one way only: [`SignedOrder::read`] finds its parts, [`SignedOrder::verify`]
//! checks who signed it, and a [`Docket`] says whether it is to be done, was done, or is refused.
//! Nothing else gives a [`Verified`] order, and only a docket hands out one to do.
//!
//! No algorithm is named here: signatures are checked by what the program brings ([`Signers`]).

mod absence;
mod answer;
mod device;
mod docket;
mod job;
mod order;
mod pace;
#[cfg(test)]
mod tests;
mod topic;
mod trial;
mod words;

pub use absence::{Absence, Absent, AbsentDays, Contact, DaysError};
pub use answer::{ANSWER_MAX, Answer, AnswerError, Outcome, Refusal, Support};
pub use device::DeviceId;
pub use docket::{Arrival, Docket, KEPT, Task};
pub use job::{Job, JobError, JobKind, SETTINGS_MAX};
pub use order::{
    ORDER_DOMAIN, ORDER_MAX, Order, OrderError, SIGNATURE, SIGNERS_MAX, SignedOrder, SignerId,
    Signers, Verified,
};
pub use pace::reconnect_after;
pub use topic::{Topic, Topics};
pub use trial::{Trial, Verdict};
pub use words::{PlanId, Reason, WordError};
