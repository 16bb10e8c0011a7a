//! The key of the device's certificate, as TLS uses it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer};
use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::{Error, OtherError, SignatureAlgorithm, SignatureScheme};
use tpm::WrappedKey;

use crate::error::KeyError;
use crate::service::Service;

/// A key that TLS can use, and where it lies.
#[derive(Debug, Clone)]
pub struct DeviceKey {
    signing: Arc<dyn SigningKey>,
    wrapped: Option<Wrapped>,
}

impl DeviceKey {
    /// Reads the key in a text in PEM, which may hold certificates as well. A wrapped key is used
    /// by the service at that socket.
    ///
    /// # Errors
    /// It holds no key, or none that can be used. What is wrong is not told: it is a secret.
    pub fn from_pem(text: &[u8], service: &Path) -> Result<Self, Error> {
        let unusable = || Error::General("no key that can be used".to_owned());
        match WrappedKey::from_pem(text).map_err(|_| unusable())? {
            Some(key) => {
                let service = Service::at(service);
                let wrapped = Wrapped { key, service };
                Ok(Self {
                    signing: Arc::new(wrapped.clone()),
                    wrapped: Some(wrapped),
                })
            }
            None => {
                let key = PrivateKeyDer::from_pem_slice(text).map_err(|_| unusable())?;
                Ok(Self {
                    signing: any_supported_type(&key)?,
                    wrapped: None,
                })
            }
        }
    }

    /// Whether the TPM signs with it. A key that lies here needs no trial.
    ///
    /// # Errors
    /// The service or the TPM do not do it.
    pub fn tried(&self) -> Result<(), KeyError> {
        let Some(Wrapped { key, service }) = &self.wrapped else {
            return Ok(());
        };
        service.sign(key, &tpm::trial()).map(drop)
    }

    /// Whether it is the key of this certificate.
    #[must_use]
    pub fn fits(&self, certificate: &CertificateDer<'static>) -> bool {
        let own = self.certified(vec![certificate.clone()]);
        own.keys_match().is_ok()
    }

    /// What answers a server that asks who we are.
    ///
    /// # Errors
    /// The key is not that of the first certificate.
    pub fn with(
        &self,
        chain: Vec<CertificateDer<'static>>,
    ) -> Result<Arc<dyn ResolvesClientCert>, Error> {
        let own = self.certified(chain);
        own.keys_match()?;
        Ok(Arc::new(SingleCertAndKey::from(own)))
    }

    fn certified(&self, chain: Vec<CertificateDer<'static>>) -> CertifiedKey {
        CertifiedKey::new(chain, Arc::clone(&self.signing))
    }
}

/// A key that the service uses for us.
#[derive(Clone)]
struct Wrapped {
    key: WrappedKey,
    service: Service,
}

impl fmt::Debug for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wrapped")
    }
}

impl SigningKey for Wrapped {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered
            .contains(&SignatureScheme::ECDSA_NISTP256_SHA256)
            .then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(SubjectPublicKeyInfoDer::from(self.key.spki()))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for Wrapped {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signed = self.service.sign(&self.key, message);
        signed.map_err(|error| Error::Other(OtherError(Arc::new(error))))
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP256_SHA256
    }
}
