//! The layers, in the order in which they stand on each other.

use serde::{Deserialize, Serialize};

/// A layer of the way from the device to the centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// The cable.
    Link,
    /// The address of the device, and the router beside it.
    Address,
    /// The clock and its source.
    Time,
    /// The line of the closed network.
    Carrier,
    /// The tunnel, where the transport has one.
    Tunnel,
    /// The certificate of the device.
    Certificate,
    /// The front of the centre.
    Centre,
}

impl Layer {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Link,
        Self::Address,
        Self::Time,
        Self::Carrier,
        Self::Tunnel,
        Self::Certificate,
        Self::Centre,
    ];

    /// The first digit of the codes.
    pub const fn digit(self) -> u16 {
        match self {
            Self::Link => 1,
            Self::Address => 2,
            Self::Time => 3,
            Self::Carrier => 4,
            Self::Tunnel => 5,
            Self::Certificate => 6,
            Self::Centre => 7,
        }
    }

    /// What people call it: Japanese, English.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Link => ("ケーブル", "cable"),
            Self::Address => ("アドレス", "address"),
            Self::Time => ("時刻", "time"),
            Self::Carrier => ("回線", "carrier"),
            Self::Tunnel => ("VPN", "VPN"),
            Self::Certificate => ("証明書", "certificate"),
            Self::Centre => ("センター", "centre"),
        }
    }
}
