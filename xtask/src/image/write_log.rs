//! The log of everything that a machine wrote to a disk, and the disk as a power cut would have
//! left it.
//!
//! QEMU's filter `blklogwrites` writes the log in the form of the kernel's target `log-writes`
//! (Documentation/admin-guide/device-mapper/log-writes.rst; `drivers/md/dm-log-writes.c`), all
//! numbers little-endian:
//!
//! ```text
//! sector 0   magic u64, version u64 (1), entries u64, bytes of a sector u32
//! then, for each entry:
//! 1 sector   sector u64, sectors u64, flags u64, length of a mark u64
//! sectors    what was written; nothing for a flush, a discard or a mark
//! ```
//!
//! A disk keeps what it was told before a flush, and of what came after it any part in any order.
//! The head is brought up to date at each flush, so a log may be read while it is written.

use std::fs::{File, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use anyhow::{Context as _, ensure};

const MAGIC: u64 = 0x006a_7366_7773_6872;
const VERSION: u64 = 1;
const FLUSH: u64 = 1;
const FUA: u64 = 1 << 1;
const DISCARD: u64 = 1 << 2;
const MARK: u64 = 1 << 3;

/// Most entries of a log that are read.
const ENTRIES_MAX: u64 = 1 << 22;
/// Most bytes that are copied at once.
const PIECE: u64 = 1 << 20;

/// A log that is read.
pub(crate) struct WriteLog {
    file: File,
    /// Bytes of a sector.
    sector: u64,
    entries: Vec<Entry>,
}

/// One thing that a disk was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The first sector that is written.
    pub(crate) sector: u64,
    /// How many sectors are written.
    pub(crate) sectors: u64,
    flags: u64,
    /// Where the log holds what is written, in bytes.
    data: u64,
}

impl Entry {
    /// Whether everything before it is kept from here on.
    pub(crate) fn flushes(&self) -> bool {
        self.flags & FLUSH != 0
    }

    /// Whether it is kept itself, without a flush.
    fn forced(&self) -> bool {
        self.flags & FUA != 0
    }

    /// The sectors that the log holds for it.
    fn written(&self) -> u64 {
        match self.flags & (DISCARD | MARK) {
            0 => self.sectors,
            _ => 0,
        }
    }
}

impl WriteLog {
    /// How many entries a log has at its last flush, also while it is written.
    ///
    /// # Errors
    /// It is no such log.
    pub(crate) fn count(path: &Path) -> anyhow::Result<usize> {
        let file = File::open(path).with_context(|| path.display().to_string())?;
        let (entries, _) = opening(&file).with_context(|| path.display().to_string())?;
        Ok(usize::try_from(entries)?)
    }

    /// Reads the heads of all entries.
    ///
    /// # Errors
    /// It is no such log, or ends early.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| path.display().to_string())?;
        let (entries, sector) = opening(&file).with_context(|| path.display().to_string())?;
        let mut log = Self {
            file,
            sector,
            entries: Vec::new(),
        };
        let mut at = sector;
        for _ in 0..entries {
            let [first, sectors, flags, _] = head(&log.file, at)?;
            let entry = Entry {
                sector: first,
                sectors,
                flags,
                data: at + sector,
            };
            let bytes = entry.written().checked_mul(sector);
            at = bytes
                .and_then(|bytes| entry.data.checked_add(bytes))
                .context("an entry of the log of writes is too large")?;
            log.entries.push(entry);
        }
        ensure!(
            log.file.metadata()?.len() >= at,
            "the log of writes ends early"
        );
        Ok(log)
    }

    /// The beginning of the log: its first `count` entries.
    pub(crate) fn first(mut self, count: usize) -> Self {
        self.entries.truncate(count);
        self
    }

    /// What the disk was told, in this order.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many bytes the log had when the disk had been told so many entries.
    pub(crate) fn length(&self, entries: usize) -> u64 {
        let last = entries.checked_sub(1).and_then(|it| self.entries.get(it));
        last.map_or(self.sector, |entry| {
            entry.data + entry.written() * self.sector
        })
    }

    /// How many entries are over at each flush.
    pub(crate) fn flushes(&self) -> Vec<usize> {
        let entries = (1..).zip(&self.entries);
        let flushes = entries.filter(|(_, entry)| entry.flushes());
        flushes.map(|(over, _)| over).collect()
    }

    /// Writes all of some entries to a disk. What was discarded stays as it was.
    ///
    /// # Errors
    /// There are no such entries, or the disk cannot be written.
    pub(crate) fn apply(&self, disk: &File, entries: Range<usize>) -> anyhow::Result<()> {
        for entry in self.entries.get(entries).context("no such entries")? {
            self.write(disk, entry, 0..entry.written())?;
        }
        Ok(())
    }

    /// Makes of a disk, as it was when the log began, what a power cut leaves behind the first
    /// `upto` entries: all that was flushed, and of the rest what `seed` says, sector by sector.
    ///
    /// # Errors
    /// There are fewer entries, or the disk cannot be written.
    pub(crate) fn state(&self, disk: &Path, upto: usize, seed: u64) -> anyhow::Result<()> {
        let told = self.entries.get(..upto).context("no such entries")?;
        let flushed = told.iter().rposition(Entry::flushes).map_or(0, |it| it + 1);
        let disk = OpenOptions::new().write(true).open(disk)?;
        self.apply(&disk, 0..flushed)?;
        self.keep_some(&disk, flushed..upto, seed)
    }

    /// Writes a part of some entries: of each all, nothing, or some of its sectors.
    ///
    /// # Errors
    /// There are no such entries, or the disk cannot be written.
    pub(crate) fn keep_some(
        &self,
        disk: &File,
        entries: Range<usize>,
        seed: u64,
    ) -> anyhow::Result<()> {
        let mut chance = Chance(seed);
        for entry in self.entries.get(entries).context("no such entries")? {
            let all = 0..entry.written();
            match chance.next() % 3 {
                _ if entry.forced() => self.write(disk, entry, all)?,
                0 => self.write(disk, entry, all)?,
                1 => {}
                _ => {
                    for sector in all.filter(|_| chance.next().is_multiple_of(2)) {
                        self.write(disk, entry, sector..sector + 1)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether some entries write to a place on the disk, in bytes.
    pub(crate) fn touches(&self, entries: Range<usize>, place: &Range<u64>) -> bool {
        let entries = self.entries.get(entries).unwrap_or_default();
        entries.iter().any(|entry| {
            let begin = entry.sector * self.sector;
            let end = begin + entry.written() * self.sector;
            begin < place.end && place.start < end
        })
    }

    /// What a disk holds where some entries write: place in bytes, and content.
    ///
    /// # Errors
    /// There are no such entries, or the disk cannot be read.
    pub(crate) fn old(
        &self,
        disk: &File,
        entries: Range<usize>,
    ) -> anyhow::Result<Vec<(u64, Vec<u8>)>> {
        let mut old = Vec::new();
        for entry in self.entries.get(entries).context("no such entries")? {
            let mut bytes = vec![0; usize::try_from(entry.written() * self.sector)?];
            let at = entry.sector * self.sector;
            disk.read_exact_at(&mut bytes, at).context("the disk")?;
            old.push((at, bytes));
        }
        Ok(old)
    }

    /// Writes some sectors of an entry, counted from its first.
    fn write(&self, disk: &File, entry: &Entry, sectors: Range<u64>) -> anyhow::Result<()> {
        let mut done = sectors.start * self.sector;
        let end = sectors.end * self.sector;
        while done < end {
            let mut piece = vec![0; usize::try_from(PIECE.min(end - done))?];
            let from = self.file.read_exact_at(&mut piece, entry.data + done);
            from.context("the log of writes")?;
            let to = entry.sector * self.sector + done;
            disk.write_all_at(&piece, to).context("the disk")?;
            done += piece.len() as u64;
        }
        Ok(())
    }
}

/// What stands at the head of a log: how many entries it has, and the bytes of a sector.
fn opening(file: &File) -> anyhow::Result<(u64, u64)> {
    let [magic, version, entries, sector] = head(file, 0)?;
    // The last number of the head has 32 bits.
    let sector = sector & u64::from(u32::MAX);
    ensure!(magic == MAGIC && version == VERSION, "no log of writes");
    ensure!(
        sector.is_power_of_two() && (512..=PIECE).contains(&sector),
        "sectors of {sector} bytes"
    );
    ensure!(entries <= ENTRIES_MAX, "a log of {entries} entries");
    Ok((entries, sector))
}

/// Four numbers of the log.
fn head(file: &File, at: u64) -> anyhow::Result<[u64; 4]> {
    let mut bytes = [0; 32];
    let read = file.read_exact_at(&mut bytes, at);
    read.context("the log of writes ends early")?;
    let mut numbers = [0; 4];
    for (number, part) in numbers.iter_mut().zip(bytes.chunks_exact(8)) {
        *number = u64::from_le_bytes(part.try_into()?);
    }
    Ok(numbers)
}

/// Numbers that look like chance and follow from a seed (SplitMix64).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// The next one.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        it ^ (it >> 31)
    }

    /// One of some things; none of none.
    pub(crate) fn of<'a, T>(&mut self, things: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(things.len()).ok().filter(|it| *it > 0)?;
        things.get(usize::try_from(self.next() % count).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    const SECTOR: usize = 512;

    /// Entries of a log: sector, flags, and the letters that fill one sector each.
    type Told = (u64, u64, &'static str);

    const TOLD: [Told; 6] = [
        (0, 0, "ab"),
        (0, FLUSH, ""),
        (1, 0, "cde"),
        (4, FUA, "f"),
        (0, 0, "gg"),
        (0, FLUSH, ""),
    ];

    fn filled(letters: &str) -> Vec<u8> {
        letters.bytes().flat_map(|it| [it; SECTOR]).collect()
    }

    fn written(folder: &Path, told: &[Told]) -> PathBuf {
        let mut bytes = Vec::new();
        let numbers = |numbers: [u64; 4], more: &str, bytes: &mut Vec<u8>| {
            let end = bytes.len() + SECTOR;
            bytes.extend(numbers.iter().flat_map(|it| it.to_le_bytes()));
            bytes.resize(end, 0);
            bytes.extend(filled(more));
        };
        let head = [MAGIC, VERSION, told.len() as u64, SECTOR as u64];
        numbers(head, "", &mut bytes);
        for (sector, flags, letters) in told {
            let entry = [*sector, letters.len() as u64, *flags, 0];
            numbers(entry, letters, &mut bytes);
        }
        let path = folder.join("disk.log");
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The letters of a disk of five sectors after a power cut.
    fn left(log: &WriteLog, folder: &Path, upto: usize, seed: u64) -> String {
        let disk = folder.join("disk.img");
        fs::write(&disk, filled(".....")).unwrap();
        log.state(&disk, upto, seed).unwrap();
        let bytes = fs::read(&disk).unwrap();
        let sectors = bytes.chunks(SECTOR).map(|it| char::from(it[0]));
        sectors.collect()
    }

    #[test]
    fn what_was_flushed_or_forced_is_there_and_the_rest_in_part() {
        let folder = tempfile::tempdir().unwrap();
        let log = WriteLog::open(&written(folder.path(), &TOLD)).unwrap();
        assert_eq!(log.flushes(), [2, 6]);
        let seen = |upto| -> BTreeSet<String> {
            let seeds = 0..200;
            seeds
                .map(|it| left(&log, folder.path(), upto, it))
                .collect()
        };
        assert_eq!(seen(2), ["ab...".to_owned()].into());
        assert_eq!(seen(6), ["ggdef".to_owned()].into());
        // Each of five unflushed sectors may be there or not, and what is forced is.
        let between = seen(5);
        assert!(between.iter().all(|it| it.ends_with('f')), "{between:?}");
        for (at, letters) in ["ag", "bcg", ".d", ".e"].into_iter().enumerate() {
            let here: BTreeSet<char> = between
                .iter()
                .map(|it| char::from(it.as_bytes()[at]))
                .collect();
            assert_eq!(here, letters.chars().collect(), "sector {at}");
        }
    }

    #[test]
    fn a_seed_gives_the_same_disk_again() {
        let folder = tempfile::tempdir().unwrap();
        let log = WriteLog::open(&written(folder.path(), &TOLD)).unwrap();
        for seed in 0..20 {
            let once = left(&log, folder.path(), 5, seed);
            assert_eq!(left(&log, folder.path(), 5, seed), once);
        }
    }

    #[test]
    fn what_is_discarded_or_marked_takes_no_room_in_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path(), &[(3, 0, "x"), (0, FLUSH, "")]);
        let mut bytes = fs::read(&path).unwrap();
        // Between both, a discard of two sectors and a mark.
        let mut more = Vec::new();
        for flags in [DISCARD, MARK] {
            let mut sector: Vec<u8> = [0, 2, flags, 4]
                .iter()
                .flat_map(|it: &u64| it.to_le_bytes())
                .collect();
            sector.resize(SECTOR, 0);
            more.extend(sector);
        }
        bytes[16] = 4;
        let rest = bytes.split_off(3 * SECTOR);
        fs::write(&path, [bytes, more, rest].concat()).unwrap();
        let log = WriteLog::open(&path).unwrap();
        assert_eq!(log.flushes(), [4]);
        assert_eq!(left(&log, folder.path(), 4, 0), "...x.");
    }

    #[test]
    fn a_log_that_ends_early_or_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path(), &TOLD);
        let whole = fs::read(&path).unwrap();
        for length in [0, 31, SECTOR, 2 * SECTOR, 4 * SECTOR] {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(WriteLog::open(&path).is_err(), "{length}");
        }
        fs::write(&path, [vec![1], whole].concat()).unwrap();
        assert!(WriteLog::open(&path).is_err());
    }
}
