//! The key service with a real TPM in software (swtpm): what it makes, what it signs and what
//! neither it nor the TPM ever does (B-115).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod export;

use std::cell::RefCell;
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;

use harness::tpm::{KeyService, Tpm};
use keys::{Kind, Service};
use rcgen::{CertificateParams, KeyPair, PublicKeyData, SigningKey};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use tempfile::TempDir;
use tpm::{RENEWAL_DOMAIN, WrappedKey};

struct Board {
    tpm: Tpm,
    service: Service,
    _running: KeyService,
    _folder: TempDir,
}

impl Board {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tpm = Tpm::new(&folder.path().join("chip")).unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_sekisho-keys"));
        let socket = folder.path().join("keys");
        Self {
            _running: KeyService::start(program, &tpm.socket(), &socket).unwrap(),
            service: Service::at(&socket),
            tpm,
            _folder: folder,
        }
    }

    fn sign(&self, key: &WrappedKey, message: &[u8]) -> Result<Vec<u8>, Kind> {
        self.service.sign(key, message).map_err(|it| it.kind)
    }
}

/// A key of whose signatures only the message is kept.
struct Noting<'a>(&'a [u8], RefCell<Vec<u8>>);

impl PublicKeyData for Noting<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for Noting<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.1.replace(message.to_vec());
        Ok(vec![0; 64])
    }
}

/// What is signed of a request for a certificate, or of a certificate that a key makes for itself.
fn to_be_signed(key: &WrappedKey, certificate: bool) -> Vec<u8> {
    let noting = Noting(key.point(), RefCell::default());
    let params = CertificateParams::default();
    match certificate {
        true => drop(params.self_signed(&noting).unwrap()),
        false => drop(params.serialize_request(&noting).unwrap()),
    }
    noting.1.into_inner()
}

/// What is signed to name a key as the successor.
fn word_for(point: &[u8]) -> Vec<u8> {
    let request =
        CertificateParams::default().serialize_request(&Noting(point, RefCell::default()));
    let request = request.unwrap().pem().unwrap();
    [RENEWAL_DOMAIN, request.as_bytes()].concat()
}

/// The same with a request for the second key behind the first.
fn two_words(first: &[u8], second: &[u8]) -> Vec<u8> {
    let second = word_for(second).split_off(RENEWAL_DOMAIN.len());
    let first = String::from_utf8(word_for(first)).unwrap();
    // A reader who looks for requests alone would pass over the first.
    let first = first.replace("CERTIFICATE REQUEST", "CERTIFICATE");
    [first.into_bytes(), second].concat()
}

fn connection(side: &str, hash: usize) -> Vec<u8> {
    let context = format!("{}TLS 1.3, {side} CertificateVerify\0", " ".repeat(64));
    [context.as_bytes(), &vec![7; hash]].concat()
}

fn holds(key: &WrappedKey, message: &[u8], signature: &[u8]) -> bool {
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.point());
    public.verify(message, signature).is_ok()
}

/// A TPM has room for three loaded keys, and nobody here but the service gives them up.
#[test]
fn what_a_device_says_is_signed_in_the_tpm_as_often_as_needed() {
    let board = Board::new();
    let key = board.service.make().unwrap();
    for _ in 0..3 {
        for message in [
            connection("client", 32),
            connection("client", 48),
            to_be_signed(&key, false),
        ] {
            let signature = board.sign(&key, &message).unwrap();
            assert!(holds(&key, &message, &signature));
        }
        let next = board.service.make().unwrap();
        assert_ne!(next, key);
        let word = word_for(next.point());
        let signature = board.service.succeed(&key, &next, &word).unwrap();
        assert!(holds(&key, &word, &signature));
    }
}

/// B-115: who can ask the service has nothing signed but what a device says.
#[test]
fn nothing_else_is_signed_whoever_asks() {
    let board = Board::new();
    let [key, other] = [(); 2].map(|()| board.service.make().unwrap());
    for (what, message) in [
        ("nothing", Vec::new()),
        ("a text", b"pay 100".to_vec()),
        ("a digest", vec![7; 32]),
        ("the side of a server", connection("server", 32)),
        ("another length of hash", connection("client", 33)),
        ("a certificate", to_be_signed(&key, true)),
        ("the request of another key", to_be_signed(&other, false)),
        (
            "more after a request",
            [to_be_signed(&key, false), vec![0]].concat(),
        ),
        ("a domain alone", RENEWAL_DOMAIN.to_vec()),
        ("the word for a successor, unseen", word_for(other.point())),
    ] {
        assert_eq!(board.sign(&key, &message), Err(Kind::Purpose), "{what}");
    }
    let clear = KeyPair::generate().unwrap();
    for (what, word) in [
        ("a key in clear", word_for(clear.der_bytes())),
        ("another successor", word_for(key.point())),
        (
            "two successors",
            two_words(other.point(), clear.der_bytes()),
        ),
        ("a connection", connection("client", 32)),
    ] {
        let told = board.service.succeed(&key, &other, &word);
        assert_eq!(told.map_err(|it| it.kind), Err(Kind::Purpose), "{what}");
    }
    let long = board.sign(&key, &vec![0x20; 9000]);
    assert_eq!(long, Err(Kind::Question));
}

/// B-115: after the owner has cleared the TPM, and on another board, the file is worth nothing; the
/// service says so, and a new key works.
#[test]
fn a_cleared_tpm_and_another_board_refuse_the_key() {
    let (board, other) = (Board::new(), Board::new());
    let [key, next] = [&board, &other].map(|it| it.service.make().unwrap());
    // A key follows only one that is in the same TPM.
    let word = word_for(next.point());
    let told = board.service.succeed(&key, &next, &word);
    assert_eq!(told.map_err(|it| it.kind), Err(Kind::Foreign));
    let message = connection("client", 32);
    assert!(board.sign(&key, &message).is_ok());
    assert_eq!(other.sign(&key, &message), Err(Kind::Foreign));
    board.tpm.clear().unwrap();
    assert_eq!(board.sign(&key, &message), Err(Kind::Foreign));
    let new = board.service.make().unwrap();
    let signature = board.sign(&new, &message).unwrap();
    assert!(holds(&new, &message, &signature));
}

#[test]
fn the_key_is_there_again_after_the_power_was_off() {
    let mut board = Board::new();
    let key = board.service.make().unwrap();
    let message = connection("client", 32);
    board.tpm.turn_off().unwrap();
    assert_eq!(board.sign(&key, &message), Err(Kind::Away));
    board.tpm.turn_on().unwrap();
    assert!(board.sign(&key, &message).is_ok());
}

/// Each byte of the file in turn is another: none is a key, and none hurts the service.
#[test]
fn a_damaged_key_is_refused_and_the_service_lives_on() {
    let board = Board::new();
    let key = board.service.make().unwrap();
    let message = connection("client", 32);
    let whole = key.to_der();
    let mut reached = 0;
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        if let Ok(damaged) = WrappedKey::from_der(&damaged) {
            reached += 1;
            let told = board.sign(&damaged, &message);
            assert_eq!(told, Err(Kind::Foreign), "{place}");
        }
    }
    // The point and the sealed part come as far as the TPM.
    assert!(reached > 100, "{reached}");
    assert!(board.sign(&key, &message).is_ok());
}

#[test]
fn a_silent_tpm_a_missing_one_and_a_missing_service_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("keys");
    let told = || Service::at(&socket).make().unwrap_err().kind;
    assert_eq!(told(), Kind::Service);
    let chip = folder.path().join("chip");
    let listener = UnixListener::bind(&chip).unwrap();
    // It hangs up at each call.
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let program = Path::new(env!("CARGO_BIN_EXE_sekisho-keys"));
    let _running = KeyService::start(program, &chip, &socket).unwrap();
    assert_eq!(told(), Kind::Silent);
    fs::remove_file(&chip).unwrap();
    assert_eq!(told(), Kind::Away);
}

/// The shape is that of other programs' keys; a key in clear is none of it.
#[test]
fn a_key_in_clear_is_no_wrapped_key() {
    let clear = KeyPair::generate().unwrap().serialize_pem();
    assert_eq!(WrappedKey::from_pem(clear.as_bytes()), Ok(None));
    let named = clear.replace("PRIVATE KEY", "TSS2 PRIVATE KEY");
    assert!(WrappedKey::from_pem(named.as_bytes()).is_err());
}
