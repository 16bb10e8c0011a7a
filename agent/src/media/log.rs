//! The log of everything that was put in: a line each, added and never changed. A stick stands in
//! it as a reference under a key of the device, never by its serial number.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use media::{Stick, Word};
use ring::hmac;

const LOG: &str = "media.log";
const KEY: &str = "media.key";
const KEY_BYTES: usize = 32;
/// Bytes of a reference, as hexadecimal digits.
const REFERENCE_BYTES: usize = 8;
/// A log of this size is put aside, in the place of the one that was before it: a stick that is
/// put in again and again fills no disk.
const LOG_MOST: u64 = 4 << 20;

/// The log and the key of its references.
pub(crate) struct Log {
    path: PathBuf,
    key: hmac::Key,
}

impl Log {
    /// Opens the log of a folder; the first time, the device draws its key.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join(KEY);
        let bytes = match read_key(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => draw_key(folder)?,
            read => read?,
        };
        Ok(Self {
            path: folder.join(LOG),
            key: hmac::Key::new(hmac::HMAC_SHA256, &bytes),
        })
    }

    /// What a stick is called in the log; zeros for one that says nothing of itself.
    pub(crate) fn reference(&self, stick: Option<&Stick>) -> String {
        let bytes = stick.map(|stick| hmac::sign(&self.key, &stick.to_bytes()));
        let bytes = bytes.as_ref().map_or(&[0; 32][..], AsRef::as_ref);
        let short = bytes.iter().take(REFERENCE_BYTES);
        short.map(|byte| format!("{byte:02x}")).collect()
    }

    /// Adds a line: `SECONDS WORD REFERENCE`. After the return it is on the disk.
    pub(crate) fn note(&mut self, now: i64, word: Word, reference: &str) -> io::Result<()> {
        if fs::metadata(&self.path).is_ok_and(|file| file.len() >= LOG_MOST) {
            fs::rename(&self.path, self.path.with_extension("log.1"))?;
        }
        let mut options = OpenOptions::new();
        let mut file = options
            .append(true)
            .create(true)
            .mode(0o644)
            .open(&self.path)?;
        file.write_all(format!("{now} {word} {reference}\n").as_bytes())?;
        file.sync_all()?;
        File::open(self.path.parent().unwrap_or(Path::new("/")))?.sync_all()
    }
}

fn read_key(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(KEY_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    match bytes.len() == KEY_BYTES {
        true => Ok(bytes),
        false => Err(io::Error::other("the key of references is damaged")),
    }
}

fn draw_key(folder: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; KEY_BYTES];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let new = folder.join("media.key.new");
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&new, folder.join(KEY))?;
    File::open(folder)?.sync_all()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// every insertion is logged, without the number that the stick was bought under.
    #[test]
    fn a_line_is_added_for_each_stick_and_names_it_by_the_devices_own_key() {
        let stick = Stick::new("0951", "1666", "E0D55EA573F4");
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for _ in 0..2 {
            let mut log = Log::open(one.path()).unwrap();
            let reference = log.reference(stick.as_ref());
            log.note(7, Word::Unregistered, &reference).unwrap();
        }
        let text = fs::read_to_string(one.path().join(LOG)).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0], lines[1], "the same stick has the same reference");
        assert!(lines[0].starts_with("7 ignored-unregistered "));
        assert!(!text.contains("E0D5"));
        let elsewhere = Log::open(other.path()).unwrap().reference(stick.as_ref());
        assert!(
            !lines[0].ends_with(&elsewhere),
            "another device, another key"
        );
        let nobody = Log::open(one.path()).unwrap().reference(None);
        assert_eq!(nobody, "0".repeat(16));
    }

    #[test]
    fn a_full_log_is_put_aside_and_a_damaged_key_stops() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(folder.path()).unwrap();
        let file = File::create(folder.path().join(LOG)).unwrap();
        file.set_len(LOG_MOST).unwrap();
        log.note(7, Word::Taken, "ab").unwrap();
        let text = fs::read_to_string(folder.path().join(LOG)).unwrap();
        assert_eq!(text, "7 taken ab\n");
        assert!(folder.path().join("media.log.1").exists());
        fs::write(folder.path().join(KEY), "short").unwrap();
        assert!(Log::open(folder.path()).is_err());
    }
}
