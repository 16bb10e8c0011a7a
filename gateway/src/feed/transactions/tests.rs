use std::cell::RefCell;
use std::fs::write;

use super::*;

const FIRST: &str = "TR_20261101080000000_00001.DAT";
const SECOND: &str = "TR_20261102000000000_00001.DAT";

fn header(chart: u32) -> String {
    format!("#SSMIX,2.00,1,{chart:010},20261101,ADT-12,{chart},INS,01,20261101080000000\r")
}

struct Storage {
    root: tempfile::TempDir,
    files: Option<Files>,
}

/// What one reading gave: the numbers of the patients, a gap, records that name nobody.
#[derive(Debug, PartialEq, Eq)]
struct Got {
    charts: Vec<u32>,
    gap: bool,
    unreadable: u64,
}

fn got(charts: &[u32]) -> Got {
    Got {
        charts: charts.to_vec(),
        gap: false,
        unreadable: 0,
    }
}

impl Storage {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("2026")).unwrap();
        Self { root, files: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("2026").join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        write(self.path(name), bytes).unwrap();
    }

    fn read(&mut self) -> Got {
        self.read_waiting(&[]).0
    }

    fn read_waiting(&mut self, waiting: &[Mark]) -> (Got, Vec<Mark>, u64) {
        let taken = RefCell::new((Vec::new(), Vec::new()));
        let roots = [self.root.path().to_owned()];
        let key = MacKey::from_bytes([7; 32]);
        let (files, read) = read(
            &roots,
            &key,
            self.files.as_ref(),
            waiting,
            &mut |mark, change| {
                let mut taken = taken.borrow_mut();
                taken.0.push(change.chart.expose().parse().unwrap());
                taken.1.push(mark);
            },
        )
        .unwrap();
        // What is kept between runs is text.
        let text = serde_json::to_string(&files).unwrap();
        self.files = Some(serde_json::from_str(&text).unwrap());
        let (charts, marks) = taken.into_inner();
        let got = Got {
            charts,
            gap: read.gap,
            unreadable: read.unreadable,
        };
        (got, marks, read.lost)
    }
}

#[test]
fn a_file_that_grows_is_read_on_and_a_new_day_begins_a_new_one() {
    let mut storage = Storage::new();
    let mut bytes = format!("{}MSH|^~\\&|x\rPID|1\r", header(1));
    storage.put(FIRST, bytes.as_bytes());
    assert_eq!(storage.read(), got(&[1]));
    assert_eq!(storage.read(), got(&[]));
    bytes += &header(2);
    storage.put(FIRST, bytes.as_bytes());
    storage.put(SECOND, header(3).as_bytes());
    assert_eq!(storage.read(), got(&[2, 3]));
    // A year begins with a folder of its own.
    fs::create_dir(storage.root.path().join("2027")).unwrap();
    let next = storage
        .root
        .path()
        .join("2027/TR_20270101000000000_00001.DAT");
    write(next, header(4)).unwrap();
    assert_eq!(storage.read(), got(&[4]));
    // A file may arrive late under an older name.
    storage.put("TR_20261031000000000_00001.DAT", header(5).as_bytes());
    assert_eq!(storage.read(), got(&[5]));
}

#[test]
fn a_record_that_is_being_written_is_read_when_it_is_whole() {
    let mut storage = Storage::new();
    let bytes = [header(1), header(2)].concat();
    for cut in header(1).len()..bytes.len() {
        storage.files = None;
        storage.put(FIRST, &bytes.as_bytes()[..cut]);
        let first = storage.read();
        assert_eq!((first.gap, first.unreadable), (false, 0), "{cut}");
        storage.put(FIRST, bytes.as_bytes());
        let second = storage.read();
        assert_eq!((second.gap, second.unreadable), (false, 0), "{cut}");
        assert!(
            first.charts.contains(&2) || second.charts.contains(&2),
            "{cut}"
        );
    }
}

/// When the next file has begun, nobody will write the rest of a torn line.
#[test]
fn a_record_that_stays_torn_is_told_once() {
    let mut storage = Storage::new();
    storage.put(FIRST, format!("{}#SSMIX,2.00,1,00", header(1)).as_bytes());
    assert_eq!(storage.read(), got(&[1]));
    assert_eq!(storage.read(), got(&[]));
    storage.put(SECOND, header(2).as_bytes());
    let torn = Got {
        unreadable: 1,
        ..got(&[2])
    };
    assert_eq!(storage.read(), torn);
    assert_eq!(storage.read(), got(&[]));
}

#[test]
fn what_was_cut_replaced_or_removed_unread_is_a_gap_and_what_was_read_may_go() {
    let gap = |charts: &[u32]| Got {
        gap: true,
        ..got(charts)
    };
    let read = || {
        let mut storage = Storage::new();
        storage.put(FIRST, header(1).as_bytes());
        storage.put(SECOND, [header(2), header(3)].concat().as_bytes());
        assert_eq!(storage.read(), got(&[1, 2, 3]));
        storage
    };
    // Retention removes the oldest first.
    let mut storage = read();
    fs::remove_file(storage.path(FIRST)).unwrap();
    assert_eq!(storage.read(), got(&[]));
    // The newest known is gone: whatever came after it may be gone too.
    let mut storage = read();
    fs::remove_file(storage.path(FIRST)).unwrap();
    fs::remove_file(storage.path(SECOND)).unwrap();
    storage.put("TR_20261109000000000_00001.DAT", header(9).as_bytes());
    assert_eq!(storage.read(), gap(&[9]));
    let mut storage = read();
    storage.put(SECOND, header(2).as_bytes());
    assert_eq!(storage.read(), gap(&[2]));
    let mut storage = read();
    storage.put(
        SECOND,
        [header(7), header(8), header(9)].concat().as_bytes(),
    );
    assert_eq!(storage.read(), gap(&[7, 8, 9]));
}

/// A file that is written anew with other records is no file that was read, whatever its size and
/// its beginning; one that was copied or touched only is.
#[test]
fn a_file_of_the_same_size_or_longer_with_other_content_is_read_again() {
    let lines = |charts: &[u32]| {
        charts
            .iter()
            .map(|chart| header(*chart))
            .collect::<String>()
    };
    let many: Vec<u32> = (1..=20).collect();
    let changed = |at: usize, to: u32| {
        let mut charts = many.clone();
        charts[at] = to;
        charts
    };
    for (after, gap) in [
        (many.clone(), false),
        (changed(19, 99), true),
        (changed(10, 99), true),
        (changed(0, 99), true),
    ] {
        for grows in [false, true] {
            let mut storage = Storage::new();
            storage.put(FIRST, lines(&many).as_bytes());
            assert_eq!(storage.read(), got(&many));
            let added = if grows { &[50][..] } else { &[] };
            let after = [&after[..], added].concat();
            storage.put(FIRST, lines(&after).as_bytes());
            let charts = if gap { after } else { added.to_vec() };
            let expected = Got {
                gap,
                ..got(&charts)
            };
            assert_eq!(storage.read(), expected, "{grows}");
            assert_eq!(storage.read(), got(&[]), "{grows}");
        }
    }
}

/// What an earlier version remembered has no digest of the whole: nothing is read twice for it.
#[test]
fn a_file_that_an_earlier_version_read_is_known_again() {
    let mut storage = Storage::new();
    storage.put(FIRST, header(1).as_bytes());
    storage.read();
    for reached in storage
        .files
        .iter_mut()
        .flat_map(|files| files.values_mut())
    {
        (reached.content, reached.stamps) = (None, None);
    }
    assert_eq!(storage.read(), got(&[]));
    storage.put(FIRST, (header(1) + &header(2)).as_bytes());
    assert_eq!(storage.read(), got(&[2]));
}

#[test]
fn a_record_that_is_waited_for_is_read_again_at_its_place() {
    let mut storage = Storage::new();
    let bytes = [header(1), "MSH|x\r".to_owned(), header(2), header(3)].concat();
    storage.put(FIRST, bytes.as_bytes());
    let (_, marks, _) = storage.read_waiting(&[]);
    let (again, told, lost) = storage.read_waiting(&marks[1..2]);
    assert_eq!((again, told.as_slice(), lost), (got(&[2]), &marks[1..2], 0));
    storage.put(SECOND, header(4).as_bytes());
    storage.read();
    fs::remove_file(storage.path(FIRST)).unwrap();
    let (again, _, lost) = storage.read_waiting(&marks[1..2]);
    assert_eq!((again, lost), (got(&[]), 1));
}

#[test]
fn other_files_and_links_are_no_transactions() {
    let mut storage = Storage::new();
    storage.put("TR_20261101080000000_00001.TMP", header(1).as_bytes());
    storage.put(FIRST, header(2).as_bytes());
    std::os::unix::fs::symlink(storage.path(FIRST), storage.path(SECOND)).unwrap();
    assert_eq!(storage.read(), got(&[2]));
    let roots = [storage.root.path().join("gone")];
    let key = MacKey::from_bytes([7; 32]);
    assert!(read(&roots, &key, None, &[], &mut |_, _| {}).is_err());
}

/// P-17: a message of any size is passed over in pieces.
#[test]
fn a_message_larger_than_a_piece_is_passed_over() {
    let mut storage = Storage::new();
    let message = vec![b'x'; 3 * PIECE + 17];
    let bytes = [header(1).as_bytes(), &message, b"\r", header(2).as_bytes()].concat();
    storage.put(FIRST, &bytes);
    assert_eq!(storage.read(), got(&[1, 2]));
}
