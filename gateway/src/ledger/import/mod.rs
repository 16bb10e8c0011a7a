//! Files of the hospital's own systems, taken into the ledger: looked at first, applied all or
//! nothing, taken back as a whole while the hold still runs.

mod decoded;
mod lines;
mod parts;
mod reconcile;
mod undo;

use std::fmt::Write as _;
use std::path::Path;

use config::gateway::Settings;
use config::imports::{Import, What};
use getrandom::SysRng;
use privacy::gate::Event;
use privacy::separate::subject_ref;
use rand_core::{Rng as _, UnwrapErr};

use super::entry::{Actor, ImportId};
use super::store::{Ledger, Voided, Writer};
use crate::clock::Now;
use crate::error::{Failure, Problem};
use crate::keys;
use crate::state::State;

pub(crate) use reconcile::reconcile;
pub(crate) use undo::undo;

use lines::{Fault, Lines};

/// Lines at fault that are told one by one.
const FAULTS_TOLD: usize = 20;

/// What a file says and what it would change. It holds counts, line numbers and words of ours.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Preview {
    /// Lines below the header.
    pub(crate) lines: u64,
    /// Lines that the ledger does not have yet.
    pub(crate) new: u64,
    /// Lines that the ledger has.
    pub(crate) known: u64,
    /// Lines that the ledger had and of which the entry was taken back.
    pub(crate) revoked: u64,
    /// Lines that say what an earlier line of the file said.
    pub(crate) repeated: u64,
    /// New lines about a person of whom the ledger says something else of that kind, or whom
    /// somebody stopped.
    pub(crate) conflicting: u64,
    /// Visits that change nothing: before the notice began, or not the first.
    pub(crate) idle: u64,
    /// Lines about persons whom no run has met in the storage.
    pub(crate) unknown: u64,
    /// Lines that cannot be read.
    pub(crate) faults: u64,
    /// The first of them.
    pub(crate) first_faults: Vec<(u64, Fault)>,
}

impl Preview {
    fn fault(&mut self, line: u64, fault: Fault) {
        self.faults += 1;
        if self.first_faults.len() < FAULTS_TOLD {
            self.first_faults.push((line, fault));
        }
    }

    /// For people: Japanese first.
    pub(crate) fn for_people(&self) -> String {
        let mut text = String::new();
        for (ja, en, count) in [
            ("行", "lines", self.lines),
            ("新しい行", "new", self.new),
            ("台帳にある行", "known", self.known),
            (
                "台帳で取り消した行",
                "taken back in the ledger",
                self.revoked,
            ),
            ("ファイル内の重複", "repeated in the file", self.repeated),
            (
                "台帳と食い違う人",
                "at odds with the ledger",
                self.conflicting,
            ),
            (
                "通知に当たらない来院",
                "visits that change nothing",
                self.idle,
            ),
            (
                "ストレージで見たことのない人",
                "unknown to the storage",
                self.unknown,
            ),
            ("読めない行", "unreadable lines", self.faults),
        ] {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{ja} ({en}): {count}");
        }
        for (line, fault) in &self.first_faults {
            let (ja, en) = fault.texts();
            let _ = writeln!(text, "  {line} 行目 (line): {ja} / {en}");
        }
        text
    }
}

/// The kind of file that the settings call so.
pub(crate) fn named<'s>(settings: &'s Settings, name: &str) -> Result<&'s Import, Failure> {
    let found = settings.ledger.imports.iter().find(|it| it.name == name);
    found.ok_or_else(|| Failure::new(Problem::Settings, "ledger.imports.name"))
}

/// What taking a file in would do. Nothing is written.
///
/// # Errors
/// The file cannot be read, is in no known encoding, lacks a column or was cut.
pub(crate) fn preview(
    settings: &Settings,
    import: &Import,
    file: &Path,
    now: Now,
) -> Result<Preview, Failure> {
    let ledger = super::open(settings)?;
    let mut sorting = Sorting::new(&ledger, settings, import, now)?;
    Lines::open(file, import)?.each(|line, fields| {
        sorting.progress(line);
        match sorting.lines.event(fields) {
            Err(fault) => sorting.preview.fault(line, fault),
            Ok(event) => {
                let same = ledger.same_as(&event)?;
                sorting.sort(&ledger, &event, &same)?;
            }
        }
        Ok(())
    })?;
    let repeated = sorting.finish();
    // The ledger did not grow meanwhile: each repetition was taken for a new line.
    sorting.preview.new = sorting.preview.new.saturating_sub(repeated);
    Ok(sorting.preview)
}

/// Takes a file in, all or nothing, and gives the name of the import. A large file goes in part by
/// part ([`parts`]), so that others can write in between.
///
/// # Errors
/// As [`preview`], and when any line cannot be read: then nothing was taken in.
pub(crate) fn apply(
    settings: &Settings,
    import: &Import,
    file: &Path,
    now: Now,
) -> Result<(ImportId, Preview), Failure> {
    apply_in_parts(settings, import, file, now, parts::LINES)
}

fn apply_in_parts(
    settings: &Settings,
    import: &Import,
    file: &Path,
    now: Now,
    together: usize,
) -> Result<(ImportId, Preview), Failure> {
    let id = ImportId::of_file(now.seconds, UnwrapErr(SysRng).next_u32());
    let actor = Actor::Import(id.clone());
    let preview = match readable(settings, import, file, now)? {
        lines if lines <= together as u64 => apply_at_once(settings, import, file, &actor, now),
        _ => parts::apply(settings, import, file, &actor, now, together),
    }?;
    Ok((id, preview))
}

/// How many lines there are, every one of which can be read.
fn readable(settings: &Settings, import: &Import, file: &Path, now: Now) -> Result<u64, Failure> {
    let reading = lines::Reading::new(settings, import, now.today)?;
    let mut count = 0;
    Lines::open(file, import)?.each(|line, fields| {
        count += 1;
        let event = reading.event(fields);
        event.map(drop).map_err(|_| unreadable(line))
    })?;
    Ok(count)
}

fn unreadable(line: u64) -> Failure {
    Failure::new(Problem::ImportLine, format!("{line}"))
}

fn apply_at_once(
    settings: &Settings,
    import: &Import,
    file: &Path,
    actor: &Actor,
    now: Now,
) -> Result<Preview, Failure> {
    let mut ledger = super::open(settings)?;
    let reader = super::open(settings)?;
    let (_, preview) = ledger.write(actor, now, |writer| {
        let mut sorting = Sorting::new(&reader, settings, import, now)?;
        Lines::open(file, import)?.each(|line, fields| {
            sorting.progress(line);
            match sorting.lines.event(fields) {
                Err(_) => Err(unreadable(line)),
                Ok(event) => take(&mut sorting, &reader, writer, &event),
            }
        })?;
        let repeated = sorting.finish();
        sorting.preview.known = sorting.preview.known.saturating_sub(repeated);
        Ok(sorting.preview)
    })?;
    Ok(preview)
}

fn take(
    sorting: &mut Sorting<'_>,
    reader: &Ledger,
    writer: &mut Writer<'_>,
    event: &Event,
) -> Result<(), Failure> {
    let same = writer.same_as(event)?;
    match sorting.sort(reader, event, &same)? {
        true => writer.push(event),
        false => Ok(()),
    }
}

/// Tells new lines from others.
struct Sorting<'s> {
    lines: lines::Reading<'s>,
    state: State,
    site: envelope::MacKey,
    voided: Voided,
    /// Who writes down what is new, if anybody does.
    own: Option<Actor>,
    /// One for each line: eight bytes.
    marks: Vec<u64>,
    preview: Preview,
    what: What,
    begun: std::time::Instant,
}

/// A line of progress after so many lines.
const PROGRESS: u64 = 100_000;

impl<'s> Sorting<'s> {
    fn new(
        ledger: &Ledger,
        settings: &'s Settings,
        import: &'s Import,
        now: Now,
    ) -> Result<Self, Failure> {
        Ok(Self {
            lines: lines::Reading::new(settings, import, now.today)?,
            state: State::open(&settings.state.folder.join("state.sqlite"))?,
            site: keys::key(&settings.keys.site)?,
            voided: ledger.voided()?,
            own: None,
            marks: Vec::new(),
            preview: Preview::default(),
            what: import.what,
            begun: crate::clock::stopwatch(),
        })
    }

    fn progress(&mut self, line: u64) {
        self.preview.lines += 1;
        if line.is_multiple_of(PROGRESS) {
            use std::io::Write as _;
            let rate = line as f64 / self.begun.elapsed().as_secs_f64().max(0.001);
            // A progress line that cannot be written is no reason to stop.
            let _ = writeln!(std::io::stderr(), "行 lines {line} ({rate:.0}/s)");
        }
    }

    /// Whether the line is to be written down.
    fn sort(&mut self, ledger: &Ledger, event: &Event, same: &[u64]) -> Result<bool, Failure> {
        if self.lines.idle(event) {
            self.preview.idle += 1;
            return Ok(false);
        }
        self.marks.push(ledger.mark(event));
        if let Some(chart) = event.chart() {
            let met = self.state.met(&subject_ref(chart, &self.site))?;
            self.preview.unknown += u64::from(!met);
        }
        if same.iter().any(|number| !self.voided.contains(*number)) {
            self.preview.known += 1;
            return Ok(false);
        }
        // What was taken back is not brought back by a file, unless it stops.
        let was_there = same.iter().any(|number| !self.voided.broken_off(*number));
        if was_there && !matches!(event, Event::Stopped(_)) {
            self.preview.revoked += 1;
            return Ok(false);
        }
        let mut others = match event.chart() {
            Some(chart) => ledger.of_chart_among(chart, &self.voided)?,
            None => Vec::new(),
        };
        // What the file itself said before is not what the ledger says.
        others.retain(|other| self.own.as_ref() != Some(&other.actor));
        let earlier = |other: &Event| match (other, event) {
            (
                Event::Visited { chart, on },
                Event::Visited {
                    chart: at,
                    on: then,
                },
            ) => chart == at && on <= then,
            _ => false,
        };
        if self.what == What::Visits && others.iter().any(|it| earlier(&it.event)) {
            self.preview.idle += 1;
            return Ok(false);
        }
        let conflicts = |other: &Event| at_odds(other, event);
        self.preview.conflicting += u64::from(others.iter().any(|it| conflicts(&it.event)));
        self.preview.new += 1;
        Ok(true)
    }

    /// How many lines repeat an earlier one.
    fn finish(&mut self) -> u64 {
        self.marks.sort_unstable();
        let same = |pair: &[u64]| matches!(pair, [one, other] if one == other);
        let repeated = self.marks.windows(2).filter(|pair| same(pair)).count() as u64;
        self.preview.repeated = repeated;
        repeated
    }
}

/// Whether an entry that stands says something else than a new one, or stops the person.
fn at_odds(stands: &Event, new: &Event) -> bool {
    let kind = |event| std::mem::discriminant::<Event>(event);
    let stops = matches!(stands, Event::Stopped(_) | Event::Held { .. });
    let opens = matches!(new, Event::Notified(_) | Event::Consented(_));
    (stops && opens) || (kind(stands) == kind(new) && stands != new)
}

#[cfg(test)]
mod large_tests;
#[cfg(test)]
mod tests;
