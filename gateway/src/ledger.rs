//! The site's notice ledger and stop list, read from CSV. One bad line stops the run: a line that
//! cannot be read could be somebody's no.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::str::FromStr;

use config::consent;
use envelope::Sha256;
use privacy::gate::Verification;
use privacy::gate::{
    Channel, Contract, DocumentVersion, Event, Filing, Gate, HoldDays, LedgerHead,
};
use privacy::gate::{Notice, NoticeDocument, NoticeMethod, Requester, Scope, Stop, Terms};
use record::{ChartNumber, Date, Sensitive};

use crate::error::{Failure, Problem};

/// Largest ledger file: about 100 million lines would be needed to reach it. A larger one is
/// refused.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// Builds the gate from the settings and the two files as they are now.
///
/// # Errors
/// A file is missing or has a line that cannot be read; a section of the settings is malformed.
pub(crate) fn gate(
    settings: &config::gateway::Settings,
    today: Date,
) -> Result<(Gate, StopsMet), Failure> {
    let (notices, notice_digest) = read(&settings.ledger.notices, NOTICE_COLUMNS, notice)?;
    let (stops, stop_digest) = read(&settings.ledger.stops, STOP_COLUMNS, stop)?;
    let terms = terms(settings)?;
    let met = StopsMet {
        waiting: stops.iter().map(|stop| any_spelling(&stop.chart)).collect(),
    };
    let mut digest = Sha256::new();
    digest.update(&notice_digest);
    digest.update(&stop_digest);
    let head = LedgerHead {
        digest: digest.finish(),
        entries: (notices.len() + stops.len()) as u64,
    };
    let notices = notices.into_iter().map(Event::Notified);
    let standing = notices
        .chain(stops.into_iter().map(Event::Stopped))
        .collect();
    Ok((Gate::new(terms, standing, head, today), met))
}

/// Which stops of the list have met their patient in the storage. One that meets nobody may be
/// mistyped, and then the person who said no is let through: the run tells.
pub(crate) struct StopsMet {
    waiting: BTreeSet<Sensitive>,
}

impl StopsMet {
    /// An empty list.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self {
            waiting: BTreeSet::new(),
        }
    }

    /// A patient was seen in the storage.
    pub(crate) fn met(&mut self, chart: &ChartNumber) {
        self.waiting.remove(&any_spelling(chart));
    }

    /// How many stops have met nobody.
    pub(crate) fn unmet(&self) -> u64 {
        self.waiting.len() as u64
    }
}

/// Stops are matched as the gate matches them: whatever the spelling of the number.
fn any_spelling(chart: &ChartNumber) -> Sensitive {
    let folded = text::fold::insured(chart.expose());
    Sensitive::new(folded.unwrap_or_else(|| chart.expose().to_owned()))
}

const NOTICE_COLUMNS: &[&str] = &["patient_id", "notified_on", "document_version", "method"];
const STOP_COLUMNS: &[&str] = &["patient_id", "requested_on", "requester"];

/// What the settings say to the gate.
fn terms(settings: &config::gateway::Settings) -> Result<Terms, Failure> {
    let notice = &settings.notice;
    Ok(Terms {
        contracts: settings
            .contracts
            .iter()
            .map(contract)
            .collect::<Result<_, _>>()?,
        documents: notice
            .documents
            .iter()
            .map(document)
            .collect::<Result<_, _>>()?,
        policy: None,
        mode: word("notice.mode", &notice.mode)?,
    })
}

fn contract(section: &consent::Contract) -> Result<Contract, Failure> {
    let reference = section
        .filing_reference
        .as_ref()
        .zip(section.filed_on.as_ref());
    let filing = match reference {
        None => None,
        Some((reference, filed_on)) => Some(Filing {
            reference: word("contracts.filing_reference", reference)?,
            filed_on: day("contracts.filed_on", filed_on)?,
            revoked_on: some_day("contracts.revoked_on", section.revoked_on.as_deref())?,
        }),
    };
    Ok(Contract {
        id: word("contracts.id", &section.id)?,
        kind: word("contracts.kind", &section.kind)?,
        filing,
        products: word("contracts.products", &section.products.join("+"))?,
        effective_from: day("contracts.effective_from", &section.effective_from)?,
        leaves_on: some_day("contracts.leaves_on", section.leaves_on.as_deref())?,
        hold_days: HoldDays::new(section.hold_days)
            .map_err(|_| malformed("contracts.hold_days"))?,
    })
}

fn document(section: &consent::NoticeDocument) -> Result<NoticeDocument, Failure> {
    Ok(NoticeDocument {
        version: word("notice.documents.version", &section.version)?,
        published_on: day("notice.documents.published_on", &section.published_on)?,
        products: word("notice.documents.products", &section.products.join("+"))?,
        reopens: section.reopens,
    })
}

fn malformed(key: &str) -> Failure {
    Failure::new(Problem::Settings, key.to_owned())
}

fn word<T: FromStr>(key: &str, text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| malformed(key))
}

fn day(key: &'static str, text: &str) -> Result<Date, Failure> {
    consent::date(key, text).map_err(|error| Failure::because(Problem::Settings, key, error))
}

fn some_day(key: &'static str, text: Option<&str>) -> Result<Option<Date>, Failure> {
    text.map(|text| day(key, text)).transpose()
}

/// A chart number as a ledger may write it. Blanks and full-width digits would silently match
/// nobody, and a stop that matches nobody lets its person through.
fn chart(text: &str) -> Option<ChartNumber> {
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

/// Rows of one file and the SHA-256 of its bytes, both from a single reading.
fn read<T>(
    path: &Path,
    columns: &[&str],
    parse: fn(&csv::StringRecord) -> Option<T>,
) -> Result<(Vec<T>, [u8; 32]), Failure> {
    let name = path.display().to_string();
    let file =
        File::open(path).map_err(|error| Failure::because(Problem::LedgerMissing, &name, error))?;
    let before = stamp(file.metadata());
    let mut digested = Digested {
        inner: file.take(FILE_BYTES_MAX),
        bytes: 0,
        digest: Sha256::new(),
    };
    let mut rows = Vec::new();
    let malformed = |line: u64| Failure::new(Problem::LedgerMalformed, format!("{name}: {line}"));
    {
        let mut reader = csv::ReaderBuilder::new()
            .flexible(false)
            .from_reader(&mut digested);
        let header = reader.headers().map_err(|_| malformed(1))?;
        let names = header
            .iter()
            .map(|column| column.trim_start_matches('\u{feff}').trim());
        if !names.eq(columns.iter().copied()) {
            return Err(malformed(1));
        }
        // The error of the CSV reader is not kept: it may quote the line.
        for row in reader.records() {
            let line = rows.len() as u64 + 2;
            let row = row.map_err(|_| malformed(line))?;
            rows.push(parse(&row).ok_or_else(|| malformed(line))?);
        }
    }
    std::io::copy(&mut digested, &mut std::io::sink())
        .map_err(|error| Failure::because(Problem::LedgerMissing, &name, error))?;
    // A list that was read while somebody wrote it, or not to its end, may lack somebody's no.
    if before.is_none() || before != stamp(fs::metadata(path)) {
        let detail = format!("{name}: changed while it was read");
        return Err(Failure::new(Problem::LedgerMalformed, detail));
    }
    if before.is_some_and(|[bytes, ..]| bytes != i128::from(digested.bytes)) {
        let detail = format!("{name}: more than {FILE_BYTES_MAX} bytes");
        return Err(Failure::new(Problem::LedgerMalformed, detail));
    }
    Ok((rows, digested.digest.finish()))
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

struct Digested<R> {
    inner: R,
    bytes: u64,
    digest: Sha256,
}

impl<R: Read> Read for Digested<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.bytes += length as u64;
        if let Some(read) = buffer.get(..length) {
            self.digest.update(read);
        }
        Ok(length)
    }
}

/// What tests of several modules start from.
#[cfg(test)]
pub(crate) mod fixture {
    use privacy::gate::{ContractKind, Products};

    use super::*;

    /// A gate that lets these persons pass unless one of these numbers, which are stopped, is
    /// theirs.
    pub(crate) fn gate(charts: &[ChartNumber], stopped: &[ChartNumber], today: Date) -> Gate {
        let day = jiff::civil::date(2026, 1, 1);
        let contract = Contract {
            id: "C-1".parse().unwrap(),
            kind: ContractKind::Individual,
            filing: Some(Filing {
                reference: "F-1".parse().unwrap(),
                filed_on: day,
                revoked_on: None,
            }),
            products: Products::ALL,
            effective_from: day,
            leaves_on: None,
            hold_days: HoldDays::SHORTEST,
        };
        let text = NoticeDocument {
            version: "v1".parse().unwrap(),
            published_on: day,
            products: Products::ALL,
            reopens: false,
        };
        let told = charts.iter().map(|chart| {
            Event::Notified(Notice {
                chart: chart.clone(),
                notified_on: day,
                document: text.version.clone(),
                method: NoticeMethod::Handed,
                sixteen_on: None,
            })
        });
        let stops = stopped.iter().map(|chart| {
            Event::Stopped(Stop {
                chart: chart.clone(),
                requested_on: day,
                requester: Requester::Own,
                channel: Channel::Desk,
                verification: Verification::Known,
                scope: Scope::ALL,
            })
        });
        let standing = told.chain(stops).collect();
        let head = LedgerHead {
            digest: [0; 32],
            entries: 1,
        };
        Gate::new(Terms::of(contract, text), standing, head, today)
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
        let rows = read(&path, NOTICE_COLUMNS, notice);
        rows.map(|(rows, _)| rows.len()).map_err(|failure| {
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
        let problem = |read: Result<(Vec<Stop>, _), Failure>| read.err().map(|f| f.problem());
        let changed = problem(read(&path, STOP_COLUMNS, appending));
        assert_eq!(changed, Some(Problem::LedgerMalformed));
        fs::write(&path, list).unwrap();
        assert_eq!(problem(read(&path, STOP_COLUMNS, stop)), None);
    }

    #[test]
    fn a_missing_ledger_is_named_plainly() {
        let missing = read(Path::new("/nonexistent/stops.csv"), STOP_COLUMNS, stop);
        assert_eq!(
            missing.err().map(|f| f.problem()),
            Some(Problem::LedgerMissing)
        );
    }
}
