//! The log of openings: one line of JSON each, chained by SHA-256. A line that was changed, taken
//! out or put in ends the program. A log that was cut at its end looks whole: so its end is printed
//! at each opening, for the minutes of the two who opened.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use envelope::sha256;
use record::BatchId;
use serde::{Deserialize, Serialize};

use super::failure::{Failure, Problem};

/// One step of an opening. No person stands in it but by the site's reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// When, in seconds since 1970.
    pub(super) at: i64,
    /// What for, as the two stated it.
    pub(super) purpose: String,
    /// Whose envelope, `SITE:REFERENCE`.
    pub(super) subject: String,
    /// The numbers of the two holders.
    pub(super) holders: [u8; 2],
    /// The id of the vault's key.
    pub(super) vault_key: String,
    /// SHA-256 of the envelope.
    pub(super) envelope: String,
    /// How far it came.
    pub(super) outcome: Outcome,
}

/// How far an opening came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It is about to happen.
    Opening,
    /// The person was shown.
    Opened,
    /// The envelope did not open.
    Refused,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// SHA-256 of the line before; of nothing, for the first.
    previous: String,
    entry: Entry,
}

/// A log that was found whole.
pub(super) struct Log {
    path: PathBuf,
    entries: u64,
    last: [u8; 32],
}

impl Log {
    /// Reads and checks a log; one that is not there is empty.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Failure::because(Problem::Log, path.display(), error)),
        };
        let mut log = Self {
            path: path.to_owned(),
            entries: 0,
            last: sha256(b""),
        };
        let broken = |entries| Failure::new(Problem::Log, format!("{}: {entries}", path.display()));
        if !text.is_empty() && text.last() != Some(&b'\n') {
            return Err(broken(log.entries));
        }
        for bytes in text.split_inclusive(|byte| *byte == b'\n') {
            let line: Option<Line> = serde_json::from_slice(bytes).ok();
            let line = line.filter(|line| line.previous == hex(log.last));
            line.ok_or_else(|| broken(log.entries + 1))?;
            log.last = sha256(bytes);
            log.entries += 1;
        }
        Ok(log)
    }

    /// Adds an entry, durably.
    pub(super) fn add(&mut self, entry: &Entry) -> Result<(), Failure> {
        let failed = |error: io::Error| Failure::because(Problem::Log, self.path.display(), error);
        let line = Line {
            previous: hex(self.last),
            entry: entry.clone(),
        };
        let mut bytes = serde_json::to_vec(&line).map_err(|error| failed(error.into()))?;
        bytes.push(b'\n');
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.path);
        let folder = self.path.parent().filter(|it| !it.as_os_str().is_empty());
        file.and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        })
        .map_err(failed)?;
        self.last = sha256(&bytes);
        self.entries += 1;
        Ok(())
    }

    /// Number of entries and digest of the last one.
    pub(super) fn end(&self) -> String {
        format!("{} {}", self.entries, hex(self.last))
    }
}

fn hex(digest: [u8; 32]) -> String {
    BatchId::new(digest).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: i64) -> Entry {
        Entry {
            at,
            purpose: "副作用の調査 2026-3".to_owned(),
            subject: format!("HOSP-A:{}", "0".repeat(32)),
            holders: [1, 3],
            vault_key: "00".to_owned(),
            envelope: "00".to_owned(),
            outcome: Outcome::Opening,
        }
    }

    #[test]
    fn a_log_that_was_changed_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        for at in 0..4 {
            Log::open(&path).unwrap().add(&entry(at)).unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(Log::open(&path).unwrap().end().starts_with("4 "));
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        for changed in [
            text.replace("\"at\":1", "\"at\":7"),
            lines[1..].concat(),
            [lines[0], lines[2], lines[3]].concat(),
            [lines[0], lines[1], lines[1], lines[2], lines[3]].concat(),
            text.trim_end().to_owned(),
            format!("{text}{{}}\n"),
        ] {
            fs::write(&path, changed).unwrap();
            assert!(Log::open(&path).is_err());
        }
    }
}
