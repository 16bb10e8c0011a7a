//! The lists in `image/`: one thing a line, `#` begins a remark.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Everything that `image/` says, read and taken apart.
pub(crate) struct Lists {
    /// The folder `image/`.
    pub(crate) folder: PathBuf,
    /// Packages of the root.
    pub(crate) packages: Vec<String>,
    /// Packages that files are taken out of.
    pub(crate) fetched: Vec<String>,
    /// Package and exact version.
    pub(crate) versions: BTreeMap<String, String>,
    /// The time of every file, in seconds.
    pub(crate) epoch: u64,
    /// Packages whose files are removed, but for the paths that are named with them.
    pub(crate) drop_packages: BTreeMap<String, BTreeSet<String>>,
    /// Patterns of paths that are removed.
    pub(crate) drop_paths: Vec<String>,
    /// Mode and path of empty folders.
    pub(crate) folders: Vec<(u32, String)>,
    /// Whether a unit of `systemd/` is on the device.
    pub(crate) units: BTreeMap<String, bool>,
    /// Modules of the initrd, of the root, and folders that none may come from.
    pub(crate) initrd_modules: Vec<String>,
    pub(crate) root_modules: Vec<String>,
    pub(crate) never_modules: Vec<String>,
    /// The words of the kernel's command line.
    pub(crate) command_line: Vec<String>,
}

impl Lists {
    /// Reads the lists of a checkout.
    ///
    /// # Errors
    /// A list is missing, or a line of it is not what it should be.
    pub(crate) fn read(checkout: &Path) -> anyhow::Result<Self> {
        let folder = checkout.join("image");
        let list = |name: &str| {
            let path = folder.join(name);
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            Ok::<_, anyhow::Error>(lines(&text))
        };
        let epoch = list("base/epoch.txt")?;
        let epoch = epoch.first().context("image/base/epoch.txt is empty")?;
        let mut folders = Vec::new();
        for line in list("root/folders.txt")? {
            let (mode, path) = line.split_once(' ').context("folders.txt: mode and path")?;
            folders.push((u32::from_str_radix(mode, 8)?, path.to_owned()));
        }
        let mut units = BTreeMap::new();
        for line in list("root/units.txt")? {
            let (place, unit) = line.split_once(' ').context("units.txt: place and unit")?;
            units.insert(unit.to_owned(), place == "device");
        }
        Ok(Self {
            packages: list("base/packages.txt")?,
            fetched: list("base/fetched.txt")?,
            versions: versions(&list("base/versions.txt")?),
            epoch: epoch.parse().context("image/base/epoch.txt")?,
            drop_packages: list("root/drop-packages.txt")?
                .iter()
                .map(|line| dropped(line))
                .collect(),
            drop_paths: list("root/drop-paths.txt")?,
            folders,
            units,
            initrd_modules: list("modules/initrd.txt")?,
            root_modules: list("modules/root.txt")?,
            never_modules: list("modules/never.txt")?,
            command_line: list("boot/cmdline.txt")?,
            folder,
        })
    }
}

/// The lines that say something.
fn lines(text: &str) -> Vec<String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

fn versions(lines: &[String]) -> BTreeMap<String, String> {
    lines
        .iter()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, version)| (name.to_owned(), version.to_owned()))
        .collect()
}

/// `package !kept !kept`.
fn dropped(line: &str) -> (String, BTreeSet<String>) {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or_default().to_owned();
    let kept = words
        .filter_map(|word| word.strip_prefix('!'))
        .map(str::to_owned)
        .collect();
    (name, kept)
}

#[cfg(test)]
mod tests {
    use super::{dropped, lines};

    #[test]
    fn remarks_and_empty_lines_say_nothing() {
        assert_eq!(lines("# a\n\n b \nc d\n"), ["b", "c d"]);
    }

    #[test]
    fn a_file_of_a_dropped_package_can_be_kept() {
        let (name, kept) = dropped("coreutils !usr/bin/chgrp");
        assert_eq!(name, "coreutils");
        assert!(kept.contains("usr/bin/chgrp"));
    }
}
