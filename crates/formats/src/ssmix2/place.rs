//! Where a file lies: the folders must say what the name says.

use record::{ChartNumber, FindingCode};

use super::name::{FileName, care_date_of, kind_of};

/// The names of the folders above a file, outermost first.
#[derive(Clone, Copy)]
pub struct Folders<'p> {
    /// The first three characters of the patient number.
    pub level1: &'p str,
    /// The characters four to six.
    pub level2: &'p str,
    /// The patient number.
    pub level3: &'p str,
    /// The care date, or `-`.
    pub care_date: &'p str,
    /// The data kind.
    pub kind: &'p str,
}

/// Compares the folders of a file with its name; [`FindingCode::PlaceMismatch`] when they disagree.
///
/// For patient numbers of fewer than six characters no rule of the first two levels is known, so
/// those are not compared.
pub fn check(folders: &Folders<'_>, name: &FileName) -> Option<FindingCode> {
    let kind = kind_of(folders.kind);
    let agrees = levels_agree(folders.level1, folders.level2, &name.chart)
        && folders.level3 == name.chart.expose()
        && care_date_of(folders.care_date) == Some(name.care_date)
        && kind == name.kind;
    (!agrees).then_some(FindingCode::PlaceMismatch)
}

/// Whether the first two levels begin the patient number.
pub(crate) fn levels_agree(level1: &str, level2: &str, chart: &ChartNumber) -> bool {
    let chart = chart.expose();
    let three = |from: usize| chart.chars().skip(from).take(3);
    (level1.chars().eq(three(0)) && level2.chars().eq(three(3))) || chart.chars().count() < 6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_must_agree_with_the_name() {
        let name = "0001112223_20111220_OML-11_1_20111220224447_01_1";
        let right = ["000", "111", "0001112223", "20111220", "OML-11"];
        for (level, wrong) in [
            (0, "001"),
            (1, "222"),
            (2, "0001112224"),
            (3, "-"),
            (3, "20111221"),
            (3, "x"),
            (4, "OML-01"),
            (4, "OMX"),
        ] {
            let mut folders = right;
            folders[level] = wrong;
            assert_eq!(
                checked(name, folders),
                Some(FindingCode::PlaceMismatch),
                "{folders:?}"
            );
        }
        assert_eq!(checked(name, right), None);
        let short = "A12_-_ADT-00_1_20111220224447_-_1";
        assert_eq!(checked(short, ["A12", "000", "A12", "-", "ADT-00"]), None);
    }

    fn checked(name: &str, folders: [&str; 5]) -> Option<FindingCode> {
        let [level1, level2, level3, care_date, kind] = folders;
        let folders = Folders {
            level1,
            level2,
            level3,
            care_date,
            kind,
        };
        check(&folders, &FileName::parse(name).unwrap())
    }
}
