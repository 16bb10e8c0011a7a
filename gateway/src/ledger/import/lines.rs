//! Lines of a file as events.

use std::path::Path;
use std::str::FromStr;

use config::gateway::Settings;
use config::imports::{Field, Import, What};
use jiff::ToSpan;
use privacy::gate::{Channel, Consent, DocumentVersion, Event, Notice, Scope, Stop, Verification};
use record::{ChartNumber, Date};
use text::individual;

use super::decoded;
use crate::error::{Failure, Problem};
use crate::ledger::lists;

/// Largest file.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// What is wrong with a line. It never holds what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Fewer or more fields than the header.
    Fields,
    /// No number as the storage writes them.
    Chart,
    /// No calendar day.
    Date(Field),
    /// A day that is still to come.
    Future(Field),
    /// A word that is neither the ledger's nor in the map of values.
    Word(Field),
    /// A notice text that the settings do not list.
    Document,
}

impl Fault {
    /// In Japanese and English.
    pub(crate) fn texts(self) -> (String, String) {
        let of = |ja: &str, en: &str, field: Field| {
            let field = field.as_str();
            (format!("{ja}（{field}）"), format!("{en} ({field})"))
        };
        let both = |ja: &str, en: &str| (ja.to_owned(), en.to_owned());
        match self {
            Self::Fields => both("列の数が見出しと違う", "not as many fields as the header"),
            Self::Chart => both("患者番号でない", "no chart number"),
            Self::Date(field) => of("日付でない", "no calendar day", field),
            Self::Future(field) => of("未来の日付", "a day to come", field),
            Self::Word(field) => of("知らない語", "an unknown word", field),
            Self::Document => both("設定にない通知文の版", "a notice text not in the settings"),
        }
    }
}

/// An open file.
pub(super) struct Lines {
    reader: csv::Reader<decoded::Decoded<std::io::Take<std::io::BufReader<std::fs::File>>>>,
    /// The place of each field.
    places: Vec<(Field, usize)>,
    width: usize,
}

impl Lines {
    /// Opens a file and finds its columns.
    ///
    /// # Errors
    /// As [`decoded::open`]; a column is missing or stands there twice.
    pub(super) fn open(path: &Path, import: &Import) -> Result<Self, Failure> {
        let decoded = decoded::open(path, import.encoding, FILE_BYTES_MAX)?;
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .from_reader(decoded);
        let bad = || Failure::new(Problem::ImportColumns, "1");
        let header = reader.headers().map_err(|_| bad())?.clone();
        if header.iter().any(individual::is_named) {
            return Err(Failure::new(Problem::IndividualNumber, "1"));
        }
        let place = |(field, name): (&Field, &String)| {
            let mut found = header.iter().enumerate();
            let found: Vec<_> = found.by_ref().filter(|(_, it)| it.trim() == name).collect();
            match found.as_slice() {
                [(place, _)] => Ok((*field, *place)),
                _ => Err(Failure::new(Problem::ImportColumns, field.as_str())),
            }
        };
        let places = import.columns.iter().map(place).collect::<Result<_, _>>()?;
        Ok(Self {
            width: header.len(),
            places,
            reader,
        })
    }

    /// Hands over every line with its number; fields by their kind, `None` for a line of another
    /// width.
    pub(super) fn each(
        mut self,
        mut take: impl FnMut(u64, Option<&Fields<'_>>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut record = csv::StringRecord::new();
        let mut guard = Guard::of(&self.places);
        loop {
            // The error of the CSV reader is not kept: it may quote the line.
            let more = self.reader.read_record(&mut record);
            if !more.map_err(|_| Failure::new(Problem::ImportFile, ""))? {
                return Ok(());
            }
            let line = record.position().map_or(0, csv::Position::line);
            guard.take(line, &record)?;
            let fields = Fields {
                record: &record,
                places: &self.places,
            };
            take(line, (record.len() == self.width).then_some(&fields))?;
        }
    }
}

/// The guard against individual numbers (B-132): in columns of chart numbers, of which one in ten
/// passes the check digit where they have twelve digits, the column as a whole counts; elsewhere
/// every number (decision 0034).
struct Guard {
    charts: Vec<(usize, individual::Column)>,
}

impl Guard {
    fn of(places: &[(Field, usize)]) -> Self {
        let numbers = places
            .iter()
            .filter(|(field, _)| matches!(field, Field::Chart | Field::Into));
        let charts = numbers.map(|(_, place)| (*place, individual::Column::default()));
        Self {
            charts: charts.collect(),
        }
    }

    fn take(&mut self, line: u64, record: &csv::StringRecord) -> Result<(), Failure> {
        for (place, cell) in record.iter().enumerate() {
            let chart = self.charts.iter_mut().find(|(chart, _)| *chart == place);
            let refused = match chart {
                Some((_, column)) => {
                    column.take(cell);
                    column.is_of_individuals()
                }
                None => individual::finds(cell)
                    .any(|find| find.evidence == individual::Evidence::Strong),
            };
            if refused {
                let line = line.to_string();
                return Err(Failure::new(Problem::IndividualNumber, line));
            }
        }
        Ok(())
    }
}

/// The fields of one line.
pub(super) struct Fields<'l> {
    record: &'l csv::StringRecord,
    places: &'l [(Field, usize)],
}

impl Fields<'_> {
    fn get(&self, field: Field) -> Option<&str> {
        let (_, place) = self.places.iter().find(|(it, _)| *it == field)?;
        self.record.get(*place).map(str::trim)
    }
}

/// How lines become events.
pub(super) struct Reading<'s> {
    import: &'s Import,
    documents: Vec<&'s str>,
    starts_on: Option<Date>,
    today: Date,
}

impl<'s> Reading<'s> {
    /// By the settings, on a day.
    ///
    /// # Errors
    /// Visits are to be read, and nobody is told by policy.
    pub(super) fn new(
        settings: &'s Settings,
        import: &'s Import,
        today: Date,
    ) -> Result<Self, Failure> {
        let policy = settings.notice.policy.as_ref();
        let starts_on = policy.and_then(|policy| policy.starts_on.parse().ok());
        if import.what == What::Visits && starts_on.is_none() {
            return Err(Failure::new(Problem::Settings, "notice.policy"));
        }
        let documents = settings.notice.documents.iter();
        Ok(Self {
            import,
            documents: documents.map(|it| it.version.as_str()).collect(),
            starts_on,
            today,
        })
    }

    /// Whether a line changes nothing: a visit before the notice began (B-002).
    pub(super) fn idle(&self, event: &Event) -> bool {
        match event {
            Event::Visited { on, .. } => self.starts_on.is_none_or(|starts_on| *on < starts_on),
            _ => false,
        }
    }

    /// The event of a line.
    pub(super) fn event(&self, fields: Option<&Fields<'_>>) -> Result<Event, Fault> {
        let fields = fields.ok_or(Fault::Fields)?;
        let chart = self.chart(fields, Field::Chart)?;
        Ok(match self.import.what {
            What::Notices => {
                let notified_on = self.past(fields, Field::Date)?;
                Event::Notified(Notice {
                    chart,
                    notified_on,
                    document: self.document(fields)?,
                    method: self.word(fields, Field::Method)?,
                    sixteen_on: self.sixteen_on(fields, notified_on)?,
                })
            }
            What::Visits => Event::Visited {
                chart,
                on: self.past(fields, Field::Date)?,
            },
            What::Stops => Event::Stopped(Stop {
                chart,
                requested_on: self.past(fields, Field::Date)?,
                requester: self.word(fields, Field::Requester)?,
                channel: self.or(fields, Field::Channel, Channel::Import)?,
                verification: self.or(fields, Field::Verification, Verification::Unverified)?,
                scope: self.or(fields, Field::Scope, Scope::ALL)?,
            }),
            What::Consents => Event::Consented(Consent {
                chart,
                given_on: self.past(fields, Field::Date)?,
                document: self.document(fields)?,
                scope: self.or(fields, Field::Scope, Scope::ALL)?,
            }),
            What::Merges => Event::Merged {
                from: chart,
                into: self.chart(fields, Field::Into)?,
            },
        })
    }

    fn text<'l>(&'l self, fields: &'l Fields<'_>, field: Field) -> &'l str {
        let given = fields.get(field).filter(|text| !text.is_empty());
        let text = given.or_else(|| self.import.constants.get(&field).map(String::as_str));
        let text = text.unwrap_or_default();
        self.import.values.get(text).map_or(text, String::as_str)
    }

    fn chart(&self, fields: &Fields<'_>, field: Field) -> Result<ChartNumber, Fault> {
        lists::chart(fields.get(field).unwrap_or_default()).ok_or(Fault::Chart)
    }

    fn day(&self, fields: &Fields<'_>, field: Field) -> Result<Date, Fault> {
        text::era::parse(self.text(fields, field)).ok_or(Fault::Date(field))
    }

    fn past(&self, fields: &Fields<'_>, field: Field) -> Result<Date, Fault> {
        let day = self.day(fields, field)?;
        let past = day <= self.today;
        past.then_some(day).ok_or(Fault::Future(field))
    }

    fn word<T: FromStr>(&self, fields: &Fields<'_>, field: Field) -> Result<T, Fault> {
        let word = self.text(fields, field).parse();
        word.map_err(|_| Fault::Word(field))
    }

    fn or<T: FromStr>(&self, fields: &Fields<'_>, field: Field, usual: T) -> Result<T, Fault> {
        match self.text(fields, field) {
            "" => Ok(usual),
            text => text.parse().map_err(|_| Fault::Word(field)),
        }
    }

    fn document(&self, fields: &Fields<'_>) -> Result<DocumentVersion, Fault> {
        let text = self.text(fields, Field::Document);
        let listed = self.documents.contains(&text);
        let version = text.parse().ok().filter(|_| listed);
        version.ok_or(Fault::Document)
    }

    /// B-003: the day on which a person who is told earlier turns 16.
    fn sixteen_on(&self, fields: &Fields<'_>, told_on: Date) -> Result<Option<Date>, Fault> {
        if self.text(fields, Field::Birth).is_empty() {
            return Ok(None);
        }
        let birth = self.past(fields, Field::Birth)?;
        let sixteen_on = birth.checked_add(16.years());
        let sixteen_on = sixteen_on.map_err(|_| Fault::Date(Field::Birth))?;
        Ok((told_on < sixteen_on).then_some(sixteen_on))
    }
}
