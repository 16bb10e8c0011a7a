//! Certificate and key in use, as they prove the device on a connection.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::gateway::{PrivateKey, Settings};
use keys::DeviceKey;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use zeroize::Zeroizing;

use super::{CURRENT, folder};
use crate::error::{Failure, Problem};

/// Where they are.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    certificate: PathBuf,
    key: PathBuf,
}

impl Identity {
    /// Those that this device was given or has renewed, or else those that the settings name.
    ///
    /// # Errors
    /// There are none: the device is not enrolled.
    pub(crate) fn of(settings: &Settings) -> Result<Self, Failure> {
        let own = folder(settings).join(CURRENT);
        if own.exists() {
            return Ok(Self::pair(&own));
        }
        let front = &settings.front;
        match (&front.private_key, &front.certificate) {
            (PrivateKey::File(key), Some(certificate)) => Ok(Self {
                certificate: certificate.clone(),
                key: key.clone(),
            }),
            _ => Err(Failure::new(Problem::NotEnrolled, "")),
        }
    }

    /// Both in one file.
    pub(crate) fn pair(file: &Path) -> Self {
        Self {
            certificate: file.to_owned(),
            key: file.to_owned(),
        }
    }

    /// What tells the front who we are.
    ///
    /// # Errors
    /// A file cannot be used, or they do not belong together.
    pub(crate) fn proof(&self, service: &Path) -> Result<Arc<dyn ResolvesClientCert>, Failure> {
        let chain = certificates(&self.certificate)?;
        let unusable = || Failure::new(Problem::Key, self.key.display().to_string());
        let text = fs::read(&self.key).map(Zeroizing::new);
        let text = text.map_err(|_| unusable())?;
        let key = DeviceKey::from_pem(&text, service).map_err(|_| unusable())?;
        key.with(chain)
            .map_err(|error| Failure::because(Problem::Key, "TLS", error))
    }
}

/// The certificates of a file, of which there is one at least.
///
/// # Errors
/// It cannot be read, or holds something else.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let name = || path.display().to_string();
    let text = fs::read(path).map_err(|error| Failure::because(Problem::Key, name(), error))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(Failure::new(Problem::Key, name())),
    }
}
