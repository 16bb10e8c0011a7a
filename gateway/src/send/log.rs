//! The transfer ledger of the device: `transfers.log` in the state folder. Its format and its chain
//! stand in [`transfer::ledger`].
//!
//! A line is durable before what it tells goes on, and before the known end moves. A run that is
//! killed in between leaves a ledger that goes further than is known, which is as it should be.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use envelope::{LEDGER_LINES_MAX, LedgerEnd};
use record::BatchId;
use transfer::ledger::{End, Entry, Event, read};

use crate::clock;
use crate::error::{Failure, Problem};
use crate::spool::sync_folder;
use crate::state::State;

const FILE: &str = "transfers.log";

/// The open ledger.
pub(crate) struct TransferLog {
    file: File,
    end: End,
}

impl TransferLog {
    /// Opens the ledger and checks all of it.
    ///
    /// # Errors
    /// It is not as it was written, or cannot be read or written.
    pub(crate) fn open(folder: &Path, state: &State) -> Result<Self, Failure> {
        let path = folder.join(FILE);
        let storing = |error| Failure::storing(FILE, error);
        let new = !path.exists();
        let opened = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path);
        let mut file = opened.map_err(storing)?;
        if new {
            sync_folder(folder).map_err(storing)?;
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(storing)?;
        let found = read(&text, &state.transfers_end()?).map_err(broken)?;
        if found.bytes < text.len() {
            // The line that a power cut broke off.
            file.set_len(found.bytes as u64).map_err(storing)?;
            file.sync_all().map_err(storing)?;
        }
        let end = found.end;
        Ok(Self { file, end })
    }

    /// Writes down what happened to a batch.
    ///
    /// # Errors
    /// It cannot be written: then what it is about must not go on.
    pub(crate) fn note(
        &mut self,
        state: &State,
        event: Event,
        batch: &transfer::Batch,
        result: &str,
        peer: Option<[u8; 32]>,
    ) -> Result<(), Failure> {
        let entry = Entry {
            at: clock::unchecked(),
            event,
            sequence: batch.sequence,
            batch: batch.id,
            bytes: batch.bytes,
            result: result.to_owned(),
            peer,
        };
        let (line, end) = self.end.append(&entry);
        let written = self.file.write_all(line.as_bytes());
        let written = written.and_then(|()| self.file.sync_data());
        written.map_err(|error| Failure::storing(FILE, error))?;
        self.end = end;
        state.transfers_reach(&end)
    }
}

/// Checks the ledger and tells how far it goes.
///
/// # Errors
/// It is not as it was written, or cannot be read.
pub(crate) fn verify(folder: &Path, state: &State) -> Result<End, Failure> {
    let text = match std::fs::read(folder.join(FILE)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        text => text.map_err(|error| Failure::storing(FILE, error))?,
    };
    Ok(read(&text, &state.transfers_end()?).map_err(broken)?.end)
}

/// A batch tells again what as many before it told: as many in a row may be lost, and the centre
/// still learns every line.
const TOLD_AGAIN: u64 = 9;

/// What the next batch tells of the ledger: its lines from where an earlier batch ended, as far as
/// they have room. A ledger that was changed has no lines to tell, and the centre notices that they
/// are missing; that ends no sealing, only the sending.
///
/// # Errors
/// It cannot be read.
pub(crate) fn told(folder: &Path, state: &State) -> Result<Option<LedgerEnd>, Failure> {
    let known = state.transfers_end()?;
    if known.entries == 0 {
        return Ok(None);
    }
    let text = match std::fs::read(folder.join(FILE)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        text => text.map_err(|error| Failure::storing(FILE, error))?,
    };
    let from = |before| Some((before, since(&text, before, &known)?));
    let again = from(state.transfers_told(TOLD_AGAIN)?);
    let told = match again {
        // So many that nothing new might find room.
        Some((_, lines)) if lines.len() > LEDGER_LINES_MAX / 2 => from(state.transfers_told(0)?),
        again => again,
    };
    let Some((before, lines)) = told.filter(|(_, lines)| !lines.is_empty()) else {
        return Ok(Some(LedgerEnd {
            entries: known.entries,
            digest: known.digest,
            lines: String::new(),
        }));
    };
    let last = lines.trim_end().rsplit('\t').next().unwrap_or_default();
    let digest: BatchId = last
        .parse()
        .map_err(|error| Failure::because(Problem::TransferLog, FILE, error))?;
    Ok(Some(LedgerEnd {
        entries: before + lines.lines().count() as u64,
        digest: *digest.as_bytes(),
        lines,
    }))
}

/// The lines after so many, as far as they may be told at once; `None` if the ledger was changed.
fn since(text: &[u8], before: u64, known: &End) -> Option<String> {
    let whole = read(text, known).ok()?;
    let text = std::str::from_utf8(text.get(..whole.bytes)?).ok()?;
    let after = text
        .split_inclusive('\n')
        .skip(usize::try_from(before).ok()?);
    let mut lines = String::new();
    for line in after {
        if lines.len() + line.len() > LEDGER_LINES_MAX {
            break;
        }
        lines.push_str(line);
    }
    Some(lines)
}

fn broken(fault: transfer::ledger::LedgerFault) -> Failure {
    Failure::because(Problem::TransferLog, FILE, fault)
}

#[cfg(test)]
mod tests {
    use envelope::sha256;

    use super::*;

    fn batch(sequence: u64) -> transfer::Batch {
        transfer::Batch {
            sequence,
            id: BatchId::new(sha256(&sequence.to_be_bytes())),
            bytes: 10,
        }
    }

    /// what was broken off by a power cut is cut away, what was changed ends the run.
    #[test]
    fn the_ledger_survives_a_power_cut_and_shows_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(&folder.path().join("state.sqlite")).unwrap();
        let path = folder.path().join(FILE);
        let open = || TransferLog::open(folder.path(), &state);
        for sequence in 1..=3 {
            let mut log = open().unwrap();
            log.note(&state, Event::Sending, &batch(sequence), "-", Some([7; 32]))
                .unwrap();
            // The power goes within the next line.
            let half = std::fs::read(&path).unwrap();
            std::fs::write(&path, [&half, &half[..50]].concat()).unwrap();
        }
        assert_eq!(open().unwrap().end.entries, 3);
        assert_eq!(verify(folder.path(), &state).unwrap().entries, 3);

        // Killed between the line and the known end.
        let known = state.transfers_end().unwrap();
        open()
            .unwrap()
            .note(&state, Event::Delivered, &batch(3), "stored", None)
            .unwrap();
        state.transfers_reach(&known).unwrap();
        assert_eq!(open().unwrap().end.entries, 4);

        let whole = std::fs::read_to_string(&path).unwrap();
        let told = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let failed = verify(folder.path(), &state).err();
            failed.map(|failure| failure.problem())
        };
        assert_eq!(told(&whole), None);
        assert_eq!(
            told(&whole.replacen("\t10\t", "\t11\t", 1)),
            Some(Problem::TransferLog)
        );
        let first_two: String = whole.split_inclusive('\n').take(2).collect();
        assert_eq!(told(&first_two), Some(Problem::TransferLog));
        assert_eq!(told(""), Some(Problem::TransferLog));
    }

    /// every batch tells the lines that the one before it did not, and a ledger that was
    /// changed has none to tell.
    #[test]
    fn each_batch_tells_what_the_one_before_did_not() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(&folder.path().join("state.sqlite")).unwrap();
        assert_eq!(told(folder.path(), &state).unwrap(), None);
        let mut log = TransferLog::open(folder.path(), &state).unwrap();
        let most = LEDGER_LINES_MAX as u64 / 100;
        for sequence in 1..=most {
            log.note(&state, Event::Delivered, &batch(sequence), "stored", None)
                .unwrap();
        }
        let text = std::fs::read(folder.path().join(FILE)).unwrap();
        let known = state.transfers_end().unwrap();
        let (mut before, mut parts, mut all) = (0, 0, String::new());
        while before < most {
            let lines = since(&text, before, &known).unwrap();
            assert!((1..=LEDGER_LINES_MAX).contains(&lines.len()));
            before += lines.lines().count() as u64;
            parts += 1;
            all.push_str(&lines);
        }
        assert!(parts > 1 && all.as_bytes() == text, "{parts}");
        assert_eq!(since(&text, most, &known).as_deref(), Some(""));
        let changed = String::from_utf8(text)
            .unwrap()
            .replacen("stored", "G012", 1);
        assert_eq!(since(changed.as_bytes(), 0, &known), None);
        std::fs::write(folder.path().join(FILE), changed).unwrap();
        let end = told(folder.path(), &state).unwrap().unwrap();
        assert_eq!((end.entries, end.lines.as_str()), (most, ""));
    }
}
