//! From a keyed reference of a quality report to the place in the storage, by walking it again.
//!
//! A place holds a patient number. It is given to the screen of the appliance only: never to a
//! file, a pipe or a log.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use config::gateway::Settings;
use privacy::Prf;
use record::ChartNumber;

use crate::error::{Failure, Problem};
use crate::keys::key;
use crate::quality::Reference;

/// Folders of the storage that lie above a patient's.
const ABOVE_PATIENT: usize = 2;
/// Deepest file: root, three levels, care date, kind, and two more in the extended storage.
const DEEPEST: usize = 8;

/// Shows where the file or patient of a reference lies.
///
/// # Errors
/// Standard output is not a terminal, the key or a storage cannot be read, or nothing is found.
pub(crate) fn show(settings: &Settings, reference: Reference) -> Result<(), Failure> {
    let mut screen = std::io::stdout();
    if !screen.is_terminal() {
        return Err(Failure::new(Problem::NotAScreen, ""));
    }
    let site: envelope::MacKey = key(&settings.keys.site)?;
    let places = find(&settings.source.storages, reference, &site)?;
    if places.is_empty() {
        return Err(Failure::new(Problem::NotFound, reference.to_string()));
    }
    for place in places {
        // Nothing is left to tell when the screen is gone.
        let _ = writeln!(screen, "{}", place.display());
    }
    Ok(())
}

/// Every place of a reference. Links are not followed.
fn find(
    storages: &[PathBuf],
    reference: Reference,
    site: &dyn Prf,
) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for root in storages {
        let missing =
            |error| Failure::because(Problem::SourceMissing, root.display().to_string(), error);
        fs::read_dir(root).map_err(missing)?;
        descend(root, 0, reference, site, &mut found);
    }
    Ok(found)
}

fn descend(
    folder: &Path,
    depth: usize,
    reference: Reference,
    site: &dyn Prf,
    found: &mut Vec<PathBuf>,
) {
    // A folder that cannot be listed now is passed over: the others are still searched.
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        match reference {
            Reference::Patient(_) if depth == ABOVE_PATIENT => {
                let name = entry.file_name();
                let chart = name.to_str().and_then(ChartNumber::new);
                if chart.is_some_and(|chart| Reference::patient(&chart, site) == reference) {
                    found.push(path);
                }
            }
            Reference::File(_) if !is_folder && Reference::file(&path, site) == reference => {
                found.push(path);
            }
            _ if is_folder && depth < DEEPEST => {
                descend(&path, depth + 1, reference, site, found);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use envelope::MacKey;

    use super::*;

    #[test]
    fn a_reference_leads_to_its_file_or_patient_in_every_volume_and_to_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let volumes = ["one", "two"].map(|name| root.path().join(name));
        let mut files = Vec::new();
        for volume in &volumes {
            for chart in ["0001112223", "0001112224"] {
                let folder = volume.join("000/111").join(chart).join("20260105/ADT-12");
                fs::create_dir_all(&folder).unwrap();
                let file = folder.join(format!("{chart}_20260105_ADT-12_1_20260105101112000_01_1"));
                fs::write(&file, "x").unwrap();
                files.push(file);
            }
        }
        let key = MacKey::from_bytes([7; 32]);
        for file in &files {
            let places = find(&volumes, Reference::file(file, &key), &key).unwrap();
            assert_eq!(places, [file.as_path()]);
        }
        let chart = ChartNumber::new("0001112224").unwrap();
        let places = find(&volumes, Reference::patient(&chart, &key), &key).unwrap();
        let expected = volumes.each_ref().map(|v| v.join("000/111/0001112224"));
        assert_eq!(places, expected);
        let other = MacKey::from_bytes([8; 32]);
        let foreign = Reference::patient(&chart, &other);
        assert!(find(&volumes, foreign, &key).unwrap().is_empty());
        let gone = find(&[root.path().join("gone")], foreign, &key);
        assert_eq!(gone.unwrap_err().problem(), Problem::SourceMissing);
    }
}
