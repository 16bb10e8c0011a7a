//! Whether the storage has a patient of a number, so that a mistyped one is noticed at the desk.
//!
//! Only whether a folder is there is asked, of the number exactly as it was typed. Nothing is
//! written down or kept, and nobody waits long for a share that hangs. A number of fewer than six
//! characters may lie anywhere on the second level, so that it is looked for in every place, as far
//! as a bounded number of looks reaches.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use record::ChartNumber;

use super::texts::{T, Text};

/// How long the desk waits for the answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);
/// Looks at once, those that hang included. With more there is no answer.
const AT_ONCE: usize = 4;
/// Most places that are looked at for a short number: a storage with so few is that of a clinic,
/// and those have short numbers.
const PLACES_MAX: usize = 10_000;

/// The looks that are going on.
#[derive(Debug, Default)]
pub(super) struct Looks(Arc<()>);

/// What the storages say of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filed {
    /// One of them has the patient.
    There,
    /// All of them answered and none has.
    Nowhere,
    /// One did not answer, or no rule says where it would lie.
    Unknown,
}

impl Filed {
    /// What the desk is told, with the class of its sign.
    pub(super) fn text(self) -> (&'static str, Text) {
        match self {
            Self::There => ("state-good", T.filed_there),
            Self::Nowhere => ("state-wait", T.filed_nowhere),
            Self::Unknown => ("state-wait", T.filed_unknown),
        }
    }
}

impl Looks {
    /// Asks the storages, on a thread of its own.
    pub(super) fn look(&self, roots: Vec<PathBuf>, chart: &ChartNumber) -> Filed {
        // Counted as long as anybody holds it: until the look has ended, however it ends.
        let mine = Arc::clone(&self.0);
        if Arc::strong_count(&mine) > AT_ONCE + 1 {
            return Filed::Unknown;
        }
        let (tell, told) = sync_channel(1);
        let chart = chart.clone();
        let look = move || {
            let found = filed(&roots, &chart);
            drop(mine);
            // Nobody listens any more when it took too long.
            let _ = tell.send(found);
        };
        match thread::Builder::new().spawn(look) {
            Ok(_) => told.recv_timeout(ANSWERS_WITHIN).unwrap_or(Filed::Unknown),
            Err(_) => Filed::Unknown,
        }
    }
}

fn filed(roots: &[PathBuf], chart: &ChartNumber) -> Filed {
    let mut all = true;
    for root in roots {
        let found = match place(root, chart) {
            Some(place) => is_there(&place),
            None => is_anywhere(root, chart),
        };
        match found {
            Some(true) => return Filed::There,
            // An empty place that a share is not mounted on has no patient either.
            Some(false) => {
                let shown = fs::read_dir(root).map(|mut entries| entries.next().is_some());
                all &= shown.unwrap_or(false);
            }
            None => all = false,
        }
    }
    match all && !roots.is_empty() {
        true => Filed::Nowhere,
        false => Filed::Unknown,
    }
}

/// Whether a patient's folder is there; `None` when that cannot be said.
fn is_there(place: &Path) -> Option<bool> {
    match fs::symlink_metadata(place) {
        Ok(found) => found.is_dir().then_some(true),
        Err(error) => (error.kind() == std::io::ErrorKind::NotFound).then_some(false),
    }
}

/// Whether a number lies under any folder of the second level; `None` when there are too many, or
/// one cannot be read.
fn is_anywhere(root: &Path, chart: &ChartNumber) -> Option<bool> {
    let mut looks = 0;
    for first in folders(root)? {
        for second in folders(&first)? {
            looks += 1;
            if looks > PLACES_MAX {
                return None;
            }
            if is_there(&second.join(chart.expose()))? {
                return Some(true);
            }
        }
    }
    Some(false)
}

/// The folders in one; links are not followed.
fn folders(of: &Path) -> Option<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(of).ok()?.take(PLACES_MAX + 1) {
        let entry = entry.ok()?;
        if entry.file_type().ok()?.is_dir() {
            found.push(entry.path());
        }
    }
    (found.len() <= PLACES_MAX).then_some(found)
}

/// Where a storage files a number: two levels by its first six characters. For shorter ones there
/// is no rule that all systems follow.
fn place(root: &Path, chart: &ChartNumber) -> Option<PathBuf> {
    let chart = chart.expose();
    let (first, second) = (chart.get(..3)?, chart.get(3..6)?);
    Some(root.join(first).join(second).join(chart))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_where_storages_file_it_and_a_silent_share_is_no_answer() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two, empty] = ["one", "two", "empty"].map(|name| folder.path().join(name));
        for path in [
            &one.join("001/234/0012345"),
            &two.join("009/999/0099999"),
            &two.join("077/000/77"),
            &empty,
        ] {
            fs::create_dir_all(path).unwrap();
        }
        for file in ["009/999/0099998", "077/000/8"] {
            fs::write(two.join(file), "").unwrap();
        }
        let missing = folder.path().join("missing");
        let both = vec![one.clone(), two];
        for (roots, chart, answer) in [
            (&both, "0012345", Filed::There),
            (&both, "0099999", Filed::There),
            (&both, "0012346", Filed::Nowhere),
            (&both, "12345", Filed::Nowhere),
            (&both, "77", Filed::There),
            (&both, "7", Filed::Nowhere),
            (&both, "8", Filed::Unknown),
            (&both, "0099998", Filed::Unknown),
            (&vec![one.clone(), empty], "0012346", Filed::Unknown),
            (&vec![missing, one], "0012345", Filed::There),
            (&Vec::new(), "0012345", Filed::Unknown),
        ] {
            let chart = ChartNumber::new(chart).unwrap();
            assert_eq!(Looks::default().look(roots.clone(), &chart), answer);
        }
        let crowded = folder.path().join("crowded");
        for second in 0..=PLACES_MAX / 100 {
            fs::create_dir_all(crowded.join(format!("{second:03}"))).unwrap();
        }
        for second in 0..100 {
            for first in 0..=PLACES_MAX / 100 {
                fs::create_dir(crowded.join(format!("{first:03}/{second:03}"))).unwrap();
            }
        }
        let short = ChartNumber::new("12").unwrap();
        assert_eq!(is_anywhere(&crowded, &short), None, "too many places");
        let busy = Looks::default();
        let looks: Vec<_> = (0..AT_ONCE).map(|_| Arc::clone(&busy.0)).collect();
        let chart = ChartNumber::new("0012345").unwrap();
        assert_eq!(busy.look(both.clone(), &chart), Filed::Unknown);
        drop(looks);
        assert_eq!(busy.look(both, &chart), Filed::There);
    }
}
