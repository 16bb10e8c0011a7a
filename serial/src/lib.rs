//! What the programs behind a serial line share: the line, and the signal to stop.

mod line;
pub mod stop;

pub use line::Line;
