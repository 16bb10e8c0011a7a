//! What the programs of the device share: files that are always whole, the history of its health,
//! how gateways stand, and the service manager.
//!
//! Each program is a process of its own, with rights of its own: `sekisho-agent` measures and has
//! no network, `sekisho-control` speaks with the centre and measures nothing.

pub mod files;
pub mod gateways;
pub mod history;
pub mod notices;
pub mod notify;
