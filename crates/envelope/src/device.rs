//! The key pair of a device: the centre seals letters for it. The same algorithm as the core's, in
//! types of its own, so that neither key is installed in the place of the other.

use std::fmt;
use std::str::FromStr;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::keys::{KeyError, KeyId};
use crate::suite::{CorePublicKey, CoreSecretKey};
use crate::text_form;

/// The secret key of a device, 32 bytes. It does not print and is wiped when dropped.
///
/// Text form: `sekisho-device-secret-v1:` and 64 hexadecimal digits.
#[derive(Clone)]
pub struct DeviceSecretKey {
    seed: Zeroizing<[u8; 32]>,
    pub(crate) key: CoreSecretKey,
    public: DevicePublicKey,
}

impl DeviceSecretKey {
    /// Takes a seed, which must come from a random source.
    ///
    /// # Errors
    /// None for 32 bytes today; the library beneath reserves the right to refuse.
    pub fn from_seed(seed: [u8; 32]) -> Result<Self, KeyError> {
        let key = CoreSecretKey::from_seed(seed)?;
        let public = DevicePublicKey(key.public().clone());
        let seed = Zeroizing::new(seed);
        Ok(Self { seed, key, public })
    }

    /// Draws a new key.
    ///
    /// # Errors
    /// See [`DeviceSecretKey::from_seed`].
    pub fn generate(rng: &mut impl CryptoRng) -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Self::from_seed(seed)
    }

    /// The public half.
    pub fn public(&self) -> &DevicePublicKey {
        &self.public
    }

    /// The line for a key file.
    pub fn to_text(&self) -> Zeroizing<String> {
        text_form::format(text_form::DEVICE_SECRET, self.seed.as_slice())
    }
}

impl FromStr for DeviceSecretKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        text_form::parse(text_form::DEVICE_SECRET, text).and_then(|seed| Self::from_seed(*seed))
    }
}

/// The public key of a device, 1,216 bytes.
///
/// Text form: `sekisho-device-public-v1:` and 2,432 hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct DevicePublicKey(pub(crate) CorePublicKey);

impl DevicePublicKey {
    /// The id of the key.
    pub fn id(&self) -> KeyId {
        self.0.id()
    }
}

impl FromStr for DevicePublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        CorePublicKey::from_text(text_form::DEVICE_PUBLIC, text).map(Self)
    }
}

impl fmt::Display for DevicePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.to_bytes();
        f.write_str(&text_form::format(text_form::DEVICE_PUBLIC, &bytes))
    }
}

impl fmt::Debug for DevicePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DevicePublicKey({})", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back_from_their_lines_and_not_from_those_of_the_core() {
        let device = DeviceSecretKey::from_seed([5; 32]).unwrap();
        let core = CoreSecretKey::from_seed([5; 32]).unwrap();
        let read: DeviceSecretKey = device.to_text().parse().unwrap();
        assert_eq!(read.public(), device.public());
        assert_eq!(
            device.public().to_string().parse(),
            Ok(device.public().clone())
        );
        let kind = Some(KeyError::Kind);
        assert_eq!(core.to_text().parse::<DeviceSecretKey>().err(), kind);
        assert_eq!(device.to_text().parse::<CoreSecretKey>().err(), kind);
        assert_eq!(
            core.public().to_string().parse::<DevicePublicKey>().err(),
            kind
        );
        assert_eq!(
            device.public().to_string().parse::<CorePublicKey>().err(),
            kind
        );
    }
}
