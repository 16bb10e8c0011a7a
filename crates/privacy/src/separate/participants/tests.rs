#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use record::kind::DataKind;

use super::*;
use crate::fixtures::{self, Key, chart};
use crate::gate::PatientReadings;
use crate::separate::{SiteKeys, separate};
use crate::tokens::EpochKey;

const CHART: &str = "1311234567";

fn participants(rules: ParticipantRules<'_>, named: &[(Role, &str)]) -> Vec<Participant> {
    let mut reading = fixtures::reading(CHART, DataKind::Omp01, Vec::new());
    reading.named = named
        .iter()
        .map(|&(role, number)| Named {
            role,
            number: Sensitive::new(number),
        })
        .collect();
    let patient = PatientReadings {
        chart: chart(CHART),
        readings: vec![reading],
        doubtful: Vec::new(),
    };
    let (tokens, site) = (Key::fixed(7), Key::fixed(9));
    let keys = SiteKeys {
        tokens: EpochKey::new(1, &tokens),
        next: None,
        site: &site,
        municipality: None,
        vault: None,
        participants: rules,
    };
    let screened = fixtures::open_gate(CHART).screen(patient).unwrap();
    let separated = separate(screened, &keys);
    separated.documents()[0].participants.clone()
}

fn staff(key: &Key, role: Role, number: &str) -> StaffRef {
    let rules = ParticipantRules {
        staff: Some(key),
        institutions: false,
    };
    let all = participants(rules, &[(role, number)]);
    match all.as_slice() {
        [
            Participant {
                role: of,
                who: Who::Staff(token),
            },
        ] if *of == role => *token,
        other => panic!("{other:?}"),
    }
}

const EVERYBODY: &[(Role, &str)] = &[
    (Role::Attending, "D1"),
    (Role::NarcoticsLicence, "13-4567"),
    (Role::OrderingInstitution, "1311234560"),
];

/// nothing of anybody leaves unless a contract says so, and each only where it does.
#[test]
fn nothing_of_staff_and_institutions_leaves_by_default() {
    assert_eq!(participants(ParticipantRules::default(), EVERYBODY), []);
    let key = Key::fixed(5);
    let with_staff = ParticipantRules {
        staff: Some(&key),
        institutions: false,
    };
    let of_staff = |one: &Participant| matches!(one.who, Who::Staff(_));
    let two = participants(with_staff, EVERYBODY);
    assert_eq!((two.len(), two.iter().all(of_staff)), (2, true));
    let with_institutions = ParticipantRules {
        staff: None,
        institutions: true,
    };
    let one = participants(with_institutions, EVERYBODY);
    assert_eq!((one.len(), one.iter().any(of_staff)), (1, false));
}

#[test]
fn a_member_of_staff_has_one_token_in_every_role_and_another_under_another_key() {
    let [ours, theirs] = [5, 6].map(Key::fixed);
    let token = staff(&ours, Role::Attending, "D1");
    assert_eq!(token, staff(&ours, Role::Ordering, "D1"));
    assert_ne!(token, staff(&theirs, Role::Attending, "D1"));
    assert_ne!(token, staff(&ours, Role::Attending, "D2"));
    // A licence that is written like a staff number is somebody else's.
    assert_ne!(token, staff(&ours, Role::NarcoticsLicence, "D1"));
}

/// A change here would make every member of staff of every site a new one at the centre.
#[test]
fn tokens_under_a_fixed_key_never_change() {
    let key = Key::fixed(5);
    let shown = |role| fixtures::hex(staff(&key, role, "D1").as_bytes());
    assert_eq!(shown(Role::Attending), "954a5f90af9559d395815ce47502f11f");
    assert_eq!(
        shown(Role::NarcoticsLicence),
        "eadef501ba7af90a17dcb53858c9f14c"
    );
}

#[test]
fn an_institution_with_the_number_of_the_patient_stays() {
    let rules = ParticipantRules {
        staff: None,
        institutions: true,
    };
    let of = |number| participants(rules, &[(Role::PerformingInstitution, number)]).len();
    assert_eq!((of(CHART), of("1311234568")), (0, 1));
}
