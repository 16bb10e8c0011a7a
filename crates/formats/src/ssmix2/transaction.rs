//! The transaction storage: `TR_YYYYMMDDHHMMSSFFF_nnnnn.DAT`, records of one header line and
//! often the message.
//!
//! Only header lines are looked at. A message is skipped, never taken for the document: what counts
//! is the storage. No rule is known for line ends, end marks, the encoding of headers, or commas in
//! the names of extended kinds; all that could be meant are read, and what cannot be read is told,
//! because a change that is not seen is a change that is lost.

use memchr::{memchr2, memmem, memrchr2};
use record::Version;
use text::jis::{self, Encoding};

use super::change::{Change, Texts, is_department};
use super::name::version_of;

/// The longest header line in bytes. The kind is the longest item, with up to 180 characters.
pub const HEADER_BYTES_MAX: usize = 4096;

const MARK: &[u8] = b"#SSMIX";
/// Marker, version, facility, patient, care date, kind, order, action, department, time.
const ITEMS: usize = 10;

/// The name of a transaction file. The order of names is the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TransactionFile {
    /// When the file was begun.
    pub begun: Version,
    /// The number after the time.
    pub number: u64,
}

impl TransactionFile {
    /// Reads a name; `None` for other files.
    pub fn parse(name: &str) -> Option<Self> {
        const ENDING: usize = 4;
        let (stem, ending) = name.split_at_checked(name.len().checked_sub(ENDING)?)?;
        let known = ending.eq_ignore_ascii_case(".DAT");
        let (time, number) = stem.strip_prefix("TR_")?.split_once('_')?;
        let digits = (1..=18).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
        (known && digits).then_some(())?;
        Some(Self {
            begun: version_of(time)?,
            number: number.parse().ok()?,
        })
    }
}

/// What a transaction file holds, record by record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A record.
    Change(Change),
    /// A header line that does not tell whose record it is: only a full scan can find out.
    Unreadable,
}

/// Reads the bytes of a transaction file, in pieces of any size, within constant memory.
pub struct Scanner {
    /// Where the next byte lies in the file.
    offset: u64,
    /// Where the line that has not ended yet begins.
    line: u64,
    /// How much of the marker the last bytes were.
    matched: usize,
    /// The byte before the marker.
    before: u8,
    header: Option<Header>,
}

/// A header line as far as it has been read.
struct Header {
    /// Where the marker lies in the file.
    at: u64,
    bytes: Vec<u8>,
    at_line_start: bool,
}

impl Header {
    /// Whether it was meant as a header; the text of a message may hold the marker too.
    fn meant(&self) -> bool {
        self.at_line_start || self.bytes.get(MARK.len()) == Some(&b',')
    }

    /// Tells the records of the line: more than one where a line end is missing.
    fn records(&self, tell: &mut dyn FnMut(u64, Event)) {
        let mut starts = memmem::find_iter(&self.bytes, MARK).peekable();
        while let Some(start) = starts.next() {
            let end = starts.peek().copied().unwrap_or(self.bytes.len());
            let line = self.bytes.get(start..end).unwrap_or_default();
            let event = match read(line) {
                Event::Change(change) => Event::Change(Change {
                    deviates: change.deviates || start > 0 || !self.at_line_start,
                    ..change
                }),
                Event::Unreadable if start > 0 || self.meant() => Event::Unreadable,
                Event::Unreadable => continue,
            };
            tell(self.at + start as u64, event);
        }
    }
}

/// The byte before a place.
fn last(bytes: &[u8], place: usize) -> Option<u8> {
    place.checked_sub(1).and_then(|at| bytes.get(at)).copied()
}

impl Scanner {
    /// Starts at the beginning of a file, or where an earlier reading said to [`resume`].
    ///
    /// [`resume`]: Self::resume
    pub fn at(offset: u64) -> Self {
        Self {
            offset,
            line: offset,
            matched: 0,
            before: b'\n',
            header: None,
        }
    }

    /// Takes the next bytes and tells what ended in them, with the place in the file where it
    /// begins.
    pub fn push(&mut self, bytes: &[u8], tell: &mut dyn FnMut(u64, Event)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.header.take() {
                Some(header) => self.gather(header, rest, tell),
                None => self.seek(rest, self.offset + (bytes.len() - rest.len()) as u64),
            };
        }
        if let Some(end) = memrchr2(b'\r', b'\n', bytes) {
            self.line = self.offset + end as u64 + 1;
        }
        self.offset += bytes.len() as u64;
    }

    /// Where to read on when the file has grown: nothing before needs to be read again, and a line
    /// that has not ended is read again whole.
    pub fn resume(&self) -> u64 {
        self.line
    }

    /// The file ends here for now. A header line without an end is told when it reads as one; it
    /// is told again when the reading is resumed. False when such a line cannot be read (yet).
    pub fn finish(mut self, tell: &mut dyn FnMut(u64, Event)) -> bool {
        let Some(header) = self.header.take() else {
            return self.matched == 0;
        };
        let event = read(&header.bytes);
        let readable = matches!(event, Event::Change(_));
        if readable {
            tell(header.at, event);
        }
        readable || !header.meant()
    }

    /// Looks for the marker in bytes that begin at a place of the file; the rest follows it.
    fn seek<'b>(&mut self, bytes: &'b [u8], place: u64) -> &'b [u8] {
        if self.matched > 0 {
            return self.seek_on(bytes, place);
        }
        if let Some(at) = memmem::find(bytes, MARK) {
            self.before = last(bytes, at).unwrap_or(self.before);
            self.begin(place + at as u64);
            return bytes.get(at + MARK.len()..).unwrap_or_default();
        }
        self.matched = (1..MARK.len())
            .rev()
            .find(|&length| bytes.ends_with(MARK.get(..length).unwrap_or_default()))
            .unwrap_or(0);
        self.before = last(bytes, bytes.len() - self.matched).unwrap_or(self.before);
        &[]
    }

    /// Goes on with a marker that began in the bytes before. No part of the marker repeats its
    /// beginning, so that after a mismatch nothing of it needs to be looked at again.
    fn seek_on<'b>(&mut self, bytes: &'b [u8], place: u64) -> &'b [u8] {
        let wanted = MARK.get(self.matched..).unwrap_or_default();
        let same = wanted.iter().zip(bytes).take_while(|(a, b)| a == b).count();
        let rest = bytes.get(same..).unwrap_or_default();
        if same == wanted.len() {
            self.begin(place - self.matched as u64);
        } else if rest.is_empty() {
            self.matched += same;
        } else {
            self.before = last(MARK, self.matched + same).unwrap_or_default();
            self.matched = 0;
        }
        rest
    }

    fn begin(&mut self, at: u64) {
        // Framing bytes, a quotation mark or the end of a byte order mark may stand before it.
        let at_line_start = matches!(
            self.before,
            b'\r' | b'\n' | 0x0B | 0x0C | 0x1C | b'"' | 0xBF
        );
        self.matched = 0;
        self.header = Some(Header {
            at,
            bytes: MARK.to_vec(),
            at_line_start,
        });
    }

    /// Gathers a header line up to its end; the rest begins with the end of the line.
    fn gather<'b>(
        &mut self,
        mut header: Header,
        bytes: &'b [u8],
        tell: &mut dyn FnMut(u64, Event),
    ) -> &'b [u8] {
        let end = memchr2(b'\r', b'\n', bytes);
        let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        let room = HEADER_BYTES_MAX.saturating_sub(header.bytes.len());
        let (line, more) = line.split_at(room.min(line.len()));
        header.bytes.extend_from_slice(line);
        if !more.is_empty() {
            // Whatever it is, the end of the line is not near.
            if header.meant() {
                tell(header.at, Event::Unreadable);
            }
            self.before = 0;
            return bytes.get(room..).unwrap_or_default();
        }
        if end.is_none() {
            self.header = Some(header);
            return rest;
        }
        self.before = 0;
        header.records(tell);
        rest
    }
}

/// Reads a header line from the marker on.
fn read(line: &[u8]) -> Event {
    let text = jis::decode(line, Encoding::Iso2022Jp).text;
    let items: Vec<_> = text.split(',').map(plain).collect();
    change(&items).map_or(Event::Unreadable, Event::Change)
}

/// The kind may hold commas; nothing before it can, and nothing after it should.
fn change(items: &[String]) -> Option<Change> {
    if items.len() < ITEMS || items.first()? != "#SSMIX" {
        return None;
    }
    let action = (7..items.len() - 2).rev().find(|&at| {
        let [action, department, time] = [at, at + 1, at + 2].map(|at| items[at].as_str());
        matches!(action, "INS" | "DEL") && is_department(department) && version_of(time).is_some()
    });
    let Some(action) = action else {
        // Whose it is can be told all the same.
        return Change::of(&Texts {
            chart: &items[3],
            care_date: "",
            kind: "",
            order: "",
            action: "",
            version: "",
        })
        .map(|change| Change {
            deviates: true,
            ..change
        });
    };
    let change = Change::of(&Texts {
        chart: &items[3],
        care_date: &items[4],
        kind: &items[5..action - 1].join(","),
        order: &items[action - 1],
        action: &items[action],
        version: &items[action + 2],
    })?;
    Some(Change {
        deviates: change.deviates || action + 3 < items.len(),
        ..change
    })
}

/// An item without blanks and quotation marks around it.
fn plain(item: &str) -> String {
    let item = item.trim();
    let inner = item.strip_prefix('"').unwrap_or(item);
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    inner.trim().replace("\"\"", "\"")
}

#[cfg(test)]
mod tests;
