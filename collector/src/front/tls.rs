//! TLS 1.3 with client certificates of one authority, within the policy of certificates, and not on
//! the revocation list, which is read again when its file changes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use envelope::CertificateRole;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig,
    SignatureScheme,
};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::front::settings::Tls;
use crate::front::start::{Problem, StartError};
use crate::front::told::Told;
use crate::x509::{Facts, serial};

/// Most bytes of a revocation list: some 300,000 certificates.
const LIST_BYTES_MAX: u64 = 16 << 20;

/// Serial numbers of certificates that were taken back.
pub(crate) type Revoked = Arc<BTreeSet<Vec<u8>>>;

/// How connections are secured, and who is heard.
pub(crate) struct Gate {
    /// Ends handshakes.
    pub(crate) acceptor: TlsAcceptor,
    clients: Option<Arc<Clients>>,
}

impl Gate {
    /// Reads certificates and keys. TLS 1.2 is not compiled in (B-081).
    ///
    /// # Errors
    /// A file cannot be read or used.
    pub(crate) fn open(files: &Tls) -> Result<Self, StartError> {
        let clients = Arc::new(Clients::new(files)?);
        let verifier = Arc::clone(&clients) as Arc<dyn ClientCertVerifier>;
        Ok(Self {
            acceptor: acceptor(files, Some(verifier))?,
            clients: Some(clients),
        })
    }

    /// The same for whoever has no certificate yet: nobody is asked for one.
    ///
    /// # Errors
    /// A file cannot be read or used.
    pub(crate) fn without_clients(files: &Tls) -> Result<Self, StartError> {
        Ok(Self {
            acceptor: acceptor(files, None)?,
            clients: None,
        })
    }

    /// Reads the revocation list again if its file changed.
    pub(crate) fn look(&self) {
        if let Some(clients) = &self.clients {
            clients.look();
        }
    }

    /// What is revoked, now and later.
    pub(crate) fn revoked(&self) -> watch::Receiver<Revoked> {
        match &self.clients {
            Some(clients) => clients.revoked.subscribe(),
            // Nobody has a certificate, and the sender that is gone tells of none.
            None => watch::channel(Revoked::default()).1,
        }
    }
}

fn acceptor(
    files: &Tls,
    clients: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<TlsAcceptor, StartError> {
    let unusable = |error: &dyn ToString| StartError::new(Problem::Certificate, error.to_string());
    let key = PrivateKeyDer::from_pem_file(&files.private_key)
        .map_err(|_| StartError::new(Problem::Certificate, files.private_key.display()))?;
    let chain = certificates(&files.certificate)?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| unusable(&error))?;
    let mut config = match clients {
        Some(clients) => builder.with_client_cert_verifier(clients),
        None => builder.with_no_client_auth(),
    }
    .with_single_cert(chain, key)
    .map_err(|error| unusable(&error))?;
    // No resumption: every connection proves its certificate anew.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Who may connect.
#[derive(Debug)]
struct Clients {
    roots: Arc<RootCertStore>,
    hints: Vec<DistinguishedName>,
    verifier: RwLock<Arc<dyn ClientCertVerifier>>,
    list: Told,
    numbers: RwLock<BTreeMap<Vec<u8>, Vec<u8>>>,
    revoked: watch::Sender<Revoked>,
}

/// Revocation lists of one file.
#[derive(Default)]
struct Lists {
    der: Vec<CertificateRevocationListDer<'static>>,
    revoked: BTreeSet<Vec<u8>>,
    /// The number of the list of each authority.
    numbers: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Clients {
    fn new(files: &Tls) -> Result<Self, StartError> {
        let unusable =
            |error: &dyn ToString| StartError::new(Problem::Certificate, error.to_string());
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&files.client_authority)? {
            roots.add(certificate).map_err(|error| unusable(&error))?;
        }
        let roots = Arc::new(roots);
        let list = Told::new(&files.revocations, LIST_BYTES_MAX);
        let path = list.path().display().to_string();
        let bytes = list.first().ok_or_else(|| unusable(&path))?;
        let lists = Lists::read(&bytes).ok_or_else(|| unusable(&path))?;
        let verifier = verifier(&roots, &lists).map_err(|error| unusable(&error))?;
        Ok(Self {
            hints: verifier.root_hint_subjects().to_vec(),
            roots,
            verifier: RwLock::new(verifier),
            list,
            numbers: RwLock::new(lists.numbers),
            revoked: watch::Sender::new(Arc::new(lists.revoked)),
        })
    }

    /// Takes a new list into use. One that cannot be read, or is older than the one in use, changes
    /// nothing; when the one in use ends, nobody is heard any more.
    fn look(&self) {
        let Some(bytes) = self.list.changed() else {
            return;
        };
        let Some(lists) = Lists::read(&bytes) else {
            return tracing::error!("the revocation list cannot be read");
        };
        let mut numbers = self.numbers.write().unwrap_or_else(PoisonError::into_inner);
        let older = |(authority, number): (&Vec<u8>, &Vec<u8>)| {
            lists
                .numbers
                .get(authority)
                .is_none_or(|it| (it.len(), it) < (number.len(), number))
        };
        if numbers.iter().any(older) {
            return tracing::error!("the revocation list is older than the one in use");
        }
        let made = match verifier(&self.roots, &lists) {
            Ok(made) => made,
            Err(error) => return tracing::error!(%error, "the revocation list cannot be used"),
        };
        *self
            .verifier
            .write()
            .unwrap_or_else(PoisonError::into_inner) = made;
        *numbers = lists.numbers;
        tracing::info!(revoked = lists.revoked.len(), "revocation list taken");
        self.revoked.send_replace(Arc::new(lists.revoked));
    }

    fn verifier(&self) -> Arc<dyn ClientCertVerifier> {
        let current = self.verifier.read();
        Arc::clone(&current.unwrap_or_else(PoisonError::into_inner))
    }
}

impl Lists {
    /// Reads the lists of a file in PEM; `None` if there is none, or one is none.
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut lists = Self::default();
        for der in CertificateRevocationListDer::pem_slice_iter(bytes) {
            let der = der.ok()?;
            let (_, list) = CertificateRevocationList::from_der(&der).ok()?;
            let number = list.crl_number()?.to_bytes_be();
            let entries = list.iter_revoked_certificates();
            lists
                .revoked
                .extend(entries.map(|entry| serial(entry.raw_serial())));
            lists
                .numbers
                .insert(list.issuer().as_raw().to_vec(), number);
            lists.der.push(der);
        }
        (!lists.der.is_empty()).then_some(lists)
    }
}

fn verifier(
    roots: &Arc<RootCertStore>,
    lists: &Lists,
) -> Result<Arc<dyn ClientCertVerifier>, Box<dyn std::error::Error + Send + Sync>> {
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), provider());
    Ok(builder
        .with_crls(lists.der.clone())
        .only_check_end_entity_revocation()
        .enforce_revocation_expiration()
        .build()?)
}

impl ClientCertVerifier for Clients {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self
            .verifier()
            .verify_client_cert(end_entity, intermediates, now)?;
        // B-111: what the authority should not have issued is not heard either.
        let allowed = Facts::of(end_entity).map(|facts| facts.check(CertificateRole::Device));
        match allowed {
            Some(Ok(())) => Ok(verified),
            _ => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier().verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier().verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier().supported_verify_schemes()
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, StartError> {
    let unusable = || StartError::new(Problem::Certificate, path.display());
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .map_err(|_| unusable())?
        .collect();
    read.ok()
        .filter(|certificates| !certificates.is_empty())
        .ok_or_else(unusable)
}
