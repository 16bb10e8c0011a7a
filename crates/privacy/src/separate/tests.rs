#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::sync::Arc;

use jiff::civil::date;
use proptest::prelude::*;
use record::code::Concept;
use record::content::{Condition, Record};
use record::identity::{Birth, Death, Sensitive};
use record::kind::{DataKind, Domain};
use record::moment::Moment;
use record::reading::Version;

use super::*;
use crate::fixtures::{self, Key, card, chart, hex, name, reading};
use crate::tokens::TokenKind;

fn screened(number: &str, readings: Vec<Reading>) -> Screened<PatientReadings> {
    let gate = fixtures::open_gate(number);
    gate.screen(PatientReadings {
        chart: chart(number),
        readings,
        doubtful: Vec::new(),
    })
    .unwrap()
}

fn separated_at(site: u8, number: &str, readings: Vec<Reading>) -> Separated {
    let (tokens, site) = (Key::fixed(7), Key::fixed(site));
    separate(
        screened(number, readings),
        &SiteKeys {
            tokens: EpochKey::new(1, &tokens),
            next: None,
            site: &site,
            municipality: None,
            vault: None,
            participants: ParticipantRules::default(),
        },
    )
}

fn separated(number: &str, readings: Vec<Reading>) -> Separated {
    separated_at(9, number, readings)
}

fn condition(code: &str) -> Record {
    Record::Condition(Condition {
        code: Some(Concept::of(code.parse().unwrap(), None)),
        ..Condition::default()
    })
}

fn of_order(kind: DataKind, order: &str, version: u64) -> Reading {
    let mut reading = reading("0000004711", kind, vec![condition("E11")]);
    reading.key.order = Sensitive::new(order);
    reading.key.care_date = Some(Moment::of_day(date(2024, 5, 2)));
    reading.version = Version(version);
    reading
}

#[test]
fn order_performance_and_result_join_by_the_order_inside_a_site_only() {
    let readings = || {
        vec![
            of_order(DataKind::Omp01, "000000000012345", 1),
            of_order(DataKind::Omp11, "000000000012345", 1),
            of_order(DataKind::Oml11, "000000000012346", 1),
            of_order(DataKind::Ppr01, "999999999999999", 1),
            of_order(DataKind::Adt61, "", 1),
        ]
    };
    let one = separated_at(9, "0000004711", readings());
    let order = |separated: &Separated, kind| {
        separated
            .documents()
            .iter()
            .find(|document| document.kind == kind)
            .unwrap()
            .order
    };
    assert!(order(&one, DataKind::Omp01).is_some());
    assert_eq!(order(&one, DataKind::Omp01), order(&one, DataKind::Omp11));
    assert_ne!(order(&one, DataKind::Omp01), order(&one, DataKind::Oml11));
    assert_eq!(order(&one, DataKind::Ppr01), None);
    assert_eq!(order(&one, DataKind::Adt61), None);
    let other = separated_at(10, "0000004711", readings());
    assert_ne!(one.subject().subject, other.subject().subject);
    assert_eq!(one.subject().tokens, other.subject().tokens);
    for (one, other) in one.documents().iter().zip(readings()) {
        let ours = separated_at(10, "0000004711", vec![other]);
        assert_ne!(one.document, ours.documents()[0].document);
    }
    assert_ne!(order(&one, DataKind::Omp01), order(&other, DataKind::Omp01));
}

#[test]
fn a_document_keeps_its_reference_across_versions_and_each_part_of_its_key_changes_it() {
    let reference = |change: fn(&mut Reading)| {
        let mut reading = of_order(DataKind::Omp01, "000000000012345", 1);
        change(&mut reading);
        separated("0000004711", vec![reading]).documents()[0].document
    };
    let base = reference(|_| ());
    assert_eq!(base, reference(|r| r.version = Version(2)));
    assert_eq!(base, reference(|r| r.state = DocumentState::Withdrawn));
    assert_ne!(base, reference(|r| r.key.kind = DataKind::Omp11));
    assert_ne!(base, reference(|r| r.key.care_date = None));
    assert_ne!(base, reference(|r| r.key.order = Sensitive::new("12345")));
    assert_ne!(
        base,
        reference(|r| r.key.local_kind = Some(Sensitive::default()))
    );
}

/// A change here would make every document of every site a new one at the centre.
#[test]
fn references_under_a_fixed_key_never_change() {
    let separated = separated(
        "0000004711",
        vec![of_order(DataKind::Omp01, "000000000012345", 1)],
    );
    let document = &separated.documents()[0];
    assert_eq!(
        hex(separated.subject().subject.as_bytes()),
        "86ac9c5a1e42dbeac3b65ad30c806d66"
    );
    assert_eq!(
        hex(document.document.as_bytes()),
        "1b7f7917f0047710b04513c0631e752c"
    );
    assert_eq!(
        hex(document.order.unwrap().as_bytes()),
        "0b7d0dee5a3a3dd0247abe8f54a010bd"
    );
    assert_eq!(document.subject, separated.subject().subject);
    assert_eq!(
        subject_ref(&chart("0000004711"), &Key::fixed(9)),
        document.subject
    );
    assert_ne!(
        subject_ref(&chart("4711"), &Key::fixed(9)),
        document.subject
    );
    assert_eq!(document.domain, Domain::Medical);
}

#[test]
fn a_withdrawn_document_says_nothing_but_that() {
    let mut reading = of_order(DataKind::Omp01, "1", 3);
    reading.state = DocumentState::Withdrawn;
    let separated = separated("0000004711", vec![reading]);
    let document = &separated.documents()[0];
    assert_eq!(
        (document.state, document.version),
        (DocumentState::Withdrawn, Version(3))
    );
    assert!(document.records.is_empty());
}

#[test]
fn of_two_versions_of_a_document_the_newest_is_kept() {
    let versions = [2, 3, 1].map(|version| of_order(DataKind::Omp01, "1", version));
    let separated = separated("0000004711", versions.into());
    let kept: Vec<_> = separated
        .documents()
        .iter()
        .map(|document| document.version)
        .collect();
    assert_eq!(kept, [Version(3)]);
}

#[test]
fn each_field_of_the_identity_comes_from_the_newest_standing_version_that_has_it() {
    let at = |version, identity| {
        let kind = DataKind::ALL[usize::try_from(version).unwrap()];
        let mut one = reading("0000004711", kind, vec![]);
        (one.version, one.identity) = (Version(version), Arc::new(identity));
        one
    };
    let birth = Some(Birth::new(date(1958, 3, 9)));
    let oldest = at(
        1,
        Identity {
            kana: name("タカハシ", "ヨウコ"),
            kanji: name("髙橋", "陽子"),
            birth,
            sex: Some(Sex::Female),
            postal: Sensitive::new("184-0014"),
            insurance: vec![card("06130012", "1", "2", "01")],
            ..Identity::default()
        },
    );
    let newer = at(
        2,
        Identity {
            kana: name("サトウ", "ヨウコ"),
            kanji: name("●藤", "陽子"),
            sex: Some(Sex::Unknown),
            postal: Sensitive::new("18"),
            insurance: vec![card("06130012", "1", "3", "01")],
            ..Identity::default()
        },
    );
    let mut taken_back = at(
        3,
        Identity {
            kana: name("マチガイ", "ヨウコ"),
            insurance: vec![card("06130012", "1", "4", "01")],
            ..Identity::default()
        },
    );
    taken_back.state = DocumentState::Withdrawn;
    let expected = Identity {
        kana: name("サトウ", "ヨウコ"),
        kanji: name("髙橋", "陽子"),
        birth,
        sex: Some(Sex::Female),
        postal: Sensitive::new("184-0014"),
        insurance: vec![
            card("06130012", "1", "2", "01"),
            card("06130012", "1", "3", "01"),
        ],
        ..Identity::default()
    };
    let expected = tokenize(&expected, &Key::fixed(7), 1);
    for readings in [
        vec![oldest.clone(), newer.clone(), taken_back.clone()],
        vec![taken_back, newer, oldest],
    ] {
        let separated = separated("0000004711", readings);
        assert_eq!(separated.subject().tokens, expected);
    }
}

#[test]
fn at_most_eight_insurances_become_tokens_the_newest_first() {
    let readings = (1..=12).map(|n| {
        let mut reading = of_order(DataKind::Omp01, &n.to_string(), n);
        Arc::make_mut(&mut reading.identity).birth = Some(Birth::new(date(1958, 3, 9)));
        Arc::make_mut(&mut reading.identity).insurance =
            vec![card("06130012", "1", &n.to_string(), "01")];
        reading
    });
    let separated = separated("0000004711", readings.collect());
    let made = &separated.subject().tokens.exact[&TokenKind::Insured];
    let newest = Identity {
        birth: Some(Birth::new(date(1958, 3, 9))),
        insurance: (5..=12)
            .map(|n| card("06130012", "1", &n.to_string(), "01"))
            .collect(),
        ..Identity::default()
    };
    assert_eq!(
        made,
        &tokenize(&newest, &Key::fixed(7), 1).exact[&TokenKind::Insured]
    );
}

#[test]
fn a_document_with_an_identifier_in_a_code_is_refused_and_counted_alone() {
    let mut bad = of_order(DataKind::Omp01, "1", 1);
    bad.records.push(condition("X.0000004711"));
    let good = of_order(DataKind::Omp11, "1", 1);
    let mut separated = separated("0000004711", vec![bad, good]);
    let states = |separated: &Separated| {
        let documents = separated.documents().iter();
        documents
            .map(|one| (one.kind, one.state))
            .collect::<Vec<_>>()
    };
    let refused = (DataKind::Omp01, DocumentState::Withdrawn);
    let stands = (DataKind::Omp11, DocumentState::Current);
    assert_eq!(states(&separated), [refused, stands]);
    assert_eq!(
        separated.findings(),
        [Finding::of_file(FindingCode::IdentifierInCode)]
    );
    separated.retain_documents(|document| document.kind != DataKind::Omp11);
    assert_eq!(states(&separated), [refused]);
}

/// B-133.
#[test]
fn debug_output_shows_neither_codes_nor_numbers() {
    let separated = separated("0000004711", vec![of_order(DataKind::Omp01, "12345", 1)]);
    let shown = format!("{separated:?}");
    assert_eq!(shown, "Separated(1 documents)");
}

#[derive(Debug, Clone)]
struct Marked {
    chart: String,
    insured: String,
    phone: String,
    order: String,
    which: usize,
    around: (String, String),
}

impl Marked {
    fn identifier(&self) -> String {
        [
            self.chart.clone(),
            self.insured.clone(),
            self.phone.replace('-', ""),
            self.order.clone(),
        ][self.which]
            .clone()
    }

    fn readings(&self) -> Vec<Reading> {
        let mut plain = reading(&self.chart, DataKind::Adt00, vec![condition("E119")]);
        Arc::make_mut(&mut plain.identity).phones = vec![Sensitive::new(self.phone.as_str())];
        Arc::make_mut(&mut plain.identity).insurance =
            vec![card("06130012", "12", &self.insured, "01")];
        let code = format!("{}{}{}", self.around.0, self.identifier(), self.around.1);
        let mut marked = reading(&self.chart, DataKind::Omp01, vec![condition(&code)]);
        marked.key.order = Sensitive::new(self.order.as_str());
        vec![plain, marked]
    }
}

fn marked(digits_around: bool) -> impl Strategy<Value = Marked> {
    let (chart, insured, around) = if digits_around {
        (
            "[1-9][0-9]{7,9}|[A-Z]{2}[0-9]{5,8}",
            "[1-9][0-9]{7,9}",
            "[A-Z0-9./+_-]{0,6}",
        )
    } else {
        (
            "0{0,4}[1-9][0-9]{5,9}|[A-Z][0-9]{5,8}",
            "0{0,2}[1-9][0-9]{5,7}",
            "[A-Z]{0,4}[./+_-]?",
        )
    };
    let end = if digits_around {
        around
    } else {
        "[./+_A-Z-]{0,4}"
    };
    (
        chart,
        insured,
        "0[1-9]0-[1-9][0-9]{3}-[0-9]{4}",
        "0{0,3}[1-9][0-9]{9}",
        0usize..4,
        around,
        end,
    )
        .prop_map(
            |(chart, insured, phone, order, which, before, after)| Marked {
                chart,
                insured,
                phone,
                order,
                which,
                around: (before, after),
            },
        )
}

fn check_taint(marked: &Marked) -> Result<(), TestCaseError> {
    let separated = separated(&marked.chart, marked.readings());
    let content = serde_json::to_string(separated.documents()).unwrap();
    let subject = serde_json::to_string(separated.subject()).unwrap();
    let bytes = serde_cbor::to_vec(&separated.documents().to_vec()).unwrap();
    let identifiers = [&marked.chart, &marked.insured, &marked.order, &marked.phone];
    for identifier in identifiers {
        prop_assert!(!content.contains(identifier.as_str()));
        prop_assert!(!subject.contains(identifier.as_str()));
        prop_assert!(
            !bytes
                .windows(identifier.len())
                .any(|here| here == identifier.as_bytes())
        );
    }
    prop_assert!(!content.contains(&marked.identifier()));
    prop_assert_eq!(separated.findings().len(), 1);
    let standing = separated.documents().iter();
    let standing = standing.filter(|document| document.state == DocumentState::Current);
    prop_assert_eq!(standing.count(), 1);
    Ok(())
}

/// the value goes, the document stays, and the findings tell both apart.
#[test]
fn a_short_number_or_a_name_costs_the_value_and_a_long_number_the_document() {
    for (number, code, standing, values, finding) in [
        ("1234", "1234", 2, 1, Some("F038")),
        ("1234", "Yamada_TAROU", 2, 1, Some("F038")),
        ("1234", "12345", 2, 0, None),
        ("12345678", "12345678", 1, 0, Some("F035")),
    ] {
        let mut plain = reading(number, DataKind::Adt00, vec![condition("E119")]);
        Arc::make_mut(&mut plain.identity).kana = name("ヤマダ", "タロウ");
        let codes = [condition("I10"), condition(code)];
        let marked = reading(number, DataKind::Ppr01, codes.into());
        let separated = separated(number, vec![plain, marked]);
        let documents = separated.documents().iter();
        let current = documents.filter(|document| document.state == DocumentState::Current);
        assert_eq!(current.count(), standing, "{code}");
        let left_out: u64 = separated.left_out().iter().map(|(_, count)| count).sum();
        assert_eq!(left_out, values, "{code}");
        let findings: Vec<_> = separated
            .findings()
            .iter()
            .map(|it| it.code.as_str())
            .collect();
        assert_eq!(findings, Vec::from_iter(finding), "{code}");
        let content = serde_json::to_string(separated.documents()).unwrap();
        let searched = format!("\"{code}\"");
        assert_eq!(content.contains(&searched), finding.is_none(), "{code}");
    }
}

/// nothing of a document that is refused leaves, and what left of it before is taken back.
#[test]
fn a_refused_document_becomes_a_withdrawal_that_says_nothing() {
    let mut refused = of_order(DataKind::Omp01, "5", 7);
    refused.records = vec![condition("X0004711000")];
    let mut other = of_order(DataKind::Omp11, "5", 7);
    Arc::make_mut(&mut other.identity).phones = vec![Sensitive::new("0004711000")];
    let reference = document_ref(&chart("0000004711"), &refused.key, &Key::fixed(9));
    let separated = separated("0000004711", vec![refused, other]);
    let document = separated
        .documents()
        .iter()
        .find(|it| it.document == reference);
    let document = document.unwrap();
    assert_eq!(document.state, DocumentState::Withdrawn);
    assert_eq!(
        (document.version, document.kind),
        (Version(7), DataKind::Omp01)
    );
    assert_eq!((document.order, document.care_date), (None, None));
    assert!(document.records.is_empty());
}

/// a document of the day of birth says the month in its own date too, and keeps the
/// reference that its file name gives it.
#[test]
fn the_care_date_of_the_day_of_birth_or_death_is_its_month() {
    let of_care = |birth: Option<Birth>, died: Option<Death>| {
        let mut one = of_order(DataKind::Omp01, "5", 7);
        let identity = Arc::make_mut(&mut one.identity);
        (identity.birth, identity.died) = (birth, died);
        separated("0000004711", vec![one]).documents()[0].clone()
    };
    let day = date(2024, 5, 2);
    let plain = of_care(None, None);
    assert_eq!(plain.care_date, Some(Moment::of_day(day)));
    for (birth, died) in [(Some(Birth::new(day)), None), (None, Some(Death::new(day)))] {
        let coarse = of_care(birth, died);
        assert_eq!(coarse.care_date.unwrap().to_string(), "2024-05");
        assert_eq!(coarse.document, plain.document);
    }
}

proptest! {
    /// a number that identifies its patient never leaves in a code.
    #[test]
    fn no_identifier_set_apart_in_a_code_leaves(marked in marked(false)) {
        check_taint(&marked)?;
    }

    #[test]
    fn no_long_identifier_leaves_even_amid_digits(marked in marked(true)) {
        check_taint(&marked)?;
    }

    /// P-24.
    #[test]
    fn the_order_of_readings_changes_nothing(
        orders in prop::collection::vec((0u64..5, 0usize..3, 1u64..4), 0..12),
    ) {
        let kinds = [DataKind::Omp01, DataKind::Omp11, DataKind::Oml11];
        let readings: Vec<_> = orders
            .iter()
            .map(|(order, kind, version)| of_order(kinds[*kind], &order.to_string(), *version))
            .collect();
        let forwards = separated("0000004711", readings.clone());
        let backwards = separated("0000004711", readings.into_iter().rev().collect());
        prop_assert_eq!(forwards.documents(), backwards.documents());
        prop_assert_eq!(forwards.subject(), backwards.subject());
    }
}

/// Of a withheld person nothing can be said but what is taken back; of a stopped one not even that.
#[test]
fn of_a_withheld_person_documents_can_be_taken_back_and_nothing_else_said() {
    let (tokens, site) = (Key::fixed(7), Key::fixed(9));
    let keys = SiteKeys {
        tokens: EpochKey::new(1, &tokens),
        next: None,
        site: &site,
        municipality: None,
        vault: None,
        participants: ParticipantRules::default(),
    };
    for reason in Withheld::ALL {
        let separated = without_content(&chart("0001"), *reason, &keys);
        let none = matches!(
            reason,
            Withheld::NoContract
                | Withheld::ContractNotActive
                | Withheld::NoFiling
                | Withheld::Stopped
        );
        assert_eq!(separated.is_none(), none, "{reason}");
        let Some(mut separated) = separated else {
            continue;
        };
        let tokens = &separated.subject().tokens;
        assert!(tokens.exact.is_empty() && tokens.family.is_none());
        assert!(tokens.given.is_none() && tokens.birth.is_none());
        separated.take_back(DocumentRef::new([7; 16]), DataKind::Adt12, Version(3));
        let [document] = separated.documents() else {
            panic!("one document");
        };
        assert_eq!(document.state, DocumentState::Withdrawn);
        assert!(document.records.is_empty() && document.care_date.is_none());
    }
}
