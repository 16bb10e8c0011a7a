//! What the centre reads in certificates: whose they are, with which key, how long.

use envelope::{CertificateFacts, CertificateFault, CertificateRole, DeviceName};
use record::SiteId;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Before the site in a device's certificate.
pub(crate) const SITE_URN: &str = "urn:sekisho:site:";
/// Before the device in a device's certificate.
pub(crate) const DEVICE_URN: &str = "urn:sekisho:device:";

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Its serial number, without leading zeros.
    pub(crate) serial: Vec<u8>,
    /// First second.
    pub(crate) not_before: i64,
    /// Last second.
    pub(crate) not_after: i64,
    /// The site: exactly one URI of our kind.
    pub(crate) site: Option<SiteId>,
    /// The device: exactly one URI of our kind.
    pub(crate) device: Option<DeviceName>,
    /// The public key as it is used for verifying.
    pub(crate) key: Vec<u8>,
    algorithm: String,
    parameters: String,
}

impl Facts {
    /// Reads a certificate (DER); `None` if it is none.
    pub(crate) fn of(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let names = certificate.subject_alternative_name().ok()?;
        let names = names.map_or(&[][..], |names| names.value.general_names.as_slice());
        let key = certificate.public_key();
        let parameters = key.algorithm.parameters.as_ref();
        let parameters = parameters.and_then(|parameters| parameters.as_oid().ok());
        Some(Self {
            serial: serial(certificate.raw_serial()),
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            site: only(names, SITE_URN).and_then(|site| site.parse().ok()),
            device: only(names, DEVICE_URN).and_then(|device| device.parse().ok()),
            key: key.subject_public_key.data.to_vec(),
            algorithm: key.algorithm.algorithm.to_id_string(),
            parameters: parameters.map_or_else(String::new, |oid| oid.to_id_string()),
        })
    }

    /// Whether the policy allows it (B-111).
    ///
    /// # Errors
    /// See [`CertificateFault`].
    pub(crate) fn check(&self, role: CertificateRole) -> Result<(), CertificateFault> {
        let facts = CertificateFacts {
            algorithm: &self.algorithm,
            parameters: &self.parameters,
            not_before: self.not_before,
            not_after: self.not_after,
        };
        facts.check(role)
    }
}

/// A serial number as it is compared: without leading zeros.
pub(crate) fn serial(raw: &[u8]) -> Vec<u8> {
    raw.iter().skip_while(|byte| **byte == 0).copied().collect()
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn only<'a>(names: &[GeneralName<'a>], urn: &str) -> Option<&'a str> {
    let mut values = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => uri.strip_prefix(urn),
        _ => None,
    });
    let value = values.next()?;
    values.next().is_none().then_some(value)
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
            let facts = Facts::of(certificate.der()).unwrap();
            assert_eq!(facts.site.as_ref().map(SiteId::as_str), site_id, "{uris:?}");
        }
        assert_eq!(Facts::of(b"x"), None);
    }
}
