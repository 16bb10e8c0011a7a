//! The disk: a partition for the firmware, two slots, and room for data.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::Recipe;
use super::base::Base;
use super::lists::Lists;
use super::tool::{Tool, at_epoch, sha256_of, uuid_of};
use super::verity::Verity;

const MIB: u64 = 1 << 20;

/// A partition: name, type, size in MiB. Slot and tree have room for a root twice as large.
struct Partition {
    name: &'static str,
    kind: &'static str,
    mib: u64,
}

const fn partition(name: &'static str, kind: &'static str, mib: u64) -> Partition {
    Partition { name, kind, mib }
}

const PARTITIONS: [Partition; 6] = [
    partition("esp", "ef00", 96),
    partition("root-a", "8304", 128),
    partition("verity-a", "8308", 4),
    partition("root-b", "8304", 128),
    partition("verity-b", "8308", 4),
    partition("data", "8300", 256),
];

/// The first partition begins here, the second copy of the table needs as much at the end.
const EDGE_MIB: u64 = 1;

/// Where a partition lies, in bytes of the disk.
pub(crate) fn place(name: &str) -> Option<std::ops::Range<u64>> {
    let mut begin = EDGE_MIB;
    for partition in &PARTITIONS {
        let end = begin + partition.mib;
        if partition.name == name {
            return Some(begin * MIB..end * MIB);
        }
        begin = end;
    }
    None
}

/// Where slot A begins, in bytes.
pub(crate) const ROOT_A: u64 = (EDGE_MIB + 96) * MIB;

/// Writes `sekisho.img`: slot A filled, slot B and the data partition empty.
///
/// # Errors
/// The root does not fit its slot, or a tool fails.
pub(crate) fn make(
    recipe: &Recipe<'_>,
    lists: &Lists,
    base: &Base,
    verity: &Verity,
    unified: &Path,
    work: &Path,
    version: &str,
) -> anyhow::Result<PathBuf> {
    let firmware = work.join("esp.img");
    boot_partition(recipe, lists, base, unified, &firmware, version)?;
    let disk = recipe.out.join("sekisho.img");
    let total: u64 = PARTITIONS.iter().map(|it| it.mib).sum::<u64>() + 2 * EDGE_MIB;
    let file = fs::File::create(&disk).context("the disk")?;
    file.set_len(total * MIB).context("the disk")?;
    table(&disk, version)?;
    let mut begin = EDGE_MIB;
    for partition in &PARTITIONS {
        let content = match partition.name {
            "esp" => Some(firmware.as_path()),
            "root-a" => Some(verity.root.as_path()),
            "verity-a" => Some(verity.tree.as_path()),
            _ => None,
        };
        if let Some(content) = content {
            write_at(content, &disk, begin, partition)?;
        }
        begin += partition.mib;
    }
    Ok(disk)
}

/// The table of partitions. The names of disk and partitions follow from the version.
fn table(disk: &Path, version: &str) -> anyhow::Result<()> {
    let name = |of: &str| uuid_of(&sha256_of(&format!("sekisho {of} {version}")));
    let mut make = Command::new("sgdisk");
    make.args(["--clear", "--set-alignment=2048"]);
    make.arg(format!("--disk-guid={}", name("disk")));
    for (number, it) in (1..).zip(&PARTITIONS) {
        make.arg(format!("--new={number}:0:+{}M", it.mib));
        make.arg(format!("--typecode={number}:{}", it.kind));
        make.arg(format!("--change-name={number}:{}", it.name));
        make.arg(format!("--partition-guid={number}:{}", name(it.name)));
    }
    Tool(make.arg(disk)).run().map(drop)
}

fn write_at(from: &Path, disk: &Path, begin: u64, to: &Partition) -> anyhow::Result<()> {
    let size = fs::metadata(from).context("a part of the disk")?.len();
    ensure!(size <= to.mib * MIB, "{} is full: {size} bytes", to.name);
    let mut write = Command::new("dd");
    write.arg(format!("if={}", from.display()));
    write.arg(format!("of={}", disk.display()));
    write.arg(format!("seek={begin}"));
    write.args(["bs=1M", "conv=notrunc,sparse", "status=none"]);
    Tool(&mut write).run().map(drop)
}

/// The partition of the firmware: the loader, and the entry of this version with three tries.
fn boot_partition(
    recipe: &Recipe<'_>,
    lists: &Lists,
    base: &Base,
    unified: &Path,
    image: &Path,
    version: &str,
) -> anyhow::Result<()> {
    let loader = recipe.out.join("loader.efi");
    let unsigned = base.loader().join("systemd-bootx64.efi");
    recipe.signer.sign(&unsigned, &loader, lists.epoch)?;
    let file = fs::File::create(image).context("the boot partition")?;
    let mib = PARTITIONS.first().map_or(0, |it| it.mib);
    file.set_len(mib * MIB).context("the boot partition")?;
    let mut format = at_epoch("mkfs.vfat", lists.epoch);
    format.args(["--invariant", "-F", "32", "-n", "ESP", "-i", "5e715401"]);
    Tool(format.arg(image)).run()?;
    let mut folders = at_epoch("mmd", lists.epoch);
    folders.arg("-i").arg(image);
    let names = [
        "::EFI",
        "::EFI/BOOT",
        "::EFI/systemd",
        "::EFI/Linux",
        "::loader",
    ];
    Tool(folders.args(names)).run()?;
    let entry = format!("::EFI/Linux/sekisho_{version}+3.efi");
    for (from, to) in [
        (loader.as_path(), "::EFI/BOOT/BOOTX64.EFI"),
        (
            &lists.folder.join("boot/loader.conf"),
            "::loader/loader.conf",
        ),
        (unified, entry.as_str()),
    ] {
        let mut copy = at_epoch("mcopy", lists.epoch);
        Tool(copy.arg("-i").arg(image).arg(from).arg(to)).run()?;
    }
    Ok(())
}
