//! Somebody at a browser, without the browser: requests to the local page over TLS.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::time::SystemTime;

use ring::hmac;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

/// The name under which browsers call the page.
pub(crate) const NAME: &str = "sekisho.internal";
const PASSWORD: &str = "asagao to tsuyukusa";

/// Somebody with a session.
pub(crate) struct Browser {
    address: SocketAddr,
    cookie: String,
}

/// What came back: the head as text, and the body.
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What stands behind a mark, up to an end.
    fn behind(&self, mark: &str, end: char) -> String {
        let text = self.text();
        let (_, rest) = text.split_once(mark).unwrap_or_else(|| panic!("{text}"));
        rest.split(end).next().unwrap().to_owned()
    }
}

impl Browser {
    /// Makes an account at the console, signs in for the first time and again.
    pub(crate) fn sign_in(address: SocketAddr, account: &mut Command, name: &str) -> Self {
        let output = account.output().unwrap();
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told).into_owned();
        let code = told
            .lines()
            .find(|line| line.len() == 14 && line.is_ascii());
        let code = code.unwrap_or_else(|| panic!("{told}"));
        let mut browser = Self {
            address,
            cookie: String::new(),
        };
        let asked = browser.post("/first", &[("name", name), ("code", code)]);
        let sealed = asked.behind("name=\"sealed\" value=\"", '"');
        let secret = unbase32(&asked.behind("id=\"secret\">", '<'));
        let step = step() - 1;
        let done = [
            ("name", name),
            ("code", code),
            ("sealed", &sealed),
            ("password", PASSWORD),
            ("again", PASSWORD),
            ("shown", &totp(&secret, step)),
        ];
        let done = browser.post("/first/done", &done);
        assert!(
            done.text().contains("登録が終わりました"),
            "{}",
            done.text()
        );
        let code = totp(&secret, step + 1);
        let signed = [("name", name), ("password", PASSWORD), ("code", &code)];
        let signed = browser.post("/login", &signed);
        assert_eq!(signed.status(), 303, "{}", signed.text());
        let lines = signed.head.lines();
        let cookie = lines.filter_map(|line| line.split_once(": "));
        let cookie = cookie.into_iter().find(|(name, _)| *name == "set-cookie");
        let (cookie, _) = cookie.unwrap().1.split_once(';').unwrap();
        cookie.clone_into(&mut browser.cookie);
        browser
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\n"), "")
    }

    /// Sends a form, with the token of a page of this session.
    pub(crate) fn post_from(&self, page: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.get(page).behind("name=\"csrf\" value=\"", '"');
        let fields = [fields, &[("csrf", &*csrf)]].concat();
        self.post(path, &fields)
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let fields = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", escaped(value)));
        let form = fields.collect::<Vec<_>>().join("&");
        let port = self.address.port();
        let head = format!(
            "POST {path} HTTP/1.1\r\norigin: https://{NAME}:{port}\r\n\
             content-type: application/x-www-form-urlencoded\r\n"
        );
        self.send(&head, &form)
    }

    fn send(&self, head: &str, body: &str) -> Answer {
        let port = self.address.port();
        let request = format!(
            "{head}host: {NAME}:{port}\r\nuser-agent: a browser\r\ncookie: {}\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.cookie,
            body.len()
        );
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Whoever(provider)))
            .with_no_client_auth();
        let name = ServerName::try_from(NAME).unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(connection, TcpStream::connect(self.address).unwrap());
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // The page may close without the last word of TLS.
        let _ = stream.read_to_end(&mut answer);
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&answer)));
        let body = answer.split_off(end + 4);
        Answer {
            head: String::from_utf8(answer).unwrap(),
            body,
        }
    }
}

/// The page makes its own certificate; who it is is not what is tested here.
#[derive(Debug)]
struct Whoever(Arc<CryptoProvider>);

impl ServerCertVerifier for Whoever {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn escaped(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the code of an app is made of the real time"
)]
fn step() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap().as_secs() / 30
}

/// The code that an authenticator app shows (RFC 6238).
fn totp(secret: &[u8], step: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let offset = usize::from(tag.as_ref()[19] & 15);
    let four = &tag.as_ref()[offset..offset + 4];
    let number = four
        .iter()
        .fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

fn unbase32(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut held, mut bits) = (0_u32, 0);
    for letter in text.bytes().filter(|it| !it.is_ascii_whitespace()) {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            _ => letter - b'2' + 26,
        };
        held = held << 5 | u32::from(value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 255) as u8);
        }
    }
    bytes
}
