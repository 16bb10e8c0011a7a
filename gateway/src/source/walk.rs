//! The walk over `<root>/<ID 1-3>/<ID 4-6>/<ID>` of all volumes at once, in the order of the
//! folder names, so that a patient who is spread over volumes comes up once. Memory holds one
//! folder listing per level, whatever the size of the storage.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::vec;

use record::Drops;

use super::plan::{Plan, find};
use crate::error::{Failure, Problem};

/// One patient's folders, one per volume that has any.
#[derive(Debug)]
pub(crate) struct PatientFolder {
    /// Level 1, level 2 and level 3 folder names.
    pub(crate) levels: [OsString; 3],
    /// The level 3 folder of each volume.
    pub(crate) folders: Vec<PathBuf>,
}

/// The patients of all volumes, in order.
pub(crate) struct Walk {
    named: vec::IntoIter<PatientFolder>,
    first: Level,
    second: Level,
    third: Level,
    drops: Drops,
}

/// What is left to visit on one level: a name and the folders that carry it.
type Level = vec::IntoIter<(OsString, OsString, Vec<PathBuf>)>;

impl Walk {
    /// Starts a walk.
    ///
    /// # Errors
    /// A root is missing or cannot be listed: half a source is no source, because a patient's
    /// documents could then look withdrawn.
    pub(crate) fn start(roots: &[PathBuf], plan: &Plan) -> Result<Self, Failure> {
        for root in roots {
            let listed = fs::read_dir(root);
            let detail = root.display().to_string();
            listed.map_err(|error| Failure::because(Problem::SourceMissing, detail, error))?;
        }
        let mut drops = Drops::default();
        let (first, named) = match plan {
            Plan::Everything => (children(&OsString::new(), roots, &mut drops), Vec::new()),
            Plan::Only(charts) => (Vec::new().into_iter(), find(roots, charts, &mut drops)),
        };
        Ok(Self {
            first,
            named: named.into_iter(),
            second: Vec::new().into_iter(),
            third: Vec::new().into_iter(),
            drops,
        })
    }

    /// What lay between the folders and is no folder: counted, not read.
    pub(crate) fn into_drops(self) -> Drops {
        self.drops
    }
}

impl Iterator for Walk {
    type Item = PatientFolder;

    fn next(&mut self) -> Option<PatientFolder> {
        if let Some(folder) = self.named.next() {
            return Some(folder);
        }
        loop {
            if let Some((parents, name, folders)) = self.third.next() {
                let (first, second) = split(&parents);
                return Some(PatientFolder {
                    levels: [first, second, name],
                    folders,
                });
            }
            if let Some((parent, name, folders)) = self.second.next() {
                let mut parents = parent;
                parents.push("/");
                parents.push(&name);
                self.third = children(&parents, &folders, &mut self.drops);
            } else {
                let (_, name, folders) = self.first.next()?;
                self.second = children(&name, &folders, &mut self.drops);
            }
        }
    }
}

fn split(parents: &OsString) -> (OsString, OsString) {
    let mut parts = Path::new(parents).components();
    let mut part = || {
        parts
            .next()
            .map(|c| c.as_os_str().to_owned())
            .unwrap_or_default()
    };
    (part(), part())
}

/// The folders below `folders`, by name over all volumes. What is not a folder is counted.
fn children(parent: &OsString, folders: &[PathBuf], drops: &mut Drops) -> Level {
    let mut found: BTreeMap<OsString, Vec<PathBuf>> = BTreeMap::new();
    for folder in folders {
        let Ok(entries) = fs::read_dir(folder) else {
            drops.count("walk:unreadable-folder");
            continue;
        };
        for entry in entries {
            let Ok(entry) = entry else {
                drops.count("walk:unreadable-entry");
                continue;
            };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => {
                    found
                        .entry(entry.file_name())
                        .or_default()
                        .push(entry.path());
                }
                Ok(kind) if kind.is_symlink() => drops.count("walk:link"),
                Ok(_) => drops.count("walk:stray-file"),
                Err(_) => drops.count("walk:unreadable-entry"),
            }
        }
    }
    let level: Vec<_> = found
        .into_iter()
        .map(|(name, paths)| (parent.clone(), name, paths))
        .collect();
    level.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patients_of_all_volumes_come_up_once_and_in_order() {
        let root = tempfile::tempdir().unwrap();
        let (one, two) = (root.path().join("one"), root.path().join("two"));
        for path in ["000/111/0001112", "000/111/0001113", "999/000/9990001"] {
            fs::create_dir_all(one.join(path)).unwrap();
        }
        for path in ["000/111/0001113", "000/112/0001120"] {
            fs::create_dir_all(two.join(path)).unwrap();
        }
        fs::write(one.join("000/readme.txt"), "x").unwrap();
        std::os::unix::fs::symlink("/etc", one.join("000/link")).unwrap();
        let mut walk = Walk::start(&[one, two], &Plan::Everything).unwrap();
        let patients: Vec<_> = walk.by_ref().collect();
        let names: Vec<_> = patients
            .iter()
            .map(|p| (p.levels[2].clone(), p.folders.len()))
            .collect();
        let expected = [
            ("0001112", 1),
            ("0001113", 2),
            ("0001120", 1),
            ("9990001", 1),
        ];
        assert_eq!(
            names,
            expected.map(|(name, count)| (OsString::from(name), count))
        );
        assert_eq!(
            patients[2].levels.clone().map(|l| l.into_string().unwrap())[..2],
            ["000", "112"]
        );
        let drops: Vec<_> = walk
            .into_drops()
            .iter()
            .map(|(n, c)| (n.to_owned(), c))
            .collect();
        assert_eq!(
            drops,
            [
                ("walk:link".to_owned(), 1),
                ("walk:stray-file".to_owned(), 1)
            ]
        );
    }

    #[test]
    fn a_missing_volume_stops_the_walk_before_it_starts() {
        let root = tempfile::tempdir().unwrap();
        let roots = [root.path().to_owned(), root.path().join("gone")];
        let problem = Walk::start(&roots, &Plan::Everything)
            .err()
            .map(|failure| failure.problem());
        assert_eq!(problem, Some(Problem::SourceMissing));
    }
}
