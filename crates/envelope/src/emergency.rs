//! A one-time code by which one account of a site gets in when its own ways are lost (B-088). The
//! letter holds what the code is compared with, and not the code: that is told on the telephone.

use rand_core::CryptoRng;
use record::SiteId;
use serde::{Deserialize, Serialize};

use crate::device::{DevicePublicKey, DeviceSecretKey};
use crate::digest::Sha256;
use crate::error::LetterError;
use crate::letter::{self, LetterKind, LetterPlace};
use crate::order::CLOCKS_APART_SECONDS;
use crate::signing::{SigningKey, VerifyingKey};

/// Longest time from making a code to its last use.
pub const EMERGENCY_SECONDS_MAX: i64 = 86_400;
/// 32 letters that are told apart when they are read aloud.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// 60 bits: more than can be tried in a day, whoever has the letter open.
const LENGTH: usize = 12;
const ACCOUNT_MAX: usize = 32;

/// What a device is told of an emergency code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmergencyCode {
    /// The site.
    pub site: SiteId,
    /// The centre's number of the letter.
    pub number: u64,
    /// The account that it lets in: 1 to 32 of `a-z 0-9 . _ -`.
    pub account: String,
    /// When it was made, in seconds since 1970.
    pub issued_at: i64,
    /// From when on it lets nobody in any more.
    pub expires_at: i64,
    /// See [`EmergencyCode::digest`].
    pub digest: [u8; 32],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    account: String,
    issued_at: i64,
    expires_at: i64,
    #[serde(with = "crate::octets")]
    digest: [u8; 32],
}

impl EmergencyCode {
    /// Draws a code as it is read aloud: `ABCD-EFGH-JKLM`.
    pub fn draw(rng: &mut impl CryptoRng) -> String {
        let mut bytes = [0; LENGTH];
        rng.fill_bytes(&mut bytes);
        let letter = |byte: &u8| LETTERS.get(usize::from(byte & 31)).copied().unwrap_or(b'A');
        let (groups, _) = bytes.as_chunks::<4>();
        let group = |four: &[u8; 4]| four.iter().map(letter).map(char::from).collect::<String>();
        groups.iter().map(group).collect::<Vec<_>>().join("-")
    }

    /// By what a code is recognised: bound to its letter, whatever blanks, hyphens and case.
    pub fn digest(site: &SiteId, number: u64, code: &str) -> [u8; 32] {
        let plain = code.chars().filter(char::is_ascii_alphanumeric);
        let plain: String = plain.map(|it| it.to_ascii_uppercase()).collect();
        let mut digest = Sha256::new();
        digest.update(b"sekisho emergency code v1\0");
        digest.update(&number.to_be_bytes());
        digest.update(&(plain.len() as u64).to_be_bytes());
        digest.update(plain.as_bytes());
        digest.update(site.as_str().as_bytes());
        digest.finish()
    }

    /// The sealed bytes.
    ///
    /// # Errors
    /// It is good for longer than a day or for an account that cannot be one, or a key cannot be
    /// used.
    pub fn seal(
        &self,
        device: &DevicePublicKey,
        core: &SigningKey,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, LetterError> {
        self.check()?;
        let place = LetterPlace {
            site: self.site.clone(),
            number: self.number,
            revision: 0,
        };
        let wire = Wire {
            account: self.account.clone(),
            issued_at: self.issued_at,
            expires_at: self.expires_at,
            digest: self.digest,
        };
        letter::seal(LetterKind::Emergency, &place, &wire, &device.0, core, rng)
    }

    /// Opens a letter for a site.
    ///
    /// # Errors
    /// It is not one, is for another site or device, is not signed by the core, or says what no
    /// such letter says.
    pub fn open(
        bytes: &[u8],
        site: &SiteId,
        core: &VerifyingKey,
        device: &DeviceSecretKey,
    ) -> Result<Self, LetterError> {
        let kind = LetterKind::Emergency;
        let (place, wire): (_, Wire) = letter::open(kind, site, bytes, core, &device.key)?;
        let code = Self {
            site: place.site,
            number: place.number,
            account: wire.account,
            issued_at: wire.issued_at,
            expires_at: wire.expires_at,
            digest: wire.digest,
        };
        if place.revision != 0 || place.number == 0 {
            return Err(LetterError::Malformed);
        }
        code.check().map(|()| code)
    }

    /// Whether it may be used at a moment.
    ///
    /// # Errors
    /// It has expired, or lies in the future by more than clocks differ.
    pub fn at(self, now: i64) -> Result<Self, LetterError> {
        if now >= self.expires_at {
            return Err(LetterError::Expired);
        }
        if self.issued_at > now.saturating_add(CLOCKS_APART_SECONDS) {
            return Err(LetterError::Future);
        }
        Ok(self)
    }

    fn check(&self) -> Result<(), LetterError> {
        let of_a_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
        let named =
            (1..=ACCOUNT_MAX).contains(&self.account.len()) && self.account.bytes().all(of_a_name);
        let lasts = self.expires_at.saturating_sub(self.issued_at);
        match named && (1..=EMERGENCY_SECONDS_MAX).contains(&lasts) {
            true => Ok(()),
            false => Err(LetterError::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::ErasedWord;

    const AT: i64 = 1_788_000_000;

    fn code() -> EmergencyCode {
        let site: SiteId = "HOSPITAL-A".parse().unwrap();
        EmergencyCode {
            digest: EmergencyCode::digest(&site, 3, "ABCD-EFGH-JKLM"),
            site,
            number: 3,
            account: "incho".to_owned(),
            issued_at: AT,
            expires_at: AT + EMERGENCY_SECONDS_MAX,
        }
    }

    fn keys() -> (SigningKey, DeviceSecretKey, ChaCha20Rng) {
        let core = SigningKey::from_seed([1; 32]).unwrap();
        let device = DeviceSecretKey::from_seed([2; 32]).unwrap();
        (core, device, ChaCha20Rng::seed_from_u64(9))
    }

    /// B-088.
    #[test]
    fn a_letter_says_who_gets_in_until_when_and_never_the_code() {
        let (core, device, mut rng) = keys();
        let sealed = code().seal(device.public(), &core, &mut rng).unwrap();
        let site = code().site;
        let opened = EmergencyCode::open(&sealed, &site, &core.public(), &device).unwrap();
        assert_eq!(opened, code());
        let other = "HOSPITAL-B".parse().unwrap();
        let foreign = EmergencyCode::open(&sealed, &other, &core.public(), &device);
        assert_eq!(foreign, Err(LetterError::ForeignSite));
        let forged = SigningKey::from_seed([3; 32]).unwrap().public();
        let forged = EmergencyCode::open(&sealed, &site, &forged, &device);
        assert_eq!(forged, Err(LetterError::Forged));
        let erased = ErasedWord::open(&sealed, &site, &core.public(), &device);
        assert_eq!(erased, Err(LetterError::OtherKind));
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            let read = EmergencyCode::open(&changed, &site, &core.public(), &device);
            assert!(read.is_err(), "{place}");
        }
    }

    /// B-088: no letter lets in for longer than a day.
    #[test]
    fn a_code_lasts_a_day_at_most_and_for_a_name_that_can_be_one() {
        let (core, device, mut rng) = keys();
        for (seconds, account) in [
            (0, "incho"),
            (-1, "incho"),
            (EMERGENCY_SECONDS_MAX + 1, "incho"),
            (60, ""),
            (60, "In Cho"),
            (60, &"a".repeat(33)),
        ] {
            let wrong = EmergencyCode {
                expires_at: AT + seconds,
                account: account.to_owned(),
                ..code()
            };
            let sealed = wrong.seal(device.public(), &core, &mut rng);
            assert_eq!(sealed, Err(LetterError::Malformed), "{seconds} {account}");
        }
        let until = |now: i64| code().at(now).map(|it| it.expires_at);
        let last = AT + EMERGENCY_SECONDS_MAX;
        assert_eq!(until(last - 1), Ok(last));
        assert_eq!(until(last), Err(LetterError::Expired));
        assert_eq!(until(AT - 2 * 86_400), Err(LetterError::Future));
    }

    #[test]
    fn a_code_is_known_however_it_is_typed_and_for_its_own_letter_only() {
        let site: SiteId = "HOSPITAL-A".parse().unwrap();
        let other: SiteId = "HOSPITAL-B".parse().unwrap();
        let known = code().digest;
        for typed in ["abcd efgh jklm", "ABCDEFGHJKLM", " abcd-EFGH-jklm "] {
            assert_eq!(EmergencyCode::digest(&site, 3, typed), known, "{typed}");
        }
        assert_ne!(EmergencyCode::digest(&site, 4, "ABCDEFGHJKLM"), known);
        assert_ne!(EmergencyCode::digest(&other, 3, "ABCDEFGHJKLM"), known);
        let (_, _, mut rng) = keys();
        let drawn = EmergencyCode::draw(&mut rng);
        let groups: Vec<_> = drawn.split('-').map(str::len).collect();
        assert_eq!(groups, [4, 4, 4]);
        assert_ne!(EmergencyCode::draw(&mut rng), drawn);
    }
}
