#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::sync::Arc;

use record::code::Concept;
use record::content::{
    Condition, Coverage, Dose, Encounter, MedicationAdministration, Modifier, Observation,
};
use record::kind::DataKind;
use record::number::Quantity;

use super::*;
use crate::fixtures::{chart, name, reading};

fn concept(code: &str, system: &str) -> Concept {
    let system = (!system.is_empty()).then(|| system.parse().unwrap());
    Concept::of(code.parse().unwrap(), system)
}

/// A person of a number, with a kana name and one in Latin letters.
fn faint(number: &str, kana: [&str; 2], letters: [&str; 2]) -> Faint {
    let mut one = reading(number, DataKind::Adt12, Vec::new());
    Arc::make_mut(&mut one.identity).kana = name(kana[0], kana[1]);
    Arc::make_mut(&mut one.identity).letters = name(letters[0], letters[1]).into_iter().collect();
    Faint::of(&chart(number), &[], &[one])
}

fn of_number(number: &str) -> Faint {
    faint(number, ["", ""], ["", ""])
}

fn left_of(faint: &Faint, record: Record) -> (Option<Record>, Vec<(String, u64)>) {
    let mut records = vec![record];
    let drops = faint.leave_out(&mut records);
    let drops = drops.iter().map(|(name, count)| (name.to_owned(), count));
    (records.pop(), drops.collect())
}

fn found(faint: &Faint, code: &str) -> bool {
    let record = Record::Encounter(Encounter {
        ward: Some(code.parse().unwrap()),
        ..Encounter::default()
    });
    let (left, drops) = left_of(faint, record.clone());
    let lost = left != Some(record);
    assert_eq!(lost, !drops.is_empty(), "{code}");
    lost
}

#[test]
fn a_short_number_is_found_as_a_whole_word_and_nowhere_else() {
    for (number, code, expected) in [
        ("1234", "1234", true),
        ("01234", "1234", true),
        ("1234", "001234", true),
        ("0000012345", "12345", true),
        ("00123", "00123", true),
        ("A1234", "W-a1234/2", true),
        ("1234", "12345", false),
        ("1234", "X1234", false),
        ("1234", "3D0101234", false),
        ("00123", "123", false),
        ("123", "123", false),
        ("00000", "00000", false),
        ("123456", "123456", false),
    ] {
        assert_eq!(found(&of_number(number), code), expected, "{number} {code}");
    }
}

/// the name leaves in no spelling, whichever of the two scripts the source gave.
#[test]
fn a_name_is_found_in_every_spelling_and_short_ones_only_as_a_whole() {
    let yamada = || faint("1", ["ヤマダ", "タロウ"], ["", ""]);
    let ito = || faint("1", ["ｲﾄｳ", "ケン"], ["", ""]);
    let smith = || faint("1", ["", ""], ["Smith", "Jo"]);
    for (person, code, expected) in [
        (yamada(), "YAMADA", true),
        (yamada(), "Yamada01", true),
        (yamada(), "DR_YAMADA", true),
        (yamada(), "TAROU", true),
        (yamada(), "TARO", true),
        (yamada(), "taroh-yamada", true),
        (yamada(), "YAMADATARO", true),
        (yamada(), "XYAMADATAROX", true),
        (yamada(), "YAMADAKA", false),
        (yamada(), "YAMA", false),
        (ito(), "ITO", false),
        (ito(), "ITOKEN", true),
        (ito(), "KEN.ITOH", true),
        (ito(), "KEN", false),
        (smith(), "SMITH", true),
        (smith(), "JO-SMITH", true),
        (smith(), "JO", false),
        (faint("1", ["", ""], ["", ""]), "YAMADA", false),
    ] {
        assert_eq!(found(&person, code), expected, "{code}");
    }
}

#[test]
fn the_value_alone_is_left_out_and_the_rest_of_the_record_stands() {
    let number = of_number("1234");
    let hit = || concept("1234", "99XYZ");
    let plain = || concept("3A010", "JC10");
    let both = |first: Concept, second: Concept| Concept {
        second: Some(second.first),
        ..first
    };
    let observation = |code, value| {
        Record::Observation(Observation {
            code,
            value,
            ..Observation::default()
        })
    };
    let amount = || {
        Some(Value::Quantity(Quantity {
            value: "1234".parse().unwrap(),
            unit: None,
            comparator: None,
        }))
    };
    let coverage = |plan| {
        Record::Coverage(Coverage {
            plan,
            start: None,
            end: None,
            relation: None,
        })
    };
    let disease = |codes: Vec<Concept>| {
        let modifiers = codes.into_iter().map(|code| Modifier {
            code,
            ..Modifier {
                place: Default::default(),
                code: plain(),
            }
        });
        Record::Condition(Condition {
            code: Some(plain()),
            modifiers: modifiers.collect(),
            ..Condition::default()
        })
    };
    let given = |medication| {
        Record::MedicationAdministration(MedicationAdministration {
            dose: Dose {
                medication,
                ..Dose::default()
            },
            ..MedicationAdministration::default()
        })
    };
    for (record, left, count) in [
        // A measured number is a measurement.
        (observation(Some(plain()), amount()), None, 0),
        (
            observation(Some(both(hit(), plain())), amount()),
            Some(observation(Some(plain()), amount())),
            1,
        ),
        (
            observation(Some(both(plain(), hit())), amount()),
            Some(observation(Some(plain()), amount())),
            1,
        ),
        (
            observation(Some(plain()), Some(Value::Concept(hit()))),
            Some(observation(Some(plain()), None)),
            1,
        ),
        (
            disease(vec![hit(), plain()]),
            Some(disease(vec![plain()])),
            1,
        ),
        // National tables have codes of this length.
        (disease(vec![concept("1234", "MDCMOD")]), None, 0),
        (coverage(both(hit(), plain())), Some(coverage(plain())), 1),
    ] {
        let (found, drops) = left_of(&number, record.clone());
        assert_eq!(found, Some(left.unwrap_or(record)));
        assert_eq!(drops.iter().map(|(_, count)| count).sum::<u64>(), count);
    }
    // What says nothing any more goes whole.
    for record in [
        coverage(hit()),
        observation(Some(hit()), None),
        given(Some(hit())),
    ] {
        assert_eq!(left_of(&number, record).0, None);
    }
}

/// Codes of national tables and units meet no name and hardly a number by chance.
#[test]
fn standard_codes_raise_no_alarm_for_common_names() {
    let names = [
        "サトウ",
        "スズキ",
        "タカハシ",
        "タナカ",
        "イトウ",
        "カトウ",
        "モリ",
        "ハラ",
    ];
    let given = ["マリ", "アンナ", "ケン", "タロウ", "ハナコ", "シン"];
    let codes = [
        "3D010000001920402",
        "TAB",
        "CAP",
        "AMP",
        "IMP",
        "AMB",
        "K297",
        "I10",
        "1124017F2135",
        "PO",
        "IV",
        "SC",
        "mg/dL",
        "10*4/uL",
        "INJ",
        "KIT",
        "SUPP",
        "SHEET",
        "9A100&IMP",
    ];
    for family in names {
        for given in given {
            let person = faint("0012345678", [family, given], ["", ""]);
            for code in codes {
                let held = person.in_text(code);
                assert!(held.is_none(), "{family} {given} {code}");
            }
        }
    }
}
