//! Dialects of files on disk (rows of the table in `crates/formats/tests/dialects`): whose files
//! they are, which of them count, and what lies about in a storage that is no document.

use std::fs;
use std::path::Path;

use privacy::gate::Withheld;
use record::{ChartNumber, DocumentState, FindingCode};

use super::{Outcome, Visited};
use crate::fixture::Site;
use crate::state::Known;

const OURS: &str = "0001112223";
const THEIRS: &str = "0009998887";

/// A file below the patient's folder: care date, kind, name, content.
type OnDisk<'a> = (&'a str, &'a str, &'a str, Vec<u8>);

/// A visit of the patients with these numbers, one PID each.
fn visit_of(pids: &[&str]) -> Vec<u8> {
    let mut text = "MSH|^~\\&|A|B|C|D|20260105101112||ADT^A04|1|P|2.5\r".to_owned();
    for pid in pids {
        text.push_str(&format!("PID|1||{pid}||YAMADA^TARO||19500102|M\r"));
    }
    text.push_str("PV1|1|O\r");
    text.into_bytes()
}

fn name(chart: &str, kind: &str, order: u32, time: &str, flag: u8) -> String {
    let date = if kind == "ADT-00" { "-" } else { "20260105" };
    format!("{chart}_{date}_{kind}_{order}_{time}_01_{flag}")
}

fn visit_name(order: u32, flag: u8) -> String {
    name(OURS, "ADT-12", order, "20260105101112000", flag)
}

/// Visits a patient with these files, while provision under `stopped` is stopped.
fn visited(files: &[OnDisk<'_>], stopped: &[&str]) -> Visited {
    let root = tempfile::tempdir().unwrap();
    let volume = root.path().join("000/111").join(OURS);
    for (date, kind, name, content) in files {
        let folder = volume.join(date).join(kind);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), content).unwrap();
    }
    visit(root.path(), OURS, stopped)
}

fn visit(root: &Path, third: &str, stopped: &[&str]) -> Visited {
    let charts = [OURS];
    let stopped: Vec<_> = stopped
        .iter()
        .filter_map(|number| ChartNumber::new(number))
        .collect();
    Site::new(&[root.to_owned()], &charts).visit(["000", "111", third], &stopped)
}

/// What left: the states of the documents; or why nothing did.
fn left(visited: &Visited) -> Result<Vec<DocumentState>, Option<Withheld>> {
    match &visited.outcome {
        Outcome::Passed(passed) => {
            let state = |known: &Known| match known.withdrawn {
                false => DocumentState::Current,
                true => DocumentState::Withdrawn,
            };
            let news = passed.news.iter().map(state);
            Ok(news.collect())
        }
        Outcome::Withheld(reason) => Err(Some(*reason)),
        Outcome::Quarantined | Outcome::Unchanged | Outcome::Unkeyed => Err(None),
    }
}

fn codes(visited: &Visited) -> Vec<FindingCode> {
    let codes = visited.findings.iter().map(|finding| finding.code);
    // Other tests are about these: the patients here have no name in kana.
    codes
        .filter(|code| code.severity() > record::Severity::Info)
        .collect()
}

/// Rows 7 and 8: folder, file name and every PID-3 must agree. A file that disagrees is
/// quarantined; the patient's other files go on, unless provision is stopped under any number that
/// the file claims: it could be a second number of the same person.
#[test]
fn a_file_that_names_another_patient_stays_and_a_stop_of_either_holds_everything() {
    use FindingCode::{NameUnreadable, PatientMismatch, PlaceMismatch};
    let named_theirs = name(THEIRS, "ADT-12", 2, "20260105101112000", 1);
    let temporary = format!("{named_theirs}.tmp");
    let ours = visit_name(2, 1);
    let long = "9".repeat(65);
    let mixed = [OURS, THEIRS].join("^^^^PI~");
    for (row, what, file, pids, code, stoppable) in [
        (
            7,
            "first repetition",
            &ours,
            vec![THEIRS],
            PatientMismatch,
            true,
        ),
        (
            7,
            "later repetition",
            &ours,
            vec![&mixed],
            PatientMismatch,
            true,
        ),
        (
            7,
            "second PID",
            &ours,
            vec![OURS, THEIRS],
            PatientMismatch,
            true,
        ),
        (
            7,
            "other spelling",
            &ours,
            vec!["9998887"],
            PatientMismatch,
            true,
        ),
        (
            7,
            "no number at all",
            &ours,
            vec![&long],
            PatientMismatch,
            false,
        ),
        (
            8,
            "file name",
            &named_theirs,
            vec![OURS],
            PlaceMismatch,
            true,
        ),
        (
            8,
            "file name and PID",
            &named_theirs,
            vec![THEIRS],
            PlaceMismatch,
            true,
        ),
        (
            8,
            "unreadable name",
            &temporary,
            vec![OURS],
            NameUnreadable,
            true,
        ),
        (
            8,
            "stray file",
            &"x".to_owned(),
            vec![THEIRS],
            NameUnreadable,
            true,
        ),
    ] {
        let sound_name = visit_name(1, 1);
        let sound = ("20260105", "ADT-12", &*sound_name, visit_of(&[OURS]));
        let doubtful = ("20260105", "ADT-12", &**file, visit_of(&pids));
        let both = [sound.clone(), doubtful.clone()];
        let open = visited(&both, &["0000000001"]);
        assert_eq!(
            left(&open),
            Ok(vec![DocumentState::Current]),
            "{row} {what}"
        );
        assert_eq!(codes(&open), [code], "{row} {what}");
        assert_eq!(
            (open.files.read, open.files.quarantined),
            (1, 1),
            "{row} {what}"
        );

        let stopped = visited(&both, &[THEIRS]);
        let answer = match stoppable {
            true => Err(Some(Withheld::Stopped)),
            false => Ok(vec![DocumentState::Current]),
        };
        assert_eq!(left(&stopped), answer, "{row} {what}");
        let stopped = visited(&both, &[OURS]);
        assert_eq!(left(&stopped), Err(Some(Withheld::Stopped)), "{row} {what}");
        // Alone, the file leaves neither with nor without a stop.
        for stop in [THEIRS, "0000000001"] {
            assert_eq!(
                left(&visited(std::slice::from_ref(&doubtful), &[stop])),
                Err(None),
                "{row} {what}"
            );
        }
    }
}

/// Row 8: the kind or the day of the name is not that of the folder; so is the patient of a whole
/// folder whose name is no text.
#[test]
fn a_file_in_the_wrong_folder_is_quarantined() {
    let sound = visit_name(1, 1);
    let admission = name(OURS, "ADT-22", 1, "20260105101112000", 1);
    for (what, date, kind, name, code) in [
        (
            "kind",
            "20260105",
            "ADT-22",
            &sound,
            FindingCode::PlaceMismatch,
        ),
        (
            "kind",
            "20260105",
            "ADT-12",
            &admission,
            FindingCode::PlaceMismatch,
        ),
        (
            "no kind",
            "20260105",
            "ADT-XX",
            &sound,
            FindingCode::PlaceMismatch,
        ),
        (
            "day",
            "20260106",
            "ADT-12",
            &sound,
            FindingCode::PlaceMismatch,
        ),
        ("no day", "-", "ADT-12", &sound, FindingCode::PlaceMismatch),
    ] {
        let visited = visited(&[(date, kind, name, visit_of(&[OURS]))], &[]);
        assert_eq!(codes(&visited), [code], "{what}");
        assert_eq!(
            (left(&visited), visited.files.quarantined),
            (Err(None), 1),
            "{what}"
        );
    }
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("000/111/\u{7}/20260105/ADT-12");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(&sound), visit_of(&[OURS])).unwrap();
    let visited = visit(root.path(), "\u{7}", &[]);
    assert_eq!(codes(&visited), [FindingCode::NameUnreadable]);
    assert_eq!(left(&visited), Err(None));
}

/// Row 21: whatever mark an older version carries, the newest valid one counts; without a valid
/// one the document was taken back.
#[test]
fn older_versions_do_not_count_whatever_their_mark() {
    use DocumentState::{Current, Withdrawn};
    let [first, second] = ["20260105101112000", "20260105111213000"];
    for (what, flags, state, superseded, found) in [
        ("marked 2", [(first, 2), (second, 1)], Current, 1, vec![]),
        ("marked 0", [(first, 0), (second, 1)], Current, 1, vec![]),
        (
            "not marked",
            [(first, 1), (second, 1)],
            Current,
            1,
            vec![FindingCode::SeveralCurrent],
        ),
        ("deleted", [(first, 0), (second, 0)], Withdrawn, 1, vec![]),
        (
            "deleted after an update",
            [(first, 2), (second, 0)],
            Withdrawn,
            1,
            vec![],
        ),
    ] {
        let names = flags.map(|(time, flag)| name(OURS, "ADT-12", 1, time, flag));
        let files = names
            .iter()
            .map(|name| ("20260105", "ADT-12", &**name, visit_of(&[OURS])));
        let visited = visited(&files.collect::<Vec<_>>(), &[]);
        // Of a withdrawal of what was never sealed there is nothing to tell.
        let left_states = if state == Current {
            vec![state]
        } else {
            Vec::new()
        };
        assert_eq!(left(&visited), Ok(left_states), "{what}");
        assert_eq!(
            visited.files.withdrawn,
            u64::from(state == Withdrawn),
            "{what}"
        );
        assert_eq!(visited.files.superseded, superseded, "{what}");
        assert_eq!(codes(&visited), found, "{what}");
    }
}

/// Row 29: what is no document, or none yet, is told, stays, and is looked at again.
#[test]
fn files_that_are_empty_unfinished_or_no_documents_are_told_and_left() {
    use FindingCode::{FileEmpty, NameUnreadable, NotHl7};
    let sound = visit_name(1, 1);
    let [ours, temporary] = [visit_name(2, 1), format!("{}.tmp", visit_name(2, 1))];
    let desktop = "[.ShellClassInfo]".as_bytes();
    for (what, place, name, content, code, again) in [
        ("empty", "ADT-12", &*ours, &b""[..], FileEmpty, true),
        (
            "zeros, allocated and not yet written",
            "ADT-12",
            &ours,
            &[0; 512],
            FileEmpty,
            true,
        ),
        ("blank", "ADT-12", &ours, b"\r\n", FileEmpty, true),
        (
            "temporary",
            "ADT-12",
            &temporary,
            b"MSH|",
            NameUnreadable,
            false,
        ),
        (
            "desktop",
            "ADT-12",
            "desktop.ini",
            desktop,
            NameUnreadable,
            false,
        ),
        (
            "desktop",
            "ADT-12",
            "Thumbs.db",
            &[0xD0, 0xCF, 0x11, 0xE0],
            NameUnreadable,
            false,
        ),
        (
            "desktop",
            "ADT-12",
            ".DS_Store",
            &[0, 0, 0, 1],
            NameUnreadable,
            false,
        ),
        ("editor", "ADT-12", "~$1.doc", b"x", NameUnreadable, false),
        ("other content", "ADT-12", &ours, b"%PDF-1.7", NotHl7, false),
    ] {
        let files = [
            ("20260105", "ADT-12", &*sound, visit_of(&[OURS])),
            ("20260105", place, name, content.to_vec()),
        ];
        let visited = visited(&files, &[]);
        assert_eq!(codes(&visited), [code], "{what}: {name}");
        assert_eq!(left(&visited), Ok(vec![DocumentState::Current]), "{what}");
        assert_eq!(
            (visited.files.seen, visited.files.quarantined),
            (2, 1),
            "{what}"
        );
        let Outcome::Passed(passed) = visited.outcome else {
            panic!("{what}");
        };
        assert_eq!(passed.fingerprint.is_none(), again, "{what}");
    }
}
