//! The transfer ledger (A-126, B-084): what was sent when to whom and how that went, one line for
//! each event, chained so that a line that was edited, removed or put in shows. The format, byte by
//! byte, stands in `docs/transfer-ledger.md`; both ends write it.

use std::fmt::Write as _;
use std::str::FromStr;

use envelope::sha256;
use record::BatchId;
use thiserror::Error;

const DOMAIN: &[u8] = b"sekisho transfer ledger v1\0";
/// What stands where there is nothing to say.
const NOTHING: &str = "-";
const FIELDS: usize = 9;
/// Most bytes of a line.
const LINE_MOST: usize = 512;

/// What happened to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Bytes of it are about to leave by the line.
    Sending,
    /// The other end has it, by its receipt.
    Delivered,
    /// A try ended without a receipt.
    Failed,
    /// It was written to a medium.
    Exported,
    /// The centre took it.
    Received,
    /// The centre refused it and set it aside.
    Refused,
}

impl Event {
    const ALL: [Self; 6] = [
        Self::Sending,
        Self::Delivered,
        Self::Failed,
        Self::Exported,
        Self::Received,
        Self::Refused,
    ];

    /// The word in the ledger.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sending => "sending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Exported => "exported",
            Self::Received => "received",
            Self::Refused => "refused",
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When, in seconds since 1970-01-01T00:00:00Z.
    pub at: i64,
    /// What happened.
    pub event: Event,
    /// The batch's place in the site's chain.
    pub sequence: u64,
    /// Its id, the SHA-256 of its bytes.
    pub batch: BatchId,
    /// Its size.
    pub bytes: u64,
    /// `stored`, the stable code of what went wrong, or the seal of a medium; at the centre `-` or
    /// the reason of a refusal. 1 to 40 of `A-Z a-z 0-9 _ -`.
    pub result: String,
    /// SHA-256 of the certificate of the other end, where there was one.
    pub peer: Option<[u8; 32]>,
}

/// How far a ledger goes: what is kept apart from it, so that a cut shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct End {
    /// How many lines.
    pub entries: u64,
    /// The digest of the last; zeros without one.
    pub digest: [u8; 32],
}

/// What is wrong with a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LedgerFault {
    /// This line, counted from 1, is not what was written: it or one before it was edited, removed
    /// or put in.
    #[error("line {0} of the transfer ledger is not what was written there")]
    Line(u64),
    /// It ends before a line that is known to have been there.
    #[error("the transfer ledger ends before line {0}")]
    Cut(u64),
    /// It goes on otherwise than it was known to.
    #[error("line {0} of the transfer ledger is another than is known")]
    Other(u64),
}

impl LedgerFault {
    /// The line, counted from 1.
    pub const fn line(self) -> u64 {
        match self {
            Self::Line(line) | Self::Cut(line) | Self::Other(line) => line,
        }
    }
}

impl End {
    /// The line that continues a ledger, with its line break, and the end that it makes.
    pub fn append(&self, entry: &Entry) -> (String, Self) {
        let entries = self.entries + 1;
        let mut line = entry.fields(entries);
        let digest = chained(&self.digest, line.as_bytes());
        // Writing to a text does not fail.
        let _ = writeln!(line, "\t{}", BatchId::new(digest));
        (line, Self { entries, digest })
    }

    fn check(&self, number: u64) -> Result<(), LedgerFault> {
        match self.entries {
            // What was known has not come yet.
            entries if number < entries => Err(LedgerFault::Cut(entries)),
            _ => Ok(()),
        }
    }
}

impl Entry {
    fn fields(&self, number: u64) -> String {
        let peer = self.peer.map(|peer| BatchId::new(peer).to_string());
        [
            number.to_string(),
            self.at.to_string(),
            self.event.as_str().to_owned(),
            self.sequence.to_string(),
            self.batch.to_string(),
            self.bytes.to_string(),
            self.result.clone(),
            peer.unwrap_or_else(|| NOTHING.to_owned()),
        ]
        .join("\t")
    }

    fn parse(fields: &[&str]) -> Option<Self> {
        let [_, at, event, sequence, batch, bytes, result, peer, _] = fields else {
            return None;
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let result_fits = (1..=40).contains(&result.len()) && result.bytes().all(plain);
        let peer = match *peer {
            NOTHING => None,
            hex => Some(*BatchId::from_str(hex).ok()?.as_bytes()),
        };
        Some(Self {
            at: at.parse().ok()?,
            event: Event::ALL
                .into_iter()
                .find(|known| known.as_str() == *event)?,
            sequence: sequence.parse().ok()?,
            batch: batch.parse().ok()?,
            bytes: bytes.parse().ok()?,
            result: result_fits.then(|| (*result).to_owned())?,
            peer,
        })
    }
}

fn chained(before: &[u8; 32], text: &[u8]) -> [u8; 32] {
    sha256(&[DOMAIN, before, text].concat())
}

/// What was read of a ledger.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Its lines.
    pub entries: Vec<Entry>,
    /// How far it goes.
    pub end: End,
    /// How many bytes that is: what follows is a line that was broken off while it was written.
    pub bytes: usize,
}

/// Reads a whole ledger and checks every line, and that it goes on from what is known of it.
///
/// # Errors
/// A line is not what was written, or is missing.
pub fn read(text: &[u8], known: &End) -> Result<Read, LedgerFault> {
    let read = go_on(text, &End::default(), known)?;
    known.check(read.end.entries)?;
    Ok(read)
}

/// Reads lines that go on from an end, as [`read()`] does.
///
/// # Errors
/// A line is not what was written, or does not follow.
pub fn read_on(text: &[u8], from: &End) -> Result<Read, LedgerFault> {
    go_on(text, from, &End::default())
}

fn go_on(text: &[u8], from: &End, known: &End) -> Result<Read, LedgerFault> {
    let mut read = Read {
        end: *from,
        ..Read::default()
    };
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let number = read.end.entries + 1;
        let Some(whole) = line.strip_suffix(b"\n") else {
            // Only what never counted may be broken off.
            break;
        };
        let (entry, digest) = parsed(whole, &read.end, number).ok_or(LedgerFault::Line(number))?;
        if number == known.entries && digest != known.digest {
            return Err(LedgerFault::Other(number));
        }
        read.entries.push(entry);
        read.end = End {
            entries: number,
            digest,
        };
        read.bytes += line.len();
    }
    Ok(read)
}

fn parsed(line: &[u8], before: &End, number: u64) -> Option<(Entry, [u8; 32])> {
    let line = std::str::from_utf8(line)
        .ok()
        .filter(|line| line.len() <= LINE_MOST)?;
    let (text, digest) = line.rsplit_once('\t')?;
    let digest = *BatchId::from_str(digest).ok()?.as_bytes();
    let fields: Vec<&str> = line.split('\t').collect();
    let entry = Entry::parse(fields.get(..FIELDS).filter(|_| fields.len() == FIELDS)?)?;
    // One way to write each entry: what reads the same is the same.
    let same = entry.fields(number) == text && chained(&before.digest, text.as_bytes()) == digest;
    same.then_some((entry, digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(sequence: u64, event: Event) -> Entry {
        Entry {
            at: 1_800_000_000 + sequence as i64,
            event,
            sequence,
            batch: BatchId::new(sha256(&sequence.to_be_bytes())),
            bytes: 1_000 * sequence,
            result: if event == Event::Delivered {
                "stored"
            } else {
                NOTHING
            }
            .to_owned(),
            peer: (event == Event::Delivered).then(|| sha256(b"front")),
        }
    }

    fn ledger() -> (Vec<String>, End) {
        let mut end = End::default();
        let mut lines = Vec::new();
        for sequence in 1..=10 {
            for event in [Event::Sending, Event::Delivered] {
                let (line, next) = end.append(&entry(sequence, event));
                lines.push(line);
                end = next;
            }
        }
        (lines, end)
    }

    #[test]
    fn what_was_written_is_read_again() {
        let (lines, end) = ledger();
        let text = lines.concat();
        let read = read(text.as_bytes(), &end).unwrap();
        assert_eq!(
            (read.end, read.entries.len(), read.bytes),
            (end, 20, text.len())
        );
        assert_eq!(read.entries[3], entry(2, Event::Delivered));
    }

    /// the first line that is not what it was is named, whatever was done to it.
    #[test]
    fn a_line_that_was_edited_removed_or_put_in_is_found() {
        let (lines, end) = ledger();
        for at in 0..lines.len() {
            let found = |lines: &[String]| read(lines.concat().as_bytes(), &end).unwrap_err();
            let number = at as u64 + 1;
            for (from, to) in [("stored", "G012"), ("\t1", "\t2"), ("\n", "\r\n")] {
                let mut edited = lines.clone();
                edited[at] = edited[at].replacen(from, to, 1);
                if edited[at] != lines[at] {
                    assert_eq!(found(&edited), LedgerFault::Line(number));
                }
            }
            let mut removed = lines.clone();
            removed.remove(at);
            let expected = match at + 1 == lines.len() {
                true => LedgerFault::Cut(20),
                false => LedgerFault::Line(number),
            };
            assert_eq!(found(&removed), expected);
            let mut put_in = lines.clone();
            put_in.insert(at, lines[at].clone());
            assert_eq!(found(&put_in), LedgerFault::Line(number + 1));
            let mut swapped = lines.clone();
            swapped.swap(at, (at + 1) % lines.len());
            assert!(matches!(found(&swapped), LedgerFault::Line(_)));
        }
    }

    /// Whoever forges a whole chain does not know the end that is kept apart.
    #[test]
    fn a_ledger_that_was_written_anew_is_another() {
        let (lines, end) = ledger();
        let mut anew = End::default();
        let mut text = String::new();
        for line in lines.iter().skip(2) {
            let fields: Vec<_> = line.trim_end().split('\t').collect();
            let (line, next) = anew.append(&Entry::parse(&fields).unwrap());
            text.push_str(&line);
            anew = next;
        }
        assert_eq!(read(text.as_bytes(), &end), Err(LedgerFault::Cut(20)));
        for _ in 0..2 {
            let (line, next) = anew.append(&entry(10, Event::Failed));
            text.push_str(&line);
            anew = next;
        }
        assert_eq!(read(text.as_bytes(), &end), Err(LedgerFault::Other(20)));
    }

    #[test]
    fn lines_that_go_on_are_read_from_where_the_others_end() {
        let (lines, end) = ledger();
        let half = read(lines[..10].concat().as_bytes(), &End::default()).unwrap();
        let on = read_on(lines[10..].concat().as_bytes(), &half.end).unwrap();
        assert_eq!((on.end, on.entries.len()), (end, 10));
        for wrong in [&lines[11..], &lines[9..], &lines[..]] {
            let fault = read_on(wrong.concat().as_bytes(), &half.end).unwrap_err();
            assert_eq!(fault, LedgerFault::Line(11));
        }
    }

    #[test]
    fn a_line_that_was_broken_off_never_counted() {
        let (lines, end) = ledger();
        let whole = lines.concat();
        let (next, _) = end.append(&entry(11, Event::Sending));
        for cut in 0..next.len() {
            let text = format!("{whole}{}", next.get(..cut).unwrap());
            let read = read(text.as_bytes(), &end).unwrap();
            assert_eq!((read.end, read.bytes), (end, whole.len()));
        }
    }

    /// The vector of `docs/transfer-ledger.md`.
    #[test]
    fn the_documented_line_is_the_one_that_is_written() {
        let first = Entry {
            at: 1_800_000_000,
            event: Event::Delivered,
            sequence: 1,
            batch: BatchId::new([0x11; 32]),
            bytes: 4_096,
            result: "stored".to_owned(),
            peer: Some([0x22; 32]),
        };
        let page = include_str!("../../../docs/transfer-ledger.md");
        let (line, _) = End::default().append(&first);
        assert!(page.contains(&line.replace('\t', "<TAB>")), "{line}");
    }
}
