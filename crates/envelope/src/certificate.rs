//! What certificates may be: for whom, with which keys, how long, and from when on they are renewed
//! (B-111, B-118). Certificates themselves are read and made by the programs.
//!
//! Times are seconds since 1970.

use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use thiserror::Error;

use crate::digest::sha256;
use crate::signing::VerifyingKey;

/// Seconds of a day.
const DAY: i64 = 86_400;
/// From which day of its life on a device's certificate is renewed.
pub const RENEWAL_DAY: i64 = 60;
/// Over how many days the renewals of a fleet are spread, so that devices which were set up on one
/// day do not come back on one day.
pub const RENEWAL_SPREAD_DAYS: i64 = 14;
/// Days after the end of its last certificate within which a device asks again with the key of that
/// certificate, and a person at the centre approves. Later it is enrolled anew.
pub const LATE_DAYS: i64 = 180;

/// A kind of public key that certificates of ours may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateKey {
    /// The name in texts for people.
    pub name: &'static str,
    /// Object identifier of the algorithm of the key, dotted.
    pub algorithm: &'static str,
    /// Object identifier of its parameters, dotted.
    pub parameters: &'static str,
    /// The first moment at which no certificate with such a key may be valid any more.
    pub ends_at: i64,
}

/// The closed list. A certificate with another key, or with one that it outlives, is refused.
///
/// P-256 ends with 2035. NIST IR 8547 (initial public draft, November 2024, section 4.1.1, table 2)
/// disallows ECDSA of every strength after 2035, and deprecates what has 112 bits after 2030; P-256
/// has 128. Japan's Cabinet Secretariat (interim report on the move of government bodies to
/// post-quantum cryptography, November 2025) aims at 2035 as well. What is inside a connection is
/// sealed for longer than that by [`crate::seal()`]. See decision 0065.
pub const CERTIFICATE_KEYS: &[CertificateKey] = &[CertificateKey {
    name: "ECDSA P-256",
    algorithm: "1.2.840.10045.2.1",
    parameters: "1.2.840.10045.3.1.7",
    // 2036-01-01T00:00:00Z.
    ends_at: 2_082_758_400,
}];

/// For whom a certificate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateRole {
    /// The root, whose key is kept offline.
    Root,
    /// The authority that issues, signed by the root.
    Issuing,
    /// A service of the centre.
    Server,
    /// A device of a site.
    Device,
}

impl CertificateRole {
    /// The longest life, in days.
    pub const fn days(self) -> i64 {
        match self {
            Self::Root => 8 * 365,
            Self::Issuing => 3 * 365,
            Self::Server => 365,
            Self::Device => 90,
        }
    }
}

/// What is wrong with a certificate, by policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CertificateFault {
    /// Its key is not on the list.
    #[error("a certificate key that is not on the list")]
    Key,
    /// It lives past the end of its algorithm.
    #[error("the certificate outlives the end date of its algorithm")]
    Outlives,
    /// It lives longer than certificates of its role may.
    #[error("the certificate lives longer than its role allows")]
    TooLong,
}

/// What a certificate says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateFacts<'a> {
    /// Object identifier of the algorithm of the key, dotted.
    pub algorithm: &'a str,
    /// Object identifier of its parameters, dotted.
    pub parameters: &'a str,
    /// First second of its life.
    pub not_before: i64,
    /// Last second of its life.
    pub not_after: i64,
}

impl CertificateFacts<'_> {
    /// Whether the policy allows such a certificate.
    ///
    /// # Errors
    /// See [`CertificateFault`].
    pub fn check(&self, role: CertificateRole) -> Result<(), CertificateFault> {
        let known = CERTIFICATE_KEYS
            .iter()
            .find(|key| (key.algorithm, key.parameters) == (self.algorithm, self.parameters));
        let key = known.ok_or(CertificateFault::Key)?;
        if self.not_after >= key.ends_at {
            return Err(CertificateFault::Outlives);
        }
        let life = self.not_after.saturating_sub(self.not_before);
        match life <= role.days() * DAY {
            true => Ok(()),
            false => Err(CertificateFault::TooLong),
        }
    }
}

/// A certificate younger than this is not renewed. A device asks from [`RENEWAL_DAY`] on, or when
/// the centre orders it; one that asks every day is broken.
pub const RENEWAL_LEAST_DAYS: i64 = 1;

/// From when on a device asks for its next certificate: day 60 at the earliest, and spread over two
/// weeks by what nobody chooses, the serial number of the certificate.
pub fn renewal_at(not_before: i64, serial: &[u8]) -> i64 {
    let digest = sha256(&[b"sekisho renewal 1\0", serial].concat());
    let (four, _) = digest.as_chunks::<4>();
    let drawn = four.first().copied().map_or(0, u32::from_be_bytes);
    let spread = RENEWAL_SPREAD_DAYS * DAY;
    not_before + RENEWAL_DAY * DAY + i64::from(drawn) % spread
}

/// How a device asks for a certificate once it has one: it signs the request for the new key with
/// the key of the old certificate.
pub const RENEWAL_DOMAIN: &[u8] = b"sekisho certificate renewal 1\0";

/// Whether a request for a certificate is signed by the key of another one: an uncompressed point
/// of P-256 and a signature in DER over [`RENEWAL_DOMAIN`] and the request.
pub fn renewal_is_signed(public: &[u8], request: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public)
        .verify(&[RENEWAL_DOMAIN, request].concat(), signature)
        .is_ok()
}

/// Whether a request for a certificate is signed with a one-time code, of which the verifying key
/// is known.
pub fn enrolment_is_signed(code: &VerifyingKey, request: &[u8], signature: &[u8]) -> bool {
    code.verifies(crate::enrolment::DOMAIN, request, signature)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const P256: CertificateFacts<'_> = CertificateFacts {
        algorithm: "1.2.840.10045.2.1",
        parameters: "1.2.840.10045.3.1.7",
        not_before: 0,
        not_after: 90 * DAY,
    };

    /// B-111: the last second before the end date is allowed, the end date is not.
    #[test]
    fn certificates_live_as_long_as_their_role_and_their_algorithm_allow() {
        let end = CERTIFICATE_KEYS.first().unwrap().ends_at;
        let at = |not_before, not_after| CertificateFacts {
            not_before,
            not_after,
            ..P256
        };
        for (facts, role, expected) in [
            (P256, CertificateRole::Device, Ok(())),
            (
                at(0, 90 * DAY + 1),
                CertificateRole::Device,
                Err(CertificateFault::TooLong),
            ),
            (at(0, 90 * DAY + 1), CertificateRole::Server, Ok(())),
            (at(end - DAY, end - 1), CertificateRole::Device, Ok(())),
            (
                at(end - DAY, end),
                CertificateRole::Device,
                Err(CertificateFault::Outlives),
            ),
            (
                CertificateFacts {
                    algorithm: "1.2.840.113549.1.1.1",
                    ..P256
                },
                CertificateRole::Device,
                Err(CertificateFault::Key),
            ),
            (
                CertificateFacts {
                    parameters: "1.3.132.0.10",
                    ..P256
                },
                CertificateRole::Device,
                Err(CertificateFault::Key),
            ),
        ] {
            assert_eq!(facts.check(role), expected, "{facts:?}");
        }
    }

    /// B-118: 100,000 devices, all set up on one day, over five years: none is ever without a
    /// certificate, even if each renewal needs five days of tries, and no day has more than twice
    /// the renewals of the mean day of a wave.
    #[test]
    fn a_hundred_thousand_devices_renew_without_anybodys_help_and_not_all_at_once() {
        const DEVICES: u32 = 100_000;
        const TRIES_DAYS: i64 = 5;
        let mut first_wave: BTreeMap<i64, u32> = BTreeMap::new();
        for device in 0..DEVICES {
            let (mut not_before, mut generation) = (0, 0_u32);
            while not_before < 5 * 365 * DAY {
                let serial = [device.to_be_bytes(), generation.to_be_bytes()].concat();
                let asked = renewal_at(not_before, &serial);
                assert!(asked >= not_before + RENEWAL_DAY * DAY);
                let issued = asked + i64::from(device) % TRIES_DAYS * DAY;
                let not_after = not_before + CertificateRole::Device.days() * DAY;
                assert!(issued < not_after, "device {device}");
                if generation == 0 {
                    *first_wave.entry(asked / DAY).or_default() += 1;
                }
                (not_before, generation) = (issued, generation + 1);
            }
        }
        assert_eq!(first_wave.len() as i64, RENEWAL_SPREAD_DAYS);
        let mean = DEVICES / u32::try_from(RENEWAL_SPREAD_DAYS).unwrap();
        assert!(first_wave.values().all(|count| *count <= 2 * mean));
    }
}
