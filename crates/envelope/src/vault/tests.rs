//! Who can open what was sealed for the vault.

use proptest::prelude::*;
use record::identity::{Birth, Insurance, Name, Sensitive, Sex};

use super::*;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn identity() -> Identity {
    let name = |family, given| {
        Some(Name {
            family: Sensitive::new(family),
            given: Sensitive::new(given),
        })
    };
    Identity {
        kanji: name("髙橋", "翔一"),
        kana: name("タカハシ", "ショウイチ"),
        birth: Some(Birth::new("1958-03-09".parse().unwrap())),
        sex: Some(Sex::Male),
        insurance: vec![Insurance {
            insurer: Sensitive::new("06130012"),
            symbol: Sensitive::new("1234"),
            number: Sensitive::new("567"),
            branch: Sensitive::new("01"),
        }],
        addresses: vec![Sensitive::new("東京都小金井市")],
        ..Identity::default()
    }
}

fn chart() -> ChartNumber {
    ChartNumber::new("0001112223").unwrap()
}

fn site() -> SiteId {
    "HOSP-A".parse().unwrap()
}

const SUBJECT: SubjectRef = SubjectRef::new([7; 16]);

fn vault(seed: u64) -> VaultSecretKey {
    VaultSecretKey::generate(&mut rng(seed)).unwrap()
}

fn sealed(vault: &VaultSecretKey, identity: &Identity) -> Vec<u8> {
    let site_key = MacKey::from_bytes([3; 32]);
    let place = (&site(), &SUBJECT);
    vault
        .public()
        .seal(identity, &chart(), place, &site_key)
        .unwrap()
}

#[test]
fn the_vault_opens_what_was_sealed_for_it_and_for_that_subject() {
    let vault = vault(1);
    let envelope = sealed(&vault, &identity());
    let person = vault.open((&site(), &SUBJECT), &envelope).unwrap();
    assert_eq!(person.chart, "0001112223");
    assert_eq!(person.kanji, Some(("髙橋".to_owned(), "翔一".to_owned())));
    assert_eq!(person.birth.as_deref(), Some("1958-03-09"));
    assert_eq!(
        person.cards,
        [["06130012", "1234", "567", "01"].map(str::to_owned)]
    );
    assert_eq!(format!("{person:?}"), "Person([hidden])");
    let other: SiteId = "HOSP-B".parse().unwrap();
    for place in [(&other, &SUBJECT), (&site(), &SubjectRef::new([8; 16]))] {
        assert_eq!(vault.open(place, &envelope), Err(EnvelopeError::Decrypt));
    }
}

/// The core has another key: neither its key nor one share opens anything.
#[test]
fn the_core_s_key_and_another_vault_open_nothing() {
    let vault = vault(1);
    let envelope = sealed(&vault, &identity());
    let other = self::vault(2);
    let place = (&site(), &SUBJECT);
    assert_eq!(other.open(place, &envelope), Err(EnvelopeError::OtherKey));
    // Even if its id is written in.
    let mut renamed = envelope;
    renamed[1..9].copy_from_slice(other.public().id().as_bytes());
    assert_eq!(other.open(place, &renamed), Err(EnvelopeError::Decrypt));
    let core = CoreSecretKey::generate(&mut rng(3)).unwrap();
    let line = core.to_text();
    assert_eq!(line.parse::<Share>().err(), Some(KeyError::Kind));
    assert!(core.public().to_string().parse::<VaultPublicKey>().is_err());
}

#[test]
fn every_changed_or_cut_envelope_is_refused() {
    let vault = vault(1);
    let envelope = sealed(&vault, &identity());
    for at in (0..envelope.len()).step_by(7).chain([envelope.len() - 1]) {
        let mut changed = envelope.clone();
        changed[at] ^= 1;
        assert!(vault.open((&site(), &SUBJECT), &changed).is_err(), "{at}");
        assert!(
            vault.open((&site(), &SUBJECT), &envelope[..at]).is_err(),
            "{at}"
        );
    }
}

/// P-24: a device sees that nothing changed; and a longer name is no longer envelope.
#[test]
fn the_same_person_gives_the_same_bytes_and_a_longer_name_no_longer_ones() {
    let vault = vault(1);
    let envelope = sealed(&vault, &identity());
    assert_eq!(sealed(&vault, &identity()), envelope);
    let longer = Identity {
        kana: Some(Name {
            family: Sensitive::new("カデノコウジ"),
            given: Sensitive::new("ショウイチロウ"),
        }),
        ..identity()
    };
    let other = sealed(&vault, &longer);
    assert_ne!(other, envelope);
    assert_eq!(other.len(), envelope.len());
    assert_ne!(other[9..9 + ENCAPSULATED], envelope[9..9 + ENCAPSULATED]);
}

#[test]
fn an_identity_that_is_too_large_is_not_sealed() {
    let huge = Identity {
        kana: Some(Name {
            family: Sensitive::new("ア".repeat(100_000)),
            given: Sensitive::default(),
        }),
        ..identity()
    };
    let site_key = MacKey::from_bytes([3; 32]);
    let place = (&site(), &SUBJECT);
    let refused = vault(1).public().seal(&huge, &chart(), place, &site_key);
    assert_eq!(refused, Err(EnvelopeError::Malformed));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Any two holders open, in either order; one alone, twice, does not, nor with a stranger's.
    #[test]
    fn any_two_holders_open_and_one_does_not(holders in 2..=HOLDERS_MAX, seed: u64) {
        let key = vault(seed);
        let (locked, shares) = LockedVault::lock(&key, holders, &mut rng(seed ^ 1)).unwrap();
        prop_assert!(locked.is_whole());
        let (_, strangers) = LockedVault::lock(&vault(!seed), holders, &mut rng(!seed)).unwrap();
        for (a, one) in shares.iter().enumerate() {
            for (b, other) in shares.iter().enumerate() {
                match a == b {
                    true => prop_assert_eq!(
                        locked.unlock(one, other).err(), Some(ShareError::Same)
                    ),
                    false => {
                        let opened = locked.unlock(one, other).unwrap();
                        prop_assert_eq!(opened.public(), key.public());
                        let foreign = locked.unlock(one, &strangers[b]).err();
                        prop_assert_eq!(foreign, Some(ShareError::Foreign));
                    }
                }
            }
        }
    }
}

#[test]
fn shares_and_locks_are_read_back_and_what_is_wrong_is_refused() {
    let key = vault(1);
    let (locked, shares) = LockedVault::lock(&key, 3, &mut rng(2)).unwrap();
    let read: Share = shares[1].to_text().parse().unwrap();
    assert_eq!(read.holder(), 2);
    let text = serde_json::to_string(&locked).unwrap();
    let again: LockedVault = serde_json::from_str(&text).unwrap();
    assert_eq!(
        again.unlock(&read, &shares[0]).unwrap().public(),
        key.public()
    );
    let mut cut = locked;
    cut.pairs.pop();
    assert!(!cut.is_whole());
    let none = format!("sekisho-vault-share-v1:00{}", "1".repeat(64));
    assert_eq!(none.parse::<Share>().err(), Some(KeyError::Invalid));
    for holders in [0, 1, HOLDERS_MAX + 1, 300] {
        let refused = LockedVault::lock(&key, holders, &mut rng(2)).err();
        assert_eq!(refused, Some(ShareError::Holders));
    }
    let public: VaultPublicKey = key.public().to_string().parse().unwrap();
    assert_eq!(&public, key.public());
}
