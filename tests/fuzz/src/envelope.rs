//! Identity envelopes: bytes of a core that may have been changed by anybody.

use std::sync::LazyLock;

use envelope::{ENVELOPE_MAX, MacKey, VaultSecretKey, envelope_key};
use jiff::civil::date;
use privacy::separate::SealedIdentity;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use record::identity::{Birth, Insurance, Name, Sex};
use record::{ChartNumber, Identity, Sensitive, SiteId, SubjectRef};

use crate::seeds::CHART;

struct Parties {
    vault: VaultSecretKey,
    site: SiteId,
    subject: SubjectRef,
    sealed: Vec<u8>,
}

#[expect(clippy::unwrap_used, reason = "fixed values")]
static PARTIES: LazyLock<Parties> = LazyLock::new(|| {
    let vault = VaultSecretKey::generate(&mut ChaCha20Rng::seed_from_u64(1)).unwrap();
    let site: SiteId = "HOSPITAL-A".parse().unwrap();
    let subject = SubjectRef::new([7; 16]);
    let chart = ChartNumber::new(CHART).unwrap();
    let key = MacKey::from_bytes([2; 32]);
    let sealed = vault
        .public()
        .seal(&identity(), &chart, (&site, &subject), &key)
        .unwrap();
    Parties {
        vault,
        site,
        subject,
        sealed,
    }
});

fn identity() -> Identity {
    let name = |family: &str, given: &str| Name {
        family: Sensitive::new(family),
        given: Sensitive::new(given),
    };
    Identity {
        kanji: Some(name("山田", "太郎")),
        kana: Some(name("ヤマダ", "タロウ")),
        birth: Some(Birth::new(date(1965, 4, 15))),
        sex: Some(Sex::Male),
        insurance: vec![Insurance {
            insurer: Sensitive::new("06050116"),
            symbol: Sensitive::new("12"),
            number: Sensitive::new("345"),
            branch: Sensitive::new("01"),
        }],
        ..Identity::default()
    }
}

/// Nothing opens but what was sealed, and that for its own person only. What one that opens is
/// named, and how it travels, are its own bytes.
pub(crate) fn run(data: &[u8]) {
    let Parties {
        vault,
        site,
        subject,
        sealed,
    } = &*PARTIES;
    let key = envelope_key(data);
    assert!(
        key.is_err() || data.len() <= ENVELOPE_MAX,
        "beyond the bound"
    );
    match vault.open((site, subject), data) {
        Ok(person) => {
            assert!(data == sealed.as_slice(), "something else opens");
            assert_eq!(person.chart, CHART);
            assert_eq!(key.ok(), Some(*vault.public().id().as_bytes()));
        }
        Err(_) => assert!(data != sealed.as_slice(), "what was sealed does not open"),
    }
    let other = SubjectRef::new([8; 16]);
    assert!(
        vault.open((site, &other), data).is_err(),
        "of somebody else"
    );
    let Some(travelling) = SealedIdentity::new(data.to_vec()) else {
        assert!(data.is_empty() || data.len() > SealedIdentity::MAX);
        return;
    };
    assert_eq!(travelling.as_bytes(), data);
}

/// A whole envelope, its head alone, and one for another vault.
pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let Parties { sealed, .. } = &*PARTIES;
    let mut other = sealed.clone();
    if let Some(byte) = other.get_mut(3) {
        *byte ^= 1;
    }
    let head = sealed.get(..1209).unwrap_or_default();
    [("whole", &**sealed), ("head", head), ("other", &other)]
        .map(|(name, bytes)| (name.to_owned(), bytes.to_vec()))
        .into()
}
