//! The key that is asked for, and signs the asking: in the TPM, or in clear where the settings say
//! so (B-115).

use std::cell::Cell;
use std::path::Path;

use keys::{KeyError, Service};
use rcgen::{KeyPair, PublicKeyData, SignatureAlgorithm, SigningKey};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use tpm::WrappedKey;
use zeroize::Zeroizing;

use super::internal;
use crate::error::{Failure, Problem};

/// Where keys are made.
#[derive(Debug, Clone)]
pub(super) enum Maker {
    /// By the key service, in the TPM.
    Tpm(Service),
    /// Here, in clear.
    Software,
}

/// A key of this device.
pub(super) enum RequestKey {
    Tpm(InTpm),
    Software(KeyPair),
}

/// A key that the service uses for us.
pub(super) struct InTpm {
    key: WrappedKey,
    service: Service,
    /// Why it did not; `rcgen` has no place for that.
    refused: Cell<Option<KeyError>>,
}

impl Maker {
    /// Makes a key.
    ///
    /// # Errors
    /// The TPM or the system do not make one.
    pub(super) fn make(&self) -> Result<RequestKey, Failure> {
        match self {
            Self::Tpm(service) => {
                let key = service.make().map_err(Failure::of_key)?;
                Ok(RequestKey::in_tpm(key, service.clone()))
            }
            Self::Software => KeyPair::generate()
                .map(RequestKey::Software)
                .map_err(internal),
        }
    }
}

impl RequestKey {
    const fn in_tpm(key: WrappedKey, service: Service) -> Self {
        Self::Tpm(InTpm {
            key,
            service,
            refused: Cell::new(None),
        })
    }

    /// Reads the key in a text in PEM; `None` where there is none that can be used.
    pub(super) fn from_pem(text: &[u8], service: &Path) -> Option<Self> {
        match WrappedKey::from_pem(text).ok()? {
            Some(key) => Some(Self::in_tpm(key, Service::at(service))),
            None => {
                let secret = PrivateKeyDer::from_pem_slice(text).ok()?;
                KeyPair::try_from(secret.secret_der())
                    .ok()
                    .map(Self::Software)
            }
        }
    }

    /// The same as text in PEM: wrapped for the TPM, or in clear.
    pub(super) fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(match self {
            Self::Tpm(it) => it.key.to_pem(),
            Self::Software(key) => key.serialize_pem(),
        })
    }

    /// Signs the word for the key that comes next. One in the TPM vouches for none outside.
    ///
    /// # Errors
    /// The key service does not sign, or the next key is not in the TPM as this one is.
    pub(super) fn succeeded_by(&self, next: &Self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        match (self, next) {
            (Self::Tpm(it), Self::Tpm(next)) => it
                .service
                .succeed(&it.key, &next.key, message)
                .map_err(Failure::of_key),
            (Self::Tpm(_), Self::Software(_)) => {
                let told = "front.private_key: the device's key is in the TPM; enrol it again";
                Err(Failure::new(Problem::Settings, told))
            }
            (Self::Software(key), _) => key.sign(message).map_err(internal),
        }
    }

    /// What did not work with it: what the key service says, if it was asked.
    pub(super) fn failure(&self, error: rcgen::Error) -> Failure {
        let refused = match self {
            Self::Tpm(it) => it.refused.take(),
            Self::Software(_) => None,
        };
        refused.map_or_else(|| internal(error), Failure::of_key)
    }
}

impl PublicKeyData for RequestKey {
    fn der_bytes(&self) -> &[u8] {
        match self {
            Self::Tpm(it) => it.key.point(),
            Self::Software(key) => key.der_bytes(),
        }
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self {
            Self::Tpm(_) => &rcgen::PKCS_ECDSA_P256_SHA256,
            Self::Software(key) => key.algorithm(),
        }
    }
}

impl SigningKey for RequestKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        match self {
            Self::Tpm(it) => it.service.sign(&it.key, message).map_err(|error| {
                it.refused.set(Some(error));
                rcgen::Error::RemoteKeyError
            }),
            Self::Software(key) => key.sign(message),
        }
    }
}
