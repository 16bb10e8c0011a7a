//! What the device's key signs: three kinds of messages, known by their bytes. Whoever may ask for
//! signatures cannot have anything else signed.

use crate::der;
use crate::key::WrappedKey;

/// What stands before a request that is signed with the key before it (`envelope::RENEWAL_DOMAIN`).
pub const RENEWAL_DOMAIN: &[u8] = b"sekisho certificate renewal 1\0";

/// RFC 8446, section 4.4.3, for the client's side.
const CLIENT: &[u8] = b"TLS 1.3, client CertificateVerify\0";
const PADDING: [u8; 64] = [0x20; 64];
const REQUEST: &str = "CERTIFICATE REQUEST";
/// Longest request in PEM.
const REQUEST_MAX: usize = 4096;

/// Whether a key may sign a message by itself: the device proves itself on a TLS 1.3 connection
/// that it has opened, or asks for a certificate for this very key (PKCS #10).
#[must_use]
pub fn may_sign(key: &WrappedKey, message: &[u8]) -> bool {
    is_connection(message) || is_request(message, key.spki()).is_some()
}

/// Whether a message is the word for this successor: a request for its certificate. That the
/// successor is in the TPM as well is for the TPM to say.
#[must_use]
pub fn names_successor(next: &WrappedKey, message: &[u8]) -> bool {
    let named = || {
        let text = message.strip_prefix(RENEWAL_DOMAIN)?;
        let text = (text.len() <= REQUEST_MAX).then_some(text)?;
        let request = pem::parse(text).ok()?;
        // Nothing beside it, that another reader might take for the request.
        let alone = pem::Pem::new(REQUEST, request.contents());
        (crate::key::encoded(&alone).as_bytes() == text).then_some(())?;
        let signed = der::whole(request.contents())?;
        let (_, info, _) = der::first(signed)?;
        is_request(info, next.spki())
    };
    named().is_some()
}

/// What a device says on no connection, because no hash is all zeros: shows whether a key signs.
#[must_use]
pub fn trial() -> Vec<u8> {
    [PADDING.as_slice(), CLIENT, &[0; 32]].concat()
}

/// The hash at its end is of SHA-256 or SHA-384.
fn is_connection(message: &[u8]) -> bool {
    let rest = message.strip_prefix(PADDING.as_slice());
    let hash = rest.and_then(|rest| rest.strip_prefix(CLIENT));
    hash.is_some_and(|hash| [32, 48].contains(&hash.len()))
}

/// `CertificationRequestInfo`: version 0, a name, the key, attributes. No certificate and no
/// revocation list has a public key in the third place.
fn is_request(message: &[u8], spki: &[u8]) -> Option<()> {
    let rest = der::whole(message)?;
    let rest = rest.strip_prefix(&[0x02, 0x01, 0x00])?;
    let (_, rest) = der::expect(0x30, rest)?;
    let rest = rest.strip_prefix(spki)?;
    let (_, rest) = der::expect(0xa0, rest)?;
    rest.is_empty().then_some(())
}
