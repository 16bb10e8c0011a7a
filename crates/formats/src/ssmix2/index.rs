//! The index database (`SSMIXIDX`): one row per document version, as CSV or from a query.
//!
//! Engines, tools and sites differ in the order, number and names of columns and in how they write
//! a time. Columns are found by name or by place; what is not needed is not looked at.

use jiff::civil::DateTime;
use memchr::memchr2;
use text::individual::{self, Evidence, is_named};
use text::jis::{self, Encoding};

use super::change::{Change, Texts};

/// The longest row in bytes.
pub const ROW_BYTES_MAX: usize = 64 << 10;
/// The most columns of a row.
pub const COLUMNS_MAX: usize = 256;

/// A column that is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// Whose. No row can be used without it.
    PatientId,
    /// When the row was last touched. Without it no row is known to be old.
    UpdateDatetime,
    /// The care date.
    OrderDate,
    /// The data kind.
    DataKind,
    /// The order number.
    OrderNo,
    /// `INS` or `DEL`.
    ProcessingType,
    /// The time of the transaction.
    TransactionDatetime,
}

impl Column {
    /// Every column that is needed.
    pub const ALL: [Self; 7] = [
        Self::PatientId,
        Self::UpdateDatetime,
        Self::OrderDate,
        Self::DataKind,
        Self::OrderNo,
        Self::ProcessingType,
        Self::TransactionDatetime,
    ];

    /// The name that the specification gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PatientId => "PatientID",
            Self::UpdateDatetime => "UpdateDatetime",
            Self::OrderDate => "OrderDate",
            Self::DataKind => "DataKind",
            Self::OrderNo => "OrderNo",
            Self::ProcessingType => "ProcessingType",
            Self::TransactionDatetime => "TransactionDatetime",
        }
    }

    const fn must_exist(self) -> bool {
        matches!(self, Self::PatientId | Self::UpdateDatetime)
    }
}

/// Where each column stands in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns([Option<usize>; Column::ALL.len()]);

impl Columns {
    /// Finds the columns in a header row by the names that the site gives them, whatever their
    /// letter case and order. `None` when the patient or the time of the update is not there, or
    /// when a name stands there twice.
    pub fn in_header(header: &str, name: impl Fn(Column) -> String) -> Option<Self> {
        let cells = cells(header)?;
        let mut places = [None; Column::ALL.len()];
        for (column, place) in Column::ALL.into_iter().zip(&mut places) {
            let name = name(column);
            let mut found = cells
                .iter()
                .enumerate()
                .filter(|(_, cell)| cell.eq_ignore_ascii_case(name.trim()))
                .map(|(at, _)| at);
            *place = found.next();
            if found.next().is_some() || (place.is_none() && column.must_exist()) {
                return None;
            }
        }
        Some(Self(places))
    }

    /// Takes the columns from their places, counted from 0. `None` as for a header row.
    pub fn at(place: impl Fn(Column) -> Option<usize>) -> Option<Self> {
        let places = Column::ALL.map(place);
        let complete = Column::ALL
            .into_iter()
            .zip(&places)
            .all(|(column, place)| place.is_some() || !column.must_exist());
        complete.then_some(Self(places))
    }

    /// Whether a cell that is not needed holds an individual number. Patient and order numbers of
    /// twelve digits are a house's own (decision 0034).
    fn has_individual<C: AsRef<str>>(&self, cells: &[C]) -> bool {
        let needed = |at: usize| self.0.contains(&Some(at));
        let mut others = cells.iter().enumerate().filter(|(at, _)| !needed(*at));
        others.any(|(_, cell)| {
            individual::finds(cell.as_ref()).any(|find| find.evidence == Evidence::Strong)
        })
    }

    /// Reads one row, split into cells.
    pub fn read<C: AsRef<str>>(&self, cells: &[C]) -> Row {
        if self.has_individual(cells) {
            return Row::IndividualNumber;
        }
        let cell = |column: Column| {
            let place = self.0.get(column as usize).copied().flatten();
            let cell = place.and_then(|place| cells.get(place));
            cell.map(|cell| cell.as_ref().trim()).unwrap_or_default()
        };
        let change = Change::of(&Texts {
            chart: cell(Column::PatientId),
            care_date: cell(Column::OrderDate),
            kind: cell(Column::DataKind),
            order: cell(Column::OrderNo),
            action: cell(Column::ProcessingType),
            version: cell(Column::TransactionDatetime),
        });
        let updated = moment(cell(Column::UpdateDatetime));
        match change {
            None => Row::Unreadable,
            Some(change) => Row::Change {
                change: Change {
                    deviates: change.deviates || updated.is_none(),
                    ..change
                },
                updated,
            },
        }
    }
}

/// What a row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// A change.
    Change {
        /// Of whom and of what.
        change: Change,
        /// When the row was touched; `None` when that cannot be read: the row may be new.
        updated: Option<DateTime>,
    },
    /// The row does not tell whose it is: only a full scan can find out.
    Unreadable,
    /// The header row does not name the columns that are needed: nothing can be read.
    ColumnsUnknown,
    /// The row, or the name of a column, holds an individual number (B-132): the file must not be
    /// read.
    IndividualNumber,
}

/// Reads the bytes of a CSV file, in pieces of any size, within constant memory. A row is a line:
/// no column of the index holds line ends.
pub struct Scanner<N> {
    columns: Expected<N>,
    line: Vec<u8>,
    too_long: bool,
}

enum Expected<N> {
    /// The first row names the columns.
    Header(N),
    Rows(Columns),
    /// The header could not be used.
    Nothing,
}

impl<N: Fn(Column) -> String> Scanner<N> {
    /// For a file whose first row names the columns; `name` is how the site calls each.
    pub fn with_header(name: N) -> Self {
        Self::new(Expected::Header(name))
    }

    /// For a file without a header row.
    pub fn with_columns(columns: Columns) -> Self {
        Self::new(Expected::Rows(columns))
    }

    fn new(columns: Expected<N>) -> Self {
        Self {
            columns,
            line: Vec::new(),
            too_long: false,
        }
    }

    /// Takes the next bytes and tells the rows that ended in them.
    pub fn push(&mut self, bytes: &[u8], tell: &mut dyn FnMut(Row)) {
        let mut rest = bytes;
        while let Some(end) = memchr2(b'\r', b'\n', rest) {
            let (line, after) = rest.split_at(end);
            self.add(line);
            self.end(tell);
            rest = after.get(1..).unwrap_or_default();
        }
        self.add(rest);
    }

    /// The file ends. A file without a header row has no columns.
    pub fn finish(mut self, tell: &mut dyn FnMut(Row)) {
        self.end(tell);
        if matches!(self.columns, Expected::Header(_)) {
            tell(Row::ColumnsUnknown);
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        let room = ROW_BYTES_MAX - self.line.len();
        self.too_long |= bytes.len() > room;
        self.line
            .extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
    }

    fn end(&mut self, tell: &mut dyn FnMut(Row)) {
        let too_long = std::mem::take(&mut self.too_long);
        let row = match &self.columns {
            Expected::Nothing => None,
            _ if self.line.iter().all(u8::is_ascii_whitespace) && !too_long => None,
            Expected::Header(name) => {
                let text = decoded(&self.line);
                let named = cells(&text).is_some_and(|it| it.iter().any(|it| is_named(it)));
                let columns = Columns::in_header(&text, name).filter(|_| !too_long && !named);
                let unknown = columns.is_none();
                self.columns = columns.map_or(Expected::Nothing, Expected::Rows);
                match named {
                    true => Some(Row::IndividualNumber),
                    false => unknown.then_some(Row::ColumnsUnknown),
                }
            }
            Expected::Rows(_) if too_long => Some(Row::Unreadable),
            Expected::Rows(columns) => {
                let text = decoded(&self.line);
                Some(cells(&text).map_or(Row::Unreadable, |cells| columns.read(&cells)))
            }
        };
        self.line.clear();
        row.into_iter().for_each(tell);
    }
}

fn decoded(line: &[u8]) -> String {
    jis::decode(line, Encoding::Cp932).text
}

/// The cells of a row; `None` when a quotation mark is left open or there are too many.
fn cells(line: &str) -> Option<Vec<String>> {
    let mut cells = Vec::new();
    let mut rest = Some(line.trim_start_matches('\u{FEFF}'));
    while let Some(text) = rest {
        let (cell, after) = match text.trim_start_matches([' ', '\t']).strip_prefix('"') {
            Some(inside) => quoted(inside)?,
            None => match text.split_once(',') {
                Some((cell, after)) => (cell.to_owned(), Some(after)),
                None => (text.to_owned(), None),
            },
        };
        cells.push(cell.trim().to_owned());
        (cells.len() <= COLUMNS_MAX).then_some(())?;
        rest = after;
    }
    Some(cells)
}

/// A cell up to its closing quotation mark, and what follows the comma after it.
fn quoted(inside: &str) -> Option<(String, Option<&str>)> {
    let mut cell = String::new();
    let mut rest = inside;
    loop {
        let (text, after) = rest.split_once('"')?;
        cell.push_str(text);
        match after.strip_prefix('"') {
            Some(after) => {
                cell.push('"');
                rest = after;
            }
            None => {
                let after = after.trim_start();
                let next = after.strip_prefix(',');
                return (next.is_some() || after.is_empty()).then_some((cell, next));
            }
        }
    }
}

/// A time as databases and their tools write it: `2011-12-20 22:44:47.339`, with `/` or `T`, with
/// single digits, with a zone (dropped: a site has one), or as 14 to 20 digits.
pub fn moment(text: &str) -> Option<DateTime> {
    let local = without_zone(text.trim());
    let plain = local
        .bytes()
        .all(|b| b.is_ascii_digit() || b"-/:. T".contains(&b));
    let groups: Vec<&str> = local
        .split(|c: char| !c.is_ascii_digit())
        .filter(|group| !group.is_empty())
        .collect();
    if !plain || local.is_empty() {
        return None;
    }
    match groups.as_slice() {
        [digits] if (14..=20).contains(&digits.len()) => {
            let part = |from: usize, to: usize| digits.get(from..to);
            let date = [part(0, 4)?, part(4, 6)?, part(6, 8)?];
            let time = [part(8, 10)?, part(10, 12)?, part(12, 14)?];
            of_parts(date, time, digits.get(14..))
        }
        [year, month, day] => of_parts([year, month, day], ["0", "0", "0"], None),
        [year, month, day, hour, minute, second] => {
            of_parts([year, month, day], [hour, minute, second], None)
        }
        [year, month, day, hour, minute, second, fraction] => {
            of_parts([year, month, day], [hour, minute, second], Some(fraction))
        }
        _ => None,
    }
}

/// Cuts `Z` or `+09`, `+09:00`, `-0300` off; a date has no `+`, and its `-` come before the time.
fn without_zone(text: &str) -> &str {
    let text = text.strip_suffix(['Z', 'z']).unwrap_or(text).trim_end();
    let time = text.find(':').unwrap_or(text.len());
    let zone = text
        .char_indices()
        .find(|&(at, sign)| sign == '+' || (sign == '-' && at > time))
        .map_or(text.len(), |(at, _)| at);
    text.get(..zone).unwrap_or(text).trim_end()
}

fn of_parts(date: [&str; 3], time: [&str; 3], fraction: Option<&str>) -> Option<DateTime> {
    let small = |text: &str| text.parse::<i8>().ok();
    let [year, month, day] = date;
    let [hour, minute, second] = time;
    let fraction = fraction.unwrap_or_default();
    let nanoseconds: i32 = match fraction.len() {
        0..=9 => format!("{fraction:0<9}").parse().ok()?,
        _ => return None,
    };
    let year: i16 = year.parse().ok().filter(|_| year.len() == 4)?;
    DateTime::new(
        year,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        nanoseconds,
    )
    .ok()
    .filter(|_| (1850..=2200).contains(&year))
}

#[cfg(test)]
mod tests;
