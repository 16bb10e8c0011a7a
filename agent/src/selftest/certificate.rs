//! The certificate of the device, as it stands in its file.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use keys::{DeviceKey, Kind};
use rustls::client::ResolvesClientCert;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use selftest::seen::{Certificate, CertificateFacts, Key};
use selftest::settings::Front;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::read_bounded;

/// Longest file of certificates or of a key, in bytes.
const PEM_MOST: u64 = 64 << 10;
/// What stands before the site in a certificate.
const SITE: &str = "urn:sekisho:site:";

/// What connects to the front, if the files can be used for that.
pub(crate) struct Identity {
    own: Arc<dyn ResolvesClientCert>,
    roots: RootCertStore,
}

/// Reads the files.
pub(crate) fn look(front: &Front) -> (Certificate, Option<Identity>) {
    match read(front) {
        Ok((facts, identity)) => (Certificate::Read(facts), identity),
        Err(seen) => (seen, None),
    }
}

fn read(front: &Front) -> Result<(CertificateFacts, Option<Identity>), Certificate> {
    let [certificate, key] = front.files().ok_or(Certificate::Missing)?;
    let chain = certificates(&present(certificate)?).ok_or(Certificate::Unreadable)?;
    let key = DeviceKey::from_pem(&present(key)?, &front.key_service);
    let key = key.map_err(|_| Certificate::Unreadable)?;
    let first = chain.first().ok_or(Certificate::Unreadable)?;
    let facts = facts(first, state(&key, first)).ok_or(Certificate::Unreadable)?;
    let roots = roots(&front.authority).ok_or(Certificate::AuthorityUnusable)?;
    let own = key.with(chain);
    Ok((facts, own.ok().map(|own| Identity { own, roots })))
}

/// Whether the key is that of the certificate, and signs.
fn state(key: &DeviceKey, certificate: &CertificateDer<'static>) -> Key {
    if !key.fits(certificate) {
        return Key::OfOther;
    }
    match key.tried().map_err(|refused| refused.kind) {
        Ok(()) => Key::Fits,
        Err(Kind::Foreign) => Key::Foreign,
        Err(_) => Key::Away,
    }
}

/// A file that is empty holds nothing yet, as a credential that was not given.
fn present(path: &Path) -> Result<Vec<u8>, Certificate> {
    match read_bounded(path, PEM_MOST) {
        Ok(bytes) if bytes.trim_ascii().is_empty() => Err(Certificate::Missing),
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Certificate::Missing),
        Err(_) => Err(Certificate::Unreadable),
    }
}

fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    read.ok().filter(|certificates| !certificates.is_empty())
}

fn roots(authority: &Path) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let pem = read_bounded(authority, PEM_MOST).ok()?;
    for certificate in certificates(&pem)? {
        roots.add(certificate).ok()?;
    }
    Some(roots)
}

fn facts(der: &CertificateDer<'_>, key: Key) -> Option<CertificateFacts> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let names = certificate.subject_alternative_name().ok()?;
    let names = names.map_or(&[][..], |names| names.value.general_names.as_slice());
    let site = names.iter().find_map(|name| match name {
        GeneralName::URI(uri) => uri.strip_prefix(SITE).map(str::to_owned),
        _ => None,
    });
    let validity = certificate.validity();
    Some(CertificateFacts {
        not_before: validity.not_before.timestamp(),
        not_after: validity.not_after.timestamp(),
        site,
        key,
    })
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

impl Identity {
    /// TLS 1.3 with our certificate, trusting our authority alone.
    pub(crate) fn tls(self) -> Result<ClientConfig, rustls::Error> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(self.roots);
        Ok(builder.with_client_cert_resolver(self.own))
    }
}
