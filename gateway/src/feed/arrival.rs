//! Whether what a feed tells is in the storage already. An exporter writes in two places, and a run
//! may come between: a change that is told and not there yet must be looked for again.

use std::fs;
use std::path::{Path, PathBuf};

use formats::ssmix2::change::{Action, Changed};
use formats::ssmix2::name::{FileName, Flag};
use record::{ChartNumber, Version};

/// What the storage shows of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It is there.
    Here,
    /// It is not there.
    NotYet,
    /// No rule is known that leads from the patient number to the folders.
    Unknown,
}

/// Looks at the one folder that the change is about, in every volume.
pub(super) fn of(roots: &[PathBuf], chart: &ChartNumber, document: &Changed) -> Arrival {
    let Some(inside) = folders(chart, document) else {
        return Arrival::Unknown;
    };
    let mut written = false;
    for root in roots {
        let Some(folder) = descend(root, &inside) else {
            continue;
        };
        let Ok(entries) = fs::read_dir(folder) else {
            return Arrival::NotYet;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str().and_then(|name| FileName::parse(name).ok()) else {
                continue;
            };
            if !same_order(&name, document) {
                continue;
            }
            let valid = name.flag == Flag::Valid;
            match document.action {
                Action::Insert => written |= is_since(name.version, document.version),
                Action::Delete if valid && name.version < document.version => {
                    return Arrival::NotYet;
                }
                Action::Delete => {}
            }
        }
    }
    match document.action {
        Action::Insert if !written => Arrival::NotYet,
        Action::Insert | Action::Delete => Arrival::Here,
    }
}

/// The five folder names below a volume; `None` for short numbers, which have no known place.
fn folders(chart: &ChartNumber, document: &Changed) -> Option<[String; 5]> {
    let number = chart.expose();
    let characters: Vec<char> = number.chars().collect();
    let level = |from: usize, to: usize| Some(characters.get(from..to)?.iter().collect::<String>());
    let day = document
        .key
        .care_date
        .map(|day| day.to_string().replace('-', ""));
    Some([
        level(0, 3)?,
        level(3, 6)?,
        number.to_owned(),
        day.unwrap_or_else(|| "-".to_owned()),
        document.key.kind.as_str().to_owned(),
    ])
}

/// Goes down without following a link.
fn descend(root: &Path, inside: &[String; 5]) -> Option<PathBuf> {
    let mut path = root.to_owned();
    for name in inside {
        path.push(name);
        fs::symlink_metadata(&path)
            .ok()
            .filter(fs::Metadata::is_dir)?;
    }
    Some(path)
}

/// Orders are filled up with zeros in one place and not in the other.
fn same_order(name: &FileName, document: &Changed) -> bool {
    let plain = |order: &str| order.trim_start_matches('0').to_owned();
    plain(name.order.expose()) == plain(document.key.order.expose())
}

/// Names of some sites end with the second.
fn is_since(name: Version, told: Version) -> bool {
    match name.0 % 1000 {
        0 => name.0 / 1000 >= told.0 / 1000,
        _ => name >= told,
    }
}

#[cfg(test)]
mod tests {
    use formats::ssmix2::transaction::{Event, Scanner};

    use super::*;

    const FOLDER: &str = "000/111/0001112223/20260105/ADT-12";

    fn told(action: &str, time: &str) -> (ChartNumber, Changed) {
        let line = format!("#SSMIX,2.00,1,0001112223,20260105,ADT-12,07,{action},01,{time}\r");
        let mut found = None;
        Scanner::at(0).push(line.as_bytes(), &mut |_, event| found = Some(event));
        match found {
            Some(Event::Change(change)) => (change.chart, change.document.unwrap()),
            _ => panic!("no change"),
        }
    }

    #[test]
    fn a_change_is_there_when_the_names_of_the_files_say_so() {
        use Arrival::{Here, NotYet};
        for (files, action, time, expected) in [
            (&[][..], "INS", "20260105101112000", NotYet),
            (
                &["7_20260105101112000_01_1"],
                "INS",
                "20260105101112000",
                Here,
            ),
            (
                &["7_20260105101112001_01_1"],
                "INS",
                "20260105101112002",
                NotYet,
            ),
            (&["7_20260105101112_01_1"], "INS", "20260105101112002", Here),
            (
                &["8_20260105101112002_01_1"],
                "INS",
                "20260105101112002",
                NotYet,
            ),
            (
                &["7_20260105101112002_01_2"],
                "INS",
                "20260105101112001",
                Here,
            ),
            (
                &["7_20260105101112000_01_1"],
                "DEL",
                "20260105101112001",
                NotYet,
            ),
            (
                &["7_20260105101112000_01_0"],
                "DEL",
                "20260105101112001",
                Here,
            ),
            // An update: the old one is taken back, the new one is a moment younger.
            (
                &["7_20260105101112000_01_2", "7_20260105101112002_01_1"],
                "DEL",
                "20260105101112001",
                Here,
            ),
            (&[], "DEL", "20260105101112001", Here),
        ] {
            let root = tempfile::tempdir().unwrap();
            let folder = root.path().join(FOLDER);
            fs::create_dir_all(&folder).unwrap();
            for file in files {
                let name = format!("0001112223_20260105_ADT-12_{file}");
                fs::write(folder.join(name), "x").unwrap();
            }
            let (chart, document) = told(action, time);
            let roots = [root.path().join("none"), root.path().to_owned()];
            assert_eq!(
                of(&roots, &chart, &document),
                expected,
                "{files:?} {action} {time}"
            );
        }
        let (chart, document) = told("INS", "20260105101112000");
        assert_eq!(of(&[], &chart, &document), NotYet);
        let short = ChartNumber::new("12").unwrap();
        assert_eq!(of(&[], &short, &document), Arrival::Unknown);
    }
}
