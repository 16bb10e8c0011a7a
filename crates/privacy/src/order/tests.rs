//! Orders against the patients of a site.

use std::sync::Arc;

use jiff::civil::date;
use proptest::prelude::*;
use record::identity::{Birth, Identity, Insurance, Sensitive, Sex};
use record::kind::DataKind;

use super::*;
use crate::fixtures::{Key, card, chart, name, reading};
use crate::gate::PatientReadings;

/// A person as both sides may write them: number, name, year of birth, sex, card.
#[derive(Debug, Clone, PartialEq)]
struct Person {
    chart: &'static str,
    kana: Option<(&'static str, &'static str)>,
    birth: Option<i16>,
    sex: Option<Sex>,
    card: Option<[&'static str; 4]>,
}

const TARO: Person = Person {
    chart: "0001",
    kana: Some(("ヤマダ", "タロウ")),
    birth: Some(1950),
    sex: Some(Sex::Male),
    card: Some(["06050116", "12", "345", "01"]),
};

impl Person {
    fn known(&self) -> Known {
        let mut reading = reading(self.chart, DataKind::Adt00, Vec::new());
        reading.identity = Arc::new(Identity {
            kana: self.kana.and_then(|(family, given)| name(family, given)),
            birth: self.birth.map(|year| Birth::new(date(year, 1, 2))),
            sex: self.sex,
            insurance: self.card.iter().map(cards).collect(),
            ..Identity::default()
        });
        let patient = PatientReadings {
            chart: chart(self.chart),
            readings: vec![reading],
            doubtful: Vec::new(),
        };
        Known::of(&patient, &Key::fixed(1))
    }

    fn told(&self) -> Told {
        Told {
            chart: Sensitive::new(self.chart),
            kana: Sensitive::new(self.kana.map_or(String::new(), |(a, b)| format!("{a} {b}"))),
            birth: self.birth.map(|year| Birth::new(date(year, 1, 2))),
            sex: self.sex,
            card: self.card.as_ref().map(cards).unwrap_or_default(),
        }
    }
}

fn cards(parts: &[&str; 4]) -> Insurance {
    let [insurer, symbol, number, branch] = parts;
    card(insurer, symbol, number, branch)
}

fn wanted(told: Told) -> Wanted {
    Wanted::of(&OrderKeys::new(told).unwrap(), &Key::fixed(1))
}

fn verdict(told: Told, persons: &[Person]) -> Verdict<usize> {
    let known = persons.iter().map(Person::known).enumerate();
    judge(&wanted(told), known)
}

fn other() -> Person {
    Person {
        chart: "0002",
        kana: Some(("スズキ", "ハナコ")),
        birth: Some(1960),
        sex: Some(Sex::Female),
        card: Some(["06050116", "12", "345", "02"]),
    }
}

fn namesake() -> Person {
    Person {
        chart: "0003",
        card: None,
        ..TARO
    }
}

fn same_day() -> Person {
    Person {
        chart: "0004",
        birth: Some(1950),
        card: None,
        ..other()
    }
}

/// Somebody of whom nothing but the number could be read.
fn unread() -> Person {
    Person {
        chart: "0005",
        kana: None,
        birth: None,
        sex: None,
        card: None,
    }
}

fn only(chart: &str) -> Told {
    Told {
        chart: Sensitive::new(chart),
        ..Told::default()
    }
}

/// Taro by name, birthday and sex.
fn named() -> Told {
    Told {
        chart: Sensitive::default(),
        card: Insurance::default(),
        ..TARO.told()
    }
}

/// B-011: one who is meant, or nobody.
#[test]
fn who_is_meant_alone_is_stopped() {
    let all = [TARO, other(), namesake(), same_day()];
    for (case, told, persons, expected) in [
        ("nobody", only("0009"), &all[..], Verdict::Nobody),
        ("number", only("1"), &all[..], Verdict::Stop(0)),
        ("wide number", only("０００２"), &all[..], Verdict::Stop(1)),
        ("all of it", TARO.told(), &all[..2], Verdict::Stop(0)),
        ("name and day", named(), &all[..2], Verdict::Stop(0)),
        (
            "a birthday shared",
            TARO.told(),
            &[TARO, same_day()][..],
            Verdict::Stop(0),
        ),
        ("an unread", only("5"), &[unread()][..], Verdict::Stop(0)),
    ] {
        assert_eq!(verdict(told, persons), expected, "{case}");
    }
}

/// B-011: several who could be meant, or one whom something contradicts.
#[test]
fn whoever_could_be_meant_among_several_is_held() {
    let all = [TARO, other(), namesake(), same_day()];
    let family_card = Told {
        card: card("6050116", "１２", "345", ""),
        ..Told::default()
    };
    let with_number = |chart| Told {
        chart: Sensitive::new(chart),
        ..named()
    };
    let other_sex = Told {
        sex: Some(Sex::Female),
        ..only("0001")
    };
    for (case, told, persons, expected) in [
        ("namesakes", named(), &all[..3], vec![0, 2]),
        ("a household", family_card, &all[..2], vec![0, 1]),
        ("misheard", with_number("0002"), &all[..2], vec![0, 1]),
        (
            "a number of an unread",
            with_number("0005"),
            &[TARO, unread()][..],
            vec![0, 1],
        ),
        ("another sex", other_sex, &all[..1], vec![0]),
        ("a birthday alone", named(), &[same_day()][..], vec![0]),
    ] {
        assert_eq!(verdict(told, persons), Verdict::Hold(expected), "{case}");
    }
}

#[test]
fn what_fits_and_what_differs_is_told_by_key() {
    let wife = Person {
        kana: Some(("ヤマダ", "ハナコ")),
        sex: None,
        ..TARO
    };
    assert_eq!(
        compare(&wanted(TARO.told()), &wife.known()),
        [
            (KeyKind::Chart, Some(true)),
            (KeyKind::Kana, Some(false)),
            (KeyKind::Birth, Some(true)),
            (KeyKind::Card, Some(true)),
            (KeyKind::Sex, None),
        ]
    );
}

#[test]
fn what_names_nobody_makes_no_order() {
    let told = |change: fn(&mut Told)| {
        let mut told = Told::default();
        change(&mut told);
        OrderKeys::new(told).err()
    };
    for (error, case) in [
        (Some(KeysError::TooFew), told(|_| {})),
        (
            Some(KeysError::TooFew),
            told(|it| it.birth = Some(Birth::new(date(1950, 1, 2)))),
        ),
        (
            Some(KeysError::TooFew),
            told(|it| it.kana = Sensitive::new("ヤマダ")),
        ),
        (
            Some(KeysError::Kana),
            told(|it| it.kana = Sensitive::new("山田")),
        ),
        (
            Some(KeysError::Chart),
            told(|it| it.chart = Sensitive::new("--")),
        ),
        (
            Some(KeysError::Card),
            told(|it| it.card = card("", "12", "345", "")),
        ),
        (
            Some(KeysError::Card),
            told(|it| it.card = card("06050116", "12", "345", "x")),
        ),
        (None, told(|it| it.card = card("06050116", "", "345", ""))),
        (None, told(|it| it.chart = Sensitive::new("A-1"))),
    ] {
        assert_eq!(error, case);
    }
    assert!(OrderKeys::new(TARO.told()).is_ok());
}

/// B-133.
#[test]
fn nothing_of_an_order_or_a_patient_is_shown() {
    let keys = OrderKeys::new(TARO.told()).unwrap();
    let shown = format!("{keys:?} {:?} {:?}", wanted(TARO.told()), TARO.known());
    for hidden in ["0001", "ヤマダ", "1950", "345"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

#[test]
fn what_is_learnt_is_added_and_nothing_is_forgotten() {
    let mut known = TARO.known();
    assert!(!known.learn(&TARO.known()));
    let married = Person {
        kana: Some(("サトウ", "タロウ")),
        ..TARO
    };
    assert!(known.learn(&married.known()));
    for person in [TARO, married] {
        let told = Told {
            chart: Sensitive::default(),
            card: Insurance::default(),
            ..person.told()
        };
        let verdict = judge(&wanted(told), [("both", known.clone())]);
        assert_eq!(verdict, Verdict::Stop("both"));
    }
}

fn person() -> impl Strategy<Value = Person> {
    let name = prop::sample::select(vec![
        None,
        Some(("ヤマダ", "タロウ")),
        Some(("ヤマダ", "ハナコ")),
        Some(("スズキ", "タロウ")),
    ]);
    let card = prop::sample::select(vec![
        None,
        Some(["06050116", "12", "345", "01"]),
        Some(["06050116", "12", "345", "02"]),
        Some(["06050116", "12", "345", ""]),
        Some(["06050116", "", "9", ""]),
    ]);
    let chart = prop::sample::select(vec!["1", "02", "3", "A-4"]);
    let birth = prop::option::of(1950i16..1953);
    let sex = prop::sample::select(vec![None, Some(Sex::Male), Some(Sex::Female)]);
    (chart, name, birth, sex, card).prop_map(|(chart, kana, birth, sex, card)| Person {
        chart,
        kana,
        birth,
        sex,
        card,
    })
}

/// Written down anew, in clear: whether a person agrees with an order in each of its keys.
fn agreements(order: &Person, person: &Person) -> Vec<(KeyKind, bool)> {
    let number = |text: &str| text.trim_start_matches('0').replace('-', "");
    let mut all = vec![(KeyKind::Chart, number(order.chart) == number(person.chart))];
    all.extend(
        order
            .kana
            .map(|_| (KeyKind::Kana, order.kana == person.kana)),
    );
    all.extend(
        order
            .birth
            .map(|_| (KeyKind::Birth, order.birth == person.birth)),
    );
    all.extend(order.sex.map(|_| (KeyKind::Sex, order.sex == person.sex)));
    all.extend(order.card.map(|card| {
        let same = person.card.is_some_and(|other| {
            let branches = [card[3], other[3]];
            card[..3] == other[..3] && (branches[0] == branches[1] || branches.contains(&""))
        });
        (KeyKind::Card, same)
    }));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// B-011: nobody passes whom any key fits, unless one other person agrees in all of several
    /// keys; and even then nobody whom the number, the card, or name and birthday together fit.
    #[test]
    fn no_person_passes_whom_the_order_could_mean(
        order in person(),
        persons in prop::collection::vec(person(), 0..6),
    ) {
        let verdict = verdict(order.told(), &persons);
        let withheld: Vec<usize> = match &verdict {
            Verdict::Nobody => Vec::new(),
            Verdict::Stop(one) => vec![*one],
            Verdict::Hold(several) => several.clone(),
        };
        let agreed: Vec<_> = persons.iter().map(|it| agreements(&order, it)).collect();
        let whole = agreed.iter().filter(|all| all.iter().all(|(_, same)| *same)).count();
        for (place, all) in agreed.iter().enumerate() {
            let fits = |kind| all.contains(&(kind, true));
            let any = all.iter().any(|(kind, same)| *kind != KeyKind::Sex && *same);
            let named = fits(KeyKind::Chart)
                || fits(KeyKind::Card)
                || fits(KeyKind::Kana) && fits(KeyKind::Birth);
            let mine = withheld.contains(&place);
            prop_assert!(mine || !named, "{verdict:?} {place}");
            prop_assert!(mine || !any || whole == 1 && all.len() > 1, "{verdict:?} {place}");
            // Whom nothing fits is left alone.
            prop_assert!(any || !mine, "{verdict:?} {place}");
        }
    }

    /// In whatever order the patients are looked at.
    #[test]
    fn the_verdict_does_not_depend_on_the_order_of_persons(
        order in person(),
        persons in prop::collection::vec(person(), 0..6),
    ) {
        let turned: Vec<_> = persons.iter().rev().cloned().collect();
        let place = |place: usize| persons.len() - 1 - place;
        let one = verdict(order.told(), &persons);
        let other = match verdict(order.told(), &turned) {
            Verdict::Nobody => Verdict::Nobody,
            Verdict::Stop(one) => Verdict::Stop(place(one)),
            Verdict::Hold(several) => Verdict::Hold(several.into_iter().rev().map(place).collect()),
        };
        prop_assert_eq!(one, other);
    }
}

/// B-011: an order names a person by a number that only the older numbers of a document hold.
#[test]
fn an_older_number_of_a_patient_is_one_of_theirs() {
    let mut reading = reading(TARO.chart, DataKind::Adt00, Vec::new());
    Arc::make_mut(&mut reading.identity).former = vec![chart("0777")];
    let patient = PatientReadings {
        chart: chart(TARO.chart),
        readings: vec![reading],
        doubtful: Vec::new(),
    };
    let known = Known::of(&patient, &Key::fixed(1));
    let found = judge(&wanted(only("0777")), [(0, known)]);
    let nobody = judge(&wanted(only("0778")), [(0, TARO.known())]);
    assert_ne!(found, nobody);
}
