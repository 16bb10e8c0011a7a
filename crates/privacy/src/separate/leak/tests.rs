#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::sync::Arc;

use record::code::{Code, Coding, Concept, Unit};
use record::content::{
    AllergyIntolerance, Amount, Condition, Coverage, Dose, Encounter, MedicationAdministration,
    MedicationRequest, Modifier, ModifierPlace, NutritionOrder, Observation, Patient, Prefecture,
    Procedure, Record, ServiceRequest, Value,
};
use record::identity::{Identity, Sex};
use record::kind::DataKind;
use record::moment::{Moment, YearMonth};
use record::number::{Comparator, Decimal, Quantity};

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
        ..Observation::default()
    })
}

fn person(number: &str) -> Reading {
    let mut reading = reading(number, DataKind::Oml11, Vec::new());
    reading.identity = Arc::new(Identity {
        postal: Sensitive::new("184-0014"),
        phones: vec![Sensitive::new("０９９-385-1234")],
        insurance: vec![card("06130012", "川崎 12", "４５６７８９０", "01")],
        ..Identity::default()
    });
    reading
}

fn found(number: &str, records: Vec<Record>) -> bool {
    let mut reading = person(number);
    let identifiers = Identifiers::of(&chart(number), &[], std::slice::from_ref(&reading));
    reading.records = records;
    identifiers.in_reading(&mut reading)
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
fn an_older_number_is_searched_for_like_the_present_one() {
    let mut reading = person("1");
    Arc::make_mut(&mut reading.identity).former = vec![chart("0012345678")];
    let identifiers = Identifiers::of(&chart("1"), &[], std::slice::from_ref(&reading));
    for (code, found) in [("X12345678", true), ("X12345679", false)] {
        reading.records = vec![observation(code)];
        assert_eq!(identifiers.in_reading(&mut reading), found, "{code}");
    }
}

#[test]
fn the_order_number_of_the_document_itself_counts_and_the_number_for_none_does_not() {
    let with_order = |order: &str| {
        let mut reading = person("1");
        reading.key.order = Sensitive::new(order);
        let identifiers = Identifiers::of(&chart("1"), &[], std::slice::from_ref(&reading));
        reading.records = vec![observation("999999999999999"), observation("2024000123")];
        identifiers.in_reading(&mut reading)
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

/// Records of one kind, one for each field that is given, all else empty.
macro_rules! each {
    ($kind:ident: $($field:ident = $value:expr;)*) => {
        vec![$(Record::$kind($kind { $field: $value, ..$kind::default() }),)*]
    };
}

const MARK: &str = "M12345678";

fn mark() -> Option<Concept> {
    concept(MARK)
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "fields of records take it as it is"
)]
fn code() -> Option<Code> {
    Some(MARK.parse().unwrap())
}

fn number() -> Decimal {
    "12345678".parse().unwrap()
}

fn coding() -> Coding {
    Coding {
        code: "X".parse().unwrap(),
        system: Some(MARK.parse().unwrap()),
    }
}

/// A number with a marked unit, and a marked number.
fn quantities() -> [Quantity; 2] {
    let quantity = |value: &str, unit| Quantity {
        value: value.parse().unwrap(),
        unit,
        comparator: Some(Comparator::Less),
    };
    [
        quantity("1", Some(MARK.parse::<Unit>().unwrap())),
        quantity("12345678", None),
    ]
}

fn amounts() -> [Option<Amount>; 2] {
    let amount = |value: &str, unit| Amount {
        value: value.parse().unwrap(),
        unit,
    };
    [amount("1", mark()), amount("12345678", None)].map(Some)
}

fn doses() -> [Dose; 3] {
    let dose = Dose::default;
    [
        Dose {
            medication: mark(),
            ..dose()
        },
        Dose {
            amount: Some(number()),
            ..dose()
        },
        Dose {
            unit: mark(),
            ..dose()
        },
    ]
}

fn marked_medication() -> Vec<Record> {
    let [by_unit, by_number] = quantities();
    let [coded, counted] = amounts();
    let [medicine, amount, unit] = doses();
    let mut records = each!(MedicationRequest:
        dose = medicine.clone(); dose = amount; dose = unit; most = Some(number()); form = mark();
        per_day = coded.clone(); per_day = counted.clone();
        dispensed = coded.clone(); dispensed = counted.clone();
        rate = coded; rate = counted; timing = code();
        duration = Some(by_unit.clone()); duration = Some(by_number.clone());
        occurrences = Some(number()); priority = code(); route = mark(); site = mark();
        device = mark(); method = mark(); categories = mark().into_iter().collect();
    );
    records.extend(each!(MedicationAdministration:
        dose = medicine; form = mark(); rate = Some(by_unit); rate = Some(by_number); lot = code();
        route = mark(); site = mark(); device = mark(); method = mark(); status = code();
    ));
    records
}

fn marked_observations() -> Vec<Record> {
    let [by_unit, by_number] = quantities();
    let [medicine, ..] = doses();
    each!(Observation:
        code = mark(); value = Some(Value::Quantity(by_unit));
        value = Some(Value::Quantity(by_number)); value = mark().map(Value::Concept);
        value = code().map(Value::Sign); value = Some(Value::Used(medicine));
        range = Some((Some(number()), None)); range = Some((None, Some(number())));
        flag = code(); status = code(); method = mark(); part = code(); panel = mark();
        specimen = mark();
    )
}

fn marked_of_other_kinds() -> Vec<Record> {
    let coverage = |plan: Concept, relation| {
        Record::Coverage(Coverage {
            plan,
            start: None,
            end: None,
            relation,
        })
    };
    let plain = || concept("X").unwrap();
    let second = Concept {
        second: Some(coding()),
        ..plain()
    };
    let modifier = Modifier {
        place: ModifierPlace::Suffix,
        code: mark().unwrap(),
    };
    let mut records = vec![
        coverage(mark().unwrap(), None),
        coverage(second, None),
        coverage(plain(), code()),
    ];
    records.extend(each!(Encounter:
        department = code(); ward = code(); ward_from = code(); disposition = code();
    ));
    records.extend(each!(AllergyIntolerance:
        category = mark(); code = mark(); severity = Some(coding());
        sensitivity = Some(coding()); verification = Some(coding());
    ));
    records.extend(each!(Condition:
        code = mark(); exchange = mark(); icd10 = mark(); modifiers = vec![modifier];
        outcome = mark(); rank = mark();
    ));
    records.extend(each!(ServiceRequest:
        code = mark(); specimen = mark(); body_site = mark(); modality = mark();
        priority = code(); status = code();
    ));
    records.extend(each!(Procedure:
        code = mark(); times = Some(number()); addition = mark(); status = code();
        body_site = mark(); modality = mark();
    ));
    records.extend(each!(NutritionOrder:
        code = mark(); action = code(); meal = mark(); timing = code();
    ));
    records
}

/// no field of the vocabulary that holds a code, a unit or a long number is overlooked.
#[test]
fn every_place_for_a_code_is_searched() {
    let marked = [
        marked_medication(),
        marked_observations(),
        marked_of_other_kinds(),
    ];
    for record in marked.concat() {
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
            ..Observation::default()
        }),
    ];
    assert!(!found("20240615", unmarked.into()));
}

/// The day of birth leaves as a month only, so a code or a measured day that is it must not.
#[test]
fn the_day_of_birth_is_found_in_codes_and_in_measured_days() {
    let mut born = person("0000012345");
    Arc::make_mut(&mut born.identity).birth = Some(Birth::new(jiff::civil::date(1950, 1, 2)));
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
        assert_eq!(identifiers.in_reading(&mut born), expected, "{record:?}");
    }
}

/// A field that the vocabulary gets does not compile until the search names it, as long as no
/// pattern there passes over fields or variants.
#[test]
fn no_pattern_of_the_search_passes_over_a_field() {
    let source = include_str!("../slots.rs");
    assert!(
        source.contains("birth: _"),
        "patterns name what they leave out"
    );
    for rest in ["..", "_ =>", "_ if "] {
        assert!(!source.contains(rest), "`{rest}` in slots.rs");
    }
}
