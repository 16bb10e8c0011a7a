//! The lists of notices and stops that the settings name: CSV files which a run reads whole and of
//! which it takes what is new into the ledger. One bad line stops the run: a line that cannot be
//! read could be somebody's no.
//!
//! - A line that the ledger knows is skipped.
//! - A stop that was taken back in the ledger while the list still has it counts again: of two
//!   sources that conflict the one that stops wins.
//! - A notice that left the list is taken back: nobody says any more that the person was told. One
//!   that was taken back by hand stays so, whatever the list says.
//! - A stop that left the list still holds. It is counted, and only a person takes it back.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use config::gateway::Settings;
use getrandom::SysRng;
use privacy::gate::{
    Channel, DocumentVersion, Event, Ground, Notice, NoticeMethod, Requester, Scope, Stop,
    Verification,
};
use rand_core::{Rng as _, UnwrapErr};
use record::ChartNumber;

use super::entry::{Actor, Entry, ImportId};
use super::spelling::any_spelling;
use super::store::{Ledger, Voided, Writer};
use crate::clock::Now;
use crate::error::{Failure, Problem};
use crate::report::LedgerCounts;

/// Largest ledger file: about 100 million lines would be needed to reach it. A larger one is
/// refused.
const FILE_BYTES_MAX: u64 = 4 << 30;

const NOTICE_COLUMNS: &[&str] = &["patient_id", "notified_on", "document_version", "method"];
const STOP_COLUMNS: &[&str] = &["patient_id", "requested_on", "requester"];

/// Entries of the ledger that came from the lists and stand: what tells them apart, and where.
#[derive(Default)]
pub(super) struct Listed {
    notices: Vec<(u64, u64)>,
    stops: Vec<(u64, u64)>,
}

impl Listed {
    /// Notes an entry that stands if it came from the lists.
    pub(super) fn note(&mut self, ledger: &Ledger, entry: &Entry) {
        if !matches!(&entry.actor, Actor::Import(id) if id.is_of_lists()) {
            return;
        }
        let place = (ledger.mark(&entry.event), entry.number);
        match entry.event {
            Event::Notified(_) => self.notices.push(place),
            Event::Stopped(_) => self.stops.push(place),
            _ => {}
        }
    }
}

/// Takes what is new into the ledger, in one transaction.
///
/// # Errors
/// A list is missing, changes while it is read, or has a line that cannot be read.
pub(super) fn take_in(
    ledger: &mut Ledger,
    settings: &Settings,
    listed: &Listed,
    now: Now,
) -> Result<LedgerCounts, Failure> {
    let lists = &settings.ledger;
    let actor = Actor::Import(ImportId::of_lists(
        now.seconds,
        UnwrapErr(SysRng).next_u32(),
    ));
    let back = TakenBack {
        by_list: revoked_by_list(ledger)?,
        voided: ledger.voided()?,
    };
    let (added, counts) = ledger.write(&actor, now, |writer| {
        let mut taking = Taking {
            writer,
            back: &back,
            counts: LedgerCounts::default(),
        };
        let mut marks = Vec::new();
        read(&lists.notices, NOTICE_COLUMNS, notice, |notice| {
            taking.notice(notice, &mut marks)
        })?;
        for number in gone(&listed.notices, &mut marks) {
            let ground = Ground::Mistake;
            taking.writer.push(&Event::Revoked {
                entry: number,
                ground,
            })?;
            taking.counts.notices_vanished += 1;
        }
        let mut marks = Vec::new();
        read(&lists.stops, STOP_COLUMNS, stop, |stop| {
            taking.stop(stop, &mut marks)
        })?;
        taking.counts.stops_vanished = gone(&listed.stops, &mut marks).count() as u64;
        Ok(taking.counts)
    })?;
    let added = added.count() as u64;
    Ok(LedgerCounts { added, ..counts })
}

/// Whether the list of stops has a person, in any spelling of the number.
pub(super) fn has_stop(settings: &Settings, chart: &ChartNumber) -> Result<bool, Failure> {
    let (wanted, mut found) = (any_spelling(chart), false);
    read(&settings.ledger.stops, STOP_COLUMNS, stop, |stop| {
        found |= any_spelling(&stop.chart).expose() == wanted.expose();
        Ok(())
    })?;
    Ok(found)
}

/// The entries of which nothing equal is among the marks.
fn gone<'l>(listed: &'l [(u64, u64)], marks: &'l mut [u64]) -> impl Iterator<Item = u64> + 'l {
    marks.sort_unstable();
    let gone = |(mark, _): &&(u64, u64)| marks.binary_search(mark).is_err();
    listed.iter().filter(gone).map(|(_, number)| *number)
}

/// The entries that no longer count, and whether only the lists took them back.
fn revoked_by_list(ledger: &Ledger) -> Result<BTreeMap<u64, bool>, Failure> {
    let mut revoked: BTreeMap<u64, bool> = BTreeMap::new();
    for (by, earlier, actor) in ledger.revocations()?.into_iter().rev() {
        if !revoked.contains_key(&u64::from(by)) {
            let by_list = matches!(&actor, Actor::Import(id) if id.is_of_lists());
            *revoked.entry(u64::from(earlier)).or_insert(true) &= by_list;
        }
    }
    Ok(revoked)
}

/// What was taken back, and by whom.
struct TakenBack {
    by_list: BTreeMap<u64, bool>,
    voided: Voided,
}

impl TakenBack {
    fn stands(&self, number: u64) -> bool {
        !self.by_list.contains_key(&number) && !self.voided.contains(number)
    }

    fn by_hand(&self, number: u64) -> bool {
        self.by_list.get(&number) == Some(&false) || self.voided.with_its_import(number)
    }
}

/// Lists being taken in.
struct Taking<'t, 'l> {
    writer: &'t mut Writer<'l>,
    back: &'t TakenBack,
    counts: LedgerCounts,
}

impl Taking<'_, '_> {
    fn notice(&mut self, notice: Notice, marks: &mut Vec<u64>) -> Result<(), Failure> {
        let event = Event::Notified(notice);
        marks.push(self.writer.mark(&event));
        let same = self.writer.same_as(&event)?;
        if same.iter().any(|number| self.back.stands(*number)) {
            return Ok(());
        }
        if same.iter().any(|number| self.back.by_hand(*number)) {
            self.counts.notices_revoked += 1;
            return Ok(());
        }
        self.writer.push(&event)
    }

    fn stop(&mut self, stop: Stop, marks: &mut Vec<u64>) -> Result<(), Failure> {
        let event = Event::Stopped(stop);
        marks.push(self.writer.mark(&event));
        let mut same = self.writer.same_as(&event)?;
        same.retain(|number| !self.back.voided.broken_off(*number));
        if same.iter().any(|number| self.back.stands(*number)) {
            return Ok(());
        }
        self.counts.stops_again += u64::from(!same.is_empty());
        self.writer.push(&event)
    }
}

/// A chart number as a ledger may write it. Blanks and full-width digits would silently match
/// nobody, and a stop that matches nobody lets its person through.
pub(super) fn chart(text: &str) -> Option<ChartNumber> {
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    plain.then(|| ChartNumber::new(text)).flatten()
}

fn notice(row: &csv::StringRecord) -> Option<Notice> {
    Some(Notice {
        chart: chart(row.get(0)?)?,
        notified_on: row.get(1)?.parse().ok()?,
        document: row.get(2)?.parse::<DocumentVersion>().ok()?,
        method: row.get(3)?.parse::<NoticeMethod>().ok()?,
        sixteen_on: None,
    })
}

fn stop(row: &csv::StringRecord) -> Option<Stop> {
    Some(Stop {
        chart: chart(row.get(0)?)?,
        requested_on: row.get(1)?.parse().ok()?,
        requester: row.get(2)?.parse::<Requester>().ok()?,
        channel: Channel::Import,
        verification: Verification::Unverified,
        scope: Scope::ALL,
    })
}

/// Hands over the rows of one file.
fn read<T>(
    path: &Path,
    columns: &[&str],
    parse: fn(&csv::StringRecord) -> Option<T>,
    mut take: impl FnMut(T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let name = path.display().to_string();
    let file =
        File::open(path).map_err(|error| Failure::because(Problem::LedgerMissing, &name, error))?;
    let before = stamp(file.metadata());
    let mut counted = Counted {
        inner: file.take(FILE_BYTES_MAX),
        bytes: 0,
    };
    let malformed = |line: u64| Failure::new(Problem::LedgerMalformed, format!("{name}: {line}"));
    {
        let mut reader = csv::ReaderBuilder::new()
            .flexible(false)
            .from_reader(&mut counted);
        let header = reader.headers().map_err(|_| malformed(1))?;
        let names = header
            .iter()
            .map(|column| column.trim_start_matches('\u{feff}').trim());
        if !names.eq(columns.iter().copied()) {
            return Err(malformed(1));
        }
        let mut charts = text::individual::Column::default();
        // The error of the CSV reader is not kept: it may quote the line.
        for (row, line) in reader.records().zip(2..) {
            let row = row.map_err(|_| malformed(line))?;
            charts.take(row.get(0).unwrap_or_default());
            if charts.is_of_individuals() {
                let detail = format!("{name}: {line}");
                return Err(Failure::new(Problem::IndividualNumber, detail));
            }
            take(parse(&row).ok_or_else(|| malformed(line))?)?;
        }
    }
    std::io::copy(&mut counted, &mut std::io::sink())
        .map_err(|error| Failure::because(Problem::LedgerMissing, &name, error))?;
    // A list that was read while somebody wrote it, or not to its end, may lack somebody's no.
    if before.is_none() || before != stamp(fs::metadata(path)) {
        let detail = format!("{name}: changed while it was read");
        return Err(Failure::new(Problem::LedgerMalformed, detail));
    }
    if before.is_some_and(|[bytes, ..]| bytes != i128::from(counted.bytes)) {
        let detail = format!("{name}: more than {FILE_BYTES_MAX} bytes");
        return Err(Failure::new(Problem::LedgerMalformed, detail));
    }
    Ok(())
}

/// Which state of the two lists there is now, without reading them; `None` for one that is missing.
pub(super) fn now(settings: &Settings) -> [Option<[i128; 5]>; 2] {
    let lists = &settings.ledger;
    [&lists.notices, &lists.stops].map(|path| stamp(fs::metadata(path)))
}

/// Size, file and last changes: what tells one state of a file from another.
fn stamp(data: std::io::Result<fs::Metadata>) -> Option<[i128; 5]> {
    let data = data.ok()?;
    let nanoseconds =
        |seconds: i64, part: i64| i128::from(seconds) * 1_000_000_000 + i128::from(part);
    Some([
        i128::from(data.len()),
        i128::from(data.dev()),
        i128::from(data.ino()),
        nanoseconds(data.mtime(), data.mtime_nsec()),
        nanoseconds(data.ctime(), data.ctime_nsec()),
    ])
}

struct Counted<R> {
    inner: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.bytes += length as u64;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn problem_of(text: &[u8]) -> Result<usize, Problem> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notices.csv");
        fs::write(&path, text).unwrap();
        let mut rows = 0;
        let outcome = read(&path, NOTICE_COLUMNS, notice, |_| {
            rows += 1;
            Ok(())
        });
        outcome.map(|()| rows).map_err(|failure| {
            assert!(!failure.to_string().contains("0001112223"), "{failure}");
            failure.problem()
        })
    }

    #[test]
    fn one_bad_line_refuses_the_whole_ledger_without_showing_it() {
        let header = "patient_id,notified_on,document_version,method\n";
        for (rows, result) in [
            ("", Ok(0)),
            ("0001112223,2026-01-05,2025-10,handed\n", Ok(1)),
            (
                "0001112223,2026-02-30,2025-10,handed\n",
                Err(Problem::LedgerMalformed),
            ),
            (
                "0001112223,2026-01-05,2025-10,shouted\n",
                Err(Problem::LedgerMalformed),
            ),
            (
                "0001112223,2026-01-05,2025-10\n",
                Err(Problem::LedgerMalformed),
            ),
            (
                ",2026-01-05,2025-10,handed\n",
                Err(Problem::LedgerMalformed),
            ),
            (
                "0001112223 ,2026-01-05,2025-10,handed\n",
                Err(Problem::LedgerMalformed),
            ),
            (
                "０００１,2026-01-05,2025-10,handed\n",
                Err(Problem::LedgerMalformed),
            ),
            (
                "0001112223,2026-01-05,2025-10,handed,x\n",
                Err(Problem::LedgerMalformed),
            ),
        ] {
            assert_eq!(
                problem_of(format!("{header}{rows}").as_bytes()),
                result,
                "{rows}"
            );
            assert_eq!(
                problem_of(format!("\u{feff}{header}{rows}").as_bytes()),
                result
            );
        }
        // B-132: individual numbers for chart numbers, and a column of them.
        let individual = [
            "123456789018",
            "123456789093",
            "123456789166",
            "123456789247",
        ];
        let rows = individual.map(|number| format!("{number},2026-01-05,2025-10,handed\n"));
        let list = format!("{header}{}", rows.concat());
        assert_eq!(problem_of(list.as_bytes()), Err(Problem::IndividualNumber));
        assert_eq!(problem_of(b""), Err(Problem::LedgerMalformed));
        let shuffled = b"notified_on,patient_id,document_version,method\n";
        assert_eq!(problem_of(shuffled), Err(Problem::LedgerMalformed));
        let shift_jis = [header.as_bytes(), b"\x8e\x52,2026-01-05,2025-10,handed\n"].concat();
        assert_eq!(problem_of(&shift_jis), Err(Problem::LedgerMalformed));
    }

    /// A stop list is often replaced by an export that runs at the same time.
    #[test]
    fn a_list_that_changes_while_it_is_read_is_refused() {
        thread_local!(static PATH: Cell<Option<std::path::PathBuf>> = const { Cell::new(None) });
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stops.csv");
        let list = "patient_id,requested_on,requester\n0001,2026-01-05,self\n";
        fs::write(&path, list).unwrap();
        PATH.set(Some(path.clone()));
        let appending = |row: &csv::StringRecord| {
            if let Some(path) = PATH.take() {
                fs::write(path, format!("{}0002,2026-01-05,self\n", row.len())).unwrap();
            }
            stop(row)
        };
        let problem = |read: Result<(), Failure>| read.err().map(|f| f.problem());
        let changed = problem(read(&path, STOP_COLUMNS, appending, |_| Ok(())));
        assert_eq!(changed, Some(Problem::LedgerMalformed));
        fs::write(&path, list).unwrap();
        assert_eq!(problem(read(&path, STOP_COLUMNS, stop, |_| Ok(()))), None);
    }

    #[test]
    fn a_missing_ledger_is_named_plainly() {
        let missing = Path::new("/nonexistent/stops.csv");
        let missing = read(missing, STOP_COLUMNS, stop, |_| Ok(()));
        assert_eq!(
            missing.err().map(|f| f.problem()),
            Some(Problem::LedgerMissing)
        );
    }
}
