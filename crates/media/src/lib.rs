//! Whether a stick that was put into the device may be read (A-122, C-06).
//!
//! Two questions, in this order: [`list::List::whose`] asks the list of registered sticks, by what
//! the stick says of itself over USB, before a byte of it is read; [`volume::check`] looks at the
//! first bytes of a registered one before the kernel is handed its file system. Everything else is
//! left alone, with a [`Word`] for the log.

pub mod list;
mod stick;
pub mod volume;

use std::fmt;

pub use stick::Stick;

/// What became of a stick: the fixed words of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Everything on it was taken.
    Taken,
    /// It is not on the list.
    Unregistered,
    /// It has no serial number, or none that could be on the list.
    Nameless,
    /// Its registration has ended.
    Ended,
    /// Its file system is not the one that was registered, or its first bytes contradict themselves.
    FileSystem,
    /// The kernel does not take it.
    Unreadable,
    /// It holds more, or something else, than a stick may.
    Content,
    /// The device could not keep what it held.
    NotKept,
}

impl Word {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Taken,
        Self::Unregistered,
        Self::Nameless,
        Self::Ended,
        Self::FileSystem,
        Self::Unreadable,
        Self::Content,
        Self::NotKept,
    ];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Unregistered => "ignored-unregistered",
            Self::Nameless => "ignored-nameless",
            Self::Ended => "ignored-ended",
            Self::FileSystem => "refused-file-system",
            Self::Unreadable => "refused-unreadable",
            Self::Content => "refused-content",
            Self::NotKept => "failed-not-kept",
        }
    }

    /// Whether the stick was left alone, as one that is not ours.
    pub const fn ignored(self) -> bool {
        matches!(self, Self::Unregistered | Self::Nameless | Self::Ended)
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
