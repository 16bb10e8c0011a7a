//! TLS 1.3 with client certificates of one authority, and the site that a certificate names.

use std::path::Path;
use std::sync::Arc;

use record::SiteId;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::front::settings::Tls;
use crate::front::start::{Problem, StartError};

const SITE_URN: &str = "urn:sekisho:site:";

/// Reads certificates and keys. TLS 1.2 is not compiled in (B-081).
///
/// # Errors
/// A file cannot be read or used.
pub(crate) fn acceptor(files: &Tls) -> Result<TlsAcceptor, StartError> {
    let unusable = |error: &dyn ToString| StartError::new(Problem::Certificate, error.to_string());
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&files.client_authority)? {
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|error| unusable(&error))?;
    let key = PrivateKeyDer::from_pem_file(&files.private_key)
        .map_err(|_| StartError::new(Problem::Certificate, files.private_key.display()))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| unusable(&error))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates(&files.certificate)?, key)
        .map_err(|error| unusable(&error))?;
    // No resumption: every connection proves its certificate anew.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The site that a verified client certificate names: exactly one URI of our kind.
pub(crate) fn site(certificate: &CertificateDer<'_>) -> Option<SiteId> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    let mut sites = names
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::URI(uri) => uri.strip_prefix(SITE_URN),
            _ => None,
        });
    let site = sites.next()?;
    sites.next().is_none().then(|| site.parse().ok())?
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, StartError> {
    let unusable = || StartError::new(Problem::Certificate, path.display());
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .map_err(|_| unusable())?
        .collect();
    read.ok()
        .filter(|certificates| !certificates.is_empty())
        .ok_or_else(unusable)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    #[test]
    fn a_site_is_named_by_exactly_one_well_formed_uri() {
        for (uris, site_id) in [
            (vec!["urn:sekisho:site:HOSP-A"], Some("HOSP-A")),
            (
                vec!["urn:other:x", "urn:sekisho:site:HOSP-A"],
                Some("HOSP-A"),
            ),
            (
                vec!["urn:sekisho:site:HOSP-A", "urn:sekisho:site:HOSP-B"],
                None,
            ),
            (vec!["urn:sekisho:site:../x"], None),
            (vec!["urn:sekisho:site:"], None),
            (vec!["https://example.jp/HOSP-A"], None),
            (vec![], None),
        ] {
            let mut params = CertificateParams::default();
            params.subject_alt_names = uris
                .iter()
                .map(|uri| SanType::URI((*uri).try_into().unwrap()))
                .collect();
            let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            let named = site(certificate.der());
            assert_eq!(named.as_ref().map(SiteId::as_str), site_id, "{uris:?}");
        }
    }
}
