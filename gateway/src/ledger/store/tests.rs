use std::fs;

use envelope::MacKey;
use privacy::gate::Ground;

use super::*;

fn key() -> LedgerKey {
    LedgerKey::new(&MacKey::from_bytes([5; 32]))
}

fn site() -> SiteId {
    "HOSP-A".parse().unwrap()
}

fn opened(folder: &Path) -> Ledger {
    Ledger::open(folder, key(), &site()).unwrap()
}

fn at(seconds: i64) -> Now {
    Now {
        seconds,
        today: jiff::civil::date(2026, 4, 1),
    }
}

fn event(line: &str) -> Event {
    Event::decode(line).unwrap()
}

fn stop(chart: &str) -> Event {
    event(&format!(
        "stopped\t{chart}\t2026-04-01\tself\tdesk\tknown\t*/*/.."
    ))
}

fn notice(chart: &str) -> Event {
    event(&format!("notified\t{chart}\t2026-01-01\tv1\thanded\t"))
}

/// Three appends at the times 100, 200 and 300: two notices, a stop, the stop taken back.
fn filled(folder: &Path) -> Ledger {
    let mut ledger = opened(folder);
    let desk = Actor::Account("yamada".to_owned());
    let two = vec![notice("0001"), notice("0002")];
    assert_eq!(
        ledger.append(&Actor::Operator, at(100), two).unwrap(),
        1..=2
    );
    assert_eq!(
        ledger.append(&desk, at(200), vec![stop("0001")]).unwrap(),
        3..=3
    );
    let back = Event::Revoked {
        entry: 3,
        ground: Ground::Wish,
    };
    assert_eq!(ledger.append(&desk, at(300), vec![back]).unwrap(), 4..=4);
    ledger
}

fn problem(folder: &Path) -> Option<Problem> {
    let ledger = Ledger::open(folder, key(), &site());
    let standing = ledger.and_then(|ledger| ledger.standing(None).map(|_| ()));
    standing.err().map(|failure| failure.problem())
}

fn tamper(folder: &Path, statements: &str) {
    let connection = Connection::open(folder.join(FILE)).unwrap();
    let free = "DROP TRIGGER entry_stays_1; DROP TRIGGER entry_stays_2;";
    connection.execute_batch(free).unwrap();
    connection.execute_batch(statements).unwrap();
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// what was written down is read back with who and when, and found by any spelling.
#[test]
fn entries_are_found_by_number_and_by_person_in_any_spelling() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = filled(folder.path());
    let all = ledger.entries(0..=u64::MAX).unwrap();
    let brief: Vec<_> = all
        .iter()
        .map(|it| (it.number, it.recorded_at, it.actor.to_string(), it.revoked))
        .collect();
    let of = |number, at, actor: &str, revoked| (number, at, actor.to_owned(), revoked);
    assert_eq!(
        brief,
        [
            of(1, 100, "operator", false),
            of(2, 100, "operator", false),
            of(3, 200, "account:yamada", true),
            of(4, 300, "account:yamada", false),
        ]
    );
    for spelling in ["0001", "1", "００１"] {
        let chart = ChartNumber::new(spelling).unwrap();
        let found = ledger.of_chart(&chart).unwrap();
        let numbers: Vec<_> = found.iter().map(|it| it.number).collect();
        assert_eq!(numbers, [1, 3], "{spelling}");
    }
    let unknown = ChartNumber::new("0003").unwrap();
    assert_eq!(ledger.of_chart(&unknown).unwrap(), []);
}

#[test]
fn what_waits_for_a_decision_is_listed_until_somebody_decides() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = opened(folder.path());
    let held = vec![event("held\tS-1\t0001"), event("held\tS-1\t0002")];
    ledger.append(&Actor::Operator, at(1), held).unwrap();
    let pending = |ledger: &Ledger| -> Vec<u64> {
        let pending = ledger.pending().unwrap();
        pending.iter().map(|it| it.number).collect()
    };
    assert_eq!(pending(&ledger), [1, 2]);
    let other = vec![event("revoked\t1\tother-person")];
    ledger.append(&Actor::Operator, at(2), other).unwrap();
    assert_eq!(pending(&ledger), [2]);
}

/// Part 1 of the ledger: the state at any past time.
#[test]
fn the_state_at_a_past_time_is_that_of_the_entries_until_then() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = filled(folder.path());
    let heads: Vec<_> = [99, 100, 199, 200, 299, 300, i64::MAX]
        .map(|until| ledger.standing(Some(until)).unwrap().1.entries)
        .into();
    assert_eq!(heads, [0, 2, 2, 3, 3, 4, 4]);
    let (_, now) = ledger.standing(None).unwrap();
    assert_eq!(ledger.standing(Some(300)).unwrap().1, now);
    let digests = [100, 200, 300].map(|until| ledger.standing(Some(until)).unwrap().1.digest);
    assert!(digests[0] != digests[1] && digests[1] != digests[2]);
}

/// A clock that steps back must not put an entry before those it follows.
#[test]
fn the_times_of_entries_never_go_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = filled(folder.path());
    ledger
        .append(&Actor::Operator, at(250), vec![stop("0002")])
        .unwrap();
    assert_eq!(ledger.entries(5..=5).unwrap()[0].recorded_at, 300);
    assert!(ledger.standing(None).is_ok());
}

/// B-009, A-052: no byte of any column of any row can be changed unseen.
#[test]
fn a_flipped_byte_in_any_row_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()));
    for number in 1..=4 {
        for column in ["sealed", "chain", "event", "found_1", "found_2"] {
            let other = tempfile::tempdir().unwrap();
            copy(folder.path(), other.path());
            tamper(
                other.path(),
                &format!(
                    "UPDATE entry SET {column} = substr({column}, 1, 5) || \
                     CASE substr({column}, 6, 1) WHEN x'00' THEN x'01' ELSE x'00' END || \
                     substr({column}, 7) WHERE number = {number}"
                ),
            );
            let noticed = problem(other.path());
            assert!(noticed.is_some(), "{column} of {number}");
            assert_ne!(noticed, Some(Problem::State), "{column} of {number}");
        }
    }
}

#[test]
fn a_removed_inserted_moved_or_replaced_row_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()));
    assert_eq!(problem(folder.path()), None);
    let swap = "UPDATE entry SET number = 9 WHERE number = 2;
        UPDATE entry SET number = 2 WHERE number = 3;
        UPDATE entry SET number = 3 WHERE number = 9;";
    for (statements, expected) in [
        (
            "DELETE FROM entry WHERE number = 4",
            Problem::LedgerRolledBack,
        ),
        (
            "DELETE FROM entry WHERE number > 1",
            Problem::LedgerRolledBack,
        ),
        ("DELETE FROM entry", Problem::LedgerRolledBack),
        ("DELETE FROM entry WHERE number = 3", Problem::LedgerBroken),
        ("DELETE FROM entry WHERE number = 1", Problem::LedgerBroken),
        (
            "INSERT INTO entry SELECT 5, sealed, chain, event, found_1, found_2 \
             FROM entry WHERE number = 4",
            Problem::LedgerBroken,
        ),
        (
            "UPDATE entry SET sealed = (SELECT sealed FROM entry WHERE number = 1) \
             WHERE number = 3",
            Problem::LedgerBroken,
        ),
        (
            "UPDATE entry SET sealed = 'text' WHERE number = 3",
            Problem::LedgerBroken,
        ),
        (swap, Problem::LedgerBroken),
    ] {
        let other = tempfile::tempdir().unwrap();
        copy(folder.path(), other.path());
        tamper(other.path(), statements);
        assert_eq!(problem(other.path()), Some(expected), "{statements}");
    }
}

/// O-13: a backup that is put back would lose every stop since.
#[test]
fn a_copy_that_was_put_back_is_refused_for_reading_and_for_adding() {
    let folder = tempfile::tempdir().unwrap();
    let at_first = tempfile::tempdir().unwrap();
    let mut ledger = opened(folder.path());
    ledger
        .append(&Actor::Operator, at(1), vec![notice("0001")])
        .unwrap();
    drop(ledger);
    fs::copy(folder.path().join(FILE), at_first.path().join(FILE)).unwrap();
    let mut ledger = opened(folder.path());
    ledger
        .append(&Actor::Operator, at(2), vec![stop("0001")])
        .unwrap();
    drop(ledger);
    fs::copy(at_first.path().join(FILE), folder.path().join(FILE)).unwrap();
    assert_eq!(problem(folder.path()), Some(Problem::LedgerRolledBack));
    let mut ledger = opened(folder.path());
    let more = vec![notice("0009"), notice("0008")];
    let added = ledger.append(&Actor::Operator, at(3), more);
    assert_eq!(added.unwrap_err().problem(), Problem::LedgerRolledBack);
    drop(ledger);
    fs::remove_file(folder.path().join(FILE)).unwrap();
    assert_eq!(problem(folder.path()), Some(Problem::LedgerRolledBack));
}

/// A file cut anywhere is refused, or read whole because the cut met a mere index.
#[test]
fn a_cut_file_never_passes_for_a_shorter_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = filled(folder.path());
    let whole = ledger.standing(None).unwrap().1;
    ledger
        .connection
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    drop(ledger);
    let bytes = fs::read(folder.path().join(FILE)).unwrap();
    let mut refused = 0;
    for length in (0..bytes.len()).step_by(1024) {
        let other = tempfile::tempdir().unwrap();
        copy(folder.path(), other.path());
        fs::write(other.path().join(FILE), &bytes[..length]).unwrap();
        let ledger = Ledger::open(other.path(), key(), &site());
        match ledger.and_then(|ledger| ledger.standing(None)) {
            Ok((_, head)) => assert_eq!(head, whole, "{length}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 3, "{refused}");
}

/// A stop of the program between the entries and the known end leaves a ledger that is ahead of it.
#[test]
fn a_ledger_that_is_ahead_of_its_known_end_is_well_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let before = tempfile::tempdir().unwrap();
    drop(filled(folder.path()));
    copy(folder.path(), before.path());
    let mut ledger = opened(folder.path());
    ledger
        .append(&Actor::Operator, at(400), vec![stop("0002")])
        .unwrap();
    drop(ledger);
    fs::copy(before.path().join(STATE), folder.path().join(STATE)).unwrap();
    let mut ledger = opened(folder.path());
    assert_eq!(ledger.standing(None).unwrap().1.entries, 5);
    assert_eq!(
        ledger
            .append(&Actor::Operator, at(500), vec![stop("3")])
            .unwrap(),
        6..=6
    );
    drop(ledger);
    assert_eq!(problem(folder.path()), None);
}

#[test]
fn a_failing_write_adds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = filled(folder.path());
    let failed = ledger.write(&Actor::Operator, at(400), |writer| {
        writer.push(&stop("0007"))?;
        Err::<(), _>(Failure::new(Problem::LedgerMalformed, ""))
    });
    assert!(failed.is_err());
    assert_eq!(ledger.standing(None).unwrap().1.entries, 4);
    assert_eq!(
        ledger
            .append(&Actor::Operator, at(401), vec![stop("8")])
            .unwrap(),
        5..=5
    );
}

#[test]
fn several_writers_at_once_make_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let at_folder = folder.path();
            scope.spawn(move || {
                let mut ledger = opened(at_folder);
                for turn in 0..10 {
                    let pair = vec![notice(&format!("{writer}{turn}")), stop("0001")];
                    let added = ledger.append(&Actor::Operator, at(turn), pair).unwrap();
                    assert_eq!(added.end() - added.start(), 1);
                }
            });
        }
    });
    let ledger = opened(folder.path());
    assert_eq!(ledger.standing(None).unwrap().1.entries, 80);
    assert_eq!(ledger.state.ledger_end().unwrap().unwrap().0, 80);
}

#[test]
fn another_key_or_another_site_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()));
    let other = LedgerKey::new(&MacKey::from_bytes([6; 32]));
    for (key, site) in [(other, "HOSP-A"), (key(), "HOSP-B")] {
        let ledger = Ledger::open(folder.path(), key, &site.parse().unwrap()).unwrap();
        let failure = ledger.standing(None).map(|_| ()).unwrap_err();
        assert_eq!(failure.problem(), Problem::LedgerBroken);
    }
}

/// B-133: nothing in the files names a person.
#[test]
fn no_number_of_a_person_lies_in_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = opened(folder.path());
    let number = "7701234567";
    let events = vec![
        notice(number),
        stop(number),
        event("merged\t7701234567\t12"),
    ];
    ledger.append(&Actor::Operator, at(1), events).unwrap();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let found = bytes
            .windows(number.len())
            .any(|it| it == number.as_bytes());
        assert!(!found);
    }
}

#[test]
fn the_database_itself_refuses_to_change_an_entry() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = filled(folder.path());
    for statement in ["UPDATE entry SET number = 9", "DELETE FROM entry"] {
        assert!(ledger.connection.execute_batch(statement).is_err());
    }
}

/// B-133: whatever the process would give new files, the ledger and what SQLite lays beside it are
/// for their owner alone, also where an earlier version left them open.
#[test]
fn the_files_of_the_ledger_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let mode = |name: &str| {
        let found = fs::metadata(folder.path().join(name)).unwrap();
        found.permissions().mode() & 0o777
    };
    drop(filled(folder.path()));
    assert_eq!((mode(FILE), mode(STATE)), (0o600, 0o600));
    for name in [FILE, STATE] {
        let open = fs::Permissions::from_mode(0o644);
        fs::set_permissions(folder.path().join(name), open).unwrap();
    }
    let mut ledger = opened(folder.path());
    ledger
        .append(&Actor::Operator, at(400), vec![stop("0003")])
        .unwrap();
    let beside = format!("{FILE}-wal");
    assert_eq!(
        (mode(FILE), mode(STATE), mode(&beside)),
        (0o600, 0o600, 0o600)
    );
}
