//! The boot partition of a disk image, by mtools: nothing is mounted.

use std::path::Path;
use std::process::Command;

use super::tool::Tool;

/// The names of the boot entries on a disk.
///
/// # Errors
/// The disk has no boot partition, or no entries.
pub(crate) fn entries(disk: &Path) -> anyhow::Result<Vec<String>> {
    let mut list = Command::new("mdir");
    list.args(["-b", "-i"]).arg(partition(disk));
    let said = Tool(list.arg("::EFI/Linux")).run()?;
    let names = said.lines().filter_map(|line| line.rsplit_once('/'));
    Ok(names.map(|(_, name)| name.trim().to_owned()).collect())
}

/// Puts a file on the boot partition, in the place of one of the same name.
///
/// # Errors
/// The folder of the name is not there, or the partition is full.
pub(crate) fn put(disk: &Path, file: &Path, name: &str) -> anyhow::Result<()> {
    let mut copy = Command::new("mcopy");
    copy.arg("-o").arg("-i").arg(partition(disk));
    Tool(copy.arg(file).arg(format!("::{name}")))
        .run()
        .map(drop)
}

/// Takes a file from the boot partition.
///
/// # Errors
/// It is not there.
pub(crate) fn take(disk: &Path, name: &str, file: &Path) -> anyhow::Result<()> {
    let mut copy = Command::new("mcopy");
    copy.args(["-n", "-o", "-i"]).arg(partition(disk));
    Tool(copy.arg(format!("::{name}")).arg(file))
        .run()
        .map(drop)
}

/// The boot partition of a disk, as mtools names it.
fn partition(disk: &Path) -> String {
    format!("{}@@1M", disk.display())
}
