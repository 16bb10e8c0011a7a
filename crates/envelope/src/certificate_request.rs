//! What a device and the authority say to each other about certificates, through a front that
//! believes neither and needs to read none of it.
//!
//! Layout: 8 bytes `SEKISHC` and the version `01`, the rest is CBOR. Certificates and requests
//! stand in it as PEM, signatures as lower-case hexadecimal digits.

use record::{BatchId, SiteId};
use serde::{Deserialize, Serialize};

use crate::receipt::FrontId;
use crate::text_form::{hex, unhex_any};

const MAGIC: &[u8; 8] = b"SEKISHC\x01";
/// Most bytes of a request or an answer.
pub const CERTIFICATE_MESSAGE_MAX: usize = 32 << 10;
/// Most bytes of a signature in DER.
const SIGNATURE_MAX: usize = 160;

/// The name of a device: 1 to 32 characters of ASCII letters, digits, `.` and `-`.
pub type DeviceName = FrontId;

/// A device's request for a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum CertificateRequest {
    /// It has one, and signs with its key.
    Renewal {
        /// SHA-256 of the certificate that it has (DER).
        certificate: BatchId,
        /// The request (PKCS #10, PEM).
        request: String,
        /// See [`crate::renewal_is_signed`].
        signature: String,
    },
    /// It has none, and signs with a one-time code.
    Enrolment {
        /// The site.
        site: SiteId,
        /// The device.
        device: DeviceName,
        /// The request (PKCS #10, PEM).
        request: String,
        /// See [`crate::enrolment_is_signed`].
        signature: String,
    },
}

/// What the authority answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum CertificateAnswer {
    /// The certificate and those above it, without the root (PEM).
    Issued {
        /// The chain.
        chain: String,
    },
    /// A person at the centre has to approve first. The same request is asked about again.
    Waiting,
    /// No.
    Refused {
        /// A stable code.
        code: String,
    },
}

impl CertificateRequest {
    /// The bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        write(self)
    }

    /// Reads what [`CertificateRequest::to_bytes`] wrote; `None` for anything else.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        read(bytes)
    }

    /// Both kinds of signature as text.
    pub fn signature_text(signature: &[u8]) -> String {
        hex(signature)
    }

    /// The signature; `None` if it is none.
    pub fn signature(&self) -> Option<Vec<u8>> {
        match self {
            Self::Renewal { signature, .. } | Self::Enrolment { signature, .. } => {
                unhex_any(signature, SIGNATURE_MAX)
            }
        }
    }
}

impl CertificateAnswer {
    /// The bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        write(self)
    }

    /// Reads what [`CertificateAnswer::to_bytes`] wrote; `None` for anything else.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        read(bytes)
    }
}

fn write(message: &impl Serialize) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    // Writing texts into memory does not fail; without them the reader refuses.
    let _ = serde_cbor::to_writer(&mut bytes, message);
    bytes
}

fn read<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Option<T> {
    let content = bytes.strip_prefix(MAGIC)?;
    let within = bytes.len() <= CERTIFICATE_MESSAGE_MAX;
    within.then(|| serde_cbor::from_slice(content).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request() -> CertificateRequest {
        CertificateRequest::Renewal {
            certificate: BatchId::new([7; 32]),
            request: "-----BEGIN".to_owned(),
            signature: CertificateRequest::signature_text(&[1, 0xab]),
        }
    }

    #[test]
    fn requests_and_answers_are_read_as_they_were_written() {
        let request = request();
        assert_eq!(request.signature(), Some(vec![1, 0xab]));
        assert_eq!(
            CertificateRequest::read(&request.to_bytes()),
            Some(request.clone())
        );
        let answer = CertificateAnswer::Waiting;
        assert_eq!(CertificateAnswer::read(&answer.to_bytes()), Some(answer));
        assert_eq!(CertificateAnswer::read(&request.to_bytes()), None);
        let mut long = request.to_bytes();
        long.resize(CERTIFICATE_MESSAGE_MAX + 1, 0);
        assert_eq!(CertificateRequest::read(&long), None);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange_to_be_refused(bytes: Vec<u8>) {
            let with_magic = [MAGIC.as_slice(), &bytes].concat();
            for bytes in [&bytes, &with_magic] {
                if let Some(request) = CertificateRequest::read(bytes) {
                    prop_assert!(CertificateRequest::read(&request.to_bytes()) == Some(request));
                }
            }
        }
    }
}
