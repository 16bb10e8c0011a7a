//! Letters as a device and the core meet them: right, damaged, forged, foreign, late.

use privacy::gate::{Requester, Scope, Verification};
use privacy::order::{OrderKeys, Told};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use record::identity::{Birth, Insurance, Sensitive, Sex};
use record::{SiteId, SubjectRef};

use super::*;
use crate::text_form::{hex, unhex};
use crate::{Answer, DeviceSecretKey, ErasedWord, Outcome, StopOrder};

const ISSUED: i64 = 1_788_000_000;
const VECTOR: &str = include_str!("../../vectors/stop-order.txt");

fn site() -> SiteId {
    "HOSPITAL-A".parse().unwrap()
}

fn core() -> SigningKey {
    SigningKey::from_seed([1; 32]).unwrap()
}

fn device() -> DeviceSecretKey {
    DeviceSecretKey::from_seed([2; 32]).unwrap()
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(9)
}

fn order() -> StopOrder {
    let told = Told {
        chart: Sensitive::new("0001112223"),
        kana: Sensitive::new("ヤマダ タロウ"),
        birth: Some(Birth::new("1950-01-02".parse().unwrap())),
        sex: Some(Sex::Male),
        card: Insurance {
            insurer: Sensitive::new("06050116"),
            symbol: Sensitive::new("12"),
            number: Sensitive::new("345"),
            branch: Sensitive::new("01"),
        },
    };
    StopOrder {
        site: site(),
        number: 7,
        id: "S-7".parse().unwrap(),
        issued_at: ISSUED,
        expires_at: ISSUED + 90 * 86_400,
        requested_on: "2026-08-29".parse().unwrap(),
        requester: Requester::Family,
        verification: Verification::Document,
        scope: Scope::ALL,
        replaces: Vec::new(),
        keys: OrderKeys::new(told).unwrap(),
    }
}

fn sealed() -> Vec<u8> {
    order()
        .seal(device().public(), &core(), &mut rng())
        .unwrap()
}

fn open(bytes: &[u8]) -> Result<StopOrder, LetterError> {
    StopOrder::open(bytes, &site(), &core().public(), &device())?.at(ISSUED)
}

/// B-011: an order of this version is the bytes that it was, and those are read as what they said.
#[test]
fn the_published_order_is_made_and_read() {
    let lines: Vec<_> = VECTOR
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert_eq!(hex(&sealed()), lines.concat());
    let order = open(&unhex(&lines.concat())).unwrap();
    assert_eq!((order.number, order.id.as_str()), (7, "S-7"));
    assert_eq!(
        (order.issued_at, order.requester),
        (ISSUED, Requester::Family)
    );
    assert_eq!(order.verification, Verification::Document);
    assert_eq!(order.requested_on.to_string(), "2026-08-29");
    assert_eq!(order.scope, Scope::ALL);
    let (told, expected) = (order.keys.told(), self::order());
    let expected = expected.keys.told();
    assert_eq!((&told.chart, &told.kana), (&expected.chart, &expected.kana));
    assert_eq!((told.birth, told.sex), (expected.birth, expected.sex));
    assert_eq!(told.card, expected.card);
}

#[test]
fn nothing_of_the_person_is_readable_on_the_way() {
    let bytes = sealed();
    for hidden in ["0001112223", "ヤマダ", "1950", "345\0"] {
        let found = bytes
            .windows(hidden.len())
            .any(|it| it == hidden.as_bytes());
        assert!(!found, "{hidden}");
    }
    assert!(!format!("{:?}", order()).contains("ヤマダ"));
}

/// B-011: each kind of refusal is told apart.
#[test]
fn forged_foreign_late_and_exchanged_orders_are_refused_each_by_its_name() {
    let bytes = sealed();
    let stranger = SigningKey::from_seed([8; 32]).unwrap();
    let forged = order().seal(device().public(), &stranger, &mut rng());
    let other_device = DeviceSecretKey::from_seed([8; 32]).unwrap();
    let other_site: SiteId = "HOSPITAL-B".parse().unwrap();
    let foreign = StopOrder {
        site: other_site,
        ..order()
    };
    let foreign = foreign.seal(device().public(), &core(), &mut rng());
    let (public, device) = (core().public(), device());
    let at = |now| {
        StopOrder::open(&bytes, &site(), &public, &device)
            .unwrap()
            .at(now)
            .err()
    };
    let other = StopOrder::open(&bytes, &site(), &public, &other_device);
    let erased = ErasedWord::open(&bytes, &site(), &public, &device);
    let cut = bytes.split_last().unwrap().1;
    for (found, expected) in [
        (open(&forged.unwrap()).err(), Some(LetterError::Forged)),
        (
            open(&foreign.unwrap()).err(),
            Some(LetterError::ForeignSite),
        ),
        (other.err(), Some(LetterError::OtherRecipient)),
        (erased.err(), Some(LetterError::OtherKind)),
        (open(cut).err(), Some(LetterError::Forged)),
        (open(b"").err(), Some(LetterError::NotALetter)),
        (open(b"SEKISHL\x02").err(), Some(LetterError::NotALetter)),
        (
            open(&vec![0; LETTER_MAX + 1]).err(),
            Some(LetterError::TooLarge),
        ),
        (at(ISSUED + 90 * 86_400 - 1), None),
        (at(ISSUED + 90 * 86_400), Some(LetterError::Expired)),
        (at(ISSUED - 86_400), None),
        (at(ISSUED - 86_401), Some(LetterError::Future)),
    ] {
        assert_eq!(found, expected);
    }
}

#[test]
fn every_flipped_bit_and_every_shorter_order_is_refused() {
    let bytes = sealed();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&flipped).is_err(), "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert!(open(&bytes[..length]).is_err(), "{length}");
    }
}

#[test]
fn an_order_that_is_valid_for_too_long_or_not_at_all_is_not_made() {
    for days in [-1, 0, 401] {
        let order = StopOrder {
            expires_at: ISSUED + days * 86_400,
            ..order()
        };
        let made = order.seal(device().public(), &core(), &mut rng());
        assert_eq!(made.err(), Some(LetterError::Malformed), "{days}");
    }
}

/// B-011: what an order replaces travels with it, and can only lie before it.
#[test]
fn an_order_replaces_earlier_ones_only_and_not_without_end() {
    let many = vec![1; crate::REPLACES_MAX + 1];
    for (replaces, read) in [
        (vec![], true),
        (vec![1, 6], true),
        (vec![0], false),
        (vec![7], false),
        (many, false),
    ] {
        let order = StopOrder {
            replaces: replaces.clone(),
            ..order()
        };
        let bytes = order.seal(device().public(), &core(), &mut rng()).unwrap();
        let found = open(&bytes).map(|order| order.replaces);
        assert_eq!(found.ok(), read.then_some(replaces));
    }
}

/// What the core signs by mistake is refused as well: a content that is no order, without a panic.
#[test]
fn signed_nonsense_is_refused() {
    let place = LetterPlace {
        site: site(),
        number: 1,
        revision: 0,
    };
    for content in [&b""[..], b"\xa0", b"\x80", b"\xff", &[0x9f; 3000]] {
        let bytes =
            StopOrder::seal_content(&place, content, device().public(), &core(), &mut rng());
        assert_eq!(open(&bytes.unwrap()).err(), Some(LetterError::Malformed));
    }
}

#[test]
fn answers_and_words_are_read_as_they_were_written_and_by_nobody_else() {
    let opening = CoreSecretKey::from_seed([3; 32]).unwrap();
    let signing = SigningKey::from_seed([4; 32]).unwrap();
    for outcome in [
        Outcome::Applied {
            stopped: 1,
            held: 2,
            others: 3,
        },
        Outcome::Expired,
        Outcome::Noted,
    ] {
        let answer = Answer {
            place: LetterPlace {
                site: site(),
                number: 7,
                revision: 1,
            },
            at: ISSUED,
            ledger_entries: 40,
            outcome,
        };
        let bytes = answer.seal(opening.public(), &signing, &mut rng()).unwrap();
        let read = Answer::open(&bytes, &site(), &signing.public(), &opening);
        assert_eq!(read, Ok(answer));
        let forged = Answer::open(&bytes, &site(), &core().public(), &opening);
        assert_eq!(forged, Err(LetterError::Forged));
        assert_eq!(letter_kind(&bytes), Ok(LetterKind::Answer));
    }
    let word = |persons: usize| ErasedWord {
        site: site(),
        number: 8,
        at: ISSUED,
        persons: (0..persons)
            .map(|it| (SubjectRef::new([it as u8; 16]), 3))
            .collect(),
    };
    let bytes = word(1_000)
        .seal(device().public(), &core(), &mut rng())
        .unwrap();
    let read = ErasedWord::open(&bytes, &site(), &core().public(), &device());
    assert_eq!(read, Ok(word(1_000)));
    assert!(open(&bytes).is_err());
    let many = word(1_001).seal(device().public(), &core(), &mut rng());
    assert_eq!(many.err(), Some(LetterError::TooLarge));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let magic = [MAGIC.as_slice(), &bytes].concat();
        prop_assert!(open(&bytes).is_err() && open(&magic).is_err());
    }
}
