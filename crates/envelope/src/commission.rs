//! What a device is told before it goes to its site: settings, certificates and secrets, sealed for
//! the key that it has made itself, so that they can be carried on any medium.
//!
//! What the files are and where they may go is judged by whoever opens the letter.

use std::collections::BTreeMap;

use rand_core::CryptoRng;
use record::SiteId;
use serde::{Deserialize, Serialize};

use crate::device::{DevicePublicKey, DeviceSecretKey};
use crate::error::LetterError;
use crate::letter::{self, LetterKind, LetterPlace};
use crate::signing::{SigningKey, VerifyingKey};

/// Settings, certificates and secrets for one device of one site.
#[derive(Clone, PartialEq, Eq)]
pub struct Commission {
    /// The site.
    pub site: SiteId,
    /// The operator's number of it for this device: 1, 2, 3 … A device takes no lower one.
    pub number: u64,
    /// Texts by their place, `/` between the parts.
    pub files: BTreeMap<String, String>,
    /// Texts by their name that exist on the device only encrypted.
    pub secrets: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    files: BTreeMap<String, String>,
    secrets: BTreeMap<String, String>,
}

impl Commission {
    /// The sealed bytes.
    ///
    /// # Errors
    /// It is larger than a letter may be (48 KiB), its number is 0, or a key cannot be used.
    pub fn seal(
        &self,
        device: &DevicePublicKey,
        operator: &SigningKey,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, LetterError> {
        if self.number == 0 {
            return Err(LetterError::Malformed);
        }
        let place = LetterPlace {
            site: self.site.clone(),
            number: self.number,
            revision: 0,
        };
        let wire = Wire {
            files: self.files.clone(),
            secrets: self.secrets.clone(),
        };
        let kind = LetterKind::Commission;
        letter::seal(kind, &place, &wire, &device.0, operator, rng)
    }

    /// Opens one. The device has no site before, so any site is taken that the operator signs.
    ///
    /// # Errors
    /// It is not one, is for another device, or is not signed by the operator.
    pub fn open(
        bytes: &[u8],
        operator: &VerifyingKey,
        device: &DeviceSecretKey,
    ) -> Result<Self, LetterError> {
        let (kind, site) = (LetterKind::Commission, letter::site_of(bytes)?);
        let (place, wire): (_, Wire) = letter::open(kind, &site, bytes, operator, &device.key)?;
        if place.revision != 0 || place.number == 0 {
            return Err(LetterError::Malformed);
        }
        Ok(Self {
            site: place.site,
            number: place.number,
            files: wire.files,
            secrets: wire.secrets,
        })
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::EmergencyCode;

    fn commission() -> Commission {
        let text = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        Commission {
            site: "HOSPITAL-A".parse().unwrap(),
            number: 2,
            files: [text("sekisho/gateway.toml", "site = \"HOSPITAL-A\"")].into(),
            secrets: [text("site.key", "a secret that stands nowhere else")].into(),
        }
    }

    /// A-123, B-115.
    #[test]
    fn what_a_device_is_told_is_read_by_that_device_alone_and_only_from_the_operator() {
        let operator = SigningKey::from_seed([1; 32]).unwrap();
        let device = DeviceSecretKey::from_seed([2; 32]).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(9);
        let sealed = commission()
            .seal(device.public(), &operator, &mut rng)
            .unwrap();
        let open = |bytes: &[u8], operator: &SigningKey, device: &DeviceSecretKey| {
            Commission::open(bytes, &operator.public(), device).map(|it| it == commission())
        };
        assert_eq!(open(&sealed, &operator, &device), Ok(true));
        let other = DeviceSecretKey::from_seed([3; 32]).unwrap();
        let other = open(&sealed, &operator, &other);
        assert_eq!(other, Err(LetterError::OtherRecipient));
        let forger = SigningKey::from_seed([4; 32]).unwrap();
        assert_eq!(open(&sealed, &forger, &device), Err(LetterError::Forged));
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(open(&changed, &operator, &device).is_err(), "{place}");
        }
        for secret in commission()
            .secrets
            .values()
            .chain(commission().files.values())
        {
            let found = sealed
                .windows(secret.len())
                .any(|it| it == secret.as_bytes());
            assert!(!found);
        }
    }

    #[test]
    fn a_letter_of_another_kind_is_no_commission() {
        let operator = SigningKey::from_seed([1; 32]).unwrap();
        let device = DeviceSecretKey::from_seed([2; 32]).unwrap();
        let site: SiteId = "HOSPITAL-A".parse().unwrap();
        let code = EmergencyCode {
            digest: EmergencyCode::digest(&site, 3, "ABCD-EFGH-JKLM"),
            site,
            number: 3,
            account: "incho".to_owned(),
            issued_at: 1_788_000_000,
            expires_at: 1_788_000_060,
        };
        let mut rng = ChaCha20Rng::seed_from_u64(9);
        let sealed = code.seal(device.public(), &operator, &mut rng).unwrap();
        let opened = Commission::open(&sealed, &operator.public(), &device);
        assert_eq!(opened.map(|_| ()), Err(LetterError::OtherKind));
    }

    #[test]
    fn a_commission_without_a_number_or_that_is_too_large_is_not_sealed() {
        let operator = SigningKey::from_seed([1; 32]).unwrap();
        let device = DeviceSecretKey::from_seed([2; 32]).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(9);
        let none = Commission {
            number: 0,
            ..commission()
        };
        let none = none.seal(device.public(), &operator, &mut rng);
        assert_eq!(none, Err(LetterError::Malformed));
        let files = [("x".to_owned(), "x".repeat(49 << 10))].into();
        let large = Commission {
            files,
            ..commission()
        };
        let large = large.seal(device.public(), &operator, &mut rng);
        assert_eq!(large, Err(LetterError::TooLarge));
    }
}
