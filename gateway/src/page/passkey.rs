//! Passkeys (WebAuthn level 2): a key of the person's computer or phone, opened by fingerprint,
//! face or PIN there. That is both factors in one step.
//!
//! Taken: keys on P-256 with SHA-256 (ES256), which every authenticator has, without attestation,
//! because any that verifies its user will do. What the browser sends is verified as sections 7.1
//! and 7.2 of the recommendation ask: type, challenge, origin, relying party, that a person was
//! there and was verified, signature, counter.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use envelope::sha256;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::Deserialize;
use serde_cbor::Value;

use super::secret::{PageKey, hex, random, same, unhex};
use crate::error::Failure;

/// How long a challenge is good.
const SECONDS: i64 = 300;
/// Challenges that are remembered as used. Each is good for minutes only.
const USED_MAX: usize = 1_000;
/// Bytes of what a browser sends: without attestation some hundreds.
const BYTES_MAX: usize = 4_096;
const ID_MAX: usize = 255;

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const HAS_KEY: u8 = 1 << 6;

/// A challenge for one page: the bytes to be signed, and the same sealed with their end.
pub(super) struct Challenge {
    /// For the script, in hexadecimal.
    pub(super) shown: String,
    /// For the form, in hexadecimal.
    pub(super) sealed: String,
}

/// Challenges that were used.
#[derive(Default)]
pub(super) struct Used(Mutex<VecDeque<[u8; 32]>>);

/// A new key of a person.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NewKey {
    /// Its name at the authenticator.
    pub(super) id: Vec<u8>,
    /// The public point, uncompressed.
    pub(super) point: Vec<u8>,
    /// How often it was used so far; 0 where the authenticator does not count.
    pub(super) counter: u32,
}

impl Challenge {
    /// Draws a challenge for one purpose.
    ///
    /// # Errors
    /// See [`PageKey::seal`].
    pub(super) fn new(key: &PageKey, purpose: &str, at: i64) -> Result<Self, Failure> {
        let bytes = random::<32>();
        let until = (at + SECONDS).to_be_bytes();
        let sealed = key.seal(purpose, &[until.as_slice(), &bytes].concat())?;
        Ok(Self {
            shown: hex(&bytes),
            sealed: hex(&sealed),
        })
    }
}

impl Used {
    /// The challenge of a form, if it is one of ours for this purpose, in time, and not used yet.
    pub(super) fn take(
        &self,
        key: &PageKey,
        purpose: &str,
        sealed: &str,
        at: i64,
    ) -> Option<[u8; 32]> {
        let opened = key.open_sealed(purpose, &unhex(sealed)?)?;
        let (until, bytes) = opened.split_first_chunk::<8>()?;
        let bytes: [u8; 32] = bytes.try_into().ok()?;
        if i64::from_be_bytes(*until) <= at {
            return None;
        }
        let mut used = self.0.lock().ok()?;
        if used.contains(&bytes) {
            return None;
        }
        used.push_back(bytes);
        if used.len() > USED_MAX {
            used.pop_front();
        }
        Some(bytes)
    }
}

/// Reads a new key from what the browser gave for a registration.
pub(super) fn registered(
    client: &[u8],
    attestation: &[u8],
    challenge: &[u8; 32],
    hosts: &[String],
) -> Option<NewKey> {
    let party = checked(client, "webauthn.create", challenge, hosts)?;
    if attestation.len() > BYTES_MAX {
        return None;
    }
    let Ok(Value::Map(fields)) = serde_cbor::from_slice(attestation) else {
        return None;
    };
    let Some(Value::Bytes(data)) = fields.get(&Value::Text("authData".to_owned())) else {
        return None;
    };
    let (counter, rest) = verified(data, &party, HAS_KEY)?;
    // 16 bytes name the model; then come length and bytes of the id, then the key.
    let (length, rest) = rest.get(16..)?.split_first_chunk::<2>()?;
    let (id, key) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    (1..=ID_MAX).contains(&id.len()).then_some(())?;
    Some(NewKey {
        id: id.to_vec(),
        point: point(key)?,
        counter,
    })
}

/// Checks what the browser gave for a sign-in. Gives the authenticator's counter.
pub(super) fn signed(
    client: &[u8],
    data: &[u8],
    signature: &[u8],
    point: &[u8],
    challenge: &[u8; 32],
    hosts: &[String],
) -> Option<u32> {
    let party = checked(client, "webauthn.get", challenge, hosts)?;
    if data.len() > BYTES_MAX || signature.len() > BYTES_MAX {
        return None;
    }
    let (counter, _) = verified(data, &party, 0)?;
    let message = [data, &sha256(client)].concat();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point);
    key.verify(&message, signature).ok().map(|()| counter)
}

/// Whether a counter shows that no copy of the key was used in between.
pub(super) fn counts_on(before: u32, now: u32) -> bool {
    now > before || (now == 0 && before == 0)
}

#[derive(Deserialize)]
struct Client {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: bool,
}

/// Checks the browser's own account of what it did. Gives the digest of the relying party.
fn checked(client: &[u8], kind: &str, challenge: &[u8; 32], hosts: &[String]) -> Option<[u8; 32]> {
    if client.len() > BYTES_MAX {
        return None;
    }
    let client: Client = serde_json::from_slice(client).ok()?;
    let host = client.origin.strip_prefix("https://")?;
    let ours = hosts.iter().any(|ours| ours == host);
    let right = client.kind == kind
        && same(client.challenge.as_bytes(), base64url(challenge).as_bytes())
        && !client.cross_origin;
    let name = host.split(':').next()?;
    (ours && right).then(|| sha256(name.as_bytes()))
}

/// Checks the authenticator's account: for us, a person there, verified. Gives counter and rest.
fn verified<'d>(data: &'d [u8], party: &[u8; 32], more: u8) -> Option<(u32, &'d [u8])> {
    let (for_whom, rest) = data.split_first_chunk::<32>()?;
    let (flags, rest) = rest.split_first()?;
    let (counter, rest) = rest.split_first_chunk::<4>()?;
    let wanted = USER_PRESENT | USER_VERIFIED | more;
    let right = for_whom == party && flags & wanted == wanted;
    right.then(|| (u32::from_be_bytes(*counter), rest))
}

/// The point of a COSE key (RFC 9053): elliptic curve P-256 for ES256.
fn point(key: &[u8]) -> Option<Vec<u8>> {
    // Extensions may follow the key, so only its first item is read.
    let mut items = serde_cbor::Deserializer::from_slice(key).into_iter::<Value>();
    let Ok(Value::Map(fields)) = items.next()? else {
        return None;
    };
    let number = |name: i128| match fields.get(&Value::Integer(name)) {
        Some(Value::Integer(value)) => Some(*value),
        _ => None,
    };
    let (kind, algorithm, curve) = (number(1)?, number(3)?, number(-1)?);
    let place = |name| coordinate(&fields, name);
    let (x, y) = (place(-2)?, place(-3)?);
    (kind == 2 && algorithm == -7 && curve == 1).then(|| [&[4], x, y].concat())
}

fn coordinate(fields: &BTreeMap<Value, Value>, name: i128) -> Option<&[u8]> {
    match fields.get(&Value::Integer(name)) {
        Some(Value::Bytes(bytes)) if bytes.len() == 32 => Some(bytes),
        _ => None,
    }
}

/// Base64 for addresses without padding (RFC 4648, section 5), as browsers write the challenge.
fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let letter = |value: u32| {
        let letter = LETTERS.get((value & 63) as usize).copied();
        char::from(letter.unwrap_or(b'A'))
    };
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let held = three
            .iter()
            .fold(0, |held, byte| held << 8 | u32::from(*byte));
        let held = held << (8 * (3 - three.len()));
        text.extend((0..=three.len()).map(|place| letter(held >> (18 - 6 * place))));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::json;

    use super::*;

    const CHALLENGE: [u8; 32] = [5; 32];
    const HOST: &str = "sekisho.internal:8443";

    fn hosts() -> Vec<String> {
        vec![HOST.to_owned(), "192.168.10.5:8443".to_owned()]
    }

    fn pair() -> EcdsaKeyPair {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap()
    }

    fn client(kind: &str, challenge: &[u8; 32], origin: &str) -> serde_json::Value {
        json!({"type": kind, "challenge": base64url(challenge), "origin": origin,
            "crossOrigin": false})
    }

    fn data(party: &str, flags: u8, counter: u32, rest: &[u8]) -> Vec<u8> {
        [
            &sha256(party.as_bytes())[..],
            &[flags],
            &counter.to_be_bytes(),
            rest,
        ]
        .concat()
    }

    fn sign(pair: &EcdsaKeyPair, data: &[u8], client: &[u8]) -> Vec<u8> {
        let message = [data, &sha256(client)].concat();
        pair.sign(&SystemRandom::new(), &message)
            .unwrap()
            .as_ref()
            .to_vec()
    }

    fn cose(pair: &EcdsaKeyPair, algorithm: i128) -> Vec<u8> {
        let point = pair.public_key().as_ref();
        let fields: BTreeMap<Value, Value> = [
            (1, Value::Integer(2)),
            (3, Value::Integer(algorithm)),
            (-1, Value::Integer(1)),
            (-2, Value::Bytes(point[1..33].to_vec())),
            (-3, Value::Bytes(point[33..].to_vec())),
        ]
        .map(|(name, value)| (Value::Integer(name), value))
        .into();
        serde_cbor::to_vec(&Value::Map(fields)).unwrap()
    }

    fn attestation(data: Vec<u8>) -> Vec<u8> {
        let text = |text: &str| Value::Text(text.to_owned());
        let fields: BTreeMap<Value, Value> = [
            (text("fmt"), text("none")),
            (text("attStmt"), Value::Map(BTreeMap::new())),
            (text("authData"), Value::Bytes(data)),
        ]
        .into();
        serde_cbor::to_vec(&Value::Map(fields)).unwrap()
    }

    /// RFC 4648, section 10.
    #[test]
    fn base64_meets_the_published_values() {
        for (plain, text) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64url(plain.as_bytes()), text);
        }
        assert_eq!(base64url(&[0xfb, 0xff]), "-_8");
    }

    /// B-086: everything that the recommendation asks is checked; each one thing that is wrong is
    /// enough to refuse.
    #[test]
    fn a_sign_in_with_anything_wrong_is_refused() {
        let (pair, stranger) = (pair(), pair());
        let point = pair.public_key().as_ref().to_vec();
        let good = client("webauthn.get", &CHALLENGE, &format!("https://{HOST}"));
        let with = |field: &str, value: serde_json::Value| {
            let mut changed = good.clone();
            changed[field] = value;
            changed
        };
        let party = "sekisho.internal";
        let all = USER_PRESENT | USER_VERIFIED;
        for (case, client, data, signer, expected) in [
            (
                "good",
                good.clone(),
                data(party, all, 7, &[]),
                &pair,
                Some(7),
            ),
            (
                "stranger",
                good.clone(),
                data(party, all, 7, &[]),
                &stranger,
                None,
            ),
            (
                "party",
                good.clone(),
                data("evil.example", all, 7, &[]),
                &pair,
                None,
            ),
            (
                "absent",
                good.clone(),
                data(party, USER_VERIFIED, 7, &[]),
                &pair,
                None,
            ),
            (
                "unverified",
                good.clone(),
                data(party, USER_PRESENT, 7, &[]),
                &pair,
                None,
            ),
            (
                "kind",
                with("type", json!("webauthn.create")),
                data(party, all, 7, &[]),
                &pair,
                None,
            ),
            (
                "challenge",
                with("challenge", json!("AAAA")),
                data(party, all, 7, &[]),
                &pair,
                None,
            ),
            (
                "origin",
                with("origin", json!("https://evil.example")),
                data(party, all, 7, &[]),
                &pair,
                None,
            ),
            (
                "clear",
                with("origin", json!(format!("http://{HOST}"))),
                data(party, all, 7, &[]),
                &pair,
                None,
            ),
            (
                "frame",
                with("crossOrigin", json!(true)),
                data(party, all, 7, &[]),
                &pair,
                None,
            ),
            (
                "short",
                good.clone(),
                data(party, all, 7, &[])[..36].to_vec(),
                &pair,
                None,
            ),
        ] {
            let client = client.to_string().into_bytes();
            let signature = sign(signer, &data, &client);
            let answer = signed(&client, &data, &signature, &point, &CHALLENGE, &hosts());
            assert_eq!(answer, expected, "{case}");
        }
    }

    #[test]
    fn a_new_key_is_read_and_only_of_the_kind_that_is_taken() {
        let pair = pair();
        let all = USER_PRESENT | USER_VERIFIED | HAS_KEY;
        let client = client("webauthn.create", &CHALLENGE, &format!("https://{HOST}"));
        let client = client.to_string().into_bytes();
        let rest = |id: &[u8], key: &[u8]| {
            let length = u16::try_from(id.len()).unwrap().to_be_bytes();
            [&[0; 16][..], &length, id, key].concat()
        };
        let read = |flags, rest: Vec<u8>| {
            let attestation = attestation(data("sekisho.internal", flags, 0, &rest));
            registered(&client, &attestation, &CHALLENGE, &hosts())
        };
        let good = read(all, rest(b"id", &cose(&pair, -7))).unwrap();
        assert_eq!(good.id, b"id");
        assert_eq!(good.point, pair.public_key().as_ref());
        let extended = [cose(&pair, -7), vec![0xa0]].concat();
        assert!(read(all, rest(b"id", &extended)).is_some());
        for (flags, rest) in [
            (all, rest(b"id", &cose(&pair, -257))),
            (all, rest(b"", &cose(&pair, -7))),
            (all, rest(b"id", b"")),
            (all, Vec::new()),
            (USER_PRESENT | HAS_KEY, rest(b"id", &cose(&pair, -7))),
        ] {
            assert_eq!(read(flags, rest), None);
        }
    }

    #[test]
    fn a_challenge_is_good_once_for_one_purpose_and_for_minutes() {
        let (key, used) = (PageKey::fixed(), Used::default());
        let challenge = Challenge::new(&key, "in", 1_000).unwrap();
        assert_eq!(used.take(&key, "add", &challenge.sealed, 1_001), None);
        assert_eq!(
            used.take(&key, "in", &challenge.sealed, 1_000 + SECONDS),
            None
        );
        let taken = used.take(&key, "in", &challenge.sealed, 1_001);
        assert_eq!(taken.map(|bytes| hex(&bytes)), Some(challenge.shown));
        assert_eq!(used.take(&key, "in", &challenge.sealed, 1_002), None);
        assert!(counts_on(0, 0) && counts_on(3, 4));
        assert!(!counts_on(4, 4) && !counts_on(4, 3) && !counts_on(4, 0));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(0_u8.., 0..300)) {
            let client = client("webauthn.create", &CHALLENGE, &format!("https://{HOST}"));
            let client = client.to_string().into_bytes();
            let _ = registered(&client, &bytes, &CHALLENGE, &hosts());
            let _ = registered(&client, &attestation(bytes.clone()), &CHALLENGE, &hosts());
            let _ = signed(&bytes, &bytes, &bytes, &bytes, &CHALLENGE, &hosts());
            let _ = point(&bytes);
        }
    }
}
