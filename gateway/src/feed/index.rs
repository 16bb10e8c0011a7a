//! The index database as a CSV file that the site writes anew each time.
//!
//! The file must reach back to the last row that was dealt with: otherwise rows may lie between,
//! and only a full scan can tell.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use config::feed::{IndexCsv, IndexNames, IndexPlaces};
use envelope::MacKey;
use formats::ssmix2::change::Change;
use formats::ssmix2::index::{Column, Columns, Row, Scanner};
use jiff::civil::DateTime;
use nix::libc::O_NONBLOCK;

use super::transactions::in_pieces;
use super::{Mark, Read, Since, Tell, Unavailable, hex};
use crate::clock::Now;

/// An export that is older than this was forgotten.
const STALE_SECONDS: i64 = 48 * 3600;

/// Reads the rows since the last reading, and those that are waited for. The time of the newest
/// row is where the next reading begins.
pub(super) fn read(
    settings: &IndexCsv,
    key: &MacKey,
    since: &Since,
    now: Now,
    tell: Tell<'_>,
) -> Result<(Option<DateTime>, Read), Unavailable> {
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags(O_NONBLOCK)
        .open(&settings.file)
        .map_err(|error| Unavailable::io(&error))?;
    let before = stamp(&file)?;
    if before.0 < now.seconds - STALE_SECONDS {
        return Err(Unavailable::new("the export of the index database is old"));
    }
    let mut read = Read::default();
    let mut rows = Rows {
        since,
        key,
        oldest: None,
        newest: None,
        read: &mut read,
        tell,
    };
    scan(&mut file, settings, &mut |row| rows.take(row))?;
    let (oldest, newest) = (rows.oldest, rows.newest);
    if read.individual > 0 {
        return Err(Unavailable::new(
            "個人番号の列または番号があります / a column or a row holds an individual number (F090)",
        ));
    }
    if stamp(&file)? != before {
        return Err(Unavailable::new(
            "the export of the index database is being written",
        ));
    }
    if let Some(last) = since.last {
        let reaches_back = oldest.is_some_and(|oldest| oldest <= last);
        let reaches_on = newest.is_some_and(|newest| newest >= last);
        read.gap |= !reaches_back || !reaches_on;
    }
    Ok((since.reached(newest), read))
}

/// Takes rows of the index, wherever they come from.
pub(super) struct Rows<'a, 't> {
    pub(super) since: &'a Since,
    pub(super) key: &'a MacKey,
    pub(super) oldest: Option<DateTime>,
    pub(super) newest: Option<DateTime>,
    pub(super) read: &'a mut Read,
    pub(super) tell: Tell<'t>,
}

impl Rows<'_, '_> {
    pub(super) fn take(&mut self, row: Row) {
        match row {
            Row::Unreadable => self.read.unreadable += 1,
            Row::ColumnsUnknown => self.read.unreadable += 1,
            Row::IndividualNumber => self.read.individual += 1,
            Row::Change { change, updated } => {
                if let Some(updated) = updated {
                    self.oldest = Some(self.oldest.map_or(updated, |oldest| oldest.min(updated)));
                    let past = updated <= self.since.latest;
                    self.newest = self.newest.max(past.then_some(updated));
                }
                let mark = mark(&change, updated, self.key);
                // A row whose time cannot be read may be new.
                let new = updated.is_none_or(|updated| updated >= self.since.from);
                if new || self.since.waiting.contains(&mark) {
                    (self.tell)(mark, change);
                }
            }
        }
    }
}

/// By what a row is known again: its time, and a keyed digest of whose and which document it is.
fn mark(change: &Change, updated: Option<DateTime>, key: &MacKey) -> Mark {
    let chart = change.chart.expose();
    let mut message = format!("{}:{chart}", chart.len());
    if let Some(document) = &change.document {
        let order = document.key.order.expose();
        let (kind, version) = (document.key.kind, document.version.0);
        let day = document.key.care_date.map(|day| day.to_string());
        message += &format!(
            "{kind}:{day:?}:{}:{order}{version}{:?}",
            order.len(),
            document.action
        );
    }
    Mark::Row {
        updated: updated.map(|updated| updated.to_string()),
        digest: hex(&key.mac(message.as_bytes())),
    }
}

fn scan(
    file: &mut File,
    settings: &IndexCsv,
    take: &mut dyn FnMut(Row),
) -> Result<(), Unavailable> {
    let names = |column| named(&settings.columns, column).to_owned();
    let mut scanner = match settings.header {
        true => Scanner::with_header(names),
        false => Columns::at(|column| placed(&settings.places, column))
            .map(Scanner::with_columns)
            .ok_or_else(|| Unavailable::new("places of the columns"))?,
    };
    in_pieces(file, &mut |piece| scanner.push(piece, take))?;
    scanner.finish(take);
    Ok(())
}

/// What a site calls a column.
pub(super) fn named(names: &IndexNames, column: Column) -> &str {
    match column {
        Column::PatientId => &names.patient_id,
        Column::UpdateDatetime => &names.update_datetime,
        Column::OrderDate => &names.order_date,
        Column::DataKind => &names.data_kind,
        Column::OrderNo => &names.order_no,
        Column::ProcessingType => &names.processing_type,
        Column::TransactionDatetime => &names.transaction_datetime,
    }
}

fn placed(places: &IndexPlaces, column: Column) -> Option<usize> {
    let place = match column {
        Column::PatientId => places.patient_id,
        Column::UpdateDatetime => places.update_datetime,
        Column::OrderDate => places.order_date,
        Column::DataKind => places.data_kind,
        Column::OrderNo => places.order_no,
        Column::ProcessingType => places.processing_type,
        Column::TransactionDatetime => places.transaction_datetime,
    };
    place?.checked_sub(1).map(usize::from)
}

fn stamp(file: &File) -> Result<(i64, i64, u64), Unavailable> {
    let data = file.metadata().map_err(|error| Unavailable::io(&error))?;
    data.is_file()
        .then_some((data.mtime(), data.mtime_nsec(), data.len()))
        .ok_or_else(|| Unavailable::new("the export of the index database is no file"))
}
