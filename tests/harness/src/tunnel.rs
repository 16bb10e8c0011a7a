//! Certificates and settings of both ends of an IPsec tunnel (strongSwan), as files below a folder
//! that stands for `/etc/swanctl`.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P384_SHA384, RevokedCertParams,
    SanType, SerialNumber, date_time_ymd,
};

/// The number of every certificate of an end, by which it is taken back.
const SERIAL: u64 = 7;

/// The identity of the centre's end.
pub const CENTRE: &str = "vpn";
/// The identity of the device's end.
pub const DEVICE: &str = "device";

/// Who certifies the ends of tunnels.
pub struct Certifier(CertifiedIssuer<'static, KeyPair>);

impl Certifier {
    /// A new one, whom nobody else believes.
    ///
    /// # Errors
    /// No key can be made.
    pub fn new() -> Result<Self> {
        let mut own = parameters("vpn-authority");
        own.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        own.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self(CertifiedIssuer::self_signed(own, key()?)?))
    }

    /// Writes a certificate of this name, and its key, for one end.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn certify(&self, name: &str, folder: &Path, file: &str) -> Result<()> {
        let (mut own, key) = (parameters(name), key()?);
        own.subject_alt_names = vec![SanType::DnsName(name.try_into()?)];
        own.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        own.use_authority_key_identifier_extension = true;
        own.serial_number = Some(SerialNumber::from(SERIAL));
        let certificate = own.signed_by(&key, &self.0)?;
        put(folder, &format!("x509/{file}.pem"), &certificate.pem())?;
        put(folder, &format!("private/{file}.pem"), &key.serialize_pem())
    }

    /// Tells an end whom it may believe, and whether the certificates were taken back.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn believe(&self, folder: &Path, revoked: bool) -> Result<()> {
        put(folder, "x509ca/sekisho-vpn-authority.pem", &self.0.pem())?;
        let taken_back = RevokedCertParams {
            serial_number: SerialNumber::from(SERIAL),
            revocation_time: date_time_ymd(2026, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(2099, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.then_some(taken_back).into_iter().collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.0)?;
        put(folder, "x509crl/sekisho-vpn.crl", &list.pem()?)
    }
}

fn key() -> Result<KeyPair> {
    Ok(KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?)
}

fn parameters(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.not_before = date_time_ymd(2025, 1, 1);
    parameters.not_after = date_time_ymd(2099, 1, 1);
    parameters
}

/// Writes a file and the folders above it.
///
/// # Errors
/// It cannot be written.
pub fn put(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    let above = path.parent().context("folder")?;
    fs::create_dir_all(above)?;
    fs::write(&path, text).with_context(|| path.display().to_string())
}

/// The settings of the centre's end: whoever its certifier knows as the device reaches the front.
pub fn centre(front: IpAddr, inner: IpAddr) -> String {
    format!(
        "\
connections {{
    site {{
        version = 2
        proposals = aes256gcm16-prfsha384-ecp384
        mobike = no
        local {{
            auth = pubkey
            certs = vpn.pem
            id = {CENTRE}
        }}
        remote {{
            auth = pubkey
            cacerts = sekisho-vpn-authority.pem
            id = {DEVICE}
        }}
        children {{
            front {{
                local_ts = {front}/32
                remote_ts = {inner}/32
                esp_proposals = aes256gcm16-ecp384
            }}
        }}
    }}
}}
"
    )
}

/// What strongSwan reads of itself where its data plane is in user space, so that the kernel needs
/// nothing but TUN: its files are in `folder`.
pub fn strongswan(folder: &Path) -> String {
    const PLUGINS: &str = "random nonce aes sha1 sha2 hmac kdf gcm pem pkcs1 pkcs8 x509 revocation \
        constraints pubkey openssl kernel-libipsec kernel-netlink socket-default vici updown";
    let folder = folder.display();
    format!(
        "charon-systemd {{\n load = {PLUGINS}\n plugins {{ vici {{ socket = unix://{folder}/vici }} \
         }}\n filelog {{ told {{\n path = {folder}/charon.log\n default = 1\n flush_line = yes\n \
         }} \
         }}\n}}\nswanctl {{ }}\n"
    )
}
