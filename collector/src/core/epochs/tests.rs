//! A year in which a fleet changes its token key, month by month, with the truth about who is who.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use privacy::gate::PatientReadings;
use record::{Identity, Sensitive, SubjectRef};

use super::*;
use crate::core::fixture::{Centre, Hospital, basic, identity, patient};
use crate::core::link;

/// A hospital whose device sends as a real one does: newcomers, whoever changed, and everybody anew
/// when the epochs of its keys change.
struct Site {
    hospital: Hospital,
    /// Persons by the month in which they register.
    persons: BTreeMap<u32, u32>,
    sent_under: (u16, Option<u16>),
}

impl Site {
    fn new(name: &'static str, seed: u8, persons: impl IntoIterator<Item = (u32, u32)>) -> Self {
        Self {
            hospital: Hospital::new(name, seed),
            persons: persons.into_iter().collect(),
            sent_under: (0, None),
        }
    }

    fn month(&mut self, month: u32, epochs: (u16, Option<u16>), centre: &Centre) {
        self.hospital.epochs = epochs;
        let all = self.sent_under != epochs;
        self.sent_under = epochs;
        let due = |(person, since): (&u32, &u32)| {
            let moved = moves_in(*person) == month;
            (*since == month || (*since < month && (all || moved))).then_some(*person)
        };
        let persons: Vec<u32> = self.persons.iter().filter_map(due).collect();
        let patients: Vec<_> = persons.iter().map(|it| chart_of(*it, month)).collect();
        if !patients.is_empty() {
            centre.deliver(&self.hospital.seal(patients));
        }
    }

    fn who(&self, month: u32) -> impl Iterator<Item = (String, u32)> {
        let site = &self.hospital;
        let here = self
            .persons
            .iter()
            .filter(move |(_, since)| **since <= month);
        here.map(move |(person, _)| (named(site.site, site.subject(*person)), *person))
    }
}

/// Every fifth person moves, in some month.
fn moves_in(person: u32) -> u32 {
    match person % 5 {
        0 => 1 + person / 5 % 12,
        _ => 0,
    }
}

fn chart_of(person: u32, month: u32) -> PatientReadings {
    let mut reading = basic(person, u64::from(month));
    let moved = moves_in(person);
    if moved > 0 && moved <= month {
        let moved = Identity {
            postal: Sensitive::new(format!("030{person:04}")),
            ..identity(person)
        };
        reading.identity = Arc::new(moved);
    }
    patient(person, vec![reading])
}

fn named(site: &str, subject: SubjectRef) -> String {
    format!("{site}:{subject}")
}

/// Persons as the centre has them: the names of their subjects.
fn found(centre: &Centre) -> BTreeSet<BTreeSet<String>> {
    let (_, catalogue) = centre.open();
    let mut persons: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (member, person) in catalogue.members().unwrap() {
        let subject = named(member.site.as_str(), member.subject);
        persons
            .entry(person.to_string())
            .or_default()
            .insert(subject);
    }
    persons.into_values().collect()
}

/// Persons as they are.
fn truth(sites: &[Site], month: u32) -> BTreeSet<BTreeSet<String>> {
    let mut persons: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for (subject, person) in sites.iter().flat_map(|site| site.who(month)) {
        persons.entry(person).or_default().insert(subject);
    }
    persons.into_values().collect()
}

/// Who is a patient where, from which month: old patients of one, two or three hospitals, and every
/// month newcomers who turn up at a second hospital two months later.
fn three_sites() -> [Site; 3] {
    let old = |of: u32| (1..=30).filter(move |it| it % 4 != of).map(|it| (it, 1));
    let first = |base: u32| (1..=12).map(move |month| (base + month, month));
    let second = |base: u32| (1..=10).map(move |month| (base + month, month + 2));
    [
        Site::new("AAA", 1, old(1).chain(first(100)).chain(second(300))),
        Site::new("BBB", 2, old(2).chain(first(200)).chain(second(100))),
        Site::new("CCC", 3, old(3).chain(first(300)).chain(second(200))),
    ]
}

fn centre_of(sites: &[Site]) -> Centre {
    let hospitals: Vec<_> = sites.iter().map(|site| &site.hospital).collect();
    Centre::new(&hospitals)
}

fn behind(centre: &Centre) -> Vec<String> {
    let (folder, catalogue) = centre.open();
    let epochs = Epochs::of(&catalogue, &folder.tables()).unwrap();
    epochs.behind().into_keys().map(str::to_owned).collect()
}

/// Nobody was torn apart or joined anew by this linkage.
fn quiet(summary: &link::Summary) -> bool {
    (summary.changes.merged, summary.changes.split) == (0, 0)
}

/// B-116: one hospital changes at once, one lags, one lags until the autumn; the old key ends when
/// nobody is behind. In no month is anybody split, doubled or joined with somebody else.
#[test]
fn a_year_of_changing_the_key_splits_doubles_and_mistakes_nobody() {
    let overlap = (1, Some(2));
    let phase = |month: u32, starts: u32, ends: u32| match month {
        _ if month < starts => (1, None),
        _ if month < ends => overlap,
        _ => (2, None),
    };
    let mut sites = three_sites();
    let mut centre = centre_of(&sites);
    for month in 1..=12 {
        let schedule = [(3, 9), (5, 10), (8, 11)];
        for (site, (starts, ends)) in sites.iter_mut().zip(schedule) {
            site.month(month, phase(month, starts, ends), &centre);
        }
        if month == 11 {
            centre.settings.end_epochs_before(2, None);
        }
        let pulled = centre.pull();
        assert!(
            pulled.waiting.is_empty() && pulled.refused.is_empty(),
            "{pulled:?}"
        );
        let linked = centre.link();
        assert!(quiet(&linked), "month {month}: {:?}", linked.changes);
        assert_eq!(found(&centre), truth(&sites, month), "month {month}");
        let lagging: &[&str] = match month {
            3 | 4 => &["BBB", "CCC"],
            5..=7 => &["CCC"],
            _ => &[],
        };
        assert_eq!(behind(&centre), lagging, "month {month}");
    }
}

/// B-116: a hospital that never changes is shown, its patients of old stay linked after the others
/// have ended the old key, and what it then seals is not taken, and not lost.
#[test]
fn a_site_that_never_changes_is_shown_and_what_it_seals_waits() {
    let phase = |month: u32| match month {
        1 | 2 => (1, None),
        3..=5 => (1, Some(2)),
        _ => (2, None),
    };
    let mut sites = three_sites();
    // Nobody registers at the third hospital after May, but for one in August.
    sites[2].persons.retain(|_, since| *since <= 5);
    sites[2].persons.insert(999, 8);
    // And whoever was there by then turns up nowhere else later on.
    let late: BTreeSet<u32> = sites[2].persons.keys().copied().collect();
    for site in &mut sites[..2] {
        site.persons
            .retain(|person, since| *since <= 5 || !late.contains(person));
    }
    let mut centre = centre_of(&sites);
    for month in 1..=7 {
        for (site, epochs) in sites
            .iter_mut()
            .zip([phase(month), phase(month), (1, None)])
        {
            site.month(month, epochs, &centre);
        }
        centre.pull();
        let linked = centre.link();
        assert!(quiet(&linked), "month {month}: {:?}", linked.changes);
        assert_eq!(found(&centre), truth(&sites, month), "month {month}");
        assert_eq!(behind(&centre).contains(&"CCC".to_owned()), month >= 3);
    }
    centre.settings.end_epochs_before(2, None);
    let before = found(&centre);
    sites[2].month(8, (1, None), &centre);
    let pulled = centre.pull();
    assert_eq!(pulled.waiting["token_epoch_ended"], 1);
    assert!(quiet(&centre.link()));
    assert_eq!(found(&centre), before);
    // The hospital changes its key; what it sealed before is let in by name.
    sites[2].month(9, (1, Some(2)), &centre);
    centre.settings.end_epochs_before(1, Some("CCC"));
    let pulled = centre.pull();
    assert_eq!((pulled.accepted, pulled.waiting.len()), (2, 0));
    assert!(quiet(&centre.link()));
    assert!(behind(&centre).is_empty());
    let newcomer = named("CCC", sites[2].hospital.subject(999));
    assert!(found(&centre).contains(&[newcomer].into()));
}

/// Tokens of an epoch that a site has left speak for a patient only while the site still means the
/// same person: a chart that turns out to be somebody else's takes its old links with it.
#[test]
fn a_chart_that_is_corrected_to_somebody_else_keeps_no_tokens_of_the_old_epoch() {
    let mut sites = [Site::new("AAA", 1, [(1, 1)]), Site::new("BBB", 2, [(1, 1)])];
    let centre = centre_of(&sites);
    for site in &mut sites {
        site.month(1, (1, None), &centre);
    }
    sites[0].month(2, (1, Some(2)), &centre);
    centre.pull();
    centre.link();
    assert_eq!(found(&centre).len(), 1);
    let mut corrected = basic(1, 3);
    corrected.identity = Arc::new(identity(2));
    sites[0].hospital.epochs = (2, None);
    let sealed = sites[0].hospital.seal(vec![patient(1, vec![corrected])]);
    centre.deliver(&sealed);
    centre.pull();
    assert_eq!(centre.link().changes.split, 1);
    assert_eq!(found(&centre).len(), 2);
}
