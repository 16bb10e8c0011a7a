//! A broker that has the right certificate and says anything.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use control::Outcome;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::desk::{DEVICE, Scene};

const CONNACK: &[u8] = &[0x20, 2, 0, 0];
const SUBACK: &[u8] = &[0x90, 3, 0, 1, 1];

/// What it says after the greeting.
fn lies() -> Vec<Vec<u8>> {
    let noise: Vec<u8> = (0..4_096_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    vec![
        noise,
        // A packet that says it has 256 MiB.
        vec![0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, b'x'],
        // Acknowledgements of what nobody sent.
        [0x40, 2, 0xff, 0xff].repeat(100),
        [0x40, 2, 0, 1].repeat(100),
        vec![0x20, 2, 0, 5],
        // A topic longer than its packet.
        vec![0x32, 5, 0xff, 0xff, b'a', b'b', b'c'],
        // Everything of a client's that a broker never says.
        vec![0x10, 0, 0x82, 0, 0xe0, 0, 0xc0, 0],
        Vec::new(),
    ]
}

/// An order of the broker's own making, told as one that it kept.
fn forged(topic: &str, number: u16) -> Vec<u8> {
    let payload = [b"SEKISHD\x01\x01".as_slice(), &[7; 200]].concat();
    let mut body = u16::try_from(topic.len()).unwrap().to_be_bytes().to_vec();
    body.extend_from_slice(topic.as_bytes());
    body.extend_from_slice(&number.to_be_bytes());
    body.extend_from_slice(&payload);
    let length = body.len();
    let head = [0x33, (length % 128) as u8 | 0x80, (length / 128) as u8];
    [&head[..], &body].concat()
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, turn: usize) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut line = StreamOwned::new(connection, stream);
    let mut greeting = [0; 512];
    let _ = line.read(&mut greeting)?;
    line.write_all(CONNACK)?;
    let lies = lies();
    match lies.get(turn) {
        Some(lie) => line.write_all(lie)?,
        None => {
            line.write_all(SUBACK)?;
            let topic = format!("sekisho/1/{DEVICE}/orders");
            // As many as there are told to be kept for us, each acknowledged or not.
            for number in 0..1_000_000_u32 {
                line.write_all(&forged(&topic, (number % 60_000) as u16 + 1))?;
            }
        }
    }
    line.flush()?;
    sleep(Duration::from_millis(200));
    Ok(())
}

/// Whatever it says, the device goes on, in little memory, does nothing of it, and obeys the centre
/// when the real broker is back.
#[test]
fn a_broker_that_lies_is_survived() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::new(folder.path());
    scene.broker.stop();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = CertificateDer::pem_file_iter(scene.path("broker.pem")).unwrap();
    let chain: Vec<_> = chain.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(scene.path("broker.key")).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind(scene.broker.address).unwrap();
    let served = Arc::new(AtomicU32::new(0));
    let turns = lies().len() + 1;
    let count = Arc::clone(&served);
    let liar = spawn(move || {
        for turn in 0..turns {
            let (stream, _) = listener.accept().unwrap();
            // A device that hangs up in the middle is what we hope for.
            let _ = serve(stream, Arc::clone(&config), turn);
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    let mut control = scene.start();
    let deadline = Instant::now() + Duration::from_secs(300);
    while !liar.is_finished() {
        assert!(
            Instant::now() < deadline,
            "{}",
            served.load(Ordering::SeqCst)
        );
        assert!(control.ended().unwrap().is_none(), "the program ended");
        sleep(Duration::from_millis(200));
    }
    liar.join().unwrap();
    scene.broker.start();
    scene.broker.wait_for("/presence", |told| !told.is_empty());
    scene.order(&["quarantine"], &["one"]);
    assert_eq!(scene.answers(1), [Outcome::Done]);
    let peak = control.peak_memory_bytes() >> 20;
    assert!(peak <= 32, "{peak} MiB");
}
