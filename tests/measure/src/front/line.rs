//! Connections to a server: bare ones that carry one fixed request, and ones for any request.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Request;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use record::BatchId;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use transfer::Answer;

use crate::front::fleet::Device;

/// Largest answer.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Asks whether the server is there.
const HEALTH: &[u8] = b"GET /v1/health HTTP/1.1\r\nhost: front\r\n\r\n";
const WELL: &[u8] = b"HTTP/1.1 200";

/// Opens a connection and proves both sides.
pub(super) async fn secure(address: SocketAddr, device: &Device) -> Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let secured = device.connector.connect(device.name.clone(), stream);
    Ok(secured.await?)
}

/// Asks whether the server is well: it has then accepted the certificate.
pub(super) async fn health(stream: &mut TlsStream<TcpStream>) -> Result<()> {
    stream.write_all(HEALTH).await?;
    stream.flush().await?;
    let mut answer = [0; 1024];
    let read = stream.read(&mut answer).await?;
    let answer = answer.get(..read).unwrap_or_default();
    ensure!(answer.starts_with(WELL), "the server is not well");
    Ok(())
}

/// A connection for requests one after another.
pub(super) struct Line {
    sender: SendRequest<Full<Bytes>>,
}

impl Line {
    /// Opens one.
    pub(super) async fn open(address: SocketAddr, device: &Device) -> Result<Self> {
        let stream = TokioIo::new(secure(address, device).await?);
        let (sender, driver) = handshake(stream).await?;
        tokio::spawn(async move {
            // How the connection ended is seen by the request that it breaks.
            let _ = driver.await;
        });
        Ok(Self { sender })
    }

    /// Sends one request and reads the whole answer.
    pub(super) async fn ask(&mut self, request: Request<Full<Bytes>>) -> Result<Answer> {
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let (head, body) = response.into_parts();
        let header = |name: &str| head.headers.get(name)?.to_str().ok();
        let retry_after = header("retry-after").and_then(|seconds| seconds.parse().ok());
        let mut answer = Answer {
            status: head.status.as_u16(),
            offset: header("upload-offset").and_then(|offset| offset.parse().ok()),
            stored: header("sekisho-state") == Some("stored"),
            retry_after: retry_after.map(Duration::from_secs),
            ..Answer::default()
        };
        answer.body = whole(body).await?;
        if !head.status.is_success() {
            answer.code = code(&answer.body).unwrap_or_default();
        }
        Ok(answer)
    }
}

async fn whole(body: Incoming) -> Result<Vec<u8>> {
    let whole = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
    let whole = whole.map_err(|error| anyhow::anyhow!(error))?;
    Ok(whole.to_bytes().to_vec())
}

fn code(body: &[u8]) -> Option<String> {
    let refusal: Value = serde_json::from_slice(body).ok()?;
    Some(refusal.get("code")?.as_str()?.to_owned())
}

/// Asks for something without a body.
pub(super) fn get(path: &str) -> Result<Request<Full<Bytes>>> {
    let request = Request::get(path).header("host", "front");
    Ok(request.body(Full::default())?)
}

/// Asks what the server has of a batch.
pub(super) fn question(id: BatchId) -> Result<Request<Full<Bytes>>> {
    get(&format!("/v1/batches/{id}"))
}

/// Sends the part of a batch that begins at an offset, with the digest of the batch up to the end
/// of that part.
pub(super) fn chunk(
    id: BatchId,
    offset: u64,
    length: usize,
    bytes: Bytes,
    digest: [u8; 32],
) -> Result<Request<Full<Bytes>>> {
    let request = Request::patch(format!("/v1/batches/{id}"))
        .header("host", "front")
        .header("upload-offset", offset)
        .header("upload-length", length)
        .header("sekisho-upload-sha256", BatchId::new(digest).to_string());
    Ok(request.body(Full::new(bytes))?)
}
