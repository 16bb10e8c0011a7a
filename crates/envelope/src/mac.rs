//! HMAC-SHA-256 keys and the keys derived from them with HKDF-SHA-256.

use std::str::FromStr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use rand_core::CryptoRng;
use ring::hkdf;
use sha2::Sha256;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::keys::KeyError;
use crate::text_form;

const DERIVE_SALT: &[u8] = b"sekisho derived key v1";

/// A secret key of HMAC-SHA-256, 32 bytes. It does not print and is wiped when dropped.
///
/// Text form: `sekisho-mac-v1:` and 64 hexadecimal digits.
#[derive(Clone)]
pub struct MacKey {
    bytes: Zeroizing<[u8; 32]>,
    /// Has taken the key in already, which is half the work of a short message. It wipes itself.
    ready: Hmac<Sha256>,
}

impl ZeroizeOnDrop for MacKey {}

impl MacKey {
    /// Takes raw bytes, which must come from a random source.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self {
            ready: keyed(&bytes),
            bytes: Zeroizing::new(bytes),
        }
    }

    /// Draws a new key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(bytes.as_mut_slice());
        Self::from_bytes(*bytes)
    }

    /// The key for one purpose. Different labels give unrelated keys, and none tells of this one.
    pub fn derive(&self, label: &str) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        expand(
            DERIVE_SALT,
            self.bytes.as_slice(),
            label.as_bytes(),
            &mut key,
        );
        Self::from_bytes(*key)
    }

    /// HMAC-SHA-256 of a message.
    pub fn mac(&self, message: &[u8]) -> [u8; 32] {
        tag(self.ready.clone(), message)
    }

    /// The line for a key file.
    pub fn to_text(&self) -> Zeroizing<String> {
        text_form::format(text_form::MAC, self.bytes.as_slice())
    }
}

impl FromStr for MacKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        text_form::parse(text_form::MAC, text).map(|bytes| Self::from_bytes(*bytes))
    }
}

impl privacy::Prf for MacKey {
    fn prf(&self, message: &[u8]) -> [u8; 32] {
        self.mac(message)
    }
}

/// HMAC-SHA-256.
pub(crate) fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    tag(keyed(key), message)
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    Hmac::new_from_slice(key).expect("a key of any length")
}

fn tag(mut state: Hmac<Sha256>, message: &[u8]) -> [u8; 32] {
    state.update(message);
    state.finalize().into_bytes().into()
}

/// HKDF-SHA-256, extract and expand, to 32 bytes.
pub(crate) fn expand(salt: &[u8], secret: &[u8], info: &[u8], out: &mut [u8; 32]) {
    let info = [info];
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    let filled = prk
        .expand(&info, hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(out));
    #[expect(
        clippy::expect_used,
        reason = "HKDF fails above 255 * 32 bytes, and this is 32"
    )]
    filled.expect("32 bytes");
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::text_form::{hex, unhex};

    /// P-04: RFC 4231, test cases 1, 2, 6.
    #[test]
    fn published_hmac_values_are_met() {
        for (key, message, tag) in [
            (
                vec![0x0b; 20],
                "Hi There",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe".to_vec(),
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 131],
                "Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            assert_eq!(hex(&mac(&key, message.as_bytes())), tag);
        }
    }

    /// P-04: RFC 5869, test cases 1 and 3, of which the first 32 bytes are compared.
    #[test]
    fn published_hkdf_values_are_met() {
        let secret = [0x0b; 22];
        for (salt, info, okm) in [
            (
                "000102030405060708090a0b0c",
                "f0f1f2f3f4f5f6f7f8f9",
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf",
            ),
            (
                "",
                "",
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d",
            ),
        ] {
            let mut out = [0; 32];
            expand(&unhex(salt), &secret, &unhex(info), &mut out);
            assert_eq!(hex(&out), okm);
        }
    }

    #[test]
    fn derived_keys_differ_by_label_and_from_their_source() {
        let key = MacKey::generate(&mut ChaCha20Rng::seed_from_u64(1));
        let [a, b] = ["a", "b"].map(|label| key.derive(label).mac(b""));
        assert_ne!(a, b);
        assert_ne!(a, key.mac(b""));
        assert_eq!(a, key.derive("a").mac(b""));
        let read: MacKey = key.to_text().parse().unwrap();
        assert_eq!(read.mac(b"x"), key.mac(b"x"));
    }
}
