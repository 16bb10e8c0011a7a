//! The list of registered sticks, `media.toml`.

use serde::Deserialize;

use crate::{Stick, Word};

/// Most registered sticks.
pub const STICKS_MAX: usize = 100;

/// Why the list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// It is no TOML, a key is unknown, missing or of another type.
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    /// More sticks than there may be.
    #[error("media: 100 sticks at most")]
    Many,
    /// A stick that no device could be, or one that stands twice.
    #[error("media: entry {0} is no stick, or stands twice")]
    Stick(usize),
}

/// The registered sticks.
#[derive(Debug, Clone, Default)]
pub struct List {
    entries: Vec<(Stick, Entry)>,
}

/// How a registered stick may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its file system.
    pub file_system: FileSystem,
    /// The last moment, in seconds since 1970.
    until: Option<i64>,
}

/// The file systems that are handed to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileSystem {
    /// FAT12, FAT16, FAT32.
    Vfat,
    /// exFAT.
    Exfat,
    /// ext4.
    Ext4,
}

impl FileSystem {
    /// The kernel's name of it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vfat => "vfat",
            Self::Exfat => "exfat",
            Self::Ext4 => "ext4",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    media: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    vendor: String,
    product: String,
    serial: String,
    filesystem: FileSystem,
    #[serde(default)]
    until_seconds: Option<i64>,
}

impl List {
    /// Reads `media.toml`.
    ///
    /// # Errors
    /// It is no such list.
    pub fn parse(text: &str) -> Result<Self, ListError> {
        let file: File = toml::from_str(text)?;
        if file.media.len() > STICKS_MAX {
            return Err(ListError::Many);
        }
        let mut entries: Vec<(Stick, Entry)> = Vec::new();
        for (written, number) in file.media.into_iter().zip(1..) {
            let stick = Stick::new(&written.vendor, &written.product, &written.serial);
            let stick = stick.filter(|stick| entries.iter().all(|(other, _)| other != stick));
            let entry = Entry {
                file_system: written.filesystem,
                until: written.until_seconds,
            };
            entries.push((stick.ok_or(ListError::Stick(number))?, entry));
        }
        Ok(Self { entries })
    }

    /// How a stick may be used, at `now` in seconds since 1970.
    ///
    /// # Errors
    /// It is not on the list, says nothing by which it could be, or its registration has ended.
    pub fn whose(&self, stick: Option<&Stick>, now: i64) -> Result<Entry, Word> {
        let stick = stick.ok_or(Word::Nameless)?;
        let found = self.entries.iter().find(|(listed, _)| listed == stick);
        let (_, entry) = found.ok_or(Word::Unregistered)?;
        match entry.until {
            Some(until) if now > until => Err(Word::Ended),
            _ => Ok(*entry),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../../config/examples/media.toml");
    const ONE: &str = "[[media]]\nvendor = \"0951\"\nproduct = \"1666\"\nserial = \"A1\"\n\
        filesystem = \"vfat\"\nuntil_seconds = 100\n";

    fn stick(product: &str, serial: &str) -> Option<Stick> {
        Stick::new("0951", product, serial)
    }

    /// only what is on the list, whole and in time, is looked at any further.
    #[test]
    fn a_stick_is_known_by_everything_it_says_and_up_to_its_last_moment() {
        let list = List::parse(ONE).unwrap();
        for (stick, now, expected) in [
            (stick("1666", "A1"), 100, Ok(FileSystem::Vfat)),
            (stick("1666", "A1"), 101, Err(Word::Ended)),
            (stick("1666", "a1"), 1, Err(Word::Unregistered)),
            (stick("1666", "A10"), 1, Err(Word::Unregistered)),
            (stick("1667", "A1"), 1, Err(Word::Unregistered)),
            (None, 1, Err(Word::Nameless)),
        ] {
            let whose = list.whose(stick.as_ref(), now);
            assert_eq!(whose.map(|entry| entry.file_system), expected, "{stick:?}");
        }
        assert!(
            List::default()
                .whose(stick("1666", "A1").as_ref(), 1)
                .is_err()
        );
    }

    #[test]
    fn a_list_that_is_not_clear_is_refused_whole() {
        assert!(List::parse(EXAMPLE).is_ok());
        assert!(List::parse("").is_ok(), "nobody is registered");
        for text in [
            [ONE, ONE].concat(),
            ONE.replace("A1", ""),
            ONE.replace("vfat", "ntfs"),
            ONE.replace("vendor", "maker"),
            ONE.replace("0951", "0x951"),
            (0..101)
                .map(|at| ONE.replace("A1", &format!("A{at}")))
                .collect(),
        ] {
            assert!(List::parse(&text).is_err(), "{text}");
        }
    }
}
