//! Notices entered together (C-08): everybody who was handed the leaflet on a day, with a look at
//! what will be entered first, and the way back.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use privacy::gate::{DocumentVersion, Event, Ground, Notice, NoticeMethod};
use record::{ChartNumber, Date, SiteId};
use rusqlite::params;

use super::Place;
use super::account::Role;
use super::answer::{Refusal, html, see_other};
use super::book::{self, Entry, Ledger};
use super::frame::Frame;
use super::log::{Act, Line};
use super::person;
use super::store::{Store, database};
use super::texts::{T, Text};
use super::visit::{Fields, Posted, Visit, work};
use super::words::moment;
use crate::clock;
use crate::error::Failure;

/// Most persons that are entered together.
const MOST: usize = 5_000;
/// Lines that could not be read and are named one by one.
const NAMED: usize = 20;
/// Bulk entries that can be taken back from this page.
const SHOWN: u32 = 10;

#[derive(Template)]
#[template(path = "visitors.html")]
struct VisitorsPage {
    frame: Frame,
    today: String,
    methods: Vec<(&'static str, Text)>,
    documents: Vec<String>,
    earlier: Vec<Bulk>,
}

#[derive(Template)]
#[template(path = "visitors_preview.html")]
struct PreviewPage {
    frame: Frame,
    on: String,
    method: NoticeMethod,
    method_text: Text,
    document: String,
    numbers: String,
    preview: Preview,
}

/// What a list would do.
#[derive(Debug, Default, PartialEq, Eq)]
struct Preview {
    fresh: Vec<ChartNumber>,
    told: usize,
    stopped: usize,
    twice: usize,
    unreadable: Vec<usize>,
    more_unreadable: usize,
}

/// A bulk entry as it was made.
struct Bulk {
    number: i64,
    on: String,
    at: String,
    persons: u64,
    undone: bool,
}

/// What stands above a list.
struct Head {
    on: Date,
    method: NoticeMethod,
    document: DocumentVersion,
}

/// `/{site}/visitors`.
pub(crate) async fn page(visit: Visit, Path(site): Path<String>) -> Result<Response, Refusal> {
    let site = visit.site(&site, &[Role::Reception])?;
    work(|| {
        let place = visit.page.institution(&site).ok_or(Refusal::NotHere)?;
        let today = visit.page.now()?.today;
        Ok(html(&VisitorsPage {
            frame: visit.frame(T.title_visitors, &site, "visitors"),
            today: today.to_string(),
            methods: NoticeMethod::ALL
                .iter()
                .map(|it| (it.as_str(), method_text(*it)))
                .collect(),
            documents: book::documents(place, today)?
                .iter()
                .map(ToString::to_string)
                .collect(),
            earlier: visit.page.store.bulks(&site)?,
        }))
    })
}

/// Shows what a list would do, and does nothing.
pub(crate) async fn preview(Path(site): Path<String>, posted: Posted) -> Result<Response, Refusal> {
    let Posted { visit, fields } = posted;
    let site = visit.site(&site, &[Role::Reception])?;
    work(|| {
        let place = visit.page.institution(&site).ok_or(Refusal::NotHere)?;
        let head = head(&visit, place, &fields)?;
        let (numbers, preview) = read(fields.one("numbers"))?;
        let about = format!("{} / {}", head.on, numbers.len());
        let line = Line::about(Act::ListChecked, visit.name(), &about).at(site.as_str());
        visit.page.store.note(&line, visit.at)?;
        let ledger = book::open(place)?;
        let preview = compare(&ledger, numbers, preview, &head)?;
        let numbers: Vec<_> = preview.fresh.iter().map(ChartNumber::expose).collect();
        Ok(html(&PreviewPage {
            frame: visit.frame(T.title_visitors, &site, "visitors"),
            on: head.on.to_string(),
            method: head.method,
            method_text: method_text(head.method),
            document: head.document.to_string(),
            numbers: numbers.join("\n"),
            preview,
        }))
    })
}

/// Enters a list: all of it or nothing.
pub(crate) async fn enter(Path(site): Path<String>, posted: Posted) -> Result<Response, Refusal> {
    let Posted { visit, fields } = posted;
    let site = visit.site(&site, &[Role::Reception])?;
    work(|| {
        let place = visit.page.institution(&site).ok_or(Refusal::NotHere)?;
        // A clock that is behind would offer a day before the true one, and the hold end early.
        if !clock::confirmed_now(&place.settings.clock) {
            return Err(Refusal::Form(T.notice_needs_time));
        }
        let head = head(&visit, place, &fields)?;
        let (numbers, preview) = read(fields.one("numbers"))?;
        let mut ledger = book::open(place)?;
        // Looked at again: somebody else may have entered the same list meanwhile.
        let fresh = compare(&ledger, numbers, preview, &head)?.fresh;
        if fresh.is_empty() {
            return Err(Refusal::Form(T.visitors_none));
        }
        let about = format!("{} / {}", head.on, fresh.len());
        let line = Line::about(Act::NoticesEntered, visit.name(), &about).at(site.as_str());
        visit.page.store.note(&line, visit.at)?;
        let events = fresh.into_iter().map(|chart| head.notice(chart)).collect();
        let range = book::append(&mut ledger, visit.name(), visit.page.now()?, events)?;
        visit
            .page
            .store
            .keep_bulk(&site, range, head.on, visit.at)?;
        Ok(see_other(&format!("/{site}/visitors")))
    })
}

/// Takes back everything that one bulk entry made and that still stands.
pub(crate) async fn undo(Path(site): Path<String>, posted: Posted) -> Result<Response, Refusal> {
    let Posted { visit, fields } = posted;
    let site = visit.site(&site, &[Role::Reception])?;
    let number: i64 = fields.read_as("number", T.choice_wrong)?;
    work(|| {
        let place = visit.page.institution(&site).ok_or(Refusal::NotHere)?;
        let (first, last) = visit
            .page
            .store
            .bulk(&site, number)?
            .ok_or(Refusal::NotHere)?;
        let mut ledger = book::open(place)?;
        let entries = ledger.entries(first..=last)?;
        let stand = entries
            .iter()
            .filter(|entry| !entry.revoked && matches!(entry.event, Event::Notified(_)));
        let take_back = |entry: &Entry| Event::Revoked {
            entry: entry.number,
            ground: Ground::Mistake,
        };
        let events: Vec<_> = stand.map(take_back).collect();
        let about = format!("{first}-{last}");
        let line = Line::about(Act::NoticesUndone, visit.name(), &about).at(site.as_str());
        visit.page.store.note(&line, visit.at)?;
        if !events.is_empty() {
            book::append(&mut ledger, visit.name(), visit.page.now()?, events)?;
        }
        visit.page.store.undo_bulk(number)?;
        Ok(see_other(&format!("/{site}/visitors")))
    })
}

impl Head {
    fn notice(&self, chart: ChartNumber) -> Event {
        Event::Notified(Notice {
            chart,
            notified_on: self.on,
            document: self.document.clone(),
            method: self.method,
            sixteen_on: None,
        })
    }
}

fn head(visit: &Visit, place: &Place, fields: &Fields) -> Result<Head, Refusal> {
    let today = visit.page.now()?.today;
    let on: Date = fields.read_as("on", T.day_wrong)?;
    if on > today {
        return Err(Refusal::Form(T.day_in_future));
    }
    let document: DocumentVersion = fields.read_as("document", T.choice_wrong)?;
    // A notice of a text that is not listed, or not out on the day, would be no notice.
    if !book::documents(place, on)?.contains(&document) {
        return Err(Refusal::Form(T.document_wrong));
    }
    Ok(Head {
        on,
        method: fields.read_as("method", T.choice_wrong)?,
        document,
    })
}

/// Reads a list: of each line, what stands before the first comma, semicolon or tab. Further
/// columns of an export may stand behind it and are not looked at.
fn read(list: &str) -> Result<(Vec<ChartNumber>, Preview), Refusal> {
    let (mut numbers, mut preview) = (Vec::new(), Preview::default());
    let mut seen = BTreeSet::new();
    for (place, line) in (1..).zip(list.lines()) {
        let cell = line.split([',', ';', '\t']).next().unwrap_or_default();
        let cell = cell.trim().trim_matches('"');
        if line.trim().is_empty() {
            continue;
        }
        match person::chart(cell) {
            Some(chart) if seen.insert(chart.clone()) => numbers.push(chart),
            Some(_) => preview.twice += 1,
            None if preview.unreadable.len() < NAMED => preview.unreadable.push(place),
            None => preview.more_unreadable += 1,
        }
    }
    match numbers.len() > MOST {
        true => Err(Refusal::TooLarge),
        false => Ok((numbers, preview)),
    }
}

/// Who of a list is new, was told before, or said no.
fn compare(
    ledger: &Ledger,
    numbers: Vec<ChartNumber>,
    mut preview: Preview,
    head: &Head,
) -> Result<Preview, Failure> {
    for chart in numbers {
        let entries = ledger.of_chart(&chart)?;
        let stands = |entry: &&Entry| !entry.revoked;
        let stopped = |entry: &Entry| matches!(entry.event, Event::Stopped(_));
        let told = |entry: &Entry| {
            let Event::Notified(notice) = &entry.event else {
                return false;
            };
            // Whoever was told through their guardians is told again once they are 16 (B-003).
            let themselves = notice.sixteen_on.is_none_or(|sixteen| head.on < sixteen);
            notice.chart == chart
                && notice.document == head.document
                && notice.notified_on <= head.on
                && themselves
        };
        preview.stopped += usize::from(entries.iter().filter(stands).any(stopped));
        match entries.iter().filter(stands).any(told) {
            true => preview.told += 1,
            false => preview.fresh.push(chart),
        }
    }
    Ok(preview)
}

fn method_text(method: NoticeMethod) -> Text {
    match method {
        NoticeMethod::Handed => T.method_handed,
        NoticeMethod::Posted => T.method_posted,
        NoticeMethod::Kiosk => T.method_kiosk,
        NoticeMethod::Letter => T.method_letter,
    }
}

impl Store {
    fn keep_bulk(
        &self,
        site: &SiteId,
        range: std::ops::RangeInclusive<u64>,
        on: Date,
        at: i64,
    ) -> Result<(), Failure> {
        self.write(|connection| {
            connection
                .execute(
                    "INSERT INTO bulk (site, first, last, on_day, at) VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![
                        site.as_str(),
                        range.start(),
                        range.end(),
                        on.to_string(),
                        at
                    ],
                )
                .map(drop)
                .map_err(database)
        })
    }

    fn bulks(&self, site: &SiteId) -> Result<Vec<Bulk>, Failure> {
        let connection = self.connection()?;
        let read = || -> rusqlite::Result<Vec<Bulk>> {
            let mut statement = connection.prepare_cached(
                "SELECT number, on_day, at, last - first + 1, undone FROM bulk \
                 WHERE site = ?1 ORDER BY number DESC LIMIT ?2",
            )?;
            let rows = statement.query_map(params![site.as_str(), SHOWN], |row| {
                Ok(Bulk {
                    number: row.get(0)?,
                    on: row.get(1)?,
                    at: moment(row.get(2)?),
                    persons: row.get(3)?,
                    undone: row.get(4)?,
                })
            })?;
            rows.collect()
        };
        read().map_err(database)
    }

    fn bulk(&self, site: &SiteId, number: i64) -> Result<Option<(u64, u64)>, Failure> {
        use rusqlite::OptionalExtension as _;
        let connection = self.connection()?;
        let query = "SELECT first, last FROM bulk WHERE site = ?1 AND number = ?2 AND NOT undone";
        let found = connection.query_row(query, params![site.as_str(), number], |row| {
            Ok((row.get(0)?, row.get(1)?))
        });
        found.optional().map_err(database)
    }

    fn undo_bulk(&self, number: i64) -> Result<(), Failure> {
        self.write(|connection| {
            connection
                .execute("UPDATE bulk SET undone = 1 WHERE number = ?1", [number])
                .map(drop)
                .map_err(database)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-08: an export of the day's visits, as it comes, with names that nobody keeps.
    #[test]
    fn a_list_is_read_as_exports_write_it() {
        let list =
            "患者番号,氏名\n0001,山田 花子\n\"0002\",鈴木\n０００３\t佐藤\n\n0001,山田 花子\n";
        let Ok((numbers, preview)) = read(list) else {
            panic!("refused");
        };
        let numbers: Vec<_> = numbers.iter().map(ChartNumber::expose).collect();
        assert_eq!(numbers, ["0001", "0002", "0003"]);
        assert_eq!((preview.twice, preview.unreadable), (1, vec![1]));
        let long: String = (0..=MOST).map(|number| format!("{number}\n")).collect();
        assert!(matches!(read(&long), Err(Refusal::TooLarge)));
        let wrong = "x y z!\n".repeat(NAMED + 5);
        let Ok((_, preview)) = read(&wrong) else {
            panic!("refused");
        };
        assert_eq!(
            (preview.unreadable.len(), preview.more_unreadable),
            (NAMED, 5)
        );
    }
}
