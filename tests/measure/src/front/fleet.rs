//! Devices of sites: keys and certificates of a deployment's own authority, made in memory.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use rcgen::string::Ia5String;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use record::SiteId;
use rustls::client::Resumption;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// As long as a device's certificate may live.
const LIFE: Duration = Duration::from_secs(90 * 86_400);
/// As the authority does it, for clocks that are behind.
const BACKDATED: Duration = Duration::from_secs(3_600);

/// Makes devices.
pub(super) struct Fleet {
    issuer: Issuer<'static, KeyPair>,
    issuing: CertificateDer<'static>,
    roots: Arc<RootCertStore>,
    name: ServerName<'static>,
}

/// One device, as far as connections need it.
#[derive(Clone)]
pub(super) struct Device {
    /// Begins handshakes with the device's certificate, never with an earlier session.
    pub(super) connector: TlsConnector,
    /// Whom it expects.
    pub(super) name: ServerName<'static>,
}

impl Fleet {
    /// Reads the authority.
    pub(super) fn open(folder: &Path, name: &str) -> Result<Self> {
        let issuing = folder.join("issuing.pem");
        let key = KeyPair::from_pem(&fs::read_to_string(folder.join("issuing.key"))?)?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(folder.join("root.pem"))?)?;
        Ok(Self {
            issuer: Issuer::from_ca_cert_pem(&fs::read_to_string(&issuing)?, key)?,
            issuing: CertificateDer::from_pem_file(&issuing)?,
            roots: Arc::new(roots),
            name: ServerName::try_from(name.to_owned())?,
        })
    }

    /// A device of a site with a key and a certificate of its own.
    pub(super) fn device(&self, site: &SiteId) -> Result<Device> {
        let key = KeyPair::generate()?;
        let certificate = params(site)?.signed_by(&key, &self.issuer)?;
        let chain = vec![certificate.der().clone(), self.issuing.clone()];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(Arc::clone(&self.roots))
            .with_client_auth_cert(chain, key)?;
        config.resumption = Resumption::disabled();
        Ok(Device {
            connector: TlsConnector::from(Arc::new(config)),
            name: self.name.clone(),
        })
    }
}

fn params(site: &SiteId) -> Result<CertificateParams> {
    let mut params = CertificateParams::default();
    let names = [
        format!("urn:sekisho:site:{site}"),
        "urn:sekisho:device:box-1".to_owned(),
    ];
    for name in names {
        let name = Ia5String::try_from(name)?;
        params.subject_alt_names.push(SanType::URI(name));
    }
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "box-1");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    let now = Duration::from_secs(Timestamp::now().as_second().try_into()?);
    params.not_before = date_time_ymd(1970, 1, 1) + (now - BACKDATED);
    params.not_after = date_time_ymd(1970, 1, 1) + (now - BACKDATED + LIFE);
    Ok(params)
}
