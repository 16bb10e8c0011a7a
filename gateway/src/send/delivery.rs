//! The two requests of an upload, and the front's answers as [`transfer`] takes them.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request};
use record::BatchId;
use transfer::Beginning;

use crate::error::{Failure, Problem};
use crate::send::connection::{Answer, Connection, Trouble};

/// Carries out one exchange of a session within its time.
pub(crate) async fn exchange(
    connection: &mut Connection,
    batch: &transfer::Batch,
    request: transfer::Request,
    bytes: &[u8],
    beginning: &mut Beginning,
    patience: Duration,
) -> Result<transfer::Answer, Trouble> {
    let request = match request {
        transfer::Request::Question => question(batch.id),
        transfer::Request::Chunk { offset, size } => {
            let span = usize::try_from(offset).ok().zip(usize::try_from(size).ok());
            let (start, size) = span.unwrap_or((usize::MAX, 0));
            let end = start.saturating_add(size);
            let digest = beginning.until(bytes, start, end);
            // An offset beyond the end comes with no bytes.
            let part = bytes.get(start..end).unwrap_or_default();
            upload(batch, offset, part, digest)
        }
    };
    let request = request.map_err(unbuildable)?;
    let answer = connection.ask_within(request, patience).await?;
    Ok(taken(answer))
}

fn taken(answer: Answer) -> transfer::Answer {
    let refused = !answer.status.is_success();
    transfer::Answer {
        status: answer.status.as_u16(),
        offset: answer.offset,
        stored: answer.stored,
        retry_after: answer.retry_after,
        code: if refused {
            reason(&answer.body)
        } else {
            String::new()
        },
        body: answer.body.to_vec(),
    }
}

fn question(id: BatchId) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    request(Method::GET, id).body(Full::default())
}

fn upload(
    batch: &transfer::Batch,
    offset: u64,
    part: &[u8],
    digest: [u8; 32],
) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    request(Method::PATCH, batch.id)
        .header("upload-offset", offset)
        .header("upload-length", batch.bytes)
        .header("sekisho-upload-sha256", BatchId::new(digest).to_string())
        .header("content-length", part.len())
        .body(Full::from(Bytes::copy_from_slice(part)))
}

fn request(method: Method, id: BatchId) -> hyper::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(format!("/v1/batches/{id}"))
        .header("host", "front")
}

/// The `code` of the front's JSON answer, if it is a plain word.
pub(crate) fn reason(body: &[u8]) -> String {
    let value: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let code = value.as_ref().and_then(|value| value.get("code")?.as_str());
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    code.filter(|code| code.len() <= 40 && code.bytes().all(plain))
        .unwrap_or("")
        .to_owned()
}

fn unbuildable(error: hyper::http::Error) -> Trouble {
    Trouble::Lasting(Failure::because(Problem::Internal, "request", error))
}
