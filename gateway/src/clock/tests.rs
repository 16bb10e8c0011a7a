use jiff::ToSpan;
use jiff::civil::date;
use proptest::prelude::*;

use super::proof::{AHEAD_SECONDS, DIFFER_SECONDS};
use super::*;

const T: i64 = 1_800_000_000; // 2027-01-15T08:00:00Z
const DAY: i64 = 86_400;
const UP: i64 = 3_600;

fn reading(wall: i64, uptime: i64, synchronized: Option<i64>) -> Reading {
    Reading {
        wall,
        uptime,
        synchronized,
    }
}

fn proven(at_least: i64, uptime: i64) -> Known {
    Known {
        proof: Some(Proof { at_least, uptime }),
        ..Known::default()
    }
}

/// P-19: no correct time, no sealing; a roll-back is detected.
#[test]
fn a_clock_that_cannot_be_right_is_refused() {
    let later = EARLIEST + 1_000_000;
    assert!(check(0, None).is_err());
    assert!(check(EARLIEST - 1, None).is_err());
    assert!(check(later, None).is_ok());
    assert!(check(later, Some(later + BACKWARDS_SECONDS)).is_ok());
    assert!(check(later, Some(later + BACKWARDS_SECONDS + 1)).is_err());
}

/// B-001: days are JST calendar days.
#[test]
fn the_day_changes_at_midnight_in_japan() {
    // 2026-03-31T15:00:00Z is 2026-04-01T00:00 in Japan.
    let day = |seconds| check(seconds, None).unwrap().today;
    assert_eq!(day(1_774_969_199), date(2026, 3, 31));
    assert_eq!(day(1_774_969_200), date(2026, 4, 1));
}

/// P-19: what a clock must have been confirmed by, and what makes it doubtful.
#[test]
fn a_clock_is_believed_only_when_something_confirms_it() {
    let (fresh, none) = (Some(T - 60), Known::default());
    let ahead = |seconds| Some(Doubt::Ahead { seconds });
    let latest = Known {
        latest: Some(T),
        ..none
    };
    for (what, reading, known, doubt) in [
        (
            "a first start without a time source",
            reading(T, UP, None),
            none,
            Some(Doubt::Unproven),
        ),
        ("a first start with one", reading(T, UP, fresh), none, None),
        (
            "a dead battery",
            reading(0, UP, None),
            none,
            Some(Doubt::BeforeProgram),
        ),
        (
            "a file from 1970",
            reading(T, UP, Some(0)),
            none,
            Some(Doubt::Unproven),
        ),
        (
            "a source silent for two hours",
            reading(T, UP, Some(T - AHEAD_SECONDS)),
            none,
            None,
        ),
        (
            "a source silent for longer",
            reading(T, UP, Some(T - AHEAD_SECONDS - 1)),
            none,
            ahead(AHEAD_SECONDS + 1),
        ),
        (
            "a month of uptime",
            reading(T + 30 * DAY, UP + 30 * DAY, None),
            proven(T, UP),
            None,
        ),
        (
            "a start after a night off",
            reading(T + DAY, UP, None),
            proven(T, UP),
            ahead(DAY),
        ),
        (
            "the same once set",
            reading(T + DAY, UP, Some(T + DAY)),
            proven(T, UP),
            None,
        ),
        (
            "a jump by 40 days",
            reading(T + 40 * DAY, UP, None),
            proven(T, UP),
            ahead(40 * DAY),
        ),
        (
            "a jump after the source was asked",
            reading(T + 40 * DAY, UP + 60, Some(T + 30)),
            proven(T, UP),
            ahead(40 * DAY - 60),
        ),
        (
            "a jump back",
            reading(T - 700, UP, None),
            proven(T, UP),
            Some(Doubt::WentBack),
        ),
        (
            "a small step back",
            reading(T - 600, UP, None),
            proven(T, UP),
            None,
        ),
        (
            "back from a confirmed run",
            reading(T - 601, UP, fresh),
            latest,
            Some(Doubt::WentBack),
        ),
    ] {
        assert_eq!(judge(reading, known).doubt, doubt, "{what}");
    }
}

/// B-001, P-19: the clock jumps ahead by any number of days, before the first receipt of the centre
/// or after it; the day by which holds count stays the proven one.
#[test]
fn a_jump_ahead_shortens_no_hold() {
    let noticed = date(2027, 1, 15);
    let receipt = Proof {
        at_least: T + DAY,
        uptime: UP + DAY,
    };
    for (what, known, uptime, true_days) in [
        ("before a receipt", proven(T, UP), UP + 3 * DAY, 3),
        (
            "after a receipt",
            Known {
                proof: Some(receipt),
                ..Known::default()
            },
            UP + 3 * DAY,
            3,
        ),
        (
            "after a start anew",
            proven(T + 2 * DAY, UP + 2 * DAY),
            UP,
            2,
        ),
    ] {
        for jump in [1, 26, 27, 28, 29, 30, 31, 60, 365, 3_650] {
            let wall = T + (3 + jump) * DAY;
            let verdict = judge(reading(wall, uptime, None), known);
            let today = day(verdict.proven).unwrap();
            assert_eq!(today, noticed + true_days.days(), "{what} {jump}");
            assert!(verdict.doubt.is_some(), "{what} {jump}");
        }
    }
}

/// A receipt that is stored before its batch was sealed: one of the clocks is wrong, and until
/// somebody looks nothing more is sealed.
#[test]
fn a_batch_sealed_after_it_was_stored_stops_the_sealing_until_the_clock_is_set_back() {
    assert_eq!(Dispute::between(T, T, T, UP), None);
    assert_eq!(Dispute::between(T + DIFFER_SECONDS, T, T, UP), None);
    let ahead = 40 * DAY;
    let dispute = Dispute::between(T + ahead, T, T + ahead, UP);
    let disputed = |wall: i64, uptime: i64| {
        let known = Known {
            dispute,
            ..Known::default()
        };
        let verdict = judge(reading(wall, uptime, Some(wall)), known);
        assert_eq!(verdict.dispute.is_some(), verdict.doubt.is_some());
        verdict.doubt == Some(Doubt::Disputed)
    };
    assert!(disputed(T + ahead, UP));
    assert!(disputed(T + ahead + 9 * DAY, UP + 9 * DAY));
    assert!(!disputed(T + DAY, UP + DAY), "set back");
    assert!(!disputed(T + ahead + DAY, UP - 1), "started anew");
}

proptest! {
    /// B-001: over all histories of starts, clocks that jump and time sources that are right when
    /// they answer, the proven time never runs ahead of the true one; and while the time service
    /// answers, the clock is believed.
    #[test]
    fn what_is_proven_never_runs_ahead(
        steps in prop::collection::vec((1i64..50 * DAY, 0u8..4, -60 * DAY..400 * DAY), 1..40),
    ) {
        let (mut truth, mut uptime, mut offset) = (T, UP, 0);
        let (mut known, mut synchronized) = (Known::default(), None);
        for (seconds, what, jump) in steps {
            truth += seconds;
            match what {
                // A start: off for a part of the time, with a clock of its own.
                0 => (uptime, offset, synchronized) = (seconds / 2, jump, None),
                1 => (uptime, offset) = (uptime + seconds, jump),
                2 => (uptime, offset, synchronized) = (uptime + seconds, 0, Some(truth)),
                _ => {
                    uptime += seconds;
                    known.proof = Some(Proof { at_least: truth, uptime });
                }
            }
            let verdict = judge(reading(truth + offset, uptime, synchronized), known);
            prop_assert!(verdict.proof.is_none_or(|proof| proof.at_least <= truth));
            prop_assert!(verdict.proof.is_none() || verdict.proven <= truth);
            prop_assert!(verdict.proof.is_some() || verdict.doubt.is_some());
            prop_assert!(what != 2 || verdict.doubt.is_none());
            known.proof = verdict.proof;
        }
    }
}

/// P-19: a doubtful moment leaves no trace that would keep the right clock out, and a confirmed
/// one raises the floor.
#[test]
fn only_confirmed_moments_are_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(&folder.path().join("state.sqlite")).unwrap();
    let settings = Clock {
        synchronized: folder.path().join("synchronized"),
    };
    let look = || look(&settings, &state).unwrap();
    let problem = |look: Look| look.trusted.err().map(|failure| failure.problem());
    assert_eq!(problem(look()), Some(Problem::ClockUnproven));
    assert_eq!(
        (state.latest_seen().unwrap(), state.time_proof().unwrap()),
        (None, None)
    );
    fs::write(&settings.synchronized, "").unwrap();
    assert_eq!(problem(look()), None);
    assert!(state.latest_seen().unwrap().is_some());
    fs::remove_file(&settings.synchronized).unwrap();
    assert_eq!(problem(look()), None, "the uptime counts on");
    // As if the clock had jumped since: what is proven lies 40 days before what it says.
    let proof = state.time_proof().unwrap().unwrap();
    let at_least = proof.at_least - 40 * DAY;
    state.prove_time(Proof { at_least, ..proof }).unwrap();
    let jumped = look();
    assert_eq!(jumped.now.today, day(at_least).unwrap());
    assert_eq!(problem(jumped), Some(Problem::ClockAhead));
    // The centre's word proves the time as well.
    told_by_centre(&state, unchecked(), unchecked()).unwrap();
    assert_eq!(problem(look()), None);
    // A centre that is ahead stops nobody.
    told_by_centre(&state, unchecked(), unchecked() + 40 * DAY).unwrap();
    assert_eq!(problem(look()), None);
    let told = told_by_centre(&state, unchecked() + DAY, unchecked());
    assert_eq!(told.unwrap_err().problem(), Problem::ClockDisputed);
    assert_eq!(problem(look()), Some(Problem::ClockDisputed));
}
