//! Names of boot entries: `<name>_<version>+<left>-<done>.efi`, by which systemd-boot counts tries.
//! An entry without numbers has proven itself; one with none left is passed over.

use crate::{Name, Version};

/// How often a new version may try to prove itself before the boot loader takes the other one.
pub const TRIES: u32 = 3;

/// A boot entry of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which version it boots.
    pub version: Version,
    /// Tries that are left; `None` once it has proven itself.
    pub left: Option<u32>,
}

impl Entry {
    /// The name of the file of a version that has all its tries before it.
    pub fn fresh(name: &Name, version: Version) -> String {
        format!("{name}_{version}+{TRIES}.efi")
    }

    /// Reads the name of a file; `None` when it is no entry of ours.
    pub fn read(name: &Name, file: &str) -> Option<Self> {
        let rest = file.strip_prefix(name.as_str())?.strip_prefix('_')?;
        let rest = rest.strip_suffix(".efi")?;
        let (version, tries) = match rest.split_once('+') {
            Some((version, tries)) => (version, Some(tries)),
            None => (rest, None),
        };
        let left = match tries.map(|it| it.split_once('-').unwrap_or((it, "0"))) {
            Some((left, done)) => {
                done.parse::<u32>().ok()?;
                Some(left.parse().ok()?)
            }
            None => None,
        };
        Some(Self {
            version: version.parse().ok()?,
            left,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_entries_are_read_as_the_boot_loader_writes_them() {
        let name: Name = "sekisho".parse().unwrap();
        let version = Version([1, 2, 3]);
        let fresh = Entry::fresh(&name, version);
        assert_eq!(fresh, "sekisho_1.2.3+3.efi");
        for (file, left) in [
            (fresh.as_str(), Some(3)),
            ("sekisho_1.2.3+2-1.efi", Some(2)),
            ("sekisho_1.2.3+0-3.efi", Some(0)),
            ("sekisho_1.2.3.efi", None),
        ] {
            assert_eq!(
                Entry::read(&name, file),
                Some(Entry { version, left }),
                "{file}"
            );
        }
        for file in [
            "other_1.2.3.efi",
            "sekisho_1.2.efi",
            "sekisho_1.2.3+x.efi",
            "sekisho_1.2.3",
        ] {
            assert_eq!(Entry::read(&name, file), None, "{file}");
        }
    }
}
