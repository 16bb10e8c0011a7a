//! A real front process on loopback, certificates made on the spot, and a client that says exactly
//! the bytes it is told to.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use envelope::{CoreSecretKey, ManifestDraft, Sealed, SigningKey, TransportProfile, seal};
use jiff::Timestamp;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use privacy::gate::{ConsentMode, ContractKind, GateEvidence, Products};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, IsCa, Issuer,
    KeyIdMethod, KeyPair, SanType, SerialNumber, date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

const DAY: Duration = Duration::from_secs(86_400);
/// Long enough for a loaded machine; nothing is asserted about time.
const PATIENCE: Duration = Duration::from_secs(60);

/// An authority that issues certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) certificate: rcgen::Certificate,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            certificate,
        }
    }

    fn issue(&self, name: SanType, days: u64) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![name];
        let now = u64::try_from(Timestamp::now().as_second()).unwrap();
        let now = Duration::from_secs(now);
        params.not_before = date_time_ymd(1970, 1, 1) + (now - DAY);
        params.not_after = date_time_ymd(1970, 1, 1) + (now - DAY + DAY * days as u32);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// A revocation list that names nobody.
    fn list(&self) -> String {
        let now = u64::try_from(Timestamp::now().as_second()).unwrap();
        let now = date_time_ymd(1970, 1, 1) + Duration::from_secs(now);
        let list = CertificateRevocationListParams {
            this_update: now - DAY,
            next_update: now + DAY,
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }

    /// A device certificate with this URI.
    pub(crate) fn device(&self, uri: &str) -> Device {
        self.device_for(uri, 90)
    }

    /// The same, for so many days.
    pub(crate) fn device_for(&self, uri: &str, days: u64) -> Device {
        let (certificate, key) = self.issue(SanType::URI(uri.try_into().unwrap()), days);
        Device {
            chain: vec![certificate.der().clone()],
            key: key.serialize_der(),
        }
    }
}

/// What a device proves itself with.
pub(crate) struct Device {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: Vec<u8>,
}

/// Folders, keys and settings of one front.
pub(crate) struct World {
    root: TempDir,
    pub(crate) authority: Authority,
}

impl World {
    /// Folders and files for a front with these extra lines of limits.
    pub(crate) fn new(limits: &str) -> Self {
        let world = Self {
            root: tempfile::tempdir().unwrap(),
            authority: Authority::new(),
        };
        for folder in ["inbox", "staging", "receipts", "told"] {
            fs::create_dir(world.path(folder)).unwrap();
        }
        let (certificate, key) = world
            .authority
            .issue(SanType::DnsName("front.test".try_into().unwrap()), 90);
        for (name, text) in [
            ("authority.pem", world.authority.certificate.pem()),
            ("front.pem", certificate.pem()),
            ("front.key", key.serialize_pem()),
            ("receipt.key", receipt_key().to_text().to_string()),
            ("front.toml", world.settings(limits)),
            ("told/devices.crl", world.authority.list()),
        ] {
            fs::write(world.path(name), text).unwrap();
        }
        world
    }

    pub(crate) fn settings(&self, limits: &str) -> String {
        let root = self.root.path().display();
        format!(
            r#"
                name = "front-1"
                listen = "127.0.0.1:0"
                [folders]
                inbox = "{root}/inbox"
                staging = "{root}/staging"
                receipts = "{root}/receipts"
                [tls]
                certificate = "{root}/front.pem"
                private_key = "{root}/front.key"
                client_authority = "{root}/authority.pem"
                revocations = "{root}/told/devices.crl"
                [keys]
                receipt = "{root}/receipt.key"
                [limits]
                {limits}
            "#
        )
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let names = fs::read_dir(self.path(folder)).unwrap();
        names
            .map(|name| name.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    /// Starts another front on the same folders.
    pub(crate) fn start_second(&self) -> Front {
        let settings = fs::read_to_string(self.path("front.toml")).unwrap();
        let second = settings.replace("\"front-1\"", "\"front-2\"");
        fs::write(self.path("front-2.toml"), second).unwrap();
        self.start_with("front-2.toml")
    }

    /// Starts the front and waits until it says that it is ready.
    pub(crate) fn start(&self) -> Front {
        self.start_with("front.toml")
    }

    fn start_with(&self, settings: &str) -> Front {
        let mut process = Command::new(env!("CARGO_BIN_EXE_sekisho-collector"))
            .args(["front", "--config"])
            .arg(self.path(settings))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut log = Vec::new();
        let address = loop {
            let Some(Ok(line)) = lines.next() else {
                panic!("the front ended: {log:#?}")
            };
            log.push(line);
            let Ok(event) = serde_json::from_str::<serde_json::Value>(log.last().unwrap()) else {
                continue;
            };
            if event["fields"]["message"] == "ready" {
                break event["fields"]["address"]
                    .as_str()
                    .unwrap()
                    .parse()
                    .unwrap();
            }
        };
        let log = std::thread::spawn(move || {
            log.extend(lines.map_while(Result::ok));
            log
        });
        Front {
            process,
            address,
            log: Some(log),
        }
    }

    /// A connection by a device of the site.
    pub(crate) fn connect(&self, front: &Front, site: &str) -> Connection {
        let device = self.authority.device(&format!("urn:sekisho:site:{site}"));
        self.connect_as(front, Some(&device)).unwrap()
    }

    /// A connection by any device, or by one without a certificate.
    pub(crate) fn connect_as(
        &self,
        front: &Front,
        device: Option<&Device>,
    ) -> io::Result<Connection> {
        self.connect_to(front.address, device)
    }

    /// A connection to an address of the front's.
    pub(crate) fn connect_to(
        &self,
        address: SocketAddr,
        device: Option<&Device>,
    ) -> io::Result<Connection> {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_file(self.path("authority.pem")).unwrap();
        roots.add(root).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots);
        let config = match device {
            None => builder.with_no_client_auth(),
            Some(Device { chain, key }) => {
                let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.clone()));
                builder.with_client_auth_cert(chain.clone(), key).unwrap()
            }
        };
        let name = "front.test".try_into().unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut stream = StreamOwned::new(tls, stream);
        // Ends the handshake, so that later errors are those of requests.
        stream.flush()?;
        Ok(Connection { stream })
    }
}

/// A running front. It is killed when dropped.
pub(crate) struct Front {
    process: Child,
    pub(crate) address: SocketAddr,
    log: Option<JoinHandle<Vec<String>>>,
}

impl Front {
    /// Ends the process as a power cut would.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks the process to end, as the service manager does, and gives its log.
    pub(crate) fn terminate(mut self) -> (ExitStatus, Vec<String>) {
        let id = i32::try_from(self.process.id()).unwrap();
        kill(Pid::from_raw(id), Signal::SIGTERM).unwrap();
        let status = self.process.wait().unwrap();
        (status, self.log.take().unwrap().join().unwrap())
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An answer of the front.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .into_iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub(crate) fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// One TLS connection to the front.
pub(crate) struct Connection {
    stream: StreamOwned<ClientConnection, TcpStream>,
}

impl Connection {
    /// Sends bytes as they are.
    pub(crate) fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Reads one answer.
    pub(crate) fn hear(&mut self) -> io::Result<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte)?;
            head.extend(byte);
        }
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer {
            status,
            head,
            body: Vec::new(),
        };
        let length = answer
            .header("content-length")
            .map_or(0, |value| value.parse().unwrap());
        answer.body = vec![0; length];
        self.stream.read_exact(&mut answer.body)?;
        Ok(answer)
    }

    pub(crate) fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.say(format!("GET {path} HTTP/1.1\r\nhost: front\r\n\r\n").as_bytes())?;
        self.hear()
    }

    pub(crate) fn state(&mut self, batch: &Sealed) -> Answer {
        self.get(&format!("/v1/batches/{}", batch.id)).unwrap()
    }

    /// Sends the part of the batch from one offset to another.
    pub(crate) fn put(&mut self, batch: &Sealed, from: usize, to: usize) -> Answer {
        let part = &batch.bytes[from..to];
        self.say(patch_head(batch, from, part).as_bytes()).unwrap();
        self.say(part).unwrap();
        self.hear().unwrap()
    }
}

/// The head of the request that sends a part.
pub(crate) fn patch_head(batch: &Sealed, offset: usize, part: &[u8]) -> String {
    let digest: String = envelope::sha256(&batch.bytes[..offset + part.len()])
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    format!(
        "PATCH /v1/batches/{} HTTP/1.1\r\nhost: front\r\nupload-offset: {offset}\r\n\
         upload-length: {}\r\nsekisho-upload-sha256: {digest}\r\ncontent-length: {}\r\n\r\n",
        batch.id,
        batch.bytes.len(),
        part.len()
    )
}

pub(crate) fn receipt_key() -> SigningKey {
    SigningKey::from_seed([1; 32]).unwrap()
}

/// A sealed batch of a site.
pub(crate) fn batch(site: &str, sequence: u64) -> Sealed {
    let draft = ManifestDraft {
        site: site.parse().unwrap(),
        sequence,
        previous: None,
        sealed_at: 0,
        gate: GateEvidence {
            contract: "K-1".parse().unwrap(),
            contract_kind: ContractKind::Individual,
            products: Products::ALL,
            mode: ConsentMode::OptOut,
            filing: "F-1".parse().unwrap(),
            filed_on: "2026-01-01".parse().unwrap(),
            hold_days: 30,
            as_of: "2026-06-01".parse().unwrap(),
            ledger: [0; 32],
            ledger_entries: 0,
            documents: Default::default(),
            withheld: Default::default(),
            documents_left_out: 0,
            persons_notified: 0,
            persons_stopped: 0,
            taken_back: 0,
        },
        transport: TransportProfile::Laboratory,
        mapping: 1,
        quality: Default::default(),
        transfers: None,
    };
    let core = CoreSecretKey::from_seed([2; 32]).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(sequence);
    seal(draft, Vec::new(), core.public(), &receipt_key(), &mut rng).unwrap()
}
