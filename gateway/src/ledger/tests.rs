//! The lists that the settings name, taken into the ledger and judged by the gate.

use std::fs;

use privacy::gate::{Ground, Withheld};
use record::ChartNumber;

use super::*;
use crate::error::Problem;
use crate::report::LedgerCounts;

/// 2026-06-01 in Japan.
const TODAY: i64 = 1_780_272_000;

/// A site with two lists.
pub(super) struct Site {
    folder: tempfile::TempDir,
    pub(super) settings: Settings,
}

impl Site {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let example = include_str!("../../../config/examples/gateway.toml");
        let mut settings = Settings::parse(example).unwrap();
        settings.state.folder = folder.path().join("state");
        settings.ledger.notices = folder.path().join("notices.csv");
        settings.ledger.stops = folder.path().join("stops.csv");
        let site = Self { folder, settings };
        site.notices(&["0001", "0002"]);
        site.stops(&[]);
        site
    }

    pub(super) fn notices(&self, charts: &[&str]) {
        let line = |chart: &&str| format!("{chart},2026-04-01,2026-04,handed\n");
        let lines: String = charts.iter().map(line).collect();
        let text = format!("patient_id,notified_on,document_version,method\n{lines}");
        fs::write(&self.settings.ledger.notices, text).unwrap();
    }

    pub(super) fn stops(&self, charts: &[&str]) {
        let line = |chart: &&str| format!("{chart},2026-05-01,self\n");
        let lines: String = charts.iter().map(line).collect();
        let text = format!("patient_id,requested_on,requester\n{lines}");
        fs::write(&self.settings.ledger.stops, text).unwrap();
    }

    pub(super) fn at(&self, seconds: i64) -> Now {
        let stamp = jiff::Timestamp::from_second(seconds).unwrap();
        let today = jiff::tz::Offset::constant(9).to_datetime(stamp).date();
        Now { seconds, today }
    }

    fn look(&self) -> (Gate, LedgerReport) {
        let mut report = LedgerReport::default();
        let (gate, _) = gate(&self.settings, self.at(TODAY), &mut report).unwrap();
        (gate, report)
    }
}

fn of(gate: &Gate, chart: &str) -> Option<Withheld> {
    gate.decide(&[ChartNumber::new(chart).unwrap()]).err()
}

#[test]
fn what_a_list_says_again_is_not_written_down_again() {
    let site = Site::new();
    site.stops(&["0002"]);
    let (gate, report) = site.look();
    assert_eq!((report.entries, report.lists.added), (4, 3));
    assert_eq!(of(&gate, "0001"), None);
    assert_eq!(of(&gate, "0002"), Some(Withheld::Stopped));
    assert_eq!(of(&gate, "0003"), Some(Withheld::NotNotified));
    let (gate, report) = site.look();
    assert_eq!((report.entries, report.lists), (4, LedgerCounts::default()));
    assert_eq!(of(&gate, "0001"), None);
    assert_eq!(of(&gate, "0002"), Some(Withheld::Stopped));
}

/// a list that somebody emptied by mistake lets nobody through.
#[test]
fn a_stop_that_left_the_list_still_holds_and_is_counted() {
    let site = Site::new();
    site.stops(&["0001", "0002"]);
    site.look();
    site.stops(&["0002"]);
    for _ in 0..2 {
        let (gate, report) = site.look();
        assert_eq!(of(&gate, "0001"), Some(Withheld::Stopped));
        assert_eq!((report.lists.stops_vanished, report.entries), (1, 5));
    }
}

#[test]
fn a_notice_that_left_the_list_no_longer_counts_until_it_is_back() {
    let site = Site::new();
    site.look();
    site.notices(&["0002"]);
    let (gate, report) = site.look();
    assert_eq!(of(&gate, "0001"), Some(Withheld::NotNotified));
    assert_eq!((report.lists.notices_vanished, report.entries), (1, 4));
    let (_, report) = site.look();
    assert_eq!((report.lists.notices_vanished, report.entries), (0, 4));
    site.notices(&["0001", "0002"]);
    let (gate, report) = site.look();
    assert_eq!((of(&gate, "0001"), report.entries), (None, 5));
}

/// Of two sources that conflict the one that withholds wins.
#[test]
fn what_was_taken_back_by_hand_stays_back_unless_it_stops() {
    let site = Site::new();
    site.stops(&["0002"]);
    site.look();
    let mut ledger = open(&site.settings).unwrap();
    for entry in [1, 3] {
        let (by, at) = (&Actor::Operator, site.at(TODAY));
        command::revoke(&mut ledger, by, at, entry, Ground::Mistake).unwrap();
    }
    for (entries, again) in [(7, 1), (7, 0)] {
        let (gate, report) = site.look();
        assert_eq!(of(&gate, "0001"), Some(Withheld::NotNotified));
        assert_eq!(of(&gate, "0002"), Some(Withheld::Stopped));
        assert_eq!(report.entries, entries);
        assert_eq!(report.lists.notices_revoked, 1);
        assert_eq!(report.lists.stops_again, again);
    }
}

#[test]
fn an_entry_is_taken_back_once_and_only_if_it_is_there() {
    let site = Site::new();
    site.look();
    let mut ledger = open(&site.settings).unwrap();
    let mut revoke = |entry| {
        let (by, at) = (&Actor::Operator, site.at(TODAY));
        let done = command::revoke(&mut ledger, by, at, entry, Ground::Mistake);
        done.map_err(|failure| failure.problem())
    };
    assert_eq!(revoke(9), Err(Problem::LedgerEntry));
    assert_eq!(revoke(1), Ok(4));
    assert_eq!(revoke(1), Err(Problem::LedgerEntry));
    // Taking back the taking back brings the notice back.
    assert_eq!(revoke(4), Ok(5));
    assert_eq!(of(&site.look().0, "0001"), None);
}

#[test]
fn a_bad_line_in_either_list_leaves_the_ledger_as_it_was() {
    let site = Site::new();
    site.look();
    site.notices(&["0001", "0002", "0003"]);
    fs::write(
        &site.settings.ledger.stops,
        "patient_id,requested_on,requester\n0001,soon,self\n",
    )
    .unwrap();
    let mut report = LedgerReport::default();
    let failed = gate(&site.settings, site.at(TODAY), &mut report).map(|_| ());
    assert_eq!(failed.unwrap_err().problem(), Problem::LedgerMalformed);
    let ledger = open(&site.settings).unwrap();
    assert_eq!(ledger.standing(None).unwrap().1.entries, 3);
    assert!(site.folder.path().join("state/ledger.key").exists());
}

/// The state at any past time can be shown, judged by the day it was.
#[test]
fn a_person_is_shown_as_they_stood_at_a_past_time() {
    let site = Site::new();
    site.look();
    let chart = ChartNumber::new("0001").unwrap();
    let mut ledger = open(&site.settings).unwrap();
    let stop = Event::decode("stopped\t0001\t2026-06-02\tself\tdesk\tknown\t*/*/..").unwrap();
    let day = 86_400;
    let at = site.at(TODAY + day);
    ledger.append(&Actor::Operator, at, vec![stop]).unwrap();
    let back = site.at(TODAY + 2 * day);
    command::revoke(&mut ledger, &Actor::Operator, back, 4, Ground::Wish).unwrap();
    for (at, lines, said) in [
        ("2026-05-31T23:59", 2, "not_notified"),
        ("2026-06-01T23:59", 2, "may leave"),
        ("2026-06-02T23:59", 3, "stopped"),
        ("2026-06-03T23:59", 3, "may leave"),
    ] {
        let shown = command::of_person(&ledger, &site.settings, &chart, at.parse().ok()).unwrap();
        assert_eq!(shown.len(), lines, "{at}");
        assert!(shown.last().unwrap().contains(said), "{at}: {shown:?}");
        let taken_back = shown.iter().any(|line| line.contains('×'));
        assert_eq!(taken_back, at.starts_with("2026-06-03"), "{at}");
    }
}

/// a past day is judged by the contracts and notice texts that held then, whatever the
/// settings say today; and what is not known of it is said.
#[test]
fn a_past_day_is_judged_by_the_terms_of_that_day() {
    let mut site = Site::new();
    site.look();
    let day = 86_400;
    let look = |site: &Site, at: i64| {
        let mut report = LedgerReport::default();
        let (_, _) = gate(&site.settings, site.at(at), &mut report).unwrap();
        report.entries
    };
    assert_eq!(look(&site, TODAY + day), 3, "the same terms are one entry");
    site.settings.contracts[0].leaves_on = Some("2026-06-03".to_owned());
    assert_eq!(look(&site, TODAY + 2 * day), 4);
    // Before any run has seen it, a change is in no ledger.
    site.settings.notice.documents[0].published_on = "2026-05-01".to_owned();
    let chart = ChartNumber::new("0001").unwrap();
    let ledger = open(&site.settings).unwrap();
    for (at, known, said) in [
        (Some("2026-05-31T23:59"), false, "not_notified"),
        (Some("2026-06-02T23:59"), true, "may leave"),
        (Some("2026-06-03T23:59"), true, "contract_not_active"),
        (None, true, "contract_not_active"),
    ] {
        let at = at.map(|at| at.parse().unwrap());
        let shown = command::of_person(&ledger, &site.settings, &chart, at).unwrap();
        assert!(shown.last().unwrap().contains(said), "{at:?}: {shown:?}");
        let told = shown.iter().any(|line| line.contains("today's settings"));
        assert_eq!(told, !known, "{at:?}: {shown:?}");
    }
}

/// A-057, B-003: what a run tells of the whole ledger.
#[test]
fn a_run_counts_who_was_told_and_who_said_no() {
    let site = Site::new();
    site.stops(&["0002", "2", "0009"]);
    let (_, report) = site.look();
    // Two spellings of one number are one person.
    assert_eq!((report.persons_notified, report.persons_stopped), (2, 2));
    assert_eq!((report.stop_rate_alarm, report.to_tell_again), (None, 0));
    let many: Vec<_> = (100..107).map(|number| number.to_string()).collect();
    site.stops(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let (_, report) = site.look();
    assert_eq!(report.persons_stopped, 9);
    assert_eq!(report.stop_rate_alarm, Some(privacy::gate::RateAlarm::Many));
}
