//! The least that any server has to do: TLS with client certificates, bodies appended to files and
//! made durable before the answer, and nothing looked at.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_blocking;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What the command takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where to listen.
    #[arg(long)]
    listen: SocketAddr,
    /// Certificate with intermediates, PEM.
    #[arg(long)]
    certificate: PathBuf,
    /// Its key.
    #[arg(long)]
    private_key: PathBuf,
    /// The root of those who may connect.
    #[arg(long)]
    client_authority: PathBuf,
    /// The revocation list.
    #[arg(long)]
    revocations: Option<PathBuf>,
    /// Where bodies go.
    #[arg(long)]
    folder: PathBuf,
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// Serves.
pub(super) async fn serve(arguments: Arguments) -> Result<Value> {
    let acceptor = acceptor(&arguments)?;
    let listener = TcpListener::bind(arguments.listen).await?;
    let folder: Arc<Path> = arguments.folder.into();
    loop {
        let (stream, _) = listener.accept().await?;
        let (acceptor, folder) = (acceptor.clone(), Arc::clone(&folder));
        tokio::spawn(async move {
            // Whoever is at the other end sees how it ended.
            let _ = connection(stream, &acceptor, &folder).await;
        });
    }
}

fn acceptor(arguments: &Arguments) -> Result<TlsAcceptor> {
    let provider = Arc::new(default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&arguments.client_authority)?)?;
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let verifier = match &arguments.revocations {
        None => verifier,
        Some(list) => verifier
            .with_crls([CertificateRevocationListDer::from_pem_file(list)?])
            .only_check_end_entity_revocation()
            .enforce_revocation_expiration(),
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&arguments.certificate)?.collect();
    let key = PrivateKeyDer::from_pem_file(&arguments.private_key)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier.build()?)
        .with_single_cert(chain?, key)?;
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn connection(stream: TcpStream, acceptor: &TlsAcceptor, folder: &Path) -> Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut read = Vec::new();
    while let Some(head) = head(&mut stream, &mut read).await? {
        let body = body(&mut stream, &mut read, length(&head)?).await?;
        if !body.is_empty() {
            let file = folder.join(name(&head)?);
            spawn_blocking(move || append(&file, &body)).await??;
        }
        stream.write_all(ANSWER).await?;
        stream.flush().await?;
    }
    Ok(())
}

/// The next head; what was read beyond it stays.
async fn head(
    stream: &mut TlsStream<TcpStream>,
    read: &mut Vec<u8>,
) -> io::Result<Option<Vec<u8>>> {
    loop {
        let ends = read.windows(END_OF_HEAD.len());
        if let Some(end) = ends.into_iter().position(|window| window == END_OF_HEAD) {
            let rest = read.split_off(end + END_OF_HEAD.len());
            return Ok(Some(std::mem::replace(read, rest)));
        }
        if stream.read_buf(read).await? == 0 {
            return Ok(None);
        }
    }
}

async fn body(
    stream: &mut TlsStream<TcpStream>,
    read: &mut Vec<u8>,
    length: usize,
) -> io::Result<Vec<u8>> {
    let mut body = std::mem::take(read);
    body.reserve(length.saturating_sub(body.len()));
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    *read = body.split_off(length);
    Ok(body)
}

fn length(head: &[u8]) -> Result<usize> {
    let mut lines = std::str::from_utf8(head)?.lines();
    let length = lines.find_map(|line| line.strip_prefix("content-length: "));
    length.map_or(Ok(0), |length| Ok(length.parse()?))
}

/// The last part of the path.
fn name(head: &[u8]) -> Result<String> {
    let path = std::str::from_utf8(head)?.split(' ').nth(1);
    let name = path.and_then(|path| path.rsplit('/').next());
    Ok(name.context("a path")?.to_owned())
}

fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_name_the_file_and_the_length() {
        let head = b"PATCH /v1/batches/ab HTTP/1.1\r\nhost: x\r\ncontent-length: 12\r\n\r\n";
        assert_eq!(name(head).unwrap(), "ab");
        assert_eq!(length(head).unwrap(), 12);
        assert_eq!(length(b"GET / HTTP/1.1\r\n\r\n").unwrap(), 0);
    }
}
