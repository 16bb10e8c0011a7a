//! Suite 1: the file key is wrapped with HPKE in base mode (RFC 9180) over X-Wing
//! (X25519 + ML-KEM-768), HKDF-SHA-256 and AES-256-GCM. Medical data outlives the years in which
//! elliptic curves alone are safe, so the wrap does not rest on them alone.

use std::fmt;
use std::str::FromStr;

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use hpke::{setup_receiver, setup_sender_with_rng};
use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::keys::{KeyError, KeyId};
use crate::text_form;

/// The number of this suite in headers.
pub(crate) const SUITE: u16 = 1;
/// Bytes of an encapsulated key.
pub(crate) const ENCAPSULATED: usize = 1120;
/// Bytes of a wrapped file key: 32 and the tag.
pub(crate) const WRAPPED: usize = 48;
/// Bytes of a public key.
const PUBLIC: usize = 1216;

type PublicKey = <XWing as Kem>::PublicKey;
type PrivateKey = <XWing as Kem>::PrivateKey;
type Encapsulated = <XWing as Kem>::EncappedKey;

/// The key that opens one batch. Drawn for it alone, wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct FileKey(pub(crate) [u8; 32]);

/// A file key that only the core can unwrap.
pub(crate) struct Wrapped {
    pub(crate) encapsulated: [u8; ENCAPSULATED],
    pub(crate) key: [u8; WRAPPED],
}

/// Nothing more is told about a failed unwrapping, on purpose.
pub(crate) struct WrapError;

/// The secret key of the core, 32 bytes. It does not print and is wiped when dropped.
///
/// Text form: `sekisho-core-secret-v1:` and 64 hexadecimal digits.
#[derive(Clone)]
pub struct CoreSecretKey {
    seed: Zeroizing<[u8; 32]>,
    public: CorePublicKey,
}

impl CoreSecretKey {
    /// Takes a seed, which must come from a random source.
    ///
    /// # Errors
    /// None for 32 bytes today; the library beneath reserves the right to refuse.
    pub fn from_seed(seed: [u8; 32]) -> Result<Self, KeyError> {
        let seed = Zeroizing::new(seed);
        let private = private(&seed)?;
        let public = CorePublicKey::of(XWing::sk_to_pk(&private));
        Ok(Self { seed, public })
    }

    /// Draws a new key.
    ///
    /// # Errors
    /// See [`CoreSecretKey::from_seed`].
    pub fn generate(rng: &mut impl CryptoRng) -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Self::from_seed(seed)
    }

    /// The public half.
    pub fn public(&self) -> &CorePublicKey {
        &self.public
    }

    /// The id of the public half.
    pub fn id(&self) -> KeyId {
        self.public.id
    }

    /// The line for a key file.
    pub fn to_text(&self) -> Zeroizing<String> {
        text_form::format(text_form::CORE_SECRET, self.seed.as_slice())
    }

    pub(crate) fn unwrap(&self, wrapped: &Wrapped, info: &[u8]) -> Result<FileKey, WrapError> {
        let private = private(&self.seed).map_err(|_| WrapError)?;
        let encapsulated =
            Encapsulated::from_bytes(&wrapped.encapsulated).map_err(|_| WrapError)?;
        let mode = OpModeR::Base;
        let mut context =
            setup_receiver::<AesGcm256, HkdfSha256, XWing>(&mode, &private, &encapsulated, info)
                .map_err(|_| WrapError)?;
        let key = context
            .open(&wrapped.key, b"")
            .map(Zeroizing::new)
            .map_err(|_| WrapError)?;
        key.as_slice()
            .try_into()
            .map(FileKey)
            .map_err(|_| WrapError)
    }
}

impl FromStr for CoreSecretKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        text_form::parse(text_form::CORE_SECRET, text).and_then(|seed| Self::from_seed(*seed))
    }
}

fn private(seed: &[u8; 32]) -> Result<PrivateKey, KeyError> {
    PrivateKey::from_bytes(seed).map_err(|_| KeyError::Invalid)
}

/// The public key of the core, 1,216 bytes.
///
/// Text form: `sekisho-core-public-v1:` and 2,432 hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct CorePublicKey {
    key: PublicKey,
    id: KeyId,
}

impl CorePublicKey {
    /// Takes raw bytes.
    ///
    /// # Errors
    /// The length is wrong or the bytes are no key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.len() != PUBLIC {
            return Err(KeyError::Length);
        }
        PublicKey::from_bytes(bytes)
            .map(Self::of)
            .map_err(|_| KeyError::Invalid)
    }

    /// The raw bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.key.to_bytes().to_vec()
    }

    /// The id of the key.
    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn from_text(prefix: &str, text: &str) -> Result<Self, KeyError> {
        let bytes = text_form::parse::<PUBLIC>(prefix, text)?;
        Self::from_bytes(bytes.as_slice())
    }

    fn of(key: PublicKey) -> Self {
        let id = KeyId::of(&key.to_bytes());
        Self { key, id }
    }

    pub(crate) fn wrap(
        &self,
        file_key: &FileKey,
        info: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Wrapped, WrapError> {
        let mode = OpModeS::Base;
        let (encapsulated, mut context) =
            setup_sender_with_rng::<AesGcm256, HkdfSha256, XWing>(&mode, &self.key, info, rng)
                .map_err(|_| WrapError)?;
        let key = context.seal(&file_key.0, b"").map_err(|_| WrapError)?;
        Ok(Wrapped {
            encapsulated: encapsulated
                .to_bytes()
                .as_slice()
                .try_into()
                .map_err(|_| WrapError)?,
            key: key.as_slice().try_into().map_err(|_| WrapError)?,
        })
    }
}

impl FromStr for CorePublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::from_text(text_form::CORE_PUBLIC, text)
    }
}

impl fmt::Display for CorePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text_form::format(text_form::CORE_PUBLIC, &self.to_bytes()))
    }
}

impl fmt::Debug for CorePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CorePublicKey({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use rand_chacha::ChaCha20Rng;
    use rand_core::{SeedableRng, TryCryptoRng, TryRng};

    use super::*;
    use crate::digest::sha256;
    use crate::text_form::{hex, unhex};

    /// A source of known bytes.
    struct Known(Vec<u8>);

    impl TryRng for Known {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            unreachable!("bytes only")
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            unreachable!("bytes only")
        }

        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
            out.copy_from_slice(&self.0.drain(..out.len()).collect::<Vec<_>>());
            Ok(())
        }
    }

    impl TryCryptoRng for Known {}

    /// P-04: the first vector of the X-Wing draft (draft-connolly-cfrg-xwing-kem). Long values are
    /// compared by SHA-256.
    #[test]
    fn published_x_wing_values_are_met() {
        let seed = "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26";
        let random = "3cb1eea988004b93103cfb0aeefd2a686e01fa4a58e8a3639ca8a1e3f9ae57e2\
                      35b8cc873c23dc62b8d260169afa2f75ab916a58d974918835d25e6a435085b2";
        let secret = CoreSecretKey::from_seed(unhex(seed).try_into().unwrap()).unwrap();
        assert_eq!(
            hex(&sha256(&secret.public().to_bytes())),
            "2e816deebcd76c5c80d0cd2d174478871658e8e2ff42bc9d4a6e486372e856bb"
        );
        let mut known = Known(unhex(random));
        let (shared, encapsulated) =
            XWing::encap_with_rng(&secret.public().key, None, &mut known).unwrap();
        assert_eq!(
            hex(&sha256(&encapsulated.to_bytes())),
            "17cd532d657e44c897ca6583e548a5424fc70bf54f99515a4d2bcf99e3469f33"
        );
        let published = "d2df0522128f09dd8e2c92b1e905c793d8f57a54c3da25861f10bf4ca613e384";
        assert_eq!(hex(&shared.0), published);
        let private = private(&secret.seed).unwrap();
        let shared = XWing::decap(&private, None, &encapsulated).unwrap();
        assert_eq!(hex(&shared.0), published);
    }

    #[test]
    fn a_file_key_is_unwrapped_by_its_recipient_under_the_same_info_only() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let core = CoreSecretKey::generate(&mut rng).unwrap();
        let other = CoreSecretKey::generate(&mut rng).unwrap();
        let wrapped = core
            .public()
            .wrap(&FileKey([9; 32]), b"info", &mut rng)
            .ok()
            .unwrap();
        assert_eq!(
            core.unwrap(&wrapped, b"info").ok().map(|key| key.0),
            Some([9; 32])
        );
        assert!(core.unwrap(&wrapped, b"other").is_err());
        assert!(other.unwrap(&wrapped, b"info").is_err());
    }

    #[test]
    fn keys_are_read_back_from_their_lines() {
        let core = CoreSecretKey::from_seed([5; 32]).unwrap();
        let read: CoreSecretKey = core.to_text().parse().unwrap();
        assert_eq!(read.id(), core.id());
        let public: CorePublicKey = core.public().to_string().parse().unwrap();
        assert_eq!(&public, core.public());
        assert_eq!(
            CorePublicKey::from_bytes(&[0; 32]).err(),
            Some(KeyError::Length)
        );
    }
}
