//! Which of several files of one document counts.
//!
//! A document is (patient, care date, kind, order number). The valid file with the latest time is
//! current. A document without a valid file was withdrawn, whatever the flags of its other files:
//! sites mark superseded files with 0 or with 2.

use record::{Finding, FindingCode};

use super::name::{FileName, Flag};

/// The files of one patient, sorted out.
#[derive(Debug)]
pub struct Resolved<T> {
    /// One file per document that stands, in document order.
    pub current: Vec<(FileName, T)>,
    /// The newest file of each document that was taken back, in document order.
    pub withdrawn: Vec<(FileName, T)>,
    /// How many files were neither: older versions.
    pub superseded: u64,
    /// Documents with several valid files, files of unknown kinds.
    pub findings: Vec<Finding>,
}

/// Sorts out all files of ONE patient, each with something of the caller's (a place on disk). Files
/// of unknown kinds belong to no document: each gives a finding and nothing else.
pub fn resolve<T>(files: Vec<(FileName, T)>) -> Resolved<T> {
    let mut resolved = Resolved {
        current: Vec::new(),
        withdrawn: Vec::new(),
        superseded: 0,
        findings: Vec::new(),
    };
    let mut known = Vec::with_capacity(files.len());
    for (name, item) in files {
        match name.key() {
            Some(key) => known.push((key, name, item)),
            None => resolved
                .findings
                .push(Finding::of_file(FindingCode::KindUnknown)),
        }
    }
    // Newest valid file first in its document, then the others, newest first.
    known.sort_by(|(key, name, _), (other_key, other, _)| {
        let rank = |name: &FileName| (name.flag == Flag::Valid, name.version, name.flag);
        (&name.chart, key)
            .cmp(&(&other.chart, other_key))
            .then_with(|| rank(other).cmp(&rank(name)))
            .then_with(|| name.department.cmp(&other.department))
    });
    let mut last = None;
    let mut several_reported = false;
    for (key, name, item) in known {
        let document = (name.chart.clone(), key);
        if last.as_ref() != Some(&document) {
            last = Some(document);
            several_reported = false;
            match name.flag {
                Flag::Valid => resolved.current.push((name, item)),
                Flag::Deleted | Flag::Superseded => resolved.withdrawn.push((name, item)),
            }
            continue;
        }
        resolved.superseded += 1;
        if name.flag == Flag::Valid && !several_reported {
            several_reported = true;
            resolved
                .findings
                .push(Finding::of_file(FindingCode::SeveralCurrent));
        }
    }
    resolved
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(order: u8, time: u8, flag: u8) -> (FileName, String) {
        let name = format!("0001112223_20111220_OML-11_{order}_201112202244{time:02}_01_{flag}");
        (
            FileName::parse(&name).unwrap(),
            format!("{order}/{time}/{flag}"),
        )
    }

    fn items<T: Clone>(files: &[(FileName, T)]) -> Vec<T> {
        files.iter().map(|(_, item)| item.clone()).collect()
    }

    #[test]
    fn the_newest_valid_file_of_a_document_is_current_whatever_the_other_flags() {
        for (files, current, withdrawn, superseded, several) in [
            (vec![(1, 1, 1)], vec!["1/1/1"], vec![], 0, 0),
            (vec![(1, 1, 2), (1, 2, 1)], vec!["1/2/1"], vec![], 1, 0),
            (vec![(1, 1, 0), (1, 2, 1)], vec!["1/2/1"], vec![], 1, 0),
            (
                vec![(1, 1, 1), (1, 3, 1), (1, 2, 1)],
                vec!["1/3/1"],
                vec![],
                2,
                1,
            ),
            (vec![(1, 1, 0), (1, 2, 0)], vec![], vec!["1/2/0"], 1, 0),
            (vec![(1, 1, 2)], vec![], vec!["1/1/2"], 0, 0),
            (vec![(1, 1, 1), (1, 2, 0)], vec!["1/1/1"], vec![], 1, 0),
            (
                vec![(2, 1, 1), (1, 1, 1)],
                vec!["1/1/1", "2/1/1"],
                vec![],
                0,
                0,
            ),
        ] {
            let shown = format!("{files:?}");
            let resolved = resolve(files.into_iter().map(|(o, t, f)| file(o, t, f)).collect());
            assert_eq!(items(&resolved.current), current, "{shown}");
            assert_eq!(items(&resolved.withdrawn), withdrawn, "{shown}");
            assert_eq!(
                (resolved.superseded, resolved.findings.len()),
                (superseded, several)
            );
        }
    }

    #[test]
    fn files_of_unknown_kinds_are_reported_and_belong_to_no_document() {
        let name = FileName::parse("1_-_OMX_1_20111220224447_-_1").unwrap();
        let resolved = resolve(vec![(name, ())]);
        assert!(resolved.current.is_empty() && resolved.withdrawn.is_empty());
        assert_eq!(
            resolved.findings,
            [Finding::of_file(FindingCode::KindUnknown)]
        );
    }

    proptest! {
        #[test]
        fn every_file_is_counted_once_and_the_order_of_input_does_not_matter(
            files in proptest::collection::btree_set((0u8..4, 0u8..6, 0u8..3), 0..12),
            turn in 0usize..12,
        ) {
            let mut files: Vec<_> = files.into_iter().map(|(o, t, f)| file(o, t, f)).collect();
            let all = files.len() as u64;
            let one = resolve(files.clone());
            let middle = turn.min(files.len());
            files.rotate_left(middle);
            let other = resolve(files);
            let counted = (one.current.len() + one.withdrawn.len()) as u64 + one.superseded;
            prop_assert_eq!(counted, all);
            prop_assert_eq!(items(&one.current), items(&other.current));
            prop_assert_eq!(items(&one.withdrawn), items(&other.withdrawn));
            prop_assert_eq!(one.findings, other.findings);
        }
    }
}
