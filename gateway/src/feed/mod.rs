//! Change feeds: whom a run visits, when the site's exporter writes down what it changes.
//!
//! A feed only names patients; what is read and sealed is what their folders hold. So a record that
//! is dealt with twice changes nothing, and how far the feed was dealt with is remembered only when
//! everything of that stretch is sealed: a run that is ended at any point is simply done again.
//!
//! Whatever cannot be understood ends in a full scan: a record without a readable patient, a
//! stretch of the feed that is gone, other settings, other volumes. And because no feed sees what
//! somebody does by hand, a full scan comes every few days all the same.

mod arrival;
mod index;
mod postgres;
mod transactions;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::io;
use std::mem::take;

use config::consent::{Contract, Institutions};
use config::gateway::{ChangeMode, Settings};
use envelope::Sha256;
use formats::ssmix2::change::Change;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use privacy::gate::Gate;
use privacy::separate::subject_ref;
use record::{ChartNumber, FindingCode};
use serde::{Deserialize, Serialize};

use crate::clock::Now;
use crate::error::{Failure, Problem};
use crate::keys::Keys;
use crate::report::{ChangesReport, FullScan};
use crate::source::{MAPPING_VERSION, Plan};
use crate::state::State;
use arrival::Arrival;

/// With more patients than this, a full scan costs less than visits one by one.
const PATIENTS_MAX: usize = 200_000;
/// With more documents that are waited for than this, the whole stretch is read again.
const WAITING_MAX: usize = 10_000;
/// What happened within so many seconds before a full scan may not be in the storage yet.
const FRESH_SECONDS: i64 = 48 * 3600;

/// How the place of a record is known again. No identifier is in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Mark {
    /// In a transaction file.
    Record { file: String, offset: u64 },
    /// In the index database.
    Row {
        updated: Option<String>,
        digest: String,
    },
}

/// Where a feed was read to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Position {
    Transactions(transactions::Files),
    Index { last: Option<String> },
}

/// How far a feed has been dealt with, as it is kept in the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Reached {
    /// Digest of the settings and programs under which everything was examined.
    basis: String,
    /// When everything was last examined, in seconds since 1970.
    full_scan: i64,
    /// Absent when the feed has never been read.
    position: Option<Position>,
    /// Records whose documents were not in the storage, and how often that was so.
    waiting: Vec<(Mark, u16)>,
}

/// What reading a feed met, beside changes.
#[derive(Debug, Default)]
struct Read {
    /// The feed does not go on where it was last read.
    gap: bool,
    /// Records that name no patient.
    unreadable: u64,
    /// Records that are waited for and have left the feed.
    lost: u64,
    /// Rows and names of columns with an individual number.
    individual: u64,
}

/// Where reading an index begins.
struct Since {
    /// The newest row that was dealt with.
    last: Option<DateTime>,
    /// Rows from here on are read again.
    from: DateTime,
    /// Rows from after this moment do not say how far the reading came: a clock was wrong.
    latest: DateTime,
    /// Rows that are read again whatever their time.
    waiting: BTreeSet<Mark>,
}

/// Takes one change.
type Tell<'t> = &'t mut dyn FnMut(Mark, Change);

/// Why a feed cannot be read now.
#[derive(Debug)]
struct Unavailable(String);

impl Unavailable {
    fn new(why: &str) -> Self {
        Self(why.to_owned())
    }

    /// Only the kind of the error: its text may hold a path.
    fn io(error: &io::Error) -> Self {
        Self(error.kind().to_string())
    }
}

/// What a plan is made from.
pub(crate) struct Desk<'a> {
    /// Settings.
    pub(crate) settings: &'a Settings,
    /// Keys.
    pub(crate) keys: &'a Keys,
    /// Who may leave today.
    pub(crate) gate: &'a Gate,
    /// What earlier runs left.
    pub(crate) state: &'a State,
    /// The moment of this run.
    pub(crate) now: Now,
}

/// Whom a run visits, and what to remember once everything of it is sealed.
pub(crate) struct Planned {
    /// Whom.
    pub(crate) plan: Plan,
    /// See [`State::settle_feed`].
    reached: Option<String>,
    /// Why the feed could not be read.
    unavailable: Option<Unavailable>,
}

impl Planned {
    /// Everybody, with nothing to remember.
    pub(crate) fn everything() -> Self {
        Self {
            plan: Plan::Everything,
            reached: None,
            unavailable: None,
        }
    }

    /// Remembers how far the feed has been dealt with. To be called when everybody of the plan was
    /// visited and everything is sealed.
    pub(crate) fn settle(&mut self, state: &State) -> Result<(), Failure> {
        self.reached
            .take()
            .map_or(Ok(()), |reached| state.settle_feed(&reached))
    }

    /// Tells at the end of a run that the feed could not be read.
    ///
    /// # Errors
    /// [`Problem::FeedUnavailable`], when it could not.
    pub(crate) fn end(self) -> Result<(), Failure> {
        match self.unavailable {
            None => Ok(()),
            Some(Unavailable(why)) => Err(Failure::new(Problem::FeedUnavailable, why)),
        }
    }
}

/// Makes the plan of a run.
///
/// # Errors
/// Our own state cannot be read. What is wrong with the feed is counted in the report.
pub(crate) fn plan(desk: &Desk<'_>, report: &mut ChangesReport) -> Result<Planned, Failure> {
    let mode = desk.settings.source.changes.mode;
    if matches!(mode, ChangeMode::Inventory | ChangeMode::Ctime) {
        return Ok(Planned::everything());
    }
    let basis = basis(desk.settings);
    let stored = desk.state.feed_reached()?;
    let stored: Option<Reached> = stored.and_then(|text| serde_json::from_str(&text).ok());
    let known = stored.filter(|reached| reached.basis == basis);
    let full = due(known.as_ref(), desk);
    let mut taken = Taken::new(desk, known.as_ref(), full.is_some());
    let read = read(desk, known.as_ref(), &mut |mark, change| {
        taken.change(mark, change);
    });
    let planner = Planner {
        desk,
        basis,
        known,
        report,
    };
    match read {
        Ok((position, read)) => planner.of_feed(position, &read, taken, full),
        Err(unavailable) => planner.without_feed(unavailable, full),
    }
}

/// Whether everything has to be examined whatever the feed says.
fn due(known: Option<&Reached>, desk: &Desk<'_>) -> Option<FullScan> {
    let every = i64::from(desk.settings.source.feed.full_scan_every_days) * 86_400;
    match known {
        None => Some(FullScan::First),
        Some(reached) => {
            // A run per day at about the same time must not slip to the day after.
            let since = desk.now.seconds - reached.full_scan;
            (since < 0 || since >= every - 3600).then_some(FullScan::Scheduled)
        }
    }
}

/// Reads the feed of the mode.
fn read(
    desk: &Desk<'_>,
    known: Option<&Reached>,
    tell: Tell<'_>,
) -> Result<(Position, Read), Unavailable> {
    let unset = || Unavailable::new("the section of the feed is missing");
    let feed = &desk.settings.source.feed;
    let key = desk.keys.site.derive("sekisho change feed v1");
    let waiting: Vec<Mark> = known
        .map(|reached| reached.waiting.iter().map(|(mark, _)| mark.clone()))
        .into_iter()
        .flatten()
        .collect();
    let position = known.and_then(|reached| reached.position.as_ref());
    let index = |overlap: u32| since(position, &waiting, overlap, desk.now);
    let (last, read) = match desk.settings.source.changes.mode {
        ChangeMode::Inventory | ChangeMode::Ctime => return Err(unset()),
        ChangeMode::Transactions => {
            let folders = &feed.transactions.as_ref().ok_or_else(unset)?.folders;
            let since = match position {
                Some(Position::Transactions(files)) => Some(files),
                _ => None,
            };
            let (files, read) = transactions::read(folders, &key, since, &waiting, tell)?;
            return Ok((Position::Transactions(files), read));
        }
        ChangeMode::IndexCsv => {
            let settings = feed.index_csv.as_ref().ok_or_else(unset)?;
            let since = index(settings.overlap_seconds)?;
            index::read(settings, &key, &since, desk.now, tell)?
        }
        ChangeMode::IndexPostgres => {
            let settings = feed.index_postgres.as_ref().ok_or_else(unset)?;
            let since = index(settings.overlap_seconds)?;
            postgres::read(settings, &key, &since, tell)?
        }
    };
    let last = last.map(|last| last.to_string());
    Ok((Position::Index { last }, read))
}

fn since(
    position: Option<&Position>,
    waiting: &[Mark],
    overlap: u32,
    now: Now,
) -> Result<Since, Unavailable> {
    let last = match position {
        Some(Position::Index { last: Some(last) }) => last.parse::<DateTime>().ok(),
        _ => None,
    };
    let from = match last {
        Some(last) => last.checked_sub(SignedDuration::from_secs(i64::from(overlap))),
        None => in_japan(now.seconds - FRESH_SECONDS),
    };
    let latest = in_japan(now.seconds.saturating_add(i64::from(overlap)));
    Ok(Since {
        last,
        latest: latest.map_err(|_| Unavailable::new("time out of range"))?,
        from: from.map_err(|_| Unavailable::new("time out of range"))?,
        waiting: waiting.iter().cloned().collect(),
    })
}

impl Since {
    /// Where the next reading begins, after the newest row that counts. A position in the future,
    /// from a row that said so, is given up.
    fn reached(&self, newest: Option<DateTime>) -> Option<DateTime> {
        newest.max(self.last.filter(|last| *last <= self.latest))
    }
}

fn in_japan(seconds: i64) -> Result<DateTime, jiff::Error> {
    Ok(Offset::constant(9).to_datetime(Timestamp::from_second(seconds)?))
}

/// What the contracts let leave beside records and tokens; empty while they let nothing.
fn agreements(contracts: &[Contract]) -> String {
    let mut all = String::new();
    for it in contracts {
        let keep = it.institutions == Institutions::Keep;
        if it.staff_tokens || keep {
            let _ = write!(all, "{} {} {keep};", it.id, it.staff_tokens);
        }
    }
    all
}

/// Under which circumstances nobody needs to be visited whom the feed does not name: those under
/// which everybody was read.
fn basis(settings: &Settings) -> String {
    let mut digest = Sha256::new();
    let (source, limits) = (&settings.source, &settings.limits);
    for part in
        [
            "sekisho feed v1".to_owned(),
            MAPPING_VERSION.to_string(),
            text::fold::VERSION.to_string(),
            settings.keys.token_epoch.to_string(),
            format!(
                "{:?}",
                settings.keys.next.as_ref().map(|next| next.token_epoch)
            ),
            format!("{:?}", settings.keys.vault.is_some()),
            agreements(&settings.contracts),
            limits.file_bytes.to_string(),
            limits.patient_files.to_string(),
            format!("{:?}", source.changes.mode),
            format!("{:?}", source.storages),
            format!("{:?}", source.feed.transactions),
            format!("{:?}", source.feed.index_csv.as_ref().map(|csv| &csv.file)),
            format!(
                "{:?}",
                source.feed.index_postgres.as_ref().map(|index| {
                    (&index.address, &index.database, &index.schema, &index.table)
                })
            ),
        ]
    {
        digest.update(&(part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    hex(&digest.finish())
}

/// The changes of one reading.
struct Taken<'a> {
    settings: &'a Settings,
    /// How often a record has been waited for.
    tries: BTreeMap<Mark, u16>,
    /// Everybody is visited anyway: nobody needs to be listed.
    everybody: bool,
    /// What happened before this moment is in the storage, when everybody is visited.
    fresh: u64,
    charts: BTreeSet<ChartNumber>,
    too_many: bool,
    waiting: BTreeMap<Mark, u16>,
    records: u64,
    deviating: u64,
    given_up: u64,
}

impl<'a> Taken<'a> {
    fn new(desk: &Desk<'a>, known: Option<&Reached>, everybody: bool) -> Self {
        let tries = known.map(|reached| reached.waiting.iter().cloned().collect());
        let fresh = in_japan(desk.now.seconds - FRESH_SECONDS)
            .ok()
            .and_then(|time| time.strftime("%Y%m%d%H%M%S000").to_string().parse().ok());
        Self {
            settings: desk.settings,
            tries: tries.unwrap_or_default(),
            everybody,
            fresh: fresh.unwrap_or_default(),
            charts: BTreeSet::new(),
            too_many: false,
            waiting: BTreeMap::new(),
            records: 0,
            deviating: 0,
            given_up: 0,
        }
    }

    fn change(&mut self, mark: Mark, change: Change) {
        self.records += 1;
        self.deviating += u64::from(change.deviates);
        self.look_for(mark, &change);
        if self.everybody || self.too_many {
            return;
        }
        self.charts.insert(change.chart);
        if self.charts.len() > PATIENTS_MAX {
            self.too_many = true;
            self.charts.clear();
        }
    }

    /// Notes a change that is not in the storage yet. This has to come before the visit: what is
    /// there now, the visit sees.
    fn look_for(&mut self, mark: Mark, change: &Change) {
        let Some(document) = &change.document else {
            return;
        };
        let old = document.version.0 < self.fresh;
        if self.everybody && old && !self.tries.contains_key(&mark) {
            return;
        }
        let arrival = arrival::of(&self.settings.source.storages, &change.chart, document);
        if arrival == Arrival::Here {
            return;
        }
        let tries = self.tries.get(&mark).copied().unwrap_or_default() + 1;
        if tries <= self.settings.source.feed.retry_runs {
            if self.waiting.len() <= WAITING_MAX {
                self.waiting.insert(mark, tries);
            }
        } else if arrival == Arrival::NotYet {
            self.given_up += 1;
        }
    }
}

struct Planner<'a, 'r> {
    desk: &'a Desk<'a>,
    basis: String,
    known: Option<Reached>,
    report: &'r mut ChangesReport,
}

impl Planner<'_, '_> {
    fn of_feed(
        self,
        position: Position,
        read: &Read,
        mut taken: Taken<'_>,
        due: Option<FullScan>,
    ) -> Result<Planned, Failure> {
        use FindingCode::{FeedFileMissing, FeedGap, FeedRecordDeviates, FeedRecordUnreadable};
        self.report.records = taken.records;
        self.report.waiting = taken.waiting.len() as u64;
        for (code, count) in [
            (FeedRecordUnreadable, read.unreadable),
            (FeedGap, u64::from(read.gap)),
            (FeedRecordDeviates, taken.deviating),
            (FeedFileMissing, taken.given_up + read.lost),
        ] {
            self.report.found(code, count);
        }
        let never = self
            .known
            .as_ref()
            .is_some_and(|known| known.position.is_none());
        let forced = [
            (read.gap, FullScan::Gap),
            (read.unreadable > 0, FullScan::Unreadable),
            (taken.too_many, FullScan::ManyPatients),
            (never, FullScan::First),
        ];
        let forced = forced.iter().find(|(is, _)| *is).map(|(_, why)| *why);
        let full = due.or(forced);
        let mut position = Some(position);
        let mut waiting: Vec<_> = take(&mut taken.waiting).into_iter().collect();
        if waiting.len() > WAITING_MAX {
            // The storage lags far behind its feed: the same stretch is read again next time.
            match &self.known {
                Some(known) => {
                    position.clone_from(&known.position);
                    waiting.clone_from(&known.waiting);
                }
                None => position = None,
            }
        }
        self.planned(take(&mut taken.charts), full, position, waiting, None)
    }

    fn without_feed(
        self,
        unavailable: Unavailable,
        full: Option<FullScan>,
    ) -> Result<Planned, Failure> {
        self.report.found(FindingCode::FeedUnavailable, 1);
        tracing::warn!(why = %unavailable, "the change feed could not be read");
        let (position, waiting) = match &self.known {
            Some(known) => (known.position.clone(), known.waiting.clone()),
            None => (None, Vec::new()),
        };
        self.planned(BTreeSet::new(), full, position, waiting, Some(unavailable))
    }

    fn planned(
        self,
        mut charts: BTreeSet<ChartNumber>,
        full: Option<FullScan>,
        position: Option<Position>,
        waiting: Vec<(Mark, u16)>,
        unavailable: Option<Unavailable>,
    ) -> Result<Planned, Failure> {
        let Desk {
            state,
            keys,
            gate,
            now,
            ..
        } = self.desk;
        self.report.full_scan = full;
        if full.is_none() && state.any_revisit()? {
            for chart in gate.passing() {
                if state.must_revisit(&subject_ref(&chart, &keys.site))? {
                    charts.insert(chart);
                }
            }
        }
        self.report.patients = charts.len() as u64;
        let full_scan = match (full, &self.known) {
            (None, Some(known)) => known.full_scan,
            _ => now.seconds,
        };
        let reached = Reached {
            basis: self.basis,
            full_scan,
            position,
            waiting,
        };
        let reached = serde_json::to_string(&reached)
            .map_err(|error| Failure::because(Problem::Internal, "feed", error))?;
        Ok(Planned {
            plan: match full {
                Some(_) => Plan::Everything,
                None => Plan::Only(charts.into_iter().collect()),
            },
            reached: Some(reached),
            unavailable,
        })
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Sixteen bytes are enough to know something again.
fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().take(16).fold(String::new(), |mut text, byte| {
        // Writing into a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
