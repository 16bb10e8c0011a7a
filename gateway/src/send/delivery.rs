//! The upload of one batch: ask how much the front already has, send the rest in chunks, take the
//! receipt. Any step may be repeated, so a broken connection costs one chunk at most.

use bytes::Bytes;
use envelope::sha256;
use http_body_util::Full;
use hyper::{Method, Request, StatusCode};
use record::BatchId;

use crate::error::{Failure, Problem};
use crate::send::connection::{Answer, Connection};
use crate::send::{Attempt, Trouble};
use crate::state::Waiting;

/// The front's code for a chunk that does not match its digest.
const CHUNK_DAMAGED: &str = "R006";
/// The front's codes for an upload that it dropped, because the whole was not what its id says or
/// longer than it may be: the next try begins anew.
const UPLOAD_DROPPED: [&str; 2] = ["R007", "R012"];

/// A batch that the front has stored.
pub(crate) struct Delivered {
    /// The signed receipt, not yet verified.
    pub(crate) receipt: Vec<u8>,
    /// How many bytes this call sent.
    pub(crate) bytes: u64,
}

/// Brings one batch to the front.
pub(crate) async fn deliver(
    connection: &mut Connection,
    batch: &Waiting,
    bytes: &[u8],
    chunk: usize,
    attempt: Attempt<'_>,
) -> Result<Delivered, Trouble> {
    let mut answer = connection.ask(question(batch.id)?).await?;
    let mut sent = 0;
    // The question told the front nothing but a number; the first chunk will.
    attempt().map_err(Trouble::Lasting)?;
    // Each chunk moves the offset on; a front that answers otherwise does not hold us for ever.
    for _ in 0..=2 * (bytes.len() / chunk + 1) {
        check(&answer)?;
        if answer.stored {
            return Ok(Delivered {
                receipt: answer.body.to_vec(),
                bytes: sent,
            });
        }
        let offset = answer.offset.ok_or_else(|| misunderstood("no offset"))?;
        let start = usize::try_from(offset).map_err(|_| misunderstood("offset"))?;
        // A front that has all of it and has not stored it holds something else, after a power cut
        // perhaps: an empty chunk at the end makes it look and drop that.
        let rest = bytes.get(start..).unwrap_or_default();
        let part = rest.get(..chunk).unwrap_or(rest);
        answer = connection
            .ask(upload(batch.id, offset, bytes.len(), part)?)
            .await?;
        sent += part.len() as u64;
    }
    Err(misunderstood("no progress"))
}

fn question(id: BatchId) -> Result<Request<Full<Bytes>>, Trouble> {
    request(Method::GET, id)
        .body(Full::default())
        .map_err(unbuildable)
}

fn upload(
    id: BatchId,
    offset: u64,
    length: usize,
    part: &[u8],
) -> Result<Request<Full<Bytes>>, Trouble> {
    let digest: String = sha256(part)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    request(Method::PATCH, id)
        .header("upload-offset", offset)
        .header("upload-length", length)
        .header("sekisho-chunk-sha256", digest)
        .header("content-length", part.len())
        .body(Full::from(Bytes::copy_from_slice(part)))
        .map_err(unbuildable)
}

fn request(method: Method, id: BatchId) -> hyper::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(format!("/v1/batches/{id}"))
        .header("host", "front")
}

fn check(answer: &Answer) -> Result<(), Trouble> {
    let status = answer.status;
    if status.is_success() || status == StatusCode::CONFLICT && answer.offset.is_some() {
        return Ok(());
    }
    let code = reason(&answer.body);
    let detail = format!("HTTP {} {code}", status.as_u16());
    // Busy, too slow, or a chunk that was damaged on the way: the next try may do.
    let busy = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    if status.is_server_error() || busy || code == CHUNK_DAMAGED {
        return Err(Trouble::Passing(Failure::new(
            Problem::FrontUnreachable,
            detail,
        )));
    }
    let refused = Failure::new(Problem::FrontRefused, detail);
    Err(match UPLOAD_DROPPED.contains(&code.as_str()) {
        true => Trouble::Passing(refused),
        false => Trouble::Lasting(refused),
    })
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

fn misunderstood(what: &str) -> Trouble {
    Trouble::Lasting(Failure::new(
        Problem::FrontRefused,
        format!("protocol: {what}"),
    ))
}

fn unbuildable(error: hyper::http::Error) -> Trouble {
    Trouble::Lasting(Failure::because(Problem::Internal, "request", error))
}
