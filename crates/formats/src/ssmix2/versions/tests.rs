use proptest::prelude::*;

use super::*;

const RESULT: &str = "OML-11";

/// A file of a patient: order number, seconds of its time, flag.
fn file(order: u8, time: u8, flag: u8) -> (FileName, String) {
    named(&format!(
        "0001112223_20111220_{RESULT}_{order}_201112202244{time:02}_01_{flag}"
    ))
}

fn named(name: &str) -> (FileName, String) {
    (FileName::parse(name).unwrap(), name.to_owned())
}

fn sorted_out(names: &[&str]) -> Resolved<String> {
    resolve(names.iter().map(|name| named(name)).collect(), Ord::cmp)
}

fn items<T: Clone>(files: &[(FileName, T)]) -> Vec<T> {
    files.iter().map(|(_, item)| item.clone()).collect()
}

fn codes<T>(resolved: &Resolved<T>) -> Vec<&'static str> {
    let mut codes: Vec<_> = resolved.findings.iter().map(|f| f.code.as_str()).collect();
    codes.sort_unstable();
    codes
}

/// Care date, order number, time and flag of one file, all of kind OMP-01.
type Short = (&'static str, &'static str, &'static str, u8);

struct Case {
    what: &'static str,
    files: &'static [Short],
    current: &'static [usize],
    withdrawn: &'static [usize],
    contested: &'static [usize],
    findings: &'static [&'static str],
}

const ONE: &str = "20111220";
const TWO: &str = "20111222";
const T1: &str = "20111220224401000";
const T2: &str = "20111220224402000";
const T3: &str = "20111220224403000";

/// every row of the brief's section on versions, and the deviations seen in the field.
const CASES: &[Case] = &[
    Case {
        what: "one valid file",
        files: &[(ONE, "1", T1, 1)],
        current: &[0],
        withdrawn: &[],
        contested: &[],
        findings: &[],
    },
    Case {
        what: "an update",
        files: &[(ONE, "1", T1, 2), (ONE, "1", T2, 1)],
        current: &[1],
        withdrawn: &[],
        contested: &[],
        findings: &[],
    },
    Case {
        what: "an update that marks the old file with 0",
        files: &[(ONE, "1", T1, 0), (ONE, "1", T2, 1)],
        current: &[1],
        withdrawn: &[],
        contested: &[],
        findings: &[],
    },
    Case {
        what: "several valid files",
        files: &[(ONE, "1", T1, 1), (ONE, "1", T3, 1), (ONE, "1", T2, 1)],
        current: &[1],
        withdrawn: &[],
        contested: &[],
        findings: &["F006"],
    },
    Case {
        what: "a deletion with its message",
        files: &[(ONE, "1", T1, 0), (ONE, "1", T2, 0), (ONE, "1", T3, 0)],
        current: &[],
        withdrawn: &[2],
        contested: &[],
        findings: &[],
    },
    Case {
        what: "a deletion by renaming alone",
        files: &[(ONE, "1", T1, 0)],
        current: &[],
        withdrawn: &[0],
        contested: &[],
        findings: &[],
    },
    Case {
        what: "only superseded files",
        files: &[(ONE, "1", T1, 2), (ONE, "1", T2, 2)],
        current: &[],
        withdrawn: &[1],
        contested: &[],
        findings: &[],
    },
    Case {
        what: "a delete and an insert one millisecond apart",
        files: &[
            (ONE, "1", T1, 0),
            (ONE, "1", "20111220224402000", 0),
            (ONE, "1", "20111220224402001", 1),
        ],
        current: &[2],
        withdrawn: &[],
        contested: &[],
        findings: &[],
    },
    Case {
        what: "a void file newer than the valid one",
        files: &[(ONE, "1", T1, 1), (ONE, "1", T2, 0), (ONE, "1", T3, 0)],
        current: &[0],
        withdrawn: &[],
        contested: &[2],
        findings: &["F083"],
    },
    Case {
        what: "a superseded file newer than the valid one, which a wrong clock leaves",
        files: &[(ONE, "1", T1, 1), (ONE, "1", T2, 2)],
        current: &[0],
        withdrawn: &[],
        contested: &[],
        findings: &[],
    },
    Case {
        what: "a document that was deleted and filed again",
        files: &[(ONE, "1", T1, 0), (ONE, "1", T2, 0), (ONE, "1", T3, 1)],
        current: &[2],
        withdrawn: &[],
        contested: &[],
        findings: &[],
    },
    Case {
        what: "a changed care date, the old document void",
        files: &[(ONE, "1", T1, 0), (TWO, "1", T2, 1)],
        current: &[1],
        withdrawn: &[0],
        contested: &[],
        findings: &[],
    },
    Case {
        what: "a changed care date, the old document superseded",
        files: &[(ONE, "1", T1, 2), (TWO, "1", T2, 1)],
        current: &[1],
        withdrawn: &[0],
        contested: &[],
        findings: &[],
    },
    Case {
        what: "a changed care date, the old document still valid",
        files: &[(ONE, "1", T1, 1), (TWO, "1", T2, 1)],
        current: &[0, 1],
        withdrawn: &[],
        contested: &[],
        findings: &["F081"],
    },
    Case {
        what: "two dates without an order number",
        files: &[(ONE, NO_ORDER, T1, 1), (TWO, NO_ORDER, T2, 1)],
        current: &[0, 1],
        withdrawn: &[],
        contested: &[],
        findings: &[],
    },
    Case {
        what: "times of 14, 15 and 17 digits: .0 < .05 < .1 of the second",
        files: &[
            (ONE, "1", "20111220224401", 1),
            (ONE, "1", "20111220224401050", 1),
            (ONE, "1", "201112202244011", 1),
        ],
        current: &[2],
        withdrawn: &[],
        contested: &[],
        findings: &["F006", "F080", "F080"],
    },
    Case {
        what: "times that differ in the fourth decimal",
        files: &[
            (ONE, "1", "201112202244010508", 1),
            (ONE, "1", "201112202244010507", 2),
            (ONE, "1", "201112202244010509", 0),
        ],
        current: &[0],
        withdrawn: &[],
        contested: &[2],
        findings: &["F080", "F080", "F080", "F083"],
    },
];

#[test]
fn each_deviation_of_versions_comes_out_as_stated() {
    for case in CASES {
        let names: Vec<String> = case
            .files
            .iter()
            .map(|(date, order, time, flag)| {
                format!("0001112223_{date}_OMP-01_{order}_{time}_01_{flag}")
            })
            .collect();
        let pick = |places: &[usize]| -> Vec<String> {
            places.iter().map(|place| names[*place].clone()).collect()
        };
        let resolved = sorted_out(&names.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(
            items(&resolved.current),
            pick(case.current),
            "{}",
            case.what
        );
        assert_eq!(
            items(&resolved.withdrawn),
            pick(case.withdrawn),
            "{}",
            case.what
        );
        assert_eq!(
            items(&resolved.contested),
            pick(case.contested),
            "{}",
            case.what
        );
        assert_eq!(codes(&resolved), case.findings, "{}", case.what);
    }
}

/// One result for each of several days of one order is no fault.
#[test]
fn what_is_performed_on_several_days_for_one_order_is_no_finding() {
    let resolved = sorted_out(&[
        "1_20111220_OMP-12_7_20111220224401000_01_1",
        "1_20111221_OMP-12_7_20111221224401000_01_1",
    ]);
    assert_eq!(resolved.current.len(), 2);
    assert!(resolved.findings.is_empty());
}

#[test]
fn a_problem_list_is_one_document_or_one_for_each_problem_by_its_order_number() {
    let whole = sorted_out(&[
        "1_-_PPR-01_999999999999999_20111220224401000_-_2",
        "1_-_PPR-01_999999999999999_20111221224401000_-_1",
    ]);
    assert_eq!((whole.current.len(), whole.superseded), (1, 1));
    let each = sorted_out(&[
        "1_-_PPR-01_000000000000001_20111220224401000_-_1",
        "1_-_PPR-01_000000000000002_20111220224401000_-_1",
        "1_-_PPR-01_000000000000003_20111220224401000_-_0",
    ]);
    assert_eq!((each.current.len(), each.withdrawn.len()), (2, 1));
    assert!(each.findings.is_empty());
}

#[test]
fn files_with_equal_names_are_told_apart_by_the_caller() {
    let name = "1_-_ADT-00_9_20111220224447000_-_1";
    for order in [["a", "b"], ["b", "a"]] {
        let files = order.map(|item| (FileName::parse(name).unwrap(), item));
        let resolved = resolve(files.into(), Ord::cmp);
        assert_eq!(items(&resolved.current), ["a"]);
        assert_eq!(codes(&resolved), ["F006"]);
    }
}

#[test]
fn files_of_unknown_kinds_are_reported_and_belong_to_no_document() {
    let resolved = sorted_out(&["1_-_OMX_1_20111220224447000_-_1"]);
    assert!(resolved.current.is_empty() && resolved.withdrawn.is_empty());
    assert_eq!(codes(&resolved), ["F005"]);
}

proptest! {
    #[test]
    fn every_file_is_counted_once_and_the_order_of_input_does_not_matter(
        files in proptest::collection::btree_set((0u8..4, 0u8..6, 0u8..3), 0..12),
        turn in 0usize..12,
    ) {
        let mut files: Vec<_> = files.into_iter().map(|(o, t, f)| file(o, t, f)).collect();
        let all = files.len() as u64;
        let one = resolve(files.clone(), Ord::cmp);
        let middle = turn.min(files.len());
        files.rotate_left(middle);
        let other = resolve(files, Ord::cmp);
        let counted = (one.current.len() + one.withdrawn.len()) as u64 + one.superseded;
        prop_assert_eq!(counted, all);
        prop_assert!(one.contested.len() as u64 <= one.superseded);
        prop_assert_eq!(items(&one.current), items(&other.current));
        prop_assert_eq!(items(&one.withdrawn), items(&other.withdrawn));
        prop_assert_eq!(items(&one.contested), items(&other.contested));
        prop_assert_eq!(codes(&one), codes(&other));
    }

    /// Whatever else lies beside it, a document with a valid file stands, and one without does not.
    #[test]
    fn a_document_stands_exactly_when_one_of_its_files_is_valid(
        files in proptest::collection::btree_set((0u8..4, 0u8..6, 0u8..3), 0..12),
    ) {
        let resolved = resolve(files.iter().map(|&(o, t, f)| file(o, t, f)).collect(), Ord::cmp);
        for order in 0u8..4 {
            let of_order = || files.iter().filter(move |(o, ..)| *o == order);
            let newest = of_order().filter(|(.., f)| *f == 1).map(|(_, t, _)| *t).max();
            let stands = resolved.current.iter().find(|(name, _)| {
                name.order.expose() == order.to_string()
            });
            let time = stands.map(|(name, _)| name.version.0 / 1000 % 100);
            prop_assert_eq!(time, newest.map(u64::from));
            let withdrawn = resolved.withdrawn.iter().any(|(name, _)| {
                name.order.expose() == order.to_string()
            });
            prop_assert_eq!(withdrawn, of_order().next().is_some() && newest.is_none());
        }
    }
}
