//! The page's own key, and what is made with it: references, sealed second factors, digests.
//!
//! Algorithms of the page and nowhere else: Argon2id for passwords, HMAC-SHA-1 inside TOTP because
//! that is what authenticator apps speak (RFC 6238), ECDSA P-256 because that is what passkeys
//! sign with.

use std::path::Path;

use envelope::{MacKey, sha256};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use zeroize::Zeroizing;

use crate::error::{Failure, Problem};
use crate::keys;
use crate::spool::write_durably;

const FILE: &str = "page.key";

/// The key of this page.
pub(crate) struct PageKey(MacKey);

impl PageKey {
    /// Reads the key of the folder, or draws it at the first start.
    ///
    /// # Errors
    /// The file is there and is no key, or cannot be written.
    pub(crate) fn open(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(FILE);
        if path.exists() {
            return keys::key(&path).map(Self);
        }
        let key = MacKey::generate(&mut UnwrapErr(SysRng));
        write_durably(&path, key.to_text().as_bytes())
            .map_err(|error| Failure::storing(FILE, error))?;
        Ok(Self(key))
    }

    /// A key for tests.
    #[cfg(test)]
    pub(crate) fn fixed() -> Self {
        Self(MacKey::from_bytes([7; 32]))
    }

    /// A digest that nobody without the key can make or guess, for one purpose.
    pub(crate) fn mac(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        self.0.derive(purpose).mac(message)
    }

    /// Encrypts for one purpose.
    ///
    /// # Errors
    /// Only if the algorithm refuses, which a message of the page's sizes never makes it do.
    pub(crate) fn seal(&self, purpose: &str, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let nonce = random::<NONCE_LEN>();
        let mut sealed = message.to_vec();
        let key = self.aead(purpose)?;
        let unique = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(unique, Aad::from(purpose), &mut sealed)
            .map_err(|_| Failure::new(Problem::Internal, "page key"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Decrypts what [`PageKey::seal`] made for the same purpose; `None` for anything else.
    pub(crate) fn open_sealed(&self, purpose: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut rest = Zeroizing::new(rest.to_vec());
        let key = self.aead(purpose).ok()?;
        let length = key
            .open_in_place(nonce, Aad::from(purpose), &mut rest)
            .ok()?
            .len();
        rest.truncate(length);
        Some(rest)
    }

    fn aead(&self, purpose: &str) -> Result<LessSafeKey, Failure> {
        let raw = Zeroizing::new(self.mac("sekisho page seal v1", purpose.as_bytes()));
        UnboundKey::new(&AES_256_GCM, raw.as_slice())
            .map(LessSafeKey::new)
            .map_err(|_| Failure::new(Problem::Internal, "page key"))
    }
}

/// Bytes from the system's source of randomness.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    use rand_core::Rng as _;
    let mut bytes = [0; N];
    UnwrapErr(SysRng).fill_bytes(&mut bytes);
    bytes
}

/// The digest under which a random token is stored.
pub(crate) fn digest(token: &str) -> [u8; 32] {
    sha256(token.as_bytes())
}

/// Whether two values are equal, in a time that does not tell where they differ.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    // Under a key that lives for one comparison, equal tags mean equal values.
    let key = hmac::Key::new(hmac::HMAC_SHA256, &random::<32>());
    hmac::verify(&key, one, hmac::sign(&key, other).as_ref()).is_ok()
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads what [`hex`] wrote.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text
        .chars()
        .map(|digit| {
            digit
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect::<Option<Vec<u8>>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    rest.is_empty().then_some(bytes)
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Base32 without padding (RFC 4648), as authenticator apps take a secret.
pub(crate) fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(letter(held >> bits));
        }
    }
    if bits > 0 {
        text.push(letter(held << (5 - bits)));
    }
    text
}

fn letter(value: u32) -> char {
    let letter = BASE32.get((value & 31) as usize).copied();
    char::from(letter.unwrap_or(b'A'))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_purpose_only() {
        let key = PageKey::fixed();
        let sealed = key.seal("totp 1", b"secret").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        let opened = key.open_sealed("totp 1", &sealed).unwrap();
        assert_eq!(opened.as_slice(), b"secret");
        assert!(key.open_sealed("totp 2", &sealed).is_none());
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(key.open_sealed("totp 1", &changed).is_none(), "{place}");
        }
        assert!(key.open_sealed("totp 1", &sealed[..5]).is_none());
    }

    /// RFC 4648, section 10.
    #[test]
    fn base32_meets_the_published_values() {
        for (plain, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(plain.as_bytes()), text);
        }
    }

    proptest! {
        #[test]
        fn hexadecimal_is_read_as_it_is_written(bytes in proptest::collection::vec(0_u8.., 0..40)) {
            prop_assert_eq!(unhex(&hex(&bytes)), Some(bytes));
        }

        #[test]
        fn a_comparison_that_tells_nothing_is_right(texts in "[ab]{0,4}/[ab]{0,4}") {
            let (one, two) = texts.split_once('/').unwrap();
            prop_assert_eq!(same(one.as_bytes(), two.as_bytes()), one == two);
        }
    }

    #[test]
    fn the_key_of_a_folder_stays_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let first = PageKey::open(folder.path()).unwrap().mac("a", b"b");
        assert_eq!(PageKey::open(folder.path()).unwrap().mac("a", b"b"), first);
        fs::write(folder.path().join(FILE), "no key").unwrap();
        assert!(PageKey::open(folder.path()).is_err());
    }
}
