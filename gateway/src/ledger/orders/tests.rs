//! Orders against the patients that a ledger knows: applied once, to whoever comes, whatever
//! happens in between.

use std::path::Path;

use envelope::MacKey;
use jiff::civil::date;
use privacy::gate::PatientReadings;
use privacy::order::{Known, OrderKeys, Told};
use record::identity::{Birth, Identity, Name, Sensitive};
use record::{DataKind, DocumentKey, DocumentState, Domain, Drops, Reading, SiteId, Version};

use super::*;
use crate::ledger::{LedgerKey, Met};

const TARO: (&str, &str) = ("0001", "タロウ");
const JIRO: (&str, &str) = ("0002", "ジロウ");
/// Another number of somebody with Taro's name and birthday.
const TARO_AGAIN: (&str, &str) = ("0009", "タロウ");

fn key() -> LedgerKey {
    LedgerKey::new(&MacKey::from_bytes([5; 32]))
}

fn opened(folder: &Path) -> Ledger {
    let site: SiteId = "HOSP-A".parse().unwrap();
    Ledger::open(folder, key(), &site).unwrap()
}

fn at() -> Now {
    Now {
        seconds: 1_788_000_000,
        today: date(2026, 9, 1),
    }
}

fn met((chart, given): (&str, &str)) -> Met {
    let chart = ChartNumber::new(chart).unwrap();
    let identity = Identity {
        kana: Some(Name {
            family: Sensitive::new("ヤマダ"),
            given: Sensitive::new(given),
        }),
        birth: Some(Birth::new(date(1950, 1, 2))),
        ..Identity::default()
    };
    let reading = Reading {
        chart: chart.clone(),
        claimed: vec![chart.clone()],
        key: DocumentKey {
            kind: DataKind::Adt00,
            care_date: None,
            order: Sensitive::new("1"),
            local_kind: None,
        },
        domain: Domain::Medical,
        version: Version(1),
        state: DocumentState::Current,
        identity: identity.into(),
        records: Vec::new(),
        named: Vec::new(),
        findings: Vec::new(),
        drops: Drops::default(),
    };
    let patient = PatientReadings {
        chart: chart.clone(),
        readings: vec![reading],
        doubtful: Vec::new(),
    };
    let known = Known::of(&patient, key().identities());
    Met { chart, known }
}

fn order(number: u64, told: Told) -> StopOrder {
    StopOrder {
        site: "HOSP-A".parse().unwrap(),
        number,
        id: format!("S-{number}").parse().unwrap(),
        issued_at: at().seconds,
        expires_at: at().seconds + 86_400,
        requested_on: date(2026, 8, 31),
        requester: Requester::Family,
        verification: Verification::Unverified,
        scope: Scope::ALL,
        replaces: Vec::new(),
        keys: OrderKeys::new(told).unwrap(),
    }
}

fn by_number(chart: &str) -> Told {
    Told {
        chart: Sensitive::new(chart),
        ..Told::default()
    }
}

fn by_name((_, given): (&str, &str)) -> Told {
    Told {
        kana: Sensitive::new(format!("ヤマダ {given}")),
        birth: Some(Birth::new(date(1950, 1, 2))),
        ..Told::default()
    }
}

/// What stands of a person: `stopped`, `held` or nothing.
fn fate(ledger: &Ledger, (chart, _): (&str, &str)) -> &'static str {
    let entries = ledger.of_chart(&ChartNumber::new(chart).unwrap()).unwrap();
    let standing = entries.iter().filter(|entry| !entry.revoked);
    let words = standing.filter_map(|entry| match entry.event {
        Event::Stopped(_) => Some("stopped"),
        Event::Held { .. } => Some("held"),
        _ => None,
    });
    words.max().unwrap_or("free")
}

fn applied(ledger: &Ledger, number: u64) -> [u32; 3] {
    let untold = ledger.untold().unwrap();
    let of = |it: &&Untold| it.number == number;
    match untold.iter().find(of).map(|it| it.outcome) {
        Some(Outcome::Applied {
            stopped,
            held,
            others,
        }) => [stopped, held, others],
        other => panic!("{other:?}"),
    }
}

/// B-011: unique, ambiguous, nobody; and one order twice.
#[test]
fn an_order_stops_the_one_holds_the_several_and_tells_of_nobody() {
    for (told, people, fates, counts) in [
        (
            by_number("1"),
            vec![TARO, JIRO],
            ["stopped", "free"],
            [1, 0, 0],
        ),
        (
            by_name(JIRO),
            vec![TARO, JIRO],
            ["free", "stopped"],
            [1, 0, 0],
        ),
        (
            by_number("7"),
            vec![TARO, JIRO],
            ["free", "free"],
            [0, 0, 0],
        ),
        // The number of one, the name of the other: both could be meant.
        (
            Told {
                chart: Sensitive::new("0001"),
                ..by_name(JIRO)
            },
            vec![TARO, JIRO],
            ["held", "held"],
            [0, 2, 0],
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = opened(folder.path());
        let people: Vec<_> = people.into_iter().map(met).collect();
        ledger.meet(&people, at()).unwrap();
        ledger.take_order(&order(1, told), &[1; 32], at()).unwrap();
        assert_eq!([TARO, JIRO].map(|it| fate(&ledger, it)), fates);
        assert_eq!(applied(&ledger, 1), counts);
        let entries = ledger.entries_now().unwrap();
        ledger.apply_orders(at()).unwrap();
        ledger.meet(&people, at()).unwrap();
        assert_eq!(ledger.entries_now().unwrap(), entries);
        // Nothing of anybody lies in the file in clear.
        drop(ledger);
        for name in ["ledger.sqlite", "ledger.sqlite-wal"] {
            let bytes = std::fs::read(folder.path().join(name)).unwrap_or_default();
            for hidden in ["タロウ", "ヤマダ", "1950"] {
                let found = bytes
                    .windows(hidden.len())
                    .any(|it| it == hidden.as_bytes());
                assert!(!found, "{hidden}");
            }
        }
    }
}

/// B-011: whoever is read after the order came is stopped before anything of them is sealed.
#[test]
fn an_order_for_somebody_unknown_takes_effect_when_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = opened(folder.path());
    ledger
        .take_order(&order(1, by_name(TARO)), &[1; 32], at())
        .unwrap();
    assert_eq!(applied(&ledger, 1), [0, 0, 0]);
    let [untold] = ledger.untold().unwrap().try_into().unwrap();
    ledger.told(&untold).unwrap();
    assert_eq!(ledger.untold().unwrap(), []);
    ledger.meet(&[met(JIRO)], at()).unwrap();
    // The birthday is the same, so he could be meant.
    assert_eq!(fate(&ledger, JIRO), "held");
    ledger.meet(&[met(TARO)], at()).unwrap();
    assert_eq!(fate(&ledger, TARO), "stopped");
    assert_eq!(applied(&ledger, 1), [1, 1, 0]);
    let [untold] = ledger.untold().unwrap().try_into().unwrap();
    assert_eq!(untold.revision, 2);
    // A second number of the same name is held.
    ledger.meet(&[met(TARO_AGAIN)], at()).unwrap();
    assert_eq!(fate(&ledger, TARO_AGAIN), "held");
    assert_eq!(fate(&ledger, TARO), "stopped");
}

/// Killed after the patients were noted and before the orders were applied to them.
#[test]
fn what_a_kill_left_between_patients_and_orders_is_done_by_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = opened(folder.path());
    ledger
        .take_order(&order(1, by_name(TARO)), &[1; 32], at())
        .unwrap();
    assert_eq!(ledger.note(&[met(TARO)]).unwrap().0, [1]);
    assert_eq!(fate(&ledger, TARO), "free");
    drop(ledger);
    let mut ledger = opened(folder.path());
    ledger.meet(&[met(TARO)], at()).unwrap();
    ledger.apply_orders(at()).unwrap();
    assert_eq!(fate(&ledger, TARO), "stopped");
}

/// What a person decided stays, whatever the order is applied to again.
#[test]
fn a_decision_about_a_held_person_is_not_overturned_by_the_same_order() {
    for (ground, expected) in [(Ground::OtherPerson, [0, 1, 1]), (Ground::Wish, [1, 1, 0])] {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = opened(folder.path());
        ledger.meet(&[met(TARO), met(TARO_AGAIN)], at()).unwrap();
        let first = order(1, by_name(TARO));
        ledger.take_order(&first, &[1; 32], at()).unwrap();
        assert_eq!(applied(&ledger, 1), [0, 2, 0]);
        let [one, _] = ledger.pending().unwrap().try_into().unwrap();
        let back = Event::Revoked {
            entry: one.number,
            ground,
        };
        ledger.append(&Actor::Operator, at(), vec![back]).unwrap();
        let entries = ledger.entries_now().unwrap();
        ledger.apply_orders(at()).unwrap();
        assert_eq!(ledger.entries_now().unwrap(), entries);
        assert_eq!(applied(&ledger, 1), expected);
        // A further order speaks anew.
        ledger
            .take_order(&order(2, by_name(TARO)), &[2; 32], at())
            .unwrap();
        assert_eq!(applied(&ledger, 2), [0, 2, 0]);
        // What the page shows of a case.
        let chart = ChartNumber::new(TARO.0).unwrap();
        let compared = ledger.compared(&first.id, &chart).unwrap();
        assert_eq!(
            compared,
            [(KeyKind::Kana, Some(true)), (KeyKind::Birth, Some(true))]
        );
        let kept = ledger.standing_order(&first.id).unwrap().unwrap();
        assert_eq!((kept.number, kept.requester), (1, Requester::Family));
        assert_eq!(
            (kept.requested_on, kept.scope),
            (date(2026, 8, 31), Scope::ALL)
        );
    }
}

/// A stop that the person took back stays taken back under the order that made it.
#[test]
fn a_stop_that_was_taken_back_is_not_renewed_by_the_same_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = opened(folder.path());
    ledger.meet(&[met(TARO)], at()).unwrap();
    ledger
        .take_order(&order(1, by_number("0001")), &[1; 32], at())
        .unwrap();
    let stop = ledger.entries(1..=1).unwrap().swap_remove(0);
    let back = Event::Revoked {
        entry: stop.number,
        ground: Ground::Wish,
    };
    ledger.append(&Actor::Operator, at(), vec![back]).unwrap();
    ledger.apply_orders(at()).unwrap();
    assert_eq!(fate(&ledger, TARO), "free");
    ledger
        .take_order(&order(2, by_number("0001")), &[2; 32], at())
        .unwrap();
    assert_eq!(fate(&ledger, TARO), "stopped");
}

#[test]
fn an_order_of_a_known_number_or_name_is_not_taken_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = opened(folder.path());
    ledger.meet(&[met(TARO), met(JIRO)], at()).unwrap();
    ledger
        .take_order(&order(1, by_number("0002")), &[1; 32], at())
        .unwrap();
    let entries = ledger.entries_now().unwrap();
    let renamed = StopOrder {
        id: "S-other".parse().unwrap(),
        ..order(1, by_number("0001"))
    };
    let renumbered = StopOrder {
        number: 2,
        ..order(1, by_number("0001"))
    };
    for order in [renamed, renumbered] {
        assert!(ledger.take_order(&order, &[3; 32], at()).is_err());
        assert_eq!(ledger.entries_now().unwrap(), entries);
        assert_eq!(ledger.letter_numbers().unwrap(), [1].into());
    }
    assert_eq!(ledger.letter(1).unwrap(), Some([1; 32]));
    assert!(ledger.has_order(&"S-1".parse().unwrap()).unwrap());
    assert!(!ledger.has_order(&"S-other".parse().unwrap()).unwrap());
    assert_eq!(fate(&ledger, TARO), "free");
}

/// B-011: an order that was replaced before it came is not missed for ever, is not answered, and is
/// not applied should it come late; what was dealt with stays as it is.
#[test]
fn an_order_that_was_replaced_before_it_came_is_not_missed() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = opened(folder.path());
    ledger
        .take_order(&order(1, by_number("0009")), &[1; 32], at())
        .unwrap();
    let third = StopOrder {
        replaces: vec![1, 2],
        ..order(3, by_number("0008"))
    };
    ledger.take_order(&third, &[3; 32], at()).unwrap();
    assert_eq!(ledger.letter_numbers().unwrap(), [1, 2, 3].into());
    assert_eq!(ledger.letter(1).unwrap(), Some([1; 32]));
    assert_eq!(ledger.letter(2).unwrap(), Some(NO_DIGEST));
    let untold = ledger.untold().unwrap();
    let numbers: Vec<_> = untold.iter().map(|untold| untold.number).collect();
    assert_eq!(numbers, [1, 3]);
}
