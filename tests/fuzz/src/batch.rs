//! Sealed batches and receipts, of whoever reaches the front, and of a site that was taken over and
//! signs what it likes.
//!
//! The first byte says what the rest is: 0 a header, 1 a manifest, 2 content, each inside a batch
//! that is valid and signed otherwise; 3 a receipt; anything else a whole batch.

use std::sync::LazyLock;

use envelope::{
    CoreSecretKey, Limits, Manifest, Opened, Receipt, SigningKey, Subject, inspect, open_within,
    peek, sha256,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use record::DocumentState;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::signature::Ed25519KeyPair;
use ring::{hkdf, hmac};
use serde_cbor::Value;

/// A batch of the golden corpus, whose keys and randomness are known.
const BASE: &[u8] = include_bytes!("../../interop/corpus/format-1/one-epoch.batch");
const SITE: [u8; 32] = [3; 32];
/// Small, so that a fuzzer meets them.
const LIMITS: Limits = Limits {
    content_bytes: 1 << 16,
    subjects: 20,
    documents: 40,
};
const CHUNK: usize = 64 << 10;

struct Base {
    site: SigningKey,
    core: CoreSecretKey,
    file_key: [u8; 32],
    header: Value,
    manifest: Manifest,
}

#[expect(clippy::unwrap_used, reason = "fixed values")]
static KNOWN: LazyLock<Base> = LazyLock::new(|| {
    let mut file_key = [0; 32];
    ChaCha20Rng::seed_from_u64(5).fill_bytes(&mut file_key);
    Base {
        site: SigningKey::from_seed(SITE).unwrap(),
        core: CoreSecretKey::from_seed([4; 32]).unwrap(),
        file_key,
        header: serde_cbor::value::to_value(peek(BASE).unwrap()).unwrap(),
        manifest: inspect(BASE).unwrap().manifest,
    }
});

pub(crate) fn run(data: &[u8]) {
    match data.split_first() {
        Some((0, header)) => {
            let (_, body) = body_of(&[]);
            opened(&signed(
                header,
                &stated(&KNOWN.manifest, header, &body),
                &body,
            ));
        }
        Some((1, manifest)) => {
            let (header, body) = body_of(&[]);
            opened(&signed(&header, manifest, &body));
        }
        Some((2, plain)) => content(plain),
        Some((3, receipt)) => strange_receipt(receipt),
        _ => whole(data),
    }
}

/// Nothing that the site's key did not sign is opened.
fn whole(data: &[u8]) {
    if let Some(opened) = opened(data) {
        assert_eq!(sha256(data), sha256(BASE), "forged: {}", opened.id);
    }
}

fn strange_receipt(data: &[u8]) {
    let key = SigningKey::from_seed([9; 32]).map(|key| key.public());
    let taken = key.is_ok_and(|key| Receipt::verify(data, &key).is_ok());
    assert!(!taken, "a forged receipt");
}

/// What is opened fits the bounds and the manifest, and says the same when it is encoded again.
fn opened(bytes: &[u8]) -> Option<Opened> {
    let opened = open_within(bytes, &KNOWN.site.public(), &KNOWN.core, &LIMITS).ok()?;
    let documents: usize = opened.subjects.iter().map(|one| one.documents.len()).sum();
    assert!(
        opened.subjects.len() <= 20 && documents <= 40,
        "above its bounds"
    );
    assert_eq!(opened.manifest.subjects, opened.subjects.len() as u64);
    for subject in &opened.subjects {
        let again: Result<Subject, _> = serde_cbor::from_slice(&encoded(subject));
        assert_eq!(again.ok().as_ref(), Some(subject), "says otherwise");
        let own = |one: &record::Document| one.subject == subject.subject;
        assert!(
            subject.documents.iter().all(own),
            "somebody else's document"
        );
    }
    Some(opened)
}

/// Content of a hostile site under a manifest that counts what can be read of it.
fn content(plain: &[u8]) {
    let mut manifest = KNOWN.manifest.clone();
    manifest.subjects = 0;
    manifest.withdrawn = 0;
    manifest.documents.clear();
    manifest.records.clear();
    let items = serde_cbor::Deserializer::from_slice(plain).into_iter::<Subject>();
    for subject in items.map_while(Result::ok) {
        manifest.subjects += 1;
        manifest.envelopes += u64::from(subject.envelope.is_some());
        manifest.normaliser = subject.tokens.version;
        manifest.token_epoch = subject.tokens.epoch;
        manifest.next_epoch = subject.next.map(|next| next.epoch);
        for document in subject.documents {
            *manifest.documents.entry(document.kind).or_default() += 1;
            manifest.withdrawn += u64::from(document.state == DocumentState::Withdrawn);
            for record in document.records {
                *manifest.records.entry(record.kind()).or_default() += 1;
            }
        }
    }
    let (header, body) = body_of(plain);
    opened(&signed(&header, &stated(&manifest, &header, &body), &body));
}

/// The header and the encrypted body of content, as the specification makes them.
#[expect(clippy::expect_used, reason = "keys of the right length")]
fn body_of(plain: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let packed = zstd::bulk::compress(plain, 1).expect("memory");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &KNOWN.file_key);
    let salt = hmac::sign(&key, &packed);
    let mut header = KNOWN.header.clone();
    if let Value::Map(map) = &mut header {
        let salt = Value::Bytes(salt.as_ref().to_vec());
        map.insert(Value::Text("salt".to_owned()), salt);
    }
    let header = encoded(&header);
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt.as_ref()).extract(&KNOWN.file_key);
    let okm = prk.expand(&[b"sekisho body key v1"], &AES_256_GCM);
    let key = LessSafeKey::new(okm.map(UnboundKey::from).expect("32 bytes"));
    let chunks = packed.len().div_ceil(CHUNK).max(1);
    let mut body = Vec::new();
    for (number, chunk) in packed.chunks(CHUNK).enumerate() {
        let mut nonce = [0; 12];
        let (counter, last) = nonce.split_at_mut(11);
        counter
            .iter_mut()
            .rev()
            .zip(number.to_le_bytes())
            .for_each(|(to, from)| *to = from);
        last.fill(u8::from(number + 1 == chunks));
        let mut sealed = chunk.to_vec();
        let bound = Aad::from(sha256(&header));
        let nonce = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(nonce, bound, &mut sealed)
            .expect("short");
        body.extend_from_slice(&sealed);
    }
    (header, body)
}

/// What stands before the manifest.
fn before(header: &[u8], body: &[u8]) -> Vec<u8> {
    [b"SEKISHO\x01", &length(header)[..], header, body].concat()
}

fn length(part: &[u8]) -> [u8; 4] {
    u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes()
}

/// The manifest with the digest of what stands before it.
fn stated(manifest: &Manifest, header: &[u8], body: &[u8]) -> Vec<u8> {
    let mut manifest = manifest.clone();
    manifest.body.len = body.len() as u64;
    manifest.body.sha256 = sha256(&before(header, body));
    encoded(&manifest)
}

#[expect(clippy::expect_used, reason = "a fixed seed")]
fn signed(header: &[u8], manifest: &[u8], body: &[u8]) -> Vec<u8> {
    let pair = Ed25519KeyPair::from_seed_unchecked(&SITE).expect("a seed");
    let text = [b"sekisho batch v1\0".as_slice(), &sha256(header), manifest].concat();
    let signature = pair.sign(&text);
    let parts: [&[u8]; 4] = [
        &before(header, body),
        manifest,
        signature.as_ref(),
        &length(manifest),
    ];
    parts.concat()
}

#[expect(clippy::expect_used, reason = "it was decoded from CBOR")]
fn encoded(value: &impl serde::Serialize) -> Vec<u8> {
    serde_cbor::to_vec(value).expect("CBOR")
}

/// A whole batch, its parts, and the content of two subjects.
pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let base = &*KNOWN;
    let of = |kind: u8, part: &[u8]| [&[kind], part].concat();
    let opened = open_within(BASE, &base.site.public(), &base.core, &LIMITS);
    let subjects = opened.map(|opened| opened.subjects).unwrap_or_default();
    let content: Vec<u8> = subjects.iter().flat_map(encoded).collect();
    [
        ("batch", BASE.to_vec()),
        ("header", of(0, &encoded(&base.header))),
        ("manifest", of(1, &encoded(&base.manifest))),
        ("content", of(2, &content)),
        ("receipt", of(3, b"SEKISHR\x01")),
    ]
    .map(|(name, seed)| (name.to_owned(), seed))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Otherwise the target would only look at refusals.
    #[test]
    fn the_content_of_a_valid_batch_is_opened_inside_the_hull_that_the_target_makes() {
        let (_, seed) = seeds()
            .into_iter()
            .find(|(name, _)| name == "content")
            .unwrap();
        let (header, body) = body_of(&seed[1..]);
        let manifest = stated(&KNOWN.manifest, &header, &body);
        let opened = opened(&signed(&header, &manifest, &body)).unwrap();
        assert_eq!(opened.subjects.len(), 2);
    }
}
