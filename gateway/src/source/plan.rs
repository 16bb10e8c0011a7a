//! Whom a run visits.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use record::{ChartNumber, Drops};

use super::walk::PatientFolder;

/// Below this length no rule is known that leads from a chart number to its folders.
const SHORTEST_PLACED: usize = 6;

/// Whom a run visits.
///
/// [`Plan::Only`] finds changes of those patients and of nobody else. Whoever was withheld or must
/// be tried again has no fingerprint in the state, and has to be named by whoever makes the list.
#[derive(Debug, Clone)]
pub(crate) enum Plan {
    /// Everybody in all volumes.
    Everything,
    /// Some patients, each in all volumes.
    Only(Vec<ChartNumber>),
}

/// The folders of some patients in all volumes, in order, each patient once. A patient who has no
/// folder is left out.
///
/// The place of a number of six characters or more follows from the number, so nothing else is
/// looked at; a folder in another place would be quarantined anyway. Shorter numbers are looked
/// for in every folder of the second level.
pub(crate) fn find(
    roots: &[PathBuf],
    charts: &[ChartNumber],
    drops: &mut Drops,
) -> Vec<PatientFolder> {
    let mut places = BTreeSet::new();
    let mut short = BTreeSet::new();
    for chart in charts {
        let name = chart.expose();
        // A number is one folder name, never a way to somewhere else.
        if name.contains('/') || name.starts_with('.') {
            drops.count("plan:not-a-folder-name");
            continue;
        }
        let characters: Vec<char> = name.chars().collect();
        match (characters.get(..3), characters.get(3..SHORTEST_PLACED)) {
            (Some(first), Some(second)) => {
                let part = |part: &[char]| OsString::from(part.iter().collect::<String>());
                places.insert([part(first), part(second), OsString::from(name)]);
            }
            _ => drop(short.insert(OsString::from(name))),
        }
    }
    if !short.is_empty() {
        for root in roots {
            for first in folders(root.clone(), drops) {
                for second in folders(root.join(&first), drops) {
                    for name in &short {
                        let levels = [first.clone(), second.clone(), name.clone()];
                        if root.join(levels.iter().collect::<PathBuf>()).is_dir() {
                            places.insert(levels);
                        }
                    }
                }
            }
        }
    }
    let mut found = Vec::with_capacity(places.len());
    for levels in places {
        let inside: PathBuf = levels.iter().collect();
        let folders: Vec<_> = roots
            .iter()
            .map(|root| root.join(&inside))
            .filter(|path| fs::symlink_metadata(path).is_ok_and(|data| data.is_dir()))
            .collect();
        if !folders.is_empty() {
            found.push(PatientFolder { levels, folders });
        }
    }
    found
}

fn folders(folder: PathBuf, drops: &mut Drops) -> Vec<OsString> {
    let Ok(entries) = fs::read_dir(folder) else {
        drops.count("walk:unreadable-folder");
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.file_name())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patient_is_found_in_every_volume_and_a_short_number_wherever_it_lies() {
        let root = tempfile::tempdir().unwrap();
        let roots = ["one", "two"].map(|name| root.path().join(name));
        for (volume, path) in [
            (0, "000/111/0001112"),
            (1, "000/111/0001112"),
            (0, "000/111/0001113"),
            (1, "A12/000/A12"),
            (0, "000/0A1/A12"),
        ] {
            fs::create_dir_all(roots[volume].join(path)).unwrap();
        }
        let charts = ["0001112", "A12", "9999999", "../../x", "0001112"];
        let charts: Vec<_> = charts.iter().filter_map(|c| ChartNumber::new(c)).collect();
        let mut drops = Drops::default();
        let found: Vec<_> = find(&roots, &charts, &mut drops)
            .iter()
            .map(|folder| {
                (
                    folder.levels.iter().collect::<PathBuf>(),
                    folder.folders.len(),
                )
            })
            .collect();
        let expected = [
            ("000/0A1/A12", 1),
            ("000/111/0001112", 2),
            ("A12/000/A12", 1),
        ];
        assert_eq!(
            found,
            expected.map(|(path, count)| (PathBuf::from(path), count))
        );
    }
}
