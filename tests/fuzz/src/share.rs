//! The vault under lock and its holders' shares: files that lie anywhere, brought by anybody.

use std::sync::LazyLock;

use envelope::{LockedVault, Share, VaultSecretKey};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

struct Parties {
    locked: LockedVault,
    shares: Vec<Share>,
    public: String,
}

#[expect(clippy::unwrap_used, reason = "fixed values")]
static PARTIES: LazyLock<Parties> = LazyLock::new(|| {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let key = VaultSecretKey::generate(&mut rng).unwrap();
    let (locked, shares) = LockedVault::lock(&key, 3, &mut rng).unwrap();
    Parties {
        locked,
        shares,
        public: key.public().to_string(),
    }
});

/// The first byte says whether the rest is a share or a locked vault.
pub(crate) fn run(data: &[u8]) {
    match data.split_first() {
        Some((0, bytes)) => share(bytes),
        Some((_, bytes)) => locked(bytes),
        None => {}
    }
}

/// A share is read and written alike, or refused; the vault opens to two of its own holders only.
fn share(bytes: &[u8]) {
    let Parties {
        locked,
        shares,
        public,
    } = &*PARTIES;
    let text = String::from_utf8_lossy(bytes);
    let Ok(share) = text.trim().parse::<Share>() else {
        return;
    };
    let again = share.to_text();
    assert!(again.eq_ignore_ascii_case(text.trim()), "says otherwise");
    let ours = shares.iter().any(|own| *own.to_text() == *again);
    for own in shares {
        let same = own.holder() == share.holder();
        match locked.unlock(own, &share) {
            Ok(key) => {
                assert!(ours && !same, "opened by a stranger");
                assert_eq!(key.public().to_string(), *public);
            }
            Err(_) => assert!(!ours || same, "closed to its own holders"),
        }
    }
}

/// A vault that opens is the one that was locked, whatever else its file claims.
fn locked(bytes: &[u8]) {
    let Parties { shares, public, .. } = &*PARTIES;
    let Ok(locked) = serde_json::from_slice::<LockedVault>(bytes) else {
        return;
    };
    let [first, second, ..] = &**shares else {
        return;
    };
    if let Ok(key) = locked.unlock(first, second) {
        assert_eq!(key.public().to_string(), *public, "another key");
        assert_eq!(locked.public, *public, "under another name");
    }
    assert!(locked.unlock(first, first).is_err(), "one holder alone");
}

/// A share, one of a stranger, the locked vault, and one with a pair too few.
pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let Parties { locked, shares, .. } = &*PARTIES;
    let own = shares.first().map(|share| share.to_text().to_string());
    let own = own.unwrap_or_default();
    let stranger = own.replace(['3', '7'], "4");
    let whole = serde_json::to_vec(locked).unwrap_or_default();
    let whole_text = String::from_utf8_lossy(&whole);
    let fewer = whole_text.replacen("\"holders\":3", "\"holders\":2", 1);
    [
        ("own", 0, own.as_bytes()),
        ("stranger", 0, stranger.as_bytes()),
        ("locked", 1, &whole),
        ("fewer", 1, fewer.as_bytes()),
    ]
    .map(|(name, first, bytes)| (name.to_owned(), [&[first], bytes].concat()))
    .into()
}
