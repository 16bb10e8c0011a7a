//! Power cuts while a device updates: states that its disk can be in are looked at from outside,
//! and some of them are started.
//!
//! The log of writes begins with the first start of the device and ends when the next version is
//! good. Looked at is what decides about the next start: the boot partition, the entry that the
//! boot loader would take, and the slot that belongs to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use update::{Entry, Name};

use super::device::{Device, setup};
use super::machine::{DISK, Machine};
use super::tool::{Tool, sha256};
use super::update_check::{emptied, stays};
use super::write_log::{Chance, WriteLog};
use super::{Image, disk};

/// Bytes that are copied at once.
const PIECE: usize = 1 << 20;
/// Asks for the same cuts again, together with the log and the images of that run.
const SEED: &str = "SEKISHO_SEED";

/// The two versions of an update, with their numbers: the first in slot A, the next in slot B.
#[derive(Clone, Copy)]
pub(crate) struct Versions<'a> {
    pub(crate) before: (&'a str, &'a Image),
    pub(crate) after: (&'a str, &'a Image),
}

/// An update whose writes were kept.
pub(crate) struct Cuts<'a> {
    pub(crate) log: &'a WriteLog,
    /// How many entries of the log are from before the update.
    pub(crate) begun: usize,
    pub(crate) versions: Versions<'a>,
    /// The folder of the machine that was updated: its TPM opens the disk.
    pub(crate) machine: &'a Path,
}

impl Cuts<'_> {
    /// Looks at the disk as it was at each flush, and between flushes at `parts` random parts of
    /// what was on its way to the boot partition or a slot.
    ///
    /// # Errors
    /// A state would not start a version that is whole.
    pub(crate) fn check_all(&self, folder: &Path, parts: u64) -> anyhow::Result<String> {
        emptied(folder)?;
        let path = folder.join("disk.img");
        let disk = self.base(&path)?;
        let mut looker = Looker::new(folder, self.versions)?;
        let mut chance = Chance(seed()?);
        let (mut flushes, mut torn) = (0, 0);
        for range in self.intervals() {
            if looker.concerns(self.log, &range)? {
                let old = self.log.old(&disk, range.clone())?;
                for _ in 0..parts {
                    let seed = chance.next();
                    self.log.keep_some(&disk, range.clone(), seed)?;
                    let said = || format!("power cut within {range:?}, seed {seed}");
                    looker.look(&disk).with_context(said)?;
                    looker.concerns(self.log, &range)?;
                    for (at, bytes) in &old {
                        disk.write_all_at(bytes, *at)?;
                    }
                    torn += 1;
                }
                self.log.apply(&disk, range.clone())?;
                let said = || format!("power cut behind {} entries", range.end);
                looker.look(&disk).with_context(said)?;
            } else {
                self.log.apply(&disk, range)?;
            }
            flushes += 1;
        }
        Ok(format!(
            "power cuts: {flushes} flushes of {} writes and {torn} torn states start a whole \
             version ({})",
            self.log.entries().len() - self.begun,
            looker.told()
        ))
    }

    /// Starts `count` states, half of them with something on its way to the boot partition, and
    /// finishes the update on each.
    ///
    /// # Errors
    /// A state starts neither version, or cannot be updated.
    pub(crate) fn boot_some(&self, folder: &Path, count: usize) -> anyhow::Result<String> {
        let seed = seed()?;
        let mut chance = Chance(seed);
        let all = self.intervals();
        let boot = disk::place("esp").context("esp")?;
        let critical: Vec<_> = all
            .iter()
            .filter(|range| self.log.touches((*range).clone(), &boot))
            .cloned()
            .collect();
        let mut began: BTreeMap<String, u32> = BTreeMap::new();
        for number in 0..count {
            let from = if number % 2 == 0 { &critical } else { &all };
            let range = chance.of(from).context("an update without a flush")?;
            let within = chance.next() % (range.len() as u64 + 1);
            let upto = range.start + usize::try_from(within)?;
            let torn = chance.next();
            let said = || format!("power cut behind {upto} entries, seed {torn}, of {seed}");
            let version = self.boot(folder, upto, torn).with_context(said)?;
            *began.entry(version).or_default() += 1;
        }
        let began: Vec<String> = began.iter().map(|(of, n)| format!("{n} on {of}")).collect();
        Ok(format!(
            "{count} states started ({}), all updated (seed {seed})",
            began.join(", ")
        ))
    }

    /// Starts one state and finishes the update; the version that it started.
    fn boot(&self, folder: &Path, upto: usize, seed: u64) -> anyhow::Result<String> {
        let setup = setup(&self.versions.before.1.disk, false);
        Machine::assemble(folder, &setup)?;
        self.log.state(&folder.join("disk.img"), upto, seed)?;
        let mut copy = Command::new("cp");
        copy.arg("-r")
            .arg(self.machine.join("tpm-state"))
            .arg(self.machine.join("variables.fd"));
        Tool(copy.arg(folder)).run()?;
        let mut device = Device {
            machine: Machine::power_on(folder, &setup)?,
            folder: folder.to_owned(),
        };
        let mut began = device.ready()?;
        device.settle()?;
        let first = began.0.clone();
        if first == self.versions.before.0 {
            device.look_for_updates()?;
            began = device.ready().with_context(|| device.journal())?;
            device.settle()?;
        }
        stays(&mut device, self.versions.after.0, &began)?;
        Ok(first)
    }

    /// The disk at the last flush before the update.
    fn base(&self, path: &Path) -> anyhow::Result<File> {
        let mut copy = Command::new("cp");
        copy.arg("--sparse=always")
            .arg(&self.versions.before.1.disk);
        Tool(copy.arg(path)).run()?;
        let disk = OpenOptions::new().read(true).write(true).open(path)?;
        disk.set_len(DISK)?;
        let begins = self.intervals().first().map_or(0, |range| range.start);
        self.log.apply(&disk, 0..begins)?;
        Ok(disk)
    }

    /// The entries from each flush to the next, from the last one before the update on.
    fn intervals(&self) -> Vec<Range<usize>> {
        let flushes = self.log.flushes();
        let before = flushes.iter().rposition(|it| *it <= self.begun);
        let from = before.unwrap_or_default();
        let pairs = flushes.get(from..).unwrap_or_default().windows(2);
        pairs
            .filter_map(|pair| match pair {
                [begin, end] => Some(*begin..*end),
                _ => None,
            })
            .collect()
    }
}

/// Looks at what decides about the next start.
struct Looker<'a> {
    folder: PathBuf,
    versions: Versions<'a>,
    name: Name,
    /// The version of each boot entry that was signed, by its digest.
    signed: BTreeMap<String, &'a str>,
    /// Slots that were verified and have not been written to since.
    verified: BTreeSet<&'static str>,
    /// What `fsck.fat` had to say, and how often.
    remarks: BTreeMap<String, u32>,
    /// How often each version would have been started.
    started: BTreeMap<String, u32>,
}

impl<'a> Looker<'a> {
    fn new(folder: &Path, versions: Versions<'a>) -> anyhow::Result<Self> {
        let mut signed = BTreeMap::new();
        for (version, image) in [versions.before, versions.after] {
            signed.insert(sha256(&image.entry)?, version);
        }
        Ok(Self {
            folder: folder.to_owned(),
            versions,
            name: "sekisho".parse()?,
            signed,
            verified: BTreeSet::new(),
            remarks: BTreeMap::new(),
            started: BTreeMap::new(),
        })
    }

    /// Whether some entries of the log change what decides about the next start; what they change
    /// has to be verified again.
    fn concerns(&mut self, log: &WriteLog, entries: &Range<usize>) -> anyhow::Result<bool> {
        let touches = |name: &str| -> anyhow::Result<bool> {
            let place = disk::place(name).context("a partition")?;
            Ok(log.touches(entries.clone(), &place))
        };
        let mut any = touches("esp")?;
        for slot in ["a", "b"] {
            if touches(&format!("root-{slot}"))? || touches(&format!("verity-{slot}"))? {
                self.verified.remove(slot);
                any = true;
            }
        }
        Ok(any)
    }

    /// Looks at one state of the disk.
    fn look(&mut self, disk: &File) -> anyhow::Result<()> {
        let boot = self.folder.join("esp.img");
        extract(disk, disk::place("esp").context("esp")?, &boot)?;
        self.check_boot_partition(&boot)?;
        let mut startable = Vec::new();
        for name in listing(&boot)? {
            let unfinished = !name.to_ascii_lowercase().ends_with(".efi");
            let entry = Entry::read(&self.name, &name);
            let left = entry.as_ref().and_then(|entry| entry.left);
            if unfinished || left == Some(0) {
                continue;
            }
            let Some(version) = self.version_of(&boot, &name)? else {
                continue;
            };
            ensure!(
                entry.is_some_and(|entry| entry.version.to_string() == version),
                "an entry called {name}"
            );
            startable.push(version);
        }
        let (before, after) = (self.versions.before, self.versions.after);
        ensure!(
            startable.contains(&before.0),
            "the version before is gone: {startable:?}"
        );
        let (slot, (version, image)) = match startable.contains(&after.0) {
            true => ("b", after),
            false => ("a", before),
        };
        self.verify(disk, slot, image)
            .with_context(|| version.to_owned())?;
        *self.started.entry(version.to_owned()).or_default() += 1;
        Ok(())
    }

    /// The version of a boot entry, by all of its bytes; none of one that is empty. The boot loader
    /// does not offer what is no program. A rename on FAT, as that which marks an entry as good,
    /// leaves the new name without bytes for a moment.
    fn version_of(&mut self, boot: &Path, name: &str) -> anyhow::Result<Option<&'a str>> {
        let file = self.folder.join("entry.efi");
        let mut copy = Command::new("mcopy");
        copy.args(["-n", "-o", "-i"]).arg(boot);
        Tool(copy.arg(format!("::EFI/Linux/{name}")).arg(&file)).run()?;
        if fs::metadata(&file)?.len() == 0 {
            *self.remarks.entry("empty entry".to_owned()).or_default() += 1;
            return Ok(None);
        }
        let version = self.signed.get(&sha256(&file)?).copied();
        let whole = version.with_context(|| format!("{name} is not whole"));
        whole.map(Some)
    }

    /// Remarks of `fsck.fat` are kept and counted; it changes nothing.
    fn check_boot_partition(&mut self, boot: &Path) -> anyhow::Result<()> {
        let mut check = Command::new("fsck.fat");
        let output = check.arg("-n").arg(boot).output().context("fsck.fat")?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.code() != Some(2), "fsck.fat: {text}");
        let remarks = text.lines().filter(|line| {
            let own = ["fsck.fat", "Leaving", " ", "/", "Dirty bit is set"];
            !own.iter().any(|begin| line.starts_with(begin)) && !line.contains(" files, ")
        });
        for remark in remarks {
            let words: String = remark.chars().filter(|it| !it.is_ascii_digit()).collect();
            *self.remarks.entry(words).or_default() += 1;
        }
        Ok(())
    }

    /// That a slot holds the root that a signed entry asks for.
    fn verify(&mut self, disk: &File, slot: &'static str, image: &Image) -> anyhow::Result<()> {
        if self.verified.contains(slot) {
            return Ok(());
        }
        let entry = fs::read(&image.entry)?;
        let (root, tree) = (self.folder.join("root"), self.folder.join("tree"));
        for (kind, to, like) in [("root", &root, &image.root), ("verity", &tree, &image.tree)] {
            let place = disk::place(&format!("{kind}-{slot}")).context("a partition")?;
            let size = fs::metadata(like)?.len();
            extract(disk, place.start..place.start + size, to)?;
        }
        let mut name = [0; 16];
        File::open(&tree)?.read_exact_at(&mut name, 16)?;
        ensure!(
            super::tool::hex(&name) == word(&entry, "sekisho.root=")?,
            "slot {slot} has another root"
        );
        let mut verify = Command::new("veritysetup");
        verify.arg("verify").arg(&root).arg(&tree);
        Tool(verify.arg(word(&entry, "sekisho.hash=")?)).run()?;
        self.verified.insert(slot);
        Ok(())
    }

    fn told(&self) -> String {
        let started = self.started.iter().map(|(of, n)| format!("{n} {of}"));
        let remarks = self.remarks.iter().map(|(of, n)| format!("{n} `{of}`"));
        started.chain(remarks).collect::<Vec<_>>().join(", ")
    }
}

/// The names of the boot entries on a boot partition.
fn listing(boot: &Path) -> anyhow::Result<Vec<String>> {
    let mut list = Command::new("mdir");
    let said = Tool(list.args(["-b", "-i"]).arg(boot).arg("::EFI/Linux")).run()?;
    let names = said.lines().filter_map(|line| line.rsplit_once('/'));
    Ok(names.map(|(_, name)| name.trim().to_owned()).collect())
}

/// A word of the command line in a signed entry.
fn word(entry: &[u8], name: &str) -> anyhow::Result<String> {
    let begins = entry
        .windows(name.len())
        .position(|it| it == name.as_bytes());
    let begins = begins.with_context(|| format!("no {name} in the entry"))? + name.len();
    let rest = entry.get(begins..).unwrap_or_default();
    let word = rest.iter().take_while(|it| it.is_ascii_hexdigit());
    Ok(word.map(|it| char::from(*it)).collect())
}

/// Copies a part of a disk to a file of its own, with holes where there is nothing.
fn extract(disk: &File, place: Range<u64>, to: &Path) -> anyhow::Result<()> {
    let file = File::create(to)?;
    file.set_len(place.end - place.start)?;
    let mut piece = vec![0; PIECE];
    let mut at = place.start;
    while at < place.end {
        let size = usize::try_from(place.end - at)?.min(PIECE);
        let piece = piece.get_mut(..size).unwrap_or_default();
        disk.read_exact_at(piece, at)?;
        if piece.iter().any(|byte| *byte != 0) {
            file.write_all_at(piece, at - place.start)?;
        }
        at += size as u64;
    }
    Ok(())
}

/// Where chance begins: another place in each run, unless one is asked for.
fn seed() -> anyhow::Result<u64> {
    match std::env::var(SEED) {
        Ok(seed) => seed.parse().context(SEED),
        Err(_) => Ok(jiff::Timestamp::now().as_millisecond().unsigned_abs()),
    }
}
