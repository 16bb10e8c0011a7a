//! `history.cbor`: samples of the last seven days, so that a restart loses ten minutes at most; and
//! how often the device was started.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;
use std::time::SystemTime;

use health::{History, SLOTS, Sample};

use crate::files::replace;

const HISTORY: &str = "history.cbor";
const STARTS: &str = "starts";
/// In a folder that is empty after each start of the device.
const COUNTED: &str = "counted";
/// More than seven days of samples take.
const MOST_BYTES: u64 = 1 << 20;

/// What was kept; nothing of a file that is not whole.
pub fn read(folder: &Path) -> History {
    History::of(samples(folder))
}

/// The same as it stands in the file, oldest first.
pub fn samples(folder: &Path) -> Vec<Sample> {
    let samples = File::open(folder.join(HISTORY)).ok().and_then(|file| {
        let mut bytes = Vec::new();
        file.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
        serde_cbor::from_slice::<Vec<Sample>>(&bytes).ok()
    });
    let samples = samples.filter(|samples| samples.len() <= SLOTS);
    samples.unwrap_or_default()
}

/// When the file was last replaced.
pub fn replaced_at(folder: &Path) -> Option<SystemTime> {
    fs::metadata(folder.join(HISTORY)).ok()?.modified().ok()
}

/// Keeps the samples.
///
/// # Errors
/// The file cannot be written; the one before stays.
pub fn write(folder: &Path, history: &History) -> io::Result<()> {
    let samples: Vec<&Sample> = history.samples().collect();
    let bytes = serde_cbor::to_vec(&samples).map_err(io::Error::other)?;
    replace(folder, HISTORY, &bytes)
}

/// How often the device was started. `since_start` is a folder that is empty after each start;
/// without one, starts are not counted.
///
/// # Errors
/// The count cannot be written.
pub fn starts(folder: &Path, since_start: Option<&Path>) -> io::Result<u32> {
    let known = fs::read_to_string(folder.join(STARTS)).unwrap_or_default();
    let known: u32 = known.trim().parse().unwrap_or(0);
    let Some(mark) = since_start.map(|folder| folder.join(COUNTED)) else {
        return Ok(known);
    };
    if mark.exists() {
        return Ok(known);
    }
    let now = known.saturating_add(1);
    replace(folder, STARTS, format!("{now}\n").as_bytes())?;
    match fs::write(mark, b"") {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(now),
    }
}

#[cfg(test)]
mod tests {
    use health::Amount;

    use super::*;

    fn sample(at: i64) -> Sample {
        let amount = Amount { total: 4, free: 2 };
        Sample {
            at,
            uptime: 1,
            starts: 1,
            version: [0, 1, 0],
            load: 1,
            memory: amount,
            disk: amount,
            temperature: None,
            wear: Some(10),
            line: Some(true),
            gateway: None,
        }
    }

    #[test]
    fn what_was_kept_is_there_after_a_restart_and_half_a_file_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).samples().count(), 0);
        let mut history = History::new();
        for slot in 0..2_000 {
            history.push(sample(slot * 600));
        }
        write(folder.path(), &history).unwrap();
        let kept = read(folder.path());
        assert!(kept.samples().eq(history.samples()));
        let path = folder.path().join(HISTORY);
        let bytes = fs::read(&path).unwrap();
        for part in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            fs::write(&path, &bytes[..part]).unwrap();
            assert_eq!(read(folder.path()).samples().count(), 0, "{part}");
        }
    }

    /// P-05: every start of the device counts once, however often the program starts.
    #[test]
    fn each_start_of_the_device_is_counted_once() {
        let folder = tempfile::tempdir().unwrap();
        let starts = |since: Option<&Path>| starts(folder.path(), since).unwrap();
        assert_eq!(starts(None), 0);
        for start in 1..=3 {
            let since = tempfile::tempdir().unwrap();
            assert_eq!(starts(Some(since.path())), start);
            assert_eq!(starts(Some(since.path())), start);
        }
        assert_eq!(starts(None), 3);
    }
}
