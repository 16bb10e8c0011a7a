//! This device's certificate for connections: made here, asked for at the front, renewed by itself
//! (A-120, B-118). The key is made in the TPM, which it never leaves, or here where the settings
//! say so (B-115); in the files stands what the TPM has wrapped, or the key itself.
//!
//! Files in the folder `certificate` of the state, each whole or absent:
//!
//! | file | holds |
//! |---|---|
//! | `current.pem` | key and chain in use; without it, those that the settings name |
//! | `next.key` | the key that is asked for; there before the request, kept through refusals |
//! | `next.request` | the request as it was sent first, and is sent until there is an answer |
//! | `next.pem` | key and chain that were given, until a connection has proven them |
//! | `refused` | code and time of the last refusal |
//!
//! A stop at any point leaves a state from which the next run goes on: the authority gives the same
//! certificate for the same request again.
//!
//! Whoever has the front can withhold answers and invent them. So a chain is taken only if it is of
//! our own authority, one that no connection proves is asked for again, and after a refusal the
//! same key is asked for: a second one would look like a clone's to an authority that had said yes.

mod identity;
mod key;
mod line;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use config::gateway::{PrivateKey, Settings};
use envelope::{
    CertificateAnswer, CertificateRequest, DeviceName, EnrolmentCode, RENEWAL_DOMAIN, renewal_at,
    sha256,
};
use keys::Service;
use rcgen::{CertificateParams, DnType, PublicKeyData as _};
use record::BatchId;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use crate::error::{Failure, Problem};
use crate::spool::{private_folder, sync_folder, write_durably};
use crate::standing;

pub(crate) use self::identity::{Identity, certificates};
use self::key::{Maker, RequestKey};
use self::line::Front;
pub(crate) use self::line::reach;
use tpm::WrappedKey;

const CURRENT: &str = "current.pem";
const KEY: &str = "next.key";
const REQUEST: &str = "next.request";
const NEXT: &str = "next.pem";
const REFUSED: &str = "refused";
/// After a refusal the next request is made a day later.
const PAUSE_SECONDS: i64 = 86_400;
/// How often, and how many times, `enrol` asks whether the answer is there.
const ASK_EVERY: Duration = Duration::from_secs(5);
const ASK_TIMES: u32 = 60;

fn folder(settings: &Settings) -> PathBuf {
    settings.state.folder.join("certificate")
}

/// What a look after the certificate came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is good for a while yet.
    Good,
    /// The authority has not answered yet, or the answer has not been proven.
    Waiting,
    /// There is a new one.
    Renewed,
    /// The authority refused, with this code.
    Refused(String),
}

/// Whom the device talks to about its certificate.
pub(crate) trait Office {
    /// Brings a request to the authority, or asks about it again; `None` while it waits.
    fn ask(&mut self, request: &[u8]) -> Result<Option<CertificateAnswer>, Failure>;

    /// Whether a connection with these files, key and chain in one, is heard.
    fn prove(&mut self, pair: &Path) -> Result<bool, Failure>;
}

/// Renews the certificate when it is time, and goes on with what an earlier run began. What goes
/// wrong keeps no run from its work: there are weeks left, and each run tries again.
pub(crate) fn keep_up(settings: &Settings, at: i64) {
    let kept = Store::open(settings).and_then(|store| {
        let mut front = Front::new(settings, store.is_over(at));
        let asked = |since| standing::asks_for_renewal(settings, since);
        store.keep_up(at, asked, &mut front)
    });
    match kept {
        Ok(Kept::Good) => {}
        Ok(Kept::Waiting) => tracing::info!("certificate waits"),
        Ok(Kept::Renewed) => tracing::info!("certificate renewed"),
        Ok(Kept::Refused(code)) => tracing::error!(code, "certificate refused"),
        Err(failure) => {
            tracing::warn!(
                code = failure.problem().code(),
                "certificate not looked after"
            );
        }
    }
}

/// How the certificate of the line stands, for the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Since when it is good, in seconds since 1970.
    pub(crate) since: i64,
    /// When it ends, in seconds since 1970.
    pub(crate) until: i64,
    /// With which code the authority refused to renew it.
    pub(crate) refused: Option<String>,
    /// Whether its key is in the TPM, and not in a file.
    pub(crate) in_tpm: bool,
}

impl Standing {
    /// That of the certificate in use; `None` where there is none yet, or none that can be read.
    pub(crate) fn of(settings: &Settings) -> Option<Self> {
        let store = Store::of(settings);
        // Its key need not be readable here.
        let own = store.path(CURRENT);
        let given = store.given.as_ref().map(|[certificate, _]| certificate);
        let file = if own.exists() { &own } else { given? };
        let text = fs::read(file).map(Zeroizing::new).ok()?;
        let der = CertificateDer::from_pem_slice(&text).ok()?;
        let (_, parsed) = X509Certificate::from_der(&der).ok()?;
        let validity = parsed.validity();
        // What was refused before the present one was issued is over.
        let begun = validity.not_before.timestamp();
        let refused = store.refusal().ok()?.filter(|(_, at)| *at >= begun);
        Some(Self {
            since: begun,
            until: validity.not_after.timestamp(),
            refused: refused.map(|(code, _)| code),
            in_tpm: matches!(WrappedKey::from_pem(&text), Ok(Some(_))),
        })
    }

    /// Whether somebody has to see to it: it is refused, or renewing has failed for so long that
    /// little time is left.
    pub(crate) fn needs_somebody(&self, at: i64) -> bool {
        self.refused.is_some() || self.until - at < LITTLE_SECONDS
    }
}

/// Asks for the first certificate with a one-time code, and waits some minutes for the answer.
///
/// # Errors
/// The code is none, the front cannot be asked, or the authority refuses or has not answered.
pub(crate) fn enrol(settings: &Settings, device: &DeviceName, code: &str) -> Result<(), Failure> {
    let code: EnrolmentCode = code
        .parse()
        .map_err(|_| Failure::new(Problem::EnrolmentCode, ""))?;
    private_folder(&settings.state.folder)?;
    let store = Store::open(settings)?;
    store.ask_first(&settings.site, device, &code)?;
    let mut front = Front::new(settings, true);
    for _ in 0..ASK_TIMES {
        match store.go_on(crate::clock::unchecked(), &mut front)? {
            Some(Kept::Renewed | Kept::Good) => return Ok(()),
            Some(Kept::Refused(code)) => {
                return Err(Failure::new(Problem::CertificateRefused, code));
            }
            Some(Kept::Waiting) | None => std::thread::sleep(ASK_EVERY),
        }
    }
    Err(Failure::new(Problem::CertificateWaits, ""))
}

/// Renewal begins 30 days before the end; when so little is left, it has failed for two weeks.
const LITTLE_SECONDS: i64 = 14 * 86_400;

/// The files.
struct Store {
    folder: PathBuf,
    /// What the settings name, where they do: certificate and key.
    given: Option<[PathBuf; 2]>,
    /// Where the next key is made.
    maker: Maker,
    /// The socket of the service that uses keys in the TPM.
    service: PathBuf,
    /// Whose certificates the front hears.
    authority: PathBuf,
}

/// The certificate in use, and its key.
struct Current {
    digest: BatchId,
    serial: Vec<u8>,
    not_before: i64,
    not_after: i64,
    key: RequestKey,
}

impl Store {
    fn open(settings: &Settings) -> Result<Self, Failure> {
        private_folder(&folder(settings))?;
        Ok(Self::of(settings))
    }

    fn of(settings: &Settings) -> Self {
        let front = &settings.front;
        let (maker, key) = match &front.private_key {
            PrivateKey::Tpm => (Maker::Tpm(Service::at(&front.key_service)), None),
            PrivateKey::File(key) => (Maker::Software, Some(key)),
        };
        let given = front.certificate.as_ref().zip(key);
        Self {
            folder: folder(settings),
            given: given.map(|(certificate, key)| [certificate.clone(), key.clone()]),
            maker,
            service: front.key_service.clone(),
            authority: front.authority.clone(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// `asked` says whether a certificate that is good since then is to be renewed before its time.
    fn keep_up(
        &self,
        at: i64,
        asked: impl Fn(i64) -> bool,
        office: &mut dyn Office,
    ) -> Result<Kept, Failure> {
        if let Some(kept) = self.go_on(at, office)? {
            return Ok(kept);
        }
        let Some(current) = self.current()? else {
            return Ok(Kept::Good);
        };
        let due = at >= renewal_at(current.not_before, &current.serial);
        if !due && !asked(current.not_before) {
            return Ok(Kept::Good);
        }
        if let Some((code, when)) = self.refusal()?
            && at < when + PAUSE_SECONDS
        {
            return Ok(Kept::Refused(code));
        }
        self.ask_next(&current)?;
        Ok(self.go_on(at, office)?.unwrap_or(Kept::Waiting))
    }

    /// Goes on with what was begun; `None` when nothing was.
    fn go_on(&self, at: i64, office: &mut dyn Office) -> Result<Option<Kept>, Failure> {
        if !self.path(NEXT).exists() {
            let Some(request) = self.read(REQUEST)? else {
                return Ok(None);
            };
            match office.ask(&request)? {
                None | Some(CertificateAnswer::Waiting) => return Ok(Some(Kept::Waiting)),
                Some(CertificateAnswer::Refused { code }) => {
                    let line = format!("{code} {at}\n");
                    self.write(REFUSED, line.as_bytes())?;
                    self.remove(REQUEST)?;
                    return Ok(Some(Kept::Refused(code)));
                }
                Some(CertificateAnswer::Issued { chain }) => self.take(&chain, at)?,
            }
        }
        match office.prove(&self.path(NEXT)) {
            Ok(true) => {
                self.promote()?;
                Ok(Some(Kept::Renewed))
            }
            Ok(false) => self.remove(NEXT).map(|()| Some(Kept::Waiting)),
            Err(failure) => self.remove(NEXT).and(Err(failure)),
        }
    }

    /// Keeps what was given beside its key, if it is for that key and of our authority.
    fn take(&self, chain: &str, at: i64) -> Result<(), Failure> {
        let other = || Failure::new(Problem::CertificateRefused, "other key");
        self.verify(chain, at)?;
        let text = self.read(KEY)?.map(Zeroizing::new).ok_or_else(other)?;
        let key = RequestKey::from_pem(&text, &self.service).ok_or_else(other)?;
        let text = std::str::from_utf8(&text).map_err(|_| other())?;
        let leaf = CertificateDer::from_pem_slice(chain.as_bytes()).map_err(|_| other())?;
        let (_, leaf) = X509Certificate::from_der(&leaf).map_err(|_| other())?;
        if *leaf.public_key().subject_public_key.data != *key.der_bytes() {
            return Err(other());
        }
        let pair = Zeroizing::new(format!("{text}{chain}"));
        self.write(NEXT, pair.as_bytes())
    }

    /// Looks whether the authority that the settings name would be believed for this chain.
    fn verify(&self, chain: &str, at: i64) -> Result<(), Failure> {
        let foreign = || Failure::new(Problem::CertificateRefused, "other authority");
        let unusable = || Failure::new(Problem::Key, self.authority.display().to_string());
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_file_iter(&self.authority).map_err(|_| unusable())? {
            let root = root.map_err(|_| unusable())?;
            roots.add(root).map_err(|_| unusable())?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|_| unusable())?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain.as_bytes()).collect();
        let chain = chain.map_err(|_| foreign())?;
        let (leaf, above) = chain.split_first().ok_or_else(foreign)?;
        let seconds = u64::try_from(at).map_err(|_| foreign())?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        verifier
            .verify_client_cert(leaf, above, now)
            .map(drop)
            .map_err(|error| {
                Failure::because(Problem::CertificateRefused, "other authority", error)
            })
    }

    /// Takes the next pair into use. The request goes before its key.
    fn promote(&self) -> Result<(), Failure> {
        let renamed = fs::rename(self.path(NEXT), self.path(CURRENT));
        renamed
            .and_then(|()| sync_folder(&self.folder))
            .map_err(|error| self.failed(error))?;
        self.forget()?;
        self.remove(REFUSED)
    }

    fn forget(&self) -> Result<(), Failure> {
        self.remove(REQUEST)?;
        self.remove(KEY)
    }

    /// Asks for the successor of the certificate in use.
    fn ask_next(&self, current: &Current) -> Result<(), Failure> {
        let (next, request) = self.request("sekisho")?;
        let message = [RENEWAL_DOMAIN, request.as_bytes()].concat();
        let signature = current.key.succeeded_by(&next, &message)?;
        let asked = CertificateRequest::Renewal {
            certificate: current.digest,
            request,
            signature: CertificateRequest::signature_text(&signature),
        };
        self.write(REQUEST, &asked.to_bytes())
    }

    /// Asks for the first certificate. What was asked for before is given up.
    fn ask_first(
        &self,
        site: &record::SiteId,
        device: &DeviceName,
        code: &EnrolmentCode,
    ) -> Result<(), Failure> {
        self.remove(NEXT)?;
        self.forget()?;
        let (_, request) = self.request(device.as_str())?;
        let signature = code.sign(request.as_bytes()).map_err(internal)?;
        let asked = CertificateRequest::Enrolment {
            site: site.clone(),
            device: device.clone(),
            request,
            signature: CertificateRequest::signature_text(&signature),
        };
        self.write(REQUEST, &asked.to_bytes())
    }

    /// Makes the next key, unless there is one, and the request for it.
    fn request(&self, name: &str) -> Result<(RequestKey, String), Failure> {
        let kept = self.read(KEY)?.map(Zeroizing::new);
        let kept = kept.and_then(|text| RequestKey::from_pem(&text, &self.service));
        let key = kept.map_or_else(|| self.maker.make(), Ok)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let request = params.serialize_request(&key);
        let request = request.map_err(|error| key.failure(error))?;
        self.write(KEY, key.to_pem().as_bytes())?;
        Ok((key, request.pem().map_err(internal)?))
    }

    /// Whether there is no certificate that is valid at this moment.
    fn is_over(&self, at: i64) -> bool {
        let current = self.current();
        current.is_ok_and(|it| it.is_none_or(|it| at > it.not_after))
    }

    /// The certificate in use; `None` before the first.
    fn current(&self) -> Result<Option<Current>, Failure> {
        let own = self.path(CURRENT);
        let files = match own.exists() {
            true => Some([own.clone(), own]),
            false => self.given.clone(),
        };
        let Some([certificate, key]) = files else {
            return Ok(None);
        };
        if !certificate.exists() {
            return Ok(None);
        }
        let unusable = |path: &Path| Failure::new(Problem::Key, path.display().to_string());
        let der =
            CertificateDer::from_pem_file(&certificate).map_err(|_| unusable(&certificate))?;
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|_| unusable(&certificate))?;
        let text = fs::read(&key)
            .map(Zeroizing::new)
            .map_err(|_| unusable(&key))?;
        let pair = RequestKey::from_pem(&text, &self.service).ok_or_else(|| unusable(&key))?;
        let serial = parsed.raw_serial().iter().skip_while(|byte| **byte == 0);
        Ok(Some(Current {
            digest: BatchId::new(sha256(&der)),
            serial: serial.copied().collect(),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            key: pair,
        }))
    }

    fn refusal(&self) -> Result<Option<(String, i64)>, Failure> {
        let text = self.read(REFUSED)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let parts = text.trim().split_once(' ');
        Ok(parts.and_then(|(code, at)| Some((code.to_owned(), at.parse().ok()?))))
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        match fs::read(self.path(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        write_durably(&self.path(name), bytes).map_err(|error| self.failed(error))
    }

    fn remove(&self, name: &str) -> Result<(), Failure> {
        match fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.failed(error)),
            _ => sync_folder(&self.folder).map_err(|error| self.failed(error)),
        }
    }

    fn failed(&self, error: io::Error) -> Failure {
        Failure::storing(self.folder.display().to_string(), error)
    }
}

fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::because(Problem::Internal, "certificate", error)
}
