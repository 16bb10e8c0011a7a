//! Large files: in parts, beside others who write, broken off anywhere.

use privacy::gate::{Event, Withheld};

use super::tests::{Desk, TODAY};
use super::*;
use crate::ledger::Entry;

const DAY: &str = "2026-06-01";

fn stops(charts: impl IntoIterator<Item = u32>) -> String {
    let line = |chart| format!("本人,{chart:04},,2026-05-01\n");
    let lines: String = charts.into_iter().map(line).collect();
    format!("申出者,患者番号,範囲,申出日\n{lines}")
}

fn notices(charts: impl IntoIterator<Item = u32>) -> String {
    let line = |chart| format!("{chart:04},2026-04-01,\n");
    let lines: String = charts.into_iter().map(line).collect();
    format!("患者番号,通知日,生年月日\n{lines}")
}

fn events(desk: &Desk) -> Vec<Event> {
    let ledger = crate::ledger::open(&desk.site.settings).unwrap();
    let all = ledger.entries(1..=u64::MAX).unwrap();
    all.into_iter().map(|entry| entry.event).collect()
}

/// A file says the same in parts of whatever size, and what it says is written down once.
#[test]
fn a_file_in_parts_says_what_it_says_at_once() {
    let file = stops([1, 2, 3, 2, 4, 5, 1, 6, 7]);
    let whole = Desk::new();
    let (_, expected) = whole.apply_in_parts("stops", file.as_bytes(), 100).unwrap();
    assert_eq!((expected.new, expected.repeated), (7, 2));
    for together in [1, 2, 4, 8] {
        let desk = Desk::new();
        let (_, told) = desk
            .apply_in_parts("stops", file.as_bytes(), together)
            .unwrap();
        assert_eq!(told, expected, "{together}");
        let stops = |desk: &Desk| {
            let mut events = events(desk);
            events.retain(|event| matches!(event, Event::Stopped(_)));
            events
        };
        assert_eq!(stops(&desk), stops(&whole), "{together}");
        assert_eq!(desk.of("0007", DAY), Some(Withheld::Stopped));
        let again = desk
            .apply_in_parts("stops", file.as_bytes(), together)
            .unwrap();
        assert_eq!((again.1.new, again.1.known, again.1.repeated), (0, 7, 2));
    }
}

/// Nothing is half applied: until its end an import lets nobody pass, and afterwards all of them.
#[test]
fn an_import_that_is_broken_off_counts_for_nothing_and_is_taken_in_again() {
    let desk = Desk::new();
    let file = notices(1..=9);
    let actor = Actor::Import("file-broken".parse().unwrap());
    let mut ledger = crate::ledger::open(&desk.site.settings).unwrap();
    let part = Event::Part {
        import: 1,
        entries: 2,
    };
    let told = |chart| Event::decode(&format!("notified\t{chart}\t2026-04-01\t2026-04\thanded\t"));
    let begun = vec![part, told("0001").unwrap(), told("0002").unwrap()];
    ledger.append(&actor, desk.site.at(TODAY), begun).unwrap();
    assert_eq!(desk.of("0001", DAY), Some(Withheld::NotNotified));
    let preview = desk.preview("notices", file.as_bytes()).unwrap();
    assert_eq!((preview.new, preview.known, preview.revoked), (9, 0, 0));
    desk.apply_in_parts("notices", file.as_bytes(), 4).unwrap();
    for chart in ["0001", "0002", "0009"] {
        assert_eq!(desk.of(chart, DAY), None, "{chart}");
    }
}

/// A stop of a list that an import began to write down and never finished is not taken for known.
#[test]
fn a_list_still_stops_whom_a_broken_import_named() {
    let desk = Desk::new();
    desk.site.notices(&["0001"]);
    let line = "stopped\t0001\t2026-05-01\tself\timport\tunverified\t*/*/..";
    let begun = vec![
        Event::Part {
            import: 1,
            entries: 1,
        },
        Event::decode(line).unwrap(),
    ];
    let actor = Actor::Import("file-broken".parse().unwrap());
    let mut ledger = crate::ledger::open(&desk.site.settings).unwrap();
    ledger.append(&actor, desk.site.at(TODAY), begun).unwrap();
    desk.site.stops(&["0001"]);
    let mut report = crate::report::LedgerReport::default();
    crate::ledger::gate(&desk.site.settings, desk.site.at(TODAY), &mut report).unwrap();
    assert_eq!(desk.of("0001", DAY), Some(Withheld::Stopped));
    assert_eq!(report.lists.stops_again, 0);
}

/// B-001, A-054: an import in parts is taken back by one entry; its stops only if asked, and a list
/// that still has them stops again.
#[test]
fn an_import_in_parts_is_taken_back_as_a_whole() {
    let desk = Desk::new();
    desk.apply_in_parts("notices", notices(1..=9).as_bytes(), 100)
        .unwrap();
    let (id, _) = desk
        .apply_in_parts("stops", stops(1..=5).as_bytes(), 2)
        .unwrap();
    let back = |stops_too| {
        let now = desk.site.at(TODAY);
        undo(&desk.site.settings, &id, stops_too, &Actor::Operator, now).unwrap()
    };
    let of = |taken_back, kept| undo::Undone { taken_back, kept };
    assert_eq!(back(false), of(0, 5));
    assert_eq!(desk.of("0005", DAY), Some(Withheld::Stopped));
    let before = desk.entries();
    assert_eq!(back(true), of(5, 0));
    assert_eq!(desk.entries(), before + 1);
    assert_eq!(desk.of("0005", DAY), None);
    assert_eq!(back(true), of(0, 0));
    let again = desk.preview("stops", stops(1..=5).as_bytes()).unwrap();
    assert_eq!(again.new, 5);
    // Notices that were taken back together are not brought back by their file.
    let (id, _) = desk
        .apply_in_parts("notices", notices(11..=19).as_bytes(), 2)
        .unwrap();
    let now = desk.site.at(TODAY);
    undo(&desk.site.settings, &id, false, &Actor::Operator, now).unwrap();
    assert_eq!(desk.of("0011", DAY), Some(Withheld::NotNotified));
    let again = desk
        .preview("notices", notices(11..=19).as_bytes())
        .unwrap();
    assert_eq!((again.new, again.revoked), (0, 9));
}

/// What holds an import together cannot be taken back like one entry.
#[test]
fn the_end_of_an_import_is_no_entry_to_take_back_alone() {
    let desk = Desk::new();
    desk.apply_in_parts("stops", stops(1..=3).as_bytes(), 2)
        .unwrap();
    let mut ledger = crate::ledger::open(&desk.site.settings).unwrap();
    let frame = |entry: &Entry| matches!(entry.event, Event::Part { .. } | Event::Whole { .. });
    let frames: Vec<_> = ledger.entries(1..=u64::MAX).unwrap();
    let frames: Vec<_> = frames.into_iter().filter(frame).collect();
    assert_eq!(frames.len(), 3);
    for entry in frames {
        let (by, at) = (&Actor::Operator, desk.site.at(TODAY));
        let ground = privacy::gate::Ground::Mistake;
        let number = entry.number;
        let done = crate::ledger::command::revoke(&mut ledger, by, at, number, ground);
        assert_eq!(done.unwrap_err().problem(), Problem::LedgerEntry);
    }
}

/// While a large file is taken in, others write: their stops hold, and what they take back is seen.
#[test]
fn others_write_while_a_large_file_is_taken_in() {
    let desk = Desk::new();
    let file = notices(1..=4_000);
    let settings = desk.site.settings.clone();
    let now = desk.site.at(TODAY);
    let (_, written) = std::thread::scope(|scope| {
        let other = scope.spawn(move || {
            let mut ledger = crate::ledger::open(&settings).unwrap();
            let mut written = 0;
            // From the first part on, while the end is not there yet.
            while ledger.entries_now().unwrap() == 0 {
                std::thread::yield_now();
            }
            for chart in 1..=40 {
                let line = format!("stopped\t{chart:04}\t2026-05-01\tself\tdesk\tknown\t*/*/..");
                let stop = Event::decode(&line).unwrap();
                ledger.append(&Actor::Operator, now, vec![stop]).unwrap();
                written += 1;
            }
            written
        });
        let applied = desk.apply_in_parts("notices", file.as_bytes(), 50).unwrap();
        (applied, other.join().unwrap())
    });
    assert_eq!(written, 40);
    let all = events(&desk);
    let place = |found: fn(&Event) -> bool| all.iter().position(found).unwrap();
    let stop = place(|event| matches!(event, Event::Stopped(_)));
    let end = place(|event| matches!(event, Event::Whole { .. }));
    assert!(stop < end, "the others waited to the end");
    assert_eq!(desk.of("0040", DAY), Some(Withheld::Stopped));
    assert_eq!(desk.of("0041", DAY), None);
    assert_eq!(desk.of("4000", DAY), None);
}

/// C-07, E: what hospitals export, at a size of several parts: the wrong encoding, columns in
/// another order, impossible days, repetitions and strangers.
#[test]
fn a_large_export_is_taken_in_whole_or_not_at_all() {
    const LINES: u32 = parts::LINES as u32 + 5_000;
    let desk = Desk::new();
    let mut text = String::from("備考,申出日,患者番号,範囲,申出者\n");
    for line in 0..LINES {
        // Every tenth says what an earlier one said.
        let chart = if line % 10 == 9 { line - 1 } else { line };
        text += &format!("窓口,令和8年5月1日,{chart:07},,本人\n");
    }
    let (good, _, _) = encoding_rs::SHIFT_JIS.encode(&text);
    for (bad, problem) in [
        (
            b"x,2026-02-30,0000001,,self\n".as_slice(),
            Problem::ImportLine,
        ),
        (b"x,2026-05-01,0000001,,\x96\x7b\n", Problem::ImportLine),
        (b"x,2026-05-01,0000001,,self,\n", Problem::ImportLine),
        (b"x,2026-05-01,0000001,,\xe6\x9c\xac\n", Problem::ImportLine),
        (b"x,2026-05-01,0000001,,\xff\n", Problem::ImportEncoding),
        (b"x,2026-05-01,0000001,,self", Problem::ImportCut),
    ] {
        let bytes = [good.as_ref(), bad].concat();
        let refused = desk.apply_in_parts("stops", &bytes, parts::LINES);
        assert_eq!(refused.unwrap_err(), problem);
        assert_eq!(desk.entries(), 0);
    }
    let (_, told) = desk.apply_in_parts("stops", &good, parts::LINES).unwrap();
    let repeated = u64::from(LINES / 10);
    let expected = Preview {
        lines: u64::from(LINES),
        new: u64::from(LINES) - repeated,
        repeated,
        unknown: u64::from(LINES),
        ..Preview::default()
    };
    assert_eq!(told, expected);
    assert_eq!(desk.of("0000001", DAY), Some(Withheld::Stopped));
}
