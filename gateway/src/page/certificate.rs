//! The page's own certificate (C-32): made on the appliance, known by its fingerprint, which is
//! printed on the start sheet. No public authority takes part.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use envelope::sha256;
use jiff::Timestamp;
use jiff::tz::Offset;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::error::{Failure, Problem};
use crate::spool::write_durably;

/// How long a certificate is good. Browsers take at most 825 days from some makers.
const DAYS: i64 = 820;
/// How long before its end a new one is made.
const RENEW_DAYS: i64 = 30;
const DAY: i64 = 86_400;

/// The certificate in use.
pub(crate) struct Certificate {
    /// SHA-256 of it, in groups as browsers show it.
    pub(crate) fingerprint: String,
    /// Its last moment, in seconds since 1970.
    pub(crate) until: i64,
    pem: String,
    key: PathBuf,
}

impl Certificate {
    /// Takes the certificate of the folder, or makes one if there is none, if it is near its end,
    /// or if it does not carry these names.
    ///
    /// # Errors
    /// The folder cannot be written, or what it holds is no certificate.
    pub(crate) fn open(folder: &Path, names: &[String], at: i64) -> Result<Self, Failure> {
        let note = folder.join("certificate.txt");
        let file = folder.join("certificate.pem");
        let key = folder.join("certificate.key");
        let good = fs::read_to_string(&note).ok().and_then(|note| {
            let (until, carried) = note.trim().split_once(' ')?;
            let until: i64 = until.parse().ok()?;
            (carried == names.join(" ") && until - RENEW_DAYS * DAY > at).then_some(until)
        });
        let until = match good {
            Some(until) => until,
            None => make(folder, names, at)?,
        };
        let pem = fs::read_to_string(&file)
            .map_err(|error| Failure::storing("certificate.pem", error))?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| Failure::new(Problem::Key, "certificate.pem"))?;
        Ok(Self {
            fingerprint: fingerprint(&der),
            until,
            pem,
            key,
        })
    }

    /// The certificate as text, to be installed on the institution's computers.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// TLS 1.3 with this certificate.
    ///
    /// # Errors
    /// The key is not there or does not fit.
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, Failure> {
        let unusable = |_| Failure::new(Problem::Key, "certificate.key");
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(unusable)?;
        let certificate = CertificateDer::from_pem_slice(self.pem.as_bytes()).map_err(unusable)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let refused = |error| Failure::because(Problem::Key, "TLS", error);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(refused)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .map_err(refused)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn make(folder: &Path, names: &[String], at: i64) -> Result<i64, Failure> {
    let failed = |error| Failure::because(Problem::Internal, "certificate", error);
    let mut params = CertificateParams::new(names.to_vec()).map_err(failed)?;
    let first = names.first().map_or("sekisho", String::as_str);
    params.distinguished_name.push(DnType::CommonName, first);
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Sekisho");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let until = at + DAYS * DAY;
    let day = |seconds| -> Result<_, Failure> {
        let stamp = Timestamp::from_second(seconds)
            .map_err(|error| Failure::because(Problem::Clock, "certificate", error))?;
        let day = Offset::UTC.to_datetime(stamp).date();
        let [month, number] = [day.month(), day.day()].map(i8::unsigned_abs);
        Ok(rcgen::date_time_ymd(day.year().into(), month, number))
    };
    // A day earlier: clocks of old computers go slow.
    params.not_before = day(at - DAY)?;
    params.not_after = day(until)?;
    let key = KeyPair::generate().map_err(failed)?;
    let made = params.self_signed(&key).map_err(failed)?;
    // The note comes last: without it, all three are made again.
    let note = format!("{until} {}\n", names.join(" "));
    for (name, text) in [
        ("certificate.key", key.serialize_pem()),
        ("certificate.pem", made.pem()),
        ("certificate.txt", note),
    ] {
        write_durably(&folder.join(name), text.as_bytes())
            .map_err(|error| Failure::storing(name, error))?;
    }
    Ok(until)
}

fn fingerprint(der: &[u8]) -> String {
    let bytes = sha256(der);
    let pairs: Vec<_> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: i64 = 1_800_000_000;

    /// C-32: the fingerprint on the start sheet stays right until the certificate nears its end.
    #[test]
    fn the_certificate_stays_until_names_or_time_ask_for_another() {
        let folder = tempfile::tempdir().unwrap();
        let open = |names: &[&str], at| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let certificate = Certificate::open(folder.path(), &names, at).unwrap();
            certificate.acceptor().unwrap();
            certificate.fingerprint
        };
        let first = open(&["sekisho.internal", "192.168.10.5"], AT);
        assert_eq!(first.len(), 32 * 3 - 1);
        assert_eq!(
            open(&["sekisho.internal", "192.168.10.5"], AT + 100 * DAY),
            first
        );
        let renewed = open(&["sekisho.internal", "192.168.10.5"], AT + 791 * DAY);
        assert_ne!(renewed, first);
        assert_ne!(open(&["sekisho.internal"], AT + 791 * DAY), renewed);
    }
}
