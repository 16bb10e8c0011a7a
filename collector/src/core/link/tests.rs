use std::collections::{BTreeMap, BTreeSet};

use envelope::MacKey;
use jiff::civil::date;
use privacy::tokens::tokenize;
use record::identity::{Birth, Insurance, Name, Sex};
use record::{Identity as Who, ResearchId, Sensitive, SubjectRef};
use town::{Town, TownPlan, Truth};

use super::cluster::{self, Clusters};
use super::compare::Comparison;
use super::identity::Identity;
use super::ids::{self, Changes};
use crate::core::catalogue::{Catalogue, Member};
use crate::core::random::Randomness;
use crate::core::tables::Rekey;

const IN_BLOCK: usize = 200;

/// A person as a hospital writes them, by the words that matter here.
#[derive(Clone, Copy)]
struct Patient {
    family: &'static str,
    given: &'static str,
    kanji: (&'static str, &'static str),
    born: (i16, i8, i8),
    sex: Sex,
    postal: &'static str,
    card: Option<(&'static str, &'static str)>,
    /// The number, and which municipality's.
    municipal: Option<(&'static str, u8)>,
}

const HANAKO: Patient = Patient {
    family: "ツガル",
    given: "ハナコ",
    kanji: ("津軽", "花子"),
    born: (1980, 4, 5),
    sex: Sex::Female,
    postal: "0360001",
    card: Some(("1234567890", "02")),
    municipal: None,
};

impl Patient {
    fn kana(self, family: &'static str, given: &'static str) -> Self {
        Self {
            family,
            given,
            ..self
        }
    }

    fn kanji(self, family: &'static str, given: &'static str) -> Self {
        Self {
            kanji: (family, given),
            ..self
        }
    }

    fn born(self, year: i16, month: i8, day: i8) -> Self {
        Self {
            born: (year, month, day),
            ..self
        }
    }

    fn sex(self, sex: Sex) -> Self {
        Self { sex, ..self }
    }

    fn postal(self, postal: &'static str) -> Self {
        Self { postal, ..self }
    }

    fn card(self, number: &'static str, branch: &'static str) -> Self {
        Self {
            card: Some((number, branch)),
            ..self
        }
    }

    fn resident(self, number: &'static str, municipality: u8) -> Self {
        Self {
            municipal: Some((number, municipality)),
            ..self
        }
    }

    fn without_card(self) -> Self {
        Self { card: None, ..self }
    }
}

fn member(site: &str, number: u64) -> Member {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    Member {
        site: site.parse().unwrap(),
        subject: SubjectRef::new(bytes),
    }
}

fn name((family, given): (&str, &str)) -> Option<Name> {
    let part = Sensitive::new;
    (!family.is_empty()).then(|| Name {
        family: part(family),
        given: part(given),
    })
}

fn identity(member: Member, who: &Who, municipality: u8) -> Identity {
    let (key, municipality) = (
        MacKey::from_bytes([1; 32]),
        MacKey::from_bytes([municipality; 32]),
    );
    let rekey = Rekey::new(&MacKey::from_bytes([2; 32]));
    let tokens = tokenize(who, &key, 1).with_municipal(who, &municipality);
    let mut identity = Identity::of(member, &tokens, &rekey);
    identity.male = match who.sex {
        Some(Sex::Male) => Some(true),
        Some(Sex::Female) => Some(false),
        _ => None,
    };
    identity
}

fn at(site: &str, number: u64, it: &Patient) -> Identity {
    let (year, month, day) = it.born;
    let cards = it.card.iter().map(|(number, branch)| Insurance {
        insurer: Sensitive::new("01020304"),
        symbol: Sensitive::new("12345678"),
        number: Sensitive::new(*number),
        branch: Sensitive::new(*branch),
    });
    let who = Who {
        kanji: name(it.kanji),
        kana: name((it.family, it.given)),
        birth: Some(Birth::new(date(year, month, day))),
        sex: Some(it.sex),
        postal: Sensitive::new(it.postal),
        insurance: cards.collect(),
        municipal: Sensitive::new(it.municipal.map_or("", |(number, _)| number)),
        ..Who::default()
    };
    let municipality = it.municipal.map_or(0, |(_, municipality)| municipality);
    identity(member(site, number), &who, municipality)
}

fn linked(mut identities: Vec<Identity>) -> Vec<Vec<String>> {
    identities.sort_by(|a, b| a.member.cmp(&b.member));
    let clusters = cluster::link(&identities, &BTreeSet::new(), IN_BLOCK);
    let named = |at: &usize| {
        let member = &identities[*at].member;
        format!("{}{}", member.site, member.subject.as_bytes()[15])
    };
    clusters
        .persons
        .iter()
        .map(|person| person.iter().map(named).collect())
        .collect()
}

fn is_one_person(a: &Patient, b: &Patient) -> bool {
    linked(vec![at("AAA", 1, a), at("BBB", 1, b)]).len() == 1
}

#[test]
fn one_person_written_differently_at_two_sites_is_found() {
    let it = HANAKO;
    for (what, other) in [
        ("nothing", it),
        (
            "family name after marriage",
            it.kana("ナンブ", "ハナコ").kanji("南部", "花子"),
        ),
        ("kana typed wrong", it.kana("ツガル", "ハナユ")),
        ("another reading", it.kana("ツガル", "カコ")),
        ("no kana", it.kana("", "")),
        ("another card", it.card("9876543210", "03")),
        ("no card, moved", it.without_card().postal("0300001")),
        ("branch missing", it.card("1234567890", "")),
        ("day of birth typed wrong", it.born(1980, 4, 6)),
        ("year of birth typed wrong", it.born(1981, 4, 5)),
        ("sex typed wrong", it.sex(Sex::Male)),
        ("hiragana", it.kana("つがる", "はなこ")),
    ] {
        assert!(is_one_person(&it, &other), "{what}");
    }
}

#[test]
fn people_who_share_much_are_told_apart() {
    let it = HANAKO;
    let twin = it
        .kana("ツガル", "ハルカ")
        .kanji("津軽", "春香")
        .card("1234567890", "");
    for (what, other) in [
        (
            "twin with a branch of her own",
            twin.card("1234567890", "03"),
        ),
        ("twin on a card without branch", twin),
        (
            "twin with a similar name",
            twin.kana("ツガル", "ハナエ").kanji("津軽", "花恵"),
        ),
        ("twin without kana", twin.kana("", "")),
        (
            "brother",
            it.kana("ツガル", "タロウ")
                .kanji("津軽", "太郎")
                .sex(Sex::Male),
        ),
        (
            "mother",
            it.kana("ツガル", "ヨシコ")
                .kanji("津軽", "良子")
                .born(1955, 1, 2),
        ),
        (
            "stranger with the same birthday and given name",
            it.kana("ナンブ", "ハナコ")
                .kanji("南部", "花子")
                .postal("9000001")
                .without_card(),
        ),
        (
            "namesake of another year",
            it.born(1951, 7, 8).postal("9000001").without_card(),
        ),
    ] {
        assert!(!is_one_person(&it, &other), "{what}");
    }
}

/// The municipality's number joins what names alone do not: somebody who changed name, moved and
/// has another card. The same number of another municipality is somebody else's, and so is that of
/// whoever has another given name.
#[test]
fn a_municipal_number_is_one_person_within_its_municipality() {
    let registered = HANAKO.without_card().resident("0012345", 9);
    let married = registered
        .kana("ナンブ", "ハナコ")
        .kanji("南部", "花子")
        .postal("0300001");
    for (what, other, one) in [
        ("same number", married, true),
        ("written otherwise", married.resident("12345", 9), true),
        ("another number", married.resident("0012346", 9), false),
        (
            "another municipality",
            married.resident("0012345", 8),
            false,
        ),
        (
            "another given name",
            married.kana("ナンブ", "ヨシコ").kanji("南部", "良子"),
            false,
        ),
        ("another day of birth", married.born(1951, 7, 8), false),
    ] {
        assert_eq!(is_one_person(&registered, &other), one, "{what}");
    }
    // A register that has no names.
    let nameless = registered.kana("", "").kanji("", "").postal("");
    assert!(is_one_person(&registered, &nameless));
}

/// Two subjects of one site are one person only on strong evidence.
#[test]
fn a_site_keeps_its_own_patients_apart_unless_registered_twice() {
    let it = HANAKO;
    let twice = linked(vec![
        at("AAA", 1, &it),
        at("AAA", 2, &it),
        at("BBB", 1, &it),
    ]);
    assert_eq!(twice, [["AAA1", "AAA2", "BBB1"]]);
    let elsewhere = it.without_card().postal("0300001");
    assert_eq!(
        linked(vec![at("AAA", 1, &it), at("AAA", 2, &elsewhere)]).len(),
        2
    );
}

/// A record that fits two patients of another site equally well belongs to neither.
#[test]
fn two_equally_good_partners_are_left_alone() {
    let bare = HANAKO.without_card().postal("");
    let (one, other) = (bare.postal("0360001"), bare.postal("0360002"));
    let persons = linked(vec![
        at("AAA", 1, &one),
        at("AAA", 2, &other),
        at("BBB", 1, &bare),
    ]);
    assert_eq!(persons.len(), 3, "{persons:?}");
}

#[test]
fn three_sites_make_one_person_and_the_order_of_arrival_does_not_matter() {
    let moved = HANAKO.without_card().postal("0300001");
    let married = HANAKO.kana("ナンブ", "ハナコ").kanji("南部", "花子");
    let all = [
        at("AAA", 1, &moved),
        at("BBB", 1, &HANAKO),
        at("CCC", 1, &married),
    ];
    let forward = linked(all.to_vec());
    let backward = linked(all.into_iter().rev().collect());
    assert_eq!(forward, backward);
    assert_eq!(forward, [["AAA1", "BBB1", "CCC1"]]);
}

#[test]
fn a_block_that_is_too_large_is_skipped_and_counted() {
    let identities: Vec<_> = (0..30).map(|number| at("AAA", number, &HANAKO)).collect();
    let clusters = cluster::link(&identities, &BTreeSet::new(), 20);
    assert_eq!(clusters.compared, 0);
    assert_eq!(clusters.overflow["kana_birth_sex"], 30);
}

/// A-070 and the bar, without HL7 in the way: precision and recall on 10,000 persons.
#[test]
fn ten_thousand_persons_are_linked_precisely_and_completely() {
    let plan = TownPlan {
        seed: 20_250_401,
        persons: 10_000,
        as_of: date(2025, 4, 1),
    };
    let truth = Truth::of(&Town::generate(&plan));
    let mut identities = Vec::new();
    let mut persons = BTreeMap::new();
    for person in &truth.persons {
        for chart in &person.registrations {
            let site = ["AAA", "BBB"][usize::from(chart.hospital)];
            let member = member(site, chart.chart_number.parse().unwrap());
            persons.insert(member.clone(), person.number);
            identities.push(identity(member, &who(chart), 0));
        }
    }
    identities.sort_by(|a, b| a.member.cmp(&b.member));
    let clusters = cluster::link(&identities, &BTreeSet::new(), IN_BLOCK);
    let person = |at: usize| persons[&identities[at].member];
    let (mut found, mut wrong) = (0_u32, Vec::new());
    for members in &clusters.persons {
        for (place, a) in members.iter().enumerate() {
            for b in &members[place + 1..] {
                match person(*a) == person(*b) {
                    true => found += 1,
                    false => wrong.push(Comparison::of(&identities[*a], &identities[*b])),
                }
            }
        }
    }
    let pairs = truth
        .persons
        .iter()
        .filter(|person| person.registrations.len() == 2)
        .count();
    let precision = f64::from(found) / f64::from(found + wrong.len() as u32);
    let recall = f64::from(found) / pairs as f64;
    let told = format!(
        "precision {precision} recall {recall} of {pairs} pairs; wrong {wrong:?}; apart {:?}",
        clusters.left_apart
    );
    assert!(precision >= 0.999, "{told}");
    assert!(recall >= 0.97, "{told}");
}

/// What a hospital of the town wrote down. The truth has no postal codes, so one is made of the
/// address down to the neighbourhood, as the real ones are.
fn who(chart: &town::TrueRegistration) -> Who {
    let name = |it: &town::Name| Name {
        family: Sensitive::new(&it.family),
        given: Sensitive::new(&it.given),
    };
    let neighbourhood = chart.addresses[0].split(char::is_numeric).next().unwrap();
    let digest = envelope::sha256(neighbourhood.as_bytes());
    let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    Who {
        kanji: chart.names.first().map(name),
        kana: chart.kana.first().map(name),
        birth: Some(Birth::new(chart.birth_date.parse().unwrap())),
        sex: Some(match chart.sex {
            town::Sex::Male => Sex::Male,
            town::Sex::Female => Sex::Female,
        }),
        postal: Sensitive::new(format!("{:07}", number % 10_000_000)),
        insurance: chart
            .insured
            .iter()
            .map(|it| Insurance {
                insurer: Sensitive::new(&it.insurer),
                symbol: Sensitive::new(it.symbol.clone().unwrap_or_default()),
                number: Sensitive::new(&it.number),
                branch: Sensitive::new(it.branch.clone().unwrap_or_default()),
            })
            .collect(),
        ..Who::default()
    }
}

/// A catalogue that is given persons by hand.
struct Story {
    _folder: tempfile::TempDir,
    catalogue: Catalogue,
    identities: Vec<Identity>,
}

impl Story {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(&folder.path().join("catalogue")).unwrap();
        Self {
            _folder: folder,
            catalogue,
            identities: Vec::new(),
        }
    }

    fn add(&mut self, site: &str, number: u64) {
        self.identities
            .push(Identity::unknown(member(site, number)));
        self.identities.sort_by(|a, b| a.member.cmp(&b.member));
    }

    /// Says which subjects are one person; all others are persons of their own.
    fn run(&mut self, persons: &[&[(&str, u64)]]) -> Changes {
        let place = |(site, number): &(&str, u64)| {
            let wanted = member(site, *number);
            self.identities
                .iter()
                .position(|it| it.member == wanted)
                .unwrap()
        };
        let mut groups: Vec<Vec<usize>> = persons
            .iter()
            .map(|person| person.iter().map(place).collect())
            .collect();
        let known: BTreeSet<usize> = groups.iter().flatten().copied().collect();
        groups.extend(
            (0..self.identities.len())
                .filter(|at| !known.contains(at))
                .map(|at| vec![at]),
        );
        groups.iter_mut().for_each(|group| group.sort_unstable());
        groups.sort();
        let clusters = Clusters {
            persons: groups,
            ..Clusters::default()
        };
        let fixed = Randomness::Fixed(1);
        let (change, changes) =
            ids::assign(&self.catalogue, &self.identities, &clusters, fixed, 0).unwrap();
        self.catalogue.relink(change, &[]).unwrap();
        changes
    }

    fn id(&self, site: &str, number: u64) -> ResearchId {
        let wanted = member(site, number);
        let members = self.catalogue.members().unwrap();
        members
            .into_iter()
            .find(|(member, _)| *member == wanted)
            .unwrap()
            .1
    }
}

fn kinds(events: &[String]) -> Vec<String> {
    let kind = |event: &String| {
        let event: serde_json::Value = serde_json::from_str(event).unwrap();
        event["event"].as_str().unwrap().to_owned()
    };
    events.iter().map(kind).collect()
}

/// IDs stay, merges and splits are told by the ledger.
#[test]
fn research_ids_survive_growth_merge_and_split() {
    let mut story = Story::new();
    story.add("AAA", 1);
    story.add("AAA", 2);
    assert_eq!(
        story.run(&[]),
        Changes {
            minted: 2,
            ..Changes::default()
        }
    );
    let (one, two) = (story.id("AAA", 1), story.id("AAA", 2));
    assert_eq!(story.run(&[]), Changes::default());

    // B1 joins A1 and B2 is new: the old IDs stay.
    story.add("BBB", 1);
    story.add("BBB", 2);
    let changes = story.run(&[&[("AAA", 1), ("BBB", 1)]]);
    assert_eq!(
        changes,
        Changes {
            minted: 1,
            attached: 1,
            ..Changes::default()
        }
    );
    assert_eq!((story.id("AAA", 1), story.id("BBB", 1)), (one, one));
    let third = story.id("BBB", 2);

    // A2 turns out to be B2: the older ID stays.
    let changes = story.run(&[&[("AAA", 1), ("BBB", 1)], &[("AAA", 2), ("BBB", 2)]]);
    assert_eq!(
        changes,
        Changes {
            merged: 1,
            ..Changes::default()
        }
    );
    assert_eq!(story.id("BBB", 2), two);

    // It was a mistake: the ID stays with the first part, and the ended ID does not come back.
    let changes = story.run(&[&[("AAA", 1), ("BBB", 1)]]);
    assert_eq!(
        changes,
        Changes {
            minted: 1,
            split: 1,
            ..Changes::default()
        }
    );
    assert_eq!(story.id("AAA", 2), two);
    assert!(![one, two, third].contains(&story.id("BBB", 2)));

    let events = story.catalogue.ledger().unwrap();
    let kinds = kinds(&events);
    assert_eq!(
        kinds,
        [
            "minted", "minted", "attached", "minted", "merged", "minted", "split"
        ]
    );
    assert_eq!(story.catalogue.check_ledger().unwrap(), 7);
    let merged = &events[4];
    assert!(merged.contains(&third.to_string()) && merged.contains(&two.to_string()));
}

#[test]
fn a_subject_that_changes_persons_leaves_the_larger_part_its_id() {
    let mut story = Story::new();
    for (site, number) in [("AAA", 1), ("BBB", 1), ("CCC", 1), ("AAA", 2)] {
        story.add(site, number);
    }
    story.run(&[&[("AAA", 1), ("BBB", 1), ("CCC", 1)]]);
    let (large, small) = (story.id("AAA", 1), story.id("AAA", 2));
    let changes = story.run(&[&[("AAA", 1), ("BBB", 1)], &[("AAA", 2), ("CCC", 1)]]);
    assert_eq!(
        changes,
        Changes {
            split: 1,
            ..Changes::default()
        }
    );
    assert_eq!(story.id("BBB", 1), large);
    assert_eq!(story.id("CCC", 1), small);
}

/// An operator's ruling keeps two subjects apart and is undone by nobody but an operator.
#[test]
fn subjects_ruled_apart_are_not_linked_again() {
    let mut story = Story::new();
    let (a, b) = (at("AAA", 1, &HANAKO), at("BBB", 1, &HANAKO));
    assert!(story.catalogue.set_apart(&b.member, &a.member, 0).unwrap());
    assert!(!story.catalogue.set_apart(&a.member, &b.member, 0).unwrap());
    let apart: BTreeSet<_> = story.catalogue.apart().unwrap().into_iter().collect();
    let clusters = cluster::link(&[a, b], &apart, IN_BLOCK);
    assert_eq!(clusters.persons.len(), 2);
    assert_eq!(clusters.left_apart["ruled_apart"], 1);
    assert_eq!(story.catalogue.ledger().unwrap().len(), 1);
}
