//! Where messages of a device lie on the broker. Each device has its own; the broker's rules of
//! access let a certificate use no others.

use crate::device::DeviceId;

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Reports of the device's health, from the device.
    Health,
    /// `1` while the device is there, `0` once it is not: the broker says the second for it.
    Presence,
    /// What became of orders, from the device.
    Answers,
    /// Orders, to the device.
    Orders,
}

impl Topic {
    const fn word(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Presence => "presence",
            Self::Answers => "answers",
            Self::Orders => "orders",
        }
    }
}

/// The names of the topics of one device: `sekisho/1/<device>/<word>`.
#[derive(Debug, Clone)]
pub struct Topics<'a>(pub &'a DeviceId);

impl Topics<'_> {
    /// The name of one.
    pub fn name(&self, topic: Topic) -> String {
        format!("sekisho/1/{}/{}", self.0, topic.word())
    }
}
