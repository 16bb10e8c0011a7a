//! Cards and municipal numbers that more patients have than a household can.

use std::sync::Arc;

use envelope::MacKey;
use jiff::civil::date;
use privacy::gate::PatientReadings;
use record::identity::Insurance;
use record::{DataKind, DocumentKey, DocumentState, Domain, Drops, Identity, Reading};
use record::{Sensitive, SiteId, Version};

use super::*;
use crate::ledger::LedgerKey;

fn key() -> LedgerKey {
    LedgerKey::new(&MacKey::from_bytes([5; 32]))
}

fn patient(chart: &str, number: &str, branch: &str) -> PatientReadings {
    let chart = ChartNumber::new(chart).unwrap();
    let part = Sensitive::new;
    let card = Insurance {
        insurer: part("06130012"),
        symbol: part("12"),
        number: part(number),
        branch: part(branch),
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
        identity: Arc::new(Identity {
            insurance: vec![card],
            ..Identity::default()
        }),
        records: Vec::new(),
        named: Vec::new(),
        findings: Vec::new(),
        drops: Drops::default(),
    };
    PatientReadings {
        chart,
        readings: vec![reading],
        doubtful: Vec::new(),
    }
}

/// Somebody without a card, whom the municipality gave a number.
fn resident(chart: &str, number: &str) -> PatientReadings {
    let mut patient = patient(chart, "", "");
    for reading in &mut patient.readings {
        reading.identity = Arc::new(Identity {
            municipal: Sensitive::new(number),
            former: ChartNumber::new(number).into_iter().collect(),
            ..Identity::default()
        });
    }
    patient
}

fn met(chart: &str, number: &str, branch: &str) -> Met {
    met_as(patient(chart, number, branch))
}

fn met_as(patient: PatientReadings) -> Met {
    let known = Known::of(&patient, key().identities());
    Met {
        chart: patient.chart,
        known,
    }
}

const AT: Now = Now {
    seconds: 1_788_000_000,
    today: date(2026, 9, 1),
};

fn ledger() -> (tempfile::TempDir, Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let site: SiteId = "HOSP-A".parse().unwrap();
    let ledger = Ledger::open(folder.path(), key(), &site).unwrap();
    (folder, ledger)
}

/// B-074: a number that a whole clinic writes for everybody is counted over the site, whatever the
/// branch number, and no household is taken for one.
#[test]
fn a_card_of_more_patients_than_a_household_has_is_told_once_and_taken_out() {
    let (_folder, mut ledger) = ledger();
    let mut meet = |chart: usize, number: &str| {
        let branch = format!("{:02}", chart % 3);
        let people = [met(&format!("{chart:06}"), number, &branch)];
        let first = ledger.meet(&people, AT).unwrap();
        assert!(ledger.meet(&people, AT).unwrap().is_empty());
        (first, ledger.shared_cards().unwrap())
    };
    let taken = |cards: &SharedCards, number: &str| {
        cards.take_out(&mut patient("000999", number, ""), key().identities())
    };
    for chart in 1..=HOUSEHOLD_MOST {
        let (sharing, cards) = meet(chart, "1234567");
        assert!(sharing.is_empty(), "{chart}");
        assert_eq!(taken(&cards, "1234567"), 0);
    }
    let (sharing, cards) = meet(HOUSEHOLD_MOST + 1, "１２３４５６７");
    let mut sharing: Vec<_> = sharing.iter().map(ChartNumber::expose).collect();
    sharing.sort_unstable();
    assert_eq!((sharing.len(), sharing[0]), (HOUSEHOLD_MOST + 1, "000001"));
    assert_eq!(taken(&cards, "1234567"), 1);
    assert_eq!(taken(&cards, "7654321"), 0);
    let (sharing, _) = meet(HOUSEHOLD_MOST + 2, "1234567");
    assert!(sharing.is_empty());
}

/// A municipal number that a house writes for whoever has none is nobody's.
#[test]
fn a_municipal_number_of_many_patients_is_told_once_and_taken_out() {
    let (_folder, mut ledger) = ledger();
    for chart in 1..=HOUSEHOLD_MOST + 2 {
        let people = [met_as(resident(&format!("{chart:06}"), "0000001"))];
        let sharing = ledger.meet(&people, AT).unwrap().len();
        let told = HOUSEHOLD_MOST + 1;
        assert_eq!(sharing, if chart == told { told } else { 0 }, "{chart}");
        let cards = ledger.shared_cards().unwrap();
        for (number, taken) in [("0000001", usize::from(chart >= told)), ("0000002", 0)] {
            let mut patient = resident("000999", number);
            assert_eq!(cards.take_out(&mut patient, key().identities()), taken);
            let left = &patient.readings[0].identity.municipal;
            assert_eq!(left.is_empty(), taken > 0, "{number}");
        }
    }
}
