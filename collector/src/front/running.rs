//! Digests of uploads under way, from which the next chunk of each goes on, so that no byte is read
//! back from the disk to be digested again.
//!
//! This is a shortcut and nothing that another front needs: a digest counts only while the staged
//! file is what this process left, and without one the file is read.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use envelope::Sha256;
use record::{BatchId, SiteId};

/// Most uploads of which digests are kept, some hundred bytes each.
const MOST: usize = 16_384;

/// Digests of uploads under way.
#[derive(Default)]
pub(crate) struct Running(Mutex<BTreeMap<(SiteId, BatchId), Kept>>);

/// The digest of what is staged of an upload.
#[derive(Clone)]
pub(crate) struct Reached {
    /// Of the bytes so far.
    pub(crate) digest: Sha256,
    /// Whether the sender said the same of them; what a stop left may be anything.
    pub(crate) confirmed: bool,
}

struct Kept {
    reached: Reached,
    file: Stamp,
}

/// By which a staged file is known to be as it was left: every write by anybody changes the time of
/// its last change, and another file has another number or was made later.
#[derive(PartialEq, Eq)]
struct Stamp {
    device: u64,
    number: u64,
    length: u64,
    changed: (i64, i64),
}

impl From<&Metadata> for Stamp {
    fn from(file: &Metadata) -> Self {
        Self {
            device: file.dev(),
            number: file.ino(),
            length: file.len(),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }
}

impl Running {
    /// Takes out the digest of the file's bytes, if they are as they were left.
    pub(crate) fn take(&self, site: &SiteId, id: BatchId, file: &Metadata) -> Option<Reached> {
        let kept = self.kept().remove(&(site.clone(), id))?;
        (kept.file == Stamp::from(file)).then_some(kept.reached)
    }

    /// Keeps the digest of the bytes of a file that is left like this.
    pub(crate) fn keep(&self, site: &SiteId, id: BatchId, reached: Reached, file: &Metadata) {
        let mut kept = self.kept();
        if kept.len() >= MOST {
            // Whoever still goes on is read once from the disk.
            kept.clear();
        }
        let file = Stamp::from(file);
        kept.insert((site.clone(), id), Kept { reached, file });
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<(SiteId, BatchId), Kept>> {
        // Each insertion and removal leaves the map whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::fs;

    use super::*;

    fn reached(bytes: &[u8]) -> Reached {
        let mut digest = Sha256::new();
        digest.update(bytes);
        Reached {
            digest,
            confirmed: true,
        }
    }

    #[test]
    fn a_digest_counts_once_and_only_while_the_file_is_as_it_was_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("staged");
        let (site, id): (SiteId, _) = ("HOSP-A".parse().unwrap(), BatchId::new([1; 32]));
        let running = Running::default();
        type Change = fn(&std::path::Path);
        let changes: [(&str, Change, bool); 4] = [
            ("none", |_| (), true),
            ("longer", |path| fs::write(path, "abcd").unwrap(), false),
            (
                "another file of the same length",
                |path| {
                    let other = path.with_extension("other");
                    fs::write(&other, "abx").unwrap();
                    fs::rename(other, path).unwrap();
                },
                false,
            ),
            (
                "touched later",
                |path| {
                    let file = fs::File::options().append(true).open(path).unwrap();
                    file.set_modified(std::time::UNIX_EPOCH).unwrap();
                },
                false,
            ),
        ];
        for (change, make, counts) in changes {
            fs::write(&path, "abc").unwrap();
            let left = fs::metadata(&path).unwrap();
            running.keep(&site, id, reached(b"abc"), &left);
            // The clock of files is coarse.
            std::thread::sleep(std::time::Duration::from_millis(20));
            make(&path);
            let file = fs::metadata(&path).unwrap();
            let taken = running.take(&site, id, &file);
            assert_eq!(taken.is_some(), counts, "{change}");
            assert!(running.take(&site, id, &left).is_none(), "{change}");
        }
    }

    #[test]
    fn digests_of_other_sites_and_batches_are_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("staged");
        fs::write(&path, "abc").unwrap();
        let file = fs::metadata(&path).unwrap();
        let [a, b]: [SiteId; 2] = ["HOSP-A", "HOSP-B"].map(|site| site.parse().unwrap());
        let [one, two] = [1, 2].map(|byte| BatchId::new([byte; 32]));
        let running = Running::default();
        running.keep(&a, one, reached(b"abc"), &file);
        assert!(running.take(&b, one, &file).is_none());
        assert!(running.take(&a, two, &file).is_none());
        assert!(running.take(&a, one, &file).is_some());
    }
}
