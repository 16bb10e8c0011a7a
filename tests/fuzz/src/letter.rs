//! Letters of the centre: bytes of whoever stands between, and content that the core's own key
//! signed.

use std::sync::LazyLock;

use envelope::{
    Answer, CoreSecretKey, DeviceSecretKey, EmergencyCode, ErasedWord, LetterPlace, SigningKey,
    StopOrder, letter_kind,
};
use privacy::order::OrderKeys;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use record::SiteId;

/// Keys and place of every input.
pub(crate) struct Parties {
    pub(crate) site: SiteId,
    pub(crate) core: SigningKey,
    pub(crate) opening: CoreSecretKey,
    pub(crate) device: DeviceSecretKey,
}

#[expect(clippy::unwrap_used, reason = "fixed values")]
pub(crate) static PARTIES: LazyLock<Parties> = LazyLock::new(|| Parties {
    site: "HOSPITAL-A".parse().unwrap(),
    core: SigningKey::from_seed([1; 32]).unwrap(),
    opening: CoreSecretKey::from_seed([3; 32]).unwrap(),
    device: DeviceSecretKey::from_seed([2; 32]).unwrap(),
});

/// The first byte says whether the rest is a whole letter or the content of a signed one.
pub(crate) fn run(data: &[u8]) {
    match data.split_first() {
        Some((0, content)) => signed(content),
        Some((_, bytes)) => strange(bytes),
        None => {}
    }
}

/// Nothing that the keys did not sign is taken, whatever it claims to be.
fn strange(bytes: &[u8]) {
    let Parties {
        site,
        core,
        opening,
        device,
    } = &*PARTIES;
    let kind = letter_kind(bytes);
    let public = core.public();
    let order = StopOrder::open(bytes, site, &public, device).is_ok();
    let word = ErasedWord::open(bytes, site, &public, device).is_ok();
    let code = EmergencyCode::open(bytes, site, &public, device).is_ok();
    let answer = Answer::open(bytes, site, &public, opening).is_ok();
    let taken = usize::from(order) + usize::from(word) + usize::from(code) + usize::from(answer);
    assert!(taken <= 1, "one letter of two kinds");
    assert!(taken == 0 || kind.is_ok(), "taken without a kind");
}

/// A content is an order or is refused; one that is taken names somebody and says the same again.
fn signed(content: &[u8]) {
    let Parties {
        site, core, device, ..
    } = &*PARTIES;
    let place = LetterPlace {
        site: site.clone(),
        number: 1,
        revision: 0,
    };
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let public = device.public();
    let Ok(bytes) = StopOrder::seal_content(&place, content, public, core, &mut rng) else {
        return;
    };
    let Ok(order) = StopOrder::open(&bytes, site, &core.public(), device) else {
        return;
    };
    let Ok(order) = order.at(1_788_000_000) else {
        return;
    };
    assert!(
        OrderKeys::new(order.keys.told().clone()).is_ok(),
        "names nobody"
    );
    #[expect(clippy::expect_used, reason = "what was opened can be sealed")]
    let again = order.seal(public, core, &mut rng).expect("sealed again");
    let again = StopOrder::open(&again, site, &core.public(), device);
    #[expect(clippy::expect_used, reason = "what was sealed can be opened")]
    let again = again
        .and_then(|again| again.at(1_788_000_000))
        .expect("opened again");
    let said = |order: &StopOrder| {
        let told = order.keys.told();
        let card = told.card.clone();
        (
            told.chart.clone(),
            told.kana.clone(),
            told.birth,
            told.sex,
            card,
        )
    };
    assert!(said(&order) == said(&again), "says otherwise");
    assert_eq!((order.id, order.scope), (again.id, again.scope));
}

/// The content of a valid order, an order of every part left out, and a whole letter.
pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let full = order([
        "0001112223",
        "ヤマダ タロウ",
        "1950-01-02",
        "M",
        "06050116",
        "12",
        "345",
        "01",
    ]);
    let card = order(["", "", "", "", "06050116", "", "345", ""]);
    let named = order(["", "ヤマダ　タロウ", "1950-01-02", "", "", "", "", ""]);
    let Parties { core, device, .. } = &*PARTIES;
    let place = LetterPlace {
        site: PARTIES.site.clone(),
        number: 7,
        revision: 0,
    };
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let content = full.get(1..).unwrap_or_default();
    let letter = StopOrder::seal_content(&place, content, device.public(), core, &mut rng);
    let letter = [&[1], letter.unwrap_or_default().as_slice()].concat();
    [
        ("full", full),
        ("card", card),
        ("named", named),
        ("letter", letter),
    ]
    .map(|(name, seed)| (name.to_owned(), seed))
    .into()
}

/// The CBOR of an order's content behind the byte that says so.
fn order(told: [&str; 8]) -> Vec<u8> {
    let mut cbor = vec![0, 0xaf];
    let numbers = [
        ("issued_at", 1_787_900_000u32),
        ("expires_at", 1_790_000_000),
    ];
    for (name, number) in numbers {
        text(&mut cbor, name);
        cbor.push(0x1a);
        cbor.extend_from_slice(&number.to_be_bytes());
    }
    let words = [
        ("id", "S-1"),
        ("requested_on", "2026-08-29"),
        ("requester", "self"),
        ("verification", "document"),
        ("scope", "*/*/.."),
    ];
    let names = [
        "chart", "kana", "birth", "sex", "insurer", "symbol", "card", "branch",
    ];
    for (name, value) in words.into_iter().chain(names.into_iter().zip(told)) {
        text(&mut cbor, name);
        text(&mut cbor, value);
    }
    cbor
}

fn text(cbor: &mut Vec<u8>, text: &str) {
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
    match length {
        0..24 => cbor.push(0x60 | length),
        _ => cbor.extend_from_slice(&[0x78, length]),
    }
    cbor.extend_from_slice(text.as_bytes());
}
