//! What stands in the linkage table, and what a thief of it can do.

use jiff::civil::date;
use privacy::tokens::{dice, tokenize};
use proptest::prelude::*;
use record::identity::{Birth, Identity, Name, Sensitive};

use super::*;

#[test]
fn stored_tokens_depend_on_the_core_key_and_on_kind_version_and_epoch() {
    let token = Token::new([7; 16]);
    let [a, b] = [1, 2].map(|seed| Rekey::new(&MacKey::from_bytes([seed; 32])));
    let kind = TokenKind::Insured;
    let stored = a.token(kind, 1, 1, &token);
    assert_eq!(stored, a.token(kind, 1, 1, &token));
    for other in [
        b.token(kind, 1, 1, &token),
        a.token(TokenKind::NamePostal, 1, 1, &token),
        a.token(kind, 2, 1, &token),
        a.token(kind, 1, 2, &token),
        *token.as_bytes(),
    ] {
        assert_ne!(stored, other);
    }
}

fn place<'a>(site: &'a SiteId, subject: &'a SubjectRef) -> FilterPlace<'a> {
    FilterPlace {
        site,
        subject,
        version: 1,
        epoch: 1,
        field: FilterField::Family,
    }
}

proptest! {
    /// a filter opens under the core's key at its own place only.
    #[test]
    fn a_filter_opens_under_its_key_at_its_place_only(bits: [u8; 32], seed in 1..100_u8) {
        let key = |seed| Rekey::new(&MacKey::from_bytes([seed; 32]));
        let (site, other_site): (SiteId, SiteId) = ("SITE1".parse()?, "SITE2".parse()?);
        let [subject, other] = [1, 2].map(|byte| SubjectRef::new([byte; 16]));
        let here = place(&site, &subject);
        let filter = Filter::new(bits);
        let sealed = key(seed).seal(here, &filter).unwrap();
        prop_assert_eq!(key(seed).open(here, &sealed), Some(filter));
        prop_assert_eq!(key(0).open(here, &sealed), None);
        for elsewhere in [
            place(&other_site, &subject),
            place(&site, &other),
            FilterPlace { version: 2, ..here },
            FilterPlace { epoch: 2, ..here },
            FilterPlace { field: FilterField::Given, ..here },
        ] {
            prop_assert_eq!(key(seed).open(elsewhere, &sealed), None);
            prop_assert_ne!(key(seed).seal(elsewhere, &filter).unwrap(), sealed.clone());
        }
    }
}

/// Family names of the attacker's list; given names too.
const NAMES: [&str; 20] = [
    "サトウ",
    "スズキ",
    "タカハシ",
    "タナカ",
    "イトウ",
    "ワタナベ",
    "ヤマモト",
    "ナカムラ",
    "コバヤシ",
    "カトウ",
    "ヨシダ",
    "ヤマダ",
    "ササキ",
    "ヤマグチ",
    "マツモト",
    "イノウエ",
    "キムラ",
    "ハヤシ",
    "シミズ",
    "サイトウ",
];

/// The filter of a family name as a device makes it. The attacker has the device's key.
fn filter_of(family: &str) -> Filter {
    let who = Identity {
        kana: Some(Name {
            family: Sensitive::new(family),
            given: Sensitive::new("ハナコ"),
        }),
        birth: Some(Birth::new(date(1980, 4, 1))),
        ..Identity::default()
    };
    let tokens = tokenize(&who, &MacKey::from_bytes([1; 32]), 1);
    tokens.family.unwrap()
}

fn bit(bytes: &[u8], at: usize) -> bool {
    bytes[at / 8] >> (at % 8) & 1 == 1
}

/// An attacker with the device's key, a stolen table and the names behind some of its rows: learns
/// which stored bit goes with which bit of a filter, and names the other rows. Gives how many of
/// them were named rightly.
fn named(known: &[(usize, Vec<u8>)], others: &[(usize, Vec<u8>)]) -> usize {
    let filters = NAMES.map(filter_of);
    let agreement = |stored: usize, made: usize| {
        let agree = |(who, bytes): &&(usize, Vec<u8>)| {
            bit(bytes, stored) == bit(filters[*who].as_bytes(), made)
        };
        known.iter().filter(agree).count()
    };
    let bits = known[0].1.len() * 8;
    let learned: Vec<usize> = (0..256)
        .map(|made| {
            (0..bits)
                .max_by_key(|stored| agreement(*stored, made))
                .unwrap()
        })
        .collect();
    let guess = |bytes: &[u8]| {
        let mut filter = [0; 32];
        for (made, stored) in learned.iter().enumerate() {
            filter[made / 8] |= u8::from(bit(bytes, *stored)) << (made % 8);
        }
        let like = |who: &usize| dice(&filters[*who], &Filter::new(filter));
        (0..NAMES.len())
            .max_by(|a, b| like(a).total_cmp(&like(b)))
            .unwrap()
    };
    let right = others.iter().filter(|(who, bytes)| guess(bytes) == *who);
    right.count()
}

/// B-116: a device's key, the core's tables and the names of two hundred patients do not name one
/// patient more. A form that keeps the bits, in whatever secret order, names all of them.
#[test]
fn a_thief_of_the_tables_and_of_a_device_s_key_names_nobody() {
    let rekey = Rekey::new(&MacKey::from_bytes([2; 32]));
    let site: SiteId = "SITE1".parse().unwrap();
    let rows = |store: &dyn Fn(&SubjectRef, &Filter) -> Vec<u8>| {
        let all: Vec<(usize, Vec<u8>)> = (0..400_u16)
            .map(|number| {
                let mut bytes = [0; 16];
                bytes[..2].copy_from_slice(&number.to_be_bytes());
                let who = usize::from(number * 7 + number / 20) % NAMES.len();
                (who, store(&SubjectRef::new(bytes), &filter_of(NAMES[who])))
            })
            .collect();
        let (known, others) = all.split_at(200);
        named(known, others)
    };
    let in_secret_order = |_: &SubjectRef, filter: &Filter| {
        let bytes = filter.as_bytes();
        let moved = |at: usize| bit(bytes, (at * 37 + 11) % 256);
        let byte =
            |byte: usize| (0..8).fold(0, |sum, at| sum | u8::from(moved(byte * 8 + at)) << at);
        (0..32).map(byte).collect()
    };
    let stored =
        |subject: &SubjectRef, filter: &Filter| rekey.seal(place(&site, subject), filter).unwrap();
    assert_eq!(rows(&in_secret_order), 200);
    // Guessing among twenty names hits one in twenty.
    let hits = rows(&stored);
    assert!(hits < 40, "{hits} of 200 named");
}
