//! Ed25519 keys: a site signs its manifests, the front signs its receipts.

use std::fmt;
use std::str::FromStr;

use rand_core::CryptoRng;
use ring::signature::{self, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::keys::{KeyError, KeyId};
use crate::text_form;

/// Bytes of a signature.
pub(crate) const SIGNATURE: usize = 64;

/// A secret Ed25519 key. It does not print, and its seed is wiped when dropped.
///
/// Text form: `sekisho-signing-v1:` and 64 hexadecimal digits.
#[derive(Clone)]
pub struct SigningKey {
    seed: Zeroizing<[u8; 32]>,
    public: VerifyingKey,
}

impl SigningKey {
    /// Takes a seed, which must come from a random source.
    ///
    /// # Errors
    /// None for 32 bytes today; the library beneath reserves the right to refuse.
    pub fn from_seed(seed: [u8; 32]) -> Result<Self, KeyError> {
        let seed = Zeroizing::new(seed);
        let pair = pair(&seed)?;
        let bytes = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| KeyError::Length)?;
        Ok(Self {
            seed,
            public: VerifyingKey(bytes),
        })
    }

    /// Draws a new key.
    ///
    /// # Errors
    /// See [`SigningKey::from_seed`].
    pub fn generate(rng: &mut impl CryptoRng) -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Self::from_seed(seed)
    }

    /// The public half.
    pub fn public(&self) -> VerifyingKey {
        self.public
    }

    /// The id of the public half.
    pub fn id(&self) -> KeyId {
        self.public.id()
    }

    /// The line for a key file.
    pub fn to_text(&self) -> Zeroizing<String> {
        text_form::format(text_form::SIGNING, self.seed.as_slice())
    }

    /// Signs `domain` followed by `message`. Every use has a domain of its own and no domain is
    /// the start of another, so that a signature never fits a second purpose.
    pub(crate) fn sign(&self, domain: &[u8], message: &[u8]) -> Result<[u8; SIGNATURE], KeyError> {
        let signature = pair(&self.seed)?.sign(&[domain, message].concat());
        signature.as_ref().try_into().map_err(|_| KeyError::Length)
    }
}

impl FromStr for SigningKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        text_form::parse(text_form::SIGNING, text).and_then(|seed| Self::from_seed(*seed))
    }
}

fn pair(seed: &[u8; 32]) -> Result<Ed25519KeyPair, KeyError> {
    Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Invalid)
}

/// A public Ed25519 key.
///
/// Text form: `sekisho-verifying-v1:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey([u8; 32]);

impl VerifyingKey {
    /// Takes raw bytes. Bytes that are no point of the curve verify nothing.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The id of the key.
    pub fn id(&self) -> KeyId {
        KeyId::of(&self.0)
    }

    /// Whether `signature` stands under `domain` and `message`.
    pub(crate) fn verifies(&self, domain: &[u8], message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&signature::ED25519, &self.0)
            .verify(&[domain, message].concat(), signature)
            .is_ok()
    }
}

impl FromStr for VerifyingKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        text_form::parse(text_form::VERIFYING, text).map(|bytes| Self(*bytes))
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text_form::format(text_form::VERIFYING, &self.0))
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text_form::{hex, unhex};

    /// P-04: RFC 8032 section 7.1, tests 1 to 3.
    #[test]
    fn published_signatures_are_met() {
        for (seed, public, message, signature) in [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555\
                 fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da0\
                 85ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ),
            (
                "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
                "af82",
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac1\
                 8ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
            ),
        ] {
            let key = SigningKey::from_seed(unhex(seed).try_into().unwrap()).unwrap();
            assert_eq!(hex(key.public().as_bytes()), public);
            assert_eq!(hex(&key.sign(b"", &unhex(message)).unwrap()), signature);
            assert!(
                key.public()
                    .verifies(b"", &unhex(message), &unhex(signature))
            );
            assert!(!key.public().verifies(b"", b"other", &unhex(signature)));
        }
    }

    #[test]
    fn keys_are_read_back_from_their_lines() {
        let key = SigningKey::from_seed([7; 32]).unwrap();
        let read: SigningKey = key.to_text().parse().unwrap();
        assert_eq!(read.public(), key.public());
        assert_eq!(key.public().to_string().parse(), Ok(key.public()));
        assert_eq!(key.to_text().parse::<VerifyingKey>(), Err(KeyError::Kind));
    }
}
