//! What the end-to-end tests share: searching everything that a run leaves behind.

mod leftovers;
mod search;

pub use leftovers::{Leftover, first_text, leftovers};
pub use search::Search;
