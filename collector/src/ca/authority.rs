//! The two authorities: a root whose key stays offline, and the one that issues.

use std::fs;
use std::path::Path;
use std::time::Duration;

use envelope::{CertificateRole, DeviceName, sha256};
use getrandom::SysRng;
use jiff::Timestamp;
use jiff::tz::Offset;
use rand_core::{Rng as _, UnwrapErr};
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PublicKeyData, RevocationReason, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use record::SiteId;
use zeroize::Zeroizing;

use super::failure::{Failure, Problem, Result};
use super::files;
use super::register::Issued;
use crate::x509::{DEVICE_URN, Facts, SITE_URN};

const DAY: i64 = 86_400;
/// Clocks of devices may be behind.
const BACKDATED: i64 = 3_600;
/// Days after which a front that was given no newer revocation list hears nobody any more.
const LIST_DAYS: i64 = 10;

/// What a certificate is to say.
pub(super) enum Subject<'a> {
    /// A service of the centre, by the name under which it is called.
    Server(&'a str),
    /// A device of a site.
    Device(&'a SiteId, &'a DeviceName),
}

/// The authority that issues.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, PEM.
    certificate: String,
    not_after: i64,
}

/// Makes a root in a new folder: `root.pem` and `root.key`.
pub(super) fn make_root(folder: &Path, at: i64) -> Result<()> {
    fs::create_dir(folder)
        .map_err(|error| Failure::because(Problem::Files, folder.display(), error))?;
    let key = KeyPair::generate()?;
    let mut params = authority("Sekisho root", BasicConstraints::Constrained(1));
    life(&mut params, CertificateRole::Root, at);
    let certificate = params.self_signed(&key)?;
    let facts = read(certificate.der())?;
    facts.check(CertificateRole::Root).map_err(refused)?;
    files::add(&folder.join("root.pem"), certificate.pem().as_bytes())?;
    files::add_secret(
        &folder.join("root.key"),
        &Zeroizing::new(key.serialize_pem()),
    )
}

/// Makes the key and certificate of an issuing authority in its folder: `issuing.pem`,
/// `issuing.key`, and the root's certificate beside them.
pub(super) fn make_issuing(root: &Path, folder: &Path, at: i64) -> Result<()> {
    fs::create_dir(folder)
        .map_err(|error| Failure::because(Problem::Files, folder.display(), error))?;
    let root_pem = files::text(&root.join("root.pem"))?;
    let root_key = KeyPair::from_pem(&files::text(&root.join("root.key"))?)?;
    let issuer = Issuer::from_ca_cert_pem(&root_pem, root_key)?;
    let key = KeyPair::generate()?;
    let mut params = authority("Sekisho issuing", BasicConstraints::Constrained(0));
    life(&mut params, CertificateRole::Issuing, at);
    let certificate = params.signed_by(&key, &issuer)?;
    let facts = read(certificate.der())?;
    facts.check(CertificateRole::Issuing).map_err(refused)?;
    files::add(&folder.join("root.pem"), root_pem.as_bytes())?;
    files::add(&folder.join("issuing.pem"), certificate.pem().as_bytes())?;
    files::add_secret(
        &folder.join("issuing.key"),
        &Zeroizing::new(key.serialize_pem()),
    )
}

impl Authority {
    /// Reads key and certificate from their folder.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let certificate = files::text(&folder.join("issuing.pem"))?;
        let key = KeyPair::from_pem(&files::text(&folder.join("issuing.key"))?)?;
        let (_, pem) = x509_parser::pem::parse_x509_pem(certificate.as_bytes())
            .map_err(|_| Failure::new(Problem::Files, "issuing.pem"))?;
        let facts = read(&pem.contents)?;
        facts.check(CertificateRole::Issuing).map_err(refused)?;
        if facts.key != key.public_key_raw() {
            return Err(Failure::new(Problem::Files, "issuing.key, issuing.pem"));
        }
        let issuer = Issuer::from_ca_cert_pem(&certificate, key)?;
        Ok(Self {
            issuer,
            certificate: certificate.to_string(),
            not_after: facts.not_after,
        })
    }

    /// Issues a certificate, which the register does not have yet.
    ///
    /// # Errors
    /// The policy refuses it, or the authority itself ends before it would.
    pub(super) fn issue(
        &self,
        subject: &Subject<'_>,
        key: &impl PublicKeyData,
        predecessor: Option<Vec<u8>>,
        at: i64,
    ) -> Result<Issued> {
        let (role, name, site) = match subject {
            Subject::Server(name) => (CertificateRole::Server, (*name).to_owned(), None),
            Subject::Device(site, device) => (
                CertificateRole::Device,
                device.as_str().to_owned(),
                Some((*site).clone()),
            ),
        };
        let mut params = params(subject)?;
        life(&mut params, role, at);
        let mut serial = [0; 16];
        UnwrapErr(SysRng).fill_bytes(&mut serial);
        // Positive in DER, and never without a digit.
        serial[0] = serial[0] & 0x7f | 0x40;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        let certificate = params.signed_by(key, &self.issuer)?;
        let facts = read(certificate.der())?;
        facts.check(role).map_err(refused)?;
        if facts.not_after > self.not_after {
            return Err(Failure::new(Problem::Policy, "issuing.pem: ends before"));
        }
        Ok(Issued {
            serial: facts.serial,
            digest: sha256(certificate.der()),
            name,
            site,
            predecessor,
            pem: format!("{}{}", certificate.pem(), self.certificate),
            not_before: facts.not_before,
            not_after: facts.not_after,
            revoked: None,
        })
    }

    /// The list of what was taken back and is not over for longer than a list is good, PEM.
    pub(super) fn list(&self, all: &[Issued], number: u64, at: i64) -> Result<String> {
        let epoch = date_time_ymd(1970, 1, 1);
        let mut revoked_certs = Vec::new();
        for issued in all {
            let Some((when, reason)) = &issued.revoked else {
                continue;
            };
            if issued.not_after + LIST_DAYS * DAY < at {
                continue;
            }
            let compromised = matches!(reason.as_str(), "stolen" | "cloned");
            revoked_certs.push(RevokedCertParams {
                serial_number: SerialNumber::from_slice(&issued.serial),
                revocation_time: epoch + span(*when),
                reason_code: Some(match compromised {
                    true => RevocationReason::KeyCompromise,
                    false => RevocationReason::Superseded,
                }),
                invalidity_date: None,
            });
        }
        let list = CertificateRevocationListParams {
            this_update: epoch + span(at - BACKDATED),
            next_update: epoch + span(at + LIST_DAYS * DAY),
            crl_number: SerialNumber::from_slice(&number.to_be_bytes()),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(list.signed_by(&self.issuer)?.pem()?)
    }
}

fn authority(name: &str, constraint: BasicConstraints) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(constraint);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn params(subject: &Subject<'_>) -> Result<CertificateParams> {
    let mut params = match subject {
        Subject::Server(name) => CertificateParams::new(vec![(*name).to_owned()])?,
        Subject::Device(..) => CertificateParams::default(),
    };
    let (name, usage) = match subject {
        Subject::Server(name) => ((*name).to_owned(), ExtendedKeyUsagePurpose::ServerAuth),
        // The broker of the control channel knows a device by this name alone.
        Subject::Device(site, device) => {
            for uri in [
                format!("{SITE_URN}{site}"),
                format!("{DEVICE_URN}{}", device.as_str()),
            ] {
                let uri = Ia5String::try_from(uri)?;
                params.subject_alt_names.push(SanType::URI(uri));
            }
            (
                format!("{site}:{}", device.as_str()),
                ExtendedKeyUsagePurpose::ClientAuth,
            )
        }
    };
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![usage];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// The whole life that the role allows, from an hour ago.
fn life(params: &mut CertificateParams, role: CertificateRole, at: i64) {
    let begin = at - BACKDATED;
    params.not_before = date_time_ymd(1970, 1, 1) + span(begin);
    params.not_after = date_time_ymd(1970, 1, 1) + span(begin + role.days() * DAY);
}

/// Seconds since 1970 as a span; nothing here was before.
fn span(at: i64) -> Duration {
    Duration::from_secs(at.try_into().unwrap_or_default())
}

fn read(der: &[u8]) -> Result<Facts> {
    Facts::of(der).ok_or_else(|| Failure::new(Problem::Internal, "certificate"))
}

fn refused(fault: envelope::CertificateFault) -> Failure {
    Failure::because(Problem::Policy, "", fault)
}

/// A day as people read it.
pub(super) fn day(at: i64) -> String {
    let moment = Timestamp::from_second(at).unwrap_or(Timestamp::UNIX_EPOCH);
    Offset::constant(9).to_datetime(moment).date().to_string()
}
