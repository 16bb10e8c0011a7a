//! What becomes of a device's request for a certificate. The front that handed it over is not
//! believed: the device's own signature decides.

use envelope::{
    CertificateRequest, DeviceName, LATE_DAYS, RENEWAL_LEAST_DAYS, enrolment_is_signed,
    renewal_is_signed,
};
use rcgen::{
    CertificateSigningRequestParams, PKCS_ECDSA_P256_SHA256, PublicKey, PublicKeyData as _,
};
use record::{BatchId, SiteId};

use super::authority::{Authority, Subject};
use super::failure::{Failure, Problem, Result};
use super::register::{Issued, Late, Register};
use crate::x509::Facts;

const DAY: i64 = 86_400;

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Judged {
    /// A certificate.
    Issued(Box<Issued>),
    /// Somebody has to let the device in.
    Waiting,
    /// No, for this reason.
    Refused(Problem),
}

/// What a request is judged with.
pub(super) struct Bench<'a> {
    pub(super) register: &'a Register,
    pub(super) authority: &'a Authority,
    /// Now, in seconds since 1970.
    pub(super) at: i64,
}

/// The request for one key, whoever asks.
struct Asked {
    /// What was signed: the text of the request.
    text: String,
    key: PublicKey,
    signature: Vec<u8>,
}

impl Bench<'_> {
    /// Judges a request and writes down what follows.
    ///
    /// # Errors
    /// The register or the authority cannot be used. A bad request is no error.
    pub(super) fn judge(&self, bytes: &[u8]) -> Result<Judged> {
        let Some(request) = CertificateRequest::read(bytes) else {
            return Ok(Judged::Refused(Problem::Malformed));
        };
        let Some(asked) = asked(&request) else {
            return Ok(Judged::Refused(Problem::Malformed));
        };
        match &request {
            CertificateRequest::Renewal { certificate, .. } => self.renewal(certificate, &asked),
            CertificateRequest::Enrolment { site, device, .. } => {
                self.enrolment(site, device, &asked)
            }
        }
    }

    fn renewal(&self, certificate: &BatchId, asked: &Asked) -> Result<Judged> {
        let Some(old) = self.register.by_digest(certificate.as_bytes())? else {
            return Ok(Judged::Refused(Problem::Signature));
        };
        let (Some(site), Some(key)) = (&old.site, key_of(&old)) else {
            return Ok(Judged::Refused(Problem::Signature));
        };
        if !renewal_is_signed(&key, asked.text.as_bytes(), &asked.signature) {
            return Ok(Judged::Refused(Problem::Signature));
        }
        if old.revoked.is_some() {
            return Ok(Judged::Refused(Problem::Revoked));
        }
        if let Some(next) = self.register.successor(&old.serial)? {
            return self.again(site, &old, next, asked);
        }
        if self.at < old.not_before + RENEWAL_LEAST_DAYS * DAY {
            return Ok(Judged::Refused(Problem::Early));
        }
        if self.at > old.not_after {
            if self.at > old.not_after + LATE_DAYS * DAY {
                return Ok(Judged::Refused(Problem::Late));
            }
            match self
                .register
                .late(&old.serial, asked.key.der_bytes(), self.at)?
            {
                Late::LetIn => {}
                Late::Waits => return Ok(Judged::Waiting),
                // Two hold the ended key. Neither is let in, and no other certificate is touched.
                Late::OtherKey => {
                    self.register.revoke(&old.serial, "cloned", self.at)?;
                    tracing::error!(%site, "two keys for one ended certificate");
                    return Ok(Judged::Refused(Problem::Cloned));
                }
            }
        }
        let device: DeviceName = parse(&old.name)?;
        let made = self.make((site, &device), asked, Some(old.serial))?;
        made.map_or(Ok(Judged::Refused(Problem::Policy)), |it| self.hand_out(it))
    }

    /// A request for a successor that exists: the same device that missed the answer, or a second
    /// one with a copy of the key. Which of the two is the true one cannot be told, so both stop.
    ///
    /// Once the certificate is over, its key may lie on any old disk, and the device has long gone
    /// on with the successor: whoever comes with it then is refused, and stops nobody.
    fn again(&self, site: &SiteId, old: &Issued, next: Issued, asked: &Asked) -> Result<Judged> {
        if next.revoked.is_some() {
            return Ok(Judged::Refused(Problem::Revoked));
        }
        if key_of(&next).as_deref() == Some(asked.key.der_bytes()) {
            return Ok(Judged::Issued(Box::new(next)));
        }
        if self.at > old.not_after {
            tracing::error!(%site, "the key of an ended certificate asks for another");
            return Ok(Judged::Refused(Problem::Late));
        }
        self.stop(site, "two keys for one certificate")
    }

    /// Takes back what the site has, certificates and codes: two hold what one should.
    fn stop(&self, site: &SiteId, why: &'static str) -> Result<Judged> {
        let stopped = self.register.revoke_site(site, "cloned", self.at)?;
        self.register.forget_codes(site)?;
        tracing::error!(%site, stopped, why, "cloned");
        Ok(Judged::Refused(Problem::Cloned))
    }

    fn enrolment(&self, site: &SiteId, device: &DeviceName, asked: &Asked) -> Result<Judged> {
        let Some((code, expires_at, used_by)) = self.register.code(site, device)? else {
            return Ok(Judged::Refused(Problem::Signature));
        };
        if !enrolment_is_signed(&code, asked.text.as_bytes(), &asked.signature) {
            return Ok(Judged::Refused(Problem::Signature));
        }
        if let Some(serial) = used_by {
            let made = self.register.by_serial(&serial)?;
            let same = made.filter(|it| key_of(it).as_deref() == Some(asked.key.der_bytes()));
            return match same {
                // The answer did not reach the device.
                Some(made) if made.revoked.is_none() => Ok(Judged::Issued(Box::new(made))),
                Some(_) => Ok(Judged::Refused(Problem::Code)),
                None if self.at > expires_at => Ok(Judged::Refused(Problem::Code)),
                // Somebody overheard it, and which of the two is the device cannot be told.
                None => self.stop(site, "two keys for one code"),
            };
        }
        if self.at > expires_at {
            return Ok(Judged::Refused(Problem::Code));
        }
        let Some(made) = self.make((site, device), asked, None)? else {
            return Ok(Judged::Refused(Problem::Policy));
        };
        // One device of a site at a time: the chain of its batches has one end.
        self.register.revoke_site(site, "superseded", self.at)?;
        let serial = made.serial.clone();
        let handed_out = self.hand_out(made)?;
        self.register.used(&code, &serial)?;
        Ok(handed_out)
    }

    /// Makes a certificate that stands nowhere yet; `None` where the policy allows none: the
    /// issuing authority is near its end.
    fn make(
        &self,
        (site, device): (&SiteId, &DeviceName),
        asked: &Asked,
        predecessor: Option<Vec<u8>>,
    ) -> Result<Option<Issued>> {
        let subject = Subject::Device(site, device);
        let made = self
            .authority
            .issue(&subject, &asked.key, predecessor, self.at);
        match made {
            Ok(issued) => Ok(Some(issued)),
            Err(failure) if failure.problem() == Problem::Policy => {
                tracing::error!(%site, %failure, "no certificate can be issued");
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    fn hand_out(&self, issued: Issued) -> Result<Judged> {
        self.register.add(&issued)?;
        let site = issued.site.as_ref().map_or("-", SiteId::as_str);
        tracing::info!(site, device = issued.name, "certificate issued");
        Ok(Judged::Issued(Box::new(issued)))
    }
}

/// The key that is asked for, proven by the request's own signature; `None` if it is none of ours.
fn asked(request: &CertificateRequest) -> Option<Asked> {
    let (CertificateRequest::Renewal { request: text, .. }
    | CertificateRequest::Enrolment { request: text, .. }) = request;
    let read = CertificateSigningRequestParams::from_pem(text).ok()?;
    // The library tells the curve from the signature's algorithm alone; an uncompressed point of
    // this curve has 65 bytes.
    let point = matches!(read.public_key.der_bytes(), [4, rest @ ..] if rest.len() == 64);
    let listed = *read.public_key.algorithm() == PKCS_ECDSA_P256_SHA256;
    (listed && point).then_some(Asked {
        text: text.clone(),
        key: read.public_key,
        signature: request.signature()?,
    })
}

/// The public key of an issued certificate.
fn key_of(issued: &Issued) -> Option<Vec<u8>> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(issued.pem.as_bytes()).ok()?;
    Some(Facts::of(&pem.contents)?.key)
}

fn parse(device: &str) -> Result<DeviceName> {
    device
        .parse()
        .map_err(|_| Failure::new(Problem::Register, "device"))
}
