#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use record::content::{EncounterEvent, Prefecture};
use record::identity::{Identity, Sex};
use record::kind::DataKind;
use record::moment::{Moment, YearMonth};
use record::number::Comparator;

use super::*;
use crate::fixtures::{card, chart, reading};

#[expect(
    clippy::unnecessary_wraps,
    reason = "fields of records take it as it is"
)]
fn concept(code: &str) -> Option<Concept> {
    Some(Concept::of(
        code.parse().unwrap(),
        Some("JC10".parse().unwrap()),
    ))
}

fn observation(code: &str) -> Record {
    Record::Observation(Observation {
        code: concept(code),
        value: None,
        range: None,
        flag: None,
        status: None,
        specimen: None,
        at: None,
    })
}

fn person(number: &str) -> Reading {
    let mut reading = reading(number, DataKind::Oml11, Vec::new());
    reading.identity = Identity {
        postal: Sensitive::new("184-0014"),
        phones: vec![Sensitive::new("０９９-385-1234")],
        insurance: vec![card("06130012", "川崎 12", "４５６７８９０", "01")],
        ..Identity::default()
    };
    reading
}

fn found(number: &str, records: Vec<Record>) -> bool {
    let mut reading = person(number);
    let identifiers = Identifiers::of(&chart(number), &[], std::slice::from_ref(&reading));
    reading.records = records;
    identifiers.in_reading(&reading)
}

#[test]
fn identifiers_are_found_as_far_as_they_say_something() {
    for (number, code, expected) in [
        // Eight significant digits or more: anywhere.
        ("0012345678", "0012345678", true),
        ("0012345678", "12345678", true),
        ("0012345678", "3F9912345678001", true),
        ("0012345678", "123-45678", true),
        ("0012345678", "1234567", false),
        // Six or seven: a whole run, leading zeros aside.
        ("0000123456", "123456", true),
        ("0000123456", "X-0123456/1", true),
        ("0000123456", "1234567", false),
        // Fewer: the whole run exactly as written.
        ("0000012345", "LAB.0000012345", true),
        ("0000012345", "000012345", false),
        ("0000012345", "12345", false),
        ("12345", "12345", false),
        ("000000", "000000", false),
        // Letters make a number say more; case and hyphens do not matter.
        ("a-12345", "99A12345X", true),
        ("a-12345", "99A1234X", false),
        // Phone, insured number, postal code.
        ("1", "0993851234", true),
        ("1", "99-385-1234", true),
        ("1", "4567890", true),
        ("1", "1840014", true),
        ("1", "184-0014", true),
        ("1", "21840014", false),
    ] {
        assert_eq!(
            found(number, vec![observation(code)]),
            expected,
            "{number} {code}"
        );
    }
}

#[test]
fn the_order_number_of_the_document_itself_counts_and_the_number_for_none_does_not() {
    let with_order = |order: &str| {
        let mut reading = person("1");
        reading.key.order = Sensitive::new(order);
        let identifiers = Identifiers::of(&chart("1"), &[], std::slice::from_ref(&reading));
        reading.records = vec![observation("999999999999999"), observation("2024000123")];
        identifiers.in_reading(&reading)
    };
    assert!(with_order("000002024000123"));
    assert!(!with_order("000002024000124"));
    assert!(!with_order("999999999999999"));
}

#[test]
fn standard_codes_raise_no_alarm_for_consecutive_chart_numbers() {
    let codes = [
        "3D010000001920402",
        "3B035000002327201",
        "2A990000001930953",
        "3F015000002327101",
        "5C070000002302301",
        "1A010000000190111",
        "620004631",
        "103835401",
        "20061234",
        "1124017F2135",
    ];
    let records: Vec<_> = codes.into_iter().map(observation).collect();
    for number in 1..20_000 {
        assert!(
            !found(&format!("{number:010}"), records.clone()),
            "{number}"
        );
    }
}

/// no field of the vocabulary that holds a code, a unit or a long number is overlooked.
#[test]
fn every_place_for_a_code_is_searched() {
    const MARK: &str = "M12345678";
    let mark = || concept(MARK);
    let code = || Some(MARK.parse().unwrap());
    let unit = || Some(MARK.parse::<Unit>().unwrap());
    let number = "12345678".parse::<Decimal>().unwrap();
    let coding = || Coding {
        code: "X".parse().unwrap(),
        system: Some(MARK.parse().unwrap()),
    };
    let quantity = |value, unit| Quantity {
        value,
        unit,
        comparator: Some(Comparator::Less),
    };
    let small = "1".parse::<Decimal>().unwrap();
    let dose = || Dose {
        medication: None,
        amount: None,
        unit: None,
    };
    let request = || MedicationRequest {
        dose: dose(),
        start: None,
        end: None,
        timing: None,
        duration: None,
        route: None,
        component: false,
    };
    let given = || MedicationAdministration {
        dose: dose(),
        start: None,
        end: None,
        route: None,
        status: None,
        component: true,
    };
    let seen = || Observation {
        code: None,
        value: None,
        range: None,
        flag: None,
        status: None,
        specimen: None,
        at: None,
    };
    let allergy = || AllergyIntolerance {
        category: None,
        code: None,
        severity: None,
        onset: None,
    };
    let disease = || Condition {
        code: None,
        icd10: None,
        onset: None,
        abated: None,
        outcome: None,
        provisional: false,
        free_text: false,
    };
    let visit = || Encounter {
        class: None,
        event: EncounterEvent::Visit,
        at: None,
        department: None,
        disposition: None,
    };
    let second = Concept {
        second: Some(coding()),
        ..concept("X").unwrap()
    };
    let marked = [
        Record::Coverage(Coverage {
            plan: mark().unwrap(),
        }),
        Record::Coverage(Coverage { plan: second }),
        Record::Encounter(Encounter {
            department: code(),
            ..visit()
        }),
        Record::Encounter(Encounter {
            disposition: code(),
            ..visit()
        }),
        Record::AllergyIntolerance(AllergyIntolerance {
            category: mark(),
            ..allergy()
        }),
        Record::AllergyIntolerance(AllergyIntolerance {
            code: mark(),
            ..allergy()
        }),
        Record::AllergyIntolerance(AllergyIntolerance {
            severity: Some(coding()),
            ..allergy()
        }),
        Record::Condition(Condition {
            code: mark(),
            ..disease()
        }),
        Record::Condition(Condition {
            icd10: mark(),
            ..disease()
        }),
        Record::Condition(Condition {
            outcome: mark(),
            ..disease()
        }),
        Record::MedicationRequest(MedicationRequest {
            dose: Dose {
                medication: mark(),
                ..dose()
            },
            ..request()
        }),
        Record::MedicationRequest(MedicationRequest {
            dose: Dose {
                amount: Some(number),
                ..dose()
            },
            ..request()
        }),
        Record::MedicationRequest(MedicationRequest {
            dose: Dose {
                unit: mark(),
                ..dose()
            },
            ..request()
        }),
        Record::MedicationRequest(MedicationRequest {
            timing: code(),
            ..request()
        }),
        Record::MedicationRequest(MedicationRequest {
            route: mark(),
            ..request()
        }),
        Record::MedicationRequest(MedicationRequest {
            duration: Some(quantity(small, unit())),
            ..request()
        }),
        Record::MedicationAdministration(MedicationAdministration {
            dose: Dose {
                medication: mark(),
                ..dose()
            },
            ..given()
        }),
        Record::MedicationAdministration(MedicationAdministration {
            route: mark(),
            ..given()
        }),
        Record::MedicationAdministration(MedicationAdministration {
            status: code(),
            ..given()
        }),
        Record::Observation(Observation {
            code: mark(),
            ..seen()
        }),
        Record::Observation(Observation {
            value: Some(Value::Quantity(quantity(number, None))),
            ..seen()
        }),
        Record::Observation(Observation {
            value: Some(Value::Quantity(quantity(small, unit()))),
            ..seen()
        }),
        Record::Observation(Observation {
            value: Some(Value::Concept(mark().unwrap())),
            ..seen()
        }),
        Record::Observation(Observation {
            value: Some(Value::Sign(code().unwrap())),
            ..seen()
        }),
        Record::Observation(Observation {
            range: Some((Some(number), None)),
            ..seen()
        }),
        Record::Observation(Observation {
            range: Some((None, Some(number))),
            ..seen()
        }),
        Record::Observation(Observation {
            flag: code(),
            ..seen()
        }),
        Record::Observation(Observation {
            status: code(),
            ..seen()
        }),
        Record::Observation(Observation {
            specimen: mark(),
            ..seen()
        }),
    ];
    for record in marked {
        assert!(found("12345678", vec![record.clone()]), "{record:?}");
        assert!(!found("87654321", vec![record.clone()]), "{record:?}");
    }
    let unmarked = [
        Record::Patient(Patient {
            sex: Some(Sex::Female),
            birth: Some(YearMonth {
                year: 1958,
                month: 3,
            }),
            prefecture: Prefecture::new(13),
            died: None,
            deceased: false,
        }),
        Record::Observation(Observation {
            value: Some(Value::Moment("2024-06-15T10:00".parse::<Moment>().unwrap())),
            ..seen()
        }),
    ];
    assert!(!found("20240615", unmarked.into()));
}

/// The day of birth leaves as a month only, so a code or a measured day that is it must not.
#[test]
fn the_day_of_birth_is_found_in_codes_and_in_measured_days() {
    let mut born = person("0000012345");
    born.identity.birth = Some(Birth::new(jiff::civil::date(1950, 1, 2)));
    let identifiers = Identifiers::of(&chart("0000012345"), &[], std::slice::from_ref(&born));
    let measured = |day: &str| {
        let value = Some(Value::Moment(Moment::from_hl7(day).unwrap()));
        let Record::Observation(observation) = observation("3A010") else {
            panic!("an observation");
        };
        Record::Observation(Observation {
            value,
            ..observation
        })
    };
    for (record, expected) in [
        (observation("19500102"), true),
        (observation("X-19500102"), true),
        (observation("19500103"), false),
        (observation("2A19500102001"), false),
        (measured("19500102"), true),
        (measured("195001021530"), true),
        (measured("195001"), false),
        (measured("20250102"), false),
    ] {
        born.records = vec![record.clone()];
        assert_eq!(identifiers.in_reading(&born), expected, "{record:?}");
    }
}
