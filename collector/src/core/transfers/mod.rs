//! Comparing the two transfer ledgers of a site: what its device says it delivered, and what the
//! centre took (A-126, B-084). Every difference is either explained by what the centre knows, or
//! somebody has to look.

mod anchor;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use envelope::inspect;
use record::{BatchId, Date, SiteId};
use serde::Serialize;
use transfer::ledger::{End, Entry, Event, read, read_on};

pub(crate) use self::anchor::{Anchor, Anchors, Ends};
use super::catalogue::{Catalogue, Decided, Outcome, Told};
use super::failure::Result;
use super::pull::origin;
use super::settings::Settings;

/// What was found about one site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Comparison {
    /// The site.
    pub(crate) site: SiteId,
    /// Lines of the centre's ledger.
    pub(crate) centre_lines: u64,
    /// Lines that the device has told.
    pub(crate) device_lines: u64,
    /// In what they differ.
    pub(crate) differences: Vec<Difference>,
    /// How far both go.
    #[serde(skip)]
    pub(crate) ends: Ends,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    /// The batch's place in the site's chain; for a damaged ledger, the line.
    pub(crate) at: u64,
    /// What differs.
    pub(crate) what: What,
    /// Why a batch was refused or waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// Kinds of differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// The device has not told yet: it tells of a batch with a later one.
    NotToldYet,
    /// The centre has the batch and waits with it.
    Waits,
    /// The centre refused the batch and keeps it as evidence.
    Refused,
    /// It came on a medium, whose receipts have not gone back yet.
    CameOnMedium,
    /// The device has a receipt, and the centre has no such batch.
    Lost,
    /// The centre took it, and the device went on without knowing of a receipt.
    Unrecorded,
    /// Both have it, with different sizes.
    OtherSize,
    /// The device's lines do not follow on each other: changed, or held back.
    DeviceLedger,
    /// The centre's lines are not what was written.
    CentreLedger,
    /// The centre took a batch, and its ledger has no line of it.
    NoLine,
}

impl What {
    /// Whether what the centre knows explains it.
    pub(crate) const fn is_explained(self) -> bool {
        match self {
            Self::NotToldYet | Self::Waits | Self::Refused | Self::CameOnMedium => true,
            Self::Lost
            | Self::Unrecorded
            | Self::OtherSize
            | Self::DeviceLedger
            | Self::CentreLedger
            | Self::NoLine => false,
        }
    }

    /// For the operator.
    pub(crate) const fn texts(self) -> [&'static str; 2] {
        match self {
            Self::NotToldYet => [
                "機器からの記録は次の束で届きます",
                "the device tells of it with its next batch",
            ],
            Self::Waits => ["中核が待たせています", "the core waits with it"],
            Self::Refused => [
                "中核が受け取りませんでした（証拠として保存）",
                "the core refused it and keeps it",
            ],
            Self::CameOnMedium => [
                "媒体で届きました。受領証がまだ機器に戻っていません",
                "it came on a medium whose receipts have not gone back",
            ],
            Self::Lost => [
                "機器には受領証があり、中核に束がありません。受付の受信箱と控えを調べてください",
                "the device has a receipt and the core no batch: look into the front's inbox and backups",
            ],
            Self::Unrecorded => [
                "中核は受け取りましたが、機器に受領の記録がありません。機器を調べてください",
                "the core took it and the device has no record of that: look at the device",
            ],
            Self::OtherSize => [
                "大きさが両側で異なります。両方の記録を調べてください",
                "the sizes differ: look at both ledgers",
            ],
            Self::DeviceLedger => [
                "機器の記録がつながりません。書き換えられたか、欠けています",
                "the device's ledger does not go on from itself: changed, or held back",
            ],
            Self::CentreLedger => [
                "センターの記録が書かれたときと異なります。控えと比べてください",
                "the centre's ledger is not what was written: compare with the backup",
            ],
            Self::NoLine => [
                "受け取った束がセンターの記録にありません。控えと比べてください",
                "the centre's ledger has no line of a batch that was taken",
            ],
        }
    }
}

/// What came of a comparison.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    /// Sites that were compared.
    pub(crate) sites: u64,
    /// Differences that what the centre knows explains.
    pub(crate) explained: u64,
    /// Differences for which somebody has to look.
    pub(crate) unexplained: u64,
}

/// The centre's records.
#[derive(Clone, Copy)]
pub(crate) struct Records<'a> {
    /// What was decided.
    pub(crate) catalogue: &'a Catalogue,
    /// Where batches that wait still lie.
    pub(crate) settings: &'a Settings,
}

/// Checks the ledger of lineage and both transfer ledgers of every site against the newest anchor,
/// compares them, and writes the day's anchor if there is none yet.
///
/// # Errors
/// The catalogue or an anchor cannot be read, the ledger of lineage is damaged, or the anchor
/// cannot be written.
pub(crate) fn reconcile(
    records: Records<'_>,
    anchors: &Anchors<'_>,
    day: Date,
    mut each: impl FnMut(&Comparison),
) -> Result<Summary> {
    let newest = anchors.newest()?;
    newest.check_lineage(records.catalogue)?;
    let (entries, digest) = records.catalogue.ledger_head()?;
    let mut next = Anchor {
        lineage: End { entries, digest },
        ..Anchor::default()
    };
    let mut summary = Summary::default();
    compare(records, &newest, |comparison| {
        summary.sites += 1;
        for difference in &comparison.differences {
            match difference.what.is_explained() {
                true => summary.explained += 1,
                false => summary.unexplained += 1,
            }
        }
        each(&comparison);
        next.sites.insert(comparison.site, comparison.ends);
    })?;
    anchors.write(day, &next)?;
    Ok(summary)
}

/// Compares both ledgers of every site of which the centre knows anything, and each with how far it
/// went by an anchor. One site is in memory at a time.
///
/// # Errors
/// The catalogue cannot be read.
pub(crate) fn compare(
    records: Records<'_>,
    anchor: &Anchor,
    mut each: impl FnMut(Comparison),
) -> Result<()> {
    let mut sites = records.catalogue.transfer_sites()?;
    sites.extend(records.catalogue.sites()?);
    sites.extend(anchor.sites.keys().cloned());
    sites.sort_unstable();
    sites.dedup();
    for site in sites {
        let known = anchor.sites.get(&site).copied().unwrap_or_default();
        each(of(records, site, &known)?);
    }
    Ok(())
}

fn of(records: Records<'_>, site: SiteId, known: &Ends) -> Result<Comparison> {
    let Records {
        catalogue,
        settings,
    } = records;
    let taken = catalogue.told(&site)?;
    let held_up = catalogue.held_up(&site)?;
    let waiting = held_up.iter().filter_map(|file| waiting(settings, file));
    let told: Vec<_> = taken.iter().filter_map(|it| it.ledger.clone()).collect();
    let told = told.into_iter().chain(waiting);
    let mut differences = Vec::new();
    let centre = match read(catalogue.transfer_ledger(&site)?.as_bytes(), &known.centre) {
        Ok(centre) => centre,
        Err(fault) => {
            differences.push(Difference::new(fault.line(), What::CentreLedger));
            transfer::ledger::Read::default()
        }
    };
    let device = device(told, &known.device, &mut differences);
    let sides = Sides {
        taken: &taken,
        held_up: &held_up,
        centre: &centre.entries,
        device: &device.entries,
    };
    differences.extend(sides.differences());
    Ok(Comparison {
        site,
        centre_lines: centre.end.entries,
        device_lines: device.end.entries,
        differences,
        ends: Ends {
            centre: centre.end,
            device: device.end,
        },
    })
}

/// Joins what the batches told. From a break on, what comes later is read from there. An anchor was
/// taken where some batch had told its end.
fn device(
    told: impl Iterator<Item = (End, String)>,
    known: &End,
    differences: &mut Vec<Difference>,
) -> transfer::ledger::Read {
    let mut whole = transfer::ledger::Read::default();
    let mut met = known.entries == 0;
    for (stated, lines) in told {
        let read = fresh(&lines, &whole.end).map(|lines| read_on(lines.as_bytes(), &whole.end));
        match read {
            Some(Ok(read)) if read.end == stated => whole.entries.extend(read.entries),
            _ => {
                let line = whole.end.entries + 1;
                differences.push(Difference::new(line, What::DeviceLedger));
            }
        }
        whole.end = stated;
        met |= stated == *known;
    }
    if !met {
        differences.push(Difference::new(known.entries, What::DeviceLedger));
    }
    whole
}

/// Lines behind an end, of lines that may begin before it; `None` if they do not reach it, or were
/// others.
fn fresh<'a>(lines: &'a str, end: &End) -> Option<&'a str> {
    let first = lines.split('\t').next().filter(|_| !lines.is_empty());
    let first = first.map_or(Some(end.entries + 1), |first| first.parse().ok())?;
    let known = usize::try_from((end.entries + 1).checked_sub(first)?).ok()?;
    let told_before: Vec<_> = lines.split_inclusive('\n').take(known).collect();
    let last = told_before
        .last()
        .and_then(|line| line.trim_end().rsplit('\t').next());
    let same = last.is_none_or(|digest| digest == BatchId::new(end.digest).to_string());
    let bytes: usize = told_before.iter().map(|line| line.len()).sum();
    lines
        .get(bytes..)
        .filter(|_| same && told_before.len() == known)
}

/// What a batch tells that waits in the inbox: of a chain with a hole, what comes behind it says
/// what is missing. Only the site's own word counts.
fn waiting(settings: &Settings, file: &Decided) -> Option<(End, String)> {
    if file.outcome != Outcome::Waiting {
        return None;
    }
    let path = settings.inbox.join(&file.path);
    let size = std::fs::metadata(&path).ok()?.len();
    if size > settings.limits.batch_bytes {
        return None;
    }
    let bytes = std::fs::read(path).ok()?;
    let batch = inspect(&bytes).ok()?;
    origin(&batch, settings).ok()?;
    let told = batch.manifest.transfers?;
    let end = End {
        entries: told.entries,
        digest: told.digest,
    };
    Some((end, told.lines))
}

impl Difference {
    const fn new(at: u64, what: What) -> Self {
        Self {
            at,
            what,
            reason: None,
        }
    }
}

/// Both ledgers of a site, and what else the centre knows.
struct Sides<'a> {
    taken: &'a [Told],
    held_up: &'a [Decided],
    centre: &'a [Entry],
    device: &'a [Entry],
}

impl Sides<'_> {
    fn differences(&self) -> Vec<Difference> {
        let taken: BTreeMap<_, _> = self.taken.iter().map(|it| (it.batch, it)).collect();
        let of_device = self.device.iter();
        let delivered: BTreeMap<_, _> = of_device
            .filter(|entry| entry.event == Event::Delivered)
            .map(|entry| (entry.batch, entry))
            .collect();
        let not_taken = delivered
            .values()
            .filter(|entry| !taken.contains_key(&entry.batch))
            .map(|entry| self.not_taken(entry));
        let not_delivered = taken
            .values()
            .filter(|it| !delivered.contains_key(&it.batch))
            .map(|it| self.not_delivered(it));
        let sizes = delivered.values().filter(|entry| {
            let taken = taken.get(&entry.batch);
            let bytes = taken.and_then(|it| it.bytes);
            bytes.is_some_and(|bytes| bytes != entry.bytes)
        });
        let sizes = sizes.map(|entry| Difference::new(entry.sequence, What::OtherSize));
        let mut all: Vec<_> = not_taken
            .chain(not_delivered)
            .chain(sizes)
            .chain(self.without_line())
            .collect();
        all.sort_by_key(|difference| (difference.at, difference.what));
        all
    }

    /// The device has a receipt for a batch that is not among those taken.
    fn not_taken(&self, entry: &Entry) -> Difference {
        let mut files = self.held_up.iter();
        let file = files.find(|file| file.batch == Some(entry.batch));
        let what = match file.map(|file| file.outcome) {
            None => What::Lost,
            Some(Outcome::Waiting) => What::Waits,
            Some(_) => What::Refused,
        };
        Difference {
            reason: file.map(|file| file.reason.clone()),
            ..Difference::new(entry.sequence, what)
        }
    }

    /// The centre took a batch for which the device has told no receipt.
    fn not_delivered(&self, taken: &Told) -> Difference {
        let of_batch =
            |event| move |entry: &&Entry| entry.event == event && entry.sequence == taken.sequence;
        let went_on =
            |entry: &Entry| entry.sequence > taken.sequence && entry.event == Event::Delivered;
        let exported = self.device.iter().any(|it| of_batch(Event::Exported)(&it));
        let what = match self.device.iter().any(went_on) {
            _ if exported => What::CameOnMedium,
            true => What::Unrecorded,
            false => What::NotToldYet,
        };
        Difference::new(taken.sequence, what)
    }

    fn without_line(&self) -> impl Iterator<Item = Difference> {
        let received: std::collections::BTreeSet<_> = self
            .centre
            .iter()
            .filter(|entry| entry.event == Event::Received)
            .map(|entry| entry.batch)
            .collect();
        let missing = self
            .taken
            .iter()
            .filter(move |taken| !received.contains(&taken.batch));
        missing.map(|taken| Difference::new(taken.sequence, What::NoLine))
    }
}
