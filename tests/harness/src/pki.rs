//! A certificate authority for tests and the demo, made on the spot.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};

/// The name by which gateways know the front.
pub const FRONT_NAME: &str = "front.sekisho.internal";

/// The name by which gateways know the evaluation service.
pub const EVALUATE_NAME: &str = "evaluate.sekisho.internal";

/// An authority whose key lives in memory only.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// Makes a new authority.
    ///
    /// # Errors
    /// Only if the key cannot be made.
    pub fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { issuer })
    }

    /// Writes the authority's certificate.
    pub fn write(&self, path: &Path) -> Result<()> {
        fs::write(path, self.issuer.pem()).with_context(|| path.display().to_string())
    }

    /// Issues the front's certificate.
    pub fn issue_front(&self, certificate: &Path, key: &Path) -> Result<()> {
        self.issue_server(FRONT_NAME, certificate, key)
    }

    /// Issues the certificate of a service of the centre.
    pub fn issue_server(&self, name: &str, certificate: &Path, key: &Path) -> Result<()> {
        let params = CertificateParams::new(vec![name.to_owned()])?;
        self.issue(
            params,
            ExtendedKeyUsagePurpose::ServerAuth,
            certificate,
            key,
        )
    }

    /// Issues a device's certificate; the site stands in it as `urn:sekisho:site:<id>`.
    pub fn issue_device(&self, site: &str, certificate: &Path, key: &Path) -> Result<()> {
        let mut params = CertificateParams::default();
        let uri = Ia5String::try_from(format!("urn:sekisho:site:{site}"))?;
        params.subject_alt_names.push(SanType::URI(uri));
        self.issue(
            params,
            ExtendedKeyUsagePurpose::ClientAuth,
            certificate,
            key,
        )
    }

    fn issue(
        &self,
        mut params: CertificateParams,
        usage: ExtendedKeyUsagePurpose,
        certificate: &Path,
        key: &Path,
    ) -> Result<()> {
        params
            .distinguished_name
            .push(DnType::CommonName, "sekisho");
        params.extended_key_usages = vec![usage];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let pair = KeyPair::generate()?;
        let issued = params.signed_by(&pair, &self.issuer)?;
        fs::write(certificate, issued.pem())?;
        crate::write_secret(key, &pair.serialize_pem())
    }
}
