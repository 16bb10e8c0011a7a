//! The one-time code with which a new device asks for its first certificate.
//!
//! The code never travels: it is the seed of a key that signs the request. The centre keeps the
//! verifying key only, of which nobody finds the code, and the front sees neither.

use std::fmt;
use std::str::FromStr;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::digest::Sha256;
use crate::keys::KeyError;
use crate::signing::{SIGNATURE, SigningKey, VerifyingKey};

pub(crate) const DOMAIN: &[u8] = b"sekisho certificate enrolment 1\0";
/// 32 letters that are told apart when they are read aloud.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// 120 bits: whoever has the verifying key can try as often as they like.
const LENGTH: usize = 24;
const GROUP: usize = 4;

/// A one-time code. It prints as groups of four letters; nothing else shows it.
pub struct EnrolmentCode {
    letters: Zeroizing<[u8; LENGTH]>,
}

impl EnrolmentCode {
    /// Draws a code.
    pub fn draw(rng: &mut impl CryptoRng) -> Self {
        let mut letters = Zeroizing::new([0; LENGTH]);
        rng.fill_bytes(letters.as_mut_slice());
        for letter in letters.iter_mut() {
            *letter = LETTERS
                .get(usize::from(*letter & 31))
                .copied()
                .unwrap_or(b'A');
        }
        Self { letters }
    }

    fn key(&self) -> Result<SigningKey, KeyError> {
        let mut digest = Sha256::new();
        digest.update(b"sekisho enrolment code 1\0");
        digest.update(self.letters.as_slice());
        SigningKey::from_seed(digest.finish())
    }

    /// What the centre keeps of the code.
    ///
    /// # Errors
    /// See [`SigningKey::from_seed`].
    pub fn verifying_key(&self) -> Result<VerifyingKey, KeyError> {
        Ok(self.key()?.public())
    }

    /// Signs a request for a certificate.
    ///
    /// # Errors
    /// See [`SigningKey::from_seed`].
    pub fn sign(&self, request: &[u8]) -> Result<[u8; SIGNATURE], KeyError> {
        self.key()?.sign(DOMAIN, request)
    }
}

impl FromStr for EnrolmentCode {
    type Err = KeyError;

    /// Blanks, hyphens and case do not count.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut letters = Zeroizing::new([0; LENGTH]);
        let mut places = letters.iter_mut();
        for letter in text.bytes().filter(|byte| !b" -\r\n\t".contains(byte)) {
            let letter = letter.to_ascii_uppercase();
            if !LETTERS.contains(&letter) {
                return Err(KeyError::Invalid);
            }
            *places.next().ok_or(KeyError::Length)? = letter;
        }
        match places.next() {
            None => Ok(Self { letters }),
            Some(_) => Err(KeyError::Length),
        }
    }
}

impl fmt::Display for EnrolmentCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, letter) in self.letters.iter().enumerate() {
            if place > 0 && place % GROUP == 0 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(*letter))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng as _;

    use super::*;
    use crate::certificate::enrolment_is_signed;

    /// a code proves one request, and the centre's half of it proves nothing.
    #[test]
    fn a_code_that_was_typed_signs_what_the_centre_verifies() {
        let code = EnrolmentCode::draw(&mut ChaCha20Rng::seed_from_u64(1));
        let verifying = code.verifying_key().unwrap();
        let typed = code.to_string().to_lowercase().replace('-', " ");
        let typed: EnrolmentCode = typed.parse().unwrap();
        let signature = typed.sign(b"request").unwrap();
        assert!(enrolment_is_signed(&verifying, b"request", &signature));
        assert!(!enrolment_is_signed(&verifying, b"another", &signature));
        let other = EnrolmentCode::draw(&mut ChaCha20Rng::seed_from_u64(2));
        let signature = other.sign(b"request").unwrap();
        assert!(!enrolment_is_signed(&verifying, b"request", &signature));
        for wrong in ["", "ABCD", &"A".repeat(25), &"0".repeat(24)] {
            assert!(wrong.parse::<EnrolmentCode>().is_err(), "{wrong}");
        }
    }
}
